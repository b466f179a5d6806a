"""What every route under /v1 is handed, how its query is read, and how an operation becomes a route.

The edge of a request is here: who asks, what they may do, and a problem document for whatever goes wrong.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import orjson
import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from commsd.core.agent import People
from commsd.core.answer_level import Goal
from commsd.core.entry import Hand
from commsd.core.open_items import Terms
from commsd.core.record import THING, Json, apart, record
from commsd.crm import audit, idempotency
from commsd.crm.audit import Audit
from commsd.crm.body import NUL, Body, read_instant, read_json
from commsd.crm.cursor import Place, list_cursor, list_place
from commsd.crm.delivered_form import fitted
from commsd.crm.event import outside
from commsd.crm.fault import Invalid, NoKey, NoScope, NotJson, WrongNetwork
from commsd.crm.feed_reader import Shared
from commsd.crm.idempotency import REPLAYED
from commsd.crm.keys import Caller, Keys
from commsd.crm.limits import Limits
from commsd.crm.problem import problem, problem_of
from commsd.crm.sequencer import Head
from commsd.egress.target import Exits
from commsd.errors import CommsdError
from commsd.store.log import Log
from commsd.store.query import Page, Row
from commsd.world import World

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What the routes work with. terms: the rules in force, asked anew for each decision. key: signs cursors.
    goals: the service levels aimed at, by line.

    draining: set when the server stops, so that whoever waits is answered. limits: how often one may ask.
    exits: where webhooks may post to.
    """

    log: Log
    keys: Keys
    audit: Audit
    limits: Limits | None = None
    exits: Exits = field(default_factory=Exits)
    terms: Callable[[], Terms]
    world: World
    key: bytes = field(repr=False)
    head: Head
    people: People = field(default_factory=People)
    goals: Mapping[str, Goal] = field(default_factory=dict)
    draining: asyncio.Event = field(default_factory=asyncio.Event)
    shared: Shared = field(default_factory=Shared)


Handler = Callable[[Api, Request, Caller], Awaitable[Response]]
Again = Callable[[Api, Request, Caller, str], Awaitable[Response]]
"""Answers a request that was carried out before, from what it came to then. It may finish what was cut short."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be asked. query, body: field -> what it is, for the reader of /docs.

    again: how a repeat under the same Idempotency-Key is answered; every write has it, and no other.
    quota: what it is counted under, "requests" or "exports".
    """

    method: str
    path: str
    scope: str
    does: str
    handler: Handler
    again: Again | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] = field(default_factory=dict)
    quota: str = "requests"

    @property
    def once(self) -> bool:
        """Whether a repeat under the same Idempotency-Key changes nothing: so it is with every write."""
        return self.again is not None


def routes_of(api: Api, operations: Sequence[Operation]) -> list[Route]:
    """The routes behind operations, one a path, so that each knows all it can do; fixed paths before open ones."""
    by_path: dict[str, dict[str, Operation]] = {}
    for operation in operations:
        by_path.setdefault(operation.path, {})[operation.method] = operation
    return [_route(api, path, by_path[path]) for path in sorted(by_path, key=lambda path: (path.count("{"), path))]


def _route(api: Api, path: str, operations: Mapping[str, Operation]) -> Route:
    able = sorted({*operations, *(["HEAD"] if "GET" in operations else []), "OPTIONS"})

    async def endpoint(request: Request) -> Response:
        if request.method == "OPTIONS":
            return Response(status_code=204, headers={"Allow": ", ".join(able)})
        if request.method == "HEAD":
            response = await _answered(api, operations["GET"], request)
            return Response(status_code=response.status_code, headers=response.headers)  # a stream would have no end
        return await _answered(api, operations[request.method], request)

    matched = path.replace("{external_id}", "{external_id:path}")  # %2F has become a slash by the time it is matched
    return Route(matched, endpoint, methods=able, name=path)


LONGEST_NUMBER = 18
"""Digits of a number in a query; Python itself refuses to read very many."""

_WITH_BODY = frozenset({"POST", "PUT", "PATCH"})


async def _answered(api: Api, operation: Operation, request: Request) -> Response:
    caller = None
    try:
        caller = await _caller(api, request)
        limits = api.limits.ask(caller.key_id, operation.quota) if api.limits else {}
        caller.must(operation.scope)
        if NUL in "".join((*request.path_params.values(), *request.query_params.values())):
            raise Invalid("the address holds a NUL", remedy="no id and no word of ours has one: leave it out")
        if operation.method in _WITH_BODY:
            await body_of(request)
        personal = caller.may("events:read:pii") or operation.scope == "bodies:read"
        response = await fitted(request, await _carried_out(api, operation, request, caller), personal=personal)
    except CommsdError as error:
        _note_refusal(api, operation, caller, error)
        return problem_of(error)
    except ClientDisconnect:
        raise
    except Exception as error:
        log.error("request.failed", route=operation.path, error=type(error).__name__, exc_info=error)
        return problem(500, "failed", "this request failed here", "try again; the daemon's log tells more")
    response.headers.update(limits)
    if caller.seen:
        known = {"caller": caller.as_audited, "route": _named(operation), "scope": operation.scope}
        api.audit.note(api.audit.row(audit.READ, **known, about=caller.seen))
    return response


