"""The mail inside a forwarded one: a Message with the people, date and text of the mail as it was. Pure.

Either it is enclosed whole (message/rfc822), or the program wrote its header into the text, in its own words: Outlook,
Apple Mail, Gmail, Thunderbird in English, German, Danish, Indonesian. A block counts as such a header only where it
names who wrote, with an address, and a date, subject or recipient.
"""

import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

from commsd.channels.mail.address import Mailbox, parse_addresses
from commsd.channels.mail.message import PREVIEW_LENGTH, Message, decode
from commsd.channels.mail.mime import plain_line
from commsd.core.case import normal_subject

READ = 400
"""Lines of a text in which such a header is looked for."""

_WORDS: Mapping[str, str] = {
    **dict.fromkeys(("from", "von", "fra", "dari", "pengirim"), "from"),
    **dict.fromkeys(("to", "an", "til", "kepada", "ke"), "to"),
    **dict.fromkeys(("cc", "kopie", "kopi", "tembusan"), "cc"),
    **dict.fromkeys(("subject", "betreff", "emne", "perihal", "subjek", "judul"), "subject"),
    **dict.fromkeys(
        ("date", "sent", "datum", "gesendet", "dato", "sendt", "tanggal", "dikirim", "terkirim"),
        "date",
    ),
    **dict.fromkeys(("reply-to", "antwort an", "svar til", "balas ke", "message-id", "attachments"), "other"),
}
_FIELD = re.compile(r"[>\s*]*([A-Za-z][A-Za-z -]{1,14}?)\s*\*?\s*:\*?\s*(.*?)\s*\*?\s*$")
_MAILTO = re.compile(r"\[mailto:([^\]\s]+)\]|<mailto:([^>\s]+)>", re.IGNORECASE)

_MONTHS = {
    **dict.fromkeys(("jan",), 1),
    **dict.fromkeys(("feb",), 2),
    **dict.fromkeys(("mar", "mär", "mrz"), 3),
    **dict.fromkeys(("apr",), 4),
    **dict.fromkeys(("may", "mai", "maj", "mei"), 5),
    **dict.fromkeys(("jun",), 6),
    **dict.fromkeys(("jul",), 7),
    **dict.fromkeys(("aug", "agu", "agt"), 8),
    **dict.fromkeys(("sep",), 9),
    **dict.fromkeys(("oct", "okt"), 10),
    **dict.fromkeys(("nov", "nop"), 11),
    **dict.fromkeys(("dec", "dez", "des"), 12),
}
_EXACT = re.compile(r"\s*(?:[A-Za-z]{3},)?\s*\d{1,2}\s+[A-Za-z]{3}\s+\d{4}\s+\d\d:\d\d(?::\d\d)?\s+[+-]\d{4}", re.ASCII)
"""As a header has it; RFC 5322 section 3.3."""

_NAMED = re.compile(r"(?:(\d{1,2})\.?\s+([^\W\d_]{3,})\.?|([^\W\d_]{3,})\.?\s+(\d{1,2}),?)\s+(\d{4})")
_ISO = re.compile(r"(\d{4})-(\d\d)-(\d\d)")
_NUMBERED = re.compile(r"(\d{1,2})([./-])(\d{1,2})\2(\d{4})")
_TIME = re.compile(r"(?<![\d.:])(\d{1,2})[:.](\d\d)(?:[:.]\d\d)?(?!\d|[.:]\d)\s*([ap])?\.?(?:m\b)?", re.IGNORECASE)


@dataclass(slots=True)
class _Header:
    """A header as it stands in a text. ends: the number of the line after it."""

    fields: dict[str, str] = field(default_factory=dict)
    ends: int = 0


