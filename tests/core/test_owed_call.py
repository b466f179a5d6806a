"""What interactions do to owed calls: they open, join, move and close them."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from commsd.core.callback import (
    Attempt,
    Callback,
    CloseReason,
    State,
    bridged,
    claimed,
    dialled,
    ended,
    escalated,
    held,
    tried,
)
from commsd.core.clock import State as Running
from commsd.core.entry import Entry, Hand, manual_interaction
from commsd.core.interaction import DECLINED, PUT_OFF, Channel, Direction, Interaction, Kind, Outcome, Promise
from commsd.core.owed_call import absorbed, both, taken_back
from commsd.core.policy import ClockKind
from commsd.errors import IllegalStep
from tests.core.items import TUESDAY, Books, call_from, given, result_of
from tests.house import TERMS

LATER = TUESDAY + timedelta(hours=5)
HOUR = timedelta(hours=1)


def _owed() -> Books:
    books = Books()
    books.take(call_from())
    return books


def _live(books: Books, *, joined: bool, over: bool = False) -> Callback:
    """The callback with an attempt of anna's that we placed."""
    attempt = Attempt(at=books.now, by="anna", result=None, id="try")
    callback = dialled(books.callback, attempt, books.now + HOUR)
    callback = bridged(callback, books.now + HOUR) if joined else callback
    callback = ended(callback, books.now, books.now + HOUR) if over else callback
    books.callbacks[callback.id] = callback
    return callback


def _entered(**more: Any) -> Callable[[Books], Interaction]:
    """An outbound call of anna's own to the customer, recorded by hand."""
    entry = Entry(channel=Channel.PHONE, direction=Direction.OUTBOUND, customer="+493023125099", **more)
    hand = Hand(by="anna", agent_id="anna", agent="Anna Berg")
    return lambda books: manual_interaction(entry, hand, books.items, TERMS)


def _promise(due_at: datetime) -> Promise:
    return Promise(id="promise", due_at=due_at, via="call")


def _by(who: str, make: Callable[[Books], Interaction]) -> Callable[[Books], Interaction]:
    return lambda books: replace(make(books), agent_id=who)


def test_q1_three_misses_are_one_call_whose_clock_is_the_first_ones() -> None:
    books = _owed()
    first = books.callback
    for sid in ("CA2", "CA3"):
        books.wait(minutes=20)
        books.take(call_from(sid=sid))
    merged = books.callback
    assert len(merged.misses) == 3
    assert (merged.opened_at, merged.due_at) == (first.opened_at, first.due_at)
    assert merged.rang_at == TUESDAY + timedelta(minutes=40)


def test_q1_who_rings_again_is_rung_at_once_whatever_was_agreed() -> None:
    books = _owed()
    books.take(result_of(books.callback, "call_again", promise=_promise(LATER)))
    assert books.callback.look_at == LATER
    books.wait(minutes=20)
    books.take(call_from(sid="CA2"))
    again = books.callback
    assert again.look_at is not None
    assert again.look_at <= books.now
    assert not again.asked_at_time
    assert again.due_at == LATER, "never later"


@pytest.mark.parametrize("state", [State.HELD, State.ESCALATED, State.CLAIMED, State.DIALLING])
def test_q1_a_further_miss_takes_the_call_out_of_nobodys_hand(state: State) -> None:
    books = _owed()
    callback = books.callback
    moved = {
        State.HELD: held(callback, "region:LV"),
        State.ESCALATED: escalated(callback),
        State.CLAIMED: claimed(callback, "anna", books.now),
        State.DIALLING: dialled(callback, Attempt(at=books.now, by="anna", result=None, id="try"), LATER),
    }[state]
    books.callbacks[moved.id] = moved
    books.take(call_from(sid="CA2"))
    assert (books.callback.state, books.callback.look_at) == (state, moved.look_at)
    assert len(books.callback.misses) == 2


def test_q1_distinct_purposes_are_kept_when_two_calls_become_one() -> None:
    assert both("the invoice", "the delivery") == "the invoice; the delivery"
    assert both("the invoice; the delivery", "the invoice") == "the invoice; the delivery"
    assert both(None, "the delivery") == "the delivery"
    books = _owed()
    one = replace(books.callback, purpose="the invoice", questions=("when?",), due_at=LATER)
    older: dict[str, object] = {"opened_at": one.opened_at - HOUR, "due_at": LATER - HOUR}
    other = replace(one, id="other", purpose="the delivery", questions=("why?",), **given(older))
    merged = absorbed(one, other)
    assert merged.purpose == "the invoice; the delivery"
    assert merged.questions == ("when?", "why?")
    assert (merged.opened_at, merged.due_at) == (other.opened_at, other.due_at), "the oldest clock stays"


