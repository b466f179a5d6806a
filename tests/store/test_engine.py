"""How each database is connected to: what stays open, what goes on beside what, and how long records are packed."""

import asyncio
import os
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

from commsd.errors import StoreAway
from commsd.store.engine import BUSY_MS, SqliteEngine, open_engine
from commsd.store.log import Log
from commsd.web.watch import Health
from commsd.world import real_world
from tests.eventually import eventually
from tests.neighbours.postgres import Postgres
from tests.world import ScriptedWorld


def _spoil(connection: Connection) -> None:
    connection.exec_driver_sql("INSERT INTO said VALUES ('half')")
    raise ValueError("the rest is not to be had")


def _count(connection: Connection) -> int:
    return int(connection.exec_driver_sql("SELECT count(*) FROM said").scalar_one())


async def test_a_commit_that_fails_leaves_nothing_to_the_next_one(tmp_path: Path) -> None:
    engine = SqliteEngine(f"sqlite:///{tmp_path}/c.db")
    await engine.commit(lambda connection: connection.exec_driver_sql("CREATE TABLE said (word)"))
    with pytest.raises(ValueError, match="not to be had"):
        await engine.commit(_spoil)
    await engine.commit(lambda connection: connection.exec_driver_sql("INSERT INTO said VALUES ('whole')"))
    assert (await engine.commit(_count), await engine.read(_count)) == (1, 1)
    await engine.close()


async def test_a_reader_keeps_the_traces_and_makes_no_commit_wait_long(tmp_path: Path) -> None:
    """While a backup reads, nothing is tidied; and only the tidying is impatient."""
    engine = SqliteEngine(f"sqlite:///{tmp_path}/c.db")
    await engine.commit(lambda connection: connection.exec_driver_sql("CREATE TABLE said (word)"))
    with closing(sqlite3.connect(tmp_path / "c.db", isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT * FROM said").fetchall()
        await engine.commit(lambda connection: connection.exec_driver_sql("INSERT INTO said VALUES ('more')"))
        assert not await engine.tidy()
    assert await engine.tidy()
    assert {await engine.read(_patience) for _ in range(3)} == {BUSY_MS}
    await engine.close()


def _patience(connection: Connection) -> int:
    return int(connection.exec_driver_sql("PRAGMA busy_timeout").scalar_one())


async def test_a_closed_store_holds_no_file_open(tmp_path: Path) -> None:
    engine = SqliteEngine(f"sqlite:///{tmp_path}/c.db")
    await engine.commit(lambda connection: connection.exec_driver_sql("CREATE TABLE said (word)"))
    await engine.close()
    assert os.listdir(tmp_path) == ["c.db"]  # the last connection takes -wal and -shm away


async def test_postgresql_compresses_long_records_the_quick_way_where_it_can(postgres_url: str) -> None:
    def looked(connection: Connection) -> tuple[str, list[str]]:
        able = "SELECT setting, enumvals FROM pg_settings WHERE name = 'default_toast_compression'"
        way, ways = connection.exec_driver_sql(able).one()
        return way, ways

    engine = open_engine(postgres_url)
    way, ways = await engine.read(looked)
    assert way == ("lz4" if "lz4" in ways else "pglz")
    await engine.close()


async def test_log_3_postgresql_numbers_events_while_a_commit_is_under_way(postgres_url: str) -> None:
    log, other = Log(open_engine(postgres_url), real_world()), create_async_engine(postgres_url)
    log.start()
    take = "SELECT pg_advisory_xact_lock(1)"
    async with other.begin() as holder:
        await holder.exec_driver_sql(take)
        behind = asyncio.ensure_future(log.writer.write(lambda connection: connection.exec_driver_sql(take).all()))
        assert await log.aside(lambda connection: connection.exec_driver_sql("SELECT 7").scalar(), within=0.0) == 7
        assert not behind.done()
    await behind
    await other.dispose()
    await log.close()


async def test_numbering_says_that_postgresql_is_away(postgres: Postgres, postgres_url: str) -> None:
    log = Log(open_engine(postgres_url), real_world())
    postgres.stop()
    with pytest.raises(StoreAway, match="does not answer"):
        await log.aside(lambda connection: connection.exec_driver_sql("SELECT 7").scalar(), within=0.0)
    await log.engine.close()


async def test_a_read_that_takes_too_long_does_not_say_that_nothing_can_be_committed(
    store_url: str, scripted_world: ScriptedWorld
) -> None:
    """One long query kept the daemon unready until the next commit, which on a quiet day is long in coming."""
    log = Log(open_engine(store_url), scripted_world.world)
    log.start()
    health = Health(started=True, checks={"store": log.away})
    await log.writer.write(_nothing)
    with pytest.raises(StoreAway, match="TimeoutError"):
        await log.read(_too_slow)
    assert health.reasons() == {}
    await log.close()


async def test_a_good_read_does_not_say_that_something_can_be_committed(
    sqlite_url: str, scripted_world: ScriptedWorld
) -> None:
    log = Log(open_engine(sqlite_url), scripted_world.world)
    log.start()
    held = [True]

    def locked(_connection: Connection) -> None:
        if held:
            raise TimeoutError

    waiting = asyncio.ensure_future(log.writer.write(locked))
    await eventually(lambda: log.away())
    assert await log.read(lambda connection: connection.exec_driver_sql("SELECT 7").scalar()) == 7
    assert "TimeoutError" in (log.away() or "")
    held.clear()
    await waiting
    assert log.away() is None
    await log.close()


def _nothing(_connection: Connection) -> None:
    pass


def _too_slow(_connection: Connection) -> None:
    raise TimeoutError
