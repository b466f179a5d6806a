"""The service level of a line: which share of its calls was answered within the time it promises, and when it fell.

Pure: calls of a day in, figures out. Counted are the calls on which somebody was or should have been rung: answered
ones, and missed ones but for those outside the hours and those who hung up before the time was over. The level counts
as fallen once, and only when it has risen clear of its target can it fall again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

ENOUGH = 10
"""Calls of a day below which a share says little: nobody is alarmed."""

CLEAR = 0.05
"""So far above its target a level that had fallen must rise, or to all calls, before it can fall again."""

NOT_OFFERED = frozenset({"closed", "declined", "ping"})
"""Reasons of misses for which nobody was to be rung."""


@dataclass(frozen=True, slots=True)
class Goal:
    """This share of a line's calls (0 to 1) is to be answered within this time."""

    share: float
    within: timedelta


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One incoming call. waited: until it was answered, or the caller had gone. reason: of a miss."""

    id: str
    at: datetime
    answered: bool
    waited: timedelta | None = None
    reason: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """What came of the calls of one line. late: answered too late; missed: not at all; short: gone before the time."""

    in_time: int = 0
    late: int = 0
    missed: int = 0
    short: int = 0

    @property
    def offered(self) -> int:
        """The calls that count."""
        return self.in_time + self.late + self.missed

    @property
    def share(self) -> float | None:
        """0 to 1; None without a call that counts."""
        return self.in_time / self.offered if self.offered else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Fall:
    """The level fell below its target with this call. level: as it then stood."""

    call: str
    at: datetime
    level: Level


def level_of(calls: Iterable[Rung], within: timedelta) -> Level:
    """The level of these calls, in any order."""
    level = Level()
    for call in calls:
        level = _with(level, call, within)
    return level


def falls(calls: Sequence[Rung], share: float, within: timedelta) -> tuple[Fall, ...]:
    """Each time the level of these calls fell below the share, oldest first; the same however often it is asked."""
    level, fallen, found = Level(), False, list[Fall]()
    for call in sorted(calls, key=lambda each: (each.at, each.id)):
        level = _with(level, call, within)
        now = level.share
        if now is None:
            continue
        if fallen:
            fallen = now < min(share + CLEAR, 1.0)
        elif level.offered >= ENOUGH and now < share:
            fallen = True
            found.append(Fall(call=call.id, at=call.at, level=level))
    return tuple(found)


def _with(level: Level, call: Rung, within: timedelta) -> Level:
    counts = [level.in_time, level.late, level.missed, level.short]
    if call.answered:
        counts[0 if call.waited is None or call.waited <= within else 1] += 1
    elif call.reason in NOT_OFFERED:
        return level
    elif (call.reason or "").startswith("abandoned") and call.waited is not None and call.waited <= within:
        counts[3] += 1
    else:
        counts[2] += 1
    return Level(in_time=counts[0], late=counts[1], missed=counts[2], short=counts[3])
