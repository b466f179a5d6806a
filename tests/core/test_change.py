"""What one interaction changes: contact, case, callback, clocks and the events that say so."""

from dataclasses import replace
from datetime import timedelta

import pytest

from commsd.core.callback import CloseReason, State
from commsd.core.case import CaseState, normal_subject
from commsd.core.clock import State as ClockState
from commsd.core.contact import Contact, mail_identity, phone_identity
from commsd.core.interaction import Automation, CaseCause, Kind, Outcome, Promise
from commsd.core.policy import ClockKind
from tests.core.items import (
    JANE,
    NUMBER,
    TUESDAY,
    Books,
    answer_to,
    call_from,
    mail_from,
    moved,
    only,
    result_of,
    words,
)


def running(books: Books) -> set[ClockKind]:
    file = only(books.files.values())
    return {record.value.clock for record in file.clocks if record.value.state is ClockState.RUNNING}


def test_a_first_mail_makes_a_contact_a_case_and_two_clocks() -> None:
    books = Books()
    change = books.take(mail_from())
    assert words(change) == ["contact.created", "case.opened", "interaction.recorded", "clock.started", "clock.started"]
    assert running(books) == {ClockKind.ACK, ClockKind.FIRST_RESPONSE}


@pytest.mark.parametrize("subject", ["Re: Delivery", "AW: delivery", "[EXTERNAL] Re: Re:  Delivery"])
def test_the_same_subject_of_the_same_person_is_the_same_case(subject: str) -> None:
    books = Books()
    books.take(mail_from())
    change = books.take(mail_from(subject=subject))
    assert change.interactions[0].case_cause is CaseCause.SUBJECT
    assert len(books.files) == 1


def test_another_subject_is_another_case() -> None:
    books = Books()
    books.take(mail_from())
    books.take(mail_from(subject="Invoice"))
    assert len(books.files) == 2


def test_the_same_subject_of_another_person_is_another_case() -> None:
    books = Books()
    books.take(mail_from())
    books.take(mail_from(sender="bob@example.org"))
    assert len(books.files) == 2


def test_an_empty_subject_joins_nothing() -> None:
    books = Books()
    books.take(mail_from(subject=""))
    books.take(mail_from(subject="Re:"))
    assert len(books.files) == 2


def test_a_case_closed_for_two_weeks_is_continued_by_a_new_one() -> None:
    books = Books()
    books.take(mail_from())
    closed = only(books.files.values()).case
    books.take(moved(closed.id, Kind.CLOSE))
    books.wait(days=15)
    change = books.take(mail_from(subject="Re: Delivery"))
    assert change.cases[0].related_to == closed.id


def test_a_reply_soon_after_closing_opens_the_case_again() -> None:
    books = Books()
    books.take(mail_from())
    closed = only(books.files.values()).case
    assert "case.closed" in words(books.take(moved(closed.id, Kind.CLOSE)))
    books.wait(days=13)
    assert "case.reopened" in words(books.take(mail_from(subject="Re: Delivery")))
    assert only(books.files.values()).case.state is CaseState.OPEN


def test_a_machine_opens_nothing() -> None:
    books = Books()
    change = books.take(mail_from(automation=Automation.LIST))
    assert words(change) == ["interaction.recorded"]
    assert (books.contacts, books.files) == ({}, {})


def test_an_answer_stops_both_clocks() -> None:
    books = Books()
    books.take(mail_from())
    books.wait(minutes=10)
    change = books.take(answer_to())
    assert sorted(words(change)) == ["clock.met", "clock.met", "interaction.recorded"]
    assert running(books) == set()


def test_a_breach_is_dated_at_its_due_time_however_late_it_is_seen() -> None:
    books = Books()
    books.take(mail_from())
    books.wait(hours=6)
    change = books.take(answer_to())
    breached = [event for event in change.events if event.type == "clock.breached"]
    assert [event.at for event in breached] == [event.thing.value.due_at for event in breached]
    assert max(event.at for event in breached) == TUESDAY + timedelta(hours=4)


def test_a_case_rests_for_a_week_after_its_answer_and_not_while_something_is_owed() -> None:
    books = Books()
    assert books.take(mail_from()).cases[0].closes_at is None
    books.wait(hours=1)
    assert books.take(answer_to()).cases[0].closes_at == books.now + timedelta(days=7)


