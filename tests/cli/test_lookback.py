"""`commsd lookback` on a real mailbox: what it prints, how it ends, and that it leaves everything as it was."""

import hashlib
import sys
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

import pytest

from commsd.world import real_world
from tests.cli.office import Ran, commsd
from tests.end_to_end.house import ADDRESS, letter, write_config
from tests.neighbours.dovecot import Dovecot
from tests.neighbours.place import free_port

DEAD = """
[mailbox.sales]
address = "sales@commsd.test"
imap = {{ host = "127.0.0.1", port = {port}, tls = "none", username = "s", password = {{ credential = "support" }} }}
smtp = {{ host = "127.0.0.1", port = {port}, tls = "none", username = "" }}
"""


class Shop:
    """A firm whose mailbox holds two weeks of mail: three people wrote, one was answered; a newsletter came."""

    def __init__(self, folder: Path, dovecot: Dovecot, more: str = "") -> None:
        self.folder, self.dovecot, self.user = folder, dovecot, dovecot.user(ADDRESS)
        url = f"sqlite:///{folder}/commsd.db"
        hours = "mon-sun 00:00-24:00"
        write_config(folder, dovecot, self.user, smtp=free_port(), store=url, hours=hours, more=more)
        begun = real_world().now() - timedelta(days=14)
        for number in (1, 2, 3):
            dovecot.deliver(self.user, letter(number), internal_date=begun + timedelta(days=number))
        news = b"List-Id: <news.example.org>\r\n" + letter(4)
        dovecot.deliver(self.user, news, internal_date=begun)
        answer = letter(9, sender="Anna <anna@commsd.test>", subject="Re: Order 1 has not arrived")
        answer = answer.replace(f"To: {ADDRESS}".encode(), b"To: customer-1@example.org")
        dovecot.deliver(self.user, answer, folder="Sent", internal_date=begun + timedelta(days=1, hours=3))

    def commsd(self, *words: str) -> Ran:
        return commsd("--config", str(self.folder), *words)

    def everything(self) -> Mapping[str, object]:
        """All that a command could have changed: the flags, and every file but what SQLite keeps to read."""
        files = {
            str(path): hashlib.sha256(path.read_bytes()).hexdigest()
            for path in sorted(self.folder.rglob("*"))
            if path.is_file() and not path.name.endswith(("-wal", "-shm"))
        }
        return {**files, "flags": self.dovecot.flags(self.user), "sent": self.dovecot.flags(self.user, "Sent")}


@pytest.fixture(autouse=True)
def _state(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))


def test_it_tells_in_figures_who_was_answered_and_who_waits(tmp_path: Path, dovecot: Dovecot) -> None:
    ran = Shop(tmp_path / "firm", dovecot).commsd("lookback", "--json")
    assert ran.code == 1, ran.err
    box = ran.json["mail"]["mailboxes"]["support"]
    assert (box["received"], box["from_people"], box["answered"], box["unanswered"]) == (4, 3, 1, 2)
    assert box["from_machines"] == {"list": 1}
    assert box["would_acknowledge"] == {"full": 3, "short": 0}
    assert box["response_s"]["median"]["at_least"] is True
    waiting = ran.json["mail"]["unanswered"]
    assert [each["from"] for each in waiting] == ["customer-2@example.org", "customer-3@example.org"]
    assert all(each["late"] for each in waiting)
    assert (ran.json["calls"], ran.json["not_read"]) == (None, [])


def test_it_is_read_by_people_too(tmp_path: Path, dovecot: Dovecot) -> None:
    ran = Shop(tmp_path / "firm", dovecot).commsd("lookback")
    assert "customer-2@example.org  Order 2 has not arrived" in ran.out
    assert "By machines, which get no acknowledgement: 1 mail (list 1)." in ran.out
    assert "commsd would have acknowledged 3 mails at once" in ran.out
    sys.stdout.write(ran.out)  # pytest -rP
    assert ran.err == ""  # nobody looks on: no bar


def test_it_leaves_mailbox_store_and_folder_as_they_were(tmp_path: Path, dovecot: Dovecot) -> None:
    shop = Shop(tmp_path / "firm", dovecot)
    assert shop.commsd("db", "upgrade").code == 0
    before = shop.everything()
    assert shop.commsd("lookback").code == 1
    assert shop.everything() == before


def test_it_needs_no_database_and_makes_none(tmp_path: Path, dovecot: Dovecot) -> None:
    shop = Shop(tmp_path / "firm", dovecot)
    before = shop.everything()
    assert shop.commsd("lookback", "--since", "20d").code == 1
    assert shop.everything() == before


def test_a_mailbox_that_cannot_be_reached_is_named_and_the_others_are_told(tmp_path: Path, dovecot: Dovecot) -> None:
    shop = Shop(tmp_path / "firm", dovecot, more=DEAD.format(port=free_port()))
    ran = shop.commsd("lookback", "--json")
    assert ran.code == 69
    assert ran.json["mail"]["mailboxes"]["support"]["received"] == 4
    assert [each["mailbox"] for each in ran.json["not_read"]] == ["sales"]
    assert ran.err.startswith("sales: not read: ")


def test_where_nobody_waits_it_ends_well(tmp_path: Path, dovecot: Dovecot) -> None:
    ran = Shop(tmp_path / "firm", dovecot).commsd("lookback", "--since", "1h")
    assert ran.code == 0, ran.out + ran.err
    assert "no mail" in ran.out


@pytest.mark.parametrize("age", ["soon", "0d", "-3d", "99999d"])
def test_an_age_that_is_none_is_refused_with_an_example(tmp_path: Path, dovecot: Dovecot, age: str) -> None:
    ran = Shop(tmp_path / "firm", dovecot).commsd("lookback", f"--since={age}")
    assert ran.code == 2
    assert "such as 30d" in ran.err
