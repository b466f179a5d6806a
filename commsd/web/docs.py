"""What /docs says: the operations, records and events of the API as rows of a page that needs no script.

The texts come from where the API itself has them, so that a page and an answer cannot disagree.
"""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from itertools import groupby
from typing import Any

import orjson

from commsd.core.record import Json
from commsd.crm.api import OPERATIONS
from commsd.crm.csv_form import PLAIN
from commsd.crm.keys import SCOPES
from commsd.crm.request import Operation
from commsd.crm.schema.answer import ANSWERS, STATUSES
from commsd.crm.schema.catalogue import record_schema
from commsd.crm.schema.example import event_examples
from commsd.crm.schema.form import EXAMPLES, NEEDED, form_of
from commsd.crm.schema.openapi import example_of
from commsd.crm.schema.words import EVENTS

HOUSE = "https://commsd.example.com"
SAMPLE = "01950000-0000-7000-8000-000000000100"

MEANING: Mapping[str, str] = {
    "events:read": "read the feed, interactions, cases, callbacks, clocks, reports, schemas",
    "events:read:pii": "see names, addresses, numbers and subjects in all of these",
    "bodies:read": "read originals: mails, texts, spoken messages",
    "interactions:write": "record a touch from outside; say what came of a talk",
    "callbacks:write": "claim, release and close callbacks",
    "cases:write": "close, hold, merge and assign cases",
    "contacts:write": "change contacts and organisations",
    "admin": "everything, with webhooks, keys and the audit",
}
SNIPPETS = ("follow", "verify")


@dataclass(frozen=True, slots=True, kw_only=True)
class Field:
    """One line of a table of fields. form: its type in words."""

    name: str
    form: str
    said: str
    needed: bool = False


@cache
def values() -> Mapping[str, Any]:
    """What the template needs."""
    ordered = sorted(OPERATIONS, key=_tag)
    return {
        "groups": [(tag, [_section(each) for each in found]) for tag, found in groupby(ordered, key=_tag)],
        "events": [(thing, [_event(thing, word) for word in words]) for thing, words in EVENTS.items()],
        "records": [(thing, record_schema(thing)["description"], _fields(thing)) for thing in EVENTS],
        "scopes": [(scope, MEANING[scope]) for scope in SCOPES],
        "statuses": sorted(STATUSES.items()),
        "columns": PLAIN,
        **{name: snippet(name) for name in SNIPPETS},
    }


def snippet(name: str) -> str:
    """The program of this name that the page shows."""
    return files("commsd.web").joinpath("templates", f"{name}.txt").read_text("utf-8")


def _tag(operation: Operation) -> str:
    return operation.path.split("/")[2]


def _section(operation: Operation) -> Mapping[str, Any]:
    route = f"{operation.method} {operation.path}"
    answer = ANSWERS.get(route)
    example = example_of(answer) if answer else None
    return {
        "operation": operation,
        "anchor": route.lower().replace(" ", "-").replace("/", "-").replace("{", "").replace("}", ""),
        "parameters": [_field(route, name, said, ()) for name, said in operation.query.items()],
        "body": [_field(route, name, said, NEEDED.get(route, ())) for name, said in operation.body.items()],
        "request": _curl(operation, EXAMPLES.get(route)),
        "forms": ", ".join(answer.forms) if answer else "application/json",
        "answer": _pretty(example) if example is not None else None,
    }


def _event(thing: str, word: str) -> Mapping[str, Any]:
    name = f"commsd.{thing}.{word}.v1"
    return {"type": name, "said": EVENTS[thing][word], "example": _pretty(event_examples()[name][1])}


def _fields(thing: str) -> list[Field]:
    schema = record_schema(thing)
    return [
        Field(name=name, form=form(found), said=found.get("description", ""))
        for name, found in schema["properties"].items()
    ]


def _field(route: str, name: str, said: str, needed: Sequence[str]) -> Field:
    found = form_of(route, name)
    words = [word for word in found.get("enum", ()) if word not in said]
    said = f"{said}. One of: {', '.join(found['enum'])}" if words else said
    return Field(name=name, form=form(found), said=said, needed=name in needed)


def form(schema: Json) -> str:
    """The type of a value in words: "time or null", "list of objects"."""
    kinds = [schema["type"]] if isinstance(schema.get("type"), str) else list(schema.get("type", ["anything"]))
    words = ["list of " + form(schema["items"]) + "s" if kind == "array" else _word(kind, schema) for kind in kinds]
    return " or ".join(words)


def _word(kind: str, schema: Json) -> str:
    if kind == "string" and "enum" in schema:
        return "word"
    if kind == "string":
        return "time" if schema.get("format") == "date-time" else "text"
    return {"integer": "number", "boolean": "yes or no"}.get(kind, kind)


def _curl(operation: Operation, body: Json | None) -> str:
    route = f"{operation.method} {operation.path}"
    parts = [_sample(route, part[1:-1]) if part.startswith("{") else part for part in operation.path.split("/")]
    path = "/".join(parts)
    words = ["curl"] + ([] if operation.method == "GET" else ["-X", operation.method])
    lines = [f"{shlex.join(words)} {HOUSE}{path}", '-H "Authorization: Bearer $KEY"']
    if operation.once:
        lines.append("-H 'Idempotency-Key: 5f0c2b1e'")
    if body is not None:
        lines.append(f"--json {shlex.quote(orjson.dumps(body).decode())}")
    return " \\\n     ".join(lines)


def _sample(route: str, name: str) -> str:
    return str(form_of(route, name).get("examples", [SAMPLE])[0])


def _pretty(value: Any) -> str:
    return orjson.dumps(value, option=orjson.OPT_INDENT_2).decode()
