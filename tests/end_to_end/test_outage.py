"""A neighbour that is down, at the start or later: the daemon stays up, says so once, and catches up.

And whatever goes wrong, nothing that a customer wrote stands in its log.
"""

import asyncio
import os
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path
from statistics import quantiles
from typing import Any

import aiohttp
import orjson
import pytest

from commsd.demo.smtp import SmtpSink
from tests.end_to_end.house import ADDRESS, PRIVATE, Daemon, acks, let_run, letter, mail_server, write_config
from tests.eventually import eventually
from tests.neighbours.dovecot import Dovecot
from tests.neighbours.place import unprivileged
from tests.neighbours.postgres import Postgres

pytestmark = pytest.mark.end_to_end

LOCKED = 7.0  # seconds: longer than SQLite itself waits


class House:
    """The daemon with its mailbox and mail server."""

    def __init__(self, daemon: Daemon, dovecot: Dovecot, user: str, sink: SmtpSink) -> None:
        self.daemon, self.dovecot, self.user, self.sink = daemon, dovecot, user, sink
        self._number = 0

    async def a_mail_comes(self) -> str:
        """Its Message-ID."""
        self._number += 1
        await asyncio.to_thread(self.dovecot.deliver, self.user, letter(self._number))
        return f"<mail-{self._number}@example.org>"

    def a_mail_comes_by_another_door(self) -> str:
        """As one does that the mail server's own delivery agent writes while its IMAP is down."""
        self._number += 1
        inbox, account = self.dovecot.dir / "mail" / self.user / "new", unprivileged()
        path = inbox / f"{self._number}.from.elsewhere"
        path.write_bytes(letter(self._number))
        os.chown(path, account.pw_uid, account.pw_gid)
        return f"<mail-{self._number}@example.org>"

    async def is_acknowledged(self, mail: str, within: float = 20.0) -> None:
        await eventually(lambda: mail in acks(self.sink.accepted), within=within)

    async def works(self) -> None:
        """A mail comes and is acknowledged."""
        await self.is_acknowledged(await self.a_mail_comes())

    async def told(self, event: str, times: int = 1) -> None:
        """The log says so, as often as that."""
        await eventually(lambda: len(self.daemon.lines(event)) >= times, within=30)

    def complaints(self) -> list[tuple[str, Any]]:
        """What it warned of, in order, and who."""
        loud = [line for line in self.daemon.lines() if line.get("level") in ("warning", "error", "critical")]
        return [(line["event"], line.get("duty", line.get("mailbox"))) for line in loud]


@asynccontextmanager
async def house_of(dovecot: Dovecot, folder: Path, store: str) -> AsyncIterator[House]:
    """A config folder with a daemon for it, which is not started yet. Afterwards its log is read by a censor."""
    user, daemon = dovecot.user(ADDRESS), Daemon(folder)
    async with mail_server() as sink:
        write_config(folder, dovecot, user, smtp=sink.port, store=store)
        try:
            yield House(daemon, dovecot, user, sink)
            pid = daemon.pid
            assert await daemon.stop() == 0
            assert {line.get("pid", pid) for line in daemon.lines()} == {pid}
        finally:
            if daemon.up:
                await daemon.kill()
    written = daemon.log.read_text()
    assert [word for word in PRIVATE if word in written] == []
    assert [copies for known in acks(sink.accepted).values() for copies in known.values() if len(copies) > 1] == []


@pytest.fixture
async def house(dovecot: Dovecot, tmp_path: Path, sqlite_url: str) -> AsyncIterator[House]:
    async with house_of(dovecot, tmp_path, sqlite_url) as house:
        yield house


async def test_a_mailbox_that_is_down_at_the_start_and_again_later_is_told_of_once_each_time(house: House) -> None:
    duties = ("mail.watch.support", "mail.rounds.support")
    await asyncio.to_thread(house.dovecot.stop)
    await house.daemon.start()
    await house.told("duty.failed", times=2)
    await let_run(3)
    assert sorted(house.complaints()) == sorted(("duty.failed", duty) for duty in duties)
    house.dovecot.start()
    await house.daemon.watching()
    await house.works()
    await eventually(lambda: house.daemon.lines("mailbox.watched", duty="mail.rounds.support"))
    await asyncio.to_thread(house.dovecot.stop)
    await house.told("duty.failed", times=3)
    await let_run(3)
    house.dovecot.start()
    await house.works()
    watch = [complaint for complaint in house.complaints() if complaint[1] == "mail.watch.support"]
    assert watch == [("duty.failed", "mail.watch.support")] * 2
    assert len(house.complaints()) <= 4


async def test_a10_what_came_while_the_mailbox_was_down_is_acknowledged_within_a_minute_of_its_return(
    house: House,
) -> None:
    await house.daemon.start()
    await house.daemon.watching()
    await house.works()
    await asyncio.to_thread(house.dovecot.stop)
    await house.told("duty.failed")
    mail = house.a_mail_comes_by_another_door()
    house.dovecot.start()
    await house.is_acknowledged(mail, within=60)


