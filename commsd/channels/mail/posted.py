"""A printed acknowledgement went into the post: what that changes. Pure.

Its interaction becomes one that reached the customer, which stops the `ack` clock and no other.
"""

from dataclasses import replace

from commsd.core.change import Change, change_of
from commsd.core.entry import Hand
from commsd.core.interaction import DeliveryKind, DeliveryState, Outcome
from commsd.core.open_items import OpenItems, Terms
from commsd.errors import NotFound, Refused


def posted(delivery_id: str, items: OpenItems, terms: Terms, hand: Hand) -> Change:
    """The letter as sent, by this hand; nothing where it was posted before.

    Raises NotFound where there is no such letter, Refused for one that may not go out.
    """
    owed = items.deliveries.get(delivery_id)
    if owed is None or owed.kind is not DeliveryKind.LETTER:
        raise NotFound(f"no letter {delivery_id}", remedy="list them: commsd letters list")
    if owed.state is DeliveryState.SENT:
        return Change(result=False)
    if owed.state is not DeliveryState.QUEUED:
        why = f": {owed.reason}" if owed.reason else ""
        raise Refused(f"this letter is {owed.state.value}{why}", remedy="do not post it; list what waits: letters list")
    sent = replace(owed, state=DeliveryState.SENT, status_raw=f"posted by {hand.by}"[:200], settled_at=items.now)
    change = Change(deliveries=(sent,), result=True)
    facts = (fact for file in items.files.values() for fact in file.interactions)
    ack = next((fact for fact in facts if fact.id == owed.interaction_id), None)
    if ack is None:
        return change
    left = replace(
        ack, revision=ack.revision + 1, outcome=Outcome.REACHED, occurred_at=items.now, recorded_at=items.now
    )
    return replace(change + change_of(left, items, terms, by=hand.by), result=True)
