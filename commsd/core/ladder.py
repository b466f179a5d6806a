"""When our people are told of a clock: the rungs of its policy's ladder as instants, and which of them are over.

Who sits behind the names, and whether they are at work, `sla.recipient` says; how it reaches them, `sla.dispatch`.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import NamedTuple

from commsd.core.calendar import Calendar, add, between, in_zone
from commsd.core.case import CaseFile, ClockRecord
from commsd.core.clock import State
from commsd.core.interaction import Kind
from commsd.core.policy import ClockKind, Policy, Step, Target, Version

WARN = "warn"
"""The rung of a clock's own warning time."""

DUE = "due"
MOVED = "moved"
"""The due time went past what the customer was told."""

SKIPPED = ":skipped_late"
"""After a rung's key in a clock's `told`: it was over before anybody could be told, and a later one says more."""

PAGE = "page"
"""The reason of a telling that waits for nothing."""

MOST = 500
"""How often one step may repeat, whatever `times` says."""

_BEFORE = "warned"
_ALIAS = {"breached": DUE}
_NOTHING = timedelta(0)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rung:
    """One moment at which somebody is told. key: "75%", "-15m", "due", "+1h", "+1h/2" for its second time, "moved".

    tell: agents, teams, routes, and the case's "owner", "team" and "lead". page: also while we are closed, at once.
    """

    key: str
    at: datetime
    tell: tuple[str, ...]
    page: bool = False


class Unseen(NamedTuple):
    """What came true while nobody looked. tell: to be told now; skipped: keys of those that a later one makes moot."""

    tell: tuple[Rung, ...]
    skipped: tuple[str, ...]


def rungs(
    record: ClockRecord,
    versions: Sequence[Version],
    customer_tz: str | None,
    now: datetime,
    until: datetime | None = None,
) -> tuple[Rung, ...]:
    """All rungs of a clock in order of time, also those that are over, or that its stop made moot.

    The rest of the time is counted as if the clock ran on; none while it is paused. Where the ladder has no step from
    the due time on, owner and lead are told then; the owner is also told at the clock's own warning. until: what steps
    bring from then on need not be worked out.
    """
    value = record.value
    moved = record.moved_at
    found: dict[str, Rung] = {}
    if value.due_at is not None:
        version = _version(versions, value.rules_version)
        policy = version.policies.get(value.policy) if version else None
        course = _course(record, version, policy, customer_tz, value.due_at)
        steps = version.ladders.get(policy.ladder or "", ()) if version and policy else ()
        for rung in (*_of_steps(steps, course, until), *_of_itself(record, steps, course)):
            found[rung.key] = _joined(found.get(rung.key), rung)
    if moved is not None and moved <= now:
        found[MOVED] = Rung(key=MOVED, at=moved, tell=("owner",))
    return tuple(sorted(found.values(), key=lambda rung: rung.at))


def unseen(record: ClockRecord, versions: Sequence[Version], customer_tz: str | None, now: datetime) -> Unseen:
    """The rungs that are over, of which nobody was told. Of several only the last is told; none unless it runs."""
    if not runs(record):
        return Unseen((), ())
    over = [rung for rung in rungs(record, versions, customer_tz, now) if rung.at < now and not _is_over(rung, record)]
    last = max((rung.at for rung in over if rung.key != MOVED), default=None)
    tell = tuple(rung for rung in over if rung.key == MOVED or rung.at == last)
    return Unseen(tell, tuple(rung.key + SKIPPED for rung in over if rung not in tell))


def runs(record: ClockRecord) -> bool:
    """Whether people are told of it: somebody has to act, and it is not on hold."""
    return record.owed and record.value.state is not State.PAUSED


def skipped_before(
    record: ClockRecord, versions: Sequence[Version], customer_tz: str | None, now: datetime
) -> ClockRecord:
    """The record of a clock that became known late, with what lay before marked as skipped."""
    late = [rung for rung in rungs(record, versions, customer_tz, now) if rung.at <= now and not _is_over(rung, record)]
    return replace(record, told=(*record.told, *(rung.key + SKIPPED for rung in late)))


