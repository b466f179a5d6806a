"""What a request may hold, as JSON Schema: the parameters and body fields of the API by name.

A name means the same on every route unless `OWN` says otherwise. Words are closed here: what we do not know we refuse.
"""

from collections.abc import Iterable, Mapping

from commsd.core.callback import State as CallbackState
from commsd.core.case import CaseState
from commsd.core.clock import State as ClockState
from commsd.core.entry import ENTERED, Result
from commsd.core.interaction import Channel, Direction, Kind, Outcome
from commsd.core.record import Json
from commsd.crm.body import LONGEST, LONGEST_TEXT
from commsd.crm.contact_set import WISHES
from commsd.sla.report.report import BY
from commsd.sla.rules.rulebook import PRIORITIES

NO_NUL = r"^[^\u0000]*$"


def _words(words: Iterable[str]) -> Json:
    return {"type": "string", "enum": list(words)}


def _text(longest: int = LONGEST) -> Json:
    return {"type": "string", "maxLength": longest, "pattern": NO_NUL}


def optional(schema: Json) -> Json:
    """The schema of a field that may be left out, or be null, which says the same."""
    kinds = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
    if "null" in kinds or kinds == ["boolean"]:
        return schema
    found = {**schema, "type": [*kinds, "null"]}
    return found | ({"enum": [*schema["enum"], None]} if "enum" in schema else {})


def _closed(required: Iterable[str], **fields: Json) -> Json:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: each if name in required else optional(each) for name, each in fields.items()},
        "required": list(required),
    }


def _or_null(form: Json) -> Json:
    return {**form, "type": [form["type"], "null"]}


TIME: Json = {"type": "string", "format": "date-time", "examples": ["2026-03-04T09:00:00Z"]}
CURSOR: Json = {"type": "string", "maxLength": 2048, "pattern": "^[A-Za-z0-9_-]+$"}
YES: Json = {"type": "boolean"}
TEXTS: Json = {"type": "array", "items": _text()}
ID: Json = {"type": "string", "pattern": "^[0-9a-f-]{36}$", "examples": ["01950000-0000-7000-8000-000000000100"]}

PLACE: Json = {"type": ["integer", "string"], "minimum": 0, "maximum": (1 << 63) - 1, "pattern": "^[0-9]{1,18}$"}

_IDENTITIES: Json = {"type": "array", "items": _closed(("kind", "value"), kind=_text(32), value=_text(320))}

NAMED: Mapping[str, Json] = {
    **dict.fromkeys(("since", "from", "to", "until", "due", "due_before", "occurred_at", "ended_at"), TIME),
    **dict.fromkeys(("partial", "junk", "ordered", "full"), YES),
    **dict.fromkeys(("questions", "tags"), TEXTS),
    "after": CURSOR,
    "limit": {"type": "integer", "minimum": 1, "maximum": 500},
    "agent": _text(64),
    "note": _text(),
    "channel": _words(Channel),
    "kind": _words(Kind),
    "direction": _words(Direction),
    "outcome": _words(Outcome),
    "result": _words(Result),
    "order": _words(("newest", "oldest")),
    "by": _words(BY),
    "customer": _closed((), address=_text(320), name=_text()),
    "promise": _closed((), due_at=TIME, via=_words(("any", "call"))),
    "external_ids": {"type": "array", "items": _closed(("system", "id"), system=_text(64), id=_text(255))},
    "text": _text(LONGEST_TEXT),
    "language": _text(35),
    "priority": _words(PRIORITIES),
    "mailbox": _text(64),
    "line": _text(64),
    "team": _text(64),
    "owner": _text(64),
    "reason": _text(64),
    "number": _text(32),
    "answered_by": _text(64),
    "into": _text(64),
    **{name: _or_null(_text(64)) for name in ("timezone", "tier", "stage")},
    "name": _or_null(_text(320)),
    "url": _or_null(_text(2000)),
    "identity": _text(353),
    "mark": _text(353),
    "wishes": _closed((), hours=_or_null(_text(200)), **dict.fromkeys(WISHES, YES)),
    "blocked": YES,
    "merge": YES,
    **dict.fromkeys(("identities", "identities_removed"), _IDENTITIES),
    **dict.fromkeys(("domains", "numbers", "types"), TEXTS),
    "payload": _words(("thin", "full")),
    "signature": _words(("v1", "v1a")),
    **dict.fromkeys(("first", "last"), PLACE),
    "system": {"type": "string", "pattern": "^[a-z][a-z0-9_-]{0,31}$", "examples": ["hubspot"]},
    "external_id": {"type": "string", "minLength": 1, "maxLength": 320, "examples": ["4711"]},
}

