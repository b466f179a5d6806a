"""The alarms as an operator sets them: the installed daemon pings while all is well, its mailbox writes to itself."""

import asyncio
from functools import partial
from pathlib import Path

import aiohttp
import orjson
import pytest
from aiohttp import web
from sqlalchemy import select

from commsd.core.channel_state import RETURNED
from commsd.demo.smtp import Accepted, SmtpSink
from commsd.store import schema
from tests.end_to_end.house import ADDRESS, Daemon, read, write_config
from tests.eventually import eventually
from tests.neighbours.dovecot import Dovecot

pytestmark = pytest.mark.end_to_end

ALARMS = """
[alarms]
heartbeat = "1h"
ping_url = "http://127.0.0.1:{port}/ping/7f1c-token"
tell = ["anna"]
"""


async def test_the_daemon_pings_and_its_heartbeat_comes_round(
    dovecot: Dovecot, tmp_path: Path, sqlite_url: str
) -> None:
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        return web.Response()

    app = web.Application()
    app.router.add_get("/{anything:.*}", answer)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    user, daemon = dovecot.user(ADDRESS), Daemon(tmp_path)
    async with SmtpSink() as sink:
        more = ALARMS.format(port=runner.addresses[0][1])
        write_config(tmp_path, dovecot, user, smtp=sink.port, store=sqlite_url, more=more)
        try:
            await daemon.start()
            await daemon.watching()
            beat = (await eventually(partial(_beats, sink)))[0]
            assert (beat.recipient, b"commsd heartbeat" in beat.raw) == (ADDRESS, True)
            await asyncio.to_thread(dovecot.deliver, user, beat.raw)
            await eventually(lambda: _came_round(sqlite_url))
            await eventually(lambda: asked == ["/ping/7f1c-token"], within=40)
            async with aiohttp.ClientSession() as client, client.get(f"{_api(tmp_path)}/-/ready") as ready:
                assert orjson.loads(await ready.read()) == {"ready": True, "reasons": {}, "degraded": {}}
            assert await daemon.stop() == 0
        finally:
            if daemon.up:
                await daemon.kill()
            await runner.cleanup()
    assert len(_beats(sink)) == 1
    assert "7f1c-token" not in daemon.log.read_text()


async def _came_round(url: str) -> bool:
    table = schema.deliveries.c
    back = select(table.id).where(table.kind == "heartbeat", table.reason == RETURNED)
    return bool(await read(url, lambda connection: connection.execute(back).all()))


def _api(folder: Path) -> str:
    lines = (folder / "commsd.toml").read_text().splitlines()
    (listen,) = [line.partition('"')[2].rstrip('"') for line in lines if line.startswith("listen = ")]
    return f"http://{listen}"


def _beats(sink: SmtpSink) -> list[Accepted]:
    """What we sent to ourselves; at eight a colleague has a digest besides."""
    return [taken for taken in sink.accepted if taken.recipient == ADDRESS]
