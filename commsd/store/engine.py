"""Connecting to SQLite or PostgreSQL, and the one writer that drains its queue into one commit.

Statements elsewhere in this folder are plain functions of a SQLAlchemy Connection; SQLite runs them in threads,
PostgreSQL over asyncpg, and neither knows the difference.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

import orjson
import structlog
from sqlalchemy import Connection, Table, create_engine, event, make_url, text
from sqlalchemy.exc import DBAPIError, IntegrityError, InterfaceError, OperationalError

from commsd.errors import ConfigError, Unreachable
from commsd.world import World

log = structlog.get_logger()

T = TypeVar("T")

BATCH = 256
READ_DEADLINE = 30.0
COMMIT_DEADLINE = 60.0
BOOKS = 32
"""So much bookkeeping goes into one commit, so that what comes meanwhile need not wait long."""

LULL = 0.05
"""Seconds without other work after which bookkeeping begins: those who wait for us come first."""

PATIENCE = 5.0
"""Seconds after which bookkeeping is done all the same."""

PASSING = ("40001", "40P01", "08", "53", "57P")
"""SQLSTATEs, or how they begin, after which the same may succeed: serialisation, connection, resources, shutdown."""


class Engine(Protocol):
    """A database. `read` runs a function on a fresh view, `commit` in one transaction of its own."""

    dialect: str

    async def read(self, f: Callable[[Connection], T]) -> T: ...

    async def commit(self, f: Callable[[Connection], T]) -> T: ...

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
        if database and not database.startswith((":", "file:")):
            _make_private(Path(database))
        self._engine = create_engine(
            url, json_serializer=_dumps, json_deserializer=orjson.loads, pool_size=6, hide_parameters=True
        )
        event.listen(self._engine, "connect", _prepare_sqlite)
        event.listen(self._engine, "begin", _begin_deferred)
        self._writing = ThreadPoolExecutor(max_workers=1, thread_name_prefix="store-write")
        self._reading = ThreadPoolExecutor(max_workers=4, thread_name_prefix="store-read")
        self._writes: Connection | None = None

    async def read(self, f: Callable[[Connection], T]) -> T:
        return await self._in(self._reading, self._read, f, READ_DEADLINE)

    async def commit(self, f: Callable[[Connection], T]) -> T:
        return await self._in(self._writing, self._commit, f, COMMIT_DEADLINE)

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
        with self._engine.connect() as connection:
            return f(connection)

    def _commit(self, f: Callable[[Connection], T]) -> T:
        """On a connection that stays open: to take one out of the pool costs a third of a small commit."""
        if self._writes is None:
            self._writes = self._engine.connect().execution_options(commsd_writes=True)
        try:
            with self._writes.begin():
                return f(self._writes)
        except BaseException:
            self._let_go()  # whatever it was left in
            raise

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
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "busy_timeout=5000", "foreign_keys=ON"):
        raw.execute(f"PRAGMA {pragma}")


def _begin_deferred(connection: Connection) -> None:
    writes = connection.get_execution_options().get("commsd_writes", False)
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


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

    async def read(self, f: Callable[[Connection], T]) -> T:
        async with asyncio.timeout(READ_DEADLINE), self._engine.connect() as connection:
            return await connection.run_sync(f)

    async def commit(self, f: Callable[[Connection], T]) -> T:
        async with asyncio.timeout(COMMIT_DEADLINE), self._engine.begin() as connection:
            return await connection.run_sync(f)

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


@dataclass(slots=True, kw_only=True)
class Work(Generic[T]):
    """Something to commit, and who waits for it: what it gave is set inside the transaction, told after the commit."""

    told: "asyncio.Future[T]"
    result: T | None = None
    error: Exception | None = None

    def otherwise_after(self, error: Exception) -> bool:
        """Whether this, refused by the database, would now commit something else."""
        return False


@dataclass(slots=True, kw_only=True)
class Write(Work[T]):
    """A plain write: a claim, a lease, a journal row."""

    run: Callable[[Connection], T]


@dataclass(slots=True, kw_only=True)
class Row(Work[None]):
    """A row for a table, new in it; those of one batch go in together, before all else in it."""

    table: Table
    values: Mapping[str, Any]


@dataclass(slots=True)
class Writer:
    """The one queue of writes. What waits is committed together; who asked learns of it after the commit.

    Bookkeeping, for which nobody outside waits, has a queue of its own and gives way to everything else for a while.
    A batch the database refuses is repeated one piece at a time. While the database is away, everything stays queued.
    """

    engine: Engine
    world: World
    run_batch: "Callable[[Connection, Sequence[Work[Any]]], None]"
    committed: "Callable[[Work[Any]], None]"
    _queue: "deque[Work[Any]]" = field(default_factory=deque)
    _books: "deque[tuple[float, Work[Any]]]" = field(default_factory=deque)
    _wake: asyncio.Event = field(default_factory=asyncio.Event)
    _task: "asyncio.Task[None] | None" = None
    _away: bool = False
    _in_hand: "Work[Any] | None" = None

    def start(self) -> None:
        """Begin to drain."""
        self._task = asyncio.get_running_loop().create_task(self._drain(), name="store.writer")

    async def close(self, deadline: float = 20.0) -> None:
        """Commit what is queued, then stop; after `deadline` seconds stop anyway."""
        if self._task is None:
            return
        try:
            async with asyncio.timeout(deadline):
                while (last := self._last()) and not self._away:
                    await asyncio.wait([last.told], timeout=deadline)
        except TimeoutError:
            log.warning("store.closed_with_work_queued", queued=len(self._queue) + len(self._books))
        self._task.cancel()
        await asyncio.wait([self._task])

    def submit(self, work: "Work[T]", *, urgent: bool = False, bookkeeping: bool = False) -> "Awaitable[T]":
        """Queue a piece of work at once; the awaitable tells what it gave, after the commit."""
        if bookkeeping:
            self._books.append((asyncio.get_running_loop().time(), work))
        elif urgent:
            self._queue.appendleft(work)
        else:
            self._queue.append(work)
        self._wake.set()
        return work.told

    def missed(self, error: Exception, in_hand: int = 0) -> None:
        """The database did not answer; said once, until a commit goes through again."""
        if not self._away:
            self._away = True
            log.error("store.unavailable", error=type(error).__name__, queued=len(self._queue) + in_hand)

    def promise(self) -> "asyncio.Future[Any]":
        """What a piece of work is told by."""
        return asyncio.get_running_loop().create_future()

    def write(self, run: Callable[[Connection], T], *, bookkeeping: bool = False) -> "Awaitable[T]":
        """Queue a plain write now, to be committed together with others that wait."""
        return self.submit(Write(told=self.promise(), run=run), bookkeeping=bookkeeping)

    def insert(self, table: Table, values: Mapping[str, Any]) -> "Awaitable[None]":
        """Queue a new row now."""
        return self.submit(Row(told=self.promise(), table=table, values=values))

    async def _drain(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            while self._queue or self._books:
                if not self._queue:
                    await self._lull()
                batch = self._take()
                self._in_hand = batch[-1]
                await self._commit(batch)
                self._in_hand = None

    def _last(self) -> "Work[Any] | None":
        """What is committed last, as things stand."""
        if self._books:
            return self._books[-1][1]
        return self._queue[-1] if self._queue else self._in_hand

    async def _lull(self) -> None:
        """Until other work comes, or none has come for a moment."""
        self._wake.clear()
        try:
            async with asyncio.timeout(LULL):
                await self._wake.wait()
        except TimeoutError:
            return

    def _take(self) -> "list[Work[Any]]":
        batch = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
        begun_before = asyncio.get_running_loop().time() - (PATIENCE if batch else 0.0)
        for _ in range(BOOKS):
            if not self._books or self._books[0][0] > begun_before:
                break
            batch.append(self._books.popleft()[1])
        return batch

    async def _commit(self, batch: "list[Work[Any]]") -> None:
        try:
            await self._patiently(batch)
        except Exception as error:
            if len(batch) > 1:
                log.info("store.batch_refused", pieces=len(batch), error=type(error).__name__)
            if len(batch) > 1 or batch[0].otherwise_after(error):
                for work in batch:
                    await self._commit([work])
                return
            batch[0].error = error
        for work in batch:
            if work.error is None:
                self.committed(work)
            _tell(work)

    async def _patiently(self, batch: "list[Work[Any]]") -> None:
        """One commit, tried until the database takes or refuses it. Says once that it is away, once that it is back."""
        pause = 0.1
        while True:
            try:
                await self.engine.commit(lambda connection: self.run_batch(connection, batch))
            except Exception as error:
                if not is_unavailable(error):
                    raise
                self.missed(error, len(batch))
                await self.world.sleep(pause * (0.5 + self.world.jitter() / 2))
                pause = min(pause * 2, 10.0)
                continue
            if self._away:
                self._away = False
                log.info("store.recovered", queued=len(self._queue))
            return


def _tell(work: "Work[Any]") -> None:
    if work.told.done():  # whoever asked has gone away; the work is committed all the same
        return
    if work.error is not None:
        work.told.set_exception(work.error)
    else:
        work.told.set_result(work.result)


async def ping(engine: Engine, deadline: float = 5.0) -> None:
    """Raises Unreachable where the database does not answer."""
    try:
        async with asyncio.timeout(deadline):
            await engine.read(lambda connection: connection.execute(text("SELECT 1")).scalar())
    except (OSError, TimeoutError, DBAPIError) as error:
        raise Unreachable(
            f"the {engine.dialect} store does not answer ({type(error).__name__})",
            remedy="check [store] url, that the server runs and that this user may connect",
        ) from error
