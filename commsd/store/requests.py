"""Statements on requests under an Idempotency-Key: which one a key stands for, for a day. crm-ops.md LOG-8.

That a request changes something once is the business of its decision; this tells whether it is the same request.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import NamedTuple

from sqlalchemy import Connection, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from commsd.core.change import CameTo
from commsd.store import crm_schema

KEPT = timedelta(hours=24)


class Reserved(NamedTuple):
    """What a key stands for. digest: of the request; at: since when; fresh: since this very call."""

    digest: str
    at: datetime
    fresh: bool


def reserve(connection: Connection, key: str, digest: str, now: datetime) -> Reserved:
    """Let the key stand for this request, unless it stands for one already. Keys past their time go in passing."""
    table = crm_schema.requests
    connection.execute(delete(table).where(table.c.at <= now - KEPT))
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"key": key, "digest": digest, "at": now}
    made = connection.execute(dialect.insert(table).values(**row).on_conflict_do_nothing()).rowcount == 1
    known = connection.execute(select(table.c.digest, table.c.at).where(table.c.key == key)).one()
    return Reserved(known.digest, known.at, made)


def came_to(connection: Connection, done: Iterable[CameTo]) -> None:
    """Note what requests made or changed, in the commit in which they did."""
    table = crm_schema.requests
    for each in done:
        connection.execute(update(table).where(table.c.key == each.request).values(came_to=each.id))


def done(connection: Connection, key: str) -> str | None:
    """What the request under this key made or changed; None while it has not."""
    table = crm_schema.requests
    found: str | None = connection.execute(select(table.c.came_to).where(table.c.key == key)).scalar_one_or_none()
    return found


def release(connection: Connection, key: str, at: datetime) -> None:
    """The request was refused and changed nothing: the key stands for none."""
    table = crm_schema.requests
    connection.execute(delete(table).where(table.c.key == key, table.c.at == at))
