"""A store that is deleted or replaced under a running daemon takes nothing more, in silence or otherwise."""

import asyncio
import os
import shutil
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest
from sqlalchemy import Connection

from commsd.errors import StoreAway
from commsd.store import notes
from commsd.store.engine import SqliteEngine
from commsd.store.file_watch import FileWatch, StoreFileLost
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from tests.eventually import eventually
from tests.world import ScriptedWorld


@pytest.fixture
async def engine(tmp_path: Path) -> AsyncIterator[SqliteEngine]:
    engine = SqliteEngine(f"sqlite:///{tmp_path}/c.db")
    await engine.commit(upgrade)
    yield engine
    await engine.close()


def wrote(connection: Connection) -> None:
    notes.write(connection, "said", "something")


def unsaid(connection: Connection) -> None:
    connection.exec_driver_sql("DELETE FROM notes WHERE name = 'said'").close()


def read(connection: Connection) -> object:
    return notes.read(connection, "said")


def kept(path: Path) -> list[str]:
    with closing(connect(path)) as connection:
        return [row[0] for row in connection.execute("SELECT name FROM notes WHERE name = 'said'")]


async def test_a_deleted_store_is_neither_read_nor_written(engine: SqliteEngine, tmp_path: Path) -> None:
    (tmp_path / "c.db").unlink()
    with pytest.raises(StoreFileLost, match=r"c\.db was moved"):
        await engine.commit(wrote)
    with pytest.raises(StoreFileLost):
        await engine.read(read)
    assert not (tmp_path / "c.db").exists(), "nobody makes an empty one in its place"


async def test_a_backup_put_in_place_of_a_store_in_use_is_left_as_it_is(engine: SqliteEngine, tmp_path: Path) -> None:
    await engine.tidy()
    shutil.copy(tmp_path / "c.db", tmp_path / "backup")
    os.replace(tmp_path / "backup", tmp_path / "c.db")
    with pytest.raises(StoreFileLost):
        await engine.commit(wrote)
    await engine.close()
    assert kept(tmp_path / "c.db") == []


@pytest.mark.parametrize("another", [False, True])
async def test_without_its_own_write_ahead_log_nothing_is_committed(
    engine: SqliteEngine, tmp_path: Path, another: bool
) -> None:
    """Nor read: a new connection would not see what the lost log holds. A clean stop saves that."""
    await engine.commit(wrote)
    (tmp_path / "c.db-wal").unlink()
    if another:
        (tmp_path / "c.db-wal").touch()
    for _ in range(3):
        with pytest.raises(StoreFileLost, match=r"c\.db-wal was"):
            await engine.commit(unsaid)
        with pytest.raises(StoreFileLost):
            await engine.read(read)
        with pytest.raises(StoreFileLost):
            await engine.tidy()
    await engine.close()
    assert kept(tmp_path / "c.db") == ["said"]


async def test_a_write_ahead_log_lost_within_a_commit_takes_that_one_back_too(
    engine: SqliteEngine, tmp_path: Path
) -> None:
    def lose(connection: Connection) -> None:
        wrote(connection)
        (tmp_path / "c.db-wal").unlink()

    for _ in range(2):
        with pytest.raises(StoreFileLost):
            await engine.commit(lose)
    await engine.close()
    assert kept(tmp_path / "c.db") == []


async def test_who_waits_is_not_told_of_a_commit_that_a_lost_log_would_have_swallowed(
    engine: SqliteEngine, tmp_path: Path, scripted_world: ScriptedWorld
) -> None:
    """As it was lost: the writer tried again, took the log it held for the one it had found missing, and went on."""
    log = Log(engine, scripted_world.world)
    log.start()
    (tmp_path / "c.db-wal").unlink()
    waiting = asyncio.ensure_future(log.writer.write(wrote))
    await eventually(lambda: waiting.done() or len(scripted_world.slept) > 3)
    assert not waiting.done()
    assert "StoreFileLost" in (log.away() or "")
    await log.close()
    assert kept(tmp_path / "c.db") == []


