"""Duties: small loops that claim what is due, do it and settle it; and the supervisor that keeps them running.

A supervisor never raises: a duty that does is told of once, and started again after a growing pause.
"""

import asyncio
from collections.abc import Collection
from typing import NoReturn, Protocol, runtime_checkable

import structlog

from commsd.errors import CommsdError, Elsewhere, StoreAway, Throttled
from commsd.world import World

log = structlog.get_logger()

FIRST_PAUSE = 1.0
LONGEST_PAUSE = 120.0
SHORTEST_PAUSE = 0.1
ASKED_FOR = 60.0
"""Where a service asks for patience."""
STANDS_BY = 10.0
"""Where another node does it: a small part of the lease that node may leave when it dies."""


class Duty(Protocol):
    """A loop. `once` does one turn and says whether it found work; tests call it. `run` loops until cancelled."""

    @property
    def name(self) -> str: ...

    async def run(self) -> None: ...

    async def once(self) -> bool: ...


@runtime_checkable
class Visitor(Protocol):
    """A duty that lives off a neighbour. working: it has done a turn there, so the next failure is news."""

    working: bool


@runtime_checkable
class Leaver(Protocol):
    """A duty that may take long to end well. leave: `run` begins nothing more and ends when what it is at has ended."""

    def leave(self) -> None: ...


async def supervise(duty: Duty, world: World) -> None:
    """Run a duty until cancelled. What it raises is logged once per kind of failure, then retried with full jitter."""
    pause, last = FIRST_PAUSE, ""
    while True:
        started = asyncio.get_running_loop().time()
        try:
            await duty.run()
            return
        except Exception as error:
            if _was_well(duty) or asyncio.get_running_loop().time() - started > LONGEST_PAUSE:
                pause, last = FIRST_PAUSE, ""
            _tell(duty.name, error, seen=last)
            last = type(error).__name__
            if isinstance(error, Throttled):
                pause = max(pause, ASKED_FOR)
            if isinstance(error, Elsewhere):
                pause = min(pause, STANDS_BY)
        await world.sleep(max(pause * world.jitter(), SHORTEST_PAUSE))
        pause = min(pause * 2, LONGEST_PAUSE)


async def work(duty: Duty, wake: asyncio.Event, net: float) -> NoReturn:
    """Turns as long as there is work; then again when woken, or after `net` seconds although nobody told us of any."""
    while True:
        wake.clear()
        while await duty.once():
            pass
        await woken(wake, net)


async def woken(wake: asyncio.Event, within: float) -> bool:
    """Whether the event is set within so many seconds."""
    try:
        async with asyncio.timeout(within):
            return await wake.wait()
    except TimeoutError:
        return False


async def end(tasks: Collection[asyncio.Task[None]], within: float) -> None:
    """Cancel these and wait for them; those that have not ended within so many seconds are cancelled once more."""
    for task in tasks:
        task.cancel()
    if tasks:
        _, late = await asyncio.wait(tasks, timeout=within)
        for task in late:
            task.cancel()


def _was_well(duty: Duty) -> bool:
    if not isinstance(duty, Visitor):
        return False
    well, duty.working = duty.working, False
    return well


def _tell(name: str, error: Exception, *, seen: str) -> None:
    kind = type(error).__name__
    if kind == seen or isinstance(error, StoreAway):
        log.debug("duty.failed_again", duty=name, error=kind)
    elif isinstance(error, CommsdError):
        log.warning("duty.failed", duty=name, error=kind, what=error.what, remedy=error.remedy)
    else:
        log.error("duty.failed", duty=name, error=kind, exc_info=error)
