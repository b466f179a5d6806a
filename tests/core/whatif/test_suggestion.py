"""Targets that history would have met, and how sure that is: the same each time, and as a bootstrap by draws has it."""

from collections.abc import Iterator
from hashlib import blake2b
from itertools import count

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.core.whatif.suggestion import interval, round_up, suggestions

HOUR = 3600.0
LENGTHS = st.lists(st.floats(0, 30 * HOUR), min_size=30, max_size=200)


def draws(below: int) -> Iterator[int]:
    """Numbers below this, as if thrown, the same in each run."""
    return (int.from_bytes(blake2b(b"%d" % n, digest_size=8).digest()) % below for n in count())


@given(LENGTHS)
def test_a_suggested_target_is_met_as_often_as_it_says(done: list[float]) -> None:
    for made in suggestions(done, []):
        assert made.target is not None
        assert sum(seconds <= made.target for seconds in done) >= len(done) * made.aim / 100


@given(LENGTHS)
def test_the_suggestion_lies_within_its_interval(done: list[float]) -> None:
    for made in suggestions(done, []):
        assert made.low is not None
        assert made.target is not None
        assert made.high is not None
        assert made.low <= made.target <= made.high


@given(LENGTHS, st.integers(1, 50))
def test_those_that_never_ended_make_no_target_shorter(done: list[float], late: int) -> None:
    without = suggestions(done, [])
    for before, after in zip(without, suggestions(done, [1000 * HOUR] * late), strict=True):
        assert after.target is None or (before.target is not None and after.target >= before.target)


def test_where_too_many_are_open_no_target_is_met() -> None:
    assert {made.target for made in suggestions([HOUR] * 20, [90 * HOUR] * 20)} == {None}


def test_one_that_has_just_begun_says_nothing() -> None:
    (at_90, *_) = suggestions([HOUR] * 40, [1.0] * 40)
    assert at_90.target == HOUR


def test_fewer_than_thirty_are_not_enough() -> None:
    assert suggestions([HOUR] * 28, [HOUR]) == ()


@pytest.mark.parametrize(
    ("seconds", "target"), [(0, 60), (60, 60), (61, 120), (3601, 5400), (15000, 18000), (500 * HOUR + 1, None)]
)
def test_a_target_is_rounded_up_to_one_that_people_set(seconds: float, target: float | None) -> None:
    assert round_up(seconds) == target


@pytest.mark.parametrize(("n", "k"), [(30, 27), (100, 95), (200, 180)])
def test_the_interval_is_that_of_a_bootstrap_by_draws(n: int, k: int) -> None:
    throw = draws(n)
    places = sorted(sorted(next(throw) for _ in range(n))[k - 1] for _ in range(1000))
    low, high = interval(n, k)
    assert abs(low - places[25]) <= 2
    assert abs(high - places[975]) <= 2
