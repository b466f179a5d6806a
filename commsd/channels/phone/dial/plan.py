"""What the dialler does next about one owed call, and why: begin, wait, hold, escalate, or nothing. Pure.

Asked again with the same, it says the same: what is random elsewhere is drawn here from the callback's own id. It stops
where a call begins; that is settle.py's.
"""

import hashlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from commsd.channels.phone.line import Callbacks, Line
from commsd.core.agent import Agent, People
from commsd.core.backoff import DECLINED_BY_US, exhausted, next_try, rang, series, vain_today
from commsd.core.calendar import Calendar, add, between, reached
from commsd.core.callback import Attempt, Callback, State
from commsd.core.calling_hours import another_hour, if_soon, kept_by, next_window, zones_of
from commsd.core.contact import Contact
from commsd.core.number import parse_number
from commsd.core.promise import told
from commsd.sla.rules.wished_hours import wished_hours

ASKED_FOR = timedelta(hours=1)
"""So long after a time the customer asked for, he is rung whatever the hour; later it is no more what he asked for."""

OVERDUE = timedelta(hours=24)
"""So long after it was due, a call is a person's matter; telephony.md section 6b, ESCALATED."""

WORKED = timedelta(hours=2)
"""And so long of that we were open."""

RESTS = (timedelta(minutes=5), timedelta(minutes=15), timedelta(minutes=30), timedelta(hours=1))
"""How long one of us who did not take a call is not rung for it again, by how often that was."""


@dataclass(frozen=True, slots=True)
class Begin:
    """Ring this agent, then the customer. reason: `owner` or `next`."""

    callback: Callback
    agent: Agent
    reason: str


@dataclass(frozen=True, slots=True)
class Wait:
    """Look again then. why: `asked`, `window`, `backoff`, `tries_per_day`, `redial`, `agents` or `cost`."""

    until: datetime
    why: str


@dataclass(frozen=True, slots=True)
class Hold:
    """A person is to decide. reason: as core.screen says it."""

    reason: str


@dataclass(frozen=True, slots=True)
class Escalate:
    """A person is to find another way. why: `tries`, `overdue` or `no_window`."""

    why: str


@dataclass(frozen=True, slots=True)
class Nothing:
    """It stays as it is and due: what it waits for has no time. why: for people."""

    why: str


