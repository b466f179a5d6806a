"""The acknowledgement a mail would get now: a sample mail goes the way every mail goes, and nothing is stored. Pure.

Only what cannot be known beforehand is chosen: the language, and an instant in and one out of opening hours.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import count

from commsd.channels.mail.account import Mailbox, MailSettings
from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.intake import intake
from commsd.channels.mail.message import decode
from commsd.channels.mail.owed_ack import ANSWERING
from commsd.channels.mail.suppression import Us
from commsd.channels.mail.texts import Texts, load_texts
from commsd.config.read import did_you_mean
from commsd.config.settings import Config
from commsd.core.calendar import Calendar, closing_after, in_zone, is_open, next_opening
from commsd.core.change import Change, OpenItems, Terms
from commsd.core.contact import Contact
from commsd.core.record import instant
from commsd.errors import NotFound, Refused

LONG_AGO = timedelta(days=3650)
A_MOMENT = timedelta(minutes=5)
STRANGER = "jane.clarke@customer.example"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One acknowledgement. when: it was written, in the firm's zone."""

    language: str
    in_hours: bool
    at: datetime
    when: str
    recipient: str
    subject: str
    text: str

    def record(self) -> dict[str, object]:
        """As `--json` has it."""
        return {
            "language": self.language,
            "in_hours": self.in_hours,
            "at": instant(self.at),
            "to": self.recipient,
            "subject": self.subject,
            "text": self.text,
        }


def samples(config: Config, name: str, to: str, contact: Contact | None, now: datetime) -> list[Sample]:
    """What the mailbox would answer this customer, per language, in and out of hours. Raises NotFound, Refused."""
    mail: MailSettings = config.settings["mail"]
    if name not in mail.mailboxes:
        raise NotFound(f'no mailbox "{name}"', remedy=did_you_mean(name, mail.mailboxes))
    box = mail.mailboxes[name]
    if box.smtp is None:
        raise Refused(f"mailbox {name} acknowledges nothing", remedy="preview one with the role inbox and an `smtp`")
    texts = load_texts(config.folder / "templates")
    known = (contact.language,) if contact and contact.language in config.firm.languages else config.firm.languages
    terms = Terms(versions=(replace(config.version, effective_from=now - LONG_AGO),))
    return [
        _sample(change, at, language, opened, config)
        for language in known
        for change, at, opened in _decided(_desk(config, box, texts, language), terms, to or STRANGER, contact, now)
    ]


def _desk(config: Config, box: Mailbox, texts: Texts, language: str) -> Desk:
    """The mailbox in live mode, where only this language is spoken."""
    firm = replace(config.firm, languages=(language,), observe=False)
    live = replace(box, observe=False)
    return Desk(mailbox=live, firm=firm, us=Us(), texts=texts, key=b"preview")


def _decided(
    desk: Desk, terms: Terms, to: str, contact: Contact | None, now: datetime
) -> Iterator[tuple[Change, datetime, bool]]:
    first = _intake(desk, terms, to, contact, now)
    for at in _instants(_calendar(first, terms, contact), now):
        change = _intake(desk, terms, to, contact, at)
        calendar = _calendar(change, terms, contact)
        yield change, at, calendar is None or is_open(calendar, at)


def _instants(calendar: Calendar | None, now: datetime) -> Iterator[datetime]:
    """Just after the next opening, or now where we are open; and just after the closing that follows."""
    opening = next_opening(calendar, now) if calendar else now
    if opening is None or calendar is None:
        yield now
        return
    yield opening if opening == now else opening + A_MOMENT
    closing = closing_after(calendar, opening)
    if closing is not None:
        yield closing + A_MOMENT


def _calendar(change: Change, terms: Terms, contact: Contact | None) -> Calendar | None:
    clock = change.clock(*ANSWERING)
    found = terms.versions[-1].calendars.get(clock.value.calendar) if clock else None
    return in_zone(found, contact.timezone if contact else None) if found else None


def _intake(desk: Desk, terms: Terms, to: str, contact: Contact | None, at: datetime) -> Change:
    numbers = count(1)
    items = OpenItems(
        now=at,
        new_id=lambda: f"preview-{next(numbers)}",
        contacts=dict.fromkeys(contact.identities, contact) if contact else {},
    )
    name = (contact.name if contact else None) or ("" if contact else "Jane Clarke")
    raw = (
        f"From: {name.encode('ascii', 'replace').decode()} <{to}>\r\nTo: {desk.mailbox.address}\r\n"
        f"Subject: 2041\r\nMessage-ID: <preview@customer.example>\r\n\r\n2041\r\n"
    )
    message = decode(raw.encode(), folder_date=at)
    return intake(Arrival(message=message, place="preview", uid=1), items, desk, terms)


def _sample(change: Change, at: datetime, language: str, opened: bool, config: Config) -> Sample:
    owed = next(iter(change.deliveries), None)
    if owed is None:
        raise Refused(f"no acknowledgement would go out: {change.result}", remedy="name another address with --to")
    sent = decode(owed.payload, folder_date=at)
    return Sample(
        language=language,
        in_hours=opened,
        at=at,
        when=f"{at.astimezone(config.firm.zone):%A %Y-%m-%d %H:%M}",
        recipient=owed.recipient,
        subject=sent.subject,
        text=sent.text,
    )
