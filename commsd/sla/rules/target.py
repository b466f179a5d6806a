"""`[policy.*]` and `[ladder.*]` tables -> policies and their ladders, judged one by one.

What a target means for a clock stands in core/policy.py and core/clock.py; how rules choose a policy, in rulebook.py.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from itertools import pairwise
from typing import Any, Literal, cast

from commsd.config.read import Table, did_you_mean
from commsd.config.unit import COUNT, DURATION, TEXT, Form
from commsd.core.agent import RESERVED_NAMES, People
from commsd.core.calendar import Calendar
from commsd.core.ladder import MOST
from commsd.core.policy import ClockKind, Policy, Step, Target, business_days, duration, step_at

_LONGEST_DAYS = 60
DAY = timedelta(hours=8)
"""What one "d" most likely meant, for the remedy alone."""

_OWN_KEYS: Mapping[ClockKind, tuple[str, ...]] = {
    ClockKind.ACK: ("by",),
    ClockKind.CALLBACK: ("stop_on", "met_after_attempts"),
    ClockKind.RESOLUTION: ("pause_on", "reopen"),
}
_PROMISED, _PROMISE_REMEDY = "a promise has its own due time, no target", 'write promise = { warn = "15m" }'
_TARGET_REMEDY = 'write open hours, such as "4h" or "1h30m", business days, such as "2bd", or "off"'


@dataclass(slots=True)
class _Draft:
    """One clock of one policy while `based_on` is followed: its value and where it was written."""

    target: Target
    table: Table
    key: str


def _warn(value: object) -> timedelta | int | None:
    """ "75%" or "30m"."""
    if isinstance(value, str) and re.fullmatch(r"[1-9][0-9]?%", value):
        return int(value[:-1])
    return _positive(value)


def _positive(value: object) -> timedelta | None:
    try:
        found = duration(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
    return found or None


def _moment(value: object) -> int | timedelta | None:
    try:
        return step_at(value) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None


WARN: Form[timedelta | int] = Form(
    "a moment to warn at", 'write how far the clock has run, "75%", or how long before the end, "30m"', _warn, 50
)
OBJECTIVE = Form(
    "an objective",
    'write "95% / 28d"',
    lambda v: (
        v
        if isinstance(v, str) and re.fullmatch(r"(?:100|[1-9][0-9]?(?:\.[0-9]{1,3})?)% ?/ ?[1-9][0-9]{0,2}d", v)
        else None
    ),
    "",
)
OPEN_TIME = Form("a duration", 'write hours and minutes, such as "1h30m"', _positive, timedelta(hours=1))
MOMENT: Form[int | timedelta] = Form(
    "a moment of a clock", 'write "75%", "-15m", "due" or "+1h"', _moment, cast("int | timedelta", 100)
)


def read_policies(
    tables: Mapping[str, Table], calendars: Mapping[str, Calendar], ladders: Collection[str]
) -> dict[str, Policy]:
    """All policies, `based_on` followed. Mistakes are noted on their tables."""
    reader = _Policies(tables, calendars, ladders)
    return {name: reader.policy(name) for name in tables}


class _Policies:
    """Reads each policy once, its basis first."""

    def __init__(
        self, tables: Mapping[str, Table], calendars: Mapping[str, Calendar], ladders: Collection[str]
    ) -> None:
        self.tables, self.calendars, self.ladders = tables, calendars, ladders
        self.drafts: dict[str, dict[ClockKind, _Draft]] = {}
        self.own: dict[str, tuple[str, str | None]] = {}  # calendar and ladder

    def policy(self, name: str) -> Policy:
        drafts = self.read(name, ())
        calendar, ladder = self.own[name]
        targets = {kind: draft.target for kind, draft in drafts.items()}
        policy = Policy(name=name, calendar=calendar, targets=targets, ladder=ladder)
        _judge(policy, drafts, self.tables[name], self.calendars)
        return policy

    def read(self, name: str, path: tuple[str, ...]) -> dict[ClockKind, _Draft]:
        """The clocks of one policy; path: who is based on it, to find a circle."""
        if name in self.drafts:
            return self.drafts[name]
        table = self.tables[name]
        basis = table.maybe("based_on", TEXT)
        inherited: dict[ClockKind, _Draft] = {}
        calendar, ladder = "", None
        if basis and (basis == name or basis in path):
            circle = " -> ".join((*path, name, basis)[(*path, name).index(basis) :])
            table.error("based_on", f"based_on goes in a circle: {circle}", "let one of them stand on its own")
        elif basis and basis not in self.tables:
            table.error("based_on", f'based_on: no policy "{basis}"', did_you_mean(basis, self.tables))
        elif basis:
            inherited = self.read(basis, (*path, name))
            calendar, ladder = self.own.get(basis, ("", None))
        self.own[name] = (self.calendar(table, "calendar", calendar, required=True) or "", self.ladder(table, ladder))
        self.drafts[name] = self.clocks(table, inherited)
        return self.drafts[name]

    def clocks(self, table: Table, inherited: Mapping[ClockKind, _Draft]) -> dict[ClockKind, _Draft]:
        drafts = dict(inherited)
        for kind in ClockKind:
            value = table.value(kind.value)
            if value == "off":
                drafts.pop(kind, None)
            elif value is not None:
                before = drafts[kind].target if kind in drafts else Target()
                drafts[kind] = self.clock(table, kind, value, before)
        return drafts

    def clock(self, table: Table, kind: ClockKind, value: Any, before: Target) -> _Draft:
        """One clock: "4h", or a table of which only what differs need stand there."""
        if not isinstance(value, dict):
            if kind is ClockKind.PROMISE:
                table.error("promise", _PROMISED, _PROMISE_REMEDY)
                return _Draft(before, table, kind.value)
            return _Draft(_aimed(table, kind.value, kind, before), table, kind.value)
        inner = table.table(kind.value)
        target = before
        if kind is ClockKind.PROMISE:
            if "target" in inner.contents and inner.has("target"):
                inner.error("target", _PROMISED, _PROMISE_REMEDY)
        elif inner.has("target"):
            target = _aimed(inner, "target", kind, target)
        elif before.duration is None and before.business_days is None:
            inner.error(None, f"target is missing in [{inner.path}]", _TARGET_REMEDY)
        target = _warned(inner, target)
        target = replace(
            target,
            calendar=self.calendar(inner, "calendar", target.calendar),
            objective=inner.read("objective", OBJECTIVE, None) if inner.has("objective") else target.objective,
        )
        return _Draft(_options(inner, kind, target), inner, "target" if "target" in inner.contents else "warn")

    def calendar(self, table: Table, key: str, otherwise: str | None, *, required: bool = False) -> str | None:
        name = table.maybe(key, TEXT)
        if name is None:
            if required and not otherwise:
                table.error(None, f"calendar is missing in [{table.path}]", f"add calendar = {_names(self.calendars)}")
            return otherwise
        if name not in self.calendars:
            table.error(key, f'no calendar "{name}"', did_you_mean(name, self.calendars))
        return name

    def ladder(self, table: Table, otherwise: str | None) -> str | None:
        name = table.maybe("ladder", TEXT)
        if name and name not in self.ladders:
            table.error("ladder", f'no ladder "{name}"', did_you_mean(name, self.ladders))
        return name or otherwise


def _names(known: Collection[str]) -> str:
    return " or ".join(f'"{name}"' for name in known) or '"always", and a table [calendar.always]'


def _aimed(table: Table, key: str, kind: ClockKind, before: Target) -> Target:
    """The target as written; anything else is noted and leaves a stand-in."""
    text = table.value(key)
    name = kind.value
    if isinstance(text, str):
        if text.endswith("bd"):
            try:
                days = business_days(text)  # an inherited warning was for hours
                return replace(before, duration=None, business_days=days, warn_before=None, warn_percent=None)
            except ValueError:
                pass
        elif aimed := _positive(text):
            return replace(before, duration=aimed, business_days=None)
        elif DURATION.parse(text) == timedelta(0):
            table.error(key, f'{name} = "{text}"', 'use "off" to switch it off')
            return replace(before, duration=timedelta(hours=1), business_days=None)
        elif found := re.fullmatch(r"([1-9][0-9]{0,3})d", text):
            amount = int(found[1])
            hours = f"{amount * DAY // timedelta(hours=1)}h"
            remedy = f"write {hours} (open hours) or {amount}bd (business days)"
            table.error(key, f'{name} = "{text}" is ambiguous', remedy)
            return replace(before, duration=amount * DAY, business_days=None)
    shown = f'"{text}"' if isinstance(text, str) else str(text)
    table.error(key, f"{name} = {shown} is not a target", _TARGET_REMEDY)
    return replace(before, duration=timedelta(hours=1), business_days=None)


def _warned(table: Table, target: Target) -> Target:
    warn = table.maybe("warn", WARN)
    if warn is None:
        return target
    percent = warn if isinstance(warn, int) else None
    return replace(target, warn_percent=percent, warn_before=None if isinstance(warn, int) else warn)


def _options(table: Table, kind: ClockKind, target: Target) -> Target:
    """What only this kind of clock has."""
    if kind is ClockKind.ACK:
        by = table.choice("by", ("any", "human"), target.by)
        return replace(target, by=cast(Literal["any", "human"], by))
    if kind is ClockKind.CALLBACK:
        stop_on = table.choice("stop_on", ("talk", "any_reply"), target.stop_on)
        attempts = table.maybe("met_after_attempts", COUNT)
        if attempts == 0:
            table.error(
                "met_after_attempts", "met_after_attempts = 0 keeps no promise", "write 1 or more, or remove it"
            )
        elif attempts:
            what = f"met_after_attempts = {attempts} counts unreached customers as kept"
            table.warn("met_after_attempts", what, "remove it, unless that was agreed with them")
        stop = cast(Literal["talk", "any_reply"], stop_on)
        return replace(target, stop_on=stop, met_after_attempts=attempts or target.met_after_attempts)
    if kind is ClockKind.RESOLUTION:
        reopen = table.choice("reopen", ("continue", "new"), target.reopen)
        pauses = frozenset(table.many("pause_on", TEXT)) if table.has("pause_on") else target.pause_on
        return replace(target, reopen=cast(Literal["continue", "new"], reopen), pause_on=pauses)
    return target


def _judge(policy: Policy, drafts: Mapping[ClockKind, _Draft], table: Table, calendars: Mapping[str, Calendar]) -> None:
    """What a policy's clocks get wrong together."""
    for kind, draft in drafts.items():
        _judge_one(kind, draft)
        _judge_length(kind, draft, calendars.get(draft.target.calendar or policy.calendar))
    ack, first = policy.targets.get(ClockKind.ACK), policy.targets.get(ClockKind.FIRST_RESPONSE)
    resolution = policy.targets.get(ClockKind.RESOLUTION)
    if ack and first and ack.duration and first.duration and _same_hours(ack, first) and ack.duration > first.duration:
        what = f"{table.path}: ack {written(ack.duration)} is longer than first_response {written(first.duration)}"
        table.error("ack" if table.has("ack") else None, what, "let ack be the shorter one")
    if first and resolution and first.duration and resolution.duration and first.duration > resolution.duration:
        said = f"first_response {written(first.duration)} is longer than resolution {written(resolution.duration)}"
        table.warn("first_response", f"{table.path}: {said}", "let first_response be the shorter one")


