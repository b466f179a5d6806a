"""The address outside that is fetched while all is well: a real server that counts, and one that goes wrong."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field

import pytest
import structlog
from aiohttp import web

from commsd.channels.mail.ping import EVERY, Ping
from commsd.telemetry import Metrics
from tests.neighbours.place import free_port
from tests.world import ScriptedWorld

TOKEN = "7f1c-secret"


@dataclass
class Outside:
    """Counts who asks; answers as told."""

    port: int = 0
    status: int = 200
    asked: list[str] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/ping/{TOKEN}"

    async def answer(self, request: web.Request) -> web.Response:
        self.asked.append(request.path)
        return web.Response(status=self.status, headers={"Location": "/elsewhere"} if self.status == 302 else None)


@pytest.fixture
async def outside() -> AsyncIterator[Outside]:
    here = Outside()
    app = web.Application()
    app.router.add_get("/{anything:.*}", here.answer)
    runner = web.AppRunner(app)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    here.port = runner.addresses[0][1]
    yield here
    await runner.cleanup()


class Pinging:
    def __init__(self, url: str) -> None:
        self.well, self.world, self.metrics = True, ScriptedWorld(), Metrics()
        self.ping = Ping(url, lambda: self.well, self.world.world, self.metrics)

    @property
    def failures(self) -> float | None:
        return self.metrics.registry.get_sample_value("commsd_ping_failures_total")


async def test_it_is_asked_while_all_is_well_and_only_then(outside: Outside) -> None:
    pinging = Pinging(outside.url)
    assert await pinging.ping.once()
    pinging.well = False
    assert not await pinging.ping.once()
    pinging.well = True
    assert await pinging.ping.once()
    assert (outside.asked, pinging.failures) == ([f"/ping/{TOKEN}"] * 2, 0)


async def test_it_is_asked_each_minute(outside: Outside) -> None:
    pinging = Pinging(outside.url)

    async def stop_at_the_third(seconds: float) -> None:
        pinging.world.slept.append(seconds)
        if len(pinging.world.slept) == 3:
            raise KeyboardInterrupt

    world = pinging.world.world
    ping = Ping(
        outside.url, lambda: True, type(world)(world.now, world.new_id, stop_at_the_third, world.jitter), Metrics()
    )
    with pytest.raises(KeyboardInterrupt):
        await ping.run()
    assert (len(outside.asked), pinging.world.slept) == (3, [EVERY] * 3)


@pytest.mark.parametrize("status", [302, 404, 500])
async def test_another_answer_is_counted_and_told_of_once_without_the_address(outside: Outside, status: int) -> None:
    pinging, outside.status = Pinging(outside.url), status
    with structlog.testing.capture_logs() as lines:
        for _ in range(3):
            await pinging.ping.once()
        outside.status = 200
        await pinging.ping.once()
    assert pinging.failures == 3
    assert [(line["event"], line.get("why")) for line in lines] == [
        ("ping.failed", f"HTTP {status}"),
        ("ping.answered", None),
    ]
    assert outside.asked == [f"/ping/{TOKEN}"] * 4, "a redirect is not followed"
    assert TOKEN not in str(lines)


async def test_where_nobody_listens_it_is_counted_and_the_duty_goes_on() -> None:
    pinging = Pinging(f"http://127.0.0.1:{free_port()}/{TOKEN}")
    with structlog.testing.capture_logs() as lines:
        assert await pinging.ping.once()
    assert pinging.failures == 1
    assert TOKEN not in str(lines)
