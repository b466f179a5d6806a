"""The page on SQLite, with a world that stands still."""

from collections.abc import AsyncIterator

import pytest

from tests.crm.serving import Place, place
from tests.world import ScriptedWorld


@pytest.fixture
async def here(sqlite_url: str, scripted_world: ScriptedWorld) -> AsyncIterator[Place]:
    async with place(sqlite_url, scripted_world.world) as served:
        yield served
