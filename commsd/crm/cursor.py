"""Cursors: where a reader of the feed or of a list goes on. Opaque, signed, and refused rather than wrong.

A cursor of the feed names its epoch and what its reader asked for: one from another life of the database, of another
filter or from before the oldest event kept is told so and never skips silently. crm-ops.md LOG-5.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

import orjson

from commsd.core.record import instant
from commsd.errors import CommsdError

TAG_BYTES = 12
SNAPSHOT = "/v1/interactions/snapshot"
_FEED = "feed-cursor/2"
_LIST = "list-cursor"

Place = tuple[datetime, str]
"""Where a list goes on: the time it is sorted by, and the id that breaks ties."""


class InvalidCursor(CommsdError):
    """Not a cursor of ours, or edited."""


class FeedEpochChanged(CommsdError):
    """A cursor of another life of this database."""


class CursorExpired(CommsdError):
    """A cursor behind which events have been let go. oldest: the cursor of the oldest that is left."""

    def __init__(self, oldest: str) -> None:
        super().__init__(
            "events behind this cursor are no longer kept",
            remedy=f"read {SNAPSHOT} and follow /v1/events from its cursor, or go on from `oldest_cursor` with the gap",
        )
        self.oldest = oldest


class Life(Protocol):
    """One life of the feed: its epoch, and the first and last number in it."""

    @property
    def epoch(self) -> str: ...
    @property
    def oldest(self) -> int: ...
    @property
    def last(self) -> int: ...


def filter_of(types: Sequence[str]) -> str:
    """A name for what a reader of the feed asks for; the order and repetitions of its types do not matter."""
    return hashlib.blake2b(" ".join(sorted(set(types))).encode(), digest_size=6).hexdigest()


def feed_cursor(key: bytes, epoch: str, number: int, wanted: str | None = None) -> str:
    """The cursor behind the event of this number. wanted: for readers of this filter; None: for every reader."""
    return _sealed(key, _FEED, [epoch, number, wanted])


def feed_number(key: bytes, life: Life, cursor: str, wanted: str) -> int:
    """The number to read on from. Raises InvalidCursor, FeedEpochChanged or CursorExpired, and never skips silently.

    A number the feed has not reached comes from a copy of the database that lived longer: the same finding.
    """
    epoch, number, filtered = _opened(key, _FEED, cursor)
    if epoch != life.epoch or number > life.last:
        raise FeedEpochChanged(
            "this cursor belongs to another life of the database: it was restored or replaced",
            remedy=f"read {SNAPSHOT} again, then follow /v1/events from its cursor; drop events you know by id",
        )
    if filtered not in (None, wanted):
        raise InvalidCursor(
            "this cursor was given to a reader of other `types`: what that one left out would be skipped",
            remedy="go on with the `types` it came with; for others begin without one and drop what you know",
        )
    still_there(key, life, number, wanted)
    return int(number)


def still_there(key: bytes, life: Life, number: int, wanted: str) -> None:
    """Raises CursorExpired where what follows this number has been let go."""
    if number + 1 < life.oldest:
        raise CursorExpired(oldest=feed_cursor(key, life.epoch, life.oldest - 1, wanted))


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


def _opened(key: bytes, purpose: str, cursor: str) -> list[Any]:
    try:
        sealed = base64.urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4))
    except ValueError:
        raise _invalid() from None
    tag, body = sealed[:TAG_BYTES], sealed[TAG_BYTES:]
    plain = base64.urlsafe_b64encode(sealed).decode().rstrip("=") == cursor
    if not plain or not hmac.compare_digest(tag, _tag(key, purpose, body)):
        raise _invalid()
    values: list[Any] = orjson.loads(body)
    return values


def _tag(key: bytes, purpose: str, body: bytes) -> bytes:
    return hmac.new(key, purpose.encode() + b"\0" + body, hashlib.sha256).digest()[:TAG_BYTES]


def _invalid() -> InvalidCursor:
    return InvalidCursor(
        "this is no cursor of this list, or it was edited",
        remedy="give back `next_cursor` exactly as it came, to the route it came from; leave it out to begin",
    )
