"""Databases as former versions of commsd left them: their own rows, put into tables of their own revision.

`golden/rows_NNNN.json` was written by the last commsd of that revision: mails, a missed call, a touch by hand with a
promise, a case closed and one on hold, a key, numbered events and one that waits for its number.
"""

import json
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Boolean, Connection, DateTime, LargeBinary, MetaData, Table, insert, text
from sqlalchemy.types import JSON, TypeEngine

from commsd.store import migrate

FOLDER = Path(__file__).parent / "golden"
REVISIONS = tuple(sorted(path.stem.removeprefix("rows_") for path in FOLDER.glob("rows_*.json")))


def rows(revision: str) -> Mapping[str, Any]:
    """Table -> its columns and rows."""
    found: dict[str, Any] = json.loads((FOLDER / f"rows_{revision}.json").read_text())
    return found


def put(connection: Connection, revision: str) -> None:
    """Make an empty database the one of that revision."""
    migrate.upgrade(connection, revision)
    for name, kept in rows(revision).items():
        table = Table(name, MetaData(), autoload_with=connection)
        values = [
            {column: _value(each, table.c[column].type) for column, each in zip(kept["columns"], row, strict=True)}
            for row in kept["rows"]
        ]
        connection.execute(insert(table), values)
        if connection.dialect.name == "postgresql":
            _catch_up(connection, table)


def _value(value: Any, kind: TypeEngine[Any]) -> Any:
    """As SQLite kept it, and as this column takes it."""
    if value is None:
        return None
    if isinstance(kind, JSON):
        return json.loads(value)
    if isinstance(kind, DateTime):
        return datetime.fromisoformat(value)
    if isinstance(kind, Boolean):
        return bool(value)
    return bytes.fromhex(value["hex"]) if isinstance(kind, LargeBinary) else value


def _catch_up(connection: Connection, table: Table) -> None:
    """A database that numbered these rows itself goes on behind them."""
    for column in table.primary_key:
        sequence = connection.execute(text(f"SELECT pg_get_serial_sequence('{table.name}', '{column.name}')")).scalar()
        if sequence:
            connection.execute(text(f"SELECT setval('{sequence}', max({column.name})) FROM {table.name}"))
