"""Notices to a webhook of a route: one POST of JSON, such as a chat or a pager takes. Stops at the answer's status.

What is perhaps taken goes again: a notice read twice harms less than one nobody reads. `webhook-id` tells the other
side that it is the same.
"""

import asyncio
from datetime import timedelta

from commsd.core.interaction import Delivery
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
    """One attempt, within ten seconds. Redirects are not followed: the notice goes where the configuration says."""
    import aiohttp  # 7 MB, which a house without such a route does without

    headers = {"Content-Type": "application/json", "User-Agent": "commsd", "webhook-id": owed.id}
    limits = aiohttp.ClientTimeout(total=LIMIT)
    try:
        async with (
            asyncio.timeout(LIMIT + 1),
            aiohttp.ClientSession(timeout=limits, cookie_jar=aiohttp.DummyCookieJar()) as session,
            session.post(owed.recipient, data=owed.payload, headers=headers, allow_redirects=False) as answer,
        ):
            status = answer.status
    except aiohttp.ClientConnectorError as error:
        return Word(kind="later", said=type(error).__name__)
    except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
        return Word(kind="unknown", said=type(error).__name__)  # its text may hold the url, which is a secret
    if 200 <= status < 300:
        return Word(kind="sent", said=f"HTTP {status}", code=status)
    return Word(kind="later", said=f"HTTP {status}", code=status)
