"""Connecting to SQLite or PostgreSQL: a read on a fresh view, a commit in one transaction.

Statements elsewhere in this folder are plain functions of a SQLAlchemy Connection; SQLite runs them in threads,
PostgreSQL over asyncpg, and neither knows the difference.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Protocol, TypeVar

import orjson
from sqlalchemy import Connection, create_engine, event, make_url, text
from sqlalchemy import Engine as SqlalchemyEngine
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

from commsd.errors import ConfigError, Unreachable
from commsd.store import decision_lock
from commsd.store.file_watch import FileWatch
from commsd.store.silence import silence_of

T = TypeVar("T")

READ_DEADLINE = 30.0
COMMIT_DEADLINE = 60.0

BUSY_MS, TIDY_MS = 5000, 200
"""Milliseconds for which SQLite waits for another process; no commit waits longer for readers that a tidying meets."""

PASSING = ("40001", "40P01", "08", "53", "57P")
"""SQLSTATEs, or how they begin, after which the same may succeed: serialisation, connection, resources, shutdown."""


class Engine(Protocol):
    """A database. `read` runs a function on a fresh view, `commit` in one transaction of its own; deadline: seconds."""

    dialect: str

    async def read(self, f: Callable[[Connection], T], deadline: float = READ_DEADLINE) -> T: ...

    async def commit(self, f: Callable[[Connection], T], deadline: float = COMMIT_DEADLINE) -> T: ...

    async def tidy(self) -> bool:
        """Let go of what an erasure leaves beside the rows: SQLite's write-ahead log, PostgreSQL's `decision_keys`.

        False where somebody holds on to it.
        """
        ...

    async def close(self) -> None: ...


_ASYNCPG = "pip install 'commsd[postgres]'"


def open_engine(url: str) -> Engine:
    """The engine behind `[store] url`. Raises ConfigError for a kind we do not serve."""
    kind = url.partition(":")[0].partition("+")[0]
    if kind == "sqlite":
        return SqliteEngine(url)
    if kind in ("postgresql", "postgres"):
        if find_spec("asyncpg") is None:
            raise ConfigError("[store] url names PostgreSQL, and asyncpg is not installed", remedy=_ASYNCPG)
        return PostgresEngine(url)
    raise ConfigError(
        f"[store] url begins with '{kind}:'",
        remedy='write "sqlite:////path/commsd.db" or "postgresql://user@host/name"',
    )


def _dumps(value: Any) -> str:
    return orjson.dumps(value).decode()


class SqliteEngine:
    """One writer thread owns the write connection; readers have their own in WAL mode."""

    dialect = "sqlite"

    def __init__(self, url: str) -> None:
        database = make_url(url).database
        self._watch: FileWatch | None = None
        if database and not database.startswith((":", "file:")):
            _make_private(Path(database))
            self._watch = FileWatch(Path(database))
        self._engine = create_engine(
            url, json_serializer=_dumps, json_deserializer=orjson.loads, pool_size=6, hide_parameters=True
        )
        event.listen(self._engine, "connect", _prepare_sqlite)
        event.listen(self._engine, "begin", _begin_deferred)
        if self._watch:
            _tell_of_connections(self._engine, self._watch)
        self._writing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-write")
        self._reading = ThreadPoolExecutor(max_workers=4, thread_name_prefix="store-read")
        self._writes: Connection | None = None

    async def read(self, f: Callable[[Connection], T], deadline: float = READ_DEADLINE) -> T:
        return await self._in(self._reading, self._read, f, deadline)

    async def commit(self, f: Callable[[Connection], T], deadline: float = COMMIT_DEADLINE) -> T:
        return await self._in(self._writing, self._commit, f, deadline)

    async def _in(
        self,
        pool: ThreadPoolExecutor,
        run: Callable[[Callable[[Connection], T]], T],
        f: Callable[[Connection], T],
        deadline: float,
    ) -> T:
        async with asyncio.timeout(deadline):
            return await asyncio.get_running_loop().run_in_executor(pool, run, f)

    def _read(self, f: Callable[[Connection], T]) -> T:
        self._look()
        with self._engine.connect() as connection:
            return f(connection)

    def _commit(self, f: Callable[[Connection], T]) -> T:
        """On a connection that stays open: to take one out of the pool costs a third of a small commit."""
        self._look()
        if self._writes is None:
            self._writes = self._engine.connect().execution_options(commsd_writes=True)
        try:
            with self._writes.begin():
                done = f(self._writes)
                self._look()
                return done
        except BaseException:
            self._let_go()  # whatever it was left in
            raise

    def _look(self) -> None:
        """Before we connect, which would make an empty file, and before what was written is said to be committed."""
        if self._watch:
            self._watch.must_be_there()

    async def tidy(self) -> bool:
        async with asyncio.timeout(COMMIT_DEADLINE):
            return await asyncio.get_running_loop().run_in_executor(self._writing, self._checkpoint)

    def _checkpoint(self) -> bool:
        self._look()
        raw = self._engine.raw_connection()
        try:
            cursor = raw.cursor()
            cursor.execute(f"PRAGMA busy_timeout={TIDY_MS}")
            (busy, _, _) = cursor.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
        finally:
            raw.cursor().execute(f"PRAGMA busy_timeout={BUSY_MS}")
            raw.close()
        return not busy

    def _let_go(self) -> None:
        if self._writes is not None:
            self._writes.close()
            self._writes = None

    async def close(self) -> None:
        if self._writes is not None:  # closed twice, there is none
            self._writing.submit(self._let_go)
        self._writing.shutdown(wait=True)
        self._reading.shutdown(wait=True)
        self._engine.dispose()


def _make_private(path: Path) -> None:
    """The file and its folder, where they are missing, for their owner alone: customers' mail lies in it.

    SQLite gives its -wal and -shm the mode of the file.
    """
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    if not path.exists():
        path.touch(mode=0o600)


def _prepare_sqlite(raw: Any, _record: Any) -> None:
    raw.isolation_level = None  # the driver opens no transaction of its own, which would lose updates
    pragmas = ("journal_mode=WAL", "synchronous=FULL", f"busy_timeout={BUSY_MS}", "foreign_keys=ON")
    for pragma in (*pragmas, "secure_delete=ON"):  # what is let go of leaves no bytes in the file
        raw.execute(f"PRAGMA {pragma}")


def _tell_of_connections(engine: SqlalchemyEngine, watch: FileWatch) -> None:
    def opened(raw: Any, _record: Any) -> None:
        raw.execute("SELECT count(*) FROM sqlite_master").fetchone()  # SQLite opens its log with the first read
        watch.opened()

    def closing(_raw: Any, _record: Any) -> None:
        watch.closing()

    event.listen(engine, "connect", opened)
    event.listen(engine, "close", closing)


def _begin_deferred(connection: Connection) -> None:
    writes = connection.get_execution_options().get("commsd_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


_QUICK = """
SELECT set_config('default_toast_compression', 'lz4', false)
FROM pg_settings WHERE name = 'default_toast_compression' AND 'lz4' = ANY (enumvals)
"""
"""Long records are compressed in a third of the time of PostgreSQL's own way, by servers that were built so."""


