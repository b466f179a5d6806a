"""I14: a person's answer in a Sent folder stops the clocks of the case it answers, and of no other. Both stores."""

from datetime import timedelta

import pytest

from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.message import decode
from commsd.channels.mail.notice import as_mail
from commsd.channels.mail.reading import INBOX, SENT
from commsd.core.interaction import CaseCause, Direction, Kind
from commsd.core.token import ack_id
from commsd.sla.notice.notice import Notice
from commsd.store.log import Log
from tests.channels.mail.office import ANNA, DESK, JANE, JOHN, KEY, Office
from tests.channels.mail.written import mail, multipart
from tests.house import TERMS
from tests.world import ScriptedWorld


@pytest.fixture
def office(log: Log, scripted_world: ScriptedWorld) -> Office:
    return Office(log, scripted_world)


async def test_i14_an_answer_by_reference_stops_the_clock_whatever_its_subject(office: Office) -> None:
    await office.came(message_id="<q@customer.test>")
    await office.sent(subject="Your parcel", in_reply_to="<q@customer.test>")
    assert not await office.waits()
    answer = (await office.file()).interactions[-1]
    assert (answer.case_cause, answer.ambiguous, answer.agent_id) == (CaseCause.REFERENCE, False, "anna")


@pytest.mark.parametrize("subject", ["RE: Delivery of order 2041", "AW: [EXTERNAL] Delivery of order 2041"])
async def test_i14_an_answer_without_references_counts_by_person_and_subject(office: Office, subject: str) -> None:
    await office.came()
    await office.sent(subject=subject, to="JANE@Customer.test")
    answer = (await office.file()).interactions[-1]
    assert (answer.case_cause, answer.ambiguous) == (CaseCause.SUBJECT, False)
    assert not await office.waits()


async def test_i14_a_new_mail_with_a_new_subject_is_no_answer_and_says_that_it_may_be_one(office: Office) -> None:
    await office.came()
    await office.sent(subject="About your parcel")
    assert await office.waits()
    first, second = await office.files()
    assert second.interactions[0].ambiguous
    assert (first.interactions[0].ambiguous, second.interactions[0].case_cause) == (False, CaseCause.NEW)


async def test_i14_a_mail_to_somebody_who_waits_for_nothing_is_not_ambiguous(office: Office) -> None:
    change = await office.sent(subject="An offer")
    assert [fact.ambiguous for fact in change.interactions] == [False]


async def test_i14_of_two_cases_with_one_subject_the_one_that_waits_is_answered(office: Office) -> None:
    closed = await office.came(subject="Invoice", message_id="<1@customer.test>")
    await office.moved_to_done(subject="Invoice", message_id="<1@customer.test>")
    first = await office.came(subject="Other", message_id="<2@customer.test>")
    second = await office.came(
        subject="Invoice", message_id="<3@customer.test>", date="Tue, 10 Mar 2026 11:00:00 +0100"
    )
    assert second.case_id == closed.case_id  # it goes on: the customer wrote again within two weeks
    change = await office.sent(subject="Re: Invoice")
    assert [fact.case_id for fact in change.interactions] == [second.case_id]
    assert not change.interactions[0].ambiguous
    assert await office.waits()
    assert first.case_id != second.case_id


async def test_i14_two_open_cases_of_one_subject_are_never_guessed_silently(office: Office) -> None:
    old = await office.came(subject="Invoice", message_id="<1@customer.test>")
    await office.moved_to_done(subject="Invoice", message_id="<1@customer.test>")
    office.world.advance(timedelta(days=15))
    new = await office.came(subject="Invoice", message_id="<2@customer.test>")
    await office.came(subject="Again", message_id="<3@customer.test>", in_reply_to="<1@customer.test>")
    (answer,) = (await office.sent(subject="Re: Invoice")).interactions
    assert answer.ambiguous
    assert old.case_id != new.case_id
    assert await office.waits()  # one is answered, the other's clock runs on


async def test_i14_every_customer_of_one_answer_is_answered(office: Office) -> None:
    await office.came(message_id="<q1@customer.test>")
    await office.came(from_=f"John <{JOHN}>", message_id="<q2@other.test>", subject="My parcel")
    change = await office.sent(
        to=f"{JANE}, {JOHN}", subject="Both parcels", references="<q1@customer.test> <q2@other.test>"
    )
    assert not await office.waits(JANE)
    assert not await office.waits(JOHN)
    assert {fact.case_cause for fact in change.interactions} == {CaseCause.REFERENCE}
    assert [fact.customer for fact in change.interactions] == [JANE, JOHN]
    again = await office.take(SENT, DESK, mail(from_=ANNA, to=JANE, message_id="<x@y.test>", subject="Something else"))
    assert len(again.interactions) == 1


