"""The installed daemon is killed in the middle, again and again: nothing is lost, and nothing is said twice."""

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import func, select

from commsd.core.ledger import Debt, debts
from commsd.demo.smtp import Accepted, SmtpSink
from commsd.store import feed, schema
from commsd.store.debts import books
from commsd.world import real_world
from tests.end_to_end.house import Daemon, acks, let_run, letter, read, write_config
from tests.eventually import eventually
from tests.neighbours.dovecot import Dovecot

pytestmark = pytest.mark.end_to_end

MAILS, KILLS = 60, 7


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

    async def strike(self) -> None:
        """Once, then the daemon lives again."""
        if self.chance.random() < 0.5:
            self.came.clear()
            self.at_message = self.seen + self.chance.randint(1, 5)
            try:
                async with asyncio.timeout(5):
                    await self.came.wait()
            except TimeoutError:
                self.at_message = None
        else:
            await let_run(self.chance.uniform(0.05, 2.5))
        await self.daemon.kill()
        await self.daemon.start()


def bursts(chance: Random) -> Iterator[range]:
    """The mails in uneven heaps, one before each kill."""
    cuts = sorted(chance.sample(range(1, MAILS), KILLS - 1))
    for start, end in zip((0, *cuts), (*cuts, MAILS), strict=True):
        yield range(start, end)


@pytest.mark.parametrize("seed", [1])
async def test_seven_kills_lose_no_mail_and_acknowledge_none_twice(
    seed: int, dovecot: Dovecot, store_url: str, tmp_path: Path, record_property: Callable[[str, object], None]
) -> None:
    chance, user = Random(seed), dovecot.user("support@commsd.test")
    daemon = Daemon(tmp_path)
    reaper = Reaper(chance, daemon)
    async with SmtpSink(on_accept=reaper.heard) as sink:
        write_config(tmp_path, dovecot, user, smtp=sink.port, store=store_url)
        await daemon.start()
        try:
            await daemon.watching()
            for heap in bursts(chance):
                await asyncio.to_thread(dovecot.deliver_all, user, [letter(number) for number in heap])
                await reaper.strike()
            expected = {f"<mail-{number}@example.org>" for number in range(MAILS)}
            await eventually(lambda: set(acks(sink.accepted)) >= expected, within=30)
            await eventually(lambda: _is_settled(store_url), within=20)
            assert await daemon.stop() == 0
        finally:
            if daemon.up:
                await daemon.kill()
        got = acks(sink.accepted)
        resent = [copies for known in got.values() for copies in known.values() if len(copies) > 1]
        record_property("identical resends", sum(len(copies) - 1 for copies in resent))
        assert {mail: len(known) for mail, known in got.items()} == dict.fromkeys(expected, 1)
        assert all(len(set(copies)) == 1 for copies in resent)
        assert all(len(copies) <= 1 + KILLS for copies in resent)
    assert [debt for debt in await _ledger(store_url) if debt.wrong] == []
    assert await _messages(store_url) == MAILS
    assert await _is_dense(store_url)


async def _ledger(url: str) -> tuple[Debt, ...]:
    now = real_world().now()
    return debts(await read(url, lambda connection: books(connection, now)), now)


async def _is_settled(url: str) -> bool:
    """Every acknowledgement is settled, every event has its number."""
    table = schema.deliveries
    open_ones = select(func.count()).where(table.c.state.in_(("queued", "sending", "unknown")))
    owed = await read(url, lambda connection: connection.execute(open_ones).scalar_one())
    return not owed and await read(url, feed.oldest_unnumbered) is None


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
