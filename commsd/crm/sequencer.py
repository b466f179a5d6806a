"""The duty that numbers what was committed, and tells readers of this process how far the feed is.

One process at a time numbers, under the lease "feed"; the others only look at the head. No writer is ever asked to
notify: in this process the log says when it committed, and a slow poll finds what other nodes wrote.
"""

import asyncio
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Connection

from commsd.core.change import Change, Fence
from commsd.crm.event import published
from commsd.duty import woken
from commsd.errors import LeaseLost
from commsd.store import feed
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.world import World

log = structlog.get_logger()

RESOURCE = "feed"
TTL = timedelta(seconds=6)
GATHER = 0.05
"""Seconds between two turns while there is work: numbering event by event would hold up what matters more."""

HURRY = 0.02
"""Seconds after which a turn is due even where mail and calls never rest; readers wait for it. crm-ops.md LOG-3."""

POLL = 0.25
"""Seconds between two looks where nothing told us to look sooner."""


class Head:
    """How far the feed is, as this process knows it; readers wait here instead of asking the store."""

    def __init__(self) -> None:
        self.last = 0
        self.oldest_waiting: datetime | None = None
        self._moved = asyncio.Event()

    def move(self, last: int) -> None:
        """The feed has come to this number."""
        if last != self.last:
            self.last = last
            self._moved.set()
            self._moved = asyncio.Event()

    async def beyond(self, number: int, seconds: float) -> bool:
        """Whether the feed came past this number within that time."""
        try:
            async with asyncio.timeout(seconds):
                while self.last <= number:
                    await self._moved.wait()
        except TimeoutError:
            return False
        return True


class Sequencer:
    """Numbers the feed while this process holds the lease; else watches its head."""

    name = "crm.sequencer"

    def __init__(self, written: Log, claims: Claims, world: World, head: Head | None = None) -> None:
        self._log = written
        self._claims = claims
        self._world = world
        self.head = head or Head()
        self._fence: Fence | None = None
        self._renew_at = 0.0
        self._epoch = ""
        self._wake = asyncio.Event()
        written.listen(self._heard)

    async def run(self) -> None:
        """Until cancelled; then the lease is given back, so that the next holder need not wait."""
        try:
            while True:
                self._wake.clear()
                began = self._world.elapsed()
                if await self.once():  # what is committed meanwhile shares the next turn
                    await self._world.sleep(max(GATHER - (self._world.elapsed() - began), 0.0))
                else:
                    await woken(self._wake, POLL)
        finally:
            if self._fence is not None:
                await asyncio.shield(self._give_back())

    async def once(self) -> bool:
        """Number one batch where this process may; whether there was one."""
        await self._prepare()
        waiting, last = await self._log.read(_look)
        self.head.oldest_waiting = waiting
        self.head.move(last)
        fence = await self._lease()
        if waiting is None or fence is None:
            return False
        try:
            done = await self._log.aside(lambda connection: self._number(connection, fence.number), within=HURRY)
        except LeaseLost:
            self._fence = None
            raise
        self.head.move(last + done)
        return done > 0

    def _number(self, connection: Connection, fence: int) -> int:
        return feed.number(connection, fence, lambda entry, number: published(entry, number, self._epoch))

    async def _prepare(self) -> None:
        if not self._epoch:
            fresh = self._world.new_id()
            await self._log.writer.write(lambda connection: feed.prepare(connection, fresh))
            self._epoch, _ = await self._log.read(feed.head)

    async def _lease(self) -> Fence | None:
        """The lease, renewed well before it ends; while another has it, asked for twice in its time."""
        now = asyncio.get_running_loop().time()
        if now >= self._renew_at:
            held = self._fence is not None
            self._fence = await self._claims.lease(RESOURCE, TTL)
            self._renew_at = now + TTL.total_seconds() / (3 if self._fence else 6)
            if self._fence and not held:
                log.info("feed.lease_taken", fence=self._fence.number)
            elif held and not self._fence:
                log.warning("feed.lease_lost")
        return self._fence

    async def _give_back(self) -> None:
        """Where the store is away, the lease ends by itself soon enough."""
        try:
            async with asyncio.timeout(5):
                await self._claims.give_back(RESOURCE)
        except TimeoutError:
            return

    def _heard(self, change: Change) -> None:
        if change.events:
            self._wake.set()


def _look(connection: Connection) -> tuple[datetime | None, int]:
    """When the oldest unnumbered event was committed, and the last number."""
    return feed.oldest_unnumbered(connection), feed.head(connection)[1]
