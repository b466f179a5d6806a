"""What became of a notice that left by webhook or SMS, and when it is tried again: a word to a Change.

Pure. Mail has its own words and its own `settle`, because a mail server says more.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Literal

from commsd.core.change import Change
from commsd.core.interaction import Delivery, DeliveryState
from commsd.core.open_items import OpenItems

RETRIES = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800))
NOT_TAKEN = "not-taken:"
_SETTLED = frozenset(
    (
        DeliveryState.SENT,
        DeliveryState.REFUSED,
        DeliveryState.FAILED,
        DeliveryState.SUPPRESSED,
        DeliveryState.CANCELLED,
    )
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Word:
    """What the other side made of it.

    kind: "sent"; "refused", the same again is in vain; "later", certainly not taken; "unknown", perhaps taken.
    said: in a few words, no addresses. code: the other side's number for it. sid: its name for what it took.
    """

    kind: Literal["sent", "refused", "later", "unknown"]
    said: str
    code: int | None = None
    sid: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """How long it is tried. repeats: whether what was perhaps taken goes once more."""

    give_up: timedelta
    repeats: bool


def settled(word: Word, delivery_id: str, patience: Patience, items: OpenItems) -> Change:
    """The delivery after the other side's word."""
    owed = items.deliveries.get(delivery_id)
    if owed is None or owed.state in _SETTLED:
        return Change()
    after = _after(owed, word, patience, items.now)
    return Change(deliveries=(after,), result=after.state)


def perhaps_taken(owed: Delivery) -> bool:
    """Whether an earlier attempt ended without a word, such as by a crash. owed: as claimed just now."""
    return owed.attempts > 1 and owed.reason != f"{NOT_TAKEN}{owed.attempts - 1}"


def _after(owed: Delivery, word: Word, patience: Patience, now: datetime) -> Delivery:
    said = word.said[:200]
    if word.kind in ("sent", "refused"):
        state = DeliveryState.SENT if word.kind == "sent" else DeliveryState.REFUSED
        return replace(owed, state=state, reason=None, status_raw=said, settled_at=now)
    if word.kind == "unknown" and not patience.repeats:
        return replace(owed, state=DeliveryState.FAILED, reason="perhaps-sent", status_raw=said, settled_at=now)
    pause = RETRIES[min(max(owed.attempts - 1, 0), len(RETRIES) - 1)]
    if now + pause - owed.created_at > patience.give_up:
        return replace(owed, state=DeliveryState.FAILED, reason="gave-up", status_raw=said, settled_at=now)
    state = DeliveryState.QUEUED if word.kind == "later" else DeliveryState.UNKNOWN
    reason = f"{NOT_TAKEN}{owed.attempts}" if word.kind == "later" else None
    return replace(owed, state=state, reason=reason, status_raw=said, due_at=now + pause)
