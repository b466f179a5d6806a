"""The records of interface.md section 5: frozen values to JSON objects and back, personal fields apart.

Times are RFC 3339 UTC with milliseconds, durations integers with the suffix `_ms`. One lossless form serves the store,
the feed and the API; what a field is called outside, is said here.
"""

import types
from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from datetime import UTC, datetime, timedelta
from enum import Enum
from functools import cache, lru_cache
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar, Union, cast, get_args, get_origin, get_type_hints

import orjson

from commsd.core.callback import Callback
from commsd.core.case import Case, ClockRecord
from commsd.core.channel_state import ChannelState
from commsd.core.clock import Clock
from commsd.core.contact import Contact
from commsd.core.interaction import Interaction
from commsd.core.organisation import Organisation
from commsd.core.ruling import Ruling

Json = dict[str, Any]
T = TypeVar("T")

PERSONAL: Mapping[type, tuple[str, ...]] = {
    Interaction: ("/parties", "/subject", "/preview", "/attachments", "/detail/note", "/detail/questions"),
    Contact: ("/name", "/identities", "/shared"),
    Organisation: (),
    Case: ("/subject",),
    Callback: ("/number", "/purpose", "/questions", "/passed"),
    ClockRecord: (),
    Ruling: (),
    ChannelState: (),
}
"""JSON pointers of what can be erased without touching the log's order."""

THING: Mapping[type, str] = {
    Interaction: "interaction",
    Contact: "contact",
    Organisation: "organisation",
    Case: "case",
    Callback: "callback",
    ClockRecord: "clock",
    Ruling: "rules",
    ChannelState: "channel",
}

_PATHS = {kind: tuple((each, each[1:].split("/")) for each in pointers) for kind, pointers in PERSONAL.items()}
_OUTSIDE = {"original": "raw"}
_AS_OURS = orjson.OPT_PASSTHROUGH_DATACLASS | orjson.OPT_PASSTHROUGH_DATETIME


@lru_cache(maxsize=4096)
def instant(value: datetime) -> str:
    """RFC 3339 UTC with milliseconds and Z. Remembered: the records of one decision share a handful of instants."""
    value = value if value.tzinfo is UTC else value.astimezone(UTC)
    return value.isoformat(timespec="milliseconds")[:-6] + "Z"


def record(thing: object) -> Json:
    """The whole record of a thing, personal fields included."""
    return cast(Json, orjson.loads(written(opened(thing))))


def opened(value: Any) -> Any:
    """The outermost layer of a value as JSON has it: a thing becomes an object whose fields are still as they were."""
    return _opener(value.__class__)(value)


def written(data: Json) -> bytes:
    """The JSON text of an object, whatever of our values lies in it."""
    return orjson.dumps(data, default=opened, option=_AS_OURS)


def thing_of(kind: type[T], data: Json) -> T:
    """The value behind a whole record."""
    if kind is ClockRecord:
        data = data | {"value": data}  # its value lies flat in it, and takes from it what it knows
    return cast(T, _decoder(cast(Hashable, kind))(data))


def apart(kind: type, data: Json) -> tuple[Json, Json]:
    """The record without its personal fields, which are null in it, and those alone by JSON pointer.

    data: a record, or a thing that was `opened`. Of what was erased nothing personal is kept, however late it came.
    """
    bare, personal = dict(data), {}
    erased = bare.get("erased_at") is not None
    for pointer, (*above, name) in _PATHS[kind]:
        holder = bare
        for step in above:
            holder[step] = holder = opened(holder[step])
        if holder.get(name) and not erased:
            personal[pointer] = holder[name]
        holder[name] = None
    return bare, personal


def together(data: Json, personal: Mapping[str, Any]) -> Json:
    """A bare record with its personal fields put back."""
    whole = dict(data)
    for pointer, value in personal.items():
        *above, name = pointer[1:].split("/")
        holder = whole
        for step in above:
            holder[step] = holder = dict(holder[step])
        holder[name] = value
    return whole


class Outline(NamedTuple):
    """One field of a record: its name outside, its type here, and whether every record ever written has it."""

    name: str
    hint: Any
    always: bool


