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
from typing import Any, Literal, NamedTuple, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from commsd.core.callback import Callback
from commsd.core.case import Case, ClockRecord
from commsd.core.channel_state import ChannelState
from commsd.core.clock import Clock
from commsd.core.contact import Contact
from commsd.core.interaction import Interaction
from commsd.core.ruling import Ruling

Json = dict[str, Any]
T = TypeVar("T")

PERSONAL: Mapping[type, tuple[str, ...]] = {
    Interaction: ("/parties", "/subject", "/preview", "/attachments", "/detail/note", "/detail/questions"),
    Contact: ("/name", "/identities"),
    Case: ("/subject",),
    Callback: ("/number", "/purpose", "/questions"),
    ClockRecord: (),
    Ruling: (),
    ChannelState: (),
}
"""JSON pointers of what can be erased without touching the log's order."""

THING: Mapping[type, str] = {
    Interaction: "interaction",
    Contact: "contact",
    Case: "case",
    Callback: "callback",
    ClockRecord: "clock",
    Ruling: "rules",
    ChannelState: "channel",
}

_OUTSIDE = {"original": "raw"}


@lru_cache(maxsize=4096)
def instant(value: datetime) -> str:
    """RFC 3339 UTC with milliseconds and Z. Remembered: the records of one decision share a handful of instants."""
    value = value if value.tzinfo is UTC else value.astimezone(UTC)
    return value.isoformat(timespec="milliseconds")[:-6] + "Z"


def record(thing: object) -> Json:
    """The whole record of a thing, personal fields included."""
    if isinstance(thing, ClockRecord):
        return clock_record(thing)
    return cast(Json, _encoder(cast(Hashable, type(thing)))(thing))


def clock_record(thing: ClockRecord) -> Json:
    """A clock's record: what is recorded of it and its value, in one flat object."""
    outer = cast(Json, _encoder(ClockRecord)(thing))
    outer.update(outer.pop("value"))
    return outer


def thing_of(kind: type[T], data: Json) -> T:
    """The value behind a whole record."""
    if kind is ClockRecord:
        inner = {name: data[name] for name in _names(Clock) if name in data}
        data = {name: item for name, item in data.items() if name not in inner} | {"value": inner}
    return cast(T, _decoder(cast(Hashable, kind))(data))


def apart(kind: type, data: Json) -> tuple[Json, Json]:
    """The record without its personal fields, which are null in it, and those alone by JSON pointer."""
    bare, personal = dict(data), {}
    for pointer in PERSONAL[kind]:
        *above, name = pointer[1:].split("/")
        holder = bare
        for step in above:
            holder[step] = holder = dict(holder[step])
        if holder.get(name):
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


class _Field(NamedTuple):
    """encode: of a value that is not None."""

    attribute: str
    name: str
    encode: Callable[[Any], Any]
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
        made.append(_Field(item.name, name, _encoder(_optional(hint) or hint), _decoder(hint), needed))
    return tuple(made)


def _names(kind: type) -> tuple[str, ...]:
    return tuple(item.name for item in _fields(kind))


_MILLISECOND = timedelta(milliseconds=1)
_VALUE = attrgetter("_value_")


def _milliseconds(value: timedelta) -> int:
    return round(value / _MILLISECOND)


def _same(value: Any) -> Any:
    return value


@cache
def _encoder(hint: Any) -> Callable[[Any], Any]:
    inner = _optional(hint)
    if inner is not None:
        encode = _encoder(inner)
        return lambda value: None if value is None else encode(value)
    if hint is datetime:
        return instant
    if hint is timedelta:
        return _milliseconds
    if isinstance(hint, type) and issubclass(hint, Enum):
        return _VALUE
    if isinstance(hint, type) and is_dataclass(hint):
        return _object_encoder(hint)
    if isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_asdict"):
        return lambda value: value._asdict()
    if get_origin(hint) is tuple:
        each = _encoder(get_args(hint)[0])
        return lambda values: [each(value) for value in values]
    if _is_mapping(hint):
        return dict
    return _same


def _object_encoder(kind: type) -> Callable[[Any], Any]:
    names = [item.name for item in _fields(kind)]
    values = attrgetter(*(item.attribute for item in _fields(kind)))
    steps = [(item.name, item.encode) for item in _fields(kind) if item.encode is not _same]

    def encoded(thing: Any) -> Json:
        data = dict(zip(names, values(thing), strict=True))
        for name, encode in steps:
            value = data[name]
            if value is not None:
                data[name] = encode(value)
        return data

    return encoded


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
        return lambda data: _decode_fields(hint, data)
    if isinstance(hint, type) and issubclass(hint, tuple) and hasattr(hint, "_asdict"):
        return lambda data: hint(**data)
    if get_origin(hint) is tuple:
        each = _decoder(get_args(hint)[0])
        return lambda values: tuple(each(value) for value in values)
    return _same


def _enum_decoder(kind: type[Enum]) -> Callable[[Any], Any]:
    """By a look-up; the class itself takes ten times as long and raises where it knows no such value."""
    known = {member.value: member for member in kind}
    return lambda value: known.get(value) or kind(value)


def _decode_fields(kind: type, data: Json) -> object:
    """A field that is null where null is not its value was erased or redacted: it takes its default."""
    known = {}
    for item in _fields(kind):
        value = data.get(item.name)
        if value is not None:
            known[item.attribute] = item.decode(value)
        elif item.needed:
            known[item.attribute] = None
    return kind(**known)


def _optional(hint: Any) -> Any | None:
    if get_origin(hint) not in (Union, types.UnionType):
        return None
    inner = [arg for arg in get_args(hint) if arg is not type(None)]
    return inner[0] if len(inner) == 1 and len(inner) < len(get_args(hint)) else None


def _is_mapping(hint: Any) -> bool:
    origin = get_origin(hint)
    return origin is not Literal and isinstance(origin, type) and issubclass(origin, Mapping)
