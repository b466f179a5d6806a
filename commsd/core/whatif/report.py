"""What a replay says: the counts of a tally as figures a person can judge, in the blocks of the report.

Pure. How it looks is up to `sla.whatif`; its form in JSON stands in `core.whatif.record`.
"""

from array import array
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import timedelta, tzinfo
from typing import NamedTuple, TypeVar

from commsd.core import difference
from commsd.core.measure import ENOUGH, Percentile, percentiles
from commsd.core.measure import Tally as Counts
from commsd.core.policy import ClockKind, Target, Version
from commsd.core.whatif.alert_load import Load, load
from commsd.core.whatif.flip import Flip, worst
from commsd.core.whatif.longer_hours import CHANGES
from commsd.core.whatif.past import Difference
from commsd.core.whatif.replay import CONVERSATION, Question
from commsd.core.whatif.share import Share, shares
from commsd.core.whatif.suggestion import Suggestion, suggestions
from commsd.core.whatif.tally import VERDICTS, Cell, Fired, Side, Sort, Tally, Verdict, first_of

K = TypeVar("K")

MOST_CURVES = 6
_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)

HONESTY = (
    "A replay keeps people's behaviour fixed: with another target they would have answered in another order, "
    "and at other times."
)

UNKNOWN = "unknown"
"""Stands for a tier, channel or language that is not known."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """Clocks of one sort under A and B. pairs: (verdict A, verdict B) -> how many.

    policy_a, policy_b: "" where the rules have no such clock, and in a row over all. clock: "" over all kinds.
    """

    policy_a: str = ""
    policy_b: str = ""
    clock: str = ""
    a: Counts = field(default_factory=Counts)
    b: Counts = field(default_factory=Counts)
    pairs: Mapping[tuple[Verdict, Verdict], int] = field(default_factory=dict)

    @property
    def policy(self) -> str:
        """That of A, or of B where A has no such clock."""
        return self.policy_a or self.policy_b

    @property
    def moves(self) -> bool:
        """Whether the clocks have another policy under B, or under one set of rules none."""
        return self.policy_a != self.policy_b

    def count(self, a: Iterable[Verdict], b: Iterable[Verdict]) -> int:
        """How many went from one of these verdicts to one of those."""
        return sum(self.pairs.get((one, other), 0) for one in a for other in b)

    @property
    def n(self) -> int:
        """All clocks of this sort, under either."""
        return sum(self.pairs.values())

    @property
    def newly_breached(self) -> int:
        """Breached under B and not under A."""
        return self.count(set(Verdict) - {Verdict.BREACHED}, [Verdict.BREACHED])

    @property
    def newly_saved(self) -> int:
        """Breached under A; met, or still in time, under B."""
        return self.count([Verdict.BREACHED], [Verdict.MET, Verdict.OPEN])

    @property
    def newly_cancelled(self) -> int:
        """Cancelled under B alone."""
        return self.count([Verdict.MET, Verdict.BREACHED, Verdict.OPEN], [Verdict.CANCELLED])

    @property
    def newly_unmatched(self) -> int:
        """Under B there is no such clock."""
        return self.count(set(Verdict) - {Verdict.NONE}, [Verdict.NONE])

    @property
    def newly_there(self) -> int:
        """Only under B there is such a clock."""
        return self.count([Verdict.NONE], set(Verdict) - {Verdict.NONE})

    @property
    def unchanged(self) -> int:
        """The same verdict under both."""
        return sum(self.pairs.get((verdict, verdict), 0) for verdict in Verdict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lengths:
    """How long clocks of one sort took. by: "policy", "channel", "tier", "language". None: not enough data."""

    by: str
    name: str
    clock: str
    n_a: int
    n_b: int
    a: Mapping[int, Percentile | None] | None
    b: Mapping[int, Percentile | None] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Aim:
    """What target history would have met. target: B's, as it stands. made: empty where there is not enough data."""

    policy: str
    clock: str
    target: Target
    n: int
    made: tuple[Suggestion, ...]


class Backlog(NamedTuple):
    """Customers who wait at a full hour of the day, over the days of the window: half of the days at most `median`."""

    hour: int
    median: int
    most: int


class Outside(NamedTuple):
    """Conversations that began under one policy, and how many of them while its calendar was closed."""

    policy: str
    arrivals: int
    outside: int


class Longer(NamedTuple):
    """Breaches before a change of B's hours; new ones, and gone ones; how many people at work then could save."""

    change: str
    breached: int
    added: int
    avoided: int
    could_save: int


