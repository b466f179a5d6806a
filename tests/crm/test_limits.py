"""How often one may ask, and what is told to who asks more often."""

from collections.abc import AsyncIterator
from datetime import timedelta

import httpx
import pytest

from commsd.config.unit import Rate
from commsd.crm.fault import TooOften
from commsd.crm.limits import MOST_KEPT, NOT_LET_IN, PER_ADDRESS, Buckets, Limits
from tests.crm.serving import Place, place
from tests.world import ScriptedWorld

FIVE = Rate(5, timedelta(minutes=1))


@pytest.fixture
async def busy(sqlite_url: str, scripted_world: ScriptedWorld) -> AsyncIterator[Place]:
    world = scripted_world.world
    async with place(sqlite_url, world, limits=Limits(world, FIVE, Rate(2, timedelta(hours=1)))) as served:
        yield served


async def test_rate_limits_a_key_that_asks_too_often_is_told_when_to_come_again(
    busy: Place, scripted_world: ScriptedWorld
) -> None:
    async with await busy.client("events:read") as crm, await busy.client("events:read") as other:
        for left in range(4, -1, -1):
            answer = await crm.get("/v1/cases")
            assert answer.status_code == 200
            assert answer.headers["ratelimit-policy"] == '"requests";q=5;w=60'
            assert answer.headers["ratelimit"].startswith(f'"requests";r={left};t=')
        refused = await crm.get("/v1/cases")
        assert (await other.get("/v1/cases")).status_code == 200
        scripted_world.advance(timedelta(seconds=int(refused.headers["retry-after"])))
        assert (await crm.get("/v1/cases")).status_code == 200
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "12")
    assert refused.json()["type"] == "urn:commsd:problem:too-often"
    assert refused.headers["content-type"] == "application/problem+json"


async def test_rate_limits_who_guesses_keys_is_stopped_by_address_before_anything_is_looked_up(
    busy: Place, scripted_world: ScriptedWorld
) -> None:
    async with await busy.client("events:read") as crm, httpx.AsyncClient(base_url=busy.url) as nobody:
        assert (await nobody.get("/v1/cases")).status_code == 401
        assert (await nobody.get("/v1/cases")).status_code == 429
        assert (await crm.get("/v1/cases")).status_code == 429
        scripted_world.advance(timedelta(minutes=1))
        assert (await crm.get("/v1/cases")).status_code == 200
        assert (await nobody.get("/-/healthy")).status_code == 200


def test_rate_limits_exports_have_a_quota_of_their_own(scripted_world: ScriptedWorld) -> None:
    limits = Limits(scripted_world.world, FIVE, Rate(2, timedelta(hours=1)))
    for _ in range(2):
        limits.ask("key", "exports")
    with pytest.raises(TooOften) as refused:
        limits.ask("key", "exports")
    assert refused.value.wait == timedelta(minutes=30)
    assert limits.ask("key", "requests")["RateLimit"] == '"requests";r=4;t=12'


@pytest.mark.parametrize(
    ("one", "another", "same"),
    [
        ("192.0.2.1", "192.0.2.2", False),
        ("192.0.2.1", "::ffff:192.0.2.1", True),
        ("2001:db8:0:1::1", "2001:db8:0:1:ffff::9", True),
        ("2001:db8:0:1::1", "2001:db8:0:2::1", False),
        (None, "not an address", True),
    ],
)
def test_rate_limits_count_whoever_holds_an_address(
    one: str | None, another: str, same: bool, scripted_world: ScriptedWorld
) -> None:
    limits = Limits(scripted_world.world, FIVE, FIVE)
    assert FIVE.count * PER_ADDRESS <= NOT_LET_IN
    limits.not_let_in(one)
    if same:
        with pytest.raises(TooOften):
            limits.come(another)
    else:
        limits.come(another)


def test_rate_limits_remember_no_more_than_so_many(scripted_world: ScriptedWorld) -> None:
    buckets = Buckets(FIVE)
    for number in range(MOST_KEPT + 100):
        buckets.take(str(number), scripted_world.world)
    assert len(buckets._known) == MOST_KEPT
