"""Rule tests as files: what happened, under which rules, and what must come out. YAML text -> rows to be tried.

The form is that of the worked examples the engine itself was built by: calendars, policies, `arithmetic` rows (open
time alone) and `cases` rows (touches and the clocks they make). A file may leave calendars and policies to the
config; its own win by name. A time without an offset is local: in the row's `tz`, else in the zone of the calendar.
What came out otherwise is `sla.deviation`.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any, Literal, NamedTuple, cast
from zoneinfo import ZoneInfo

from commsd.config.read import Findings, did_you_mean
from commsd.core.calendar import CUSTOMER, Calendar, in_zone, reached
from commsd.core.clock import State
from commsd.core.policy import ClockKind, Policy, Rule, Version, duration
from commsd.core.touch import Facts, Touch, TouchKind
from commsd.sla.rules.rulebook import MATCH_KEYS, SET_KEYS
from commsd.sla.trial.deviation import KEYS, LENGTHS, Case, Expected, Sum
from commsd.sla.trial.rules import HARMLESS, ZONE, ZONE_REMEDY, aim, named, read_calendar, read_policy, zone_name
from commsd.sla.trial.sheet import Sheet, read_sheet, truth, whole_number

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when a policy that a case names is in force."""

OFF = "off"

SCHEMA = "commsd-sla-oracle/1"
"""The form of these files, for a file that names it."""

