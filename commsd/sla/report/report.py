"""What came of the clocks of a window: attainment, percentiles, budgets, the longest waits, and signs of gaming.

Pure: rows in, figures out. Rows come from `store.attainment` in parts and are folded one by one, so that a report over
years needs no more room than its numbers. How it reads stands in text.py and page.py.
"""

from array import array
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, NamedTuple, Protocol
from zoneinfo import ZoneInfo

from commsd.core.calendar import Calendar, between, in_zone, is_zone
from commsd.core.measure import Budget, Objective, Percentile, Tally, budget, objective, percentiles
from commsd.core.policy import ClockKind, Target, Version

BY = ("policy", "channel", "team", "agent", "tier", "hour")
"""What a report can be grouped by. hour: weekday and hour of arrival, in the calendar's zone."""

GROUPED = BY[:-1]
NOBODY = "-"
USUAL = timedelta(days=28)
WAITING = frozenset({ClockKind.FIRST_RESPONSE, ClockKind.NEXT_RESPONSE, ClockKind.CALLBACK})
"""Clocks on which a customer waits for a person."""

Slot = tuple[int, int]
"""Weekday (0 is Monday) and hour."""


class Row(Protocol):
    """A clock as the store reads it."""

    @property
    def record(self) -> Mapping[str, Any]: ...
    @property
    def channel(self) -> str | None: ...
    @property
    def agent(self) -> str | None: ...
    @property
    def owner(self) -> str | None: ...
    @property
    def team(self) -> str | None: ...
    @property
    def tier(self) -> str | None: ...
    @property
    def tz(self) -> str | None: ...


