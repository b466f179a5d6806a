"""Duty: notices that leave by another way than mail are claimed, carried and settled; each step survives a crash.

Who is told what stands in the delivery; how it is carried is a function of the channel's; what its word means, is
decided in `carriage`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import timedelta

import structlog

from commsd.core import key
from commsd.core.change import Change
from commsd.core.interaction import Delivery, DeliveryState
from commsd.core.open_items import OpenItems
from commsd.duty import work
from commsd.sla.notice.carriage import Patience, Word, settled
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.telemetry import Metrics
from commsd.world import World

log = structlog.get_logger()

CLAIM = timedelta(minutes=5)
"""Longer than the longest attempt, so that nobody else takes up what is still under way."""

NET = 5.0
"""Seconds after which we look although nobody told us of new work."""

AT_ONCE = 16


class Courier:
    """Carry what is owed by one way. Stops when cancelled: what is under way is settled first.

    via: the way, as deliveries name it. carry: one attempt, which ends by itself within seconds and never raises.
    settle: what its word changes.
    """

    def __init__(
        self,
        name: str,
        via: str,
        carry: Callable[[Delivery], Awaitable[Word]],
        patience: Patience,
        log: Log,
        claims: Claims,
        world: World,
        metrics: Metrics,
        settle: Callable[[Word, str, Patience, OpenItems], Change] = settled,
    ) -> None:
        self.name, self._settled = name, settle
        self._via, self._carry, self._patience = via, carry, patience
        self._log, self._claims, self._world, self._metrics = log, claims, world, metrics
        self._wake = asyncio.Event()
        log.listen(self._hear)

    async def run(self) -> None:
        await work(self, self._wake, NET)

    async def once(self) -> bool:
        """Carry what is due now; says whether there was anything."""
        claiming = asyncio.ensure_future(self._claims.deliveries((self._via,), AT_ONCE, CLAIM))
        try:
            owed = await asyncio.shield(claiming)
        except asyncio.CancelledError:  # perhaps claimed all the same; then nobody else would see to it for long
            await self._put_back(await claiming)
            raise
        if owed:
            await _to_its_end(asyncio.ensure_future(self._carry_all(owed)))
        return bool(owed)

    async def _carry_all(self, owed: Sequence[Delivery]) -> None:
        """Each to its end, also where one cannot be settled."""
        tasks = [asyncio.ensure_future(self._deliver(delivery)) for delivery in owed]
        await asyncio.wait(tasks)
        for task in tasks:
            task.result()

    async def _put_back(self, owed: Sequence[Delivery]) -> None:
        for delivery in owed:
            await self._settle(delivery, Word(kind="later", said="not begun"))

    def _hear(self, change: Change) -> None:
        if any(owed.via == self._via and owed.state is DeliveryState.QUEUED for owed in change.deliveries):
            self._wake.set()

    async def _deliver(self, owed: Delivery) -> None:
        word = await self._carry(owed)
        self._say(owed, word, await self._settle(owed, word))

    async def _settle(self, owed: Delivery, word: Word) -> object:
        patience = self._patience
        done = await self._log.decide(
            (key.of_delivery(owed.id),), lambda items: self._settled(word, owed.id, patience, items)
        )
        return done.result

    def _say(self, owed: Delivery, word: Word, state: object) -> None:
        self._metrics.deliveries.labels(kind=owed.kind.value, result=word.kind).inc()
        if word.kind == "sent":
            waited = (self._world.now() - owed.created_at).total_seconds()
            log.info("notice.carried", delivery=owed.id, channel=self._via, waited_s=waited)
        else:
            log.warning(
                "notice.not_carried", delivery=owed.id, channel=self._via, state=state, why=word.said, code=word.code
            )


async def _to_its_end(carrying: "asyncio.Future[None]") -> None:
    """Cancelled, wait all the same: an attempt is short, and one that is cut off leaves nobody knowing."""
    try:
        await asyncio.shield(carrying)
    except asyncio.CancelledError:
        await carrying
        raise
