"""`db backup`, `db check`, `db restored`: a copy beside a daemon that writes; what is found where rows contradict."""

import asyncio
import fcntl
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import pytest

from commsd.sla.rules.in_force import Rules
from commsd.store import backup, feed
from commsd.store.log import Log
from tests.cli.office import Office, commsd

DB = "commsd.db"


@contextmanager
def _opened(path: Path) -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(path, isolation_level=None)) as connection:
        yield connection


def _break(office: Office, statement: str) -> None:
    with _opened(office.folder / DB) as connection:
        connection.execute(statement)


def test_a_backup_is_one_whole_private_file(office: Office, tmp_path: Path) -> None:
    fact, path = office.mail(), tmp_path / "copy.db"
    ran = office.done("db", "backup", "--to", str(path))
    assert "state folder" in ran.out
    assert path.stat().st_mode & 0o777 == 0o600
    assert sorted(each.name for each in tmp_path.glob("copy*")) == ["copy.db"]
    with _opened(path) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert copy.execute("SELECT id FROM interactions").fetchall() == [(fact.id,)]


def test_a_backup_into_a_folder_is_named_by_its_time_and_overwrites_nothing(office: Office, tmp_path: Path) -> None:
    office.mail()
    told = office.done("db", "backup", "--to", str(tmp_path), "--json").json
    path = Path(told["file"])
    assert path.parent == tmp_path
    assert path.stat().st_size == told["bytes"]
    before = path.read_bytes()
    ran = office.commsd("db", "backup", "--to", str(path))
    assert (ran.code, path.read_bytes()) == (1, before)
    assert "nothing is overwritten" in ran.err


def test_a_backup_is_one_moment_while_the_daemon_writes_on(office: Office, tmp_path: Path) -> None:
    """Copied page by page with a commit between any two: SQLite's backup alone would begin anew each time."""
    office.mail()
    path, begun = tmp_path / "copy.db", 0
    with _opened(office.folder / DB) as writer:
        writer.execute("CREATE TABLE filler (n INTEGER, pad BLOB)")
        for number in range(200):
            writer.execute("INSERT INTO filler VALUES (?, zeroblob(4096))", (number,))

        def told(done: int, _pages: int) -> None:
            nonlocal begun
            begun += done <= 8
            writer.execute("INSERT INTO filler VALUES (-1, zeroblob(4096))")

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(backup, "STEP", 8)
            backup.copy(office.folder / DB, path, "another", told)
        assert writer.execute("SELECT count(*) FROM filler WHERE n < 0").fetchone()[0] > 20
    assert begun == 1
    with _opened(path) as copy:
        assert copy.execute("SELECT count(*) FROM filler WHERE n < 0").fetchone() == (0,)


def test_a_command_backs_up_while_the_daemons_writer_is_open(office: Office, tmp_path: Path) -> None:
    async def beside(_log: Log, _rules: Rules) -> int:
        words = ("--config", str(office.folder), "db", "backup", "--to", str(tmp_path / "copy.db"))
        return (await asyncio.to_thread(commsd, *words)).code

    office.mail()
    assert office.with_log(beside) == 0


def test_a_broken_off_backup_leaves_nothing_and_is_made_anew(office: Office, tmp_path: Path) -> None:
    office.mail()
    path = tmp_path / "copy.db"
    for ending in (".part", ".part-journal"):
        (tmp_path / f"copy.db{ending}").write_bytes(b"left by a kill" * 1000)
    office.done("db", "backup", "--to", str(path))
    assert sorted(each.name for each in tmp_path.glob("copy*")) == ["copy.db"]
    assert backup.damage_of(path) == []
    ran = office.commsd("db", "backup", "--to", str(tmp_path / "no" / "copy.db"))
    assert ran.code == 75
    assert "Traceback" not in ran.err


def test_two_backups_do_not_write_one_file(office: Office, tmp_path: Path) -> None:
    with (tmp_path / "copy.db.part").open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert office.commsd("db", "backup", "--to", str(tmp_path / "copy.db")).code == 75


