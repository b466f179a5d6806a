"""Signatures of posts, so that a receiver knows them for ours: Standard Webhooks 1.0. Pure.

Signed are the bytes as sent: `id.timestamp.body`. Two secrets while one is rotated, so both signatures, the newest
first. How secrets are kept is for `keeping`.
"""

import base64
import hashlib
import hmac
from collections.abc import Iterable
from datetime import datetime

SYMMETRIC, PRIVATE, PUBLIC = "whsec_", "whsk_", "whpk_"
BYTES = 32
"""Of a new secret; the standard wants 24 to 64."""


def secret_of(random: bytes) -> str:
    """The text of a shared secret, for HMAC-SHA256 (`v1`). random: as many bytes as BYTES says."""
    return SYMMETRIC + base64.b64encode(random).decode()


def private_of(random: bytes) -> str:
    """The text of a key of our own, for ed25519 (`v1a`); the receiver gets what `shown` makes of it."""
    return PRIVATE + base64.b64encode(random).decode()


def shown(secret: str) -> str:
    """What the receiver is given: the shared secret, or our public key."""
    return secret if secret.startswith(SYMMETRIC) else PUBLIC + base64.b64encode(_public(secret)).decode()


def headers(event_id: str, now: datetime, body: bytes, secrets: Iterable[str]) -> dict[str, str]:
    """The three headers of one attempt. event_id: the same in each, so that a receiver takes it once."""
    stamp = str(int(now.timestamp()))
    signed = b".".join((event_id.encode(), stamp.encode(), body))
    return {
        "webhook-id": event_id,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(signature(secret, signed) for secret in secrets),
    }


def signature(secret: str, signed: bytes) -> str:
    """One signature, with the mark of its kind."""
    raw = _raw(secret)
    if secret.startswith(SYMMETRIC):
        return "v1," + base64.b64encode(hmac.new(raw, signed, hashlib.sha256).digest()).decode()
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # costs 40 ms, few want it

    return "v1a," + base64.b64encode(Ed25519PrivateKey.from_private_bytes(raw).sign(signed)).decode()


def _public(secret: str) -> bytes:
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.from_private_bytes(_raw(secret)).public_key().public_bytes_raw()


def _raw(secret: str) -> bytes:
    return base64.b64decode(secret.partition("_")[2])
