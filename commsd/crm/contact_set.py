"""What is said of a contact by our people, a CRM or a file: set, or put under the id another system has. Pure.

What is not said stays as it is; None takes a value away. Two contacts become one only where that is asked for: an
identity that somebody else has is refused, or shared where both have an id of their own in the same system. An id of
another system is never shared: who was put under it before must be found by it again.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from commsd.core.address_book import AddressBook
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity, Wishes, identity_of
from commsd.core.entry import Hand
from commsd.core.external_link import ExternalLink
from commsd.core.open_items import OpenItems
from commsd.crm.actions import Decide, must
from commsd.crm.contact_actions import contact_of, standing
from commsd.crm.precondition import ANY, Expected
from commsd.errors import Refused

FIELDS = ("name", "language", "timezone", "tier", "owner", "stage", "organisation_id")
WISHES = ("no_calls", "write_only", "call_only", "brief")


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """fields: of FIELDS, what is said; wishes: of WISHES and `hours`. identities: added; without: taken away.

    url: where the other system shows them. merge: contacts that have one of the identities become one with this.
    """

    fields: Mapping[str, str | None] = field(default_factory=dict)
    wishes: Mapping[str, bool | str | None] = field(default_factory=dict)
    identities: tuple[Identity, ...] = ()
    without: tuple[Identity, ...] = ()
    blocked: bool | None = None
    url: str | None = None
    merge: bool = False


def set_contact(who: str, said: Said, hand: Hand) -> Decide:
    """From now on it is so. who: an id or an identity; where nobody has it, somebody new. The result is the contact."""

    def decide(items: OpenItems) -> Change:
        book = AddressBook(items)
        contact = contact_of(who, items, book)
        _claim(contact.id, said, book, system=None)
        return _told(contact.id, said, book, hand)

    return decide


def put_contact(mine: Identity, said: Said, hand: Hand, expected: Expected = ANY) -> Decide:
    """The contact another system knows by this id is so from now on; made, or found by its identities, if it is new.

    The result is the contact.
    """

    def decide(items: OpenItems) -> Change:
        book = AddressBook(items)
        known = items.contacts.get(mine)
        expected.must_hold(known.revision if known else None)
        contact = standing(known) if known else _found(said, mine.kind, book) or book.make()
        _claim(contact.id, said, book, system=mine.kind)
        book.give(contact.id, mine)
        return _told(contact.id, said, book, hand, mine)

    return decide


def put_person(said: Said, hand: Hand) -> Decide:
    """The contact with one of these identities is so from now on; made where nobody has one. The result is the contact.

    Raises Refused where all of them are shared, so that nobody can tell who is meant.
    """

    def decide(items: OpenItems) -> Change:
        book = AddressBook(items)
        known = _found(said, None, book)
        shared = known is None and any(book.holders(each) for each in said.identities)
        must(not shared, "several contacts share these identities", "name the person by an id of another system")
        contact = standing(known) if known else book.make()
        _claim(contact.id, said, book, system=None)
        return _told(contact.id, said, book, hand)

    return decide


def _found(said: Said, system: str | None, book: AddressBook) -> Contact | None:
    """The oldest of those who have one of the identities alone, and no id in this system yet."""
    holders = {known.id: known for each in said.identities for known in book.holders(each) if each in known.identities}
    free = [known for known in holders.values() if system is None or not _has_id(known, system)]
    return min(free, key=lambda known: (known.created_at, known.id), default=None)


def _claim(contact_id: str, said: Said, book: AddressBook, *, system: str | None) -> None:
    for identity in said.without:
        book.take(contact_id, identity)
    for identity in said.identities:
        others = [known for known in book.holders(identity) if known.id != contact_id and identity in known.identities]
        for other in others:
            if system is not None and _has_id(other, system) and not identity.external:
                continue  # two people of that system: they share it
            if not said.merge:
                raise Refused(
                    f"one of the identities belongs to contact {other.id}",
                    remedy=f"if both are one person, merge {other.id} into {contact_id} or send `merge`; else leave it "
                    "out, or split it off first",
                )
            book.unite(other.id, contact_id)
        book.give(contact_id, identity)


def _has_id(contact: Contact, system: str) -> bool:
    return any(identity.kind == system for identity in contact.identities)


def _told(contact_id: str, said: Said, book: AddressBook, hand: Hand, mine: Identity | None = None) -> Change:
    contact = _as_said(book.get(contact_id), said)
    if mine is not None and identity_of(mine.value) is None:  # links are no secret, and this would be an address
        contact = replace(contact, links=_linked(contact.links, mine, said.url))
    book.put(contact)
    change = book.change(hand.by, dict.fromkeys(book.gone(), "merged"))
    after = next((known for known in change.contacts if known.id == contact_id), contact)
    return replace(change, result=after)


def _as_said(contact: Contact, said: Said) -> Contact:
    wishes = _wished(contact.wishes, said.wishes)
    blocked = contact.blocked if said.blocked is None else said.blocked
    given = {name: value for name, value in said.fields.items() if name in FIELDS}
    return replace(contact, wishes=wishes, blocked=blocked, **_values(given))


def _values(given: Mapping[str, str | None]) -> dict[str, Any]:
    return {name: value or None for name, value in given.items()}


def _wished(wishes: Wishes, said: Mapping[str, bool | str | None]) -> Wishes:
    flags = {name: bool(said.get(name, getattr(wishes, name))) for name in WISHES}
    hours = said.get("hours", wishes.hours)
    must(
        not (flags["call_only"] and (flags["write_only"] or flags["no_calls"])),
        "nobody can want calls only and none",
        "choose one of call_only, write_only and no_calls",
    )
    return Wishes(**flags, hours=hours if isinstance(hours, str) and hours else None)


def _linked(links: Sequence[ExternalLink], mine: Identity, url: str | None) -> tuple[ExternalLink, ...]:
    """The links, with where the other system has them; without a new address the old one stays."""
    same = next((link for link in links if (link.rel, link.system, link.id) == ("contact", *mine)), None)
    link = ExternalLink(rel="contact", system=mine.kind, id=mine.value, url=url or (same.url if same else None))
    if same is None:
        return (*links, link)
    return tuple(link if each is same else each for each in links)
