"""The queue of owed calls over HTTP, as interface.md promises it: lists, actions, scopes; on both stores."""

from datetime import timedelta
from typing import Any

import httpx
import pytest
from openapi_spec_validator import validate

from commsd.core.record import instant
from commsd.crm.api import openapi
from tests.crm.serving import Place, rang, types, wrote
from tests.world import ScriptedWorld

NUMBER, OTHER = "+493023125099", "+493023125098"
HOUR = timedelta(hours=1)


async def owed(here: Place, number: str = NUMBER, sid: str = "CA1") -> str:
    return (await rang(here, number=number, sid=sid)).callbacks[0].id


async def posted(crm: httpx.AsyncClient, path: str, key: str | None = None, **body: object) -> httpx.Response:
    return await crm.post(path, json=body, headers={"Idempotency-Key": key} if key else {})


async def done(crm: httpx.AsyncClient, path: str, **body: object) -> dict[str, Any]:
    answer = await posted(crm, path, None, **body)
    assert answer.is_success, answer.text
    said: dict[str, Any] = answer.json()
    return said


async def state_of(crm: httpx.AsyncClient, callback: str) -> tuple[str, str | None]:
    found = (await crm.get(f"/v1/callbacks/{callback}")).json()
    return found["state"], found["close_reason"]


async def clocks(crm: httpx.AsyncClient, case: str) -> dict[str, str]:
    rows = (await crm.get("/v1/clocks", params={"state": "all", "case": case})).json()["data"]
    return {row["clock"]: row["state"] for row in rows}


async def test_the_list_is_read_page_by_page_the_longest_due_first(here: Place, scripted_world: ScriptedWorld) -> None:
    expected = []
    for place in range(5):
        expected.append(await owed(here, f"+4930231250{place:02}", f"CA{place}"))
        scripted_world.advance(timedelta(minutes=1))
    async with await here.client("events:read") as crm:
        seen: list[str] = []
        cursor: str | None = None
        while cursor is not None or not seen:
            page = (await crm.get("/v1/callbacks", params={"limit": 2, **({"after": cursor} if cursor else {})})).json()
            seen += [each["id"] for each in page["data"]]
            cursor = page["next_cursor"]
            assert page["has_more"] == (cursor is not None)
        forged = await crm.get("/v1/callbacks", params={"after": "bm90IG91cnM"})
    assert seen == expected
    assert forged.status_code == 400


async def test_the_list_is_of_one_state_or_one_case_and_of_closed_ones_only_where_asked(here: Place) -> None:
    first, second = await owed(here), await owed(here, OTHER, "CA2")
    async with await here.client() as crm:
        await done(crm, f"/v1/callbacks/{first}/result", result="reached", agent="anna")
        case = (await crm.get(f"/v1/callbacks/{second}")).json()["case_id"]

        async def ids(**query: str) -> list[str]:
            return [each["id"] for each in (await crm.get("/v1/callbacks", params=query)).json()["data"]]

        assert await ids() == [second]
        assert await ids(state="closed") == [first]
        assert sorted(await ids(state="all")) == sorted([first, second])
        assert await ids(state="all", case=case) == [second]
        assert await ids(state="held") == []
        for wrong in ({"state": "expired"}, {"number": NUMBER}, {"limit": "0"}):
            assert (await crm.get("/v1/callbacks", params=wrong)).status_code == 400


async def test_one_callback_has_the_fields_of_the_interface_and_hides_the_number_without_the_scope(here: Place) -> None:
    callback = await owed(here)
    async with await here.client("events:read") as bare, await here.client() as whole:
        hidden = (await bare.get(f"/v1/callbacks/{callback}")).json()
        shown = (await whole.get(f"/v1/callbacks/{callback}")).json()
        none = await bare.get("/v1/callbacks/nowhere")
    promised = (
        "id revision created_at line number contact_id case_id state due_at opened_at misses purpose questions owner "
        "attempts close_reason"
    )
    assert set(promised.split()) <= set(shown)
    assert shown["number"] == NUMBER
    assert hidden["number"] is None
    assert NUMBER not in str(hidden)
    assert none.status_code == 404


