"""What people and systems may do through the API, by the tables of interface.md section 4; on both stores."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from commsd.core import key
from commsd.core.record import instant
from commsd.store.query import keys_of_callback
from tests.crm.serving import Place, rang, types, wrote
from tests.house import items_of
from tests.world import ScriptedWorld

NUMBER = "+493023125099"


async def callback_of(here: Place, number: str = NUMBER, sid: str = "CA1") -> str:
    return (await rang(here, number=number, sid=sid)).callbacks[0].id


async def done(crm: httpx.AsyncClient, path: str, **body: object) -> dict[str, Any]:
    answer = await crm.post(path, json=body)
    assert answer.status_code in (200, 201), answer.text
    said: dict[str, Any] = answer.json()
    return said


async def clocks(crm: httpx.AsyncClient, case: object) -> dict[str, str]:
    rows = (await crm.get("/v1/clocks", params={"state": "all", "case": str(case)})).json()["data"]
    return {row["clock"]: row["state"] for row in rows}


@pytest.mark.parametrize(
    ("result", "state", "reason", "clock"),
    [
        ("reached", "closed", "reached", "met"),
        ("declined", "closed", "declined_by_customer", "met"),
        ("call_again", "waiting", None, "met"),
        ("partly", "waiting", None, "met"),
        ("voicemail", "waiting", None, "running"),
        ("wrong_person", "waiting", None, "running"),
    ],
)
async def test_a_result_moves_the_callback_and_its_clock_by_the_table(
    here: Place, scripted_world: ScriptedWorld, result: str, state: str, reason: str | None, clock: str
) -> None:
    callback = await callback_of(here)
    due = instant(scripted_world.now + timedelta(hours=1))
    async with await here.client() as crm:
        body = {"result": result, "agent": "anna", "note": "spoke", **({"due": due} if result == "call_again" else {})}
        after = await done(crm, f"/v1/callbacks/{callback}/result", **body)
        assert (after["state"], after["close_reason"]) == (state, reason)
        found = await clocks(crm, after["case_id"])
        talk = (await crm.get("/v1/interactions?limit=1")).json()["data"][0]
    assert found["callback"] == clock
    assert ("promise" in found) == (result in ("call_again", "partly"))
    assert talk["agent"] == "Anna Berg"
    assert talk["detail"]["result"] == result
    assert talk["direction"] == "outbound"
    if result == "call_again":
        assert after["due_at"] == due
    if result == "partly":
        assert after["due_at"] == instant(scripted_world.now + timedelta(hours=2))


async def test_q11_a_callback_is_claimed_by_one_and_given_back_with_a_reason(here: Place) -> None:
    callback = await callback_of(here)
    async with await here.client() as crm:
        nobody = await crm.post(f"/v1/callbacks/{callback}/claim", json={})
        claimed = await done(crm, f"/v1/callbacks/{callback}/claim", agent="anna")
        again = await crm.post(f"/v1/callbacks/{callback}/claim", json={"agent": "bo"})
        released = await done(crm, f"/v1/callbacks/{callback}/release", agent="anna", why="asks for a technician")
        await here.numbered()
        events = (await crm.get("/v1/events?types=callback.*")).json()["data"]
    assert nobody.status_code == 409
    assert (claimed["state"], claimed["owner"]) == ("claimed", "anna")
    assert (again.status_code, again.json()["type"]) == (409, "urn:commsd:problem:illegal-step")
    assert released["state"] == "waiting"
    assert [(each["by"], each["why"]) for each in released["passed"]] == [("anna", "asks for a technician")]
    assert types(events) == ["callback.opened", "callback.claimed", "callback.released"]
    assert [event["data"]["by"] for event in events] == ["machine", "anna", "anna"]


async def test_closing_an_owed_call_needs_a_name_and_a_reason(here: Place) -> None:
    callback = await callback_of(here)
    async with await here.client() as crm:
        for body in ({}, {"agent": "anna"}, {"note": "moved away"}):
            assert (await crm.post(f"/v1/callbacks/{callback}/close", json=body)).status_code == 409
        closed = await done(crm, f"/v1/callbacks/{callback}/close", agent="anna", note="moved away")
        assert (await clocks(crm, closed["case_id"]))["callback"] == "cancelled"
    assert closed["close_reason"] == "closed_by_human"


async def test_a_number_found_out_opens_the_callback_or_joins_the_one_that_is_owed(here: Place) -> None:
    withheld = (await rang(here, number="+266696687", sid="CA2")).callbacks[0].id
    other = (await rang(here, number="Anonymous", sid="CA3")).callbacks[0].id
    async with await here.client() as crm:
        wrong = await crm.post(f"/v1/callbacks/{withheld}/set", json={"number": "12"})
        first = await done(crm, f"/v1/callbacks/{withheld}/set", number="+49 30 23125099", agent="anna")
        second = await done(crm, f"/v1/callbacks/{other}/set", number=NUMBER, agent="anna")
        owed = (await crm.get("/v1/callbacks")).json()["data"]
    assert wrong.status_code == 409
    assert (first["state"], first["number"]) == ("waiting", NUMBER)
    assert (second["state"], second["close_reason"]) == ("closed", "merged")
    assert [(row["id"], len(row["misses"])) for row in owed] == [(withheld, 2)]


async def test_a_case_goes_through_its_states_and_refuses_what_makes_no_sense(here: Place) -> None:
    case = (await wrote(here)).cases[0].id
    async with await here.client() as crm:

        async def status(word: str, **body: object) -> int:
            return (await crm.post(f"/v1/cases/{case}/{word}", json=body)).status_code

        assert await status("release") == 409
        assert (await done(crm, f"/v1/cases/{case}/hold", reason="supplier"))["on_hold"] is True
        assert await status("hold") == 409
        assert (await done(crm, f"/v1/cases/{case}/release"))["on_hold"] is False
        assert (await done(crm, f"/v1/cases/{case}/assign", owner="anna"))["owner"] == "anna"
        assert (await done(crm, f"/v1/cases/{case}/set", priority="urgent"))["priority"] == "urgent"
        assert await status("set", priority="huge") == 409
        assert await status("set") == 409
        closed = await done(crm, f"/v1/cases/{case}/close", agent="anna", junk=True)
        assert (closed["state"], closed["close_reason"]) == ("closed", "junk")
        assert set((await clocks(crm, case)).values()) == {"cancelled"}
        assert await status("close") == 409
        assert (await done(crm, f"/v1/cases/{case}/reopen"))["state"] == "open"
        assert await status("reopen") == 409
        assert (await crm.post("/v1/cases/nowhere/close", json={})).status_code == 404


async def test_a_touch_from_outside_opens_a_case_with_its_clocks(here: Place) -> None:
    async with await here.client() as crm:
        made = await crm.post(
            "/v1/interactions",
            json={
                "channel": "letter",
                "customer": {"address": "jane@example.org", "name": "Jane Clarke"},
                "subject": "A complaint",
                "external_ids": [{"system": "post.book", "id": "17"}],
            },
        )
        assert made.status_code == 201
        letter = made.json()
        assert await clocks(crm, letter["case_id"]) == {"ack": "running", "first_response": "running"}
        answered = await done(
            crm,
            "/v1/interactions",
            channel="letter",
            direction="outbound",
            agent="anna",
            case_id=letter["case_id"],
            customer={"address": "jane@example.org"},
        )
        assert answered["case_id"] == letter["case_id"]
        assert (await clocks(crm, letter["case_id"]))["first_response"] == "met"


async def test_a_touch_entered_twice_with_one_key_is_recorded_once(here: Place) -> None:
    body = {"channel": "phone", "customer": {"address": NUMBER}, "text": "asked for a price"}
    headers = {"Idempotency-Key": "a1"}
    async with await here.client() as crm, await here.client() as other:
        first = await crm.post("/v1/interactions", json=body, headers=headers)
        again = await crm.post("/v1/interactions", json=body, headers=headers)
        changed = await crm.post("/v1/interactions", json={**body, "text": "else"}, headers=headers)
        elsewhere = await other.post("/v1/interactions", json=body, headers=headers)
        count = len((await crm.get("/v1/interactions")).json()["data"])
    assert (first.status_code, again.status_code, changed.status_code, elsewhere.status_code) == (201, 200, 422, 201)
    assert again.json()["id"] == first.json()["id"]
    assert count == 2


async def test_every_mistake_of_a_body_is_told_with_its_place(here: Place) -> None:
    async with await here.client() as crm:
        answer = await crm.post(
            "/v1/interactions",
            json={"channel": "smoke", "occurred_at": "yesterday", "customer": {"adress": "x"}, "colour": 1},
        )
        no_json = await crm.post("/v1/interactions", content=b"{")
        assert (await crm.get("/v1/interactions")).json()["data"] == []
    places = {error["pointer"] for error in answer.json()["errors"]}
    assert answer.status_code == 400
    assert places == {"/channel", "/occurred_at", "/customer/adress", "/customer/address", "/colour"}
    assert no_json.status_code == 400


async def test_what_an_answered_call_promised_is_kept_on_the_call(here: Place, scripted_world: ScriptedWorld) -> None:
    async with await here.client() as crm:
        call = await done(crm, "/v1/interactions", channel="phone", customer={"address": NUMBER}, agent="anna")
        due = instant(scripted_world.now + timedelta(hours=3))
        path = f"/v1/interactions/{call['id']}/result"
        vain = await crm.post(path, json={"result": "voicemail", "agent": "anna"})
        no_time = await crm.post(path, json={"result": "call_again", "agent": "anna"})
        after = await done(crm, path, result="call_again", agent="anna", due=due, questions=["price?"])
        found = await clocks(crm, call["case_id"])
        await here.numbered()
        events = (await crm.get("/v1/events?types=interaction.*")).json()["data"]
    assert (vain.status_code, no_time.status_code) == (409, 409)
    assert "due" in no_time.json()["remedy"]
    assert (after["revision"], after["detail"]["promise"]["due_at"]) == (2, due)
    assert found["promise"] == "running"
    assert types(events) == ["interaction.recorded", "interaction.updated"]


async def test_a_message_has_no_result(here: Place) -> None:
    message = (await wrote(here)).interactions[0]
    async with await here.client() as crm:
        answer = await crm.post(f"/v1/interactions/{message.id}/result", json={"result": "reached"})
    assert answer.status_code == 409


async def test_an_action_waits_for_whoever_else_may_change_the_case(here: Place) -> None:
    callback = await callback_of(here)
    keys = await here.log.read(lambda connection: keys_of_callback(connection, callback))
    assert set(key.of_addresses(NUMBER)) < set(keys)
    assert (await items_of(here.log, *keys)).callback(callback) is not None
