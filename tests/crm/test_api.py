"""What a CRM gets, through real HTTP, on both stores."""

import asyncio
from datetime import timedelta

import httpx
import orjson
import pytest
from openapi_spec_validator import validate

from commsd.core.change import Change, Original
from commsd.core.interaction import Outcome, Stored
from commsd.crm.api import OPERATIONS, openapi
from commsd.crm.cursor import feed_cursor
from tests.crm.serving import KEY, Place, call_from, rang, types, wrote
from tests.world import ScriptedWorld


async def test_an_event_is_a_cloud_event_with_the_record_after_the_change(here: Place) -> None:
    change = await wrote(here)
    await here.numbered()
    async with await here.client("events:read", "events:read:pii") as crm:
        answer = (await crm.get("/v1/events")).json()
    assert types(answer["data"]) == [
        "contact.created",
        "case.opened",
        "interaction.recorded",
        "clock.started",
        "clock.started",
    ]
    event = answer["data"][2]
    assert event["specversion"] == "1.0"
    assert event["source"].startswith("urn:commsd:")
    assert event["sequence"] == "00000000000000000003"
    assert event["subject"] == event["data"]["id"] == change.interactions[0].id
    assert event["data"]["by"] == "machine"
    assert event["data"]["subject"] == "Delivery"
    assert event["data"]["parties"] == [{"role": "from", "address": "jane@example.org", "name": None}]
    assert event["data"]["privacy"] == {"redactions": [], "erased_at": None}


async def test_without_the_scope_personal_fields_are_null_and_named(here: Place) -> None:
    await wrote(here, address="jane@example.org", subject="A private matter")
    await rang(here, number="+493023125099")
    await here.numbered()
    async with await here.client("events:read") as crm:
        texts = [
            (await crm.get(path)).text
            for path in ("/v1/events", "/v1/interactions", "/v1/cases", "/v1/callbacks", "/v1/clocks")
        ]
        event = (await crm.get("/v1/events?types=interaction.recorded&limit=1")).json()["data"][0]
    for text in texts:
        assert "jane" not in text
        assert "private" not in text
        assert "23125099" not in text
    assert event["data"]["subject"] is None
    assert "/subject" in event["data"]["privacy"]["redactions"]


async def test_a_path_with_a_slash_too_many_is_nowhere_and_sends_nobody_elsewhere(here: Place) -> None:
    async with await here.client("events:read") as crm:
        answer = await crm.get("/v1/events/", headers={"Host": "evil.example"})
    assert answer.status_code == 404
    assert "location" not in answer.headers


async def test_a_reader_goes_on_where_it_stopped_and_filters_do_not_hold_it_up(here: Place) -> None:
    await wrote(here)
    await rang(here)
    await here.numbered()
    async with await here.client("events:read") as crm:
        whole = (await crm.get("/v1/events")).json()
        first = (await crm.get("/v1/events?limit=2")).json()
        rest = (await crm.get("/v1/events", params={"after": first["next_cursor"]})).json()
        calls = (await crm.get("/v1/events?types=callback.*,clock.breached")).json()
        none = (await crm.get("/v1/events?types=rules.changed")).json()
        after = (await crm.get("/v1/events", params={"types": "rules.changed", "after": none["next_cursor"]})).json()
    assert first["has_more"]
    assert not rest["has_more"]
    assert first["data"] + rest["data"] == whole["data"]
    assert types(calls["data"]) == ["callback.opened"]
    assert none["data"] == after["data"] == []


async def test_a_waiting_reader_is_answered_when_something_happens(here: Place) -> None:
    async with await here.client("events:read") as crm:
        empty = (await crm.get("/v1/events")).json()
        waiting = asyncio.ensure_future(crm.get(f"/v1/events?wait=20&after={empty['next_cursor']}", timeout=30))
        await crm.get("/-/healthy")
        await wrote(here)
        await here.numbered()
        answer = (await waiting).json()
    assert "interaction.recorded" in types(answer["data"])


