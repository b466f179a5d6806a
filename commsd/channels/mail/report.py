"""What a delivery report says: whether a mail is lost for good, and which. RFC 3464, RFC 6522. Pure.

Servers that write one in plain words are heard too, as far as `suppression` knows them for what they are.
"""

import re
from collections.abc import Iterable
from dataclasses import dataclass

from commsd.channels.mail.mime import Part

STATUS = frozenset({"message/delivery-status", "message/global-delivery-status"})
_RETURNED = STATUS | {"message/rfc822", "message/global", "text/rfc822-headers", "message/global-headers"}
_ACTION = re.compile(r"^Action:\s*([a-z]+)", re.MULTILINE | re.IGNORECASE)
_CODE = re.compile(r"^Status:\s*([245]\.\d{1,3}\.\d{1,3})", re.MULTILINE | re.IGNORECASE)
_ID = re.compile(r"^(?:X-)?(?:Original-)?Message-ID:\s*<([^<>\s]{3,500})>", re.MULTILINE | re.IGNORECASE)
LOOKED_AT = 64 * 1024


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """failed: lost for good, neither late nor passed on. code: as in RFC 3463, "5.1.1". ids: of the mails it names."""

    failed: bool
    code: str | None
    ids: tuple[str, ...]


def report_of(parts: Iterable[Part]) -> Report | None:
    """The report among these parts; None where there is none."""
    returned = [(part.content_type, part.text()[:LOOKED_AT]) for part in parts if part.content_type in _RETURNED]
    said = [text for content_type, text in returned if content_type in STATUS]
    if not said:
        return None
    codes = [code for text in said for code in _CODE.findall(text)]
    return Report(
        failed=any(action.lower() == "failed" for text in said for action in _ACTION.findall(text)),
        code=next((code for code in codes if code.startswith("5")), None),
        ids=tuple(dict.fromkeys(each for _, text in returned for each in _ID.findall(text))),
    )


def ids_in(text: str) -> tuple[str, ...]:
    """The Message-IDs of mails that a text quotes with their header."""
    return tuple(dict.fromkeys(_ID.findall(text[:LOOKED_AT])))
