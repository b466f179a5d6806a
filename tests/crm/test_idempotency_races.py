"""LOG-8 where it is hard: two of one key at once, in each order; a first one that was refused, or that failed here."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import httpx
import jsonschema
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response

from commsd.crm.api import OPERATIONS, openapi
from commsd.crm.idempotency import Asked as Known
from commsd.crm.keys import Caller
from commsd.crm.request import Api, Handler, routes_of
from commsd.store import requests
from commsd.store.feed import drop_events
from tests.crm.serving import Place, rang, wrote
from tests.fakes.receiver import HANG, receiving
from tests.world import ScriptedWorld

KEY = {"Idempotency-Key": "once"}
HOOK = "/v1/webhooks"


def first_of_its_key(known: Known) -> bool:
    return not known.repeated


def repeat(known: Known) -> bool:
    return known.repeated


@dataclass
class Gate:
    """Holds back one kind of keyed request behind its key, before it looks at anything or acts."""

    holds: Callable[[Known], bool]
    held: asyncio.Event = field(default_factory=asyncio.Event)
    opened: asyncio.Event = field(default_factory=asyncio.Event)

    def before(self, handler: Handler) -> Handler:
        async def gated(api: Api, request: Request, caller: Caller) -> Response:
            if request.state.asked and self.holds(request.state.asked) and not self.held.is_set():
                self.held.set()
                await self.opened.wait()
            return await handler(api, request, caller)

        return gated


@asynccontextmanager
async def served(here: Place, changed: Callable[[Handler], Handler]) -> AsyncIterator[httpx.AsyncClient]:
    """The API with each handler of a write changed, for one caller."""
    operations = [replace(each, handler=changed(each.handler)) if each.once else each for each in OPERATIONS]
    app = Starlette(routes=routes_of(here.api, operations))
    async with await here.client() as known:
        key = {"Authorization": known.headers["Authorization"]}
    transport = httpx.ASGITransport(app=app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://here", headers=key, timeout=20) as crm:
        yield crm


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    body: dict[str, Any] | None = None
    headers: dict[str, str] = field(default_factory=dict)

    async def by(self, crm: httpx.AsyncClient) -> httpx.Response:
        async with asyncio.timeout(20):
            return await crm.request(self.method, self.path, json=self.body, headers=KEY | self.headers)


async def asked_of(here: Place, crm: httpx.AsyncClient, name: str) -> Asked:
    """A request of which a second one would be refused, or would be done twice."""
    case = (await wrote(here)).cases[0]
    stays = (await wrote(here, "bo@example.org", "Other")).cases[0]
    owed = (await rang(here)).callbacks[0]
    found = (await crm.get("/v1/contacts")).json()["data"]
    gone = next(each["id"] for each in found if each["id"] == case.contact_id)
    letter = {"channel": "letter", "customer": {"address": "cleo@example.org"}}
    noted = (await crm.get("/v1/interactions")).json()["data"][0]["id"]
    new = {"If-None-Match": "*"}
    hook = (await crm.post(HOOK, json={"name": "old", "url": "https://127.0.0.1/old"})).json()["id"]
    return {
        "webhook": Asked("POST", HOOK, {"name": "crm", "url": "https://127.0.0.1/events"}),
        "removal": Asked("DELETE", f"{HOOK}/{hook}"),
        "rotation": Asked("POST", f"{HOOK}/{hook}/rotate"),
        "contact": Asked("PUT", "/v1/contacts/by/hubspot/1", {"name": "Jane"}, new),
        "organisation": Asked("PUT", "/v1/organisations/by/hubspot/1", {"name": "Acme"}, new),
        "merge of contacts": Asked("POST", f"/v1/contacts/{gone}/merge", {"into": stays.contact_id}),
        "erasure": Asked("DELETE", f"/v1/contacts/{gone}?even_if_owed=true"),
        "hold": Asked("POST", f"/v1/cases/{case.id}/hold", {}),
        "merge": Asked("POST", f"/v1/cases/{case.id}/merge", {"into": stays.id}),
        "claim": Asked("POST", f"/v1/callbacks/{owed.id}/claim", {"agent": "anna"}),
        "closing": Asked("POST", f"/v1/callbacks/{owed.id}/close", {"agent": "anna", "note": "done"}),
        "touch": Asked("POST", "/v1/interactions", letter),
        "void": Asked("POST", f"/v1/interactions/{noted}/void", {}),
    }[name]


NAMES = (
    *("webhook", "removal", "rotation", "contact", "organisation", "merge of contacts", "erasure"),
    *("hold", "merge", "claim", "closing", "touch", "void"),
)


async def happened(here: Place, crm: httpx.AsyncClient) -> tuple[object, ...]:
    """All that can be seen of what was done."""
    await here.numbered()
    events = (await crm.get("/v1/events?limit=1000")).json()["data"]
    return [(each["type"], each["subject"]) for each in events], (await crm.get(HOOK)).json()


@pytest.mark.parametrize("name", NAMES)
async def test_log_8_a_first_one_that_its_repeat_overtook_does_nothing_and_is_answered_like_a_repeat(
    here: Place, name: str
) -> None:
    gate = Gate(first_of_its_key)
    async with served(here, gate.before) as crm:
        asked = await asked_of(here, crm, name)
        first = asyncio.ensure_future(asked.by(crm))
        await gate.held.wait()
        second = await asked.by(crm)
        done = await happened(here, crm)
        gate.opened.set()
        late = await first
        assert second.is_success, second.text
        assert late.is_success, late.text
        assert await happened(here, crm) == done
        third = await asked.by(crm)
        assert await happened(here, crm) == done
    assert [each.headers.get("idempotent-replayed") for each in (second, late, third)] == [None, "true", "true"]
    assert late.status_code == third.status_code in (200, 204)
    assert late.content == third.content
    if second.content:
        assert late.json()["id"] == second.json()["id"]
        assert "secret" not in second.json() or (second.json()["secret"] and late.json()["secret"] is None)


@pytest.mark.parametrize("name", [each for each in NAMES if each != "erasure"])  # which is many commits
async def test_log_8_two_of_one_key_at_once_do_it_once(here: Place, name: str) -> None:
    async with served(here, lambda handler: handler) as crm:
        asked = await asked_of(here, crm, name)
        answers = await asyncio.gather(*(asked.by(crm) for _ in range(3)))
        done = await happened(here, crm)
        assert (await asked.by(crm)).headers["idempotent-replayed"] == "true"
        assert await happened(here, crm) == done
    assert all(each.is_success for each in answers), [each.text for each in answers]
    assert len({each.json()["id"] for each in answers if each.content}) <= 1
    replayed = [each.headers.get("idempotent-replayed") for each in answers]
    assert replayed.count(None) == 1


async def test_log_8_a_repeat_under_a_key_that_was_let_go_of_meanwhile_does_nothing_before_it_is_sent_again(
    here: Place,
) -> None:
    case = (await wrote(here)).cases[0].id
    gate = Gate(repeat)
    first = Gate(first_of_its_key)
    hold = Asked("POST", f"/v1/cases/{case}/hold", {})
    async with served(here, lambda handler: first.before(gate.before(handler))) as crm:
        await crm.post(f"/v1/cases/{case}/hold", json={})
        refused = asyncio.ensure_future(hold.by(crm))
        await first.held.wait()
        overtaken = asyncio.ensure_future(hold.by(crm))
        await gate.held.wait()
        first.opened.set()
        assert (await refused).status_code == 409
        await crm.post(f"/v1/cases/{case}/release", json={})
        gate.opened.set()
        told = await overtaken
        assert (told.status_code, told.headers["retry-after"]) == (503, "2")
        assert (await crm.get(f"/v1/cases/{case}")).json()["on_hold"] is False
        again, third = await hold.by(crm), await hold.by(crm)
    assert (again.status_code, again.headers.get("idempotent-replayed")) == (200, None)
    assert (third.status_code, third.headers.get("idempotent-replayed")) == (200, "true")


async def test_log_8_what_failed_here_is_done_by_the_repeat_which_is_no_replay(here: Place) -> None:
    failing = iter([True])

    def broken(handler: Handler) -> Handler:
        async def once(api: Api, request: Request, caller: Caller) -> Response:
            if request.state.asked and next(failing, False):
                raise RuntimeError("of the test")
            return await handler(api, request, caller)

        return once

    note = Asked("POST", "/v1/interactions", {"channel": "letter", "customer": {"address": "jane@example.org"}})
    async with served(here, broken) as crm:
        failed, done, again = [await note.by(crm) for _ in range(3)]
    assert [each.status_code for each in (failed, done, again)] == [500, 201, 200]
    replayed = [each.headers.get("idempotent-replayed") for each in (failed, done, again)]
    assert replayed == [None, None, "true"]


async def test_log_8_a_key_that_cannot_be_had_for_long_is_to_be_asked_for_again(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Others reserve it and let it go all the time."""
    async with await here.client() as crm:
        body = {"name": "crm", "url": "https://127.0.0.1/"}
        with monkeypatch.context() as patch:
            patch.setattr(requests, "TRIES", 0)
            told = await crm.post(HOOK, json=body, headers=KEY)
        assert (told.status_code, told.headers["retry-after"]) == (503, "2")
        assert (await crm.post(HOOK, json=body, headers=KEY)).status_code == 201


