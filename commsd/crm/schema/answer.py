"""What each route answers with, as JSON Schema. Pure. Who adds a route adds its line; a test asks for it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from commsd.core.record import Json

JSON = "application/json"
LINES = "application/x-ndjson"
STREAM = "text/event-stream"
BATCH = "application/cloudevents-batch+json"
PROBLEM = "application/problem+json"
SCHEMA = "application/schema+json"
ANY = "*/*"

_TEXT: Json = {"type": "string"}
_MAYBE: Json = {"type": ["string", "null"]}
_TIME: Json = {"type": "string", "format": "date-time"}


def ref(name: str) -> Json:
    """A schema of the components by its name."""
    return {"$ref": f"#/components/schemas/{name}"}


def page_of(name: str) -> Json:
    """A page of a list, with the cursor of the next."""
    return {
        "type": "object",
        "properties": {
            "data": {"type": "array", "items": ref(name)},
            "next_cursor": {"type": ["string", "null"], "description": "Give it back as `after`."},
            "has_more": {"type": "boolean"},
        },
        "required": ["data", "next_cursor", "has_more"],
    }


def data_of(name: str) -> Json:
    """A list that has no pages."""
    return {"type": "object", "properties": {"data": {"type": "array", "items": ref(name)}}, "required": ["data"]}


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a route gives when all is well. forms: media type -> schema. statuses: the usual one first."""

    forms: Mapping[str, Json]
    statuses: tuple[int, ...] = (200,)
    example: Any = field(default=None)


def _one(thing: str, *statuses: int) -> Answer:
    return Answer(forms={JSON: ref(thing)}, statuses=statuses or (200,), example=f"record:{thing}")


def _merged(thing: str, **fields: Json) -> Answer:
    """A thing into which another went. fields: what of the other may have been dropped."""
    said = "What the one that went knew otherwise, and the one that stays did not take over."
    more = {"type": "object", "properties": fields, "description": said}
    form = {"allOf": [ref(thing), {"type": "object", "properties": {"dropped": more}}]}
    return Answer(forms={JSON: form}, example=f"record:{thing}")


def _page(thing: str) -> Answer:
    return Answer(forms={JSON: page_of(thing)}, example=f"page:{thing}")


def _object(**fields: str) -> Json:
    return {
        "type": "object",
        "properties": {name: {"type": kind} for name, kind in fields.items()},
        "required": list(fields),
    }


_OBJECT = Answer(forms={JSON: {"type": "object"}})
_CASE = ("close", "reopen", "hold", "release", "assign", "set", "merge")
_CALLBACK = ("claim", "release", "result", "set", "close")
_WEBHOOK = ("rotate", "enable", "pause")
_INTERACTION = ("result", "partial", "void")

ANSWERS: Mapping[str, Answer] = {
    "GET /v1/events": Answer(
        forms={
            JSON: page_of("event"),
            BATCH: {"type": "array", "items": ref("event")},
            LINES: _TEXT,
            STREAM: _TEXT,
        },
        statuses=(200, 304),
        example="page:event",
    ),
    "GET /v1/interactions": _page("interaction"),
    "GET /v1/interactions/snapshot": Answer(forms={LINES: _TEXT, "text/csv": _TEXT}),
    "GET /v1/audit": Answer(forms={JSON: page_of("audited")}),
    "GET /v1/interactions/{id}": _one("interaction"),
    "GET /v1/interactions/{id}/raw": Answer(forms={ANY: _TEXT}),
    "POST /v1/interactions": _one("interaction", 201, 200),
    **{f"POST /v1/interactions/{{id}}/{word}": _one("interaction") for word in _INTERACTION},
    "GET /v1/cases": _page("case"),
    "GET /v1/cases/{id}": _one("case"),
    **{f"POST /v1/cases/{{id}}/{word}": _one("case") for word in _CASE},
    "GET /v1/callbacks": _page("callback"),
    "GET /v1/callbacks/{id}": _one("callback"),
    **{f"POST /v1/callbacks/{{id}}/{word}": _one("callback") for word in _CALLBACK},
    "GET /v1/clocks": _page("clock"),
    "GET /v1/contacts": _page("contact"),
    "GET /v1/contacts/{id}": _one("contact", 200, 304),
    "PUT /v1/contacts/by/{system}/{external_id}": _one("contact", 200, 201),
    "POST /v1/contacts/{id}/merge": _merged(
        "contact",
        **dict.fromkeys(("name", "language", "timezone", "tier", "owner", "stage", "organisation_id"), _TEXT),
        wishes={"type": "object"},
    ),
    "POST /v1/contacts/{id}/split": _one("contact", 200, 201),
    "GET /v1/organisations": _page("organisation"),
    "GET /v1/organisations/{id}": _one("organisation", 200, 304),
    "PUT /v1/organisations/by/{system}/{external_id}": _one("organisation", 200, 201),
    "POST /v1/organisations/{id}/merge": _merged("organisation", tier=_TEXT, owner=_TEXT),
    "DELETE /v1/organisations/{id}": _one("organisation"),
    "DELETE /v1/contacts/{id}": _one("contact"),
    "GET /v1/reports/attainment": _OBJECT,
    "GET /v1/webhooks": Answer(forms={JSON: data_of("webhook")}),
    "POST /v1/webhooks": Answer(forms={JSON: ref("webhook")}, statuses=(201, 200)),
    "GET /v1/webhooks/{id}": Answer(forms={JSON: ref("webhook")}),
    "DELETE /v1/webhooks/{id}": Answer(forms={}, statuses=(204,)),
    "GET /v1/webhooks/{id}/deliveries": Answer(forms={JSON: page_of("delivery")}),
    "POST /v1/webhooks/{id}/redeliver": Answer(forms={JSON: _object(count="integer")}),
    "POST /v1/webhooks/{id}/test": Answer(forms={JSON: _object(taken="boolean")}),
    **{f"POST /v1/webhooks/{{id}}/{word}": Answer(forms={JSON: ref("webhook")}) for word in _WEBHOOK},
    "GET /v1/schemas": Answer(
        forms={JSON: data_of("schema_name")},
        example={"data": [{"name": "interaction.v1", "url": "/v1/schemas/interaction.v1"}]},
    ),
    "GET /v1/schemas/{id}": Answer(forms={SCHEMA: {"type": "object"}}),
}

