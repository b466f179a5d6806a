"""Signed ids that prove themselves without a database: links for customers and staff, Message-IDs of our acks.

A token says "we made this, for this purpose"; whether it still counts (once, until when) is for whoever kept the row.
"""

import base64
import hmac
import re

TAG_BYTES = 15  # 120 bits, and base32 of it needs no padding
ACK_PURPOSE = "ack-id"
BEAT_PURPOSE = "beat-id"

_TOKEN = re.compile(r"([a-z2-7]+)\.([a-z2-7]+)")
_ACK_ID = re.compile(r"<?ack1\.([a-z2-7]+\.[a-z2-7]+)@[^@\s<>]+>?")


def sign(key: bytes, purpose: str, payload: str) -> str:
    """A token that carries `payload`: lower-case base32, one dot, safe in a URL, a mail header and a Message-ID.

    The payload is readable by anybody. The same three inputs always give the same token.
    """
    return f"{_encode(payload.encode())}.{_tag(key, purpose, payload)}"


def verify(key: bytes, purpose: str, token: str) -> str | None:
    """The payload, or None for anything this key did not sign for this purpose. Takes the same time either way.

    Upper case is accepted: some mail systems and people change it on the way.
    """
    match = _TOKEN.fullmatch(token.lower())
    if match is None:
        return None
    payload = _decode(match[1])
    if payload is None or not hmac.compare_digest(_tag(key, purpose, payload), match[2]):
        return None
    return payload


def ack_id(key: bytes, logical_key: str, domain: str) -> str:
    """The Message-ID of the ack to one message, without angle brackets: `ack1.<payload>.<tag>@domain`.

    Two copies of a mail share their logical key and so get one id; a resend is recognised by it (mail.md A3, D3).
    """
    short = hmac.digest(key, f"{ACK_PURPOSE}\0payload\0{logical_key}".encode(), "sha256").hex()[:15]
    return f"ack1.{sign(key, ACK_PURPOSE, short)}@{domain}"


def is_ack_id(key: bytes, message_id: str) -> bool:
    """Whether a Message-ID, with or without angle brackets, is one of our acks. Needs the key alone (mail.md N14)."""
    match = _ACK_ID.fullmatch(message_id.lower())
    return match is not None and verify(key, ACK_PURPOSE, match[1]) is not None


def beat_token(key: bytes, delivery_id: str) -> str:
    """What our mail to ourselves carries: it names the delivery by which it left."""
    return sign(key, BEAT_PURPOSE, delivery_id)


def beat_of(key: bytes, token: str) -> str | None:
    """The delivery's id; None for what we did not sign."""
    return verify(key, BEAT_PURPOSE, token)


def _tag(key: bytes, purpose: str, payload: str) -> str:
    digest = hmac.digest(key, f"{purpose}\0{payload}".encode(), "sha256")
    return base64.b32encode(digest[:TAG_BYTES]).decode().lower()


def _encode(data: bytes) -> str:
    return base64.b32encode(data).decode().rstrip("=").lower()


def _decode(text: str) -> str | None:
    try:
        data = base64.b32decode(text.upper() + "=" * (-len(text) % 8))
        # Trailing bits that carry nothing would let two tokens mean the same.
        return data.decode() if _encode(data) == text else None
    except ValueError:
        return None
