"""Reading the books for `core.ledger`: every obligation that is not settled, and every contradiction."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, exists, func, not_, or_, select, text

from commsd.core.ledger import (
    INSTEAD,
    LOST_FOR,
    OBSERVED_FOR,
    Books,
    DampedMail,
    LostNotice,
    OwedAck,
    OwedCall,
    OwedClock,
    instead_keys,
)
from commsd.store import pauses, schema

AT_ONCE = 500
"""Ids in one statement, below what any database takes as parameters."""


def books(connection: Connection, now: datetime) -> Books:
    """All that the ledger looks at, as of now."""
    return Books(
        undecided=_undecided(connection),
        acks=_acks(connection),
        owed_acks=_owed_acks(connection, now),
        without_callback=_without_callback(connection),
        calls=_calls(connection),
        clocks=_clocks(connection),
        notices=_notices(connection, now),
        damped=_damped(connection),
        observed=_observed(connection, now),
        pauses=pauses.in_force(connection, now),
    )


def cases_of(connection: Connection, ids: Sequence[str]) -> dict[str, str]:
    """The case each of these is about: interactions, deliveries, clocks and callbacks, by id. Some have none."""
    found: dict[str, str] = {}
    for table in (schema.interactions, schema.deliveries, schema.clocks, schema.callbacks):
        for start in range(0, len(ids), AT_ONCE):
            wanted = and_(table.c.id.in_(ids[start : start + AT_ONCE]), table.c.case_id.is_not(None))
            found |= {
                row.id: row.case_id for row in connection.execute(select(table.c.id, table.c.case_id).where(wanted))
            }
    return found


def _caused_by() -> ColumnElement[Any]:
    caused: ColumnElement[Any] = schema.interactions.c.record["caused_by"].as_string()
    return caused


def _undecided(connection: Connection) -> tuple[str, ...]:
    """Writings taken in from a mailbox with neither a reason for silence nor an acknowledgement.

    What was entered by hand names a mailbox too, but has no original, and nobody acknowledges it.
    """
    table = schema.interactions
    acked = select(_caused_by()).where(table.c.current, table.c.kind == "ack")
    writing = and_(
        table.c.current, table.c.kind == "message", table.c.direction == "inbound", table.c.mailbox.is_not(None)
    )
    read_in = table.c.record["raw", "sha256"].as_string().is_not(None)
    open_ones = or_(table.c.reason == "error", and_(read_in, table.c.reason.is_(None), table.c.id.not_in(acked)))
    return tuple(connection.execute(select(table.c.id).where(writing, open_ones)).scalars())


def _acks(connection: Connection) -> dict[str, int]:
    table = schema.interactions
    caused = _caused_by()
    several = (
        select(caused.label("message"), func.count().label("number"))
        .where(table.c.current, table.c.kind == "ack")
        .group_by(caused)
        .having(func.count() > 1)
    )
    return {row.message: row.number for row in connection.execute(several)}


def _observed(connection: Connection, now: datetime) -> tuple[str, ...]:
    """Acknowledgements decided in observe mode of late, in cases still open where nobody answered since."""
    owed = schema.deliveries
    rows = connection.execute(
        select(owed.c.id)
        .join(schema.cases, schema.cases.c.id == owed.c.case_id)
        .where(
            owed.c.state == "suppressed",
            owed.c.due_at > now - OBSERVED_FOR,
            owed.c.kind.in_(("ack", "letter")),
            owed.c.reason == "no-ack:observe",
            schema.cases.c.state == "open",
            not_(_answered(owed.c.case_id, owed.c.created_at)),
        )
        .order_by(owed.c.due_at)
    )
    return tuple(rows.scalars())


def _answered(case_id: ColumnElement[str], since: ColumnElement[datetime]) -> ColumnElement[bool]:
    """Whether one of our people wrote or spoke to the customer of that case since then."""
    answer = schema.interactions.alias()
    ours = and_(answer.c.kind == "message", answer.c.direction == "outbound")
    return exists().where(
        answer.c.case_id == case_id,
        answer.c.current,
        answer.c.recorded_at > since,
        answer.c.outcome == "reached",
        or_(ours, answer.c.kind.in_(("call", "meeting"))),
    )


def _damped(connection: Connection) -> tuple[DampedMail, ...]:
    """Mail that a brake kept unanswered, in cases still open, until one of our people writes or speaks to them."""
    table, cases = schema.interactions, schema.cases
    # Word for word as in the index, which SQLite would not use otherwise.
    damped = text(schema.DAMPED.format(" = 1" if connection.dialect.name == "sqlite" else ""))
    held = select(table.c.id, table.c.case_id, table.c.reason, table.c.recorded_at).where(damped).subquery()
    rows = connection.execute(
        select(held.c.id, held.c.reason)
        .join(cases, cases.c.id == held.c.case_id)
        .where(cases.c.state == "open", not_(_answered(held.c.case_id, held.c.recorded_at)))
        .order_by(held.c.recorded_at)
    )
    return tuple(DampedMail(id=row.id, reason=row.reason.removeprefix("no-ack:")) for row in rows)


def _owed_acks(connection: Connection, now: datetime) -> tuple[OwedAck, ...]:
    table = schema.deliveries
    unsettled = table.c.state.in_(("queued", "sending", "unknown", "failed", "held"))
    paused = pauses.is_paused(now).label("paused")
    columns = (table.c.id, table.c.kind, table.c.via, table.c.state, table.c.due_at, table.c.claimed_until, paused)
    rows = connection.execute(select(*columns).where(table.c.kind.in_(("ack", "letter")), unsettled))
    return tuple(OwedAck(**row._mapping) for row in rows)


def _without_callback(connection: Connection) -> tuple[str, ...]:
    """Missed calls that no callback names. Blocked contacts are kept, but owed nothing."""
    table = schema.interactions
    missed = and_(table.c.current, table.c.kind == "call", table.c.direction == "inbound", table.c.outcome == "missed")
    blocked = set(
        connection.execute(
            select(schema.contacts.c.id).where(schema.contacts.c.record["blocked"].as_boolean())
        ).scalars()
    )
    named = {
        miss for row in connection.execute(select(schema.callbacks.c.record)) for miss in row.record.get("misses", ())
    }
    rows = connection.execute(select(table.c.id, table.c.contact_id).where(missed))
    return tuple(row.id for row in rows if row.id not in named and row.contact_id not in blocked)


def _calls(connection: Connection) -> tuple[OwedCall, ...]:
    table = schema.callbacks
    rows = connection.execute(select(table).where(table.c.state != "closed"))
    return tuple(
        OwedCall(
            id=row.id,
            state=row.state,
            due_at=row.due_at,
            case_id=row.case_id,
            misses=tuple(row.record.get("misses") or ()),
        )
        for row in rows
    )


def _clocks(connection: Connection) -> tuple[OwedClock, ...]:
    table = schema.clocks
    rows = connection.execute(select(table).where(table.c.owed).order_by(table.c.due_at))
    return tuple(
        OwedClock(
            id=row.id,
            case_id=row.case_id,
            clock=row.clock,
            due_at=row.due_at,
            told=tuple(row.record.get("told") or ()),
            timer_at=row.timer_at,
            promised_at=_instant(row.record.get("promised_at")),
            moved_at=_instant(row.record.get("moved_at")),
            opened_by=row.record.get("opened_by") or "",
        )
        for row in rows
    )


def _notices(connection: Connection, now: datetime) -> tuple[LostNotice, ...]:
    """Notices that did not arrive, while anything in their case is owed; and tellings nobody could make a notice of."""
    table, clock = schema.deliveries, schema.clocks
    owed = exists().where(and_(clock.c.case_id == table.c.case_id, clock.c.owed))
    rows = connection.execute(
        select(table.c.id, table.c.via, table.c.settled_at).where(
            table.c.kind.in_(("notice", "telling")),
            table.c.state.in_(("failed", "refused")),
            table.c.settled_at > now - LOST_FOR,
            not_(table.c.key.startswith(INSTEAD, autoescape=True)),
            or_(table.c.case_id.is_(None), owed),
        )
    ).all()
    keys = {each: row.id for row in rows for each in instead_keys(row.id)}
    found: dict[str, list[str]] = {row.id: [] for row in rows}
    for start in range(0, len(keys), AT_ONCE):
        part = table.c.key.in_(list(keys)[start : start + AT_ONCE])
        for key, state in connection.execute(select(table.c.key, table.c.state).where(part)):
            found[keys[key]].append(state)
    return tuple(
        LostNotice(id=row.id, via=row.via, settled_at=row.settled_at, instead=tuple(found[row.id])) for row in rows
    )


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None