COMPONENTS: Mapping[str, Json] = {
    "schema_name": {
        "type": "object",
        "properties": {"name": _TEXT, "url": _TEXT},
        "required": ["name", "url"],
    },
    "webhook": {
        "type": "object",
        "description": "A subscription. It is never removed by the machine; disabled after three days of failure.",
        "properties": {
            **dict.fromkeys(("id", "name", "url"), _TEXT),
            "revision": {"type": "integer"},
            "types": {"type": "array", "items": _TEXT, "description": "Empty: all."},
            "payload": {"type": "string", "description": "Open; today: thin, full.", "examples": ["thin", "full"]},
            "ordered": {"type": "boolean", "description": "One post under way for each partition key."},
            "state": {"type": "string", "description": "Open; today: active, disabled."},
            "reason": {**_MAYBE, "description": "Why it is disabled. Open; today: paused, exhausted, gone."},
            "created_at": _TIME,
            "disabled_at": _MAYBE,
            "throttled_until": _MAYBE,
            "pending": {"type": "integer", "description": "Posts that are owed."},
            "oldest_pending_at": _MAYBE,
            "secret": {**_MAYBE, "description": "In the answer that makes it, and in no other; null to a repeat."},
            "missed": {
                **_object(first="string", last="string"),
                "description": "In the answer that enables it, where the feed let go of events before they were posted "
                "to it: the `sequence` of the first and the last. Take a snapshot, then go on.",
            },
        },
        "required": ["id", "revision", "name", "url", "types", "payload", "ordered", "state", "created_at"],
    },
    "delivery": {
        "type": "object",
        "description": "A post with all its attempts.",
        "properties": {
            **dict.fromkeys(("id", "event_id", "sequence", "state"), _TEXT),
            "partition_key": _MAYBE,
            "redelivery": {"type": "integer"},
            "attempts": {"type": "integer"},
            "planned_at": _TIME,
            "due_at": _TIME,
            "settled_at": _MAYBE,
            "history": {"type": "array", "items": {"type": "object"}},
        },
        "required": ["id", "event_id", "sequence", "state", "attempts", "planned_at", "due_at", "history"],
    },
    "audited": {
        "type": "object",
        "description": "A line of the audit: at, what, caller, route, scope, outcome, about.",
    },
    "problem": {
        "type": "object",
        "description": "RFC 9457. Programs read type, people read detail and remedy.",
        "properties": {
            "type": {"type": "string", "description": "Open: urn:commsd:problem:invalid-cursor …"},
            "title": _TEXT,
            "status": {"type": "integer"},
            "detail": {"type": "string", "description": "What is wrong."},
            "remedy": {"type": "string", "description": "What to do about it."},
            "errors": {
                "type": "array",
                "description": "Each field that cannot be used, by its place.",
                "items": {"type": "object", "properties": {"pointer": _TEXT, "detail": _TEXT}},
            },
        },
        "required": ["type", "title", "status", "detail", "remedy"],
    },
}

STATUSES: Mapping[int, str] = {
    304: "Nothing new since the ETag that you gave.",
    400: "The request cannot be read; `errors` names each mistake. An edited cursor is one, too.",
    401: "No key, or one that nobody knows.",
    403: "The key lacks the scope, or comes from another network.",
    404: "There is no such thing.",
    409: "It cannot be done as things stand; a cursor of another life of the database.",
    410: "The cursor is older than what is kept: take a snapshot, then go on.",
    412: "It was changed in between.",
    413: "The body is too large.",
    415: "The body is not JSON.",
    422: "This Idempotency-Key was used for another request.",
    429: "Too often; `Retry-After` says how long to wait.",
    503: "Try again; `Retry-After` says when.",
}
