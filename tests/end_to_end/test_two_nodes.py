"""Two daemons on one PostgreSQL watch the same mailbox; one is killed while mails stream in.

The bound of the take-over is read from the leases the killed one leaves, then their time is made to be over.
"""

import asyncio
import signal
from collections.abc import Callable
from datetime import datetime, timedelta
from email import message_from_bytes, policy
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Connection, and_, func, select, update

from commsd.channels.mail.books import LEFT
from commsd.channels.mail.watch import LEASE
from commsd.demo.smtp import Accepted, SmtpSink
from commsd.store import node, schema
from commsd.store.engine import open_engine
from commsd.world import real_world
from tests.end_to_end.house import ADDRESS, Daemon, acks, letter, read, write_config
from tests.eventually import eventually
from tests.neighbours.dovecot import Dovecot

pytestmark = pytest.mark.end_to_end

SHARED_KEY = "k" * 64
BEFORE, STREAM, AFTER = range(10), range(10, 50), range(50, 60)
KILLED_AT = 25


class Pair:
    """Two nodes with one store, one mailbox and one key; each has a state folder of its own."""

    def __init__(self, folder: Path, dovecot: Dovecot, sink: SmtpSink, store: str) -> None:
        self.dovecot, self.sink, self.store, self.user = dovecot, sink, store, dovecot.user(ADDRESS)
        self.first, self.second = (self._node(folder / name) for name in ("first", "second"))

    def _node(self, folder: Path) -> Daemon:
        folder.mkdir()
        write_config(folder, self.dovecot, self.user, smtp=self.sink.port, store=self.store)
        config, key = folder / "commsd.toml", folder / "credentials" / "commsd-key"
        config.write_text(config.read_text().replace("[service]", '[service]\nkey = { credential = "commsd-key" }'))
        key.write_text(SHARED_KEY)
        key.chmod(0o600)
        return Daemon(folder)

    async def start(self) -> None:
        """The first watches; the second stands by."""
        await self.first.start()
        await self.first.watching()
        await self.second.start()
        await eventually(lambda: self.second.lines("duty.failed", duty="mail.watch.support"))

    async def arrive(self, numbers: range) -> None:
        """These mails, all at once."""
        await asyncio.to_thread(self.dovecot.deliver_all, self.user, [letter(number) for number in numbers])

    async def stream(self, numbers: range, chance: Random) -> None:
        """These mails in small heaps, one after the other."""
        left = list(numbers)
        while left:
            size = chance.randint(1, 4)
            heap, left = left[:size], left[size:]
            await asyncio.to_thread(self.dovecot.deliver_all, self.user, [letter(number) for number in heap])

    async def acknowledged(self, *numbers: range) -> None:
        """When each of these mails has its acknowledgement, and nothing is left half-way."""
        wanted = {f"<mail-{number}@example.org>" for some in numbers for number in some}

        async def are() -> bool:
            settled = await self._settled()
            return settled and acks(self.sink.accepted).keys() >= wanted

        await eventually(are, within=180)  # what a dead node left is looked for now and then only

    async def at_work_on(self, daemon: Daemon) -> set[str]:
        """The Message-IDs of the acknowledgements that this node had claimed when it was killed."""
        deliveries = schema.deliveries
        claimed = select(deliveries.c.payload).where(
            deliveries.c.state == "sending", deliveries.c.claimed_by.like(_lives_of(daemon))
        )
        found = await read(self.store, lambda connection: connection.execute(claimed).scalars().all())
        return {str(message_from_bytes(raw, policy=policy.default)["Message-ID"]) for raw in found}

    async def hold_of(self, daemon: Daemon) -> timedelta:
        """How long the killed node keeps others out of the mailbox, from now on; zero: it does not."""
        leases = schema.leases
        ours = and_(leases.c.owner.like(_lives_of(daemon)), leases.c.resource.like("support/%"))
        held = select(func.max(leases.c.expires_at)).where(ours)
        until = await read(self.store, lambda connection: connection.execute(held).scalar_one())
        return max(until - _now(), timedelta(0)) if until else timedelta(0)

    async def that_time_passes(self, daemon: Daemon) -> None:
        """Its leases and its claims run out now."""
        leases, deliveries, lives, now = schema.leases, schema.deliveries, _lives_of(daemon), _now()

        def age(connection: Connection) -> None:
            connection.execute(update(leases).where(leases.c.owner.like(lives)).values(expires_at=now))
            theirs = update(deliveries).where(deliveries.c.claimed_by.like(lives))
            connection.execute(theirs.values(claimed_until=now))
            connection.execute(theirs.where(deliveries.c.state == "taken").values(settled_at=now - LEFT))

        await self._write(age)

    async def _settled(self) -> bool:
        """No delivery is open. What was perhaps sent need not rest for two minutes here."""
        deliveries = schema.deliveries
        rested = update(deliveries).where(deliveries.c.state == "unknown").values(due_at=_now())
        await self._write(lambda connection: connection.execute(rested))
        left = select(func.count()).where(deliveries.c.state != "sent")
        return not await read(self.store, lambda connection: connection.execute(left).scalar_one())

    async def _write(self, f: Callable[[Connection], object]) -> None:
        engine = open_engine(self.store)
        try:
            await engine.commit(f)
        finally:
            await engine.close()


def _lives_of(daemon: Daemon) -> str:
    return f"{node.name(daemon.state)}/%"


def _now() -> datetime:
    return real_world().now()


@pytest.mark.parametrize("seed", [1])
async def test_d4_a_node_killed_in_a_stream_of_mails_is_replaced_within_its_lease_and_no_mail_gets_two_answers(
    seed: int, dovecot: Dovecot, postgres_url: str, tmp_path: Path
) -> None:
    killed = asyncio.Event()

    def heard(_taken: Accepted) -> None:
        """The server has a message and has not said so yet: the narrowest moment of all."""
        if len(sink.accepted) >= KILLED_AT and not killed.is_set():
            pair.first.tell(signal.SIGKILL)
            killed.set()

    async with SmtpSink(on_accept=heard) as sink:
        pair = Pair(tmp_path, dovecot, sink, postgres_url)
        try:
            await pair.start()
            await pair.arrive(BEFORE)
            await pair.acknowledged(BEFORE)
            await pair.stream(STREAM, Random(seed))
            async with asyncio.timeout(90):
                await killed.wait()
            await pair.first.kill()
            in_doubt, held = await pair.at_work_on(pair.first), await pair.hold_of(pair.first)
            assert timedelta(0) < held <= LEASE
            assert not pair.second.lines("mailbox.watched", duty="mail.watch.support")
            await pair.that_time_passes(pair.first)
            await pair.second.watching()
            await pair.arrive(AFTER)
            await pair.acknowledged(BEFORE, STREAM, AFTER)
            assert await pair.second.stop() == 0
        finally:
            for daemon in (pair.first, pair.second):
                if daemon.up:
                    await daemon.kill()
    got = acks(sink.accepted)
    assert {mail: len(known) for mail, known in got.items()} == {
        f"<mail-{number}@example.org>": 1 for number in (*BEFORE, *STREAM, *AFTER)
    }
    copies = {ack: raws for known in got.values() for ack, raws in known.items() if len(raws) > 1}
    assert all(len(raws) == 2 and len(set(raws)) == 1 for raws in copies.values())
    assert copies.keys() <= in_doubt
