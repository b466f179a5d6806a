"""Hands one finished message to one recipient's mail server, and says what became of it without guessing.

The vendor, aiosmtplib, connects and logs in; a message then goes over `submission_line`. What is sent, when it is tried
again and what `unknown` leads to is decided in `send.py`. The whole point is one instant: from the moment the final dot
is written the server may have the message, so nothing that happens afterwards but its own answer tells (RFC 1047, RFC
5321 section 4.5.3.2.6).
"""

import asyncio
import socket
import ssl
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal

import aiosmtplib

from commsd.channels.mail import wire
from commsd.channels.mail.echo import Echo, mark_of
from commsd.channels.mail.outcome import Kind, Outcome, Stage
from commsd.channels.mail.submission_line import Line, Reply, dotted, hang_up
from commsd.channels.mail.submission_login import TokenSource, log_in, log_in_by_token
from commsd.channels.mail.trust import trusting
from commsd.errors import CommsdError, ConfigError

GOODBYE = 2.0

# RFC 4954 section 6: they speak of our account, not of this message.
_ABOUT_US = frozenset({530, 534, 535, 538})


@dataclass(frozen=True, slots=True, kw_only=True)
class Server:
    """Where mail is handed in. ca: a PEM file that vouches for it; None trusts what the system trusts.

    tls: "implicit" (port 465), "starttls" (never goes on without), "none" on loopback only. password: read anew for
    each connection, so that a rotated one is seen; it may raise ConfigError. token: gives access tokens instead, of
    this account.
    """

    host: str
    port: int
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    username: str | None = field(default=None, repr=False)
    password: Callable[[], str] = field(default=str, repr=False)
    token: TokenSource | None = field(default=None, repr=False)
    account: Callable[[], str] | None = field(default=None, repr=False)
    ca: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Patience:
    """Seconds. opening, envelope: all of it, up to the message. answer: to the final dot. grace: for it, once stopped.

    idle: a kept connection older than that is not used again, for the server may have dropped it.
    """

    opening: float = 30.0
    envelope: float = 30.0
    answer: float = 600.0
    grace: float = 20.0
    idle: float = 60.0


class Attempt:
    """One message on its way; a cancel of whoever waits does not touch it. Given by `Submission.begin`."""

    def __init__(self, raw: bytes, sender: str, recipient: str, grace: float) -> None:
        self.raw, self.sender, self.recipient = raw, sender, recipient
        self.stage: Stage = "connect"
        self.stopping = False
        self._grace = grace
        self._task: asyncio.Task[Outcome] | None = None

    async def outcome(self) -> Outcome:
        """When it is known. If this is cancelled, call `stop`: the message may have gone out."""
        task = self._running()
        await asyncio.wait({task})
        return self._result(task)

    async def stop(self) -> Outcome:
        """Breaks off before the message is written; after that waits for the server's answer, `grace` at most.

        To be called also while being cancelled. A cancel of this one breaks off at once.
        """
        task = self._running()
        self.stopping = True
        if self.stage != "answer":
            task.cancel()
        try:
            await asyncio.wait({task}, timeout=self._grace)
        finally:
            task.cancel()
        await asyncio.wait({task}, timeout=GOODBYE)
        return self._result(task)

    def broken_off(self) -> Outcome:
        """What is known when nobody waits any longer."""
        kind: Kind = "unknown" if self.stage == "answer" else "later"
        return Outcome(kind=kind, code=None, text="broken off by us", stage=self.stage)

    def start(self, task: asyncio.Task[Outcome]) -> None:
        """Bound to the task that does it."""
        self._task = task

    def _running(self) -> asyncio.Task[Outcome]:
        assert self._task is not None, "an Attempt comes from Submission.begin"
        return self._task

    def _result(self, task: asyncio.Task[Outcome]) -> Outcome:
        return task.result() if task.done() and not task.cancelled() else self.broken_off()


@dataclass(slots=True)
class _Connection:
    line: Line
    used_at: float = 0.0  # loop time; 0: fresh
    soiled: bool = False  # the last transaction ended half-way

    async def leave(self) -> None:
        """Says goodbye, briefly."""
        try:
            async with asyncio.timeout(GOODBYE):
                await self.line.ask(b"QUIT")
        except (aiosmtplib.SMTPException, OSError, TimeoutError):
            pass  # gone either way
        finally:
            self.line.drop()


