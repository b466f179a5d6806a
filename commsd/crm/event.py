"""An outbox entry and its number become one CloudEvents 1.0 text, rendered once and never again.

It holds no personal data: those fields are null and named in `privacy.redactions`; a reader with the scope gets them
back when it asks, as long as they are kept. The form of every record that leaves the house is made here too.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import orjson

from commsd.core.record import PERSONAL, THING, Json, instant, together

SPEC = "1.0"
PREFIX = "commsd."
VERSION = ".v1"

POINTERS: Mapping[str, tuple[str, ...]] = {THING[kind]: pointers for kind, pointers in PERSONAL.items()}
"""What is personal, by the word of the thing."""

_LISTS = frozenset({"/parties", "/attachments", "/detail/questions", "/identities", "/questions"})


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


def cloud_event(entry: Committed, number: int, epoch: str) -> str:
    """The event as JSON text. number: its place in the feed; epoch: the feed's id.

    `sequence` has 20 digits because the extension orders by text and CloudEvents' integers end at 32 bits.
    """
    return orjson.dumps(
        {
            "specversion": SPEC,
            "id": entry.event_id,
            "source": f"urn:commsd:{epoch}",
            "type": f"{PREFIX}{entry.type}{VERSION}",
            "subject": entry.subject,
            "time": instant(entry.at),
            "recordedtime": instant(entry.recorded_at),
            "datacontenttype": "application/json",
            "sequence": f"{number:020}",
            "data": outside(entry.thing, orjson.loads(entry.record)) | {"by": entry.by},
        }
    ).decode()


def with_personal(event: str, thing: str, personal: Mapping[str, Any]) -> str:
    """The same event for a reader who may see personal fields."""
    whole = orjson.loads(event)
    by = whole["data"].pop("by", None)
    whole["data"] = outside(thing, whole["data"], personal) | {"by": by}
    return orjson.dumps(whole).decode()


def outside(thing: str, bare: Json, personal: Mapping[str, Any] | None = None) -> Json:
    """A record as the outside sees it. personal: by JSON pointer; None: not for this reader.

    Without them the fields are null and listed, never dropped, so that a reader can tell "hidden" from "empty".
    """
    pointers = POINTERS.get(thing, ())
    data = bare if personal is None else together(bare, _whole(pointers, personal))
    data = dict(data)
    if thing == "interaction":
        data.setdefault("created_at", data["recorded_at"])
        if data.get("raw"):
            data["raw"] = {**data["raw"], "url": f"/v1/interactions/{data['id']}/raw"}
    data.setdefault("links", [])
    data["privacy"] = {"redactions": list(pointers) if personal is None else [], "erased_at": None}
    return data


def short_type(pattern: str) -> str:
    """A type as asked for, without prefix and version: both `commsd.clock.breached.v1` and `clock.*` are understood."""
    return pattern.removeprefix(PREFIX).removesuffix(VERSION)


def _whole(pointers: Sequence[str], personal: Mapping[str, Any]) -> Mapping[str, Any]:
    """Every personal field; what is not kept is empty."""
    return {pointer: personal.get(pointer, [] if pointer in _LISTS else None) for pointer in pointers}