class Alerts(NamedTuple):
    """What one route would have heard under A and under B."""

    route: str
    a: Load
    b: Load


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """The lengths of one sort of clock under B, in seconds: for a picture."""

    policy: str
    clock: str
    target: float | None
    done: "array[float]"
    still_open: "array[float]"


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """Everything a replay says. zone: hours of the day and days are told in it. heat: as in `Tally`.

    longer, alerts: empty where the replay was a quick one.
    """

    question: Question
    zone: str
    cases: int
    clocks_a: int
    clocks_b: int
    versions: tuple[Share, ...]
    touches: int
    without_zone: int
    without_tier: int
    total: Row
    rows: tuple[Row, ...]
    flips: tuple[Flip, ...]
    groups: Mapping[str, tuple[tuple[str, Row], ...]]
    heat: Mapping[tuple[int, int], list[int]]
    lengths: tuple[Lengths, ...]
    aims: tuple[Aim, ...]
    backlog: tuple[Backlog, ...]
    outside: tuple[Outside, ...]
    longer: tuple[Longer, ...]
    alerts: tuple[Alerts, ...]
    curves: tuple[Curve, ...]
    differing: int
    differences: tuple[Difference, ...]


_GROUPS: Mapping[str, Callable[[Sort], str]] = {
    "channel": lambda sort: sort.channel or UNKNOWN,
    "tier": lambda sort: sort.tier or UNKNOWN,
    "language": lambda sort: sort.language or UNKNOWN,
}


def report(question: Question, tally: Tally, zone: tzinfo, zone_name: str) -> Report:
    """The report of a finished replay."""
    by_policy = _grouped(tally.cells, lambda sort: (sort.policy_a, sort.policy_b, sort.clock))
    return Report(
        question=question,
        zone=zone_name,
        cases=tally.cases,
        clocks_a=tally.clocks_a,
        clocks_b=tally.clocks_b,
        versions=shares(question, tally.versions),
        touches=tally.touches,
        without_zone=tally.without_zone,
        without_tier=tally.without_tier,
        total=_row(_joined(tally.cells.values())),
        rows=tuple(_row(cell, *sort) for sort, cell in sorted(by_policy.items(), key=_movers_last)),
        flips=tuple(worst(tally.flips)),
        groups={
            by: tuple((name, _row(cell)) for name, cell in sorted(_grouped(tally.cells, word).items()))
            for by, word in _GROUPS.items()
        },
        heat=tally.heat,
        lengths=tuple(_lengths(tally.cells)),
        aims=tuple(_aims(question, tally.cells)),
        backlog=_backlog(question, tally.waiting, zone),
        outside=tuple(
            Outside(policy, count, tally.outside[policy]) for policy, count in sorted(tally.arrivals.items())
        ),
        longer=tuple(Longer(change, *tally.longer[change]) for change in CHANGES if change in tally.longer),
        alerts=_alerts(tally, zone),
        curves=tuple(_curves(question, tally.cells)),
        differing=tally.differing,
        differences=tuple(first_of(tally.differences)),
    )


def changes(report: Report) -> Iterator[tuple[Share, tuple[difference.Difference, ...]]]:
    """What B says otherwise than each version of A that governed something; of dates, those that could matter."""
    asked = report.question
    known = {version.id: version for version in asked.history}
    candidate = _with_dates(asked.candidate, asked)
    for share in [share for share in report.versions if share.clocks] or report.versions[-1:]:
        yield share, difference.differences(_with_dates(known[share.id], asked), candidate)


def _with_dates(version: Version, asked: Question) -> Version:
    first, last = asked.since.date() - _DAY, asked.now.date() + _DAY
    calendars = {
        name: replace(each, dates={day: hours for day, hours in each.dates.items() if first <= day <= last})
        for name, each in version.calendars.items()
    }
    return replace(version, calendars=calendars)


def _in_order(item: tuple[tuple[str, str], Cell]) -> tuple[str, int]:
    (policy, clock), _ = item
    return policy, list(ClockKind).index(ClockKind(clock))


def _movers_last(item: tuple[tuple[str, str, str], Cell]) -> tuple[str, bool, str, int]:
    (policy_a, policy_b, clock), _ = item
    return policy_a or policy_b, policy_a != policy_b, policy_b, list(ClockKind).index(ClockKind(clock))


def _joined(cells: Iterable[Cell]) -> Cell:
    whole = Cell()
    for cell in cells:
        whole.add(cell)
    return whole


def _grouped(cells: Mapping[Sort, Cell], key: Callable[[Sort], K]) -> dict[K, Cell]:
    groups: dict[K, Cell] = defaultdict(Cell)
    for sort, cell in cells.items():
        groups[key(sort)].add(cell)
    return groups


