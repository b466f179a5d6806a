"""The grammar of IMAP as bytes: cutting a stream into responses, reading FETCH, SEARCH and response codes.

Needs no connection, `imap.py` holds it; folders stand in `folder.py`. Responses come with their literals taken out, so
nothing a mail says (":(", "* ", a line that looks like an answer) can be taken for grammar. Source: RFC 3501.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from ipaddress import ip_address
from typing import TypeAlias

# One response: text, literal, text, literal, text. The texts stand at the even places, without line ends.
Response: TypeAlias = tuple[bytes, ...]
Value: TypeAlias = "bytes | list[Value] | None"

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


class Malformed(ValueError):
    """What came is not IMAP, or more of it than we are ready to hold."""


class Reader:
    """Cuts a stream into responses, whatever the chunks it arrives in. Work grows with the bytes, not with the lines.

    limit: bytes one response may have, literals included.
    """

    def __init__(self, limit: int = 8 << 20) -> None:
        self._limit = limit
        self._buffer = bytearray()
        self._searched = 0
        self._pieces: list[bytes] = []
        self._literal: int | None = None

    def feed(self, data: bytes) -> Iterator[Response]:
        """Each response that is now whole. Raises Malformed, after which this reader is of no use."""
        self._buffer += data
        while (piece := self._next_piece()) is not None:
            if len(self._pieces) % 2:
                self._pieces.append(piece)
                continue
            piece, self._literal = _announced(piece, opens=not self._pieces)
            self._pieces.append(piece)
            if self._literal is None:
                response, self._pieces = tuple(self._pieces), []
                yield response
        if len(self._buffer) + (self._literal or 0) + sum(map(len, self._pieces)) > self._limit:
            raise Malformed(f"one response of more than {self._limit} bytes")

    def _next_piece(self) -> bytes | None:
        if self._literal is not None:
            if len(self._buffer) < self._literal:
                return None
            piece = bytes(memoryview(self._buffer)[: self._literal])
            del self._buffer[: self._literal]
            self._literal = None
            return piece
        end = self._buffer.find(b"\n", self._searched)
        if end < 0:
            self._searched = len(self._buffer)
            return None
        piece = bytes(self._buffer[:end]).removesuffix(b"\r")
        del self._buffer[: end + 1]
        self._searched = 0
        return piece


_LITERAL = re.compile(rb"~?\{(\d{1,12})\+?\}\Z")
_PROSE = re.compile(rb"\* (?:OK|NO|BAD|BYE|PREAUTH)\b", re.IGNORECASE)


def _announced(text: bytes, *, opens: bool) -> tuple[bytes, int | None]:
    """The text and the size of the literal it announces. Words meant for people announce none, however they end."""
    if opens and (not text.startswith(b"* ") or _PROSE.match(text)):
        return text, None
    found = _LITERAL.search(text)
    return (text[: found.start()], int(found[1])) if found else (text, None)


# --- values

_TOKEN = re.compile(rb'(\()|(\))|"((?:[^"\\]|\\.)*)"|([^\s()"]+|")', re.DOTALL)
_ESCAPED = re.compile(rb"\\(.)", re.DOTALL)


def values(response: Response, start: int = 0) -> list[Value]:
    """The values after `start` bytes of the first text, lists nested. Never raises: what is not closed ends with it."""
    top: list[Value] = []
    open_lists = [top]
    for place, piece in enumerate(response):
        if place % 2:
            open_lists[-1].append(piece)
            continue
        for opening, closing, quoted_text, atom in _TOKEN.findall(piece, start if place == 0 else 0):
            if opening:
                inner: list[Value] = []
                open_lists[-1].append(inner)
                open_lists.append(inner)
            elif closing:
                if len(open_lists) > 1:
                    open_lists.pop()
            elif atom:
                open_lists[-1].append(None if atom.upper() == b"NIL" else atom)
            else:
                open_lists[-1].append(_ESCAPED.sub(rb"\1", quoted_text))
    return top


# --- FETCH


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What decides about a message before its text is read.

    internal_date: aware UTC, when the server took the message in; None when the server gave nothing that is a date.
    size: bytes, as the server counts. flags: as sent, "\\Seen". head: the header, byte for byte, as far as it came.
    server_id: what the server knows the mail by in every folder (X-GM-MSGID, EMAILID of RFC 8474), "" where it has no
    such thing. text: the beginning of the message, header included, where that was asked for.
    """

    uid: int
    internal_date: datetime | None
    size: int
    flags: frozenset[str]
    head: bytes
    server_id: str = ""
    text: bytes = field(default=b"", repr=False)

    @property
    def has_all_of_its_head(self) -> bool:
        """Whether the line that ends a header came too. RFC 5322 section 2.1."""
        return _END_OF_HEAD.search(self.head) is not None


