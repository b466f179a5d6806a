"""Links for customers: one short signed text that names the message it was given in answer to, and its last day.

The text proves itself. Acknowledgements write these links, `channels.mail.customer_links` answers them.
"""

import base64
import re
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from commsd.core.token import sign, verify

PURPOSE = "call-me"

LASTS = timedelta(days=30)
"""How long a customer can ask for a call by the link of an acknowledgement."""

_EPOCH = date(2020, 1, 1)
_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_HYPHENS = (8, 4, 4, 4, 12)


@dataclass(frozen=True, slots=True)
class CustomerLink:
    """message: id of the interaction it was given in answer to. last_day: by UTC, included."""

    message: str
    last_day: date

    def is_over(self, now: datetime) -> bool:
        """Whether its last day is past."""
        return now.astimezone(UTC).date() > self.last_day


def link_to(message: str, now: datetime) -> CustomerLink:
    """The link that is given out now."""
    return CustomerLink(message, (now.astimezone(UTC) + LASTS).date())


def customer_token(key: bytes, link: CustomerLink) -> str:
    """The last part of `/c/{token}`: an address that a mail program shows on one line."""
    return sign(key, PURPOSE, f"{(link.last_day - _EPOCH).days:x}.{_packed(link.message)}")


def customer_link_of(key: bytes, token: str) -> CustomerLink | None:
    """The link behind a token; None for what this key did not sign. One that is over tells so itself."""
    payload = verify(key, PURPOSE, token)
    if payload is None:
        return None
    days, _, message = payload.partition(".")
    return CustomerLink(_unpacked(message), _EPOCH + timedelta(days=int(days, 16)))


def _packed(message: str) -> str:
    """An id in 22 characters in place of 36; one that is no UUID stays as it is, behind a dot."""
    if not _UUID.fullmatch(message):
        return f".{message}"
    return base64.urlsafe_b64encode(bytes.fromhex(message.replace("-", ""))).decode().rstrip("=")


def _unpacked(text: str) -> str:
    if text.startswith("."):
        return text[1:]
    digits = base64.urlsafe_b64decode(text + "==").hex()
    parts = (digits[sum(_HYPHENS[:at]) :][:length] for at, length in enumerate(_HYPHENS))
    return "-".join(parts)
