"""A missed call judged only after its customer was spoken to: on record, where the talk is, and owed no call."""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

import pytest

from commsd.core.callback import CloseReason, State
from commsd.core.change import Change
from commsd.core.clock import State as Running
from commsd.core.contact import Identity
from commsd.core.interaction import DECLINED, CaseCause, Interaction, Outcome, Promise
from commsd.core.late_miss import case_of_talk
from commsd.core.policy import ClockKind
from tests.core.items import JANE, NUMBER, Books, call_from, mail_from, result_of


def _rang(books: Books, sid: str) -> Interaction:
    """A call in vain whose verdict is still to come."""
    return call_from(sid=sid)(books)


def _rang_long(books: Books, sid: str) -> Interaction:
    """A call in vain of two minutes whose verdict is still to come."""
    return replace(_rang(books, sid), ended_at=books.now + timedelta(minutes=2))


def _judged(books: Books, call: Interaction) -> Change:
    return books.take(lambda _: call)


def _running(books: Books) -> Iterable[ClockKind]:
    clocks = [clock.value for file in books.files.values() for clock in file.clocks]
    return [clock.clock for clock in clocks if clock.state is Running.RUNNING]


def _two_cases(books: Books) -> None:
    """Another matter of the same customer comes up, and is the newest."""
    (contact,) = books.contacts.values()
    jane = mail_from()(books)
    books.contacts[contact.id] = replace(contact, identities=(*contact.identities, Identity("email", JANE)))
    books.take(lambda _: jane)


def test_a_miss_judged_after_the_talk_joins_the_talks_case_though_another_matter_is_newer() -> None:
    books = Books()
    miss = _rang(books, "CA1")
    books.wait(minutes=1)
    books.take(call_from(outcome=Outcome.REACHED, sid="CA2"))
    (talks_case,) = books.files
    books.wait(minutes=5)
    _two_cases(books)
    assert len(books.files) == 2
    books.wait(minutes=5)
    (fact, *_) = _judged(books, miss).interactions
    assert (fact.case_id, fact.case_cause) == (talks_case, CaseCause.CALLBACK)
    assert (books.callback.close_reason, books.callback.misses) == (CloseReason.ANSWERED_INBOUND, (miss.id,))
    assert ClockKind.CALLBACK not in _running(books)


def test_a_miss_judged_after_we_reached_its_customer_opens_nothing_again() -> None:
    """He rang twice; the second call's end was lost, and meanwhile we had rung him back."""
    books = Books()
    books.take(call_from(sid="CA1"))
    books.wait(minutes=5)
    miss = _rang(books, "CA2")
    books.wait(minutes=1)
    books.take(result_of(books.callback, "reached"))
    books.wait(minutes=5)
    _two_cases(books)
    change = _judged(books, miss)
    assert (books.callback.state, books.callback.close_reason) == (State.CLOSED, CloseReason.REACHED)
    assert books.callback.misses[1:] == (miss.id,)
    assert change.interactions[0].case_id == books.callback.case_id
    assert ClockKind.CALLBACK not in _running(books)


def test_a_miss_judged_after_another_call_was_agreed_leaves_the_time_agreed() -> None:
    books = Books()
    books.take(call_from(sid="CA1"))
    books.wait(minutes=5)
    miss = _rang(books, "CA2")
    books.wait(minutes=1)
    tomorrow = books.now.replace(day=books.now.day + 1)
    books.take(result_of(books.callback, "call_again", promise=Promise(id="p", due_at=tomorrow, via="call")))
    agreed = books.callback
    books.wait(minutes=5)
    _judged(books, miss)
    after = books.callback
    assert (after.state, after.due_at, after.asked_at_time) == (State.WAITING, tomorrow, True)
    assert (after.look_at, after.misses) == (agreed.look_at, (*agreed.misses, miss.id))


def test_who_said_in_a_call_judged_late_that_he_needs_none_changes_nothing_that_is_closed() -> None:
    books = Books()
    books.take(call_from(sid="CA1"))
    books.wait(minutes=5)
    miss = replace(_rang(books, "CA2"), reason=DECLINED)
    books.wait(minutes=1)
    books.take(result_of(books.callback, "reached"))
    _judged(books, miss)
    assert books.callback.close_reason is CloseReason.REACHED


@pytest.mark.parametrize("result", ["voicemail", "wrong_person"])
def test_a_try_in_vain_after_it_answers_no_miss(result: str) -> None:
    books = Books()
    books.take(call_from(sid="CA1"))
    books.wait(minutes=5)
    miss = _rang(books, "CA2")
    books.wait(minutes=1)
    books.take(result_of(books.callback, result))
    _judged(books, miss)
    assert books.callback.open
    assert ClockKind.CALLBACK in _running(books)


def test_a_miss_after_the_talk_is_owed_a_call_again() -> None:
    books = Books()
    books.take(call_from(sid="CA1"))
    books.wait(minutes=5)
    books.take(result_of(books.callback, "reached"))
    books.wait(minutes=1)
    books.take(call_from(sid="CA2"))
    assert books.callback.open


