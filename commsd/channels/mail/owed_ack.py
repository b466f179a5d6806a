"""The acknowledgement a mail is owed: its form, what it may promise, and the delivery with its finished bytes. Pure.

Whether one is owed, is decided in `intake`; how it reads, in `ack`.
"""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from commsd.channels.mail.account import FollowUp
from commsd.channels.mail.ack import AckFacts, OwedCall, render
from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.asked_call import masked, owed_call, wish_in
from commsd.channels.mail.brake import subject_key, waits
from commsd.channels.mail.call_wish import CallWish
from commsd.channels.mail.desk import Desk, phone_hours
from commsd.channels.mail.mail_interaction import contact_of
from commsd.channels.mail.region import offset_in, reads_our_clock, region_of
from commsd.core.belonging import firm_of, owner_of
from commsd.core.calendar import Calendar, is_open, next_opening
from commsd.core.case import CaseFile, ClockRecord
from commsd.core.change import Change, with_promise
from commsd.core.clock import State
from commsd.core.contact import Contact, Wishes, identity_of
from commsd.core.customer_link import customer_token, link_to
from commsd.core.event import Event
from commsd.core.fact import replace
from commsd.core.interaction import (
    MESSAGE_ID,
    Actor,
    Channel,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Direction,
    ExternalId,
    Interaction,
    Kind,
    Outcome,
    Party,
    Role,
)
from commsd.core.open_items import OpenItems, Terms
from commsd.core.policy import ClockKind
from commsd.core.promise import calendar_of, told
from commsd.core.rate_limit import PAUSED
from commsd.core.token import ack_id

ANSWERING = (ClockKind.FIRST_RESPONSE, ClockKind.NEXT_RESPONSE)
"""The clocks whose due time an acknowledgement may promise."""

_GOING = frozenset({Outcome.PENDING, Outcome.REACHED})
"""An acknowledgement that was suppressed or failed told the customer nothing."""

OBSERVED = "no-ack:observe"

SHORT_ONCE_A = timedelta(days=1)

LATE = timedelta(minutes=15)
"""A mail that waited so long before we saw it is told that its acknowledgement comes late."""


def form_of(fact: Interaction, change: Change, items: OpenItems, desk: Desk) -> str | None:
    """How a further writing in the same case is acknowledged: "full", "short" at most once a day, or None for not."""
    case_id = next(iter(change.interactions)).case_id
    file = items.files.get(case_id or "")
    acks = _acks_to(fact, file) if file else []
    if not acks or desk.mailbox.follow_up is FollowUp.FULL:
        return "full"
    if desk.mailbox.follow_up is FollowUp.NONE:
        return None
    short_ones = [ack for ack in acks[1:] if items.now - ack.recorded_at < SHORT_ONCE_A]
    return None if short_ones else "short"


def _acks_to(fact: Interaction, file: CaseFile) -> list[Interaction]:
    """What this writer was sent in the case: a second person in it has had no letter yet."""
    writer = identity_of(fact.customer)
    theirs = {known.id for known in file.interactions if identity_of(known.customer) == writer}
    acks = (known for known in file.interactions if known.kind is Kind.ACK and known.outcome in _GOING)
    return [ack for ack in acks if ack.channel is Channel.EMAIL and (ack.in_reply_to in theirs or ack.id in theirs)]


def with_reason(change: Change, fact_id: str, reason: str | None) -> Change:
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


def acknowledged(
    change: Change,
    arrival: Arrival,
    items: OpenItems,
    desk: Desk,
    terms: Terms,
    recipient: str,
    *,
    short: bool,
    on_file: bool = False,
) -> Change:
    told, promised_at, calendar = promised(change, items, terms)
    wish = wish_in(arrival.message, desk)
    call = owed_call(change, items, terms, desk.firm, when=wish.when if wish else None)
    if call and not (on_file or _may_hear(call, recipient, wish, change.interactions[0], items)):
        call = replace(call, number=masked(call.number) if call.number else None)
    message_id = ack_id(desk.key, arrival.message.logical_key, desk.domain)
    facts = facts_of(
        arrival,
        change,
        items,
        desk,
        recipient,
        message_id,
        promised_at,
        calendar,
        short=short,
        call=call,
        on_file=on_file,
    )
    change = told if facts.told_at == promised_at else change
    ack = render(facts, desk.texts)
    sent = ack_of(
        change.interactions[0],
        items,
        desk,
        channel=Channel.EMAIL,
        parties=(Party(Role.FROM, desk.leaves.address), Party(Role.TO, recipient)),
        subject=ack.subject,
        text=ack.text,
        promised_at=facts.told_at,
        external_ids=(ExternalId(MESSAGE_ID, message_id),),
    )
    owed = Delivery(
        id=items.new_id(),
        kind=DeliveryKind.ACK,
        key=f"ack:{message_id}"[:128],
        via=desk.leaves.name,
        recipient=recipient,
        payload=ack.raw,
        created_at=items.now,
        due_at=items.now,
        reason=PAUSED if waits(items, desk) else None,
        subject_key=subject_key(arrival.message, desk),
        expires_at=facts.told_at,
    )
    return owing(change, sent, owed, items, desk)


def _may_hear(call: OwedCall, recipient: str, wish: CallWish | None, fact: Interaction, items: OpenItems) -> bool:
    """Whether whoever reads the answer may read the number in full: they wrote it just now, or it is theirs on file.

    A Reply-To in the same domain is a colleague's, or of somebody who would like to know it.
    """
    contact, reader = contact_of(fact.customer, items), identity_of(recipient)
    return (wish is not None and wish.number == call.number) or (contact is not None and reader in contact.identities)


