"""A writing that asks to be rung: the callback it opens or joins, and what may be promised of it. Pure.

The promise is kept as one made by a person who says `partly` is: due by the policy's callback target, met by a talk
alone; sla/README.md section 8.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from commsd.channels.mail.ack import OwedCall
from commsd.channels.mail.call_wish import CallWish, call_wish
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.message import Message
from commsd.channels.mail.region import region_of_address
from commsd.channels.mail.suppression import own_acks, speaker
from commsd.core import key
from commsd.core.callback import Callback
from commsd.core.change import Change, change_of
from commsd.core.entry import callback_clock
from commsd.core.interaction import Actor, Automation, Interaction, Kind, Party, Promise, Role
from commsd.core.open_items import OpenItems, Terms
from commsd.core.promise import counted_in, told


def keys_of_wish(message: Message, desk: Desk) -> tuple[str, ...]:
    """The number a call is asked for on: somebody may be owed one there already."""
    wish = wish_in(message, desk)
    return key.of_addresses(wish.number) if wish else ()


def wish_in(message: Message, desk: Desk) -> CallWish | None:
    """The wish to be rung in this mail, its national number read in the writer's country, else in ours."""
    writer = speaker(message, desk.us)
    ours = frozenset(agent.phone for agent in desk.firm.people.agents.values() if agent.phone)
    region = region_of_address(writer.address if writer else None) or (desk.firm.country or "")[:2] or None
    to_us = bool(own_acks(message, desk.us))
    return call_wish(message.subject, message.text, region=region, ours=ours, to_us=to_us)


def change_with_call(
    fact: Interaction, message: Message, items: OpenItems, desk: Desk, terms: Terms, *, opens: bool
) -> Change:
    """Everything the writing changes, with the call it asks for, if it does and a person wrote it."""
    listens = opens and fact.actor is Actor.CUSTOMER and fact.automation is Automation.NONE and fact.reason is None
    wish = wish_in(message, desk) if listens else None
    if wish is None:
        return change_of(fact, items, terms, opens=opens)
    return asked(fact, wish.number, items, terms, line=desk.mailbox.line)


def asked(
    fact: Interaction,
    number: str | None,
    items: OpenItems,
    terms: Terms,
    *,
    line: str | None,
    at: datetime | None = None,
    questions: Sequence[str] = (),
) -> Change:
    """Everything that a customer's asking for a call changes. at: the time agreed on; the policy's where None."""
    parties = (*fact.parties, Party(Role.CALLEE, number)) if number else fact.parties
    detail = replace(fact.detail, asks_call=True, call_from=line, questions=tuple(questions))
    asking = replace(fact, parties=parties, detail=detail)
    change = change_of(asking, items, terms)
    callback = owed_callback(change)
    if callback is None or (at is None and callback.due_at is not None):
        return change  # no call is owed to whom we do not ring; one that is owed keeps its time
    due_at = at or _due(change, items, terms)
    if due_at is None:
        return change
    promise = Promise(id=items.new_id(), due_at=due_at, via="call")
    return change_of(replace(asking, detail=replace(detail, promise=promise)), items, terms)


def owed_callback(change: Change) -> Callback | None:
    """The callback that a writing opened or joined."""
    asks = any(fact.detail.asks_call and fact.kind is Kind.MESSAGE for fact in change.interactions)
    return next((callback for callback in change.callbacks if callback.open), None) if asks else None


def owed_call(change: Change, items: OpenItems, terms: Terms) -> OwedCall | None:
    """What may be said of the call that was asked for; a time that has passed is none."""
    callback = owed_callback(change)
    if callback is None:
        return None
    number = callback.number if callback.line else None
    if callback.due_at is None or callback.due_at <= items.now:
        return OwedCall(None, number)
    clock = callback_clock(items.files.get(callback.case_id), items.now, terms)
    agreed = clock is None or callback.due_at != clock.due_at
    calendar = None if clock is None or agreed else counted_in(clock, terms.versions)
    return OwedCall(told(callback.due_at, calendar), number)


def _due(change: Change, items: OpenItems, terms: Terms) -> datetime | None:
    clock = callback_clock(items.files.get(change.interactions[0].case_id or ""), items.now, terms)
    return clock.due_at if clock else None