class _Refusal(Exception):
    """The server answered something else than hoped for."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code, self.text = code, text


class Submission:
    """A few kept-open connections to one server. Raises ConfigError for clear text to another machine."""

    def __init__(self, server: Server, *, size: int = 2, patience: Patience | None = None) -> None:
        if server.tls == "none" and not wire.is_loopback(server.host):
            raise ConfigError(
                f'tls = "none" would send mail and password for {server.host} in clear',
                remedy='write tls = "implicit" or tls = "starttls"',
            )
        self._server, self._patience = server, patience or Patience()
        self._trust = None if server.tls == "none" else trusting(server.ca)
        self._places = asyncio.Semaphore(size)
        self._idle: list[_Connection] = []
        self._under_way: set[Attempt] = set()
        self._echo = Echo(server.username or "")

    def begin(self, raw: bytes, *, sender: str, recipient: str) -> Attempt:
        """Starts it. sender "" is the null sender. raw is sent as it is, but for line ends, which become CR LF."""
        attempt = Attempt(raw, sender, recipient, self._patience.grace)
        # A task of its own, since a cancel of the caller must not tear the message from the server's answer.
        attempt.start(asyncio.create_task(self._see_through(attempt), name="mail.submission"))
        self._under_way.add(attempt)
        return attempt

    async def submit(self, raw: bytes, *, sender: str, recipient: str) -> Outcome:
        """`begin`, then the outcome. Cancelled, it ends only when the attempt has; then the outcome is lost."""
        attempt = self.begin(raw, sender=sender, recipient=recipient)
        try:
            return await attempt.outcome()
        except asyncio.CancelledError:
            await attempt.stop()
            raise

    async def probe(self) -> Outcome | None:
        """Connects and logs in without a message: None when the server lets us in, else what kept us out."""
        fresh = await self._fresh(Attempt(b"", "", "", 0.0))
        if isinstance(fresh, Outcome):
            return fresh
        self._idle.append(fresh)
        return None

    @property
    def mark(self) -> str:
        """Tells what would be presented at a login now from what was before: another secret may be tried at once."""
        try:
            return mark_of((self._server.account or self._server.password)())
        except ConfigError:  # not there at this moment
            return ""

    async def close(self) -> None:
        """Stops every attempt, then says goodbye, briefly."""
        await asyncio.gather(*(attempt.stop() for attempt in self._under_way))
        kept, self._idle = self._idle, []
        await asyncio.gather(*(connection.leave() for connection in kept))

    async def _see_through(self, attempt: Attempt) -> Outcome:
        try:
            return _unsendable(attempt) or await self._deliver(attempt)
        except asyncio.CancelledError:  # by `stop` alone, which asks for this outcome
            return attempt.broken_off()
        finally:
            self._under_way.discard(attempt)

    async def _deliver(self, attempt: Attempt) -> Outcome:
        async with self._places:
            kept = self._kept()
            if kept is not None:
                outcome = await self._try(kept, attempt)
                if outcome is not None:
                    return outcome
            fresh = await self._fresh(attempt)
            if isinstance(fresh, Outcome):
                return fresh
            outcome = await self._try(fresh, attempt)
            return outcome or Outcome(kind="later", code=None, text="connection lost", stage=attempt.stage)

    def _kept(self) -> _Connection | None:
        now = asyncio.get_running_loop().time()
        while self._idle:
            connection = self._idle.pop()
            if connection.line.in_step and now - connection.used_at < self._patience.idle:
                return connection
            connection.line.drop()
        return None

    async def _fresh(self, attempt: Attempt) -> _Connection | Outcome:
        try:
            async with asyncio.timeout(self._patience.opening):
                return await self._opened(attempt)
        except (aiosmtplib.SMTPException, OSError, TimeoutError, _Refusal, CommsdError) as error:
            code = error.code if isinstance(error, aiosmtplib.SMTPResponseException | _Refusal) else None
            text = wire.words(self._echo.out_of(_said(error)))
            return Outcome(kind="later", code=code, text=text or type(error).__name__, stage=attempt.stage)

    async def _opened(self, attempt: Attempt) -> _Connection:
        server = self._server
        attempt.stage = "connect"
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.tls == "implicit",
            start_tls=server.tls == "starttls",  # False, not None: None goes on in clear where TLS is not offered
            tls_context=self._trust,
            local_hostname=_own_name(),
            timeout=self._patience.opening,
        )
        try:
            await client.connect()
            if client.is_ehlo_or_helo_needed:
                await client.ehlo()
            if server.username is not None:
                attempt.stage = "login"
                if server.token is not None:
                    await log_in_by_token(client, server.username, server.token, server.host, server.port)
                else:
                    password = server.password()
                    self._echo = Echo(server.username, password)
                    await log_in(client, server.username, password)
            return _Connection(Line(client))
        except BaseException:
            hang_up(client)
            raise

    async def _try(self, connection: _Connection, attempt: Attempt) -> Outcome | None:
        """The outcome; None when a kept connection turns out to have been dropped, which tells nothing of the mail."""
        reused, keep = connection.used_at > 0, False
        try:
            async with asyncio.timeout(self._patience.envelope):
                await _envelope(connection, attempt)
            async with asyncio.timeout(self._patience.answer):
                taken = await _message(connection.line, attempt)
            keep, connection.soiled = connection.line.in_step, False
            return Outcome(kind="sent", code=taken.code, text=self._words(taken.text), stage="answer")
        except _Refusal as reply:
            if reply.code == 421 and reused and attempt.stage != "answer":
                return None
            keep = 400 <= reply.code < 600 and reply.code != 421 and connection.line.in_step
            connection.soiled = True
            kind = _kind(reply.code, attempt.stage)
            return Outcome(kind=kind, code=reply.code, text=self._words(reply.text), stage=attempt.stage)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
            if reused and isinstance(error, ConnectionError) and attempt.stage != "answer":
                return None
            kind = "unknown" if attempt.stage == "answer" else "later"
            text = self._words(_said(error)) or type(error).__name__
            return Outcome(kind=kind, code=None, text=text, stage=attempt.stage)
        finally:
            if keep:
                connection.used_at = asyncio.get_running_loop().time()
                self._idle.append(connection)
            else:
                connection.line.drop()

    def _words(self, said: str) -> str:
        return wire.words(self._echo.known_out_of(said))


async def _envelope(connection: _Connection, attempt: Attempt) -> None:
    """All up to the server's consent to take the message: in one round trip where the server allows it.

    Once it refuses, what it says of the rest goes with the connection: it may wait for a message there.
    """
    line = connection.line
    attempt.stage = "sender"
    if connection.soiled:
        await _start_over(line)
    sender, recipient = _commands(line, attempt)
    steps: tuple[tuple[Stage, int, bytes], ...] = (
        ("sender", 2, sender),
        ("recipient", 2, recipient),
        ("data", 3, b"DATA"),
    )
    together = line.offers("pipelining")
    if together:
        line.write(b"".join(command + b"\r\n" for _, _, command in steps), replies=len(steps))
    for stage, wanted, command in steps:
        attempt.stage = stage
        _demand(wanted, await (line.reply() if together else line.ask(command)))


def _commands(line: Line, attempt: Attempt) -> tuple[bytes, bytes]:
    """MAIL and RCPT with what this server understands."""
    wide = not (attempt.sender + attempt.recipient).isascii()
    if wide and not line.offers("smtputf8"):
        attempt.stage = "recipient"
        raise _Refusal(553, "this server takes no address with letters beyond ASCII")
    options = f" SIZE={len(attempt.raw)}" if line.offers("size") else ""
    if not attempt.raw.isascii() and line.offers("8bitmime"):
        options += " BODY=8BITMIME"
    options += " SMTPUTF8" if wide else ""
    return f"MAIL FROM:<{attempt.sender}>{options}".encode(), f"RCPT TO:<{attempt.recipient}>".encode()


async def _start_over(line: Line) -> None:
    try:
        _demand(2, await line.ask(b"RSET"))
    except _Refusal as reply:  # it says nothing about the message: taken as a connection of no use
        raise aiosmtplib.SMTPServerDisconnected(reply.text) from reply


async def _message(line: Line, attempt: Attempt) -> Reply:
    """The consent."""
    if attempt.stopping:  # wait_for in Python 3.11 may swallow a cancel
        raise asyncio.CancelledError
    line.write(dotted(attempt.raw), replies=1)
    attempt.stage = "answer"
    return _demand(2, await line.reply())


def _demand(first_digit: int, reply: Reply) -> Reply:
    if reply.code // 100 != first_digit:
        raise _Refusal(reply.code, reply.text)
    return reply


def _kind(code: int, stage: Stage) -> Kind:
    if code in _ABOUT_US or 400 <= code < 500:
        return "later"
    if 500 <= code < 600:
        return "refused"
    return "unknown" if stage == "answer" else "later"


def _said(error: Exception) -> str:
    if untrusted := _untrusted(error):
        why = f"its certificate is not trusted: {untrusted.verify_message}"
        return f"{why}; check the host name; for a certificate of your own, name its authority in `ca`"
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, _Refusal):
        return error.text
    if isinstance(error, aiosmtplib.SMTPResponseException):
        return error.message
    return error.what if isinstance(error, CommsdError) else str(error)


def _untrusted(error: BaseException | None) -> ssl.SSLCertVerificationError | None:
    """What the vendor made a connection error of, where it was that."""
    while error is not None and not isinstance(error, ssl.SSLCertVerificationError):
        error = error.__cause__ or error.__context__
    return error


def _unsendable(attempt: Attempt) -> Outcome | None:
    """Addresses are looked at once more here: the vendor silently cuts one at its line end and reports success."""
    if attempt.sender and not _is_address(attempt.sender):
        return Outcome(kind="refused", code=None, text="the sender is not an address", stage="sender")
    if not _is_address(attempt.recipient):
        return Outcome(kind="refused", code=None, text="the recipient is not an address", stage="recipient")
    return None


def _is_address(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    clean = all(c.isprintable() and not c.isspace() and c not in "<>" for c in text)
    return bool(clean and local and domain and len(text) <= 320)


def _own_name() -> str:
    """Without the DNS the vendor would ask: a submission server does not look at it."""
    name = socket.gethostname()
    return name if "." in name and name.isascii() and not any(c.isspace() for c in name) else "[127.0.0.1]"
