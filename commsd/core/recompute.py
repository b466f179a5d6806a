"""A case's clocks, recomputed from all its interactions and compared with the recorded ones.

The difference is the events.
The same pure function live, in `explain` and in what-if.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from commsd.core.case import CaseFile, ClockRecord
from commsd.core.clock import Clock, State, clocks
from commsd.core.event import Event
from commsd.core.policy import ClockKind, Version
from commsd.core.touch import touches_of

FINAL = frozenset({State.MET, State.BREACHED, State.CANCELLED})

_WORD: Mapping[State, str] = {
    State.RUNNING: "resumed",
    State.PAUSED: "paused",
    State.MET: "met",
    State.BREACHED: "breached",
    State.CANCELLED: "cancelled",
}


@dataclass(frozen=True, slots=True)
class Clocks:
    """all: the case's clocks after the change, oldest first. changed: those to write."""

    all: tuple[ClockRecord, ...]
    changed: tuple[ClockRecord, ...]


def clocks_after(
    file: CaseFile, versions: tuple[Version, ...], now: datetime, new_id: Callable[[], str], by: str
) -> tuple[Clocks, tuple[Event, ...]]:
    """The clocks of a case at `now`, and what became true since they were last recorded, each at its true instant."""
    touches = [touch for interaction in file.interactions for touch in touches_of(interaction)]
    recorded = {_identity(record.value): record for record in file.clocks}
    every: list[ClockRecord] = []
    changed: list[ClockRecord] = []
    events: list[Event] = []
    for value in clocks(touches, versions, file.case.attrs, now):
        before = recorded.pop(_identity(value), None)
        record, said = _compared(before, value, file.case.id, now, new_id, by)
        every.append(record)
        if record is not before:
            changed.append(record)
            events.extend(said)
    for gone in recorded.values():  # a void took its cause away
        record = _gone(gone, now)
        every.append(record)
        if record is not gone:
            changed.append(record)
            events.append(Event("clock.corrected", record, now, by))
    return Clocks(tuple(every), tuple(changed)), tuple(events)


def timer_of(record: ClockRecord) -> datetime | None:
    """When this clock must be looked at next: its warning, its due time, or at once where nobody was told yet."""
    value = record.value
    if value.stopped_at is not None or value.state not in (State.RUNNING, State.BREACHED):
        return None
    if record.warned_at is not None and "warned" not in record.told and value.state is State.RUNNING:
        return record.warned_at
    if record.warned_at is None and value.warn_at is not None and value.state is State.RUNNING:
        return value.warn_at
    if value.state is State.RUNNING or "breached" not in record.told:
        return value.due_at
    return None


def _identity(value: Clock) -> tuple[str, int, str]:
    """A clock is known by its number; a promise by what opened it, since an earlier one may come to light later."""
    if value.clock is ClockKind.PROMISE:
        return value.clock.value, 0, value.opened_by
    return value.clock.value, value.n, ""


def _compared(
    before: ClockRecord | None, value: Clock, case_id: str, now: datetime, new_id: Callable[[], str], by: str
) -> tuple[ClockRecord, list[Event]]:
    if before is None:
        record = _warned(ClockRecord(id=new_id(), created_at=now, case_id=case_id, value=value), now)
        return record, [Event(f"clock.{word}", record, at, by) for word, at in _first_words(record, now)]
    record = _warned(replace(before, value=value), now)
    words = list(_words(before, record, now))
    if not words and _steady(before.value, value):
        return before, []
    record = replace(record, revision=before.revision + 1)
    return record, [Event(f"clock.{word}", record, at, by) for word, at in words]


def _steady(before: Clock, after: Clock) -> bool:
    """Whether only the running time differs, which is not worth a revision."""
    return replace(before, elapsed=after.elapsed, waited=after.waited) == after


def _warned(record: ClockRecord, now: datetime) -> ClockRecord:
    value = record.value
    if record.warned_at is not None or value.warn_at is None or value.warn_at > now:
        return record
    if value.state is State.PAUSED or (value.stopped_at is not None and value.stopped_at <= value.warn_at):
        return record
    return replace(record, warned_at=value.warn_at)


def _first_words(record: ClockRecord, now: datetime) -> Iterable[tuple[str, datetime]]:
    value = record.value
    yield "started", value.started_at
    if record.warned_at:
        yield "warned", record.warned_at
    if value.state is not State.RUNNING:
        yield _WORD[value.state], _instant(value, now)


def _words(before: ClockRecord, after: ClockRecord, now: datetime) -> Iterable[tuple[str, datetime]]:
    old, new = before.value, after.value
    if after.warned_at and not before.warned_at:
        yield "warned", after.warned_at
    if old.state in FINAL and new.state is not old.state:
        yield "corrected", now
    elif new.state is not old.state:
        yield _WORD[new.state], _instant(new, now)
    elif new.state is State.BREACHED and new.stopped_at and not old.stopped_at:
        yield "stopped", new.stopped_at
    elif new.state is State.RUNNING and new.due_at != old.due_at:
        yield "retargeted", now


def _instant(value: Clock, now: datetime) -> datetime:
    """When the state became true: a breach at its due time, a stop when it stopped."""
    if value.state is State.BREACHED and value.due_at is not None:
        return value.due_at
    return value.stopped_at or now


def _gone(record: ClockRecord, now: datetime) -> ClockRecord:
    if record.value.state is State.CANCELLED:
        return record
    value = replace(record.value, state=State.CANCELLED, reason="void", due_at=None, warn_at=None, stopped_at=now)
    return replace(record, value=value, revision=record.revision + 1)
