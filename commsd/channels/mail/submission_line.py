"""An SMTP connection once we are let in: commands go out, together where the server allows it, replies come in order.

The vendor connects and logs in; then the socket is ours, for the vendor drops replies that come before it waits for
them, which is what pipelining is (RFC 2920). What a reply means for the message is decided in `submission.py`.
"""

import asyncio
import re
from collections import deque
from dataclasses import dataclass
from typing import cast

import aiosmtplib

LONGEST_REPLY = 32_768


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server said: its code and its words, one line for each of its own. RFC 5321 section 4.2."""

    code: int
    text: str


class Line(asyncio.Protocol):
    """Take over a connection that is logged in. Once anything is out of step it is not `in_step` any more: drop it."""

    def __init__(self, client: aiosmtplib.SMTP) -> None:
        transport = client.protocol.transport if client.protocol else None
        if transport is None:
            raise aiosmtplib.SMTPServerDisconnected("connection lost")
        self._client = client
        self._transport = cast(asyncio.Transport, transport)  # uvloop's are no subclass of it
        self._begun = b""
        self._said: list[str] = []
        self._replies: deque[Reply] = deque()
        self._owed = 0
        self._lost: Exception | None = None
        self._stirred = asyncio.Event()
        self._transport.set_protocol(self)

    def offers(self, extension: str) -> bool:
        """Whether the server named this extension in its greeting, in lower case."""
        return self._client.supports_extension(extension)

    @property
    def in_step(self) -> bool:
        """Open, and the server has answered all it was asked and nothing else."""
        closed = self._lost is not None or self._transport.is_closing()
        return not (closed or self._owed or self._replies or self._begun)

    async def ask(self, command: bytes) -> Reply:
        """The reply to one command. Raises as `reply`."""
        self.write(command + b"\r\n", replies=1)
        return await self.reply()

    def write(self, data: bytes, *, replies: int) -> None:
        """Sends this, after which the server owes so many replies. Raises SMTPServerDisconnected."""
        if not self.in_step:
            self._lose("out of step")
            raise aiosmtplib.SMTPServerDisconnected("connection lost")
        self._owed = replies
        self._transport.write(data)

    async def reply(self) -> Reply:
        """The next one. Raises SMTPServerDisconnected, and SMTPResponseException for what is no SMTP."""
        while not self._replies:
            if self._lost is not None:
                raise self._lost
            self._stirred.clear()
            await self._stirred.wait()
        self._owed -= 1
        return self._replies.popleft()

    def drop(self) -> None:
        """Closed at once: what is still in its buffer shall not leave later."""
        hang_up(self._client)

    # --- what the loop calls

    def data_received(self, data: bytes) -> None:
        *lines, self._begun = (self._begun + data).split(b"\n")
        for line in lines:
            self._take(line)
        if len(self._begun) + sum(map(len, self._said)) > LONGEST_REPLY:
            self._garbled("a reply without an end")
        self._stirred.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self._lose("connection lost")

    def _take(self, line: bytes) -> None:
        code, dash, text = line[:3], line[3:4], line[4:].strip().decode("utf-8", "replace")
        if not code.isdigit():
            self._garbled(line.decode("utf-8", "replace"))
            return
        self._said.append(text)
        if dash != b"-":
            self._replies.append(Reply(int(code), "\n".join(self._said)))
            self._said = []

    def _garbled(self, said: str) -> None:
        self._lost = self._lost or aiosmtplib.SMTPResponseException(-1, f"no SMTP: {said}")
        self._transport.abort()

    def _lose(self, why: str) -> None:
        self._lost = self._lost or aiosmtplib.SMTPServerDisconnected(why)
        self._transport.abort()
        self._stirred.set()


def hang_up(client: aiosmtplib.SMTP) -> None:
    """Closes at once, whatever is still to be sent."""
    if client.transport is not None:
        cast(asyncio.WriteTransport, client.transport).abort()
    client.close()


_LINE_END = re.compile(rb"\r\n|\r|\n")
_LEADING_DOT = re.compile(rb"^\.", re.MULTILINE)


def dotted(raw: bytes) -> bytes:
    """Ready for DATA, final dot included; RFC 5321 section 4.5.2."""
    text = _LINE_END.sub(b"\r\n", raw)
    if not text.endswith(b"\r\n"):
        text += b"\r\n"
    return _LEADING_DOT.sub(b"..", text) + b".\r\n"
