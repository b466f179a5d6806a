"""A log mailbox: what our people put in copy or forward is recorded, and nobody is acknowledged. Both stores."""

from dataclasses import replace
from datetime import timedelta

import pytest

from commsd.channels.mail.reading import LOG
from commsd.core.clock import State
from commsd.core.interaction import Direction, Kind
from commsd.core.policy import ClockKind
from commsd.core.token import ack_id
from commsd.store.log import Log
from tests.channels.mail.office import JANE, KEY, LOG_DESK, Office
from tests.channels.mail.test_forwarded import FORMS
from tests.channels.mail.written import mail, multipart
from tests.world import ScriptedWorld

TO_LOG = {"to": "log@commsd.test", "subject": "Fwd: Delivery of order 2041"}


@pytest.fixture
def office(log: Log, scripted_world: ScriptedWorld) -> Office:
    return Office(log, scripted_world)


async def test_an_answer_in_copy_stops_the_clock_as_if_seen_in_sent(office: Office) -> None:
    await office.came(message_id="<q@customer.test>")
    change = await office.logged(in_reply_to="<q@customer.test>", message_id="<a@commsd.test>")
    assert (change.interactions[0].direction, change.interactions[0].agent_id) == (Direction.OUTBOUND, "anna")
    assert not await office.waits()
    again = await office.sent(in_reply_to="<q@customer.test>", message_id="<a@commsd.test>")
    assert again.interactions == ()


@pytest.mark.parametrize("form", ["Outlook de", "Gmail en", "Apple en", "Thunderbird"])
async def test_a_forward_is_recorded_as_the_mail_it_was_and_acknowledged_by_nobody(office: Office, form: str) -> None:
    office.world.now = office.world.now.replace(year=2026, month=3, day=10, hour=12)
    change = await office.logged(**TO_LOG, body=FORMS[form])
    (fact,) = change.interactions
    assert (fact.direction, fact.customer, fact.subject) == (Direction.INBOUND, JANE, "Delivery of order 2041")
    assert (fact.occurred_at.hour, fact.occurred_at.minute, fact.reason) == (9, 17, "no-ack:log")
    assert not fact.ambiguous
    assert change.deliveries == ()
    file = await office.file()
    assert {record.value.clock for record in file.clocks} == {ClockKind.FIRST_RESPONSE}


async def test_a_mail_forwarded_whole_that_came_to_us_anyway_is_the_same_mail(office: Office) -> None:
    await office.came(message_id="<q@customer.test>")
    kind, body = multipart(
        f"Content-Type: message/rfc822\r\n\r\n{mail(message_id='<q@customer.test>').decode()}",
    )
    change = await office.logged(**TO_LOG, content_type=kind, body=body)
    assert change.interactions == ()
    assert len(change.sightings) == 1


async def test_a_mail_logged_first_is_still_acknowledged_where_it_was_sent_to(office: Office) -> None:
    kind, body = multipart(
        f"Content-Type: message/rfc822\r\n\r\n{mail(message_id='<q@customer.test>').decode()}",
    )
    await office.logged(**TO_LOG, content_type=kind, body=body)
    asked = await office.came(message_id="<q@customer.test>")
    assert (asked.revision, asked.reason) == (2, None)
    kinds = [fact.kind for fact in (await office.file()).interactions]
    assert kinds.count(Kind.ACK) == 1


async def test_a_forwarded_answer_of_ours_is_an_answer(office: Office) -> None:
    await office.came()
    body = FORMS["Outlook en"].replace("Jane Clarke <jane@customer.test>", "Anna Berg <anna@commsd.test>")
    body = body.replace("Anna Berg <anna@commsd.test>; Bob <bob@customer.test>", "Jane <jane@customer.test>")
    body = body.replace("Cc: carrier@depot.test\n", "")
    await office.logged(**TO_LOG, body=body)
    assert (await office.file()).interactions[-1].direction is Direction.OUTBOUND


async def test_a_forward_of_a_mail_from_before_our_time_opens_a_case_whose_clocks_begin_with_the_forward(
    office: Office,
) -> None:
    office.world.now = office.world.now.replace(year=2026, month=5, day=12, hour=12)
    office.enrolled_at = office.world.now
    change = await office.logged(**TO_LOG, body=FORMS["Gmail en"], without=("Return-Path", "Received"))
    (fact,) = change.interactions
    assert (fact.customer, fact.subject, fact.occurred_at) == (JANE, "Delivery of order 2041", office.world.now)
    (clock,) = (await office.file()).clocks
    assert (clock.value.clock, clock.value.started_at) == (ClockKind.FIRST_RESPONSE, office.world.now)
    assert clock.value.state is State.RUNNING


