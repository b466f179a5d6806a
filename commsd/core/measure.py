"""What came of many clocks, in figures that cannot flatter: shares with their n, percentiles, what an objective left.

Pure sums. There is no average here: a mean of waiting times is met by nobody. A clock that still runs is
right-censored: its end is unknown, but not before what it has run already. Dropping it would make the slowest answers
vanish, so the percentiles are those of the Kaplan-Meier estimate, and where that never reaches a share, "at least"
what was seen. Which clocks are counted is up to the caller.
"""

import re
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import groupby
from math import ceil, inf
from typing import NamedTuple

SHARES = (50, 80, 90, 95, 99)
"""The percentiles that are told everywhere."""

ENOUGH = 30
"""Below this many, a percentile says more about chance than about us: "not enough data"."""

_OBJECTIVE = re.compile(r"(\d{1,3}(?:\.\d+)?)% ?/ ?([1-9]\d*)d")
_TINY = 1e-9


class Percentile(NamedTuple):
    """By when a share of them had come to an end. at_least: so many still run that more cannot be said."""

    seconds: float
    at_least: bool


class Point(NamedTuple):
    """share: of all that had come to an end within this many seconds, 0.0 to 1.0."""

    seconds: float
    share: float


def curve(done: Sequence[float], still_open: Sequence[float]) -> tuple[Point, ...]:
    """The share that had come to an end by each length at which one did, by Kaplan and Meier (1958).

    done: seconds of those that ended; still_open: seconds so far of those that run. One that runs counts as "at risk"
    up to what it has run and says nothing beyond; of equal lengths, an end comes before it.
    """
    at_risk, surviving = len(done) + len(still_open), 1.0
    points: list[Point] = []
    marks = sorted([*((seconds, 0) for seconds in done), *((seconds, 1) for seconds in still_open)])
    for (seconds, runs), same in groupby(marks):
        number = sum(1 for _ in same)
        if not runs:
            surviving *= 1 - number / at_risk
            points.append(Point(seconds, 1 - surviving))
        at_risk -= number
    return tuple(points)


def percentiles(
    done: Sequence[float], still_open: Sequence[float], shares: Sequence[int] = SHARES
) -> dict[int, Percentile | None]:
    """The length within which each share ended, open ones counted as right-censored; None where there is none at all.

    Without open ones this is the nearest rank: a length that occurred, never one in between.
    """
    ends, runs = sorted(done), sorted(still_open)
    if not ends and not runs:
        return dict.fromkeys(shares)
    stretches = tuple(_stretches(ends, runs))
    return {
        share: _reached(share / 100 - _TINY, ends, stretches) or Percentile(_longest(ends, runs), True)
        for share in shares
    }


class _Stretch(NamedTuple):
    """The ends from place `first` up to, not including, `last`, between which none that runs drops out.

    at_risk, surviving: at its beginning. Within it the steps of the estimate cancel down to one fraction.
    """

    first: int
    last: int
    at_risk: int
    surviving: float


def _stretches(ends: Sequence[float], runs: Sequence[float]) -> Iterator[_Stretch]:
    first, surviving, whole = 0, 1.0, len(ends) + len(runs)
    for dropped, seconds in enumerate([*runs, inf]):
        last, at_risk = bisect_right(ends, seconds), whole - first - dropped
        if last > first:
            yield _Stretch(first, last, at_risk, surviving)
            surviving *= (at_risk - (last - first)) / at_risk
        first = last


def _reached(share: float, ends: Sequence[float], stretches: Iterable[_Stretch]) -> Percentile | None:
    for first, last, at_risk, surviving in stretches:
        if surviving <= 0:
            return None
        number = max(1, ceil(at_risk * (1 - (1 - share) / surviving)))
        if first + number <= last:
            return Percentile(ends[first + number - 1], False)
    return None


def _longest(ends: Sequence[float], runs: Sequence[float]) -> float:
    return max([*ends[-1:], *runs[-1:]])


def share_within(points: Sequence[Point], seconds: float) -> float:
    """The share that had ended by then, of a curve."""
    return max((point.share for point in points if point.seconds <= seconds), default=0.0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """How some clocks stand. A clock that runs late is breached; what was cancelled is beside it, by reason.

    running, paused: undecided, so in no share.
    """

    met: int = 0
    breached: int = 0
    cancelled: Mapping[str, int] = field(default_factory=dict)
    running: int = 0
    paused: int = 0

    @property
    def n(self) -> int:
        """How many have a verdict."""
        return self.met + self.breached

    @property
    def attainment(self) -> float | None:
        """met / (met + breached), 0.0 to 1.0; None where nothing has a verdict."""
        return self.met / self.n if self.n else None

    @property
    def all(self) -> int:
        """Every clock, also the cancelled."""
        return self.n + self.running + self.paused + sum(self.cancelled.values())

    def __add__(self, other: "Tally") -> "Tally":
        reasons = sorted({*self.cancelled, *other.cancelled})
        return Tally(
            met=self.met + other.met,
            breached=self.breached + other.breached,
            cancelled={reason: self.cancelled.get(reason, 0) + other.cancelled.get(reason, 0) for reason in reasons},
            running=self.running + other.running,
            paused=self.paused + other.paused,
        )


def tally(verdicts: Iterable[tuple[str, str | None]]) -> Tally:
    """The tally of (state, reason of a cancellation). A state is one of clock.State."""
    counts: dict[str, int] = {}
    reasons: dict[str, int] = {}
    for state, reason in verdicts:
        counts[state] = counts.get(state, 0) + 1
        if state == "cancelled":
            reasons[reason or "unknown"] = reasons.get(reason or "unknown", 0) + 1
    return Tally(
        met=counts.get("met", 0),
        breached=counts.get("breached", 0),
        cancelled=dict(sorted(reasons.items())),
        running=counts.get("running", 0),
        paused=counts.get("paused", 0),
    )


class Objective(NamedTuple):
    """The attainment aimed at, 0.0 to 1.0, over a rolling number of days."""

    share: float
    days: int


def objective(text: str | None) -> Objective | None:
    """The objective "95% / 28d"; None for none, or where it is none."""
    match = _OBJECTIVE.fullmatch(text.strip()) if text else None
    if match is None or float(match[1]) > 100:
        return None
    return Objective(float(match[1]) / 100, int(match[2]))


class Budget(NamedTuple):
    """What an objective allows and what is left. allowed: breaches; left: negative where it is overdrawn."""

    allowed: float
    spent: int
    left: float
    met: bool


def budget(aim: Objective, counted: Tally) -> Budget | None:
    """The error budget of an objective over what its days brought; None where nothing has a verdict."""
    if counted.attainment is None:
        return None
    allowed = counted.n * (1 - aim.share)
    return Budget(
        allowed=allowed,
        spent=counted.breached,
        left=allowed - counted.breached,
        met=counted.attainment >= aim.share - _TINY,
    )
