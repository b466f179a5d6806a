"""Who a header field names, and whether mail can be sent there.

Addresses are cut out of the field as it stands on the wire; encoded words are decoded afterwards, in names only
(decoding first turns one mailbox into two). An own reader, because the standard library's differs between patch
releases and raises on some of what arrives.
"""

import re
from dataclasses import dataclass
from functools import lru_cache

from email_validator import EmailNotValidError, validate_email

from commsd.channels.mail.mime import decode_words, plain_line

MAX_MAILBOXES = 500


@dataclass(frozen=True, slots=True)
class Mailbox:
    """One address as written, domain in lower case, and the name beside it ("" if none).

    grouped: it stood inside a group (`Robots: a@x, b@x;`), which in From asks for no answer (RFC 6854).
    """

    address: str
    name: str = ""
    grouped: bool = False

    @property
    def key(self) -> str:
        """For comparing: all lower case."""
        return self.address.lower()

    @property
    def local(self) -> str:
        """Before the @, lower case."""
        return self.address.rpartition("@")[0].lower()

    @property
    def domain(self) -> str:
        """After the @, lower case."""
        return self.address.rpartition("@")[2].lower()


_SIMPLE = re.compile(r'\s*(?:"([^"\\]*)"|([^"<>,:;()@\\\[\]]*))\s*<\s*([^<>\s"(),:;]+@[^<>\s"(),:;@]+)\s*>\s*')
_BARE = re.compile(r'\s*([^<>\s"(),:;@]+@[^<>\s"(),:;@]+)\s*')
_TOKEN = re.compile(
    r'(?P<quoted>"(?:[^"\\]|\\.)*"?)|(?P<angle><[^<>]*>?)|(?P<literal>\[[^\[\]]*\])|(?P<special>[,:;()])|(?P<text>[^"<\[,:;()]+|\[)',
    re.DOTALL,
)
_USABLE = re.compile(r"[^\s@<>\x00-\x1f\x7f]+@[^\s@<>\x00-\x1f\x7f]+|\"[^\"\r\n]+\"@[^\s@<>\x00-\x1f\x7f]+")
_PLAIN_ADDRESS = re.compile(
    r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+(?:\.[a-z0-9!#$%&'*+/=?^_`{|}~-]+)*"
    r"@(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])",
    re.IGNORECASE,
)


def parse_addresses(field: str) -> tuple[Mailbox, ...]:
    """The usable mailboxes of one address field, in order. Never raises; what is no address is left out."""
    simple = _SIMPLE.fullmatch(field)
    if simple:
        return _mailbox(simple[3], (simple[1] or simple[2] or "").strip(), False)
    bare = _BARE.fullmatch(field)
    if bare:
        return _mailbox(bare[1], "", False)
    return _read(field)


def is_group(field: str) -> bool:
    """Whether the field opens with group syntax (`Name: ... ;`). RFC 5322 section 3.4."""
    depth = 0
    for token in _TOKEN.finditer(field):
        mark = token["special"]
        depth += {"(": 1, ")": -1}.get(mark or "", 0)
        if depth == 0 and mark == ":":
            return True
        if token["angle"] or (depth == 0 and mark == ","):
            return False
    return False


@lru_cache(maxsize=4096)
def deliverable(address: str) -> str | None:
    """The address as it may stand in RCPT TO, or None if its syntax forbids that. Asks no DNS.

    Ordinary addresses are judged here, so that a house's own `.test` or `.local` domain passes and one with an
    underscore, as some hosts have; all others (international ones among them) by email-validator.
    """
    if len(address) > 254:
        return None
    if _PLAIN_ADDRESS.fullmatch(address) and len(address.rpartition("@")[0]) <= 64:
        return address
    try:
        found = validate_email(address, check_deliverability=False, globally_deliverable=False)
    except EmailNotValidError:
        return None
    return found.ascii_email or found.normalized


def _read(field: str) -> tuple[Mailbox, ...]:
    """The long way: quoted names, comments, groups, source routes."""
    found: list[Mailbox] = []
    words: list[str] = []
    comments: list[str] = []
    angle: str | None = None
    depth = 0
    group = False
    for token in _TOKEN.finditer(field[:100_000]):
        mark, text = token["special"], token[0]
        if depth or mark == "(":
            depth += {"(": 1, ")": -1}.get(mark or "", 0)
            if mark is None:
                comments.append(text)
        elif mark in (",", ";"):
            found += _entry(words, comments, angle, group)
            words, comments, angle = [], [], None
            group = group and mark == ","
        elif mark == ":":
            words, comments, group = [], [], True
        elif token["angle"]:
            angle = text if angle is None else angle
        elif mark is None:
            words.append(text)
        if len(found) >= MAX_MAILBOXES:
            return tuple(found)
    return (*found, *_entry(words, comments, angle, group))


def _entry(words: list[str], comments: list[str], angle: str | None, group: bool) -> tuple[Mailbox, ...]:
    if angle is not None:
        inside = angle.strip("<> \t")
        if inside.startswith("@"):  # an obsolete source route, `<@a,@b:user@host>`: RFC 5321 section 4.1.1.3
            inside = inside.partition(":")[2]
        name = " ".join("".join(_unquoted(word) for word in words).split())
        return _mailbox(inside, name or " ".join(comments), group)
    return _mailbox("".join(words).strip(), " ".join(comments), group)


def _mailbox(address: str, name: str, group: bool) -> tuple[Mailbox, ...]:
    address = address.strip()
    if not _USABLE.fullmatch(address):
        return ()
    local, _, domain = address.rpartition("@")
    return (Mailbox(f"{local}@{domain.lower()}", plain_line(decode_words(name)), group),)


def _unquoted(word: str) -> str:
    if not word.startswith('"'):
        return word
    return re.sub(r"\\(.)", r"\1", word.strip('"'))
