"""The one writer: a queue of what is to be committed, drained into one commit after another.

What a batch does inside its transaction is its owner's (`log`); how a database is connected to stands in `engine`.
"""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

import structlog
from sqlalchemy import Connection, Table

from commsd.store.engine import Engine, is_unavailable
from commsd.store.silence import Silence, silence_of
from commsd.world import World

log = structlog.get_logger()

T = TypeVar("T")

BATCH = 256
BOOKS = 32
"""So much bookkeeping goes into one commit, so that what comes meanwhile need not wait long."""

LULL = 0.05
"""Seconds without other work after which bookkeeping begins: those who wait for us come first."""

PATIENCE = 5.0
"""Seconds after which bookkeeping is done all the same."""


class RunAgain(Exception):
    """Raised inside a batch that was found to need more than it held: nothing of it is kept, and it runs again."""


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
    _loop: asyncio.AbstractEventLoop | None = None
    _away: Silence | None = None
    _in_hand: "Work[Any] | None" = None

    def start(self) -> None:
        """Begin to drain."""
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._drain(), name="store.writer")

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

    def submit(
        self, work: "Work[T]", *, urgent: bool = False, bookkeeping: bool = False, within: float | None = None
    ) -> "Awaitable[T]":
        """Queue a piece of work at once; the awaitable tells what it gave, after the commit.

        within: seconds after which this bookkeeping is done also where other work never rests; it overtakes the rest.
        """
        if bookkeeping:
            begin_by = asyncio.get_running_loop().time() + (PATIENCE if within is None else within)
            (self._books.append if within is None else self._books.appendleft)((begin_by, work))
        elif urgent:
            self._queue.appendleft(work)
        else:
            self._queue.append(work)
        self._wake.set()
        return work.told

    def _missed(self, error: Exception, in_hand: int) -> None:
        """The database did not take a commit; said once, until one goes through again."""
        if not self._away:
            self._away = silence_of(error, self.engine.dialect)
            fields = {"error": type(error).__name__, "queued": len(self._queue) + in_hand}
            log.error("store.unavailable", **fields, **self._away._asdict())

    @property
    def away(self) -> Silence | None:
        """Why the database takes no commits; None where it does."""
        return self._away

    def promise(self) -> "asyncio.Future[Any]":
        """What a piece of work is told by."""
        return (self._loop or asyncio.get_running_loop()).create_future()

    def write(
        self, run: Callable[[Connection], T], *, bookkeeping: bool = False, within: float | None = None
    ) -> "Awaitable[T]":
        """Queue a plain write now, to be committed together with others that wait."""
        return self.submit(Write(told=self.promise(), run=run), bookkeeping=bookkeeping, within=within)

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
        now = asyncio.get_running_loop().time()
        for _ in range(BOOKS):
            if not self._books or (batch and self._books[0][0] > now):
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
            except RunAgain:
                continue
            except Exception as error:
                if not is_unavailable(error):
                    raise
                self._missed(error, len(batch))
                await self.world.sleep(pause * (0.5 + self.world.jitter() / 2))
                pause = min(pause * 2, 10.0)
                continue
            if self._away:
                self._away = None
                log.info("store.recovered", queued=len(self._queue))
            return


def _tell(work: "Work[Any]") -> None:
    if work.told.done():  # whoever asked has gone away; the work is committed all the same
        return
    if work.error is not None:
        work.told.set_exception(work.error)
    else:
        work.told.set_result(work.result)