def _prepare_postgres(raw: Any, _record: Any) -> None:
    raw.cursor().execute(_QUICK)
    raw.commit()


class PostgresEngine:
    """asyncpg behind SQLAlchemy; the same statements through `run_sync`."""

    dialect = "postgresql"

    def __init__(self, url: str) -> None:
        from sqlalchemy.ext.asyncio import create_async_engine  # 5 MB, which SQLite does without

        address = make_url(url).set(drivername="postgresql+asyncpg")
        self._engine = create_async_engine(
            address,
            json_serializer=_dumps,
            json_deserializer=orjson.loads,
            pool_size=6,
            pool_pre_ping=True,
            hide_parameters=True,
        )
        event.listen(self._engine.sync_engine, "connect", _prepare_postgres)

    async def read(self, f: Callable[[Connection], T], deadline: float = READ_DEADLINE) -> T:
        async with asyncio.timeout(deadline), self._engine.connect() as connection:
            return await connection.run_sync(f)

    async def commit(self, f: Callable[[Connection], T], deadline: float = COMMIT_DEADLINE) -> T:
        async with asyncio.timeout(deadline), self._engine.begin() as connection:
            return await connection.run_sync(f)

    async def tidy(self) -> bool:
        return await self.commit(decision_lock.let_go)

    async def close(self) -> None:
        async with asyncio.timeout(READ_DEADLINE):
            await self._engine.dispose()


def is_unavailable(error: BaseException) -> bool:
    """Whether the database is gone, locked or too slow, so that the same batch may succeed later."""
    if isinstance(error, IntegrityError):
        return False
    if isinstance(error, OSError | TimeoutError | InterfaceError | OperationalError):
        return True
    return isinstance(error, DBAPIError) and (error.connection_invalidated or _passes(error))


def _passes(error: DBAPIError) -> bool:
    return str(getattr(error.orig, "sqlstate", "")).startswith(PASSING)


async def ping(engine: Engine, deadline: float = 5.0) -> None:
    """Raises Unreachable where the database does not answer."""
    try:
        async with asyncio.timeout(deadline):
            await engine.read(lambda connection: connection.execute(text("SELECT 1")).scalar())
    except (OSError, TimeoutError, DBAPIError) as error:
        said = silence_of(error, engine.dialect)
        raise Unreachable(said.what, remedy=said.remedy) from error
