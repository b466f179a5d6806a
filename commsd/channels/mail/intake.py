"""A mail that came in: Message and OpenItems to Change. Language, suppression, what it changes, and the ack we owe.

Pure. The acknowledgement's bytes are finished here, so that what is sent is what was decided, also after a crash.
"""

from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta

from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.language import language_of
from commsd.channels.mail.message import Message
from commsd.channels.mail.overheard import is_customer, overheard, overheard_in
from commsd.channels.mail.owed_ack import acknowledged, contact_of, form_of, with_reason
from commsd.channels.mail.reply import heard_in, replied
from commsd.channels.mail.reply import keys_of as keys_of_reply
from commsd.channels.mail.suppression import Us, Verdict, answer_address, own_acks, speaker, why_silent
from commsd.core import key
from commsd.core.change import Change, LogicalKey, OpenItems, Sighting, Terms, change_of
from commsd.core.event import Event
from commsd.core.interaction import (
    MESSAGE_ID,
    Actor,
    Automation,
    Detail,
    Direction,
    ExternalId,
    Interaction,
    Kind,
    Outcome,
    Party,
    Role,
    Stored,
)

FRESH_ACK = timedelta(seconds=120)
MAX_REFERENCES = 40


def keys_of(arrival: Arrival, desk: Desk) -> tuple[str, ...]:
    """All the decision hangs on: who wrote, what it refers to, and the mail itself."""
    message = arrival.message
    if heard := heard_in(message, desk):
        return (*keys_of_reply(heard), key.of_logical(message.logical_key))
    odd = overheard_in(message, desk)
    writer = speaker(message, desk.us)
    return (
        *(key.of_message_id(reference) for reference in message.references[-MAX_REFERENCES:][::-1]),
        *key.of_addresses(writer.address if writer else None),
        *(keys_of_reply(odd) if odd else ()),
        key.of_logical(message.logical_key),
    )


def intake(arrival: Arrival, items: OpenItems, desk: Desk, terms: Terms) -> Change:
    """Everything this mail changes: recorded once, acknowledged once or silent for a recorded reason."""
    message = arrival.message
    copy_of = items.known.get(key.of_logical(message.logical_key))
    if copy_of:
        seen = Sighting(interaction_id=copy_of.id, place=arrival.place, uid=arrival.uid, seen_at=items.now)
        return Change(sightings=(seen,), result="no-ack:duplicate")
    if heard := heard_in(message, desk):
        return replied(heard, message, arrival.original, items, desk, terms)
    if (odd := overheard_in(message, desk)) and not is_customer(odd, items):
        return overheard(odd, message, arrival.original, items, desk)
    verdict = why_silent(message, _us(message, items, desk))
    fact = _interaction(arrival, items, desk, verdict)
    change = change_of(fact, items, terms, opens=verdict.starts_clock)
    change += Change(keys=(LogicalKey(key=message.logical_key, interaction_id=fact.id),))
    recipient = answer_address(message, desk.us)
    reason = fact.reason or (None if recipient else "no-ack:no-sender")
    form = "full" if reason else form_of(fact, change, items, desk)
    reason = reason or (None if form else "no-ack:in-conversation")
    if reason or not recipient or not form:
        return with_reason(change, fact.id, reason)
    return acknowledged(change, arrival, items, desk, terms, recipient, short=form == "short")


def failed(arrival: Arrival, items: OpenItems, desk: Desk, error: Exception) -> Change:
    """The recorded decision `error`: the mail and its original are kept, the mailbox goes on, the ledger lists it."""
    fact = Interaction(
        id=items.new_id(),
        channel=desk.mailbox.channel,
        kind=Kind.MESSAGE,
        direction=Direction.INBOUND,
        actor=Actor.CUSTOMER,
        outcome=Outcome.FAILED,
        reason="error",
        status_raw=type(error).__name__,
        occurred_at=arrival.message.received_at,
        recorded_at=items.now,
        mailbox=desk.mailbox.name,
        original=arrival.original,
    )
    return Change(interactions=(fact,), events=(Event("interaction.recorded", fact, items.now, "machine"),))


def _us(message: Message, items: OpenItems, desk: Desk) -> Us:
    """Our side, with the ids of those of our acks that are too fresh for a person to have answered (N14)."""
    recent = frozenset(
        own
        for own in own_acks(message, desk.us)
        if (ack := items.known.get(key.of_message_id(own))) and items.now - ack.recorded_at < FRESH_ACK
    )
    return replace(desk.us, fresh_acks=recent)


def _interaction(arrival: Arrival, items: OpenItems, desk: Desk, verdict: Verdict) -> Interaction:
    message, mailbox = arrival.message, desk.mailbox
    writer = speaker(message, desk.us)
    contact = contact_of(writer.address if writer else None, items)
    language, cause = language_of(message, contact.language if contact else None, desk.firm.languages)
    return Interaction(
        id=items.new_id(),
        channel=mailbox.channel,
        kind=Kind.MESSAGE,
        direction=Direction.INBOUND,
        actor=_actor(verdict),
        outcome=Outcome.REACHED,
        reason=_silence(message, items, desk, verdict),
        occurred_at=min(message.received_at, items.now),
        recorded_at=items.now,
        mailbox=mailbox.name,
        team=mailbox.team,
        parties=tuple(_parties(message, writer.address if writer else None, writer.name if writer else "")),
        subject=message.subject[:998],
        preview=message.preview[:280],
        original=arrival.original,
        attachments=tuple(Stored("", a.media_type, a.size or 0, a.name) for a in message.attachments),
        external_ids=(ExternalId(MESSAGE_ID, message.message_id),) if message.message_id else (),
        automation=Automation(verdict.automation),
        language=language,
        language_cause=cause,
        detail=Detail(observed=desk.observe),
    )


def _actor(verdict: Verdict) -> Actor:
    """A colleague who writes into the matter is no customer: no clock starts, no case is opened again."""
    if verdict.reason == "own-address":
        return Actor.AGENT
    return Actor.CUSTOMER if verdict.automation == "none" else Actor.MACHINE


def _silence(message: Message, items: OpenItems, desk: Desk, verdict: Verdict) -> str | None:
    if verdict.reason:
        return f"no-ack:{verdict.reason}"
    if items.now - message.received_at > desk.mailbox.max_age:
        return "no-ack:too-old"
    return None


def _parties(message: Message, address: str | None, name: str) -> Iterable[Party]:
    if address:
        yield Party(Role.FROM, address, name or None)
    for role, people in ((Role.REPLY_TO, message.reply_to), (Role.TO, message.to), (Role.CC, message.cc)):
        for person in people[:50]:
            yield Party(role, person.address, person.name or None)
