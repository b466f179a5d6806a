"""How much of a clock's time has gone."""

from datetime import timedelta

from commsd.core.gauge import Gauge, gauge
from tests.core.sla_builders import OFFICE, H, on


def test_time_is_counted_as_the_target_counts_it() -> None:
    got = gauge(OFFICE, on(16), on(11, day=3), on(20))  # one of three hours gone, and the office is closed
    assert got == Gauge(used=1 / 3, left=2 * H, late=timedelta(0), in_hours=False)


def test_late_is_told_in_open_time() -> None:
    got = gauge(OFFICE, on(9), on(16), on(10, day=3))
    assert got == Gauge(used=1.0, left=timedelta(0), late=2 * H, in_hours=True)


def test_without_a_calendar_real_time_counts() -> None:
    assert gauge(None, on(8), on(20), on(17)) == Gauge(used=0.75, left=3 * H, late=timedelta(0), in_hours=True)


def test_at_the_due_instant_nothing_is_left_and_nobody_is_late() -> None:
    assert gauge(OFFICE, on(9), on(10), on(10)) == Gauge(used=1.0, left=0 * H, late=0 * H, in_hours=True)


def test_a_clock_whose_hours_never_came_is_not_divided_by_nothing() -> None:
    assert gauge(OFFICE, on(18), on(19), on(18, 30)).used == 1.0


def test_a_due_time_moved_into_closed_hours_is_never_more_than_used_up() -> None:
    assert gauge(OFFICE, on(16), on(18), on(17, 30)).used == 1.0
