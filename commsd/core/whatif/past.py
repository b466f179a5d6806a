"""A case as a replay sees it: what happened in it, and the clocks the log has for it, wherever it is read from.

Live decisions work on `core.case.CaseFile`; this is the short form of it, for hundreds of thousands of cases.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple

from commsd.core.clock import Clock, State
from commsd.core.policy import ClockKind
from commsd.core.touch import Facts, Touch


class Logged(NamedTuple):
    """A clock as the log has it, at the log's precision of a millisecond.

    awaited: its timer is over and nobody has looked at it yet, so the log may lag behind.
    """

    clock: str
    n: int
    state: str
    reason: str | None
    opened_by: str
    started_at: datetime
    due_at: datetime | None
    stopped_at: datetime | None
    policy: str
    rules_version: str
    awaited: bool


class PastCase(NamedTuple):
    """One case. attrs: as it was opened. touches: in the order of (recorded_at, id). logged: in no order."""

    id: str
    attrs: Facts
    touches: tuple[Touch, ...]
    logged: tuple[Logged, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """A clock that a replay does not give as the log has it. logged, replayed: None where there is none."""

    case_id: str
    clock: str
    n: int
    field: str
    logged: str | None
    replayed: str | None


def differences(case: PastCase, replayed: tuple[Clock, ...], now: datetime) -> tuple[Difference, ...]:
    """Where the clocks computed from the touches are not those of the log; none while the engine tells the truth.

    What time alone brings (a clock that became late since it was last looked at) is no difference, nor is what people
    did to the case after `now`, while it was replayed.
    """
    found = tuple(_found(case, replayed, now))
    return () if found and any(touch.time > now for touch in case.touches) else found


def _found(case: PastCase, replayed: tuple[Clock, ...], now: datetime) -> Iterator[Difference]:
    found = {_identity(clock.clock, clock.n, clock.opened_by): clock for clock in replayed}
    for logged in case.logged:
        clock = found.pop(_identity(logged.clock, logged.n, logged.opened_by), None)
        if clock is None:
            if logged.state != State.CANCELLED:  # what a void or a merge took away stays in the log, cancelled
                yield Difference(
                    case_id=case.id, clock=logged.clock, n=logged.n, field="clock", logged=logged.state, replayed=None
                )
        elif not _same(logged, clock):
            yield from _fields(case.id, logged, clock, now)
    for clock in found.values():
        if clock.started_at < now:
            yield Difference(
                case_id=case.id, clock=clock.clock, n=clock.n, field="clock", logged=None, replayed=clock.state
            )


def _identity(clock: str, n: int, opened_by: str) -> tuple[str, int | str]:
    """As in `core.recompute`: a clock is known by its number, a promise by what opened it."""
    return (clock, opened_by) if clock == ClockKind.PROMISE else (clock, n)


def _same(logged: Logged, clock: Clock) -> bool:
    """The usual case, at once."""
    return (
        logged.state == clock.state
        and logged.due_at == clock.due_at
        and logged.stopped_at == clock.stopped_at
        and logged.started_at == clock.started_at
        and logged.policy == clock.policy
        and logged.rules_version == clock.rules_version
    )


def _fields(case_id: str, logged: Logged, clock: Clock, now: datetime) -> Iterator[Difference]:
    pairs: tuple[tuple[str, object, object], ...] = (
        ("state", logged.state, clock.state.value),
        ("started_at", _to_the_log(logged.started_at), _to_the_log(clock.started_at)),
        ("due_at", _to_the_log(logged.due_at), _to_the_log(clock.due_at)),
        ("stopped_at", _to_the_log(logged.stopped_at), _to_the_log(clock.stopped_at)),
        ("policy", logged.policy, clock.policy),
        ("rules_version", logged.rules_version, clock.rules_version),
    )
    owed = logged.stopped_at is None and logged.state != State.CANCELLED
    for field, before, after in pairs:
        if before == after or (owed and logged.awaited):
            continue
        if field == "state" and owed and after == State.BREACHED and clock.due_at is not None and clock.due_at < now:
            continue
        if field == "state" and owed and before == State.BREACHED and clock.due_at is not None and clock.due_at >= now:
            continue  # seen after `now`
        yield Difference(
            case_id=case_id,
            clock=clock.clock,
            n=clock.n,
            field=field,
            logged=None if before is None else str(before),
            replayed=None if after is None else str(after),
        )


def _to_the_log(at: datetime | None) -> datetime | None:
    """As exact as a record is."""
    return None if at is None else at.replace(microsecond=at.microsecond // 1000 * 1000)
