"""A store that is deleted or replaced under a running daemon takes nothing more, in silence or otherwise."""

import os
import shutil
from collections.abc import AsyncIterator
from contextlib import closing
from pathlib import Path
from sqlite3 import connect

import pytest
from sqlalchemy import Connection

from commsd.errors import StoreAway
from commsd.store import notes
from commsd.store.engine import SqliteEngine
from commsd.store.file_watch import StoreFileLost
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
    (tmp_path / "c.db-wal").unlink()
    if another:
        (tmp_path / "c.db-wal").touch()
    with pytest.raises(StoreFileLost, match=r"c\.db-wal was"):
        await engine.commit(wrote)


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