def _row(cell: Cell, policy_a: str = "", policy_b: str = "", clock: str = "") -> Row:
    pairs = {
        (one, other): cell.pairs[one * VERDICTS + other]
        for one in Verdict
        for other in Verdict
        if cell.pairs[one * VERDICTS + other]
    }
    row = Row(policy_a=policy_a, policy_b=policy_b, clock=clock, pairs=pairs)
    a = _counts(lambda verdict: row.count([verdict], Verdict), cell.a.cancelled)
    b = _counts(lambda verdict: row.count(Verdict, [verdict]), cell.b.cancelled)
    return replace(row, a=a, b=b)


def _counts(count: Callable[[Verdict], int], cancelled: Mapping[str, int]) -> Counts:
    return Counts(
        met=count(Verdict.MET),
        breached=count(Verdict.BREACHED),
        running=count(Verdict.OPEN),
        cancelled=dict(sorted(cancelled.items())),
    )


def _lengths(cells: Mapping[Sort, Cell]) -> Iterator[Lengths]:
    by: Mapping[str, Callable[[Sort], str]] = {"policy": lambda sort: sort.policy_a or sort.policy_b, **_GROUPS}
    for what, word in by.items():
        for (name, clock), cell in sorted(_grouped(cells, _with_clock(word)).items(), key=_in_order):
            yield Lengths(
                by=what,
                name=name,
                clock=clock,
                n_a=len(cell.a.done) + len(cell.a.still_open),
                n_b=len(cell.b.done) + len(cell.b.still_open),
                a=_percentiles(cell.a),
                b=_percentiles(cell.b),
            )


def _with_clock(word: Callable[[Sort], str]) -> Callable[[Sort], tuple[str, str]]:
    return lambda sort: (word(sort), sort.clock)


def _percentiles(side: Side) -> Mapping[int, Percentile | None] | None:
    if len(side.done) + len(side.still_open) < ENOUGH:
        return None
    return percentiles(side.done, side.still_open)


def _under_b(question: Question, cells: Mapping[Sort, Cell]) -> Iterator[tuple[str, str, Target, Side]]:
    """The clocks of each policy of the candidate that counts open time."""
    groups = _grouped(cells, lambda sort: (sort.policy_b, sort.clock))
    groups = {key: cell for key, cell in groups.items() if key[0]}
    for (policy, clock), cell in sorted(groups.items(), key=_in_order):
        known = question.candidate.policies.get(policy)
        target = known.targets.get(ClockKind(clock)) if known else None
        if target is not None and clock != ClockKind.PROMISE:
            yield policy, clock, target, cell.b


def _aims(question: Question, cells: Mapping[Sort, Cell]) -> Iterator[Aim]:
    for policy, clock, target, side in _under_b(question, cells):
        made = suggestions(side.done, side.still_open)
        yield Aim(policy=policy, clock=clock, target=target, n=len(side.done) + len(side.still_open), made=made)


def _curves(question: Question, cells: Mapping[Sort, Cell]) -> Iterator[Curve]:
    """Of what a customer waits for, the sorts that are most."""
    found = [each for each in _under_b(question, cells) if ClockKind(each[1]) in CONVERSATION]
    most = sorted(found, key=lambda each: -len(each[3].done))[:MOST_CURVES]
    for policy, clock, target, side in most:
        seconds = target.duration.total_seconds() if target.duration else None
        yield Curve(policy=policy, clock=clock, target=seconds, done=side.done, still_open=side.still_open)


def _backlog(question: Question, waiting: Mapping[int, int], zone: tzinfo) -> tuple[Backlog, ...]:
    if not waiting:
        return ()
    end = min(question.until, question.now)
    by_hour: dict[int, list[int]] = defaultdict(list)
    count = 0
    for hour in range(-((question.since - end) // _HOUR)):
        count += waiting.get(hour, 0)
        by_hour[(question.since + hour * _HOUR).astimezone(zone).hour].append(count)
    return tuple(
        Backlog(hour, sorted(counts)[(len(counts) - 1) // 2], max(counts)) for hour, counts in sorted(by_hour.items())
    )


def _alerts(tally: Tally, zone: tzinfo) -> tuple[Alerts, ...]:
    routes = sorted({route for _, route in tally.alerts})
    sides = [{route: load(tally.alerts.get((side, route), Fired()), zone) for route in routes} for side in "ab"]
    return tuple(Alerts(route, sides[0][route], sides[1][route]) for route in routes)
