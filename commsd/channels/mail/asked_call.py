"""A writing that asks to be rung: the callback it opens or joins, and what may be promised of it. Pure.

The promise is kept as one made by a person who says `partly` is: due by the policy's callback target, met by a talk
alone; sla/README.md section 8.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from commsd.channels.mail.ack import OwedCall
from commsd.channels.mail.call_wish import CallWish, call_wish
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.message import Message
from commsd.channels.mail.region import offset_in, reads_our_clock, region_of, region_of_address
from commsd.channels.mail.suppression import own_acks, speaker
from commsd.core import key
from commsd.core.appointment import time_in
from commsd.core.calendar import next_opening
from commsd.core.call_promise import promises_of
from commsd.core.callback import Callback
from commsd.core.calling_hours import if_soon, kept_by, next_window, zones_of
from commsd.core.case import CaseFile
from commsd.core.change import Change, change_of
from commsd.core.contact import identity_of
from commsd.core.country import zones_in
from commsd.core.entry import callback_clock
from commsd.core.firm import Firm
from commsd.core.interaction import Actor, Automation, Interaction, Kind, Party, Promise, Role
from commsd.core.number import parse_number
from commsd.core.open_items import OpenItems, Terms
from commsd.core.owed_call import number_of
from commsd.core.promise import counted_in, told
from commsd.sla.rules.wished_hours import wished_hours

FARTHEST = timedelta(days=60)
"""How far ahead a time can be agreed."""


def keys_of_wish(message: Message, desk: Desk) -> tuple[str, ...]:
    """The number a call is asked for on: somebody may be owed one there already."""
    wish = wish_in(message, desk)
    return key.of_addresses(wish.number) if wish else ()


def wish_in(message: Message, desk: Desk) -> CallWish | None:
    """The wish to be rung in this mail, its national number read in the writer's country, else in ours."""
    writer = speaker(message, desk.us)
    theirs = region_of_address(writer.address if writer else None)
    return call_wish(
        message.subject,
        message.text,
        region=theirs or (desk.firm.country or "")[:2] or None,
        sure=theirs is not None,
        ours=desk.firm.numbers,
        to_us=bool(own_acks(message, desk.us)),
    )


def change_with_call(
    fact: Interaction, message: Message, items: OpenItems, desk: Desk, terms: Terms, *, opens: bool
) -> Change:
    """Everything the writing changes, with the call it asks for, if it does and a person wrote it."""
    listens = opens and fact.actor is Actor.CUSTOMER and fact.automation is Automation.NONE and fact.reason is None
    wish = wish_in(message, desk) if listens else None
    if wish is None and listens and wants_calls_alone(fact, items):
        return asked(fact, None, items, terms, line=desk.mailbox.line, soon=True)
    if wish is None:
        return change_of(fact, items, terms, opens=opens)
    at, soon = _wanted(wish, fact, message, items, desk, terms), wish.when is None
    return asked(fact, wish.number, items, terms, line=desk.mailbox.line, at=at, soon=soon)


def wants_calls_alone(fact: Interaction, items: OpenItems) -> bool:
    """Whether the writer wants to be answered by telephone alone, and we know on which number."""
    identity = identity_of(fact.customer)
    contact = items.contacts.get(identity) if identity else None
    wishes = contact.wishes if contact else None
    only = wishes is not None and wishes.call_only and not (wishes.no_calls or wishes.write_only)
    return only and number_of(contact) is not None


def _wanted(
    wish: CallWish, fact: Interaction, message: Message, items: OpenItems, desk: Desk, terms: Terms
) -> datetime | None:
    """The time the writer asks for, by their own clock as far as it is known, where we can ring then."""
    identity = identity_of(fact.customer)
    contact = items.contacts.get(identity) if identity else None
    number = parse_number(wish.number) if wish.number else None
    zones = zones_in(number.region if number else region_of(contact, fact.customer) or "")
    told_us = (contact and contact.timezone) or reads_our_clock(
        None, offset_in(message.date), desk.firm.zone, items.now
    )
    zone = zones[0] if len(zones) == 1 and not told_us else None
    at = (
        time_in(wish.when, items.now, zone or desk.zone_of(contact.timezone if contact else None))
        if wish.when
        else None
    )
    return agreed(at, items.files.get(fact.case_id or ""), items, terms)


def agreed(at: datetime | None, file: CaseFile | None, items: OpenItems, terms: Terms) -> datetime | None:
    """The wanted time where we can ring then, else the next at which we can; None for one past or far away."""
    if at is None or not items.now < at < items.now + FARTHEST:
        return None
    clock = callback_clock(file, items.now, terms)
    calendar = counted_in(clock, terms.versions) if clock else None
    at = (next_opening(calendar, at) or at) if calendar else at
    return max(at, clock.due_at) if clock and clock.due_at else at


