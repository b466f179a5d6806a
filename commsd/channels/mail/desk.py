"""A mailbox's desk: all that is settled before a mail comes. Who we are, who sits there, in which words we answer."""

from dataclasses import dataclass
from datetime import datetime, time
from zoneinfo import ZoneInfo

from commsd.channels.mail.account import Mailbox
from commsd.channels.mail.dates import PhoneHours
from commsd.channels.mail.suppression import Us
from commsd.channels.mail.texts import Texts
from commsd.core.agent import Agent
from commsd.core.calendar import Calendar
from commsd.core.firm import Firm
from commsd.sla.notice.post import Post


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """One mailbox with its surroundings. domain: of its address, for Message-IDs. key: signs ack ids.

    sender: from where the acknowledgements of a letter or fax leave where this mailbox sends no mail. post: how our
    own people are told.
    """

    mailbox: Mailbox
    firm: Firm
    us: Us
    texts: Texts
    key: bytes
    sender: Mailbox | None = None
    post: Post | None = None

    @property
    def domain(self) -> str:
        """The domain Message-IDs of this mailbox are made in."""
        return self.mailbox.address.rpartition("@")[2]

    @property
    def observe(self) -> bool:
        """Whether nothing may reach a customer from here."""
        return self.firm.observe or self.mailbox.observe

    def person(self, owner: str | None, at: datetime) -> Agent | None:
        """Who is named to the customer: the contact's owner, else the mailbox's person, or the deputy while away."""
        people, day = self.firm.people, self.firm.day(at)
        return people.present(owner, day) or people.present(self.mailbox.person, day)

    def zone_of(self, customer_zone: str | None) -> ZoneInfo:
        """The zone times are told in: the customer's, else ours."""
        return ZoneInfo(customer_zone) if customer_zone else self.firm.zone


def phone_hours(calendar: Calendar) -> PhoneHours | None:
    """The hours to ring in, where one sentence can say them: one window, the same on a run of weekdays."""
    windows = {day: hours for day, hours in sorted(calendar.weekly.items()) if hours}
    if not windows or len(set(windows.values())) != 1:
        return None
    days, hours = list(windows), next(iter(windows.values()))
    if len(hours) != 1 or days != list(range(days[0], days[-1] + 1)) or hours[0].end >= 1440:
        return None
    return PhoneHours(
        weekday_from=days[0], weekday_to=days[-1], opens=_clock(hours[0].start), closes=_clock(hours[0].end)
    )


def _clock(minute: int) -> time:
    return time(minute // 60, minute % 60)