async def test_i14_each_customer_who_writes_back_to_one_answer_comes_to_their_own_case(office: Office) -> None:
    jane = await office.came(message_id="<q1@customer.test>")
    john = await office.came(from_=f"John <{JOHN}>", message_id="<q2@other.test>", subject="My parcel")
    both = "<q1@customer.test> <q2@other.test>"
    await office.sent(to=f"{JANE}, {JOHN}", subject="Both", references=both, message_id="<both@commsd.test>")
    again = {"in_reply_to": "<both@commsd.test>", "subject": "Re: Both"}
    from_john = await office.came(from_=f"John <{JOHN}>", date="Tue, 10 Mar 2026 14:00:00 +0100", **again)
    from_jane = await office.came(date="Tue, 10 Mar 2026 15:00:00 +0100", **again)
    assert (from_john.case_id, from_jane.case_id) == (john.case_id, jane.case_id)


async def test_i14_mail_sent_before_the_folder_was_watched_opens_no_case(office: Office) -> None:
    raw = mail(from_=ANNA, to=JANE, subject="Long ago")
    arrival = Arrival(
        message=decode(raw, folder_date=office.world.now - timedelta(days=9)),
        place="support/sent",
        uid=1,
        enrolled_at=office.world.now,
    )
    change = await office.log.decide(SENT.keys(arrival, DESK), lambda items: SENT.decide(arrival, items, DESK, TERMS))
    assert [(fact.case_id, fact.contact_id) for fact in change.interactions] == [(None, None)]


async def test_i14_customers_of_one_answer_found_by_subject_are_flagged(office: Office) -> None:
    await office.came()
    await office.came(from_=f"John <{JOHN}>")
    change = await office.sent(to=JANE, cc=JOHN)
    assert [(fact.customer, fact.ambiguous) for fact in change.interactions] == [(JANE, True), (JOHN, True)]
    assert not await office.waits(JOHN)


async def test_i14_whoever_got_the_answer_hidden_in_bcc_is_answered(office: Office) -> None:
    await office.came()
    await office.sent(f"Bcc: {JANE}", to=ANNA)
    assert not await office.waits()


async def test_i14_a_mail_passed_on_to_a_carrier_answers_nobody(office: Office) -> None:
    await office.came(message_id="<q@customer.test>")
    change = await office.sent(to="depot@carrier.test", subject="Fwd: Delivery", references="<q@customer.test>")
    assert await office.waits()
    (note,) = change.interactions
    assert (note.kind, note.direction, note.reason) == (Kind.NOTE, Direction.INTERNAL, "passed-on")
    assert note.case_id == (await office.file()).case.id


async def test_i14_the_carriers_answer_forwarded_to_the_customer_answers_her(office: Office) -> None:
    await office.came(message_id="<q@customer.test>")
    await office.sent(
        to="depot@carrier.test", subject="Fwd: Delivery", references="<q@customer.test>", message_id="<f@commsd.test>"
    )
    await office.came(
        from_="depot@carrier.test", message_id="<c@carrier.test>", references="<q@customer.test> <f@commsd.test>"
    )
    thanks = "<q@customer.test> <f@commsd.test> <c@carrier.test>"
    await office.sent(to="depot@carrier.test", subject="Re: Delivery", references=thanks)
    assert await office.waits()  # thanking the carrier is no answer to Jane
    await office.sent(subject="Fwd: Delivery", references=thanks)
    assert not await office.waits()


async def test_i14_an_answer_to_whom_the_customer_had_in_copy_answers_her(office: Office) -> None:
    await office.came(message_id="<q@customer.test>", cc="Bob <bob@customer.test>")
    await office.sent(to="bob@customer.test", in_reply_to="<q@customer.test>")
    assert not await office.waits()


@pytest.mark.parametrize("to", ["bo@commsd.test", "someone@inside.test", "anna.berg@freelance.test", "log@commsd.test"])
async def test_i14_mail_among_ourselves_answers_nobody_and_leaves_no_trace(office: Office, to: str) -> None:
    await office.came(message_id="<q@customer.test>")
    change = await office.sent(to=to, in_reply_to="<q@customer.test>")
    assert change.interactions == ()
    assert await office.waits()


