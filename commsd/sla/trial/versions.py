"""The rules that a row of a test is tried under: its own policy, its own versions, or what the config has. Pure."""

from collections.abc import Mapping
from typing import Literal, NamedTuple, cast
from zoneinfo import ZoneInfo

from commsd.core.calendar import CUSTOMER, Calendar, in_zone
from commsd.core.policy import Policy, Rule, Version
from commsd.core.touch import Facts
from commsd.sla.trial.instant import ALWAYS, instant_of
from commsd.sla.trial.rules import HARMLESS, named, read_calendar, read_policy
from commsd.sla.trial.sheet import Sheet

OFF = "off"


class Known(NamedTuple):
    """What rows may name. version: the config's, for a case that names neither a policy nor versions."""

    calendars: Mapping[str, Calendar]
    policies: Mapping[str, Policy]
    version: Version | None


class Draft(NamedTuple):
    """A version of which only the beginning is still to be read, once the zone is known."""

    id: str
    rules: tuple[Rule, ...]
    applies: Literal["new", "running"] = "new"
    row: Sheet | None = None


def known_of(root: Sheet, version: Version | None) -> Known:
    """The calendars and policies of the config and of the file; those of the file win by name."""
    calendars = dict(version.calendars) if version else {}
    policies = dict(version.policies) if version else {}
    calendars |= {name: read_calendar(name, part) for name, part in root.named("calendars").items()}
    policies |= {name: read_policy(name, part, calendars) for name, part in root.named("policies").items()}
    return Known(calendars, policies, version)


def drafts_of(row: Sheet, rules: Known) -> tuple[Draft, ...]:
    """One policy for good, or versions, or what the config has."""
    policy = named(row, "policy", rules.policies) if row.text("policy") != OFF else None
    told = row.has("policy") and not row.is_null("policy")
    parts = row.parts("config", "version")
    if told and row.has("config"):
        row.error("config", "it names a policy and versions", "leave one of them out")
    if told:
        return (Draft("policy", (Rule(policy=policy),)),)
    if row.has("config"):
        return tuple(_draft(part, number, rules) for number, part in enumerate(parts, start=1))
    if rules.version is None:
        remedy = "add policy: NAME or config: [...], or say where the config is: --config DIR"
        row.error(None, "it names neither a policy nor versions of rules, and there is no config", remedy)
        return ()
    return (Draft(rules.version.id, rules.version.rules),)


def _draft(part: Sheet, number: int, rules: Known) -> Draft:
    applies = part.choice("applies", ("new", "running"), "way to apply") or "new"
    found = tuple(_rule(each, rules) for each in part.parts("rules", "rule"))
    part.has("from")
    name = part.text("id") or f"v{number}"
    part.done(HARMLESS)
    return Draft(name, found, cast(Literal["new", "running"], applies), part)


def _rule(part: Sheet, rules: Known) -> Rule:
    match, sets = part.part("match"), part.part("set")
    policy = None if part.text("policy") == OFF else named(part, "policy", rules.policies)
    part.done(HARMLESS)
    return Rule(
        match={key: match.texts(key) for key in match.names()} if match else {},
        policy=policy,
        sets={key: sets.text(key) or "" for key in sets.names()} if sets else {},
    )


def version_of(draft: Draft, rules: Known, zone: ZoneInfo) -> Version:
    """The version, in force from the time that its draft says in this zone."""
    since = instant_of(draft.row, "from", zone) if draft.row else None
    return Version(
        id=draft.id,
        effective_from=since or ALWAYS,
        applies=draft.applies,
        rules=draft.rules,
        policies=rules.policies,
        calendars=rules.calendars,
    )


def zone_of(drafts: tuple[Draft, ...], rules: Known, attrs: Facts) -> str:
    """The zone of the calendar of the policy; where rules choose it, of the first version's last rule."""
    chosen = [rule.policy for draft in drafts[:1] for rule in draft.rules if rule.policy in rules.policies]
    calendar = rules.calendars.get(rules.policies[chosen[-1] or ""].calendar) if chosen else None
    if calendar is None:
        return "UTC"
    tz = attrs.get("tz")
    return in_zone(calendar, tz if isinstance(tz, str) else None).tz if calendar.tz == CUSTOMER else calendar.tz
