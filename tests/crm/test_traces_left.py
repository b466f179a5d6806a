"""Somebody holds the database when a person was erased: what lies beside the rows is tried again, and told of else."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from commsd.crm.idle import Idle
from commsd.sla.rules.in_force import Rules
from commsd.store.claims import Claims
from commsd.store.last_traces import TRIES
from tests.crm.serving import Place, wrote
from tests.crm.test_idle import YEARS, erased, over
from tests.world import ScriptedWorld


class Held:
    """A database that somebody holds for so many tries to let go of the traces."""

    def __init__(self, times: int) -> None:
        self.left, self.asked = times, 0

    async def tidy(self) -> bool:
        self.asked += 1
        self.left -= 1
        return self.left < 0


@pytest.fixture(params=[1, TRIES])
def held(request: pytest.FixtureRequest, here: Place, monkeypatch: pytest.MonkeyPatch) -> Held:
    held = Held(request.param)
    monkeypatch.setattr(here.log.engine, "tidy", held.tidy)
    return held


def told(held: Held) -> list[str]:
    """What the log has to say of it."""
    return ["store.traces_left"] if held.left >= 0 else []


async def test_prv_1_an_erasure_over_http_waits_a_little_for_who_holds_the_database(here: Place, held: Held) -> None:
    contact_id = (await wrote(here)).contacts[0].id
    expected = min(held.left + 1, TRIES)
    async with await here.client() as crm:
        with capture_logs() as lines:
            answer = await crm.delete(f"/v1/contacts/{contact_id}?even_if_owed=true")
    assert (answer.status_code, held.asked) == (200, expected)
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == told(held)


async def test_prv_1_an_erasure_by_the_machine_waits_as_well(
    here: Place, held: Held, scripted_world: ScriptedWorld
) -> None:
    contact_id = await over(here, "old@example.org")
    expected = min(held.left + 1, TRIES)
    scripted_world.advance(YEARS + timedelta(days=1))
    with capture_logs() as lines:
        await Idle(here.log, Claims(here.log, here.world, "test"), Rules(here.log), here.world, YEARS).once()
    assert await erased(here, contact_id)
    assert held.asked == expected
    assert [line["event"] for line in lines if line["log_level"] == "warning"] == told(held)
