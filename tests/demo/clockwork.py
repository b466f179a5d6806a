"""A World whose time jumps to the next sleeper as soon as nothing else is left to do, so that hours pass at once.

For scenes in which several people wait side by side: whoever waits shortest wakes first, and `now` is then his time.
Real requests between the parts of a scene take no time on this clock; `busy` says whether one is under way.
"""

import asyncio
import heapq
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from itertools import count

from commsd.world import World, real_world
from tests.world import ScriptedWorld

_TURNS = 30  # of the event loop without a sign of life before time moves
_BREATH = 0.0005  # seconds
_REAL = real_world()


class Clockwork:
    """Hand `world` to what is tested and run the scene inside `running`. While `held`, time stands.

    grain: seconds within which those who are due wake together, so that what they do really happens at once.
    """

    def __init__(self, now: datetime | None = None, grain: float = 0.0) -> None:
        self._scripted = ScriptedWorld(now) if now else ScriptedWorld()
        self.held = False
        self._grain = timedelta(seconds=grain)
        self._sleepers: list[tuple[datetime, int, asyncio.Future[None]]] = []
        self._numbers = count()
        inner = self._scripted.world
        self.world = World(
            now=inner.now, new_id=inner.new_id, sleep=self._sleep, jitter=inner.jitter, elapsed=inner.elapsed
        )

    @property
    def now(self) -> datetime:
        return self._scripted.now

    @asynccontextmanager
    async def running(self, busy: Callable[[], bool]) -> AsyncIterator[None]:
        """Time moves while this lasts."""
        task = asyncio.create_task(self._run(busy))
        try:
            yield
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    async def _sleep(self, seconds: float) -> None:
        woken: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self.now + timedelta(seconds=seconds), next(self._numbers), woken))
        await woken

    async def _run(self, busy: Callable[[], bool]) -> None:
        while True:
            quiet = 0
            while quiet < _TURNS:
                await turn()
                quiet = quiet + 1
                if self.held or busy():
                    quiet = 0
                    await _REAL.sleep(_BREATH)  # what is under way needs the processor more than we do
            self._wake_next()

    def _wake_next(self) -> None:
        until: datetime | None = None
        while self._sleepers and (until is None or self._sleepers[0][0] < until):
            due, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                until = until or due + self._grain
                self._scripted.now = max(self.now, due)
                woken.set_result(None)


async def turn() -> None:
    """One turn of the loop, with a look at the sockets."""
    turned = asyncio.Event()
    asyncio.get_running_loop().call_soon(turned.set)
    await turned.wait()
