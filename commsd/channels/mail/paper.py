"""A letter or fax that came in: Sheet and OpenItems to Change. Acknowledged by mail where we know one, else on paper.

Pure. Who sent it, is read in `letter`; the mail is written by `owed_ack`, the page by `printed`. The gateway gets none.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime, timedelta

from commsd.channels.mail.ack import OwedCall
from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.asked_call import asked, masked, owed_call, wants_calls_alone
from commsd.channels.mail.brake import ACKS, brake
from commsd.channels.mail.brake import keys_of as brake_keys
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.letter import Sheet
from commsd.channels.mail.mail_interaction import contact_of, interaction_of
from commsd.channels.mail.owed_ack import ack_of, acknowledged, facts_of, form_of, owing, promised, with_reason
from commsd.channels.mail.paper_notice import notices, unread
from commsd.channels.mail.paper_texts import PaperTexts
from commsd.channels.mail.printed import Frame, page
from commsd.core import key
from commsd.core.change import Change, LogicalKey, change_of
from commsd.core.contact import Contact
from commsd.core.interaction import (
    Channel,
    Delivery,
    DeliveryKind,
    Detail,
    Interaction,
    Party,
    Role,
)
from commsd.core.number import parse_number
from commsd.core.open_items import OpenItems, Terms
from commsd.core.owed_call import number_of
from commsd.core.policy import ClockKind
from commsd.core.rate_limit import PAUSED
from commsd.sla.notice.notice import local

VIA = "print"
"""What stands in a letter's delivery in place of a mailbox."""

UNREAD = "no-ack:no-sender"
WITHOUT_CLOCK = timedelta(days=1)
"""So long a page may wait to be posted where the rules set no time for acknowledgements."""

_SPEAKS = {"DE": "de", "AT": "de", "LI": "de", "DK": "da", "GL": "da", "FO": "da", "ID": "id"}
"""Region of a number -> the language most there read; for all others the house's first."""


def keys_of(sheet: Sheet, arrival: Arrival, desk: Desk) -> tuple[str, ...]:
    """All the decision hangs on: who sent it, the mail that brought it, and whether the brake is on."""
    return (
        *key.of_addresses(sheet.address),
        *brake_keys(sheet.address or desk.mailbox.address, desk),
        key.of_logical(arrival.message.logical_key),
    )


def taken_in(sheet: Sheet, arrival: Arrival, items: OpenItems, desk: Desk, terms: Terms) -> Change:
    """Everything this letter or fax changes. Where its sender cannot be read, a person is told at once."""
    fact = _fact(sheet, arrival, items, desk)
    by_call = fact.reason is None and wants_calls_alone(fact, items) and not _is_a_fax(sheet, items, desk)
    line = desk.mailbox.line
    change = asked(fact, None, items, terms, line=line, soon=True) if by_call else change_of(fact, items, terms)
    change += Change(keys=(LogicalKey(key=arrival.message.logical_key, interaction_id=fact.id),))
    if not sheet.known:
        told = notices(
            unread(change.interactions[0], desk.mailbox, desk.firm), desk.mailbox, desk.firm, desk.post, items
        )
        return with_reason(change + Change(deliveries=told), fact.id, UNREAD)
    reason = fact.reason or _held(desk, items)
    form = None if reason else form_of(fact, change, items, desk)
    if reason or not form:
        return with_reason(change, fact.id, reason or "no-ack:in-conversation")
    by_mail = replace(
        arrival, message=replace(arrival.message, message_id=None, references=(), subject=sheet.subject or "")
    )
    recipient = mail_of(sheet, items) if desk.leaves.smtp else None
    if recipient is None:
        on_paper = _on_paper(change, sheet, by_mail, items, desk, terms, desk.paper) if desk.paper else None
        return on_paper or with_reason(change, fact.id, UNREAD)
    held = brake(by_mail.message, recipient, None, items, desk)
    if held.reason:
        return with_reason(change + held.change, fact.id, f"no-ack:{held.reason}")
    return acknowledged(change, by_mail, items, desk, terms, recipient, short=form == "short", on_file=True)


def mail_of(sheet: Sheet, items: OpenItems) -> str | None:
    """Where the sender reads mail: as the gateway says, else what we know of the contact."""
    if sheet.mail:
        return sheet.mail
    contact = contact_of(sheet.address, items)
    return next((known.value for known in contact.identities if known.kind == "email"), None) if contact else None


def _is_a_fax(sheet: Sheet, items: OpenItems, desk: Desk) -> bool:
    """Whether the one number we know them by is the machine that sent this: nobody speaks to that."""
    number = number_of(contact_of(sheet.address, items)) if desk.mailbox.channel is Channel.FAX else None
    sent_from = parse_number(sheet.number) if sheet.number else None
    return number is not None and sent_from is not None and sent_from.e164 == number