def armed_again(
    record: ClockRecord, versions: Sequence[Version], customer_tz: str | None, now: datetime
) -> ClockRecord:
    """The record after a change of its rules: rungs that lie ahead once more may be told once more."""
    if not record.told:
        return record
    ahead = {rung.key for rung in rungs(record, versions, customer_tz, now) if rung.at > now}
    return replace(record, told=tuple(mark for mark in record.told if key_of(mark) not in ahead))


def not_skipped(
    record: ClockRecord, versions: Sequence[Version], customer_tz: str | None, now: datetime
) -> ClockRecord:
    """The record of a clock that is not late after all: what was passed over, and lies ahead again, was too early.

    What was told stays told.
    """
    ahead = {rung.key + SKIPPED for rung in rungs(record, versions, customer_tz, now) if rung.at > now}
    return replace(record, told=tuple(mark for mark in record.told if mark not in ahead))


def timer_of(
    record: ClockRecord, versions: Sequence[Version], customer_tz: str | None, now: datetime
) -> datetime | None:
    """When the case must be looked at next for this clock. None: never, as far as time alone goes.

    Its warning, its due time, its next rung, or new rules that take over the clocks that run.
    """
    value = record.value
    dropped = value.state is State.CANCELLED and value.reason == "no_policy"
    if not record.owed and not dropped:
        return None
    ahead: list[datetime | None] = []
    if value.state is not State.BREACHED:
        ahead.append(next_rules(versions, now))
    if value.state is State.RUNNING:
        ahead += [value.due_at, value.warn_at if record.warned_at is None else None]
    if runs(record):
        found = rungs(record, versions, customer_tz, now)
        ahead.append(next((rung.at for rung in found if not _is_over(rung, record)), None))
    return min((at for at in ahead if at is not None), default=None)


def key_of(mark: str) -> str:
    """The key of the rung that a mark in `told` is about."""
    key = mark.removesuffix(SKIPPED)
    return _ALIAS.get(key, key)


def is_late(key: str) -> bool:
    """Whether this rung tells of a clock that is overdue."""
    base = key.partition("/")[0]
    return base == DUE or base.startswith("+") or (base.endswith("%") and int(base[:-1]) >= 100)


def zone_of(file: CaseFile) -> str | None:
    """The customer's zone as the case has it now."""
    later = (fact.detail.attrs.get("tz") for fact in reversed(file.interactions) if fact.kind is Kind.SET)
    return next((tz for tz in later if tz), None) or file.case.attrs.get("tz")


def policy_calendar(record: ClockRecord, versions: Sequence[Version], customer_tz: str | None) -> Calendar | None:
    """The opening hours of the clock's policy, in which its people are told."""
    version = _version(versions, record.value.rules_version)
    policy = version.policies.get(record.value.policy) if version else None
    calendar = version.calendars.get(policy.calendar) if version and policy else None
    return in_zone(calendar, customer_tz) if calendar else None


def _version(versions: Iterable[Version], version_id: str) -> Version | None:
    return next((known for known in versions if known.id == version_id), None)


def next_rules(versions: Sequence[Version], now: datetime) -> datetime | None:
    """When rules come in force that take over running clocks. versions: by effective_from."""
    later = versions[bisect_right(versions, now, key=lambda version: version.effective_from) :]
    return next((version.effective_from for version in later if version.applies == "running"), None)


def _is_over(rung: Rung, record: ClockRecord) -> bool:
    """By its mark; "warned", of an earlier release, stood for everything before the due time."""
    keys = {key_of(mark) for mark in record.told}
    early = rung.key != MOVED and not is_late(rung.key)
    return rung.key in keys or (early and _BEFORE in keys)


def _joined(before: Rung | None, rung: Rung) -> Rung:
    """Two steps of one moment are one rung."""
    if before is None:
        return rung
    return replace(before, tell=tuple(dict.fromkeys((*before.tell, *rung.tell))), page=before.page or rung.page)