@pytest.mark.parametrize("word", ["claim", "release", "result", "set", "close"])
async def test_an_action_needs_its_scope_a_callback_that_is_there_and_known_fields(here: Place, word: str) -> None:
    callback = await owed(here)
    path, body = f"/v1/callbacks/{callback}/{word}", {"agent": "anna"}
    async with await here.client("events:read", "cases:write", "interactions:write") as reader:
        refused = await posted(reader, path, **body)
    async with await here.client("callbacks:write") as crm:
        fitting = {"result": {"result": "reached"}, "set": {"number": OTHER}, "close": {"note": "x"}}.get(word, {})
        nowhere = await posted(crm, f"/v1/callbacks/nowhere/{word}", **body, **fitting)
        unknown = await posted(crm, path, **body, **fitting, colour="red")
    assert refused.status_code == 403
    assert nowhere.status_code == 404
    assert (unknown.status_code, [each["pointer"] for each in unknown.json()["errors"]]) == (400, ["/colour"])
    async with await here.client() as crm:
        assert await state_of(crm, callback) == ("waiting", None)


async def test_a_result_sent_twice_under_one_key_is_one_try_and_one_event(here: Place) -> None:
    callback = await owed(here)
    path = f"/v1/callbacks/{callback}/result"
    async with await here.client() as crm:
        first = await posted(crm, path, "one", result="voicemail", agent="anna")
        again = await posted(crm, path, "one", result="voicemail", agent="anna")
        other = await posted(crm, path, "one", result="reached", agent="anna")
        second = await posted(crm, path, "two", result="voicemail", agent="anna")
        await here.numbered()
        events = (await crm.get("/v1/events?types=callback.*")).json()["data"]
    assert again.headers["idempotent-replayed"] == "true"
    assert again.json() == first.json()
    assert (other.status_code, len(first.json()["attempts"])) == (422, 1)
    assert len(second.json()["attempts"]) == 2
    assert types(events) == ["callback.opened", "callback.attempted", "callback.attempted"]


async def test_what_is_closed_takes_no_further_result_and_a_claim_said_twice_is_refused(here: Place) -> None:
    callback = await owed(here)
    path = f"/v1/callbacks/{callback}"
    async with await here.client() as crm:
        await done(crm, f"{path}/claim", agent="anna")
        twice = await posted(crm, f"{path}/claim", "key", agent="anna")
        await done(crm, f"{path}/result", result="declined", agent="anna")
        after = [
            (await posted(crm, f"{path}/claim", agent="anna")).status_code,
            (await posted(crm, f"{path}/close", agent="anna", note="x")).status_code,
        ]
        late = await posted(crm, f"{path}/result", result="reached", agent="anna")
        assert await state_of(crm, callback) == ("closed", "declined_by_customer")
    assert twice.status_code == 409
    assert after == [409, 409]
    assert late.status_code == 409


async def test_q3_answered_on_another_channel_is_said_by_a_person_who_names_the_answer(here: Place) -> None:
    callback = await owed(here)
    stranger = (await wrote(here, "jane@example.org")).interactions[0].id
    async with await here.client() as crm:
        case = (await crm.get(f"/v1/callbacks/{callback}")).json()["case_id"]
        path = f"/v1/callbacks/{callback}/close"
        note = await done(crm, "/v1/interactions", channel="other", kind="note", case_id=case, agent="anna")
        for wrong, status in ((stranger, 409), (note["id"], 409), ("nowhere", 404)):
            assert (await posted(crm, path, agent="anna", answered_by=wrong)).status_code == status, wrong
        answer = {"channel": "sms", "direction": "outbound", "customer": {"address": NUMBER}, "text": "It is sent."}
        sent = await done(crm, "/v1/interactions", **answer, case_id=case, agent="anna")
        assert await state_of(crm, callback) == ("waiting", None)
        assert (await posted(crm, path, answered_by=sent["id"])).status_code == 409
        closed = await done(crm, path, agent="anna", answered_by=sent["id"])
        assert (await clocks(crm, case))["callback"] == "cancelled"
    assert closed["close_reason"] == "answered_other_channel"
    assert closed["closed_by"] == sent["id"]


