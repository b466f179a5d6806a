"""One IMAP connection: open it, trust it, log in, send one command at a time, be told of mail.

The only file that knows aioimaplib, whose command and state keeping we use and whose reading we replace: as shipped,
2.0.3 loses the connection over 970 untagged lines in one chunk, wakes nobody when it is cut and drops an EXISTS that
comes inside another command (iroco-co/aioimaplib issues 58, 110, 118). It uses names the vendor calls private, so the
version is pinned. What is asked over the connection stands in `session.py`, how bytes are read in `wire.py`.
"""

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

from aioimaplib import aioimaplib as vendor

from commsd.channels.mail import sasl, wire
from commsd.channels.mail.echo import Echo, without
from commsd.channels.mail.imap_login import Credentials, log_in
from commsd.channels.mail.session import Answer, Session, demand, turned_away
from commsd.channels.mail.trust import trusting
from commsd.errors import CommsdError, ConfigError, Throttled, Unreachable

GOODBYE = 2.0
PROMPT = 10.0
"""Seconds to agree to IDLE and to end it: a server that takes longer is gone. mail.md I2."""

LONGEST = 2.0
"""Times the deadline one command may last while bytes keep coming: less than the lease of 90 s it is given under."""

# It quotes what servers say, addresses included, and asks for each line to be formatted even where nobody listens.
vendor.log.disabled = True


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a mailbox lives. ca: a PEM file that vouches for the server; None trusts what the system trusts.

    tls: "implicit" (port 993), "starttls" (never goes on without), "none" on loopback only.
    """

    host: str
    port: int
    tls: Literal["implicit", "starttls", "none"] = "implicit"
    ca: str | None = None

    def __str__(self) -> str:
        return f"IMAP server {self.host}:{self.port}"


async def connect(endpoint: Endpoint, credentials: Credentials, *, deadline: float) -> Session:
    """A session that is logged in. deadline: seconds for each step here, and for each command later.

    Raises Unreachable (no such host, nobody answers, TLS fails), LoginRefused, TryAgain (the server says: not now),
    ConfigError (clear text to another machine, a `ca` that is no certificate).
    """
    if endpoint.tls == "none" and not wire.is_loopback(endpoint.host):
        raise ConfigError(
            f'tls = "none" would send the password for {endpoint.host} in clear',
            remedy='write tls = "implicit" or tls = "starttls"',
        )
    link = _Link(await _opened(endpoint, deadline), endpoint, deadline)
    try:
        await link.log_in(credentials)
    except BaseException:
        link.abort()
        raise
    return Session(link)


async def _opened(endpoint: Endpoint, deadline: float) -> "_Protocol":
    loop = asyncio.get_running_loop()
    context = trusting(endpoint.ca) if endpoint.tls == "implicit" else None
    name = endpoint.host if context else None
    try:
        async with asyncio.timeout(deadline):
            _, protocol = await loop.create_connection(
                lambda: _Protocol(loop), endpoint.host, endpoint.port, ssl=context, server_hostname=name
            )
    except (OSError, TimeoutError) as error:
        raise _unreachable(endpoint, error, deadline) from error
    return protocol


def _unreachable(endpoint: Endpoint, error: Exception, deadline: float) -> Unreachable:
    if isinstance(error, ssl.SSLCertVerificationError):
        return Unreachable(
            f"{endpoint}: its certificate is not trusted: {wire.words(error.verify_message)}",
            remedy="check the host name; for a certificate of your own, name its authority in `ca`",
        )
    why = f"no answer within {deadline:g} s" if isinstance(error, TimeoutError) else wire.words(str(error))
    return Unreachable(f"{endpoint}: {why}", remedy="check host, port, tls and the network between")


class _Protocol(vendor.IMAP4ClientProtocol):
    """The vendor's protocol, reading without recursion; when the connection goes, everybody who waits hears at once."""

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        super().__init__(loop)
        self.greeting: bytes | None = None
        self.lost: str | None = None  # why nothing more can be asked
        self.farewell = b""
        self.news = False
        self.continued = False
        self.echo: Echo | None = None  # of what we say to be let in
        self._stirred = asyncio.Event()
        self._reader = wire.Reader()
        self._heard: Callable[[], None] = lambda: None

    @property
    def loose(self) -> Any:
        """This object past the vendor's annotations, which say None for all that is filled in later."""
        return self

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        super().connection_made(transport)
        _keep_alive(transport.get_extra_info("socket"))

    def data_received(self, d: bytes) -> None:
        self._heard()
        try:
            for response in self._reader.feed(d):
                self._take(response)
        except wire.Malformed as error:
            self.give_up(str(error))
        except vendor.AioImapException:  # whose words quote the command that waits, a LOGIN with its password too
            self.give_up("the server answered out of order")
        self._stirred.set()

    def connection_lost(self, exc: Exception | None) -> None:
        self.give_up(wire.words(str(exc)) if exc else "the server closed the connection")

    def give_up(self, why: str) -> None:
        """Every command that waits fails with this reason, and the socket is closed."""
        if self.lost is None:
            self.lost = why
            for command in self._waiting():
                command._exception = ConnectionError(why)
                command._event.set()
        self._stirred.set()
        if self.loose.transport is not None:
            self.loose.transport.abort()

    def send(self, line: str, scrub: str | None = None) -> None:
        """As the vendor's, without its log line: `scrub` leaves a password readable that quoting has changed."""
        if self.lost is None:
            self.loose.transport.write(line.encode("utf-8", "surrogateescape") + b"\r\n")

    def begin(self, command: vendor.Command) -> None:
        """Sends a command without waiting for its end, which the vendor's `execute` does."""
        self.continued = False
        self.loose.pending_sync_command = command
        self.send(str(command))

    async def until(self, happened: Callable[[], bool]) -> None:
        """Returns when it has, or when the connection is gone."""
        while not (happened() or self.lost is not None):
            self._stirred.clear()
            await self._stirred.wait()

    @contextmanager
    def extending(self, limit: asyncio.Timeout, seconds: float) -> Iterator[None]:
        """Inside, this limit ends so long after the last bytes came: a slow line is not a silent one."""
        time = asyncio.get_running_loop().time
        last = time() + LONGEST * seconds

        def put_off() -> None:
            if not limit.expired():
                limit.reschedule(min(time() + seconds, last))

        self._heard = put_off
        try:
            yield
        finally:
            self._heard = lambda: None

    def start_over(self, transport: asyncio.Transport | None) -> None:
        """What came in clear before TLS is not to be believed, RFC 3501 section 6.2.1."""
        self.loose.transport, self._reader, self.news = transport, wire.Reader(), False

    def _take(self, response: wire.Response) -> None:
        line = without(response[0], self.echo) if self.echo else response[0]
        if self.greeting is None:
            self.greeting = line
        elif line.startswith(b"* "):
            self._take_untagged((line, *response[1:]))
        elif line.startswith(b"+"):
            self.continued = True
        elif line:
            self._response_done(line)

    def _take_untagged(self, response: wire.Response) -> None:
        word, _, rest = response[0][2:].partition(b" ")
        if word.isdigit() and rest.strip().upper() == b"EXISTS":
            self.news = True
        waiting = self._waiting()
        for command in waiting:
            command.append_to_resp(response)
        if word.upper() == b"BYE" and not any(command.name == "LOGOUT" for command in waiting):
            self.farewell = rest
            self.give_up(f"the server said goodbye: {wire.words(rest)}")

    def _waiting(self) -> list[Any]:
        commands = [self.loose.pending_sync_command, *self.pending_async_commands.values()]
        return [command for command in commands if command is not None]


