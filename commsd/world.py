"""All that commsd may ask of the outside that differs from run to run; the only file that touches the real ones.

Tests hand in a scripted World. It is never scaled, also not in the demo.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import uuid_utils


@dataclass(frozen=True, slots=True)
class World:
    """Time, ids, waiting and chance.

    now: aware UTC, whole milliseconds, as every record keeps it. It jumps when the host's clock is set.
    elapsed: seconds from some moment on, by a clock that nobody sets; for waiting within this process.
    new_id: UUIDv7 in lower case, sortable by time.
    sleep: waits that many seconds. jitter: from 0.0 up to, not including, 1.0.
    """

    now: Callable[[], datetime]
    new_id: Callable[[], str]
    sleep: Callable[[float], Awaitable[None]]
    jitter: Callable[[], float]
    elapsed: Callable[[], float] = time.monotonic


def _now() -> datetime:
    instant = datetime.now(UTC)
    return instant.replace(microsecond=instant.microsecond // 1000 * 1000)


def real_world() -> World:
    """The world as it is."""
    return World(now=_now, new_id=lambda: str(uuid_utils.uuid7()), sleep=asyncio.sleep, jitter=random.random)
