"""What happens on the demo's stage: the one scene that is judged, or visitors without end."""

import asyncio
import signal
from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import count

from aiohttp import ClientError

from commsd.demo.people import BO, SCENE, Act, CallBack, Letter, Ring, pause_before, reply, visitor
from commsd.demo.stage import Stage
from commsd.demo.table import Judgement, Wanted, judge, printed
from commsd.demo.witness import got, house
from commsd.errors import CommsdError
from commsd.web.session import Sessions

DEADLINE = 100.0
"""Seconds after which the scene is judged as it stands."""

QUIET = 2.0
"""Seconds of waiting after all has come about: whatever comes then came twice."""

LOOK_EVERY = 0.5
ANSWERED_AFTER = 9.0


async def play_once(stage: Stage) -> bool:
    """Play the scene, print the table, and say whether it is as it should be."""
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
    while not (await _judged(stage, acts)).good and stage.elapsed() < DEADLINE:
        await stage.world.sleep(LOOK_EVERY)
    await stage.world.sleep(QUIET)
    return await _judged(stage, acts)


async def _judged(stage: Stage, acts: Sequence[asyncio.Task[None]]) -> Judgement:
    evidence, wanted = await stage.evidence(), scenario()
    failures = [act.exception() for act in acts if act.done()]
    mishaps = tuple(f"{type(error).__name__} {error}".rstrip() for error in failures if error)
    seen = replace(house(wanted, evidence), mishaps=mishaps)
    return judge([(each, got(each, evidence)) for each in wanted], seen)


def scenario() -> tuple[Wanted, ...]:
    """What must come of the scene, a row for each customer."""
    return tuple(act.wanted for act in SCENE if isinstance(act, Letter | Ring) and act.wanted)


_ENDS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


async def play_on_and_on(stage: Stage) -> None:
    """The scene, then visitors, until Ctrl-C, SIGTERM, or the terminal is closed."""
    _invitation(stage)
    stop, loop = asyncio.Event(), asyncio.get_running_loop()
    for number in _ENDS:
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
        for number in _ENDS:
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
    stage.console.print(f"  Any command:    commsd --config {stage.config} ledger", soft_wrap=True)
    stage.console.print("  Stop with Ctrl-C.\n")
