"""What our people are told of a mailbox's own doings: mail nobody could read, a storm of acknowledgements, a pause.

Pure. When it is told, `alerting` sees to; that a mailbox does not work at all is `sla.notice.alarm`'s.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from commsd.config.unit import Rate
from commsd.core.change import Change, Fence
from commsd.core.firm import Firm
from commsd.core.interaction import Delivery
from commsd.core.open_items import OpenItems
from commsd.sla.notice.house_notice import house_notice
from commsd.sla.notice.notice import in_words, local
from commsd.sla.notice.post import Post
from commsd.sla.notice.recipient import Recipient, Roll

ALERTS = "alert:"
"""How the keys of these notices begin."""

LISTED = 20


class About(StrEnum):
    """unread: mail that could not be read or decided (N1). budget: a tenth of it spent. paused: all of it (L1).

    orphaned: it was taken out of the configuration while something waited to leave by it (D4).
    """

    UNREAD = "unread"
    BUDGET = "budget"
    PAUSED = "paused"
    ORPHANED = "orphaned"


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing to tell of one mailbox. at: of what it tells, by which it is told once. ids: of interactions."""

    about: About
    mailbox: str
    at: datetime
    ids: tuple[str, ...] = ()
    number: int = 0
    budget: Rate | None = None
    until: datetime | None = None

    @property
    def key(self) -> str:
        """How the keys of its notices begin."""
        return f"{key_of(self.about, self.mailbox)}{self.at:%Y%m%dT%H%M%S.%f}"


def key_of(about: About, mailbox: str) -> str:
    """How the keys of all notices begin that tell this of that mailbox."""
    return f"{ALERTS}{about}:{mailbox}:"


def told(alert: Alert, items: OpenItems, *, firm: Firm, post: Post, fence: Fence) -> Change:
    """A notice to each who gets the alarms."""
    roll = Roll(firm=firm, post=post, now=items.now)
    return Change(deliveries=tuple(_delivery(alert, to, items, firm, post) for to in roll.alarmed()), fence=fence)


def _delivery(alert: Alert, to: Recipient, items: OpenItems, firm: Firm, post: Post) -> Delivery:
    return house_notice(f"{alert.key}:", _subject(alert), _text(alert, firm), to, items, firm=firm, post=post)


def _subject(alert: Alert) -> str:
    match alert.about:
        case About.UNREAD:
            mails = "a mail" if alert.number == 1 else f"{alert.number} mails"
            return f"Mailbox {alert.mailbox}: {mails} could not be read"
        case About.BUDGET:
            return f"Mailbox {alert.mailbox} sends many acknowledgements"
        case About.PAUSED:
            return f"Acknowledgements of mailbox {alert.mailbox} are paused"
        case About.ORPHANED:
            return f"Mailbox {alert.mailbox} is configured no longer and {_waiting(alert)} to leave by it"


def _text(alert: Alert, firm: Firm) -> Iterator[str]:
    match alert.about:
        case About.UNREAD:
            yield "It is recorded and kept as it came, and nobody was answered. It may be a customer's:"
            yield from (f"   commsd log show {each}" for each in alert.ids[:LISTED])
            if alert.number > LISTED:
                yield f"   and {alert.number - LISTED} more, which commsd ledger lists"
            yield "Of further ones in this mailbox you are told in an hour at the soonest."
        case About.BUDGET:
            yield f"It gave {alert.number} or more {_within(alert)}, a tenth of its ack_budget: {_most(alert)}."
            yield "When all of that is spent, it pauses by itself."
            yield "If no storm of customers is on, a machine may be answering our answers."
            yield f"To stop it: commsd pause acks --mailbox {alert.mailbox} --for 1h --why TEXT"
        case About.PAUSED:
            yield f"It gave as many {_within(alert)} as its ack_budget allows: {_most(alert)}."
            yield f"It goes on by itself on {local(alert.until, firm)}." if alert.until else ""
            yield "What comes in is recorded and its clocks run; commsd ledger lists what got no acknowledgement."
            yield f"To let it go on now: commsd resume acks --mailbox {alert.mailbox}"
            yield f"Times are those of {firm.timezone}."
        case About.ORPHANED:
            yield "Nothing sends them now, for from another mailbox they would come from another address."
            yield f"To have them sent: put [mailbox.{alert.mailbox}] back, and reload."
            yield "To have them not sent: commsd ack settle ID never; commsd ledger lists them with their ID."
            yield "What is older than four hours when the mailbox is back is not sent any more."


def _waiting(alert: Alert) -> str:
    return "one mail waits" if alert.number == 1 else f"{alert.number} mails wait"


def _within(alert: Alert) -> str:
    return f"within {in_words(alert.budget.per)}" if alert.budget else "in a short time"


def _most(alert: Alert) -> str:
    return f"{alert.budget.count} within {in_words(alert.budget.per)}" if alert.budget else "spent"
