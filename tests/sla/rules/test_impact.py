"""Counting over a store what a change of rules would move, and what then moves. On both stores."""

import asyncio
import multiprocessing
import os
import signal
from dataclasses import replace
from datetime import timedelta

import pytest

from commsd.core.impact import Amendment, Impact
from commsd.core.policy import ClockKind, Version
from commsd.errors import TryAgain
from commsd.sla.rules import impact
from commsd.sla.rules.impact import counted
from commsd.store.log import Log
from tests.sla.rules.test_in_force import FIRST, Desk, answering_within
from tests.world import ScriptedWorld


async def would(desk: Desk, url: str, after: Version) -> tuple[Impact, int]:
    now = desk.world.now
    new = replace(after, effective_from=now, applies="running")
    before = desk.rules.terms.versions
    amendment = Amendment(before, (*before, new), now, now, retargets=True)
    seen: list[tuple[int, int]] = []
    found = await asyncio.to_thread(counted, url, amendment, None, lambda done, of: seen.append((done, of)))
    assert seen[-1] == (found[0].cases, found[0].cases)
    return found


async def desk_with(log: Log, world: ScriptedWorld, customers: int) -> Desk:
    desk = Desk(log, world)
    await desk.rules.bring_in(FIRST, {}, world.now)
    for number in range(customers):
        await desk.write(f"{number}@example.org")
        world.advance(timedelta(minutes=20))
    return desk


async def test_what_was_counted_is_what_then_happens(log: Log, scripted_world: ScriptedWorld, store_url: str) -> None:
    desk = await desk_with(log, scripted_world, 6)
    found, clocks = await would(desk, store_url, answering_within(1))
    assert clocks == 12
    first = found.moves["standard", "first_response"]
    assert (first.clocks, first.earlier, first.at_once) == (6, 6, 4)
    await desk.apply(answering_within(1), applies="running")
    changed = scripted_world.advance(timedelta(seconds=1)) - timedelta(seconds=1)
    await desk.look()
    due = [(await desk.clock(f"{number}@example.org")).value.due_at for number in range(6)]
    assert sum(at == changed for at in due) == 4


async def test_a_log_that_lags_behind_the_rules_is_not_believed(
    log: Log, scripted_world: ScriptedWorld, store_url: str
) -> None:
    """Running clocks were taken over a moment ago, and the escalation has not looked at them yet."""
    desk = await desk_with(log, scripted_world, 3)
    await desk.apply(answering_within(3), applies="running")
    scripted_world.advance(timedelta(seconds=1))
    again, _ = await would(desk, store_url, answering_within(3, "again"))
    assert again.total.moved == 0
    back, _ = await would(desk, store_url, FIRST)
    assert back.moves["standard", "first_response"].later == 3


async def test_a_clock_without_a_policy_any_more_is_lost(
    log: Log, scripted_world: ScriptedWorld, store_url: str
) -> None:
    desk = await desk_with(log, scripted_world, 2)
    policy = FIRST.policies["standard"]
    targets = dict(policy.targets)
    del targets[ClockKind.FIRST_RESPONSE]
    found, _ = await would(desk, store_url, replace(FIRST, policies={"standard": replace(policy, targets=targets)}))
    assert found.moves["standard", "first_response"].lost == 2


async def test_a_counting_process_that_is_killed_is_an_error_with_a_remedy(
    log: Log, scripted_world: ScriptedWorld, store_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(impact, "FEW", 0)
    monkeypatch.setattr(impact, "CHUNK", 1)
    desk = await desk_with(log, scripted_world, 40)
    new = replace(answering_within(1), effective_from=desk.world.now, applies="running")
    before = desk.rules.terms.versions
    amendment = Amendment(before, (*before, new), desk.world.now, desk.world.now, retargets=True)

    def killed(_done: int, _of: int) -> None:
        for child in multiprocessing.active_children():
            os.kill(child.pid or 0, signal.SIGKILL)

    with pytest.raises(TryAgain, match="process that counted the clocks died"):
        await asyncio.to_thread(counted, store_url, amendment, None, killed)
