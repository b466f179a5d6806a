"""Webhooks under /v1: Standard Webhooks subscriptions, what was posted to them, and posting it once more.

A secret is in the answer that makes it and in no other. Nothing here is ever removed by the machine.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime
from enum import StrEnum

from starlette.requests import Request
from starlette.responses import Response

from commsd.core.record import Json
from commsd.crm.body import Body
from commsd.crm.cursor import list_cursor, list_place
from commsd.crm.idempotency import Asked
from commsd.crm.keys import Caller
from commsd.crm.request import Again, Api, Operation, Query, body_of, json
from commsd.crm.webhook.actions import Made, Webhooks, answer_of, as_record, missed_of, post_record
from commsd.egress.answer import Answer
from commsd.errors import NotFound
from commsd.store.webhooks import DELIVERED, FAILED, PENDING, Post

DELIVERIES = {
    "after": "the cursor of the page before",
    "limit": "how many at most, 1 to 500; usually 50",
    "state": "pending, delivered or failed",
}
ADDED = {
    "name": "what people know it by",
    "url": "https://…, where events are posted to",
    "types": "a list of types as GET /v1/events takes them; none: all",
    "payload": "thin (usual): ids, states and times; full: with personal fields, for a key with events:read:pii",
    "ordered": "true: one post under way for each partition key",
    "signature": "v1 (usual): with a secret both know; v1a: with a key whose public half you are given",
}
RANGE = {
    "first": "the first event, by `sequence`",
    "last": "the last one",
    "since": "recorded at or after this time",
    "until": "recorded at or before this time",
}


class Payload(StrEnum):
    """How much of an event is posted."""

    THIN = "thin"
    FULL = "full"


class Signature(StrEnum):
    """How a post is signed."""

    V1 = "v1"
    V1A = "v1a"


def _webhooks(api: Api, known: Asked | None = None) -> Webhooks:
    request = known.request if known else None
    return Webhooks(log=api.log, world=api.world, key=api.key, exits=api.exits, request=request)


async def webhooks(api: Api, request: Request, _caller: Caller) -> Response:
    """Every webhook, by name, with what is owed to it."""
    Query.of(request, {})
    return json({"data": [as_record(*each) for each in await _webhooks(api).all()]})


async def webhook(api: Api, request: Request, _caller: Caller) -> Response:
    """One webhook, by its id or name."""
    Query.of(request, {})
    return json(await _shown(api, request.path_params["id"]))


async def add(api: Api, request: Request, caller: Caller) -> Response:
    """Make one; 201 with its secret, which nothing shows again, nor does a repeat under its Idempotency-Key."""
    body = await body_of(request)
    name, url = body.text("name", 48), body.text("url", 2000)
    body.needed("name", name, "give it a name that people know it by")
    body.needed("url", url, "say where events are posted to: https://…")
    types, ordered = body.texts("types"), body.yes("ordered")
    payload = body.word("payload", Payload) or Payload.THIN
    signature = body.word("signature", Signature) or Signature.V1
    body.sound()
    made = await _webhooks(api, request.state.asked).add(
        name or "",
        url or "",
        types,
        full=payload is Payload.FULL,
        ordered=ordered,
        asymmetric=signature is Signature.V1A,
        caller=caller,
    )
    await _noted(api, caller, "webhook.added", made.webhook.id)
    return json(await _with_secret(api, made), 201)


async def rotate(api: Api, request: Request, caller: Caller) -> Response:
    """Give it a new secret; the former one signs too for 24 hours."""
    (await body_of(request)).sound()
    made = await _webhooks(api, request.state.asked).rotate(request.path_params["id"])
    await _noted(api, caller, "webhook.rotated", made.webhook.id)
    return json(await _with_secret(api, made))


async def test(api: Api, request: Request, caller: Caller) -> Response:
    """Post something harmless now, and tell what came of it."""
    (await body_of(request)).sound()
    known = await _webhooks(api).one(request.path_params["id"])
    answer = await _webhooks(api, request.state.asked).test(known.id)
    await _noted(api, caller, "webhook.tested", known.id)
    return json(_tried(answer))


async def redeliver(api: Api, request: Request, caller: Caller) -> Response:
    """Post a range of events once more, with the ids they had; says how many."""
    body = await body_of(request)
    first, last = _number(body, "first"), _number(body, "last")
    since, until = body.instant("since"), body.instant("until")
    if (first, last, since, until) == (None, None, None, None):
        body.mistakes.setdefault("/since", "say from which event or time on: first, last, since, until")
    body.sound()
    known = await _webhooks(api).one(request.path_params["id"])
    if known.payload == Payload.FULL:
        caller.must("events:read:pii")
    own = _webhooks(api, request.state.asked)
    count = await own.redeliver(known.id, first=first, last=last, since=since, until=until)
    await _noted(api, caller, "webhook.redelivered", known.id)
    return json({"count": count})


async def remove(api: Api, request: Request, caller: Caller) -> Response:
    """Drop it and what is owed to it; the feed still has all of it."""
    known = await _webhooks(api, request.state.asked).remove(request.path_params["id"])
    await _noted(api, caller, "webhook.removed", known.id)
    return Response(status_code=204)


async def enable(api: Api, request: Request, caller: Caller) -> Response:
    """Post to it again; `missed` is what it can never get any more."""
    (await body_of(request)).sound()
    known, missed = await _webhooks(api, request.state.asked).enable(request.path_params["id"])
    await _noted(api, caller, "webhook.enabled", known.id)
    return json(await _shown(api, known.id) | _missed(missed))


async def pause(api: Api, request: Request, caller: Caller) -> Response:
    """Post nothing more to it until it is enabled."""
    (await body_of(request)).sound()
    known = await _webhooks(api, request.state.asked).pause(request.path_params["id"])
    await _noted(api, caller, "webhook.paused", known.id)
    return json(await _shown(api, known.id))


async def _without_secret(api: Api, _request: Request, _caller: Caller, webhook_id: str) -> Response:
    return json(await _shown(api, webhook_id) | {"secret": None})


async def _as_it_is(api: Api, _request: Request, _caller: Caller, webhook_id: str) -> Response:
    return json(await _shown(api, webhook_id))


async def _enabled_before(api: Api, request: Request, _caller: Caller, missed: str) -> Response:
    return json(await _shown(api, request.path_params["id"]) | _missed(missed_of(missed)))


async def _tried_before(_api: Api, _request: Request, _caller: Caller, answer: str) -> Response:
    return json(_tried(answer_of(answer)))


async def _redelivered_before(_api: Api, _request: Request, _caller: Caller, count: str) -> Response:
    return json({"count": int(count)})


async def _removed_before(_api: Api, _request: Request, _caller: Caller, _webhook_id: str) -> Response:
    return Response(status_code=204)


async def deliveries(api: Api, request: Request, _caller: Caller) -> Response:
    """What was and is owed to it with each attempt, the newest event first."""
    query = Query.of(request, DELIVERIES)
    state, limit = query.choice("state", (PENDING, DELIVERED, FAILED)), query.number("limit", 50, 1, 500)
    name = request.path_params["id"]
    before = _place(api, name, query.text("after"))
    found = await _webhooks(api).deliveries(name, state=state, limit=limit + 1, before=before)
    page, more = found[:limit], len(found) > limit
    cursor = _cursor(api, name, page[-1]) if more else None
    return json({"data": list(map(post_record, page)), "next_cursor": cursor, "has_more": more})


async def _shown(api: Api, name: str) -> Json:
    found = (each for each in await _webhooks(api).all() if name in (each[0].id, each[0].name))
    known = next(found, None)
    if known is None:
        raise NotFound("no webhook has this id or name", remedy="list them: GET /v1/webhooks")
    return as_record(*known)


def _missed(events: tuple[int, int] | None) -> Json:
    return {"missed": {"first": f"{events[0]:020}", "last": f"{events[1]:020}"}} if events else {}


def _tried(answer: Answer) -> Json:
    return {"taken": answer.taken, "status": answer.status, "failure": answer.failure, "said": answer.said}


async def _with_secret(api: Api, made: Made) -> Json:
    return await _shown(api, made.webhook.id) | {"secret": made.secret}


async def _noted(api: Api, caller: Caller, what: str, webhook_id: str) -> None:
    await api.audit.write(api.audit.row(what, caller=caller.as_audited, scope="admin", about=[webhook_id]))


def _number(body: Body, key: str) -> int | None:
    """A place in the feed: a number, or `sequence` with its zeros."""
    value = body.data.pop(key, None)
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 20:
        value = int(value)
    if value is None or (isinstance(value, int) and not isinstance(value, bool) and 0 <= value < 1 << 63):
        return value
    body.mistakes[f"/{key}"] = "write the `sequence` of an event"
    return None


def _cursor(api: Api, name: str, last: Post) -> str:
    return list_cursor(api.key, f"deliveries-{name}", (last.planned_at, f"{last.seq}:{last.redelivery}"))


def _place(api: Api, name: str, cursor: str | None) -> tuple[int, int] | None:
    place: tuple[datetime, str] | None = list_place(api.key, f"deliveries-{name}", cursor)
    if place is None:
        return None
    seq, _, redelivery = place[1].partition(":")
    return int(seq), int(redelivery)


def _operation(
    method: str, rest: str, does: str, handler: Callable[..., Awaitable[Response]], again: Again | None = None
) -> Operation:
    path = f"/v1/webhooks{rest}"
    return Operation(method=method, path=path, scope="admin", does=does, handler=handler, again=again)


_ENABLE = "Post to it again, also what waited; `missed`: what the feed let go of"

OPERATIONS: Sequence[Operation] = (
    _operation("GET", "", "Where events are posted to", webhooks),
    replace(_operation("POST", "", "Post events to a URL from now on", add, _without_secret), body=ADDED),
    _operation("GET", "/{id}", "One webhook", webhook),
    _operation("DELETE", "/{id}", "Remove a webhook with what is owed to it", remove, _removed_before),
    replace(_operation("GET", "/{id}/deliveries", "What was posted and what came of it", deliveries), query=DELIVERIES),
    replace(
        _operation("POST", "/{id}/redeliver", "Post a range of events once more", redeliver, _redelivered_before),
        body=RANGE,
    ),
    _operation("POST", "/{id}/test", "Post something harmless now", test, _tried_before),
    _operation("POST", "/{id}/rotate", "Give it a new secret", rotate, _without_secret),
    _operation("POST", "/{id}/enable", _ENABLE, enable, _enabled_before),
    _operation("POST", "/{id}/pause", "Post nothing more to it until it is enabled", pause, _as_it_is),
)
