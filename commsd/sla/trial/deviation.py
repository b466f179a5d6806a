"""Where the engine's answer differs from what a rule test expects, key by key, in words a person compares at a glance.

Pure. How a test is written stands in trial.py, what the engine does in core/clock.py.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from commsd.config.position import Place
from commsd.core.calendar import Calendar, add, between, end_of_business_day
from commsd.core.clock import Clock, clocks
from commsd.core.obligation import in_force
from commsd.core.policy import ClockKind, Version
from commsd.core.rule_set import with_rule_sets
from commsd.core.touch import Facts, Touch, TouchKind

LENGTHS: Mapping[str, str] = {
    f"{name}_{unit}": name for name in ("elapsed", "waited", "remaining", "overrun") for unit in ("s", "ms")
}
"""Keys of lengths, in seconds or milliseconds, and the field of a clock behind them."""

_FIELDS = {each.name for each in fields(Clock)}
KEYS: Mapping[str, str] = {
    **{name: name for name in sorted(_FIELDS - set(LENGTHS.values()))},
    **{key: name for key, name in LENGTHS.items() if name in _FIELDS},
}
"""What a test may expect of a clock, and the field behind it."""

ABSENT = "no such clock"


class Expected(NamedTuple):
    """A clock that must be there. n: None where the test does not say. values: what it compares, by key."""

    clock: ClockKind
    n: int | None
    values: Mapping[str, Any]

    @property
    def name(self) -> str:
        """As a person calls it."""
        return f"{self.clock} {self.n}" if self.n is not None else self.clock.value


@dataclass(frozen=True, slots=True, kw_only=True)
class Sum:
    """Open time alone: a start and a target, or a start and an end. wanted: due_at, elapsed_s. zone: to tell it in."""

    place: Place
    id: str
    title: str
    zone: ZoneInfo
    calendar: Calendar
    start: datetime
    end: datetime | None
    length: timedelta | None
    business_days: int | None
    wanted: Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """What happened, under which rules, and the clocks that must come out. only: the kinds compared; None: all.

    carried: the attributes the case must have then, also by what rules set; None: it must not have this one.
    """

    place: Place
    id: str
    title: str
    zone: ZoneInfo
    touches: tuple[Touch, ...]
    versions: tuple[Version, ...]
    attrs: Facts
    now: datetime
    only: frozenset[ClockKind] | None
    expected: tuple[Expected, ...]
    carried: Mapping[str, str | None] = field(default_factory=dict)


class Difference(NamedTuple):
    """One value that is not as expected. about: which clock, or "" for a sum and for what the case carries.

    key "": the clock as a whole.
    """

    about: str
    key: str
    expected: Any
    got: Any


class Deviation(NamedTuple):
    """A row that did not come out as expected."""

    row: Sum | Case
    differences: tuple[Difference, ...]


def deviations(rows: Iterable[Sum | Case]) -> tuple[Deviation, ...]:
    """The rows that come out otherwise, in their order."""
    tried = ((row, _of_sum(row) if isinstance(row, Sum) else _of_case(row)) for row in rows)
    return tuple(Deviation(row, tuple(found)) for row, found in tried if found)


def _of_sum(row: Sum) -> list[Difference]:
    got: dict[str, Any] = {}
    if row.business_days is not None:
        got["due_at"] = end_of_business_day(row.calendar, row.start, row.business_days)
    elif row.length is not None:
        got["due_at"] = add(row.calendar, row.start, row.length)
    if row.end is not None:
        got["elapsed_s"] = between(row.calendar, row.start, row.end)
    return [Difference("", key, value, got[key]) for key, value in row.wanted.items() if got[key] != value]


def _of_case(row: Case) -> list[Difference]:
    touches = with_rule_sets(row.touches, row.versions, row.attrs)
    every = clocks(touches, row.versions, row.attrs, row.now)
    got = [clock for clock in every if row.only is None or clock.clock in row.only]
    found: list[Difference] = []
    for expected, clock in _pairs(row.expected, got):
        if expected is None and clock is not None:
            found.append(Difference(f"{clock.clock} {clock.n}", "", ABSENT, _summary(clock, row.zone)))
        elif expected is not None and clock is None:
            found.append(Difference(expected.name, "", _wanted(expected, row.zone), ABSENT))
        elif expected is not None and clock is not None:
            found += _of_clock(expected, clock)
    has = _carried(touches, row)
    pairs = ((key, value, has.get(key)) for key, value in row.carried.items())
    found += [Difference("", f"attrs.{key}", value, carried) for key, value, carried in pairs if value != carried]
    return found


def _carried(touches: Iterable[Touch], row: Case) -> Facts:
    """The attributes of the case at its `now`, by everything that was set until then."""
    has = dict(row.attrs)
    for touch in in_force(touches, row.now):
        if touch.kind is TouchKind.SET:
            has |= touch.attrs
    return has


def _pairs(expected: Sequence[Expected], got: Sequence[Clock]) -> Iterable[tuple[Expected | None, Clock | None]]:
    """Who belongs to whom: by kind and number; where a number is not given, the next of its kind."""
    left = list(got)
    for each in expected:
        same = (clock for clock in left if clock.clock is each.clock and each.n in (None, clock.n))
        clock = next(same, None)
        if clock is not None:
            left.remove(clock)
        yield each, clock
    for clock in left:
        yield None, clock


def _of_clock(expected: Expected, clock: Clock) -> list[Difference]:
    about = f"{clock.clock} {clock.n}"
    pairs = ((key, value, getattr(clock, KEYS[key])) for key, value in expected.values.items())
    return [Difference(about, key, value, got) for key, value, got in pairs if value != got]


def exact(key: str, value: Any) -> Any:
    """A value as JSON has it and a test may be written: times in UTC, lengths in the unit of their key."""
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat().removesuffix("+00:00") + "Z"
    if isinstance(value, timedelta):
        number = value / timedelta(milliseconds=1 if key.endswith("_ms") else 1000)
        return int(number) if number.is_integer() else number
    return value.value if isinstance(value, StrEnum) else value


def shown(key: str, value: Any, zone: ZoneInfo) -> str:
    """The same for a person: a time also as local time, a length also in hours."""
    plain = exact(key, value)
    if isinstance(value, datetime) and zone.key != "UTC":
        return f"{plain} ({value.astimezone(zone):%a %Y-%m-%d %H:%M:%S %Z})"
    if isinstance(value, timedelta):
        return f"{plain} ({value})"
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    return str(plain)


def _wanted(expected: Expected, zone: ZoneInfo) -> str:
    return ", ".join(f"{key} {shown(key, value, zone)}" for key, value in expected.values.items()) or "the clock"


def _summary(clock: Clock, zone: ZoneInfo) -> str:
    parts = [clock.state.value, f"due_at {shown('due_at', clock.due_at, zone)}", f"opened_by {clock.opened_by}"]
    return ", ".join(parts)
