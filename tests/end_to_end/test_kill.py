"""The installed daemon is killed in the middle, again and again: nothing is lost, and nothing is said twice."""

import asyncio
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Connection, func, select, update

from commsd.core.interaction import CALL_SID
from commsd.core.ledger import Debt, debts
from commsd.demo.exchange import Call, Caller, Exchange
from commsd.demo.smtp import Accepted, SmtpSink
from commsd.store import feed, schema
from commsd.store.debts import books
from commsd.store.engine import open_engine
from commsd.store.rows import external_key
from commsd.world import real_world
from tests.end_to_end.house import (
    ADDRESS,
    HOTLINE,
    PRIVATE,
    TOKEN,
    Daemon,
    acks,
    let_run,
    letter,
    read,
    telephone,
    write_config,
)
from tests.eventually import eventually
from tests.neighbours.dovecot import Dovecot
from tests.neighbours.place import free_port

pytestmark = pytest.mark.end_to_end

MAILS = 60
MOMENTS = ("at a message", "at a message", "at a message", "at work", "at work", "at the start")
KILLS = len(MOMENTS)
PUBLIC = "https://calls.example.com"


@dataclass
class Reaper:
    """Kills the daemon at a moment of its choice: in the middle of an SMTP dialogue, or after some time.

    A mail server that has the message and has not said so yet is the narrowest place of all.
    """

    chance: Random
    daemon: Daemon
    at_message: int | None = None
    came: asyncio.Event = field(default_factory=asyncio.Event)
    seen: int = 0

    def heard(self, _taken: Accepted) -> None:
        """The sink has a message and has not answered yet."""
        self.seen += 1
        if self.at_message is not None and self.seen >= self.at_message and self.daemon.process:
            self.at_message = None
            self.daemon.process.kill()
            self.came.set()

    async def strike(self, moment: str) -> None:
        """Once, then the daemon lives again."""
        if moment == "at a message":
            await self._at_a_message()
        else:
            await let_run(self.chance.uniform(0.05, 2))
        await self.daemon.kill()
        await self.daemon.start()

    async def _at_a_message(self) -> None:
        self.came.clear()
        self.at_message = self.seen + self.chance.randint(1, 5)
        try:
            async with asyncio.timeout(5):
                await self.came.wait()
        except TimeoutError:
            self.at_message = None


def bursts(chance: Random) -> Iterator[range]:
    """The mails in uneven heaps, one before each kill."""
    cuts = sorted(chance.sample(range(1, MAILS), KILLS - 1))
    for start, end in zip((0, *cuts), (*cuts, MAILS), strict=True):
        yield range(start, end)


async def rings_in_vain(exchange: Exchange, chance: Random, number: int) -> Call:
    """A customer whose call nobody answers, or who does not wait for it."""
    patience = Caller(hangs_up_after=chance.uniform(0.3, 4))
    return await exchange.ring(from_=f"+4930231250{number:02}", to=HOTLINE, caller=patience)


@pytest.mark.parametrize("seed", [1])
async def test_six_kills_lose_no_contact_and_answer_none_twice(
    seed: int, dovecot: Dovecot, store_url: str, tmp_path: Path
) -> None:
    chance, user, public = Random(seed), dovecot.user(ADDRESS), free_port()
    daemon = Daemon(tmp_path)
    reaper = Reaper(chance, daemon)
    exchange = Exchange(
        world=real_world(), public_url=PUBLIC, auth_token=TOKEN, app_url=f"http://127.0.0.1:{public}", numbers=[HOTLINE]
    )
    async with SmtpSink(on_accept=reaper.heard) as sink, exchange:
        hotline = telephone(exchange)
        write_config(tmp_path, dovecot, user, smtp=sink.port, store=store_url, public=public, more=hotline)
        await daemon.start()
        try:
            await daemon.watching()
            calls = []
            for life, (heap, moment) in enumerate(zip(bursts(chance), chance.sample(MOMENTS, KILLS), strict=True)):
                await asyncio.to_thread(dovecot.deliver_all, user, [letter(mail) for mail in heap])
                if moment != "at the start":
                    await daemon.listening()
                calls += [await rings_in_vain(exchange, chance, 20 + life * 2 + one) for one in (0, 1)]
                await reaper.strike(moment)
            expected = {f"<mail-{number}@example.org>" for number in range(MAILS)}
            await daemon.watching()
            await _two_minutes_pass(store_url)
            # Nobody tells the sender of the time that passed: it looks by itself now and then.
            await eventually(lambda: set(acks(sink.accepted)) >= expected, within=150)
            async with asyncio.timeout(20):
                await asyncio.wait([asyncio.ensure_future(exchange.ended(call)) for call in calls])
            await _three_minutes_pass(store_url)
            await eventually(lambda: _is_settled(store_url), within=150)
            code, printed = await daemon.says("ledger")
            assert await daemon.stop() == 0
        finally:
            if daemon.up:
                await daemon.kill()
        got, heard = acks(sink.accepted), _heard(exchange, calls)
    resent = [copies for known in got.values() for copies in known.values() if len(copies) > 1]
    copies = sum(len(copies) - 1 for copies in resent)
    sys.stdout.write(f"{copies} identical resends, {len(heard)} of {len(calls)} calls heard of\n")  # pytest -rP
    assert {mail: len(known) for mail, known in got.items()} == dict.fromkeys(expected, 1)
    assert all(len(set(copies)) == 1 and len(copies) <= 2 for copies in resent)
    assert len(heard) >= KILLS
    assert await _promised_a_callback(store_url) >= heard
    assert (code, [debt for debt in await _ledger(store_url) if debt.wrong]) == (0, []), printed
    assert await _messages(store_url) == MAILS
    assert await _is_dense(store_url)
    assert [word for word in PRIVATE if word in daemon.log.read_text()] == []


