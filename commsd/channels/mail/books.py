"""Duty: what a mail server took is recorded, also where the process died in between. One for all mailboxes.

Usually `send` has it recorded itself, within seconds. Here are those whose sender ended before that.
"""

from datetime import timedelta

import structlog

from commsd.channels.mail.outcome import Outcome
from commsd.channels.mail.settle import keys_of, settled
from commsd.core.interaction import Delivery
from commsd.sla.rules.in_force import Rules
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.world import World

log = structlog.get_logger()

EVERY = 30.0
LEFT = timedelta(minutes=1)
"""Recorded by nobody for so long, it was left behind."""


class Books:
    """Record what was taken and left behind, at start and every 30 seconds."""

    name = "mail.books"

    def __init__(self, log: Log, claims: Claims, rules: Rules, world: World) -> None:
        self._log, self._claims, self._rules, self._world = log, claims, rules, world

    async def run(self) -> None:
        while True:
            if not await self.once():
                await self._world.sleep(EVERY)

    async def once(self) -> bool:
        """Record what is left; says whether there was anything."""
        left = await self._claims.unrecorded(self._world.now() - LEFT)
        for owed in left:
            await self._record(owed)
        if left:
            log.warning("delivery.recorded_late", deliveries=len(left))
        return bool(left)

    async def _record(self, owed: Delivery) -> None:
        terms = self._rules.terms
        word = Outcome(kind="sent", code=None, text=owed.status_raw or "", stage="answer")
        await self._log.decide(keys_of(owed), lambda items: settled(word, owed, items, terms), bookkeeping=True)
