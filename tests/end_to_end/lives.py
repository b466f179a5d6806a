"""Many short lives of the daemon, each killed by itself at one point of its work. Run as a program by a test.

Whatever it does between two effects on the outside, a kill there leaves the world as a kill right after the first of
them. So the points are the effects, before and after each: bytes written to a mail server, bytes read, a commit.

Reads a line `FOLDER POINT` for each life, begins it in a fork, and answers `died NAME` or `ended` when it is over.
Points are counted while the file FOLDER/armed is there; POINT 0 lives until it is told to end by FOLDER/enough.
"""

import asyncio
import os
import selectors
import signal
import sys
from asyncio import selector_events
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

from commsd import daemon
from commsd.channels.mail import settle
from commsd.store import claims
from commsd.store.engine import SqliteEngine
from commsd.telemetry import configure

SOON = timedelta(milliseconds=50)
"""In place of the two minutes for which what was perhaps sent rests."""


class Points:
    """Counts them, and dies at one."""

    def __init__(self, folder: Path, last: int) -> None:
        self._armed, self._point = folder / "armed", folder / "point"
        self._last, self._seen = last, 0

    def reached(self, name: str) -> None:
        """One more, while armed."""
        if not self._armed.exists():
            return
        self._seen += 1
        if self._seen == self._last:
            self._point.write_text(name)
            os.kill(os.getpid(), signal.SIGKILL)


def watch(points: Points) -> None:
    """Put a point before and after each effect."""
    transport: Any = vars(selector_events)["_SelectorSocketTransport"]
    engine: Any = SqliteEngine
    write, read, commit = transport.write, transport._read_ready__data_received, engine._commit

    def writing(self: Any, data: bytes) -> None:
        points.reached(f"before writing {data[:4]!r}")
        write(self, data)
        points.reached(f"after writing {data[:4]!r}")

    def reading(self: Any) -> None:
        points.reached("before reading")
        read(self)

    def committing(self: SqliteEngine, f: Callable[..., Any]) -> Any:
        points.reached("before a commit")
        done = commit(self, f)
        points.reached("after a commit")
        return done

    transport.write, transport._read_ready__data_received = writing, reading
    engine._commit = committing


async def live(folder: Path) -> None:
    """The daemon, until the file `enough` is there."""
    running = asyncio.ensure_future(daemon.run(folder))
    while not (folder / "enough").exists() and not running.done():
        await asyncio.wait({running}, timeout=0.05)
    os.kill(os.getpid(), signal.SIGTERM)
    await running


def one_life(folder: Path, point: int) -> str:
    """Begin it in a fork and wait for its end."""
    child = os.fork()
    if child == 0:
        claims.PERHAPS_SENT = settle.UNKNOWN_WAITS = SOON
        out = os.open(folder / "log.jsonl", os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
        os.dup2(out, 1)
        os.dup2(out, 2)
        configure(form="json")
        watch(Points(folder, point))
        with asyncio.Runner(loop_factory=lambda: asyncio.SelectorEventLoop(selectors.DefaultSelector())) as runner:
            runner.run(live(folder))
        os._exit(0)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        return f"died {(folder / 'point').read_text()}"
    return f"ended {os.waitstatus_to_exitcode(status)}"


def main() -> None:
    for line in sys.stdin:
        folder, point = line.split()
        sys.stdout.write(one_life(Path(folder), int(point)) + "\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
