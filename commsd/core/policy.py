"""SLA rules as values: targets, policies, rules that choose one, and the versions they came in force with.

Pure matching and durations. What a target means for a clock stands in clock.py; reading files is the config's part.
A version is kept for ever, so it has a form in JSON with its calendars written out (every date, no holiday rule).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import date, datetime, timedelta
from enum import StrEnum
from fnmatch import translate
from itertools import repeat
from typing import Any, Literal, NamedTuple

from commsd.core.calendar import Calendar, Window
from commsd.core.touch import Facts

PATTERN_KEYS = frozenset({"to", "from", "caller", "keywords"})
_WILD = re.compile(r"[*?\[]")
_DURATION = re.compile(r"(?:(\d{1,6})h)?(?:(\d{1,6})m)?(?:(\d{1,8})s)?", re.ASCII)
_BUSINESS_DAYS = re.compile(r"([1-9]\d{0,2})bd", re.ASCII)


class ClockKind(StrEnum):
    """The promises a case can carry."""

    ACK = "ack"
    FIRST_RESPONSE = "first_response"
    NEXT_RESPONSE = "next_response"
    UPDATE = "update"
    CALLBACK = "callback"
    PROMISE = "promise"
    RESOLUTION = "resolution"


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """What one policy demands of one clock.

    duration: open time; business_days: instead of it, end of the n-th business day. A promise has neither.
    calendar: a name, if not the policy's own. warn_before, warn_percent: when to warn; at most one of them.
    by: who may stop `ack`. stop_on, met_after_attempts: of `callback`. pause_on, reopen: of `resolution`.
    objective: the attainment aimed at, such as "95% / 28d".
    """

    duration: timedelta | None = None
    business_days: int | None = None
    calendar: str | None = None
    warn_before: timedelta | None = None
    warn_percent: int | None = None
    by: Literal["any", "human"] = "any"
    stop_on: Literal["talk", "any_reply"] = "talk"
    met_after_attempts: int | None = None
    pause_on: frozenset[str] = frozenset()
    reopen: Literal["continue", "new"] = "continue"
    objective: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """One rung of a ladder: who is told, and when.

    at: a whole number is a percentage of the target; a duration counts from the due time, negative before it.
    page: also outside opening hours. real: the offset is clock time, not open time.
    repeat, times: again after each `repeat`, at most `times` times in all.
    """

    at: int | timedelta
    tell: tuple[str, ...]
    page: bool = False
    real: bool = False
    repeat: timedelta | None = None
    times: int = 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """The clocks of a case: a target for each clock it has, in the hours of `calendar`."""

    name: str
    calendar: str
    targets: Mapping[ClockKind, Target]
    ladder: str | None = None


class _Condition(NamedTuple):
    """What one key of a rule takes, folded once: these values, these beginnings, or a pattern for all the rest."""

    key: str
    exact: frozenset[str]
    beginnings: tuple[str, ...]
    pattern: re.Pattern[str] | None

    def takes(self, found: str | tuple[str, ...] | None) -> bool:
        if found is None:
            return False
        values = (found.casefold(),) if isinstance(found, str) else tuple(map(str.casefold, found))
        return (
            not self.exact.isdisjoint(values)
            or (bool(self.beginnings) and any(map(str.startswith, values, repeat(self.beginnings))))
            or (self.pattern is not None and any(map(self.pattern.match, values)))
        )


def _condition(key: str, wanted: tuple[str, ...]) -> _Condition:
    exact, beginnings, patterns = set(), [], []
    for value in map(str.casefold, wanted):
        if key not in PATTERN_KEYS or not _WILD.search(value):
            exact.add(value)
        elif not _WILD.search(value[:-1]) and value[-1] == "*":
            beginnings.append(value[:-1])
        else:
            patterns.append(translate(value))
    pattern = re.compile("|".join(patterns)) if patterns else None
    return _Condition(key, frozenset(exact), tuple(beginnings), pattern)


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """Cases that match get `policy` (None: no clocks) and the attributes in `sets`. All keys, any value of a key."""

    match: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    policy: str | None = None
    sets: Mapping[str, str] = field(default_factory=dict)
    _conditions: tuple[_Condition, ...] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "_conditions", tuple(_condition(key, wanted) for key, wanted in self.match.items()))


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """All SLA rules as they were accepted at one moment; never changed afterwards.

    applies: "running" takes over the clocks that run at `effective_from`, "new" leaves them alone.
    kinds: the clocks that any of its policies has. keys: the attributes its rules and calendars look at.
    sets: whether any of its rules sets something.
    source: the same for the same files, whatever they were read with; "" where that was not kept.
    made_with: versions of what zones and holidays came from. holidays_until: the last day for which they are listed.
    """

    id: str
    effective_from: datetime
    rules: tuple[Rule, ...]
    policies: Mapping[str, Policy]
    calendars: Mapping[str, Calendar]
    applies: Literal["new", "running"] = "new"
    ladders: Mapping[str, tuple[Step, ...]] = field(default_factory=dict)
    source: str = ""
    made_with: Mapping[str, str] = field(default_factory=dict)
    holidays_until: date | None = None
    kinds: frozenset[ClockKind] = field(init=False, repr=False, compare=False)
    keys: frozenset[str] = field(init=False, repr=False, compare=False)
    sets: bool = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        kinds = frozenset(kind for policy in self.policies.values() for kind in policy.targets)
        object.__setattr__(self, "kinds", kinds)
        object.__setattr__(self, "keys", frozenset(key for rule in self.rules for key in rule.match) | {"tz"})
        object.__setattr__(self, "sets", any(rule.sets for rule in self.rules))

    def __hash__(self) -> int:
        return hash((self.id, self.effective_from))


def policy_for(version: Version, facts: Facts) -> Policy | None:
    """The policy of the first rule that matches; None if none does or if it names none."""
    found = rule_for(version, facts)
    return None if found is None or found[1].policy is None else version.policies.get(found[1].policy)


def rule_for(version: Version, facts: Facts) -> tuple[int, Rule] | None:
    """The first rule that matches, with its place (from 0)."""
    for place, rule in enumerate(version.rules):
        if mismatch(rule, facts) is None:
            return place, rule
    return None


def mismatch(rule: Rule, facts: Facts) -> str | None:
    """The first key of the rule that does not match; None: the rule matches."""
    for condition in rule._conditions:
        if not condition.takes(facts.get(condition.key)):
            return condition.key
    return None


def duration(text: str) -> timedelta:
    """The duration `90s`, `15m` or `1h30m`. Days are refused: they are ambiguous. Raises ValueError."""
    match = _DURATION.fullmatch(text.strip())
    if match is None or not any(match.groups()):
        raise ValueError(f'{text!r} is not a duration; write hours, minutes and seconds, such as "1h30m"')
    hours, minutes, seconds = (int(part or 0) for part in match.groups())
    return timedelta(hours=hours, minutes=minutes, seconds=seconds)


def business_days(text: str) -> int:
    """The number in `2bd`. Raises ValueError."""
    match = _BUSINESS_DAYS.fullmatch(text.strip())
    if match is None:
        raise ValueError(f'{text!r} is not a number of business days, such as "2bd"')
    return int(match[1])


def step_at(text: str) -> int | timedelta:
    """When a ladder step is due: `75%`, `-15m`, `due` or `+1h`, as `Step.at`. Raises ValueError."""
    text = text.strip()
    if text == "due":
        return timedelta(0)
    if text.endswith("%") and text[:-1].isascii() and text[:-1].isdigit():
        return int(text[:-1])
    if text[:1] in ("+", "-"):
        offset = duration(text[1:])
        return -offset if text[0] == "-" else offset
    raise ValueError(f'{text!r} is not a moment of a clock; write "75%", "-15m", "due" or "+1h"')


def as_json(version: Version) -> dict[str, Any]:
    """The version as plain JSON values, complete: `from_json` gives an equal one."""
    return {
        "id": version.id,
        "effective_from": version.effective_from.isoformat(),
        "applies": version.applies,
        "rules": [{"match": _lists(r.match), "policy": r.policy, "sets": dict(r.sets)} for r in version.rules],
        "policies": {name: _policy_json(policy) for name, policy in version.policies.items()},
        "calendars": {name: _calendar_json(calendar) for name, calendar in version.calendars.items()},
        "ladders": {name: [_step_json(step) for step in steps] for name, steps in version.ladders.items()},
        "source": version.source,
        "made_with": dict(version.made_with),
        "holidays_until": version.holidays_until.isoformat() if version.holidays_until else None,
    }


def from_json(value: Mapping[str, Any]) -> Version:
    """The version that `as_json` wrote, also an earlier or later commsd's: what is missing has its default."""
    until = value.get("holidays_until")
    return Version(
        id=value["id"],
        effective_from=datetime.fromisoformat(value["effective_from"]),
        applies=value.get("applies", "new"),
        rules=tuple(_rule_from(rule) for rule in value["rules"]),
        policies={name: _policy_from(name, policy) for name, policy in value["policies"].items()},
        calendars={name: _calendar_from(name, calendar) for name, calendar in value["calendars"].items()},
        ladders={name: tuple(_step_from(step) for step in steps) for name, steps in value.get("ladders", {}).items()},
        source=value.get("source", ""),
        made_with=value.get("made_with", {}),
        holidays_until=date.fromisoformat(until) if until else None,
    )


