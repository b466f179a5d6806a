"""Our own people: agents, teams, routes; who is away and whose deputy steps in.

Read before all other settings, which name them. One name space for agents, teams and routes.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

from commsd.config.read import Table, did_you_mean
from commsd.config.unit import ADDRESS, LANGUAGE, SPAN, TEXT, URL, Form
from commsd.core.number import Number, parse_number

RESERVED_NAMES = frozenset({"owner", "team", "lead"})
"""In `tell` these words mean the case's own, so nobody can be called so."""

TEAM_KINDS = ("service", "marketing", "sales", "technical")


def _e164(value: object) -> Number | None:
    return parse_number(value) if isinstance(value, str) and value.startswith("+") else None


NUMBER = Form(
    "a valid telephone number", 'write it with its country code, such as "+493023125010"', _e164, Number("", "001", "")
)
"""A number as the config has it: E.164, valid by libphonenumber."""


@dataclass(frozen=True, slots=True)
class Absence:
    """Days off, both ends included, in the service's zone."""

    first: date
    last: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Agent:
    """One of our people. id: the name of the table. phone: E.164. languages: BCP 47, best first."""

    id: str
    name: str
    mail: tuple[str, ...] = ()
    phone: str | None = None
    languages: tuple[str, ...] = ()
    deputy: str | None = None
    away: tuple[Absence, ...] = ()

    def is_away(self, day: date) -> bool:
        """Whether this day lies in an absence."""
        return any(absence.first <= day <= absence.last for absence in self.away)


@dataclass(frozen=True, slots=True, kw_only=True)
class Team:
    """Several agents with a lead. kind: marketing, sales, technical or service."""

    id: str
    kind: str = "service"
    members: tuple[str, ...] = ()
    lead: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Route:
    """Where notices may go besides agents and teams. One of mail, webhook, sms is set."""

    id: str
    mail: tuple[str, ...] = ()
    webhook: str | None = None
    sms: str | None = None
    hours: str = "always"


@dataclass(frozen=True, slots=True)
class People:
    """Everybody by name. All look-ups are of configured names; an unknown one gives nothing."""

    agents: Mapping[str, Agent] = field(default_factory=dict)
    teams: Mapping[str, Team] = field(default_factory=dict)
    routes: Mapping[str, Route] = field(default_factory=dict)

    def present(self, agent_id: str | None, day: date) -> Agent | None:
        """The agent, or while away the first deputy in the chain who is there; None where nobody is."""
        seen: set[str] = set()
        while agent_id and agent_id not in seen:
            seen.add(agent_id)
            agent = self.agents.get(agent_id)
            if agent is None:
                return None
            if not agent.is_away(day):
                return agent
            agent_id = agent.deputy
        return None

    def members(self, team_id: str | None, day: date) -> tuple[Agent, ...]:
        """Who of the team is there that day, in the configured order."""
        team = self.teams.get(team_id or "")
        here = (self.agents.get(member) for member in team.members) if team else ()
        return tuple(agent for agent in here if agent and not agent.is_away(day))

    def by_mail(self, address: str) -> Agent | None:
        """Whose mail address it is, whatever its case."""
        wanted = address.casefold()
        return next((a for a in self.agents.values() if wanted in (mail.casefold() for mail in a.mail)), None)

    @property
    def addresses(self) -> tuple[str, ...]:
        """Every mail address of an agent or a route."""
        theirs = (*(agent.mail for agent in self.agents.values()), *(route.mail for route in self.routes.values()))
        return tuple(address for mail in theirs for address in mail)

    def mail_of(self, names: tuple[str, ...], day: date) -> tuple[str, ...]:
        """Mail addresses behind agents (or their deputies), teams and routes, each once, in this order."""
        addresses: dict[str, None] = {}
        for name in names:
            for address in self._mail(name, day):
                addresses.setdefault(address)
        return tuple(addresses)

    def _mail(self, name: str, day: date) -> tuple[str, ...]:
        if name in self.agents:
            agent = self.present(name, day)
            return agent.mail[:1] if agent else ()
        if name in self.teams:
            return tuple(agent.mail[0] for agent in self.members(name, day) if agent.mail)
        route = self.routes.get(name)
        return route.mail if route else ()

    def names(self) -> frozenset[str]:
        """Every agent, team and route."""
        return frozenset((*self.agents, *self.teams, *self.routes))


def read_people(root: Table) -> People:
    """Everybody in `[agent.*]`, `[team.*]` and `[route.*]`. Mistakes are noted on the table with their places."""
    agents, teams, routes = root.tables("agent"), root.tables("team"), root.tables("route")
    _one_name_space(agents, teams, routes)
    return People(
        agents={name: _agent(table, agents) for name, table in agents.items()},
        teams={name: _team(table, agents) for name, table in teams.items()},
        routes={name: _route(table) for name, table in routes.items()},
    )


def known_name(table: Table, key: str, known: Iterable[str], what: str) -> str | None:
    """The name under a key, if it is one of these; else a finding. what: "agent", "team", "mailbox"."""
    name = table.maybe(key, TEXT)
    if name and name not in known:
        table.error(key, f'{key} = "{name}": no {what} "{name}"', did_you_mean(name, known))
        return None
    return name or None


def known_names(table: Table, key: str, known: Iterable[str], what: str) -> tuple[str, ...]:
    """The list of names under a key; each that is none of these is a finding."""
    names = table.many(key, TEXT)
    for item, name in enumerate(names):
        if name and name not in known:
            table.error(key, f'{key}: no {what} "{name}"', did_you_mean(name, known), item)
    return tuple(name for name in names if name in known)


def _one_name_space(*kinds: Mapping[str, Table]) -> None:
    seen: dict[str, Table] = {}
    for table in (table for tables in kinds for table in tables.values()):
        name = table.name
        if name in RESERVED_NAMES:
            table.error(None, f'[{table.path}]: "{name}" means the case\'s own {name}', "choose another name")
        elif name in seen:
            table.error(None, f"[{table.path}]: [{seen[name].path}] has the same name", "choose another name for one")
        seen.setdefault(name, table)


def _agent(table: Table, agents: Mapping[str, Table]) -> Agent:
    name = table.name
    deputy = known_name(table, "deputy", agents, "agent")
    if deputy == name:
        table.error("deputy", f'deputy = "{name}": nobody is their own deputy', "name somebody else, or remove it")
    phone = table.maybe("phone", NUMBER)
    return Agent(
        id=name,
        name=table.text("name", name),
        mail=table.many("mail", ADDRESS),
        phone=phone.e164 if phone else None,
        languages=table.many("languages", LANGUAGE),
        deputy=deputy,
        away=tuple(Absence(*span) for span in table.many("away", SPAN)),
    )


def _team(table: Table, agents: Mapping[str, Table]) -> Team:
    return Team(
        id=table.name,
        kind=table.choice("kind", TEAM_KINDS, "service"),
        members=known_names(table, "members", agents, "agent"),
        lead=known_name(table, "lead", agents, "agent"),
    )


def _route(table: Table) -> Route:
    given = [key for key in ("mail", "webhook", "sms") if table.has(key)]
    if len(given) != 1:
        said = "names none of" if not given else "names more than one of"
        table.error(None, f"[{table.path}] {said} mail, webhook and sms", "write exactly one of them")
    sms = table.maybe("sms", NUMBER)
    return Route(
        id=table.name,
        mail=table.many("mail", ADDRESS),
        webhook=table.maybe("webhook", URL),
        sms=sms.e164 if sms else None,
        hours=table.text("hours", "always"),
    )