def test_log_8_every_write_says_how_its_repeat_is_answered() -> None:
    assert {each.path for each in OPERATIONS if each.method != "GET" and each.again is None} == set()
    assert {each.path for each in OPERATIONS if each.method == "GET" and each.again is not None} == set()


async def test_log_8_a_late_repeat_does_not_undo_what_was_done_to_a_webhook_since(here: Place) -> None:
    async with receiving() as receiver, await here.client() as crm, await here.client() as other:
        made = (await crm.post(HOOK, json={"name": "crm", "url": receiver.url()})).json()
        for first, since in (("pause", "enable"), ("enable", "pause")):
            headers = {"Idempotency-Key": first}
            assert (await crm.post(f"{HOOK}/crm/{first}", headers=headers)).is_success
            state = (await other.post(f"{HOOK}/crm/{since}")).json()
            again = await crm.post(f"{HOOK}/crm/{first}", headers=headers)
            assert (again.status_code, again.json()) == (200, state)
            assert again.headers["idempotent-replayed"] == "true"
        headers = {"Idempotency-Key": "rotate"}
        secret = (await crm.post(f"{HOOK}/crm/rotate", headers=headers)).json()["secret"]
        again = await crm.post(f"{HOOK}/crm/rotate", headers=headers)
        assert secret != made["secret"]
        assert again.json() == (await crm.get(f"{HOOK}/crm")).json() | {"secret": None}
        headers = {"Idempotency-Key": "delete"}
        assert (await crm.delete(f"{HOOK}/crm", headers=headers)).status_code == 204
        anew = (await other.post(HOOK, json={"name": "crm", "url": receiver.url()})).json()["id"]
        again = await crm.delete(f"{HOOK}/crm", headers=headers)
        assert (again.status_code, again.headers["idempotent-replayed"]) == (204, "true")
        assert (await crm.get(f"{HOOK}/crm")).json()["id"] == anew
        assert (await crm.post(f"{HOOK}/{made['id']}/enable", headers=KEY)).status_code == 404


