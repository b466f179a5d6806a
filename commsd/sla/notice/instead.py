"""A notice that did not arrive goes by mail instead: to the same person where we know them, else to the house. Pure.

Which did not arrive, `store.tellings` finds; `sla.dispatch` asks. What cannot go by mail either stands in the ledger.
"""

from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

import orjson

from commsd.core.change import Change, Fence
from commsd.core.firm import Firm
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState
from commsd.core.ledger import instead_keys
from commsd.core.open_items import OpenItems
from commsd.sla.notice.notice import Notice, marked
from commsd.sla.notice.post import Post
from commsd.sla.notice.recipient import Way

MOST = 20_000
"""Characters of the notice that are passed on."""

_WAYS = {Way.WEBHOOK.value: "to a webhook", Way.SMS.value: "by SMS"}
_ARRIVED = frozenset({DeliveryState.TAKEN, DeliveryState.SENT, DeliveryState.CANCELLED, DeliveryState.SUPPRESSED})


def instead(delivery_id: str, items: OpenItems, *, firm: Firm, post: Post, fence: Fence) -> Change:
    """A mail to each who is told in place of it. Where nobody can be, a delivery that failed says so for the ledger."""
    owed = items.deliveries.get(delivery_id)
    if owed is None or owed.state in _ARRIVED:
        return Change()
    mails = tuple(_mails(owed, items, firm, post)) or (_nobody(owed, items),)
    return Change(deliveries=mails, fence=fence, result=len([mail for mail in mails if mail.recipient]))


def others(owed: Delivery, firm: Firm, post: Post, now: datetime) -> tuple[tuple[str, str | None], ...]:
    """Who is told in place of it, with the agent where it is one: whose telephone it was, else the house."""
    people, day = firm.people, firm.day(now)
    if owed.via == Way.SMS.value:
        whose = next((agent.id for agent in people.agents.values() if agent.phone == owed.recipient), None)
        if (agent := people.present(whose, day)) and agent.mail:
            return ((agent.mail[0], agent.id),)
    for house in (people.mail_of(post.alarms, day), post.fallback):
        if found := [address for address in house if address.casefold() != owed.recipient.casefold()]:
            return tuple((address, agent.id if (agent := people.by_mail(address)) else None) for address in found)
    return ()


def _mails(owed: Delivery, items: OpenItems, firm: Firm, post: Post) -> Iterator[Delivery]:
    if post.via is None:
        return
    subject, text = said_in(owed)
    over = owed.state in (DeliveryState.FAILED, DeliveryState.REFUSED)
    where = _WAYS.get(owed.via) or f"to {owed.recipient}"
    how = "could not be delivered" if over else "has not been delivered yet"
    for key, (address, agent) in zip(instead_keys(owed.id), others(owed, firm, post, items.now), strict=False):
        notice = Notice(
            key=key,
            recipient=address,
            subject=f"{'' if subject.startswith('[OBSERVE]') else marked(firm)}Not delivered {where}: {subject}"[:200],
            text=f"This notice {how} {where}, so it comes to you:\n\n{text}\n",
            at=items.now,
            case_id=owed.case_id,
            agent=agent,
        )
        yield replace(
            _nobody(owed, items),
            id=items.new_id(),
            key=notice.key,
            via=post.via,
            recipient=address,
            payload=post.render(notice),
            state=DeliveryState.QUEUED,
            reason=None,
            settled_at=None,
        )


def _nobody(owed: Delivery, items: OpenItems) -> Delivery:
    return Delivery(
        id=items.new_id(),
        kind=DeliveryKind.NOTICE,
        key=instead_keys(owed.id)[0],
        via=owed.via,
        recipient="",
        payload=b"",
        created_at=items.now,
        due_at=items.now,
        state=DeliveryState.FAILED,
        case_id=owed.case_id,
        reason="nobody-else",
        settled_at=items.now,
    )


def said_in(owed: Delivery) -> tuple[str, str]:
    """Subject and text of the notice, out of the bytes it was to leave as."""
    if owed.via == Way.WEBHOOK.value:
        said = orjson.loads(owed.payload)
        return str(said.get("subject", "")), str(said.get("text", ""))[:MOST]
    if owed.via == Way.SMS.value:
        text = owed.payload.decode("utf-8", "replace")
        return text[:100], text
    mail = message_from_bytes(owed.payload, _class=EmailMessage, policy=default)
    body = mail.get_body(("plain",))
    return str(mail["Subject"] or ""), str(body.get_content() if body else "")[:MOST].replace("\r\n", "\n")