async def _carried_out(api: Api, operation: Operation, request: Request, caller: Caller) -> Response:
    """The answer of its handler; of a write that was carried out before under its key, of `again`."""
    if operation.again is None:
        return await operation.handler(api, request, caller)
    known = request.state.asked = await idempotency.asked(api.log, api.world, request, caller.name)
    try:
        await idempotency.must_be_new(api.log, known)
        return await operation.handler(api, request, caller)
    except CommsdError as error:
        came_to = await idempotency.after_refusal(api.log, known, error) if known else None
        if came_to is None:
            raise
    response = await operation.again(api, request, caller, came_to)
    response.headers.update(REPLAYED)
    return response


async def _caller(api: Api, request: Request) -> Caller:
    """Who asks; whoever is not let in has used up more of what their address may ask."""
    address = request.client.host if request.client else None
    if api.limits:
        api.limits.come(address)
    try:
        scheme, _, text = request.headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not text.strip():
            remedy = "send it as `Authorization: Bearer csd_…`; make one: commsd keys add"
            raise NoKey("no key was given", remedy=remedy)
        return await api.keys.caller(text, address)
    except (NoKey, WrongNetwork):
        if api.limits:
            api.limits.not_let_in(address)
        raise


def _note_refusal(api: Api, operation: Operation, caller: Caller | None, error: CommsdError) -> None:
    if not isinstance(error, NoKey | NoScope | WrongNetwork):
        return
    row = api.audit.row(
        audit.DENIED,
        caller=caller.as_audited if caller else audit.NOBODY,
        outcome=audit.REFUSED,
        route=_named(operation),
        scope=operation.scope,
    )
    api.audit.note(row)


def _named(operation: Operation) -> str:
    return f"{operation.method} {operation.path}"


@dataclass(slots=True)
class Query:
    """The query of a request being read. Raises Invalid at the first thing that cannot be used."""

    given: dict[str, str]

    @classmethod
    def of(cls, request: Request, known: Mapping[str, str]) -> "Query":
        """The query, where it holds nothing but known parameters."""
        given = dict(request.query_params)
        for name in given:
            if name not in known:
                raise _wrong(name, f"this route knows {', '.join(known) or 'no parameters'}")
        return cls(given)

    def text(self, name: str) -> str | None:
        """The parameter; None where it is missing or empty."""
        return self.given.get(name) or None

    def number(self, name: str, otherwise: int, least: int, most: int) -> int:
        """A whole number in a range."""
        text = self.text(name)
        if text is None:
            return otherwise
        digits = text.isascii() and text.isdigit() and len(text) <= LONGEST_NUMBER
        if not digits or not least <= int(text) <= most:
            raise _wrong(name, f"write a number from {least} to {most}")
        return int(text)

    def instant(self, name: str) -> datetime | None:
        """A time with its offset."""
        value = read_instant(self.text(name))
        if isinstance(value, str):
            raise _wrong(name, value)
        return value

    def choice(self, name: str, words: Sequence[str]) -> str | None:
        """One of these words."""
        text = self.text(name)
        if text is not None and text not in words:
            raise _wrong(name, f"write one of {', '.join(words)}")
        return text


def _wrong(name: str, what: str) -> Invalid:
    return Invalid(f"the parameter '{name}' cannot be used", remedy=what, mistakes={f"?{name}": what})


async def body_of(request: Request) -> Body:
    """The JSON object of a request. Raises NotJson, Invalid."""
    content = await request.body()
    form = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content.strip() and form and form != "application/json" and not form.endswith("+json"):
        raise NotJson(f"this route reads no {form[:64]}", remedy="send JSON with Content-Type: application/json")
    return read_json(content)


def hand_of(api: Api, caller: Caller, agent: str | None) -> Hand:
    """Who acts: the agent the request names, else the key itself."""
    if agent is None:
        return Hand(by=f"key:{caller.name}")
    known = api.people.agents.get(agent)
    return Hand(by=agent[:64], agent_id=agent[:64], agent=known.name if known else agent)


def json(data: Any, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """A JSON response."""
    return Response(orjson.dumps(data), status_code=status, media_type="application/json", headers=headers)


def shown(thing: str, row: Row, caller: Caller) -> Json:
    """A row as this caller may see it."""
    personal = row.personal if caller.may("events:read:pii") else None
    if personal:
        caller.saw(row.record["id"])
    return outside(thing, row.record, personal)


def shown_thing(thing: object, caller: Caller) -> Json:
    """A value as this caller may see it."""
    kind = type(thing)
    bare, personal = apart(kind, record(thing))
    return shown(THING[kind], Row(bare, personal), caller)


def listed(api: Api, name: str, page: Page, data: Sequence[Json]) -> Response:
    """A page of a list with the cursor of the next."""
    cursor = list_cursor(api.key, name, page.next) if page.next else None
    return json({"data": data, "next_cursor": cursor, "has_more": page.next is not None})


def place_of(api: Api, name: str, query: Query) -> Place | None:
    """Where the asked-for page begins."""
    return list_place(api.key, name, query.text("after"))
