"""After an erasure what lies beside the rows is let go of too: tried a few times, for whoever holds it is soon done."""

from collections.abc import Awaitable, Callable

import structlog

from commsd.errors import StoreAway
from commsd.store.engine import is_unavailable
from commsd.world import World

log = structlog.get_logger()

TRIES = 3
PAUSE = 1.0
"""Seconds. Each try waits a little of its own, and somebody may wait for the answer."""


async def let_go_of_traces(tidy: Callable[[], Awaitable[bool]], world: World) -> bool:
    """Whether all went. tidy: `Engine.tidy` or one like it, False where somebody holds on; what stays is told of."""
    for tried in range(TRIES):
        if tried:
            await world.sleep(PAUSE)
        if await _once(tidy):
            return True
    log.warning("store.traces_left", tries=TRIES)
    return False


async def _once(tidy: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await tidy()
    except StoreAway:
        return False
    except Exception as error:
        if not is_unavailable(error):
            raise
        return False