_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ] *(\d{1,2}:\d\d)(:\d\d(?:[.,]\d+)?)?)? *([Zz]|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_WHEN = 'write "2026-06-02T08:00:00Z", or "2026-06-02 10:00" in local time'


@dataclass(frozen=True, slots=True, kw_only=True)
class Examples:
    """The rows of a file that can be tried, and how many there are in all."""

    file: str
    sums: tuple[Sum, ...] = ()
    cases: tuple[Case, ...] = ()
    rows: int = 0


class _Rules(NamedTuple):
    """What rows may name. version: the config's, for a case that names neither a policy nor versions."""

    calendars: Mapping[str, Calendar]
    policies: Mapping[str, Policy]
    version: Version | None


class _Draft(NamedTuple):
    """A version of which only the beginning is still to be read, once the zone is known."""

    id: str
    rules: tuple[Rule, ...]
    applies: Literal["new", "running"] = "new"
    row: Sheet | None = None


def read_examples(text: str, file: str, findings: Findings, version: Version | None = None) -> Examples:
    """The rows of a file. Mistakes are noted with their places; a row that has one is left out.

    version: the config's rules, where there is a config. Where a calendar or policy is wrong, no row is tried.
    """
    root = read_sheet(text, file, findings)
    if root is None:
        return Examples(file=file)
    root.choice("schema", (SCHEMA,), "schema")
    rules = _rules(root, version)
    sound = root.reading.mistakes == 0
    sum_rows, case_rows = root.parts("arithmetic", "arithmetic row"), root.parts("cases", "case")
    names: dict[str, Sheet] = {}
    sums = [_sum(row, rules, names) for row in sum_rows]
    cases = [_case(row, rules, names) for row in case_rows]
    root.done(HARMLESS)
    if not sum_rows and not case_rows and not root.reading.mistakes:
        root.error(None, "there is nothing to test", "write a case below `cases:`")
    return Examples(
        file=file,
        sums=tuple(row for row in sums if row and sound),
        cases=tuple(row for row in cases if row and sound),
        rows=len(sum_rows) + len(case_rows),
    )


def _rules(root: Sheet, version: Version | None) -> _Rules:
    calendars = dict(version.calendars) if version else {}
    policies = dict(version.policies) if version else {}
    calendars |= {name: read_calendar(name, part) for name, part in root.named("calendars").items()}
    policies |= {name: read_policy(name, part, calendars) for name, part in root.named("policies").items()}
    return _Rules(calendars, policies, version)


def _sum(row: Sheet, rules: _Rules, names: dict[str, Sheet]) -> Sum | None:
    before = row.reading.mistakes
    name, tz = _called(row, names), row.form("tz", zone_name, ZONE, ZONE_REMEDY)
    known = named(row, "calendar", rules.calendars, needed=True)
    calendar = in_zone(rules.calendars[known], tz) if known else None
    zone = ZoneInfo(tz or (calendar.tz if calendar else "UTC"))
    start, end = _instant(row, "start", zone), _instant(row, "end", zone)
    length, number = aim(row)
    wanted = {key: _value(row, key, zone) for key in ("due_at", "elapsed_s") if row.has(key)}
    if not row.has("start"):
        row.error(None, "start is missing", _WHEN)
    if not wanted:
        row.error(None, "it expects nothing", "write target: and due_at:, or end: and elapsed_s:")
    for key, other in (("due_at", "target"), ("elapsed_s", "end")):
        if key in wanted and not row.has(other):
            row.error(key, f"{key} without {other}", f"add {other}")
    title = row.text("title") or row.text("note") or ""
    row.done(HARMLESS)
    if row.reading.mistakes > before or calendar is None or start is None:
        return None
    return Sum(
        place=row.place(), id=name, title=title, zone=zone, calendar=calendar, start=start, end=end,
        length=length, business_days=number, wanted=wanted,
    )  # fmt: skip


def _case(row: Sheet, rules: _Rules, names: dict[str, Sheet]) -> Case | None:
    before = row.reading.mistakes
    name, title = _called(row, names), row.text("title") or row.text("note") or ""
    tz = row.form("tz", zone_name, ZONE, ZONE_REMEDY)
    attrs: Facts = {**({"tz": tz} if tz else {}), **_attrs(row)}
    drafts = _drafts(row, rules)
    zone = ZoneInfo(tz or _zone_of(drafts, rules, attrs))
    versions = tuple(_version(draft, rules, zone) for draft in drafts)
    touches = _touches(row, zone)
    now = _instant(row, "now", zone)
    wanted = _wanted(row, zone)
    for key, remedy in (("touches", "list what happened"), ("now", _WHEN), ("expect", "list the clocks, or []")):
        if not row.has(key):
            row.error(None, f"{key} is missing", remedy)
    row.done(HARMLESS)
    if row.reading.mistakes == before:
        _look_over(row, versions)
    if row.reading.mistakes > before or now is None:
        return None
    return Case(
        place=row.place(), id=name, title=title, zone=zone, touches=touches, versions=versions, attrs=attrs, now=now,
        only=wanted.only, expected=wanted.clocks, carried=wanted.attrs,
    )  # fmt: skip


def _called(row: Sheet, names: dict[str, Sheet]) -> str:
    """The row's id, noted among `names`; messages call it so from here on."""
    name = row.text("id")
    row.path = name or row.path
    _must_be_new(row, row.path, names)
    return row.path


def _must_be_new(row: Sheet, name: str, names: dict[str, Sheet]) -> None:
    if name in names:
        line = names[name].place("id").line
        row.error("id", f'the id "{name}" stands in line {line} already', "give each an id of its own")
    names.setdefault(name, row)


# rules


def _drafts(row: Sheet, rules: _Rules) -> tuple[_Draft, ...]:
    """One policy for good, or versions, or what the config has."""
    policy = named(row, "policy", rules.policies) if row.text("policy") != OFF else None
    told = row.has("policy") and not row.is_null("policy")
    parts = row.parts("config", "version")
    if told and row.has("config"):
        row.error("config", "it names a policy and versions", "leave one of them out")
    if told:
        return (_Draft("policy", (Rule(policy=policy),)),)
    if row.has("config"):
        return tuple(_draft(part, number, rules) for number, part in enumerate(parts, start=1))
    if rules.version is None:
        remedy = "add policy: NAME or config: [...], or say where the config is: --config DIR"
        row.error(None, "it names neither a policy nor versions of rules, and there is no config", remedy)
        return ()
    return (_Draft(rules.version.id, rules.version.rules),)


def _draft(part: Sheet, number: int, rules: _Rules) -> _Draft:
    applies = part.choice("applies", ("new", "running"), "way to apply") or "new"
    found = tuple(_rule(each, rules) for each in part.parts("rules", "rule"))
    part.has("from")
    name = part.text("id") or f"v{number}"
    part.done(HARMLESS)
    return _Draft(name, found, cast(Literal["new", "running"], applies), part)


def _rule(part: Sheet, rules: _Rules) -> Rule:
    match, sets = part.part("match"), part.part("set")
    policy = None if part.text("policy") == OFF else named(part, "policy", rules.policies)
    part.done(HARMLESS)
    return Rule(
        match={key: match.texts(key) for key in match.names()} if match else {},
        policy=policy,
        sets={key: sets.text(key) or "" for key in sets.names()} if sets else {},
    )


def _version(draft: _Draft, rules: _Rules, zone: ZoneInfo) -> Version:
    since = _instant(draft.row, "from", zone) if draft.row else None
    return Version(
        id=draft.id,
        effective_from=since or ALWAYS,
        applies=draft.applies,
        rules=draft.rules,
        policies=rules.policies,
        calendars=rules.calendars,
    )


def _zone_of(drafts: tuple[_Draft, ...], rules: _Rules, attrs: Facts) -> str:
    """The zone of the calendar of the policy; where rules choose it, of the first version's last rule."""
    chosen = [rule.policy for draft in drafts[:1] for rule in draft.rules if rule.policy in rules.policies]
    calendar = rules.calendars.get(rules.policies[chosen[-1] or ""].calendar) if chosen else None
    if calendar is None:
        return "UTC"
    tz = attrs.get("tz")
    return in_zone(calendar, tz if isinstance(tz, str) else None).tz if calendar.tz == CUSTOMER else calendar.tz


# touches


def _attrs(row: Sheet) -> dict[str, str | tuple[str, ...]]:
    part = row.part("attrs")
    if part is None:
        return {}
    given = [key for key in part.names() if not part.is_null(key)]
    return {key: part.texts(key) if part.is_list(key) else part.text(key) or "" for key in given}


def _look_over(row: Sheet, versions: tuple[Version, ...]) -> None:
    """Tells of attributes that no rule asks for: the test would hold, and say nothing."""
    asked = [key for version in versions for rule in version.rules for key in (*rule.match, *rule.sets)]
    expected = row.part("expect") if row.is_mapping("expect") else None
    parts = (row, expected, *row.parts("touches", "touch"))
    for attrs in [part.part("attrs") for part in parts if part is not None]:
        if attrs is None:
            continue
        if "timezone" not in asked and attrs.has("timezone"):
            attrs.error("timezone", 'unknown key "timezone"', "write tz: as in tz: Asia/Jakarta")
        attrs.knows(*MATCH_KEYS, *SET_KEYS, "tz", *asked)
        attrs.done()


def _touches(row: Sheet, zone: ZoneInfo) -> tuple[Touch, ...]:
    """What happened. What is referred to must be there, also further down: they stand in order of arrival."""
    names: dict[str, Sheet] = {}
    found = []
    for number, part in enumerate(row.parts("touches", "touch"), start=1):
        found.append(_touch(part, number, zone))
        _must_be_new(part, found[-1].id, names)
    promises = {touch.promise for touch in found}
    for touch in found:
        part = names[touch.id]
        if touch.touch is not None and touch.touch not in names:
            part.error("touch", f'there is no touch "{touch.touch}" in this case', did_you_mean(touch.touch, names))
        for key, promised in (("replaces", touch.replaces), *(("keeps", each) for each in touch.keeps)):
            if promised is not None and promised not in promises:
                known = [each for each in promises if each]
                part.error(key, f'there is no promise "{promised}" in this case', did_you_mean(promised, known))
    return tuple(found)


def _touch(row: Sheet, number: int, zone: ZoneInfo) -> Touch:
    name = row.text("id") or f"t{number}"
    kind = row.choice("kind", list(TouchKind), "kind of touch")
    at, due = _instant(row, "at", zone), _instant(row, "due", zone)
    needs = {"promise": ("at", "due"), "void": ("at", "touch"), "set": ("at", "attrs")}
    for key in ("kind", *needs.get(kind or "", ("at",))):
        if not row.has(key) or row.is_null(key):
            row.error(None, f"{key} is missing", _WHEN if key in ("at", "due") else f"add {key}:")
    sets = row.part("attrs")
    touch = Touch(
        id=name,
        at=at or ALWAYS,
        kind=TouchKind(kind or "note"),
        recorded_at=_instant(row, "recorded_at", zone),
        channel=row.text("channel") or "",
        direction=cast(Literal["in", "out"], row.choice("dir", ("in", "out"), "direction") or "out"),
        auto=row.flag("auto"),
        observed=row.flag("observed"),
        partial=row.flag("partial"),
        reason=row.text("reason"),
        promise=row.text("promise") or (name if kind == "promise" else None),
        due=due,
        via=cast(Literal["any", "call"], row.choice("via", ("any", "call"), "way to keep it") or "any"),
        replaces=row.text("replaces"),
        keeps=row.texts("keeps"),
        attrs={key: sets.text(key) or "" for key in sets.names()} if sets else {},
        touch=row.text("touch"),
        void_case=row.flag("void_case"),
    )
    row.done(HARMLESS)
    return touch


def _instant(row: Sheet, key: str, zone: ZoneInfo) -> datetime | None:
    return row.form(key, partial(instant, zone=zone), "a time", _WHEN)


def instant(text: str, zone: ZoneInfo) -> datetime:
    """The instant that a text means; without an offset, the first at which the local clock shows it.

    What is finer than a microsecond is cut off. Raises ValueError.
    """
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    day, clock, seconds, offset = match.groups()
    wall = datetime.fromisoformat(f"{day}T{clock or '00:00':0>5}{(seconds or ':00').replace(',', '.')}")
    if offset is None:
        return reached(zone, wall)
    return datetime.fromisoformat(f"{wall.isoformat()}{offset.upper()}").astimezone(UTC)


# what must come out


class _Wanted(NamedTuple):
    """What a case expects. only: the kinds compared; None: all. attrs: what the case carries then; None: not that."""

    clocks: tuple[Expected, ...]
    only: frozenset[ClockKind] | None
    attrs: Mapping[str, str | None]


def _wanted(row: Sheet, zone: ZoneInfo) -> _Wanted:
    """`expect`: a list of clocks, or `{clocks: [...], attrs: {...}}`, which compares what it names.

    `clocks` beside it limits the kinds that are compared; empty, it says that there is no clock at all.
    """
    whole = row.part("expect") if row.is_mapping("expect") else None
    listed = whole or row
    clocks = tuple(_expected(part, zone) for part in listed.parts("clocks" if whole else "expect", "clock"))
    carried = whole.part("attrs") if whole else None
    attrs = {key: carried.text(key) for key in carried.names()} if carried else {}
    if whole:
        whole.done(HARMLESS)
    if row.has("clocks") and not row.is_null("clocks"):
        only = frozenset(_kinds(row)) or None
        if only is None and clocks:
            row.error("clocks", "clocks: [] says there is none, and expect lists some", "leave one of them out")
        return _Wanted(clocks, only, attrs)
    compared = whole is None or whole.has("clocks")
    return _Wanted(clocks, None if compared else frozenset(), attrs)


def _kinds(row: Sheet) -> list[ClockKind]:
    names = row.texts("clocks")
    for name in names:
        if name not in list(ClockKind):
            row.error("clocks", f'no clock "{name}"', did_you_mean(name, ClockKind))
    return [ClockKind(name) for name in names if name in list(ClockKind)]


def _expected(part: Sheet, zone: ZoneInfo) -> Expected:
    kind = part.choice("clock", list(ClockKind), "clock")
    if not part.has("clock"):
        part.error(None, "it does not say which clock", f"add clock: {did_you_mean('', ClockKind)}")
    number = part.form("n", whole_number, "a number", "write n: 1")
    values: dict[str, Any] = {}
    for key in part.names():
        if key in ("clock", "n") or key in HARMLESS:
            continue
        if key in KEYS:
            values[key] = _value(part, key, zone)
        else:
            part.error(key, f'a clock has no "{key}"', did_you_mean(key, KEYS))
    return Expected(ClockKind(kind or "ack"), number, values)


def _value(part: Sheet, key: str, zone: ZoneInfo) -> Any:
    """What a key must be, as the engine has it."""
    if key.endswith("_at"):
        return _instant(part, key, zone)
    if key in LENGTHS:
        return part.form(key, partial(_length, unit=key), "a length", "write seconds: 5400, or 1h30m")
    if key == "state":
        state = part.choice("state", list(State), "state")
        return State(state) if state else None
    return part.form(key, _READ.get(key, str), "a value of this kind", "write true or false")


_READ: Mapping[str, Callable[[str], Any]] = {"in_hours": truth}


def _length(text: str, unit: str) -> timedelta:
    """A number of the key's unit, or a duration with units of its own. Raises ValueError."""
    if not _NUMBER.fullmatch(text.strip()):
        return duration(text)
    number = float(text)
    return timedelta(milliseconds=number) if unit.endswith("_ms") else timedelta(seconds=number)