def _same_hours(one: Target, other: Target) -> bool:
    return one.calendar == other.calendar


def _judge_one(kind: ClockKind, draft: _Draft) -> None:
    target, table = draft.target, draft.table
    warned_at = "warn" if "warn" in table.contents else draft.key
    if target.duration and target.warn_before and target.warn_before >= target.duration:
        what = f"{kind}: warn {written(target.warn_before)} must be shorter than the target {written(target.duration)}"
        table.error(warned_at, what, 'write a shorter one, or a share, such as "75%"')
    if target.business_days and (target.warn_before or target.warn_percent):
        what = f'{kind} = "{target.business_days}bd" has no warning'
        table.error(warned_at, what, "use hours or drop warn")
    if target.business_days and target.pause_on:
        what = f'{kind} = "{target.business_days}bd" cannot be paused'
        table.error(draft.key, what, "use hours or drop pause_on")
    if kind is ClockKind.PROMISE and target.warn_percent:
        table.error(warned_at, "a promise warns a time before it is due", 'write warn = "15m"')


def _judge_length(kind: ClockKind, draft: _Draft, calendar: Calendar | None) -> None:
    """A warning for a target of more than 60 open days."""
    if calendar is None:
        return
    days = draft.target.business_days
    if days and days > _LONGEST_DAYS:
        what = f"{kind} {days}bd is more than {_LONGEST_DAYS} open days of {calendar.name}"
        draft.table.warn(draft.key, what, "look whether that is meant")
    if not draft.target.duration:
        return
    open_days = [sum(w.end - w.start for w in windows) for windows in calendar.weekly.values() if windows]
    if open_days and draft.target.duration > _LONGEST_DAYS * timedelta(minutes=sum(open_days) / len(open_days)):
        what = f"{kind} {written(draft.target.duration)} is more than {_LONGEST_DAYS} open days of {calendar.name}"
        draft.table.warn(draft.key, what, "hours of a calendar count only while it is open: write fewer")


