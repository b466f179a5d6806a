"""The API on each store, with a world that stands still."""

from collections.abc import AsyncIterator

import pytest

from tests.crm.serving import Place, place
from tests.world import ScriptedWorld


@pytest.fixture
async def here(store_url: str, scripted_world: ScriptedWorld) -> AsyncIterator[Place]:
    async with place(store_url, scripted_world.world) as served:
        yield served
