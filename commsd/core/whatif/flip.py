"""A clock whose verdict is another under other rules, and the first reason for it that a person can check.

Pure. Which clocks are compared is up to `core.whatif.replay`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from heapq import nsmallest

from commsd.core.calendar import Calendar, Window
from commsd.core.clock import Clock
from commsd.core.policy import ClockKind, Target, Version

SHOWN = 20
"""How many are shown: those whose due time moved furthest."""

_UNKNOWN = 10.0**12

_OPTIONS: Mapping[str, str] = {
    "by": "acknowledged by",
    "stop_on": "ends with",
    "met_after_attempts": "met after attempts",
    "reopen": "reopen",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Flip:
    """One clock whose verdict flips. state: "none" where the rules have no such clock. moved: seconds, not negative."""

    case_id: str
    clock: str
    n: int
    started_at: datetime
    stopped_at: datetime | None
    policy_a: str
    policy_b: str
    state_a: str
    state_b: str
    due_a: datetime | None
    due_b: datetime | None
    reason: str
    moved: float


def worst(flips: Iterable[Flip]) -> list[Flip]:
    """Those that are shown, one a case, the furthest moved first; the same whatever the order."""
    best: dict[str, Flip] = {}
    for flip in flips:
        known = best.get(flip.case_id)
        if known is None or _rank(flip) < _rank(known):
            best[flip.case_id] = flip
    return nsmallest(SHOWN, best.values(), key=_rank)


def moved(a: Clock | None, b: Clock | None) -> float:
    """How far the due time moves, in seconds; without one under either rules, further than any."""
    due_a, due_b = (clock.due_at if clock else None for clock in (a, b))
    return _UNKNOWN if due_a is None or due_b is None else abs((due_b - due_a).total_seconds())


def flip_of(
    case_id: str, a: Clock | None, b: Clock | None, history: Mapping[str, Version], candidate: Mapping[str, Version]
) -> Flip:
    """The flip of one clock. history, candidate: versions by id."""
    clock = a or b
    if clock is None:
        raise ValueError("a clock that neither set of rules has cannot flip")
    return Flip(
        case_id=case_id,
        clock=clock.clock.value,
        n=clock.n,
        started_at=clock.started_at,
        stopped_at=clock.stopped_at,
        policy_a=a.policy if a else "",
        policy_b=b.policy if b else "",
        state_a=a.state.value if a else "none",
        state_b=b.state.value if b else "none",
        due_a=a.due_at if a else None,
        due_b=b.due_at if b else None,
        reason=_reason(a, b, history, candidate),
        moved=moved(a, b),
    )


def _rank(flip: Flip) -> tuple[float, str, str, int]:
    return -flip.moved, flip.case_id, flip.clock, flip.n


def _reason(a: Clock | None, b: Clock | None, history: Mapping[str, Version], candidate: Mapping[str, Version]) -> str:
    """The first thing that differs, asked in this order: rule, target, calendar, holiday, pause, other options."""
    if a is None or b is None:
        there, lacks = (a, "B") if a else (b, "A")
        return f"rule: no such clock under {lacks}, {there.policy if there else ''} under the other"
    target_a, calendar_a = _terms(a, history)
    target_b, calendar_b = _terms(b, candidate)
    if target_a is None or target_b is None or calendar_a is None or calendar_b is None:
        return "rule: its rules are not known any more"
    if a.policy != b.policy:
        return _moved_by_rule(a, b, (target_a, target_b), _calendar(calendar_a, calendar_b, a, b))
    if _length(target_a) != _length(target_b):
        return f"target: {_demand(target_a)} -> {_demand(target_b)}"
    return (
        _calendar(calendar_a, calendar_b, a, b)
        or _pause_or_option(target_a, target_b)
        or "rule: another version governed it before the change"
    )


def _moved_by_rule(a: Clock, b: Clock, targets: tuple[Target, Target], calendar: str | None) -> str:
    """The two policies, and what of theirs differs: the targets are no reason where they are the same."""
    one, other = targets
    because = calendar
    if _length(one) == _length(other):
        because = calendar or _pause_or_option(one, other)
        if because:
            return f"rule: {a.policy} -> {b.policy}, {because.replace(': ', ' ', 1)}"
    told = f"rule: {a.policy} ({_demand(one)}) -> {b.policy} ({_demand(other)})"
    return f"{told}, {because.replace(': ', ' ', 1)}" if because else told


def _length(target: Target) -> tuple[timedelta | None, int | None]:
    return target.duration, target.business_days


def _pause_or_option(one: Target, other: Target) -> str | None:
    if one.pause_on != other.pause_on:
        return f"pause reason: {', '.join(sorted(one.pause_on ^ other.pause_on))}"
    return _option(one, other)


def _terms(clock: Clock, versions: Mapping[str, Version]) -> tuple[Target | None, Calendar | None]:
    version = versions.get(clock.rules_version)
    policy = version.policies.get(clock.policy) if version else None
    target = policy.targets.get(clock.clock) if policy else None
    return target, version.calendars.get(clock.calendar) if version else None


def _demand(target: Target) -> str:
    """A target as the files have it: "4h", "2bd"."""
    if target.business_days is not None:
        return f"{target.business_days}bd"
    seconds = int((target.duration or timedelta()).total_seconds())
    parts = ((seconds // 3600, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    return "".join(f"{amount}{unit}" for amount, unit in parts if amount) or "as promised"


def _calendar(one: Calendar, other: Calendar, a: Clock, b: Clock) -> str | None:
    if a.clock is ClockKind.PROMISE:
        return None
    if _hours(one) != _hours(other):
        if one.name != other.name:
            return f"calendar: {one.name} -> {other.name}"
        return f"calendar: the hours of {one.name}" if one.tz == other.tz else f"calendar: {one.tz} -> {other.tz}"
    day = _first_listed(one, other, a, b)
    return None if day is None else f"holiday: {day.isoformat()} in {other.name}"


def _hours(calendar: Calendar) -> tuple[str, str | None, dict[int, tuple[Window, ...]]]:
    return calendar.tz, calendar.fallback_tz, {day: windows for day, windows in calendar.weekly.items() if windows}


def _first_listed(one: Calendar, other: Calendar, a: Clock, b: Clock) -> date | None:
    """The first day of the clock's life whose hours differ."""
    ends = [at for at in (a.due_at, b.due_at, a.stopped_at) if at is not None]
    first = a.started_at.date() - timedelta(days=1)
    last = max(ends, default=a.started_at).date() + timedelta(days=1)
    days = (first + timedelta(days=ahead) for ahead in range((last - first).days + 1))
    return next((day for day in days if one.windows(day) != other.windows(day)), None)


def _option(one: Target, other: Target) -> str | None:
    for name, told in _OPTIONS.items():
        before, after = getattr(one, name), getattr(other, name)
        if before != after:
            return f"option: {told} {before or 'none'} -> {after or 'none'}"
    return None
