"""The callback's table of states, every pair of it."""

from datetime import timedelta
from itertools import product

import pytest

from commsd.core.callback import NEXT, State, Step, after, claimed, released, with_number
from commsd.errors import IllegalStep
from tests.core.items import Books, call_from


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


def test_a_number_found_out_later_makes_the_call_possible() -> None:
    books = Books()
    books.take(call_from(number=""))
    known = with_number(books.callback, "+493023125098")
    assert (known.state, known.number) == (State.WAITING, "+493023125098")
