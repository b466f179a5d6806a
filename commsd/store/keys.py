"""Statements on API keys, and on tokens that count only once."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, delete, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from commsd.store import schema

KEPT = timedelta(days=2)
"""How long a used token is remembered; longer than any token is valid."""

_USED = "used:"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key as it is kept. digest: SHA-256 of its text, in hex."""

    id: str
    name: str
    digest: str = field(repr=False)
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None


def insert_key(connection: Connection, row: KeyRow) -> bool:
    """Keep a key; False where its name is taken. A revoked key gives its name free."""
    table = schema.api_keys
    connection.execute(
        update(table)
        .where(and_(table.c.name == row.name, table.c.revoked_at.is_not(None)))
        .values(name=table.c.name + " " + table.c.id)
    )
    values = {
        "id": row.id,
        "name": row.name,
        "digest": row.digest,
        "scopes": list(row.scopes),
        "created_at": row.created_at,
        "revoked_at": None,
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    done = connection.execute(dialect.insert(table).values(**values).on_conflict_do_nothing())
    return done.rowcount == 1


def key_row(connection: Connection, key_id: str) -> KeyRow | None:
    """The key of this id."""
    table = schema.api_keys
    row = connection.execute(select(table).where(table.c.id == key_id)).one_or_none()
    return KeyRow(**{**row._mapping, "scopes": tuple(row.scopes)}) if row else None


def all_keys(connection: Connection) -> tuple[KeyRow, ...]:
    """Every key, oldest first."""
    table = schema.api_keys
    rows = connection.execute(select(table).order_by(table.c.created_at, table.c.id)).all()
    return tuple(KeyRow(**{**row._mapping, "scopes": tuple(row.scopes)}) for row in rows)


def revoke_key(connection: Connection, name: str, now: datetime) -> bool:
    """End the key of this name or id; False where none is in force."""
    table = schema.api_keys
    done = connection.execute(
        update(table)
        .where(and_(or_(table.c.name == name, table.c.id == name), table.c.revoked_at.is_(None)))
        .values(revoked_at=now)
    )
    return done.rowcount > 0


def use_once(connection: Connection, token_id: str, now: datetime) -> bool:
    """Note that a token was used; False where it was before. Old notes are swept away in passing."""
    table = schema.notes
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    used = {"name": _USED + token_id, "value": now.isoformat()}
    done = connection.execute(dialect.insert(table).values(**used).on_conflict_do_nothing())
    old = [
        row.name
        for row in connection.execute(select(table).where(table.c.name.startswith(_USED)))
        if now - datetime.fromisoformat(row.value) > KEPT
    ]
    if old:
        connection.execute(delete(table).where(table.c.name.in_(old)))
    return done.rowcount == 1
