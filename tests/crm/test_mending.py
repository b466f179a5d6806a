"""Merging cases and taking interactions back through the API; on both stores."""

from datetime import timedelta
from typing import Any
from zlib import crc32

import httpx

from commsd.channels.mail.outcome import Outcome as Word
from commsd.channels.mail.settle import settled
from commsd.core.change import Change, change_of
from commsd.core.interaction import Actor, Channel, Delivery, DeliveryKind, Direction, Kind, Outcome
from commsd.core.open_items import OpenItems
from commsd.core.record import instant
from tests.crm.serving import Fact, Place, rang, types, wrote
from tests.crm.test_actions import clocks, done
from tests.house import TERMS, items_of
from tests.world import ScriptedWorld


async def inside(crm: httpx.AsyncClient, case: object) -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = (await crm.get("/v1/interactions", params={"case": str(case)})).json()["data"]
    return rows


async def test_a_case_goes_into_another_with_all_that_was_said(here: Place, scripted_world: ScriptedWorld) -> None:
    old = (await wrote(here, subject="Delivery")).cases[0].id
    scripted_world.advance(timedelta(minutes=10))
    new = (await wrote(here, subject="Invoice")).cases[0].id
    async with await here.client() as crm:
        gone = await done(crm, f"/v1/cases/{old}/merge", into=new, agent="anna", note="the same parcel")
        assert (gone["state"], gone["close_reason"], gone["merged_into"]) == ("closed", "merged", new)
        assert [(row["kind"], row["revision"]) for row in await inside(crm, old)] == [("merge", 1)]
        assert sorted(row["revision"] for row in await inside(crm, new)) == [1, 2]
        assert set((await clocks(crm, old)).values()) == {"cancelled"}
        assert set((await clocks(crm, new)).values()) == {"running"}
        await here.numbered()
        events = (await crm.get("/v1/events", params={"types": "case.*", "limit": 50})).json()["data"]
        again = await crm.post(f"/v1/cases/{old}/merge", json={"into": new})
        no_id = await crm.post(f"/v1/cases/{new}/merge", json={})
    assert types(events) == ["case.opened", "case.opened", "case.merged", "case.updated"]
    assert (again.status_code, new in again.json()["detail"]) == (409, True)
    assert no_id.status_code == 400


async def test_a_later_reply_to_the_case_that_went_is_in_the_survivor(here: Place) -> None:
    old = (await wrote(here, subject="Delivery")).cases[0].id
    new = (await wrote(here, subject="Invoice")).cases[0].id
    bobs = (await wrote(here, "bob@example.net", subject="Hello")).cases[0].id
    async with await here.client() as crm:
        await done(crm, f"/v1/cases/{old}/merge", into=new)
        await done(crm, f"/v1/cases/{bobs}/merge", into=new)
        by_hand = await done(crm, "/v1/interactions", channel="letter", case_id=old)
        by_subject = await done(
            crm, "/v1/interactions", channel="email", subject="Re: Hello", customer={"address": "bob@example.net"}
        )
    first = f"id:{crc32(b'Deliveryjane@example.org')}@mail.example"
    items = await items_of(here.log, first)
    assert set(items.files) == {by_hand["case_id"], by_subject["case_id"], items.known[first].case_id} == {new}


async def test_an_acknowledgement_under_way_arrives_in_the_survivor(here: Place) -> None:
    change = await wrote(here)
    old = change.cases[0].id
    new = (await wrote(here, subject="Invoice")).cases[0].id
    ack = Fact(
        channel=Channel.EMAIL,
        kind=Kind.ACK,
        direction=Direction.OUTBOUND,
        actor=Actor.MACHINE,
        outcome=Outcome.PENDING,
        case_id=old,
    )

    def queue(items: OpenItems) -> Change:
        fact = ack(items)
        owed = Delivery(
            id="d1",
            kind=DeliveryKind.ACK,
            key="ack:d1",
            via="support",
            recipient="jane@example.org",
            payload=b"bytes",
            created_at=items.now,
            due_at=items.now,
            interaction_id=fact.id,
            case_id=old,
        )
        return change_of(fact, items, TERMS) + Change(deliveries=(owed,))

    await here.log.decide((f"case:{old}",), queue)
    async with await here.client() as crm:
        await done(crm, f"/v1/cases/{old}/merge", into=new)
        word = Word(kind="sent", code=250, text="ok", stage="answer")
        await here.log.decide(("delivery:d1",), lambda items: settled(word, items.deliveries["d1"], items, TERMS))
        (sent,) = [row for row in await inside(crm, new) if row["kind"] == "ack"]
    assert (sent["outcome"], sent["case_id"], sent["revision"]) == ("reached", new, 3)


