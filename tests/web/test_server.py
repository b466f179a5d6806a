"""Listening, draining, and what surrounds every request."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

import httpx
import pytest
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route
from structlog.testing import capture_logs

from commsd.errors import CommsdError
from commsd.web.server import HEADERS, Listener, application, bind, share
from commsd.web.watch import Health
from commsd.world import real_world
from tests.crm.serving import Place
from tests.eventually import eventually

CLIENTS = 20


@dataclass(slots=True)
class Slow:
    """A server whose answers take as long as the test wants."""

    listener: Listener
    health: Health
    go: asyncio.Event
    begun: int = 0

    async def answer(self, request: Request) -> Response:
        await request.body()
        self.begun += 1
        await self.go.wait()
        return PlainTextResponse("here")


def slow(listener: socket.socket, *, within: float = 30.0, most: int | None = None) -> Slow:
    made: list[Slow] = []

    async def answer(request: Request) -> Response:
        return await made[0].answer(request)

    health = Health(started=True)
    app = application([Route("/", answer, methods=["GET", "POST"])], health, largest_body=1000)
    made.append(Slow(Listener("test", app, listener, real_world(), within=within, most=most), health, asyncio.Event()))
    return made[0]


async def up(server: Slow) -> "asyncio.Task[None]":
    task = asyncio.ensure_future(server.listener.run())
    while not await server.listener.once():
        await asyncio.wait({task}, timeout=0.01)
    return task


async def stopped(server: Slow, task: "asyncio.Task[None]") -> None:
    server.health.draining.set()
    await server.listener.drain()
    await task


def test_a_taken_port_is_told_with_its_remedy_and_ends_nothing() -> None:
    with bind("127.0.0.1", 0) as first, pytest.raises(CommsdError) as told:
        bind("127.0.0.1", first.getsockname()[1])
    assert told.value.exit_code == 69
    assert "another port" in told.value.remedy


def test_an_address_that_is_not_ours_is_told() -> None:
    with pytest.raises(CommsdError):
        bind("192.0.2.1", 0)


async def test_a_drain_serves_what_was_accepted_and_leaves_the_rest_to_the_next_process() -> None:
    """As with a socket that systemd holds: two servers, one socket, the first ends under load."""
    shared = bind("127.0.0.1", 0)
    first, second = slow(shared.dup()), slow(shared)
    first.listener.socket.setblocking(False)
    second.go.set()
    serving = await up(first)
    url = f"http://127.0.0.1:{first.listener.port}/"

    async def ask() -> int:
        async with httpx.AsyncClient(timeout=20) as client:
            return (await client.get(url)).status_code

    early = [asyncio.ensure_future(ask()) for _ in range(CLIENTS)]
    while first.begun < CLIENTS:
        await asyncio.wait(early, timeout=0.01)
    first.health.draining.set()
    draining = asyncio.ensure_future(first.listener.drain())
    late = [asyncio.ensure_future(ask()) for _ in range(CLIENTS)]
    await asyncio.wait(late, timeout=0.1)
    next_serving = await up(second)
    assert await asyncio.gather(*late) == [200] * CLIENTS
    first.go.set()
    assert await asyncio.gather(*early) == [200] * CLIENTS
    await draining
    await serving
    assert (first.begun, second.begun) == (CLIENTS, CLIENTS)
    await stopped(second, next_serving)


async def test_while_draining_a_kept_connection_is_told_to_close() -> None:
    server = slow(bind("127.0.0.1", 0))
    server.go.set()
    task = await up(server)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.listener.port}") as client:
        before = await client.get("/")
        server.health.draining.set()
        after = await client.get("/")
    assert (before.headers.get("connection"), after.headers.get("connection")) == (None, "close")
    await stopped(server, task)


@pytest.mark.parametrize("chunked", [False, True])
async def test_a_body_that_is_too_large_is_refused(chunked: bool) -> None:
    server = slow(bind("127.0.0.1", 0))
    server.go.set()
    task = await up(server)

    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"x" * 500

    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.listener.port}") as client:
        fits = await client.post("/", content=b"x" * 1000)
        refused = await client.post("/", content=pieces() if chunked else b"x" * 2000)
    assert (fits.status_code, refused.status_code) == (200, 413)
    assert refused.json()["type"] == "urn:commsd:problem:too-large"
    await stopped(server, task)


@dataclass(slots=True)
class Line:
    """A connection somebody opened by hand."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def says(self, text: str) -> None:
        self.writer.write(text.encode())
        await self.writer.drain()

    async def ends(self) -> bool:
        """Whether the other side hangs up soon."""
        async with asyncio.timeout(10):
            with suppress(ConnectionError):
                while await self.reader.read(1000):
                    pass
        self.writer.close()
        return True


async def line(server: Slow) -> Line:
    return Line(*await asyncio.open_connection("127.0.0.1", server.listener.port))


ASKS = "GET / HTTP/1.1\r\nHost: here\r\n\r\n"
HALF_A_HEAD = "POST / HTTP/1.1\r\nHost: he"
HALF_A_BODY = "POST / HTTP/1.1\r\nHost: here\r\nContent-Length: 10\r\n\r\n12345"


