"""What differs between two sets of rules, in words: hours, dates, targets, rules and their order, ladders.

Pure. What a difference would have done to real traffic is what-if; here it is only named.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from datetime import date, timedelta
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from commsd.core.calendar import Calendar, Window
from commsd.core.policy import Policy, Rule, Step, Target, Version

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ABSENT = "-"

_PLAIN: Mapping[str, str] = {
    "calendar": "calendar",
    "by": "acknowledged by",
    "stop_on": "ends with",
    "met_after_attempts": "met after attempts",
    "reopen": "reopen",
    "objective": "objective",
}


class Difference(NamedTuple):
    """One thing that is otherwise. of: "calendar germany", "policy vip", "rules", "ladder standard"."""

    of: str
    what: str
    before: str
    after: str

    def __str__(self) -> str:
        return f"{self.of}: {self.what}: {self.before} -> {self.after}"


def differences(before: Version, after: Version) -> tuple[Difference, ...]:
    """Everything that differs, calendars first. When they came in force, and for which clocks, is none of it."""
    horizon = _horizon(before, after)
    return (
        *_of_each(
            "calendar", before.calendars, after.calendars, lambda one, other: _calendars(one, other, horizon), _hours
        ),
        *_of_each("policy", before.policies, after.policies, _policies, _targets),
        *_rules(before.rules, after.rules),
        *_of_each("ladder", before.ladders, after.ladders, _ladders, _steps),
    )


def _of_each(
    kind: str,
    before: Mapping[str, Any],
    after: Mapping[str, Any],
    compare: Callable[[Any, Any], Iterable[tuple[str, str, str]]],
    told: Callable[[Any], str],
) -> Iterator[Difference]:
    """Things by name: those that are gone or new as a whole, the others compared."""
    for name in sorted({*before, *after}):
        of = f"{kind} {name}"
        if name not in after:
            yield Difference(of, "is gone", told(before[name]), ABSENT)
        elif name not in before:
            yield Difference(of, "is new", ABSENT, told(after[name]))
        else:
            yield from (Difference(of, *each) for each in compare(before[name], after[name]))


# calendars


def _horizon(before: Version, after: Version) -> date:
    """Holidays are listed up to different years; beyond the nearer end, a date says nothing."""
    ends = [version.holidays_until for version in (before, after) if version.holidays_until]
    return min(ends, default=date.max)


def _calendars(one: Calendar, other: Calendar, horizon: date) -> Iterator[tuple[str, str, str]]:
    if one.tz != other.tz:
        yield "time zone", one.tz, other.tz
    if one.fallback_tz != other.fallback_tz:
        yield "zone where the customer's is not known", one.fallback_tz or ABSENT, other.fallback_tz or ABSENT
    yield from _weeks(one, other)
    for day in sorted({*one.dates, *other.dates}):
        if day <= horizon and one.windows(day) != other.windows(day):
            yield f"{day:%a %Y-%m-%d}", _on(one, day), _on(other, day)


def _weeks(one: Calendar, other: Calendar) -> Iterator[tuple[str, str, str]]:
    """Weekdays that differ, those in a row that differ alike told as one."""
    pairs = [(_windows(one.weekly.get(day, ())), _windows(other.weekly.get(day, ()))) for day in range(7)]
    first = 0
    for day in range(7):
        if day < 6 and pairs[day + 1] == pairs[first]:
            continue
        if pairs[first][0] != pairs[first][1]:
            yield DAYS[first] if day == first else f"{DAYS[first]}-{DAYS[day]}", *pairs[first]
        first = day + 1


def _windows(windows: tuple[Window, ...]) -> str:
    return " ".join(map(str, windows)) or "closed"


def _on(calendar: Calendar, day: date) -> str:
    return _windows(calendar.windows(day)) + ("" if day in calendar.dates else ", as usual")


def _hours(calendar: Calendar) -> str:
    week = [_windows(calendar.weekly.get(day, ())) for day in range(7)]
    told, first = [], 0
    for day in range(7):
        if day < 6 and week[day + 1] == week[first]:
            continue
        told.append(f"{DAYS[first] if day == first else f'{DAYS[first]}-{DAYS[day]}'} {week[first]}")
        first = day + 1
    return f"{calendar.tz}, {', '.join(told)}"


# policies


def _policies(one: Policy, other: Policy) -> Iterator[tuple[str, str, str]]:
    if one.calendar != other.calendar:
        yield "calendar", one.calendar, other.calendar
    if one.ladder != other.ladder:
        yield "ladder", one.ladder or ABSENT, other.ladder or ABSENT
    for kind in sorted({*one.targets, *other.targets}):
        before, after = one.targets.get(kind), other.targets.get(kind)
        if before is None or after is None:
            yield kind.value, _aim(before), _aim(after)
        else:
            yield from ((f"{kind.value} {what}".strip(), was, now) for what, was, now in _options(before, after))


def _options(one: Target, other: Target) -> Iterator[tuple[str, str, str]]:
    if _aim(one) != _aim(other):
        yield "", _aim(one), _aim(other)
    if _warning(one) != _warning(other):
        yield "warns at", _warning(one), _warning(other)
    if one.pause_on != other.pause_on:
        yield "pauses for", ", ".join(sorted(one.pause_on)) or ABSENT, ", ".join(sorted(other.pause_on)) or ABSENT
    for name in (each.name for each in fields(Target) if each.name in _PLAIN):
        before, after = getattr(one, name), getattr(other, name)
        if before != after:
            yield _PLAIN[name], _or_absent(before), _or_absent(after)


def _or_absent(value: object) -> str:
    return ABSENT if value is None else str(value)


def _aim(target: Target | None) -> str:
    if target is None:
        return "off"
    if target.business_days is not None:
        return f"{target.business_days}bd"
    return "its own time" if target.duration is None else written(target.duration)


def _warning(target: Target) -> str:
    if target.warn_percent is not None:
        return f"{target.warn_percent}%"
    return ABSENT if target.warn_before is None else f"{written(target.warn_before)} before"


def _targets(policy: Policy) -> str:
    told = ", ".join(f"{kind.value} {_aim(target)}" for kind, target in sorted(policy.targets.items()))
    return f"{told or 'no clocks'} in {policy.calendar}"


def written(length: timedelta) -> str:
    """A duration as the files have it: "1h30m"."""
    seconds = int(length.total_seconds())
    parts = ((seconds // 3600, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    return "".join(f"{amount}{unit}" for amount, unit in parts if amount) or "0s"


# rules


def _rules(before: tuple[Rule, ...], after: tuple[Rule, ...]) -> Iterator[Difference]:
    """Rules are known by what they match; then their order counts, since the first that matches wins."""
    ones, others = _by_match(before), _by_match(after)
    for match, place in ones.items():
        if match not in others:
            yield Difference("rules", f"rule {place + 1} is gone", _rule(before[place]), ABSENT)
    for match, place in others.items():
        if match not in ones:
            yield Difference("rules", f"rule {place + 1} is new", ABSENT, _rule(after[place]))
        else:
            was = before[ones[match]]
            if (was.policy, dict(was.sets)) != (after[place].policy, dict(after[place].sets)):
                name = f"rule {place + 1} ({_condition(was)})"
                yield Difference("rules", name, _effect(was), _effect(after[place]))
    yield from _moved(ones, others, after)


def _moved(ones: Mapping[str, int], others: Mapping[str, int], after: tuple[Rule, ...]) -> Iterator[Difference]:
    """Rules of both that stand elsewhere now, apart from what came and went around them."""
    then, now = [match for match in ones if match in others], [match for match in others if match in ones]
    matcher = SequenceMatcher(None, then, now, autojunk=False)
    stayed = {match for block in matcher.get_matching_blocks() for match in now[block.b : block.b + block.size]}
    for match in now:
        if match not in stayed:
            name = f"the rule for {_condition(after[others[match]])} was moved"
            yield Difference("rules", name, f"rule {ones[match] + 1}", f"rule {others[match] + 1}")


def _by_match(rules: tuple[Rule, ...]) -> dict[str, int]:
    """The place of each rule by what it matches; of two that match the same, the second is never asked."""
    found: dict[str, int] = {}
    for place, rule in enumerate(rules):
        found.setdefault(
            repr(sorted((key, sorted(map(str.casefold, each))) for key, each in rule.match.items())), place
        )
    return found


def _rule(rule: Rule) -> str:
    return f"{_condition(rule)}: {_effect(rule)}"


def _condition(rule: Rule) -> str:
    return ", ".join(f"{key}={'|'.join(values)}" for key, values in rule.match.items()) or "all the rest"


def _effect(rule: Rule) -> str:
    sets = ", ".join(f"{key}={value}" for key, value in sorted(rule.sets.items()))
    return f"policy {rule.policy or 'off'}" + (f", sets {sets}" if sets else "")


# ladders


def _ladders(one: tuple[Step, ...], other: tuple[Step, ...]) -> Iterator[tuple[str, str, str]]:
    before, after = [_step(step) for step in one], [_step(step) for step in other]
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for tag, a, b, c, d in matcher.get_opcodes():
        if tag != "equal":
            yield "steps", "; ".join(before[a:b]) or ABSENT, "; ".join(after[c:d]) or ABSENT


def _steps(steps: tuple[Step, ...]) -> str:
    return "; ".join(map(_step, steps)) or ABSENT


def _step(step: Step) -> str:
    told = [f"{_moment(step)} {', '.join(step.tell)}"]
    told += ["also while closed"] if step.page else []
    told += ["in clock time"] if step.real else []
    told += [f"again each {written(step.repeat)}, {step.times} times in all"] if step.repeat else []
    return ", ".join(told)


def _moment(step: Step) -> str:
    if isinstance(step.at, int):
        return f"{step.at}%"
    if not step.at:
        return "due"
    return f"+{written(step.at)}" if step.at > timedelta(0) else f"-{written(-step.at)}"
