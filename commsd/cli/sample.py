"""The acknowledgement a mail would get now: a sample mail goes the way every mail goes, and nothing is stored. Pure.

Only what cannot be known beforehand is chosen: the language, and the situation: in or out of opening hours, on a
holiday, after an outage, to somebody who asks for a call or likes few words, and to a further writing in the matter.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from email import policy
from email.parser import BytesParser
from email.utils import format_datetime
from enum import StrEnum
from itertools import count
from typing import NamedTuple

from commsd.channels.mail.account import Mailbox, MailSettings
from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.holiday import Holidays
from commsd.channels.mail.intake import intake
from commsd.channels.mail.letter import ON_PAPER, Sheet
from commsd.channels.mail.message import decode
from commsd.channels.mail.owed_ack import ANSWERING
from commsd.channels.mail.paper import taken_in
from commsd.channels.mail.paper_texts import PaperTexts, paper_texts
from commsd.channels.mail.suppression import Us
from commsd.channels.mail.texts import Texts, load_texts
from commsd.config.read import did_you_mean
from commsd.config.settings import Config
from commsd.core.calendar import Calendar, closing_after, in_zone, is_open, next_opening
from commsd.core.case import CaseFile
from commsd.core.change import Change
from commsd.core.contact import Contact
from commsd.core.interaction import Delivery, DeliveryKind
from commsd.core.open_items import OpenItems, Terms
from commsd.core.record import instant
from commsd.errors import NotFound, Refused

LONG_AGO = timedelta(days=3650)
A_MOMENT = timedelta(minutes=5)
AN_OUTAGE = timedelta(minutes=50)
A_YEAR = 370
_TRUSTED = "preview"
"""A known customer is shown what somebody gets whose mail is proven to be theirs: with owner and name."""

ASKS_FOR_A_CALL = "Please call me on +44 20 7946 0018."
STRANGER = "jane.clarke@customer.example"
BY_POST = Sheet(name="Jane Clarke", postal=("12 Long Lane", "London EC1A 9HF"))
"""Whoever is known by a postal address alone is answered on paper."""


class Situation(StrEnum):
    """When a customer writes, or what about."""

    IN_HOURS = "in-hours"
    OUT_OF_HOURS = "out-of-hours"
    HOLIDAY = "holiday"
    ASKS_FOR_CALL = "asks-for-call"
    FEW_WORDS = "few-words"
    OUTAGE = "outage"
    SECOND_WRITING = "second-writing"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One acknowledgement. when: it was written, in the firm's zone. html: the other part, where it has one.

    A printed letter is html alone, without a text.
    """

    language: str
    situation: Situation
    in_hours: bool
    at: datetime
    when: str
    recipient: str
    subject: str
    text: str
    html: str | None

    def record(self) -> dict[str, object]:
        """As `--json` has it."""
        return {
            "language": self.language,
            "situation": self.situation,
            "in_hours": self.in_hours,
            "at": instant(self.at),
            "to": self.recipient,
            "subject": self.subject,
            "text": self.text,
            "html": self.html,
        }


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be shown, and of whom. languages, situations: of these alone; empty for all.

    to, contact: the customer; a stranger where nothing is said. letter: as printed for somebody without a mail address.
    """

    languages: Sequence[str] = ()
    situations: Sequence[Situation] = ()
    to: str = ""
    contact: Contact | None = None
    letter: bool = False


def samples(config: Config, name: str, wanted: Wanted, now: datetime) -> list[Sample]:
    """What the mailbox would answer, per language and situation. Raises NotFound, Refused."""
    mail: MailSettings = config.settings["mail"]
    if name not in mail.mailboxes:
        raise NotFound(f'no mailbox "{name}"', remedy=did_you_mean(name, mail.mailboxes))
    box = mail.mailboxes[name]
    if wanted.letter and box.channel not in ON_PAPER:
        raise Refused(f"mailbox {name} prints nothing", remedy='preview one with channel = "letter" or "fax"')
    if box.smtp is None and not wanted.letter:
        raise Refused(f"mailbox {name} acknowledges nothing", remedy="preview one with the role inbox and an `smtp`")
    texts, paper = _texts(config, box)
    terms = Terms(versions=(replace(config.version, effective_from=now - LONG_AGO),))
    found = [
        _sample(each, language, config)
        for language in _languages(config.firm.languages, wanted)
        for each in _decided(_Writer(_desk(config, box, texts, paper, language), terms, wanted), now)
        if not wanted.situations or each.situation in wanted.situations
    ]
    if not found:
        what = ", ".join(wanted.situations)
        raise Refused(f"{what} does not happen to mailbox {name}", remedy="leave --situation out to see what does")
    return found


def _languages(spoken: Sequence[str], wanted: Wanted) -> Sequence[str]:
    """Those asked for, else the customer's, else all. Raises Refused for one the house does not speak."""
    for language in wanted.languages:
        if language not in spoken:
            raise Refused(f"{language} is none of service.languages", remedy=f"name one of: {', '.join(spoken)}")
    theirs = wanted.contact.language if wanted.contact else None
    return wanted.languages or ((theirs,) if theirs in spoken and theirs else spoken)


