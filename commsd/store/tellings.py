"""What waits to be told, what a person was told lately, and what is owed to whom: read for dispatch and digest."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, select

from commsd.core.interaction import Delivery
from commsd.core.ladder import PAGE
from commsd.store import schema
from commsd.store.debts import AT_ONCE
from commsd.store.rows import delivery_of

NOTICES = "told:"
"""How the keys of notices begin that tellings were put into."""


class Waiting(NamedTuple):
    """A telling that may go out. payload: see `sla.telling`."""

    id: str
    recipient: str
    payload: bytes
    created_at: datetime


class OwedNow(NamedTuple):
    """A clock somebody must still act on, with whose case it is."""

    id: str
    case_id: str
    clock: str
    state: str
    due_at: datetime | None
    owner: str | None
    team: str | None
    mailbox: str | None
    line: str | None


def waiting(connection: Connection, now: datetime, limit: int) -> tuple[Waiting, ...]:
    """Tellings whose time has come, pages first, then the oldest."""
    table = schema.deliveries
    ready = and_(table.c.state == "queued", table.c.kind == "telling", table.c.due_at <= now)
    paged = case((table.c.reason == PAGE, 0), else_=1)
    columns = (table.c.id, table.c.recipient, table.c.payload, table.c.created_at)
    rows = connection.execute(select(*columns).where(ready).order_by(paged, table.c.due_at, table.c.id).limit(limit))
    return tuple(Waiting(row.id, row.recipient, row.payload, row.created_at) for row in rows)


def told_within(
    connection: Connection, recipients: Sequence[str], since: datetime, until: datetime
) -> dict[str, list[datetime]]:
    """When each of these was given a notice, oldest first. What a clock that ran ahead dated later does not count."""
    table = schema.deliveries
    found: dict[str, list[datetime]] = {}
    for start in range(0, len(recipients), AT_ONCE):
        theirs = table.c.recipient.in_(recipients[start : start + AT_ONCE])
        spoken = and_(table.c.created_at > since, table.c.created_at <= until)
        lately = and_(theirs, spoken, table.c.key.startswith(NOTICES, autoescape=True))
        for row in connection.execute(select(table.c.recipient, table.c.created_at).where(lately)):
            found.setdefault(row.recipient, []).append(row.created_at)
    return {recipient: sorted(times) for recipient, times in found.items()}


def is_made(connection: Connection, key: str) -> bool:
    """Whether there is a delivery under this key."""
    table = schema.deliveries
    return connection.execute(select(table.c.id).where(table.c.key == key)).first() is not None


def of_case(connection: Connection, case_id: str) -> tuple[Delivery, ...]:
    """Every telling about a case, oldest first, with what became of it."""
    table = schema.deliveries
    about = and_(table.c.case_id == case_id, table.c.kind == "telling")
    rows = connection.execute(select(table).where(about).order_by(table.c.created_at, table.c.id))
    return tuple(delivery_of(row) for row in rows)


def owed_now(connection: Connection, after: str, limit: int) -> tuple[OwedNow, ...]:
    """Clocks that are owed, by id, behind `after`."""
    due, case = schema.clocks, schema.cases
    rows = connection.execute(
        select(due.c.id, due.c.case_id, due.c.clock, due.c.state, due.c.due_at, *map(_of_case, _WHOSE))
        .select_from(due.join(case, case.c.id == due.c.case_id))
        .where(due.c.owed, due.c.id > after)
        .order_by(due.c.id)
        .limit(limit)
    )
    return tuple(OwedNow(*row) for row in rows)


_WHOSE = ("owner", "team", "mailbox", "line")


def _of_case(name: str) -> ColumnElement[Any]:
    field: ColumnElement[Any] = schema.cases.c.record[name].as_string()
    return field.label(name)
