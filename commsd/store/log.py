"""The log: decisions go in, and nothing leaves the house before they are committed.

`decide` queues a pure function; the one writer reads what is open for its keys, calls it, folds its Change into what
the next decision sees, and commits the batch. What is read for people is in `query`.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, TypeVar
from weakref import WeakMethod

import structlog
from sqlalchemy import Connection, Table, select

from commsd.core import key
from commsd.core.callback import Callback, must_be_sound
from commsd.core.change import Change, Fence
from commsd.core.open_items import OpenItems
from commsd.errors import LeaseLost, StoreAway
from commsd.store import decision_lock, open_items, rows, schema
from commsd.store.bulk import insert
from commsd.store.engine import Engine, is_unavailable
from commsd.store.items import Items
from commsd.store.silence import silence_of
from commsd.store.writer import Row, RunAgain, Work, Write, Writer
from commsd.world import World

log = structlog.get_logger()

T = TypeVar("T")
Decide = Callable[[OpenItems], Change]


@dataclass(slots=True, kw_only=True)
class Decision(Work[Change]):
    """One decision to take: its keys, the pure function, and what to record instead where that raises."""

    keys: tuple[str, ...]
    f: Decide
    otherwise: Callable[[OpenItems, Exception], Change] | None = None
    refused: Exception | None = None

    def otherwise_after(self, error: Exception) -> bool:
        """Once: what the database refuses is recorded as failed, for later ones may move the checkpoint past it."""
        again = self.otherwise is not None and self.refused is None
        self.refused = error
        return again

    def widen(self, named: Sequence[str]) -> bool:
        """Take these keys in too; says whether one of them is new."""
        before, self.keys = self.keys, tuple(dict.fromkeys((*self.keys, *named)))
        return self.keys != before


class Log:
    """The store as everybody but the CLI's lists sees it. Start it before use; close it last."""

    def __init__(self, engine: Engine, world: World) -> None:
        self.engine = engine
        self._world = world
        self.writer = Writer(engine, world, self._run_batch, self._committed)
        self._listeners: list[WeakMethod[Callable[[Change], None]]] = []

    @property
    def world(self) -> World:
        """The world its decisions take their time and ids from."""
        return self._world

    def start(self) -> None:
        """Begin to commit."""
        self.writer.start()

    async def close(self) -> None:
        """Commit what is queued and let the database go."""
        await self.writer.close()
        await self.engine.close()

    async def decide(
        self,
        keys: Sequence[str],
        f: Decide,
        *,
        otherwise: Callable[[OpenItems, Exception], Change] | None = None,
        urgent: bool = False,
        bookkeeping: bool = False,
    ) -> Change:
        """Take one decision and give what was committed.

        f: pure; it may run again, with other ids. It does where it opens a call to a number that no key names: then
        under that key too, for one may be owed there. otherwise: the decision where f raises or is refused; without it
        the error is the caller's. bookkeeping: nobody outside waits for it, and it gives way to what others wait for.
        Raises LeaseLost where the change's fence no longer holds; nothing of it is written then.
        """
        return await self.submit(keys, f, otherwise=otherwise, urgent=urgent, bookkeeping=bookkeeping)

    def submit(
        self,
        keys: Sequence[str],
        f: Decide,
        *,
        otherwise: Callable[[OpenItems, Exception], Change] | None = None,
        urgent: bool = False,
        bookkeeping: bool = False,
    ) -> Awaitable[Change]:
        """Queue a decision now, so that decisions of one caller keep their order; await it later."""
        decision = Decision(told=self.writer.promise(), keys=tuple(dict.fromkeys(keys)), f=f, otherwise=otherwise)
        return self.writer.submit(decision, urgent=urgent, bookkeeping=bookkeeping)

    def listen(self, hear: Callable[[Change], None]) -> None:
        """Be told of every change this process commits, at once. A hint to look sooner, never the truth.

        hear: a method; it is forgotten with its object, so that a reload leaves nobody behind.
        """
        self._listeners = [known for known in self._listeners if known() is not None]
        self._listeners.append(WeakMethod(hear))

    async def read(self, f: Callable[[Connection], T]) -> T:
        """Run a reading function of this folder. Raises StoreAway while the database is gone, locked or too slow."""
        return await self._answer(self.engine.read(f))

    def away(self) -> str | None:
        """Why nothing can be committed at this moment; None where it can. A read that failed says nothing of it."""
        return "; ".join(self.writer.away) if self.writer.away else None

    async def aside(self, run: Callable[[Connection], T], *, within: float) -> T:
        """Bookkeeping that shares no row with decisions: PostgreSQL commits it beside them, raising StoreAway.

        On SQLite, which takes one writer, it is their turn first for `within` seconds, and then its own.
        """
        if self.engine.dialect == "sqlite":
            return await self.writer.write(run, bookkeeping=True, within=within)
        return await self._answer(self.engine.commit(run))

    async def _answer(self, asked: Awaitable[T]) -> T:
        try:
            return await asked
        except Exception as error:
            if not is_unavailable(error):
                raise
            said = silence_of(error, self.engine.dialect)
            raise StoreAway(said.what, remedy=said.remedy) from error

    def _committed(self, work: Work[Any]) -> None:
        if isinstance(work, Decision) and work.result is not None:
            for known in self._listeners:
                if hear := known():
                    hear(work.result)

    def _run_batch(self, connection: Connection, batch: Sequence[Work[Any]]) -> None:
        """One transaction: new rows first, then plain writes in their order, then the decisions."""
        decisions: list[Decision] = []
        added: dict[Table, list[Mapping[str, Any]]] = {}
        for work in batch:
            work.error = None
            if isinstance(work, Row):
                added.setdefault(work.table, []).append(work.values)
        for table, values in added.items():
            insert(connection, table, values)
        for work in batch:
            if isinstance(work, Decision):
                decisions.append(work)
            elif isinstance(work, Write):
                work.result = work.run(connection)
        if decisions:
            self._decide_all(connection, decisions)

    def _decide_all(self, connection: Connection, decisions: Sequence[Decision]) -> None:
        keys = sorted({named for decision in decisions for named in decision.keys})
        decision_lock.hold(connection, keys)
        items = open_items.load(connection, keys, self._world.now())
        fences: dict[str, tuple[str, int]] = {}
        changes: list[Change] = []
        widened = False
        for decision in decisions:
            try:
                change = self._decide_one(decision, items)
                _check(connection, change.fence, fences)
                must_be_sound(change.callbacks)
            except Exception as error:
                decision.error = error
                continue
            if decision.widen(_numbers_newly_owed(change.callbacks, items)):
                widened = True
                continue
            items.fold(change)
            changes.append(change)
            decision.result = change
        if widened:
            raise RunAgain
        ahead = max(items.latest - self._world.now(), timedelta()) if items.latest else timedelta()
        rows.write(connection, changes, self._now(items), self._world.new_id, ahead=ahead)

    def _decide_one(self, decision: Decision, items: Items) -> Change:
        view = items.view(decision.keys, self._now(items), self._world.new_id)
        try:
            if decision.refused is not None:
                raise decision.refused
            return decision.f(view)
        except Exception as error:
            if decision.otherwise is None:
                raise
            log.error("decision.failed", error=type(error).__name__, exc_info=error)
            return decision.otherwise(view, error)

    def _now(self, items: Items) -> datetime:
        """Never before the last recorded_at a decision can see, also when the host's clock was set back."""
        now = self._world.now()
        return max(now, items.latest) if items.latest else now


def _numbers_newly_owed(callbacks: Iterable[Callback], items: Items) -> tuple[str, ...]:
    """The keys of the numbers to which these owe a call that was not owed there before.

    One call is owed to a number and line: whoever opens one must have looked for another, and hold the number alone.
    """
    return key.of_addresses(*(callback.number for callback in callbacks if _is_new(callback, items)))


def _is_new(callback: Callback, items: Items) -> bool:
    known = items.callbacks.get(callback.id)
    return callback.open and (known is None or not known.open or known.number != callback.number)


def _check(connection: Connection, fence: Fence | None, seen: dict[str, tuple[str, int]]) -> None:
    """Raises LeaseLost. seen: the leases this batch has looked at; of thousands it needs a few."""
    if fence is None:
        return
    if fence.resource not in seen:
        table = schema.leases
        asked = select(table.c.owner, table.c.fence).where(table.c.resource == fence.resource)
        row = connection.execute(asked).one_or_none()
        seen[fence.resource] = (row.owner, row.fence) if row else ("", 0)
    if seen[fence.resource] != (fence.owner, fence.number):
        raise LeaseLost(
            f"the lease of {fence.resource} went to another node",
            remedy="nothing to do: the other node goes on from the last checkpoint",
        )