def _rule_from(value: Mapping[str, Any]) -> Rule:
    return Rule(match=_tuples(value.get("match", {})), policy=value.get("policy"), sets=value.get("sets", {}))


def _lists(values: Mapping[str, tuple[str, ...]]) -> dict[str, list[str]]:
    return {key: list(each) for key, each in values.items()}


def _tuples(values: Mapping[str, list[str]]) -> dict[str, tuple[str, ...]]:
    return {key: tuple(each) for key, each in values.items()}


def _seconds(value: timedelta | None) -> float | None:
    return None if value is None else value.total_seconds()


def _duration_from(value: float | None) -> timedelta | None:
    return None if value is None else timedelta(seconds=value)


def _policy_json(policy: Policy) -> dict[str, Any]:
    targets = {
        kind.value: {
            "duration": _seconds(target.duration),
            "business_days": target.business_days,
            "calendar": target.calendar,
            "warn_before": _seconds(target.warn_before),
            "warn_percent": target.warn_percent,
            "by": target.by,
            "stop_on": target.stop_on,
            "met_after_attempts": target.met_after_attempts,
            "pause_on": sorted(target.pause_on),
            "reopen": target.reopen,
            "objective": target.objective,
        }
        for kind, target in policy.targets.items()
    }
    return {"calendar": policy.calendar, "ladder": policy.ladder, "targets": targets}


