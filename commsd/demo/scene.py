"""`commsd demo`: the real daemon in real time between people who write and ring, in a temporary folder.

Here are its way in and its way out; what happens in between stands in play.py. It imports little, so that something
is seen at once.
"""

import asyncio
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from pathlib import Path

from rich.console import Console

from commsd import telemetry
from commsd.errors import CommsdError

NARROWEST, WIDEST = 80, 100


class PortTaken(CommsdError):
    """Another program listens where the page should be."""

    exit_code = 69


class ExtraMissing(CommsdError):
    """The demo's own dependency is not installed."""


async def run(*, once: bool, port: int, verbose: bool = False) -> int:
    """Play the demo; the exit code: 0, or 1 where `once` did not end as the scenario says.

    once: one scene, judged; without it visitors come until Ctrl-C. port: of the page; with `once` any free one serves.
    verbose: the daemon's log on the terminal, not in a file. Raises ExtraMissing without pymap, PortTaken.
    """
    _must_have_extra()
    if not once:
        _must_be_free(port)
    console = Console(width=_width(), highlight=False)
    console.print("[bold]commsd demo[/]: the real daemon, a mail server, a telephone exchange, and people.")
    console.print("Nothing leaves this machine.\n")
    async with _folder(console, telling=once) as place:
        with (place.folder / "commsd.log").open("w", encoding="utf-8") as log:
            telemetry.configure("auto" if verbose else "json", stream=sys.stderr if verbose else log)
            try:
                place.keep = not await _played(place.folder, console, once=once, port=port)
            finally:
                telemetry.configure()
    return 1 if place.keep else 0


async def _played(folder: Path, console: Console, *, once: bool, port: int) -> bool:
    """Whether all went as it should; visitors without end cannot go wrong."""
    from commsd.demo.play import play_on_and_on, play_once  # all of commsd: it takes a second or two
    from commsd.demo.stage import stage_set

    async with stage_set(folder, console, port=0 if once else port) as stage:
        if once:
            return await play_once(stage)
        await play_on_and_on(stage)
        return True


class _Place:
    """The temporary folder. keep: somebody may want to look into it."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="commsd-demo-"))
        self.keep = False


@asynccontextmanager
async def _folder(console: Console, *, telling: bool) -> AsyncIterator[_Place]:
    place = _Place()
    try:
        yield place
    except Exception:
        place.keep = telling
        raise
    finally:
        if place.keep:
            console.print(f"Config, database and log are kept in {place.folder}", soft_wrap=True)
        else:
            await asyncio.to_thread(shutil.rmtree, place.folder, ignore_errors=True)


def _must_have_extra() -> None:
    if find_spec("pymap") is None:
        raise ExtraMissing(
            "the demo needs pymap, a mail server that runs inside it",
            remedy="install it with the demo's extra: pip install 'commsd[demo]'",
        )


def _must_be_free(port: int) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise PortTaken(
                f"port {port} of this machine cannot be used: {os.strerror(error.errno or 0)}",
                remedy=f"choose another one: commsd demo --port {port + 10}",
            ) from error


def _width() -> int:
    return min(max(shutil.get_terminal_size((WIDEST, 24)).columns, NARROWEST), WIDEST)
