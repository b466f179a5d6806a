"""An SMTP server that keeps what it is given and fails where it is told to; for the demo and for tests.

It delivers nothing. Faults are chosen by recipient: enough to reach every ending a sender must tell apart.
"""

import asyncio
import ssl
from base64 import b64encode
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import Enum, auto
from types import TracebackType
from typing import Self

from commsd.world import real_world


class Fault(Enum):
    """Where it goes wrong. After "accepted" the sink has the message, which the client cannot know."""

    NULL_SENDER_550 = auto()  # at MAIL FROM:<>; asked for the recipient ""
    RCPT_450 = auto()
    RCPT_550 = auto()
    RCPT_421 = auto()  # and hangs up
    DATA_451 = auto()  # instead of 354
    CUT_IN_DATA = auto()  # hangs up after the first line
    DOT_451 = auto()
    DOT_554 = auto()
    EATEN = auto()  # accepted, then hangs up instead of 250
    MUTE = auto()  # accepted, then silent
    SLOW = auto()  # accepted; 250 only when `release` is set


REPLIES = {
    Fault.NULL_SENDER_550: "550 5.1.7 no null sender from you",
    Fault.RCPT_450: "450 4.2.1 mailbox busy",
    Fault.RCPT_550: "550 5.1.1 no such user",
    Fault.RCPT_421: "421 4.3.2 shutting down",
    Fault.DATA_451: "451 4.3.0 no DATA now",
    Fault.DOT_451: "451 4.3.0 local error",
    Fault.DOT_554: "554 5.7.1 looks like spam",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Accepted:
    """A message that was taken. raw: as received, dots unstuffed. at: aware UTC."""

    sender: str
    recipient: str
    raw: bytes
    at: datetime


class SmtpSink:
    """Entered with `async with`, it listens on loopback at `port`, which stays the same over stop() and start().

    faults: by recipient, or a function of it. credentials: (name, password), then AUTH PLAIN is demanded.
    tls: then STARTTLS is offered, with implicit=True spoken from the first byte. on_accept: called with each message.
    pipelining: offered (RFC 2920).
    """

    def __init__(
        self,
        *,
        faults: Mapping[str, Fault] | Callable[[str], Fault | None] | None = None,
        on_accept: Callable[[Accepted], None] | None = None,
        credentials: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        implicit: bool = False,
        now: Callable[[], datetime] | None = None,
        pipelining: bool = True,
    ) -> None:
        self.accepted: list[Accepted] = []
        self.commands: dict[str, int] = defaultdict(int)  # verb -> how often
        self.opened = 0  # connections so far
        self.port = 0
        self.release = asyncio.Event()
        self._fault = faults.get if isinstance(faults, Mapping) else faults or (lambda recipient: None)
        self._on_accept, self._credentials = on_accept, credentials
        self._tls, self._implicit, self._pipelining = tls, implicit, pipelining
        self._now = now or real_world().now
        self._server: asyncio.Server | None = None
        self._open: dict[asyncio.Task[None], asyncio.StreamWriter] = {}

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.stop()

    async def start(self) -> None:
        """Listens, on the port it had before."""
        context = self._tls if self._implicit else None
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self.port, ssl=context, limit=1 << 20)
        self.port = self._server.sockets[0].getsockname()[1]

    async def stop(self) -> None:
        """Cuts every connection and refuses new ones."""
        if self._server is not None:
            self._server.close()
        self.cut()
        for task in self._open:
            task.cancel()  # one may be held by SLOW
        await asyncio.gather(*self._open, return_exceptions=True)
        if self._server is not None:
            await self._server.wait_closed()

    def cut(self) -> None:
        """Ends every connection without a word, as a server does that found them idle."""
        for writer in self._open.values():
            writer.transport.abort()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._open[task] = writer
        self.opened += 1
        try:
            await _Conversation(self, reader, writer).run()
        except (ConnectionError, asyncio.IncompleteReadError, ssl.SSLError):
            pass  # the client went, or a fault hung up
        finally:
            del self._open[task]
            writer.transport.abort()


