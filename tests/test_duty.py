import asyncio

import pytest

from commsd.channels.mail.trust import trusting
from commsd.channels.mail.watch import LEASE
from commsd.duty import STANDS_BY, supervise, woken, work
from commsd.errors import Elsewhere, Throttled, Unreachable
from tests.eventually import eventually
from tests.world import ScriptedWorld


class Failing:
    """Raises one error after the other, then waits."""

    name = "mail.watch.support"

    def __init__(self, *errors: Exception) -> None:
        self.errors = list(errors)

    async def run(self) -> None:
        if self.errors:
            raise self.errors.pop(0)
        await asyncio.Event().wait()

    async def once(self) -> bool:
        return False


async def pauses(world: ScriptedWorld, *errors: Exception) -> list[float]:
    duty = Failing(*errors)
    running = asyncio.create_task(supervise(duty, world.world))
    await eventually(lambda: len(world.slept) == len(errors))
    running.cancel()
    await asyncio.wait([running])
    return world.slept


@pytest.mark.parametrize(("jitter", "share"), [(0.0, 0.0), (0.5, 0.5), (1.0, 1.0)])
async def test_i16_reconnects_wait_up_to_1_2_4_and_120_seconds_with_full_jitter(
    scripted_world: ScriptedWorld, jitter: float, share: float
) -> None:
    scripted_world.jitter = jitter
    slept = await pauses(scripted_world, *(Unreachable("away", remedy="wait") for _ in range(9)))
    assert slept == [max(share * most, 0.1) for most in (1, 2, 4, 8, 16, 32, 64, 120, 120)]


async def test_i16_a_service_that_asks_for_patience_is_left_alone_for_longer(scripted_world: ScriptedWorld) -> None:
    scripted_world.jitter = 1.0
    assert await pauses(scripted_world, Throttled("[THROTTLED]", remedy="wait")) == [60.0]


async def test_d4_what_another_node_does_is_asked_for_again_well_within_the_lease_of_a_dead_one(
    scripted_world: ScriptedWorld,
) -> None:
    scripted_world.jitter = 1.0
    slept = await pauses(scripted_world, *(Elsewhere("another node watches it", remedy="wait") for _ in range(20)))
    assert max(slept) == STANDS_BY <= LEASE.total_seconds() / 6


class Busy:
    """Has so many turns of work, and says when it looked."""

    name = "mail.print"

    def __init__(self, turns: int) -> None:
        self.turns, self.looks = turns, 0

    async def run(self) -> None:
        raise NotImplementedError

    async def once(self) -> bool:
        self.looks += 1
        self.turns -= 1
        return self.turns >= 0


async def test_a_duty_works_until_nothing_is_left_and_goes_on_at_once_when_it_is_woken() -> None:
    duty, wake = Busy(3), asyncio.Event()
    working = asyncio.create_task(work(duty, wake, 3600))
    await eventually(lambda: duty.looks == 4)
    duty.turns = 2
    wake.set()
    await eventually(lambda: duty.looks == 7)
    assert not wake.is_set()
    working.cancel()
    await asyncio.wait([working])


async def test_a_duty_that_nobody_wakes_looks_all_the_same_after_a_while() -> None:
    duty = Busy(0)
    working = asyncio.create_task(work(duty, asyncio.Event(), 0.001))
    await eventually(lambda: duty.looks >= 3)
    working.cancel()
    await asyncio.wait([working])


async def test_what_is_said_while_a_duty_is_at_work_is_not_lost() -> None:
    wake = asyncio.Event()

    class Told(Busy):
        async def once(self) -> bool:
            if self.looks == 0:
                wake.set()
            return await super().once()

    duty = Told(0)
    working = asyncio.create_task(work(duty, wake, 3600))
    await eventually(lambda: duty.looks == 2)
    working.cancel()
    await asyncio.wait([working])


async def test_a_wait_says_whether_it_was_woken_or_took_its_time() -> None:
    wake = asyncio.Event()
    assert not await woken(wake, 0.001)
    wake.set()
    assert await woken(wake, 3600)
    assert wake.is_set()


def test_servers_under_one_authority_share_one_tls_context() -> None:
    assert trusting(None) is trusting(None)
