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
from commsd.crm.body import NUL, Body, read_instant, read_json
from commsd.crm.cursor import Place, list_cursor, list_place
from commsd.crm.event import outside
from commsd.crm.keys import Caller, Keys
from commsd.crm.problem import Invalid, NoKey, problem, problem_of
from commsd.crm.sequencer import Head
from commsd.errors import CommsdError
from commsd.store.log import Log
from commsd.store.query import Page, Row
from commsd.world import World

log = structlog.get_logger()


@dataclass(frozen=True, slots=True, kw_only=True)
class Api:
    """What the routes work with. terms: the rules in force, asked anew for each decision. key: signs cursors.
    goals: the service levels aimed at, by line.

    draining: set when the server stops, so that whoever waits is answered.
    """

    log: Log
    keys: Keys
    terms: Callable[[], Terms]
    world: World
    key: bytes = field(repr=False)
    head: Head
    people: People = field(default_factory=People)
    goals: Mapping[str, Goal] = field(default_factory=dict)
    draining: asyncio.Event = field(default_factory=asyncio.Event)


Handler = Callable[[Api, Request, Caller], Awaitable[Response]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Operation:
    """One thing that can be asked. query, body: field -> what it is, for the reader of /docs.

    once: a repeat under the same Idempotency-Key changes nothing.
    """

    method: str
    path: str
    scope: str
    does: str
    handler: Handler
    query: Mapping[str, str] = field(default_factory=dict)
    body: Mapping[str, str] = field(default_factory=dict)
    once: bool = False


def route_of(api: Api, operation: Operation) -> Route:
    """The route behind an operation."""

    async def endpoint(request: Request) -> Response:
        try:
            caller = await _caller(api, request)
            caller.must(operation.scope)
            if NUL in "".join((*request.path_params.values(), *request.query_params.values())):
                raise Invalid("the address holds a NUL", remedy="no id and no word of ours has one: leave it out")
            return await operation.handler(api, request, caller)
        except CommsdError as error:
            return problem_of(error)
        except ClientDisconnect:
            raise
        except Exception as error:
            log.error("request.failed", route=operation.path, error=type(error).__name__, exc_info=error)
            return problem(500, "failed", "this request failed here", "try again; the daemon's log tells more")

    return Route(operation.path, endpoint, methods=[operation.method], name=operation.does)


async def _caller(api: Api, request: Request) -> Caller:
    scheme, _, text = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() != "bearer" or not text.strip():
        raise NoKey("no key was given", remedy="send it as `Authorization: Bearer csd_…`; make one: commsd keys add")
    return await api.keys.caller(text)


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
        if not text.isascii() or not text.isdigit() or not least <= int(text) <= most:
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
    """The JSON object of a request."""
    return read_json(await request.body())


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
    return outside(thing, row.record, row.personal if caller.may("events:read:pii") else None)


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
