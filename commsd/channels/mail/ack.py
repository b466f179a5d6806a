"""The acknowledgement: what we know -> one mail, in the writer's language. Pure; the same facts give the same bytes.

Whether one goes out is decided in `suppression`, what may be promised in `core`; the sentences stand in `templates/`.
"""

from dataclasses import dataclass, field, replace
from datetime import datetime
from functools import lru_cache
from typing import Literal
from urllib.parse import quote
from zoneinfo import ZoneInfo

from commsd.channels.mail.dates import DateWords, PhoneHours, Reader
from commsd.channels.mail.greeting import greeting_name
from commsd.channels.mail.html_part import html_of
from commsd.channels.mail.mime import plain_line
from commsd.channels.mail.outgoing import (
    alternative_bytes,
    date_field,
    folded,
    mail_bytes,
    mailbox,
    message_ids,
    unstructured,
)
from commsd.channels.mail.texts import Texts, Wording
from commsd.core.contact import Wishes
from commsd.core.number import parse_number

MAX_SUBJECT = 200
LAST_REFERENCES = 20


@dataclass(frozen=True, slots=True)
class OwedCall:
    """A call that the writer asked for. by: as promised, None where nothing can be; exact: then, not until then.
    number: E.164, None: unknown. timeless: no time of ours is theirs: their hours and ours never meet, or they named
    one at which we do not ring."""

    by: datetime | None
    number: str | None
    exact: bool = False
    timeless: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class AckFacts:
    """All that one acknowledgement says. Times are aware UTC; nothing is looked up while it is written.

    message_id: of the ack (`core.token.ack_id`), without angle brackets. address, service_name: the mailbox and how
    we sign. recipient: from `suppression.answer_address`. customer_name: as the writer gave it; None or an unfit one
    gives the plain greeting. original_id, references, subject: of the mail that is answered.
    promised_at: already rounded (`core.promise`); None promises nothing. person: who has it, at work that day.
    person_phone: E.164. zone_sure: customer_tz is
    known to be theirs. customer_region: ISO 3166, decides whether the number is written national.
    in_hours: whether we were open at received_at, or are by now; holiday: why we were not, its name or "" where it has
    none in this language; None: no holiday. opens_at: when we open next, if we are closed at date_at.
    call: the call the writer asks for. call_me_url: where else one can be asked for; None offers a new mail instead.
    wishes: the writer's: who wants no calls is offered none, who wants it brief gets few words, and who wants calls
    alone is promised the call and no writing.
    late: the mail waited before we saw it. kind: "short", for a further writing, is two lines.
    html: with a second part for who reads that.
    date_at: the Date field; fixed when the mail is decided, so that a resend is byte-identical.
    """

    message_id: str
    address: str
    service_name: str
    recipient: str
    customer_name: str | None
    language: str
    address_as: str | None = None
    original_id: str | None
    references: tuple[str, ...] = ()
    subject: str
    received_at: datetime
    promised_at: datetime | None
    person: str | None
    person_phone: str | None = None
    phone_hours: tuple[PhoneHours, ...] = ()
    customer_tz: ZoneInfo
    service_tz: ZoneInfo
    zone_sure: bool = True
    customer_region: str | None = None
    in_hours: bool
    holiday: str | None = None
    opens_at: datetime | None = None
    call: OwedCall | None = None
    call_me_url: str | None = None
    wishes: Wishes = field(default_factory=Wishes)
    late: bool = False
    kind: Literal["full", "short"] = "full"
    precedence_bulk: bool = True
    html: bool = False
    date_at: datetime

    @property
    def is_answered_by_call(self) -> bool:
        """Whether the call is the answer: they want calls alone, and we know where to ring."""
        wishes, knows = self.wishes, self.call is not None and self.call.number is not None
        return knows and wishes.call_only and not (wishes.no_calls or wishes.write_only)

    @property
    def written_by(self) -> datetime | None:
        """By when the writer is promised an answer in writing; None: nothing is said of one."""
        return None if self.is_answered_by_call else self.promised_at

    @property
    def told_at(self) -> datetime | None:
        """By when the writer is told to be answered, be it in writing or by the call, which then comes by that time."""
        call = self.call if self.is_answered_by_call else None
        return call.by if call and (call.by or call.timeless) else self.promised_at