async def test_log_8_a_trial_is_posted_once_and_its_repeat_tells_what_was_answered_then(here: Place) -> None:
    async with receiving() as receiver, await here.client() as crm:
        await crm.post(HOOK, json={"name": "crm", "url": receiver.url()})
        receiver.answers[:] = [503]
        first = await crm.post(f"{HOOK}/crm/test", headers=KEY)
        receiver.answers[:] = [200]
        again = await crm.post(f"{HOOK}/crm/test", headers=KEY)
    assert len(receiver.heard) == 1
    assert first.json() == again.json() == {"taken": False, "status": 503, "failure": None, "said": "HTTP 503"}
    assert again.headers["idempotent-replayed"] == "true"


async def test_log_8_a_trial_under_way_is_not_posted_again_and_its_repeat_says_that_nobody_knows(here: Place) -> None:
    async with receiving() as receiver, await here.client() as crm:
        await crm.post(HOOK, json={"name": "crm", "url": receiver.url()})
        receiver.answers[:] = [HANG]
        first = asyncio.ensure_future(crm.post(f"{HOOK}/crm/test", headers=KEY))
        while not receiver.heard:
            await asyncio.wait({first}, timeout=0.01)
        meanwhile = (await crm.post(f"{HOOK}/crm/test", headers=KEY)).json()
        receiver.gate.set()
        assert (await first).json()["taken"] is True
        after = (await crm.post(f"{HOOK}/crm/test", headers=KEY)).json()
    assert len(receiver.heard) == 1
    assert (meanwhile["taken"], meanwhile["failure"]) == (False, "unknown")
    assert after["taken"] is True


