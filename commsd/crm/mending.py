"""What people put right in the log: a case that belongs to another one, an interaction that never happened.

Pure decisions like those in `actions`. Nothing is edited away: both are interactions, and what they change is a new
revision.
"""

from collections.abc import Iterable
from dataclasses import replace

from commsd.core.callback import Callback, taken_back
from commsd.core.change import Change, OpenItems, Terms, change_of
from commsd.core.entry import Hand
from commsd.core.event import Event
from commsd.core.interaction import Detail, Interaction, Kind
from commsd.core.merge import merged
from commsd.core.obligation import in_force
from commsd.core.touch import touches_of
from commsd.crm.actions import Decide, file_of, internal, must
from commsd.errors import NotFound, Refused

VOIDABLE = frozenset(
    {Kind.MESSAGE, Kind.CALL, Kind.VOICEMAIL, Kind.ATTEMPT, Kind.NOTE, Kind.MEETING, Kind.PROMISE, Kind.VOID}
)
"""What can be taken back; what people did to a case has an opposite of its own."""


def merge_case(case_id: str, into: str, hand: Hand, terms: Terms, *, note: str | None = None) -> Decide:
    """The case goes into another, which from then on owes what both owed. They may be of different contacts."""

    def decide(items: OpenItems) -> Change:
        must(case_id != into, "a case cannot go into itself", "name the case that stays")
        gone, stays = file_of(items, case_id), file_of(items, into)
        act = internal(Kind.MERGE, gone, hand, items, Detail(merged_into=into, note=note))
        return merged(gone, stays, act, items, terms, by=hand.by)

    return decide


def void_interaction(interaction_id: str, hand: Hand, terms: Terms, *, why: str | None = None) -> Decide:
    """The interaction never happened, such as an answer filed with the wrong case; clocks and callbacks follow."""

    def decide(items: OpenItems) -> Change:
        known = items.known.get(f"interaction:{interaction_id}")
        if known is None:
            raise NotFound(f"no interaction {interaction_id}", remedy="list them: commsd log tail")
        if known.case_id is None:
            raise Refused("it belongs to no case, so it counts for nothing", remedy="nothing to do")
        file = file_of(items, known.case_id)
        _must_count(known, file.interactions, items)
        calls = taken_back(known, items.callbacks, items.now)
        after = {callback.id: callback for callback in (*items.callbacks, *calls)}
        fact = internal(Kind.VOID, file, hand, items, Detail(voids=interaction_id, note=why))
        change = change_of(fact, replace(items, callbacks=tuple(after.values())), terms, by=hand.by)
        told = tuple(Event(f"callback.{_word(call, items)}", call, items.now, hand.by) for call in calls)
        return change + Change(callbacks=calls, events=told)

    return decide


def _must_count(known: Interaction, inside: Iterable[Interaction], items: OpenItems) -> None:
    must(
        known.kind in VOIDABLE,
        f"a '{known.kind}' cannot be taken back",
        "undo it with its opposite, such as `commsd cases reopen`, `release` or `set`",
    )
    every = tuple(inside)
    counting = in_force((touch for fact in every for touch in touches_of(fact)), items.now)
    voids = [fact for fact in every if fact.kind is Kind.VOID]
    again = {void.detail.voids for void in voids if void.id not in {each.detail.voids for each in voids}}
    counts = known.kind is Kind.VOID or any(touch.id == known.id for touch in counting)
    must(counts and known.id not in again, "it counts for nothing as it is", "nothing to do")


def _word(callback: Callback, items: OpenItems) -> str:
    before = items.callback(callback.id)
    if before is not None and before.open is not callback.open:
        return "reopened" if callback.open else "closed"
    return "updated"
