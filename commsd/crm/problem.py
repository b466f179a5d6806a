"""What went wrong, told to a caller over HTTP: RFC 9457 problem documents with a remedy, never with internals."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import orjson
from starlette.responses import Response

from commsd.crm.cursor import FeedEpochChanged, InvalidCursor
from commsd.errors import CommsdError, IllegalStep, LeaseLost, NotFound, Refused, TryAgain, Unreachable

MEDIA_TYPE = "application/problem+json"


class Invalid(CommsdError):
    """The request cannot be read as one. mistakes: JSON pointer or query parameter -> what to write."""

    def __init__(self, what: str, *, remedy: str, mistakes: Mapping[str, str] | None = None) -> None:
        super().__init__(what, remedy=remedy)
        self.mistakes = dict(mistakes or {})


class NoKey(CommsdError):
    """No key, or one we do not know."""


class NoScope(CommsdError):
    """The key is known and may not do this."""


class SameKeyOtherBody(CommsdError):
    """An Idempotency-Key used twice for different requests."""


class TooLarge(CommsdError):
    """A request with more bytes than anything here needs."""


_STATUS: Mapping[type[CommsdError], tuple[HTTPStatus, str]] = {
    Invalid: (HTTPStatus.BAD_REQUEST, "invalid-request"),
    InvalidCursor: (HTTPStatus.BAD_REQUEST, "invalid-cursor"),
    FeedEpochChanged: (HTTPStatus.CONFLICT, "feed-epoch-changed"),
    NoKey: (HTTPStatus.UNAUTHORIZED, "no-key"),
    NoScope: (HTTPStatus.FORBIDDEN, "no-scope"),
    NotFound: (HTTPStatus.NOT_FOUND, "not-found"),
    IllegalStep: (HTTPStatus.CONFLICT, "illegal-step"),
    Refused: (HTTPStatus.CONFLICT, "refused"),
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
    return problem(status, kind, error.what, error.remedy, **more)
