"""Who looks at the page: a one-use link or a key makes a session, kept in a signed cookie for a working day."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from urllib.parse import urlsplit

from starlette.requests import Request
from starlette.responses import Response

from commsd.core.token import sign, verify
from commsd.crm.keys import Caller
from commsd.store.keys import key_row, use_once
from commsd.store.log import Log
from commsd.world import World

COOKIE = "commsd_session"
SECURE_COOKIE = f"__Host-{COOKIE}"
"""Over HTTPS: a browser takes it from this very host alone, never from a neighbour under the same domain."""

LASTS = timedelta(hours=12)
LINK_LASTS = timedelta(hours=24)
NEEDED = "events:read:pii"
"""The page shows names and subjects."""

_SIGN_IN, _SESSION = "sign-in", "session"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sessions:
    """Makes and reads sessions. key: the deployment's own."""

    log: Log
    world: World
    key: bytes

    def link_token(self, name: str, scopes: Iterable[str]) -> str:
        """The token of `/?token=…`: signs in once, within a day. name: who will be seen to act."""
        until = self.world.now() + LINK_LASTS
        return sign(self.key, _SIGN_IN, _written(name, scopes, until) + f"|{self.world.new_id()}")

    async def by_link(self, token: str) -> Caller | None:
        """Who the token signs in; None where it is not ours, over, or used."""
        payload = verify(self.key, _SIGN_IN, token)
        if payload is None:
            return None
        written, _, token_id = payload.rpartition("|")
        caller, now = self._in_time(written), self.world.now()
        if caller is None or not await self.log.writer.write(lambda c: use_once(c, token_id, now)):
            return None
        return caller

    def of(self, request: Request) -> Caller | None:
        """Whose session this request carries."""
        payload = verify(self.key, _SESSION, request.cookies.get(_cookie(request), ""))
        return self._in_time(payload) if payload else None

    async def caller(self, request: Request) -> Caller | None:
        """Whose session it is, where the key that began it still holds."""
        caller = self.of(request)
        if caller is None or not caller.key_id:
            return caller
        row = await self.log.read(lambda connection: key_row(connection, caller.key_id))
        return caller if row is not None and row.holds(self.world.now()) else None

    def begin(self, response: Response, request: Request, caller: Caller) -> Response:
        """The response, with the session's cookie: not for scripts, not for other sites."""
        payload = _written(caller.name, caller.scopes, self.world.now() + LASTS, caller.key_id)
        response.set_cookie(
            _cookie(request),
            sign(self.key, _SESSION, payload),
            max_age=int(LASTS.total_seconds()),
            httponly=True,
            samesite="lax",
            secure=request.url.scheme == "https",
        )
        return response

    def _in_time(self, payload: str) -> Caller | None:
        parts = payload.split("|", 3)
        if len(parts) < 4:  # of a version that kept no key: sign in again
            return None
        until, scopes, key_id, name = parts
        if datetime.fromtimestamp(int(until), UTC) <= self.world.now():
            return None
        return Caller(name=name, scopes=frozenset(scopes.split()), key_id=key_id)


def end(response: Response) -> Response:
    """The response that ends the session."""
    response.delete_cookie(COOKIE, httponly=True, samesite="lax")
    response.delete_cookie(SECURE_COOKIE, secure=True, httponly=True, samesite="lax")
    return response


def _cookie(request: Request) -> str:
    return SECURE_COOKIE if request.url.scheme == "https" else COOKIE


def from_our_page(request: Request) -> bool:
    """Whether a form was sent from our own page, as browsers tell; what is no browser need not."""
    site = request.headers.get("sec-fetch-site")
    if site is not None:
        return site in ("same-origin", "none")
    origin = request.headers.get("origin")
    return origin is None or urlsplit(origin).netloc == request.headers.get("host", "")


def _written(name: str, scopes: Iterable[str], until: datetime, key_id: str = "") -> str:
    return f"{int(until.timestamp())}|{' '.join(sorted(scopes))}|{key_id}|{name}"
