"""When a customer is tried again after a try in vain, and when no machine tries any more: telephony.md Q8. Pure.

Whether he may be rung at that time is `core.calling_hours`' matter; who of us rings, `channels.phone.dial.plan`'s.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

from commsd.core.callback import OVERTAKEN, Attempt

NextWindow = Literal["next-window"]
NEXT_WINDOW: NextWindow = "next-window"

Wait = timedelta | NextWindow
"""How long until the next try; "next-window": when the calendar and the customer's day next allow it."""

JITTER = 0.1
"""By so much of itself a wait is longer at most, so that many customers are not rung at one moment."""

UNHEARD = frozenset({"not_placed", "not_accepted", "unreachable", "cancelled", "suppressed", OVERTAKEN})
"""Ends of a try of which the customer knows nothing: it costs him nothing, and is not counted."""

DECLINED_BY_US = frozenset({"not_accepted", "unreachable"})
"""Ends of a try for which another of our people is tried at once."""

GIVEN_UP = "given_up"
"""Our person rang off while the customer's telephone rang: he was disturbed, but nobody tried to reach him."""

TALKED = frozenset({"reached", "declined", "call_again", "partly"})
"""Ends of a try by which the customer was reached: what was tried before, is over."""

WRONG_PERSON = "wrong_person"

WRONG_PERSONS = 2
"""Somebody else answered so often: the number is another's, who is left in peace."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retry:
    """When to try again, by how it went; the last entry of a list is for all further tries."""

    busy: tuple[Wait, ...] = (timedelta(minutes=5),)
    no_answer: tuple[Wait, ...] = (timedelta(minutes=30), timedelta(hours=2), NEXT_WINDOW)
    voicemail: tuple[Wait, ...] = (timedelta(hours=4),)
    technical: tuple[Wait, ...] = (timedelta(minutes=1), timedelta(minutes=5), timedelta(minutes=15))


_KIND = {
    "busy": "busy",
    "voicemail": "voicemail",
    "left_message": "voicemail",
    "technical": "technical",
    "failed": "technical",
    "not_placed": "technical",
}


def _kind(result: str) -> str | None:
    """Which list of waits is for it; None where the next try may be made at once."""
    if result == GIVEN_UP or (result in UNHEARD and result not in _KIND):
        return None
    return _KIND.get(result, "no_answer")


def series(attempts: Sequence[Attempt]) -> tuple[Attempt, ...]:
    """The tries since the customer was last reached, without one that lives."""
    over = [attempt for attempt in attempts if attempt.result is not None]
    last = max((number for number, attempt in enumerate(over) if attempt.result in TALKED), default=-1)
    return tuple(over[last + 1 :])


def next_try(
    result: str, attempts: Sequence[Attempt], retry: Retry, now: datetime, jitter: float | Callable[[], float]
) -> datetime | NextWindow:
    """When to try again after a try that ended so at `now`; at `now` itself where nothing is to be waited for.

    attempts: all there were, this one the last. jitter: 0 to 1; a wait is never shorter than it was configured.
    """
    kind = _kind(result)
    if kind is None:
        return now
    so_far = sum(1 for each in series(attempts) if each.result is not None and _kind(each.result) == kind)
    waits: tuple[Wait, ...] = getattr(retry, kind)
    wait = waits[min(max(so_far, 1), len(waits)) - 1]
    if not isinstance(wait, timedelta):
        return NEXT_WINDOW
    share = jitter() if callable(jitter) else jitter
    return now + wait * (1 + JITTER * share)


def rang(attempt: Attempt) -> bool:
    """Whether the customer's telephone rang, or may have, and he was not reached."""
    result = attempt.result
    if result is None or result in TALKED or result in UNHEARD:
        return False
    return _kind(result) != "technical"


def vain_today(attempts: Sequence[Attempt], zone: ZoneInfo, now: datetime) -> int:
    """How often the customer was rung in vain on the day it is there now."""
    today = now.astimezone(zone).date()
    return sum(1 for attempt in attempts if rang(attempt) and attempt.at.astimezone(zone).date() == today)


def exhausted(attempts: Sequence[Attempt], tries: int) -> bool:
    """Whether a person is to find another way: tried so often since he was last reached, or another's number."""
    past = series(attempts)
    counted = [each for each in past if each.result not in UNHEARD and each.result != GIVEN_UP]
    others = sum(1 for attempt in past if attempt.result == WRONG_PERSON)
    return len(counted) >= tries or others >= WRONG_PERSONS
