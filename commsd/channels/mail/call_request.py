"""A customer presses "please ring me" on the page behind a link: what that changes. Pure.

Asked twice, it is one call. The page's answer is an acknowledgement like any other: it is on record, with its time.
"""

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from commsd.channels.mail.asked_call import agreed, asked, is_anothers, owed_call, owed_callback, told_by
from commsd.channels.mail.desk import Desk
from commsd.core.callback import Callback
from commsd.core.case import survivor
from commsd.core.change import Change, change_of
from commsd.core.interaction import (
    Actor,
    CaseCause,
    Channel,
    Detail,
    Direction,
    Interaction,
    Kind,
    Outcome,
    Party,
    Role,
)
from commsd.core.open_items import OpenItems, Terms

MOST = 10
"""Requests of one case in a day that change anything: whoever holds the link can send them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """What the customer is told. by: until when we ring. at: the time agreed on. number: whether we have one."""

    by: datetime | None = None
    at: datetime | None = None
    number: bool = True


def ring_me(
    message: Interaction, number: str | None, at: datetime | None, items: OpenItems, desk: Desk, terms: Terms
) -> Change:
    """Everything the press of the button changes; `result` is what is said, None where no call can be owed.

    message: which the link was given in answer to. number: E.164, as typed. at: the wanted time.
    """
    soon = at is None
    at = agreed(at, survivor(message.case_id or "", items.files), items, terms)
    owed = _owed(message, items)
    if _too_many(message, items) or (owed and _same(owed, number, at)):
        return Change(result=_said(owed, items, terms, desk) if owed else Asked())
    change = asked(_request(message, items, desk), number, items, terms, line=desk.mailbox.line, at=at, soon=soon)
    callback = owed_callback(change)
    if callback is None:
        return replace(change, result=None)
    call = owed_call(change, items, terms, desk.firm)
    given = callback.number is not None
    at = None if is_anothers(callback, change) else at
    return replace(change, result=Asked(by=call.by if call and not at else None, at=at, number=given))


def answered(message: Interaction, request: Interaction, said: Asked, items: OpenItems, terms: Terms) -> Change:
    """The page's answer on record: it stops the clock of an acknowledgement, as every one does."""
    sender = message.address(Role.FROM)
    fact = Interaction(
        id=items.new_id(),
        channel=Channel.WEB,
        kind=Kind.ACK,
        direction=Direction.OUTBOUND,
        actor=Actor.MACHINE,
        outcome=Outcome.REACHED,
        occurred_at=items.now,
        recorded_at=items.now,
        contact_id=request.contact_id,
        case_id=request.case_id,
        case_cause=CaseCause.REFERENCE,
        in_reply_to=request.id,
        caused_by=request.id,
        mailbox=request.mailbox,
        team=request.team,
        promised_at=said.at or said.by,
        parties=(Party(Role.TO, sender),) if sender else (),
        language=message.language,
        language_cause=message.language_cause,
    )
    return change_of(fact, items, terms)


def _request(message: Interaction, items: OpenItems, desk: Desk) -> Interaction:
    return Interaction(
        id=items.new_id(),
        channel=Channel.WEB,
        kind=Kind.MESSAGE,
        direction=Direction.INBOUND,
        actor=Actor.CUSTOMER,
        outcome=Outcome.REACHED,
        occurred_at=items.now,
        recorded_at=items.now,
        contact_id=message.contact_id,
        case_id=message.case_id,
        case_cause=CaseCause.REFERENCE,
        caused_by=message.id,
        mailbox=desk.mailbox.name,
        team=desk.mailbox.team,
        parties=tuple(party for party in message.parties if party.role is Role.FROM),
        subject=message.subject,
        language=message.language,
        language_cause=message.language_cause,
        detail=Detail(observed=desk.observe),
    )


def _owed(message: Interaction, items: OpenItems) -> Callback | None:
    """The call that is owed in this case already."""
    file = survivor(message.case_id or "", items.files)
    return next((each for each in items.callbacks if each.open and file and each.case_id == file.case.id), None)


def _same(owed: Callback, number: str | None, at: datetime | None) -> bool:
    return (number is None or number == owed.number) and (at is None or at == owed.due_at)


def _too_many(message: Interaction, items: OpenItems) -> bool:
    file = survivor(message.case_id or "", items.files)
    since = items.now - timedelta(days=1)
    asked_today = [
        fact
        for fact in (file.interactions if file else ())
        if fact.channel is Channel.WEB and fact.detail.asks_call and fact.recorded_at > since
    ]
    return len(asked_today) >= MOST


def _said(owed: Callback, items: OpenItems, terms: Terms, desk: Desk) -> Asked:
    given = owed.number is not None
    if owed.due_at is None or owed.due_at <= items.now:
        return Asked(number=given)
    return Asked(by=told_by(owed, items, terms, desk.firm), number=given)
