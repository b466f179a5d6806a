"""LOG-1, LOG-2: writers and sequencers are processes that are killed; nothing is lost, doubled or skipped."""

import asyncio
import signal
from collections import Counter
from collections.abc import AsyncIterator, Callable
from functools import partial

import orjson
import pytest
from sqlalchemy import Connection, func, select

from commsd.store import feed, schema
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from commsd.world import real_world
from tests.crm.house_of_processes import House, house
from tests.eventually import eventually

WRITERS = 8
Follow = Callable[[Connection, int], tuple[list[str], int]]


def by_the_feed(connection: Connection, after: int) -> tuple[list[str], int]:
    """As the API reads."""
    entries, upto = feed.page(connection, after, 500)
    return [orjson.loads(entry.event)["subject"] for entry in entries], upto


def by_identity(connection: Connection, after: int) -> tuple[list[str], int]:
    """As one would read at first: what has a higher number than the last that was seen."""
    box = schema.outbox
    found = connection.execute(select(box.c.id, box.c.subject).where(box.c.id > after).order_by(box.c.id)).all()
    return [row.subject for row in found], found[-1].id if found else after


@pytest.fixture
async def log(postgres_url: str) -> AsyncIterator[Log]:
    log = Log(open_engine(postgres_url), real_world())
    await log.engine.commit(upgrade)
    await log.engine.commit(partial(feed.prepare, epoch="epoch"))
    log.start()
    yield log
    await log.close()


async def committed(log: Log) -> Counter[str]:
    """What a reader must have seen: each interaction with its two events."""
    ids = select(schema.interactions.c.id)
    found: list[str] = await log.read(lambda c: list(c.execute(ids).scalars()))
    return Counter(found * 2)


async def leader(log: Log) -> int:
    """The number of the sequencer that has the lease."""
    owner = select(schema.leases.c.owner).where(schema.leases.c.resource == "feed")
    name = await eventually(lambda: log.read(lambda c: c.execute(owner).scalar()))
    return int(str(name).removeprefix("node").partition("/")[0])


async def another_leads(log: Log, than: int) -> float:
    """Seconds until the lease is somebody else's."""

    async def changed() -> bool:
        return await leader(log) != than

    began = asyncio.get_running_loop().time()
    await eventually(changed)
    return asyncio.get_running_loop().time() - began


class Reading:
    """A reader that looks again and again and never back."""

    def __init__(self, log: Log, follow: Follow) -> None:
        self._log, self._follow = log, follow
        self.seen: list[str] = []
        self.after = 0

    async def until(self, over: asyncio.Event) -> None:
        """Read on; once it is over, to the end."""

        async def ended() -> bool:
            last = over.is_set()
            found, self.after = await self._log.read(lambda c: self._follow(c, self.after))
            self.seen += found
            return last and not found

        await eventually(ended, within=120)


async def all_written(place: House) -> None:
    await eventually(lambda: not place.writing, within=90)


async def all_numbered(log: Log) -> None:
    left = select(schema.outbox.c.id).limit(1)

    async def none_left() -> bool:
        return await log.read(lambda c: c.execute(left).scalar()) is None

    await eventually(none_left)


async def kill_writers(log: Log, place: House, count: int) -> None:
    """One after the other, in the middle of whatever it does; another comes in its place."""
    for number in range(count):
        before = await written(log)
        await eventually(partial(more_than, log, before + 10))
        if running := place.writing:
            place.send(place.writers, running[number % len(running)], signal.SIGKILL)
            await place.start("writer", WRITERS + number)


async def written(log: Log) -> int:
    """How many interactions are committed."""
    return int(await log.read(lambda c: c.execute(select(func.count()).select_from(schema.interactions)).scalar_one()))


async def more_than(log: Log, count: int) -> bool:
    return await written(log) > count


async def is_dense(log: Log) -> bool:
    numbers = await log.read(lambda c: c.execute(select(schema.feed.c.seq)).scalars().all())
    return sorted(numbers) == list(range(1, len(numbers) + 1))


async def test_log_1_a_reader_sees_exactly_what_was_committed_whoever_is_killed(log: Log, postgres_url: str) -> None:
    over, reading = asyncio.Event(), Reading(log, by_the_feed)
    async with house(postgres_url) as place, asyncio.TaskGroup() as group:
        group.create_task(reading.until(over))
        for number in (1, 2):
            await place.start("sequencer", number)
        for number in range(WRITERS):
            await place.start("writer", number)
        killing = asyncio.create_task(kill_writers(log, place, 8))
        first = await leader(log)
        place.send(place.sequencers, first, signal.SIGKILL)
        await place.start("sequencer", 3)
        await another_leads(log, first)
        await killing
        await all_written(place)
        await all_numbered(log)
        over.set()
    assert Counter(reading.seen) == await committed(log)
    assert len(reading.seen) > WRITERS * 20
    assert await is_dense(log)


async def test_log_1_the_same_run_catches_a_reader_that_follows_an_identity(log: Log, postgres_url: str) -> None:
    over, reading = asyncio.Event(), Reading(log, by_identity)
    async with house(postgres_url) as place, asyncio.TaskGroup() as group:
        group.create_task(reading.until(over))
        for number in range(WRITERS):
            await place.start("writer", number)
        await kill_writers(log, place, 8)
        await all_written(place)
        over.set()
    lost = await committed(log) - Counter(reading.seen)
    assert lost


async def test_log_2_a_leader_that_stood_still_past_its_lease_doubles_and_skips_nothing(
    log: Log, postgres_url: str
) -> None:
    over, reading = asyncio.Event(), Reading(log, by_the_feed)
    async with house(postgres_url) as place, asyncio.TaskGroup() as group:
        group.create_task(reading.until(over))
        for number in (1, 2):
            await place.start("sequencer", number)
        for number in range(WRITERS):
            await place.start("writer", number)
        first = await leader(log)
        await eventually(lambda: more_than(log, 50))
        place.send(place.sequencers, first, signal.SIGSTOP)
        took = await another_leads(log, first)
        place.send(place.sequencers, first, signal.SIGCONT)
        for number in range(WRITERS, WRITERS + 2):
            await place.start("writer", number)
        await all_written(place)
        await all_numbered(log)
        over.set()
    assert took <= 10
    assert Counter(reading.seen) == await committed(log)
    assert await is_dense(log)
