"""Owed calls as the dialler asks for them: which may be rung on a line, in which order; which are astir; who is busy.

Each answer costs what it gives, however many calls are owed. What is done about one, is `channels.phone.dial.plan`'s.
"""

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, and_, bindparam, case, func, literal_column, select

from commsd.core.callback import Attempt, Callback, State
from commsd.core.interaction import Interaction
from commsd.core.queue_order import URGENCY, in_order, urgency
from commsd.store import open_items, schema

FEW = 500
"""So many due calls are put in order here; of more, the database walks them in their order."""

AT_ONCE = 50
"""So many are read whole at a time."""

_TABLE = schema.callbacks
_WAITING: ColumnElement[str] = literal_column("'waiting'")
_WAITS = and_(_TABLE.c.state == _WAITING, _TABLE.c.line == bindparam("line"))
_ASTIR = and_(_TABLE.c.state != _WAITING, _TABLE.c.look_at.is_not(None))
"""As the indices have it: SQLite takes none of them for a bound value."""

_ON_THE_LINE = (State.DIALLING, State.TALKING, State.CLOSED)

_DUE = and_(_WAITS, _TABLE.c.look_at <= bindparam("now"))
_MANY = select(1).where(_DUE).order_by(_TABLE.c.look_at).limit(1).offset(bindparam("few"))
_READY = and_(_WAITS, func.coalesce(_TABLE.c.look_at, _TABLE.c.look_at) <= bindparam("now"))
"""The same calls; with the bare column SQLite would sort all that are due instead of walking them in their order."""

_PRIORITY = schema.cases.c.record["priority"].as_string()
_URGENCY = case({name: urgency(name) for name in URGENCY}, value=_PRIORITY, else_=urgency(None))


def _first(ready: ColumnElement[bool], *place: ColumnElement[Any]) -> Select[Any]:
    """Asks which come first of those, and how pressing their cases are. The statements are made once."""
    with_case = _TABLE.outerjoin(schema.cases, schema.cases.c.id == _TABLE.c.case_id)
    asked = select(_TABLE.c.id, _TABLE.c.case_id, _PRIORITY.label("priority")).select_from(with_case)
    return asked.where(ready).order_by(*place).limit(bindparam("most")).offset(bindparam("skip"))


_FIRST_OF_FEW = _first(_DUE, schema.CALLBACK_DUE, _URGENCY, _TABLE.c.opened_at)
_FIRST_OF_MANY = _first(_READY, schema.CALLBACK_DUE, _TABLE.c.opened_at)


def waiting(
    connection: Connection, line: str, now: datetime, limit: int = AT_ONCE, skip: int = 0
) -> tuple[Callback, ...]:
    """The calls owed on this line that may be looked at, in the order of core/queue_order.py, `limit` at most.

    skip: so many of the first are left out, for who has seen them.
    """
    many = connection.execute(_MANY, {"line": line, "now": now, "few": FEW}).first()
    asked = _FIRST_OF_MANY if many else _FIRST_OF_FEW
    rows = connection.execute(asked, {"line": line, "now": now, "most": limit, "skip": skip}).all()
    found = open_items.callbacks(connection, [row.id for row in rows]) if rows else []
    return in_order(found, {row.case_id: row.priority for row in rows if row.priority})


def astir(connection: Connection, now: datetime, limit: int = FEW) -> tuple[Callback, ...]:
    """Those in somebody's hand that are to be looked at, the longest due first: attempts of which nothing is heard,
    talks without a result, claims that ran out, and closed ones whose legs are still to be let go."""
    table = schema.callbacks
    asked = select(table.c.id).where(_ASTIR, table.c.look_at <= now).order_by(table.c.look_at).limit(limit)
    ids = connection.execute(asked).scalars().all()
    found = open_items.callbacks(connection, ids) if ids else []
    return tuple(sorted(found, key=lambda each: (each.look_at or now, each.id)))


def under_way(connection: Connection) -> tuple[Callback, ...]:
    """Those with an attempt that we placed and whose legs may be up; also of calls that are owed no longer."""
    found = _of(connection, _ASTIR)
    return tuple(each for each in found if each.state in _ON_THE_LINE and each.live and each.live.id)


def calls_since(connection: Connection, since: datetime) -> Mapping[str, int]:
    """How many calls each of our people made since then, by agent id. It reads what was recorded since."""
    table = schema.interactions
    agent = table.c.record["agent_id"].as_string()
    made = and_(table.c.recorded_at >= since, table.c.current, table.c.kind == "call", table.c.direction == "outbound")
    rows = connection.execute(select(agent.label("agent"), func.count()).where(made).group_by(agent)).all()
    return {row[0]: row[1] for row in rows if row[0]}


def tries_to(connection: Connection, callback: Callback, since: datetime) -> tuple[Attempt, ...]:
    """The tries since then to its number, of other callbacks, on whatever line."""
    if callback.number is None:
        return ()
    table = schema.callbacks
    others = _of(connection, table.c.number == callback.number, table.c.id != callback.id)
    return tuple(attempt for other in others for attempt in other.attempts if attempt.at >= since)


def owed_to(connection: Connection, numbers: Collection[str]) -> Mapping[str, datetime]:
    """Since when a call is owed to each of these numbers, on whatever line."""
    table = schema.callbacks
    owed = and_(table.c.number.in_(numbers), table.c.state != State.CLOSED.value)
    asked = select(table.c.number, func.min(table.c.opened_at)).where(owed).group_by(table.c.number)
    return {row[0]: row[1] for row in connection.execute(asked)}


def missed_at(connection: Connection, callback: Callback) -> datetime | None:
    """When the last of its missed calls was over, as far as known; None where it answers none."""
    facts = schema.interactions
    missed = open_items.records(connection, Interaction, facts, facts.c.id.in_(callback.misses), facts.c.current)
    return max((miss.ended_at or miss.occurred_at for miss in missed), default=None)


def _of(connection: Connection, *where: ColumnElement[bool]) -> list[Callback]:
    return open_items.records(connection, Callback, schema.callbacks, *where)
