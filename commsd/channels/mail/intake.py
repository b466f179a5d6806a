"""A mail that came in: Message and OpenItems to Change. Language, suppression, what it changes, and the ack we owe.

Pure. The acknowledgement's bytes are finished here, so that what is sent is what was decided, also after a crash.
"""

from datetime import timedelta

from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.asked_call import change_with_call, keys_of_wish
from commsd.channels.mail.beat import beat_in, returned
from commsd.channels.mail.bounce import given_back, lost_acks, without
from commsd.channels.mail.brake import brake
from commsd.channels.mail.brake import keys_of as brake_keys
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.first_to import desk_for
from commsd.channels.mail.letter import sheet_of
from commsd.channels.mail.log_mailbox import LOGGED
from commsd.channels.mail.mail_interaction import writing_of
from commsd.channels.mail.message import Message
from commsd.channels.mail.overheard import is_customer, overheard, overheard_in
from commsd.channels.mail.owed_ack import acknowledged, form_of, with_reason
from commsd.channels.mail.paper import keys_of as keys_of_sheet
from commsd.channels.mail.paper import taken_in
from commsd.channels.mail.reply import heard_in, replied
from commsd.channels.mail.reply import keys_of as keys_of_reply
from commsd.channels.mail.same_mail import keys_of as keys_of_copies
from commsd.channels.mail.same_mail import known_copy, recorded
from commsd.channels.mail.suppression import (
    SUPPRESSIONS,
    Us,
    Verdict,
    answer_address,
    own_acks,
    refused_acks,
    speaker,
    trust,
    why_silent,
)
from commsd.core import key
from commsd.core.change import Change, Sighting
from commsd.core.event import Event
from commsd.core.fact import replace
from commsd.core.interaction import (
    Actor,
    Detail,
    Direction,
    Interaction,
    Kind,
    Outcome,
)
from commsd.core.open_items import OpenItems, Terms

FRESH_ACK = timedelta(seconds=120)
MAX_REFERENCES = 40

_MARKS = frozenset({LOGGED, *(f"no-ack:{rule.reason}" for rule in SUPPRESSIONS)})


def keys_of(arrival: Arrival, desk: Desk) -> tuple[str, ...]:
    """All the decision hangs on: who wrote, what it refers to, and the mail itself."""
    message = arrival.message
    desk = desk_for(message, desk)
    if beat := beat_in(message, desk.key):
        return (key.of_delivery(beat),)
    if heard := heard_in(message, desk):
        return (*keys_of_reply(heard), *keys_of_copies(message))
    if sheet := sheet_of(message, desk):
        return keys_of_sheet(sheet, arrival, desk)
    odd = overheard_in(message, desk)
    writer = speaker(message, desk.us)
    return (
        *(key.of_message_id(each) for each in refused_acks(message, desk.us)),
        *(key.of_message_id(reference) for reference in message.references[-MAX_REFERENCES:][::-1]),
        *key.of_addresses(writer.address if writer else None),
        *(keys_of_reply(odd) if odd else ()),
        *brake_keys(answer_address(message, desk.us), desk),
        *keys_of_wish(message, desk),
        *keys_of_copies(message),
    )


def intake(arrival: Arrival, items: OpenItems, desk: Desk, terms: Terms) -> Change:
    """Everything this mail changes: recorded once, acknowledged once or silent for a recorded reason."""
    message = arrival.message
    desk = desk_for(message, desk)
    if beat := beat_in(message, desk.key):
        return returned(beat, desk.mailbox.name, items)
    copy_of = known_copy(message, items)
    verdict = why_silent(message, _us(message, items, desk))
    if copy_of:
        seen = Sighting(interaction_id=copy_of.id, place=arrival.place, uid=arrival.uid, seen_at=items.now)
        if not _says_more(copy_of, arrival, verdict, items, desk):
            return Change(sightings=(seen,), result="no-ack:duplicate")
        fact = _interaction(arrival, items, desk, verdict, before=copy_of)
        return _decided(fact, arrival, items, desk, terms, verdict) + Change(sightings=(seen,))
    if heard := heard_in(message, desk):
        return replied(heard, message, arrival.original, items, desk, terms)
    if sheet := sheet_of(message, desk):
        return taken_in(sheet, arrival, items, desk, terms)
    if (odd := overheard_in(message, desk)) and not is_customer(odd, items):
        return overheard(odd, message, arrival.original, items, desk)
    fact = _interaction(arrival, items, desk, verdict)
    known = Change(keys=recorded(message, fact.id))
    lost = lost_acks(message, items, desk)
    change = _decided(fact, arrival, without(lost, items), desk, terms, verdict)
    return change + known + given_back(lost, change, message, items, desk)


def _decided(
    fact: Interaction, arrival: Arrival, items: OpenItems, desk: Desk, terms: Terms, verdict: Verdict
) -> Change:
    """What the writing changes, with its acknowledgement or the reason why there is none."""
    message = arrival.message
    change = change_with_call(fact, message, items, desk, terms, opens=verdict.starts_clock and not arrival.is_past)
    recipient = answer_address(message, desk.us)
    reason = fact.reason or (None if recipient else "no-ack:no-sender")
    form = "full" if reason else form_of(fact, change, items, desk)
    reason = reason or (None if form else "no-ack:in-conversation")
    if reason or not recipient or not form:
        return with_reason(change, fact.id, reason)
    held = brake(message, recipient, fact.detail.authenticated, items, desk)
    if held.reason:
        return with_reason(change, fact.id, f"no-ack:{held.reason}") + held.change
    change += held.change
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


def _says_more(first: Interaction, arrival: Arrival, verdict: Verdict, items: OpenItems, desk: Desk) -> bool:
    """Whether the first copy bore a machine's mark that this one, come straight to us, does not.

    Such as one through a list, or one that a filter marked: the person waits for an answer all the same.
    """
    marked = first.kind is Kind.MESSAGE and first.direction is Direction.INBOUND and first.reason in _MARKS
    if not marked or heard_in(arrival.message, desk) or overheard_in(arrival.message, desk):
        return False
    return _silence(arrival, items, desk, verdict) is None


def _us(message: Message, items: OpenItems, desk: Desk) -> Us:
    """Our side, with the ids of those of our acks that are too fresh for a person to have answered (N14)."""
    recent = frozenset(
        own
        for own in own_acks(message, desk.us)
        if (ack := items.known.get(key.of_message_id(own))) and items.now - ack.recorded_at < FRESH_ACK
    )
    return replace(desk.us, fresh_acks=recent)


def _interaction(
    arrival: Arrival, items: OpenItems, desk: Desk, verdict: Verdict, before: Interaction | None = None
) -> Interaction:
    """The writing as it is recorded. before: a copy of it that was recorded for less."""
    message = arrival.message
    fact = replace(
        writing_of(message, arrival.original, items, desk, verdict),
        reason=_silence(arrival, items, desk, verdict),
        detail=Detail(observed=desk.observe, authenticated=trust(message, desk.us)),
    )
    if verdict.reason == "own-address":  # a colleague is no customer: no clock starts, no case is opened again
        fact = replace(fact, actor=Actor.AGENT)
    if before is None:
        return fact
    return replace(
        fact, id=before.id, revision=before.revision + 1, case_id=before.case_id, case_cause=before.case_cause
    )


def _silence(arrival: Arrival, items: OpenItems, desk: Desk, verdict: Verdict) -> str | None:
    if verdict.reason:
        return f"no-ack:{verdict.reason}"
    if arrival.is_past or items.now - arrival.under_way_since > desk.mailbox.max_age:
        return "no-ack:too-old"
    return None
