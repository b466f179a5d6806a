"""LOG-8: every write under /v1 takes an Idempotency-Key; for a day it stands for one request."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from tests.crm.serving import Place, rang, wrote
from tests.world import ScriptedWorld

NOTE = {"channel": "letter", "customer": {"address": "jane@example.org"}, "subject": "Delivery"}


async def sent(crm: httpx.AsyncClient, path: str, body: dict[str, Any], key: str = "a1") -> httpx.Response:
    return await crm.post(path, json=body, headers={"Idempotency-Key": key})


async def test_log_8_the_same_key_with_another_body_is_refused_on_every_kind_of_route(here: Place) -> None:
    case = (await wrote(here)).cases[0].id
    callback = (await rang(here)).callbacks[0].id
    hook: dict[str, Any] = {"name": "crm", "url": "http://127.0.0.1:9/"}
    async with await here.client() as crm:
        asked: list[tuple[str, dict[str, Any], dict[str, Any]]] = [
            ("/v1/interactions", NOTE, NOTE | {"subject": "Another"}),
            (f"/v1/cases/{case}/hold", {}, {"reason": "parts"}),
            (f"/v1/cases/{case}/set", {"priority": "high"}, {"priority": "low"}),
            (f"/v1/callbacks/{callback}/claim", {"agent": "anna"}, {"agent": "bo"}),
            ("/v1/webhooks", hook, hook | {"ordered": True}),
        ]
        for number, (path, body, other) in enumerate(asked):
            first = await sent(crm, path, body, f"key {number}")
            again = await sent(crm, path, body, f"key {number}")
            wrong = await sent(crm, path, other, f"key {number}")
            elsewhere = await sent(crm, "/v1/cases/x/close", body, f"key {number}")
            assert first.status_code in (200, 201), first.text
            assert "idempotent-replayed" not in first.headers
            assert (again.status_code, again.headers["idempotent-replayed"]) == (200, "true"), again.text
            assert again.json()["id"] == first.json()["id"]
            assert (wrong.status_code, wrong.json()["type"]) == (422, "urn:commsd:problem:same-key-other-body")
            assert elsewhere.status_code == 422
        assert len((await crm.get("/v1/interactions", params={"kind": "hold"})).json()["data"]) == 1
        assert len((await crm.get("/v1/interactions", params={"kind": "set"})).json()["data"]) == 1
        assert len((await crm.get("/v1/webhooks")).json()["data"]) == 1


async def test_log_8_a_contact_put_twice_under_one_key_is_put_once(here: Place) -> None:
    async with await here.client() as crm:
        path, headers = "/v1/contacts/by/hubspot/4711", {"Idempotency-Key": "a1"}
        first = await crm.put(path, json={"name": "Jane Clarke"}, headers=headers)
        again = await crm.put(path, json={"name": "Jane Clarke"}, headers=headers)
        other = await crm.put(path, json={"name": "Jane"}, headers=headers)
    assert (first.status_code, other.status_code) == (201, 422)
    assert again.is_success
    assert (again.json()["id"], again.json()["revision"]) == (first.json()["id"], first.json()["revision"])


async def test_log_8_a_late_repeat_does_not_take_back_what_was_said_since(here: Place) -> None:
    """The answer to the first was lost; until its repeat, somebody else has changed what it said."""
    async with await here.client() as crm:
        for path, first, since in (
            ("/v1/contacts/by/hubspot/1", {"tier": "gold"}, {"tier": "silver"}),
            ("/v1/organisations/by/hubspot/1", {"name": "Acme"}, {"name": "Acme Ltd"}),
        ):
            headers = {"Idempotency-Key": path}
            assert (await crm.put(path, json=first, headers=headers)).status_code == 201
            later = await crm.put(path, json=since)
            again = await crm.put(path, json=first, headers=headers)
            assert (again.status_code, again.json()) == (200, later.json())
            assert again.headers["idempotent-replayed"] == "true"
            assert again.headers["etag"] == later.headers["etag"]


async def test_log_8_the_repeat_of_a_change_to_one_revision_is_not_told_that_there_is_another(here: Place) -> None:
    async with await here.client() as crm:
        for path, said in (
            ("/v1/contacts/by/hubspot/1", {"name": "Jane Clarke"}),
            ("/v1/organisations/by/hubspot/1", {"name": "Acme"}),
        ):
            tag = (await crm.put(path, json={})).headers["etag"]
            headers = {"Idempotency-Key": path, "If-Match": tag}
            first, again = [await crm.put(path, json=said, headers=headers) for _ in range(2)]
            assert (first.status_code, again.status_code) == (200, 200), again.text
            assert again.json() == first.json()


async def test_log_8_two_contacts_split_again_stay_two_when_the_merge_is_repeated(here: Place) -> None:
    async with await here.client() as crm:
        gone, stays = [(await crm.put(f"/v1/contacts/by/hubspot/{number}", json={})).json()["id"] for number in (1, 2)]
        assert (await sent(crm, f"/v1/contacts/{gone}/merge", {"into": stays})).json()["id"] == stays
        apart = {"identities": [{"kind": "hubspot", "value": "1"}]}
        assert (await sent(crm, f"/v1/contacts/{gone}/split", apart, "b1")).json()["merged_into"] is None
        again = await sent(crm, f"/v1/contacts/{gone}/merge", {"into": stays})
        assert (again.status_code, again.json()["id"]) == (200, stays)
        assert (await crm.get(f"/v1/contacts/{gone}")).json()["merged_into"] is None


async def test_log_8_two_callers_may_use_the_same_key(here: Place) -> None:
    async with await here.client() as one, await here.client() as another:
        first, second = await sent(one, "/v1/interactions", NOTE), await sent(another, "/v1/interactions", NOTE)
    assert first.json()["id"] != second.json()["id"]


async def test_log_8_a_key_is_free_again_after_a_day(here: Place, scripted_world: ScriptedWorld) -> None:
    async with await here.client() as crm:
        first = await sent(crm, "/v1/interactions", NOTE)
        scripted_world.advance(timedelta(hours=23, minutes=59))
        assert (await sent(crm, "/v1/interactions", NOTE)).json()["id"] == first.json()["id"]
        scripted_world.advance(timedelta(minutes=2))
        later = await sent(crm, "/v1/interactions", NOTE | {"subject": "Another"})
        same = await sent(crm, "/v1/interactions", NOTE | {"subject": "Another"})
    assert later.status_code == 201
    assert later.json()["id"] != first.json()["id"]
    assert same.json()["id"] == later.json()["id"]


async def test_log_8_a_refused_request_may_be_sent_again_as_it_should_have_been(here: Place) -> None:
    case = (await wrote(here)).cases[0].id
    async with await here.client() as crm:
        assert (await sent(crm, "/v1/interactions", {"channel": "pigeon"})).status_code == 400
        assert (await sent(crm, "/v1/interactions", NOTE)).status_code == 201
        assert (await sent(crm, f"/v1/cases/{case}/reopen", {}, "b1")).status_code == 409
        assert (await sent(crm, f"/v1/cases/{case}/close", {}, "b1")).status_code == 200
        again = await sent(crm, f"/v1/cases/{case}/close", {}, "b1")
    assert (again.status_code, again.json()["state"]) == (200, "closed")


@pytest.mark.parametrize("key", ["", "x" * 256])
async def test_log_8_a_key_that_is_none_is_refused(here: Place, key: str) -> None:
    async with await here.client() as crm:
        assert (await sent(crm, "/v1/interactions", NOTE, key)).status_code == 400
        assert (await crm.get("/v1/interactions")).json()["data"] == []


async def test_log_8_a_case_merged_twice_under_one_key_is_merged_once(here: Place) -> None:
    gone = (await wrote(here, subject="One")).cases[0].id
    stays = (await wrote(here, address="bob@example.org", subject="Two")).cases[0].id
    async with await here.client() as crm:
        first = await sent(crm, f"/v1/cases/{gone}/merge", {"into": stays})
        again = await sent(crm, f"/v1/cases/{gone}/merge", {"into": stays})
    assert first.json()["id"] == again.json()["id"] == gone
    assert again.headers["idempotent-replayed"] == "true"
