"""The daemon dies at every point between a mail's arrival and its settled acknowledgement. mail.md D1, section 5."""

import asyncio
import sqlite3
import sys
from collections import Counter
from collections.abc import Callable
from contextlib import closing
from email import message_from_bytes
from functools import partial
from pathlib import Path

import pytest

from commsd.core.ledger import debts
from commsd.demo.smtp import SmtpSink
from commsd.store.debts import books
from commsd.world import real_world
from tests.end_to_end.house import ADDRESS, Daemon, acks, letter, read, write_config
from tests.eventually import eventually
from tests.neighbours.dovecot import Dovecot
from tests.neighbours.place import dies_with_us

pytestmark = pytest.mark.end_to_end

MOST = 120
"""Lives at most; a mail's way has fewer points than that."""


class Lives:
    """One daemon after the other on one folder."""

    def __init__(self, folder: Path, process: asyncio.subprocess.Process) -> None:
        self.folder, self._process = folder, process
        self._ended: asyncio.Task[str] | None = None

    def begin(self, point: int) -> None:
        """A life that ends at this point."""
        assert self._process.stdin
        self.disarm()
        self._process.stdin.write(f"{self.folder} {point}\n".encode())
        self._ended = asyncio.ensure_future(self._answer())

    def arm(self) -> None:
        """From now on its points count."""
        (self.folder / "armed").touch()

    def disarm(self) -> None:
        """From now on it lives."""
        (self.folder / "armed").unlink(missing_ok=True)

    @property
    def over(self) -> bool:
        return self._ended is not None and self._ended.done()

    async def end(self) -> str:
        """How it ended: `died`, and where, or `ended` with its exit code."""
        assert self._ended
        return await self._ended

    async def _answer(self) -> str:
        assert self._process.stdout
        return (await self._process.stdout.readline()).decode().strip()


def mails_done(folder: Path) -> int:
    """Mails recorded, if nothing is owed any more; else -1."""
    with closing(sqlite3.connect(f"file:{folder / 'commsd.db'}?mode=ro", uri=True)) as store:
        owed = "SELECT count(*) FROM deliveries WHERE state IN ('queued', 'sending', 'unknown')"
        messages = "SELECT count(*) FROM interactions WHERE current AND kind = 'message'"
        return -1 if store.execute(owed).fetchone()[0] else int(store.execute(messages).fetchone()[0])


def are_done(folder: Path, mails: int) -> bool:
    """So many mails are recorded and nothing is owed."""
    return mails_done(folder) == mails


def either(happened: Callable[[], object], lives: Lives) -> bool:
    """It happened, or the life is over."""
    return bool(happened()) or lives.over


async def test_d1_a_kill_at_every_point_of_the_way_loses_no_mail_and_makes_at_most_two_identical_copies(
    dovecot: Dovecot, sqlite_url: str, tmp_path: Path
) -> None:
    user, daemon = dovecot.user(ADDRESS), Daemon(tmp_path)
    environment = daemon.environment()
    async with SmtpSink() as sink:
        write_config(tmp_path, dovecot, user, smtp=sink.port, store=sqlite_url)
        process = await asyncio.create_subprocess_exec(
            *dies_with_us(),
            *(sys.executable, "-m", "tests.end_to_end.lives"),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=environment,
        )
        lives = Lives(tmp_path, process)
        ends: list[str] = []
        for number in range(1, MOST):
            began = daemon.log.stat().st_size if daemon.log.exists() else 0
            lives.begin(number)
            watches = partial(daemon.lines, "mailbox.watched", since=began, duty="mail.watch.support")
            await eventually(partial(either, watches, lives))
            await eventually(partial(are_done, tmp_path, number - 1))
            lives.arm()
            await asyncio.to_thread(dovecot.deliver, user, letter(number))
            await eventually(partial(either, partial(are_done, tmp_path, number), lives))
            if not lives.over:
                break
            ends.append(await lives.end())
        lives.disarm()
        (tmp_path / "enough").touch()
        ends.append(await lives.end())
        assert ends[-1] == "ended 0" or ends[-1].startswith("died")  # after all was settled
        assert process.stdin
        process.stdin.close()
        await process.wait()
    places = Counter(" ".join(end.split()[:3]) for end in ends)
    sys.stdout.write(f"{number} mails, {places}\n")
    got = acks(sink.accepted)
    assert {mail: len(ids) for mail, ids in got.items()} == {f"<mail-{n}@example.org>": 1 for n in range(1, number + 1)}
    copies = [raws for ids in got.values() for raws in ids.values()]
    assert max(map(len, copies)) <= 2
    assert all(len(set(raws)) == 1 for raws in copies)
    assert mails_done(tmp_path) == number
    now = real_world().now()
    assert [debt for debt in debts(await read(sqlite_url, lambda c: books(c, now)), now) if debt.wrong] == []
    customers = [taken for taken in sink.accepted if taken.recipient != "anna@commsd.test"]  # she has a digest at eight
    assert {message_from_bytes(taken.raw)["Auto-Submitted"] for taken in customers} == {"auto-replied"}
    for way in ("died before a", "died after a", "died before reading", "died before writing", "died after writing"):
        assert places[way], f"no life {way} … {places}"
