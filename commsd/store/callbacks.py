"""Owed calls as the dialler asks for them: which may be rung on a line, in which order; which are astir; who is busy.

Each answer costs what it gives, however many calls are owed. What is done about one, is `channels.phone.dial.plan`'s.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, and_, func, literal_column, select

from commsd.core.callback import Callback, State
from commsd.core.queue_order import in_order, urgency
from commsd.store import open_items, schema

FEW = 500
"""So many due calls are put in order here; of more, the database walks them in their order."""

AT_ONCE = 50
"""So many are read whole at a time."""

_WAITING: ColumnElement[str] = literal_column("'waiting'")
_WAITS = schema.callbacks.c.state == _WAITING
_ASTIR = and_(schema.callbacks.c.state != _WAITING, schema.callbacks.c.look_at.is_not(None))
"""As the indices have it: SQLite takes none of them for a bound value."""

_ON_THE_LINE = (State.DIALLING, State.TALKING, State.CLOSED)


def waiting(connection: Connection, line: str, now: datetime, limit: int = AT_ONCE) -> tuple[Callback, ...]:
    """The calls owed on this line that may be looked at, in the order of core/queue_order.py, `limit` at most."""
    table = schema.callbacks
    due = and_(_WAITS, table.c.line == line, table.c.look_at <= now)
    columns = (table.c.id, table.c.case_id, table.c.due_at, table.c.opened_at)
    rows = connection.execute(select(*columns).where(due).order_by(table.c.look_at).limit(FEW + 1)).all()
    if len(rows) > FEW:
        place = (table.c.due_at, table.c.opened_at)
        ready = func.coalesce(table.c.look_at, table.c.look_at) <= now  # bare, SQLite would sort all that are due
        walked = select(*columns).where(_WAITS, table.c.line == line, ready).order_by(*place).limit(limit)
        rows = connection.execute(walked).all()
    priorities = _priorities(connection, [row.case_id for row in rows])
    if len(rows) > limit:  # what is no more than placed need not be read
        rows = sorted(rows, key=lambda row: _roughly(row, priorities))[:limit]
    found = _of(connection, table.c.id.in_([row.id for row in rows])) if rows else []
    return in_order(found, priorities)


def _roughly(row: Any, priorities: Mapping[str, str]) -> tuple[datetime, int, datetime]:
    """Its place as far as columns tell: all but how often the customer rang."""
    return row.due_at or row.opened_at, urgency(priorities.get(row.case_id)), row.opened_at


def _priorities(connection: Connection, case_ids: Sequence[str]) -> Mapping[str, str]:
    """By case, where it is not the usual one."""
    table = schema.cases
    priority = table.c.record["priority"].as_string()
    asked = select(table.c.id, priority.label("priority")).where(table.c.id.in_(set(case_ids)))
    return {row.id: row.priority for row in connection.execute(asked) if row.priority} if case_ids else {}


def astir(connection: Connection, now: datetime, limit: int = FEW) -> tuple[Callback, ...]:
    """Those in somebody's hand that are to be looked at, the longest due first: attempts of which nothing is heard,
    talks without a result, claims that ran out, and closed ones whose legs are still to be let go."""
    table = schema.callbacks
    asked = select(table.c.id).where(_ASTIR, table.c.look_at <= now).order_by(table.c.look_at).limit(limit)
    ids = connection.execute(asked).scalars().all()
    found = _of(connection, table.c.id.in_(ids)) if ids else []
    return tuple(sorted(found, key=lambda each: (each.look_at or now, each.id)))


def open_on(connection: Connection, line: str) -> tuple[Callback, ...]:
    """Every call owed on this line, in its order, whatever its state."""
    table = schema.callbacks
    return in_order(_of(connection, table.c.line == line, table.c.state != State.CLOSED.value))


def under_way(connection: Connection) -> tuple[Callback, ...]:
    """Those with an attempt that we placed and whose legs may be up; also of calls that are owed no longer."""
    found = _of(connection, _ASTIR)
    return tuple(each for each in found if each.state in _ON_THE_LINE and each.live and each.live.id)


def calling(connection: Connection) -> frozenset[str]:
    """Our people who are on a call that we placed; telephony.md P7."""
    return frozenset(each.live.by for each in under_way(connection) if each.live and each.live.by)


def calls_since(connection: Connection, since: datetime) -> Mapping[str, int]:
    """How many calls each of our people made since then, by agent id. It reads what was recorded since."""
    table = schema.interactions
    agent = table.c.record["agent_id"].as_string()
    made = and_(table.c.recorded_at >= since, table.c.current, table.c.kind == "call", table.c.direction == "outbound")
    rows = connection.execute(select(agent.label("agent"), func.count()).where(made).group_by(agent)).all()
    return {row[0]: row[1] for row in rows if row[0]}


def _of(connection: Connection, *where: ColumnElement[bool]) -> list[Callback]:
    return open_items.records(connection, Callback, schema.callbacks, *where)
