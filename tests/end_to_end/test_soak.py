"""Much mail of every kind while everything breaks: servers restart, lines are cut anywhere, the daemon is killed twice.

At the end nothing is owed, and everybody who is owed an acknowledgement has one. `./tests/run --soak` has twenty times
as much.
"""

import asyncio
import os
import sys
from collections import defaultdict
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from random import Random

import pytest
from sqlalchemy import Connection, func, select, update
from sqlalchemy.exc import OperationalError

from commsd.demo.smtp import SmtpSink
from commsd.store import schema
from commsd.store.engine import open_engine
from commsd.world import real_world
from tests.end_to_end.house import Daemon, let_run, mail_server, read, write_config
from tests.end_to_end.post import Mail, post
from tests.eventually import eventually
from tests.fakes.rough_road import RoughRoad
from tests.neighbours.dovecot import Dovecot

pytestmark = pytest.mark.end_to_end

COLLEAGUE = "anna@commsd.test"
MAILS = int(os.environ.get("COMMSD_SOAK", "500"))
HEAPS = 20
"""The post comes in so many heaps, with a mishap after most of them."""

MISHAPS = ("kill", "dovecot", "sink", "nothing", "sink", "dovecot", "nothing", "kill", "sink", "dovecot")
BUDGET = """ack_budget = "100000/h"
"""


@pytest.mark.parametrize("seed", [4])
async def test_a_storm_of_mail_and_mishaps_leaves_nobody_out_and_answers_nobody_twice(
    seed: int, dovecot: Dovecot, tmp_path: Path
) -> None:
    chance, user = Random(seed), dovecot.user("soak@commsd.test")
    url, daemon = f"sqlite:///{tmp_path}/commsd.db", Daemon(tmp_path)
    mails = list(post(chance, MAILS))
    async with (
        mail_server() as sink,
        RoughRoad(dovecot.port, Random(seed), longest=1_500_000) as imap,
        RoughRoad(sink.port, Random(seed + 1), longest=40_000) as smtp,
    ):
        _write(tmp_path, dovecot, user, imap.port, smtp.port, url)
        await daemon.start()
        try:
            await daemon.watching()
            await _storm(_heaps(mails), daemon, dovecot, sink, user, chance)
            imap.rough = smtp.rough = False
            held = await _calm(url, mails, sink, daemon)
            code, printed = await daemon.says("ledger")
            assert await daemon.stop() == 0
        finally:
            if daemon.up:
                await daemon.kill()
    got: dict[str, list[bytes]] = defaultdict(list)
    for taken in sink.accepted:
        if taken.recipient != COLLEAGUE:  # at eight she is told what is owed today
            got[taken.recipient].append(taken.raw)
    distinct = {mail.number: mail for mail in mails}
    resent = sum(len(copies) - 1 for copies in got.values())
    cuts = f"{imap.cuts} and {smtp.cuts} cuts"
    by_hand = f"{resent} identical resends, {held} settled by a person"
    sys.stdout.write(f"{len(mails)} mails, {len(got)} acknowledged, {cuts}, {by_hand}\n")  # pytest -rP
    assert set(got) == {mail.sender for mail in distinct.values() if mail.owed}
    assert [copies for copies in got.values() if len(set(copies)) > 1 or len(copies) > 2] == []
    assert held <= max(len(mails) // 200, 1)
    assert min(imap.cuts, smtp.cuts) > MAILS // 1000
    assert (code, await _recorded(url)) == (0, len(distinct)), printed


def _write(folder: Path, dovecot: Dovecot, user: str, imap: int, smtp: int, url: str) -> None:
    write_config(folder, dovecot, user, smtp=smtp, store=url, hours="mon-sun 00:00-24:00")
    main = folder / "commsd.toml"
    text = main.read_text("utf-8").replace(f"port = {dovecot.port}", f"port = {imap}")
    main.write_text(text.replace('person = "anna"\n', f'person = "anna"\n{BUDGET}'), "utf-8")


def _heaps(mails: Sequence[Mail]) -> Iterator[Sequence[Mail]]:
    size = -(-len(mails) // HEAPS)
    for start in range(0, len(mails), size):
        yield mails[start : start + size]


async def _storm(
    heaps: Iterator[Sequence[Mail]], daemon: Daemon, dovecot: Dovecot, sink: SmtpSink, user: str, chance: Random
) -> None:
    mishaps, owed = iter(MISHAPS), set[str]()
    for number, heap in enumerate(heaps):
        await asyncio.to_thread(dovecot.deliver_all, user, [mail.raw for mail in heap])
        owed |= {mail.sender for mail in heap if mail.owed}
        await _at_work(sink, len(owed) * chance.uniform(0.5, 0.9))
        match next(mishaps, "nothing") if number % 2 else "nothing":
            case "kill":
                await daemon.kill()
                await daemon.start()
            case "dovecot":
                await asyncio.to_thread(dovecot.stop)
                await let_run(chance.uniform(0.1, 0.5))
                dovecot.start()  # by this thread, with which it ends
            case "sink":
                await sink.stop()
                await let_run(chance.uniform(0.1, 0.5))
                await sink.start()


async def _at_work(sink: SmtpSink, so_many: float) -> None:
    """Until so many have been acknowledged, so that what happens next happens in the middle of work; not for ever."""
    with suppress(AssertionError):
        await eventually(lambda: len(sink.accepted) >= so_many, within=2 + MAILS / 250)


async def _calm(url: str, mails: Sequence[Mail], sink: SmtpSink, daemon: Daemon) -> int:
    """Everything is looked at and settled; what waits because it went wrong needs not wait for the test's sake.

    Where the answer to both copies was lost, nobody but a person can tell; how many that were.
    """
    wanted, held = {mail.sender for mail in mails if mail.owed}, 0

    async def over() -> bool:
        nonlocal held
        await let_run(1)
        got = {taken.recipient for taken in sink.accepted}
        for delivery_id, recipient in await _held(url):
            held += 1
            code, printed = await daemon.says("ack", "settle", delivery_id, "sent" if recipient in got else "again")
            assert code == 0, printed
        with suppress(OperationalError):  # the daemon writes; the next time, then
            await _time_passes(url)
        return wanted <= got and not await _unsettled(url) and not await _held(url)

    await eventually(over, within=150 + MAILS / 20)
    return held


async def _time_passes(url: str) -> None:
    """Whatever waits for another try is due."""
    table = schema.deliveries
    waits = table.c.state.in_(("queued", "unknown"))

    def age(connection: Connection) -> None:
        now = real_world().now()
        connection.execute(update(table).where(waits, table.c.due_at > now).values(due_at=now - timedelta(seconds=1)))

    engine = open_engine(url)
    try:
        await engine.commit(age)
    finally:
        await engine.close()


async def _held(url: str) -> Sequence[tuple[str, str]]:
    """What waits for a person's word: its id, and to whom it goes."""
    table = schema.deliveries
    waiting = select(table.c.id, table.c.recipient).where(table.c.state == "held")
    return await read(url, lambda connection: [(row.id, row.recipient) for row in connection.execute(waiting)])


async def _unsettled(url: str) -> int:
    table = schema.deliveries
    waiting = select(func.count()).where(table.c.state.in_(("queued", "sending", "taken", "unknown")))
    return int(await read(url, lambda connection: connection.execute(waiting).scalar_one()))


async def _recorded(url: str) -> int:
    """Mails that are on record, each once."""
    table = schema.interactions
    found = select(func.count()).where(table.c.current, table.c.kind == "message", table.c.direction == "inbound")
    return int(await read(url, lambda connection: connection.execute(found).scalar_one()))
