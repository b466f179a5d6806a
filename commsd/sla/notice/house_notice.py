"""A notice about commsd's own doings, which belongs to no case, as the delivery that carries it. Pure."""

import hashlib
from collections.abc import Iterable

import orjson

from commsd.core.firm import Firm
from commsd.core.interaction import Delivery, DeliveryKind
from commsd.core.open_items import OpenItems
from commsd.sla.notice.notice import SHORT, Notice, marked
from commsd.sla.notice.post import Post
from commsd.sla.notice.recipient import Recipient, Way


def house_notice(
    key: str, subject: str, lines: Iterable[str], to: Recipient, items: OpenItems, *, firm: Firm, post: Post
) -> Delivery:
    """The notice to this one by the way that is open. key: how its key begins; the rest tells whom it went to."""
    mark = hashlib.sha256(f"{to.way}:{to.address}".encode()).hexdigest()[:12]
    notice = Notice(
        key=f"{key}{mark}",
        recipient=to.address,
        subject=f"{marked(firm)}{subject}"[:200],
        text="\n".join(lines) + "\n",
        at=items.now,
        agent=to.agent,
    )
    match to.way:
        case Way.MAIL:
            via, payload = post.via or "", post.render(notice)
        case Way.WEBHOOK:
            said = {"subject": notice.subject, "text": notice.text, "at": notice.at, "cases": []}
            via, payload = to.way.value, orjson.dumps(said, option=orjson.OPT_UTC_Z)
        case Way.SMS:
            via, payload = to.way.value, notice.subject[:SHORT].encode()
    return Delivery(
        id=items.new_id(),
        kind=DeliveryKind.NOTICE,
        key=notice.key,
        via=via,
        recipient=to.address,
        payload=payload,
        created_at=items.now,
        due_at=to.opens,
    )
