"""What a change of the clocks does to opening hours, and how it is told."""

from datetime import date, timedelta

import pytest

from commsd.core.calendar import Calendar, window
from commsd.sla.rules.shift import odd_times, shift_on

YEAR = [date(2026, 3, 2) + timedelta(days=ahead) for ahead in range(366)]


def told(tz: str, hours: str, day: int = 6) -> list[str]:
    calendar = Calendar(name="x", tz=tz, weekly={day: tuple(window(each) for each in hours.split())})
    return list(odd_times(calendar, iter(YEAR)))


@pytest.mark.parametrize(
    ("tz", "day", "said"),
    [
        ("Europe/Berlin", date(2026, 3, 29), "clocks go forward 02:00 to 03:00"),
        ("Europe/Berlin", date(2026, 10, 25), "clocks go back 03:00 to 02:00"),
        ("Australia/Lord_Howe", date(2026, 10, 4), "clocks go forward 02:00 to 02:30"),
        ("America/Havana", date(2026, 3, 8), "clocks go forward 00:00 to 01:00"),
        ("Africa/Cairo", date(2026, 10, 29), "clocks go back 00:00 to 23:00"),
    ],
)
def test_each_change_is_found_on_its_day(tz: str, day: date, said: str) -> None:
    assert [str(found) for each in YEAR if (found := shift_on(tz, each)) and found.day == day] == [said]


def test_a_zone_without_changes_has_none() -> None:
    assert [shift_on("Asia/Jakarta", day) for day in YEAR] == [None] * 366


def test_what_does_not_exist_opens_at_the_change_and_what_comes_twice_at_its_first() -> None:
    assert told("Europe/Berlin", "02:30-06:00") == [
        "Sun 02:30 does not exist on 2026-03-29; opens at 03:00",
        "Sun 02:30 comes twice on 2026-10-25; opens at the first",
    ]


def test_the_end_of_a_night_shift_is_told_on_its_own_day() -> None:
    assert told("Europe/Berlin", "22:00-02:15", day=5) == [
        "Sun 02:15 does not exist on 2026-03-29; closes at 03:00",
        "Sun 02:15 comes twice on 2026-10-25; closes at the first",
    ]


@pytest.mark.parametrize("hours", ["09:00-17:00", "00:00-24:00", "00:00-02:30 02:30-24:00"])
def test_hours_that_no_change_touches_are_not_spoken_of(hours: str) -> None:
    assert told("Europe/Berlin", hours) == []


def test_a_customers_zone_is_not_known_beforehand() -> None:
    assert told("customer", "02:30-06:00") == []
