"""A store opened for reading only, without a loop of one's own: for a process that replays the past and nothing else.

The database itself refuses every write. Statements are the same functions of a Connection as everywhere in this folder.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Protocol, TypeVar

import orjson
from sqlalchemy import Connection, QueuePool, create_engine, make_url

from commsd.errors import ConfigError, Unreachable
from commsd.store.engine import is_unavailable, open_engine

T = TypeVar("T")

DEADLINE = 300.0
"""Seconds one reading may take: a part of a long past, on a busy host."""


class Reading(Protocol):
    """What can be read. Raises Unreachable where the database does not answer."""

    def read(self, f: Callable[[Connection], T]) -> T:
        """What `f` finds, all of it as it was at one moment."""


@contextmanager
def read_only(url: str) -> Iterator[Reading]:
    """The store behind `[store] url`, from which nothing but reading is possible. Raises Unreachable, ConfigError."""
    kind = url.partition(":")[0].partition("+")[0]
    store: _Sqlite | _Postgres
    if kind == "sqlite":
        store = _Sqlite(url)
    elif kind in ("postgresql", "postgres"):
        store = _Postgres(url)
    else:
        open_engine(url)  # says what is wrong with it
        raise ConfigError(f"[store] url begins with '{kind}:'", remedy="name an SQLite file or a PostgreSQL server")
    try:
        yield store
    finally:
        store.close()


class _Sqlite:
    def __init__(self, url: str) -> None:
        path = Path(make_url(url).database or "").absolute()
        self._engine = create_engine(
            "sqlite://",
            creator=lambda: _connect(path),
            poolclass=QueuePool,
            pool_size=1,
            hide_parameters=True,
            json_deserializer=orjson.loads,
        )

    def read(self, f: Callable[[Connection], T]) -> T:
        try:
            with self._engine.connect() as connection:
                connection.exec_driver_sql("BEGIN")  # else each statement would see a moment of its own
                return f(connection)
        except Exception as error:
            if not is_unavailable(error):
                raise
            raise _away(error) from error

    def close(self) -> None:
        self._engine.dispose()


def _connect(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=30.0, check_same_thread=False)
    for pragma in ("query_only=ON", "cache_size=-32768"):
        connection.execute(f"PRAGMA {pragma}")
    return connection


class _Postgres:
    def __init__(self, url: str) -> None:
        from sqlalchemy.ext.asyncio import create_async_engine  # 5 MB, which SQLite does without

        self._runner = asyncio.Runner()
        self._engine = create_async_engine(
            make_url(url).set(drivername="postgresql+asyncpg"),
            connect_args={"server_settings": {"default_transaction_read_only": "on", "jit": "off"}},
            pool_size=1,
            isolation_level="REPEATABLE READ",
            hide_parameters=True,
            json_deserializer=orjson.loads,
        )

    def read(self, f: Callable[[Connection], T]) -> T:
        async def reading() -> T:
            async with asyncio.timeout(DEADLINE), self._engine.connect() as connection:
                return await connection.run_sync(f)

        try:
            return self._runner.run(reading())
        except Exception as error:
            if not is_unavailable(error):
                raise
            raise _away(error) from error

    def close(self) -> None:
        async def leaving() -> None:
            async with asyncio.timeout(DEADLINE):
                await self._engine.dispose()

        try:
            self._runner.run(leaving())
        finally:
            self._runner.close()


def _away(error: Exception) -> Unreachable:
    return Unreachable(
        f"the store does not answer ({type(error).__name__})", remedy="check it with `commsd db check`, then try again"
    )
