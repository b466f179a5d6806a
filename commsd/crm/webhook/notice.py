"""A webhook was disabled by the machine -> one notice to each of our people who gets the alarms. Pure."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from commsd.core.change import Change
from commsd.core.firm import Firm
from commsd.core.interaction import Delivery
from commsd.core.open_items import OpenItems
from commsd.crm.webhook.retry import SAID_GONE
from commsd.sla.notice.house_notice import house_notice
from commsd.sla.notice.notice import local
from commsd.sla.notice.post import Post
from commsd.sla.notice.recipient import Recipient, Roll


@dataclass(frozen=True, slots=True, kw_only=True)
class Fallen:
    """A webhook that the machine disabled, when and why."""

    id: str
    name: str
    reason: str
    at: datetime

    @property
    def key(self) -> str:
        """How the keys of the notices begin that tell of this."""
        return f"webhook:{self.id}:{self.at:%Y%m%dT%H%M%S.%f}:"


def told(webhook: Fallen, items: OpenItems, *, firm: Firm, post: Post) -> Change:
    """A notice to each who gets the alarms."""
    roll = Roll(firm=firm, post=post, now=items.now)
    return Change(deliveries=tuple(_delivery(webhook, to, items, firm, post) for to in roll.alarmed()))


def _delivery(webhook: Fallen, to: Recipient, items: OpenItems, firm: Firm, post: Post) -> Delivery:
    subject = f"Webhook {webhook.name} is disabled"
    return house_notice(webhook.key, subject, _text(webhook, firm), to, items, firm=firm, post=post)


def _text(webhook: Fallen, firm: Firm) -> Iterator[str]:
    if webhook.reason == SAID_GONE:
        yield "Its receiver answered that it is gone for good (410), so nothing more is posted there."
    else:
        yield "Its receiver took nothing for three days of tries, so nothing more is posted there."
    yield f"Disabled on {local(webhook.at, firm)}, time of {firm.timezone}."
    yield "Nothing is lost: what happens meanwhile waits in the feed, and is posted once the webhook is enabled."
    yield f"To see what was tried: commsd webhooks show {webhook.name}"
    yield f"To let it go on once its receiver is mended: commsd webhooks enable {webhook.name}"
