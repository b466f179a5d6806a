"""The routes under /v1 and their description in OpenAPI 3.1, both from one table of operations."""

from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from commsd import __version__
from commsd.crm import api_actions, api_events, api_reads, api_reports
from commsd.crm.problem import MEDIA_TYPE
from commsd.crm.request import Api, Operation, route_of

OPERATIONS: Sequence[Operation] = (
    *api_events.OPERATIONS,
    *api_reads.OPERATIONS,
    *api_reports.OPERATIONS,
    *api_actions.OPERATIONS,
)

_PROBLEM = {"description": "What went wrong and what to do", "content": {MEDIA_TYPE: {"schema": {"type": "object"}}}}
_FINE = {"description": "Done", "content": {"application/json": {"schema": {"type": "object"}}}}


def routes(api: Api) -> list[BaseRoute]:
    """Everything under /v1, and /openapi.json."""
    text = orjson.dumps(openapi())

    async def described(_request: Request) -> Response:
        return Response(text, media_type="application/json")

    return [*(route_of(api, operation) for operation in OPERATIONS), Route("/openapi.json", described)]


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 description."""
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        paths.setdefault(operation.path, {})[operation.method.lower()] = _described(operation)
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "commsd",
            "version": __version__,
            "description": "The interaction log: what happened, what is owed, and what people did about it.",
        },
        "paths": paths,
        "components": {"securitySchemes": {"key": {"type": "http", "scheme": "bearer"}}},
        "security": [{"key": []}],
    }


def _described(operation: Operation) -> dict[str, Any]:
    parameters = [_parameter("id", "path", "its id")] if "{id}" in operation.path else []
    parameters += [_parameter(name, "query", what) for name, what in operation.query.items()]
    if operation.once:
        parameters.append(_parameter("Idempotency-Key", "header", "the same request again under it changes nothing"))
    described: dict[str, Any] = {
        "summary": operation.does,
        "description": f"Scope: `{operation.scope}`",
        "operationId": _name(operation),
        "parameters": parameters,
        "responses": {"201" if operation.path == "/v1/interactions" and operation.body else "200": _FINE}
        | {"default": _PROBLEM},
    }
    if operation.method == "POST":
        described["requestBody"] = {"content": {"application/json": {"schema": _schema(operation.body)}}}
    return described


def _name(operation: Operation) -> str:
    words = [word for word in operation.path.removeprefix("/v1/").split("/") if word != "{id}"]
    one = ["one"] if operation.path.endswith("{id}") else []
    return "_".join([operation.method.lower(), *words, *one])


def _parameter(name: str, where: str, what: str) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path", "description": what, "schema": {"type": "string"}}


def _schema(fields: Mapping[str, str]) -> dict[str, Any]:
    return {
        "type": "object",
        "additionalProperties": False,
        "properties": {name: {"description": what} for name, what in fields.items()},
    }
