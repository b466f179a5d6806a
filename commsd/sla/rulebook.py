"""SLA files -> one policy version: calendars, ladders, policies and the rules that choose among them, judged together.

Where no files are, `[service]` alone makes the version. The version's id tells the same rules from other ones, however
they are commented and laid out; bringing it in force is `sla.rules`.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from importlib.metadata import version
from typing import Any

from commsd.config.read import Table, did_you_mean
from commsd.config.unit import TEXT
from commsd.core.agent import People
from commsd.core.interaction import Channel
from commsd.core.policy import ClockKind, Policy, Rule, Step, Target, Version
from commsd.sla.opening import country_holidays, read_calendar, service_calendar
from commsd.sla.target import judge_ladders, read_ladder, read_policies

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
    calendars = {name: read_calendar(table, now) for name, table in _merged(roots, "calendar").items()}
    ladders = {name: read_ladder(table, named.people) for name, table in ladder_tables.items()}
    policies = read_policies(policy_tables, calendars, ladders)
    judge_ladders(policies, ladders, ladder_tables)
    rules = _rules(roots, policies, policy_tables, named)
    for root in roots:
        if root.has("change"):
            root.error(
                "change", "there is no [change] table", "remove it; `commsd sla apply DIR` says when and for whom"
            )
        root.done()
    return Version(
        id=_id([root.contents for root in roots]),
        effective_from=now,
        rules=rules,
        policies=policies,
        calendars=calendars,
        ladders=ladders,
    )


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
    letter = {**standard, ClockKind.ACK: Target(duration=timedelta(hours=4))}
    ladder = (Step(at=75, tell=("owner",)), Step(at=timedelta(0), tell=("team", "lead")))
    policies = {
        name: Policy(name=name, calendar=STANDARD, targets=targets, ladder=STANDARD)
        for name, targets in ((STANDARD, standard), (LETTER, letter))
    }
    keys = ("hours", "country", "timezone")
    return Version(
        id=_id([{"service": {key: service.contents.get(key) for key in keys}}]),
        effective_from=now,
        rules=(Rule(match={"channel": ("letter",)}, policy=LETTER), Rule(policy=STANDARD)),
        policies=policies,
        calendars={STANDARD: calendar},
        ladders={STANDARD: ladder},
    )


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


def _id(files: Sequence[Mapping[str, Any]]) -> str:
    """The same for the same rules: tables by name, rules in order, and what zones and holidays they were read with."""
    merged: dict[str, Any] = {}
    for contents in files:
        for key, value in contents.items():
            if isinstance(value, list):
                merged[key] = [*merged.get(key, []), *value]
            elif isinstance(value, dict):
                merged[key] = {**merged.get(key, {}), **value}
    whole = {"rules": merged, "tzdata": version("tzdata"), "holidays": version("holidays")}
    return hashlib.sha256(json.dumps(whole, sort_keys=True, default=str).encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class _Row:
    """A rule, its number from 1 over all files, and where it stands."""

    number: int
    rule: Rule
    table: Table


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
    if key in words and isinstance(value, str) and value and value not in words[key]:
        table.error(key, f'rule {number}: no {key} "{value}"', did_you_mean(value, words[key]), item)


def _judge_order(rows: Sequence[_Row], roots: Sequence[Table]) -> None:
    if not rows:
        roots[-1].error(None, "there is no rule", 'end with [[rule]] and policy = "standard"')
        return
    last = rows[-1]
    if last.table.has("match"):
        last.table.error("match", "the last rule must have no match", "add a [[rule]] below with a policy alone")
    for row in rows:
        if not row.table.has("match") and row is not last:
            what = f"rule {row.number} takes every case, and rules follow it"
            row.table.error(None, what, "move it to the end; the files count in the order of their names")
            return
    for place, row in enumerate(rows):
        taken = next((earlier for earlier in rows[:place] if _covers(earlier.rule, row.rule)), None)
        if taken:
            said = ", ".join(f"{key}={'|'.join(values)}" for key, values in taken.rule.match.items())
            what = f"rule {row.number} can never match: rule {taken.number} already takes every case with {said}"
            row.table.error(None, what, "move it up, or remove it")


def _covers(earlier: Rule, later: Rule) -> bool:
    """Whether every case that the later rule matches is the earlier one's already."""
    return bool(earlier.match) and all(
        key in later.match and {v.casefold() for v in later.match[key]} <= {v.casefold() for v in values}
        for key, values in earlier.match.items()
    )
