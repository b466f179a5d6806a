"""Duty: what this process is sending stays its own, and deliveries whose sender died are taken up again.

Perhaps they went out: whoever claims them finds out.
"""

from datetime import timedelta

import structlog

from commsd.store.claims import Claims
from commsd.world import World

log = structlog.get_logger()

EVERY = 45.0
CLAIM = timedelta(minutes=2)
"""So long what a node is sending is its own if it is heard of no more; renewed while it lives. mail.md D4."""


class Recovery:
    """Renew our claims and look for those nobody will settle, at start and every 45 seconds."""

    name = "store.recovery"

    def __init__(self, claims: Claims, world: World) -> None:
        self._claims, self._world = claims, world

    async def run(self) -> None:
        while True:
            await self.once()
            await self._world.sleep(EVERY)

    async def once(self) -> bool:
        """Put lost deliveries back; says whether there were any."""
        await self._claims.renew(CLAIM)
        lost = await self._claims.lost_deliveries()
        if lost:
            log.warning("delivery.resumed", deliveries=lost)
        return bool(lost)
