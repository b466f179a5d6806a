"""Names are asked for without standing in anybody's way. Each name server here is silent until its test says so."""

import asyncio
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from commsd.egress.names import resolved

SILENT = "silent.example.com"
MANY = 64
"""More than any pool of the loop has threads."""


class Server:
    """Stands for the system's resolver: asks it, but of SILENT only once the gate is open."""

    def __init__(self) -> None:
        self.gate, self.asked, self.found = threading.Event(), 0, "93.184.216.34"
        self._system = socket.getaddrinfo

    def __call__(self, host: Any, port: Any, *args: Any, **more: Any) -> Any:
        if host != SILENT:
            return self._system(host, port, *args, **more)
        self.asked += 1
        self.gate.wait(60)
        if not self.found:
            raise socket.gaierror(socket.EAI_AGAIN, "no answer")
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (self.found, port))] * 2


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    silent = Server()
    monkeypatch.setattr(socket, "getaddrinfo", silent)
    yield silent
    silent.gate.set()


async def test_a_silent_name_server_holds_up_nobody_elses_names_and_no_threads_of_the_loop(server: Server) -> None:
    waiting = [asyncio.ensure_future(resolved(SILENT, port)) for port in range(1, MANY + 1)]
    async with asyncio.timeout(5):
        assert await resolved("127.0.0.1", 443) == ["127.0.0.1"]
        assert await asyncio.get_running_loop().getaddrinfo("127.0.0.1", 443, type=socket.SOCK_STREAM)
        assert await asyncio.to_thread(len, "abc") == 3
    server.gate.set()
    assert await asyncio.gather(*waiting) == [["93.184.216.34"]] * MANY


async def test_who_asks_the_same_meanwhile_takes_no_thread_more_and_nobody_ends_it_by_going_away(
    server: Server,
) -> None:
    first = asyncio.ensure_future(resolved(SILENT, 443))
    others = [asyncio.ensure_future(resolved(SILENT, 443)) for _ in range(MANY)]
    await asyncio.wait({first, *others}, timeout=0)
    first.cancel()
    server.gate.set()
    assert await asyncio.gather(*others) == [["93.184.216.34"]] * MANY
    assert (first.cancelled(), server.asked) == (True, 1)


async def test_what_was_answered_once_is_asked_anew_the_next_time(server: Server) -> None:
    server.gate.set()
    assert await resolved(SILENT, 443) == ["93.184.216.34"]
    server.found = "10.0.0.1"
    assert await resolved(SILENT, 443) == ["10.0.0.1"]


async def test_a_name_without_an_address_is_an_error_and_is_asked_anew(server: Server) -> None:
    server.gate.set()
    server.found = ""
    with pytest.raises(OSError, match="no answer"):
        await resolved(SILENT, 443)
    server.found = "93.184.216.34"
    assert await resolved(SILENT, 443) == ["93.184.216.34"]


async def test_what_can_be_no_name_has_no_address() -> None:
    with pytest.raises(OSError, match="no name"):
        await resolved("a" * 64 + ".example.com", 443)


@pytest.mark.parametrize("trouble", [RuntimeError("can't start new thread"), ValueError("odd")])
async def test_a_name_that_could_not_be_asked_for_is_asked_for_again(
    trouble: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No thread was to be had, or the resolver failed in a way of its own: said at once, and not for ever."""

    def fails(*_args: Any, **_more: Any) -> None:
        raise trouble

    with monkeypatch.context() as once:
        if isinstance(trouble, RuntimeError):
            once.setattr(threading.Thread, "start", fails)
        else:
            once.setattr(socket, "getaddrinfo", fails)
        async with asyncio.timeout(5):
            with pytest.raises(OSError, match="name"):
                await resolved("localhost", 443)
    async with asyncio.timeout(5):
        assert await resolved("127.0.0.1", 443) == ["127.0.0.1"]
        assert await resolved("localhost", 443)
