"""The daemon as systemd and its operator know it: signals, reload, its own key, what it tells the service manager."""

import asyncio
import signal
import socket
import sqlite3
import stat
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from functools import partial
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from commsd.channels.mail.submission import GOODBYE, Patience
from commsd.config.saving import Files
from commsd.daemon import STOP_DEADLINE
from commsd.demo.smtp import Fault, SmtpSink
from commsd.sla.rules.folderlock import held
from commsd.store import rules_schema, schema
from commsd.web.server import GRACE, SETTLE
from commsd.world import real_world
from tests.end_to_end.house import ADDRESS, Daemon, acks, letter, mail_server, read, write_config
from tests.eventually import eventually
from tests.neighbours.dovecot import Dovecot

pytestmark = pytest.mark.end_to_end


class House:
    """A daemon with a mailbox, a mail server that is as slow as the test wants, and a config that can be rewritten."""

    def __init__(self, folder: Path, dovecot: Dovecot, sink: SmtpSink, store: str) -> None:
        self.folder, self.dovecot, self.sink, self.store = folder, dovecot, sink, store
        self.user, self.daemon = dovecot.user(ADDRESS), Daemon(folder)
        write_config(folder, dovecot, self.user, smtp=sink.port, store=store)

    @property
    def config(self) -> Path:
        return self.folder / "commsd.toml"

    def rewrite(self, old: str, new: str) -> None:
        text = self.config.read_text()
        assert old in text
        self.config.write_text(text.replace(old, new))

    async def mail(self, *numbers: int) -> None:
        """These customers write, and the mail server has their acknowledgements."""
        await asyncio.to_thread(self.dovecot.deliver_all, self.user, [letter(number) for number in numbers])
        await eventually(
            lambda: acks(self.sink.accepted).keys() >= {f"<mail-{number}@example.org>" for number in numbers}
        )

    async def rule_versions(self) -> int:
        statement = select(func.count()).select_from(rules_schema.rule_versions)
        return int(await read(self.store, lambda connection: connection.execute(statement).scalar_one()))

    async def ack_states(self) -> list[str]:
        statement = select(schema.deliveries.c.state).where(schema.deliveries.c.kind == "ack")
        return list(await read(self.store, lambda connection: connection.execute(statement).scalars().all()))


