"""What our people say of a customer: blocked, or no calls. Pure decisions, made and taken like those of `actions`."""

from dataclasses import replace

from commsd.core.address_book import AddressBook
from commsd.core.change import Change
from commsd.core.contact import Contact, identity_named, stands_alone
from commsd.core.entry import Hand
from commsd.core.open_items import OpenItems
from commsd.crm.actions import Decide
from commsd.errors import NotFound, Refused


def block_contact(who: str, hand: Hand, *, blocked: bool = True) -> Decide:
    """What they write and ring is recorded on, and makes no callback; calls owed to them are held for a person.

    who: the id, an address or a number; of a number or address nobody knows yet a contact is made.
    """

    def decide(items: OpenItems) -> Change:
        book = AddressBook(items)
        contact = contact_of(who, items, book)
        if contact.blocked == blocked:
            raise Refused(f"the contact is {'blocked already' if blocked else 'not blocked'}", remedy="nothing to do")
        book.put(replace(contact, blocked=blocked))
        return book.change(hand.by)

    return decide


def set_calls(who: str, hand: Hand, *, wanted: bool) -> Decide:
    """Whether they want to be rung. Where not, calls owed are held until they do; one asked for afterwards is made."""

    def decide(items: OpenItems) -> Change:
        book = AddressBook(items)
        contact = contact_of(who, items, book)
        book.put(replace(contact, wishes=replace(contact.wishes, no_calls=not wanted)))
        return book.change(hand.by)

    return decide


def contact_of(who: str, items: OpenItems, book: AddressBook) -> Contact:
    """Who is meant: by id, or by an identity, which makes somebody new where nobody has it.

    Raises NotFound for an id nobody has; Refused where several share the identity, or the contact is no more.
    """
    identity = identity_named(who)
    known = items.people.get(who) or (items.contacts.get(identity) if identity else None)
    if known is not None:
        return standing(known)
    if identity is None:
        raise NotFound("nobody is known by that id", remedy='name an address or a number, such as "+493023125099"')
    if several := items.shared.get(identity):
        ids = ", ".join(contact.id for contact in several)
        raise Refused("several contacts share this address or number", remedy=f"name one of them by its id: {ids}")
    if not stands_alone(identity):
        raise NotFound("nobody is known by that", remedy="write a mail address and nothing else: jane@example.org")
    made = book.make()
    book.give(made.id, identity)
    return book.get(made.id)


def standing(contact: Contact) -> Contact:
    """The contact, where it still stands for itself. Raises Refused for one that was merged or erased."""
    if contact.merged_into:
        raise Refused(f"the contact went into {contact.merged_into}", remedy="do it to that one")
    if contact.erased_at:
        raise Refused("the contact was erased", remedy="nothing to do: who writes again is a new contact")
    return contact