def ack_of(
    fact: Interaction,
    items: OpenItems,
    desk: Desk,
    *,
    channel: Channel,
    parties: tuple[Party, ...],
    subject: str,
    text: str,
    promised_at: datetime | None,
    external_ids: tuple[ExternalId, ...] = (),
) -> Interaction:
    """The acknowledgement of this writing, by mail or on paper, as it waits to go out.

    text: what the customer reads.
    """
    return Interaction(
        id=items.new_id(),
        channel=channel,
        kind=Kind.ACK,
        direction=Direction.OUTBOUND,
        actor=Actor.MACHINE,
        outcome=Outcome.PENDING,
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
        parties=parties,
        subject=subject,
        preview=" ".join(text.split())[:280],
        external_ids=external_ids,
        language=fact.language,
        language_cause=fact.language_cause,
    )


def owing(change: Change, ack: Interaction, owed: Delivery, items: OpenItems, desk: Desk) -> Change:
    """The change with an acknowledgement and its delivery. While we only observe, neither goes out, also later."""
    change = with_reason(change, change.interactions[0].id, OBSERVED if desk.observe else None)
    owed = replace(owed, interaction_id=ack.id, case_id=ack.case_id)
    if desk.observe:
        ack = replace(ack, outcome=Outcome.SUPPRESSED, reason=OBSERVED)
        owed = replace(owed, state=DeliveryState.SUPPRESSED, reason=OBSERVED)
    recorded = Event("interaction.recorded", ack, items.now, "machine")
    return change + Change(interactions=(ack,), events=(recorded,), deliveries=(owed,))


def promised(change: Change, items: OpenItems, terms: Terms) -> tuple[Change, datetime | None, Calendar | None]:
    """The time the customer is told, kept on its clock in the change, and the calendar it was counted in."""
    clock = change.clock(*ANSWERING) or _still_running(change.interactions[0], items)
    zone = change.cases[-1].attrs.get("tz") if change.cases else None
    calendar = calendar_of(clock, terms.versions, zone) if clock else None
    promised_at = _promise(clock, calendar, items.now) if clock else None
    if clock and promised_at and clock in change.clocks:
        change = with_promise(change, clock, promised_at)
    return change, promised_at, calendar


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


def facts_of(
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
    call: OwedCall | None = None,
    on_file: bool = False,
) -> AckFacts:
    """All that the acknowledgement may say. What we know of a contact is told to nobody who could be somebody else.

    on_file: it goes to where the contact lives as we know it, whoever wrote.
    """
    message, fact = arrival.message, change.interactions[0]
    contact = contact_of(fact.customer, items)
    known = on_file or fact.detail.authenticated == "pass"
    owners = (_owner(change, items), owner_of(contact, firm_of(contact, fact.customer, items))) if known else ()
    person = desk.person(owners, promised_at or items.now)
    received = min(message.received_at, items.now).astimezone(UTC)
    open_now = calendar is None or is_open(calendar, items.now)
    in_hours = open_now or calendar is None or is_open(calendar, received)
    language = fact.language or desk.firm.languages[0]
    return AckFacts(
        message_id=message_id,
        address=desk.leaves.address,
        service_name=desk.firm.name,
        recipient=recipient,
        customer_name=(contact.name if contact and known else None) or fact.name(Role.FROM),
        language=language,
        address_as=desk.firm.address_as.get(fact.language or ""),
        original_id=message.message_id,
        references=message.references,
        subject=message.subject,
        received_at=received,
        promised_at=promised_at,
        person=person.name if person else None,
        person_phone=person.phone if person else None,
        phone_hours=phone_hours(calendar) if calendar else (),
        customer_tz=desk.zone_of(contact.timezone if contact else None),
        service_tz=desk.firm.zone,
        zone_sure=_zone_is_sure(contact, fact, message.date, desk.firm.zone, promised_at or items.now),
        customer_region=region_of(contact, fact.customer),
        in_hours=in_hours,
        holiday=None if in_hours or calendar is None else desk.holidays.closed_for(calendar, received, language),
        opens_at=None if open_now or calendar is None else next_opening(calendar, items.now),
        call=call,
        call_me_url=_call_me(fact, items, desk),
        wishes=contact.wishes if contact else Wishes(),
        late=items.now - received > LATE,
        kind="short" if short else "full",
        precedence_bulk=desk.mailbox.precedence,
        html=desk.mailbox.html,
        date_at=items.now,
    )


def _zone_is_sure(contact: Contact | None, fact: Interaction, date: str, ours: ZoneInfo, at: datetime) -> bool:
    """Whether the zone the times are told in is the customer's. date: the field, in which their offset stands."""
    if contact and contact.timezone:
        return True
    return reads_our_clock(region_of(contact, fact.customer), offset_in(date), ours, at)


def _owner(change: Change, items: OpenItems) -> str | None:
    """Who has the case, as far as somebody was named for it."""
    file = items.files.get(change.interactions[0].case_id or "")
    case = change.cases[-1] if change.cases else file.case if file else None
    return case.owner if case else None


def _call_me(fact: Interaction, items: OpenItems, desk: Desk) -> str | None:
    """The page where the customer asks to be rung; None where customers can reach no page of ours."""
    base = desk.firm.public_url
    return f"{base}/c/{customer_token(desk.key, link_to(fact.id, items.now))}" if base else None