Plan = Begin | Wait | Hold | Escalate | Nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """What holds for the callbacks of one line. zone: the firm's. calendar: when we may ring, in its own zone.

    stopped: why nothing at all is dialled (`observe`, `disabled`, `paused`, …), None where it is.
    """

    line: Line
    people: People
    callbacks: Callbacks
    zone: ZoneInfo
    calendar: Calendar | None = None
    stopped: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Staff:
    """How our people are just now. busy: who is on the telephone. resting: who just did not take another call.

    calls: how many each had today. on_line: numbers that are on a call with us. awaited: since when a caller, who is
    on the line now, waits for each whom one of his next rounds would ring.
    """

    busy: frozenset[str] = frozenset()
    resting: frozenset[str] = frozenset()
    calls: Mapping[str, int] = field(default_factory=dict)
    on_line: frozenset[str] = frozenset()
    awaited: Mapping[str, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """What the callback itself does not tell. missed_at: when the last of its missed calls was over.

    tries: those of other callbacks to its number, today's at least; a day's limit is the customer's, not the call's.
    """

    missed_at: datetime | None = None
    tries: tuple[Attempt, ...] = ()


NO_PAST = Past()


class _There(NamedTuple):
    """The customer's day. wished: their own hours to be rung in, None for whenever."""

    zones: tuple[ZoneInfo, ...]
    wished: Calendar | None


def plan(
    callback: Callback,
    staff: Staff,
    policy: Policy,
    now: datetime,
    *,
    contact: Contact | None = None,
    held: str | None = None,
    past: Past = NO_PAST,
) -> Plan:
    """What is next. contact: the customer's, for its zone and hours. held: why no machine may ring the number."""
    if callback.state is not State.WAITING or callback.number is None:
        return Nothing(callback.state.value)
    zones = zones_of(parse_number(callback.number), contact.timezone if contact else None, policy.zone)
    there = _There(zones, wished_hours(contact, zones[0]))
    if callback.released is None:
        if held is not None:
            return Hold(held)
        if why := _for_a_person(callback, policy, there, now):
            return Escalate(why)
    if policy.stopped is not None:
        return Nothing(policy.stopped)
    if callback.number in staff.on_line:
        return Nothing("on_line")
    return _not_yet(callback, past, policy, there, now) or _who(callback, staff, policy, now)


def _for_a_person(callback: Callback, policy: Policy, there: _There, now: datetime) -> str | None:
    if exhausted(callback.attempts, policy.callbacks.tries):
        return "tries"
    if callback.due_at is None:
        return None
    since = max(callback.due_at, callback.wish_ended_at or callback.due_at)
    return "overdue" if _overdue(since, policy, there, now) else None


def _overdue(since: datetime, policy: Policy, there: _There, now: datetime) -> bool:
    """A call that was due before a weekend is tried first when we open again, and one whose customer wishes hours in
    the first of those. since: when it was due, or when it first could be made."""
    worked = policy.calendar is None or between(policy.calendar, since, now) >= WORKED
    if not worked or now - since < OVERDUE:
        return False
    quiet, by = policy.callbacks.quiet_hours, told(since, policy.calendar)
    end = kept_by(by, there.zones, quiet, policy.calendar, there.wished) if there.wished else None
    return end is None or now >= end


def _not_yet(callback: Callback, past: Past, policy: Policy, there: _There, now: datetime) -> Plan | None:
    """What the customer's day and the tries before keep us from; None where nothing does."""
    if callback.asked_at_time and callback.due_at is not None and now < callback.due_at:
        return Wait(callback.due_at, "asked")
    if vain_today(_each_once(callback.attempts, past.tries), there.zones[0], now) >= policy.callbacks.tries_per_day:
        return _in_window(callback, _tomorrow(now, there.zones[0]), "tries_per_day", policy, there)
    again = _again(callback, policy, there) if callback.released is None else None
    if isinstance(again, Escalate):
        return again
    if again is not None and again > now:
        if _asked(callback, again):
            return Wait(again, "backoff")
        return _in_window(callback, again, "backoff", policy, there)
    if _asked(callback, now):
        return None
    allowed = _in_window(callback, now, "window", policy, there)
    if isinstance(allowed, Escalate) or allowed.until > now:
        return allowed
    return _redial(callback, past, policy, now)


def _redial(callback: Callback, past: Past, policy: Policy, now: datetime) -> Wait | None:
    """The customer may ring again, and who of us has just been rung for him in vain is not rung in the same breath."""
    if past.missed_at is None or callback.released is not None:
        return None
    until = past.missed_at + policy.callbacks.first_try_after
    return Wait(until, "redial") if now < until else None


def _each_once(own: tuple[Attempt, ...], others: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
    """All tries to a number: one that moved with a joined callback stands in both."""
    known = {(attempt.at, attempt.by) for attempt in own}
    return (*own, *(attempt for attempt in others if (attempt.at, attempt.by) not in known))


def _asked(callback: Callback, at: datetime) -> bool:
    """Whether the customer asked to be rung about then."""
    due = callback.due_at if callback.asked_at_time else None
    return due is not None and due <= at < due + ASKED_FOR


def _in_window(callback: Callback, after: datetime, why: str, policy: Policy, there: _There) -> Wait | Escalate:
    """When he may next be rung. Who is never up while we are open, is rung outside our hours if a person let it be."""
    quiet = policy.callbacks.quiet_hours
    at = if_soon(next_window(after, there.zones, quiet, policy.calendar, there.wished), after, policy.calendar)
    if at is None and callback.released is not None:
        at = next_window(after, there.zones, quiet, wished=there.wished)
    return Wait(at, why) if at is not None else Escalate("no_window")


def _tomorrow(now: datetime, zone: ZoneInfo) -> datetime:
    return reached(zone, datetime.combine(now.astimezone(zone).date() + timedelta(days=1), time()))


def _again(callback: Callback, policy: Policy, there: _There) -> datetime | Escalate | None:
    """When the last try lets us try again; None where there was none, or the customer rang since then."""
    past = series(callback.attempts)
    if not past:
        return None
    last = past[-1]
    over = last.ended_at or last.at
    if callback.rang_at is not None and callback.rang_at > over:
        return None
    at = next_try(last.result or "", past, policy.callbacks.retry, over, _chance(callback))
    if isinstance(at, datetime):
        return at
    tried = [each.at for each in callback.attempts if rang(each)]
    later = another_hour(over, there.zones, policy.callbacks.quiet_hours, policy.calendar, tried, there.wished)
    return if_soon(later, over, policy.calendar) or Escalate("no_window")


def _chance(callback: Callback) -> float:
    """From 0 up to 1, the same for the same callback after the same number of tries."""
    digest = hashlib.sha256(f"{callback.id} {len(callback.attempts)}".encode()).digest()
    return int.from_bytes(digest[:6]) / 2**48


def _who(callback: Callback, staff: Staff, policy: Policy, now: datetime) -> Plan:
    """Who of us rings: the owner alone at first, then anyone of the line."""
    rests = _rests(callback.attempts)
    owner = policy.people.present(callback.owner, _day(policy, now))
    if owner is not None and _alone(owner, callback, policy, now):
        if not _free(owner, callback, staff):
            return Nothing("owner")
        return Begin(callback, owner, "owner")
    candidates = list(_candidates(callback, owner, policy, staff, now))
    for agent in candidates:
        if _free(agent, callback, staff) and rests.get(agent.id, now) <= now:
            return Begin(callback, agent, "owner" if owner is agent else "next")
    back = [rests[agent.id] for agent in candidates if rests.get(agent.id, now) > now]
    if back and len(back) == len(candidates):
        return Wait(min(back), "agents")
    return Nothing("agents" if candidates else "nobody")


def _alone(owner: Agent, callback: Callback, policy: Policy, now: datetime) -> bool:
    """Whether the call is still its owner's alone."""
    waited_for = owner.phone is not None and owner.id not in _rests(callback.attempts)
    return waited_for and now < _grace_until(callback, policy)


def able(callback: Callback, staff: Staff, policy: Policy, now: datetime) -> tuple[str, ...]:
    """Who could make a call that waits for one of us as soon as he is off the telephone; agent ids, the best first."""
    rests = _rests(callback.attempts)
    owner = policy.people.present(callback.owner, _day(policy, now))
    if owner is not None and _alone(owner, callback, policy, now):
        return (owner.id,)
    there = (agent.id for agent in _candidates(callback, owner, policy, staff, now))
    return tuple(name for name in there if rests.get(name, now) <= now and name not in staff.resting)


def rung_for_callers(policy: Policy, now: datetime) -> frozenset[str]:
    """Whom the line rings today, by agent id."""
    there = (members(policy.people, names, _day(policy, now)) for names in _rounds(policy.line))
    return frozenset(agent.id for agents in there for agent in agents if agent.phone)


def somebody_free(policy: Policy, staff: Staff, now: datetime) -> bool:
    """Whether anybody at all could ring for some callback of the line: one of its own people, or some owner."""
    if policy.stopped is not None:
        return False
    day, people = _day(policy, now), policy.people
    there = (people.present(name, day) for name in people.agents)
    return any(agent.phone and agent.id not in staff.busy | staff.resting for agent in there if agent)


def _grace_until(callback: Callback, policy: Policy) -> datetime:
    """Until when the call is the owner's alone; counted in open hours."""
    start = callback.due_at if callback.asked_at_time and callback.due_at else callback.opened_at
    if policy.calendar is None:
        return start + policy.callbacks.owner_grace
    return add(policy.calendar, start, policy.callbacks.owner_grace) or start


def _candidates(
    callback: Callback, owner: Agent | None, policy: Policy, staff: Staff, now: datetime
) -> Iterator[Agent]:
    """Everybody with a telephone who may ring for this line, the best first; nobody who is away, each once."""
    seen: set[str] = set()
    everyone = [] if owner is None else [[owner]]
    there = (members(policy.people, names, _day(policy, now)) for names in _rounds(policy.line))
    everyone += [sorted(agents, key=lambda a: staff.calls.get(a.id, 0)) for agents in there]
    for agents in everyone:
        for agent in agents:
            if agent.id not in seen and agent.phone not in (None, callback.number):
                seen.add(agent.id)
                yield agent


def _rounds(line: Line) -> tuple[tuple[str, ...], ...]:
    """Who rings for a line: those its callers ring, else its team."""
    return line.rounds or ((line.team,) if line.team else (),)


def members(people: People, names: tuple[str, ...], day: date) -> Iterator[Agent]:
    """Those behind agents and teams who are there on that day, or stand in for one."""
    for name in names:
        if name in people.teams:
            yield from people.members(name, day)
        elif agent := people.present(name, day):
            yield agent


def _free(agent: Agent, callback: Callback, staff: Staff) -> bool:
    """Callers on the line and owed calls stand in one order: whose clock began first has our people first. Q5."""
    own = agent.phone is not None and agent.phone != callback.number
    first = staff.awaited.get(agent.id, callback.opened_at) >= callback.opened_at
    return own and first and agent.id not in staff.busy and agent.id not in staff.resting


def _rests(attempts: tuple[Attempt, ...]) -> dict[str, datetime]:
    """Until when each who did not take this call is not rung for it again."""
    count: dict[str, int] = {}
    until: dict[str, datetime] = {}
    for attempt in attempts:
        if attempt.by is not None and attempt.result in DECLINED_BY_US:
            number = count[attempt.by] = count.get(attempt.by, 0) + 1
            until[attempt.by] = (attempt.ended_at or attempt.at) + RESTS[min(number, len(RESTS)) - 1]
    return until


def _day(policy: Policy, now: datetime) -> date:
    return now.astimezone(policy.zone).date()