def test_calls_that_become_one_keep_all_tries_so_that_the_customer_is_not_rung_oftener() -> None:
    books = _owed()
    tries = [Attempt(at=TUESDAY + n * HOUR, by="anna", result="busy") for n in range(3)]
    one = replace(books.callback, attempts=tuple(tries[::2]))
    other = replace(books.callback, id="other", attempts=(tries[1],))
    assert absorbed(one, other).attempts == tuple(tries)


def test_who_rings_again_within_half_an_hour_of_the_end_is_owed_the_same_call_at_once() -> None:
    books = _owed()
    books.take(result_of(books.callback, "reached"))
    assert books.callback.look_at is None
    books.wait(minutes=20)
    books.take(call_from(sid="CA2"))
    again = books.callback
    assert (again.state, again.close_reason) == (State.WAITING, None)
    assert again.look_at is not None
    assert again.look_at <= books.now


@pytest.mark.parametrize("result", ["reached", "call_again", "declined"])
def test_q4_nobody_was_reached_whose_telephone_was_never_joined(result: str) -> None:
    books = _owed()
    callback = _live(books, joined=False)
    promise = {"promise": _promise(LATER)} if result == "call_again" else {}
    with pytest.raises(IllegalStep, match="never on the line"):
        books.take(result_of(callback, result, **promise))


def test_q4_a_bridge_alone_closes_nothing() -> None:
    books = _owed()
    callback = _live(books, joined=True, over=True)
    bridge = result_of(callback, "reached")
    books.take(lambda b: replace(fact := bridge(b), detail=replace(fact.detail, result=None)))
    assert books.callback.state is State.CONFIRM


def test_q4_a_bridge_and_our_persons_word_close_it() -> None:
    books = _owed()
    callback = _live(books, joined=True, over=True)
    books.take(result_of(callback, "reached"))
    assert books.callback.close_reason is CloseReason.REACHED
    (attempt,) = books.callback.attempts
    assert (attempt.id, attempt.result) == ("try", "reached"), "one attempt, not two"


def test_q4_the_customers_voicemail_leaves_the_call_owed() -> None:
    books = _owed()
    callback = _live(books, joined=True, over=True)
    books.take(result_of(callback, "voicemail"))
    assert (books.callback.state, books.callback.live) == (State.WAITING, None)
    assert books.callback.look_at is not None


def test_q4_who_rings_from_a_telephone_of_their_own_needs_no_bridge() -> None:
    books = _owed()
    books.callbacks[books.callback.id] = claimed(books.callback, "anna", books.now)
    books.take(result_of(books.callback, "reached"))
    assert books.callback.close_reason is CloseReason.REACHED


def test_somebody_elses_try_meanwhile_leaves_the_call_under_way_alone() -> None:
    books = _owed()
    callback = _live(books, joined=False)
    books.take(_by("bo", result_of(callback, "voicemail")))
    after = books.callback
    assert (after.state, after.live) == (State.DIALLING, callback.live)
    assert [attempt.by for attempt in after.attempts] == ["bo", "anna"]
    books.take(_by("bo", result_of(callback, "reached")))
    assert books.callback.state is State.CLOSED
    assert books.callback.look_at == books.now, "the call that is no longer needed is let go"


def test_a_placed_call_in_vain_says_how_in_its_reason() -> None:
    books = _owed()
    callback = _live(books, joined=False)
    vain = result_of(callback, "voicemail")

    def busy(books: Books) -> Interaction:
        fact = vain(books)
        detail = replace(fact.detail, result=None)
        return replace(fact, kind=Kind.CALL, outcome=Outcome.NOT_REACHED, reason="busy", detail=detail)

    books.take(busy)
    assert books.callback.state is State.WAITING
    assert [attempt.result for attempt in books.callback.attempts] == ["busy"]


@pytest.mark.parametrize("result", ["call_again", "partly"])
def test_q10_a_call_agreed_on_has_its_own_time_and_its_questions(result: str) -> None:
    books = _owed()
    books.take(result_of(books.callback, result, promise=_promise(LATER), questions=("when?",)))
    after = books.callback
    assert (after.state, after.due_at, after.asked_at_time, after.look_at) == (State.WAITING, LATER, True, LATER)
    assert after.questions == ("when?",)


