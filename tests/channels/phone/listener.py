"""Our routes behind a real HTTP server on loopback."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager, suppress

import uvicorn
from starlette.applications import Starlette
from starlette.routing import BaseRoute


class _Server(uvicorn.Server):
    def __init__(self, app: Starlette) -> None:
        super().__init__(uvicorn.Config(app, log_config=None, lifespan="off", timeout_graceful_shutdown=1))
        self.leave = asyncio.Event()

    async def main_loop(self) -> None:
        await self.leave.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def listening(routes: Sequence[BaseRoute]) -> AsyncIterator[str]:
    """The base URL, for as long as it lasts."""
    listener = socket.create_server(("127.0.0.1", 0))
    server = _Server(Starlette(routes=list(routes)))
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.leave.set()
        await serving


class Mortal:
    """The same for a process that dies: `kill` cuts every connection in the middle of whatever it was at."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._server = _Server(Starlette(routes=list(routes)))
        self._serving = asyncio.create_task(self._server.serve(sockets=[self._listener]))

    async def kill(self) -> None:
        state = self._server.server_state
        for task in state.tasks:
            task.cancel()
        for connection in list(state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        self._server.leave.set()
        with suppress(asyncio.CancelledError):
            await self._serving
        self._listener.close()
