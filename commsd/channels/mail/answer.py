"""A mail one of our people sent, seen in a Sent folder: Message and OpenItems to Change. It stops the clocks.

Pure. What we sent as machines (acknowledgements, notices and mail to ourselves are told apart by their ids, all else by
its marks) and mail among ourselves are no answers and leave no trace. Which case it answers says `recipients`.
"""

from dataclasses import replace

from commsd.channels.mail import same_mail
from commsd.channels.mail.address import Mailbox
from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.mail_interaction import interaction_of
from commsd.channels.mail.message import Message
from commsd.channels.mail.notice import about
from commsd.channels.mail.recipients import PASSED_ON, Answered, answered, customers
from commsd.channels.mail.same_mail import known_copy, recorded
from commsd.channels.mail.suppression import SUPPRESSIONS, own_acks
from commsd.core import key
from commsd.core.case import CaseFile, customer_speaks
from commsd.core.change import Change, Sighting, change_of
from commsd.core.interaction import (
    Actor,
    CaseCause,
    Direction,
    Interaction,
    Kind,
    Party,
    Role,
)
from commsd.core.open_items import OpenItems, Terms

_MACHINES = frozenset({"N4", "N5"})
"""Rules of suppression that tell a machine's mail among our own too: reports and receipts, Auto-Submitted."""

_MASS = frozenset({"N6", "N7"})
"""Rules that tell a mailing to many; a person's answer may carry such a mark, but then it answers something."""

_OF_A_CALENDAR = frozenset({"REPLY", "COUNTER", "CANCEL", "REFRESH"})
_REACTION = "text/vnd.google.email-reaction+json"
"""A thumb under a mail; Gmail sends it as a mail of its own."""


def keys_of(arrival: Arrival, desk: Desk) -> tuple[str, ...]:
    """All the decision hangs on: to whom it went, what it answers, and the mail itself."""
    message = arrival.message
    people = (person.address for person in customers(message, desk.us))
    return (
        *(key.of_message_id(reference) for reference in message.references[::-1]),
        *key.of_addresses(*people),
        *same_mail.keys_of(message),
    )


def human_answer(arrival: Arrival, items: OpenItems, desk: Desk, terms: Terms) -> Change:
    """What a sent mail changes: the cases it answers, and their clocks."""
    message = arrival.message
    people = customers(message, desk.us)
    if not people or is_ours_alone(message, desk):
        return Change()
    copy_of = known_copy(message, items)
    if copy_of and copy_of.direction is not Direction.INBOUND:
        return Change(sightings=(_sighting(copy_of, arrival, items),))
    fact = _interaction(arrival, items, desk)
    facts = _filed(fact, message, answered(fact, people, items), items)
    if not facts or (copy_of and facts[0].reason == PASSED_ON):
        return Change(sightings=(_sighting(copy_of, arrival, items),) if copy_of else ())
    facts = (_known_as_answer(facts[0], copy_of), *facts[1:]) if copy_of else facts
    change = Change(keys=() if copy_of else recorded(message, fact.id))
    for each in facts:
        by = fact.agent_id or fact.agent or "agent"
        change += change_of(each, _as_decided(each, items), terms, by=by, opens=not arrival.is_past)
    return change


def _filed(
    fact: Interaction, message: Message, found: tuple[Answered, ...], items: OpenItems
) -> tuple[Interaction, ...]:
    """The mail once for each case it belongs to. A word to an invitation belongs where that is, or nowhere."""
    if message.calendar_method in _OF_A_CALENDAR:
        found = tuple(each for each in found if each.link.cause is CaseCause.REFERENCE)
    ids = (fact.id, *(items.new_id() for _ in found[1:]))
    facts = (_belonging(replace(fact, id=each_id), each) for each_id, each in zip(ids, found, strict=False))
    return tuple(
        replace(each, partial=_is_partial(message, items.files.get(each.case_id or ""), items)) for each in facts
    )


def has_our_id(message: Message, desk: Desk) -> bool:
    """Whether commsd sent it: an acknowledgement or a notice, told by the id that only we can make."""
    own = message.message_id
    return own is not None and (own in own_acks(message, desk.us) or about(desk.key, own) is not None)


def is_ours_alone(message: Message, desk: Desk) -> bool:
    """Whether it was sent by us as machines, or by a machine of ours: no customer is answered by it."""
    if has_our_id(message, desk):
        return True
    held = {rule.id for rule in SUPPRESSIONS if rule.id in _MACHINES | _MASS and rule.holds(message, desk.us)}
    return bool(held & _MACHINES) or (bool(held) and not message.references)


def _is_partial(message: Message, file: CaseFile | None, items: OpenItems) -> bool:
    """Whether it leaves open what the customer asked: a reaction, or a word to an invitation that was not his last."""
    if _REACTION in message.part_types:
        return True
    if message.calendar_method not in _OF_A_CALENDAR or file is None:
        return False
    last = max(
        (fact for fact in file.interactions if customer_speaks(fact)), key=lambda fact: fact.occurred_at, default=None
    )
    meant = {known.id for each, known in items.known.items() if each.startswith("id:")}
    return last is not None and last.id not in meant


def _as_decided(fact: Interaction, items: OpenItems) -> OpenItems:
    """What is open as `change_of` shall see it: what it refers to was weighed already where no case was chosen."""
    if fact.case_id:
        return items
    return replace(items, known={each: known for each, known in items.known.items() if not each.startswith("id:")})


def _sighting(copy_of: Interaction, arrival: Arrival, items: OpenItems) -> Sighting:
    return Sighting(interaction_id=copy_of.id, place=arrival.place, uid=arrival.uid, seen_at=items.now)


def _known_as_answer(fact: Interaction, copy_of: Interaction) -> Interaction:
    """The next revision of a mail whose copy reached a mailbox of ours first: now we know that it answers somebody."""
    return replace(fact, id=copy_of.id, revision=copy_of.revision + 1, original=copy_of.original)


def _belonging(fact: Interaction, each: Answered) -> Interaction:
    """The interaction in its case, with the customer whose case it is as the first recipient."""
    parties = (*fact.parties, *(Party(Role.TO, person.address, person.name or None) for person in each.to))
    case = each.link.case
    fact = replace(
        fact,
        parties=parties,
        case_id=case.id if case else None,
        case_cause=each.link.cause if case else None,
        ambiguous=each.link.ambiguous,
    )
    if not each.passed_on:
        return fact
    return replace(fact, kind=Kind.NOTE, direction=Direction.INTERNAL, outcome=None, reason=PASSED_ON)


def _interaction(arrival: Arrival, items: OpenItems, desk: Desk) -> Interaction:
    message, mailbox = arrival.message, desk.mailbox
    writer = message.from_[0] if message.from_ else None
    agent = desk.firm.people.by_mail(writer.address) if writer else None
    if agent is None and mailbox.person:
        agent = desk.firm.people.agents.get(mailbox.person)
    return replace(
        interaction_of(message, arrival.original, items, desk),
        direction=Direction.OUTBOUND,
        actor=Actor.AGENT,
        agent_id=agent.id if agent else None,
        agent=_name(writer, agent.name if agent else None),
        parties=(Party(Role.FROM, writer.address, writer.name or None),) if writer else (),
    )


def _name(writer: Mailbox | None, agent: str | None) -> str | None:
    return (writer.name if writer else None) or agent