OWN: Mapping[tuple[str, str], Json] = {
    ("GET /v1/events", "types"): _text(),
    ("GET /v1/events", "limit"): {"type": "integer", "minimum": 1, "maximum": 1000, "default": 100},
    ("GET /v1/events", "wait"): {"type": "integer", "minimum": 0, "maximum": 60, "default": 0},
    ("GET /v1/cases", "state"): _words(CaseState),
    ("GET /v1/callbacks", "state"): _words((*CallbackState, "all")),
    ("GET /v1/clocks", "state"): _words((*ClockState, "all")),
    ("POST /v1/interactions", "kind"): _words(kind for kind in Kind if kind in ENTERED),
    **{(f"POST /v1/{thing}/{{id}}/result", "note"): _text(LONGEST_TEXT) for thing in ("interactions", "callbacks")},
    **{
        (f"PUT /v1/{things}/by/{{system}}/{{external_id}}", name): _or_null(_text(64))
        for things in ("contacts", "organisations")
        for name in ("owner", "language")
    },
    ("PUT /v1/contacts/by/{system}/{external_id}", "organisation_id"): _or_null(ID),
    ("GET /v1/webhooks/{id}/deliveries", "state"): _words(("pending", "delivered", "failed")),
    ("POST /v1/webhooks", "name"): _text(48),
    ("POST /v1/webhooks", "url"): _text(2000),
    ("DELETE /v1/contacts/{id}", "even_if_owed"): _words(("true", "false")),
    ("GET /v1/schemas/{id}", "id"): {"type": "string", "examples": ["interaction.v1"]},
}
"""What a name means on one route, where it is something else than elsewhere."""

NEEDED: Mapping[str, tuple[str, ...]] = {
    "POST /v1/interactions": ("channel",),
    "POST /v1/interactions/{id}/result": ("result",),
    "POST /v1/callbacks/{id}/result": ("result",),
    "POST /v1/callbacks/{id}/set": ("number",),
    "POST /v1/cases/{id}/merge": ("into",),
    "POST /v1/contacts/{id}/merge": ("into",),
    "POST /v1/organisations/{id}/merge": ("into",),
    "POST /v1/contacts/{id}/split": ("identities",),
    "POST /v1/webhooks": ("name", "url"),
}
"""Fields of a body without which a request is refused."""

_ANOTHER = {"into": "01950000-0000-7000-8000-000000000101"}

EXAMPLES: Mapping[str, Json] = {
    "POST /v1/interactions": {
        "channel": "phone",
        "customer": {"address": "+493023125099", "name": "Jane Clarke"},
        "subject": "Delivery",
        "text": "Asked when it comes; I said today.",
        "agent": "anna",
    },
    "PUT /v1/contacts/by/{system}/{external_id}": {
        "name": "Jane Clarke",
        "identities": [{"kind": "email", "value": "jane@example.org"}, {"kind": "phone", "value": "+493023125099"}],
        "language": "en",
        "wishes": {"hours": "mon-fri 09:00-12:00"},
    },
    "PUT /v1/organisations/by/{system}/{external_id}": {
        "name": "Clarke Ltd",
        "domains": ["clarke.example"],
        "numbers": ["+493023125000"],
    },
    "POST /v1/webhooks": {"name": "my-crm", "url": "https://crm.example.com/commsd", "types": ["callback.*"]},
    "POST /v1/webhooks/{id}/redeliver": {"since": "2026-03-04T09:00:00Z"},
    "POST /v1/callbacks/{id}/result": {"result": "reached", "agent": "anna", "note": "It comes today."},
    "POST /v1/callbacks/{id}/set": {"number": "+493023125098"},
    "POST /v1/callbacks/{id}/claim": {"agent": "anna"},
    "POST /v1/cases/{id}/close": {"agent": "anna", "note": "All is said."},
    "POST /v1/cases/{id}/set": {"priority": "high", "owner": "anna"},
    "POST /v1/interactions/{id}/result": {"result": "reached", "note": "It comes today."},
    "POST /v1/contacts/{id}/split": {"identities": [{"kind": "email", "value": "jane@example.org"}]},
    **{f"POST /v1/{things}/{{id}}/merge": _ANOTHER for things in ("cases", "contacts", "organisations")},
}


def form_of(route: str, name: str) -> Json:
    """The schema of a parameter or field. route: `GET /v1/events`."""
    found = OWN.get((route, name)) or NAMED.get(name)
    if found is None:
        found = ID if name == "id" or name.endswith("_id") else _text()
    if (
        route.startswith("GET ") and "maxLength" in found
    ):  # an address is as long as it may be: it is looked up, not kept
        found = {word: value for word, value in found.items() if word != "maxLength"}
    return dict(found)