def test_a_pending_call_is_kept_and_not_published() -> None:
    books = Books()
    change = books.take(call_from(outcome=Outcome.PENDING), opens=False)
    assert change.events == ()
    assert books.callbacks == {}


def test_a_call_that_was_never_seen_alive_is_recorded_and_not_updated() -> None:
    books = Books()
    over = call_from()
    call = books.take(lambda seen: replace(over(seen), revision=2))
    assert "interaction.recorded" in words(call)
    later = books.take(lambda _: replace(call.interactions[0], revision=3, outcome=Outcome.REACHED))
    assert "interaction.updated" in words(later)


def test_a_missed_call_owes_a_callback_by_its_clock() -> None:
    books = Books()
    change = books.take(call_from())
    assert books.callback.number == NUMBER
    assert books.callback.due_at == TUESDAY + timedelta(hours=2)
    assert [word for word in words(change) if word.startswith("callback")] == ["callback.opened"]


def test_a_second_miss_joins_the_first_and_the_oldest_clock_stays() -> None:
    books = Books()
    books.take(call_from())
    books.wait(minutes=30)
    books.take(call_from(sid="CA2"))
    assert len(books.callback.misses) == 2
    assert books.callback.due_at == TUESDAY + timedelta(hours=2)


def test_a_second_number_of_a_contact_does_not_borrow_the_first_ones_callback() -> None:
    books = Books()
    books.take(call_from())
    (contact,) = books.contacts.values()
    other = phone_identity("+493023125098")
    assert other
    books.contacts = {contact.id: replace(contact, identities=(*contact.identities, other))}
    change = books.take(call_from(number=other.value, sid="CA2"))
    assert change.interactions[0].case_cause is CaseCause.RECENT
    assert len(books.callbacks) == 2


def test_the_same_number_on_another_line_owes_a_callback_of_its_own_in_the_same_case() -> None:
    books = Books()
    books.take(call_from())
    books.take(call_from(sid="CA2", line="sales"))
    assert {callback.line for callback in books.callbacks.values()} == {"hotline", "sales"}
    assert len(books.files) == 1


def test_reaching_one_number_leaves_the_call_to_the_other_its_clock() -> None:
    books = Books()
    books.take(call_from())
    (contact,) = books.contacts.values()
    other = phone_identity("+493023125098")
    assert other
    books.contacts = {contact.id: replace(contact, identities=(*contact.identities, other))}
    books.wait(minutes=20)
    books.take(call_from("+493023125098", sid="CA2"))
    first, second = books.callbacks.values()
    assert second.due_at == first.due_at  # one clock runs for both
    books.wait(minutes=20)
    change = books.take(call_from(outcome=Outcome.REACHED, sid="CA3"))
    assert change.interactions[0].detail.callbacks == (first.id,)
    left = books.callbacks[second.id]
    assert (left.open, left.due_at) == (True, second.opened_at + timedelta(hours=2))
    (clock,) = [r for r in only(books.files.values()).clocks if r.owed and r.value.clock is ClockKind.CALLBACK]
    assert (clock.value.opened_by, clock.value.due_at) == (second.misses[0], left.due_at)
    assert "callback.updated" in words(change)


@pytest.mark.parametrize("withheld", ["", "Anonymous", "+266696687", "sip:bob@pbx.example.com", "12345"])
def test_a_caller_without_a_number_is_never_dropped(withheld: str) -> None:
    books = Books()
    books.take(call_from(number=withheld))
    assert books.callback.state is State.NEEDS_NUMBER


def test_the_customers_own_answered_call_closes_the_callback() -> None:
    books = Books()
    books.take(call_from())
    books.wait(minutes=5)
    books.take(call_from(outcome=Outcome.REACHED, sid="CA2"))
    assert books.callback.close_reason is CloseReason.ANSWERED_INBOUND
    assert ClockKind.CALLBACK not in running(books)


def test_proof_that_a_missed_call_was_answered_corrects_it() -> None:
    books = Books()
    missed = books.take(call_from()).interactions[0]
    books.wait(minutes=5)
    proof = replace(missed, revision=missed.revision + 1, outcome=Outcome.REACHED, recorded_at=books.now)
    change = books.take(lambda _: proof)
    assert books.callback.close_reason is CloseReason.ANSWERED_INBOUND
    assert "clock.corrected" in words(change)