@pytest.mark.parametrize("said", ["", HALF_A_HEAD, HALF_A_BODY])
@pytest.mark.parametrize("before", [0, 1])
async def test_who_never_says_the_whole_of_a_request_is_hung_up_on(before: int, said: str) -> None:
    server = slow(bind("127.0.0.1", 0), within=0.2)
    server.go.set()
    task = await up(server)
    somebody = await line(server)
    for _ in range(before):
        await somebody.says(ASKS)
        await somebody.reader.readuntil(b"here")
    await somebody.says(said or "\r\n")
    assert await somebody.ends()
    assert server.begun == before
    await stopped(server, task)


async def test_who_waits_for_an_answer_is_not_hung_up_on_however_long_it_takes() -> None:
    server = slow(bind("127.0.0.1", 0), within=0.05)
    task = await up(server)
    nobody = await line(server)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.listener.port}", timeout=20) as client:
        asked = asyncio.ensure_future(client.get("/"))
        await eventually(lambda: server.begun == 1, within=10)
        assert await nobody.ends()  # it came later and is gone already
        server.go.set()
        assert (await asked).status_code == 200
    await stopped(server, task)


async def test_who_reads_a_long_answer_slowly_gets_all_of_it() -> None:
    """As the original of a mail over a telephone: longer on its way than a request may take to come."""
    whole = bytes(16_000_000)

    async def long(_request: Request) -> Response:
        return Response(whole)

    app = application([Route("/", long)], Health(started=True))
    listener = Listener("test", app, bind("127.0.0.1", 0), real_world(), within=0.4)
    server = Slow(listener, Health(), asyncio.Event())
    task = await up(server)
    reader, writer = await asyncio.open_connection("127.0.0.1", listener.port)
    writer.write(ASKS.encode())
    await reader.readuntil(b"\r\n\r\n")
    got = 0
    while got < len(whole) and (some := await reader.read(1 << 18)):
        got += len(some)
        await asyncio.wait({task}, timeout=0.02)
    assert got == len(whole)
    writer.close()
    await stopped(server, task)


async def test_however_many_never_ask_somebody_who_does_is_served_and_it_is_told_once() -> None:
    server = slow(bind("127.0.0.1", 0), within=3, most=5)
    server.go.set()
    task = await up(server)
    with capture_logs() as told:
        many = [await line(server) for _ in range(20)]
        for each in many:
            await each.says(HALF_A_HEAD)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.listener.port}", timeout=20) as client:
            assert [(await client.get("/")).status_code for _ in range(3)] == [200] * 3
        assert await many[0].ends()
    assert [entry["event"] for entry in told].count("http.full") == 1
    for each in many:
        each.writer.close()
    await stopped(server, task)


@pytest.mark.parametrize(("files", "most"), [(0, 64), (256, 64), (1024, 256), (65_536, 4000)])
def test_a_listener_leaves_most_files_to_mail_and_store(files: int, most: int) -> None:
    assert share(files) == most


async def test_while_all_wait_for_answers_the_next_waits_too_and_is_served() -> None:
    server = slow(bind("127.0.0.1", 0), within=1, most=3)
    task = await up(server)
    async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{server.listener.port}", timeout=20) as client:
        asked = [asyncio.ensure_future(client.get("/")) for _ in range(6)]
        await eventually(lambda: server.begun == 3, within=10)
        server.go.set()
        assert [answer.status_code for answer in await asyncio.gather(*asked)] == [200] * 6
    await stopped(server, task)


async def test_every_answer_carries_the_security_headers(here: Place) -> None:
    async with httpx.AsyncClient(base_url=here.url) as client:
        for path in ("/", "/v1/events", "/docs", "/nothing", "/a/x", "/-/healthy", "/metrics", "/openapi.json"):
            answer = await client.get(path)
            assert {name: answer.headers.get(name) for name in HEADERS} == dict(HEADERS), path


async def test_readiness_tells_why_not_and_health_only_that_the_loop_turns(here: Place) -> None:
    async with httpx.AsyncClient(base_url=here.url) as client:
        assert (await client.get("/-/ready")).status_code == 200
        here.health.checks["store"] = lambda: "does not answer"
        not_ready = await client.get("/-/ready")
        assert (not_ready.status_code, not_ready.json()["reasons"]) == (503, {"store": "does not answer"})
        here.health.draining.set()
        assert (await client.get("/-/ready")).json()["reasons"] == {"daemon": "stopping"}
        assert (await client.get("/-/healthy")).status_code == 200


async def test_a_stream_ends_when_the_server_drains(here: Place) -> None:
    async with (
        await here.client() as crm,
        crm.stream("GET", "/v1/events", headers={"Accept": "text/event-stream"}) as s,
    ):
        lines = s.aiter_lines()
        assert await anext(lines) == "retry: 2000"
        here.health.draining.set()
        async with asyncio.timeout(10):
            rest = [line async for line in lines]
    assert all(not line or line.startswith(":") for line in rest)
