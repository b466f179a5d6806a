"""A text owed to a customer: the record that it goes out and its delivery, made in one commit. Pure.

What it says is decided by whoever makes it; how it leaves and what became of it, in `text_settle`.
"""

from dataclasses import dataclass, replace
from datetime import datetime
from urllib.parse import parse_qsl, urlencode

from commsd.core.case import CaseFile
from commsd.core.change import Change
from commsd.core.event import Event
from commsd.core.interaction import (
    Actor,
    Channel,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Direction,
    Interaction,
    Kind,
    Outcome,
    Party,
    Role,
)
from commsd.core.open_items import OpenItems

VIA = "sms"
"""What a delivery by text has as its `via`, to customers and to our own people."""

MESSAGE_SID = "twilio.message-sid"
WHATSAPP = "whatsapp:"
LONGEST = 280
"""Characters of a preview."""

LAST = "stop:"
"""How the key of the one text begins that may follow a STOP."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Owing:
    """A text to a customer. to, from_: E.164. by: the time it tells. reason: why it is never sent, None where it is."""

    channel: Channel
    to: str
    from_: str
    text: str
    key: str
    by: datetime | None = None
    reason: str | None = None


def owed_text(cause: Interaction, owing: Owing, items: OpenItems) -> Change:
    """The acknowledgement of this interaction by text, as it waits to go out: record and delivery in one commit."""
    suppressed = owing.reason is not None
    ack = Interaction(
        id=items.new_id(),
        channel=owing.channel,
        kind=Kind.ACK,
        direction=Direction.OUTBOUND,
        actor=Actor.MACHINE,
        outcome=Outcome.SUPPRESSED if suppressed else Outcome.PENDING,
        reason=owing.reason,
        occurred_at=items.now,
        recorded_at=items.now,
        contact_id=cause.contact_id,
        contact_match=cause.contact_match,
        case_id=cause.case_id,
        case_cause=cause.case_cause,
        in_reply_to=cause.id,
        caused_by=cause.id,
        line=cause.line,
        team=cause.team,
        promised_at=owing.by,
        parties=(Party(Role.FROM, owing.from_), Party(Role.TO, owing.to)),
        preview=owing.text[:LONGEST],
        language=cause.language,
        language_cause=cause.language_cause,
    )
    to, from_ = address(owing.to, owing.channel), address(owing.from_, owing.channel)
    owed = Delivery(
        id=items.new_id(),
        kind=DeliveryKind.ACK,
        key=owing.key,
        via=VIA,
        recipient=to,
        payload=urlencode({"From": from_, "To": to, "Body": owing.text}).encode(),
        created_at=items.now,
        due_at=items.now,
        state=DeliveryState.SUPPRESSED if suppressed else DeliveryState.QUEUED,
        reason=owing.reason,
        interaction_id=ack.id,
        case_id=ack.case_id,
        expires_at=owing.by,
    )
    recorded = Event("interaction.recorded", ack, items.now, "machine")
    return Change(interactions=(ack,), deliveries=(owed,), events=(recorded,))


def with_reason(change: Change, reason: str | None) -> Change:
    """The change with the reason of our silence on the text itself, in the record and its event alike."""
    first = change.interactions[0]
    if first.reason == reason:
        return change
    said = replace(first, reason=reason)
    return replace(
        change,
        interactions=(said, *change.interactions[1:]),
        events=tuple(replace(event, thing=said) if event.thing is first else event for event in change.events),
    )


def address(number: str, channel: Channel) -> str:
    return f"{WHATSAPP}{number}" if channel is Channel.WHATSAPP else number


@dataclass(frozen=True, slots=True)
class Letter:
    """A text as Twilio gets it."""

    from_: str
    to: str
    body: str


def letter_of(owed: Delivery) -> Letter:
    """What the bytes of a delivery say."""
    form = dict(parse_qsl(owed.payload.decode(), keep_blank_values=True))
    return Letter(form["From"], form["To"], form["Body"])


def number_of(owed: Delivery) -> tuple[str, Channel]:
    """To whom it goes, E.164, and how."""
    whatsapp = owed.recipient.startswith(WHATSAPP)
    return owed.recipient.removeprefix(WHATSAPP), Channel.WHATSAPP if whatsapp else Channel.SMS


def rewritten(owed: Delivery, fact: Interaction, items: OpenItems) -> Delivery:
    """The same words to the same person by SMS, for this record."""
    letter = letter_of(owed)
    to, from_ = letter.to.removeprefix(WHATSAPP), letter.from_.removeprefix(WHATSAPP)
    return replace(
        owed,
        id=items.new_id(),
        key=f"sms:{owed.key}"[:128],
        recipient=to,
        payload=urlencode({"From": from_, "To": to, "Body": letter.body}).encode(),
        created_at=items.now,
        due_at=items.now,
        state=DeliveryState.QUEUED,
        attempts=0,
        copies=0,
        reason=None,
        status_raw=None,
        settled_at=None,
        interaction_id=fact.id,
    )


def items_after(items: OpenItems, change: Change) -> OpenItems:
    """What is open after this change, so that a second interaction of one decision follows on the first."""
    files = dict(items.files)
    for case in change.cases:
        known = files.get(case.id) or CaseFile(case=case)
        ids = {fact.id for fact in change.interactions}
        clocks = {record.id: record for record in (*known.clocks, *change.clocks) if record.case_id == case.id}
        files[case.id] = CaseFile(
            case=case,
            interactions=(
                *(fact for fact in known.interactions if fact.id not in ids),
                *(fact for fact in change.interactions if fact.case_id == case.id),
            ),
            clocks=tuple(clocks.values()),
        )
    callbacks = {callback.id: callback for callback in (*items.callbacks, *change.callbacks)}
    return replace(items, files=files, callbacks=tuple(callbacks.values()))
