"""A replay shared out over processes counts what one process counts, and ends with a word when a process does not."""

import asyncio
import multiprocessing
import os
import signal
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from sqlalchemy import Connection, select

from commsd.core import key
from commsd.core.change import Change, change_of
from commsd.core.interaction import Interaction
from commsd.core.open_items import OpenItems
from commsd.core.policy import ClockKind, Target
from commsd.core.whatif.record import as_json
from commsd.core.whatif.replay import Question
from commsd.core.whatif.report import report
from commsd.core.whatif.tally import Tally
from commsd.errors import Unreachable
from commsd.sla.whatif import replay
from commsd.sla.whatif.replay import Past, ReplayFailed, replayed, span_of
from commsd.store import history, schema
from commsd.store.history import Part
from commsd.store.log import Log
from commsd.store.reading import read_only
from tests.core.items import answer_to, mail_from
from tests.eventually import eventually_blocking
from tests.house import STANDARD, TERMS
from tests.world import ScriptedWorld

CASES = 24


async def lived(log: Log, world: ScriptedWorld) -> Question:
    """Some days of mails with their answers, of which a 2 h target would have missed some."""
    since = world.now
    for number in range(CASES):
        sender, case_id = f"customer{number}@example.org", ""
        for make in (mail_from(sender), answer_to(sender)):

            def decide(items: OpenItems, make: Callable[[Any], Interaction] = make, case_id: str = case_id) -> Change:
                fact = make(items)
                return change_of(replace(fact, case_id=case_id or None), items, TERMS)

            keys = (*key.of_addresses(sender), *([key.of_case(case_id)] if case_id else []))
            case_id = (await log.decide(keys, decide)).cases[0].id
            world.advance(timedelta(minutes=40 + 20 * (number % 9)))
    (before,) = TERMS.versions
    short = {ClockKind.FIRST_RESPONSE: Target(duration=timedelta(hours=2))}
    candidate = replace(before, id="two", policies={"standard": replace(STANDARD, targets=short)})
    return Question(history=TERMS.versions, candidate=candidate, since=since, until=world.now, now=world.now)


def past(url: str, question: Question, size: int = 5) -> Past:
    with read_only(url) as store:
        return Past(url, store.read(lambda connection: history.parts(connection, span_of(question), size)))


def told(question: Question, tally: Tally) -> Any:
    return as_json(report(question, tally, ZoneInfo("Europe/Berlin"), "Europe/Berlin"))


async def test_two_processes_count_what_one_does(
    log: Log, store_url: str, scripted_world: ScriptedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = await lived(log, scripted_world)
    monkeypatch.setattr(replay, "ALONE", 0)
    steps: list[tuple[int, int]] = []

    def both() -> tuple[Any, Any]:
        whole = past(store_url, question)
        alone = replayed(whole, question, lambda *_: None, 1)
        shared = replayed(whole, question, lambda *step: steps.append(step), 2)
        return told(question, alone), told(question, shared)

    alone, shared = await asyncio.to_thread(both)
    assert shared == alone
    assert shared["head"]["cases"] == CASES
    assert shared["log"]["differing"] == 0
    assert shared["total"]["newly_breached"] > 0
    assert steps[-1] == (CASES, CASES)


async def test_a_replay_leaves_the_store_as_it_was(log: Log, store_url: str, scripted_world: ScriptedWorld) -> None:
    question = await lived(log, scripted_world)

    def everything() -> dict[str, list[str]]:
        with read_only(store_url) as store:
            return store.read(_rows)

    before = await asyncio.to_thread(everything)
    await asyncio.to_thread(lambda: replayed(past(store_url, question), question, lambda *_: None, 1))
    assert await asyncio.to_thread(everything) == before
    assert before["interactions"]


def _rows(connection: Connection) -> dict[str, list[str]]:
    return {
        table.name: sorted(map(repr, connection.execute(select(table)).all()))
        for table in schema.metadata.sorted_tables
    }


async def test_a_process_that_dies_is_an_error_with_a_remedy(
    log: Log, store_url: str, scripted_world: ScriptedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = await lived(log, scripted_world)
    monkeypatch.setattr(replay, "ALONE", 0)

    def killed(done: int, of: int) -> None:
        for child in multiprocessing.active_children():
            os.kill(child.pid or 0, signal.SIGKILL)

    with pytest.raises(ReplayFailed, match="--processes 1"):
        await asyncio.to_thread(lambda: replayed(past(store_url, question, 1), question, killed, 2))


async def test_who_stops_it_leaves_no_process_behind(
    log: Log, store_url: str, scripted_world: ScriptedWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    question = await lived(log, scripted_world)
    monkeypatch.setattr(replay, "ALONE", 0)

    workers: set[int] = set()

    def stopped(done: int, of: int) -> None:
        workers.update(child.pid or 0 for child in multiprocessing.active_children())
        raise KeyboardInterrupt

    def interrupted() -> None:
        with pytest.raises(KeyboardInterrupt):
            replayed(past(store_url, question, 1), question, stopped, 2)
        eventually_blocking(lambda: not any(map(_lives, workers)), within=10)

    await asyncio.to_thread(interrupted)
    assert workers


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_database_that_is_gone_is_said_so(tmp_path: Path) -> None:
    (version,) = TERMS.versions
    now = version.effective_from + timedelta(days=2)
    question = Question(history=(version,), candidate=version, since=version.effective_from, until=now, now=now)
    gone = Past(f"sqlite:///{tmp_path / 'gone.db'}", (Part("a", "b", 1),))
    with pytest.raises(Unreachable, match="db check"):
        replayed(gone, question, lambda *_: None, 1)
