"""Who we are among those that share a store: a node with a name of its own, living one life at a time.

A process that was killed cannot give back what it had claimed. Its successor on the same state folder may take it
over at once, since only one process can hold that folder's lock; on other nodes the claims run out.
"""

import fcntl
import socket
from dataclasses import dataclass
from pathlib import Path
from typing import TextIO

from commsd.world import World


@dataclass(frozen=True, slots=True)
class Life:
    """This life of our node. owner: NODE/LIFE, what `Claims` claims under. The kernel frees the lock of the killed."""

    owner: str
    _lock: TextIO

    def end(self) -> None:
        """Let the next life begin."""
        self._lock.close()


def name(folder: Path) -> str | None:
    """The name of the node whose state lies in this folder; None where none has begun there."""
    try:
        return (folder / "node").read_text("utf-8").strip() or None
    except FileNotFoundError:
        return None


def begin(folder: Path, world: World) -> Life:
    """A life of the node whose name is kept in this state folder; of a new one where another process lives on it."""
    folder.mkdir(parents=True, exist_ok=True)
    lock = (folder / "node").open("a+")
    fresh, life = f"{socket.gethostname()[:20]}-{world.new_id()[-12:]}", world.new_id()[-12:]
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return Life(f"{fresh}/{life}", lock)
    lock.seek(0)
    name = lock.read().strip()
    if not name:
        name = fresh
        lock.write(name)
        lock.flush()
    return Life(f"{name}/{life}", lock)
