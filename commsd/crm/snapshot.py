"""GET /v1/interactions/snapshot: everything there is, and first the cursor at which to go on. crm-ops.md LOG-7.

Read it, then follow /v1/events from its cursor: nothing is lost, what changed meanwhile comes twice and is told apart
by `id` and `revision`. A page at a time, so that neither side holds much; a reader that broke off comes again with
`after` and `cursor`. A snapshot that this side cannot finish ends as a broken connection, never as a short file.
"""

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass

import orjson
from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse

from commsd.core.record import Json
from commsd.crm import csv_form
from commsd.crm.cursor import SNAPSHOT, feed_cursor, feed_number, filter_of
from commsd.crm.event import outside
from commsd.crm.fault import Invalid, NoKey
from commsd.crm.keys import Caller
from commsd.crm.request import Api, Operation, Query
from commsd.errors import TryAgain
from commsd.store import feed
from commsd.store import snapshot as store
from commsd.store.query import Row

AT_ONCE = 200
NDJSON = "application/x-ndjson"
EVERYTHING = "*"
"""What the audit says a reader with the scope saw."""

QUERY = {
    "after": "id of the last interaction that came, to go on after a break; with `cursor`",
    "cursor": "the cursor that came first, in the header and on the first line; with `after`",
}
DOES = (
    "Every interaction as it stands. The header `Commsd-Next-Cursor` is where to follow /v1/events from: no change "
    "is lost, some come twice. NDJSON, or CSV by `Accept: text/csv`. In NDJSON the first line holds the cursor and "
    'the last the count, both under the key "snapshot"; what ends without that line is not whole.'
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Walk:
    """One caller's way through all interactions."""

    api: Api
    caller: Caller
    personal: bool
    begin: store.Start
    after: str

    async def pages(self) -> AsyncIterator[list[Json]]:
        """The records page by page. Raises TryAgain where the server stops before the end, NoKey where the key ends."""
        place: str | None = self.after
        while place is not None:
            if self.api.draining.is_set():
                raise TryAgain("the server stops", remedy="come again with `after` and `cursor`")
            if not await self.api.keys.still_good(self.caller):
                raise NoKey("the key was revoked or ended meanwhile", remedy="make another: commsd keys add")
            found, place = await self.api.log.read(self._page(place))
            if found:
                yield found

    def _page(self, after: str) -> Callable[[Connection], tuple[list[Json], str | None]]:
        def read(connection: Connection) -> tuple[list[Json], str | None]:
            found = store.stretch(connection, after, self.begin.last, AT_ONCE)
            return [self._shown(row) for row in found.rows], found.next

        return read

    def _shown(self, row: Row) -> Json:
        return outside("interaction", row.record, row.personal if self.personal else None)


async def snapshot(api: Api, request: Request, caller: Caller) -> Response:
    """All interactions in the form that `Accept` asks for, behind the cursor at which to go on."""
    query = Query.of(request, QUERY)
    after, given = query.text("after"), query.text("cursor")
    if (after is None) != (given is None):
        raise Invalid("`after` and `cursor` go together", remedy="give both to go on after a break, none to begin")
    begin = await api.log.read(store.start)
    if given is not None:
        feed_number(api.key, await api.log.read(feed.span), given, filter_of(()))
    cursor = given or feed_cursor(api.key, begin.epoch, begin.seq)
    headers = {"Commsd-Next-Cursor": cursor, "Vary": "Accept"}
    table = "text/csv" in request.headers.get("accept", "")
    if request.method == "HEAD":
        return Response(media_type=csv_form.MEDIA_TYPE if table else NDJSON, headers=headers)
    personal = caller.may("events:read:pii")
    if personal:
        caller.saw(EVERYTHING)
    walk = Walk(api=api, caller=caller, personal=personal, begin=begin, after=after or "")
    if table:
        return StreamingResponse(_table(walk), media_type=csv_form.MEDIA_TYPE, headers=headers)
    return StreamingResponse(_lines(walk, cursor), media_type=NDJSON, headers=headers)


async def _lines(walk: Walk, cursor: str) -> AsyncIterator[bytes]:
    yield _line({"snapshot": {"cursor": cursor}})
    count = 0
    async for records in walk.pages():
        count += len(records)
        yield b"".join(map(_line, records))
    yield _line({"snapshot": {"whole": True, "interactions": count}})


async def _table(walk: Walk) -> AsyncIterator[str]:
    if not walk.after:
        yield csv_form.heading(csv_form.PLAIN)
    async for records in walk.pages():
        yield csv_form.lines(records, csv_form.PLAIN)


def _line(data: Json) -> bytes:
    return orjson.dumps(data, option=orjson.OPT_APPEND_NEWLINE)


OPERATIONS: Sequence[Operation] = (
    Operation(
        method="GET",
        path=SNAPSHOT,
        scope="events:read",
        does=DOES,
        handler=snapshot,
        query=QUERY,
        quota="exports",
    ),
)
