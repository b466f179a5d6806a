"""A case's clocks, recomputed from all its interactions and compared with the recorded ones.

The difference is the events.
The same pure function live, in `explain` and in what-if. A recorded clock is as exact as the log is: a millisecond.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import datetime, timedelta
from operator import attrgetter

from commsd.core.case import CaseFile, ClockRecord, customer_speaks
from commsd.core.clock import Clock, State, clocks
from commsd.core.event import Event
from commsd.core.fact import replace
from commsd.core.ladder import (
    MOVED,
    SKIPPED,
    armed_again,
    key_of,
    next_rules,
    not_skipped,
    skipped_before,
    timer_of,
    zone_of,
)
from commsd.core.policy import ClockKind, Version
from commsd.core.touch import Touch, TouchKind, touches_of

FINAL = frozenset({State.MET, State.BREACHED, State.CANCELLED})

LATENESS = timedelta(minutes=15)
"""What was entered by hand longer than this after it happened is history: nobody is told of what lay before."""

_ROUNDING = timedelta(milliseconds=2)

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
    desk = _Desk(file, touches, versions, now, new_id, by, zone_of(file), next_rules(versions, now))
    recorded = {_identity(record.value): record for record in file.clocks}
    every: list[ClockRecord] = []
    changed: list[ClockRecord] = []
    events: list[Event] = []
    for value in clocks(touches, versions, file.case.attrs, now):
        before = recorded.pop(_identity(value), None)
        record, said = desk.compared(before, _as_logged(value))
        every.append(record)
        if record is not before:
            changed.append(record)
            events.extend(said)
    for gone in recorded.values():  # a void took its cause away
        record = desk.without(gone)
        every.append(record)
        if record is not gone:
            changed.append(record)
            events.append(Event("clock.corrected", record, now, by))
    return Clocks(tuple(every), tuple(changed)), tuple(events)


@dataclass(slots=True)
class _Desk:
    """What every clock of one case is compared with. wake_at: when rules come that take over running clocks."""

    file: CaseFile
    touches: Sequence[Touch]
    versions: tuple[Version, ...]
    now: datetime
    new_id: Callable[[], str]
    by: str
    tz: str | None
    wake_at: datetime | None

    def compared(self, before: ClockRecord | None, value: Clock) -> tuple[ClockRecord, list[Event]]:
        """The record after, itself where nothing changed, and the events of it."""
        if before is None:
            return self._begun(value)
        if self._rests(before, value):
            return before, []
        record = self._watched(_warned(replace(before, value=value), self.now), before)
        words = list(_words(before, record, self.now))
        if not words and _steady(before.value, value):
            same = (record.timer_at, record.moved_at) == (before.timer_at, before.moved_at)
            return (before, []) if same else (replace(record, value=before.value), [])
        record = replace(record, revision=before.revision + 1)
        if any(word == "corrected" for word, _ in words):
            record = self._corrected(record, before)
        return record, [Event(f"clock.{word}", record, at, self.by) for word, at in words]

    def _rests(self, before: ClockRecord, value: Clock) -> bool:
        """Whether it is as recorded, and nothing is to come of it yet: the usual case, at once."""
        if before.moved_at is not None or not _steady(before.value, value):
            return False
        timer_at = before.timer_at
        if timer_at is None:
            return not before.owed and value.reason != "no_policy"
        return timer_at > self.now and (self.wake_at is None or timer_at <= self.wake_at)

    def without(self, gone: ClockRecord) -> ClockRecord:
        """The record of a clock whose cause never happened."""
        if gone.value.state is State.CANCELLED:
            return gone
        value = replace(
            gone.value,
            state=State.CANCELLED,
            reason="void",
            due_at=None,
            warn_at=None,
            stopped_at=self.now,
            in_hours=False,
            remaining=None,
            overrun=None,
        )
        after = replace(gone, value=value, revision=gone.revision + 1, timer_at=None, moved_at=None)
        return self._corrected(after, gone)

    def _corrected(self, record: ClockRecord, before: ClockRecord) -> ClockRecord:
        """What was recorded last is what the correction is owed to."""
        newest = self.file.interactions[-1].id if self.file.interactions else None
        return replace(record, corrected_by=newest, corrected_from=before.value.state)

    def _begun(self, value: Clock) -> tuple[ClockRecord, list[Event]]:
        record = ClockRecord(id=self.new_id(), created_at=self.now, case_id=self.file.case.id, value=value)
        record = self._watched(_warned(record, self.now), None)
        said = _first_words(record, self.now)
        return record, [Event(f"clock.{word}", record, at, self.by) for word, at in said]

    def _watched(self, record: ClockRecord, before: ClockRecord | None) -> ClockRecord:
        """With what our people are still to be told of it, and when it is looked at next."""
        if before is not None and record.owed:
            record = self._moved(record, before)
            if _retargeted(before.value, record.value):
                record = armed_again(record, self.versions, self.tz, self.now)
            elif before.value.state is State.BREACHED and record.value.state is not State.BREACHED:
                record = not_skipped(record, self.versions, self.tz, self.now)  # the host's clock had run ahead
        elif record.moved_at is not None:
            record = replace(record, moved_at=None)
        if record.owed:
            record = self._known_late(record) if before is None else self._heard_live(record)
        timer_at = timer_of(record, self.versions, self.tz, self.now)
        return record if timer_at == record.timer_at else replace(record, timer_at=_to_the_log(timer_at))

    def _known_late(self, record: ClockRecord) -> ClockRecord:
        """Entered by hand or from another system long after it happened: what was to be told then, nobody is told."""
        opened_by = record.value.opened_by
        opener = next((fact for fact in self.file.interactions if fact.id == opened_by), None)
        if opener is None or opener.mailbox is not None or opener.line is not None:
            return record
        if opener.recorded_at - opener.occurred_at <= LATENESS or self._is_live(record):
            return record
        return skipped_before(record, self.versions, self.tz, self.now)

    def _heard_live(self, record: ClockRecord) -> ClockRecord:
        """Nobody was told, for it was entered late; now the customer spoke to us himself, and his clock is this one."""
        silent = record.told and all(mark.endswith(SKIPPED) for mark in record.told)
        return replace(record, told=()) if silent and self._is_live(record) else record

    def _is_live(self, record: ClockRecord) -> bool:
        """Whether the customer reached us by a mailbox or line of ours while it ran."""
        return any(
            customer_speaks(fact) and (fact.mailbox or fact.line) and fact.occurred_at >= record.value.started_at
            for fact in self.file.interactions
        )

    def _moved(self, record: ClockRecord, before: ClockRecord) -> ClockRecord:
        """Whether it is due later than the customer was told, until one of us has written since."""
        due, told = record.value.due_at, record.promised_at
        if due is None or told is None or due <= told:
            return record if record.moved_at is None else replace(record, moved_at=None)
        if before.value.due_at is None or due > before.value.due_at:
            marks = tuple(mark for mark in record.told if key_of(mark) != MOVED)
            return replace(record, moved_at=self.now, told=marks)
        if record.moved_at is not None and any(_is_ours(touch, record.moved_at) for touch in self.touches):
            return replace(record, moved_at=None)
        return record


def _is_ours(touch: Touch, since: datetime) -> bool:
    """A person of ours spoke to the customer after this instant, be it only to hold them off."""
    return touch.kind in (TouchKind.OUT, TouchKind.TALK) and not touch.auto and touch.time > since


def _retargeted(before: Clock, after: Clock) -> bool:
    """Whether other rules, or another beginning, govern it now; a pause alone moves no rung that is over."""
    if (before.policy, before.rules_version, before.calendar) != (after.policy, after.rules_version, after.calendar):
        return True
    if before.started_at != after.started_at:
        return True
    return after.clock is not ClockKind.RESOLUTION and before.due_at != after.due_at


def _as_logged(value: Clock) -> Clock:
    instants = (value.started_at, value.due_at, value.warn_at, value.stopped_at)
    if not any(at is not None and at.microsecond % 1000 for at in instants):
        return value
    return replace(
        value,
        started_at=_to_the_log(value.started_at) or value.started_at,
        due_at=_to_the_log(value.due_at),
        warn_at=_to_the_log(value.warn_at),
        stopped_at=_to_the_log(value.stopped_at),
    )


def _to_the_log(at: datetime | None) -> datetime | None:
    return None if at is None else at.replace(microsecond=at.microsecond // 1000 * 1000)


def _identity(value: Clock) -> tuple[str, int, str]:
    """A clock is known by its number; a promise by what opened it, since an earlier one may come to light later."""
    if value.clock is ClockKind.PROMISE:
        return value.clock.value, 0, value.opened_by
    return value.clock.value, value.n, ""


_FLEETING = frozenset({"elapsed", "waited", "in_hours", "remaining", "overrun"})
_lasting = attrgetter(*(each.name for each in fields(Clock) if each.name not in _FLEETING))


def _steady(before: Clock, after: Clock) -> bool:
    """Whether only the running time differs, which is not worth a revision; once stopped, it runs no more."""
    if after.stopped_at is not None and abs(after.elapsed - before.elapsed) > _ROUNDING:
        return False  # a void took a hold away, or the hours it was counted in
    return bool(_lasting(before) == _lasting(after))


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
    if old.state in FINAL and (new.state is not old.state or _verdict(new) != _verdict(old)):
        yield "corrected", now
    elif new.state is not old.state:
        yield _WORD[new.state], _instant(new, now)
    elif new.state is State.BREACHED and new.stopped_at and not old.stopped_at:
        yield "stopped", new.stopped_at
    elif new.state is State.RUNNING and new.due_at != old.due_at:
        yield "retargeted", now


def _verdict(value: Clock) -> tuple[datetime | None, ...]:
    """What was published of it besides its state; the stop of a late clock is told when it comes."""
    late = value.state is State.BREACHED
    return (value.started_at, value.due_at, None if late else value.stopped_at)


def _instant(value: Clock, now: datetime) -> datetime:
    """When the state became true: a breach at its due time, a stop when it stopped."""
    if value.state is State.BREACHED and value.due_at is not None:
        return value.due_at
    return value.stopped_at or now
