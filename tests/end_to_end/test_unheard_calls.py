"""A daemon that is dead while customers ring, and one that nobody can reach: each call is made good all the same."""

from datetime import datetime, timedelta
from pathlib import Path

import pytest
from sqlalchemy import select, update
from sqlalchemy.exc import OperationalError

from commsd.demo.exchange import Caller, Exchange
from commsd.store import phone_schema, schema
from commsd.store.engine import open_engine
from commsd.world import real_world
from tests.end_to_end.house import Daemon, read
from tests.eventually import eventually
from tests.neighbours.place import free_port

TOKEN, PUBLIC = "gehoert-niemand", "https://calls.example.com"
HOTLINE = "+493023125010"
CUSTOMERS = ("+493023125061", "+493023125062", "+493023125063")
TEN, AN_HOUR = timedelta(minutes=10), timedelta(hours=1)

pytestmark = pytest.mark.end_to_end

CONFIG = """
[service]
name = "Example Ltd"
timezone = "Europe/Berlin"
hours = "mon-sun 00:00-24:00"
[store]
url = "{store}"
[http]
listen = "127.0.0.1:{listen}"
public_listen = "127.0.0.1:{public}"
[twilio]
account_sid = "AC00000000000000000000000000000000"
auth_tokens = [{{ env = "TWILIO_TOKEN" }}]
{reach}
api_base_url = "{api}"
[line.hotline]
number = "+493023125010"
sms_ack = false
[dialling]
enabled = false
"""


@pytest.mark.parametrize("reach", [f'public_url = "{PUBLIC}"', "webhooks = false"])
async def test_d5_who_rang_while_nobody_listened_is_owed_a_call_from_the_first_ring(
    reach: str, tmp_path: Path, sqlite_url: str
) -> None:
    daemon, public = Daemon(tmp_path, env={"TWILIO_TOKEN": TOKEN}), free_port()
    exchange = Exchange(
        world=real_world(), public_url=PUBLIC, auth_token=TOKEN, app_url=f"http://127.0.0.1:{public}", numbers=[HOTLINE]
    )
    async with exchange:
        values = {"store": sqlite_url, "listen": free_port(), "public": public, "api": exchange.api_base_url}
        (tmp_path / "commsd.toml").write_text(CONFIG.format(reach=reach, **values), "utf-8")
        try:
            await daemon.start()
            await eventually(lambda: _is_enrolled(tmp_path, sqlite_url), within=60)
            await daemon.kill()
            rung = {number: await _rang_unheard(exchange, number) for number in CUSTOMERS}
            await _an_hour_passes(sqlite_url)
            await daemon.start()
            await eventually(lambda: _are_owed(sqlite_url, len(CUSTOMERS)), within=90)
            assert await daemon.stop() == 0
        finally:
            if daemon.up:
                await daemon.kill()
    owed = await read(sqlite_url, lambda c: c.execute(select(schema.callbacks)).all())
    assert sorted(row.number for row in owed) == sorted(rung)
    clocks = await read(sqlite_url, lambda c: c.execute(select(schema.clocks.c.started_at)).scalars().all())
    assert sorted(clocks) == sorted(rung.values())
    assert "+4930231250" not in daemon.log.read_text()


async def _rang_unheard(exchange: Exchange, number: str) -> datetime:
    """When, by the second; it was ten minutes ago, for nobody waits that long here."""
    call = await exchange.ended(await exchange.ring(from_=number, to=HOTLINE, caller=Caller(hangs_up_after=0.2)))
    assert call.started_at
    assert call.ended_at
    call.started_at = call.started_at.replace(microsecond=0) - TEN
    call.ended_at -= TEN
    return call.started_at


async def _is_enrolled(folder: Path, url: str) -> bool:
    """Whether the daemon has looked through the list once, so that what comes now is no past."""
    if not (folder / "commsd.db").exists():
        return False
    table = phone_schema.sweeps
    try:
        return bool(await read(url, lambda c: c.execute(select(table.c.name)).all()))
    except OperationalError:  # its tables are not made yet
        return False


async def _an_hour_passes(url: str) -> None:
    """Since the daemon looked through the list last."""
    table = phone_schema.sweeps
    engine = open_engine(url)
    try:
        await engine.commit(lambda c: c.execute(update(table).values(at=real_world().now() - AN_HOUR)))
    finally:
        await engine.close()


async def _are_owed(url: str, count: int) -> bool:
    return len(await read(url, lambda c: c.execute(select(schema.callbacks.c.id)).all())) == count
