"""The callback's table of states, every pair of it."""

from dataclasses import replace
from datetime import timedelta
from itertools import product

import pytest
from sqlalchemy import select

from commsd.core.callback import (
    LEASE,
    NEXT,
    Attempt,
    Callback,
    CloseReason,
    Passed,
    State,
    Step,
    after,
    bridged,
    claimed,
    closed,
    dialled,
    ended,
    escalated,
    held,
    let_through,
    passed_on,
    released,
    tried,
    with_attempt,
    with_number,
    word_of,
)
from commsd.core.change import Change
from commsd.errors import IllegalStep
from commsd.store import schema
from commsd.store.log import Log
from tests.core.items import TUESDAY, Books, call_from, given

MINUTE = timedelta(minutes=1)


@pytest.mark.parametrize(("state", "step"), list(product(State, Step)))
def test_the_table_alone_says_what_follows(state: State, step: Step) -> None:
    if (state, step) in NEXT:
        assert after(state, step) is NEXT[state, step]
    else:
        with pytest.raises(IllegalStep, match=step.value):
            after(state, step)


def test_nothing_leaves_closed() -> None:
    assert [step for state, step in NEXT if state is State.CLOSED] == []


def test_every_open_state_can_be_closed() -> None:
    assert all((state, Step.CLOSE) in NEXT for state in State if state is not State.CLOSED)


def test_every_state_is_reached_by_the_table() -> None:
    assert {*NEXT.values(), State.NEEDS_NUMBER} == set(State)


def test_a_claim_lasts_half_an_hour_and_can_be_given_back() -> None:
    books = Books()
    books.take(call_from())
    mine = claimed(books.callback, "anna", books.now)
    assert (mine.state, mine.owner, mine.claimed_until) == (State.CLAIMED, "anna", books.now + timedelta(minutes=30))
    with pytest.raises(IllegalStep):
        claimed(mine, "bo", books.now)
    assert released(mine).state is State.WAITING


def test_q11_who_gives_a_call_back_says_why_and_the_third_time_it_is_the_leads() -> None:
    books = Books()
    books.take(call_from())
    callback = books.callback
    for number in range(1, 4):
        mine = claimed(callback, "anna", books.now)
        callback = passed_on(mine, "anna", f"reason {number}", books.now)
        assert callback.state is (State.WAITING if number < 3 else State.ESCALATED)
        assert callback.owner is None, "it is anybody's, not hers"
        assert callback.claimed_until is None
    assert [each.why for each in callback.passed] == ["reason 1", "reason 2", "reason 3"]
    again = passed_on(claimed(callback, "bo", books.now), "bo", None, books.now)
    assert again.state is State.WAITING, "the lead may hand it on"


def test_q11_only_what_is_in_a_hand_can_be_given_back() -> None:
    books = Books()
    books.take(call_from())
    twice = replace(books.callback, passed=(Passed(at=books.now, by="anna"),) * 2)
    for callback in (books.callback, twice):
        with pytest.raises(IllegalStep):
            passed_on(callback, "anna", None, books.now)


def test_a_number_found_out_later_makes_the_call_possible() -> None:
    books = Books()
    books.take(call_from(number=""))
    known = with_number(books.callback, "+493023125098")
    assert (known.state, known.number) == (State.WAITING, "+493023125098")


def _attempt(number: int = 1, **more: object) -> Attempt:
    return replace(Attempt(at=TUESDAY, by="anna", result=None, id=f"try-{number}"), **given(more))


def _missed() -> Callback:
    books = Books()
    books.take(call_from())
    return books.callback


def _talking() -> Callback:
    return bridged(dialled(_missed(), _attempt(), TUESDAY + MINUTE), TUESDAY + MINUTE, "CAcustomer")


def test_q6_a_claim_is_looked_at_when_it_ends_and_a_lost_one_goes_back_into_the_line() -> None:
    mine = claimed(_missed(), "anna", TUESDAY)
    assert mine.look_at == mine.claimed_until
    free = released(mine)
    assert (free.state, free.claimed_until, free.look_at) == (State.WAITING, None, free.opened_at)


def test_q6_the_dialler_claims_for_a_minute() -> None:
    assert claimed(_missed(), "anna", TUESDAY, LEASE).claimed_until == TUESDAY + timedelta(seconds=60)


def test_two_attempts_never_live_at_once() -> None:
    first = dialled(_missed(), _attempt(), TUESDAY)
    with pytest.raises(IllegalStep):
        dialled(first, _attempt(2), TUESDAY)
    waits = replace(first, state=State.WAITING)  # whatever the state says
    with pytest.raises(IllegalStep, match="under way"):
        dialled(waits, _attempt(2), TUESDAY)


def test_what_has_no_number_is_not_dialled() -> None:
    with pytest.raises(IllegalStep, match="no number"):
        dialled(replace(_missed(), number=None), _attempt(), TUESDAY)