async def test_q3_what_answered_somebody_before_a_merge_answers_whoever_they_became(here: Place) -> None:
    callback = await owed(here)
    written = await wrote(here, "jane@example.org")
    answer = {"channel": "email", "direction": "outbound", "customer": {"address": "jane@example.org"}}
    async with await here.client() as crm:
        case = written.cases[0].id
        sent = await done(crm, "/v1/interactions", **answer, text="It is sent.", case_id=case, agent="anna")
        called = (await crm.get(f"/v1/callbacks/{callback}")).json()["contact_id"]
        path = f"/v1/callbacks/{callback}/close"
        before = await posted(crm, path, agent="anna", answered_by=sent["id"])
        await done(crm, f"/v1/contacts/{written.contacts[0].id}/merge", into=called, agent="anna")
        closed = await done(crm, path, agent="anna", answered_by=sent["id"])
    assert before.status_code == 409
    assert closed["close_reason"] == "answered_other_channel"


async def test_q3_what_was_answered_before_the_customer_rang_again_is_no_answer_to_that_call(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    callback = await owed(here)
    async with await here.client() as crm:
        path = f"/v1/callbacks/{callback}/close"
        case = (await crm.get(f"/v1/callbacks/{callback}")).json()["case_id"]
        answer = {"channel": "sms", "direction": "outbound", "customer": {"address": NUMBER}, "text": "It is sent."}
        sent = await done(crm, "/v1/interactions", **answer, case_id=case, agent="anna")
        scripted_world.advance(HOUR)
        assert await owed(here, sid="CA2") == callback
        early = await posted(crm, path, agent="anna", answered_by=sent["id"])
        scripted_world.advance(HOUR)
        again = await done(crm, "/v1/interactions", **answer, case_id=case, agent="anna")
        await done(crm, path, agent="anna", answered_by=again["id"])
        assert await state_of(crm, callback) == ("closed", "answered_other_channel")
    assert early.status_code == 409


@pytest.mark.parametrize(
    ("said", "state", "clock"),
    [
        ({}, ("closed", "reached"), "met"),
        ({"result": "declined"}, ("closed", "declined_by_customer"), "met"),
        ({"result": "call_again"}, ("waiting", None), "met"),
        ({"kind": "attempt"}, ("waiting", None), "running"),
        ({"kind": "voicemail"}, ("waiting", None), "running"),
        ({"outcome": "failed"}, ("waiting", None), "running"),
    ],
)
async def test_a_call_of_ones_own_that_is_recorded_is_the_call_that_was_owed(
    here: Place, scripted_world: ScriptedWorld, said: dict[str, str], state: tuple[str, str | None], clock: str
) -> None:
    callback = await owed(here)
    scripted_world.advance(timedelta(minutes=5))
    due = {"due": instant(scripted_world.now + HOUR)} if said.get("result") == "call_again" else {}
    async with await here.client() as crm:
        body = {"channel": "phone", "direction": "outbound", "customer": {"address": NUMBER}, "agent": "anna"}
        talk = await done(crm, "/v1/interactions", **body, **said, **due)
        after = (await crm.get(f"/v1/callbacks/{callback}")).json()
        assert await state_of(crm, callback) == state
        assert (await clocks(crm, after["case_id"]))["callback"] == clock
    assert talk["case_id"] == after["case_id"]
    assert len(after["attempts"]) == (0 if said.get("outcome") == "failed" else 1)
    if due:
        assert after["due_at"] == due["due"]


async def test_a_call_before_the_customer_last_rang_or_to_somebody_else_leaves_the_call_owed(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    callback = await owed(here)
    before = instant(scripted_world.now - HOUR)
    async with await here.client() as crm:
        body = {"channel": "phone", "direction": "outbound", "agent": "anna"}
        await done(crm, "/v1/interactions", **body, customer={"address": NUMBER}, occurred_at=before)
        await done(crm, "/v1/interactions", **body, customer={"address": OTHER})
        await done(crm, "/v1/interactions", **body | {"channel": "sms"}, customer={"address": NUMBER}, text="soon")
        assert await state_of(crm, callback) == ("waiting", None)


async def test_a_recorded_meeting_answers_the_call_on_another_channel_and_one_before_it_does_not(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    callback = await owed(here)
    before = instant(scripted_world.now - HOUR)
    scripted_world.advance(timedelta(minutes=5))
    async with await here.client() as crm:
        body = {"channel": "in_person", "customer": {"address": NUMBER}, "agent": "anna"}
        await done(crm, "/v1/interactions", **body, occurred_at=before)
        assert await state_of(crm, callback) == ("waiting", None)
        met = await done(crm, "/v1/interactions", **body)
        after = (await crm.get(f"/v1/callbacks/{callback}")).json()
        assert (await clocks(crm, after["case_id"]))["callback"] == "met"
    assert (after["close_reason"], after["closed_by"]) == ("answered_other_channel", met["id"])


async def test_a_meeting_that_agrees_on_a_time_moves_the_call_to_it(here: Place, scripted_world: ScriptedWorld) -> None:
    callback = await owed(here)
    scripted_world.advance(timedelta(minutes=5))
    due = instant(scripted_world.now + HOUR)
    async with await here.client() as crm:
        body = {"channel": "in_person", "customer": {"address": NUMBER}, "agent": "anna"}
        await done(crm, "/v1/interactions", **body, result="call_again", due=due)
        after = (await crm.get(f"/v1/callbacks/{callback}")).json()
    assert (after["state"], after["due_at"]) == ("waiting", due)


async def test_a_call_of_the_customers_that_is_recorded_closes_it_as_answered_inbound(here: Place) -> None:
    callback = await owed(here)
    async with await here.client() as crm:
        await done(crm, "/v1/interactions", channel="phone", customer={"address": NUMBER}, agent="anna")
        assert await state_of(crm, callback) == ("closed", "answered_inbound")


async def test_giving_back_under_one_key_is_done_once_also_the_time_that_makes_it_the_leads(here: Place) -> None:
    callback = await owed(here)
    path = f"/v1/callbacks/{callback}"
    async with await here.client() as crm:
        for again in ("first", "second", "third"):
            await done(crm, f"{path}/claim", agent="anna")
            await posted(crm, f"{path}/release", again, agent="anna", why="busy")
        given = (await crm.get(path)).json()
        retried = await posted(crm, f"{path}/release", "third", agent="anna", why="busy")
        other = await posted(crm, f"{path}/release", "third", agent="anna", why="ill")
        after = (await crm.get(path)).json()
    assert given["state"] == "escalated"
    assert (retried.status_code, retried.json()) == (200, given)
    assert retried.headers["Idempotent-Replayed"] == "true"
    assert other.status_code == 422
    assert after == given, "the hand-over to the lead stands"


async def test_a_number_set_or_a_claim_under_one_key_makes_one_revision(here: Place) -> None:
    path = f"/v1/callbacks/{await owed(here)}"
    async with await here.client() as crm:
        for word, body in (("set", {"number": OTHER}), ("claim", {})):
            first = await posted(crm, f"{path}/{word}", word, agent="anna", **body)
            again = await posted(crm, f"{path}/{word}", word, agent="anna", **body)
            assert (first.status_code, again.status_code) == (200, 200)
            assert again.json() == first.json()
        wrong = await posted(crm, f"{path}/claim", "set", agent="anna")
    assert wrong.status_code == 422


def test_the_description_shows_every_action_with_its_fields_and_that_it_can_be_repeated() -> None:
    described = openapi()
    validate(described)
    for word in ("claim", "release", "result", "set", "close"):
        operation = described["paths"][f"/v1/callbacks/{{id}}/{word}"]["post"]
        fields = operation["requestBody"]["content"]["application/json"]["schema"]["properties"]
        assert "agent" in fields
        assert "Idempotency-Key" in [each["name"] for each in operation["parameters"]]
        assert "callbacks:write" in operation["description"]
    assert {"after", "limit", "state", "case"} == {
        each["name"] for each in described["paths"]["/v1/callbacks"]["get"]["parameters"]
    }
