"""GET /v1/events: the feed as a page, a long poll, server-sent events, lines of JSON, or a batch of CloudEvents.

At least once, in one order, nothing ever absent below a cursor handed out. Consumers drop what they know by `id`.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from functools import partial

import orjson
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from commsd.crm.cursor import CursorExpired
from commsd.crm.event_pattern import REMEDY, heard, patterns
from commsd.crm.fault import Invalid, NoKey
from commsd.crm.feed_reader import Batch, Reader
from commsd.crm.keys import Caller
from commsd.crm.request import Api, Operation, Query

KEEP_ALIVE = 15.0
"""Seconds of silence after which a stream says that it is still there."""

MOST_TYPES = 50
BATCH = "application/cloudevents-batch+json"
LINES = "application/x-ndjson"
STREAM = "text/event-stream"

QUERY = {
    "after": "the cursor to read on from, with the types it came with; without it from the oldest event that is kept",
    "limit": "how many events at most, 1 to 1000; usually 100",
    "types": "which, by comma: callback.*, clock.breached",
    "wait": "seconds to wait for the first event, 0 to 60",
}


async def events(api: Api, request: Request, caller: Caller) -> Response:
    """The feed in the form that `Accept` asks for."""
    query = Query.of(request, QUERY)
    reader = Reader(
        log=api.log,
        head=api.head,
        shared=api.shared,
        draining=api.draining,
        key=api.key,
        types=_types(query.text("types")),
        limit=query.number("limit", 100, 1, 1000),
        personal=caller.may("events:read:pii"),
    )
    wait = query.number("wait", 0, 0, 60)
    accept = request.headers.get("accept", "")
    if STREAM in accept:
        number = await reader.start(request.headers.get("last-event-id") or query.text("after"))
        _noted(caller, reader, f"events:{number + 1}-")
        return StreamingResponse(_stream(reader, number, partial(api.keys.still_good, caller)), media_type=STREAM)
    batch = await reader.waited(await reader.start(query.text("after")), wait)
    if wait and not await api.keys.still_good(caller):
        raise NoKey(
            "the key was revoked or ended while this waited", remedy="make another: commsd keys add NAME --scope …"
        )
    if batch.events:
        _noted(caller, reader, f"events:{batch.events[0][0]}-{batch.next}")
    if LINES in accept:
        return _apart(batch, "".join(text + "\n" for _, _, text in batch.events), LINES)
    if BATCH in accept:
        return _apart(batch, _array(batch), BATCH)
    return _page(api, batch)


def _types(text: str | None) -> tuple[str, ...]:
    """In one order and each once, so that readers of the same share what is read."""
    types = tuple(sorted(patterns((text or "").split(","))))
    if len(types) > MOST_TYPES:
        raise Invalid(
            f"`types` names {len(types)}", remedy=f"name {MOST_TYPES} or fewer; callback.* stands for all of its kind"
        )
    if unheard := [each for each in types if not heard(each)]:
        what = f"'{unheard[0][:64]}' is no type of event"
        raise Invalid(what, remedy=REMEDY, mistakes={"?types": what})
    return types


def _noted(caller: Caller, reader: Reader, span: str) -> None:
    if reader.personal:
        caller.saw(span)


def _array(batch: Batch) -> str:
    """The texts are joined as they were kept: nothing is parsed to be written again."""
    return "[" + ",".join(text for _, _, text in batch.events) + "]"


def _page(api: Api, batch: Batch) -> Response:
    waiting = api.head.oldest_waiting
    lag = max((api.world.now() - waiting).total_seconds(), 0.0) if waiting else 0.0
    end = orjson.dumps({"next_cursor": batch.cursor, "has_more": batch.has_more, "head_lag_seconds": round(lag, 3)})
    return Response(f'{{"data":{_array(batch)},{end.decode()[1:]}', media_type="application/json")


def _apart(batch: Batch, body: str, media_type: str) -> Response:
    """Events and nothing else; the cursor is in the header."""
    headers = {"Commsd-Next-Cursor": batch.cursor, "Commsd-Has-More": "true" if batch.has_more else "false"}
    return Response(body, media_type=media_type, headers=headers)


async def _stream(reader: Reader, number: int, good: Callable[[], Awaitable[bool]]) -> AsyncIterator[str | bytes]:
    """good: whether its key still is; else who comes back is told so."""
    yield "retry: 2000\n\n"
    while not reader.draining.is_set():
        try:
            batch = await reader.waited(number, KEEP_ALIVE)
        except CursorExpired:
            return  # so slow a reader comes back with its last id and is told so
        if not await good():
            return
        yield batch.frames or ": still here\n\n"
        number = batch.next


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