async def test_log_8_a_range_is_redelivered_once_and_its_repeat_has_the_count_of_then(here: Place) -> None:
    async with await here.client() as crm:
        await wrote(here)
        await here.numbered()
        await crm.post(HOOK, json={"name": "crm", "url": "https://127.0.0.1/"})
        first = (await crm.post(f"{HOOK}/crm/redeliver", json={"first": 1}, headers=KEY)).json()
        owed = (await crm.get(f"{HOOK}/crm")).json()["pending"]
        await crm.post(f"{HOOK}/crm/pause")
        again = await crm.post(f"{HOOK}/crm/redeliver", json={"first": 1}, headers=KEY)
        assert (await crm.get(f"{HOOK}/crm")).json()["pending"] == owed
    assert first["count"] == owed > 0
    assert (again.json(), again.headers["idempotent-replayed"]) == (first, "true")


async def test_log_8_what_a_webhook_missed_is_told_to_the_repeat_too(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    async with await here.client() as crm:
        await crm.post(HOOK, json={"name": "crm", "url": "https://127.0.0.1/"})
        nothing = (await crm.post(f"{HOOK}/crm/enable")).json()
        await crm.post(f"{HOOK}/crm/pause")
        await wrote(here)
        await here.numbered()
        last = (await crm.get("/v1/events?limit=1000")).json()["data"][-1]["sequence"]
        later = scripted_world.advance(timedelta(days=100))
        await here.log.writer.write(lambda connection: drop_events(connection, later, 1000))
        enabled = await crm.post(f"{HOOK}/crm/enable", headers=KEY)
        again = await crm.post(f"{HOOK}/crm/enable", headers=KEY)
    assert "missed" not in nothing
    assert enabled.json()["missed"] == {"first": f"{1:020}", "last": last}
    jsonschema.validate(enabled.json(), openapi()["components"]["schemas"]["webhook"])
    assert again.json() == enabled.json()
    assert again.headers["idempotent-replayed"] == "true"


def test_log_8_what_enabling_and_making_a_webhook_tell_is_in_the_description() -> None:
    described = openapi()
    schema = described["components"]["schemas"]["webhook"]
    jsonschema.Draft202012Validator.check_schema(schema)
    enabled = described["paths"]["/v1/webhooks/{id}/enable"]["post"]["responses"]["200"]
    assert enabled["content"]["application/json"]["schema"] == {"$ref": "#/components/schemas/webhook"}
    assert set(schema["properties"]["missed"]["required"]) == {"first", "last"}
    assert "missed" not in schema["required"]
