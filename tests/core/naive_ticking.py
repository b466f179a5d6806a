"""What the second opinion counts with: a clock as it ticks, its term, and the touches that nobody took back."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, NamedTuple

from commsd.core.calendar import Calendar
from commsd.core.policy import Target
from commsd.core.touch import Touch


class Term(NamedTuple):
    target: Target
    calendar: Calendar
    policy: str
    version: str


@dataclass(eq=False)
class Ticking:
    kind: str
    n: int
    opened_by: str
    started: datetime
    facts: Mapping[str, Any]
    options: Target
    due: datetime | None = None
    via: str = "any"
    promise: str = ""
    tries: int = 0
    waiting: bool = False
    ended: datetime | None = None
    ended_by: str | None = None
    ended_as: str = ""
    void: str = ""
    limbo: bool = False
    missed: list[datetime] = field(default_factory=list)
    paused: set[datetime] = field(default_factory=set)
    shut: set[datetime] = field(default_factory=set)
    term: Term | None = None
    since: datetime | None = None
    version: int = -1
    lost: datetime | None = None
    late: bool = False


def same(kind: str, old: Term, new: Term) -> bool:
    def demand(term: Term) -> tuple[Any, ...]:
        target = term.target
        warning = (target.warn_before, target.warn_percent)
        return warning if kind == "promise" else (*warning, target.duration, target.business_days, term.calendar)

    return demand(old) == demand(new)


def counts_at(touch: Touch) -> datetime:
    return min(touch.at, touch.recorded_at or touch.at)


def surviving(touches: Iterable[Touch], now: datetime) -> list[Touch]:
    """Without what was taken back. A void counts unless a void that counts takes it back."""
    known = [touch for touch in touches if counts_at(touch) <= now]
    voids = sorted((t for t in known if t.kind == "void"), key=counts_at)
    counts: dict[str, bool] = {}
    while len(counts) < len(voids):
        unknown = [v for v in voids if v.id not in counts]
        ripe = [v for v in unknown if not any(w.touch == v.id for w in unknown)]
        void = (ripe or unknown)[-1]
        counts[void.id] = not any(w.touch == void.id and counts.get(w.id) for w in voids)
    gone = {v.touch for v in voids if counts[v.id]}
    return [t for t in known if t.id not in gone and t.kind != "void" and not (t.by_rule and t.touch in gone)]
