"""Who may bring the rules of a folder in force: one at a time, be it `sla apply` or a daemon that reads it again.

A lock of the kernel's on a file beside the folder, so that a killed process holds nothing up. Correctness in the store
rests on its rows; this keeps folder and store together.
"""

import fcntl
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from time import monotonic

from commsd.errors import TryAgain
from commsd.world import World

PATIENCE = 30.0
"""Seconds to wait for another: longer than a count over all open clocks takes."""

LOOK = 0.1


class Busy(TryAgain):
    """Another process has the folder and does not let go of it."""


def _silent(_words: str) -> None:
    """Nobody waits at a terminal."""


@asynccontextmanager
async def held(
    place: Path, world: World, patience: float = PATIENCE, told: Callable[[str], None] = _silent
) -> AsyncIterator[None]:
    """The folder of rules for us alone. Raises Busy where another has it for more than `patience` seconds.

    Where no lock can be made nothing can be written either, so that no other exchanges the files: then without one.
    told: hears once that we wait.
    """
    file = _opened(place)
    if file is None:
        yield
        return
    try:
        await _waited(file, place, world, patience, told)
        _sign(file, f"{os.getpid()}")
        yield
    finally:
        os.close(file)


async def _waited(file: int, place: Path, world: World, patience: float, told: Callable[[str], None]) -> None:
    began, waits = monotonic(), False
    while not _taken(file):
        other = f"another process{_whose(file)} is bringing rules into {place}"
        if not waits:
            told(f"{other}; waiting for it")
        waits = True
        if monotonic() - began >= patience:
            raise Busy(
                f"{other}, and did not end within {patience:.0f} s",
                remedy="wait until that `sla apply` or reload has ended, or end it; then do it again",
            )
        await world.sleep(LOOK)


def _opened(place: Path) -> int | None:
    """The file beside the folder; who may not write it can lock it all the same."""
    real = Path(os.path.realpath(place))
    path = real.with_name(f".{real.name}.lock")
    for flags in (os.O_RDWR | os.O_CREAT, os.O_RDONLY):
        with suppress(OSError):
            file = os.open(path, flags | os.O_CLOEXEC, 0o644)
            with suppress(OSError):
                os.fchmod(file, 0o644)  # whatever the umask: the daemon may be another user
            return file
    return None


def _taken(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:  # a file system without locks
        return True
    return True


def _sign(file: int, text: str) -> None:
    with suppress(OSError):
        os.ftruncate(file, 0)
        os.pwrite(file, text.encode(), 0)


def _whose(file: int) -> str:
    """The number of the process that has it, where it could say so."""
    with suppress(OSError):
        if (text := os.pread(file, 32, 0).decode("ascii", "replace")).isdigit():
            return f" ({text})"
    return ""
