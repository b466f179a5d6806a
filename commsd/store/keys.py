"""Statements on API keys, and on tokens that count only once."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, delete, literal, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from commsd.store import crm_schema, schema

KEPT = timedelta(days=2)
"""How long a used token is remembered; longer than any token is valid."""

_USED = "used:"


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyRow:
    """A key as it is kept. digest: SHA-256 of its text, in hex. networks: where it is good; (): everywhere."""

    id: str
    name: str
    digest: str = field(repr=False)
    scopes: tuple[str, ...]
    created_at: datetime
    revoked_at: datetime | None
    expires_at: datetime | None = None
    last_used_at: datetime | None = None
    networks: tuple[str, ...] = ()

    def holds(self, now: datetime) -> bool:
        """Whether it is neither revoked nor over."""
        return self.revoked_at is None and (self.expires_at is None or self.expires_at > now)


def insert_key(connection: Connection, row: KeyRow) -> bool:
    """Keep a key; False where its name is taken. A revoked key gives its name free."""
    table = crm_schema.api_keys
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
        "expires_at": row.expires_at,
        "last_used_at": None,
        "networks": list(row.networks) or None,
    }
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    done = connection.execute(dialect.insert(table).values(**values).on_conflict_do_nothing())
    return done.rowcount == 1


def key_row(connection: Connection, key_id: str) -> KeyRow | None:
    """The key of this id."""
    table = crm_schema.api_keys
    row = connection.execute(select(table).where(table.c.id == key_id)).one_or_none()
    return _key(row) if row else None


def all_keys(connection: Connection) -> tuple[KeyRow, ...]:
    """Every key, oldest first."""
    table = crm_schema.api_keys
    rows = connection.execute(select(table).order_by(table.c.created_at, table.c.id)).all()
    return tuple(map(_key, rows))


def _key(row: Row[Any]) -> KeyRow:
    return KeyRow(**{**row._mapping, "scopes": tuple(row.scopes), "networks": tuple(row.networks or ())})


def revoke_key(connection: Connection, name: str, now: datetime) -> list[str]:
    """End the keys of this name, also one it was rotated from, or the one of this id; gives the ids of those ended."""
    table = crm_schema.api_keys
    meant = or_(table.c.name == name, table.c.id == name, table.c.name == literal(name + " ") + table.c.id)
    wanted = and_(meant, table.c.revoked_at.is_(None))
    ids = list(connection.execute(select(table.c.id).where(wanted)).scalars())
    if ids:
        connection.execute(update(table).where(table.c.id.in_(ids)).values(revoked_at=now))
    return ids


def retire_key(connection: Connection, key_id: str, until: datetime) -> bool:
    """Take its name off a key in force, which ends then; False where it is not in force."""
    table = crm_schema.api_keys
    done = connection.execute(
        update(table)
        .where(and_(table.c.id == key_id, table.c.revoked_at.is_(None)))
        .values(name=table.c.name + " " + table.c.id, expires_at=until)
    )
    return done.rowcount == 1


def note_use(connection: Connection, key_id: str, at: datetime) -> None:
    """Remember when a key was last used; never an earlier time than is known."""
    table = crm_schema.api_keys
    later = or_(table.c.last_used_at.is_(None), table.c.last_used_at < at)
    connection.execute(update(table).where(and_(table.c.id == key_id, later)).values(last_used_at=at))


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