async def test_page_lines_and_stream_give_the_same_events(here: Place) -> None:
    await wrote(here)
    await here.numbered()
    async with await here.client("events:read") as crm:
        page = (await crm.get("/v1/events")).json()["data"]
        lines = await crm.get("/v1/events", headers={"Accept": "application/x-ndjson"})
        streamed, ids = await _streamed(crm, "/v1/events", len(page))
        resumed, _ = await _streamed(crm, "/v1/events", len(page) - 2, last=ids[1])
    assert [orjson.loads(line) for line in lines.text.splitlines()] == page
    assert lines.headers["Commsd-Next-Cursor"]
    assert streamed == page
    assert resumed == page[2:]


async def _streamed(
    crm: httpx.AsyncClient, path: str, count: int, last: str | None = None
) -> tuple[list[object], list[str]]:
    headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})}
    events: list[object] = []
    ids: list[str] = []
    async with crm.stream("GET", path, headers=headers) as response:
        async for line in response.aiter_lines():
            if line.startswith("id: "):
                ids.append(line[4:])
            if line.startswith("data: "):
                events.append(orjson.loads(line[6:]))
            if len(events) == count:
                break
    return events, ids


async def test_an_edited_cursor_is_refused_and_one_of_another_life_is_told_apart(here: Place) -> None:
    await wrote(here)
    await here.numbered()
    async with await here.client("events:read") as crm:
        good = (await crm.get("/v1/events")).json()["next_cursor"]
        edited = await crm.get("/v1/events", params={"after": good[:-2] + ("AA" if good[-2:] != "AA" else "BB")})
        of_a_list = await crm.get("/v1/interactions", params={"after": good})
        foreign = await crm.get("/v1/events", params={"after": feed_cursor(KEY, "another", 1)})
        ahead = await crm.get("/v1/events", params={"after": feed_cursor(KEY, here.sequencer._epoch, 10**6)})
    assert (edited.status_code, edited.json()["type"]) == (400, "urn:commsd:problem:invalid-cursor")
    assert of_a_list.status_code == 400
    assert (foreign.status_code, foreign.json()["type"]) == (409, "urn:commsd:problem:feed-epoch-changed")
    assert ahead.status_code == 409
    assert "remedy" in ahead.json()


async def test_a_live_call_is_nowhere_until_its_verdict_and_then_recorded_once(here: Place) -> None:
    ringing = call_from("+493023125099", outcome=Outcome.PENDING)
    live = await here.log.decide((), lambda items: Change(interactions=(ringing(items),)))
    call = live.interactions[0]
    await here.numbered()
    async with await here.client() as crm:
        for path in ("/v1/events", "/v1/interactions", "/v1/callbacks"):
            assert (await crm.get(path)).json()["data"] == []
        assert (await crm.get(f"/v1/interactions/{call.id}")).json()["outcome"] == "pending"
        await rang(here, id=call.id, revision=2)
        await here.numbered()
        assert len((await crm.get("/v1/interactions")).json()["data"]) == 1
        events = (await crm.get("/v1/events?types=interaction.*")).json()["data"]
    assert types(events) == ["interaction.recorded"]


async def test_a_list_is_read_page_by_page_without_loss_or_repeat(here: Place, scripted_world: ScriptedWorld) -> None:
    for number in range(11):
        await wrote(here, address=f"c{number % 4}@example.org", subject=f"matter {number}")
        scripted_world.advance(timedelta(seconds=number % 3))
    async with await here.client() as crm:
        for path, params in (
            ("/v1/interactions", {"kind": "message"}),
            ("/v1/interactions", {"order": "oldest"}),
            ("/v1/cases", {}),
            ("/v1/clocks", {"state": "all"}),
        ):
            whole = (await crm.get(path, params={**params, "limit": 500})).json()["data"]
            pages, cursor = [], ""
            while True:
                page = (await crm.get(path, params={**params, "limit": 3, "after": cursor})).json()
                pages += page["data"]
                if not page["has_more"]:
                    break
                cursor = page["next_cursor"]
            assert [item["id"] for item in pages] == [item["id"] for item in whole]
            assert len({item["id"] for item in pages}) == len(pages) >= 11


