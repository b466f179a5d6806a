"""A mail that came in: Message and OpenItems to Change. Language, suppression, what it changes, and the ack we owe.

Pure. The acknowledgement's bytes are finished here, so that what is sent is what was decided, also after a crash.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

from commsd.channels.mail.account import FollowUp
from commsd.channels.mail.ack import AckFacts, render
from commsd.channels.mail.desk import Desk, phone_hours
from commsd.channels.mail.language import language_of
from commsd.channels.mail.message import Message
from commsd.channels.mail.overheard import is_customer, overheard, overheard_in
from commsd.channels.mail.reply import heard_in, replied
from commsd.channels.mail.reply import keys_of as keys_of_reply
from commsd.channels.mail.suppression import Us, Verdict, answer_address, own_acks, speaker, why_silent
from commsd.core import key
from commsd.core.calendar import Calendar, is_open, next_opening
from commsd.core.case import ClockRecord
from commsd.core.change import Change, LogicalKey, OpenItems, Sighting, Terms, change_of, with_promise
from commsd.core.clock import State
from commsd.core.contact import Contact, identity_of
from commsd.core.event import Event
from commsd.core.interaction import (
    MESSAGE_ID,
    Actor,
    Automation,
    Channel,
    Delivery,
    DeliveryKind,
    DeliveryState,
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
from commsd.core.policy import ClockKind
from commsd.core.promise import calendar_of, told
from commsd.core.token import ack_id

ANSWERING = (ClockKind.FIRST_RESPONSE, ClockKind.NEXT_RESPONSE)
"""The clocks whose due time an acknowledgement may promise."""

FRESH_ACK = timedelta(seconds=120)
_GOING = frozenset({Outcome.PENDING, Outcome.REACHED})
"""An acknowledgement that was suppressed or failed told the customer nothing."""

SHORT_ONCE_A = timedelta(days=1)
MAX_REFERENCES = 40
REGION = {"de": "DE", "da": "DK", "id": "ID"}
"""Where a writer of this language most likely dials from; others get numbers in the international form."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A decoded mail and where it lay. original: its kept bytes, None where they could not be kept."""

    message: Message
    place: str
    uid: int
    original: Stored | None = None


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
    form = "full" if reason else _form(fact, change, items, desk)
    reason = reason or (None if form else "no-ack:in-conversation")
    if reason or not recipient or not form:
        return _with_reason(change, fact.id, reason)
    return _acknowledged(change, arrival, items, desk, terms, recipient, short=form == "short")


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
    contact = _contact(writer.address if writer else None, items)
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


def _contact(address: str | None, items: OpenItems) -> Contact | None:
    identity = identity_of(address)
    return items.contacts.get(identity) if identity else None


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


def _form(fact: Interaction, change: Change, items: OpenItems, desk: Desk) -> str | None:
    """How a further writing in the same case is acknowledged: "full", "short" at most once a day, or None for not."""
    case_id = next(iter(change.interactions)).case_id
    file = items.files.get(case_id or "")
    acks = [known for known in file.interactions if known.kind is Kind.ACK and known.outcome in _GOING] if file else []
    if not acks or desk.mailbox.follow_up is FollowUp.FULL:
        return "full"
    if desk.mailbox.follow_up is FollowUp.NONE:
        return None
    short_ones = [ack for ack in acks[1:] if items.now - ack.recorded_at < SHORT_ONCE_A]
    return None if short_ones else "short"


def _with_reason(change: Change, fact_id: str, reason: str | None) -> Change:
    """The change with the reason of the silence on the message itself, in the record and its event alike."""
    change = replace(change, result=reason or "ack")
    if reason is None or change.interactions[0].reason == reason:
        return change
    said = tuple(replace(fact, reason=reason) if fact.id == fact_id else fact for fact in change.interactions)
    by_id = {fact.id: fact for fact in said}
    events = tuple(
        replace(event, thing=by_id[event.thing.id]) if isinstance(event.thing, Interaction) else event
        for event in change.events
    )
    return replace(change, interactions=said, events=events)


