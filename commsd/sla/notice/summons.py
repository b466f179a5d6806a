"""Who is told of a clock, and when: each rung with the people behind its names, also of those to come. Pure.

For `explain`. What was told already is read from the tellings; what is to come is resolved as `sla.escalation` will.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from commsd.core.calendar import Calendar
from commsd.core.case import Case, ClockRecord
from commsd.core.firm import Firm
from commsd.core.interaction import Delivery, DeliveryState
from commsd.core.ladder import MOVED, SKIPPED, Rung, key_of, runs
from commsd.core.ledger import NOBODY
from commsd.sla.notice.post import Post
from commsd.sla.notice.recipient import Recipient, Roll, Way
from commsd.sla.notice.telling import telling_of


class Fate(StrEnum):
    """What became of a rung. moot: the clock stopped before it. skipped: it was over before anybody could be told.

    nobody: it came, and no address was known.
    """

    TOLD = "told"
    SKIPPED = "skipped_late"
    NOW = "now"
    TO_COME = "to come"
    MOOT = "moot"
    NOBODY = "nobody"


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """One who is told. name: the agent's, or None for an address. at: when he was, or will be. state: if it was made.

    waits: why not at once.
    """

    way: Way
    address: str
    name: str | None
    at: datetime
    state: DeliveryState | None = None
    waits: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summons:
    """One rung and whom it tells. away: those who would be, with who stands in (None: nobody)."""

    rung: Rung
    fate: Fate
    called: tuple[Called, ...]
    away: tuple[tuple[str, str | None], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What of the house decides who is told. office: the policy's opening hours; calendars: for routes, by name."""

    firm: Firm
    post: Post
    now: datetime
    office: Calendar | None
    calendars: Mapping[str, Calendar]


def summons(
    rungs: Sequence[Rung], record: ClockRecord, case: Case, tellings: Iterable[Delivery], house: House
) -> tuple[Summons, ...]:
    """Every rung of a clock with whom it told or will tell. tellings: of the case."""
    made = [(telling_of(each.payload), each) for each in tellings if each.payload]
    fates = [_fate(rung, record, house.now) for rung in rungs]
    now = [rung.at for rung, fate in zip(rungs, fates, strict=True) if fate is Fate.NOW and rung.key != MOVED]
    found = []
    for rung, fate in zip(rungs, fates, strict=True):
        if fate is Fate.NOW and rung.key != MOVED and rung.at < max(now):
            fate = Fate.SKIPPED  # of several that nobody saw coming the last is told
        own = [each for telling, each in made if telling.clock == record.id and telling.rung == rung.key]
        if own:
            called = tuple(_told(each, house.firm) for each in own)
            found.append(Summons(rung=rung, fate=fate, called=called))
        elif fate in (Fate.TO_COME, Fate.NOW):
            found.append(_to_come(rung, fate, case, house))
        else:
            lost = fate is Fate.TOLD and NOBODY in record.told
            found.append(Summons(rung=rung, fate=Fate.NOBODY if lost else fate, called=()))
    return tuple(found)


def _fate(rung: Rung, record: ClockRecord, now: datetime) -> Fate:
    if rung.key + SKIPPED in record.told:
        return Fate.SKIPPED
    if rung.key in {key_of(mark) for mark in record.told}:
        return Fate.TOLD
    if not runs(record):
        return Fate.MOOT
    return Fate.TO_COME if rung.at >= now else Fate.NOW


def _told(owed: Delivery, firm: Firm) -> Called:
    telling = telling_of(owed.payload)
    agent = firm.people.agents.get(telling.agent or "")
    waiting = owed.state is DeliveryState.QUEUED
    return Called(
        way=telling.way,
        address=owed.recipient,
        name=agent.name if agent else None,
        at=owed.due_at if waiting else owed.settled_at or owed.created_at,
        state=owed.state,
        waits="opening hours" if waiting and owed.due_at > owed.created_at else None,
    )


def _to_come(rung: Rung, fate: Fate, case: Case, house: House) -> Summons:
    at = max(rung.at, house.now)
    roll = Roll(
        firm=house.firm,
        post=house.post,
        now=at,
        office=house.office,
        calendars=house.calendars,
        at_once=rung.page or rung.key == MOVED,
    )
    called = tuple(_awaited(each, at, house.firm) for each in roll.called(rung.tell, case))
    return Summons(
        rung=rung, fate=fate, called=called, away=_away(rung, case, max((c.at for c in called), default=at), house)
    )


def _awaited(to: Recipient, at: datetime, firm: Firm) -> Called:
    agent = firm.people.agents.get(to.agent or "")
    waits = "opening hours" if to.opens > at else None
    return Called(way=to.way, address=to.address, name=agent.name if agent else None, at=to.opens, waits=waits)


def _away(rung: Rung, case: Case, at: datetime, house: House) -> tuple[tuple[str, str | None], ...]:
    """Those of the rung who are away that day, and who stands in for them."""
    people, day = house.firm.people, house.firm.day(at)
    team = people.teams.get(case.team or "")
    named = {"owner": house.post.owner_of(case.owner, case.mailbox, case.line), "lead": team.lead if team else None}
    found: dict[str, str | None] = {}
    for name in rung.tell:
        agent = people.agents.get(named.get(name, name) or "")
        if agent and agent.is_away(day):
            deputy = people.present(agent.id, day)
            found[agent.name] = deputy.name if deputy else None
    return tuple(found.items())
