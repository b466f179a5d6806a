"""Access tokens for an account: got with its refresh token, five minutes before the last one ends, one at a time.

A refresh token the provider takes back is final: nothing is asked again until another one is configured. Providers may
give a new refresh token with each access token; the newest is kept in the store. RFC 6749 sections 5 and 6.
"""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import orjson
import structlog

from commsd.channels.mail import wire
from commsd.channels.mail.account import OAuth
from commsd.channels.mail.imap_login import LoginRefused
from commsd.errors import ConfigError, TryAgain, Unreachable
from commsd.store.claims import Claims
from commsd.store.tokens import Kept, Tokens
from commsd.world import World

log = structlog.get_logger()

ENDPOINTS = {
    "microsoft": "https://login.microsoftonline.com/{tenant}/oauth2/v2.0/token",
    "google": "https://oauth2.googleapis.com/token",
}
EARLY = timedelta(minutes=5)
DEADLINE = 15.0
"""Seconds for one request."""

LEASE = timedelta(minutes=1)
LOOKS, BETWEEN = 20, 1.0
LARGEST = 1 << 16
FINAL = frozenset({"invalid_grant"})
"""Somebody has to consent anew; asking again changes nothing (nextcloud/mail #12268)."""

GUIDE = "config/README.md, Mailboxes that log in by OAuth"
ANEW = f"let somebody consent anew, then store the new refresh token: {GUIDE}"


class TokenRefused(LoginRefused):
    """The provider gives no token for this account any more."""


@dataclass(frozen=True, slots=True)
class Consent:
    """What somebody's consent gave us: the application it was given to, and the first refresh token."""

    client_id: str
    refresh: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)


def consent_of(oauth: OAuth) -> Consent:
    """Read where the configuration says. The refresh token's file may hold all of it, as JSON. Raises ConfigError."""
    text = oauth.refresh_token.read().reveal().strip()
    held: Mapping[str, object] = {}
    if text.startswith("{"):
        try:
            held = orjson.loads(text)
        except ValueError:
            what = f"{oauth.refresh_token} begins like JSON and is none"
            raise ConfigError(
                what, remedy='store {"client_id": "…", "refresh_token": "…"}, or the token alone'
            ) from None
        text = str(held.get("refresh_token") or "")
    client_id = oauth.client_id or held.get("client_id")
    if not (client_id and text):
        missing = "refresh_token" if client_id else "client_id"
        what = f"{missing} is missing: tokens are given to an application that {oauth.provider} knows"
        raise ConfigError(what, remedy=f"register one and give it, beside oauth or in {oauth.refresh_token}: {GUIDE}")
    secret = oauth.client_secret.read().reveal() if oauth.client_secret else held.get("client_secret")
    return Consent(str(client_id), text, str(secret) if secret else None)


class Grant:
    """The tokens of one account, however many ask for them. mailbox: what the log calls it."""

    def __init__(self, mailbox: str, username: str, oauth: OAuth, tokens: Tokens, claims: Claims, world: World) -> None:
        self._mailbox, self._oauth = mailbox, oauth
        self._tokens, self._claims, self._world = tokens, claims, world
        self._username = username
        self._kept: Kept | None = None
        self._renewing: asyncio.Task[Kept] | None = None

    @property
    def account(self) -> str:
        """What its tokens are kept under: another configured refresh token is another account, with no past."""
        consent = consent_of(self._oauth)
        return self._tokens.account(self._oauth.provider, consent.client_id, self._username, consent.refresh)

    async def token(self, *, instead_of: str = "") -> str:
        """An access token that still holds for some minutes, and is not the one a server has refused.

        Raises TokenRefused (for good), LoginRefused (client_id or client_secret), Unreachable, StoreAway, TryAgain.
        """
        if self._kept and self._kept.account == self.account and _good(self._kept, instead_of, self._world.now()):
            return self._kept.access
        if self._renewing is None or self._renewing.done():
            self._renewing = asyncio.create_task(self._renewed(instead_of), name="mail.token")
        renewing = self._renewing
        try:
            self._kept = await asyncio.shield(renewing)
        except asyncio.CancelledError:
            # A refresh token that was just replaced, and that nobody keeps, would have been the last one.
            await asyncio.wait({renewing})
            if not renewing.cancelled():
                renewing.exception()
            raise
        return self._kept.access

    async def kept(self) -> Kept | None:
        """What is known of its tokens."""
        return self._kept or await self._tokens.read(self.account)

    async def _renewed(self, instead_of: str) -> Kept:
        account = self.account
        for _ in range(LOOKS):
            known = await self._tokens.read(account) or Kept(account=account)
            if known.failed:
                raise _final(self._oauth.provider, known.failed)
            if _good(known, instead_of, self._world.now()):
                return known
            if await self._claims.lease(f"oauth:{account}", LEASE):
                try:
                    return await self._exchanged(await self._tokens.read(account) or known, instead_of)
                finally:
                    await self._claims.give_back(f"oauth:{account}")
            await self._world.sleep(BETWEEN)  # another node renews it now
        raise TryAgain("another node has been renewing the token for long", remedy="nothing yet: it is asked again")

    async def _exchanged(self, known: Kept, instead_of: str) -> Kept:
        now = self._world.now()
        if known.failed is None and _good(known, instead_of, now):
            return known
        try:
            status, said = await _asked(url_of(self._oauth), self._form(known))
            after = renewed(known, status, said, now, self._oauth.provider)
        except TokenRefused as refused:
            log.error("oauth.refused", mailbox=self._mailbox, what=refused.what, remedy=refused.remedy)
            await self._tokens.replace(replace(known, access="", failed=_word(said), expires_at=None))
            raise
        except Unreachable:
            if known.access and known.access != instead_of and known.expires_at and known.expires_at > now:
                return known  # it still holds for a while: no reason to keep anybody out
            raise
        if not await self._tokens.replace(after):
            log.warning("oauth.crossed", mailbox=self._mailbox)
        return replace(after, fence=after.fence + 1)

    def _form(self, known: Kept) -> dict[str, str]:
        consent = consent_of(self._oauth)
        form = {
            "grant_type": "refresh_token",
            "client_id": consent.client_id,
            "refresh_token": known.refresh or consent.refresh,
        }
        return form | ({"client_secret": consent.secret} if consent.secret else {})


