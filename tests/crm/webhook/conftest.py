"""A desk on each store, and a receiver on loopback."""

from collections.abc import AsyncIterator

import pytest

from commsd.store.log import Log
from tests.crm.webhook.desk import Desk
from tests.fakes.receiver import Receiver, receiving
from tests.world import ScriptedWorld


@pytest.fixture
def desk(log: Log, scripted_world: ScriptedWorld) -> Desk:
    return Desk(log, scripted_world)


@pytest.fixture
async def receiver() -> AsyncIterator[Receiver]:
    async with receiving() as here:
        yield here
