"""The routes under /v1 and their description in OpenAPI 3.1, both from one table of operations."""

from collections.abc import Sequence
from typing import Any

import orjson
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from commsd import __version__
from commsd.crm import (
    api_actions,
    api_audit,
    api_contacts,
    api_events,
    api_organisations,
    api_privacy,
    api_reads,
    api_reports,
    api_webhooks,
    snapshot,
)
from commsd.crm.request import Api, Operation, routes_of
from commsd.crm.schema import shipped
from commsd.crm.schema.openapi import description

OPERATIONS: Sequence[Operation] = (
    *api_events.OPERATIONS,
    *snapshot.OPERATIONS,
    *api_reads.OPERATIONS,
    *api_reports.OPERATIONS,
    *api_actions.OPERATIONS,
    *api_contacts.OPERATIONS,
    *api_organisations.OPERATIONS,
    *api_privacy.OPERATIONS,
    *api_webhooks.OPERATIONS,
    *api_audit.OPERATIONS,
    *shipped.OPERATIONS,
)


def routes(api: Api) -> list[BaseRoute]:
    """Everything under /v1, and /openapi.json."""
    text = orjson.dumps(openapi())

    async def described(_request: Request) -> Response:
        return Response(text, media_type="application/json")

    return [*routes_of(api, OPERATIONS), Route("/openapi.json", described)]


def openapi() -> dict[str, Any]:
    """The OpenAPI 3.1 description."""
    return description(OPERATIONS, __version__)
