"""What a replay counts: numbers by sort of clock, never clocks, so that a long past needs little memory.

Tallies of parts of the past add up to the tally of the whole, in any order. What the figures mean is said in
`core.whatif_report`; what is counted, in `core.whatif`.
"""

from array import array
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import IntEnum
from heapq import nsmallest
from typing import NamedTuple, TypeVar

from commsd.core.clock import Clock, State
from commsd.core.whatif.flip import Flip, worst
from commsd.core.whatif.past import Difference

K = TypeVar("K")

MOST_DIFFERENCES = 1000
"""Differences from the log that are kept; all of them are counted."""


class Verdict(IntEnum):
    """How a clock stands for an attainment figure. OPEN: no verdict yet; NONE: the rules have no such clock."""

    MET = 0
    BREACHED = 1
    OPEN = 2
    CANCELLED = 3
    NONE = 4


VERDICTS = len(Verdict)

_VERDICT = {
    State.MET: Verdict.MET,
    State.BREACHED: Verdict.BREACHED,
    State.RUNNING: Verdict.OPEN,
    State.PAUSED: Verdict.OPEN,
    State.CANCELLED: Verdict.CANCELLED,
}


def verdict(clock: Clock | None) -> Verdict:
    """How it stands; one that runs late is breached."""
    return Verdict.NONE if clock is None else _VERDICT[clock.state]


class Sort(NamedTuple):
    """What clocks are counted by. A policy is "" where the rules have no such clock; a fact, where it is not known."""

    policy_a: str
    policy_b: str
    clock: str
    channel: str
    tier: str
    language: str


@dataclass(slots=True)
class Side:
    """The lengths of one sort of clock under one set of rules, in seconds of open time, and why some were cancelled.

    done: of those with an end; still_open: so far, of those without one.
    """

    done: "array[float]" = field(default_factory=lambda: array("d"))
    still_open: "array[float]" = field(default_factory=lambda: array("d"))
    cancelled: Counter[str] = field(default_factory=Counter)

    def take(self, clock: Clock) -> None:
        """Count one clock."""
        if clock.state is State.CANCELLED:
            self.cancelled[clock.reason or "unknown"] += 1
        elif clock.stopped_at is None:
            self.still_open.append(clock.elapsed.total_seconds())
        else:
            self.done.append(clock.elapsed.total_seconds())

    def add(self, other: "Side") -> None:
        """Take in what was counted elsewhere."""
        self.done.extend(other.done)
        self.still_open.extend(other.still_open)
        self.cancelled.update(other.cancelled)


@dataclass(slots=True)
class Cell:
    """One sort of clock: pairs of verdicts (A * VERDICTS + B), and its lengths under either set of rules."""

    pairs: list[int] = field(default_factory=lambda: [0] * (VERDICTS * VERDICTS))
    a: Side = field(default_factory=Side)
    b: Side = field(default_factory=Side)

    def take(self, a: Clock | None, b: Clock | None) -> None:
        """Count one clock as it stands under A and under B."""
        self.pairs[verdict(a) * VERDICTS + verdict(b)] += 1
        if a is not None:
            self.a.take(a)
        if b is not None:
            self.b.take(b)

    def add(self, other: "Cell") -> None:
        """Take in what was counted elsewhere."""
        self.pairs = [mine + theirs for mine, theirs in zip(self.pairs, other.pairs, strict=True)]
        self.a.add(other.a)
        self.b.add(other.b)


@dataclass(slots=True)
class Fired:
    """When steps of ladders would have told somebody, in seconds since 1970. at_once: those that wait for nobody."""

    usual: "array[int]" = field(default_factory=lambda: array("q"))
    at_once: "array[int]" = field(default_factory=lambda: array("q"))

    def add(self, other: "Fired") -> None:
        """Take in what was counted elsewhere."""
        self.usual.extend(other.usual)
        self.at_once.extend(other.at_once)


@dataclass(slots=True, kw_only=True)
class Tally:
    """Everything a replay counts.

    touches: of customers; without_zone, without_tier: those in a case that does not know it. versions: clocks by the
    rules they ran under in the log. heat: by (weekday, hour) of arrival, [decided A, breached A, decided B, breached
    B]. waiting: by hour since the window's start, by how many the waiting became more or fewer. arrivals, outside: by
    policy of B, conversations that began, and those that began while its calendar was closed. longer: by change of
    hours, [breached before, newly breached, no longer breached, breached before although they waited through the hours
    that are added]. alerts: by ("a" or "b", route).
    """

    cases: int = 0
    touches: int = 0
    without_zone: int = 0
    without_tier: int = 0
    clocks_a: int = 0
    clocks_b: int = 0
    versions: Counter[str] = field(default_factory=Counter)
    cells: dict[Sort, Cell] = field(default_factory=dict)
    heat: dict[tuple[int, int], list[int]] = field(default_factory=dict)
    waiting: Counter[int] = field(default_factory=Counter)
    arrivals: Counter[str] = field(default_factory=Counter)
    outside: Counter[str] = field(default_factory=Counter)
    longer: dict[str, list[int]] = field(default_factory=dict)
    alerts: dict[tuple[str, str], Fired] = field(default_factory=dict)
    flips: list[Flip] = field(default_factory=list)
    differences: list[Difference] = field(default_factory=list)
    differing: int = 0

    def cell(self, sort: Sort) -> Cell:
        """The cell of a sort of clock, new if it is the first."""
        found = self.cells.get(sort)
        if found is None:
            found = self.cells[sort] = Cell()
        return found

    def fired(self, side: str, route: str) -> Fired:
        """Where the steps of one route are counted."""
        return self.alerts.setdefault((side, route), Fired())

    def differ(self, found: Iterable[Difference]) -> None:
        """Count differences from the log."""
        for difference in found:
            self.differing += 1
            if len(self.differences) < MOST_DIFFERENCES:
                self.differences.append(difference)

    def add(self, other: "Tally") -> None:
        """Take in the tally of another part."""
        for name in ("cases", "touches", "without_zone", "without_tier", "clocks_a", "clocks_b", "differing"):
            setattr(self, name, getattr(self, name) + getattr(other, name))
        for sort, cell in other.cells.items():
            self.cell(sort).add(cell)
        _add_rows(self.heat, other.heat)
        _add_rows(self.longer, other.longer)
        for key, fired in other.alerts.items():
            self.fired(*key).add(fired)
        for counter in ("versions", "waiting", "arrivals", "outside"):
            _add_counts(getattr(self, counter), getattr(other, counter))
        self.flips = worst([*self.flips, *other.flips])
        self.differences = first_of([*self.differences, *other.differences])


def first_of(found: Iterable[Difference]) -> list[Difference]:
    """Those that are kept, in the order of their cases."""
    return nsmallest(MOST_DIFFERENCES, found, key=lambda each: (each.case_id, each.clock, each.n, each.field))


def _add_counts(mine: Counter[K], theirs: Counter[K]) -> None:
    """Counts may be negative here, which `+` of Counter drops."""
    for key, count in theirs.items():
        mine[key] += count


def _add_rows(mine: dict[K, list[int]], theirs: dict[K, list[int]]) -> None:
    for key, counts in theirs.items():
        before = mine.get(key)
        mine[key] = counts if before is None else [one + other for one, other in zip(before, counts, strict=True)]
