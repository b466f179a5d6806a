"""Requests made to hurt: each is answered with what is wrong in it, and the next one is served as ever."""

import asyncio
import re
from collections import defaultdict
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from commsd.crm.api import OPERATIONS
from tests.crm.serving import Place, wrote

EARLY, LATE = "0001-01-01T00:00:00%2B14:00", "9999-12-31T23:59:59-14:00"
READS = (
    "/v1/cases/%00",
    "/v1/interactions/%00",
    "/v1/interactions/%00/raw",
    "/v1/interactions?case=%00",
    "/v1/callbacks/a%00b",
    "/v1/events?types=%00",
    "/v1/events?after=%00",
    f"/v1/interactions?since={EARLY}",
    f"/v1/interactions?since={LATE}",
    f"/v1/clocks?due_before={EARLY}",
    f"/v1/clocks?due_before={LATE}",
    "/v1/interactions?limit=%EF%BC%95",
    "/v1/interactions?limit=" + "9" * 5000,
    "/v1/events?after=" + "A" * 3000,
)
JANE, CALLER = {"address": "jane@example.org"}, {"address": "+493023125099"}
TOUCHES: dict[str, dict[str, Any]] = {
    "nul in the subject": {"customer": JANE, "subject": "a\0b"},
    "nul in the name": {"customer": JANE | {"name": "a\0b"}},
    "nul in the address": {"customer": {"address": "a\0b@example.org"}},
    "nul in the case": {"case_id": "a\0b"},
    "nul in the line": {"channel": "phone", "customer": CALLER, "line": "a\0b", "outcome": "missed"},
    "nul in a tag": {"customer": JANE, "tags": ["a\0"]},
    "nul in the agent": {"customer": JANE, "agent": "a\0"},
    "nul in what others call it": {"customer": JANE, "external_ids": [{"system": "a\0", "id": "b"}]},
    "before the calendar": {"customer": JANE, "occurred_at": "0001-01-01T00:00:00+14:00"},
    "after the calendar": {"customer": JANE, "ended_at": LATE},
    "a promise after the calendar": {"customer": JANE, "promise": {"due_at": LATE}},
    "an address that grows": {"customer": {"address": "ß" * 300 + "@example.org"}},
    "a domain that grows": {"customer": {"address": "a@" + ".".join(["ü" * 50] * 6)}},
    "a tag of a page": {"customer": JANE, "tags": ["a" * 999]},
    "a priority nobody knows": {"customer": JANE, "priority": "yesterday"},
    "an end before its beginning": {
        "customer": JANE,
        "occurred_at": "2026-03-04T09:00:00Z",
        "ended_at": "2026-03-04T08:00:00Z",
    },
    "other kinds": {"customer": 5, "partial": "yes", "promise": [], "tags": {}, "external_ids": [1]},
}


@pytest.mark.parametrize("path", READS)
async def test_a_hostile_question_is_no_failure_of_ours(here: Place, path: str) -> None:
    await wrote(here)
    async with await here.client() as crm:
        assert (await crm.get(path)).status_code in (200, 400, 404)


@pytest.mark.parametrize("name", TOUCHES)
async def test_a_hostile_touch_is_refused_and_the_next_recorded(here: Place, name: str) -> None:
    async with await here.client() as crm:
        refused = await crm.post("/v1/interactions", json={"channel": "letter", **TOUCHES[name]})
        after = await crm.post(
            "/v1/interactions", json={"channel": "letter", "customer": {"address": "bob@example.org"}}
        )
        listed = (await crm.get("/v1/interactions")).json()["data"]
    assert refused.status_code == 400
    assert refused.json()["errors"]
    assert [known["id"] for known in listed] == [after.json()["id"]]


