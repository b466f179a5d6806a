"""The JSON Schema (2020-12) of a record, made from its type in `core`: what is written is what is described.

Objects and enumerations are open: a reader tolerates fields and words that it does not know. A field that an old record
may lack is not required. Stops where requests begin: they are closed, and described in `form`.
"""

import types
from collections.abc import Mapping
from dataclasses import is_dataclass
from datetime import datetime, timedelta
from enum import Enum
from typing import Any, Union, cast, get_args, get_origin, get_type_hints

from commsd.core.case import ClockRecord
from commsd.core.record import PERSONAL, Json, outline
from commsd.crm.schema.words import FIELDS, SAID

INSTANT = "Time as RFC 3339 in UTC with milliseconds."
LENGTH = "A length of time in whole milliseconds."
PERSONAL_NOTE = "Personal: null without the scope events:read:pii, and after erasure."

_ALWAYS = ("revision", "links", "privacy", "created_at")
_LINK: Json = {
    "type": "object",
    "description": "What another system calls this record.",
    "properties": {
        name: {"type": ["string", "null"] if name in ("type", "url") else "string"}
        for name in ("rel", "system", "type", "id", "url")
    },
    "required": ["rel", "system", "id"],
}
_PRIVACY: Json = {
    "type": "object",
    "description": "What you do not see, and why.",
    "properties": {
        "redactions": {
            "type": "array",
            "items": {"type": "string"},
            "description": "JSON Pointers (RFC 6901) of fields that are null because your key may not read them.",
        },
        "erased_at": {
            "type": ["string", "null"],
            "format": "date-time",
            "description": "Since when nothing personal is kept of it.",
        },
        "retain_until": {"type": ["string", "null"], "format": "date-time"},
    },
    "required": ["redactions", "erased_at"],
}


def record_shape(kind: type, thing: str) -> Json:
    """The schema of a record as it leaves the house. thing: its word, such as "clock"."""
    found = object_shape(kind)
    fields = found["properties"]
    fields.setdefault("created_at", {"type": "string", "format": "date-time", "description": INSTANT})
    fields["links"] = {"type": "array", "items": _LINK, "description": "What other systems call it."}
    fields["privacy"] = _PRIVACY
    if thing == "interaction":
        fields["raw"]["properties"]["url"] = {"type": "string", "description": "Where the original is read."}
        fields["clocks"]["items"] = object_shape(ClockRecord)
    for pointer in PERSONAL[kind]:
        _hide(fields, pointer[1:].split("/"))
    for name, said in SAID.get(thing, {}).items():
        fields[name]["description"] = said
    required = dict.fromkeys((*found.get("required", ()), *_ALWAYS))
    return {"description": FIELDS[thing], **found, "required": [name for name in fields if name in required]}


def object_shape(kind: type) -> Json:
    """The schema of an object with the fields of this dataclass."""
    parts = outline(kind)
    found: Json = {"type": "object", "properties": {part.name: shape(part.hint) for part in parts}}
    required = [part.name for part in parts if part.always]
    return found | ({"required": required} if required else {})


def shape(hint: Any) -> Json:
    """The schema of a value of this type."""
    if get_origin(hint) in (Union, types.UnionType):
        return _nullable(shape(next(part for part in get_args(hint) if part is not type(None))))
    if get_origin(hint) is tuple:
        return {"type": "array", "items": shape(get_args(hint)[0])}
    if get_origin(hint) is not None:
        return _mapping(hint)
    plain = _PLAIN.get(hint)
    if plain is not None:
        return dict(plain)
    if issubclass(hint, Enum):
        return open_words(*(member.value for member in hint))
    if is_dataclass(hint):
        return object_shape(cast(type, hint))
    named = get_type_hints(hint)  # a NamedTuple
    return {
        "type": "object",
        "properties": {name: shape(each) for name, each in named.items()},
        "required": list(named),
    }


def open_words(*words: str) -> Json:
    """The schema of an open enumeration: the words that there are today, and others to come."""
    return {"type": "string", "description": f"Open; today: {', '.join(words)}.", "examples": list(words)}


_PLAIN: Mapping[Any, Json] = {
    str: {"type": "string"},
    int: {"type": "integer"},
    bool: {"type": "boolean"},
    float: {"type": "number"},
    datetime: {"type": "string", "format": "date-time", "description": INSTANT},
    timedelta: {"type": "integer", "description": LENGTH},
}


def _mapping(hint: Any) -> Json:
    values = get_args(hint)[1]
    return {"type": "object"} | ({"additionalProperties": shape(values)} if values is str else {})


def _nullable(found: Json) -> Json:
    return {**found, "type": [found["type"], "null"]}


def _hide(fields: Json, path: list[str]) -> None:
    *above, name = path
    for step in above:
        fields = fields[step]["properties"]
    found = fields[name]
    if "null" not in found["type"]:
        found = _nullable(found)
    fields[name] = {**found, "description": " ".join(filter(None, (found.get("description"), PERSONAL_NOTE)))}
