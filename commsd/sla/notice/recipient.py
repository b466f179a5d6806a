"""Who is told: the names of a ladder's rung -> people at work and routes, each with the time from which it may be told.

Nobody who is away is told; where a ladder leads to nobody, the lead is, then whoever gets the alarms, then the house's
own address. Pure.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from commsd.core.agent import Agent, Route
from commsd.core.calendar import Calendar, in_zone, next_opening
from commsd.core.case import Case
from commsd.core.firm import Firm
from commsd.sla.notice.post import Post
from commsd.sla.rules.opening import hours

ALWAYS = "always"


class Way(StrEnum):
    """How a recipient is reached. A delivery's `via` for webhook and sms."""

    MAIL = "mail"
    WEBHOOK = "webhook"
    SMS = "sms"


@dataclass(frozen=True, slots=True, kw_only=True)
class Recipient:
    """One address to tell. agent: whose it is, None for a route. opens: not before; by then they are at work."""

    way: Way
    address: str
    agent: str | None = None
    opens: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Roll:
    """Whom the house can tell of a case at an instant.

    office: the opening hours in which our people are told; None: at any time. calendars: by name, for routes.
    at_once: whether opening hours do not matter.
    """

    firm: Firm
    post: Post
    now: datetime
    office: Calendar | None = None
    calendars: Mapping[str, Calendar] | None = None
    at_once: bool = False

    def called(self, names: Iterable[str], case: Case) -> tuple[Recipient, ...]:
        """Everybody behind these names, each address once. Empty only where the house has nobody at all."""
        lead = self._own(case, "lead")
        for asked in (tuple(names), (lead,) if lead else (), self.post.alarms):
            if found := self._each(asked, case):
                return found
        return self._mails((address, None) for address in self.post.fallback)

    def alarmed(self) -> tuple[Recipient, ...]:
        """Whoever gets the alarms, where no case stands behind one; else the house's own address."""
        found: dict[tuple[Way, str], Recipient] = {}
        for recipient in (each for name in self.post.alarms for each in self._behind(name)):
            found.setdefault((recipient.way, recipient.address), recipient)
        return tuple(found.values()) or self._mails((address, None) for address in self.post.fallback)

    def named(self, names: Iterable[str], case: Case) -> tuple[Recipient, ...]:
        """Those behind these names themselves; empty where somebody else has to be told instead."""
        return self._each(names, case)

    def _each(self, names: Iterable[str], case: Case) -> tuple[Recipient, ...]:
        found: dict[tuple[Way, str], Recipient] = {}
        for name in names:
            for recipient in self._behind(self._own(case, name) or ""):
                found.setdefault((recipient.way, recipient.address), recipient)
        return tuple(found.values())

    def _own(self, case: Case, name: str) -> str | None:
        """The case's own owner, team and lead in place of those words."""
        if name == "owner":
            return self.post.owner_of(case.owner, case.mailbox, case.line)
        if name == "team":
            return case.team
        if name == "lead":
            team = self.firm.people.teams.get(case.team or "")
            return team.lead if team else None
        return name

    def _behind(self, name: str) -> Iterable[Recipient]:
        people, day = self.firm.people, self.firm.day(self._office_opens)
        if name in people.agents:
            return self._agents((people.present(name, day),))
        if name in people.teams:
            return self._agents(people.members(name, day))
        route = people.routes.get(name)
        return self._route(route) if route else ()

    def _agents(self, agents: Iterable[Agent | None]) -> tuple[Recipient, ...]:
        return self._mails((agent.mail[0], agent.id) for agent in agents if agent and agent.mail)

    def _mails(self, addresses: Iterable[tuple[str, str | None]]) -> tuple[Recipient, ...]:
        if self.post.via is None:
            return ()
        opens = self._office_opens
        return tuple(Recipient(way=Way.MAIL, address=address, agent=agent, opens=opens) for address, agent in addresses)

    def _route(self, route: Route) -> Iterator[Recipient]:
        opens = self._opens(route_hours(route, self.firm, self.calendars or {}))
        for recipient in self._mails((address, None) for address in route.mail):
            yield replace(recipient, opens=opens)
        if route.webhook:
            yield Recipient(way=Way.WEBHOOK, address=route.webhook, opens=opens)
        if route.sms:
            yield Recipient(way=Way.SMS, address=route.sms, opens=opens)

    @property
    def _office_opens(self) -> datetime:
        return self._opens(self.office)

    def _opens(self, calendar: Calendar | None) -> datetime:
        if self.at_once or calendar is None:
            return self.now
        return next_opening(calendar, self.now) or self.now  # hours that never come keep nobody silent


def route_hours(route: Route, firm: Firm, calendars: Mapping[str, Calendar]) -> Calendar | None:
    """The route's own opening hours: a calendar's name, or hours as people write them; None: always."""
    if route.hours == ALWAYS:
        return None
    if route.hours in calendars:
        return in_zone(calendars[route.hours], None)
    week = hours(route.hours)
    return Calendar(name=route.id, tz=firm.timezone, weekly=week) if week else None