def test_what_somebody_else_agreed_on_waits_until_the_call_under_way_is_over() -> None:
    books = _owed()
    attempt = Attempt(at=books.now, by="bo", result=None, id="try")
    books.callbacks[books.callback.id] = dialled(books.callback, attempt, books.now + HOUR)
    books.take(result_of(books.callback, "call_again", promise=_promise(LATER)))  # anna, on her own telephone
    during = books.callback
    assert (during.state, during.live, during.due_at) == (State.DIALLING, attempt, LATER)
    after = tried(during, "no_answer", books.now)
    assert (after.state, after.look_at) == (State.WAITING, LATER)


def test_a_call_whose_last_miss_never_happened_is_not_dialled() -> None:
    books = _owed()
    (miss,) = (f for file in books.files.values() for f in file.interactions if f.outcome is Outcome.MISSED)
    (gone,) = taken_back(miss, (books.callback,), books.now, reopens=True)
    assert (gone.state, gone.look_at) == (State.CLOSED, None)


def test_a_result_that_was_never_true_leaves_the_call_owed_at_once_and_its_legs_on_record() -> None:
    books = _owed()
    callback = _live(books, joined=True, over=True)
    said = books.take(result_of(callback, "reached")).interactions[0]
    (again,) = taken_back(said, (books.callback,), books.now, reopens=True)
    assert again.state is State.WAITING
    assert again.look_at is not None
    assert [(attempt.id, attempt.result) for attempt in again.attempts] == [("try", "unsaid")]


def test_who_rings_again_is_owed_the_call_that_ended_last_and_never_one_that_was_merged_into_it() -> None:
    books = _owed()
    kept = replace(books.callback, id="a", state=State.CLOSED, close_reason=CloseReason.REACHED, closed_at=books.now)
    older = replace(kept, id="b", closed_at=books.now - HOUR / 4)
    merged = replace(kept, id="c", close_reason=CloseReason.MERGED)
    books.callbacks = {each.id: each for each in (older, merged, kept)}
    books.now += HOUR / 6
    books.take(call_from(sid="CA" + "9" * 32))
    assert {each.id for each in books.callbacks.values() if each.open} == {"a"}


def test_a_miss_after_the_talk_stays_owed_however_late_the_talk_is_told() -> None:
    """Its webhooks were lost and Twilio was asked later; he rang again in between, in vain."""
    books = Books()
    talk = call_from(outcome=Outcome.REACHED, sid="CA1")(books)
    books.wait(minutes=5)
    books.take(call_from(sid="CA2"))
    books.wait(minutes=10)
    books.take(lambda _: talk)
    assert books.callback.open
    assert len(books.callback.misses) == 1


def test_a_miss_that_is_judged_after_a_later_talk_is_on_record_and_owed_no_call() -> None:
    """Its end was lost, so its verdict came by time; meanwhile he rang again and was answered."""
    books = Books()
    miss = call_from(sid="CA1")(books)
    books.wait(minutes=1)
    books.take(call_from(outcome=Outcome.REACHED, sid="CA2"))
    books.wait(minutes=10)
    change = books.take(lambda _: miss)
    assert (books.callback.close_reason, books.callback.misses) == (CloseReason.ANSWERED_INBOUND, (miss.id,))
    assert [event.type for event in change.events if event.type.startswith("callback.")] == ["callback.closed"]
    running = [clock for file in books.files.values() for clock in file.clocks if clock.value.state is Running.RUNNING]
    assert [clock.value.clock for clock in running if clock.value.clock is ClockKind.CALLBACK] == []


def test_a_miss_of_another_number_or_after_the_talk_is_owed_whoever_was_answered() -> None:
    books = Books()
    late = call_from(number="+442079460123", sid="CA1")(books)
    books.wait(minutes=1)
    books.take(call_from(outcome=Outcome.REACHED, sid="CA2"))
    books.take(lambda _: late)
    books.wait(minutes=1)
    books.take(call_from(sid="CA3"))
    assert [callback.open for callback in books.callbacks.values()] == [True, True]


def test_who_wants_no_calls_and_rings_again_is_looked_at_again_for_he_may_have_asked_for_one() -> None:
    books = _owed()
    books.callbacks[books.callback.id] = held(books.callback, "dnc")
    books.wait(minutes=5)
    books.take(call_from(sid="CA2"))
    assert (books.callback.state, books.callback.look_at) == (State.HELD, books.now)
    books.callbacks[books.callback.id] = held(replace(books.callback, state=State.WAITING), "type:premium_rate")
    books.take(call_from(sid="CA3"))
    assert books.callback.look_at is None, "a costly number does not become cheaper"