def url_of(oauth: OAuth) -> str:
    """Where tokens are asked for. Raises ConfigError for one that would be asked in clear over a network."""
    url = oauth.token_url or ENDPOINTS[oauth.provider].format(tenant=oauth.tenant)
    host = re.match(r"http://(\[[^\]]*\]|[^/:]*)", url)
    if host and not wire.is_loopback(host[1].strip("[]")):
        raise ConfigError("token_url would send the refresh token in clear", remedy="write https://")
    return url


def renewed(known: Kept, status: int, said: Mapping[str, object], now: datetime, provider: str) -> Kept:
    """The tokens after the provider's answer. Raises TokenRefused, LoginRefused, Unreachable."""
    access = said.get("access_token")
    if status == 200 and isinstance(access, str) and access.isascii() and access.isprintable() and access:
        rotated = said.get("refresh_token")
        lives = _seconds(said.get("expires_in")) or timedelta(hours=1)
        dies = _seconds(said.get("refresh_token_expires_in"))
        return replace(
            known,
            access=access,
            refresh=rotated if isinstance(rotated, str) and rotated else known.refresh,
            expires_at=now + lives,
            refresh_expires_at=now + dies if dies else known.refresh_expires_at,
            refreshed_at=now,
            failed=None,
        )
    word = _word(said)
    if status in (400, 401, 403) and word in FINAL:
        raise _final(provider, _told(said))
    if status in (400, 401, 403):
        raise LoginRefused(
            f"{provider} refuses to give a token: {_told(said) or status}",
            remedy="check client_id, client_secret and tenant of `auth`",
        )
    raise Unreachable(f"{provider} gives no token now: HTTP {status}", remedy="nothing; it is asked again")


def _good(known: Kept, instead_of: str, now: datetime) -> bool:
    """Not within the last five minutes of its life, nor within the last half of a short one."""
    if not known.access or known.access == instead_of or known.expires_at is None:
        return False
    lives = known.expires_at - (known.refreshed_at or now)
    return now < known.expires_at - min(EARLY, lives / 2)


def _final(provider: str, word: str) -> TokenRefused:
    return TokenRefused(f"{provider} does not take the refresh token any more: {word}", remedy=ANEW)


def _word(said: Mapping[str, object]) -> str:
    """The error of RFC 6749 section 5.2, and nothing else a server may say."""
    word = said.get("error")
    return word if isinstance(word, str) and re.fullmatch(r"[a-z_]{1,40}", word) else ""


def _told(said: Mapping[str, object]) -> str:
    """The error, with Microsoft's number, under which its cause is found."""
    number = re.search(r"AADSTS\d{4,9}", str(said.get("error_description")))
    return f"{_word(said)} {number[0]}" if number else _word(said)


def _seconds(value: object) -> timedelta | None:
    try:
        seconds = int(str(value))
    except ValueError:
        return None
    return timedelta(seconds=min(seconds, 10 * 365 * 86_400)) if seconds > 0 else None


async def _asked(url: str, form: Mapping[str, str]) -> tuple[int, Mapping[str, object]]:
    from aiohttp import ClientError, ClientSession  # most houses use no OAuth

    try:
        async with (
            asyncio.timeout(DEADLINE),
            ClientSession() as http,
            http.post(url, data=form, allow_redirects=False, headers={"Accept": "application/json"}) as response,
        ):
            body = bytearray()
            async for part in response.content.iter_chunked(LARGEST):
                body += part
                if len(body) > LARGEST:
                    break
    except (ClientError, OSError, TimeoutError) as error:
        why = f"no answer within {DEADLINE:g} s" if isinstance(error, TimeoutError) else type(error).__name__
        raise Unreachable(
            f"the token endpoint does not answer: {why}", remedy="check the network, and token_url where it is set"
        ) from None  # aiohttp's words hold the address
    try:
        said = orjson.loads(body)
    except ValueError:
        said = {}
    return response.status, said if isinstance(said, dict) else {}