_FETCH = re.compile(rb"\* \d+ FETCH ", re.IGNORECASE)


def items_by_uid(responses: Iterable[Response]) -> dict[int, dict[bytes, Value]]:
    """UID -> item -> value. Lines without a UID are left out: flag changes of others come in between at any time."""
    found: dict[int, dict[bytes, Value]] = {}
    for response in responses:
        opening = _FETCH.match(response[0])
        if not opening:
            continue
        content = values(response, opening.end())
        items = _paired(content[0]) if content and isinstance(content[0], list) else {}
        if uid := number(items.get(b"UID")):
            found.setdefault(uid, {}).update(items)
    return found


def _paired(flat: list[Value]) -> dict[bytes, Value]:
    pairs = zip(flat[::2], flat[1::2], strict=False)
    return {key.upper(): value for key, value in pairs if isinstance(key, bytes)}


def headers(responses: Iterable[Response], wanted: Iterable[int]) -> tuple[Fetched, ...]:
    """In the order of UIDs, those of the wanted that came with their header."""
    return tuple(_fetched(uid, items, head) for uid, items, head in _with_body(responses, wanted))


def beginnings(responses: Iterable[Response], wanted: Iterable[int], limit: int) -> tuple[Fetched, ...]:
    """In the order of UIDs, those of the wanted that came, with their first `limit` bytes and the header therein."""
    found = []
    for uid, items, came in _with_body(responses, wanted):
        text = came[:limit]
        end = _END_OF_HEAD.search(text)
        found.append(_fetched(uid, items, text[: end.end()] if end else text, text))
    return tuple(found)


_END_OF_HEAD = re.compile(rb"(?:\A|\n)\r?\n")


def _with_body(
    responses: Iterable[Response], wanted: Iterable[int]
) -> Iterator[tuple[int, Mapping[bytes, Value], bytes]]:
    asked = set(wanted)
    for uid, items in sorted(items_by_uid(responses).items()):
        if uid in asked and (came := body(items)) is not None:
            yield uid, items, came


def _fetched(uid: int, items: Mapping[bytes, Value], head: bytes, text: bytes = b"") -> Fetched:
    return Fetched(
        uid=uid,
        internal_date=internal_date(items.get(b"INTERNALDATE")),
        size=number(items.get(b"RFC822.SIZE")),
        flags=flags(items.get(b"FLAGS")),
        head=head,
        server_id=_server_id(items),
        text=text,
    )


def _server_id(items: Mapping[bytes, Value]) -> str:
    value = items.get(b"X-GM-MSGID") or items.get(b"EMAILID")
    value = value[0] if isinstance(value, list) and value else value
    return value.decode("ascii", "replace")[:255] if isinstance(value, bytes) else ""


def body(items: Mapping[bytes, Value]) -> bytes | None:
    """The one BODY[...] that was asked for, b"" when the server says it is empty; None when it did not come."""
    for key, value in items.items():
        if key.startswith(b"BODY["):
            return value if isinstance(value, bytes) else b""
    return None


_DIGITS = re.compile(rb"\d{1,19}")


def number(value: Value) -> int:
    return int(value) if isinstance(value, bytes) and _DIGITS.fullmatch(value) else 0


def flags(value: Value) -> frozenset[str]:
    """The members of a list such as (\\Seen $Label)."""
    members = value if isinstance(value, list) else []
    return frozenset(flag.decode("ascii", "replace") for flag in members if isinstance(flag, bytes))


_INTERNAL_DATE = re.compile(rb"\s?(\d{1,2})-(\w{3})-(\d{4}) (\d\d):(\d\d):(\d\d) ([+-])(\d\d)(\d\d)")