def _keep_alive(sock: socket.socket) -> None:
    """A peer that a silent NAT has cut off is noticed after two minutes, not after two hours."""
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for option, value in (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 4)):
        if hasattr(socket, option):
            sock.setsockopt(socket.IPPROTO_TCP, getattr(socket, option), value)


class _Link:
    """The connection as `session.Link` describes it, and the way to a login."""

    def __init__(self, protocol: _Protocol, endpoint: Endpoint, deadline: float) -> None:
        self._protocol, self._endpoint, self._deadline = protocol, endpoint, deadline
        self.capabilities: frozenset[str] = frozenset()

    @property
    def news(self) -> bool:
        return self._protocol.news

    @news.setter
    def news(self, news: bool) -> None:
        self._protocol.news = news

    @property
    def closed(self) -> bool:
        return self._protocol.lost is not None

    async def run(self, name: str, *args: str) -> Answer:
        async with self._turn(name), asyncio.timeout(self._deadline) as limit:
            command = self._command(name, *args)
            with self._protocol.extending(limit, self._deadline):
                await self._protocol.execute(command)
        return _answer(command)

    async def idle(self, seconds: float) -> Answer:
        protocol, command = self._protocol, self._command("IDLE")
        ended = command._event.is_set
        async with self._turn("IDLE"):
            async with asyncio.timeout(min(self._deadline, PROMPT)):
                protocol.begin(command)
                await protocol.until(lambda: protocol.continued or ended())
            with suppress(TimeoutError):  # then nothing came in, which is an answer too
                async with asyncio.timeout(seconds):
                    await protocol.until(lambda: protocol.news or ended())
            async with asyncio.timeout(min(self._deadline, PROMPT)):
                if not ended():
                    protocol.send("DONE")
                await command.wait()
        return _answer(command)

    def entered(self, *, folder: bool) -> None:
        self._protocol.state = vendor.SELECTED if folder else vendor.AUTH  # else the vendor forbids FETCH

    async def leave(self) -> None:
        try:
            if not self.closed:
                async with asyncio.timeout(min(GOODBYE, self._deadline)):
                    await self.run("LOGOUT")
        except (CommsdError, TimeoutError):
            pass  # closed either way
        finally:
            self.abort()

    def abort(self) -> None:
        self._protocol.give_up("we closed the connection")

    async def log_in(self, credentials: Credentials) -> None:
        protocol = self._protocol
        async with self._turn("the greeting"), asyncio.timeout(self._deadline):
            await protocol.until(lambda: protocol.greeting is not None)
        greeting = protocol.greeting or b""
        if not greeting.upper().startswith((b"* OK", b"* PREAUTH")):
            raise turned_away(f"{self._endpoint} turns us away", greeting)
        protocol.state = vendor.NONAUTH
        await self._learn_capabilities()
        if self._endpoint.tls == "starttls":
            await self._start_tls()
        if not greeting.upper().startswith(b"* PREAUTH"):
            protocol.echo = Echo(credentials.username, credentials.password, credentials.token)
            await log_in(self, credentials, self._endpoint.host, self._endpoint.port)
            protocol.echo = None
        self.entered(folder=False)
        await self._learn_capabilities()  # Microsoft 365 offers more to those it knows

    async def authenticate(self, method: sasl.Method) -> Answer:
        """RFC 3501 section 6.2.2: what the vendor cannot, for it never answers the challenge of a refusal."""
        inline = "SASL-IR" in self.capabilities
        protocol, command = self._protocol, self._command("AUTHENTICATE", method.name, *([method.first] * inline))
        ended, words = command._event.is_set, [] if inline else [method.first]
        async with self._turn("the login"), asyncio.timeout(self._deadline):
            protocol.begin(command)
            while True:
                await protocol.until(lambda: protocol.continued or ended())
                if ended() or self.closed:
                    break
                protocol.continued = False
                protocol.send(words.pop() if words else method.last)
            await command.wait()
        return _answer(command)

    async def _start_tls(self) -> None:
        protocol, context = self._protocol, trusting(self._endpoint.ca)
        demand(await self.run("STARTTLS"), "STARTTLS", self)
        try:
            async with asyncio.timeout(self._deadline):
                transport = await asyncio.get_running_loop().start_tls(
                    protocol.loose.transport, protocol, context, server_hostname=self._endpoint.host
                )
        except (OSError, TimeoutError) as error:
            raise _unreachable(self._endpoint, error, self._deadline) from error
        protocol.start_over(transport)
        await self._learn_capabilities()

    async def _learn_capabilities(self) -> None:
        answer = await self.run("CAPABILITY")
        demand(answer, "CAPABILITY", self)
        lines = [line.decode("ascii", "replace").upper().split() for line, *_ in answer.responses]
        self.capabilities = frozenset(word for line in lines if line[1:2] == ["CAPABILITY"] for word in line[2:])

    def _command(self, name: str, *args: str) -> vendor.Command:
        prefix, _, verb = name.rpartition(" ")
        return vendor.Command(verb, self._protocol.new_tag(), *args, prefix=prefix, loop=asyncio.get_running_loop())

    @asynccontextmanager
    async def _turn(self, doing: str) -> AsyncIterator[None]:
        """Whatever goes wrong in here ends the connection: its next answer would belong to the wrong question."""
        if self.closed:
            raise self._gone(doing, self._protocol.lost or "")
        try:
            yield
        except TimeoutError as error:
            self.abort()
            raise self._gone(doing, f"no answer within {self._deadline:g} s") from error
        except (ConnectionError, vendor.AioImapException) as error:
            self.abort()
            raise self._gone(doing, wire.words(str(error))) from error
        except BaseException:
            self.abort()
            raise
        if self.closed:
            raise self._gone(doing, self._protocol.lost or "")

    def _gone(self, doing: str, why: str) -> CommsdError:
        turned = turned_away(f"{self._endpoint}, during {doing}", self._protocol.farewell)
        if isinstance(turned, Throttled):
            return turned
        return Unreachable(f"{self._endpoint}, during {doing}: {why}", remedy="nothing; commsd connects anew")


def _answer(command: vendor.Command) -> Answer:
    result, lines = command.response
    return Answer(result, bytes(lines[-1]), lines[:-1])
