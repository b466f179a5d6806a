"""An IMAP server that says what a test wrote, cut where the test wants it: answers no real server gives on demand.

It speaks enough by itself to let a client log in, open a folder with three messages and idle.
"""

import asyncio
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Literal, Self

from commsd.channels.mail.imap import Endpoint


@dataclass(frozen=True, slots=True)
class Say:
    """The answer to one command. `%T` in it stands for the command's tag.

    then: "ok" adds the tagged OK unless `%T` is in it; "nothing" leaves the client waiting; "cut" closes the link.
    """

    data: bytes = b""
    then: Literal["ok", "nothing", "cut", "tls"] = "ok"


SILENCE = Say(then="nothing")
CUT = Say(then="cut")

USUAL: Mapping[str, Say] = {
    "CAPABILITY": Say(b"* CAPABILITY IMAP4rev1 IDLE\r\n"),
    "EXAMINE": Say(b"* 3 EXISTS\r\n* OK [UIDVALIDITY 7] valid\r\n* OK [UIDNEXT 13] next\r\n%T OK [READ-ONLY] open\r\n"),
    "UID SEARCH": Say(b"* SEARCH 10 11 12\r\n"),
    "LOGOUT": Say(b"* BYE see you\r\n%T OK gone\r\n"),
    "IDLE": Say(b"+ idling\r\n", then="nothing"),
    "STARTTLS": Say(then="tls"),
}


class ImapScript:
    """Entered with `async with`, it listens on loopback and gives its Endpoint.

    answers: by command, "UID FETCH", "LOGIN" or "RESPONSE"; of several, each serves once and the last stays. asked:
    every command received, without its tag. cut_after: bytes until every connection breaks.
    """

    def __init__(
        self,
        answers: Mapping[str, Say | Sequence[Say]] | None = None,
        *,
        greeting: bytes = b"* OK ready\r\n",
        cut_after: int | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        self.asked: list[str] = []
        self.sent = 0
        self.most_connections = 0
        self._swallows = False
        self._answers = {name: _several(say) for name, say in {**USUAL, **(answers or {})}.items()}
        self._greeting, self._cut_after, self._tls = greeting, cut_after, tls
        self._writers: list[asyncio.StreamWriter] = []
        self._handlers: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        self.cut()
        await asyncio.gather(*self._handlers)
        await self._server.wait_closed()

    @property
    def endpoint(self) -> Endpoint:
        port: int = self._server.sockets[0].getsockname()[1]
        return Endpoint("127.0.0.1", port, "none")

    @property
    def connections(self) -> int:
        """Those opened so far and not yet closed by the client or cut."""
        return len(self._handlers)

    def push(self, data: bytes) -> None:
        """Said to every client at once, whoever speaks."""
        for writer in self._writers:
            if not self._swallows:
                writer.write(data)

    def swallow(self, swallows: bool) -> None:
        """Nothing we say gets through any more, and no line is cut."""
        self._swallows = swallows

    def cut_after(self, sent: int) -> None:
        """Every connection breaks when this many bytes have been sent in all."""
        self._cut_after = sent

    def cut(self) -> None:
        """Every connection is closed without a word."""
        while self._writers:
            self._writers.pop().transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._handlers.add(task)
        self.most_connections = max(self.most_connections, len(self._handlers))
        self._writers.append(writer)
        try:
            await self._converse(reader, writer)
        except (ConnectionError, ssl.SSLError):
            pass
        finally:
            self._handlers.discard(task)
            writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._say(writer, self._greeting)
        idle_tag, login_tag = "", ""
        while raw := await reader.readline():
            line = raw.decode().strip()
            if line == "DONE":
                tag, name = idle_tag, "DONE"
            elif login_tag:
                tag, name, login_tag = login_tag, "RESPONSE", ""
            else:
                tag, _, command = line.partition(" ")
                words = command.split()
                name = " ".join(words[:2]) if words[0] == "UID" else words[0]
                idle_tag = tag if name == "IDLE" else idle_tag
            self.asked.append(line.partition(" ")[2] or line)
            say = self.answer(name, line.partition(" ")[2])
            login_tag = tag if name in ("AUTHENTICATE", "RESPONSE") and say.data.startswith(b"+") else ""
            tagged = b"" if b"%T" in say.data or say.then in ("nothing", "cut") else b"%T OK done\r\n"
            self._say(writer, (say.data + tagged).replace(b"%T", tag.encode()))
            if say.then == "cut":
                await writer.drain()
                writer.close()
                return
            if say.then == "tls":
                assert self._tls, "this script has no certificate"
                await writer.drain()
                await writer.start_tls(self._tls)

    def answer(self, name: str, command: str) -> Say:
        """What is said to this command. RESPONSE is the line that answers a `+` of AUTHENTICATE."""
        said = self._answers.get(name, [Say()])
        return said.pop(0) if len(said) > 1 else said[0]

    def _say(self, writer: asyncio.StreamWriter, data: bytes) -> None:
        if self._swallows:
            return
        if self._cut_after is not None and self.sent + len(data) > self._cut_after:
            writer.write(data[: self._cut_after - self.sent])
            self.sent = self._cut_after
            writer.close()
            raise ConnectionAbortedError
        self.sent += len(data)
        writer.write(data)


def _several(say: Say | Sequence[Say]) -> list[Say]:
    return [say] if isinstance(say, Say) else list(say)
