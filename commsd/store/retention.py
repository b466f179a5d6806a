"""Duty: what was kept long enough is let go, a little at a time, so that nobody else waits for it. mail.md D8.

The finished bytes of what was sent, originals, old events of the feed, and what decisions were locked by. Interactions,
their keys and sightings stay, so that a mail restored after years is still known. What is personal is let go elsewhere.
"""

from collections.abc import Callable
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection, Select, and_, delete, or_, select, update

from commsd.core.interaction import DeliveryState
from commsd.store import audit, decision_lock, feed, schema
from commsd.store.claims import Claims
from commsd.store.last_traces import let_go_of_traces
from commsd.store.log import Log
from commsd.world import World

log = structlog.get_logger()

EVERY = 3600.0
LEASE = timedelta(minutes=10)
SENT_BYTES = timedelta(days=7)
"""So long one can look up word for word what was sent."""

STAGED = timedelta(days=1)
"""Parts of an original older than that without its name were left behind by a connection that broke."""

BATCH = 200
EVENTS = 1000
"""So many events go at once."""

PARTS = "part:"


class Retention:
    """Let go of what is past its time. originals, events: how long mails themselves and the feed's events are kept."""

    name = "store.retention"

    def __init__(self, log: Log, claims: Claims, world: World, originals: timedelta, events: timedelta) -> None:
        self._log, self._claims, self._world = log, claims, world
        self._originals, self._events = originals, events

    async def run(self) -> None:
        while True:
            await self.sweep()
            await self._world.sleep(EVERY)

    async def sweep(self) -> None:
        """All that is past its time. The keys of decisions go once, at the end: every decision waits for that."""
        while await self.once():
            pass
        if await self._claims.lease(self.name, LEASE) is not None:
            await let_go_of_traces(self._keys_go, self._world)

    async def once(self) -> bool:
        """One batch of each kind; says whether there was anything."""
        if await self._claims.lease(self.name, LEASE) is None:
            return False
        now = self._world.now()
        sent = await self._let_go(lambda connection: drop_bytes(connection, now - SENT_BYTES))
        needed = await self._log.read(lambda connection: in_open_cases(connection, now - self._originals))
        old = await self._let_go(lambda connection: drop_originals(connection, now - self._originals, needed))
        left = await self._let_go(lambda connection: drop_staged(connection, now - STAGED))
        audited = await self._let_go(lambda connection: audit.drop_audited(connection, now - audit.KEPT))
        told = await self._let_go(lambda connection: feed.drop_events(connection, now - self._events, EVENTS))
        if sent or old or left or told:
            log.info("retention.let_go", deliveries=sent, count=old, pieces=left, events=told)
        return bool(sent or old or left or told or audited)

    async def _keys_go(self) -> bool:
        return await self._log.aside(decision_lock.let_go, within=LEASE.total_seconds())

    async def _let_go(self, drop: Callable[[Connection], int]) -> int:
        return await self._log.writer.write(drop, bookkeeping=True)


def drop_bytes(connection: Connection, before: datetime) -> int:
    """Take the bytes off deliveries that were over before; says of how many."""
    table = schema.deliveries
    unsent = and_(table.c.state == DeliveryState.SUPPRESSED.value, table.c.created_at <= before)
    over = and_(table.c.payload.is_not(None), or_(table.c.settled_at <= before, unsent))
    ids = _few(connection, select(table.c.id).where(over).limit(BATCH))
    if ids:
        connection.execute(update(table).where(table.c.id.in_(ids)).values(payload=None))
    return len(ids)


def in_open_cases(connection: Connection, before: datetime) -> frozenset[str]:
    """The originals kept before that belong to a case that is still open."""
    fact, case = schema.interactions, schema.cases
    sha256 = fact.c.record["raw", "sha256"].as_string()
    statement = (
        select(sha256)
        .select_from(case.join(fact, fact.c.case_id == case.c.id))
        .where(case.c.state == "open", fact.c.recorded_at <= before + STAGED, fact.c.current)
    )
    return frozenset(each for each in connection.execute(statement).scalars() if each)


def drop_originals(connection: Connection, before: datetime, needed: frozenset[str]) -> int:
    """Delete originals kept before then, but those that are needed; says how many."""
    table, parts = schema.originals, schema.original_parts
    old = select(table.c.sha256).where(table.c.kept_at <= before, table.c.sha256.not_in(needed))
    ids = _few(connection, old.order_by(table.c.kept_at).limit(BATCH))
    if ids:
        connection.execute(delete(parts).where(parts.c.sha256.in_(ids)))
        connection.execute(delete(table).where(table.c.sha256.in_(ids)))
    return len(ids)


def drop_staged(connection: Connection, before: datetime) -> int:
    """Delete parts staged before then whose original was never completed; says of how many originals.

    Their names rise with time: they end in a UUIDv7.
    """
    table = schema.original_parts
    stamp = f"{int(before.timestamp() * 1000):012x}"
    first, last = PARTS, f"{PARTS}{stamp[:8]}-{stamp[8:]}"
    names = select(table.c.sha256).where(table.c.sha256 >= first, table.c.sha256 < last).distinct().limit(BATCH)
    ids = _few(connection, names)
    if ids:
        connection.execute(delete(table).where(table.c.sha256.in_(ids)))
    return len(ids)


def _few(connection: Connection, statement: Select[str]) -> list[str]:
    return list(connection.execute(statement).scalars())
