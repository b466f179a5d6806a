"""What our people say of a customer: blocked, or no calls. Pure decisions, made and taken like those of `actions`."""

from dataclasses import replace

from commsd.core.callback import State, held
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity, identity_of
from commsd.core.entry import Hand
from commsd.core.event import Event
from commsd.core.open_items import OpenItems
from commsd.core.opt_out import OptOut
from commsd.core.screen import DNC
from commsd.crm.actions import Decide
from commsd.errors import NotFound, Refused

PHONE = "phone"
"""The channel on which who wants no calls has opted out."""

NO_CALLS = "no calls"


def block_contact(who: str, hand: Hand, *, blocked: bool = True) -> Decide:
    """What they write and ring is recorded on, and makes no callback; calls owed to them are held for a person.

    who: the id, an address or a number; of a number or address nobody knows yet a contact is made.
    """

    def decide(items: OpenItems) -> Change:
        contact = _contact(who, items)
        if contact.blocked == blocked:
            raise Refused(f"the contact is {'blocked already' if blocked else 'not blocked'}", remedy="nothing to do")
        return _changed(replace(contact, blocked=blocked), items, hand, hold=blocked)

    return decide


def set_calls(who: str, hand: Hand, *, wanted: bool) -> Decide:
    """Whether they want to be rung. Where not, calls owed are held; one they ask for afterwards is made."""

    def decide(items: OpenItems) -> Change:
        contact = _contact(who, items)
        wishes = replace(contact.wishes, no_calls=not wanted)
        change = _changed(replace(contact, wishes=wishes), items, hand, hold=not wanted)
        numbers = (identity.value for identity in contact.identities if identity.kind == PHONE)
        said = tuple(
            OptOut(number=number, channel=PHONE, since=items.now, word=NO_CALLS, lifted=wanted) for number in numbers
        )
        return replace(change, opt_outs=said)

    return decide


def _contact(who: str, items: OpenItems) -> Contact:
    identity = identity_of(who)
    found = items.contacts.get(identity) if identity else None
    found = found or next((known for known in items.contacts.values() if known.id == who), None)
    if found is not None:
        return found
    if identity is None:
        raise NotFound("nobody is known by that id", remedy='name an address or a number, such as "+493023125099"')
    return _made(identity, items)


def _made(identity: Identity, items: OpenItems) -> Contact:
    return Contact(id=items.new_id(), revision=0, created_at=items.now, identities=(identity,))


def _changed(contact: Contact, items: OpenItems, hand: Hand, *, hold: bool) -> Change:
    contact = replace(contact, revision=contact.revision + 1)
    word = "created" if contact.revision == 1 else "updated"
    waiting = [c for c in items.callbacks if c.contact_id == contact.id and c.state is State.WAITING and hold]
    kept = tuple(held(callback, DNC) for callback in waiting)
    return Change(
        contacts=(contact,),
        callbacks=kept,
        events=(
            Event(f"contact.{word}", contact, items.now, hand.by),
            *(Event("callback.held", callback, items.now, hand.by) for callback in kept),
        ),
    )
