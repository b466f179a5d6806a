"""A service level that falls is alarmed once, from the log of the day. Both stores."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

from commsd.core.answer_level import Goal
from commsd.core.interaction import Interaction, Outcome
from commsd.sla.notice.level_watch import LevelWatch
from commsd.store.claims import Claims
from commsd.store.log import Log
from tests.core.items import Books, call_from
from tests.sla.notice.alarm_desk import POST, AlarmDesk, only
from tests.world import ScriptedWorld

S = timedelta(seconds=1)


class Levels(AlarmDesk):
    """A line that promises 80 % within 20 s."""

    def __init__(self, log: Log, world: ScriptedWorld) -> None:
        super().__init__(log, world, post=replace(POST, alarms=("cai",)))
        self.calls, self.shown = 0, dict[str, float | None]()
        self.restart()

    def restart(self) -> None:
        claims = Claims(self.log, self.world.world, "node")
        aims = {"hotline": Goal(0.8, 20 * S)}
        world, shown = self.world.world, self.shown.__setitem__
        self.watch = LevelWatch(self.firm, self.post, aims, self.log, claims, world, shown)

    async def ring(self, word: str) -> None:
        """A letter a call: a answered in 5 s, l in 30 s, m missed."""
        for letter in word:
            self.calls += 1
            number = f"+493023125{self.calls:03}"
            await self.take(self._call(letter, number), number)
            self.world.advance(S)

    def _call(self, letter: str, number: str) -> Callable[[Books], Interaction]:
        outcome = Outcome.MISSED if letter == "m" else Outcome.REACHED
        reason, ring = ("no_answer", 40) if letter == "m" else (None, 5 if letter == "a" else 30)
        made = call_from(number, outcome, sid=f"CA{self.calls}")
        return lambda books: replace(made(books), reason=reason, ring=ring * S)


async def test_a_level_that_falls_is_alarmed_once_even_over_a_restart(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = Levels(log, scripted_world)
    await desk.ring("aaaaaaaa")
    assert await desk.watch.once() is False
    assert desk.shown == {"hotline": 1.0}
    await desk.ring("lmm")
    assert await desk.watch.once() is True
    await desk.ring("mm")
    desk.restart()
    assert await desk.watch.once() is False
    assert only(await desk.told(), "Line hotline") == [
        "cai@commsd.test: Line hotline: only 73% of today's calls answered in time"
    ]
    (_, _, said), *_ = [each for each in await desk.notices() if "Line hotline" in each[2]]
    assert "Answered later:   1" in said


async def test_each_day_begins_anew(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = Levels(log, scripted_world)
    await desk.ring("aaaaaaammm" + "m")
    assert await desk.watch.once() is True
    scripted_world.advance(timedelta(days=1))
    assert await desk.watch.once() is False
    assert desk.shown == {"hotline": None}
    await desk.ring("m" * 10)
    assert await desk.watch.once() is True
