import asyncio

import pytest

from commsd.channels.mail.trust import trusting
from commsd.duty import supervise
from commsd.errors import Throttled, Unreachable
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


def test_servers_under_one_authority_share_one_tls_context() -> None:
    assert trusting(None) is trusting(None)
