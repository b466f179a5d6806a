"""An outbox entry and its number become one CloudEvents 1.0 text, rendered once and never again.

It holds no personal data: those fields are null and named in `privacy.redactions`; a reader with the scope gets them
back when it asks, as long as they are kept. The form of every record that leaves the house is made here too.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, NamedTuple, Protocol

import orjson

from commsd.core.record import PERSONAL, THING, Json, instant, together

SPEC = "1.0"
PREFIX = "commsd."
VERSION = ".v1"
LARGEST = 64 * 1024
"""Bytes of an event: so much must everybody carry who passes on CloudEvents. What is longer is read by its id."""

INTERNAL, BARE, PERSONAL_DATA = "internal", "pseudonymous", "personal"
"""`dataclassification`: nothing about a person; a person's data without what names them; all of it."""

_NEVER_CUT = frozenset({"cut", "id", "revision", "created_at", "privacy", "by"})

POINTERS: Mapping[str, tuple[str, ...]] = {THING[kind]: pointers for kind, pointers in PERSONAL.items()}
"""What is personal, by the word of the thing."""

_LISTS = frozenset({"/parties", "/attachments", "/detail/questions", "/identities", "/shared", "/questions"})
_PLACES = {
    thing: tuple((pointer, above, name) for pointer in pointers for *above, name in [pointer[1:].split("/")])
    for thing, pointers in POINTERS.items()
}


class Committed(Protocol):
    """What an outbox entry tells. record: JSON text, without personal fields."""

    @property
    def event_id(self) -> str: ...
    @property
    def type(self) -> str: ...
    @property
    def thing(self) -> str: ...
    @property
    def subject(self) -> str: ...
    @property
    def at(self) -> datetime: ...
    @property
    def recorded_at(self) -> datetime: ...
    @property
    def by(self) -> str: ...
    @property
    def record(self) -> str: ...


class Published(NamedTuple):
    """An event as it goes into the feed. partition_key: readers who keep an order keep it among those of one key."""

    event: str
    partition_key: str


def published(entry: Committed, number: int, epoch: str) -> Published:
    """The event for the feed. number: its place in it; epoch: the feed's id.

    `sequence` has 20 digits because the extension orders by text and CloudEvents' integers end at 32 bits.
    """
    bare = orjson.loads(entry.record)
    partition_key = partition_of(entry.thing, entry.subject, bare)
    event = {
        "specversion": SPEC,
        "id": entry.event_id,
        "source": f"urn:commsd:{epoch}",
        "type": f"{PREFIX}{entry.type}{VERSION}",
        "subject": entry.subject,
        "time": instant(entry.at),
        "recordedtime": instant(entry.recorded_at),
        "datacontenttype": "application/json",
        "dataschema": schema_of(entry.type),
        "dataclassification": BARE if POINTERS.get(entry.thing) else INTERNAL,
        "sequence": f"{number:020}",
        "partitionkey": partition_key,
        "data": outside(entry.thing, bare) | {"by": entry.by},
    }
    return Published(_within(event).decode(), partition_key)


def cloud_event(entry: Committed, number: int, epoch: str) -> str:
    """The event as JSON text."""
    return published(entry, number, epoch).event


def schema_of(short: str) -> str:
    """The name of the schema of a type, as `dataschema` has it; its text is under /v1/schemas."""
    return f"urn:commsd:schema:{PREFIX}{short}{VERSION}"


def partition_of(thing: str, subject: str, bare: Mapping[str, Any]) -> str:
    """What keeps an order of its own: a matter with all that is said and owed in it, else a person, else the thing."""
    if thing in ("interaction", "clock", "callback"):
        return str(bare.get("case_id") or bare.get("contact_id") or subject)
    return subject


def _within(event: Json) -> bytes:
    """The text of an event, of at most LARGEST bytes: the longest fields give way, and are named in `data.cut`."""
    text = orjson.dumps(event)
    if len(text) <= LARGEST:
        return text
    data = {**event["data"], "cut": event["data"].get("cut", [])}
    while len(text := orjson.dumps({**event, "data": data})) > LARGEST:
        name = max((name for name in data if name not in _NEVER_CUT), key=lambda name: len(orjson.dumps(data[name])))
        data[name] = [] if isinstance(data[name], list) else None
        data["cut"].append(f"/{name}")
    return text


def with_personal(event: str, thing: str, personal: Mapping[str, Any]) -> str:
    """The same event for a reader who may see personal fields."""
    whole = orjson.loads(event)
    data = whole["data"]
    by, erased_at = data.pop("by", None), _erased_at(data)
    if not erased_at:  # in place, for pages hold hundreds of them
        for pointer, above, name in _PLACES.get(thing, ()):
            holder = data
            for step in above:
                holder = holder[step]
            holder[name] = personal.get(pointer, [] if pointer in _LISTS else None)
    whole["data"] = _dressed(thing, data, (), erased_at) | {"by": by}
    if whole.get("dataclassification") == BARE:
        whole["dataclassification"] = PERSONAL_DATA
    return _within(whole).decode()


def outside(thing: str, bare: Json, personal: Mapping[str, Any] | None = None) -> Json:
    """A record as the outside sees it. personal: by JSON pointer; None: not for this reader.

    Without them the fields are null and listed, never dropped, so that a reader can tell "hidden" from "empty".
    Of what was erased they are null for everybody, and `privacy.erased_at` says since when.
    """
    pointers = POINTERS.get(thing, ())
    erased_at = _erased_at(bare)
    data = dict(bare if personal is None or erased_at else together(bare, _whole(pointers, personal)))
    return _dressed(thing, data, pointers if personal is None else (), erased_at)


def _erased_at(bare: Json) -> Any:
    return bare.get("erased_at") or (bare.get("privacy") or {}).get("erased_at")


def _dressed(thing: str, data: Json, redactions: Sequence[str], erased_at: Any) -> Json:
    """With what a record has outside only."""
    data.pop("erased_at", None)
    if thing == "interaction":
        data.setdefault("created_at", data["recorded_at"])
        if data.get("raw"):
            data["raw"] = {**data["raw"], "url": f"/v1/interactions/{data['id']}/raw"}
    data.setdefault("links", [])
    data["privacy"] = {"redactions": list(redactions), "erased_at": erased_at}
    return data


def short_type(pattern: str) -> str:
    """A type as asked for, without prefix and version: both `commsd.clock.breached.v1` and `clock.*` are understood."""
    return pattern.removeprefix(PREFIX).removesuffix(VERSION)


def _whole(pointers: Sequence[str], personal: Mapping[str, Any]) -> Mapping[str, Any]:
    """Every personal field; what is not kept is empty."""
    return {pointer: personal.get(pointer, [] if pointer in _LISTS else None) for pointer in pointers}