async def test_i14_our_acks_and_notices_in_the_sent_folder_are_no_interactions(office: Office) -> None:
    asked = await office.came(message_id="<q@customer.test>")
    ack = f"<{ack_id(KEY, 'x', 'commsd.test')}>"
    notice = Notice(
        key="n:1", recipient=JANE, subject="Overdue", text="It is late.", at=office.world.now, case_id=asked.case_id
    )
    assert (await office.sent(message_id=ack, in_reply_to="<q@customer.test>")).interactions == ()
    raw = as_mail(notice, sender="support@commsd.test", firm_name="Example", key=KEY).replace(
        b"Auto-Submitted: auto-generated\r\n", b""
    )
    assert (await office.take(SENT, DESK, raw)).interactions == ()
    assert await office.waits()


@pytest.mark.parametrize(
    "header",
    [
        "Auto-Submitted: auto-replied",
        "Auto-Submitted: auto-generated (rule)",
        "Content-Type: multipart/report; report-type=disposition-notification; boundary=x",
    ],
)
async def test_i14_what_a_machine_of_ours_sent_stops_no_clock(office: Office, header: str) -> None:
    await office.came(message_id="<q@customer.test>")
    without = ("Return-Path", "Content-Type") if header.startswith("Content-Type") else ("Return-Path",)
    change = await office.sent(header, in_reply_to="<q@customer.test>", without=without)
    assert change.interactions == ()
    file = await office.file()
    assert {record.value.clock.value for record in file.clocks if record.value.stopped_at is None} == {
        "ack",
        "first_response",
    }


async def test_i14_a_mailing_is_no_answer_but_an_answer_may_be_marked_as_one(office: Office) -> None:
    await office.came(message_id="<q@customer.test>")
    assert (await office.sent("Precedence: bulk", subject="Our spring sale")).interactions == ()
    assert await office.waits()
    await office.sent("Precedence: bulk", in_reply_to="<q@customer.test>")
    assert not await office.waits()


def calendar(method: str) -> str:
    return f"BEGIN:VCALENDAR\r\nMETHOD:{method}\r\nEND:VCALENDAR\r\n"


async def test_i14_accepting_an_invitation_answers_the_invitation_and_no_question(office: Office) -> None:
    await office.came(message_id="<q@customer.test>")
    reply = {"content_type": "text/calendar; method=REPLY; charset=utf-8", "body": calendar("REPLY")}
    await office.sent(subject="Accepted: Meeting", in_reply_to="<q@customer.test>", **reply)
    assert not await office.waits()  # all she asked for was the meeting
    await office.came(
        message_id="<q2@customer.test>", in_reply_to="<q@customer.test>", date="Tue, 10 Mar 2026 13:00:00 +0100"
    )
    change = await office.sent(subject="Accepted: Meeting", in_reply_to="<q@customer.test>", **reply)
    assert change.interactions[0].partial
    assert await office.waits()


async def test_i14_an_accepted_invitation_to_nothing_we_know_opens_no_case(office: Office) -> None:
    change = await office.sent(
        subject="Accepted: Meeting", content_type="text/calendar; method=REPLY", body=calendar("REPLY")
    )
    assert change.interactions == ()


async def test_i14_a_thumb_under_a_mail_leaves_the_question_open(office: Office) -> None:
    await office.came(message_id="<q@customer.test>")
    kinds = ("text/plain", "text/vnd.google.email-reaction+json")
    kind, body = multipart(*(f"Content-Type: {each}\r\n\r\n{{}}" for each in kinds), kind="alternative")
    await office.sent(in_reply_to="<q@customer.test>", content_type=kind, body=body)
    assert await office.waits()
    assert (await office.file()).interactions[-1].partial


async def test_i14_one_answer_in_two_folders_is_one(office: Office) -> None:
    await office.came(message_id="<q@customer.test>")
    await office.sent(in_reply_to="<q@customer.test>", message_id="<a@commsd.test>")
    again = await office.sent(in_reply_to="<q@customer.test>", message_id="<a@commsd.test>")
    assert again.interactions == ()
    assert len(again.sightings) == 1


async def test_i14_an_answer_whose_copy_came_to_the_inbox_first_still_answers(office: Office) -> None:
    await office.came(message_id="<q@customer.test>")
    fields = {"from_": f"Anna Berg <{ANNA}>", "to": JANE, "cc": "support@commsd.test", "message_id": "<a@commsd.test>"}
    copy = await office.read(INBOX, DESK, in_reply_to="<q@customer.test>", **fields)
    assert await office.waits()
    await office.sent(in_reply_to="<q@customer.test>", date="Tue, 10 Mar 2026 10:16:58 +0100", **fields)
    assert not await office.waits()
    answer = (await office.file()).interactions[-1]
    assert (answer.id, answer.revision, answer.direction) == (copy.interactions[0].id, 2, Direction.OUTBOUND)
