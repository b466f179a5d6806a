"""Whose matter a mail of ours is: which of its recipients are customers, and which case of theirs it answers. Pure.

A reference counts for those who belong to the case it leads to; so a customer's mail that is passed on to a carrier
answers nobody. Without one, the same person and subject do. What is guessed is marked `ambiguous`.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from commsd.channels.mail.address import Mailbox, parse_addresses
from commsd.channels.mail.message import Message
from commsd.channels.mail.suppression import Us, is_ours
from commsd.core.case import CaseFile, Link, customer_speaks, link, owes_an_answer, survivor
from commsd.core.contact import identity_of
from commsd.core.interaction import CaseCause, Interaction, Party, Role
from commsd.core.open_items import OpenItems

PASSED_ON = "passed-on"
"""The reason of a note that a mail of the case went to others than its customer."""

MOST = 50
"""Recipients of one mail that are looked at."""


@dataclass(frozen=True, slots=True)
class Answered:
    """One case that a mail of ours belongs to. to: the recipients with the one first whose case it is.

    link.case None: a case of its own. passed_on: it went to others than the customer, and answers nothing.
    """

    to: tuple[Mailbox, ...]
    link: Link
    passed_on: bool = False


def customers(message: Message, us: Us) -> tuple[Mailbox, ...]:
    """To whom it went outside the house, each once; a copy in a Sent folder tells Bcc too."""
    hidden = (person for value in message.all("bcc") for person in parse_addresses(value))
    outside = {person.key: person for person in (*message.to, *message.cc, *hidden) if not is_ours(person.key, us)}
    return tuple(outside.values())[:MOST]


def answered(fact: Interaction, people: tuple[Mailbox, ...], items: OpenItems) -> tuple[Answered, ...]:
    """Every case the mail belongs to, each once; never none. people: its customers, at least one."""
    referred = _referred(items)
    found: dict[str, Answered] = {}
    for person in people:
        file = next((file for file in referred if _belongs(person, file, items)), None)
        chosen = Link(file.case, CaseCause.REFERENCE) if file else _by_subject(fact, person, items)
        if chosen.case:
            found.setdefault(chosen.case.id, Answered(_first(person, people), chosen))
    guessed = [case_id for case_id, each in found.items() if each.link.cause is CaseCause.SUBJECT]
    if len(guessed) > 1:
        found |= {case_id: _doubtful(found[case_id]) for case_id in guessed}
    return tuple(found.values()) or (_unanswered(fact, people, referred, items),)


def _unanswered(fact: Interaction, people: tuple[Mailbox, ...], referred: list[CaseFile], items: OpenItems) -> Answered:
    """Nobody's case was found: passed on to others, or a matter of its own with who waits for us most likely."""
    waits = [person for person in people if _waits(person, items)]
    if referred and not waits:
        return Answered(people, Link(referred[0].case, CaseCause.REFERENCE), passed_on=True)
    person = next(iter(waits), people[0])
    return Answered(_first(person, people), _by_subject(fact, person, items))


def _referred(items: OpenItems) -> list[CaseFile]:
    """The cases of the mails it refers to, the nearest first."""
    files = (survivor(case_id, items.files) for case_id in items.referred())
    return list({file.case.id: file for file in files if file}.values())


def _belongs(person: Mailbox, file: CaseFile, items: OpenItems) -> bool:
    """Whether who waits in the case is answered by writing to this person: its contact, or whom they had in copy.

    Somebody else who wrote into it is answered too, but not while the contact waits.
    """
    identity = identity_of(person.address)
    contact = items.contacts.get(identity) if identity else None
    if contact and contact.id == file.case.contact_id:
        return True
    heard = [fact for fact in file.interactions if customer_speaks(fact)]
    theirs = {fact.id: fact for fact in heard if fact.contact_id == file.case.contact_id}
    if any(identity_of(party.address) == identity for fact in theirs.values() for party in fact.parties):
        return True
    wrote = any(identity_of(fact.customer) == identity for fact in heard)
    return wrote and not any(record.owed and record.value.opened_by in theirs for record in file.clocks)


def _by_subject(fact: Interaction, person: Mailbox, items: OpenItems) -> Link:
    identity = identity_of(person.address)
    contact = items.contacts.get(identity) if identity else None
    theirs = replace(fact, contact_id=contact.id if contact else None, parties=(Party(Role.TO, person.address),))
    return link(theirs, referred=(), files=items.files, callbacks=(), now=items.now)


def _waits(person: Mailbox, items: OpenItems) -> bool:
    identity = identity_of(person.address)
    contact = items.contacts.get(identity) if identity else None
    return contact is not None and any(
        owes_an_answer(file) for file in items.files.values() if file.case.contact_id == contact.id
    )


def _first(person: Mailbox, people: Iterable[Mailbox]) -> tuple[Mailbox, ...]:
    return (person, *(other for other in people if other.key != person.key))


def _doubtful(each: Answered) -> Answered:
    return replace(each, link=replace(each.link, ambiguous=True))
