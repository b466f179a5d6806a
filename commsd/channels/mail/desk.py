"""A mailbox's desk: all that is settled before a mail comes. Who we are, who sits there, in which words we answer."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, time
from functools import lru_cache
from zoneinfo import ZoneInfo

from commsd.channels.mail.account import Mailbox, MailSettings
from commsd.channels.mail.dates import PhoneHours
from commsd.channels.mail.holiday import Holidays
from commsd.channels.mail.paper_texts import PaperTexts
from commsd.channels.mail.suppression import Us
from commsd.channels.mail.texts import Texts
from commsd.core.agent import Agent
from commsd.core.calendar import DAY_MINUTES, Calendar, Window
from commsd.core.firm import Firm
from commsd.sla.notice.post import Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One mailbox with its surroundings. domain: of its address, for Message-IDs. key: signs ack ids.

    sender: from where the acknowledgements of a letter or fax leave where this mailbox sends no mail. paper: what is
    said of letters or faxes. post: how our own people are told. others: every desk that acknowledges mail, by
    address, this one too.
    """

    mailbox: Mailbox
    firm: Firm
    us: Us
    texts: Texts
    key: bytes
    sender: Mailbox | None = None
    holidays: Holidays = field(default_factory=Holidays)
    paper: PaperTexts | None = None
    post: Post | None = None
    others: Mapping[str, "Desk"] = field(default_factory=dict, repr=False, compare=False)

    @property
    def domain(self) -> str:
        """The domain Message-IDs of this mailbox are made in."""
        return self.mailbox.address.rpartition("@")[2]

    @property
    def leaves(self) -> Mailbox:
        """The mailbox acknowledgements leave from: this one, else the one of the notices."""
        return self.sender or self.mailbox

    @property
    def observe(self) -> bool:
        """Whether nothing may reach a customer from here."""
        return self.firm.observe or self.mailbox.observe

    def person(self, owners: Iterable[str | None], at: datetime) -> Agent | None:
        """Who is named to the customer: the first of these who is there that day, or whose deputy is, else the
        mailbox's person."""
        people, day = self.firm.people, self.firm.day(at)
        named = (people.present(owner, day) for owner in (*owners, self.mailbox.person))
        return next((agent for agent in named if agent), None)

    def zone_of(self, customer_zone: str | None) -> ZoneInfo:
        """The zone times are told in: the customer's, else ours."""
        return ZoneInfo(customer_zone) if customer_zone else self.firm.zone


def us_of(mailbox: Mailbox, settings: MailSettings, firm: Firm, key: bytes) -> Us:
    """Our side as the suppression rules of one mailbox see it."""
    return Us(
        addresses=_lower(settings.addresses),
        people=_lower(firm.people.addresses),
        internal_domains=firm.internal_domains,
        key=key,
        forwarders=_lower(mailbox.forwarders),
        own_list_ids=_lower(mailbox.own_list_ids),
        contact_forms=_lower(mailbox.contact_forms),
        heard_locals=_lower(mailbox.system_senders),
        silent_invitations=not mailbox.invitations,
        authserv_ids=_lower(mailbox.authserv_ids),
        bounce_addresses=_lower(box.bounce_address for box in settings.mailboxes.values() if box.bounce_address),
    )


def _lower(words: Iterable[str]) -> frozenset[str]:
    return frozenset(word.lower() for word in words)


MOST_RUNS, MOST_WINDOWS = 2, 2
"""What one sentence can say of a week."""


@lru_cache(maxsize=64)
def phone_hours(calendar: Calendar) -> tuple[PhoneHours, ...]:
    """The hours to ring in, a run of weekdays with the same hours each; empty where no short sentence can say them."""
    runs: list[tuple[int, int, tuple[Window, ...]]] = []
    for day, windows in sorted((day, tuple(sorted(hours))) for day, hours in calendar.weekly.items() if hours):
        if runs and runs[-1][1] == day - 1 and runs[-1][2] == windows:
            runs[-1] = (runs[-1][0], day, windows)
        else:
            runs.append((day, day, windows))
    plain = all(len(windows) <= MOST_WINDOWS and windows[-1].end < DAY_MINUTES for _, _, windows in runs)
    if len(runs) > MOST_RUNS or not plain:
        return ()
    return tuple(
        PhoneHours(
            weekday_from=first,
            weekday_to=last,
            windows=tuple((_clock(window.start), _clock(window.end)) for window in windows),
        )
        for first, last, windows in runs
    )


def _clock(minute: int) -> time:
    return time(minute // 60, minute % 60)
