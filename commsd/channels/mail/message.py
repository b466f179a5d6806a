"""A mail as the rest of commsd sees it: one frozen Message, whatever bytes arrived.

`decode` never raises on bad mail and never hangs; what cannot be read at all says so in `broken`. Whether the mail
gets an acknowledgement is decided in `suppression`, what it changes in `intake`.
"""

import hashlib
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from commsd.channels.mail.address import Mailbox, parse_addresses
from commsd.channels.mail.mime import (
    MAX_HEADER,
    Part,
    decode_words,
    html_to_text,
    plain_line,
    read_fields,
    read_parts,
    split_message,
)
from commsd.channels.mail.report import Report, report_of

MAX_REFERENCES = 200
PREVIEW_LENGTH = 280
MAIL = "message/rfc822"


@dataclass(frozen=True, slots=True)
class Attachment:
    """A part that is not the text. size: octets, None where unknown (we read the first 64 KiB)."""

    name: str
    media_type: str
    size: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Message:
    """What one mail says.

    message_id, references: without angle brackets; references holds References, then In-Reply-To, each id once.
    from_ and the other mailboxes: the usable ones only. return_path: None where absent, "" for the null path.
    subject: decoded, one line, perhaps "". date: the field as it stands. received_at: when it reached us, aware UTC.
    content_type: of the whole; part_types: of its direct parts. calendar_method: "REPLY", "" without a calendar part.
    language_hint: primary subtag out of Content-Language or Accept-Language.
    logical_key: the same for every copy of this mail (mail.md D2). content_key: the same for a copy whose Message-ID
    a gateway rewrote. broken: why nothing could be read, else None. enclosed: a mail that this one carries whole, as
    some programs forward (message/rfc822); as much of it as was read. report: what a delivery report says.
    """

    message_id: str | None
    references: tuple[str, ...]
    from_: tuple[Mailbox, ...]
    sender: tuple[Mailbox, ...]
    reply_to: tuple[Mailbox, ...]
    to: tuple[Mailbox, ...]
    cc: tuple[Mailbox, ...]
    return_path: str | None
    subject: str
    date: str
    received_at: datetime
    content_type: str
    part_types: tuple[str, ...]
    calendar_method: str
    language_hint: str | None
    text: str = field(repr=False)
    preview: str = field(repr=False)
    attachments: tuple[Attachment, ...]
    logical_key: str
    content_key: str
    headers: Mapping[str, tuple[str, ...]] = field(repr=False, hash=False)
    broken: str | None = None
    enclosed: bytes = field(default=b"", repr=False)
    report: Report | None = None
    server_key: str | None = None
    """The same for every copy the mail server itself knows as one, wherever it was moved. mail.md I19."""

    def all(self, name: str) -> tuple[str, ...]:
        """Every value of a field, unfolded, encoded words left as they are."""
        return self.headers.get(name.lower(), ())

    def first(self, name: str) -> str:
        """The topmost value of a field, "" without one."""
        return self.headers.get(name.lower(), ("",))[0]

    def keywords(self, name: str) -> tuple[str, ...]:
        """The first word of each value, lower case, without comments and parameters."""
        return tuple(_keyword(value) for value in self.all(name))


_ID = re.compile(r"<([^<>]+)>")
_COMMENT = re.compile(r"\([^()]*\)")
_METHOD = re.compile(rb"^METHOD:[ \t]*([A-Za-z-]+)", re.MULTILINE | re.IGNORECASE)
_SUBTAG = re.compile(r"\s*([A-Za-z]{2,3})\b")


