"""Figures that cannot flatter: percentiles with open ones, shares, budgets."""

from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.core.measure import (
    Budget,
    Objective,
    Percentile,
    Tally,
    budget,
    curve,
    objective,
    percentiles,
    share_within,
    tally,
)

LENGTHS = st.lists(st.integers(0, 50).map(float), max_size=40)


def naive(done: Sequence[float], still_open: Sequence[float], share: int) -> Percentile | None:
    """Kaplan and Meier as in the textbook: at each length, the product over all shorter ones, in fractions."""
    every = sorted({*done, *still_open})
    if not every:
        return None
    surviving = Fraction(1)
    for length in every:
        at_risk = sum(x >= length for x in done) + sum(x >= length for x in still_open)
        surviving *= 1 - Fraction(sum(x == length for x in done), at_risk)
        if 1 - surviving >= Fraction(share, 100) and length in done:
            return Percentile(length, False)
    return Percentile(every[-1], True)


@given(LENGTHS, LENGTHS, st.integers(1, 100))
def test_percentiles_are_those_of_the_textbook(done: list[float], still_open: list[float], share: int) -> None:
    assert percentiles(done, still_open, [share])[share] == naive(done, still_open, share)


@given(LENGTHS.filter(bool), st.integers(1, 100))
def test_without_open_ones_a_percentile_is_the_nearest_rank(done: list[float], share: int) -> None:
    rank = -(-share * len(done) // 100)
    assert percentiles(done, [], [share])[share] == Percentile(sorted(done)[rank - 1], False)


@given(LENGTHS.filter(bool), LENGTHS, st.integers(1, 100))
def test_open_ones_never_make_us_look_faster(done: list[float], still_open: list[float], share: int) -> None:
    with_open, without = percentiles(done, still_open, [share])[share], percentiles(done, [], [share])[share]
    assert with_open is not None
    assert without is not None
    assert with_open.seconds >= without.seconds


@given(LENGTHS, LENGTHS.filter(bool), st.integers(1, 99))
def test_what_still_runs_turns_out_no_faster_than_was_said_at_least(
    done: list[float], still_open: list[float], share: int
) -> None:
    """Whatever is "at least" so long is so long once all have ended, however late they do."""
    said = percentiles(done, still_open, [share])[share]
    assert said is not None
    later = percentiles([*done, *(seconds + 1000 for seconds in still_open)], [], [share])[share]
    assert later is not None
    assert later.seconds >= said.seconds or not said.at_least


def test_nothing_has_no_percentile_and_one_that_runs_is_at_least_so_long() -> None:
    assert percentiles([], []) == {50: None, 80: None, 90: None, 95: None, 99: None}
    assert percentiles([], [60.0], [50]) == {50: Percentile(60.0, True)}


def test_slow_ones_still_open_are_not_forgotten() -> None:
    done, stuck = [60.0] * 90, [7200.0] * 10
    assert percentiles(done, stuck, [90, 95]) == {90: Percentile(60.0, False), 95: Percentile(7200.0, True)}


def test_the_curve_rises_and_tells_the_share_at_any_length() -> None:
    points = curve([1.0, 1.0, 3.0, 9.0], [2.0])
    assert [point.seconds for point in points] == [1.0, 3.0, 9.0]
    assert share_within(points, 0.5) == 0
    assert share_within(points, 2.9) == pytest.approx(0.4)
    assert share_within(points, 3.0) == pytest.approx(0.7)
    assert share_within(points, 100) == pytest.approx(1.0)


def test_attainment_leaves_out_what_was_cancelled_and_what_still_runs() -> None:
    found = tally([("met", None)] * 8 + [("breached", None)] * 2 + [("cancelled", "closed")] * 5 + [("running", None)])
    assert (found.n, found.attainment, found.cancelled, found.all) == (10, 0.8, {"closed": 5}, 16)
    assert Tally().attainment is None


def test_tallies_add_up() -> None:
    one, other = Tally(met=1, cancelled={"closed": 1}), Tally(breached=2, running=1, cancelled={"merged": 3})
    assert one + other == Tally(met=1, breached=2, running=1, cancelled={"closed": 1, "merged": 3})


def rounded(aim: Objective, counted: Tally) -> Budget:
    found = budget(aim, counted)
    assert found is not None
    return found._replace(allowed=round(found.allowed, 6), left=round(found.left, 6))


def test_an_objective_leaves_a_budget_of_breaches() -> None:
    aim = objective("95% / 28d")
    assert aim == Objective(0.95, 28)
    assert rounded(aim, Tally(met=197, breached=3)) == Budget(10.0, 3, 7.0, True)
    assert rounded(aim, Tally(met=90, breached=10)) == Budget(5.0, 10, -5.0, False)
    assert budget(aim, Tally(running=3)) is None


def test_exactly_at_the_objective_it_is_met() -> None:
    assert rounded(Objective(0.95, 28), Tally(met=95, breached=5)) == Budget(5.0, 5, 0.0, True)


@pytest.mark.parametrize("text", [None, "", "95", "95% / 28", "101% / 28d", "0.95 / 28d"])
def test_what_is_no_objective_has_none(text: str | None) -> None:
    assert objective(text) is None