@dataclass(frozen=True, slots=True, kw_only=True)
class Ack:
    """The finished mail. message_id: without angle brackets. text: as the customer reads it. raw: for DATA."""

    message_id: str
    subject: str
    text: str
    raw: bytes


def render(facts: AckFacts, texts: Texts) -> Ack:
    """The acknowledgement these facts make."""
    wording = texts.of(facts.language, facts.address_as)
    values = _values(facts, wording)
    form = _short if facts.kind == "short" else _few_words if facts.wishes.brief else _full
    paragraphs = form(facts, wording, values)
    text = "\n\n".join(paragraphs) + "\n"
    subject = ack_subject(facts.subject, texts, wording)
    html = html_of(paragraphs, facts.language, values["url"]) if facts.html else None
    return Ack(message_id=facts.message_id, subject=subject, text=text, raw=_bytes(facts, subject, text, html))


def ack_subject(original: str, texts: Texts, wording: Wording) -> str:
    """Our words, then the customer's subject; ours are never stacked. At most 200 characters. RFC 3834 3.1.5."""
    rest = plain_line(original)
    while match := texts.own_subject.match(rest):
        rest = rest[match.end() :]
    subject = wording.say("subject", {"subject": rest}) if rest else wording.sentences["subject_alone"]
    return subject if len(subject) <= MAX_SUBJECT else subject[: MAX_SUBJECT - 1].rstrip() + "…"


def _values(facts: AckFacts, wording: Wording) -> dict[str, str]:
    reader = Reader(zone=facts.customer_tz, service_zone=facts.service_tz, now=facts.date_at, sure=facts.zone_sure)
    dates = wording.dates
    opens, opens_clock = dates.opens(facts.opens_at, reader) if facts.opens_at else ("", "")
    call, region = facts.call or OwedCall(None, None), facts.customer_region or ""
    call = replace(call, by=facts.told_at) if facts.is_answered_by_call else call
    return {
        "name": greeting_name(facts.customer_name or "") or "",
        "service": facts.service_name,
        "person": facts.person or "",
        "whom": facts.person or wording.sentences["us"],
        "received": dates.received(facts.received_at, facts.promised_at, reader),
        "promised": dates.promised(facts.promised_at, reader) if facts.promised_at else "",
        "holiday": f" ({facts.holiday})" if facts.holiday else "",
        "called": _when(call, dates, reader),
        "number": _dialled(call.number, region) if call.number else "",
        "phone": _dialled(facts.person_phone, region) if facts.person_phone else "",
        "hours": dates.hours(facts.phone_hours, reader) if facts.phone_hours else "",
        "opens": opens,
        "opens_clock": opens_clock,
        "url": facts.call_me_url or mail_link(facts.address, wording.sentences["call_me_subject"]),
    }


def mail_link(address: str, subject: str) -> str:
    """A link that opens a new mail to us with this subject. RFC 6068."""
    return f"mailto:{quote(address, safe='@+')}?subject={quote(subject, safe='')}"


def _full(facts: AckFacts, wording: Wording, values: dict[str, str]) -> list[str]:
    hours = "open" if facts.in_hours else "closed" if facts.holiday is None else "holiday"
    talk = " ".join(wording.say(name, values) for name in _ways_to_talk(facts, values))
    return [
        wording.say("greeting" if values["name"] else "greeting_plain", values),
        wording.say(_variant(hours, facts), values),
        *([talk] if talk else []),
        *(wording.say(name, values) for name in _last_words(facts)),
        wording.say("closing", values),
    ]


def _short(facts: AckFacts, wording: Wording, values: dict[str, str]) -> list[str]:
    lines = [_variant("short", facts), *([_called(facts, facts.call)] if facts.call else [])]
    return ["\n".join(wording.say(name, values) for name in lines), facts.service_name]