class Doing(Protocol):
    """Something a person did that moves clocks, as the store reads it."""

    @property
    def kind(self) -> str: ...
    @property
    def agent(self) -> str | None: ...
    @property
    def team(self) -> str | None: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def asked(self) -> bool: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Clocks that began from `since` up to, not including, `until`, as they stand at `now`."""

    since: datetime
    until: datetime
    now: datetime


class Sample(NamedTuple):
    """One clock as it stands now. told: its verdict against what the customer was told. seconds: elapsed.

    groups: its value in each of GROUPED.
    """

    clock: str
    policy: str
    state: str
    reason: str | None
    told: str | None
    ended: bool
    seconds: float
    waited: float
    slot: Slot
    groups: tuple[str, ...]


@dataclass(slots=True)
class Group:
    """What is counted of the clocks of one kind in one group."""

    states: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    told: Counter[str] = field(default_factory=Counter)
    done: "array[float]" = field(default_factory=lambda: array("d"))
    still_open: "array[float]" = field(default_factory=lambda: array("d"))

    def add(self, sample: Sample) -> None:
        """Count one."""
        self.states[sample.state] += 1
        if sample.state == "cancelled":
            self.reasons[sample.reason or "unknown"] += 1
            return
        (self.done if sample.ended else self.still_open).append(sample.seconds)
        if sample.told:
            self.told[sample.told] += 1

    @property
    def tally(self) -> Tally:
        """Against the due time."""
        return Tally(
            met=self.states["met"],
            breached=self.states["breached"],
            cancelled=dict(sorted(self.reasons.items())),
            running=self.states["running"],
            paused=self.states["paused"],
        )

    @property
    def as_told(self) -> Tally:
        """Against the time the customer was told, where one was told."""
        return Tally(met=self.told["met"], breached=self.told["breached"], running=self.told["running"])

    @property
    def percentiles(self) -> dict[int, Percentile | None]:
        """Of open time, open ones censored."""
        return percentiles(self.done, self.still_open)


class Wait(NamedTuple):
    """The longest a customer waited: real seconds. ended: an answer came."""

    waited: float
    clock: str
    case_id: str
    ended: bool


class Aim(NamedTuple):
    """An objective of the rules in force and what came of it in its own days."""

    clock: str
    policy: str
    objective: Objective
    tally: Tally
    budget: Budget | None


@dataclass(slots=True)
class Conduct:
    """What can make clocks look better than the service was: counts of one agent or team."""

    closed: int = 0
    holds: int = 0
    unasked: int = 0
    voids: int = 0
    retargets: int = 0


@dataclass(slots=True)
class Report:
    """All figures. groups: by dimension, then (clock, value). slots: by clock, then weekday and hour.

    longest: by tier. conduct: by agent and by team. targets: seconds by (clock, policy). owed: running, paused, late.
    """

    window: Window
    groups: dict[str, defaultdict[tuple[str, str], Group]] = field(
        default_factory=lambda: {name: defaultdict(Group) for name in GROUPED}
    )
    total: defaultdict[str, Group] = field(default_factory=lambda: defaultdict(Group))
    slots: defaultdict[str, defaultdict[Slot, Counter[str]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(Counter))
    )
    longest: dict[str, Wait] = field(default_factory=dict)
    aims: tuple[Aim, ...] = ()
    conduct: dict[str, defaultdict[str, Conduct]] = field(
        default_factory=lambda: {name: defaultdict(Conduct) for name in ("agent", "team")}
    )
    targets: dict[tuple[str, str], float | None] = field(default_factory=dict)
    owed: Counter[str] = field(default_factory=Counter)

    @property
    def clocks(self) -> int:
        """How many clocks were counted."""
        return sum(group.tally.all for group in self.total.values())


class Fold:
    """Takes rows one by one and gives the report."""

    def __init__(self, window: Window, versions: Sequence[Version], zone: ZoneInfo) -> None:
        self.report = Report(window)
        self._now, self._zone = window.now, zone
        self._versions = {version.id: version for version in versions}
        in_force = [version for version in versions if version.effective_from <= window.now]
        self._running = max(in_force, key=lambda version: version.effective_from, default=None)
        self._zones: dict[tuple[str, str, str | None], ZoneInfo] = {}
        self._aims = dict(_objectives(self._running))
        self._aimed: dict[tuple[str, str], Group] = {key: Group() for key in self._aims}
        self.report.targets = _targets(self._running)

    @property
    def since(self) -> datetime:
        """From when rows are needed: objectives look back over days of their own."""
        days = max((aim.days for aim in self._aims.values()), default=0)
        return min(self.report.window.since, self.report.window.until - timedelta(days=days))

    def add(self, row: Row) -> None:
        """Count one clock."""
        sample, began = self._sample(row)
        key = (sample.clock, sample.policy)
        window = self.report.window
        if key in self._aimed and began >= window.until - timedelta(days=self._aims[key].days):
            self._aimed[key].add(sample)
        if began >= window.since:
            self._count(sample, row)

    def did(self, act: Doing) -> None:
        """Count what somebody did."""
        for dimension, name in (("agent", act.agent), ("team", act.team)):
            conduct = self.report.conduct[dimension][name or NOBODY]
            if act.kind == "hold":
                conduct.holds += 1
                conduct.unasked += act.reason == "customer" and not act.asked
            elif act.kind == "void":
                conduct.voids += 1
            else:
                conduct.retargets += 1

    def done(self) -> Report:
        """The report."""
        self.report.aims = tuple(
            Aim(clock, policy, aim, self._aimed[clock, policy].tally, budget(aim, self._aimed[clock, policy].tally))
            for (clock, policy), aim in sorted(self._aims.items())
        )
        return self.report

    def _count(self, sample: Sample, row: Row) -> None:
        report = self.report
        report.total[sample.clock].add(sample)
        for dimension, value in zip(GROUPED, sample.groups, strict=True):
            report.groups[dimension][sample.clock, value].add(sample)
        report.slots[sample.clock][sample.slot][sample.state] += 1
        if sample.state == "cancelled":
            if sample.reason == "closed":
                for dimension, name in (("agent", row.agent), ("team", row.team)):
                    report.conduct[dimension][name or NOBODY].closed += 1
            return
        if not sample.ended:
            report.owed["late" if sample.state == "breached" else sample.state] += 1
        tier = row.tier or NOBODY
        if sample.clock in WAITING and (tier not in report.longest or report.longest[tier].waited < sample.waited):
            report.longest[tier] = Wait(sample.waited, sample.clock, row.record["case_id"], sample.ended)

    def _sample(self, row: Row) -> tuple[Sample, datetime]:
        record, now = row.record, self._now
        began = datetime.fromisoformat(record["started_at"])
        stopped = _instant(record["stopped_at"])
        due, told_at = _instant(record["due_at"]), _instant(record.get("promised_at"))
        state = record["state"]
        if state == "running" and due is not None and due < now:
            state = "breached"  # its timer is still to come
        end = stopped or now
        told = None
        if told_at is not None and state != "cancelled":
            told = "breached" if end > told_at else "met" if stopped else "running"
        local = began.astimezone(self._zone_of(row))
        sample = Sample(
            clock=record["clock"],
            policy=record["policy"],
            state=state,
            reason=record["reason"],
            told=told,
            ended=stopped is not None,
            seconds=record["elapsed_ms"] / 1000 if stopped else self._elapsed(row, began, due),
            waited=(end - began).total_seconds(),
            slot=(local.weekday(), local.hour),
            groups=(
                record["policy"],
                row.channel or NOBODY,
                row.team or NOBODY,
                row.agent or row.owner or NOBODY,
                row.tier or NOBODY,
            ),
        )
        return sample, began

    def _elapsed(self, row: Row, began: datetime, due: datetime | None) -> float:
        """Open time so far of a clock that is still owed. Its record tells it as of its last change only."""
        record, so_far = row.record, float(row.record["elapsed_ms"]) / 1000
        if record["state"] == "paused":
            return so_far
        if record["clock"] == ClockKind.PROMISE:
            return (self._now - began).total_seconds()
        calendar, target = self._calendar(row), self._target(record)
        if calendar is None:
            return so_far
        if record["clock"] != ClockKind.RESOLUTION:
            return between(calendar, began, self._now).total_seconds()
        if due is None or target is None or target.duration is None:
            return so_far
        left = between(calendar, self._now, due) - between(calendar, due, self._now)  # holds are in its due time
        return max(so_far, (target.duration - left).total_seconds())

    def _target(self, record: Mapping[str, Any]) -> Target | None:
        version = self._versions.get(record["rules_version"])
        policy = version.policies.get(record["policy"]) if version else None
        return policy.targets.get(ClockKind(record["clock"])) if policy else None

    def _calendar(self, row: Row) -> Calendar | None:
        version = self._versions.get(row.record["rules_version"])
        calendar = version.calendars.get(row.record["calendar"]) if version else None
        return in_zone(calendar, row.tz) if calendar else None

    def _zone_of(self, row: Row) -> ZoneInfo:
        """The zone of its calendar, where that is still known."""
        key = (row.record["rules_version"], row.record["calendar"], row.tz)
        if key not in self._zones:
            calendar = self._calendar(row)
            self._zones[key] = ZoneInfo(calendar.tz) if calendar and is_zone(calendar.tz) else self._zone
        return self._zones[key]


def fold(
    window: Window, versions: Sequence[Version], zone: ZoneInfo, rows: Iterable[Row], acts: Iterable[Doing] = ()
) -> Report:
    """The report of rows that are all at hand."""
    folding = Fold(window, versions, zone)
    for row in rows:
        folding.add(row)
    for act in acts:
        folding.did(act)
    return folding.done()


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text).astimezone(UTC) if text else None


def _objectives(version: Version | None) -> Iterable[tuple[tuple[str, str], Objective]]:
    for policy in version.policies.values() if version else ():
        for kind, target in policy.targets.items():
            if aim := objective(target.objective):
                yield (kind.value, policy.name), aim


def _targets(version: Version | None) -> dict[tuple[str, str], float | None]:
    """Seconds of each target by clock and policy, of the rules in force; None for business days."""
    return {
        (kind.value, policy.name): target.duration.total_seconds() if target.duration else None
        for policy in (version.policies.values() if version else ())
        for kind, target in policy.targets.items()
    }
