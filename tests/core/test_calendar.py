"""Business time: the worked rows of the shared file, and every function against a clock read minute by minute."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from commsd.core.calendar import (
    Calendar,
    Window,
    add,
    between,
    closing_after,
    end_of_business_day,
    hours_of,
    is_open,
    next_opening,
    open_intervals,
    window,
)
from commsd.sla.trial.deviation import Sum, deviations
from tests.core import sla_oracle
from tests.core.naive_hours import NaiveHours
from tests.core.sla_strategies import ZONES_AND_CHANGES, calendars
from tests.neighbours.absent import absent

SUMS = sla_oracle.loaded().sums
H, M = timedelta(hours=1), timedelta(minutes=1)
OFFICE = Calendar(name="office", tz="Europe/Berlin", weekly={day: (window("09:00-17:00"),) for day in range(5)})
NIGHT = Calendar(name="night", tz="Europe/Berlin", weekly={day: (window("22:00-06:00"),) for day in range(7)})
ALWAYS = Calendar(name="always", tz="UTC", weekly={day: (window("00:00-24:00"),) for day in range(7)})
NEVER = Calendar(name="never", tz="UTC", weekly={})


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin")).astimezone(UTC)


@pytest.mark.parametrize("row", SUMS or [None], ids=lambda row: row.id if row else "absent")
def test_a_worked_row_comes_out_as_worked(row: Sum | None) -> None:
    if row is None:
        absent(f"{sla_oracle.EXAMPLES} is not there: set COMMSD_SHARED")
    assert deviations([row]) == ()


# against a clock read minute by minute


@given(data=st.data(), calendar=calendars())
def test_intervals_sums_and_due_times_are_those_of_a_clock_read_minute_by_minute(
    data: st.DataObject, calendar: Calendar
) -> None:
    around = data.draw(st.sampled_from(ZONES_AND_CHANGES[calendar.tz]))
    begin = around - timedelta(days=3)
    naive = NaiveHours(calendar, begin, days=7, step=5 * M)
    minutes = st.integers(0, 2 * 24 * 12).map(lambda n: begin + timedelta(days=1) + n * 5 * M)
    a, b = sorted((data.draw(minutes), data.draw(minutes)))
    ticks = naive.ticks(a, b)
    assert between(calendar, a, b) == sum(map(naive.open, ticks)) * 5 * M
    assert [is_open(calendar, tick) for tick in ticks] == [naive.open(tick) for tick in ticks]
    covered = [any(s <= tick < e for s, e in open_intervals(calendar, a, b)) for tick in ticks]
    assert covered == [naive.open(tick) for tick in ticks]
    open_time = between(calendar, a, b)
    if open_time:
        due = add(calendar, a, open_time)
        last = max(tick for tick in ticks if naive.open(tick))
        assert due == last + 5 * M


@given(data=st.data(), calendar=calendars())
def test_open_time_adds_up_whatever_the_microsecond(data: st.DataObject, calendar: Calendar) -> None:
    around = data.draw(st.sampled_from(ZONES_AND_CHANGES[calendar.tz]))
    micro = st.integers(0, 10**11 * 5).map(lambda n: around - timedelta(days=3) + timedelta(microseconds=n))
    a, b, c = sorted(data.draw(micro) for _ in range(3))
    assert between(calendar, a, b) + between(calendar, b, c) == between(calendar, a, c)
    passed = between(calendar, a, b)
    due = add(calendar, a, passed)
    assert due is not None
    assert due <= b
    assert between(calendar, a, due) == passed
    assert passed == timedelta(0) or between(calendar, a, due - timedelta(microseconds=1)) < passed


@given(data=st.data(), calendar=calendars())
def test_cutting_a_window_in_two_changes_nothing(data: st.DataObject, calendar: Calendar) -> None:
    around = data.draw(st.sampled_from(ZONES_AND_CHANGES[calendar.tz]))
    cut = {day: _cut(data, windows) for day, windows in calendar.weekly.items()}
    pieces = Calendar(name="cut", tz=calendar.tz, weekly=cut, dates=calendar.dates)
    a, b = around - timedelta(days=4), around + timedelta(days=4)
    assert open_intervals(pieces, a, b) == open_intervals(calendar, a, b)


def _cut(data: st.DataObject, windows: tuple[Window, ...]) -> tuple[Window, ...]:
    cut: list[Window] = []
    for each in windows:
        at = (
            data.draw(st.integers(each.start + 1, min(each.end, 24 * 60) - 1))
            if each.end - each.start > 1
            else each.end
        )
        cut += [Window(each.start, at), Window(at, each.end)] if at < each.end else [each]
    return tuple(cut)


@given(data=st.data(), calendar=calendars())
@example(data=None, calendar=NEVER)
def test_openings_and_closings_are_the_ends_of_the_intervals(data: st.DataObject | None, calendar: Calendar) -> None:
    around = data.draw(st.sampled_from(ZONES_AND_CHANGES[calendar.tz])) if data else datetime(2026, 3, 1, tzinfo=UTC)
    at = around + timedelta(minutes=data.draw(st.integers(-3000, 3000)) if data else 0)
    intervals = [i for i in open_intervals(calendar, at - timedelta(days=9), at + timedelta(days=99)) if i[1] > at]
    assert next_opening(calendar, at) == (max(at, intervals[0][0]) if intervals else None)
    if len(intervals) != 1:
        assert closing_after(calendar, at) == (intervals[0][1] if intervals else None)
    closing, soon = closing_after(calendar, at), timedelta(hours=6)
    assert closing_after(calendar, at, soon) == (closing if closing and closing - at <= soon else None)


# what the rules say in words


def test_a_friday_evening_mail_is_due_on_monday() -> None:
    assert add(OFFICE, berlin("2026-03-06 17:30"), 4 * H) == berlin("2026-03-09 13:00")


def test_a_calendar_that_never_opens_has_no_answer_and_does_not_search_for_ever() -> None:
    at = berlin("2026-03-06 17:30")
    assert (add(NEVER, at, M), next_opening(NEVER, at), closing_after(NEVER, at)) == (None, None, None)
    assert end_of_business_day(NEVER, at, 1) is None


def test_a_calendar_that_never_closes_has_no_closing_time() -> None:
    assert closing_after(ALWAYS, berlin("2026-03-06 17:30")) is None
    assert len(open_intervals(ALWAYS, berlin("2026-01-01"), berlin("2027-01-01"))) == 1


def test_what_is_more_than_five_years_away_is_never() -> None:
    once = Calendar(name="once", tz="UTC", weekly={}, dates={date(2032, 1, 1): (window("09:00-10:00"),)})
    assert add(once, datetime(2026, 1, 1, tzinfo=UTC), M) is None
    assert add(once, datetime(2031, 1, 1, tzinfo=UTC), M) == datetime(2032, 1, 1, 9, 1, tzinfo=UTC)


def test_a_skipped_local_date_is_never_open() -> None:
    apia = Calendar(name="apia", tz="Pacific/Apia", weekly={day: (window("09:00-17:00"),) for day in range(7)})
    assert [len(hours_of(apia, date(2011, 12, day))) for day in (29, 30, 31)] == [1, 0, 1]


def test_a_business_day_of_a_night_shift_ends_at_midnight() -> None:
    assert end_of_business_day(NIGHT, berlin("2026-06-02 12:00"), 1) == berlin("2026-06-04 00:00")


def test_a_date_with_only_the_tail_of_a_night_counts_as_a_business_day() -> None:
    friday = Calendar(name="friday", tz="Europe/Berlin", weekly={4: (window("22:00-06:00"),)})
    assert end_of_business_day(friday, berlin("2026-06-05 12:00"), 1) == berlin("2026-06-06 06:00")


def test_a_calendar_is_equal_by_value() -> None:
    twin = Calendar(name="office", tz="Europe/Berlin", weekly=dict(OFFICE.weekly))
    assert (twin, hash(twin)) == (OFFICE, hash(OFFICE))
    assert twin != NIGHT


@pytest.mark.parametrize("text", ["9-17", "09:00", "24:00-25:00", "24:00-08:00", "09:60-10:00", "09:00-24:01"])
def test_what_is_no_window_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"is not a window|no clock shows"):
        window(text)


@pytest.mark.parametrize("text", ["09:00-17:00", "22:00-06:00", "00:00-24:00", "09:00-09:00"])
def test_a_window_reads_as_it_was_written(text: str) -> None:
    assert str(window(text)) == text


def test_an_instant_without_a_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="has no zone"):
        is_open(OFFICE, datetime(2026, 1, 1))  # noqa: DTZ001 - the point of the test