def _policy_from(name: str, value: Mapping[str, Any]) -> Policy:
    targets = {ClockKind(kind): _target_from(target) for kind, target in value["targets"].items() if kind in _KINDS}
    return Policy(name=name, calendar=value["calendar"], ladder=value.get("ladder"), targets=targets)


_KINDS = frozenset(ClockKind)
_TARGET_FIELDS = frozenset(each.name for each in fields(Target))


def _target_from(value: Mapping[str, Any]) -> Target:
    known = {key: each for key, each in value.items() if key in _TARGET_FIELDS}
    durations = {key: _duration_from(known.get(key)) for key in ("duration", "warn_before")}
    return Target(**{**known, **durations, "pause_on": frozenset(known.get("pause_on", ()))})


def _calendar_json(calendar: Calendar) -> dict[str, Any]:
    return {
        "name": calendar.name,
        "tz": calendar.tz,
        "fallback_tz": calendar.fallback_tz,
        "weekly": {str(day): [[w.start, w.end] for w in windows] for day, windows in calendar.weekly.items()},
        "dates": {day.isoformat(): [[w.start, w.end] for w in windows] for day, windows in calendar.dates.items()},
    }


def _calendar_from(name: str, value: Mapping[str, Any]) -> Calendar:
    return Calendar(
        name=value.get("name", name),
        tz=value["tz"],
        fallback_tz=value.get("fallback_tz"),
        weekly={int(day): tuple(Window(*pair) for pair in pairs) for day, pairs in value["weekly"].items()},
        dates={
            date.fromisoformat(day): tuple(Window(*pair) for pair in pairs) for day, pairs in value["dates"].items()
        },
    )


def _step_json(step: Step) -> dict[str, Any]:
    at = {"percent": step.at} if isinstance(step.at, int) else {"offset": step.at.total_seconds()}
    return {
        "at": at,
        "tell": list(step.tell),
        "page": step.page,
        "real": step.real,
        "repeat": _seconds(step.repeat),
        "times": step.times,
    }


def _step_from(value: Mapping[str, Any]) -> Step:
    at = value["at"]
    return Step(
        at=at["percent"] if "percent" in at else timedelta(seconds=at["offset"]),
        tell=tuple(value["tell"]),
        page=value.get("page", False),
        real=value.get("real", False),
        repeat=_duration_from(value.get("repeat")),
        times=value.get("times", 1),
    )
