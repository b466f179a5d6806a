"""What our people are still to be told of calls: misses nobody was told of, callbacks that last in a state, marks."""

from collections.abc import Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, exists, func, literal, not_, or_, select

from commsd.core.interaction import Delivery
from commsd.store import schema
from commsd.store.debts import AT_ONCE
from commsd.store.rows import delivery_of


class Untold(NamedTuple):
    """A missed call of which nobody was told."""

    id: str
    line: str
    recorded_at: datetime


def untold(connection: Connection, since: datetime, lines: Sequence[str], limit: int) -> tuple[Untold, ...]:
    """Missed calls on these lines recorded since then that have no mark, the oldest first."""
    table, made = schema.interactions, schema.deliveries
    marked = exists().where(made.c.key == literal("missed:").concat(table.c.id))
    wanted = and_(
        table.c.recorded_at >= since,
        table.c.current,
        table.c.kind == "call",
        table.c.direction == "inbound",
        table.c.outcome == "missed",
        table.c.line.in_(lines),
        not_(marked),
    )
    columns = (table.c.id, table.c.line, table.c.recorded_at)
    rows = connection.execute(select(*columns).where(wanted).order_by(table.c.recorded_at, table.c.id).limit(limit))
    return tuple(Untold(*row) for row in rows)


def lasting(connection: Connection, states: Sequence[str], limit: int) -> tuple[str, ...]:
    """Ids of callbacks in these states, the longest due first."""
    table = schema.callbacks
    due = func.coalesce(table.c.due_at, table.c.opened_at)
    rows = connection.execute(
        select(table.c.id).where(table.c.state.in_(states)).order_by(due, table.c.id).limit(limit)
    )
    return tuple(row.id for row in rows)


def made(connection: Connection, keys: Sequence[str]) -> dict[str, datetime]:
    """Which of these marks are made, and when."""
    table = schema.deliveries
    found: dict[str, datetime] = {}
    for start in range(0, len(keys), AT_ONCE):
        part = keys[start : start + AT_ONCE]
        rows = connection.execute(select(table.c.key, table.c.created_at).where(table.c.key.in_(part)))
        found |= {row.key: row.created_at for row in rows}
    return found


def told_since(connection: Connection, line: str, since: datetime) -> tuple[datetime, ...]:
    """When missed calls of this line were told since then, oldest first."""
    table = schema.deliveries
    lately = and_(table.c.recipient == recipient_of(line), table.c.created_at > since)
    return tuple(connection.execute(select(table.c.created_at).where(lately).order_by(table.c.created_at)).scalars())


def recipient_of(line: str) -> str:
    """Whom a mark names as its recipient: nobody, but the line, so that those of a line are counted."""
    return f"line:{line}"


def reason(connection: Connection, key: str) -> str | None:
    """What the mark of this key gives as its reason."""
    found: str | None = connection.execute(
        select(schema.deliveries.c.reason).where(schema.deliveries.c.key == key)
    ).scalar()
    return found


def notices_of(connection: Connection, case_id: str, prefixes: Sequence[str]) -> tuple[Delivery, ...]:
    """The notices of a case whose keys begin with one of these, oldest first."""
    table = schema.deliveries
    about = or_(*(table.c.key.startswith(prefix, autoescape=True) for prefix in prefixes))
    wanted = and_(table.c.case_id == case_id, table.c.kind == "notice", about)
    rows = connection.execute(select(table).where(wanted).order_by(table.c.created_at, table.c.id))
    return tuple(delivery_of(row) for row in rows)
