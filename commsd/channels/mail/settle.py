"""What became of a delivery: the mail server's word to a Change, and when it is tried again. mail.md D4, D5.

Pure. An acknowledgement that reached the server becomes a revision of its interaction and stops the `ack` clock.
"""

from dataclasses import replace
from datetime import datetime, timedelta

from commsd.channels.mail.outcome import Outcome as Word
from commsd.core import key
from commsd.core.change import Change, OpenItems, Terms, change_of
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState, Outcome

RETRIES = tuple(timedelta(seconds=seconds) for seconds in (5, 30, 120, 600, 1800))
GIVE_UP = timedelta(hours=4)
UNKNOWN_WAITS = timedelta(minutes=2)
"""After this long a message that the server may have taken goes once more, byte for byte the same."""


def keys_of(delivery: Delivery) -> tuple[str, ...]:
    """All the settling hangs on."""
    return (key.of_delivery(delivery.id),)


def settled(word: Word, delivery_id: str, items: OpenItems, terms: Terms) -> Change:
    """The delivery after the server's word, and what its interaction becomes."""
    owed = items.deliveries.get(delivery_id)
    if owed is None or owed.state in (DeliveryState.SENT, DeliveryState.REFUSED, DeliveryState.SUPPRESSED):
        return Change()
    after = _after(owed, word, items.now)
    change = Change(deliveries=(after,), result=after.state)
    if owed.kind is not DeliveryKind.ACK or after.state not in _OUTCOME:
        return change
    fact = next((f for file in items.files.values() for f in file.interactions if f.id == owed.interaction_id), None)
    if fact is None:
        return change
    left = replace(
        fact,
        revision=fact.revision + 1,
        outcome=_OUTCOME[after.state],
        occurred_at=items.now,
        recorded_at=items.now,
        status_raw=after.status_raw,
    )
    return change + change_of(left, items, terms)


_OUTCOME = {
    DeliveryState.SENT: Outcome.REACHED,
    DeliveryState.REFUSED: Outcome.FAILED,
    DeliveryState.FAILED: Outcome.FAILED,
}


def _after(owed: Delivery, word: Word, now: datetime) -> Delivery:
    said = f"{word.code or ''} {word.text}".strip()[:200]
    match word.kind:
        case "sent":
            return replace(owed, state=DeliveryState.SENT, status_raw=said, settled_at=now)
        case "refused":
            return replace(owed, state=DeliveryState.REFUSED, status_raw=said, settled_at=now)
        case "unknown":
            return replace(owed, state=DeliveryState.UNKNOWN, status_raw=said, due_at=now + UNKNOWN_WAITS)
    pause = RETRIES[min(max(owed.attempts - 1, 0), len(RETRIES) - 1)]
    if now + pause - owed.created_at > GIVE_UP:
        return replace(owed, state=DeliveryState.FAILED, reason="gave-up", status_raw=said, settled_at=now)
    return replace(owed, state=DeliveryState.QUEUED, status_raw=said, due_at=now + pause)
