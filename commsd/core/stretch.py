"""How a clock's time is counted, piece by piece: each open interval and each pause with what it adds to the sum.

What the pieces add up to is what core/clock.py says in one number; here it is taken apart for a person to check.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from commsd.core.calendar import HORIZON, Calendar, Window, between, hours_of, open_intervals
from commsd.core.obligation import Hold, Obligation
from commsd.core.policy import ClockKind

_NOTHING = timedelta(0)

LONGEST = timedelta(days=366)
"""Pieces are listed over at most this long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """A span that does not count. until: None while it lasts. why: the hold's reason, or "closed"."""

    since: datetime
    until: datetime | None
    why: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """One piece of a clock's time. length: the open time in it. total: the sum of what counts, after it.

    pause: why it does not count; None: it does.
    """

    begins: datetime
    ends: datetime
    length: timedelta
    total: timedelta
    pause: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class BusinessDay:
    """One of the local dates a target in business days counts, and when it closes."""

    number: int
    day: date
    closes: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class OddDay:
    """A local date that has not the hours one might expect. hours: what it has; none: it is closed.

    listed: the calendar names this date, as a holiday or by hand; else its weekday has no hours.
    """

    day: date
    hours: tuple[Window, ...]
    listed: bool


def odd_days(calendar: Calendar, start: datetime, end: datetime) -> tuple[OddDay, ...]:
    """The dates from that of start to that of end that are closed, or have hours of their own."""
    zone = ZoneInfo(calendar.tz)
    first, last = (at.astimezone(zone).date() for at in (start, min(end, start + LONGEST)))
    found = []
    for day in (first + timedelta(days=ahead) for ahead in range((last - first).days + 1)):
        listed = day in calendar.dates
        if listed and calendar.windows(day) != calendar.weekly.get(day.weekday(), ()):
            found.append(OddDay(day=day, hours=calendar.windows(day), listed=True))
        elif not hours_of(calendar, day):
            found.append(OddDay(day=day, hours=(), listed=listed))
    return tuple(found)


def pauses_of(owed: Obligation, holds: Iterable[Hold]) -> tuple[Pause, ...]:
    """What of a clock's course does not count: holds for a listed reason, and the time its case was closed."""
    if owed.kind is not ClockKind.RESOLUTION:
        return ()
    end = owed.ended_at
    held = (
        Pause(since=max(hold.since, owed.started_at), until=hold.until, why=hold.reason or "on hold")
        for hold in holds
        if hold.reason in owed.options.pause_on
        and (hold.until is None or hold.until > owed.started_at)
        and (end is None or hold.since < end)
    )
    closed = (Pause(since=since, until=until, why="closed") for since, until in owed.closed)
    return tuple(sorted((*held, *closed), key=lambda pause: pause.since))


def stretches(calendar: Calendar, start: datetime, end: datetime, pauses: Sequence[Pause]) -> tuple[Stretch, ...]:
    """The pieces from start to end in order of time, open and paused ones; none for what is neither."""
    end = min(end, start + LONGEST)
    found: list[Stretch] = []
    total = _NOTHING
    for since, until, why in _spans(start, end, pauses):
        if why is not None:
            length = between(calendar, since, until)
            found.append(Stretch(begins=since, ends=until, length=length, total=total, pause=why))
            continue
        for opens, closes in open_intervals(calendar, since, until):
            total += closes - opens
            found.append(Stretch(begins=opens, ends=closes, length=closes - opens, total=total))
    return tuple(found)


def _spans(start: datetime, end: datetime, pauses: Sequence[Pause]) -> Iterator[tuple[datetime, datetime, str | None]]:
    """The time from start to end, cut at the pauses."""
    at = start
    for pause in pauses:
        since, until = max(pause.since, at), min(pause.until or end, end)
        if since >= until:
            continue
        if at < since:
            yield at, since, None
        yield since, until, pause.why
        at = until
    if at < end:
        yield at, end, None


def business_days(calendar: Calendar, start: datetime, count: int) -> tuple[BusinessDay, ...]:
    """The dates with open time after that of `start`, as many as asked for."""
    found: list[BusinessDay] = []
    today = start.astimezone(ZoneInfo(calendar.tz)).date()
    for ahead in range(1, HORIZON.days + 1):
        day = today + timedelta(days=ahead)
        if hours := hours_of(calendar, day):
            found.append(BusinessDay(number=len(found) + 1, day=day, closes=hours[-1][1]))
        if len(found) == count:
            break
    return tuple(found)