def _heard(exchange: Exchange, calls: Sequence[Call]) -> set[str]:
    """The calls of which the daemon told the exchange that it had heard. The others found nobody at home."""
    answered = {sent.webhook.call_sid for sent in exchange.requests if sent.status in (200, 204)}
    return {external_key(CALL_SID, call.sid) for call in calls if call.sid in answered}


async def _promised_a_callback(url: str) -> set[str]:
    """The calls that a callback names."""
    known, table = schema.external_ids, schema.callbacks
    rows = await read(url, lambda connection: connection.execute(select(known.c.interaction_id, known.c.key)).all())
    owed = await read(url, lambda connection: connection.execute(select(table.c.record)).scalars().all())
    named = {miss for record in owed for miss in record["misses"]}
    return {row.key for row in rows if row.interaction_id in named}


async def _two_minutes_pass(url: str) -> None:
    """What was perhaps sent rests that long: here it has."""
    table = schema.deliveries

    def age(connection: Connection) -> None:
        connection.execute(update(table).where(table.c.state == "unknown").values(due_at=real_world().now()))

    engine = open_engine(url)
    await engine.commit(age)
    await engine.close()


async def _three_minutes_pass(url: str) -> None:
    """A call of whose end nobody told us gets its verdict 180 s after its last webhook: here they are over at once."""

    def age(connection: Connection) -> None:
        journal, timers = schema.journal, schema.call_timers
        for id, received_at in connection.execute(select(journal.c.id, journal.c.received_at)).all():
            earlier = update(journal).where(journal.c.id == id).values(received_at=received_at - timedelta(minutes=4))
            connection.execute(earlier)
        connection.execute(update(timers).values(at=real_world().now()))

    engine = open_engine(url)
    await engine.commit(age)
    await engine.close()


async def _ledger(url: str) -> tuple[Debt, ...]:
    now = real_world().now()
    return debts(await read(url, lambda connection: books(connection, now)), now)


async def _is_settled(url: str) -> bool:
    """Every acknowledgement is settled, every call has its verdict, every event its number."""
    table = schema.deliveries
    unsettled = select(func.count()).where(table.c.state.in_(("queued", "sending", "taken", "unknown")))
    pending = select(func.count()).select_from(schema.call_timers)
    both = select(unsettled.scalar_subquery() + pending.scalar_subquery())
    if await read(url, lambda connection: connection.execute(both).scalar_one()):
        return False
    return await read(url, feed.oldest_unnumbered) is None


async def _messages(url: str) -> int:
    table = schema.interactions
    inbound = select(func.count()).where(table.c.current, table.c.kind == "message")
    return int(await read(url, lambda connection: connection.execute(inbound).scalar_one()))


async def _is_dense(url: str) -> bool:
    """The numbers of the feed run from 1 to its head without a gap."""
    statement = select(func.min(schema.feed.c.seq), func.max(schema.feed.c.seq), func.count())
    first, last, number = await read(url, lambda connection: connection.execute(statement).one())
    head = (await read(url, feed.head))[1]
    return (first, last, number) == (1, head, head)
