"""SLA files -> one policy version: calendars, ladders, policies and the rules that choose among them, judged together.

Where no files are, `[service]` alone makes the version. The version's id tells the same rules from other ones, however
they are commented and laid out; bringing it in force is `sla.rules`.
"""

import hashlib
import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, timedelta
from importlib.metadata import version
from typing import Any

from commsd.config.read import Table, did_you_mean
from commsd.config.unit import LANGUAGE, TEXT
from commsd.core.agent import People
from commsd.core.interaction import Channel
from commsd.core.policy import ClockKind, Policy, Rule, Step, Target, Version
from commsd.sla.rules.opening import country_holidays, holidays_until, read_calendar, service_calendar
from commsd.sla.rules.reach import takers
from commsd.sla.rules.target import judge_ladders, read_ladder, read_policies

MATCH_KEYS = (
    "channel", "mailbox", "line", "to", "from", "caller",
    "team", "tier", "priority", "language", "organisation", "keywords",
)  # fmt: skip
SET_KEYS = ("priority", "owner", "team", "tier")
PRIORITIES = ("low", "normal", "high", "urgent")
STANDARD = "standard"
LETTER = "letter"


@dataclass(frozen=True, slots=True)
class Named:
    """What rules and ladders may name besides the SLA's own: people, mailboxes, lines."""

    people: People
    mailboxes: tuple[str, ...] = ()
    lines: tuple[str, ...] = ()


def read_version(roots: Sequence[Table], named: Named, now: datetime) -> Version:
    """The version that these files make together, rules in the order of the files. Mistakes are noted on the tables."""
    ladder_tables, policy_tables = _merged(roots, "ladder"), _merged(roots, "policy")
    calendar_tables = _merged(roots, "calendar")
    calendars = {name: read_calendar(table, now) for name, table in calendar_tables.items()}
    listed = any(table.has("holidays") for table in calendar_tables.values())
    ladders = {name: read_ladder(table, named.people) for name, table in ladder_tables.items()}
    policies = read_policies(policy_tables, calendars, ladders)
    judge_ladders(policies, ladders, ladder_tables)
    _unused_ladders(policies, ladder_tables)
    rules = _rules(roots, policies, policy_tables, named)
    for root in roots:
        if "change" in root.contents and root.has("change"):
            root.error(
                "change", "there is no [change] table", "remove it; `commsd sla apply DIR` says when and for whom"
            )
        root.done()
    made = Version(
        id="",
        effective_from=now,
        rules=rules,
        policies=policies,
        calendars=calendars,
        ladders=ladders,
    )
    return _identified(made, [root.contents for root in roots], holidays_until(now) if listed else None)


def default_version(service: Table, now: datetime) -> Version:
    """The version that `hours`, `country` and `timezone` of `[service]` make where there are no SLA files."""
    calendar = service_calendar(service, STANDARD, now)
    standard = {
        ClockKind.ACK: Target(duration=timedelta(minutes=15)),
        ClockKind.FIRST_RESPONSE: Target(duration=timedelta(hours=4)),
        ClockKind.NEXT_RESPONSE: Target(duration=timedelta(hours=4)),
        ClockKind.CALLBACK: Target(duration=timedelta(hours=2)),
        ClockKind.PROMISE: Target(warn_before=timedelta(minutes=15)),
    }
    # Its acknowledgement goes by post: an answer within hours would be over before the page arrives.
    letter = {**standard, ClockKind.ACK: Target(duration=timedelta(hours=4))}
    letter |= dict.fromkeys((ClockKind.FIRST_RESPONSE, ClockKind.NEXT_RESPONSE), Target(business_days=2))
    ladder = (Step(at=75, tell=("owner",)), Step(at=timedelta(0), tell=("team", "lead")))
    policies = {
        name: Policy(name=name, calendar=STANDARD, targets=targets, ladder=STANDARD)
        for name, targets in ((STANDARD, standard), (LETTER, letter))
    }
    keys = ("hours", "country", "timezone")
    made = Version(
        id="",
        effective_from=now,
        rules=(Rule(match={"channel": ("letter",)}, policy=LETTER), Rule(policy=STANDARD)),
        policies=policies,
        calendars={STANDARD: calendar},
        ladders={STANDARD: ladder},
    )
    said = {"service": {key: service.contents.get(key) for key in keys}}
    return _identified(made, [said], holidays_until(now) if calendar.dates else None)


def judge_service(service: Table, now: datetime) -> None:
    """What `[service]` says of opening hours where the SLA files rule."""
    if service.has("country"):
        country_holidays(service, now)
    if service.has("hours"):
        service.warn("hours", "hours is not used: the files in sla/ say when you are open", "remove it")


def _merged(roots: Sequence[Table], key: str) -> dict[str, Table]:
    """The named tables of all files; a name stands once."""
    found: dict[str, Table] = {}
    for root in roots:
        for name, table in root.tables(key).items():
            if name in found:
                table.error(None, f"[{table.path}] stands at {found[name].place()} too", "rename or remove one of them")
                table.pass_over()
            found.setdefault(name, table)
    return found


def _identified(made: Version, files: Sequence[Mapping[str, Any]], until: date | None) -> Version:
    """The version with its names: source for what the files mean, id also for what they were read with."""
    merged: dict[str, Any] = {}
    for contents in files:
        for key, value in contents.items():
            before = merged.get(key)
            if isinstance(value, list):
                merged[key] = [*(before if isinstance(before, list) else ()), *value]
            elif isinstance(value, dict):
                merged[key] = {**(before if isinstance(before, dict) else {}), **value}
    made_with = {"tzdata": version("tzdata"), "holidays": version("holidays")}
    source = _digest({"rules": merged})
    whole = _digest({"source": source, "until": until, **made_with})
    return replace(made, id=whole, source=source, made_with=made_with, holidays_until=until)