def _held(desk: Desk, items: OpenItems) -> str | None:
    paused = any(pause.stops(ACKS, desk.mailbox.name, items.now) for pause in items.pauses)
    return f"no-ack:{PAUSED}" if paused and not desk.observe else None


def _fact(sheet: Sheet, arrival: Arrival, items: OpenItems, desk: Desk) -> Interaction:
    language, cause = _language(sheet, contact_of(sheet.address, items), desk)
    old = arrival.is_past or items.now - arrival.under_way_since > desk.mailbox.max_age
    return replace(
        interaction_of(arrival.message, arrival.original, items, desk),
        reason="no-ack:too-old" if old and sheet.known else None,
        parties=_parties(sheet),
        # The gateway's own subject is the same for every fax; as the customer's it would join what is not one matter.
        subject=sheet.subject,
        language=language,
        language_cause=cause,
        detail=Detail(observed=desk.observe),
    )


def _parties(sheet: Sheet) -> tuple[Party, ...]:
    return (Party(Role.FROM, sheet.address or "", sheet.name),) if sheet.address or sheet.name else ()


def _language(sheet: Sheet, contact: Contact | None, desk: Desk) -> tuple[str, str]:
    """The contact's, else by the country of the number, else ours: what the gateway writes is not his language."""
    offered = desk.firm.languages
    if contact and contact.language in offered:
        return contact.language, "contact"
    number = parse_number(sheet.number) if sheet.number else None
    spoken = _SPEAKS.get(number.region) if number else None
    return (spoken, "header") if spoken in offered and spoken else (offered[0], "default")


def _on_paper(
    change: Change, sheet: Sheet, arrival: Arrival, items: OpenItems, desk: Desk, terms: Terms, texts: PaperTexts
) -> Change:
    told, promised_at, calendar = promised(change, items, terms)
    delivery_id = items.new_id()
    due_at = _post_by(change, items.now)
    call = _readable(owed_call(change, items, terms, desk.firm), sheet)
    facts = facts_of(arrival, change, items, desk, "", "", promised_at, calendar, short=False, call=call, on_file=True)
    change = told if facts.told_at == promised_at else change
    made = page(
        facts,
        sheet,
        Frame(
            house=desk.mailbox.letterhead or (desk.firm.name,),
            write_to=desk.leaves.address if desk.leaves.smtp else None,
            region=_region(sheet, desk),
            hand=tuple(_hand(sheet, delivery_id, due_at, desk)),
        ),
        texts,
    )
    sent = ack_of(
        change.interactions[0],
        items,
        desk,
        channel=Channel.LETTER,
        parties=(Party(Role.FROM, desk.mailbox.address), *(replace(each, role=Role.TO) for each in _parties(sheet))),
        subject=made.subject,
        text=made.text,
        promised_at=facts.told_at,
    )
    owed = Delivery(
        id=delivery_id,
        kind=DeliveryKind.LETTER,
        key=f"letter:{arrival.message.logical_key}"[:128],
        via=VIA,
        recipient=(sheet.address or sheet.name or "")[:320],
        payload=made.html.encode(),
        created_at=items.now,
        due_at=due_at,
    )
    return owing(change, sent, owed, items, desk)


def _readable(call: OwedCall | None, sheet: Sheet) -> OwedCall | None:
    """The call as a page may tell of it: where it is posted to, anybody can write; only the sheet's own number is read
    out in full."""
    if call is None or call.number is None or call.number == sheet.number:
        return call
    return replace(call, number=masked(call.number))


def _post_by(change: Change, now: datetime) -> datetime:
    """When the page is to be posted: before its clock is late, or within a day where the rules set no time."""
    clock = change.clock(ClockKind.ACK)
    return (clock.value.due_at if clock else None) or now + WITHOUT_CLOCK


def _region(sheet: Sheet, desk: Desk) -> str:
    number = parse_number(sheet.number) if sheet.number else None
    return number.region if number else (desk.firm.country or "").partition("-")[0].upper()


def _hand(sheet: Sheet, delivery_id: str, due_at: datetime, desk: Desk) -> Iterator[str]:
    """What whoever posts it must know; shown on the screen and never printed."""
    yield f"Print this page on A4, fold it at the two outer marks and post it by {local(due_at, desk.firm)}."
    if not sheet.postal:
        yield "No postal address is known: look for it in what came in, and write it into the empty window."
    if sheet.number and desk.mailbox.channel is Channel.FAX:
        yield f"It came by fax from {sheet.number}; faxing this page back there does as well."
    yield f"Then: commsd letters posted {delivery_id}"
