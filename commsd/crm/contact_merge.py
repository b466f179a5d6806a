"""Two contacts become one, or one becomes two: because a person said so, never by a guess. Pure decisions.

What was recorded keeps the contact it was recorded of, and reading follows `merged_into`; cases and owed calls go on
with whoever has the identities by which they came.
"""

from collections.abc import Collection, Sequence
from dataclasses import replace

from commsd.core.address_book import AddressBook
from commsd.core.callback import Callback
from commsd.core.case import CaseFile, customer_speaks
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity, Wishes, identity_of, inbox_of
from commsd.core.entry import Hand
from commsd.core.open_items import OpenItems
from commsd.core.record import Json
from commsd.crm.actions import Decide, must
from commsd.crm.contact_actions import standing
from commsd.crm.contact_set import FIELDS
from commsd.errors import NotFound, Refused


def merge_contacts(gone_id: str, into_id: str, hand: Hand) -> Decide:
    """One contact goes into another, which has the identities of both. Said again, it changes nothing.

    The result is the contact that stays.
    """

    def decide(items: OpenItems) -> Change:
        must(gone_id != into_id, "a contact cannot go into itself", "name two contacts")
        gone, into = _known(gone_id, items), standing(_known(into_id, items))
        if _speaker(gone, items).id == into_id:
            return Change(result=into)
        standing(gone)
        book = AddressBook(items)
        book.unite(gone_id, into_id)
        change = book.change(hand.by, {gone_id: "merged"})
        return replace(change, result=_after(change, into))

    return decide


def dropped(gone: Json, into: Json) -> Json:
    """What one that went into another has on record otherwise than that one, and so no longer holds. Both as shown."""
    fields = {name: gone[name] for name in FIELDS if gone[name] and gone[name] != into[name]}
    wishes = {name: wish for name, wish in gone["wishes"].items() if wish and wish != into["wishes"][name]}
    return fields | ({"wishes": wishes} if wishes else {})


def split_contact(contact_id: str, identities: Sequence[Identity], hand: Hand) -> Decide:
    """These identities stand for somebody of their own again. Said again, it changes nothing.

    contact_id: who has them; or a contact that went into another, which then takes them from there and stands for
    itself again. Cases in which nobody else of the contact wrote or rang go along, and so do calls owed to a number
    taken away; wishes are copied, so that nobody is rung who asked not to be. The result is who has the identities.
    """

    def decide(items: OpenItems) -> Change:
        must(bool(identities), "nothing to take away", "name the addresses and numbers that are somebody else's")
        named = _known(contact_id, items)
        if done := _split_before(contact_id, identities, items):
            return Change(result=done)
        source = standing(_speaker(named, items))
        _must_have(source, identities, leave=named is source)
        book = AddressBook(items)
        if named is source:
            made = book.make(split_from=source.id)
            out = book.put(replace(made, wishes=source.wishes, language=source.language))
        else:
            out = book.put(replace(named, merged_into=None, wishes=_as_quiet(named.wishes, source.wishes)))
        for identity in identities:
            book.take(source.id, identity)
            book.give(out.id, identity)
        _moved(book, source.id, out.id, identities)
        change = book.change(hand.by, {source.id: "split"})
        return replace(change, result=_after(change, out))

    return decide


def _as_quiet(wishes: Wishes, theirs: Wishes) -> Wishes:
    """The wishes, and who spoke for them refused calls meanwhile: that may have been them."""
    if not (theirs.no_calls or theirs.write_only):
        return wishes
    no_calls, write_only = wishes.no_calls or theirs.no_calls, wishes.write_only or theirs.write_only
    return replace(wishes, no_calls=no_calls, write_only=write_only, call_only=False)


def _split_before(contact_id: str, identities: Sequence[Identity], items: OpenItems) -> Contact | None:
    """Who has all of them because exactly this was done before."""
    wanted = set(identities)
    for known in items.people.values():
        itself = known.id == contact_id and wanted == set(known.identities)
        taken_out = known.split_from == contact_id and wanted <= set(known.identities)
        if known.merged_into is None and (itself or taken_out):
            return known
    return None


def _moved(book: AddressBook, source_id: str, out_id: str, identities: Collection[Identity]) -> None:
    def theirs(file: CaseFile) -> bool:
        spoke = [identity_of(fact.customer) for fact in file.interactions if customer_speaks(fact)]
        return bool(spoke) and all(each and (each in identities or inbox_of(each) in identities) for each in spoke)

    def owed(call: Callback) -> bool:
        return identity_of(call.number) in identities

    book.move(source_id, out_id, theirs, owed)


def _must_have(source: Contact, identities: Sequence[Identity], *, leave: bool) -> None:
    has = (*source.identities, *source.shared)
    if strange := [each for each in identities if each not in has]:
        raise Refused(
            f"{len(strange)} of these identities {'is' if len(strange) == 1 else 'are'} not the contact's",
            remedy="look at what it has: commsd contacts show, or GET /v1/contacts/{id}",
        )
    must(not leave or set(has) - set(identities) != set(), "nothing would be left of the contact", "leave it one")


def _known(contact_id: str, items: OpenItems) -> Contact:
    if contact_id not in items.people:
        raise NotFound(f"no contact {contact_id}", remedy="find it: commsd contacts show, GET /v1/contacts?identity=")
    return items.people[contact_id]


def _speaker(contact: Contact, items: OpenItems) -> Contact:
    """Who speaks for it: what it went into may have gone into somebody else."""
    while contact.merged_into is not None:
        contact = _known(contact.merged_into, items)
    return contact


def _after(change: Change, former: Contact) -> Contact:
    """The contact after the change, which may be as it was."""
    return next((contact for contact in change.contacts if contact.id == former.id), former)