def decode(raw: bytes, *, folder_date: datetime) -> Message:
    """The message in these bytes: a whole mail, or its header and the first 64 KiB of the rest.

    folder_date: when it reached the folder (IMAP INTERNALDATE), aware UTC. Never raises.
    """
    block, body = split_message(raw)
    headers = read_fields(block)
    parts = read_parts(headers, body)
    from_ = _mailboxes(headers, "from")
    subject = plain_line(decode_words(_first(headers, "subject")))
    date = plain_line(_first(headers, "date"))
    message_id = next(iter(_ids(headers.get("message-id", ()))), None)
    text = _text(parts)
    sender_key = from_[0].key if from_ else plain_line(_first(headers, "from")).lower()
    whole = (sender_key, date, subject, text)
    return Message(
        message_id=message_id,
        references=_references(headers),
        from_=from_,
        sender=_mailboxes(headers, "sender"),
        reply_to=_mailboxes(headers, "reply-to"),
        to=_mailboxes(headers, "to"),
        cc=_mailboxes(headers, "cc"),
        return_path=_return_path(headers.get("return-path", ())),
        subject=subject,
        date=date,
        received_at=folder_date,
        content_type=parts[0].content_type,
        part_types=tuple(part.content_type for part in parts if part.depth == 1),
        calendar_method=_calendar_method(parts),
        language_hint=_language_hint(headers),
        text=text,
        preview=_preview(text),
        attachments=_attachments(parts),
        logical_key=_digest(message_id, sender_key, date) if message_id else _digest(*whole),
        content_key=_digest("content", *whole),
        headers=headers,
        broken=_broken(block, headers),
        report=report_of(parts),
        enclosed=next((part.data() for part in parts if part.content_type == MAIL and part.depth < 2), b""),
    )


def _broken(block: bytes, headers: Mapping[str, tuple[str, ...]]) -> str | None:
    if len(headers) < 2:
        return "fewer than two header fields"
    return "a header too long to be read to its end" if len(block) >= MAX_HEADER else None


def _first(headers: Mapping[str, tuple[str, ...]], name: str) -> str:
    return headers.get(name, ("",))[0]


def _mailboxes(headers: Mapping[str, tuple[str, ...]], name: str) -> tuple[Mailbox, ...]:
    values = headers.get(name, ())
    if len(values) == 1:
        return parse_addresses(values[0])
    return tuple(mailbox for value in values[:20] for mailbox in parse_addresses(value))


def _ids(values: Iterable[str]) -> Iterable[str]:
    """Ids as they were made: Python's mail package writes one that fills a line as RFC 2047 words."""
    for value in map(decode_words, values):
        found = _ID.findall(value) or value.split()
        yield from ("".join(each.split()) for each in found)


def _references(headers: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    ids = dict.fromkeys(_ids((*headers.get("references", ()), *headers.get("in-reply-to", ()))))
    return tuple(each for each in ids if "@" in each)[-MAX_REFERENCES:]


def _return_path(values: tuple[str, ...]) -> str | None:
    """The topmost; but a null one below it still tells of a bounce that a gateway took in again."""
    paths = [_COMMENT.sub("", value).strip("<> \t") for value in values]
    return None if not paths else "" if "" in paths else paths[0]


def _text(parts: tuple[Part, ...]) -> str:
    """The first plain text that is no attachment, else the first HTML as text."""
    for part in parts:
        if part.content_type in ("text/plain", "text") and part.disposition != "attachment":
            text = part.text().strip()
            if text:
                return text
    for part in parts:
        if part.content_type == "text/html" and part.disposition != "attachment":
            text = html_to_text(part.text()).strip()
            if text:
                return text
    return ""


def _preview(text: str) -> str:
    lines = [line for line in text[:2000].splitlines() if not line.startswith(">")]
    line = plain_line(" ".join(lines))
    return line if len(line) <= PREVIEW_LENGTH else line[: PREVIEW_LENGTH - 1].rstrip() + "…"


def _attachments(parts: tuple[Part, ...]) -> tuple[Attachment, ...]:
    return tuple(
        Attachment(part.filename, part.content_type, part.size())
        for part in parts
        if not part.content_type.startswith("multipart/")
        and (part.disposition == "attachment" or part.filename or not part.content_type.startswith("text/"))
    )


def _calendar_method(parts: tuple[Part, ...]) -> str:
    """Of the calendar part that is the mail, not of one a person attached. RFC 6047 section 2.4."""
    for part in parts:
        if part.content_type == "text/calendar" and part.disposition != "attachment":
            inside = _METHOD.search(part.data()[:4096])
            return part.parameters.get("method", inside[1].decode() if inside else "").upper()
    return ""


def _language_hint(headers: Mapping[str, tuple[str, ...]]) -> str | None:
    for name in ("content-language", "accept-language"):
        match = _SUBTAG.match(_first(headers, name))
        if match:
            return match[1].lower()
    return None


def _keyword(value: str) -> str:
    words = _COMMENT.sub(" ", value).partition(";")[0].split()
    return words[0].lower() if words else ""


def _digest(*pieces: str) -> str:
    return hashlib.sha256("\n".join(pieces).encode("utf-8", "replace")).hexdigest()