async def test_a_forward_that_lay_there_before_our_time_opens_nothing(office: Office) -> None:
    office.world.now = office.world.now.replace(year=2026, month=5, day=12, hour=12)
    office.enrolled_at = office.world.now + timedelta(hours=3)
    await office.logged(**TO_LOG, body=FORMS["Gmail en"])
    assert await office.files() == []


async def test_a_forward_of_a_colleagues_forward_is_read_to_its_end(office: Office) -> None:
    outer = "From: Bo Lind <bo@commsd.test>\nDate: Tue, 10 Mar 2026 11:00:00 +0100\nTo: anna@commsd.test\n\n"
    change = await office.logged(**TO_LOG, body=outer + FORMS["Gmail en"])
    assert change.interactions[0].customer == JANE


async def test_a_mail_passed_on_by_a_rule_of_the_server_opens_a_case(office: Office) -> None:
    change = await office.logged(from_=f"Jane <{JANE}>", to="anna@commsd.test", subject="Parcel")
    assert (change.interactions[0].customer, change.interactions[0].ambiguous) == (JANE, False)
    assert await office.waits()


async def test_a_mail_resent_by_one_of_us_opens_a_case_though_the_server_marked_it(office: Office) -> None:
    resent = ("Resent-From: anna@commsd.test", "Auto-Submitted: auto-generated")
    await office.logged(*resent, from_=f"Jane <{JANE}>", to="anna@commsd.test", subject="Parcel")
    assert await office.waits()


async def test_a_stranger_who_writes_to_the_log_is_recorded_and_flagged_without_a_clock(office: Office) -> None:
    change = await office.logged(from_="eve@strange.test", to="log@commsd.test", subject="Hello")
    (fact,) = change.interactions
    assert (fact.ambiguous, fact.case_id, fact.reason) == (True, None, "no-ack:log")
    assert (change.deliveries, change.clocks) == ((), ())


async def test_a_stranger_who_forwards_a_mail_to_the_log_opens_no_case(office: Office) -> None:
    change = await office.logged(from_="eve@strange.test", **TO_LOG, body=FORMS["Gmail en"])
    assert [(fact.customer, fact.case_id) for fact in change.interactions] == [("eve@strange.test", None)]


async def test_a_reply_sent_to_the_log_joins_its_case_and_is_waited_for(office: Office) -> None:
    await office.came(message_id="<q@customer.test>")
    await office.sent(in_reply_to="<q@customer.test>", message_id="<a@commsd.test>")
    await office.logged(from_=f"Jane <{JANE}>", to="log@commsd.test", in_reply_to="<a@commsd.test>")
    file = await office.file()
    assert [r.value.clock.value for r in file.clocks if r.value.state is State.RUNNING] == ["next_response"]


@pytest.mark.parametrize("header", ["Auto-Submitted: auto-replied", "List-Id: <news.test>", "Precedence: bulk"])
async def test_a_machines_mail_in_the_log_opens_nothing(office: Office, header: str) -> None:
    change = await office.logged(header, from_="robot@strange.test", to="anna@commsd.test", subject="News")
    assert [fact.case_id for fact in change.interactions] == [None]
    assert change.interactions[0].reason != "no-ack:log"


async def test_a_mail_of_ours_with_nothing_inside_is_a_note(office: Office) -> None:
    change = await office.logged(to="log@commsd.test", subject="She rang", body="Jane rang, all is well.")
    (note,) = change.interactions
    assert (note.kind, note.direction, note.reason) == (Kind.NOTE, Direction.INTERNAL, "log:no-mail-inside")


async def test_our_own_acknowledgement_in_the_log_is_nothing(office: Office) -> None:
    ack = f"<{ack_id(KEY, 'x', 'commsd.test')}>"
    change = await office.logged(message_id=ack, from_="support@commsd.test")
    assert change.interactions == ()


async def test_a_colleagues_address_that_is_forged_answers_nobody(office: Office) -> None:
    await office.came(message_id="<q@customer.test>")
    desk = replace(LOG_DESK, us=replace(LOG_DESK.us, authserv_ids=frozenset({"mx.commsd.test"})))
    forged = "Authentication-Results: mx.commsd.test; dmarc=fail header.from=commsd.test"
    fields = {"from_": "anna@commsd.test", "to": JANE, "in_reply_to": "<q@customer.test>"}
    await office.read(LOG, desk, forged, **fields)
    assert await office.waits()