async def test_a10_at_a_steady_rate_all_but_one_in_twenty_acknowledgements_are_out_within_five_seconds(
    house: House,
) -> None:
    await house.daemon.start()
    await house.daemon.watching()
    waited = []
    for _ in range(20):
        mail = await house.a_mail_comes()
        came = time.monotonic()
        await house.is_acknowledged(mail)
        waited.append(time.monotonic() - came)
    assert quantiles(waited, n=20)[-1] < 5


async def test_a_mail_server_that_is_down_at_the_start_and_again_later_is_told_of_once_each_time(house: House) -> None:
    for outage in (1, 2):
        await house.sink.stop()
        if outage == 1:
            await house.daemon.start()
            await house.daemon.watching()
        mails = [await house.a_mail_comes() for _ in range(3)]
        await house.told("smtp.unavailable", times=outage)
        await let_run(1)
        await house.sink.start()
        for mail in mails:
            await house.is_acknowledged(mail)
        await house.told("smtp.recovered", times=outage)
    assert house.complaints() == [("smtp.unavailable", "support")] * 2


async def test_a_locked_database_is_told_of_once_and_waited_for(house: House, tmp_path: Path) -> None:
    await house.daemon.start()
    await house.daemon.watching()
    await house.works()
    with closing(sqlite3.connect(tmp_path / "commsd.db", isolation_level=None)) as intruder:
        intruder.execute("BEGIN IMMEDIATE")
        mails = [await house.a_mail_comes() for _ in range(3)]
        await let_run(LOCKED)
        assert not acks(house.sink.accepted).keys() & set(mails)
        intruder.execute("ROLLBACK")
    for mail in mails:
        await house.is_acknowledged(mail)
    await house.told("store.recovered")
    assert house.complaints() == [("store.unavailable", None)]


async def test_a_store_moved_away_is_told_of_and_takes_up_what_waited_once_it_is_back(
    house: House, tmp_path: Path
) -> None:
    await house.daemon.start()
    await house.daemon.watching()
    await house.works()
    store, elsewhere = tmp_path / "commsd.db", tmp_path / "elsewhere.db"
    store.rename(elsewhere)
    mail = await house.a_mail_comes()
    await house.told("store.unavailable")
    assert {line["error"] for line in house.daemon.lines("store.unavailable")} == {"StoreFileLost"}
    status, reasons = await ready(tmp_path)
    assert (status, "(StoreFileLost): commsd.db was moved" in reasons["store"]) == (503, True)
    assert "put the same file back" in reasons["store"]
    assert not store.exists(), "nobody makes an empty one in its place"
    elsewhere.rename(store)
    await house.is_acknowledged(mail)
    await house.told("store.recovered")
    assert await ready(tmp_path) == (200, {})


async def ready(folder: Path) -> tuple[int, dict[str, str]]:
    """What /-/ready answers: its status, and its reasons."""
    lines = (folder / "commsd.toml").read_text().splitlines()
    (listen,) = [line.partition('"')[2].rstrip('"') for line in lines if line.startswith("listen = ")]
    async with aiohttp.ClientSession() as client, client.get(f"http://{listen}/-/ready") as answer:
        return answer.status, orjson.loads(await answer.read())["reasons"]


async def test_a_backup_put_in_place_under_a_daemon_is_left_alone_until_the_next_start(
    house: House, tmp_path: Path
) -> None:
    await house.daemon.start()
    await house.daemon.watching()
    await house.works()
    code, printed = await house.daemon.says("db", "backup", "--to", str(tmp_path / "copy.db"))
    assert code == 0, printed
    (tmp_path / "copy.db").rename(tmp_path / "commsd.db")
    whole = (tmp_path / "commsd.db").read_bytes()
    mail = await house.a_mail_comes()
    await house.told("store.unavailable")
    assert await house.daemon.stop() == 0
    assert (tmp_path / "commsd.db").read_bytes() == whole
    for ending in ("-wal", "-shm"):
        (tmp_path / f"commsd.db{ending}").unlink(missing_ok=True)
    await house.daemon.start()
    await house.is_acknowledged(mail, within=60)
    code, printed = await house.daemon.says("db", "check")
    assert code == 0, printed


async def test_a_database_that_is_locked_at_the_start_is_told_of_once_and_waited_for(
    house: House, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(tmp_path / "commsd.db", isolation_level=None)) as intruder:
        intruder.execute("BEGIN EXCLUSIVE")
        await house.daemon.start()
        await house.told("store.unavailable")
        await let_run(1)
        intruder.execute("ROLLBACK")
    await house.daemon.watching()
    await house.works()
    assert house.complaints() == [("store.unavailable", None)]


async def test_a_postgresql_that_is_down_at_the_start_and_again_later_is_told_of_once_each_time(
    dovecot: Dovecot, postgres: Postgres, postgres_url: str, tmp_path: Path
) -> None:
    async with house_of(dovecot, tmp_path, postgres_url) as house:
        await asyncio.to_thread(postgres.stop)
        await house.daemon.start()
        await house.told("store.unavailable")
        await let_run(1)
        postgres.start()
        await house.daemon.watching()
        await house.works()
        await asyncio.to_thread(postgres.stop)
        mails = [await house.a_mail_comes() for _ in range(3)]
        await house.told("store.unavailable", times=2)
        await let_run(3)
        postgres.start()
        for mail in mails:
            await house.is_acknowledged(mail)
        assert house.complaints() == [("store.unavailable", None)] * 2