def asked(
    fact: Interaction,
    number: str | None,
    items: OpenItems,
    terms: Terms,
    *,
    line: str | None,
    at: datetime | None = None,
    soon: bool = False,
    questions: Sequence[str] = (),
) -> Change:
    """Everything that a customer's asking for a call changes. at: the time agreed on; the policy's where None.

    soon: no time was named at all; else nobody rings before it.
    Where the number is owed a call in somebody else's matter, that call stays as it was promised them.
    """
    parties = (*fact.parties, Party(Role.CALLEE, number)) if number else fact.parties
    detail = replace(fact.detail, asks_call=True, call_from=line, soon=soon, questions=tuple(questions))
    asking = replace(fact, parties=parties, detail=detail)
    change = change_of(asking, items, terms)
    callback = owed_callback(change)
    if callback is None or (at is None and callback.due_at is not None) or is_anothers(callback, change):
        return change  # no call is owed to whom we do not ring; one that is owed keeps its time
    due_at = at or _due(change, items, terms)
    if due_at is None:
        return change
    former = promises_of(callback, items.callbacks, items.files.get(callback.case_id))
    promise = Promise(id=items.new_id(), due_at=due_at, via="call", replaces=former[-1] if former else None)
    return change_of(replace(asking, detail=replace(detail, promise=promise)), items, terms)


def owed_callback(change: Change) -> Callback | None:
    """The callback that a writing opened or joined."""
    asks = any(fact.detail.asks_call and fact.kind is Kind.MESSAGE for fact in change.interactions)
    return next((callback for callback in change.callbacks if callback.open), None) if asks else None


def is_anothers(callback: Callback, change: Change) -> bool:
    """Whether the call was owed to somebody else already: whoever wrote now knows no more of them than a number."""
    fact = change.interactions[0]
    same_person = callback.contact_id is not None and callback.contact_id == fact.contact_id
    return callback.revision > 1 and callback.case_id != fact.case_id and not same_person


def owed_call(
    change: Change, items: OpenItems, terms: Terms, firm: Firm, *, when: str | None = None
) -> OwedCall | None:
    """What may be said of the call that was asked for; a time that has passed is none, and so is another's.

    when: the time that was asked for, as in `CallWish`; where it was not agreed on, no other is told.
    """
    callback = owed_callback(change)
    if callback is None:
        return None
    number = callback.number
    if callback.due_at is None or callback.due_at <= items.now or is_anothers(callback, change):
        return OwedCall(None, number)
    clock = callback_clock(items.files.get(callback.case_id), items.now, terms)
    by_policy = clock is not None and callback.due_at == clock.due_at
    promise = change.interactions[0].detail.promise
    if when is not None and (by_policy or promise is None):
        return OwedCall(None, number, timeless=True)
    if when is not None:
        return OwedCall(told(callback.due_at, None), number, exact=True)
    by = told_by(callback, items, terms, firm)
    return OwedCall(by, number, timeless=by is None)


def told_by(callback: Callback, items: OpenItems, terms: Terms, firm: Firm) -> datetime | None:
    """By when to say that this call is made; None where no time can be said.

    That is when it is due, or the end of the next hours in which its customer wishes to be rung, may be, and we are
    open, as the dialler has it. A time that the customer asked for comes before those.
    """
    if callback.due_at is None:
        return None
    clock = callback_clock(items.files.get(callback.case_id), items.now, terms)
    calendar = counted_in(clock, terms.versions) if clock else None
    by = told(callback.due_at, calendar if clock and callback.due_at == clock.due_at else None)
    contact = items.people.get(callback.contact_id or "")
    zones = zones_of(parse_number(callback.number or ""), contact.timezone if contact else None, firm.zone)
    wished = wished_hours(contact, zones[0])
    if wished is None or callback.asked_at_time:
        return by
    rung = if_soon(next_window(items.now, zones, firm.quiet, calendar, wished), items.now, calendar)
    end = kept_by(by, zones, firm.quiet, calendar, wished) if rung else None
    return end if end and end - by <= FARTHEST else None


def masked(number: str) -> str:
    """A number by its last two digits: who knows it knows it again, and nobody else learns it."""
    return f"… {number[-2:]}"


def _due(change: Change, items: OpenItems, terms: Terms) -> datetime | None:
    clock = callback_clock(items.files.get(change.interactions[0].case_id or ""), items.now, terms)
    return clock.due_at if clock else None
