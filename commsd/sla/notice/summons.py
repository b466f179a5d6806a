"""Who is told of a clock, and when: each rung with the people behind its names, also of those to come. Pure.

For `explain`. What was told already is read from the tellings; what is to come is resolved as `sla.escalation` will.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
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
from commsd.sla.notice.telling import PAGE_WINDOW, PAGES, WINDOW, telling_of


class Fate(StrEnum):
    """What became of a rung. moot: the clock stopped before it. skipped: it was over before anybody could be told.

    unseen: it came, and the clock stopped before anybody looked at it. overtaken: nobody looked at the clock since, and
    of several rungs only the last will be told. nobody: it came, and no address was known. forgotten: it was told, to
    whom is not kept.
    """

    TOLD = "told"
    SKIPPED = "skipped_late"
    OVERTAKEN = "overtaken"
    NOW = "now"
    TO_COME = "to come"
    MOOT = "moot"
    UNSEEN = "unseen"
    NOBODY = "nobody"
    FORGOTTEN = "forgotten"


class Wait(StrEnum):
    """Why one who is to be told was not told at once.

    hours: nobody is there yet. spacing: a notice went to them less than five minutes before. cap: so many pages went to
    them within a minute. turn: the next round of notices.
    """

    HOURS = "opening hours"
    SPACING = "further notices wait five minutes"
    CAP = "five pages in a minute"
    TURN = "the next notice"


@dataclass(frozen=True, slots=True, kw_only=True)
class Called:
    """One who is told. name: the agent's, or None for an address. at: when he was, or will be. state: if it was made.

    waits: why not at once. reason: of what was not told, as recorded. notice: what he was told in, where that is kept.
    """

    way: Way
    address: str
    name: str | None
    at: datetime
    state: DeliveryState | None = None
    waits: Wait | None = None
    reason: str | None = None
    notice: Delivery | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Summons:
    """One rung and whom it tells. away: those who would be, with who stands in (None: nobody).

    vacant: nobody is behind its names, so that the lead, the alarms' people or the house is told.
    instead: of one that was skipped, the later rung that was told in its place. known_at: when the clock was recorded,
    where that was after the rung.
    """

    rung: Rung
    fate: Fate
    called: tuple[Called, ...]
    away: tuple[tuple[str, str | None], ...] = ()
    vacant: bool = False
    instead: str | None = None
    known_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What of the house decides who is told. office: the policy's opening hours; calendars: for routes, by name.

    notices: those that tellings were put into, by the telling's id. lately: when each recipient was given notices
    within `WINDOW` before now.
    """

    firm: Firm
    post: Post
    now: datetime
    office: Calendar | None
    calendars: Mapping[str, Calendar]
    notices: Mapping[str, Delivery] = field(default_factory=dict)
    lately: Mapping[str, Sequence[datetime]] = field(default_factory=dict)


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
            fate = Fate.OVERTAKEN  # of several that nobody saw coming the last is told
        own = [each for telling, each in made if telling.clock == record.id and telling.rung == rung.key]
        if own:
            called = tuple(_told(each, house) for each in own)
            found.append(Summons(rung=rung, fate=fate, called=called, away=_stood_in_for(own, house)))
        elif fate in (Fate.TO_COME, Fate.NOW):
            found.append(_to_come(rung, fate, case, house))
        elif fate is Fate.TOLD:
            lost = Fate.NOBODY if NOBODY in record.told else Fate.FORGOTTEN
            found.append(Summons(rung=rung, fate=lost, called=()))
        else:
            known_at = record.created_at if fate is Fate.SKIPPED and record.created_at > rung.at else None
            instead = None if known_at else _instead(rung, fate, rungs, fates)
            found.append(Summons(rung=rung, fate=fate, called=(), instead=instead, known_at=known_at))
    return tuple(found)


def _instead(rung: Rung, fate: Fate, rungs: Sequence[Rung], fates: Sequence[Fate]) -> str | None:
    """The later rung that was told in place of one that was skipped, or the last, which will be."""
    spoken = {Fate.SKIPPED: Fate.TOLD, Fate.OVERTAKEN: Fate.NOW}.get(fate)
    later = [
        other.key
        for other, its in zip(rungs, fates, strict=True)
        if its is spoken and other.at > rung.at and other.key != MOVED
    ]
    return (later[0] if fate is Fate.SKIPPED else later[-1]) if later else None


def _fate(rung: Rung, record: ClockRecord, now: datetime) -> Fate:
    if rung.key + SKIPPED in record.told:
        return Fate.SKIPPED
    if rung.key in {key_of(mark) for mark in record.told}:
        return Fate.TOLD
    if not runs(record):
        stopped_at = record.value.stopped_at
        return Fate.UNSEEN if stopped_at is not None and rung.at < stopped_at else Fate.MOOT
    return Fate.TO_COME if rung.at >= now else Fate.NOW


def _told(owed: Delivery, house: House) -> Called:
    telling, notice = telling_of(owed.payload), house.notices.get(owed.id)
    agent = house.firm.people.agents.get(telling.agent or "")
    waits, at = None, owed.settled_at or owed.created_at
    if owed.state is DeliveryState.QUEUED:
        waits, at = _wait(owed, page=telling.page, house=house)
    return Called(
        way=telling.way,
        address=notice.recipient if notice else owed.recipient,
        name=agent.name if agent and (notice is None or notice.recipient == owed.recipient) else None,
        at=at,
        state=owed.state,
        waits=waits,
        reason=owed.reason,
        notice=notice,
    )


def _wait(owed: Delivery, *, page: bool, house: House) -> tuple[Wait, datetime]:
    """Why a telling is not in a notice yet, and from when it may be; as `sla.dispatch` decides it."""
    if owed.due_at > house.now:
        return Wait.HOURS, owed.due_at
    told = house.lately.get(owed.recipient, ())
    paged = [at for at in told if at > house.now - PAGE_WINDOW]
    if page and len(paged) < PAGES:
        return Wait.TURN, owed.due_at
    if page:
        return Wait.CAP, paged[-PAGES] + PAGE_WINDOW
    return (Wait.SPACING, told[-1] + WINDOW) if told else (Wait.TURN, owed.due_at)


def _stood_in_for(owed: Iterable[Delivery], house: House) -> tuple[tuple[str, str | None], ...]:
    """Those of what waits who are away by now, and who will be told in their place."""
    people, found = house.firm.people, {}
    day = house.firm.day(house.now)
    for each in owed:
        agent = people.agents.get(telling_of(each.payload).agent or "")
        if each.state is DeliveryState.QUEUED and agent and agent.is_away(day):
            deputy = people.present(agent.id, day)
            found[agent.name] = deputy.name if deputy else None
    return tuple(found.items())


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
        rung=rung,
        fate=fate,
        called=called,
        away=_away(rung, case, max((c.at for c in called), default=at), house),
        vacant=not roll.named(rung.tell, case),
    )


def _awaited(to: Recipient, at: datetime, firm: Firm) -> Called:
    agent = firm.people.agents.get(to.agent or "")
    waits = Wait.HOURS if to.opens > at else None
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
