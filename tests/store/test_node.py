"""Who inherits what a killed process had claimed: its successor on the same state folder, and nobody else."""

from datetime import timedelta
from pathlib import Path

from commsd.store import node
from commsd.store.claims import Claims
from commsd.store.log import Log
from tests.world import ScriptedWorld

TTL = timedelta(minutes=5)


def test_one_state_folder_is_one_node_with_a_new_life_each_time(tmp_path: Path, scripted_world: ScriptedWorld) -> None:
    owners = []
    for _ in range(2):
        life = node.begin(tmp_path, scripted_world.world)
        owners.append(life.owner)
        life.end()
    first, second = (owner.split("/") for owner in owners)
    assert first[0] == second[0]
    assert first[1] != second[1]


def test_who_comes_to_a_folder_on_which_another_lives_is_nobodys_heir(
    tmp_path: Path, scripted_world: ScriptedWorld
) -> None:
    living = node.begin(tmp_path, scripted_world.world)
    guest = node.begin(tmp_path, scripted_world.world)
    assert guest.owner.split("/")[0] != living.owner.split("/")[0]
    for life in (living, guest):
        life.end()


async def test_a_lease_of_our_earlier_life_is_ours_at_once_and_its_fence_is_void(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    before = await Claims(log, scripted_world.world, "berlin/1").lease("support/watch", TTL)
    after = Claims(log, scripted_world.world, "berlin/2")
    assert await after.lease("support/watch", TTL) is None
    await after.inherit()
    fence = await after.lease("support/watch", TTL)
    assert before
    assert fence
    assert fence.number > before.number


async def test_a_lease_of_another_node_is_waited_for(log: Log, scripted_world: ScriptedWorld) -> None:
    assert await Claims(log, scripted_world.world, "berlin-2/1").lease("support/watch", TTL)
    other = Claims(log, scripted_world.world, "berlin/1")
    await other.inherit()
    assert await other.lease("support/watch", TTL) is None