def read_ladder(table: Table, people: People) -> tuple[Step, ...]:
    """One `[ladder.*]` table."""
    steps = tuple(_step(row, people) for row in table.rows("steps"))
    if not steps and not table.has("steps"):
        table.error(None, f"steps is missing in [{table.path}]", 'add steps = [ { at = "due", tell = ["team"] } ]')
    for item, (one, other) in enumerate(pairwise(steps), start=1):
        if _later(one, other):
            table.error("steps", f"{table.path}: steps out of order", "begin with the earliest", item)
    return steps


def _step(row: Table, people: People) -> Step:
    known = people.names() | RESERVED_NAMES
    tell = row.many("tell", TEXT)
    if not tell:
        row.error("tell", f"{row.path}: nobody is told", 'add tell = ["owner"], or "team", "lead", or a name')
    for item, name in enumerate(tell):
        if name and name not in known:
            row.error("tell", f'tell: no route "{name}"', did_you_mean(name, known), item)
    repeat, times = row.maybe("repeat", OPEN_TIME), row.read("times", COUNT, 1)
    if repeat and not row.has("times"):
        row.error("repeat", "repeat without times", "add times = 3, or how often it may repeat")
    elif row.has("times") and times == 0:
        row.error("times", "times = 0 tells nobody", "write how often it is told in all, such as times = 3")
    elif times > MOST:
        row.error("times", f"times = {times} is more than {MOST}", f"write at most {MOST}, or a longer repeat")
    elif row.has("times") and not row.has("repeat"):
        row.error("times", "times without repeat", 'add repeat = "1h", or remove times')
    return Step(
        at=row.read("at", MOMENT),
        tell=tell,
        page=row.flag("page", False),
        real=row.flag("real", False),
        repeat=repeat,
        times=times,
    )