def _acknowledged(
    change: Change, arrival: Arrival, items: OpenItems, desk: Desk, terms: Terms, recipient: str, *, short: bool
) -> Change:
    fact = change.interactions[0]
    clock = change.clock(*ANSWERING) or _still_running(fact, items)
    zone = change.cases[-1].attrs.get("tz") if change.cases else None
    calendar = calendar_of(clock, terms.versions, zone) if clock else None
    promised_at = _promise(clock, calendar, items.now) if clock else None
    if clock and promised_at and clock in change.clocks:
        change = with_promise(change, clock, promised_at)
    message_id = ack_id(desk.key, arrival.message.logical_key, desk.domain)
    ack = render(
        _facts(arrival, change, items, desk, recipient, message_id, promised_at, calendar, short=short), desk.texts
    )
    suppressed = desk.observe
    sent = Interaction(
        id=items.new_id(),
        channel=Channel.EMAIL,
        kind=Kind.ACK,
        direction=Direction.OUTBOUND,
        actor=Actor.MACHINE,
        outcome=Outcome.SUPPRESSED if suppressed else Outcome.PENDING,
        reason="no-ack:observe" if suppressed else None,
        occurred_at=items.now,
        recorded_at=items.now,
        contact_id=fact.contact_id,
        contact_match=fact.contact_match,
        case_id=fact.case_id,
        case_cause=fact.case_cause,
        in_reply_to=fact.id,
        caused_by=fact.id,
        mailbox=desk.mailbox.name,
        team=desk.mailbox.team,
        promised_at=promised_at,
        parties=(Party(Role.FROM, desk.mailbox.address), Party(Role.TO, recipient)),
        subject=ack.subject,
        preview=" ".join(ack.text.split())[:280],
        external_ids=(ExternalId(MESSAGE_ID, message_id),),
        language=fact.language,
        language_cause=fact.language_cause,
    )
    owed = Delivery(
        id=items.new_id(),
        kind=DeliveryKind.ACK,
        key=f"ack:{message_id}"[:128],
        via=desk.mailbox.name,
        recipient=recipient,
        payload=ack.raw,
        created_at=items.now,
        due_at=items.now,
        state=DeliveryState.SUPPRESSED if suppressed else DeliveryState.QUEUED,
        interaction_id=sent.id,
        case_id=fact.case_id,
        reason=sent.reason,
    )
    change += Change(
        interactions=(sent,),
        events=(Event("interaction.recorded", sent, items.now, "machine"),),
        deliveries=(owed,),
    )
    return _with_reason(change, fact.id, "no-ack:observe") if suppressed else replace(change, result="ack")


def _promise(clock: ClockRecord, calendar: Calendar | None, now: datetime) -> datetime | None:
    """What the customer was told already, else what can be told; a time that has passed is none."""
    due_at = clock.value.due_at
    promised_at = clock.promised_at or (told(due_at, calendar) if due_at else None)
    return promised_at if promised_at and promised_at > now else None


def _still_running(fact: Interaction, items: OpenItems) -> ClockRecord | None:
    """The clock that an earlier writing in the case started: its promise is the one that holds."""
    file = items.files.get(fact.case_id or "")
    records = file.clocks if file else ()
    running = (r for r in records if r.value.clock in ANSWERING and r.value.state is State.RUNNING)
    return max(running, key=lambda record: record.value.started_at, default=None)


def _facts(
    arrival: Arrival,
    change: Change,
    items: OpenItems,
    desk: Desk,
    recipient: str,
    message_id: str,
    promised_at: datetime | None,
    calendar: Calendar | None,
    *,
    short: bool,
) -> AckFacts:
    message, fact = arrival.message, change.interactions[0]
    contact = _contact(fact.customer, items)
    person = desk.person(contact.owner if contact else None, promised_at or items.now)
    received = min(message.received_at, items.now).astimezone(UTC)
    in_hours = calendar is None or is_open(calendar, received)
    return AckFacts(
        message_id=message_id,
        address=desk.mailbox.address,
        service_name=desk.firm.name,
        recipient=recipient,
        customer_name=(contact.name if contact else None) or fact.name(Role.FROM),
        language=fact.language or desk.firm.languages[0],
        address_as=desk.firm.address_as.get(fact.language or ""),
        original_id=message.message_id,
        references=message.references,
        subject=message.subject,
        received_at=received,
        promised_at=promised_at,
        person=person.name if person else None,
        person_phone=person.phone if person else None,
        phone_hours=phone_hours(calendar) if calendar else None,
        customer_tz=desk.zone_of(contact.timezone if contact else None),
        service_tz=desk.firm.zone,
        customer_region=REGION.get(fact.language or ""),
        in_hours=in_hours,
        opens_at=None if in_hours or calendar is None else next_opening(calendar, received),
        call_me_url=None,
        kind="short" if short else "full",
        date_at=items.now,
    )