def test_a_miss_soon_after_the_closing_opens_the_same_callback_again() -> None:
    books = Books()
    books.take(call_from())
    books.take(result_of(books.callback, "reached"))
    books.wait(minutes=29)
    assert "callback.reopened" in words(books.take(call_from(sid="CA2")))
    assert books.callback.state is State.WAITING


def test_a_blocked_contact_is_logged_and_not_called_back() -> None:
    books = Books()
    books.take(call_from())
    (contact,) = books.contacts.values()
    blocked = Books()
    blocked.contacts = {contact.id: replace(contact, blocked=True)}
    change = blocked.take(call_from())
    assert change.interactions[0].outcome is Outcome.MISSED
    assert blocked.callbacks == {}


@pytest.mark.parametrize(
    ("result", "state", "stops"),
    [
        ("reached", State.CLOSED, True),
        ("declined", State.CLOSED, True),
        ("voicemail", State.WAITING, False),
        ("wrong_person", State.WAITING, False),
    ],
)
def test_what_came_of_the_call_decides_about_callback_and_clock(result: str, state: State, stops: bool) -> None:
    books = Books()
    books.take(call_from())
    books.wait(minutes=10)
    books.take(result_of(books.callback, result))
    assert books.callback.state is state
    assert (ClockKind.CALLBACK not in running(books)) is stops


@pytest.mark.parametrize("result", ["call_again", "partly"])
def test_a_call_to_be_made_again_is_a_promise(result: str) -> None:
    books = Books()
    books.take(call_from())
    again = books.now + timedelta(hours=5)
    promise = Promise(id="p1", due_at=again, via="call")
    books.take(result_of(books.callback, result, promise=promise, questions=("When does it come?",)))
    assert books.callback.state is State.WAITING
    assert (books.callback.due_at, books.callback.questions) == (again, ("When does it come?",))
    assert running(books) == {ClockKind.PROMISE}


def test_a_promise_of_a_call_is_kept_by_a_call_and_not_by_a_mail() -> None:
    books = Books()
    books.take(call_from())
    promise = Promise(id="p1", due_at=books.now + timedelta(hours=5), via="call")
    books.take(result_of(books.callback, "call_again", promise=promise))
    books.wait(hours=1)
    case_id = only(books.files.values()).case.id
    books.take(answer_to(case_id=case_id))
    assert ClockKind.PROMISE in running(books)
    books.take(result_of(books.callback, "reached"))
    assert running(books) == set()


def test_closing_a_case_closes_its_owed_calls_by_name() -> None:
    books = Books()
    books.take(call_from())
    books.take(moved(books.callback.case_id, Kind.CLOSE))
    assert books.callback.close_reason is CloseReason.CLOSED_BY_HUMAN


def test_junk_voids_all_clocks() -> None:
    books = Books()
    books.take(mail_from())
    case = only(books.files.values()).case
    books.take(moved(case.id, Kind.CLOSE, void_case=True))
    assert {record.value.state for record in only(books.files.values()).clocks} == {ClockState.CANCELLED}
    assert only(books.files.values()).case.close_reason == "junk"


def test_a_known_contact_keeps_language_and_owner_for_its_new_case() -> None:
    books = Books()
    identity = mail_identity(JANE)
    assert identity
    books.contacts = {"c1": Contact(id="c1", created_at=TUESDAY, identities=(identity,), owner="bo", tier="gold")}
    case = books.take(mail_from(sender="JANE@Example.org")).cases[0]
    assert (case.contact_id, case.owner, case.attrs["tier"]) == ("c1", "bo", "gold")


@pytest.mark.parametrize(
    ("written", "normal"),
    [
        ("Re: AW: SV: Order", "order"),
        ("[EXTERNAL] [Ticket] Order", "order"),
        ("Re[2]: Order ", "order"),
        ("Regarding: Order", "regarding: order"),
        ("  ", ""),
        (None, ""),
    ],
)
def test_a_subject_is_compared_without_its_marks(written: str | None, normal: str) -> None:
    assert normal_subject(written) == normal
