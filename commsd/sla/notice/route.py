"""Notices to a webhook of a route: one POST of JSON, such as a chat or a pager takes. Stops at the answer's status.

What is perhaps taken goes again: a notice read twice harms less than one nobody reads. `webhook-id` tells the other
side that it is the same.
"""

from datetime import timedelta
from typing import Literal

from commsd.core.interaction import Delivery
from commsd.egress import posting
from commsd.egress.target import Exits
from commsd.sla.notice.carriage import Patience, Word
from commsd.sla.notice.courier import Courier
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.telemetry import Metrics
from commsd.world import World

VIA = "webhook"
"""What a delivery to a webhook has as its `via`."""

LIMIT = 10.0
PATIENCE = Patience(give_up=timedelta(hours=24), repeats=True)


def webhooks(log: Log, claims: Claims, world: World, metrics: Metrics) -> Courier:
    """The duty that posts notices to webhooks."""
    return Courier("sla.webhook", VIA, post, PATIENCE, log, claims, world, metrics)


async def post(owed: Delivery) -> Word:
    """One attempt, within ten seconds. It goes where the configuration says, also into one's own network."""
    headers = {"Content-Type": "application/json", "User-Agent": "commsd", "webhook-id": owed.id}
    exits = Exits(anywhere=True, timeout=timedelta(seconds=LIMIT))
    answer = await posting.post(owed.recipient, owed.payload or b"", headers, exits)
    if answer.taken:
        return Word(kind="sent", said=answer.said, code=answer.status)
    kind: Literal["later", "unknown"] = "unknown" if answer.failure == "unknown" else "later"
    return Word(kind=kind, said=answer.said, code=answer.status)
