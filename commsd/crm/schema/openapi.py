"""The OpenAPI 3.1 description of the API, from its operations and the schemas of what it takes and gives."""

from collections.abc import Iterable, Mapping
from typing import Any, Protocol

from commsd.core.record import Json
from commsd.crm.schema.answer import ANSWERS, COMPONENTS, JSON, PROBLEM, STATUSES, Answer, ref
from commsd.crm.schema.catalogue import event_types, record_schema
from commsd.crm.schema.example import event_examples, record_example
from commsd.crm.schema.form import EXAMPLES, NEEDED, form_of, optional
from commsd.crm.schema.words import EVENTS

DESCRIPTION = """The interaction log: what happened, what is owed, and what people did about it.

Objects and enumerations in answers are open: new fields and new words may appear at any time, and a reader tolerates
them. Requests are closed: what is not known is refused."""

_EXAMPLE_EVENT = "commsd.callback.opened.v1"


class Described(Protocol):
    """What an operation says of itself."""

    @property
    def method(self) -> str: ...
    @property
    def path(self) -> str: ...
    @property
    def scope(self) -> str: ...
    @property
    def does(self) -> str: ...
    @property
    def query(self) -> Mapping[str, str]: ...
    @property
    def body(self) -> Mapping[str, str]: ...
    @property
    def once(self) -> bool: ...


def description(operations: Iterable[Described], version: str) -> Json:
    """The whole description. version: of the program."""
    paths: dict[str, Json] = {}
    for operation in operations:
        paths.setdefault(operation.path, {})[operation.method.lower()] = described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "commsd",
            "version": version,
            "description": DESCRIPTION,
            "license": {"name": "GPL-3.0-or-later", "identifier": "GPL-3.0-or-later"},
        },
        "paths": paths,
        "components": {
            "securitySchemes": {"key": {"type": "http", "scheme": "bearer"}},
            "schemas": {**{thing: _of_api(thing) for thing in EVENTS}, "event": _event(), **COMPONENTS},
        },
        "security": [{"key": []}],
    }


def described(operation: Described) -> Json:
    """One operation."""
    route = f"{operation.method} {operation.path}"
    found: Json = {
        "summary": operation.does,
        "description": f"Scope: `{operation.scope}`",
        "operationId": _name(operation),
        "tags": [operation.path.split("/")[2]],
        "parameters": _parameters(operation, route),
        "responses": _responses(operation, route),
    }
    if operation.body or operation.method in ("POST", "PUT"):
        found["requestBody"] = _request(operation, route)
    return found


def example_of(answer: Answer) -> Any:
    """What a route answers with, for instance; None where there is no example."""
    if not isinstance(answer.example, str):
        return answer.example
    form, _, thing = answer.example.partition(":")
    one = event_examples()[_EXAMPLE_EVENT][1] if thing == "event" else record_example(thing)
    return one if form == "record" else {"data": [one], "next_cursor": "W1tn…", "has_more": False}


def _parameters(operation: Described, route: str) -> list[Json]:
    found = [
        _parameter(route, name, "path", "its id")
        for name in (part[1:-1] for part in operation.path.split("/") if part.startswith("{"))
    ]
    found += [_parameter(route, name, "query", what) for name, what in operation.query.items()]
    if operation.once:
        found.append(
            {
                "name": "Idempotency-Key",
                "in": "header",
                "description": "The same request again under it changes nothing, for 24 hours; it is answered with "
                "`Idempotent-Replayed: true` and with how things are by then.",
                "schema": {"type": "string"},
            }
        )
    return found


def _parameter(route: str, name: str, where: str, what: str) -> Json:
    found = {"name": name, "in": where, "required": where == "path", "description": what}
    if where == "query":
        found["allowEmptyValue"] = True  # which is as if it were not there
    return found | {"schema": form_of(route, name)}


def _request(operation: Described, route: str) -> Json:
    needed = NEEDED.get(route, ())
    fields = {name: {**_field(route, name, needed), "description": what} for name, what in operation.body.items()}
    schema: Json = {"type": "object", "additionalProperties": False, "properties": fields}
    if needed:
        schema["required"] = list(needed)
    content: Json = {"schema": schema}
    if route in EXAMPLES:
        content["example"] = EXAMPLES[route]
    return {"content": {JSON: content}, "required": bool(needed)}


def _field(route: str, name: str, needed: Iterable[str]) -> Json:
    found = form_of(route, name)
    return found if name in needed else optional(found)


def _responses(operation: Described, route: str) -> Json:
    answer = ANSWERS.get(route) or Answer(forms={JSON: {"type": "object"}})
    example = example_of(answer)
    content = {media: {"schema": schema} for media, schema in answer.forms.items()}
    if example is not None:
        content[JSON]["example"] = example
    said = {str(status): _fine(status, content) for status in answer.statuses}
    problem = {PROBLEM: {"schema": ref("problem")}}
    for status in _refusals(operation, route):
        said[str(status)] = {"description": STATUSES[status], "content": problem}
    return said | {"default": {"description": "What went wrong and what to do.", "content": problem}}


def _fine(status: int, content: Json) -> Json:
    if status in (204, 304):
        return {"description": STATUSES.get(status, "Done.")}
    return {"description": "Made." if status == 201 else "Done.", "content": content}


def _refusals(operation: Described, route: str) -> list[int]:
    found = {400, 401, 403, 429, 503}
    found |= {404} if "{" in operation.path else set()
    found |= {409, 410} if route == "GET /v1/events" else set()
    found |= {409, 413, 415, 422} if operation.method in ("POST", "PUT") else set()
    found |= {409} if operation.method == "DELETE" else set()
    found |= {412} if operation.method == "PUT" else set()
    found |= {412} if operation.method == "PUT" else set()
    return sorted(found)


def _name(operation: Described) -> str:
    words = [word.strip("{}") for word in operation.path.removeprefix("/v1/").split("/") if word != "{id}"]
    one = ["one"] if operation.path.endswith("{id}") else []
    return "_".join([operation.method.lower(), *words, *one])


def _of_api(thing: str) -> Json:
    found = record_schema(thing)
    if thing == "case":
        found["properties"]["clocks"] = {"type": "array", "items": ref("clock"), "description": "All its clocks."}
    return found


def _event() -> Json:
    text = {"type": "string"}
    time = {"type": "string", "format": "date-time"}
    known = event_types()
    return {
        "type": "object",
        "description": "CloudEvents 1.0. Each type has a whole schema of its own: GET /v1/schemas/{type}.",
        "properties": {
            "specversion": {"const": "1.0"},
            "id": {**text, "description": "Drop what you have seen."},
            "source": text,
            "type": {**text, "description": f"Open; today: {', '.join(known)}.", "examples": [_EXAMPLE_EVENT]},
            "subject": {**text, "description": "The id of the thing."},
            "time": time,
            "recordedtime": time,
            "sequence": {**text, "pattern": "^[0-9]{20}$"},
            "data": {"type": "object", "description": "The record after the change, and `by`: who did it."},
        },
        "required": ["specversion", "id", "source", "type", "subject", "time", "sequence", "data"],
    }
