"""A store that does not answer: what is said, and that it says what to do."""

import os
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from commsd.crm.problem import problem_of
from commsd.errors import StoreAway, Unreachable
from commsd.store.engine import open_engine, ping
from commsd.store.file_watch import StoreFileLost
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from commsd.store.silence import PUT_BACK, silence_of
from tests.eventually import eventually
from tests.world import ScriptedWorld


async def test_a_file_that_was_moved_is_told_of_with_what_to_do_in_the_log_the_check_and_the_answer(
    tmp_path: Path, scripted_world: ScriptedWorld
) -> None:
    log = Log(open_engine(f"sqlite:///{tmp_path / 'c.db'}"), scripted_world.world)
    await log.engine.commit(upgrade)
    log.start()
    os.rename(tmp_path / "c.db", tmp_path / "elsewhere")
    with capture_logs() as logged:
        waiting = log.writer.write(lambda connection: None)
        await eventually(lambda: log.away())
    (said,) = [line for line in logged if line["event"] == "store.unavailable"]
    assert (said["error"], said["remedy"]) == ("StoreFileLost", PUT_BACK)
    assert said["what"].endswith("c.db was moved, deleted or replaced")
    assert PUT_BACK in (log.away() or "")
    with pytest.raises(StoreAway) as refused:
        await log.read(lambda connection: None)
    answer = problem_of(refused.value)
    assert (answer.status_code, PUT_BACK.encode() in answer.body) == (503, True)
    os.rename(tmp_path / "elsewhere", tmp_path / "c.db")
    await waiting
    await log.close()


def test_each_kind_of_store_has_its_own_remedy_and_a_lost_file_one_of_its_own() -> None:
    assert "the server runs" in silence_of(TimeoutError(), "postgresql").remedy
    assert "the disk is not full" in silence_of(TimeoutError(), "sqlite").remedy
    assert "delete the -wal and -shm" in silence_of(StoreFileLost("c.db was moved"), "sqlite").remedy
    lost_log = silence_of(StoreFileLost("c.db-wal was moved, deleted or replaced"), "sqlite").remedy
    assert "stop the daemon" in lost_log
    assert "delete" not in lost_log
    assert "secret" not in silence_of(OSError("secret"), "sqlite").what


async def test_a_file_that_cannot_be_opened_is_looked_for_on_this_machine_not_on_a_server(tmp_path: Path) -> None:
    (tmp_path / "c.db").mkdir()
    engine = open_engine(f"sqlite:///{tmp_path / 'c.db'}")
    with pytest.raises(Unreachable) as refused:
        await ping(engine)
    assert "may read and write it and its folder" in refused.value.remedy
    await engine.close()