def test_of_two_misses_the_later_stays_owed_where_the_earlier_turns_out_to_be_a_talk() -> None:
    books = _owed()
    (earlier,) = books.callback.misses
    books.wait(minutes=5)
    books.take(call_from(sid="CA2"))
    later = books.callback.misses[1]
    talk = next(fact for file in books.files.values() for fact in file.interactions if fact.id == earlier)
    books.take(lambda _: replace(talk, revision=talk.revision + 1, outcome=Outcome.REACHED))
    assert books.callback.open
    assert books.callback.misses == (later,)


def test_who_declined_and_then_rang_again_is_owed_a_call_however_late_the_first_is_told() -> None:
    books = Books()
    declined = replace(call_from(sid="CA1")(books), reason=DECLINED)
    books.wait(minutes=5)
    books.take(call_from(sid="CA2"))
    books.take(lambda _: declined)
    assert books.callback.open
    assert len(books.callback.misses) == 2


def test_r6_a_miss_that_is_found_late_gives_the_callback_its_earlier_place_in_the_line() -> None:
    books = Books()
    found_late = call_from(sid="CA1")(books)
    books.wait(minutes=5)
    books.take(call_from(sid="CA2"))
    rang_at = books.callback.rang_at
    books.wait(minutes=5)
    books.take(lambda _: found_late)
    assert books.callback.opened_at == TUESDAY
    assert books.callback.rang_at == rang_at
    assert books.callback.look_at == TUESDAY


def test_a_try_in_vain_of_ones_own_never_puts_a_held_number_back_into_the_queue() -> None:
    books = _owed()
    books.callbacks[books.callback.id] = held(books.callback, "type:premium_rate")
    for said in (Outcome.NOT_REACHED, Outcome.LEFT_MESSAGE):
        books.take(_entered(kind=Kind.ATTEMPT, outcome=said))
        assert (books.callback.state, books.callback.attempts) == (State.HELD, ())
    books.take(_entered(kind=Kind.CALL))
    assert (books.callback.state, books.callback.close_reason) == (State.CLOSED, CloseReason.REACHED)


def test_a_call_of_ones_own_while_ours_is_under_way_is_no_result_of_ours() -> None:
    books = _owed()
    live = _live(books, joined=False)
    books.take(_entered(kind=Kind.CALL))
    assert books.callback.live == live.live


def _meeting(at: datetime, **detail: Any) -> Callable[[Books], Interaction]:
    """A meeting with the customer, entered when it was long over."""

    def make(books: Books) -> Interaction:
        fact = replace(
            call_from(outcome=Outcome.REACHED)(books),
            channel=Channel.IN_PERSON,
            kind=Kind.MEETING,
            occurred_at=at,
            case_id=books.callback.case_id,
        )
        return replace(fact, detail=replace(fact.detail, **detail))

    return make


@pytest.mark.parametrize("promise", [None, _promise(LATER)])
def test_q3_a_meeting_before_the_customer_rang_again_leaves_his_call_owed_at_once(promise: Promise | None) -> None:
    books = _owed()
    books.wait(minutes=40)
    books.take(call_from(sid="CA2"))
    books.wait(minutes=20)
    before = books.callback
    books.take(_meeting(TUESDAY + timedelta(minutes=30), promise=promise))
    assert (books.callback.state, books.callback.look_at) == (State.WAITING, before.look_at)
    books.take(_meeting(books.now, promise=promise))
    assert books.callback.open is (promise is not None)
    assert promise is None or books.callback.look_at == LATER


@pytest.mark.parametrize(("named", "state"), [(True, Running.CANCELLED), (False, Running.RUNNING)])
def test_a_text_with_a_time_puts_off_only_the_call_that_it_names(named: bool, state: Running) -> None:
    books = _owed()
    callback = books.callback

    def text(books: Books) -> Interaction:
        fact = replace(call_from(outcome=Outcome.REACHED)(books), channel=Channel.SMS, kind=Kind.MESSAGE)
        detail = replace(fact.detail, order=PUT_OFF, callbacks=(callback.id,) if named else ())
        return replace(fact, case_id=callback.case_id, detail=detail)

    books.take(text)
    (clock,) = (each for each in books.items.files[callback.case_id].clocks if each.value.clock is ClockKind.CALLBACK)
    assert clock.value.state is state
