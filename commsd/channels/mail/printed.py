"""The acknowledgement on paper: one A4 page as HTML, its address where a window envelope shows it. DIN 5008 form B.

Pure. What it says comes from `ack`'s facts and the sentences of `templates/letter/`; a person prints and posts it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from html import escape
from string import Template

from commsd.channels.mail.ack import AckFacts
from commsd.channels.mail.dates import Reader
from commsd.channels.mail.greeting import greeting_name
from commsd.channels.mail.letter import MAX_LINES, Sheet
from commsd.channels.mail.mime import plain_line
from commsd.channels.mail.paper_texts import PaperTexts
from commsd.channels.mail.texts import Wording
from commsd.core.number import parse_number

MAX_LINE, WIDE = 60, 36
"""Characters of one line in the window, and above how many it is set smaller."""

_HOUSE, _SENDER = 5, 3
"""Lines of the letterhead, and how many of them a postman needs."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """The finished page. text: what the customer reads, without address and letterhead. html: the file."""

    subject: str
    text: str
    html: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Frame:
    """What a page needs besides the facts. house: the letterhead, our name first. write_to: a mail address of ours,
    None where we answer no mail. region: ISO 3166, where the customer dials from. hand: for whoever posts it.
    """

    house: Sequence[str]
    write_to: str | None
    region: str
    hand: Sequence[str]


def page(facts: AckFacts, sheet: Sheet, frame: Frame, texts: PaperTexts) -> Page:
    """The page these facts make. Nothing a stranger wrote stands in it but his name and address, escaped."""
    wording = texts.of(facts.language, facts.address_as)
    values = _values(facts, frame, wording)
    paragraphs = [wording.say(name, values) for name in _paragraphs(facts, values)]
    said = {
        "language": facts.language,
        "title": wording.sentences["subject"],
        "hand": "<br>".join(escape(line) for line in frame.hand),
        "house": "".join(f"<p>{escape(line)}</p>" for line in frame.house[:_HOUSE]),
        "return_line": escape(" · ".join(frame.house[:_SENDER])),
        "to": "".join(_line(line) for line in window(facts, sheet)),
        "date": escape(_day(wording, "date", facts.date_at, facts)),
        "subject": escape(wording.sentences["subject"]),
        "paragraphs": "\n".join(
            [
                *(f"<p>{escape(each)}</p>" for each in paragraphs),
                f'<p class="closing">{escape(wording.sentences["closing"])}<br>{escape(facts.service_name)}</p>',
            ]
        ),
    }
    text = "\n\n".join([*paragraphs, f"{wording.sentences['closing']}\n{facts.service_name}"]) + "\n"
    return Page(subject=said["title"], text=text, html=Template(texts.page).substitute(said))


def window(facts: AckFacts, sheet: Sheet) -> tuple[str, ...]:
    """The lines in the window: name and postal address; empty where no address is known, for a hand to fill in."""
    if not sheet.postal:
        return ()
    name = greeting_name(facts.customer_name or "") or ""
    lines = sheet.postal if name and name in sheet.postal[0] else (name, *sheet.postal)
    return tuple(line for each in lines if (line := plain_line(each)))[:MAX_LINES]


def _line(text: str) -> str:
    small = ' class="small"' if len(text) > WIDE else ""
    return f"<p{small}>{escape(text[:MAX_LINE])}</p>"


def _values(facts: AckFacts, frame: Frame, wording: Wording) -> Mapping[str, str]:
    reader = Reader(zone=facts.service_tz, service_zone=facts.service_tz, now=facts.date_at)
    rung_at = facts.told_at if facts.is_answered_by_call else None
    number = facts.call.number if facts.call else None
    return {
        "name": greeting_name(facts.customer_name or "") or "",
        "service": facts.service_name,
        "person": facts.person or "",
        "whom": facts.person or wording.sentences["us"],
        "received": _day(wording, "received", facts.received_at, facts),
        "promised": _day(wording, "promised", facts.promised_at, facts) if facts.promised_at else "",
        "called": _day(wording, "promised", rung_at, facts) if rung_at else "",
        "number": _dialled(number, frame.region) if number else "",
        "phone": _dialled(facts.person_phone, frame.region) if facts.person_phone else "",
        "hours": wording.dates.hours(facts.phone_hours, reader) if facts.phone_hours else "",
        "address": frame.write_to or "",
    }


def _paragraphs(facts: AckFacts, values: Mapping[str, str]) -> Sequence[str]:
    person = "_person" if facts.person else ""
    talk = ("phone_hours" if values["hours"] else "phone") if values["phone"] else None
    if facts.is_answered_by_call:
        ring, note = ["ring_time" if values["called"] else "ring"], "note"
        talk = f"{talk}_too" if talk else None
    else:
        ring, note = [], f"note{person or '_team'}"
    return [
        "greeting" if values["name"] else "greeting_plain",
        f"opening{person}{'_time' if facts.written_by else ''}",
        *ring,
        *([talk] if talk else []),
        "write" if values["address"] else "write_by_post",
        note,
    ]


def _day(wording: Wording, name: str, at: datetime, facts: AckFacts) -> str:
    """A day without a clock time: who reads it, reads it days later."""
    local, dates = at.astimezone(facts.service_tz), wording.dates
    return wording.sentences[name].format(
        weekday=dates.weekdays[local.weekday()], day=local.day, month=dates.months[local.month - 1], year=local.year
    )


def _dialled(e164: str, region: str) -> str:
    number = parse_number(e164)
    return number.as_dialled_from(region) if number else e164
