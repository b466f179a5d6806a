"""The rules as they would be with longer opening hours: an hour earlier, an hour later, also on Saturday.

Pure. Holidays and listed dates stay as they are. Most clocks are judged anew from what is known of them, by the same
sums; `late_with` says which need a replay of their case.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from commsd.core.calendar import DAY_MINUTES, Calendar, Window, add, between, end_of_business_day, in_zone
from commsd.core.clock import Clock, State
from commsd.core.policy import ClockKind, Target, Version

_HOUR = 60
_SATURDAY = 5
_WIPED = frozenset({"void_case", "merged"})

Weekly = Mapping[int, tuple[Window, ...]]


def _earlier(weekly: Weekly) -> Weekly:
    """Each day's first window begins an hour earlier, at midnight at the earliest."""
    return {day: _opened(windows) for day, windows in weekly.items()}


def _opened(windows: tuple[Window, ...]) -> tuple[Window, ...]:
    if not windows or windows[0].end - windows[0].start >= DAY_MINUTES:
        return windows
    first = windows[0]
    start = max(0, first.start - _HOUR, first.end - DAY_MINUTES)
    return (Window(start, first.end), *windows[1:])


def _later(weekly: Weekly) -> Weekly:
    """Each day's last window ends an hour later."""
    return {day: _closed(windows) for day, windows in weekly.items()}


def _closed(windows: tuple[Window, ...]) -> tuple[Window, ...]:
    if not windows:
        return windows
    last = windows[-1]
    return (*windows[:-1], Window(last.start, min(last.end + _HOUR, last.start + DAY_MINUTES)))


def _saturday(weekly: Weekly) -> Weekly:
    """Saturday as the last open day before it; as it is where it is open already."""
    if weekly.get(_SATURDAY):
        return weekly
    like = next((weekly[day] for day in range(_SATURDAY - 1, -1, -1) if weekly.get(day)), ())
    return {**weekly, _SATURDAY: like}


CHANGES: Mapping[str, Callable[[Weekly], Weekly]] = {
    "one hour earlier": _earlier,
    "one hour later": _later,
    "also on Saturday": _saturday,
}
"""Each asked by itself."""


def with_longer_hours(version: Version, change: str) -> Version:
    """The version with every calendar changed so."""
    calendars = {
        name: replace(calendar, weekly=CHANGES[change](calendar.weekly)) for name, calendar in version.calendars.items()
    }
    return replace(version, calendars=calendars)


def late_with(clock: Clock, target: Target, longer: Calendar, tz: str | None, now: datetime) -> bool | None:
    """Whether this clock is late where its calendar is open longer; None: only a replay can tell.

    For a clock whose rules and attributes did not change while it ran. target: of its policy. tz: the customer's.
    """
    if clock.clock is ClockKind.PROMISE or (clock.state is State.BREACHED and target.business_days is None):
        return clock.state is State.BREACHED  # of a promise nothing changes, and what was late is late still earlier
    if clock.state is State.CANCELLED and clock.reason in _WIPED:
        return False
    end = now if clock.stopped_at is None else clock.stopped_at
    if target.duration is not None and clock.waited < target.duration:
        return False  # too short, however long we are open
    if clock.clock is ClockKind.RESOLUTION:
        open_at_most = between(in_zone(longer, tz), clock.started_at, end)
        return False if target.duration is not None and open_at_most < target.duration else None
    due = _due(clock.started_at, target, in_zone(longer, tz))
    return due is not None and end > due


def could_be_saved(clock: Clock, hours: Calendar, longer: Calendar, tz: str | None) -> bool:
    """Whether the customer of a late clock waited through time that `longer` adds, before it was due.

    Somebody at work in that time could have answered in time; whether he would have, nobody knows.
    """
    if clock.state is not State.BREACHED or clock.due_at is None or longer.weekly == hours.weekly:
        return False
    before, then = (between(in_zone(each, tz), clock.started_at, clock.due_at) for each in (hours, longer))
    return then > before


def _due(start: datetime, target: Target, calendar: Calendar) -> datetime | None:
    if target.business_days is not None:
        return end_of_business_day(calendar, start, target.business_days)
    return None if target.duration is None else add(calendar, start, target.duration)