def _digest(value: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Row:
    """A rule, its number from 1 over all files, and where it stands."""

    number: int
    rule: Rule
    table: Table

    @property
    def takes_all(self) -> bool:
        """Whether it has no condition; one that could not be read is none of these."""
        return not self.table.contents.get("match")

    @property
    def sound(self) -> bool:
        """Whether every condition was understood, so that what it takes is known."""
        understood = self.rule.match.values()
        return len(understood) == len(self.table.table("match").contents) and all(map(all, understood))


def _rules(
    roots: Sequence[Table], policies: Mapping[str, Policy], tables: Mapping[str, Table], named: Named
) -> tuple[Rule, ...]:
    written = [table for root in roots for table in root.rows("rule")]
    rows = [_Row(number, _rule(number, table, policies, named), table) for number, table in enumerate(written, 1)]
    _judge_order(rows, roots)
    used = {row.rule.policy for row in rows} | {str(table.value("based_on")) for table in tables.values()}
    for name in policies:
        if name not in used:
            tables[name].warn(None, f'policy "{name}" is used by no rule', "name it in a [[rule]], or remove it")
    return tuple(row.rule for row in rows)


def _unused_ladders(policies: Mapping[str, Policy], tables: Mapping[str, Table]) -> None:
    for name in set(tables) - {policy.ladder for policy in policies.values()}:
        tables[name].warn(None, f'ladder "{name}" is used by no policy', "name it in a [policy.*], or remove it")


def _rule(number: int, table: Table, policies: Mapping[str, Policy], named: Named) -> Rule:
    policy: str | None = table.read("policy", TEXT)
    if policy and policy != "off" and policy not in policies:
        table.error("policy", f'rule {number}: no policy "{policy}"', did_you_mean(policy, policies))
    match = table.table("match")
    sets = table.table("set")
    for key in ("priority", "owner", "team"):
        if sets.has(key):
            _known(number, sets, key, 0, sets.value(key), named)
    return Rule(
        match={key: _values(number, match, key, named) for key in MATCH_KEYS if match.has(key)},
        policy=None if policy == "off" else policy,
        sets={key: sets.text(key) for key in SET_KEYS if sets.has(key)},
    )


def _values(number: int, match: Table, key: str, named: Named) -> tuple[str, ...]:
    """One value or a list of them."""
    value = match.value(key)
    values = match.many(key, TEXT) if isinstance(value, list) else (match.text(key),)
    if not values:
        match.error(key, f"rule {number}: {key} = [] matches nothing", "name a value, or remove the key")
    for item, each in enumerate(values):
        _known(number, match, key, item, each, named)
    return values


def _known(number: int, table: Table, key: str, item: int, value: object, named: Named) -> None:
    """Notes a value that can never be met because nothing is called so."""
    words: Mapping[str, Sequence[str]] = {
        "channel": tuple(Channel),
        "priority": PRIORITIES,
        "mailbox": named.mailboxes,
        "line": named.lines,
        "team": tuple(named.people.teams),
        "owner": tuple(named.people.agents),
    }
    if not isinstance(value, str) or not value:
        return
    if key in words and value not in words[key]:
        table.error(key, f'rule {number}: no {key} "{value}"', did_you_mean(value, words[key]), item)
    elif key == "language" and LANGUAGE.parse(value) is None:
        table.error(key, f'rule {number}: language "{value}" is no language', LANGUAGE.remedy, item)
    elif key == "keywords" and re.search(r"\s", value):
        what = f'rule {number}: keywords "{value}" can never match: they are compared with single words'
        table.warn(key, what, 'write one word of it, such as "cancel*"', item)


def _judge_order(rows: Sequence[_Row], roots: Sequence[Table]) -> None:
    if not rows:
        roots[-1].error(None, "there is no rule", 'end with [[rule]] and policy = "standard"')
        return
    last = rows[-1]
    if last.table.has("match"):
        last.table.error("match", "the last rule must have no match", "add a [[rule]] below with a policy alone")
    for row in rows:
        if row.takes_all and row is not last:
            what = f"rule {row.number} takes every case, and rules follow it"
            row.table.error(None, what, "move it to the end; the files count in the order of their names")
            return
    rules = [row.rule for row in rows]
    for place, row in enumerate(rows):
        if row.sound and (taken := takers(rules[:place], row.rule)):
            _never(row, [rows[each] for each in taken])


def _never(row: _Row, taken: Sequence[_Row]) -> None:
    """Notes a rule that the ones above it leave nothing to."""
    if len(taken) == 1:
        said = _said(taken[0].rule.match)
        what = f"rule {row.number} can never match: rule {taken[0].number} already takes every case with {said}"
    else:
        numbers = ", ".join(str(each.number) for each in taken[:-1])
        said = _said(row.rule.match)
        what = (
            f"rule {row.number} can never match: rules {numbers} and {taken[-1].number} together "
            f"already take every case with {said}"
        )
    row.table.error(None, what, "move it up, or remove it")


def _said(match: Mapping[str, Sequence[str]]) -> str:
    return ", ".join(f"{key}={'|'.join(values)}" for key, values in match.items())
