"""A mail moved to Done closes its case: a person's mail, once, and only where nobody waits for an answer unread."""

from dataclasses import replace

import pytest

from commsd.channels.mail.reading import INBOX
from commsd.core.case import CaseState
from commsd.core.interaction import Kind
from commsd.store.log import Log
from tests.channels.mail.office import ANNA, DESK, JANE, Office
from tests.world import ScriptedWorld

QUESTION = {"message_id": "<q@customer.test>"}


@pytest.fixture
def office(log: Log, scripted_world: ScriptedWorld) -> Office:
    return Office(log, scripted_world)


async def test_a_mail_moved_to_done_closes_its_case_by_the_mailboxs_person(office: Office) -> None:
    await office.came(**QUESTION)
    change = await office.moved_to_done(**QUESTION)
    file = await office.file()
    assert (file.case.state, file.case.close_reason) == (CaseState.CLOSED, "done-folder")
    assert not await office.waits()
    (closed,) = [event for event in change.events if event.type == "case.closed"]
    assert closed.by == "anna"


async def test_without_a_person_the_machine_closes(office: Office) -> None:
    office.desk = replace(DESK, mailbox=replace(DESK.mailbox, person=None))
    await office.came(**QUESTION)
    change = await office.moved_to_done(**QUESTION)
    assert {event.by for event in change.events} == {"machine"}


async def test_moved_again_or_seen_twice_it_changes_nothing_more(office: Office) -> None:
    await office.came(**QUESTION)
    await office.moved_to_done(**QUESTION)
    assert (await office.moved_to_done(**QUESTION)).interactions == ()


async def test_moved_back_to_the_inbox_it_is_no_new_mail_and_gets_no_second_ack(office: Office) -> None:
    await office.came(**QUESTION)
    await office.moved_to_done(**QUESTION)
    back = await office.read(INBOX, office.desk, **QUESTION)
    assert (back.interactions, back.deliveries) == ((), ())


async def test_a_mail_without_a_message_id_is_known_by_what_it_says(office: Office) -> None:
    await office.came(without=("Message-ID",), message_id="<x@y.test>")
    await office.moved_to_done(without=("Message-ID",), message_id="<x@y.test>")
    assert (await office.file()).case.state is CaseState.CLOSED


async def test_a_message_id_that_a_gateway_rewrote_still_finds_the_case(office: Office) -> None:
    await office.came(**QUESTION)
    await office.moved_to_done(**QUESTION, date="Tue, 10 Mar 2026 09:16:58 +0000")
    assert (await office.file()).case.state is CaseState.CLOSED


async def test_our_answer_moved_to_done_closes_the_case_too(office: Office) -> None:
    await office.came(**QUESTION)
    answer = {"from_": ANNA, "to": JANE, "message_id": "<a@commsd.test>", "date": "Tue, 10 Mar 2026 12:00:00 +0100"}
    await office.sent(in_reply_to="<q@customer.test>", **answer)
    await office.moved_to_done(**answer)
    assert (await office.file()).case.state is CaseState.CLOSED


async def test_a_machines_mail_closes_nothing(office: Office) -> None:
    await office.came(**QUESTION)
    absent = {"in_reply_to": "<q@customer.test>", "message_id": "<o@customer.test>", "auto_submitted": "auto-replied"}
    machine = await office.came(**absent)
    assert machine.case_id is not None
    assert (await office.moved_to_done(**absent)).interactions == ()
    assert await office.waits()


async def test_our_acknowledgement_and_unknown_mail_close_nothing(office: Office) -> None:
    await office.came(**QUESTION)
    ack = next(fact for fact in (await office.file()).interactions if fact.kind is Kind.ACK)
    own = ack.external_ids[0].id
    assert (await office.moved_to_done(message_id=f"<{own}>", from_="support@commsd.test")).interactions == ()
    assert (await office.moved_to_done(message_id="<never@seen.test>")).interactions == ()
    assert await office.waits()


async def test_an_older_mail_closes_nothing_while_a_later_one_waits_unread(office: Office) -> None:
    await office.came(**QUESTION)
    later = {"message_id": "<q2@customer.test>", "date": "Tue, 10 Mar 2026 11:00:00 +0100"}
    await office.came(in_reply_to="<q@customer.test>", **later)
    (note,) = (await office.moved_to_done(**QUESTION)).interactions
    assert (note.kind, note.reason) == (Kind.NOTE, "done-folder:later-writing")
    assert await office.waits()
    assert (await office.moved_to_done(**QUESTION)).interactions == ()  # said once
    await office.moved_to_done(in_reply_to="<q@customer.test>", **later)
    assert (await office.file()).case.state is CaseState.CLOSED


async def test_an_older_mail_closes_what_was_answered_since(office: Office) -> None:
    await office.came(**QUESTION)
    await office.came(message_id="<q2@customer.test>", in_reply_to="<q@customer.test>", date="x")
    await office.sent(in_reply_to="<q2@customer.test>")
    await office.moved_to_done(**QUESTION)
    assert (await office.file()).case.state is CaseState.CLOSED
