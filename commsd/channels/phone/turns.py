"""Whose telephone an owed call waits for, so that no caller whose clock began later takes it first. Pure.

Owed calls and callers stand in one order (telephony.md Q5), and neither starves: of those whom a line rings one is left
to its callers, and where there is but one, an overdue call has its turn only so often.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from commsd.core.callback import Callback

EVERY = timedelta(minutes=15)
"""So long after a call of ours began on a line, its callers are left one of our people whatever is overdue."""

HOLDS = timedelta(seconds=15)
"""So long a turn counts that nobody repeats: a dialler that stopped keeps no telephone from callers."""


@dataclass(frozen=True, slots=True)
class Turn:
    """Owed calls that wait for somebody. since: when the clock of the first began.

    firm: likewise of the first for which he is kept even if he is the last; None where he is for none.
    """

    since: datetime
    firm: datetime | None = None


def joined(one: Turn, other: Turn) -> Turn:
    """What two lines keep the same one of us for: each against those who rang later than its own call."""
    firm = [turn.firm for turn in (one, other) if turn.firm is not None]
    return Turn(min(one.since, other.since), min(firm, default=None))


@dataclass(frozen=True, slots=True, kw_only=True)
class Turns:
    """What the owed calls of a line wait for, by agent id, as its dialler saw it. until: when that is stale."""

    line: str
    until: datetime
    of: Mapping[str, Turn]


Waiting = tuple[Callback, Sequence[str]]
"""An owed call for which nobody is free, and the agents who could make it, the best first."""


def turns_of(
    waiting: Iterable[Waiting], rung: Collection[str], now: datetime, begun: Mapping[str, datetime]
) -> Mapping[str, Turn]:
    """Who is kept for which owed call, one for each as far as they go.

    One is kept firmly of those whom the line rings for its callers (rung), and one of the others: whom other lines
    ring takes nobody from its callers. waiting: in the order in which they are served. begun: when the last call of
    ours on the line began, by agent.
    """
    kept: dict[str, Turn] = {}
    for callback, able in waiting:
        agent = next((each for each in able if each not in kept), None)
        if agent is None:
            continue
        firm = _overdue(callback, now) and not _had_turn(agent, rung, kept, now, begun)
        if firm or set(rung) - kept.keys() - {agent}:
            kept[agent] = Turn(callback.opened_at, callback.opened_at if firm else None)
    return kept


def _had_turn(
    agent: str, rung: Collection[str], kept: Mapping[str, Turn], now: datetime, begun: Mapping[str, datetime]
) -> bool:
    """Whether one of his kind is kept firmly already, or made a call of ours not long ago."""
    firm = {name for name, turn in kept.items() if turn.firm is not None}
    lately = {name for name, at in begun.items() if now - at < EVERY}
    return any((name in rung) == (agent in rung) for name in firm | lately)


def _overdue(callback: Callback, now: datetime) -> bool:
    return callback.due_at is not None and callback.due_at <= now


Rung = tuple[int, tuple[str, ...]]
"""A round of a line and its telephones."""


def left_for(
    since: datetime, rounds: Sequence[Rung], busy: Collection[str], turns: Mapping[str, Turn]
) -> Sequence[Rung]:
    """The rounds of a caller who waits since then; the best that leave somebody to ring.

    Telephones are passed over that an earlier call waits for or that a callback holds (busy); where no others are left,
    first those come back that are only waited for, then those that are held. One kept firmly does not come back.
    """
    before = {phone: turn for phone, turn in turns.items() if turn.since < since}
    firm = {phone for phone, turn in before.items() if turn.firm is not None and turn.firm < since}
    for spared in ({*busy, *before}, {*busy, *firm}, firm):
        left = [(number, tuple(phone for phone in phones if phone not in spared)) for number, phones in rounds]
        if found := [each for each in left if each[1]]:
            return found
    return []