def _few_words(facts: AckFacts, wording: Wording, values: dict[str, str]) -> list[str]:
    """The first writing of who likes few words: who has it, by when, one way to talk, and that this is automatic."""
    lines = (*_ways_to_talk(facts, values)[:1], _automatic(facts))
    more = "\n".join(wording.say(name, values) for name in lines)
    return [wording.say(_variant("few", facts), values), more, facts.service_name]


def _variant(beginning: str, facts: AckFacts) -> str:
    return beginning + ("_person" if facts.person else "") + ("_time" if facts.written_by else "")


def _last_words(facts: AckFacts) -> tuple[str, ...]:
    """That a reply is welcome, that this went out by itself, and who writes the answer, if one was promised."""
    if facts.written_by is None:
        return (_automatic(facts),)
    late = "_late" if facts.late else ""
    return ("add", f"note{late}_person" if facts.person else f"note{late}_team")


def _automatic(facts: AckFacts) -> str:
    return "brief_late" if facts.late else "brief"


def _ways_to_talk(facts: AckFacts, values: dict[str, str]) -> tuple[str, ...]:
    """A call that was asked for, else the number and a way to be rung; one is enough where nothing is promised.

    Nothing of what the writer does not wish.
    """
    number = "phone_opens" if facts.opens_at is not None else "phone_hours" if values["hours"] else "phone"
    if facts.call:
        too = facts.person_phone and facts.promised_at
        return (_called(facts, facts.call), f"{number}_too") if too else (_called(facts, facts.call),)
    if facts.wishes.write_only:
        return ()
    way = "link" if facts.call_me_url else "mailto"
    if not facts.person_phone:
        return () if facts.wishes.no_calls else (f"{way}_alone",)
    return (number, f"{way}_after") if facts.promised_at and not facts.wishes.no_calls else (number,)


def _when(call: OwedCall, dates: DateWords, reader: Reader) -> str:
    if call.by is None:
        return ""
    return dates.received(call.by, None, reader) if call.exact else dates.promised(call.by, reader)


def _called(facts: AckFacts, call: OwedCall) -> str:
    if call.number is None:
        return "call_number"
    if facts.is_answered_by_call:
        return "ring_time" if facts.told_at else "ring"
    return "call_time" if call.by else "call"


def _bytes(facts: AckFacts, subject: str, text: str, html: str | None) -> bytes:
    sender = mailbox(facts.address, plain_line(facts.service_name))
    fields = [
        ("From", sender),
        ("Reply-To", sender),
        ("To", facts.recipient),
        ("Subject", unstructured(subject, after=9)),
        ("Date", date_field(facts.date_at.astimezone(facts.service_tz))),
        ("Message-ID", f"<{facts.message_id}>"),
        *_thread(facts),
        ("Auto-Submitted", "auto-replied"),
        ("X-Auto-Response-Suppress", "All"),
    ]
    if facts.precedence_bulk:
        fields.append(("Precedence", "bulk"))
    fields.append(("Content-Language", facts.language))
    return mail_bytes(fields, text) if html is None else alternative_bytes(fields, text, html, facts.message_id)


def _thread(facts: AckFacts) -> list[tuple[str, str]]:
    """In-Reply-To and References; neither without an id to refer to. RFC 3834 3.1.6, RFC 5322 3.6.4."""
    own = message_ids([facts.original_id] if facts.original_id else [])
    if not own:
        return []
    before = message_ids(each for each in facts.references if each != facts.original_id)
    if len(before) > LAST_REFERENCES + 1:
        before = [before[0], *before[-LAST_REFERENCES:]]
    return [("In-Reply-To", own[0]), ("References", folded([*before, *own], after=12))]


@lru_cache(maxsize=4096)
def _dialled(e164: str, region: str) -> str:
    number = parse_number(e164)
    return number.as_dialled_from(region) if number else e164
