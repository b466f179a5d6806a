"""Header fields and a text -> the bytes of a mail that leaves us: 7-bit, deterministic, free of injected lines.

Built directly, because one EmailMessage per mail costs more than everything else about it.
"""

import base64
import binascii
import hashlib
import re
from collections.abc import Iterable
from datetime import datetime
from email.utils import format_datetime

LINE = 76  # RFC 5322 section 2.1.1 recommends at most 78
_ATOMS = re.compile(r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~. -]*")
_ID = re.compile(r"[!-;=?-~]{1,250}")


def mail_bytes(fields: Iterable[tuple[str, str]], text: str) -> bytes:
    """The mail: these fields in this order, then the text as quoted-printable UTF-8. Lines end in CRLF.

    Values come from the functions below or are plain ASCII of ours. Only an address with a non-ASCII local part
    leaves bytes above 127 in the header, and then needs SMTPUTF8.
    """
    return _head(fields) + _part("plain", text)


def alternative_bytes(fields: Iterable[tuple[str, str]], text: str, html: str, unique: str) -> bytes:
    """The same with the text as HTML besides. unique: the boundary is made of it, so that a resend is identical."""
    boundary = f"=_{hashlib.sha256(unique.encode()).hexdigest()[:32]}"  # "=_" stands in no quoted-printable text
    delimiter = f"--{boundary}".encode()
    return b"".join(
        (
            _head(fields),
            f'Content-Type: multipart/alternative; boundary="{boundary}"\r\n\r\n'.encode(),
            delimiter + b"\r\n" + _part("plain", text) + b"\r\n",
            delimiter + b"\r\n" + _part("html", html) + b"\r\n",
            delimiter + b"--\r\n",
        )
    )


def _head(fields: Iterable[tuple[str, str]]) -> bytes:
    head = "".join(f"{name}: {_one_line(value)}\r\n" for name, value in fields)
    return head.encode("utf-8") + b"MIME-Version: 1.0\r\n"


def _part(kind: str, text: str) -> bytes:
    body = binascii.b2a_qp("\r\n".join([*text.splitlines(), ""]).encode("utf-8"))
    head = f'Content-Type: text/{kind}; charset="utf-8"\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n'
    return head.encode() + body


def mailbox(address: str, name: str = "") -> str:
    """`Name <address>` for a header field, the name quoted or encoded as it needs."""
    if not name:
        return address
    if not name.isascii() or "=?" in name:
        return f"{encoded(name)}\r\n <{address}>"
    if _ATOMS.fullmatch(name) and "." not in name:
        return f"{name} <{address}>"
    escaped = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}" <{address}>'


def unstructured(text: str, *, after: int = 0) -> str:
    """Free text for a header field, folded; RFC 2047 words where it is not plain ASCII. after: columns taken."""
    if not text.isascii() or "=?" in text:
        return encoded(text)
    return folded(text.split(" "), after=after)


def encoded(text: str) -> str:
    """RFC 2047 words, one a line, none of them cutting a character."""
    words: list[str] = []
    chunk = b""
    for character in text:
        data = character.encode("utf-8", "replace")
        if len(chunk) + len(data) > 39:
            words.append(_word(chunk))
            chunk = b""
        chunk += data
    return "\r\n ".join([*words, _word(chunk)])


def folded(words: Iterable[str], *, after: int = 0) -> str:
    """Words with blanks between them, and a line end before a blank where the line would grow too long."""
    lines: list[str] = []
    line = ""
    room = LINE - after
    for word in words:
        if line and len(line) + 1 + len(word) > room:
            lines.append(line)
            line, room = word, LINE - 1
        else:
            line = f"{line} {word}" if line else word
    return "\r\n ".join([*lines, line])


def message_ids(ids: Iterable[str]) -> list[str]:
    """In angle brackets, those that may stand in a header as they are."""
    return [f"<{each}>" for each in ids if _ID.fullmatch(each)]


def date_field(at: datetime) -> str:
    """The Date field of an aware time, in its own zone."""
    return format_datetime(at.replace(microsecond=0))


def _word(data: bytes) -> str:
    return f"=?utf-8?b?{base64.b64encode(data).decode()}?="


def _one_line(value: str) -> str:
    """A folded value stays folded; every other line end is none."""
    if "\n" not in value and "\r" not in value:
        return value
    return "\r\n ".join(re.sub(r"[\r\n]+", " ", part) for part in value.split("\r\n "))
