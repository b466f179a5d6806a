"""A road to a server that breaks: bytes pass unchanged, and now and then a connection ends in the middle of some."""

import asyncio
from dataclasses import dataclass, field
from random import Random
from types import TracebackType
from typing import Self


@dataclass
class RoughRoad:
    """Entered with `async with`, it listens on loopback at `port` and leads to `to`.

    While `rough`, every connection breaks after a number of bytes of either way, drawn evenly from 1 to `longest`.
    """

    to: int
    chance: Random
    longest: int
    rough: bool = True
    port: int = 0
    cuts: int = 0
    _open: dict[asyncio.Task[None], asyncio.StreamWriter] = field(default_factory=dict)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for writer in self._open.values():
            writer.transport.abort()
        await asyncio.gather(*self._open, return_exceptions=True)
        await self._server.wait_closed()

    async def cut(self) -> None:
        """Every connection ends at once."""
        self.cuts += len(self._open)
        for writer in self._open.values():
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._open[task] = writer
        left = [self.chance.randint(1, self.longest)]
        try:
            beyond, away = await asyncio.open_connection("127.0.0.1", self.to)
            try:
                ways = {
                    asyncio.ensure_future(self._carry(reader, away, left)),
                    asyncio.ensure_future(self._carry(beyond, writer, left)),
                }
                await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)
            finally:
                away.transport.abort()
        except ConnectionError:
            pass  # the server is away
        finally:
            self._open.pop(task, None)
            writer.transport.abort()

    async def _carry(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter, left: list[int]) -> None:
        try:
            while data := await source.read(1 << 16):
                if self.rough and len(data) >= left[0]:
                    self.cuts += 1
                    sink.write(data[: left[0] - 1])
                    await sink.drain()
                    return
                left[0] -= len(data) if self.rough else 0
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            return