@pytest.fixture
async def house(dovecot: Dovecot, sqlite_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with mail_server(lambda to: Fault.SLOW if to.startswith("customer-9") else None) as sink:
        house = House(tmp_path, dovecot, sink, sqlite_url)
        try:
            yield house
        finally:
            sink.release.set()
            if house.daemon.up:
                await house.daemon.kill()


async def test_a_bad_file_is_refused_the_old_one_stays_and_a_good_one_is_taken(house: House) -> None:
    await house.daemon.start()
    await house.daemon.watching()
    house.rewrite('hours = "mon-fri', 'hors = "mon-fri')
    house.daemon.tell(signal.SIGHUP)
    (refused, *_) = await eventually(lambda: house.daemon.lines("config.refused"))
    assert "hours" in refused["what"]
    await house.mail(1)
    assert await house.rule_versions() == 1
    house.rewrite('hors = "mon-fri 09:00-17:00"', 'hours = "mon-fri 08:00-18:00"')
    house.daemon.tell(signal.SIGHUP)
    await eventually(lambda: house.daemon.lines("config.reloaded"))
    await house.mail(2)
    assert await house.rule_versions() == 2
    assert await house.daemon.stop() == 0


async def test_what_cannot_be_made_of_a_changed_config_leaves_the_former_duties_at_work(house: House) -> None:
    """A text that is no TOML is found only when the mailbox's desk is set up."""
    await house.daemon.start()
    await house.daemon.watching()
    (house.folder / "templates").mkdir(exist_ok=True)
    (house.folder / "templates" / "en.toml").write_text("greeting = [")
    house.daemon.tell(signal.SIGHUP)
    await eventually(lambda: house.daemon.lines("config.refused"))
    await house.mail(1)


async def test_a_new_store_or_port_needs_a_restart_and_is_refused_until_then(house: House) -> None:
    await house.daemon.start()
    await house.daemon.watching()
    house.rewrite("commsd.db", "other.db")
    house.daemon.tell(signal.SIGHUP)
    (refused, *_) = await eventually(lambda: house.daemon.lines("config.refused"))
    assert "[store] url" in refused["what"]
    await house.mail(1)


async def test_a_changed_file_is_taken_without_a_signal(house: House) -> None:
    await house.daemon.start()
    await house.daemon.watching()
    house.rewrite("09:00-17:00", "08:00-18:00")
    await eventually(lambda: house.daemon.lines("config.reloaded"), within=30)
    assert await house.rule_versions() == 2


def test_files_are_taken_in_once_two_looks_find_them_the_same() -> None:
    old, half, whole = ({Path("a.toml"): (number, number)} for number in range(3))
    files = Files(old)
    assert [files.at_rest(look) for look in (old, half, whole, whole)] == [False, False, False, True]
    files.taken = files.seen
    assert [files.at_rest(look) for look in (whole, whole, half, whole)] == [False, False, False, False]


def test_a_file_taken_away_or_put_back_as_it_was_is_seen() -> None:
    files = Files({Path("a.toml"): (1, 1), Path("b.toml"): (1, 1)})
    fewer = {Path("a.toml"): (1, 1)}
    assert [files.at_rest(fewer), files.at_rest(fewer)] == [False, True]


RULES = """
[calendar.always]
tz = "Europe/Berlin"
hours = "24x7"
[policy.standard]
calendar = "always"
first_response = "{first}"
[[rule]]
policy = "standard"
"""


async def test_a_file_that_is_empty_while_it_is_saved_is_refused_and_taken_once_it_is_whole(house: House) -> None:
    rules = house.folder / "sla"
    rules.mkdir()
    (rules / "a.toml").write_text(RULES.format(first="4h"))
    (rules / "b.toml").write_text("# more to come")
    await house.daemon.start()
    await house.daemon.watching()
    (rules / "b.toml").write_text("")
    house.daemon.tell(signal.SIGHUP)
    (refused, *_) = await eventually(lambda: house.daemon.lines("config.refused"))
    assert "b.toml is empty" in refused["what"]
    assert await house.rule_versions() == 1
    (rules / "b.toml").write_text("# done")
    (rules / "a.toml").write_text(RULES.format(first="2h"))
    await eventually(lambda: house.daemon.lines("config.reloaded"), within=30)
    assert await house.rule_versions() == 2
    assert len(house.daemon.lines("config.refused")) == 1


async def test_applied_rules_are_taken_over_by_the_daemon_at_work(house: House) -> None:
    await house.daemon.start()
    await house.daemon.watching()
    candidate = house.folder / "candidate"
    candidate.mkdir()
    (candidate / "a.toml").write_text(RULES.format(first="2h"))
    code, printed = await house.daemon.says("sla", "apply", str(candidate))
    assert code == 0, printed
    assert house.daemon.lines("rules.followed")
    await house.mail(1)
    clocks = schema.clocks
    rows = await read(house.store, lambda c: c.execute(select(clocks.c.record)).scalars().all())
    assert {row["calendar"] for row in rows} == {"always"}
    await eventually(lambda: house.daemon.lines("config.reloaded"), within=30)  # the copied files
    assert await house.rule_versions() == 2


KILLED = (
    "import os, sys; from commsd.sla.rules.rulefolder import Exchange; "
    "Exchange.swap = lambda self: os.kill(os.getpid(), 9); "
    "from commsd.cli import main; main(sys.argv[1:])"
)


async def test_an_apply_that_was_killed_is_finished_at_the_start(house: House) -> None:
    """The version is in the store, and the folder still holds the former files."""
    rules, candidate = house.folder / "sla", house.folder / "candidate"
    for place, first in ((rules, "4h"), (candidate, "2h")):
        place.mkdir()
        (place / "a.toml").write_text(RULES.format(first=first))
    await house.daemon.start()
    await house.daemon.watching()
    assert await house.daemon.stop() == 0
    words = ("--config", str(house.folder), "sla", "apply", str(candidate))
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", KILLED, *words)
    assert await process.wait() == -signal.SIGKILL
    assert await house.rule_versions() == 2
    assert "4h" in (rules / "a.toml").read_text()
    await house.daemon.start()
    await house.daemon.watching()
    assert "2h" in (rules / "a.toml").read_text()
    assert len(house.daemon.lines("rules.handed_over")) == 1
    assert await house.rule_versions() == 2
    assert await house.daemon.stop() == 0


async def test_whoever_holds_the_folder_of_the_rules_does_not_keep_the_mail_waiting(house: House) -> None:
    await house.daemon.start()
    await house.daemon.watching()
    assert await house.daemon.stop() == 0
    async with held(house.folder / "sla", real_world()):  # such as an apply that somebody has suspended
        await house.daemon.start()
        assert await eventually(lambda: house.daemon.lines("rules.not_read"))
        await house.mail(1)
    assert await house.daemon.stop() == 0


async def test_a_zone_that_has_left_the_database_is_told_at_the_start(house: House) -> None:
    await house.daemon.start()
    await house.daemon.watching()
    assert house.daemon.lines("rules.zone_lost") == []
    assert await house.daemon.stop() == 0
    with closing(sqlite3.connect(house.store.removeprefix("sqlite:///"))) as store, store:
        store.execute("UPDATE rule_versions SET version = replace(version, 'Europe/Berlin', 'Europe/Gone')")
    await house.daemon.start()
    assert await eventually(lambda: house.daemon.lines("rules.zone_lost"))
    (line,) = house.daemon.lines("rules.zone_lost")
    assert "Europe/Gone" in str(line)
    assert await house.daemon.stop() == 0


async def test_files_changed_while_it_was_down_are_applied_at_the_start(house: House) -> None:
    for hours in ("09:00-17:00", "08:00-18:00"):
        house.rewrite("09:00-17:00", hours)
        await house.daemon.start()
        await house.daemon.watching()
        assert await house.daemon.stop() == 0
    assert await house.rule_versions() == 2


async def test_i6_a_mailbox_renamed_at_a_reload_goes_on_where_it_was_and_doubles_nothing(house: House) -> None:
    await house.daemon.start()
    await house.daemon.watching()
    await house.mail(1, 2)
    await house.sink.stop()
    await asyncio.to_thread(house.dovecot.deliver, house.user, letter(3))
    await eventually(lambda: house.daemon.lines("smtp.unavailable"))
    house.rewrite("[mailbox.support]", "[mailbox.help]")
    house.daemon.tell(signal.SIGHUP)
    await eventually(lambda: house.daemon.lines("mailbox.renamed", duty="mail.watch.help"))
    await house.sink.start()
    await house.mail(3, 4)
    await eventually(partial(_states_are, house, ["sent"] * 4))
    assert sum(line["owed"] for line in house.daemon.lines("mailbox.renamed")) == 1
    assert [line["level"] for line in house.daemon.lines("duty.failed")] == []
    assert await house.daemon.stop() == 0
    assert sorted(acks(house.sink.accepted)) == [f"<mail-{number}@example.org>" for number in (1, 2, 3, 4)]
    assert len(house.sink.accepted) == 4


async def test_a_bad_file_at_the_start_is_told_with_its_place_and_exit_code(house: House) -> None:
    house.rewrite('hours = "mon-fri', 'hors = "mon-fri')
    code, printed = await house.daemon.says("run")
    assert code == 78
    assert "commsd.toml:5:" in printed


async def test_the_own_key_is_made_once_and_nobody_else_may_read_it(house: House) -> None:
    keys = []
    for _ in range(2):
        await house.daemon.start()
        await house.daemon.watching()
        assert await house.daemon.stop() == 0
        keys.append((house.daemon.state / "key").read_text())
    assert keys[0] == keys[1]
    assert len(keys[0]) == 64
    assert stat.S_IMODE((house.daemon.state / "key").stat().st_mode) == 0o600


async def test_sigterm_waits_for_acknowledgements_that_are_under_way(house: House) -> None:
    await house.daemon.start()
    await house.daemon.watching()
    await house.mail(91, 92, 93)
    ending = asyncio.ensure_future(house.daemon.stop())
    await eventually(lambda: house.daemon.lines("daemon.stopping"))
    for _ in range(3):
        assert house.daemon.up
        await house.ack_states()
    assert await house.ack_states() == ["sending"] * 3
    house.sink.release.set()
    assert await ending == 0
    assert await house.ack_states() == ["sent"] * 3
    await house.daemon.start()
    await house.daemon.watching()
    assert len(house.sink.accepted) == 3


async def _states_are(house: House, states: list[str]) -> bool:
    return await house.ack_states() == states


async def test_one_silent_mail_server_delays_nobody_at_a_reload_and_its_answer_still_counts(house: House) -> None:
    await house.daemon.start()
    await house.daemon.watching()
    await house.mail(91)
    for number in (1, 2):
        house.daemon.tell(signal.SIGHUP)
        await eventually(partial(_reloaded, house, number))
        await house.mail(number)
    await eventually(partial(_states_are, house, ["sending", "sent", "sent"]))
    house.sink.release.set()
    await eventually(lambda: _all_sent(house))
    assert len(house.sink.accepted) == 3
    assert await house.daemon.stop() == 0


def _reloaded(house: House, times: int) -> bool:
    return len(house.daemon.lines("config.reloaded")) == times


async def _all_sent(house: House) -> bool:
    return await house.ack_states() == ["sent"] * 3


def test_a_stop_takes_less_time_than_systemd_gives() -> None:
    unit = (Path(__file__).parent.parent / "systemd" / "commsd.service").read_text()
    (given,) = [float(line.partition("=")[2]) for line in unit.splitlines() if line.startswith("TimeoutStopSec=")]
    assert Patience().grace + 2 * GOODBYE < STOP_DEADLINE
    assert given - 15 >= SETTLE + 2 * GRACE + STOP_DEADLINE + 2 * GOODBYE


async def test_systemd_is_told_when_it_is_ready_and_when_it_stops(house: House) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as manager:
        manager.bind(str(house.folder / "notify"))
        house.daemon.env = {"NOTIFY_SOCKET": str(house.folder / "notify")}
        await house.daemon.start()
        await house.daemon.watching()
        await house.daemon.stop()
        told = []
        while True:
            try:
                told.append(manager.recv(4096).decode().splitlines()[0])
            except BlockingIOError:
                break
    assert told == ["READY=1", "STOPPING=1"]


async def test_who_asks_for_the_ready_daemon_finds_it_at_work(house: House) -> None:
    """READY comes after the store is migrated and the rules are in force, not before."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK) as manager:
        manager.bind(str(house.folder / "notify"))
        house.daemon.env = {"NOTIFY_SOCKET": str(house.folder / "notify")}
        await house.daemon.start()
        async with asyncio.timeout(30):
            first = await asyncio.get_running_loop().sock_recv(manager, 4096)
    assert first.startswith(b"READY=1")
    assert await house.rule_versions() == 1


@pytest.mark.parametrize("reached", ["from nowhere", "on a listener of its own"])
async def test_the_buttons_of_the_page_lead_somewhere_whether_anything_is_public_or_not(
    house: House, reached: str
) -> None:
    if reached == "on a listener of its own":
        house.rewrite("[service]", '[service]\npublic_url = "https://contact.example.com"')
    await house.daemon.start()
    (own, *_) = await eventually(lambda: house.daemon.lines("http.listening", listener="web.api"))
    async with httpx.AsyncClient() as browser:
        answer = await browser.get(f"http://127.0.0.1:{own['port']}/a/x", headers={"Accept": "text/html"})
    assert "This link is over" in answer.text
