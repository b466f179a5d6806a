"""`commsd demo`: the real daemon in real time between people who write and ring, in a temporary folder.

`once` plays one fixed scene, prints what every customer got, and holds it against the scenario. Otherwise visitors go
on coming until Ctrl-C.
"""

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta
from itertools import count
from pathlib import Path

from aiohttp import ClientError
from rich.console import Console

from commsd import telemetry
from commsd.demo.people import BO, SCENE, Act, CallBack, Letter, Ring, pause_before, reply, visitor
from commsd.demo.stage import Stage, stage_set
from commsd.demo.table import Judgement, Wanted, judge, printed
from commsd.demo.witness import got, house
from commsd.errors import CommsdError
from commsd.web.session import Sessions

DEADLINE = 42.0
"""Seconds after which the scene is judged as it stands."""

QUIET = 2.0
"""Seconds of waiting after all has come about: whatever comes then came twice."""

LOOK_EVERY = 0.5
ANSWERED_AFTER = 9.0
NARROWEST, WIDEST = 80, 100


class PortTaken(CommsdError):
    """Another program listens where the page should be."""

    exit_code = 69


async def run(*, once: bool, port: int, verbose: bool = False) -> int:
    """Play the demo; the exit code: 0, or 1 where `once` did not end as the scenario says.

    port: of the page; with `once` any free one serves. verbose: the daemon's log on the terminal, not in a file.
    Raises ExtraMissing without pymap, PortTaken where the page cannot be.
    """
    if not once:
        _must_be_free(port)
    console = Console(width=_width(), highlight=False, soft_wrap=False)
    async with _folder(console, telling=once) as place:
        with (place.folder / "commsd.log").open("w", encoding="utf-8") as log:
            telemetry.configure("auto" if verbose else "json", stream=sys.stderr if verbose else log)
            async with stage_set(place.folder, console, port=0 if once else port) as stage:
                if once:
                    place.keep = not await _once(stage)
                else:
                    await _until_stopped(stage)
    return 1 if place.keep else 0


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
            console.print(f"  Config, database and log are kept in {place.folder}", soft_wrap=True)
        else:
            await asyncio.to_thread(shutil.rmtree, place.folder, ignore_errors=True)


async def _once(stage: Stage) -> bool:
    """Play the scene, print the table, and say whether it is as it should be."""
    _opening(stage)
    acts = [asyncio.create_task(_on_time(stage, act)) for act in SCENE]
    try:
        judgement = await _outcome(stage, acts)
    finally:
        for act in acts:
            act.cancel()
        await asyncio.gather(*acts, return_exceptions=True)
    stage.console.print()
    stage.console.print(printed(judgement, stage.zone, timedelta(seconds=stage.elapsed())))
    return judgement.good


async def _on_time(stage: Stage, act: Act) -> None:
    await stage.world.sleep(max(act.at - stage.elapsed(), 0.0))
    await stage.perform(act)


async def _outcome(stage: Stage, acts: Sequence[asyncio.Task[None]]) -> Judgement:
    """The judgement once all is as it should be, and stays so for a while; or at the deadline."""
    judgement = await _judged(stage)
    while not judgement.good and stage.elapsed() < DEADLINE:
        for act in acts:
            if act.done():
                act.result()
        await stage.world.sleep(LOOK_EVERY)
        judgement = await _judged(stage)
    await stage.world.sleep(QUIET)
    return await _judged(stage)


async def _judged(stage: Stage) -> Judgement:
    evidence, wanted = await stage.evidence(), scenario()
    return judge([(each, got(each, evidence)) for each in wanted], house(wanted, evidence))


def scenario() -> tuple[Wanted, ...]:
    """What must come of the scene, a row for each customer."""
    return tuple(act.wanted for act in SCENE if isinstance(act, Letter | Ring) and act.wanted)


def _opening(stage: Stage) -> None:
    stage.console.print("[bold]commsd demo[/]: the real daemon, a mail server, a telephone exchange, and people.")
    stage.console.print("Nothing leaves this machine.\n")


async def _until_stopped(stage: Stage) -> None:
    """The scene, then visitors, until Ctrl-C or SIGTERM."""
    _opening(stage)
    _invitation(stage)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    playing, stopping = asyncio.create_task(_play_on(stage)), asyncio.create_task(stop.wait())
    try:
        await asyncio.wait({playing, stopping}, return_when=asyncio.FIRST_COMPLETED)
        if playing.done():
            playing.result()
        stage.console.print("\n  Closing: what is under way is finished first.")
    finally:
        for task in (playing, stopping):
            task.cancel()
        await asyncio.gather(playing, stopping, return_exceptions=True)
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)


async def _play_on(stage: Stage) -> None:
    """Everybody acts in a task of their own: one who fails does not stop the others, but is told of."""
    async with asyncio.TaskGroup() as people:
        for act in SCENE:
            people.create_task(_alive(stage, act, act.at))
        for number in count():
            await stage.world.sleep(pause_before(number))
            guest = visitor(number)
            people.create_task(_alive(stage, guest, 0))
            if isinstance(guest, Letter) and number % 3:
                people.create_task(_alive(stage, reply(guest, number), ANSWERED_AFTER * (1 + stage.world.jitter())))
            if number % 5 == 4:
                people.create_task(_return_a_call(stage))


async def _return_a_call(stage: Stage) -> None:
    """Bo takes the callback that is due first, if any is owed."""
    try:
        async with stage.client() as client:
            numbers = await stage.owed_numbers(client)
    except (CommsdError, ClientError, TimeoutError) as error:
        stage.say(f"(Bo could not look at the queue: {type(error).__name__})")
        return
    if number := next(iter(numbers), None):
        await _alive(stage, CallBack(number=number, by=BO), 0)


async def _alive(stage: Stage, act: Act, after: float) -> None:
    await stage.world.sleep(after)
    try:
        await stage.perform(act)
    except (CommsdError, ClientError, OSError, TimeoutError) as error:
        stage.say(f"(something went wrong on stage: {type(error).__name__})")


def _invitation(stage: Stage) -> None:
    link = Sessions(log=stage.house.means.log, world=stage.world, key=stage.house.means.key)
    token = link.link_token("demo", ["admin"])
    stage.console.print(f"  The page:       {stage.page}/")
    stage.console.print(f"  Sign in, once:  {stage.page}/?token={token}", soft_wrap=True)
    stage.console.print(f"  Or with a key:  {stage.key}", soft_wrap=True)
    stage.console.print("  Stop with Ctrl-C.\n")


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
