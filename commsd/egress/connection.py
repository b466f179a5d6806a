"""Connections for one post: to an address that was judged, and with an end to what the other side may say."""

import asyncio
import socket
import ssl
from collections.abc import Awaitable, Callable
from functools import partial

from aiohttp import TCPConnector
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.client_proto import ResponseHandler

Names = Callable[[str, int], Awaitable[list[str]]]
"""A name and a port -> the addresses that may be connected to."""

LONGEST_HEAD = 64 * 1024
"""Bytes we read of one connection. HTTP knows no limit to interim answers: a server that sends one after the other
would keep the loop at work and fill our memory for as long as a post may take.
"""


def connections(names: Names, trust: ssl.SSLContext) -> TCPConnector:
    """Each used once."""
    made = TCPConnector(resolver=_Once(names), use_dns_cache=False, force_close=True, limit=1, ssl=trust)
    made._factory = partial(_short)  # it takes no other protocol from outside
    return made


def _short() -> ResponseHandler:
    return _Short(loop=asyncio.get_running_loop())


class _Short(ResponseHandler):
    """Hangs up behind the longest head; what came before is read, so an answer that was complete counts."""

    _read = 0

    def data_received(self, data: bytes) -> None:
        room = LONGEST_HEAD - self._read
        self._read += len(data)
        if room > 0:
            super().data_received(data[:room])
        if self._read > LONGEST_HEAD and self.transport is not None:
            self.transport.abort()


class _Once(AbstractResolver):
    """Asks for the name once for the connection that is made to one of these addresses and no others."""

    def __init__(self, names: Names) -> None:
        self._names = names

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        flags = socket.AI_NUMERICHOST | socket.AI_NUMERICSERV
        return [
            ResolveResult(
                hostname=host,
                host=each,
                port=port,
                family=socket.AF_INET6 if ":" in each else socket.AF_INET,
                proto=0,
                flags=flags,
            )
            for each in await self._names(host, port)
        ]

    async def close(self) -> None:
        return
