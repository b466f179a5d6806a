"""An SMTP server that says at one command what a test wrote, as often as the test wants; at all others it agrees.

`commsd.demo.smtp.SmtpSink` fails by recipient; this one fails before there is any.
"""

import asyncio
from collections.abc import Sequence
from types import TracebackType
from typing import Self

BANNER, DOT = "BANNER", "DOT"
CUT = "cut"
"""Instead of a reply: the connection ends. EATEN: it ends and the message was taken."""
EATEN = "eaten"


class SmtpScript:
    """Entered with `async with`, it listens on loopback at `port`.

    at: the command, BANNER or DOT. says: what it answers there, each once, then it agrees. taken: the messages.
    """

    def __init__(self, at: str, says: Sequence[str]) -> None:
        self.taken: list[bytes] = []
        self.tries = 0  # connections so far
        self._at, self._says = at, list(says)
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.port: int = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for writer in self._writers:
            writer.transport.abort()
        await self._server.wait_closed()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.tries += 1
        self._writers.add(writer)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self._writers.discard(writer)
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if not self._say(writer, BANNER, "220 script ESMTP"):
            return
        while line := await reader.readline():
            verb = line.decode().split()[0].upper()
            if not self._say(writer, verb, _USUAL.get(verb, "250 fine")):
                return
            if verb == "DATA" and not self._refused and not await self._message(reader, writer):
                return

    async def _message(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        raw = await reader.readuntil(b"\r\n.\r\n")
        if self._says and self._at == DOT and self._says[0] == EATEN:
            self.taken.append(raw)
        goes_on = self._say(writer, DOT, "250 taken")
        if goes_on and not self._refused:
            self.taken.append(raw)
        return goes_on

    def _say(self, writer: asyncio.StreamWriter, verb: str, usual: str) -> bool:
        """Answer; False where that ends the connection."""
        own = self._says.pop(0) if self._at == verb and self._says else ""
        self._refused = bool(own)
        if own in (CUT, EATEN):
            return False
        writer.write(f"{own or usual}\r\n".encode())
        return not own.startswith("421")


_USUAL = {
    "EHLO": "250-script\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250 8BITMIME",
    "AUTH": "235 welcome",
    "DATA": "354 go on",
    "QUIT": "221 bye",
}
