"""Cursors: where a reader of the feed or of a list goes on. Opaque, signed, and refused rather than wrong.

A cursor of the feed names its epoch: one from another life of the database is told so and never skips silently.
"""

import base64
import hashlib
import hmac
from datetime import datetime
from typing import Any

import orjson

from commsd.core.record import instant
from commsd.errors import CommsdError

TAG_BYTES = 12
_FEED = "feed-cursor"
_LIST = "list-cursor"

Place = tuple[datetime, str]
"""Where a list goes on: the time it is sorted by, and the id that breaks ties."""


class InvalidCursor(CommsdError):
    """Not a cursor of ours, or edited."""


class FeedEpochChanged(CommsdError):
    """A cursor of another life of this database."""


def feed_cursor(key: bytes, epoch: str, number: int) -> str:
    """The cursor behind the event of this number."""
    return _sealed(key, _FEED, [epoch, number])


def feed_number(key: bytes, epoch: str, last: int, cursor: str) -> int:
    """The number to read on from. Raises InvalidCursor or FeedEpochChanged.

    A number the feed has not reached comes from a copy of the database that lived longer: the same finding.
    """
    known, number = _opened(key, _FEED, cursor)
    if known != epoch or number > last:
        raise FeedEpochChanged(
            "this cursor belongs to another life of the database: it was restored or replaced",
            remedy="read /v1/interactions again, then follow /v1/events without a cursor; drop events you know by id",
        )
    return int(number)


def list_cursor(key: bytes, name: str, place: Place) -> str:
    """The cursor behind a row of the list of this name."""
    return _sealed(key, _LIST + name, [instant(place[0]), place[1]])


def list_place(key: bytes, name: str, cursor: str | None) -> Place | None:
    """Where the list goes on; None at its beginning. Raises InvalidCursor."""
    if not cursor:
        return None
    at, thing_id = _opened(key, _LIST + name, cursor)
    return datetime.fromisoformat(at), thing_id


def _sealed(key: bytes, purpose: str, values: list[object]) -> str:
    body = orjson.dumps(values)
    return base64.urlsafe_b64encode(_tag(key, purpose, body) + body).decode().rstrip("=")


def _opened(key: bytes, purpose: str, cursor: str) -> tuple[str, Any]:
    try:
        sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        raise _invalid() from None
    tag, body = sealed[:TAG_BYTES], sealed[TAG_BYTES:]
    plain = base64.urlsafe_b64encode(sealed).decode().rstrip("=") == cursor
    if not plain or not hmac.compare_digest(tag, _tag(key, purpose, body)):
        raise _invalid()
    first, second = orjson.loads(body)
    return first, second


def _tag(key: bytes, purpose: str, body: bytes) -> bytes:
    return hmac.new(key, purpose.encode() + b"\0" + body, hashlib.sha256).digest()[:TAG_BYTES]


def _invalid() -> InvalidCursor:
    return InvalidCursor(
        "this is no cursor of this list, or it was edited",
        remedy="give back `next_cursor` exactly as it came, to the route it came from; leave it out to begin",
    )
