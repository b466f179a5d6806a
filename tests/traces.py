"""What would be left of a text in a file: its forms in all the ways files hold text."""

import base64
import quopri
import urllib.parse
from collections.abc import Iterable

import orjson


def forms(text: str) -> set[bytes]:
    """A text as it may stand in a file: plain, JSON, percent, quoted-printable, hex, base64 at each of its places."""
    plain = text.encode()
    found = {plain, plain.lower(), orjson.dumps(text)[1:-1], urllib.parse.quote(text).encode()}
    found |= {urllib.parse.quote_plus(text).encode(), quopri.encodestring(plain), plain.hex().encode()}
    for skipped in range(3):
        coded = base64.b64encode(b"\0" * skipped + plain)
        found.add(coded[(0, 2, 3)[skipped] : len(coded) - (0 if not (len(plain) + skipped) % 3 else 4)])
    return found


def needles(texts: Iterable[str]) -> list[bytes]:
    """Every form of every text."""
    return [form for text in texts for form in forms(text)]


def traces(content: bytes, sought: Iterable[bytes]) -> list[bytes]:
    """Those of these forms that stand in there, in capitals or not."""
    folded = content.lower()
    return [needle for needle in sought if needle in content or needle.lower() in folded]
