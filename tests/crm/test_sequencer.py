"""The feed is dense and complete for whoever reads it, also while many write and whoever numbers it changes."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from functools import partial

import orjson
import pytest
from sqlalchemy import Connection, func, select
from sqlalchemy.ext.asyncio import create_async_engine

from commsd.core.change import Change
from commsd.core.event import Event
from commsd.core.open_items import OpenItems
from commsd.crm.event import published
from commsd.crm.sequencer import Sequencer
from commsd.duty import woken
from commsd.errors import LeaseLost
from commsd.store import feed, rows, schema
from commsd.store.claims import Claims
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from commsd.world import real_world
from tests.crm.serving import mail_from

WRITERS, EACH = 4, 40

Follow = Callable[[Connection, int], tuple[list[str], int]]


@asynccontextmanager
async def opened(url: str, count: int) -> AsyncIterator[list[Log]]:
    """As many processes' worth of logs on one store."""
    logs = [Log(open_engine(url), real_world()) for _ in range(count)]
    await logs[0].engine.commit(upgrade)
    for log in logs:
        log.start()
    try:
        yield logs
    finally:
        for log in logs:
            await log.close()


def sequencer_of(log: Log, owner: str) -> Sequencer:
    return Sequencer(log, Claims(log, real_world(), owner), real_world())


def said(name: str, items: OpenItems) -> Change:
    """An interaction with two events."""
    fact = mail_from(f"{name}@example.org", name)(items)
    event = Event("interaction.recorded", fact, fact.recorded_at, "machine")
    return Change(interactions=(fact,), events=(event, event))


def by_the_feed(connection: Connection, after: int) -> tuple[list[str], int]:
    """As the API reads."""
    entries, upto = feed.page(connection, after, 100)
    return [orjson.loads(entry.event)["id"] for entry in entries], upto


def by_identity(connection: Connection, after: int) -> tuple[list[str], int]:
    """As one would read at first: what has a higher number than the last that was seen."""
    box = schema.outbox
    found = connection.execute(select(box.c.id, box.c.event_id).where(box.c.id > after).order_by(box.c.id)).all()
    return [row.event_id for row in found], found[-1].id if found else after


async def test_log_1_a_reader_under_write_load_sees_exactly_what_was_committed(store_url: str) -> None:
    """Two processes write and number at once; one of them stops in the middle."""
    async with opened(store_url, 2) as logs:
        first, second = (asyncio.ensure_future(sequencer_of(log, f"node {n}").run()) for n, log in enumerate(logs))

        async def write(number: int) -> None:
            for turn in range(EACH):
                await logs[number % 2].decide((), partial(said, f"writer {number} {turn}"))
                if (number, turn) == (0, EACH // 2):
                    first.cancel()

        writing = asyncio.gather(*(write(number) for number in range(WRITERS)))
        seen: list[str] = []
        after, wanted = 0, WRITERS * EACH * 2
        async with asyncio.timeout(60):
            while len(seen) < wanted:
                ids, after = await logs[1].read(partial(by_the_feed, after=after))
                seen += ids
        await writing
        second.cancel()
        await asyncio.wait({first, second})
        numbers = await logs[0].read(lambda c: c.execute(select(schema.feed.c.seq)).scalars().all())
        left = await logs[0].read(lambda c: c.execute(select(func.count()).select_from(schema.outbox)).scalar())
    assert len(set(seen)) == len(seen) == wanted
    assert sorted(numbers) == list(range(1, wanted + 1))
    assert left == 0


@pytest.mark.parametrize(("follow", "complete"), [(by_the_feed, True), (by_identity, False)])
async def test_log_1_who_commits_late_is_lost_by_a_cursor_on_an_identity_and_not_by_the_feed(
    postgres_url: str, follow: Follow, complete: bool
) -> None:
    engine = create_async_engine(postgres_url, json_serializer=lambda value: orjson.dumps(value).decode())
    world = real_world()
    async with opened(postgres_url, 1) as (log,):
        sequencer = sequencer_of(log, "node")

        async def look(after: int) -> tuple[list[str], int]:
            if follow is by_the_feed:
                await sequencer.once()
            return await log.read(lambda connection: follow(connection, after))

        async with engine.connect() as slow:
            items = OpenItems(now=world.now(), new_id=world.new_id)
            await slow.run_sync(rows.write, [said("slow", items)], world.now(), world.new_id, ahead=timedelta())
            await log.decide((), partial(said, "quick"))
            first, after = await look(0)
            await slow.commit()
        second, _ = await look(after)
    await engine.dispose()
    assert (len(first) + len(second) == 4) is complete


async def test_log_2_a_sequencer_whose_lease_went_on_writes_nothing(store_url: str) -> None:
    async with opened(store_url, 1) as (log,):
        await log.decide((), partial(said, "one"))
        await log.writer.write(lambda connection: feed.prepare(connection, "epoch"))

        async def number(fence: int) -> int:
            return await log.writer.write(
                lambda c: feed.number(c, fence, lambda entry, place: published(entry, place, "epoch"))
            )

        assert await number(5) == 2
        await log.decide((), partial(said, "two"))
        with pytest.raises(LeaseLost):
            await number(4)
        assert await number(5) == 2


async def test_log_2_the_next_in_line_goes_on_from_the_last_number(store_url: str) -> None:
    async with opened(store_url, 2) as logs:
        here, there = sequencer_of(logs[0], "here"), sequencer_of(logs[1], "there")
        await logs[0].decide((), partial(said, "one"))
        assert await here.once()
        await logs[0].decide((), partial(said, "two"))
        assert not await there.once()
        assert there.head.last == 2
        await Claims(logs[0], real_world(), "here").give_back("feed")
        later = sequencer_of(logs[1], "there")
        assert await later.once()
        assert later.head.last == 4


async def test_what_was_committed_here_wakes_the_sequencer_and_whoever_waits(
    store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks no more of its own accord here: only a commit can have told it."""
    rests = asyncio.Event()

    async def until_told(wake: asyncio.Event, within: float) -> bool:
        rests.set()
        return await woken(wake, within * 1000)

    monkeypatch.setattr("commsd.crm.sequencer.woken", until_told)
    async with opened(store_url, 1) as (log,):
        sequencer = sequencer_of(log, "node")
        running = asyncio.ensure_future(sequencer.run())
        for turn in range(3):
            async with asyncio.timeout(30):
                await rests.wait()
            rests.clear()
            last = sequencer.head.last
            await log.decide((), partial(said, f"turn {turn}"))
            assert await sequencer.head.beyond(last + 1, 30)
        running.cancel()
        await asyncio.wait({running})