async def test_an_owed_call_is_found_in_the_survivor(here: Place) -> None:
    called = await rang(here)
    case = (await wrote(here, subject="Delivery")).cases[0].id
    async with await here.client() as crm:
        await done(crm, f"/v1/cases/{called.cases[0].id}/merge", into=case)
        callback = (await crm.get(f"/v1/callbacks/{called.callbacks[0].id}")).json()
        assert (callback["case_id"], callback["state"]) == (case, "waiting")
        assert (await clocks(crm, case))["callback"] == "running"
        after = await done(crm, f"/v1/callbacks/{callback['id']}/result", result="reached", agent="anna")
        assert (await clocks(crm, case))["callback"] == "met"
    assert after["state"] == "closed"


async def test_an_answer_taken_back_leaves_the_clock_running_and_the_log_whole(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    case = (await wrote(here, subject="Delivery")).cases[0].id
    scripted_world.advance(timedelta(minutes=5))
    async with await here.client() as crm:
        answer = await done(crm, "/v1/interactions", channel="email", direction="outbound", case_id=case, agent="anna")
        assert (await clocks(crm, case))["first_response"] == "met"
        path = f"/v1/interactions/{answer['id']}/void"
        void = await done(crm, path, why="meant for another case", agent="anna")
        assert (void["kind"], void["detail"]["voids"], void["agent"]) == ("void", answer["id"], "Anna Berg")
        assert (await clocks(crm, case)) == {"ack": "running", "first_response": "running"}
        again = await crm.post(path, json={})
        nobody = await crm.post("/v1/interactions/nobody/void", json={})
        await here.numbered()
        events = (await crm.get("/v1/events", params={"types": "clock.corrected"})).json()["data"]
        assert len(await inside(crm, case)) == 3
    assert (again.status_code, nobody.status_code) == (409, 404)
    assert {event["data"]["clock"] for event in events} == {"ack", "first_response"}


async def test_an_answer_that_did_not_answer_yet_is_said_so_later(here: Place) -> None:
    case = (await wrote(here, subject="Delivery")).cases[0].id
    async with await here.client() as crm:
        answer = await done(crm, "/v1/interactions", channel="email", direction="outbound", case_id=case, agent="anna")
        after = await done(crm, f"/v1/interactions/{answer['id']}/partial", agent="anna")
        assert (after["partial"], after["revision"]) == (True, 2)
        assert await clocks(crm, case) == {"ack": "met", "first_response": "running"}


async def test_an_answered_call_taken_back_brings_the_owed_call_back_however_long_ago_it_was(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    callback = (await rang(here)).callbacks[0]
    due_at = callback.due_at
    assert due_at
    scripted_world.advance(timedelta(minutes=50))
    talk = (await rang(here, sid="CA2", outcome=Outcome.REACHED)).interactions[0]
    scripted_world.advance(timedelta(hours=26))  # long after what a decision sees of closed callbacks by itself
    async with await here.client() as crm:
        assert (await crm.get(f"/v1/callbacks/{callback.id}")).json()["close_reason"] == "answered_inbound"
        void = await done(crm, f"/v1/interactions/{talk.id}/void", why="it was a wrong number", agent="anna")
        after = (await crm.get(f"/v1/callbacks/{callback.id}")).json()
        assert (after["state"], after["close_reason"], after["due_at"]) == ("waiting", None, instant(due_at))
        assert (await clocks(crm, callback.case_id))["callback"] == "breached"
        await done(crm, f"/v1/interactions/{void['id']}/void", why="no, it was she", agent="anna")
        again = (await crm.get(f"/v1/callbacks/{callback.id}")).json()
        assert (again["state"], again["close_reason"]) == ("closed", "answered_inbound")
        assert (await clocks(crm, callback.case_id))["callback"] == "met"
        await here.numbered()
        events = (await crm.get("/v1/events", params={"types": "callback.*"})).json()["data"]
    assert types(events) == ["callback.opened", "callback.closed", "callback.reopened", "callback.closed"]
