"""Reading the feed for many at once: who asks for the same at the same time, gets the same batch.

A thousand streams wait at the head; each event is read and put into words once for all of them that may see the same.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

from sqlalchemy import Connection

from commsd.crm.cursor import Life, feed_cursor, feed_number, filter_of, still_there
from commsd.crm.event import with_personal
from commsd.crm.sequencer import Head
from commsd.store import feed
from commsd.store.log import Log

SLICE = 1.0
"""Longest wait in one piece: how soon a stream notices that the server stops."""


class Asked(NamedTuple):
    """What is read: the events behind a number, of some types or all, with personal fields or without."""

    after: int
    limit: int
    types: tuple[str, ...]
    personal: bool


@dataclass(frozen=True, kw_only=True)
class Batch:
    """Some events as JSON texts with their numbers and types, and whereto the reader has come with them."""

    key: bytes = field(repr=False)
    events: Sequence[feed.Bare]
    next: int
    life: Life
    wanted: str

    @property
    def cursor(self) -> str:
        """Where to read on."""
        return self.behind(self.next)

    @property
    def has_more(self) -> bool:
        """Whether the feed goes on already."""
        return self.next < self.life.last

    def behind(self, number: int) -> str:
        """The cursor behind the event of this number."""
        return feed_cursor(self.key, self.life.epoch, number, self.wanted)

    @cached_property
    def frames(self) -> bytes:
        """As server-sent events."""
        return "".join(
            f"id: {self.behind(number)}\nevent: {kind}\ndata: {text}\n\n" for number, kind, text in self.events
        ).encode()


@dataclass(slots=True)
class Shared:
    """What is being read at this moment."""

    _under_way: "dict[Asked, asyncio.Task[Batch]]" = field(default_factory=dict)

    async def read(self, asked: Asked, read: Callable[[Asked], Awaitable[Batch]]) -> Batch:
        """The batch; of those who ask meanwhile nobody asks the store again, nor ends it by going away."""
        task = self._under_way.get(asked)
        if task is None:
            task = self._under_way[asked] = asyncio.ensure_future(read(asked))
            task.add_done_callback(lambda done: self._over(asked, done))
        return await asyncio.shield(task)

    def _over(self, asked: Asked, done: "asyncio.Task[Batch]") -> None:
        del self._under_way[asked]
        if not done.cancelled():
            done.exception()  # told to whoever still waits, and to nobody where all have gone


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One reader of the feed: what it wants and may see. key: signs cursors."""

    log: Log
    head: Head
    shared: Shared
    draining: asyncio.Event
    key: bytes = field(repr=False)
    types: tuple[str, ...]
    limit: int
    personal: bool

    async def start(self, cursor: str | None) -> int:
        """The number behind which to begin. Raises InvalidCursor, FeedEpochChanged, CursorExpired."""
        life = await self.log.read(feed.span)
        return feed_number(self.key, life, cursor, filter_of(self.types)) if cursor else life.oldest - 1

    async def batch(self, after: int) -> Batch:
        """What comes next, perhaps nothing. Raises CursorExpired where that was let go meanwhile."""
        return await self.shared.read(Asked(after, self.limit, self.types, self.personal), self._read)

    async def waited(self, after: int, seconds: float) -> Batch:
        """What comes next, waiting that long for something this reader wants."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        batch = await self.batch(after)
        while not batch.events and (left := until - loop.time()) > 0 and not self.draining.is_set():
            if batch.has_more or await self.head.beyond(batch.next, min(left, SLICE)):
                batch = await self.batch(batch.next)
        return batch

    async def _read(self, asked: Asked) -> Batch:
        read = _with_fields if asked.personal else _bare
        life, rows, upto = await self.log.read(lambda connection: read(connection, self.key, asked))
        events = await asyncio.to_thread(_whole, rows) if asked.personal and rows else rows
        return Batch(key=self.key, events=events, next=upto, life=life, wanted=filter_of(asked.types))


def _bare(connection: Connection, key: bytes, asked: Asked) -> tuple[feed.Span, Sequence[Any], int]:
    life = _life(connection, key, asked)
    return life, *feed.bare_page(connection, asked.after, asked.limit, asked.types, upto=life.last)


def _with_fields(connection: Connection, key: bytes, asked: Asked) -> tuple[feed.Span, Sequence[Any], int]:
    life = _life(connection, key, asked)
    return life, *feed.page(connection, asked.after, asked.limit, asked.types, upto=life.last)


def _life(connection: Connection, key: bytes, asked: Asked) -> feed.Span:
    life = feed.span(connection)
    still_there(key, life, asked.after, filter_of(asked.types))
    return life


def _whole(entries: Sequence[feed.FeedEntry]) -> Sequence[feed.Bare]:
    """With the personal fields that are kept beside. It takes its time, in a thread: others shall not wait for it."""
    return [(seq, kind, with_personal(event, kind.partition(".")[0], fields)) for seq, kind, event, fields in entries]
