"""GET /v1/events: the feed as a page, a long poll, a stream of server-sent events, or lines of JSON.

At least once, in one order, nothing ever absent below a cursor handed out. Consumers drop what they know by `id`.
"""

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from commsd.crm.cursor import feed_cursor, feed_number
from commsd.crm.event import short_type, with_personal
from commsd.crm.keys import Caller
from commsd.crm.request import Api, Operation, Query
from commsd.store import feed

KEEP_ALIVE = 15.0
"""Seconds of silence after which a stream says that it is still there."""

SLICE = 1.0
"""Longest wait in one piece: how soon a stream notices that the server stops."""

QUERY = {
    "after": "the cursor to read on from; without it the feed is read from its beginning",
    "limit": "how many events at most, 1 to 1000; usually 100",
    "types": "which, by comma: callback.*, clock.breached",
    "wait": "seconds to wait for the first event, 0 to 60",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Batch:
    """Some events of the feed as JSON texts with their numbers and types. next: read on behind it; last: the head."""

    events: tuple[tuple[int, str, str], ...]
    next: int
    last: int
    epoch: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One reader of the feed: what it wants and may see."""

    api: Api
    types: tuple[str, ...]
    limit: int
    personal: bool

    async def start(self, cursor: str | None) -> int:
        """The number behind which to begin. Raises InvalidCursor, FeedEpochChanged."""
        epoch, last = await self.api.log.read(feed.head)
        return feed_number(self.api.key, epoch, last, cursor) if cursor else 0

    async def batch(self, after: int) -> Batch:
        """What comes next, perhaps nothing."""
        return await self.api.log.read(lambda connection: self._read(connection, after))

    async def waited(self, after: int, seconds: float) -> Batch:
        """What comes next, waiting that long for something this reader wants."""
        loop = asyncio.get_running_loop()
        until = loop.time() + seconds
        batch = await self.batch(after)
        while not batch.events and (left := until - loop.time()) > 0 and not self.api.draining.is_set():
            if await self.api.head.beyond(batch.next, min(left, SLICE)):
                batch = await self.batch(batch.next)
        return batch

    def _read(self, connection: Connection, after: int) -> Batch:
        epoch, last = feed.head(connection)
        entries, upto = feed.page(connection, after, self.limit, self.types, upto=last)
        return Batch(
            events=tuple((entry.seq, entry.type, self._text(entry)) for entry in entries),
            next=upto,
            last=last,
            epoch=epoch,
        )

    def _text(self, entry: feed.FeedEntry) -> str:
        if not self.personal:
            return entry.event
        return with_personal(entry.event, entry.type.partition(".")[0], entry.personal)


async def events(api: Api, request: Request, caller: Caller) -> Response:
    """The feed in the form that `Accept` asks for."""
    query = Query.of(request, QUERY)
    types = tuple(short_type(part.strip()) for part in (query.text("types") or "").split(",") if part.strip())
    reader = Reader(
        api=api, types=types, limit=query.number("limit", 100, 1, 1000), personal=caller.may("events:read:pii")
    )
    wait = query.number("wait", 0, 0, 60)
    accept = request.headers.get("accept", "")
    if "text/event-stream" in accept:
        number = await reader.start(request.headers.get("last-event-id") or query.text("after"))
        return StreamingResponse(_stream(reader, number), media_type="text/event-stream")
    number = await reader.start(query.text("after"))
    batch = await reader.waited(number, wait)
    if "application/x-ndjson" in accept:
        return _lines(api, batch)
    return _page(api, batch)


def _page(api: Api, batch: Batch) -> Response:
    """The texts are joined as they were kept: nothing is parsed to be written again."""
    end = orjson.dumps(
        {"next_cursor": feed_cursor(api.key, batch.epoch, batch.next), "has_more": batch.next < batch.last}
    )
    body = '{"data":[' + ",".join(text for _, _, text in batch.events) + "]," + end.decode()[1:]
    return Response(body, media_type="application/json")


def _lines(api: Api, batch: Batch) -> Response:
    """One event a line; the cursor is in the header, because a line is an event and nothing else."""
    headers = {
        "Commsd-Next-Cursor": feed_cursor(api.key, batch.epoch, batch.next),
        "Commsd-Has-More": "true" if batch.next < batch.last else "false",
    }
    body = "".join(text + "\n" for _, _, text in batch.events)
    return Response(body, media_type="application/x-ndjson", headers=headers)


async def _stream(reader: Reader, number: int) -> AsyncIterator[str]:
    yield "retry: 2000\n\n"
    while not reader.api.draining.is_set():
        batch = await reader.waited(number, KEEP_ALIVE)
        if batch.events:
            yield "".join(_sent(reader.api, batch, *event) for event in batch.events)
        else:
            yield ": still here\n\n"
        number = batch.next


def _sent(api: Api, batch: Batch, number: int, kind: str, text: str) -> str:
    return f"id: {feed_cursor(api.key, batch.epoch, number)}\nevent: {kind}\ndata: {text}\n\n"


OPERATIONS: Sequence[Operation] = (
    Operation(
        method="GET",
        path="/v1/events",
        scope="events:read",
        does="The ordered feed of everything that happened",
        handler=events,
        query=QUERY,
    ),
)