def internal_date(value: Value) -> datetime | None:
    """Aware UTC from "17-Jul-1996 02:44:25 -0700"; None for anything else. Its month names are English everywhere."""
    found = _INTERNAL_DATE.fullmatch(value) if isinstance(value, bytes) else None
    if not found:
        return None
    day, month, year, hour, minute, second, sign, hours, minutes = (part.decode() for part in found.groups())
    offset = timedelta(hours=int(hours), minutes=int(minutes)) * (-1 if sign == "-" else 1)
    try:
        moment = datetime(
            int(year),
            MONTHS.index(month.title()) + 1,
            int(day),
            int(hour),
            int(minute),
            min(int(second), 59),
            tzinfo=timezone(offset),
        )
        return moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


# --- SEARCH

_SPAN = re.compile(rb"(\d{1,10})(?::(\d{1,10}))?")
_MOST_IN_A_SPAN = 10_000_000


def search_date(day: date) -> str:
    """As SINCE wants it: "1-Feb-2026"."""
    return f"{day.day}-{MONTHS[day.month - 1]}-{day.year}"


def search_uids(responses: Iterable[Response]) -> tuple[int, ...]:
    """UIDs in rising order, each once. Reads SEARCH and, from servers that speak IMAP4rev2 only, ESEARCH (RFC 9051)."""
    uids: set[int] = set()
    for response in responses:
        words = response[0].upper().split()
        if words[:2] == [b"*", b"SEARCH"]:
            uids.update(number(word) for word in words[2:])
        elif words[:2] == [b"*", b"ESEARCH"] and b"ALL" in words:
            uids.update(uid for span in words[words.index(b"ALL") + 1 :][:1] for uid in _spans(span))
    return tuple(sorted(uids - {0}))


def _spans(text: bytes) -> Iterator[int]:
    for span in text.split(b","):
        found = _SPAN.fullmatch(span)
        if found:
            first, last = sorted((int(found[1]), int(found[2] or found[1])))
            if last - first > _MOST_IN_A_SPAN:
                raise Malformed("a range of UIDs that no mailbox has")
            yield from range(first, last + 1)


def uid_set(uids: Iterable[int]) -> str:
    """The shortest way to name them in rising order: "4:6,9"."""
    spans: list[list[int]] = []
    for uid in sorted(set(uids)):
        if spans and spans[-1][1] == uid - 1:
            spans[-1][1] = uid
        else:
            spans.append([uid, uid])
    return ",".join(str(first) if first == last else f"{first}:{last}" for first, last in spans)


# --- what a server says about itself

_CODE = re.compile(rb"(?:\* (?:OK|NO|BAD|BYE) )?\[([A-Z0-9-]+)(?: ([^\]]*))?\]", re.IGNORECASE)


def code(text: bytes) -> tuple[str, bytes]:
    """The response code and its argument: ("UIDVALIDITY", b"1719"). ("", b"") when there is none."""
    found = _CODE.match(text)
    return (found[1].decode().upper(), found[2] or b"") if found else ("", b"")


def coded_number(responses: Iterable[Response], name: str) -> int:
    """The number in `* OK [NAME number]`; 0 when the server does not say it."""
    for response in responses:
        found, argument = code(response[0])
        if found == name:
            return number(argument.strip())
    return 0


_ADDRESS = re.compile(r"[^\s<>()\[\]\"',;:]+@[^\s<>()\[\]\"',;:]+")


def words(text: bytes | str) -> str:
    """A server's own words, fit for a log: one line, no addresses, 200 characters at most."""
    if isinstance(text, bytes):
        text = text.decode("utf-8", "replace")
    line = " ".join("".join(c if c.isprintable() else " " for c in text).split())
    return _ADDRESS.sub("(address)", line)[:200]


def quoted(text: str) -> str:
    """An IMAP quoted string. Raises Malformed for CR, LF and NUL, which no quoting can carry."""
    if any(c in text for c in "\r\n\0"):
        raise Malformed("a line end cannot be sent in a quoted string")
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def is_loopback(host: str) -> bool:
    """Nothing sent to this host leaves the machine."""
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"
