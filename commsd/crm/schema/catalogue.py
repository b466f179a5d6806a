"""Every schema by its name: `interaction.v1` of a record, `commsd.interaction.recorded.v1` of a whole event. Pure.

An event's schema is complete in itself, so that a consumer needs one file for one type.
"""

from collections.abc import Iterator, Mapping

from commsd.core.record import THING, Json
from commsd.crm.event import PREFIX, VERSION
from commsd.crm.schema.shape import record_shape
from commsd.crm.schema.words import EVENTS

DIALECT = "https://json-schema.org/draft/2020-12/schema"
URN = "urn:commsd:schema:"

_KINDS: Mapping[str, type] = {thing: kind for kind, thing in THING.items()}


def event_types() -> tuple[str, ...]:
    """Every type that the feed may tell, whole: `commsd.clock.breached.v1`."""
    return tuple(f"{PREFIX}{thing}.{word}{VERSION}" for thing, words in EVENTS.items() for word in words)


def schemas() -> Mapping[str, Json]:
    """Every schema by its name."""
    return dict(_all())


def record_schema(thing: str) -> Json:
    """The schema of a record: a thing as the API gives it."""
    return record_shape(_KINDS[thing], thing)


def _all() -> Iterator[tuple[str, Json]]:
    for thing in EVENTS:
        yield _named(f"{thing}{VERSION}", thing, record_schema(thing))
    for thing, words in EVENTS.items():
        for word, said in words.items():
            name = f"{PREFIX}{thing}.{word}{VERSION}"
            yield _named(name, f"{thing}.{word}", _event(name, thing, said))


def _named(name: str, title: str, schema: Json) -> tuple[str, Json]:
    return name, {"$schema": DIALECT, "$id": f"{URN}{name}", "title": title, **schema}


def _event(name: str, thing: str, said: str) -> Json:
    data = record_schema(thing)
    by = {"type": "string", "description": "Who did it: an agent's id, key:NAME of an API key, or machine."}
    data = {**data, "properties": {**data["properties"], "by": by}, "required": [*data["required"], "by"]}
    text = {"type": "string", "minLength": 1}
    time = {"type": "string", "format": "date-time"}
    return {
        "description": said,
        "type": "object",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": text | {"description": "Drop what you have seen: the same event always has the same id."},
            "source": text | {"description": "urn:commsd: and the id of this life of the database."},
            "type": {"const": name},
            "subject": text | {"description": f"The id of the {thing}."},
            "time": time | {"description": "When it became true."},
            "recordedtime": time | {"description": "When it was committed."},
            "datacontenttype": {"const": "application/json"},
            "dataschema": text | {"description": "Which schema describes it."},
            "sequence": {"type": "string", "pattern": "^[0-9]{20}$", "description": "Its place in the feed; dense."},
            "partitionkey": text | {"description": "Events with the same key happened in this order."},
            "dataclassification": text,
            "traceparent": text,
            "data": data,
        },
        "required": ["specversion", "id", "source", "type", "subject", "time", "recordedtime", "sequence", "data"],
    }
