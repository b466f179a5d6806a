"""Waiting for a real neighbour, with a deadline; the only place in the tests that sleeps.

For our own time there is `tests.world.ScriptedWorld`, which nobody waits for.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import Any, TypeVar, overload

T = TypeVar("T")

PAUSE = 0.02


@overload
async def eventually(predicate: Callable[[], Awaitable[T]], within: float = 30.0) -> T: ...


@overload
async def eventually(predicate: Callable[[], T], within: float = 30.0) -> T: ...


async def eventually(predicate: Callable[[], Any], within: float = 30.0) -> Any:
    """What the predicate gave when it first held. AssertionError when it did not within that many seconds.

    The predicate may be a coroutine function. An exception it raises is not waited out.
    """
    deadline = time.monotonic() + within
    while True:
        answer = predicate()
        value = await answer if isawaitable(answer) else answer
        if value:
            return value
        if time.monotonic() >= deadline:
            raise AssertionError(f"still {value!r} after {within:g} s")
        await asyncio.sleep(PAUSE)


def eventually_blocking(predicate: Callable[[], T | None], within: float = 30.0) -> T:
    """The same for fixtures that start a neighbour outside of any loop."""
    deadline = time.monotonic() + within
    while not (value := predicate()):
        if time.monotonic() >= deadline:
            raise AssertionError(f"still {value!r} after {within:g} s")
        time.sleep(PAUSE)
    return value
