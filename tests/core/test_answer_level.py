"""The service level: what counts, and that it falls once until it has risen clear of its target."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.core.answer_level import ENOUGH, Level, Rung, falls, level_of

NOON = datetime(2026, 3, 10, 12, tzinfo=UTC)
S = timedelta(seconds=1)
WITHIN = 20 * S


def calls(text: str) -> list[Rung]:
    """A letter a call: a answered in time, l late, m missed, s gone at once, c closed."""
    made: dict[str, Any] = {
        "a": {"answered": True, "waited": 5 * S},
        "l": {"answered": True, "waited": 21 * S},
        "m": {"answered": False, "waited": 40 * S, "reason": "no_answer"},
        "s": {"answered": False, "waited": 3 * S, "reason": "abandoned_greeting"},
        "c": {"answered": False, "waited": 3 * S, "reason": "closed"},
    }
    return [Rung(id=f"{n:03}", at=NOON + n * S, **made[letter]) for n, letter in enumerate(text)]


def test_answered_in_time_is_a_share_of_those_who_waited_in_the_hours() -> None:
    level = level_of(calls("aaalmmscc"), WITHIN)
    assert level == Level(in_time=3, late=1, missed=2, short=1)
    assert (level.offered, level.share) == (6, 0.5)
    assert level_of([], WITHIN).share is None


def test_a_level_that_falls_is_told_once_while_it_stays_down() -> None:
    found = falls(calls("aaaaaaaa" + "mmm" + "mmmm"), 0.8, WITHIN)
    assert [(fall.call, round(fall.level.share or 0, 2)) for fall in found] == [("010", 0.73)]


def test_it_can_fall_again_only_after_it_rose_clear_of_its_target() -> None:
    wavers = "aaaaaaaa" + "mmm" + "aaaa" + "m" + "a" * 4 + "m"
    assert len(falls(calls(wavers), 0.8, WITHIN)) == 1
    recovers = "aaaaaaaa" + "mmm" + "a" * 20 + "m" * 10
    assert len(falls(calls(recovers), 0.8, WITHIN)) == 2


def test_few_calls_alarm_nobody() -> None:
    assert falls(calls("m" * (ENOUGH - 1)), 0.8, WITHIN) == ()
    assert len(falls(calls("m" * ENOUGH), 0.8, WITHIN)) == 1


@pytest.mark.parametrize("share", [1.0])
def test_an_aim_of_all_calls_falls_with_one_and_never_comes_back(share: float) -> None:
    assert len(falls(calls("a" * 20 + "m" + "a" * 50 + "m"), share, WITHIN)) == 1


@given(st.text("almsc", max_size=80), st.floats(0.1, 1.0))
def test_what_was_told_stays_told_as_further_calls_come(text: str, share: float) -> None:
    whole = [fall.call for fall in falls(calls(text), share, WITHIN)]
    for end in range(len(text)):
        part = [fall.call for fall in falls(calls(text[:end]), share, WITHIN)]
        assert part == whole[: len(part)]


@given(st.text("almsc", max_size=40))
def test_the_order_in_which_calls_are_read_makes_no_difference(text: str) -> None:
    read = calls(text)
    assert falls(read, 0.8, WITHIN) == falls(read[::-1], 0.8, WITHIN)
    assert level_of(read, WITHIN) == level_of(read[::-1], WITHIN)
