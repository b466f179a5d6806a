"""Statements on the audit: who was refused, who changed a key or a webhook, who read about people. Ids, never more."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, delete, select

from commsd.store import crm_schema
from commsd.store.bulk import insert

KEPT = timedelta(days=400)
"""So long one can ask who read about a person: a year, and some time to look back on it."""

BATCH = 1000


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditRow:
    """Something that was done or refused. id: its place in the stream, 0 before it is written.

    caller: "key:NAME", "session:NAME", "cli" or "nobody". about: ids, or spans such as "events:12-90".
    """

    at: datetime
    caller: str
    what: str
    outcome: str
    route: str | None = None
    scope: str | None = None
    about: tuple[str, ...] = ()
    id: int = 0


def values_of(row: AuditRow) -> Mapping[str, Any]:
    """The row as the table has it; its number is given there."""
    return {
        "at": row.at,
        "caller": row.caller[:64],
        "what": row.what,
        "outcome": row.outcome,
        "route": row.route,
        "scope": row.scope,
        "about": list(row.about) or None,
    }


def note(connection: Connection, row: AuditRow) -> None:
    """Write it down in the transaction of what it tells of."""
    insert(connection, crm_schema.audit, [dict(values_of(row))])


def audited(
    connection: Connection,
    *,
    after: int = 0,
    limit: int,
    what: str | None = None,
    caller: str | None = None,
    since: datetime | None = None,
) -> tuple[AuditRow, ...]:
    """The stream in its order, behind `after`."""
    table = crm_schema.audit
    statement = select(table).where(table.c.id > after).order_by(table.c.id).limit(limit)
    for column, value in ((table.c.what, what), (table.c.caller, caller)):
        if value is not None:
            statement = statement.where(column == value)
    if since is not None:
        statement = statement.where(table.c.at >= since)
    rows = connection.execute(statement).all()
    return tuple(AuditRow(**{**row._mapping, "about": tuple(row.about or ())}) for row in rows)


def drop_audited(connection: Connection, before: datetime) -> int:
    """Let go of what was written down before; says of how many."""
    table = crm_schema.audit
    ids = list(connection.execute(select(table.c.id).where(table.c.at <= before).limit(BATCH)).scalars())
    if ids:
        connection.execute(delete(table).where(table.c.id.in_(ids)))
    return len(ids)
