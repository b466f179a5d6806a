"""The consumer that a CRM developer writes from /docs: it and the daemon are killed again and again, and it has all."""

import asyncio
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from random import Random
from typing import Any

import httpx
import pytest

from commsd.demo.exchange import Caller, Exchange
from commsd.world import real_world
from tests.end_to_end import test_kill as reaping
from tests.end_to_end.house import HOTLINE, TOKEN, Daemon, let_run
from tests.eventually import eventually
from tests.neighbours.place import dies_with_us, free_port

pytestmark = pytest.mark.end_to_end

CONSUMER = Path(__file__).parent / "consumer.py"
PUBLIC = "https://calls.example.com"
LIVES = 4
CALLS, TOUCHES = 2, 8
"""In each life of the daemon."""

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
public_url = "{address}"
api_base_url = "{api}"
[line.hotline]
number = "{hotline}"
sms_ack = false
[dialling]
enabled = false
"""


@dataclass(slots=True)
class Consumer:
    """The example as a process, over as many lives as a test gives it."""

    url: str
    key: str
    copy: Path
    process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        self.process = await asyncio.create_subprocess_exec(
            *dies_with_us(),
            *(sys.executable, str(CONSUMER), self.url, self.key, str(self.copy)),
            stdin=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )

    async def kill(self) -> None:
        assert self.process
        with suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    def rows(self, question: str) -> list[tuple[Any, ...]]:
        """What it has; nothing before its first start."""
        with suppress(sqlite3.OperationalError):
            db = sqlite3.connect(f"file:{self.copy}?mode=ro", uri=True)
            try:
                return db.execute(question).fetchall()
            finally:
                db.close()
        return []


def test_it_is_short_and_needs_nothing_but_httpx() -> None:
    text = CONSUMER.read_text()
    code = [line for line in text.splitlines() if line.strip() and not line.strip().startswith(('"""', "#"))]
    assert len(code) <= 45
    assert "commsd" not in text


async def test_log8_the_documented_consumer_loses_nothing_and_sees_each_call_once_under_kills(
    store_url: str, tmp_path: Path
) -> None:
    chance, public, listen = Random(6), free_port(), free_port()
    daemon = Daemon(tmp_path, env={"TWILIO_TOKEN": TOKEN})
    app_url = f"http://127.0.0.1:{public}"
    async with _exchange(app_url) as exchange:
        values = {"store": store_url, "listen": listen, "public": public, "address": PUBLIC, "hotline": HOTLINE}
        (tmp_path / "commsd.toml").write_text(CONFIG.format(**values, api=exchange.api_base_url), "utf-8")
        await daemon.start()
        await daemon.listening()
        url = f"http://127.0.0.1:{listen}"
        reader, writer = [await _key(daemon, name) for name in ("events:read", "interactions:write")]
        consumer = Consumer(url, reader, tmp_path / "copy.db")
        await consumer.start()
        try:
            await eventually(lambda: consumer.rows("SELECT cursor FROM place"))  # from here on it is told all
            for life in range(LIVES):
                writing = asyncio.ensure_future(_touches(url, writer, life))
                calls = [
                    await exchange.ring(
                        from_=f"+4930231250{20 + life * CALLS + one}",
                        to=HOTLINE,
                        caller=Caller(hangs_up_after=chance.uniform(0.3, 2)),
                    )
                    for one in range(CALLS)
                ]
                for _ in range(3):
                    await let_run(chance.uniform(0.1, 0.7))
                    await consumer.kill()
                    await consumer.start()
                await daemon.kill()
                await let_run(chance.uniform(0, 1))
                await daemon.start()
                await daemon.listening()
                async with asyncio.timeout(120):
                    await asyncio.gather(writing, *map(exchange.ended, calls))
            await reaping._three_minutes_pass(store_url)
            await eventually(lambda: reaping._is_settled(store_url), within=150)
            told = await _told(url, reader)
            with suppress(AssertionError):  # what is missing is told below
                await eventually(lambda: set(consumer.rows("SELECT id FROM event")) >= told, within=60)
            truth = await _truth(url, reader)
            assert _copied(consumer) == truth
            assert set(consumer.rows("SELECT id FROM event")) == told
            assert await daemon.stop() == 0
        finally:
            await consumer.kill()
            if daemon.up:
                await daemon.kill()
    kinds = [kind for _, _, kind, _ in truth]
    assert kinds.count("note") == LIVES * TOUCHES
    assert kinds.count("call") >= LIVES
    assert {outcome for _, _, kind, outcome in truth if kind == "call"} <= {"missed", "reached"}
    times = "SELECT count(*) FROM event WHERE type = 'commsd.interaction.recorded.v1' GROUP BY subject"
    assert set(consumer.rows(times)) == {(1,)}
    recorded = {one for (one,) in consumer.rows("SELECT subject FROM event WHERE type LIKE '%.interaction.recorded.%'")}
    assert [
        (each, consumer.rows(f"SELECT * FROM event WHERE subject = '{each[0]}'"))
        for each in truth
        if each[0] not in recorded
    ] == []


@asynccontextmanager
async def _exchange(app_url: str) -> AsyncIterator[Exchange]:
    exchange = Exchange(world=real_world(), public_url=PUBLIC, auth_token=TOKEN, app_url=app_url, numbers=[HOTLINE])
    async with exchange:
        yield exchange


async def _key(daemon: Daemon, scope: str) -> str:
    code, printed = await daemon.says("keys", "add", scope.replace(":", "-"), "--scope", scope)
    assert code == 0, printed
    return printed.split()[-1]


async def _touches(url: str, key: str, life: int) -> None:
    """Notes from outside, each repeated under its Idempotency-Key until the daemon says that it has it."""
    for number in range(TOUCHES):
        touch = {"channel": "phone", "kind": "note", "customer": {"address": f"c{number}@example.org"}, "text": "hm"}
        again = {"Authorization": f"Bearer {key}", "Idempotency-Key": f"touch-{life}-{number}"}
        await eventually(partial(_written, url, touch, again), within=90)


async def _written(url: str, touch: dict[str, Any], headers: dict[str, str]) -> bool:
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=10) as crm:
        try:
            answer = await crm.post("/v1/interactions", json=touch)
        except httpx.HTTPError:
            return False
    assert answer.status_code in (200, 201, 503), answer.text
    return answer.status_code != 503


async def _truth(url: str, key: str) -> set[tuple[Any, ...]]:
    """Every interaction as the log has it."""
    pages = _pages(url, key, "/v1/interactions")
    fields = ("id", "revision", "kind", "outcome")
    return {tuple(each[name] for name in fields) async for page in pages for each in page}


async def _told(url: str, key: str) -> set[tuple[str]]:
    """Every event about an interaction."""
    pages = _pages(url, key, "/v1/events?types=interaction.*")
    return {(each["id"],) async for page in pages for each in page}


async def _pages(url: str, key: str, path: str) -> AsyncIterator[Iterable[dict[str, Any]]]:
    cursor, more = None, True
    async with httpx.AsyncClient(base_url=url, headers={"Authorization": f"Bearer {key}"}, timeout=20) as crm:
        while more:
            whole = httpx.URL(path).copy_merge_params({"after": cursor} if cursor else {})
            page = (await crm.get(whole)).raise_for_status().json()
            yield page["data"]
            cursor, more = page["next_cursor"], page["has_more"]


def _copied(consumer: Consumer) -> set[tuple[Any, ...]]:
    return set(consumer.rows("SELECT id, revision, kind, outcome FROM interaction"))
