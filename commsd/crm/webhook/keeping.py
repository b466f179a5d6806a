"""The secrets of a webhook at rest: sealed with a key made from the house's, so that a copy of the database signs none.

Pure.
"""

import base64
import hashlib
import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import orjson

from commsd.core.record import instant
from commsd.errors import Refused

PURPOSE = b"webhook-secrets"
OVERLAP = timedelta(hours=24)
"""So long after a rotation the former secret signs too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Kept:
    """One secret. until: it signs no more after that; None: it is the one in force."""

    secret: str = field(repr=False)
    until: datetime | None = None


def sealed(secrets: Sequence[Kept], key: bytes) -> bytes:
    """The bytes to keep. secrets: newest first. key: the house's."""
    plain = [{"secret": each.secret, "until": instant(each.until) if each.until else None} for each in secrets]
    return bytes(_fernet(key).encrypt(orjson.dumps(plain)))


def opened(kept: bytes, key: bytes, now: datetime) -> tuple[Kept, ...]:
    """The secrets that sign now, newest first. Raises Refused where they were sealed with another key."""
    from cryptography.fernet import InvalidToken  # costs 40 ms, and most houses have no webhooks

    try:
        plain = orjson.loads(_fernet(key).decrypt(kept))
    except InvalidToken:
        raise Refused(
            "the secrets of this webhook were sealed with another key than the house has now",
            remedy="give the former key back ([service] key), or give the webhook a new secret: commsd webhooks rotate",
        ) from None
    found = (Kept(secret=each["secret"], until=_instant(each["until"])) for each in plain)
    return tuple(each for each in found if each.until is None or each.until > now)


def rotated(before: Sequence[Kept], secret: str, now: datetime) -> tuple[Kept, ...]:
    """With a new secret in front; the former ones sign on for a while, none for longer than it would have."""
    until = now + OVERLAP
    return (Kept(secret=secret), *(Kept(secret=each.secret, until=min(each.until or until, until)) for each in before))


def _instant(text: str | None) -> datetime | None:
    return datetime.fromisoformat(text) if text else None


def _fernet(key: bytes) -> Any:
    from cryptography.fernet import Fernet

    return Fernet(base64.urlsafe_b64encode(hmac.new(key, PURPOSE + b"\0seal", hashlib.sha256).digest()))
