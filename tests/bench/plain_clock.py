"""What one would write oneself: the response clocks of a case, each counted day by day, nothing shared. Pure.

No pauses, promises, versions, cycles or corrections; the fold is a loop over the touches, the hours come from the
calendar's weekly windows and dates by `zoneinfo` alone.
"""

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from commsd.core.calendar import Calendar
from commsd.core.policy import ClockKind, Version, policy_for
from commsd.core.touch import Facts, Touch, TouchKind


class PlainClock(NamedTuple):
    """One clock and how it stands."""

    kind: ClockKind
    started_at: datetime
    due_at: datetime
    stopped_at: datetime | None
    state: str


def plain_clocks(touches: Iterable[Touch], version: Version, attrs: Facts, now: datetime) -> Sequence[PlainClock]:
    """The ack, answer and callback clocks of a case."""
    found: list[PlainClock] = []
    running: dict[ClockKind, tuple[datetime, Facts]] = {}
    answered = False

    def stop(kind: ClockKind, at: datetime | None) -> None:
        since, facts = running.pop(kind)
        policy = policy_for(version, {**attrs, **facts})
        target = policy.targets.get(kind) if policy else None
        if policy is None or target is None or target.duration is None:
            return
        due = _due(version.calendars[target.calendar or policy.calendar], since, target.duration)
        late = (at or now) > due
        found.append(PlainClock(kind, since, due, at, "breached" if late else "met" if at else "running"))

    for touch in sorted(touches, key=lambda each: each.time):
        at = touch.time
        if touch.kind is TouchKind.IN and not touch.auto:
            running.setdefault(ClockKind.NEXT_RESPONSE if answered else ClockKind.FIRST_RESPONSE, (at, touch.facts))
            if not answered:
                running.setdefault(ClockKind.ACK, (at, touch.facts))
        elif touch.kind is TouchKind.MISSED:
            running.setdefault(ClockKind.CALLBACK, (at, touch.facts))
        elif touch.kind is TouchKind.OUT and touch.auto:
            if ClockKind.ACK in running:
                stop(ClockKind.ACK, at)
        elif touch.kind in (TouchKind.OUT, TouchKind.TALK, TouchKind.CLOSE):
            answered = answered or touch.kind is not TouchKind.CLOSE
            for kind in list(running):
                if kind is not ClockKind.CALLBACK or touch.kind is not TouchKind.OUT:
                    stop(kind, at)
    for kind in list(running):
        stop(kind, None)
    return found


def _due(calendar: Calendar, start: datetime, target: timedelta) -> datetime:
    zone = ZoneInfo(calendar.tz)
    day = start.astimezone(zone).date()
    while True:
        for window in calendar.windows(day):
            midnight = datetime.combine(day, time(), zone)
            opens = (midnight + timedelta(minutes=window.start)).astimezone(UTC)
            closes = (midnight + timedelta(minutes=window.end)).astimezone(UTC)
            begin = max(opens, start)
            if begin < closes:
                if closes - begin >= target:
                    return begin + target
                target -= closes - begin
        day += timedelta(days=1)
