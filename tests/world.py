"""A World that a test holds in its hand: time stands until moved, ids count, nobody waits."""

import asyncio
from datetime import UTC, datetime, timedelta
from itertools import count

from commsd.world import World

WEDNESDAY_MORNING = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)


class ScriptedWorld:
    """`now` is what the test says; hand `world` to what is tested.

    ids are valid UUIDv7, in rising order while `now` does not go back, the same in each run.
    A sleep lets others run once, notes its seconds in `slept` and does not move `now`.
    """

    def __init__(self, now: datetime = WEDNESDAY_MORNING) -> None:
        self.now = now
        self.slept: list[float] = []
        self.jitter = 0.5
        self._numbers, self._began = count(1), now
        self.world = World(
            now=lambda: self.now,
            new_id=self._new_id,
            sleep=self._sleep,
            jitter=lambda: self.jitter,
            elapsed=lambda: (self.now - self._began).total_seconds(),
        )

    def advance(self, by: timedelta) -> datetime:
        """The new `now`."""
        self.now += by
        return self.now

    def set_clock(self, by: timedelta) -> None:
        """The host's clock is set by so much, which lets no time pass."""
        self.now += by
        self._began += by

    def _new_id(self) -> str:
        stamp = int(self.now.timestamp() * 1000)
        text = f"{stamp:012x}7000{0x8000_0000_0000_0000 + next(self._numbers):016x}"
        return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))

    async def _sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)