def outline(kind: type) -> tuple[Outline, ...]:
    """The fields of a record of this kind, in order. What has a default here may be missing in an old one.

    Without `erased_at`, which outside stands in `privacy`.
    """
    hints = get_type_hints(kind)
    seen = (item for item in _fields(kind) if item.name != "erased_at")
    own = tuple(Outline(item.name, hints[item.attribute], item.needed) for item in seen)
    if kind is not ClockRecord:
        return own
    return (*(each for each in own if each.name != "value"), *outline(Clock))


class _Field(NamedTuple):
    """decode: of a value that is not null."""

    attribute: str
    name: str
    decode: Callable[[Any], Any]
    needed: bool


@cache
def _fields(kind: type) -> tuple[_Field, ...]:
    hints = get_type_hints(kind)
    made = []
    for item in fields(kind):
        hint = hints[item.name]
        suffix = "_ms" if timedelta in (hint, *get_args(hint)) else ""
        name = _OUTSIDE.get(item.name, item.name) + suffix
        needed = item.default is MISSING and item.default_factory is MISSING
        made.append(_Field(item.name, name, _decoder(_optional(hint) or hint), needed))
    return tuple(made)


def _names(kind: type) -> tuple[str, ...]:
    return tuple(item.name for item in _fields(kind))


_MILLISECOND = timedelta(milliseconds=1)


def _milliseconds(value: timedelta) -> int:
    return round(value / _MILLISECOND)


def _same(value: Any) -> Any:
    return value


@cache
def _opener(kind: type) -> Callable[[Any], Any]:
    """For what orjson leaves to us; texts, numbers, lists and enumerations it writes itself."""
    if kind is ClockRecord:
        return _clock_object
    if is_dataclass(kind):
        return _object(kind)
    if issubclass(kind, datetime):
        return instant
    if issubclass(kind, timedelta):
        return _milliseconds
    if hasattr(kind, "_asdict"):
        return cast(Callable[[Any], Json], kind._asdict)
    return dict


@cache
def _object(kind: type) -> Callable[[Any], Json]:
    names = _names(kind)
    values = attrgetter(*(item.attribute for item in _fields(kind)))
    return lambda thing: dict(zip(names, values(thing), strict=True))


def _clock_object(thing: ClockRecord) -> Json:
    """What is recorded of a clock and its value, in one flat object."""
    outer = _object(ClockRecord)(thing)
    outer.update(opened(outer.pop("value")))
    return outer


@cache
def _decoder(hint: Any) -> Callable[[Any], Any]:
    inner = _optional(hint)
    if inner is not None:
        decode = _decoder(inner)
        return lambda value: None if value is None else decode(value)
    if hint is datetime:
        return datetime.fromisoformat
    if hint is timedelta:
        return lambda value: timedelta(milliseconds=value)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _enum_decoder(hint)
    if isinstance(hint, type) and is_dataclass(hint):
        return _object_decoder(hint)
    if isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_asdict"):
        return lambda data: hint(**data)
    if get_origin(hint) is tuple:
        each = _decoder(get_args(hint)[0])
        return tuple if each is _same else lambda values: tuple(map(each, values))
    return _same


def _enum_decoder(kind: type[Enum]) -> Callable[[Any], Any]:
    """By a look-up; the class itself takes ten times as long and raises where it knows no such value."""
    known = {member.value: member for member in kind}
    return lambda value: known.get(value) or kind(value)


def _object_decoder(kind: type) -> Callable[[Any], Any]:
    """A field that is null where null is not its value was erased or redacted: it takes its default."""
    names = [(item.attribute, item.name) for item in _fields(kind)]
    steps = [(item.attribute, item.decode) for item in _fields(kind) if item.decode is not _same]
    needed = dict.fromkeys(item.attribute for item in _fields(kind) if item.needed)

    def decoded(data: Json) -> Any:
        given = needed | {attribute: value for attribute, name in names if (value := data.get(name)) is not None}
        for attribute, decode in steps:
            if (value := given.get(attribute)) is not None:
                given[attribute] = decode(value)
        return kind(**given)

    return decoded


def _optional(hint: Any) -> Any | None:
    if get_origin(hint) not in (Union, types.UnionType):
        return None
    inner = [arg for arg in get_args(hint) if arg is not type(None)]
    return inner[0] if len(inner) == 1 and len(inner) < len(get_args(hint)) else None
