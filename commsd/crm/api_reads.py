"""Reading under /v1: interactions, cases, callbacks and clocks, as lists and one by one."""

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import Connection
from starlette.requests import Request
from starlette.responses import Response

from commsd.core.callback import State as CallbackState
from commsd.core.case import CaseState
from commsd.core.clock import State as ClockState
from commsd.core.interaction import Channel, Kind
from commsd.core.record import Json
from commsd.crm.keys import Caller
from commsd.crm.request import Api, Operation, Query, json, listed, place_of, shown
from commsd.errors import NotFound
from commsd.store import query as store
from commsd.store.originals import original

PAGE = {
    "after": "the cursor of the page before",
    "limit": "how many at most, 1 to 500; usually 50",
}
INTERACTIONS = PAGE | {
    "contact": "id of a contact",
    "case": "id of a case",
    "channel": "email, phone, …",
    "kind": "message, call, ack, …",
    "since": "recorded at or after this time",
    "order": "newest (usual) or oldest first",
}
CASES = PAGE | {"state": "open or closed", "contact": "id of a contact"}
CALLBACKS = PAGE | {"state": "one state, or all; usually all open ones", "case": "id of a case"}
CLOCKS = PAGE | {
    "state": "running, paused, met, breached, cancelled, or all; usually those somebody still owes",
    "due_before": "due before this time",
    "case": "id of a case",
}


async def interactions(api: Api, request: Request, caller: Caller) -> Response:
    """Interactions, newest first; a live call is not among them."""
    query = Query.of(request, INTERACTIONS)
    wanted = store.Wanted(
        contact=query.text("contact"),
        case=query.text("case"),
        channel=query.choice("channel", list(Channel)),
        kind=query.choice("kind", list(Kind)),
        since=query.instant("since"),
    )
    oldest_first = query.choice("order", ("newest", "oldest")) == "oldest"
    name = f"interactions-{'up' if oldest_first else 'down'}"
    after, limit = place_of(api, name, query), _limit(query)
    page = await api.log.read(
        lambda c: store.interactions(c, wanted, after=after, limit=limit, oldest_first=oldest_first)
    )
    return listed(api, name, page, [shown("interaction", row, caller) for row in page.rows])


async def raw(api: Api, request: Request, caller: Caller) -> Response:
    """The original byte for byte, as a download: nothing in it is ever shown by a browser under our name."""
    interaction_id = request.path_params["id"]
    row = await api.log.read(lambda connection: store.interaction(connection, interaction_id))
    kept = row.record.get("raw") if row else None
    if kept is None:
        raise NotFound(f"no original is kept of interaction {interaction_id}", remedy="mails, texts, messages have one")
    content = await original(api.log, kept["sha256"])
    headers = {
        "Content-Disposition": f'attachment; filename="{interaction_id}.{ending(kept["media_type"])}"',
        "Content-Security-Policy": "sandbox; default-src 'none'",
    }
    return Response(content, media_type=kept["media_type"], headers=headers)


def ending(media_type: str) -> str:
    """How a file of this kind is named at its end; mails are the usual originals."""
    kind = media_type.partition(";")[0].strip()
    return {"audio/mpeg": "mp3", "audio/wav": "wav", "audio/x-wav": "wav", "text/plain": "txt"}.get(kind, "eml")


async def cases(api: Api, request: Request, caller: Caller) -> Response:
    """Cases, the last active first, each with its clocks."""
    query = Query.of(request, CASES)
    state, contact = query.choice("state", list(CaseState)), query.text("contact")
    after, limit = place_of(api, "cases", query), _limit(query)

    def read(connection: Connection) -> tuple[store.Page, tuple[store.Row, ...]]:
        page = store.cases(connection, state=state, contact=contact, after=after, limit=limit)
        return page, store.clocks_of(connection, [row.record["id"] for row in page.rows])

    page, clocks = await api.log.read(read)
    return listed(api, "cases", page, [_with_clocks(row, clocks, caller) for row in page.rows])


async def case(api: Api, request: Request, caller: Caller) -> Response:
    """One case with its clocks."""
    case_id = request.path_params["id"]
    row, clocks = await api.log.read(lambda c: (store.case(c, case_id), store.clocks_of(c, [case_id])))
    if row is None:
        raise NotFound(f"no case {case_id}", remedy="list them: GET /v1/cases")
    return json(_with_clocks(row, clocks, caller))


async def callbacks(api: Api, request: Request, caller: Caller) -> Response:
    """Owed calls, the longest due first."""
    query = Query.of(request, CALLBACKS)
    state, case_id = query.choice("state", [*CallbackState, "all"]), query.text("case")
    after, limit = place_of(api, "callbacks", query), _limit(query)
    page = await api.log.read(
        lambda c: store.callbacks(c, state=_one(state), every=state == "all", case=case_id, after=after, limit=limit)
    )
    return listed(api, "callbacks", page, [shown("callback", row, caller) for row in page.rows])


async def clocks(api: Api, request: Request, caller: Caller) -> Response:
    """Clocks by the time they are due."""
    query = Query.of(request, CLOCKS)
    state, case_id = query.choice("state", [*ClockState, "all"]), query.text("case")
    due_before, after, limit = query.instant("due_before"), place_of(api, "clocks", query), _limit(query)
    page = await api.log.read(
        lambda c: store.clocks(
            c,
            state=_one(state),
            every=state == "all",
            case=case_id,
            due_before=due_before,
            after=after,
            limit=limit,
        )
    )
    return listed(api, "clocks", page, [shown("clock", row, caller) for row in page.rows])


async def one(
    thing: str, find: Callable[[Connection, str], store.Row | None], api: Api, request: Request, caller: Caller
) -> Response:
    """One record by its id."""
    thing_id = request.path_params["id"]
    row = await api.log.read(lambda connection: find(connection, thing_id))
    if row is None:
        raise NotFound(f"no {thing} {thing_id}", remedy=f"list them: GET /v1/{thing}s")
    return json(shown(thing, row, caller))


def _limit(query: Query) -> int:
    return query.number("limit", 50, 1, 500)


def _one(state: str | None) -> str | None:
    return None if state == "all" else state


def _with_clocks(row: store.Row, clocks: Sequence[store.Row], caller: Caller) -> Json:
    own = [shown("clock", clock, caller) for clock in clocks if clock.record["case_id"] == row.record["id"]]
    return shown("case", row, caller) | {"clocks": own}


OPERATIONS: Sequence[Operation] = tuple(
    Operation(method="GET", path=path, scope=scope, does=does, handler=handler, query=query)
    for path, scope, does, handler, query in (
        ("/v1/interactions", "events:read", "What happened, newest first", interactions, INTERACTIONS),
        (
            "/v1/interactions/{id}",
            "events:read",
            "One interaction",
            partial(one, "interaction", store.interaction),
            {},
        ),
        ("/v1/interactions/{id}/raw", "bodies:read", "The original, byte for byte", raw, {}),
        ("/v1/cases", "events:read", "Cases, the last active first", cases, CASES),
        ("/v1/cases/{id}", "events:read", "One case with its clocks", case, {}),
        ("/v1/callbacks", "events:read", "Owed calls, the longest due first", callbacks, CALLBACKS),
        ("/v1/callbacks/{id}", "events:read", "One callback", partial(one, "callback", store.callback), {}),
        ("/v1/clocks", "events:read", "What is due when", clocks, CLOCKS),
    )
)
