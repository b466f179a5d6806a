"""What went wrong, told to a caller over HTTP: RFC 9457 problem documents with a remedy, never with internals."""

import math
from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from commsd.crm.cursor import SNAPSHOT, CursorExpired, FeedEpochChanged, InvalidCursor
from commsd.crm.fault import Invalid, NoKey, NoScope, NotJson, SameKeyOtherBody, TooLarge, TooOften, WrongNetwork
from commsd.errors import CommsdError, IllegalStep, LeaseLost, NotFound, OtherRevision, Refused, TryAgain, Unreachable

MEDIA_TYPE = "application/problem+json"


_STATUS: Mapping[type[CommsdError], tuple[HTTPStatus, str]] = {
    Invalid: (HTTPStatus.BAD_REQUEST, "invalid-request"),
    InvalidCursor: (HTTPStatus.BAD_REQUEST, "invalid-cursor"),
    FeedEpochChanged: (HTTPStatus.CONFLICT, "feed-epoch-changed"),
    CursorExpired: (HTTPStatus.GONE, "cursor-expired"),
    NoKey: (HTTPStatus.UNAUTHORIZED, "no-key"),
    NoScope: (HTTPStatus.FORBIDDEN, "no-scope"),
    WrongNetwork: (HTTPStatus.FORBIDDEN, "wrong-network"),
    NotJson: (HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "unsupported-media-type"),
    TooOften: (HTTPStatus.TOO_MANY_REQUESTS, "too-often"),
    NotFound: (HTTPStatus.NOT_FOUND, "not-found"),
    IllegalStep: (HTTPStatus.CONFLICT, "illegal-step"),
    Refused: (HTTPStatus.CONFLICT, "refused"),
    OtherRevision: (HTTPStatus.PRECONDITION_FAILED, "other-revision"),
    SameKeyOtherBody: (HTTPStatus.UNPROCESSABLE_ENTITY, "same-key-other-body"),
    TooLarge: (HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "too-large"),
    LeaseLost: (HTTPStatus.SERVICE_UNAVAILABLE, "try-again"),
    TryAgain: (HTTPStatus.SERVICE_UNAVAILABLE, "try-again"),
    Unreachable: (HTTPStatus.SERVICE_UNAVAILABLE, "try-again"),
}


def problem(status: int, kind: str, detail: str, remedy: str, **more: Any) -> Response:
    """A problem document. kind: the last part of its type, for programs; detail and remedy: for people."""
    body = {
        "type": f"urn:commsd:problem:{kind}",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "remedy": remedy,
        **more,
    }
    headers = {"WWW-Authenticate": "Bearer"} if status == HTTPStatus.UNAUTHORIZED else {}
    if status == HTTPStatus.SERVICE_UNAVAILABLE:
        headers["Retry-After"] = "2"
    return Response(orjson.dumps(body), status_code=status, media_type=MEDIA_TYPE, headers=headers)


def problem_of(error: CommsdError) -> Response:
    """The problem document of an error a caller can mend."""
    status, kind = next(
        (found for known, found in _STATUS.items() if isinstance(error, known)),
        (HTTPStatus.CONFLICT, "refused"),
    )
    more: dict[str, Any] = {}
    if isinstance(error, Invalid) and error.mistakes:
        more["errors"] = [{"pointer": place, "detail": what} for place, what in error.mistakes.items()]
    if isinstance(error, CursorExpired):
        more |= {"oldest_cursor": error.oldest, "snapshot": SNAPSHOT}
    response = problem(status, kind, error.what, error.remedy, **more)
    if isinstance(error, TooOften):
        response.headers["Retry-After"] = str(max(math.ceil(error.wait.total_seconds()), 1))
    return response
