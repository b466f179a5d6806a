"""A mail in a `log` mailbox, which our people put in copy (Bcc) or forward to: it is recorded, nobody is acknowledged.

Pure. What one of us sent to a customer is an answer, as in a Sent folder. What one of us forwards is recorded as the
mail it was, with its people and its date; `forwarded` reads it. What anybody else sends here opens no case, unless a
mailbox of ours passed it on: the address is for us, so it is flagged as ambiguous instead.
"""

from dataclasses import dataclass, replace
from typing import Literal

from commsd.channels.mail.address import parse_addresses
from commsd.channels.mail.answer import has_our_id, human_answer
from commsd.channels.mail.answer import keys_of as keys_of_answer
from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.forwarded import forwarded
from commsd.channels.mail.mail_interaction import interaction_of, writing_of
from commsd.channels.mail.message import Message
from commsd.channels.mail.recipients import customers
from commsd.channels.mail.same_mail import known_copy, recorded
from commsd.channels.mail.suppression import Us, Verdict, is_ours, speaker, trust, why_silent
from commsd.core import key
from commsd.core.change import Change, Sighting, change_of
from commsd.core.interaction import (
    MESSAGE_ID,
    Actor,
    Detail,
    Direction,
    ExternalId,
    Interaction,
    Kind,
    Party,
    Role,
)
from commsd.core.open_items import OpenItems, Terms

LOGGED = "no-ack:log"
"""Why nobody is acknowledged from here."""

NOTHING_INSIDE = "log:no-mail-inside"
"""The reason of the note that one of us sent something which is neither an answer nor a forwarded mail."""

DEEPEST = 4
"""Forwards of a forward."""

What = Literal["ours", "answer", "passed-on", "direct", "note"]


@dataclass(frozen=True, slots=True)
class _Meant:
    """What a mail in the log stands for. message: it, or the mail inside it.

    ours: sent by commsd. answer: by one of us to a customer. passed-on: to us, by a mailbox of ours. direct: by
    somebody else straight to the log. note: by one of us, to nobody but the log.
    """

    what: What
    message: Message


def keys_of(arrival: Arrival, desk: Desk) -> tuple[str, ...]:
    """All the decision hangs on: the people of the mail and of the one inside it, what it refers to, and both mails."""
    meant = _meant(arrival.message, desk)
    inside = replace(arrival, message=meant.message)
    writer = speaker(meant.message, desk.us)
    keys = (
        *keys_of_answer(arrival, desk),
        *keys_of_answer(inside, desk),
        *key.of_addresses(writer.address if writer else None),
    )
    return tuple(dict.fromkeys(keys))


def logged(arrival: Arrival, items: OpenItems, desk: Desk, terms: Terms) -> Change:
    """What a mail in the log changes."""
    meant = _meant(arrival.message, desk)
    inside = replace(arrival, message=meant.message)
    match meant.what:
        case "ours":
            return Change()
        case "answer":
            return human_answer(inside, items, desk, terms)
        case "note":
            return _noted(arrival, items, desk, terms)
    return _heard(inside, arrival, items, desk, terms, certain=meant.what == "passed-on")


def _meant(message: Message, desk: Desk) -> _Meant:
    if has_our_id(message, desk):
        return _Meant("ours", message)
    if not _by_us(message, desk.us):
        return _Meant("passed-on" if _passed_on(message, desk) else "direct", message)
    if customers(message, desk.us):
        return _Meant("answer", message)
    inner = forwarded(message, desk.firm.zone)
    for _ in range(DEEPEST):
        if inner is None or not _by_us(inner, desk.us) or customers(inner, desk.us):
            break
        inner = forwarded(inner, desk.firm.zone)
    if inner is None:
        return _Meant("note", message)
    if has_our_id(inner, desk):
        return _Meant("ours", inner)
    return _Meant("answer" if _by_us(inner, desk.us) else "passed-on", inner)


def _by_us(message: Message, us: Us) -> bool:
    return trust(message, us) != "fail" and any(is_ours(person.key, us) for person in message.from_)


def _passed_on(message: Message, desk: Desk) -> bool:
    """Whether a mailbox of ours sent it on as it was: written to another address of ours, or resent by one of us."""
    if any(is_ours(person, desk.us) for person in _resent_by(message)):
        return True
    own = frozenset(desk.mailbox.addresses)
    return any(is_ours(person.key, desk.us) and person.key not in own for person in (*message.to, *message.cc))


def _resent_by(message: Message) -> tuple[str, ...]:
    resent = (*message.all("resent-from"), *message.all("resent-sender"))
    return tuple(person.key for value in resent for person in parse_addresses(value))


def _heard(arrival: Arrival, outer: Arrival, items: OpenItems, desk: Desk, terms: Terms, *, certain: bool) -> Change:
    """A customer's mail as it was. certain: it came to us, so it opens a case; else it only joins one.

    However old it is: whoever passes it on now wants it to be seen to now.
    """
    message = arrival.message
    if copy_of := known_copy(message, items):
        return _seen_again(copy_of, arrival, items)
    passing = (*_resent_by(message), *(person.key for person in message.sender))
    verdict = why_silent(message, replace(desk.us, forwarders=desk.us.forwarders | frozenset(passing)))
    fact = _interaction(arrival, outer.message, items, desk, verdict)
    since = outer.message.received_at if arrival.is_past else fact.occurred_at  # what we could not know is not late
    fact = replace(fact, ambiguous=not certain, occurred_at=min(since, items.now))
    change = change_of(fact, items, terms, opens=certain and verdict.starts_clock and not outer.is_past)
    return change + Change(keys=recorded(message, fact.id), result=fact.reason)


def _seen_again(copy_of: Interaction, arrival: Arrival, items: OpenItems) -> Change:
    seen = Sighting(interaction_id=copy_of.id, place=arrival.place, uid=arrival.uid, seen_at=items.now)
    return Change(sightings=(seen,), result="no-ack:duplicate")


def _interaction(arrival: Arrival, outer: Message, items: OpenItems, desk: Desk, verdict: Verdict) -> Interaction:
    message = arrival.message
    ids = dict.fromkeys(each for each in (message.message_id, outer.message_id) if each)
    return replace(
        writing_of(message, arrival.original, items, desk, verdict),
        reason=f"no-ack:{verdict.reason}" if verdict.reason else LOGGED,
        external_ids=tuple(ExternalId(MESSAGE_ID, each) for each in ids),
        detail=Detail(observed=True),  # nobody is acknowledged from here, so no clock runs for that
    )


def _noted(arrival: Arrival, items: OpenItems, desk: Desk, terms: Terms) -> Change:
    """A mail among ourselves, kept as a note; in the case that it refers to, if it does."""
    message = arrival.message
    if copy_of := known_copy(message, items):
        return _seen_again(copy_of, arrival, items)
    writer = message.from_[0]
    agent = desk.firm.people.by_mail(writer.address)
    fact = replace(
        interaction_of(message, arrival.original, items, desk),
        kind=Kind.NOTE,
        direction=Direction.INTERNAL,
        actor=Actor.AGENT,
        outcome=None,
        reason=NOTHING_INSIDE,
        agent_id=agent.id if agent else None,
        agent=agent.name if agent else writer.name or None,
        parties=(Party(Role.AGENT, writer.address, writer.name or None),),
    )
    change = change_of(fact, items, terms, by=fact.agent_id or "agent", opens=False)
    return change + Change(keys=recorded(message, fact.id), result=fact.reason)
