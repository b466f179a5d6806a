"""A mail one of our people sent, seen in a Sent folder: Message and OpenItems to Change. It stops the clocks.

Pure. Our own acknowledgements, told apart by their id, and mail among ourselves are no answers.
"""

from dataclasses import replace

from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.message import Message
from commsd.channels.mail.suppression import own_acks
from commsd.core import key
from commsd.core.change import Change, LogicalKey, OpenItems, Sighting, Terms, change_of
from commsd.core.interaction import (
    MESSAGE_ID,
    Actor,
    Automation,
    Direction,
    ExternalId,
    Interaction,
    Kind,
    Outcome,
    Party,
    Role,
)


def keys_of(arrival: Arrival, desk: Desk) -> tuple[str, ...]:
    """All the decision hangs on: to whom it went, what it answers, and the mail itself."""
    message = arrival.message
    return (
        *(key.of_message_id(reference) for reference in message.references[::-1]),
        *key.of_addresses(*_customers(message, desk)),
        key.of_logical(message.logical_key),
    )


def human_answer(arrival: Arrival, items: OpenItems, desk: Desk, terms: Terms) -> Change:
    """What a sent mail changes: the case it answers, and its clocks."""
    message = arrival.message
    customers = _customers(message, desk)
    if not customers or _is_our_ack(message, desk):
        return Change()
    copy_of = items.known.get(key.of_logical(message.logical_key))
    if copy_of and copy_of.direction is Direction.OUTBOUND:
        seen = Sighting(interaction_id=copy_of.id, place=arrival.place, uid=arrival.uid, seen_at=items.now)
        return Change(sightings=(seen,))
    fact = _interaction(arrival, items, desk, customers)
    if copy_of:
        return change_of(_known_as_answer(fact, copy_of), items, terms, by=fact.agent_id or fact.agent or "agent")
    change = change_of(fact, items, terms, by=fact.agent_id or fact.agent or "agent")
    return change + Change(keys=(LogicalKey(key=message.logical_key, interaction_id=fact.id),))


def _known_as_answer(fact: Interaction, copy_of: Interaction) -> Interaction:
    """The next revision of a mail whose copy reached a mailbox of ours first: now we know that it answers somebody."""
    return replace(
        fact,
        id=copy_of.id,
        revision=copy_of.revision + 1,
        case_id=copy_of.case_id,
        case_cause=copy_of.case_cause,
        original=copy_of.original,
    )


def _is_our_ack(message: Message, desk: Desk) -> bool:
    return message.message_id is not None and message.message_id in own_acks(message, desk.us)


def _customers(message: Message, desk: Desk) -> tuple[str, ...]:
    """To whom it went outside the house."""
    people = (*message.to, *message.cc)
    outside = (
        person.address
        for person in people
        if person.key not in desk.us.addresses and person.domain not in desk.us.internal_domains
    )
    return tuple(dict.fromkeys(outside))[:50]


def _interaction(arrival: Arrival, items: OpenItems, desk: Desk, customers: tuple[str, ...]) -> Interaction:
    message, mailbox = arrival.message, desk.mailbox
    writer = message.from_[0] if message.from_ else None
    agent = desk.firm.people.by_mail(writer.address) if writer else None
    if agent is None and mailbox.person:
        agent = desk.firm.people.agents.get(mailbox.person)
    automatic = any(word != "no" for word in message.keywords("auto-submitted"))
    fact = Interaction(
        id=items.new_id(),
        channel=mailbox.channel,
        kind=Kind.MESSAGE,
        direction=Direction.OUTBOUND,
        actor=Actor.MACHINE if automatic else Actor.AGENT,
        outcome=Outcome.REACHED,
        occurred_at=min(message.received_at, items.now),
        recorded_at=items.now,
        mailbox=mailbox.name,
        team=mailbox.team,
        agent_id=agent.id if agent else None,
        agent=(writer.name if writer else None) or (agent.name if agent else None),
        parties=tuple(Party(Role.TO, address) for address in customers),
        subject=message.subject[:998],
        preview=message.preview[:280],
        original=arrival.original,
        external_ids=(ExternalId(MESSAGE_ID, message.message_id),) if message.message_id else (),
    )
    if writer:
        fact = replace(fact, parties=(Party(Role.FROM, writer.address, writer.name or None), *fact.parties))
    return replace(fact, automation=Automation.AUTO_REPLY) if automatic else fact
