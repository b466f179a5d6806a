"""Rows in bulk: each INSERT is compiled once for a database, a table and its columns, then runs on ready values.

Bound row by row through SQLAlchemy, they cost more than the database's own work. PostgreSQL takes all rows of a batch
in one statement, a list for each column: statement by statement it works half as long again for each row.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from operator import itemgetter
from typing import Any, NamedTuple, cast

import orjson
from sqlalchemy import JSON, Column, Connection, Dialect, String, Table, Text, bindparam, func, select
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.types import TypeEngine

Values = Mapping[str, Any]
Bind = Callable[[Any], Any]


def insert(connection: Connection, table: Table, rows: Sequence[Values], *, ignore: bool = False) -> None:
    """Insert rows that have the same columns. ignore: one that is there already stays as it is."""
    if rows:
        _run(connection, _inserting(connection.dialect, table, tuple(rows[0]), ignore), rows)


def upsert(connection: Connection, table: Table, rows: Sequence[Values], *key: str, once: Sequence[str] = ()) -> None:
    """Insert or replace; of rows with one key (`id` if none is named) the last. once: columns that stay as they are."""
    if not rows:
        return
    key = key or ("id",)
    last = {tuple(row[name] for name in key): row for row in rows}
    statement = _replacing(connection.dialect, table, tuple(rows[0]), key, tuple(once))
    _run(connection, statement, list(last.values()))


class _Prepared(NamedTuple):
    """An INSERT ready to run. binds: for each of its parameters the column, and what makes a value fit for it.

    by_column: a parameter is all values of its column.
    """

    sql: str
    binds: tuple[tuple[str, Bind | None], ...]
    by_column: bool


def _run(connection: Connection, statement: _Prepared, rows: Sequence[Values]) -> None:
    columns = [
        map(itemgetter(name), rows) if bind is None else [bind(row[name]) for row in rows]
        for name, bind in statement.binds
    ]
    if statement.by_column:
        connection.exec_driver_sql(statement.sql, tuple(map(list, columns)))
    else:
        connection.exec_driver_sql(statement.sql, list(zip(*columns, strict=True)))


@lru_cache
def _inserting(dialect: Dialect, table: Table, names: tuple[str, ...], ignore: bool) -> _Prepared:
    statement = _insert_of(dialect, table, names)
    return _prepared(dialect, table, names, statement.on_conflict_do_nothing() if ignore else statement)


@lru_cache
def _replacing(
    dialect: Dialect, table: Table, names: tuple[str, ...], key: tuple[str, ...], once: tuple[str, ...]
) -> _Prepared:
    statement = _insert_of(dialect, table, names)
    changed = {name: statement.excluded[name] for name in names if name not in key and name not in once}
    return _prepared(dialect, table, names, statement.on_conflict_do_update(index_elements=list(key), set_=changed))


def _prepared(dialect: Dialect, table: Table, names: tuple[str, ...], statement: Any) -> _Prepared:
    compiled = cast(SQLCompiler, statement.inline().compile(dialect=dialect, column_keys=list(names)))
    order = compiled.positiontup or ()
    binds = tuple((name, _bind(table.c[name], dialect)) for name in order)
    return _Prepared(str(compiled), binds, dialect.name == "postgresql")


def _bind(column: Column[Any], dialect: Dialect) -> Bind | None:
    kind = column.type.dialect_impl(dialect)
    return _json if isinstance(kind, JSON) else kind.bind_processor(dialect)


def _json(value: Any) -> str:
    """Bytes are JSON already: a record is made into text once, for each row that holds it."""
    return (value if isinstance(value, bytes) else orjson.dumps(value)).decode()


def _insert_of(dialect: Dialect, table: Table, names: Sequence[str]) -> Any:
    if dialect.name != "postgresql":
        return sqlite.insert(table)
    lists = (bindparam(name, type_=postgresql.ARRAY(_boundless(table.c[name]))) for name in names)
    given = func.unnest(*lists).table_valued(*names).render_derived(name="given")
    return postgresql.insert(table).from_select(list(names), select(given), include_defaults=False)


def _boundless(column: Column[Any]) -> TypeEngine[Any]:
    """Cast to its own length a text would be cut, without it one too long for its column is refused."""
    return Text() if isinstance(column.type, String) else column.type