class _Conversation:
    def __init__(self, sink: SmtpSink, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.sink, self.reader, self.writer = sink, reader, writer
        self.sender: str | None = None
        self.recipient = ""
        self.secure, self.known = sink._implicit, sink._credentials is None

    async def run(self) -> None:
        await self.say("220 sink ESMTP")
        while line := await self.reader.readline():
            command = line.decode("utf-8", "replace").rstrip("\r\n")
            verb = command.partition(" ")[0].upper()
            self.sink.commands[verb] += 1
            await getattr(self, f"on_{verb.lower()}", self.on_unknown)(command)

    async def say(self, *lines: str) -> None:
        text = "".join(f"{line[:3]}{' ' if line is lines[-1] else '-'}{line[4:]}\r\n" for line in lines)
        self.writer.write(text.encode())
        await self.writer.drain()

    async def hang_up(self) -> None:
        self.writer.close()
        raise ConnectionAbortedError

    async def on_unknown(self, command: str) -> None:
        await self.say("500 5.5.2 what")

    async def on_ehlo(self, command: str) -> None:
        offers = ["250 sink", "250 8BITMIME", "250 SMTPUTF8", "250 SIZE"]
        if self.sink._pipelining:
            offers.append("250 PIPELINING")
        if self.sink._tls and not self.secure:
            offers.append("250 STARTTLS")
        elif self.sink._credentials:
            offers.append("250 AUTH PLAIN LOGIN")
        await self.say(*offers)

    async def on_starttls(self, command: str) -> None:
        if not self.sink._tls or self.secure:
            await self.say("502 5.5.1 no TLS")
            return
        await self.say("220 go ahead")
        await self.writer.start_tls(self.sink._tls)
        self.secure = True

    async def on_auth(self, command: str) -> None:
        name, password = self.sink._credentials or ("", "")
        self.known = command.split(" ")[1:] == ["PLAIN", plain(name, password)]
        await self.say("235 2.7.0 welcome" if self.known else "535 5.7.8 wrong name or password")

    async def on_mail(self, command: str) -> None:
        sender = _path(command)
        if not self.known:
            await self.say("530 5.7.0 log in first")
        elif self.sender is not None:
            await self.say("503 5.5.1 nested MAIL")
        elif not sender and self.sink._fault("") is Fault.NULL_SENDER_550:
            await self.say(REPLIES[Fault.NULL_SENDER_550])
        else:
            self.sender = sender
            await self.say("250 2.1.0 fine")

    async def on_rcpt(self, command: str) -> None:
        fault = self.sink._fault(_path(command))
        if fault in (Fault.RCPT_450, Fault.RCPT_550, Fault.RCPT_421):
            await self.say(REPLIES[fault])
            if fault is Fault.RCPT_421:
                await self.hang_up()
        else:
            self.recipient = _path(command)
            await self.say("250 2.1.5 fine")

    async def on_data(self, command: str) -> None:
        fault = self.sink._fault(self.recipient)
        if not self.recipient:
            await self.say("503 5.5.1 to whom")
        elif fault is Fault.DATA_451:
            await self.say(REPLIES[fault])
        else:
            await self.say("354 go ahead")
            if fault is Fault.CUT_IN_DATA:
                await self.reader.readline()
                await self.hang_up()
            await self._answer_message(await self._message(), fault)
            self.sender, self.recipient = None, ""

    async def _answer_message(self, raw: bytes, fault: Fault | None) -> None:
        if fault in (Fault.DOT_451, Fault.DOT_554):
            await self.say(REPLIES[fault])
            return
        self._accept(raw)
        if fault is Fault.EATEN:
            await self.hang_up()
        if fault is Fault.SLOW:
            await self.sink.release.wait()
        if fault is not Fault.MUTE:
            await self.say("250 2.0.0 taken")

    async def _message(self) -> bytes:
        lines = []
        while (line := await self.reader.readuntil(b"\r\n")) != b".\r\n":
            lines.append(line.removeprefix(b"."))
        return b"".join(lines)

    def _accept(self, raw: bytes) -> None:
        taken = Accepted(sender=self.sender or "", recipient=self.recipient, raw=raw, at=self.sink._now())
        self.sink.accepted.append(taken)
        if self.sink._on_accept:
            self.sink._on_accept(taken)

    async def on_rset(self, command: str) -> None:
        self.sender, self.recipient = None, ""
        await self.say("250 2.0.0 fine")

    on_noop = on_rset

    async def on_quit(self, command: str) -> None:
        await self.say("221 2.0.0 bye")
        await self.hang_up()


def plain(name: str, password: str) -> str:
    """The initial response of AUTH PLAIN, RFC 4616."""
    return b64encode(f"\0{name}\0{password}".encode()).decode()


def _path(command: str) -> str:
    return command.partition("<")[2].partition(">")[0]
