"""What a change of the clocks does to opening hours: which wall times of a day do not exist or come twice.

How such a time counts is decided in core/calendar.py; here it is only found, to be told. Pure.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from commsd.core.calendar import CUSTOMER, DAY_MINUTES, Calendar, reached

_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shift:
    """One change of the clocks. before, after: what the clock on the wall shows when it comes, and then. at: UTC."""

    day: date
    at: datetime
    before: datetime
    after: datetime

    @property
    def forward(self) -> bool:
        """Whether time is left out (spring), not repeated (autumn)."""
        return self.after > self.before

    def __str__(self) -> str:
        way = "forward" if self.forward else "back"
        return f"clocks go {way} {self.before:%H:%M} to {self.after:%H:%M}"


@lru_cache(maxsize=4096)
def shift_on(tz: str, day: date) -> Shift | None:
    """The change of the clocks on this local date; None where there is none."""
    zone, midnight = ZoneInfo(tz), datetime.combine(day, time())
    early = reached(zone, midnight) - _SECOND
    late = reached(zone, midnight + timedelta(days=1)) - _SECOND
    offset = early.astimezone(zone).utcoffset()
    after = late.astimezone(zone).utcoffset()
    if offset is None or after is None or offset == after:
        return None
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        middle -= timedelta(microseconds=middle.microsecond)
        if middle.astimezone(zone).utcoffset() == offset:
            early = middle
        else:
            late = middle
    plain = late.astimezone(UTC).replace(tzinfo=None)
    return Shift(day=day, at=late, before=plain + offset, after=plain + after)


def odd_times(calendar: Calendar, days: Iterator[date]) -> Iterator[str]:
    """What is to be told of windows that open or close at a time that a day has not, or has twice."""
    if calendar.tz == CUSTOMER:
        return
    for day in days:
        shift = shift_on(calendar.tz, day)
        if shift:
            yield from _told(calendar, shift)


def _told(calendar: Calendar, shift: Shift) -> Iterator[str]:
    opens, closes = _edges(calendar, shift.day)
    for edges, verb in ((opens - closes, "opens"), (closes - opens, "closes")):  # where windows meet, nothing is odd
        for minute in sorted(edges):
            wall = datetime.combine(shift.day, time()) + timedelta(minutes=minute)
            said = f"{wall:%a %H:%M}"
            if shift.before <= wall < shift.after:
                yield f"{said} does not exist on {shift.day}; {verb} at {shift.after:%H:%M}"
            elif shift.after <= wall < shift.before:
                yield f"{said} comes twice on {shift.day}; {verb} at the first"


def _edges(calendar: Calendar, day: date) -> tuple[set[int], set[int]]:
    """Minutes after midnight at which a window opens, and closes; the day before's among them."""
    today, before = calendar.windows(day), calendar.windows(day - timedelta(days=1))
    tails = () if day in calendar.dates else tuple(w.end - DAY_MINUTES for w in before if w.end >= DAY_MINUTES)
    return {w.start for w in today}, {*(w.end for w in today), *tails}
