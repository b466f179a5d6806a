"""The call a text is about, and what its customer wishes: no call, a call alone, few words. Pure.

interface.md section 5, `wishes`. Whether a machine may ring, `core.screen` decides; here, what may be promised.
"""

from dataclasses import replace

from commsd.core.callback import Callback, State
from commsd.core.change import Change, change_of
from commsd.core.contact import Contact
from commsd.core.entry import callback_clock
from commsd.core.interaction import Interaction, Party, Promise, Role
from commsd.core.number import Number
from commsd.core.open_items import OpenItems, Terms
from commsd.core.screen import UNWANTED

PHONE = "phone"
"""The channel on which a number wants no calls, as its opt-outs name it."""

_DECLINABLE = frozenset(State) - {State.CLOSED, State.DIALLING, State.TALKING}


def owed_to(number: Number | None, line: str | None, items: OpenItems) -> Callback | None:
    """The open callback to this number: of this line, else of any."""
    theirs = [c for c in items.callbacks if number and c.number == number.e164 and c.state in _DECLINABLE]
    return next((c for c in theirs if line and c.line == line), next(iter(theirs), None))


def is_unwanted(callback: Callback, contact: Contact | None, items: OpenItems) -> bool:
    """Whether this call is one that its customer wishes not to get, as far as it was not asked for by word or time."""
    if callback.state is State.HELD and callback.held in UNWANTED:
        return True
    wishes = contact.wishes if contact else None
    silent = wishes is not None and (wishes.no_calls or wishes.write_only)
    return _is_for_a_miss(callback) and (silent or items.opted_out(callback.number or "", PHONE) is not None)


def _is_for_a_miss(callback: Callback) -> bool:
    return bool(callback.misses) and not callback.asked_at_time


def wants_calls_alone(contact: Contact | None) -> bool:
    """Whether they are to be answered by telephone whatever they write."""
    wishes = contact.wishes if contact else None
    return wishes is not None and wishes.call_only and not (wishes.no_calls or wishes.write_only)


def is_brief(contact: Contact | None) -> bool:
    """Whether they like few words."""
    return contact is not None and contact.wishes.brief


def rung_back(fact: Interaction, line: str, number: str, items: OpenItems, terms: Terms) -> Change:
    """Everything that the text of one who wants calls alone changes: it asks for a call to the number it came from.

    Due by the policy's `callback` target; one that is owed already keeps its time.
    """
    detail = replace(fact.detail, asks_call=True, call_from=line, soon=True)
    asking = replace(fact, detail=detail, parties=(*fact.parties, Party(Role.CALLEE, number)))
    change = change_of(asking, items, terms)
    callback = next((each for each in change.callbacks if each.open), None)
    clock = callback_clock(items.files.get(change.interactions[0].case_id or ""), items.now, terms)
    if callback is None or callback.due_at is not None or clock is None or clock.due_at is None:
        return change
    promise = Promise(id=items.new_id(), due_at=clock.due_at, via="call")
    return change_of(replace(asking, detail=replace(detail, promise=promise)), items, terms)
