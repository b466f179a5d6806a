"""A replay while the house is at work: voids, changes of a case and erasures come between two of its readings."""

import asyncio
from collections.abc import Callable, Coroutine
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from sqlalchemy import delete, select

from commsd.core import key
from commsd.core.change import Change, change_of, recheck
from commsd.core.interaction import Interaction, Kind
from commsd.core.open_items import OpenItems
from commsd.core.policy import Rule
from commsd.core.whatif.replay import Question
from commsd.core.whatif.tally import Tally
from commsd.sla.whatif.replay import replayed
from commsd.store import schema
from commsd.store.log import Log
from tests.core.items import Books, answer_to, mail_from, moved
from tests.house import TERMS
from tests.sla.whatif.test_replay import CASES, lived, past, told
from tests.world import ScriptedWorld


class Office:
    """People who go on working on the cases that are replayed."""

    def __init__(self, log: Log, world: ScriptedWorld) -> None:
        self.log, self.world = log, world

    async def cases(self) -> list[tuple[str, str]]:
        """Every case with the message that opened it, the latest first: they are replayed last."""
        table = schema.interactions
        wanted = select(table.c.case_id, table.c.id).where(table.c.current, table.c.direction == "inbound")
        rows = await self.log.read(lambda c: c.execute(wanted.order_by(table.c.case_id.desc())).all())
        return [(row.case_id, row.id) for row in rows]

    async def takes(self, make: Callable[[Books], Interaction], case_id: str) -> None:
        def decide(items: OpenItems) -> Change:
            return change_of(make(Books(items.now, items.new_id)), items, TERMS)

        await self.log.decide((key.of_case(case_id),), decide)

    async def write(self, sender: str) -> None:
        """A customer who has no answer yet."""
        await self.log.decide(
            key.of_addresses(sender),
            lambda items: change_of(mail_from(sender)(Books(items.now, items.new_id)), items, TERMS),
        )

    async def voids(self) -> None:
        for case_id, opener in (await self.cases())[:4]:
            self.world.advance(timedelta(seconds=1))
            await self.takes(moved(case_id, Kind.VOID, voids=opener), case_id)

    async def sets(self) -> None:
        for case_id, _ in (await self.cases())[4:8]:
            self.world.advance(timedelta(seconds=1))
            await self.takes(moved(case_id, Kind.SET, attrs={"tier": "gold"}), case_id)

    async def answers(self) -> None:
        """What waits gets its answer, and other customers write."""
        for case_id, _ in (await self.cases())[:4]:
            self.world.advance(timedelta(seconds=1))
            await self.takes(mail_from("more@example.org"), case_id)
            await self.takes(answer_to("more@example.org"), case_id)

    async def looks(self) -> None:
        """What became late meanwhile is seen to be late."""
        self.world.advance(timedelta(days=3))
        for case_id, _ in await self.cases():
            await self.log.decide((key.of_case(case_id),), _checked)

    async def erases(self) -> None:
        """What an erasure leaves: the record without its personal side row."""
        gone = [opener for _, opener in (await self.cases())[8:]]
        side = schema.personal
        await self.log.writer.write(lambda c: c.execute(delete(side).where(side.c.id.in_(gone))))


def _checked(items: OpenItems) -> Change:
    (file,) = items.files.values()
    return recheck(file, items, TERMS)


def interrupted(
    url: str, question: Question, loop: asyncio.AbstractEventLoop, work: Callable[[], Coroutine[Any, Any, None]]
) -> Tally:
    """A replay in parts of two cases; after the first of them the office works."""
    todo = [work]

    def tell(_done: int, _of: int) -> None:
        while todo:
            asyncio.run_coroutine_threadsafe(todo.pop()(), loop).result(30)

    return replayed(past(url, question, 2), question, tell, 1)


def personally(question: Question) -> Question:
    """Rules that also look at words, so that what is erased is asked for."""
    candidate = question.candidate
    rules = (Rule(match={"keywords": ("refund*",)}, policy="standard"), *candidate.rules)
    return replace(question, candidate=replace(candidate, rules=rules))


@pytest.mark.parametrize("what", ["voids", "sets", "erases", "answers", "looks"])
async def test_what_happens_after_the_replay_began_does_not_happen_in_it(
    log: Log, store_url: str, scripted_world: ScriptedWorld, what: str
) -> None:
    question = await lived(log, scripted_world)
    office = Office(log, scripted_world)
    await office.write("waits@example.org")
    question = personally(replace(question, until=scripted_world.now + timedelta(seconds=1)))
    before = await asyncio.to_thread(lambda: replayed(past(store_url, question, 2), question, lambda *_: None, 1))
    loop = asyncio.get_running_loop()
    during = await asyncio.to_thread(interrupted, store_url, question, loop, getattr(office, what))
    one, other = told(question, before), told(question, during)
    assert other["head"]["cases"] == CASES + 1
    assert other["total"]["newly_breached"] == one["total"]["newly_breached"] > 0
    assert other["log"]["differing"] == 0