def _texts(config: Config, box: Mailbox) -> tuple[Texts, PaperTexts | None]:
    """The texts of the mailbox's mails, and of its pages where it prints any."""
    folder = config.folder / "templates"
    texts = load_texts(folder)
    paper = paper_texts(box.channel, texts, folder) if box.channel in ON_PAPER else None
    return paper.mail if paper else texts, paper


def _desk(config: Config, box: Mailbox, texts: Texts, paper: PaperTexts | None, language: str) -> Desk:
    """The mailbox in live mode, where only this language is spoken."""
    firm = replace(config.firm, languages=(language,), observe=False)
    live = replace(box, observe=False)
    holidays = Holidays(tuple(sorted(config.sla_files.items())), config.firm.country)
    return Desk(
        mailbox=live,
        firm=firm,
        us=Us(authserv_ids=frozenset({_TRUSTED})),
        texts=texts,
        key=b"preview",
        holidays=holidays,
        paper=paper,
    )


class _Decided(NamedTuple):
    situation: Situation
    change: Change
    at: datetime
    opened: bool


def _decided(writer: "_Writer", now: datetime) -> Iterator[_Decided]:
    calendar = _calendar(writer.writes(now), writer.terms, writer.wanted.contact)
    opening, closing = _instants(calendar, now)
    first = writer.writes(opening)
    yield _Decided(Situation.IN_HOURS, first, opening, True)
    if closing is not None:
        yield _Decided(Situation.OUT_OF_HOURS, writer.writes(closing), closing, False)
    if (free := _free_day(calendar, writer.desk.holidays, now)) is not None:
        yield _Decided(Situation.HOLIDAY, writer.writes(free), free, False)
    asks = writer.writes(opening, ASKS_FOR_A_CALL)
    yield _Decided(Situation.ASKS_FOR_CALL, asks, opening, True)
    if not writer.wanted.letter:
        few = writer.writes(opening, by=_brief(first, writer.wanted.contact))
        yield _Decided(Situation.FEW_WORDS, few, opening, True)
    yield _Decided(Situation.OUTAGE, writer.writes(opening, waited=AN_OUTAGE), opening, True)
    further = opening + A_MOMENT
    if (again := writer.writes(further, after=first)).deliveries:
        yield _Decided(Situation.SECOND_WRITING, again, further, calendar is None or is_open(calendar, further))


def _brief(first: Change, contact: Contact | None) -> Contact | None:
    """The customer, as on file after a first writing where nobody is known, with the wish for few words."""
    known = contact or next(iter(first.contacts), None)
    return replace(known, wishes=replace(known.wishes, brief=True)) if known else None


def _instants(calendar: Calendar | None, now: datetime) -> tuple[datetime, datetime | None]:
    """Just after the next opening, or now where we are open; and just after the closing that follows, if we close."""
    opening = next_opening(calendar, now) if calendar else now
    if opening is None or calendar is None:
        return now, None
    closing = closing_after(calendar, opening)
    return opening if opening == now else opening + A_MOMENT, closing + A_MOMENT if closing else None


