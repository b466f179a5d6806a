"""A provider's token endpoint on loopback: gives tokens, rotates refresh tokens, refuses, stumbles and dawdles."""

import asyncio
from types import TracebackType
from typing import Any, Self

from aiohttp import web


class TokenEndpoint:
    """Entered with `async with`. What it gives is "access-N"; what it takes is the refresh token it gave last.

    Set before a request: rotates, lives (seconds), dies (seconds the refresh token lives, as some tell), refuse (an
    `error` of RFC 6749), status (an answer without sense), hold (answers when this is set). forms: as they came.
    """

    def __init__(self, refresh: str = "first") -> None:
        self.refresh = refresh
        self.rotates, self.lives, self.dies = False, 3600, 0
        self.refuse, self.described, self.status = "", "", 200
        self.hold: asyncio.Event | None = None
        self.forms: list[dict[str, str]] = []
        self.at_once = self.most_at_once = 0

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/token", self._answer)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        port: int = self._runner.addresses[0][1]
        self.url = f"http://127.0.0.1:{port}/token"
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._runner.cleanup()

    @property
    def asked(self) -> int:
        return len(self.forms)

    async def _answer(self, request: web.Request) -> web.Response:
        self.forms.append({name: str(value) for name, value in (await request.post()).items()})
        number = len(self.forms)
        self.at_once += 1
        self.most_at_once = max(self.at_once, self.most_at_once)
        try:
            if self.hold:
                await self.hold.wait()
            return self._given(self.forms[number - 1], number)
        finally:
            self.at_once -= 1

    def _given(self, form: dict[str, str], number: int) -> web.Response:
        if self.status != 200:
            return web.Response(status=self.status, text="<html>sorry</html>")
        refuse = self.refuse or ("" if form.get("refresh_token") == self.refresh else "invalid_grant")
        if refuse:
            return web.json_response({"error": refuse, "error_description": self.described}, status=400)
        said: dict[str, Any] = {"access_token": f"access-{number}", "expires_in": self.lives, "token_type": "Bearer"}
        if self.rotates:
            self.refresh = said["refresh_token"] = f"refresh-{number}"
        if self.dies:
            said["refresh_token_expires_in"] = self.dies
        return web.json_response(said)
