"""The clocks of a case at an instant: which are owed, when they are due, and how they stand.

One pure function of touches, rule versions and attributes; live, `explain` and what-if replay all call it. What starts
and stops a clock stands in obligation.py, open time in calendar.py. This file brings policies to obligations: target
and hours at each moment, the due time, the verdict.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from functools import lru_cache
from operator import attrgetter
from typing import NamedTuple, TypeVar

from commsd.core.calendar import Calendar, add, between, end_of_business_day, in_zone, is_open
from commsd.core.fact import fact
from commsd.core.obligation import Hold, Obligation, in_force, obligations
from commsd.core.policy import ClockKind, Policy, Target, Version, rule_for
from commsd.core.touch import Facts, Touch, TouchKind

_NOTHING = timedelta(0)
_SECOND = timedelta(seconds=1)
_NO_OPTIONS = Target()
_EFFECTIVE_FROM = attrgetter("effective_from")
_ORDER = attrgetter("started_at", "clock", "n")
_OPTIONS = attrgetter("by", "stop_on", "met_after_attempts", "pause_on", "reopen")

T = TypeVar("T")
Span = tuple[datetime, datetime | None]


class State(StrEnum):
    """How a clock stands. Breached is later than due; a cancelled clock is counted in no attainment figure."""

    RUNNING = "running"
    PAUSED = "paused"
    MET = "met"
    BREACHED = "breached"
    CANCELLED = "cancelled"


@fact
class Clock:
    """One promise to one person, as it stands at one instant.

    n: the how manyth of its kind. reason: why it was cancelled (closed, void_case, merged, replaced, no_policy,
    callback_closed). opened_by, stopped_by: touch ids; nobody stopped what a change of rules cancelled.
    due_at, warn_at: None while paused short of the target, when cancelled, and where hours never come.
    stopped_at: the stop or the cancellation. elapsed: open time (of a promise: real time) until the stop, the
    cancellation or now; waited: the same in real time. policy, rules_version, calendar: what governs it, or did last.
    in_hours: still owed, and its calendar is open now. remaining: what is left until due_at of the time that `elapsed`
    counts, while it runs; zero when late; None for business days. overrun: what went by after due_at; None if in time.
    """

    clock: ClockKind
    n: int
    state: State
    reason: str | None
    opened_by: str
    stopped_by: str | None
    started_at: datetime
    due_at: datetime | None
    warn_at: datetime | None
    stopped_at: datetime | None
    elapsed: timedelta
    waited: timedelta
    policy: str
    rules_version: str
    calendar: str
    in_hours: bool = False
    remaining: timedelta | None = None
    overrun: timedelta | None = None


def clocks(touches: Iterable[Touch], versions: Iterable[Version], attrs: Facts, now: datetime) -> tuple[Clock, ...]:
    """The clocks of a case at `now`, ordered by (started_at, clock, n).

    touches: in any order that keeps those of equal time as they were recorded. attrs: the case's at its start.
    """
    (found,) = clocks_under(touches, (standing(tuple(versions)),), attrs, now)
    return found


class Standing(NamedTuple):
    """A set of rules: its versions in order of effective_from, and what is looked up in them for each case.

    alike: for each version the first whose rules are the same, so that a case is matched against those once.
    """

    versions: tuple[Version, ...]
    alike: tuple[int, ...]
    froms: tuple[datetime, ...]
    takeovers: tuple[datetime, ...]
    keys: frozenset[str]
    kinds: frozenset[ClockKind]


@lru_cache(maxsize=32)
def standing(versions: tuple[Version, ...]) -> Standing:
    """These versions, in any order, as one set of rules; kept, since the same ones are asked at every decision."""
    ordered = tuple(sorted(versions, key=_EFFECTIVE_FROM))
    return Standing(
        versions=ordered,
        alike=tuple(next(i for i, each in enumerate(ordered) if each.rules == version.rules) for version in ordered),
        froms=tuple(version.effective_from for version in ordered),
        takeovers=tuple(version.effective_from for version in ordered if version.applies == "running"),
        keys=_united(version.keys for version in ordered),
        kinds=_united(version.kinds for version in ordered),
    )


def clocks_under(
    touches: Iterable[Touch], rule_sets: Iterable[Standing], attrs: Facts, now: datetime
) -> tuple[tuple[Clock, ...], ...]:
    """The clocks of one case under several sets of rules, each as `clocks` gives them; what they share is done once."""
    known = in_force(touches, now)
    book, kinds = None, frozenset[ClockKind]()
    found: list[tuple[Clock, ...]] = []
    for rule_set in rule_sets:
        rules = _Rules(rule_set, attrs, known)
        if book is None or kinds != rules.kinds or not _same_options(book.owed, rules):
            book, kinds = obligations(known, rules.options, rules.kinds), rules.kinds
        made = [clock for owed in book.owed if (clock := _clock(owed, _breaks(owed, book.holds), rules, now))]
        found.append(tuple(sorted(made, key=_ORDER)))
    return tuple(found)


def _same_options(owed: Iterable[Obligation], rules: "_Rules") -> bool:
    """Whether these rules would have let the case go the same way: each start has the options it had."""
    for each in owed:
        one, other = each.options, rules.options(each.kind, each.facts, each.started_at)
        if one is not other and _OPTIONS(one) != _OPTIONS(other):
            return False
    return True


def next_change(clock: Clock, now: datetime) -> datetime | None:
    """When this clock changes by time alone: its warning if that is to come, else its due time. None: never.

    It is breached only at an instant LATER than due_at; a timer that fires exactly then finds it running.
    """
    if clock.state is not State.RUNNING:
        return None
    if clock.warn_at is not None and clock.warn_at > now:
        return clock.warn_at
    return clock.due_at


class _Term(NamedTuple):
    """What governs a clock for a while: its target in the hours of a calendar that has a zone."""

    target: Target
    calendar: Calendar
    policy: str
    version: str

    def same_demand(self, other: "_Term", kind: ClockKind) -> bool:
        mine, theirs = self.target, other.target
        if (mine.warn_before, mine.warn_percent) != (theirs.warn_before, theirs.warn_percent):
            return False
        if kind is ClockKind.PROMISE:
            return True
        return self.calendar == other.calendar and (
            (mine.duration, mine.business_days) == (theirs.duration, theirs.business_days)
        )


class _Governed(NamedTuple):
    """A term and the change that brought it in; None: the clock began under it."""

    term: _Term
    since: datetime | None

    def not_before(self, at: datetime | None) -> datetime | None:
        """A change makes nobody late before it took effect."""
        return at if at is None or self.since is None else max(at, self.since)


class _Rules:
    """Which target governs a clock at an instant, and when that changes."""

    def __init__(self, rule_set: Standing, attrs: Facts, known: Sequence[Touch]) -> None:
        self._versions, self._alike, self._froms, self._takeovers, keys, self.kinds = rule_set
        self._sets: list[datetime] = []
        self._attrs: list[Facts] = [attrs]
        for touch in known:
            if touch.kind is TouchKind.SET and not keys.isdisjoint(touch.attrs):
                self._sets.append(touch.time)
                self._attrs.append({**self._attrs[-1], **touch.attrs})
        self._policies: dict[tuple[int, int, int], str | None] = {}

    def options(self, kind: ClockKind, facts: Facts, at: datetime) -> Target:
        """The options of a clock that starts now; the plain ones if its policy does not have it."""
        policy = self._policy(self._version_at(at), facts, at)
        return _NO_OPTIONS if policy is None else policy.targets.get(kind, _NO_OPTIONS)

    def at_start(self, owed: Obligation) -> _Term | None:
        """What governs from the start. None: no such clock."""
        return self._term(self._version_at(owed.started_at), owed, owed.started_at)

    def changes(self, start: datetime, until: datetime) -> list[datetime]:
        """When another term may come in, after `start`, up to and with `until`; mostly never."""
        if (not self._sets or self._sets[-1] <= start) and (not self._takeovers or self._takeovers[-1] <= start):
            return []
        return sorted({at for at in (*self._sets, *self._takeovers) if start < at <= until})

    def course(self, owed: Obligation, changes: Iterable[datetime]) -> Iterator[tuple[datetime, _Term | None]]:
        """What governs from each of the changes on."""
        governing = self._version_at(owed.started_at)
        for at in changes:
            latest = self._version_at(at)
            running = [i for i in range(governing + 1, latest + 1) if self._versions[i].applies == "running"]
            governing = running[-1] if running else governing
            yield at, self._term(governing, owed, at)

    def _version_at(self, at: datetime) -> int:
        return bisect_right(self._froms, at) - 1

    def _term(self, version: int, owed: Obligation, at: datetime) -> _Term | None:
        policy = self._policy(version, owed.facts, at)
        target = None if policy is None else policy.targets.get(owed.kind)
        if policy is None or target is None:
            return None
        calendar = self._versions[version].calendars[target.calendar or policy.calendar]
        tz = self._attrs[bisect_right(self._sets, at)].get("tz")
        return _Term(
            target, in_zone(calendar, tz if isinstance(tz, str) else None), policy.name, self._versions[version].id
        )

    def _policy(self, version: int, facts: Facts, at: datetime) -> Policy | None:
        if version < 0:
            return None
        stage = bisect_right(self._sets, at)  # the attributes once everything at that instant has happened
        key = (self._alike[version], stage, id(facts))
        if key not in self._policies:
            attrs = self._attrs[stage]
            found = rule_for(self._versions[version], {**attrs, **facts} if facts else attrs)
            self._policies[key] = None if found is None else found[1].policy
        name = self._policies[key]
        return None if name is None else self._versions[version].policies.get(name)


def _united(sets: Iterable[frozenset[T]]) -> frozenset[T]:
    return frozenset[T]().union(*sets)


def _clock(owed: Obligation, breaks: list[Span], rules: _Rules, now: datetime) -> Clock | None:
    governed, lost_at = _governed(owed, breaks, rules, now)
    if governed is None:
        return None
    ended_at = owed.ended_at if lost_at is None else lost_at if owed.ended_at is None else min(owed.ended_at, lost_at)
    end = now if ended_at is None else ended_at
    due, warn = _due(owed, governed, breaks), _warn(owed, governed, breaks)
    on_hold = any(until is None for _, until in breaks)
    state, reason = _verdict(owed, due, lost_at, end, on_hold=on_hold)
    if state is State.CANCELLED:
        due = warn = None
    term = governed.term
    counted = owed.closed if term.target.business_days is not None else breaks
    return Clock(
        clock=owed.kind,
        n=owed.n,
        state=state,
        reason=reason,
        opened_by=owed.opened_by,
        stopped_by=None if reason == "no_policy" else owed.ended_by,
        started_at=owed.started_at,
        due_at=due,
        warn_at=warn,
        stopped_at=ended_at,
        elapsed=_counted(owed, term, counted, owed.started_at, end),
        waited=end - owed.started_at,
        policy=term.policy,
        rules_version=term.version,
        calendar=term.calendar.name,
        in_hours=ended_at is None and is_open(term.calendar, now),
        remaining=_remaining(owed, term, state, due, ended_at, now),
        overrun=_counted(owed, term, counted, due, end) if state is State.BREACHED and due is not None else None,
    )


def _governed(
    owed: Obligation, breaks: list[Span], rules: _Rules, now: datetime
) -> tuple[_Governed | None, datetime | None]:
    """What governs the clock in the end, and since when its policy lacks it. A breach stays under its own terms."""
    term = rules.at_start(owed)
    governed = None if term is None else _Governed(term, None)
    lost_at: datetime | None = None
    changes = rules.changes(owed.started_at, now if owed.ended_at is None else owed.ended_at)
    for at, term in rules.course(owed, changes):
        if governed is not None and lost_at is None:
            due = _due(owed, governed, breaks)
            if due is not None and due < _ran_until(owed, at):
                break
        if term is None:
            lost_at = lost_at or at if governed is not None else None
        elif governed is not None and lost_at is None and term.same_demand(governed.term, owed.kind):
            governed = _Governed(term, governed.since)
        else:
            governed, lost_at = _Governed(term, at), None
    return governed, lost_at


def _ran_until(owed: Obligation, at: datetime) -> datetime:
    """The last instant up to `at` at which the clock ran: while the case is closed, nobody gets late."""
    return next((since for since, until in owed.closed if since <= at <= until), at)


def _verdict(
    owed: Obligation, due: datetime | None, lost_at: datetime | None, end: datetime, *, on_hold: bool
) -> tuple[State, str | None]:
    if owed.wiped is not None:
        return State.CANCELLED, owed.wiped
    if lost_at is not None:
        return State.CANCELLED, "no_policy"
    if due is not None and end > due:
        return State.BREACHED, None
    if owed.ended_at is not None:
        return (State.MET, None) if owed.reason is None else (State.CANCELLED, owed.reason)
    return (State.PAUSED if due is None and on_hold else State.RUNNING), None


def _due(owed: Obligation, governed: _Governed, breaks: list[Span]) -> datetime | None:
    target, calendar = governed.term.target, governed.term.calendar
    if owed.due is not None:
        due: datetime | None = owed.due
    elif target.business_days is not None:
        due = end_of_business_day(calendar, owed.started_at, target.business_days)
    elif target.duration is not None:
        due = _reached(calendar, owed.started_at, breaks, target.duration)
    else:
        due = None
    return governed.not_before(due)


def _warn(owed: Obligation, governed: _Governed, breaks: list[Span]) -> datetime | None:
    target, start = governed.term.target, owed.started_at
    whole = target.duration if owed.due is None else owed.due - start
    if whole is None or target.business_days is not None:
        return None
    if target.warn_before is not None:
        share = max(whole - target.warn_before, _NOTHING)
    elif target.warn_percent is not None:
        share = max(timedelta(seconds=whole // _SECOND * target.warn_percent // 100), _NOTHING)
    else:
        return None
    return governed.not_before(
        _reached(governed.term.calendar, start, breaks, share) if owed.due is None else start + share
    )


def _reached(calendar: Calendar, start: datetime, breaks: list[Span], target: timedelta) -> datetime | None:
    """The first instant by which `target` of open time outside the breaks has passed."""
    if target <= _NOTHING:
        return start
    for since, until in breaks:
        before = between(calendar, start, since)
        if before >= target:
            break
        if until is None:
            return None
        target -= before
        start = max(start, until)
    return add(calendar, start, target)


def _remaining(
    owed: Obligation, term: _Term, state: State, due: datetime | None, ended_at: datetime | None, now: datetime
) -> timedelta | None:
    if due is None or ended_at is not None or term.target.business_days is not None:
        return None
    if state is State.BREACHED:
        return _NOTHING
    return due - now if owed.due is not None else between(term.calendar, now, due)


def _counted(owed: Obligation, term: _Term, breaks: Sequence[Span], start: datetime, end: datetime) -> timedelta:
    """The open time from `start` to `end` outside the breaks; of a promise the real time."""
    if owed.kind is ClockKind.PROMISE:
        return end - start
    counted = between(term.calendar, start, end)
    for since, until in breaks:
        counted -= between(term.calendar, max(since, start), end if until is None else min(until, end))
    return counted


def _breaks(owed: Obligation, holds: Sequence[Hold]) -> list[Span]:
    """The spans of a resolution that do not count: holds for a listed reason, and the time the case was closed."""
    if owed.kind is not ClockKind.RESOLUTION:
        return []
    end = owed.ended_at
    spans: list[Span] = [
        (max(hold.since, owed.started_at), hold.until)
        for hold in holds
        if hold.reason in owed.options.pause_on
        and (hold.until is None or hold.until > owed.started_at)
        and (end is None or hold.since < end)
    ]
    return sorted((*spans, *owed.closed), key=lambda span: span[0])
