"""Why a case's clocks are as they are: which rules were asked, what governs each clock, how its time was counted.

Values for `explain` to print; nothing is decided here. All of it is taken from the same touches and versions as the
clocks themselves, so that it cannot tell another story. Who is told stands in `sla.recipient`.
"""

from bisect import bisect_right
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from commsd.core.calendar import CUSTOMER, Calendar, in_zone, is_zone, lost_zone
from commsd.core.case import CaseFile, ClockRecord
from commsd.core.clock import Clock, State, clocks
from commsd.core.interaction import Interaction
from commsd.core.ladder import Rung, rungs, zone_of
from commsd.core.obligation import Obligation, in_force, obligations
from commsd.core.policy import ClockKind, Policy, Target, Version, mismatch
from commsd.core.stretch import (
    BusinessDay,
    OddDay,
    Pause,
    Stretch,
    business_days,
    odd_days,
    pauses_of,
    stretches,
)
from commsd.core.touch import Facts, Touch, TouchKind, touches_of

_INSTANT = timedelta(microseconds=1)
_PLAIN = Target()
_ANSWERABLE = (ClockKind.FIRST_RESPONSE, ClockKind.NEXT_RESPONSE, ClockKind.CALLBACK, ClockKind.PROMISE)

Found = str | tuple[str, ...] | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """One rule that was asked. failed: its first condition that did not hold; None: it matched.

    wanted: what the condition names. found: what there was instead; None: nothing of the kind.
    """

    number: int
    policy: str | None
    failed: str | None = None
    wanted: tuple[str, ...] = ()
    found: Found = None
    conditions: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ruled:
    """The rules asked at an instant, up to the one that matched. version: None: none was in force."""

    version: Version | None
    asked: tuple[Asked, ...] = ()

    @property
    def policy(self) -> Policy | None:
        """The policy that came of it."""
        last = self.asked[-1] if self.asked else None
        if self.version is None or last is None or last.failed or last.policy is None:
            return None
        return self.version.policies.get(last.policy)


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A change of what governs a clock, at an instant. cause: what happened. ruled: the rules as asked then.

    before, after: the clock just before and just after it; after None: its policy has no such clock any more.
    """

    at: datetime
    cause: tuple[str, ...]
    ruled: Ruled
    before: Clock
    after: Clock | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ZoneLost:
    """A zone that is not to be had. name: None: the customer's is not known; else no database knows this one."""

    name: str | None
    customers: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockWhy:
    """Why one clock is due when it is.

    value: as of now; record: as last recorded. opener, stopper: the interactions. ruled: the rules as asked at its
    start. target, calendar: what governs it, the calendar in its zone. counted: how its time is counted up to its due
    time, also where it ended before; where it has none, up to its end. days: of a target in business days. pauses:
    what was left out. odd: the dates on the way that are closed or have hours of their own. held_off: answers of ours
    in its time that did not stop it, being partial. zone: why the calendar counts in another zone than it says.
    rungs: when who is told.
    """

    record: ClockRecord
    value: Clock
    opener: Interaction | None
    stopper: Interaction | None
    ruled: Ruled
    target: Target
    calendar: Calendar | None
    counted: tuple[Stretch, ...] = ()
    days: tuple[BusinessDay, ...] = ()
    pauses: tuple[Pause, ...] = ()
    odd: tuple[OddDay, ...] = ()
    held_off: tuple[Interaction, ...] = ()
    zone: "ZoneLost | None" = None
    turns: tuple[Turn, ...] = ()
    rungs: tuple[Rung, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Unowed:
    """What the case would owe under other rules, and the rules as they were asked at its start."""

    kind: ClockKind
    since: datetime
    ruled: Ruled


@dataclass(frozen=True, slots=True, kw_only=True)
class CaseWhy:
    """Why a case owes what it owes. attrs: what rules match of it now, beside each touch's own."""

    file: CaseFile
    attrs: Facts
    clocks: tuple[ClockWhy, ...]
    unowed: tuple[Unowed, ...]


def why(file: CaseFile, versions: Sequence[Version], now: datetime) -> CaseWhy:
    """Everything there is to say of a case's clocks at `now`."""
    story = _Story(file, versions, now)
    values = {_identity(value): value for value in clocks(story.touches, versions, file.case.attrs, now)}
    known = {_identity(record.value): record for record in file.clocks}
    return CaseWhy(
        file=file,
        attrs=story.attrs_at(now),
        clocks=tuple(story.clock(record, values.get(name, record.value)) for name, record in known.items()),
        unowed=tuple(
            Unowed(kind=owed.kind, since=owed.started_at, ruled=story.ruled(owed.facts, owed.started_at))
            for owed in story.book.owed
            if _named(owed) not in values and _named(owed) not in known
        ),
    )


def _identity(value: Clock) -> tuple[ClockKind, int, str]:
    """As in core/recompute.py: a promise is known by what opened it."""
    return (value.clock, 0, value.opened_by) if value.clock is ClockKind.PROMISE else (value.clock, value.n, "")


def _named(owed: Obligation) -> tuple[ClockKind, int, str]:
    return (owed.kind, 0, owed.opened_by) if owed.kind is ClockKind.PROMISE else (owed.kind, owed.n, "")


class _Story:
    """A case's touches under its rules, to be asked about any instant."""

    def __init__(self, file: CaseFile, versions: Sequence[Version], now: datetime) -> None:
        self.file, self.now = file, now
        self.versions = sorted(versions, key=lambda version: version.effective_from)
        self.touches = [touch for fact in file.interactions for touch in touches_of(fact)]
        self.facts = {fact.id: fact for fact in file.interactions}
        known = in_force(self.touches, now)
        self.known = known
        self.sets = [touch for touch in known if touch.kind is TouchKind.SET]
        self.book = obligations(known, self._options)

    def attrs_at(self, at: datetime) -> Facts:
        """What the case carried once everything at that instant had happened."""
        attrs = dict(self.file.case.attrs)
        for touch in self.sets:
            if touch.time <= at:
                attrs.update(touch.attrs)
        return attrs

    def version_at(self, at: datetime) -> Version | None:
        """The version in force for what begins then."""
        place = bisect_right(self.versions, at, key=lambda version: version.effective_from)
        return self.versions[place - 1] if place else None

    def ruled(self, facts: Facts, at: datetime, version: Version | None = None) -> Ruled:
        """The rules of the version (that in force then, unless told) as they are asked at an instant."""
        version = version or self.version_at(at)
        return Ruled(version=version, asked=tuple(_asked(version, {**self.attrs_at(at), **facts})) if version else ())

    def _options(self, kind: ClockKind, facts: Facts, at: datetime) -> Target:
        policy = self.ruled(facts, at).policy
        return policy.targets.get(kind, _PLAIN) if policy else _PLAIN

    def clock(self, record: ClockRecord, value: Clock) -> ClockWhy:
        """Why this clock is due when it is."""
        owed = next((each for each in self.book.owed if _named(each) == _identity(value)), None)
        turns = tuple(self._turns(owed, value)) if owed else ()
        facts = owed.facts if owed else {}
        zone = self.attrs_at(turns[-1].at if turns else value.started_at).get("tz")
        version = next((known for known in self.versions if known.id == value.rules_version), None)
        policy = version.policies.get(value.policy) if version else None
        written = version.calendars.get(value.calendar) if version else None
        target = policy.targets.get(value.clock, _PLAIN) if policy else _PLAIN
        tz = zone if isinstance(zone, str) else None
        calendar = in_zone(written, tz) if written else None
        pauses = pauses_of(owed, self.book.holds) if owed else ()
        end = _end(value, self.now)
        return ClockWhy(
            record=record,
            value=value,
            opener=self.facts.get(value.opened_by),
            stopper=self.facts.get(value.stopped_by or ""),
            ruled=self.ruled(facts, value.started_at),
            target=target,
            calendar=calendar,
            counted=stretches(calendar, value.started_at, end, pauses) if calendar and _in_hours(value, target) else (),
            days=_days(value, target, calendar),
            pauses=pauses,
            odd=odd_days(calendar, value.started_at, end) if calendar and value.clock is not ClockKind.PROMISE else (),
            held_off=tuple(self._held_off(value, target)),
            zone=_zone_lost(written, tz) if written and value.clock is not ClockKind.PROMISE else None,
            turns=turns,
            rungs=rungs(record, self.versions, zone_of(self.file), self.now),
        )

    def _held_off(self, value: Clock, target: Target) -> Iterator[Interaction]:
        """Partial answers that would have stopped it, had they answered."""
        opener = self.facts.get(value.opened_by)
        promise = opener.detail.promise if opener and value.clock is ClockKind.PROMISE else None
        by_call = target.stop_on == "talk" if value.clock is ClockKind.CALLBACK else promise and promise.via == "call"
        if value.clock not in _ANSWERABLE or by_call:
            return
        end = value.stopped_at or self.now
        for touch in self.known:
            if touch.kind is TouchKind.OUT and touch.partial and value.started_at < touch.time <= end:
                yield self.facts[touch.id]

    def _turns(self, owed: Obligation, value: Clock) -> Iterator[Turn]:
        """What changed its rules after its start, seen from just before and just after."""
        end = value.stopped_at or self.now
        start = owed.started_at
        over = {known.effective_from: known for known in self.versions if known.applies == "running"}
        for at in sorted({at for at in (*over, *(touch.time for touch in self.sets)) if start < at <= end}):
            before, after = self._as_of(owed, at - _INSTANT), self._as_of(owed, at)
            taken_over = [known for since, known in over.items() if start < since <= at]
            governing = taken_over[-1] if taken_over else self.version_at(start)
            if before and (after is None or _terms(before) != _terms(after)):
                ruled = self.ruled(owed.facts, at, governing)
                yield Turn(at=at, cause=tuple(self._causes(at)), ruled=ruled, before=before, after=after)

    def _as_of(self, owed: Obligation, at: datetime) -> Clock | None:
        found = clocks(self.touches, self.versions, self.file.case.attrs, at)
        return next((value for value in found if _identity(value) == _named(owed)), None)

    def _causes(self, at: datetime) -> Iterator[str]:
        for version in self.versions:
            if version.effective_from == at and version.applies == "running":
                yield f"rules version {version.id[:12]} came in force, also for clocks that run"
        for touch in self.sets:
            if touch.time == at:
                by = self._by(touch)
                yield from (f"{key} became {value}{by}" for key, value in touch.attrs.items())

    def _by(self, touch: Touch) -> str:
        fact = self.facts.get(touch.id)
        name = (fact.agent or fact.agent_id) if fact else None
        return ", set by a rule" if touch.by_rule else f", set by {name}" if name else ""


def _terms(value: Clock) -> tuple[object, ...]:
    lost = value.state is State.CANCELLED and value.reason == "no_policy"
    return value.policy, value.rules_version, value.calendar, value.due_at, lost


def _asked(version: Version, facts: Facts) -> Iterator[Asked]:
    for number, rule in enumerate(version.rules, 1):
        failed = mismatch(rule, facts)
        if failed is None:
            yield Asked(number=number, policy=rule.policy, conditions=rule.match)
            return
        yield Asked(
            number=number,
            policy=rule.policy,
            failed=failed,
            wanted=rule.match[failed],
            found=facts.get(failed),
            conditions=rule.match,
        )


def _end(value: Clock, now: datetime) -> datetime:
    """Up to where its time is told: the due time, which may lie ahead; without one the end, else now."""
    return value.due_at or value.stopped_at or now


def _in_hours(value: Clock, target: Target) -> bool:
    """Whether it counts open time; a promise counts none, and business days are counted as such."""
    return value.clock is not ClockKind.PROMISE and target.business_days is None


def _zone_lost(written: Calendar, tz: str | None) -> ZoneLost | None:
    """The zone this calendar should count in and cannot. tz: the customer's."""
    if written.tz != CUSTOMER:
        lost = lost_zone(written)
        return ZoneLost(name=lost, customers=False) if lost else None
    return None if tz and is_zone(tz) else ZoneLost(name=tz, customers=True)


def _days(value: Clock, target: Target, calendar: Calendar | None) -> tuple[BusinessDay, ...]:
    if calendar is None or target.business_days is None or value.clock is ClockKind.PROMISE:
        return ()
    return business_days(calendar, value.started_at, target.business_days)