def test_a_damaged_store_gives_no_backup(office: Office, tmp_path: Path) -> None:
    """A copy that does not hold together is worse than none: it is found the day it is needed."""
    for number in range(40):
        office.mail(f"jane{number}@example.org", external_ids=())
    _break(office, "PRAGMA wal_checkpoint(TRUNCATE)")
    path = office.folder / DB
    data = bytearray(path.read_bytes())
    for page in range(len(data) // 4096 // 2, len(data) // 4096):
        data[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(data)
    ran = office.commsd("db", "backup", "--to", str(tmp_path / "copy.db"))
    assert ran.code != 0
    assert list(tmp_path.glob("copy*")) == []
    assert "Traceback" not in ran.err
    checked = office.commsd("db", "check")
    assert checked.code == 1
    assert "the file is whole" in checked.out
    assert "Traceback" not in checked.err


def test_log5_a_restored_backup_begins_another_life_of_the_feed(office: Office, tmp_path: Path) -> None:
    async def epoch(log: Log, _rules: Rules) -> str:
        await log.writer.write(lambda connection: feed.prepare(connection, "of the original"))
        return (await log.read(feed.head))[0]

    before = office.with_log(epoch)
    office.done("db", "backup", "--to", str(tmp_path / "copy.db"))
    for ending in ("-wal", "-shm"):
        (office.folder / f"{DB}{ending}").unlink(missing_ok=True)
    (tmp_path / "copy.db").replace(office.folder / DB)
    office.done("db", "check")
    restored = office.with_log(epoch)
    assert restored != before


def test_log5_another_copy_begins_another_life_when_that_is_said(store_url: str, empty_office: Office) -> None:
    file = empty_office.folder / "commsd.toml"
    file.write_text(file.read_text().replace(f"sqlite:///{empty_office.folder / DB}", store_url))

    async def epoch(log: Log, _rules: Rules) -> str:
        await log.writer.write(lambda connection: feed.prepare(connection, "of the original"))
        return (await log.read(feed.head))[0]

    empty_office.done("db", "upgrade")
    before = empty_office.with_log(epoch)
    assert "feed-epoch-changed" in empty_office.done("db", "restored").out
    assert empty_office.with_log(epoch) != before


def test_postgres_is_copied_by_its_own_tool_and_the_line_is_told(postgres_url: str, empty_office: Office) -> None:
    file = empty_office.folder / "commsd.toml"
    file.write_text(file.read_text().replace(f"sqlite:///{empty_office.folder / DB}", postgres_url))
    ran = empty_office.commsd("db", "backup", "--to", "commsd.dump")
    assert ran.code == 1
    assert "pg_dump --format=custom --file=commsd.dump" in ran.err
    assert "commsd db restored" in ran.err
    assert "secret" not in backup.dump_line("postgresql+asyncpg://me:secret@db.example.org/commsd", Path("x y"))


@pytest.mark.parametrize(
    ("statement", "rule"),
    [
        ("UPDATE interactions SET current = 0", "one current revision"),
        ("INSERT INTO feed (seq, type, thing, subject, revision, event) VALUES (7, 'x', 'x', 'x', 1, '')", "dense"),
        ("UPDATE feed_head SET last = 3", "dense"),
        ("DELETE FROM cases", "an interaction's case is there"),
        ("DELETE FROM contacts", "an identity's contact is there"),
        ("INSERT INTO external_ids VALUES ('k', 'nobody')", "CallSid's interaction is there"),
        ("INSERT INTO personal VALUES ('case', 'nobody', 1, '{}')", "personal fields belong to a case"),
        ("INSERT INTO original_parts VALUES ('ab', 1, x'00')", "the parts of an original have it"),
    ],
)
def test_rows_that_contradict_each_other_are_found(office: Office, statement: str, rule: str) -> None:
    async def prepared(log: Log, _rules: Rules) -> None:
        await log.writer.write(lambda connection: feed.prepare(connection, "some"))

    office.mail()
    office.with_log(prepared)
    assert office.done("db", "check").out.startswith("fine: ")
    _break(office, statement)
    ran = office.commsd("db", "check")
    assert ran.code == 1
    assert rule in ran.out
    findings = office.commsd("db", "check", "--json").json["findings"]
    assert any(rule in each["rule"] and each["times"] >= 1 and each["some"] for each in findings)


def test_a_store_of_many_kinds_of_things_holds_together(store_url: str, empty_office: Office) -> None:
    file = empty_office.folder / "commsd.toml"
    file.write_text(file.read_text().replace(f"sqlite:///{empty_office.folder / DB}", store_url))
    empty_office.done("db", "upgrade")
    empty_office.mail()
    empty_office.missed_call()
    empty_office.done("record", "--channel", "letter", "--contact", "jane@example.org")
    people = empty_office.folder / "people.csv"
    rows = ("id,name,phone", *(f"{number},Person {number},+493023125077" for number in range(3)))
    people.write_text("\n".join(rows))  # they share a number
    empty_office.done("contacts", "import", str(people), "--system", "crm")
    empty_office.done("contacts", "merge", "crm:1", "crm:2")
    empty_office.done("contacts", "erase", "crm:2", "--yes")
    assert empty_office.done("db", "check", "--json").json["findings"] == []