def test_an_attempt_goes_from_the_order_to_the_question_what_came_of_it() -> None:
    order = dialled(_missed(), _attempt(), TUESDAY + MINUTE)
    assert (order.state, order.live, order.look_at) == (State.DIALLING, _attempt(), TUESDAY + MINUTE)
    known = with_attempt(order, replace(_attempt(), call_sid="CAagent"))
    talk = bridged(known, TUESDAY + 2 * MINUTE, "CAcustomer")
    assert talk.live == _attempt(call_sid="CAagent", customer_sid="CAcustomer", bridged=True)
    over = ended(talk, TUESDAY + 3 * MINUTE, TUESDAY + 5 * MINUTE)
    assert (over.state, over.look_at) == (State.CONFIRM, TUESDAY + 5 * MINUTE)
    assert over.live is not None, "until somebody says what came of it"
    assert over.live.ended_at == TUESDAY + 3 * MINUTE


def test_an_attempt_in_vain_is_planned_anew_at_once() -> None:
    again = tried(dialled(_missed(), _attempt(), TUESDAY), "busy", TUESDAY + MINUTE)
    assert (again.state, again.live, again.look_at) == (State.WAITING, None, again.opened_at)
    assert again.attempts == (_attempt(result="busy", ended_at=TUESDAY + MINUTE),)


def test_a_held_call_is_let_through_once_and_by_name() -> None:
    kept = held(_missed(), "region:LV")
    assert (kept.state, kept.held, kept.look_at) == (State.HELD, "region:LV", None)
    with pytest.raises(IllegalStep, match="nobody"):
        let_through(kept, None)
    free = released(kept, "anna")
    assert (free.state, free.held, free.released) == (State.WAITING, None, "anna")
    placed = dialled(free, _attempt(), TUESDAY)
    assert placed.released is None, "one call, not the next"
    assert placed.live is not None
    assert placed.live.released == "anna"


def test_a_call_closed_while_it_is_made_is_looked_at_at_once_and_then_never() -> None:
    gone = closed(_talking(), CloseReason.CLOSED_BY_HUMAN, TUESDAY + MINUTE)
    assert gone.look_at == TUESDAY + MINUTE
    after_all = ended(gone, TUESDAY + 2 * MINUTE, TUESDAY + 4 * MINUTE)
    assert (after_all.state, after_all.look_at, after_all.live) == (State.CLOSED, None, None)
    assert tried(gone, "no_answer", TUESDAY + MINUTE).state is State.CLOSED


def test_a_call_closed_before_anybody_said_what_came_of_it_keeps_no_attempt_alive() -> None:
    asked = ended(_talking(), TUESDAY, TUESDAY + MINUTE)
    gone = closed(asked, CloseReason.ANSWERED_INBOUND, TUESDAY + MINUTE)
    assert (gone.live, gone.attempts[-1].result, gone.look_at) == (None, "unsaid", None)


@pytest.mark.parametrize(
    "wrong",
    [
        {"state": State.CLOSED},
        {"state": State.CLOSED, "closed_at": TUESDAY},
        {"close_reason": CloseReason.REACHED},
        {"state": State.CLOSED, "closed_at": TUESDAY, "close_reason": CloseReason.ANSWERED_OTHER_CHANNEL},
    ],
)
async def test_q3_the_store_refuses_an_end_without_one_of_its_reasons(wrong: dict[str, object], log: Log) -> None:
    unsound = replace(_missed(), **given(wrong))
    with pytest.raises(IllegalStep):
        await log.decide((), lambda _: Change(callbacks=(unsound,)))
    assert await log.read(lambda c: c.execute(select(schema.callbacks)).all()) == []


@pytest.mark.parametrize("reason", CloseReason)
async def test_q3_the_store_takes_every_reason_there_is(reason: CloseReason, log: Log) -> None:
    sound = closed(_missed(), reason, TUESDAY, "some-interaction")
    await log.decide((), lambda _: Change(callbacks=(sound,)))
    assert len(await log.read(lambda c: c.execute(select(schema.callbacks)).all())) == 1


def test_q2_no_state_and_no_reason_is_called_expired() -> None:
    assert not any("expire" in word for word in (*State, *CloseReason, *Step))
    assert {step for (_, step), to in NEXT.items() if to is State.CLOSED} == {Step.CLOSE}


def test_what_the_feed_calls_each_step() -> None:
    callback = _missed()
    mine = claimed(callback, "anna", TUESDAY)
    order = dialled(callback, _attempt(), TUESDAY)
    steps = [
        (callback, None, "opened"),
        (mine, callback, "claimed"),
        (released(mine), mine, "released"),
        (held(callback, "dnc"), callback, "held"),
        (released(held(callback, "dnc"), "anna"), held(callback, "dnc"), "released"),
        (escalated(callback), callback, "escalated"),
        (order, callback, "updated"),
        (tried(order, "busy", TUESDAY), order, "attempted"),
        (closed(callback, CloseReason.MERGED, TUESDAY), callback, "closed"),
        (callback, closed(callback, CloseReason.MERGED, TUESDAY), "reopened"),
    ]
    assert [(word_of(now, before), word) for now, before, word in steps if word_of(now, before) != word] == []
