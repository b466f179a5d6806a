"""What people put right in the log: a case that belongs to another one, an interaction that never happened.

Pure decisions like those in `actions`. Nothing is edited away: both are interactions, and what they change is a new
revision.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from commsd.core.callback import Callback
from commsd.core.case import CaseFile, CaseState
from commsd.core.change import Change, change_of, due_as_clock
from commsd.core.entry import Hand
from commsd.core.event import Event
from commsd.core.interaction import Detail, Interaction, Kind
from commsd.core.merge import joining, merged, with_callbacks
from commsd.core.obligation import in_force
from commsd.core.open_items import OpenItems, Terms
from commsd.core.owed_call import given_back, taken_back
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
        fact = internal(Kind.VOID, file, hand, items, Detail(voids=interaction_id, note=why))
        calls, joined = _one_each(_calls_after(known, file, items), items)
        moved = tuple(
            replace(again, revision=each.revision + 1)
            for each in file.interactions
            if (again := with_callbacks(each, joined)) is not each
        )
        change = change_of(fact, _with(items, file, calls, moved), terms, by=hand.by)
        return _said(change, calls, moved, file, items, hand)

    return decide


def _said(
    change: Change,
    calls: tuple[Callback, ...],
    moved: tuple[Interaction, ...],
    file: CaseFile,
    items: OpenItems,
    hand: Hand,
) -> Change:
    """The change with the callbacks that follow, each once and due when its clock is."""
    clocks = tuple({record.id: record for record in (*file.clocks, *change.clocks)}.values())
    due = {call.id: call.due_at for call in change.callbacks}
    ours = {call.id for call in calls}
    calls = tuple(due_as_clock(replace(call, due_at=due.get(call.id, call.due_at)), clocks) for call in calls)
    others = replace(
        change,
        callbacks=tuple(call for call in change.callbacks if call.id not in ours),
        events=tuple(e for e in change.events if not (isinstance(e.thing, Callback) and e.thing.id in ours)),
    )
    return others + Change(
        interactions=moved,
        callbacks=calls,
        events=(
            *(Event("interaction.updated", each, items.now, hand.by) for each in moved),
            *(Event(f"callback.{_word(call, items)}", call, items.now, hand.by) for call in calls),
        ),
    )


def _calls_after(known: Interaction, file: CaseFile, items: OpenItems) -> tuple[Callback, ...]:
    """What becomes of callbacks; of a void that is taken back, the reverse of what became of them by it."""
    reopens = file.case.state is CaseState.OPEN
    if known.kind is not Kind.VOID:
        return taken_back(known, items.callbacks, items.now, reopens=reopens)
    again = next((fact for fact in file.interactions if fact.id == known.detail.voids), None)
    return given_back(again, items.callbacks, items.now, reopens=reopens) if again else ()


def _one_each(calls: tuple[Callback, ...], items: OpenItems) -> tuple[tuple[Callback, ...], Mapping[str, str]]:
    """The same with one open callback for a line and number: what would be opened beside one joins it."""
    after = {call.id: call for call in (*items.callbacks, *calls)}
    changed = {call.id: call for call in calls}
    joined: dict[str, str] = {}
    for call in calls:
        before = items.callback(call.id)
        same = [
            other
            for other in after.values()
            if other.open and other.id != call.id and (other.line, other.number) == (call.line, call.number)
        ]
        if call.open and call.number and same and not (before and before.open):
            changed[call.id], changed[same[0].id] = joining(call, same[0], items.now)
            joined[call.id] = same[0].id
    return tuple(changed.values()), joined


def _with(items: OpenItems, file: CaseFile, calls: Iterable[Callback], moved: Iterable[Interaction]) -> OpenItems:
    """The open items as these changes leave them."""
    callbacks = {call.id: call for call in (*items.callbacks, *calls)}
    new = {fact.id: fact for fact in moved}
    inside = tuple(new.get(fact.id, fact) for fact in file.interactions)
    files = {**items.files, file.case.id: replace(file, interactions=inside)}
    return replace(items, callbacks=tuple(callbacks.values()), files=files)


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
