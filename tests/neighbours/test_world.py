"""The scripted world is a World."""

import uuid
from datetime import timedelta

import pytest

from tests.eventually import eventually
from tests.world import ScriptedWorld


def test_time_stands_until_it_is_moved(scripted_world: ScriptedWorld) -> None:
    before = scripted_world.world.now()
    assert scripted_world.world.now() == before
    scripted_world.advance(timedelta(hours=1))
    assert scripted_world.world.now() - before == timedelta(hours=1)


def test_ids_are_uuidv7_and_rise(scripted_world: ScriptedWorld) -> None:
    ids = [scripted_world.world.new_id(), scripted_world.world.new_id()]
    scripted_world.advance(timedelta(milliseconds=1))
    ids.append(scripted_world.world.new_id())
    assert ids == sorted(set(ids))
    for each in map(uuid.UUID, ids):
        assert (each.version, each.variant) == (7, uuid.RFC_4122)


async def test_a_sleep_is_noted_and_moves_nothing(scripted_world: ScriptedWorld) -> None:
    before = scripted_world.now
    await scripted_world.world.sleep(30)
    assert scripted_world.slept == [30]
    assert scripted_world.now == before


async def test_eventually_gives_what_came_and_fails_when_nothing_came() -> None:
    answers = iter([0, 0, 5])
    assert await eventually(lambda: next(answers)) == 5
    with pytest.raises(AssertionError, match="still 0"):
        await eventually(lambda: 0, within=0.05)
