"""A webhook as a CRM has it: added with the command, posted to by the installed daemon, dead for a while, caught up."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import orjson
import pytest
from standardwebhooks import Webhook

from commsd.demo.smtp import SmtpSink
from tests.crm.test_schemas import judged
from tests.end_to_end.house import ADDRESS, Daemon, letter, write_config
from tests.eventually import eventually
from tests.fakes.receiver import CUT, Receiver, receiving
from tests.neighbours.dovecot import Dovecot

pytestmark = pytest.mark.end_to_end

ALLOWED = """
[webhooks]
private_networks = ["127.0.0.1"]
"""
ANSWERED = 60.0
CAUGHT_UP = 60.0


async def test_whk5_a_receiver_that_was_dead_misses_nothing_and_holds_nobody_up(
    dovecot: Dovecot, tmp_path: Path, sqlite_url: str
) -> None:
    user, daemon = dovecot.user(ADDRESS), Daemon(tmp_path)
    async with SmtpSink() as sink, receiving() as crm, receiving() as other:
        write_config(tmp_path, dovecot, user, smtp=sink.port, store=sqlite_url, more=ALLOWED)
        assert (await daemon.says("db", "upgrade"))[0] == 0
        secret = await _last_line(daemon, "webhooks", "add", "crm", crm.url(), "--full")
        thin = await _last_line(daemon, "webhooks", "add", "thin", other.url(), "--types", "interaction.*")
        key = await _last_line(daemon, "keys", "add", "reader", "--scope", "events:read")
        async with httpx.AsyncClient(base_url=_api(tmp_path), headers={"Authorization": f"Bearer {key}"}) as api:
            try:
                await daemon.start()
                await daemon.watching()
                await asyncio.to_thread(dovecot.deliver, user, letter(1))
                await eventually(lambda: _acked(crm, 1), within=ANSWERED)
                crm.answers = [CUT]
                dead_at, fine = len(crm.heard), len(other.heard)
                await asyncio.to_thread(dovecot.deliver, user, letter(2))
                await eventually(lambda: len(crm.heard) > dead_at and len(other.heard) > fine, within=ANSWERED)
                crm.answers, cut = [200], set(crm.ids[dead_at:])
                back_at = len(crm.heard)
                await eventually(lambda: _acked(crm, 2), within=ANSWERED)
                await eventually(lambda: cut <= set(crm.ids[back_at:]), within=CAUGHT_UP)
                feed = (await api.get("/v1/events", params={"limit": 500})).json()["data"]
                await eventually(lambda: {event["id"] for event in feed} <= set(crm.ids), within=CAUGHT_UP)
                assert await daemon.stop() == 0
            finally:
                if daemon.up:
                    await daemon.kill()
    assert [event["sequence"] for event in feed] == [f"{number:020}" for number in range(1, len(feed) + 1)]
    for heard in crm.heard:
        event = _verified(secret, heard.body, heard.headers)
        assert heard.headers["webhook-id"] == event["id"]
        judged(event)
    for heard in other.heard:
        judged(_verified(thin, heard.body, heard.headers), thin=True)
        assert b"@" not in heard.body
        assert b"Order" not in heard.body
    assert daemon.lines("endpoint.failing", webhook="crm")
    assert secret not in daemon.log.read_text()


async def _last_line(daemon: Daemon, *words: str) -> str:
    code, printed = await daemon.says(*words)
    assert code == 0, printed
    return printed.splitlines()[-1]


def _verified(secret: str, body: bytes, headers: dict[str, str]) -> dict[str, Any]:
    event: dict[str, Any] = Webhook(secret).verify(body, headers)
    return event


def _acked(receiver: Receiver, count: int) -> bool:
    """So many acknowledgements were told to have reached their customers."""
    told = [orjson.loads(heard.body)["data"] for heard in receiver.heard]
    return len({each["id"] for each in told if (each.get("kind"), each.get("outcome")) == ("ack", "reached")}) >= count


def _api(folder: Path) -> str:
    lines = (folder / "commsd.toml").read_text().splitlines()
    (listen,) = [line.partition('"')[2].rstrip('"') for line in lines if line.startswith("listen = ")]
    return f"http://{listen}"
