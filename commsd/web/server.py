"""HTTP: sockets we bind, an embedded uvicorn behind them, and what surrounds every request.

uvicorn would take our signals and end the process on a taken port; here it does neither. We accept connections
ourselves, so that a drain can stop accepting while the socket still stands: closing it first loses requests that the
kernel has taken already (crm-ops.md M9).
"""

import asyncio
import contextlib
import resource
import socket
from collections.abc import Generator, Iterable, Mapping, Sequence
from typing import Any

import structlog
import uvicorn
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from commsd.crm.fault import TooLarge
from commsd.crm.problem import problem, problem_of
from commsd.errors import CommsdError
from commsd.web.pages import page
from commsd.web.watch import Health
from commsd.world import World

log = structlog.get_logger()

LARGEST_BODY = 1 << 20
BACKLOG = 2048
SETTLE = 3.0
"""Seconds for which a drain waits for connections that were accepted and have not been served."""

GRACE = 2

WITHIN = 30.0
"""Seconds for a request to be here, its body too. Who is slower holds a file of ours that our mail and store need."""

LESS = 10
"""By so much less where others wait for a connection."""

TOLD_EVERY = 60.0
"""Seconds between two lines of the log that say so."""

FEWEST, MOST = 64, 4000
"""Connections of one listener: a quarter of the files we may have open, within these."""