def _later(one: Step, other: Step) -> bool:
    """Whether one step comes after the other on every clock. A share and a time before the end depend on the target."""
    if isinstance(one.at, timedelta) and isinstance(other.at, timedelta):
        return one.at > other.at
    if isinstance(one.at, int) and isinstance(other.at, int):
        return one.at > other.at
    return _side(one.at) > _side(other.at)


def _side(at: int | timedelta) -> int:
    """-1 before the due time, 0 at it, 1 after it."""
    if isinstance(at, int):
        return (at > 100) - (at < 100)
    return (at > timedelta(0)) - (at < timedelta(0))


def judge_ladders(
    policies: Mapping[str, Policy], ladders: Mapping[str, tuple[Step, ...]], tables: Mapping[str, Table]
) -> None:
    """Notes each step that lies before the start of a clock whose ladder it is on.

    An error where that is so for every clock of a policy, which the step then never serves; else a warning.
    """
    for policy in policies.values():
        for item, step in enumerate(ladders.get(policy.ladder or "", ())):
            lengths = [target.duration for target in policy.targets.values() if target.duration]
            short = [length for length in lengths if isinstance(step.at, timedelta) and -step.at > length]
            if short and isinstance(step.at, timedelta):
                table = tables[policy.ladder or ""]
                what = f'step "-{written(-step.at)}" lies before the start of a {written(max(short))} clock'
                note = table.error if len(short) == len(lengths) else table.warn
                note("steps", f"{what} of policy {policy.name}", 'write a share, such as "75%"', item)


def written(length: timedelta) -> str:
    """A duration as the files have it: "1h30m"."""
    seconds = int(length.total_seconds())
    parts = ((seconds // 3600, "h"), (seconds // 60 % 60, "m"), (seconds % 60, "s"))
    return "".join(f"{amount}{unit}" for amount, unit in parts if amount) or "0s"
