"""A small daemon that answers calls with TwiML as a test writes it, and refuses what is not signed.

It stands for commsd where the exchange itself is under test: real HTTP, real TwiML builders, Twilio's own validator.
"""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route
from twilio.request_validator import RequestValidator

PUBLIC = "https://calls.example.com"
TOKEN = "gehoert-niemand"
_validator: Any = RequestValidator  # untyped
_VALIDATOR = _validator(TOKEN)


@dataclass(frozen=True, slots=True)
class Heard:
    """One webhook as it arrived."""

    path: str
    fields: dict[str, str]
    token: str
    signed: bool


@dataclass(slots=True)
class Switchboard:
    """path -> TwiML (or a function of the fields that gives it); what is not set is answered 204."""

    answers: dict[str, Any] = field(default_factory=dict)
    heard: list[Heard] = field(default_factory=list)
    url: str = ""

    def on(self, path: str) -> list[dict[str, str]]:
        """The fields of each request to this path, in the order of arrival."""
        return [one.fields for one in self.heard if one.path == path]

    async def take(self, request: Request) -> Response:
        raw = (await request.body()).decode() if request.method == "POST" else request.url.query
        fields = dict(parse_qsl(raw, keep_blank_values=True))
        path = request.url.path + (f"?{request.url.query}" if request.url.query and request.method == "POST" else "")
        url = PUBLIC + request.url.path + (f"?{request.url.query}" if request.url.query else "")
        signature = request.headers.get("X-Twilio-Signature", "")
        posted = fields if request.method == "POST" else {}
        signed = bool(_VALIDATOR.validate(url, posted, signature))
        self.heard.append(Heard(path, fields, request.headers["I-Twilio-Idempotency-Token"], signed))
        if not signed:
            return Response(status_code=403)
        answer = self.answers.get(path)
        if callable(answer):
            answer = answer(fields)
        if answer is None:
            return Response(status_code=204)
        return answer if isinstance(answer, Response) else Response(str(answer), media_type="text/xml")


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
async def switchboard_running() -> AsyncIterator[Switchboard]:
    board = Switchboard()
    app = Starlette(routes=[Route("/{rest:path}", board.take, methods=["GET", "POST"])])
    listener = socket.create_server(("127.0.0.1", 0))
    board.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    server = _Server(app)
    serving = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield board
    finally:
        server.leave.set()
        await serving