HEADERS: Mapping[str, str] = {
    "Content-Security-Policy": (
        "default-src 'self'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'; object-src 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "same-origin",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "no-store",
}
"""On every response that does not say otherwise. Referrers would carry the tokens of links to others."""

Header = tuple[bytes, bytes]
_RAW_HEADERS: list[Header] = [(name.lower().encode(), value.encode()) for name, value in HEADERS.items()]


class CannotListen(CommsdError):
    """An address to listen on is taken or not ours."""

    exit_code = 69


def bind(host: str, port: int) -> socket.socket:
    """A listening socket; port 0: the system chooses. Raises CannotListen."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listener = socket.socket(family, kind, protocol)
    except OSError as error:
        raise CannotListen(f"'{host}' is no address here: {error.strerror}", remedy="mend [http] listen") from error
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen(BACKLOG)
        listener.setblocking(False)
    except OSError as error:
        listener.close()
        raise CannotListen(
            f"cannot listen on {host}:{port}: {error.strerror}",
            remedy="another program has it: stop that one, or give [http] listen another port",
        ) from error
    return listener


def application(routes: Sequence[BaseRoute], health: Health, *, largest_body: int = LARGEST_BODY) -> ASGIApp:
    """The routes of one listener with what surrounds every request."""
    handlers = {
        HTTPException: _problem_of_http,
        CommsdError: _problem_of_ours,
        ClientDisconnect: _gone,
        Exception: _failed,
    }
    app = Starlette(routes=list(routes), exception_handlers=handlers)
    app.router.redirect_slashes = False  # a redirect would go to whatever host the request named
    return _Surroundings(app, health, largest_body)


class Listener:
    """One listening socket and the application behind it; a duty. `drain` ends it without losing a request."""

    def __init__(
        self,
        name: str,
        app: ASGIApp,
        listener: socket.socket,
        world: World,
        *,
        trusted_proxies: Sequence[str] = (),
        within: float = WITHIN,
        most: int | None = None,
    ) -> None:
        """within: seconds for a request to be here. most: connections at once; None: as many as we can well have."""
        self.name = f"web.{name}"
        self.socket = listener
        self._app = app
        self._world = world
        self._proxies = list(trusted_proxies)
        self._within = within
        self._most = most or share(_files())
        self._full_at = -TOLD_EVERY
        self._server: _Embedded | None = None
        self._accepting: asyncio.Task[None] | None = None

    @property
    def port(self) -> int:
        """The port that it listens on."""
        port: int = self.socket.getsockname()[1]
        return port

    async def once(self) -> bool:
        """Whether it serves. There are no turns here: connections come when they come."""
        return self._server is not None and self._server.started

    async def run(self) -> None:
        """Serve until drained or cancelled. The socket stays open over a restart of this duty."""
        self._server = server = _Embedded(self._config())
        serving = asyncio.ensure_future(server.serve(sockets=[]))
        self._accepting = asyncio.ensure_future(self._accept(server))
        log.info("http.listening", listener=self.name, port=self.port)
        try:
            while not serving.done():
                await asyncio.wait({serving}, timeout=self._within / 5)
                server.hang_up(self._within)
            serving.result()
        finally:
            self._accepting.cancel()
            server.should_exit = True
            await asyncio.wait({serving, self._accepting}, timeout=GRACE + 2)

    async def drain(self) -> None:
        """Stop accepting, let what was accepted be served, then end `run` and close the socket."""
        if self._accepting is not None:
            self._accepting.cancel()
            await asyncio.wait({self._accepting})
        server = self._server
        if server is not None:
            await self._settle(server)
            server.should_exit = True
        self.socket.close()

    async def _settle(self, server: "_Embedded") -> None:
        loop = asyncio.get_running_loop()
        until = loop.time() + SETTLE
        while server.busy() and loop.time() < until:
            await self._world.sleep(0.02)

    async def _accept(self, server: "_Embedded") -> None:
        loop = asyncio.get_running_loop()
        while not server.started:
            await self._world.sleep(0.005)
        while True:
            try:
                await self._room(server)
                connection, _ = await loop.sock_accept(self.socket)
                await loop.connect_accepted_socket(server.protocol, connection)
            except OSError as error:  # out of file descriptors, or the caller has gone
                log.warning("http.accept_failed", listener=self.name, error=type(error).__name__)
                await self._world.sleep(0.1)

    async def _room(self, server: "_Embedded") -> None:
        """Wait until one connection more may be had; meanwhile who is about to ask has less time."""
        now = asyncio.get_running_loop().time()
        if len(server.server_state.connections) >= self._most and now - self._full_at >= TOLD_EVERY:
            log.warning("http.full", listener=self.name, connections=self._most)
            self._full_at = now
        while len(server.server_state.connections) >= self._most:
            server.hang_up(self._within / LESS)
            await self._world.sleep(0.1)

    def _config(self) -> uvicorn.Config:
        return uvicorn.Config(
            self._app,
            http="httptools",
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=bool(self._proxies),
            forwarded_allow_ips=self._proxies,
            timeout_graceful_shutdown=GRACE,
            timeout_keep_alive=15,
        )


def _files() -> int:
    """How many files this process may have open; few where that is not to be known."""
    try:
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    except (OSError, ValueError):  # a filter of system calls may refuse it
        return 0
    return soft if soft != resource.RLIM_INFINITY else MOST * 4


def share(files: int) -> int:
    """How many connections one listener may have, of so many files."""
    return min(max(files // 4, FEWEST), MOST)


class _Embedded(uvicorn.Server):
    """uvicorn without its signals, with a factory for connections we accepted, and with an end to its patience."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self._slow: dict[Any, tuple[Any, float]] = {}
        self._unread: dict[Any, int] = {}

    @contextlib.contextmanager
    def capture_signals(self) -> Generator[None, None, None]:
        yield

    def protocol(self) -> asyncio.Protocol:
        """What serves one connection."""
        made: Any = self.config.http_protocol_class
        protocol: asyncio.Protocol = made(
            config=self.config, server_state=self.server_state, app_state={}, _loop=asyncio.get_running_loop()
        )
        return protocol

    def busy(self) -> bool:
        """Whether a request is being served, or a connection waits for its first one."""
        connections: set[Any] = set(self.server_state.connections)
        return bool(self.server_state.tasks) or any(connection.cycle is None for connection in connections)

    def hang_up(self, within: float) -> None:
        """On whoever has been about to ask for so many seconds: uvicorn itself waits for ever."""
        now = self._look()
        for connection, (_, since) in self._slow.items():
            if now - since >= within:
                _let_go(connection.transport)

    def _look(self) -> float:
        """Note who is about to ask, and since when: each connection with its last request."""
        now = asyncio.get_running_loop().time()
        seen: dict[Any, tuple[Any, float]] = {}
        connections: set[Any] = set(self.server_state.connections)
        before, self._unread = self._unread, {each: each.transport.get_write_buffer_size() for each in connections}
        for connection in connections:
            if _about_to_ask(connection):
                last, since = self._slow.get(connection, (None, now))
                reads = self._unread[connection] < before.get(connection, 0)  # what we said to it, slowly but surely
                seen[connection] = (connection.cycle, since if last is connection.cycle and not reads else now)
        self._slow = seen
        return now


def _about_to_ask(connection: Any) -> bool:
    """Whether no answer is owed: its request, the first or a further one, is not here whole."""
    cycle = connection.cycle
    return cycle is None or bool(cycle.more_body or cycle.response_complete)


def _let_go(transport: asyncio.Transport) -> None:
    """Who does not read what was said last, is not waited for a second time."""
    if transport.is_closing():
        transport.abort()
    else:
        transport.close()


class _Surroundings:
    """Around every request: security headers, the limit on bodies, `Connection: close` while draining."""

    def __init__(self, app: ASGIApp, health: Health, largest_body: int) -> None:
        self._app = app
        self._health = health
        self._largest = largest_body

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return

        begun = False

        async def send_with_headers(message: Message) -> None:
            nonlocal begun
            if message["type"] == "http.response.start":
                begun = True
                message["headers"] = self._around(message["headers"])
            await send(message)

        try:
            self._check_length(scope)
            await self._app(scope, self._limited(receive), send_with_headers)
        except TooLarge as error:
            await problem_of(error)(scope, receive, send_with_headers)
        except Exception:
            if not begun:  # else it is told of and answered, or its connection ends here
                raise

    def _around(self, given: Iterable[Header]) -> list[Header]:
        """A response's headers with ours behind them."""
        headers = list(given)
        if self._health.draining.is_set():
            headers = [*(header for header in headers if header[0] != b"connection"), (b"connection", b"close")]
        said = {name for name, _ in headers}
        return headers + [header for header in _RAW_HEADERS if header[0] not in said]

    def _check_length(self, scope: Scope) -> None:
        """Refuse by the header what need not be read to be refused."""
        given = dict(scope["headers"]).get(b"content-length", b"0")
        if given.isdigit() and int(given) > self._largest:
            raise _too_large(self._largest)

    def _limited(self, receive: Receive) -> Receive:
        seen = 0

        async def limited() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > self._largest:
                raise _too_large(self._largest)
            return message

        return limited


def _too_large(largest: int) -> TooLarge:
    return TooLarge(f"the request is larger than {largest} bytes", remedy="send less, or in several requests")


def _for_a_browser(request: Request) -> bool:
    """Whether somebody looks at a page: programs ask for no HTML, and the API answers all alike."""
    return "text/html" in request.headers.get("accept", "") and not request.url.path.startswith("/v1/")


async def _problem_of_http(request: Request, error: Exception) -> Response:
    """404 and 405 of the router."""
    status = error.status_code if isinstance(error, HTTPException) else 500
    if _for_a_browser(request):
        return page("failed.html", status, title="Nothing is here", said="This page cannot be shown.")
    words = {404: ("not-found", "nothing is here"), 405: ("not-allowed", "this cannot be done here")}
    kind, detail = words.get(status, ("refused", "the request cannot be served"))
    response = problem(status, kind, detail, "see /docs for what can be asked")
    headers = error.headers if isinstance(error, HTTPException) else None
    response.headers.update(headers or {})
    return response


async def _problem_of_ours(request: Request, error: Exception) -> Response:
    if not isinstance(error, CommsdError):
        raise error
    told = problem_of(error)
    return _apology(told.status_code) if _for_a_browser(request) else told


async def _gone(_request: Request, _error: Exception) -> Response:
    """Who went away before the whole request was here is answered by nobody, and no failure of ours."""
    return problem(400, "broken-off", "the request ended before its body did", "send it again")


async def _failed(request: Request, error: Exception) -> Response:
    route = request.scope.get("route")
    log.error("request.failed", route=getattr(route, "path", None), error=type(error).__name__, exc_info=error)
    if _for_a_browser(request):
        return _apology(500)
    return problem(500, "failed", "this request failed here", "try again; the daemon's log tells more")


def _apology(status: int) -> Response:
    """Customers see it too, so it says nothing of what is inside."""
    said = "Please load it again in a minute. If it stays so, tell whoever runs it: the log says why."
    return page("failed.html", status, title="This page failed", said=said)