class _Course(NamedTuple):
    """How the time of a clock runs. whole: its target, in open time; of a promise, in real time.

    calendar: None where its rules are not known any more; then real time has to do.
    """

    record: ClockRecord
    due: datetime
    whole: timedelta
    calendar: Calendar | None

    @property
    def promised(self) -> bool:
        return self.record.value.clock is ClockKind.PROMISE

    @property
    def _room(self) -> timedelta:
        return self.due - self.record.value.started_at

    def later(self, start: datetime, span: timedelta, *, real: bool = False) -> datetime | None:
        """So much time after an instant; None where hours never come."""
        return _sum(start, span) if real or self.calendar is None else add(self.calendar, start, span)

    def reached(self, share: timedelta) -> datetime | None:
        """When so much of the target has passed; what was paused on the way does not count."""
        value = self.record.value
        if self.promised:
            return _sum(value.started_at, share)
        if value.clock is not ClockKind.RESOLUTION:  # the only one that pauses
            return self.later(value.started_at, share)
        measured_at = value.started_at + value.waited
        if share > value.elapsed:
            return self.later(measured_at, share - value.elapsed)
        unpaused = self.later(value.started_at, share)
        return measured_at if unpaused is None else min(unpaused, measured_at)

    def of(self, step: Step, turn: int) -> datetime | None:
        """When a step comes for the n-th time, counted from 0. None: it lies before the start, or never comes."""
        further = turn * (step.repeat or _NOTHING)
        if isinstance(step.at, int):
            share = timedelta(seconds=self.whole // _SECOND * step.at // 100)
            at = self.reached(share + further)
            return min(at, self.due) if at and share <= self.whole and not turn else at
        if step.at < _NOTHING:
            return self._before(step, further)
        return self.later(self.due, step.at + further, real=step.real)

    def _before(self, step: Step, further: timedelta) -> datetime | None:
        assert isinstance(step.at, timedelta)
        if step.real:
            return _sum(self.due, step.at + further) if self._room >= -step.at else None
        share = self.whole + step.at
        reached = self.reached(share + further) if share >= _NOTHING else None
        return min(reached, self.due) if reached and not further else reached


def _course(
    record: ClockRecord, version: Version | None, policy: Policy | None, customer_tz: str | None, due: datetime
) -> _Course:
    value = record.value
    calendar = version.calendars.get(value.calendar) if version else None
    calendar = in_zone(calendar, customer_tz) if calendar else None
    target = policy.targets.get(value.clock, Target()) if policy else Target()
    if value.clock is ClockKind.PROMISE or calendar is None:
        whole = due - value.started_at
    else:
        whole = target.duration or between(calendar, value.started_at, due)
    return _Course(record, due, whole, calendar)


def _of_steps(steps: Iterable[Step], course: _Course, until: datetime | None) -> Iterator[Rung]:
    for step in steps:
        for turn in range(min(step.times, MOST) if step.repeat else 1):
            at = course.of(step, turn)
            if at is None or (until is not None and at >= until):
                break
            yield Rung(key=_named(step) + (f"/{turn + 1}" if turn else ""), at=at, tell=step.tell, page=step.page)


def _of_itself(record: ClockRecord, steps: Sequence[Step], course: _Course) -> Iterator[Rung]:
    """What nobody needs to write down: the clock's own warning, and that somebody is told when it is late."""
    warn_at = record.value.warn_at
    early = [step for step in steps if not is_late(_named(step)) and "owner" in step.tell]
    if warn_at is not None and warn_at < course.due and all(course.of(step, 0) != warn_at for step in early):
        yield Rung(key=WARN, at=warn_at, tell=("owner",))
    if not any(is_late(_named(step)) for step in steps):
        yield Rung(key=DUE, at=course.due, tell=("owner", "lead"))


def _sum(at: datetime, span: timedelta) -> datetime | None:
    """None: later than any calendar has a name for."""
    try:
        return at + span
    except OverflowError:
        return None


def _named(step: Step) -> str:
    return _name(step.at, step.real)


@lru_cache(maxsize=1024)
def _name(at: int | timedelta, real: bool) -> str:
    if isinstance(at, int):
        return f"{at}%"
    if not at:
        return DUE
    sign = "-" if at < _NOTHING else "+"
    return f"{sign}{_written(abs(at))}{' real' if real else ''}"


def _written(span: timedelta) -> str:
    """As the files have it: "1h30m"."""
    seconds = int(span.total_seconds())
    parts = ((seconds // 3600, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    return "".join(f"{amount}{unit}" for amount, unit in parts if amount)
