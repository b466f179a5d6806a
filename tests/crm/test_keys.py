"""Who is let in by which key, from where, until when; and what a stolen database lets in."""

import asyncio
from datetime import datetime, timedelta

import httpx
import pytest
from sqlalchemy import select

from commsd.crm.fault import NoKey, WrongNetwork
from commsd.crm.keys import LOOKED_EVERY, Keys
from commsd.errors import NotFound, Refused
from commsd.store import crm_schema
from tests.crm.serving import Place, wrote
from tests.eventually import eventually
from tests.world import ScriptedWorld


async def status(here: Place, key: str, path: str = "/v1/cases") -> int:
    async with httpx.AsyncClient(base_url=here.url) as crm:
        return (await crm.get(path, headers={"Authorization": f"Bearer {key}"})).status_code


async def test_api_keys_a_key_ends_when_it_was_said_to(here: Place, scripted_world: ScriptedWorld) -> None:
    ends = scripted_world.world.now() + timedelta(days=90)
    text = await here.keys.add("crm", ["events:read"], expires_at=ends)
    assert await status(here, text) == 200
    scripted_world.advance(timedelta(days=90))
    assert await status(here, text) == 401
    with pytest.raises(Refused):
        await here.keys.add("late", ["events:read"], expires_at=ends)


async def test_api_keys_a_key_is_good_from_its_networks_alone(here: Place) -> None:
    there = await here.keys.add("elsewhere", ["events:read"], networks=["192.0.2.0/24", "2001:db8::/32"])
    near = await here.keys.add("near", ["events:read"], networks=["127.0.0.0/8"])
    assert await status(here, there) == 403
    assert await status(here, near) == 200
    assert (await here.keys.caller(there, "192.0.2.77")).name == "elsewhere"
    assert (await here.keys.caller(there, "::ffff:192.0.2.77")).name == "elsewhere"
    assert (await here.keys.caller(there, "2001:db8::1")).name == "elsewhere"
    for address in ("192.0.3.1", "", None, "unix:", "2001:db9::1"):
        with pytest.raises(WrongNetwork):
            await here.keys.caller(there, address)
    with pytest.raises(Refused, match="no network"):
        await here.keys.add("odd", ["events:read"], networks=["here"])


async def test_api_keys_two_live_keys_of_one_name_while_one_is_rotated(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    old = await here.keys.add("crm", ["events:read"], networks=["127.0.0.1"])
    new = await here.keys.rotate("crm", scripted_world.world.now() + timedelta(days=7))
    first, second = await here.keys.caller(old, "127.0.0.1"), await here.keys.caller(new, "127.0.0.1")
    assert (first.name, first.scopes) == (second.name, second.scopes) == ("crm", frozenset({"events:read"}))
    with pytest.raises(WrongNetwork):
        await here.keys.caller(new, "192.0.2.1")
    with pytest.raises(Refused, match="two keys"):
        await here.keys.rotate("crm", scripted_world.world.now() + timedelta(days=7))
    scripted_world.advance(timedelta(days=7))
    with pytest.raises(NoKey):
        await here.keys.caller(old, "127.0.0.1")
    assert (await here.keys.caller(new, "127.0.0.1")).name == "crm"
    assert await here.keys.rotate("crm", scripted_world.world.now() + timedelta(days=7))
    with pytest.raises(NotFound):
        await here.keys.rotate("nobody", scripted_world.world.now())


async def test_api_keys_revoking_a_name_ends_the_key_it_was_rotated_from_too(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    old = await here.keys.add("crm", ["events:read"])
    new = await here.keys.rotate("crm", scripted_world.world.now() + timedelta(days=7))
    assert await here.keys.revoke("crm")
    for text in (old, new):
        with pytest.raises(NoKey):
            await here.keys.caller(text)
    assert not await here.keys.revoke("crm")
    assert await here.keys.add("crm", ["events:read"])


async def test_api_keys_when_one_was_last_used_is_known_to_the_minute(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    text = await here.keys.add("crm", ["events:read"])

    async def used() -> datetime | None:
        (row,) = await here.keys.all()
        return row.last_used_at

    first = scripted_world.world.now()
    assert await status(here, text) == 200
    await eventually(used)
    scripted_world.advance(timedelta(seconds=59))
    assert await status(here, text) == 200
    await here.log.writer.write(lambda c: None, bookkeeping=True)
    assert await used() == first
    second = scripted_world.advance(timedelta(seconds=1))
    assert await status(here, text) == 200
    await here.log.writer.write(lambda c: None, bookkeeping=True)
    assert await used() == second


async def test_api_keys_a_database_dump_cannot_authenticate(here: Place) -> None:
    text = await here.keys.add("crm", ["admin"])
    rows = await here.log.read(lambda c: c.execute(select(crm_schema.api_keys)).all())
    (row,) = rows
    kept = [str(value) for value in row]
    secret = text.split("_", 2)[2]
    assert not any(secret in value for value in kept)
    tries = [*kept, f"csd_{row.id}_{row.digest}", f"csd_{row.id}_{row.digest[:43]}_{text[-8:]}"]
    for guess in tries:
        assert await status(here, guess) == 401


async def test_api_keys_another_process_sees_a_revoked_key_at_once(here: Place) -> None:
    text = await here.keys.add("crm", ["events:read"])
    other = Keys(here.log, here.world)
    assert (await other.caller(text)).name == "crm"
    await here.keys.revoke("crm")
    with pytest.raises(NoKey):
        await other.caller(text)


@pytest.mark.parametrize("ended", ["revoked", "over"])
async def test_api_keys_a_stream_ends_with_its_key(here: Place, scripted_world: ScriptedWorld, ended: str) -> None:
    over = here.world.now() + timedelta(minutes=1)
    text = await here.keys.add("crm", ["events:read"], expires_at=over)
    headers = {"Authorization": f"Bearer {text}", "Accept": "text/event-stream"}
    await wrote(here)
    await here.numbered()
    async with (
        asyncio.timeout(20),
        httpx.AsyncClient(base_url=here.url, headers=headers, timeout=20) as crm,
        crm.stream("GET", "/v1/events") as response,
    ):
        lines = response.aiter_lines()
        first = len((await crm.get("/v1/events", headers={"Accept": "application/json"})).json()["data"])
        while first:
            first -= (await anext(lines)).startswith("data: ")
        if ended == "revoked":
            await here.keys.revoke("crm")
        scripted_world.advance(LOOKED_EVERY if ended == "revoked" else timedelta(minutes=2))
        await wrote(here, "late@example.org")
        await here.numbered()
        late = [line async for line in lines]
    assert not any(line.startswith("data: ") for line in late)


async def test_api_keys_who_waits_with_a_key_that_ends_is_given_nothing(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    text = await here.keys.add("crm", ["events:read"])
    async with httpx.AsyncClient(base_url=here.url, headers={"Authorization": f"Bearer {text}"}, timeout=20) as crm:
        waiting = asyncio.ensure_future(crm.get("/v1/events?wait=15"))
        await crm.get("/-/healthy")
        await here.keys.revoke("crm")
        scripted_world.advance(LOOKED_EVERY)
        await wrote(here)
        await here.numbered()
        answer = await waiting
    assert answer.status_code == 401
