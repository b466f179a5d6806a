"""Duty: an address outside is fetched each minute while all is well. Whoever runs it rings when it stays silent.

That is the alarm for what cannot tell of itself: a dead host, a dead daemon, a database that is gone.
"""

import asyncio
from collections.abc import Callable

import aiohttp
import structlog

from commsd.telemetry import Metrics
from commsd.world import World

log = structlog.get_logger()

EVERY = 60.0
LIMIT = 10.0


class Ping:
    """Say outside that all is well. well: whether it is."""

    name = "alarms.ping"

    def __init__(self, url: str, well: Callable[[], bool], world: World, metrics: Metrics) -> None:
        self._url, self._well, self._world, self._metrics = url, well, world, metrics
        self._silent = False

    async def run(self) -> None:
        while True:
            # Soon after the start, when the watchman has looked; then each minute.
            await self._world.sleep(EVERY if await self.once() else EVERY / 6)

    async def once(self) -> bool:
        """Fetch it once, where all is well; says whether it was. What goes wrong is counted, and told of once."""
        if not self._well():
            return False
        failed = await self._fetched()
        if failed:
            self._metrics.ping_failures.inc()
            if not self._silent:
                log.warning("ping.failed", why=failed)
        elif self._silent:
            log.info("ping.answered")
        self._silent = failed is not None
        return True

    async def _fetched(self) -> str | None:
        """What went wrong, in words without the address, which may hold a token; None: nothing did."""
        limits = aiohttp.ClientTimeout(total=LIMIT)
        try:
            async with (
                asyncio.timeout(LIMIT + 1),
                aiohttp.ClientSession(timeout=limits, cookie_jar=aiohttp.DummyCookieJar()) as session,
                session.get(self._url, headers={"User-Agent": "commsd"}, allow_redirects=False) as answer,
            ):
                return None if 200 <= answer.status < 300 else f"HTTP {answer.status}"
        except (aiohttp.ClientError, OSError, TimeoutError, ValueError) as error:
            return type(error).__name__
