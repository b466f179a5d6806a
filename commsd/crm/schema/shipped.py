"""The schemas as files of the wheel, and where they are served: GET /v1/schemas and /v1/schemas/{id}."""

from collections.abc import Sequence
from functools import cache
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response

from commsd.crm.keys import Caller
from commsd.crm.request import Api, Operation, Query, json
from commsd.errors import NotFound

FOLDER = "v1"
MEDIA_TYPE = "application/schema+json"
_ENDING = ".json"


@cache
def names() -> tuple[str, ...]:
    """The names of all schemas, in order."""
    folder = files("commsd.crm.schema").joinpath(FOLDER)
    return tuple(sorted(file.name.removesuffix(_ENDING) for file in folder.iterdir() if file.name.endswith(_ENDING)))


@cache
def text_of(name: str) -> bytes:
    """The schema of this name. Raises NotFound."""
    if name not in names():
        raise NotFound(f"no schema is called {name[:80]!r}", remedy="list them: GET /v1/schemas")
    return files("commsd.crm.schema").joinpath(FOLDER, name + _ENDING).read_bytes()


async def listed(_api: Api, request: Request, _caller: Caller) -> Response:
    """The names of all schemas with their addresses."""
    Query.of(request, {})
    return json({"data": [{"name": name, "url": f"/v1/schemas/{name}"} for name in names()]})


async def schema(_api: Api, request: Request, _caller: Caller) -> Response:
    """One schema."""
    Query.of(request, {})
    return Response(text_of(request.path_params["id"]), media_type=MEDIA_TYPE)


OPERATIONS: Sequence[Operation] = (
    Operation(
        method="GET",
        path="/v1/schemas",
        scope="events:read",
        does="The JSON Schemas of every record and every event, by name",
        handler=listed,
    ),
    Operation(
        method="GET",
        path="/v1/schemas/{id}",
        scope="events:read",
        does="One JSON Schema (2020-12), such as commsd.interaction.recorded.v1",
        handler=schema,
    ),
)
