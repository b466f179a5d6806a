"""What became of a text to a customer: Twilio's answer, and later its word whether it arrived. Pure.

Twilio's Messages API knows no idempotency key: what may have been taken is looked for before it goes once more. A text
that Twilio took counts as sent, like a mail that a server took; what arrives nowhere is corrected. telephony.md M3, W5.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from commsd.channels.phone.message import call_sid
from commsd.channels.phone.text_owed import LAST, MESSAGE_SID, WHATSAPP, number_of, rewritten
from commsd.core import key
from commsd.core.change import Change, LogicalKey, change_of
from commsd.core.event import Event
from commsd.core.fact import replace
from commsd.core.interaction import (
    Channel,
    Delivery,
    DeliveryKind,
    DeliveryState,
    ExternalId,
    Interaction,
    Kind,
    Outcome,
    Role,
)
from commsd.core.open_items import OpenItems, Terms
from commsd.core.opt_out import OptOut
from commsd.sla.notice import carriage
from commsd.sla.notice.carriage import NOT_TAKEN, RETRIES, Patience, Word

STATUS = "message-status"

GIVE_UP = timedelta(hours=4)
LOOK_AFTER = timedelta(minutes=2)
"""So long what was perhaps taken rests before it is looked for at Twilio."""

STOPPED = 21610
UNREACHABLE = frozenset({21614, 30003, 30005, 30006})
"""No texts arrive at this number: it is rung, and no more. telephony.md M3."""

OUR_FAULT = frozenset({21606, 21612, 30007, 30034})
"""The sender is at fault, or its registration: each further text would fail as well, so somebody has to see to it."""

WINDOW_CLOSED = 63016
"""WhatsApp takes free words only within a day of the customer's own; then it goes by SMS."""

RANK: Mapping[str, int] = {
    "accepted": 0,
    "scheduled": 0,
    "queued": 1,
    "sending": 2,
    "sent": 3,
    "delivered": 4,
    "read": 5,
    "failed": 9,
    "undelivered": 9,
    "canceled": 9,
}
"""Message callbacks have neither a number nor a time: the highest counts. A word not known here tells nothing."""

_LOST = 9
_SETTLED = frozenset(
    {
        DeliveryState.SENT,
        DeliveryState.REFUSED,
        DeliveryState.FAILED,
        DeliveryState.SUPPRESSED,
        DeliveryState.CANCELLED,
    }
)
_OUTCOME = {
    DeliveryState.SENT: Outcome.REACHED,
    DeliveryState.REFUSED: Outcome.FAILED,
    DeliveryState.FAILED: Outcome.FAILED,
    DeliveryState.CANCELLED: Outcome.CANCELLED,
}


def settled(word: Word, delivery_id: str, patience: Patience, items: OpenItems, terms: Terms) -> Change:
    """The delivery after Twilio's answer, with what its interaction becomes; a notice's as `carriage` has it."""
    owed = items.deliveries.get(delivery_id)
    if owed is None or owed.kind is not DeliveryKind.ACK:
        return carriage.settled(word, delivery_id, patience, items)
    if owed.state in _SETTLED:
        return Change()
    after = _after(owed, word, items.now)
    change = Change(deliveries=(after,), result=after.state)
    if after.state not in _OUTCOME:
        return change
    if not owed.key.startswith(LAST):  # the customer's own word for it stands
        change += _learned(*number_of(owed), word.code, owed.interaction_id, items)
    change += _instead(owed, word.code, items)
    ack = _fact(owed.interaction_id, items)
    if ack is None:
        return change
    sid = (ExternalId(MESSAGE_SID, word.sid),) if word.sid else ()
    left = replace(
        ack,
        revision=ack.revision + 1,
        recorded_at=items.now,
        occurred_at=items.now,
        outcome=_OUTCOME[after.state],
        reason=_reason(word.code) if after.state is DeliveryState.REFUSED else after.reason,
        status_raw=after.status_raw,
        external_ids=(*ack.external_ids, *sid),
    )
    named = (LogicalKey(key=call_sid(word.sid), interaction_id=ack.id, lasting=False),) if word.sid else ()
    return replace(change + change_of(left, items, terms) + Change(keys=named), result=after.state)


