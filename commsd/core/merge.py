"""One case goes into another: what was said in it is filed in the other, which from then on owes what both owed.

Pure. Each interaction that goes over becomes a new revision with the survivor's id, so that the store, the feed,
`explain` and replay read one case as always and know nothing of merging; sla/README.md section 5. What people did to
the case that went (closing, reopening, setting) stays with it: it was done to that case, not to this one.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from commsd.core.callback import Callback, CloseReason, closed
from commsd.core.case import Case, CaseFile, CaseState, ClockRecord, closing_at
from commsd.core.change import Change
from commsd.core.event import Event
from commsd.core.interaction import Interaction, Kind, Outcome
from commsd.core.obligation import in_force, obligations
from commsd.core.open_items import OpenItems, Terms
from commsd.core.owed_call import absorbed
from commsd.core.policy import ClockKind, Target
from commsd.core.recompute import Clocks, clocks_after
from commsd.core.record import record as record_of
from commsd.core.touch import Touch, TouchKind, touches_of
from commsd.errors import Refused

MERGED = "merged"
"""Why a case that went into another is closed; also the reason of its clocks."""

_STAYS = frozenset({Kind.CLOSE, Kind.REOPEN, Kind.SET, Kind.MERGE})
_ANSWERS = (ClockKind.FIRST_RESPONSE, ClockKind.NEXT_RESPONSE)


def merged(gone: CaseFile, into: CaseFile, act: Interaction, items: OpenItems, terms: Terms, *, by: str) -> Change:
    """Everything that changes when one case goes into another.

    act: the `merge` interaction, in the case that goes. Raises Refused where the union would forget what is owed, or
    owe again what was closed unanswered.
    """
    return _ended(gone, into.case, act, items, terms, by) + _united(gone, into, act, items, terms, by)


def _ended(gone: CaseFile, into: Case, act: Interaction, items: OpenItems, terms: Terms, by: str) -> Change:
    """The case that goes: closed, and none of its clocks counts."""
    case = _gone(gone.case, into, items.now)
    file = replace(gone, interactions=(*gone.interactions, act))
    clocks, events = clocks_after(file, terms.versions, items.now, items.new_id, by)
    act = replace(act, clocks=tuple(map(record_of, clocks.all)))
    said = Event("case.merged", case, items.now, by), Event("interaction.recorded", act, items.now, by)
    return Change(interactions=(act,), cases=(case,), clocks=clocks.changed, events=(*said, *events))


def _united(gone: CaseFile, into: CaseFile, act: Interaction, items: OpenItems, terms: Terms, by: str) -> Change:
    """The case that stays, with what was said in both."""
    again = (_reopening(act, into.case, items),) if into.case.state is CaseState.CLOSED else ()
    calls, joined = _calls(gone, into, items)
    moving = [
        with_callbacks(replace(fact, revision=fact.revision + 1, case_id=into.case.id), joined)
        for fact in gone.interactions
        if not _stays(fact)
    ]
    union = _union(into, gone, (*moving, *again), items.now)
    clocks, events = clocks_after(union, terms.versions, items.now, items.new_id, by)
    clocks, events = _told(clocks, events, gone.clocks)
    _must_forget_nothing(gone, union, clocks, items.now)
    case = replace(
        union.case, closes_at=closing_at(union.case, clocks.all, _owes(calls, union, items), terms.auto_close)
    )
    records = tuple(map(record_of, clocks.all))
    facts = tuple(replace(fact, clocks=records) for fact in (*again, *moving))
    return Change(
        interactions=facts,
        cases=(case,),
        callbacks=calls,
        clocks=clocks.changed,
        events=(
            Event("case.reopened" if again else "case.updated", case, items.now, by),
            *(Event(_word(fact), fact, items.now, by) for fact in facts if not _live(fact)),
            *(Event(f"callback.{'updated' if call.open else 'closed'}", call, items.now, by) for call in calls),
            *events,
        ),
    )


def _owes(calls: tuple[Callback, ...], union: CaseFile, items: OpenItems) -> bool:
    latest = {call.id: call for call in (*items.callbacks, *calls)}
    return any(call.open and call.case_id == union.case.id for call in latest.values())


def _gone(case: Case, into: Case, now: datetime) -> Case:
    return replace(
        case,
        revision=case.revision + 1,
        state=CaseState.CLOSED,
        closed_at=case.closed_at or now,
        close_reason=MERGED,
        merged_into=into.id,
        on_hold=False,
        closes_at=None,
    )


def _stays(fact: Interaction) -> bool:
    return fact.kind in _STAYS and fact.detail.callback_id is None


def _reopening(act: Interaction, case: Case, items: OpenItems) -> Interaction:
    """A closed survivor goes on: what came into it is to be answered."""
    detail = replace(act.detail, merged_into=None, reason=MERGED)
    return replace(act, id=items.new_id(), kind=Kind.REOPEN, case_id=case.id, contact_id=case.contact_id, detail=detail)


def _union(into: CaseFile, gone: CaseFile, more: Iterable[Interaction], now: datetime) -> CaseFile:
    facts = tuple(sorted((*into.interactions, *more), key=lambda fact: (fact.recorded_at, fact.id)))
    touches = in_force((touch for fact in facts for touch in touches_of(fact)), now)
    case = replace(
        into.case,
        revision=into.case.revision + 1,
        state=CaseState.OPEN,
        closed_at=None,
        close_reason=None,
        opened_at=min(into.case.opened_at, gone.case.opened_at),
        active_at=max(into.case.active_at, gone.case.active_at),
        on_hold=any(hold.until is None for hold in obligations(touches, _no_options).holds),
    )
    return CaseFile(case=case, interactions=facts, clocks=into.clocks)


def _no_options(*_: object) -> Target:
    return Target()


def _told(
    clocks: Clocks, events: tuple[Event, ...], former: tuple[ClockRecord, ...]
) -> tuple[Clocks, tuple[Event, ...]]:
    """With what was told of the same promise in the case that went: nobody is told twice."""
    known = {(record.value.clock, record.value.opened_by): record for record in former}
    taken: dict[str, ClockRecord] = {}
    for record in clocks.all:
        before = known.get((record.value.clock, record.value.opened_by))
        if before is not None:
            promises = [at for at in (record.promised_at, before.promised_at) if at is not None]
            taken[record.id] = replace(
                record,
                promised_at=min(promises, default=None),
                warned_at=record.warned_at or (before.warned_at if record.value.warn_at else None),
                told=tuple(dict.fromkeys((*record.told, *before.told))),
            )
    return (
        Clocks(
            tuple(taken.get(record.id, record) for record in clocks.all),
            tuple(taken.get(record.id, record) for record in clocks.changed),
        ),
        tuple(replace(event, thing=taken.get(event.thing.id, event.thing)) for event in events),
    )


def _must_forget_nothing(gone: CaseFile, union: CaseFile, clocks: Clocks, now: datetime) -> None:
    moved = {fact.id for fact in gone.interactions}
    owed = [record.value for record in clocks.all if record.owed]
    if gone.case.state is CaseState.CLOSED and any(
        clock.opened_by in moved and clock.clock in (*_ANSWERS, ClockKind.CALLBACK) for clock in owed
    ):
        raise Refused(
            "the case was closed with something unanswered, which would be owed again",
            remedy="reopen it first, if it is to be answered after all; else leave it closed",
        )
    touches = in_force((touch for fact in union.interactions for touch in touches_of(fact)), now)
    for record in gone.clocks:
        value = record.value
        if not record.owed or value.clock not in (*_ANSWERS, ClockKind.CALLBACK):
            continue
        same = _ANSWERS if value.clock in _ANSWERS else (ClockKind.CALLBACK,)
        done = any(_answers(touch, value.clock) and touch.time >= value.started_at for touch in touches)
        if not done and not any(clock.clock in same for clock in owed):
            raise Refused(
                f"{value.clock.value} is still owed here, and the other case was closed after it began",
                remedy="merge the other way round, or answer first",
            )


def _answers(touch: Touch, kind: ClockKind) -> bool:
    if touch.kind is TouchKind.TALK or (kind is ClockKind.CALLBACK and touch.kind is TouchKind.CALLBACK_CLOSED):
        return True
    return kind in _ANSWERS and touch.kind is TouchKind.OUT and not touch.auto and not touch.partial


def _calls(gone: CaseFile, into: CaseFile, items: OpenItems) -> tuple[tuple[Callback, ...], Mapping[str, str]]:
    """The survivor's callbacks after it, one for each line and number; and which of those that went joined which."""
    own = {(c.line, c.number): c for c in items.callbacks if c.open and c.case_id == into.case.id}
    changed: list[Callback] = []
    joined: dict[str, str] = {}
    for call in (c for c in items.callbacks if c.open and c.case_id == gone.case.id):
        same = own.get((call.line, call.number)) if call.number else None
        moved = replace(call, revision=call.revision + 1, case_id=into.case.id, contact_id=into.case.contact_id)
        if same is None:
            changed.append(moved)
            continue
        changed += joining(moved, same, items.now)
        joined[call.id] = same.id
    return tuple(changed), joined


def joining(call: Callback, other: Callback, now: datetime) -> tuple[Callback, Callback]:
    """Both after one call owed to a number on a line joined the other. call: its next revision, still open."""
    ended = replace(closed(call, CloseReason.MERGED, now), revision=call.revision)
    return ended, absorbed(other, call)


def with_callbacks(fact: Interaction, joined: Mapping[str, str]) -> Interaction:
    """The interaction, about the callbacks that those it was about have joined."""
    detail = fact.detail
    mine = tuple(dict.fromkeys(joined.get(each, each) for each in detail.callbacks))
    about = joined.get(detail.callback_id or "", detail.callback_id)
    if (mine, about) == (detail.callbacks, detail.callback_id):
        return fact
    return replace(fact, detail=replace(detail, callbacks=mine, callback_id=about))


def _live(fact: Interaction) -> bool:
    """A call without a verdict is durable, but not published."""
    return fact.kind is Kind.CALL and fact.outcome is Outcome.PENDING


def _word(fact: Interaction) -> str:
    return "interaction.updated" if fact.revision > 1 else "interaction.recorded"