def _free_day(calendar: Calendar | None, holidays: Holidays, now: datetime) -> datetime | None:
    """Noon of the next public holiday on which we would be open."""
    for ahead in range(1, A_YEAR) if calendar else ():
        noon = (now + timedelta(days=ahead)).replace(hour=11, minute=0, second=0, microsecond=0)
        if calendar and holidays.closed_for(calendar, noon, "en") is not None:
            return noon
    return None


def _calendar(change: Change, terms: Terms, contact: Contact | None) -> Calendar | None:
    clock = change.clock(*ANSWERING)
    found = terms.versions[-1].calendars.get(clock.value.calendar) if clock else None
    return in_zone(found, contact.timezone if contact else None) if found else None


@dataclass(frozen=True, slots=True)
class _Writer:
    """A customer who writes to the mailbox."""

    desk: Desk
    terms: Terms
    wanted: Wanted

    def writes(
        self,
        at: datetime,
        text: str = "2041",
        *,
        waited: timedelta = timedelta(0),
        after: Change | None = None,
        by: Contact | None = None,
    ) -> Change:
        """What the house would decide. waited: how long the mail lay unseen. after: of what was decided before.

        by: the customer as on file, in place of the one wanted.
        """
        numbers = count(1 if after is None and by is None else 1000)
        known = by or self.wanted.contact or next(iter(after.contacts if after else ()), None)
        items = OpenItems(
            now=at,
            new_id=lambda: f"preview-{next(numbers)}",
            contacts=dict.fromkeys(known.identities, known) if known else {},
            people={known.id: known} if known else {},
            files=_files(after) if after else {},
        )
        message = decode(self._mail(at, at - waited, text), folder_date=at - waited)
        arrival = Arrival(message=message, place="preview", uid=1)
        if self.wanted.letter:
            return taken_in(BY_POST, arrival, items, self.desk, self.terms)
        return intake(arrival, items, self.desk, self.terms)

    def _mail(self, at: datetime, sent: datetime, text: str) -> bytes:
        contact, to = self.wanted.contact, self.wanted.to or STRANGER
        name = (contact.name if contact else None) or ("" if contact else "Jane Clarke")
        proof = f"Authentication-Results: {_TRUSTED}; dmarc=pass header.from={to.rpartition('@')[2]}\r\n"
        return (
            f"{proof if contact else ''}From: {name.encode('ascii', 'replace').decode()} <{to}>\r\n"
            f"To: {self.desk.mailbox.address}\r\n"
            f"Date: {format_datetime(sent.astimezone(self.desk.firm.zone))}\r\n"
            f"Subject: 2041\r\nMessage-ID: <preview-{at.timestamp()}@customer.example>\r\n\r\n{text}\r\n"
        ).encode()


def _files(change: Change) -> dict[str, CaseFile]:
    """The case a change opened, as the next decision reads it."""
    return {
        case.id: CaseFile(case=case, interactions=change.interactions, clocks=change.clocks) for case in change.cases
    }


def _sample(decided: _Decided, language: str, config: Config) -> Sample:
    at, change = decided.at, decided.change
    owed = next(iter(change.deliveries), None)
    if owed is None:
        raise Refused(f"no acknowledgement would go out: {change.result}", remedy="name another address with --to")
    parts = _parts(owed, change)
    return Sample(
        language=language,
        situation=decided.situation,
        in_hours=decided.opened,
        at=at,
        when=f"{at.astimezone(config.firm.zone):%A %Y-%m-%d %H:%M}",
        recipient=owed.recipient,
        subject=parts.subject,
        text=parts.text,
        html=parts.html,
    )


class _Parts(NamedTuple):
    subject: str
    text: str
    html: str | None


def _parts(owed: Delivery, change: Change) -> _Parts:
    """What a mail says by its bytes, and a printed page as it was made."""
    if owed.kind is DeliveryKind.LETTER:
        subject = next(fact.subject for fact in change.interactions if fact.id == owed.interaction_id)
        return _Parts(subject or "", "", owed.payload.decode())
    sent = decode(owed.payload, folder_date=owed.created_at)
    return _Parts(sent.subject, sent.text, _html(owed.payload))


def _html(payload: bytes) -> str | None:
    part = BytesParser(policy=policy.default).parsebytes(payload).get_body(("html",))
    return str(part.get_content()) if part is not None else None
