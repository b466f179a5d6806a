"""Duty: deliveries whose sender died are taken up again. Perhaps they went out: whoever claims them finds out."""

import structlog

from commsd.store.claims import Claims
from commsd.world import World

log = structlog.get_logger()

EVERY = 60.0


class Recovery:
    """Look for claims nobody will settle, at start and each minute."""

    name = "store.recovery"

    def __init__(self, claims: Claims, world: World) -> None:
        self._claims, self._world = claims, world

    async def run(self) -> None:
        while True:
            await self.once()
            await self._world.sleep(EVERY)

    async def once(self) -> bool:
        """Put lost deliveries back; says whether there were any."""
        lost = await self._claims.lost_deliveries()
        if lost:
            log.warning("delivery.resumed", deliveries=lost)
        return bool(lost)
