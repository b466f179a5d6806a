"""A rung that came, for one recipient: a delivery that waits for opening hours and for others to go out with. Pure."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

import orjson

from commsd.core.case import ClockRecord
from commsd.core.interaction import Delivery, DeliveryKind
from commsd.core.ladder import MOVED, PAGE, Rung, key_of
from commsd.sla.notice.recipient import Recipient, Way

TELLINGS = "tellings"
"""A telling's `via`: no mailbox sends it, `sla.dispatch` makes a notice of it."""

WINDOW = timedelta(minutes=5)
"""A further notice to the same person waits until so long after the last."""

PAGES, PAGE_WINDOW = 5, timedelta(seconds=60)
"""Only a page goes at once, and no more of them within so short a time."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Telling:
    """What the delivery's payload says. rung: its key. agent: who is told, None for a route."""

    clock: str
    rung: str
    way: Way
    agent: str | None
    page: bool

    def holds(self, record: ClockRecord | None) -> bool:
        """Whether it is still to be told: the clock runs on, and the rung has not come to lie ahead again."""
        if record is None or not record.owed or record.value.due_at is None:
            return False
        if self.rung == MOVED and record.moved_at is None:
            return False
        return self.rung in {key_of(mark) for mark in record.told}


def owed_telling(rung: Rung, record: ClockRecord, to: Recipient, now: datetime, new_id: Callable[[], str]) -> Delivery:
    """The delivery of one rung to one recipient. Its key makes it one for this revision of the clock."""
    said = {"clock": record.id, "rung": rung.key, "way": to.way.value, "agent": to.agent, "page": rung.page}
    address = hashlib.sha256(f"{to.way}:{to.address}".encode()).hexdigest()[:24]
    return Delivery(
        id=new_id(),
        kind=DeliveryKind.TELLING,
        key=f"tell:{record.id}:{record.revision}:{rung.key}:{address}",
        via=TELLINGS,
        recipient=to.address,
        payload=orjson.dumps(said),
        created_at=now,
        due_at=to.opens,
        case_id=record.case_id,
        reason=PAGE if rung.page else None,
    )


def telling_of(payload: bytes) -> Telling:
    """What `owed_telling` wrote."""
    said = orjson.loads(payload)
    return Telling(clock=said["clock"], rung=said["rung"], way=Way(said["way"]), agent=said["agent"], page=said["page"])