def forwarded(message: Message, zone: ZoneInfo) -> Message | None:
    """The mail that this one passes on, None where it holds none. zone: in which dates without one are meant.

    Its `received_at` is the date it bears where that can be read, else that of the mail around it.
    """
    if message.enclosed:
        inner = decode(message.enclosed, folder_date=message.received_at)
        if inner.from_ and inner.broken is None:
            return replace(inner, received_at=written_date(inner.date, zone) or message.received_at)
    lines = message.text.splitlines()
    header = _header(lines)
    if header is None:
        return None
    given = header.fields
    text = "\n".join(line.removeprefix("> ").removeprefix(">") for line in lines[header.ends :]).strip()
    writers = _people(given["from"])
    subject = plain_line(given.get("subject", "")) or message.subject
    date = given.get("date", "")
    logical = _digest(writers[0].key, date, normal_subject(subject))
    return replace(
        message,
        references=(),
        from_=writers[:1],
        sender=(),
        reply_to=(),
        to=_people(given.get("to", "")),
        cc=_people(given.get("cc", "")),
        return_path=None,
        subject=subject,
        date=date,
        received_at=written_date(date, zone) or message.received_at,
        text=text,
        preview=plain_line(text[:2000])[:PREVIEW_LENGTH],
        logical_key=logical,
        content_key=logical,
        headers={},
    )


def written_date(text: str, zone: ZoneInfo) -> datetime | None:
    """The instant in a date as mail programs write it for people, aware UTC; None where it may be another one.

    "10/03/2026" is a day in March or in October, so it is none.
    """
    try:
        if _EXACT.match(text):
            return parsedate_to_datetime(text).astimezone(UTC)
        day = _day(text)
        return datetime(*day, *_time(text), tzinfo=zone).astimezone(UTC) if day else None
    except (ValueError, OverflowError):
        return None


def _day(text: str) -> tuple[int, int, int] | None:
    if iso := _ISO.search(text):
        return int(iso[1]), int(iso[2]), int(iso[3])
    if named := _NAMED.search(text):
        month = _MONTHS.get((named[2] or named[3]).casefold()[:3])
        return (int(named[5]), month, int(named[1] or named[4])) if month else None
    if numbered := _NUMBERED.search(text):
        first, second = int(numbered[1]), int(numbered[3])
        if numbered[2] == "." or first > 12 or first == second:  # dots are written where the day comes first
            return int(numbered[4]), second, first
        if second > 12:
            return int(numbered[4]), first, second
    return None


def _time(text: str) -> tuple[int, int]:
    """Hour and minute; midday where none is written, which is wrong by half a day at most."""
    rest = _NUMBERED.sub(" ", _ISO.sub(" ", text))
    found = _TIME.search(rest)
    if found is None:
        return 12, 0
    hour, half = int(found[1]), (found[3] or "").casefold()
    if half and hour <= 12:
        hour = hour % 12 + (12 if half == "p" else 0)
    return hour, int(found[2])


def _header(lines: Sequence[str]) -> _Header | None:
    """The first header in the text: consecutive lines of known words, one of them with the writer's address."""
    for start in range(min(len(lines), READ)):
        if _word(lines[start]) is None:
            continue
        header = _read(lines, start)
        people = _people(header.fields.get("from", ""))
        if people and not {"date", "subject", "to"}.isdisjoint(header.fields):
            return header
    return None


def _read(lines: Sequence[str], start: int) -> _Header:
    header, last = _Header(ends=start), ""
    for number in range(start, min(start + 20, len(lines))):
        word = _word(lines[number])
        bare = lines[number].strip("> \t")
        if word is not None:
            last, value = word
            if last in header.fields and last != "other":
                return header
            header.fields.setdefault(last, value)
        elif not bare:
            if header.fields.get(last):
                return header
        elif last and not header.fields[last]:  # the value stands on a line of its own
            header.fields[last] = bare
        elif last and lines[number][:1] in (" ", "\t"):
            header.fields[last] += f" {bare}"
        else:
            return header
        header.ends = number + 1
    return header


def _word(line: str) -> tuple[str, str] | None:
    """What a line of a header says, and of what; None for any other line."""
    found = _FIELD.match(line)
    word = _WORDS.get(found[1].strip().casefold()) if found else None
    return (word, found[2]) if found and word else None


def _people(value: str) -> tuple[Mailbox, ...]:
    """Outlook parts people by semicolons and writes [mailto:…] behind a name."""
    plain = _MAILTO.sub(lambda found: f"<{found[1] or found[2]}>", value).replace(";", ",")
    return parse_addresses(re.sub(r"(<[^<>]*>)\s*\1", r"\1", plain))


def _digest(*pieces: str) -> str:
    return hashlib.sha256("\n".join(("forwarded", *pieces)).encode("utf-8", "replace")).hexdigest()
