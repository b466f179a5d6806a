"""The write connection of an SQLite store stays open, and nobody notices."""

import os
from pathlib import Path

import pytest
from sqlalchemy import Connection

from commsd.store.engine import SqliteEngine


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


async def test_a_closed_store_holds_no_file_open(tmp_path: Path) -> None:
    engine = SqliteEngine(f"sqlite:///{tmp_path}/c.db")
    await engine.commit(lambda connection: connection.exec_driver_sql("CREATE TABLE said (word)"))
    await engine.close()
    assert os.listdir(tmp_path) == ["c.db"]  # the last connection takes -wal and -shm away
