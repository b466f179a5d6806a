"""Who of us is on the telephone, and which customers are: nobody is rung twice, and no caller while he rings. Pure.

What is known of a leg is its journal's fold, also where what it was for is settled: who has pressed the result is on
the line until he rang off.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from commsd.channels.phone.call import TERMINAL
from commsd.channels.phone.call import fold as fold_call
from commsd.channels.phone.call_state import CallState
from commsd.channels.phone.dial.attempt import MISSING, NOT_PLACED, AttemptState, fold
from commsd.channels.phone.dial.call_order import RING, TIME_LIMIT
from commsd.channels.phone.dial.placed import QUEUED, looks_at
from commsd.channels.phone.dial.plan import members
from commsd.channels.phone.line import Line
from commsd.channels.phone.rounds import OWN_PERSON
from commsd.core.agent import People
from commsd.core.callback import Attempt, Callback
from commsd.core.open_items import WebhookEntry

LONGEST = timedelta(seconds=TIME_LIMIT + RING) + QUEUED + timedelta(minutes=5)
"""So long after its order no call of ours is up any more: Twilio ends it at its time limit."""

LONGEST_TALK = timedelta(hours=4)
"""The same for a call to us: Twilio's own limit of a Dial."""

OVER = TERMINAL | {MISSING}

QUIET = timedelta(minutes=5)
"""So long after the last word of an answered call it is asked whether it goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Engaged:
    """agents: by id, with an attempt of ours. phones: of our people, rung or taken by a caller.

    customers: on a call with us, or being rung for another callback: E.164.
    hoping: callers for whom our people are still rung, round after round.
    """

    agents: frozenset[str] = frozenset()
    phones: frozenset[str] = frozenset()
    customers: frozenset[str] = frozenset()
    hoping: tuple[CallState, ...] = ()


Placed = tuple[str, Attempt, Sequence[WebhookEntry]]
"""The callback, its attempt, and what was noted of it."""

Rung = tuple[str, Sequence[WebhookEntry], Mapping[str, bytes]]
"""A call to us: its CallSid, what was noted of it, and the TwiML it was given by step."""


def engaged(attempts: Iterable[Callback], placed: Iterable[Placed], calls: Iterable[Rung]) -> Engaged:
    """Everybody who is on the telephone with us, or about to be. attempts: with a live one. calls: to us, not over."""
    phones: set[str] = set()
    callers: set[str] = set()
    hoping: list[CallState] = []
    for state, answered in _going_on(calls):
        callers.add(state.caller)
        phones.update(_telephones(state, answered))
        if not state.offered and state.accepted is None and state.bridged is None:
            hoping.append(state)
    legs = {attempt.by for _, attempt, entries in placed if is_up(fold(entries, {}))}
    live = [callback for callback in attempts if callback.live and callback.live.ended_at is None]
    return Engaged(
        agents=frozenset(by for by in (*legs, *(each.live.by for each in live if each.live)) if by),
        phones=frozenset(phones),
        customers=frozenset((*callers, *(each.number for each in live if each.number))),
        hoping=tuple(hoping),
    )


def awaited(
    hoping: Iterable[CallState], lines: Iterable[Line], people: People, day: date, places: Mapping[str, datetime]
) -> Mapping[str, datetime]:
    """Since when a caller waits for each of our people whom a later round of his would ring, by agent id.

    places: since when a call is owed to a number; who rings again keeps that place.
    """
    by_number = {line.number.e164: line for line in lines}
    since: dict[str, datetime] = {}
    for call in hoping:
        line = by_number.get(call.called)
        rung = max(call.dials - {OWN_PERSON}, default=0)
        waits = min(call.first_at, places.get(call.caller, call.first_at))
        for names in line.rounds[rung:] if line else ():
            for agent in members(people, names, day):
                since[agent.id] = min(waits, since.get(agent.id, waits))
    return since


def is_up(state: AttemptState) -> bool:
    """Whether our person's leg may be up: ordered, perhaps, and nobody told its end."""
    return not state.agent.over and state.order not in NOT_PLACED


def unheard(placed: Iterable[Placed], now: datetime) -> Iterator[tuple[str, str, str]]:
    """Callback, attempt and CallSid of the legs to ask for: their end should have been told by now."""
    for callback_id, attempt, entries in placed:
        state = fold(entries, {})
        if attempt.id and state.agent.sid and is_up(state) and now >= looks_at(state, attempt.at):
            yield callback_id, attempt.id, state.agent.sid


def unheard_talks(calls: Iterable[Rung], now: datetime) -> Iterator[str]:
    """CallSids of the answered calls to ask for, likewise."""
    for state, _ in _going_on(calls):
        if state.accepted is not None and now >= max(state.last_at, state.asked_at or state.last_at) + QUIET:
            yield state.sid


def _going_on(calls: Iterable[Rung]) -> Iterator[tuple[CallState, Mapping[str, bytes]]]:
    for sid, webhooks, answered in calls:
        state = fold_call(sid, webhooks, answered)
        if state is not None and state.ended_at is None and state.inbound:
            yield state, answered


def _telephones(state: CallState, answered: Mapping[str, bytes]) -> Iterator[str]:
    """Those of our people that this call rings, or that it was joined to: from the document on that rings them."""
    for body in answered.values():
        for number in {int(found) for found in _ROUND.findall(body)} - state.reports.keys():
            legs = {leg.number: leg for place, leg in state.legs.items() if place[0] == number}
            taken = [phone for phone, leg in legs.items() if phone and leg.accepted_at is not None]
            over = {phone for phone, leg in legs.items() if leg.status in TERMINAL or leg.ended_at is not None}
            rung = taken or [found.decode() for found in _NUMBER.findall(body)]
            yield from (phone for phone in rung if phone not in over)


_ROUND = re.compile(rb'action="[^"]*/dial-(\d+)[#"]')
_NUMBER = re.compile(rb">(\+[0-9]+)</Number>")
