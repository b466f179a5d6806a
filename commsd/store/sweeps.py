"""Statements on how far lists elsewhere were looked through, and which calls of such a list we know."""

from collections.abc import Collection, Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, select
from sqlalchemy.dialects import postgresql, sqlite

from commsd.core.interaction import CALL_SID
from commsd.store import phone_schema, schema
from commsd.store.rows import external_key

_AT_ONCE = 500


def marks(connection: Connection, names: Collection[str]) -> Mapping[str, datetime]:
    """The marks under these names, where there are any."""
    table = phone_schema.sweeps
    rows = connection.execute(select(table).where(table.c.name.in_(names)))
    return {row.name: row.at for row in rows}


def begin(connection: Connection, names: Iterable[str], at: datetime) -> None:
    """Set the marks that are not there yet; the others stay."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    if rows := [{"name": name, "at": at} for name in names]:
        connection.execute(dialect.insert(phone_schema.sweeps).values(rows).on_conflict_do_nothing())


def advance(connection: Connection, name: str, at: datetime) -> None:
    """Put the mark forward; another node may have put it further, then it stays."""
    table = phone_schema.sweeps
    connection.execute(table.update().where(table.c.name == name, table.c.at < at).values(at=at))


def unknown_calls(connection: Connection, sids: Collection[str]) -> frozenset[str]:
    """Those of these calls that neither a webhook nor the log knows."""
    wanted = list(sids)
    known: set[str] = set()
    for start in range(0, len(wanted), _AT_ONCE):
        known |= _known(connection, wanted[start : start + _AT_ONCE])
    return frozenset(wanted) - known


def _known(connection: Connection, sids: list[str]) -> set[str]:
    journal, ids = schema.journal, schema.external_ids
    told = connection.execute(select(journal.c.call_sid).where(journal.c.call_sid.in_(sids))).scalars()
    by_key = {external_key(CALL_SID, sid): sid for sid in sids}
    logged = connection.execute(select(ids.c.key).where(ids.c.key.in_(by_key))).scalars()
    return {*(sid for sid in told if sid), *(by_key[key] for key in logged)}