WRITES = [operation for operation in OPERATIONS if operation.method in ("POST", "PUT", "PATCH")]
JSON = {"Content-Type": "application/json"}
BODIES: dict[str, tuple[bytes, dict[str, str], int]] = {
    "no JSON": (b"{", JSON, 400),
    "no object": (b"[1]", JSON, 400),
    "no UTF-8": (b'{"note": "\xff"}', JSON, 400),
    "half a character": (b'{"note": "\\ud800"}', JSON, 400),
    "no number": (b'{"note": NaN}', JSON, 400),
    "nested deeply": (b'{"note": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", JSON, 400),
    "objects nested deeply": (b'{"note":' * 50_000 + b"1" + b"}" * 50_000, JSON, 400),
    "a field nobody knows": (b'{"nobody_knows": 1}', JSON, 400),
    "XML": (b"<a/>", {"Content-Type": "application/xml"}, 415),
    "a form": (b"a=b", {"Content-Type": "application/x-www-form-urlencoded"}, 415),
    "JSON that says it is text": (b"{}", {"Content-Type": "text/plain"}, 415),
    "too large": (b'{"note": "' + b"a" * (1 << 20) + b'"}', JSON, 413),
}


@pytest.mark.parametrize("name", BODIES)
async def test_bad_input_is_told_apart_on_every_route_that_writes(here: Place, name: str) -> None:
    content, headers, status = BODIES[name]
    async with await here.client() as crm:
        for operation in WRITES:
            path = re.sub(r"\{\w+\}", "x", operation.path)
            answer = await crm.request(operation.method, path, content=content, headers=headers)
            assert answer.status_code == status, (operation.path, answer.text)
            assert answer.headers["content-type"] == "application/problem+json"
            assert answer.json()["remedy"]
        assert (await crm.get("/v1/interactions")).json()["data"] == []


async def test_too_large_is_noticed_also_where_no_length_is_told(here: Place) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(40):
            yield b" " * (1 << 15)

    async with await here.client() as crm:
        answer = await crm.post("/v1/interactions", content=pieces(), headers=JSON)
    assert answer.status_code == 413


async def test_who_goes_away_in_the_middle_is_no_failure_of_ours(here: Place) -> None:
    key = await here.keys.add("crm", ["admin"])
    head = f"POST /v1/interactions HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {key}\r\n"
    async with await here.client() as crm:
        with capture_logs() as logs:
            _, writer = await asyncio.open_connection("127.0.0.1", here.listener.port)
            writer.write(f"{head}Content-Length: 100\r\n\r\n{{".encode())
            await writer.drain()
            await crm.get("/v1/cases")
            writer.close()
            await writer.wait_closed()
            for _ in range(3):
                assert (await crm.get("/v1/cases")).status_code == 200
    assert [each for each in logs if each["log_level"] == "error"] == []


METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "TRACE", "PROPFIND")


async def test_methods_what_a_path_cannot_do_is_405_with_all_it_can(here: Place) -> None:
    able: dict[str, set[str]] = defaultdict(lambda: {"OPTIONS"})
    for operation in OPERATIONS:
        able[operation.path] |= {operation.method} | ({"HEAD"} if operation.method == "GET" else set())
    async with await here.client() as crm:
        for path, methods in able.items():
            at = re.sub(r"\{\w+\}", "x", path)
            asked = await crm.options(at)
            assert (asked.status_code, set(asked.headers["allow"].split(", "))) == (204, methods), path
            for method in set(METHODS) - methods:
                answer = await crm.request(method, at)
                assert answer.status_code == 405, (method, path)
                assert set(answer.headers["allow"].split(", ")) == methods
                if method != "HEAD":
                    assert answer.json()["type"] == "urn:commsd:problem:not-allowed"


async def test_methods_head_is_get_without_its_body_and_ends_also_where_get_would_not(here: Place) -> None:
    await wrote(here)
    async with await here.client() as crm:
        got, head = await crm.get("/v1/cases"), await crm.head("/v1/cases")
        stream = await crm.head("/v1/events", headers={"Accept": "text/event-stream"})
        missing = await crm.head("/v1/cases/x")
    assert (head.status_code, head.content) == (200, b"")
    assert head.headers["content-type"] == got.headers["content-type"]
    assert (stream.status_code, stream.content) == (200, b"")
    assert (missing.status_code, missing.content) == (404, b"")


SURROUNDINGS = {
    "content-security-policy": (
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "same-origin",
    "cross-origin-opener-policy": "same-origin",
    "cache-control": "no-store",
}


async def test_headers_of_every_route_are_as_they_were(here: Place) -> None:
    paths = [*sorted({operation.path for operation in OPERATIONS}), "/", "/docs", "/openapi.json", "/nothing"]
    async with await here.client() as crm, httpx.AsyncClient(base_url=here.url) as nobody:
        for path in [*paths, "/-/healthy", "/-/ready", "/metrics", "/a/x", "/c/x"]:
            at = re.sub(r"\{\w+\}", "x", path)
            for client in (crm, nobody):
                answer = await client.get(at)
                for name, value in SURROUNDINGS.items():
                    told = answer.headers.get(name)
                    if name == "cache-control" and told != value:
                        assert "no-store" in (told or "") or "no-cache" in (told or ""), (path, told)
                    else:
                        assert told == value, (path, name)
                assert "server" not in answer.headers
                assert "access-control-allow-origin" not in answer.headers


async def test_errors_show_nothing_of_the_inside(here: Place) -> None:
    async with await here.client() as crm:
        await here.log.writer.write(lambda c: c.execute(text("DROP TABLE clocks")))
        answer = await crm.get("/v1/clocks")
    assert answer.status_code in (500, 503)  # by whether the database says that it may pass
    for word in ("Traceback", "sqlalchemy", "SELECT", "clocks", "asyncpg", ".py"):
        assert word not in answer.text