@pytest.mark.parametrize("late", [False, True], ids=["judged in order", "judged last"])
@pytest.mark.parametrize(("after", "owed"), [(1, True), (2, False)], ids=["meanwhile", "at its end"])
def test_two_people_behind_one_number_who_rang_in_vain_is_owed_a_call_though_the_other_was_answered(
    after: int, owed: bool, late: bool
) -> None:
    """One rang for two minutes, in vain; the other, who began meanwhile, was answered."""
    books = Books()
    miss = _rang_long(books, "CA1")
    books.wait(minutes=after)
    talk = call_from(outcome=Outcome.REACHED, sid="CA2")(books)
    books.wait(minutes=5)
    for fact in (talk, miss) if late else (miss, talk):
        _judged(books, fact)
    assert books.callback.open is owed
    assert (ClockKind.CALLBACK in _running(books)) is owed


def test_a_miss_that_was_answered_takes_no_call_from_another_behind_its_number_who_was_not() -> None:
    """One rings in vain and again, and is answered; another rang all the while. The first try is judged last."""
    books = Books()
    first = replace(_rang(books, "CA1"), ended_at=books.now + timedelta(minutes=1))
    books.wait(seconds=10)
    miss = _rang_long(books, "CA2")
    books.wait(minutes=1)
    talk = call_from(outcome=Outcome.REACHED, sid="CA3")(books)
    books.wait(minutes=5)
    for fact in (miss, talk, first):
        _judged(books, fact)
    assert books.callback.open
    assert set(books.callback.misses) == {first.id, miss.id}


@pytest.mark.parametrize(("after", "owed"), [(1, True), (2, False)], ids=["meanwhile", "at its end"])
def test_a_call_of_ours_that_began_while_the_customer_still_rang_answers_no_miss(after: int, owed: bool) -> None:
    books = Books()
    books.take(call_from(sid="CA1"))
    books.wait(minutes=5)
    miss = _rang_long(books, "CA2")
    books.wait(minutes=after)
    books.take(result_of(books.callback, "reached"))
    books.wait(minutes=5)
    _judged(books, miss)
    assert books.callback.open is owed
    assert (case_of_talk(miss, (), [books.callback]) is None) is owed


def test_a_miss_of_unknown_end_is_answered_by_what_began_after_it_and_by_nothing_that_began_with_it() -> None:
    books = Books()
    miss = _rang(books, "CA1")
    talk = replace(call_from(outcome=Outcome.REACHED, sid="CA2")(books), case_id="case")
    assert case_of_talk(miss, [talk], ()) is None
    assert case_of_talk(miss, [replace(talk, occurred_at=talk.occurred_at + timedelta(seconds=1))], ()) == "case"


@pytest.mark.parametrize("talked", [False, True], ids=["we rang", "and he was answered as well"])
@pytest.mark.parametrize("reason", [None, DECLINED], ids=["in vain", "no call needed"])
def test_a_call_promised_since_stands_whatever_a_miss_before_it_says(reason: str | None, talked: bool) -> None:
    """Another call was agreed on the telephone; only then comes the verdict of one that he had rung before."""
    books = Books()
    books.take(call_from(sid="CA1"))
    books.wait(minutes=5)
    miss = replace(_rang(books, "CA2"), reason=reason)
    books.wait(minutes=1)
    if talked:
        books.take(call_from(outcome=Outcome.REACHED, sid="CA3"))
        books.take(call_from(sid="CA4"))
        books.wait(minutes=1)
    later = books.now + timedelta(hours=5)
    books.take(result_of(books.callback, "call_again", promise=Promise(id="p", due_at=later, via="call")))
    agreed = books.callback
    books.wait(minutes=5)
    _judged(books, miss)
    after = books.callback
    assert after.open
    assert (after.due_at, after.asked_at_time, after.look_at) == (later, True, agreed.look_at)
    assert after.misses == (*agreed.misses, miss.id)


def test_who_hides_his_number_is_not_taken_for_another_who_did() -> None:
    books = Books()
    miss = call_from(number="anonymous", sid="CA1")(books)
    books.take(call_from(sid="CA2"))
    books.wait(minutes=1)
    books.take(result_of(books.callback, "reached"))
    hidden = replace(books.callback, number=None)
    assert case_of_talk(miss, (), [hidden]) is None
    assert case_of_talk(replace(miss, parties=call_from()(books).parties), (), [books.callback]) is not None


def test_a_talk_on_another_number_answers_no_miss() -> None:
    books = Books()
    miss = _rang(books, "CA1")
    books.wait(minutes=1)
    books.take(call_from(number="+442079460123", outcome=Outcome.REACHED, sid="CA2"))
    _judged(books, miss)
    assert (books.callback.number, books.callback.open) == (NUMBER, True)