def _after(owed: Delivery, word: Word, now: datetime) -> Delivery:
    said = word.said[:200]
    if word.kind == "sent":
        return replace(owed, state=DeliveryState.SENT, reason=None, status_raw=said, settled_at=now)
    if word.kind == "refused":
        return replace(owed, state=DeliveryState.REFUSED, reason=None, status_raw=said, settled_at=now)
    unknown = word.kind == "unknown"
    pause = LOOK_AFTER if unknown else RETRIES[min(max(owed.attempts - 1, 0), len(RETRIES) - 1)]
    if not unknown and owed.expires_at is not None and now + pause > owed.expires_at:
        return replace(owed, state=DeliveryState.CANCELLED, reason="too-late", status_raw=said, settled_at=now)
    if now + pause - owed.created_at > GIVE_UP:
        why = "perhaps-sent" if unknown else "gave-up"
        return replace(owed, state=DeliveryState.FAILED, reason=why, status_raw=said, settled_at=now)
    state = DeliveryState.UNKNOWN if unknown else DeliveryState.QUEUED
    reason = None if unknown else f"{NOT_TAKEN}{owed.attempts}"
    return replace(owed, state=state, reason=reason, status_raw=said, due_at=now + pause)


def _reason(code: int | None) -> str:
    return "opted-out" if code == STOPPED else f"twilio:{code or 'refused'}"


def _learned(number: str, channel: Channel, code: int | None, ack_id: str | None, items: OpenItems) -> Change:
    """What a code says of the number: no more texts there. The call that is owed stays owed."""
    if code != STOPPED and code not in UNREACHABLE:
        return Change()
    opt = OptOut(number=number, channel=channel.value, since=items.now, word=str(code), interaction_id=ack_id)
    return Change(opt_outs=(opt,))


def _instead(owed: Delivery, code: int | None, items: OpenItems) -> Change:
    """The same words by SMS, as an acknowledgement of its own, where WhatsApp did not take them."""
    ack = _fact(owed.interaction_id, items)
    if code != WINDOW_CLOSED or ack is None or not owed.recipient.startswith(WHATSAPP) or owed.key.startswith(LAST):
        return Change()
    fact = replace(
        ack,
        id=items.new_id(),
        revision=1,
        channel=Channel.SMS,
        outcome=Outcome.PENDING,
        reason=None,
        status_raw=None,
        occurred_at=items.now,
        recorded_at=items.now,
        external_ids=(),
        caused_by=ack.id,
    )
    event = Event("interaction.recorded", fact, items.now, "machine")
    return Change(interactions=(fact,), deliveries=(rewritten(owed, fact, items),), events=(event,))


def status_keys(sid: str, delivery_id: str | None) -> tuple[str, ...]:
    """All that Twilio's word on a text hangs on."""
    owed = (key.of_delivery(delivery_id),) if delivery_id else ()
    return (key.of_call(call_sid(sid)), key.of_logical(call_sid(sid)), *owed)


def heard(sid: str, delivery_id: str | None, items: OpenItems, terms: Terms) -> Change:
    """What all words on a text together say, in whatever order they came; one that arrived nowhere was none.

    delivery_id: as our own URL named it, for the word may come before the sending was settled, which it settles then.
    result: the code by which the text failed, where that is news.
    """
    told = [entry for entry in items.webhooks if entry.step == STATUS]
    consumed = Change(consumed=tuple(entry.id for entry in told))
    known = max(told, key=lambda entry: (RANK.get(entry.fields.get("MessageStatus", ""), -1), entry.id), default=None)
    word = known.fields.get("MessageStatus", "") if known else ""
    if known is None or word not in RANK:
        return consumed
    lost, said = RANK[word] == _LOST, f"{word} {sid}"
    code = _code(known.fields.get("ErrorCode", "")) if lost else None
    owed = items.deliveries.get(delivery_id or "")
    if owed is not None and owed.kind is DeliveryKind.ACK and owed.state not in _SETTLED:
        taken = Word(kind="refused" if lost else "sent", said=said, code=code, sid=sid)
        change = settled(taken, owed.id, Patience(give_up=GIVE_UP, repeats=True), items, terms)
        return consumed + replace(change, result=code)
    ack = items.known.get(key.of_logical(call_sid(sid))) or (_fact(owed.interaction_id, items) if owed else None)
    if ack is None or ack.kind is not Kind.ACK or ack.status_raw == said or ack.outcome is Outcome.FAILED:
        return consumed
    fact = replace(ack, revision=ack.revision + 1, recorded_at=items.now, status_raw=said)
    if not lost:
        event = Event("interaction.updated", fact, items.now, "machine")
        return consumed + Change(interactions=(fact,), events=(event,))
    failed = replace(fact, outcome=Outcome.FAILED, reason=_reason(code))
    change = change_of(failed, items, terms) + _learned(ack.address(Role.TO) or "", ack.channel, code, ack.id, items)
    return replace(consumed + change + (_instead(owed, code, items) if owed else Change()), result=code)


def _code(text: str) -> int | None:
    return int(text) if text.isascii() and text.isdigit() and len(text) < 7 else None


def _fact(interaction_id: str | None, items: OpenItems) -> Interaction | None:
    return next((f for file in items.files.values() for f in file.interactions if f.id == interaction_id), None)
