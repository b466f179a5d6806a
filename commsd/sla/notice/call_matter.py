"""What our people are told of an owed call, and when: missed, held, escalated, or ended without a word since. Pure.

Each telling has a mark, a key under which it is made once for ever; what is due next follows from the callback and from
the marks that are made, so that neither a restart nor a second node tells anything twice.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta, tzinfo
from enum import StrEnum

from commsd.core.callback import PASSES, Callback, State
from commsd.core.change import Change
from commsd.core.interaction import Direction, Interaction, Kind, Outcome

MORNING = time(8)
"""From then on somebody is reminded of what was escalated on an earlier day."""

ASKED_AGAIN = timedelta(minutes=10)
LEAD_TOLD = timedelta(minutes=30)
"""After the first question for a result: the second one, and the lead."""

SCREENED_WITHIN = timedelta(seconds=5)
"""So long a missed call waits to be told for the screen to have looked at its number: a costly one is not to be
offered to a finger."""


class What(StrEnum):
    """What is told."""

    MISSED = "missed"
    HELD = "held"
    ESCALATED = "escalated"
    CONFIRM = "confirm"


WATCHED = {State.HELD: What.HELD, State.ESCALATED: What.ESCALATED, State.CONFIRM: What.CONFIRM}
"""States of which somebody is told because they last."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Matter:
    """One thing to tell. tell: names of agents, teams and routes, or "owner", "team", "lead".

    miss: id of the missed call. step: how often it was told before.
    """

    what: What
    mark: str
    callback_id: str
    tell: tuple[str, ...]
    line: str | None = None
    miss: str | None = None
    step: int = 0

    def holds(self, callback: Callback | None) -> bool:
        """Whether there is still something to tell."""
        if callback is None or not callback.open:
            return False
        return self.what is What.MISSED or WATCHED.get(callback.state) is self.what


def is_missed(fact: Interaction) -> bool:
    """Whether a customer rang in vain."""
    call = fact.kind is Kind.CALL and fact.direction is Direction.INBOUND
    return call and fact.outcome is Outcome.MISSED


def missed(interaction_id: str, callback_id: str, line: str | None, tell: tuple[str, ...]) -> Matter:
    """Somebody rang in vain; told once for each such call."""
    mark = f"missed:{interaction_id}"
    return Matter(what=What.MISSED, mark=mark, callback_id=callback_id, tell=tell, line=line, miss=interaction_id)


def is_screened(callback: Callback, recorded_at: datetime, now: datetime) -> bool:
    """Whether the screen has looked at it, or takes too long to be waited for."""
    waits = callback.state is State.WAITING and callback.look_at is not None and callback.look_at <= now
    return not waits or now - recorded_at >= SCREENED_WITHIN


def marks(callback: Callback, now: datetime, zone: tzinfo) -> tuple[str, ...]:
    """Every mark that decides what is to be told of this callback now."""
    base = _base(callback)
    match callback.state:
        case State.HELD:
            return (base,)
        case State.ESCALATED:
            return (base, _daily(base, now, zone))
        case State.CONFIRM:
            return tuple(f"{base}:{step}" for step in range(3))
    return ()


def due(
    callback: Callback,
    made: Mapping[str, datetime],
    now: datetime,
    zone: tzinfo,
    *,
    confirm: timedelta,
    tell: tuple[str, ...] = (),
) -> Matter | None:
    """What is to be told of it now; None for nothing. made: when each of its marks was made.

    confirm: how long an agent has to state the result. tell: who is told of the line's missed calls.
    """
    base = _base(callback)
    match callback.state:
        case State.HELD:
            return None if base in made else _matter(callback, base, tell or ("lead",))
        case State.ESCALATED:
            return _escalated(callback, base, made, now, zone)
        case State.CONFIRM:
            return _confirm(callback, base, made, now, confirm)
    return None


def heard_in(change: Change) -> tuple[frozenset[str], frozenset[str]]:
    """Ids of the missed calls of a change, and of the callbacks that came into a state of which somebody is told."""
    facts = frozenset(fact.id for fact in change.interactions if is_missed(fact))
    return facts, frozenset(owed.id for owed in change.callbacks if owed.state in WATCHED)


def _escalated(
    callback: Callback, base: str, made: Mapping[str, datetime], now: datetime, zone: tzinfo
) -> Matter | None:
    if base not in made:
        return _matter(callback, base, ("owner", "lead"))
    local = now.astimezone(zone)
    first = made[base].astimezone(zone).date()
    today = _daily(base, now, zone)
    if local.date() <= first or local.time() < MORNING or today in made:
        return None
    return _matter(callback, today, ("owner", "lead"), (local.date() - first).days)


def _confirm(
    callback: Callback, base: str, made: Mapping[str, datetime], now: datetime, confirm: timedelta
) -> Matter | None:
    """The agent is asked twice, then the lead is told; of what nobody saw coming, the last."""
    last = callback.attempts[-1] if callback.attempts else None
    if last is None:
        return None
    waited = now - (last.ended_at or last.at)
    steps = (confirm, confirm + ASKED_AGAIN, confirm + LEAD_TOLD)
    reached = sum(waited >= each for each in steps) - 1
    if reached < 0 or f"{base}:{reached}" in made:
        return None
    asked = (last.by,) if last.by else ("owner",)
    return _matter(callback, f"{base}:{reached}", ("lead",) if reached == len(steps) - 1 else asked, reached)


def _matter(callback: Callback, mark: str, tell: tuple[str, ...], step: int = 0) -> Matter:
    what = WATCHED[callback.state]
    return Matter(what=what, mark=mark, callback_id=callback.id, tell=tell, line=callback.line, step=step)


def _base(callback: Callback) -> str:
    """A callback held or escalated once more after a further try, or given back too often again, is another matter."""
    rounds = len(callback.passed) // PASSES
    count = f"{len(callback.attempts)}.{rounds}" if rounds else f"{len(callback.attempts)}"
    return f"{callback.state.value}:{callback.id}:{count}:{callback.held or ''}"[:100]


def _daily(base: str, now: datetime, zone: tzinfo) -> str:
    return f"{base}:{now.astimezone(zone).date().isoformat()}"
