"""GET /v1/audit: who was refused, who changed keys and webhooks, who read about people."""

from collections.abc import Sequence

from starlette.requests import Request
from starlette.responses import Response

from commsd.crm.audit import record_of
from commsd.crm.cursor import list_cursor
from commsd.crm.keys import Caller
from commsd.crm.request import Api, Operation, Query, json, place_of
from commsd.store.audit import audited

QUERY = {
    "after": "the cursor of the page before",
    "limit": "how many at most, 1 to 500; usually 50",
    "what": "personal.read, request.denied, key.added, …",
    "caller": "key:NAME, session:NAME, cli:NAME or nobody",
    "since": "written down at or after this time",
}


async def audit(api: Api, request: Request, _caller: Caller) -> Response:
    """The audit, oldest first. What was noted before this request is in it."""
    query = Query.of(request, QUERY)
    what, who, since = query.text("what"), query.text("caller"), query.instant("since")
    place, limit = place_of(api, "audit", query), query.number("limit", 50, 1, 500)
    after = int(place[1]) if place else 0
    await api.audit.settled()
    found = await api.log.read(lambda c: audited(c, after=after, limit=limit + 1, what=what, caller=who, since=since))
    page, more = found[:limit], len(found) > limit
    cursor = list_cursor(api.key, "audit", (page[-1].at, str(page[-1].id))) if more else None
    return json({"data": list(map(record_of, page)), "next_cursor": cursor, "has_more": more})


OPERATIONS: Sequence[Operation] = (
    Operation(
        method="GET",
        path="/v1/audit",
        scope="admin",
        does="Who was refused, who changed keys and webhooks, who read about people",
        handler=audit,
        query=QUERY,
    ),
)