async def test_a_log_that_was_put_back_is_written_again(engine: SqliteEngine, tmp_path: Path) -> None:
    os.rename(tmp_path / "c.db-wal", tmp_path / "elsewhere")
    with pytest.raises(StoreFileLost):
        await engine.commit(wrote)
    os.rename(tmp_path / "elsewhere", tmp_path / "c.db-wal")
    await engine.commit(wrote)
    assert await engine.read(read) == "something"


BESIDE = (
    "SELECT count(*) FROM notes",
    "VACUUM",
    "VACUUM INTO '{folder}/copy.db'",
    "PRAGMA wal_checkpoint(TRUNCATE)",
    "PRAGMA wal_checkpoint(RESTART)",
    "PRAGMA journal_mode=DELETE",
)


@pytest.mark.parametrize("statement", BESIDE)
async def test_what_another_process_does_to_the_store_stops_nobody(
    engine: SqliteEngine, tmp_path: Path, statement: str
) -> None:
    """It opens the store and closes it, which would remove the log if we held none."""
    await engine.commit(wrote)
    await asyncio.to_thread(_beside, tmp_path / "c.db", statement.format(folder=tmp_path))
    for _ in range(2):
        await engine.commit(unsaid)
        await engine.commit(wrote)
        assert await engine.read(read) == "something"


def _beside(path: Path, statement: str) -> None:
    code = """
import sqlite3, sys
connection = sqlite3.connect(sys.argv[1], timeout=1, isolation_level=None)
try:
    connection.execute(sys.argv[2]).fetchall()
except sqlite3.OperationalError as error:
    assert "locked" in str(error), error
connection.close()
"""
    subprocess.run([sys.executable, "-c", code, str(path), statement], check=True, timeout=30)


async def test_a_log_that_was_emptied_is_still_the_same(engine: SqliteEngine) -> None:
    for _ in range(3):
        assert await engine.tidy()
        await engine.commit(wrote)
        await engine.commit(unsaid)


def test_a_log_that_sqlite_removed_with_our_last_connection_is_not_missed(tmp_path: Path) -> None:
    path = tmp_path / "c.db"
    path.touch()
    watch = FileWatch(path)
    for _ in range(2):
        with closing(connect(path)) as connection:
            connection.execute("PRAGMA journal_mode=WAL")
            connection.execute("CREATE TABLE IF NOT EXISTS notes (name)")
            watch.opened()
            watch.must_be_there()
            watch.closing()
        assert not path.with_name("c.db-wal").exists()
        watch.must_be_there()


async def test_the_first_to_open_a_store_may_be_a_reader(tmp_path: Path) -> None:
    """Its log is ours from then on: the writer that comes later does not take another for it."""
    first = SqliteEngine(f"sqlite:///{tmp_path}/c.db")
    await first.commit(upgrade)
    await first.close()
    engine = SqliteEngine(f"sqlite:///{tmp_path}/c.db")
    assert await engine.read(read) is None
    (tmp_path / "c.db-wal").unlink()
    with pytest.raises(StoreFileLost):
        await engine.commit(wrote)
    assert not (tmp_path / "c.db-wal").exists(), "nobody makes another in its place"
    await engine.close()


async def test_moved_away_and_back_it_takes_what_waited(
    engine: SqliteEngine, tmp_path: Path, scripted_world: ScriptedWorld
) -> None:
    log = Log(engine, scripted_world.world)
    log.start()
    assert log.away() is None
    os.rename(tmp_path / "c.db", tmp_path / "elsewhere")
    waiting = log.writer.write(wrote)
    await eventually(lambda: log.away())
    assert "StoreFileLost" in (log.away() or "")
    with pytest.raises(StoreAway):
        await log.read(read)
    os.rename(tmp_path / "elsewhere", tmp_path / "c.db")
    await waiting
    assert (await log.read(read), log.away()) == ("something", None)
    await log.close()


async def test_a_connection_that_was_given_up_after_an_error_begins_anew(engine: SqliteEngine) -> None:
    def spoil(_connection: Connection) -> None:
        raise ValueError("half done")

    with pytest.raises(ValueError, match="half done"):
        await engine.commit(spoil)
    await engine.commit(wrote)
    assert await engine.read(read) == "something"