async def test_interactions_are_found_by_case_contact_channel_and_time(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    first = await wrote(here)
    since = scripted_world.advance(timedelta(minutes=1)).isoformat()
    await rang(here)
    async with await here.client() as crm:

        async def found(**params: str) -> list[str]:
            return [item["kind"] for item in (await crm.get("/v1/interactions", params=params)).json()["data"]]

        assert await found(case=first.cases[0].id) == ["message"]
        assert await found(contact=first.contacts[0].id) == ["message"]
        assert await found(channel="phone") == ["call"]
        assert await found(since=since) == ["call"]
        wrong = await crm.get("/v1/interactions?chanel=phone")
    assert wrong.status_code == 400
    assert "channel" in wrong.json()["remedy"]


async def test_the_original_comes_byte_for_byte_and_only_with_its_scope(here: Place) -> None:
    content = b"From: jane@example.org\r\n\r\n\xff\x00"
    kept = Stored("ab" * 32, "message/rfc822", len(content))
    change = await wrote(here, original=kept)
    await here.log.decide(
        (),
        lambda items: type(change)(
            originals=(Original(sha256="ab" * 32, media_type="message/rfc822", content=content),)
        ),
    )
    path = f"/v1/interactions/{change.interactions[0].id}/raw"
    async with await here.client("bodies:read") as may, await here.client("events:read") as may_not:
        got, refused = await may.get(path), await may_not.get(path)
    assert got.content == content
    assert got.headers["content-disposition"].startswith("attachment")
    assert (refused.status_code, refused.json()["type"]) == (403, "urn:commsd:problem:no-scope")


async def test_a_key_works_until_it_is_revoked_and_the_database_does_not_hold_it(here: Place) -> None:
    text = await here.keys.add("crm", ["events:read"])
    async with httpx.AsyncClient(base_url=here.url) as crm:

        async def status(key: str) -> int:
            return (await crm.get("/v1/cases", headers={"Authorization": f"Bearer {key}"})).status_code

        assert await status(text) == 200
        assert await status(text[:-1] + ("0" if text[-1] != "0" else "1")) == 401
        assert (await crm.get("/v1/cases")).status_code == 401
        (row,) = await here.keys.all()
        assert text.split("_", 2)[2] not in repr(row) + row.digest
        assert await here.keys.revoke("crm")
        assert await status(text) == 401
    assert await here.keys.add("crm", ["events:read"]) != text


async def test_every_route_wants_a_key_and_what_is_not_there_is_a_problem(here: Place) -> None:
    async with httpx.AsyncClient(base_url=here.url) as nobody, await here.client() as crm:
        for operation in OPERATIONS:
            answer = await nobody.request(operation.method, operation.path.replace("{id}", "x"))
            assert answer.status_code == 401, operation.path
        missing = await crm.get("/v1/nothing")
        wrong_method = await crm.delete("/v1/cases")
        no_case = await crm.get("/v1/cases/x")
    assert missing.headers["content-type"] == "application/problem+json"
    assert (missing.status_code, wrong_method.status_code, no_case.status_code) == (404, 405, 404)
    assert "GET" in wrong_method.headers["allow"]


def test_the_description_is_valid_openapi_and_names_every_operation() -> None:
    described = openapi()
    validate(described)
    named = {(method.upper(), path) for path, item in described["paths"].items() for method in item}
    assert named == {(operation.method, operation.path) for operation in OPERATIONS}


@pytest.mark.parametrize("limit", ["0", "1001", "x", "-1", "1e3"])
async def test_a_limit_out_of_range_is_refused_with_the_range(here: Place, limit: str) -> None:
    async with await here.client() as crm:
        answer = await crm.get("/v1/events", params={"limit": limit})
    assert answer.status_code == 400
    assert "1 to 1000" in answer.json()["remedy"]
