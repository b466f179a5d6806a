"""How the Twilio stand-in posts a webhook: signed, with Twilio's time-outs, retries and connection overrides.

One request in, the body that finally came back or a WebhookFailed out. Sources: twilio.com/docs/usage/webhooks,
pages "webhooks-connection-overrides" and "webhooks-security". Nothing leaves the machine: a host that is neither
mapped to a listener of ours nor loopback counts as one that cannot be reached.
"""

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Protocol
from urllib.parse import parse_qsl, urldefrag, urlencode, urlsplit

import aiohttp
from twilio.request_validator import RequestValidator
from yarl import URL

from commsd.demo.exchange_call import sid
from commsd.world import World

_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})
_FETCH_FAILED, _CONNECT_FAILED, _BAD_HOST = 11200, 11205, 11210


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """One webhook before it is sent. kind: voice, dial-action, gather, record-action, whisper, redirect, fallback,
    call-status, recording-status, amd, message, message-status. `url` as configured, fragment included."""

    kind: str
    url: str
    fields: Mapping[str, str]
    method: str = "POST"
    call_sid: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Tamper:
    """What the network does to a request. The default does nothing.

    lost: it never arrives. copies: how often it arrives. delay: seconds before it leaves, others may overtake.
    answer_lost: it is worked on, but the answer never comes back. refused: HTTP status and Twilio's error code, given
    instead of any work; refused_after: the same, but after the work was done (REST requests only).
    """

    lost: bool = False
    copies: int = 1
    delay: float = 0.0
    answer_lost: bool = False
    refused: tuple[int, int] | None = None
    refused_after: tuple[int, int] | None = None


UNTOUCHED = Tamper()


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """A webhook request as it went out, and what came back; `status` None: nothing did."""

    webhook: Webhook
    attempt: int
    token: str
    at: datetime
    status: int | None = None
    body: bytes = b""
    content_type: str = ""
    error: str = ""


class WebhookFailed(Exception):
    """No usable answer. `code` is Twilio's: 11200 fetch failed, 11205 cannot connect, 11210 no such host."""

    def __init__(self, code: int, url: str) -> None:
        super().__init__(f"{code} {url}")
        self.code, self.url = code, url


class _Signer(Protocol):
    def compute_signature(self, uri: str, params: dict[str, str]) -> str: ...


_signer: Callable[[str], _Signer] = RequestValidator


@dataclass(frozen=True, slots=True)
class _Overrides:
    """The part of a URL's fragment that Twilio reads; times in seconds."""

    retries: int = 1
    retry_on: frozenset[str] = frozenset({"ct"})
    connect: float = 5.0
    read: float = 15.0
    total: float = 15.0


def overrides(url: str) -> _Overrides:
    """`#rc=2&rp=ct,rt,5xx&ct=1500&rt=5000`: retries, what is retried, connect and read time-outs in ms."""
    given = dict(parse_qsl(urldefrag(url).fragment))
    return _Overrides(
        retries=min(int(given.get("rc", 1)), 5),
        retry_on=frozenset(given.get("rp", "ct").split(",")),
        connect=int(given.get("ct", 5000)) / 1000,
        read=int(given.get("rt", 15000)) / 1000,
        total=int(given.get("tt", 15000)) / 1000,
    )


@dataclass(slots=True, kw_only=True)
class Post:
    """The outgoing side of the exchange.

    hosts: public base URL -> base URL of the listener behind it. static: URL -> document that is served without a
    host (a TwiML Bin, for fallback URLs). sent: everything that left, in order. busy: requests in flight.
    """

    world: World
    auth_token: str
    hosts: dict[str, str] = field(default_factory=dict)
    static: dict[str, bytes] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    tamper: Callable[[Webhook], Tamper] = lambda _: UNTOUCHED
    busy: int = 0
    _session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(auto_decompress=True)

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def deliver(self, webhook: Webhook, tamper: Tamper | None = None) -> Sent:
        """The last answer. Raises WebhookFailed when every attempt failed or the answer is not 2xx."""
        tamper = tamper or self.tamper(webhook)
        if tamper.delay:
            await self.world.sleep(tamper.delay)
        if tamper.lost:
            raise WebhookFailed(_FETCH_FAILED, webhook.url)
        token = sid("", self.world.new_id)
        answer = await self._with_retries(webhook, token)
        for _ in range(tamper.copies - 1):
            answer = await self._with_retries(webhook, token)
        if tamper.answer_lost:
            raise WebhookFailed(_FETCH_FAILED, webhook.url)
        return answer

    async def _with_retries(self, webhook: Webhook, token: str) -> Sent:
        rule = overrides(webhook.url)
        for attempt in range(rule.retries + 1):
            sent = await self._attempt(webhook, attempt, token, rule)
            self.sent.append(sent)
            why = sent.error or ("" if sent.status and sent.status < 300 else f"{(sent.status or 0) // 100}xx")
            if not why:
                return sent
            if not rule.retry_on & {why, "all"}:
                break
        raise WebhookFailed({"ct": _CONNECT_FAILED, "host": _BAD_HOST}.get(why, _FETCH_FAILED), webhook.url)

    async def _attempt(self, webhook: Webhook, attempt: int, token: str, rule: _Overrides) -> Sent:
        url = urldefrag(webhook.url).url
        form: Mapping[str, str] = webhook.fields
        if webhook.method == "GET":
            url, form = f"{url}{'&' if '?' in url else '?'}{urlencode(form)}", {}
        bare = Sent(webhook=webhook, attempt=attempt, token=token, at=self.world.now())
        if (document := self.static.get(urldefrag(webhook.url).url)) is not None:
            return replace(bare, status=200, body=document, content_type="text/xml")
        target = self._target(url)
        if target is None or self._session is None:
            return replace(bare, error="host")
        headers = {
            "Host": urlsplit(url).netloc,
            "User-Agent": "TwilioProxy/1.1",
            "Accept": "*/*",
            "X-Twilio-Signature": _signer(self.auth_token).compute_signature(url, dict(form)),
            "I-Twilio-Idempotency-Token": token,
        }
        if webhook.method != "GET":
            headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
        limits = aiohttp.ClientTimeout(total=rule.total, sock_connect=rule.connect, sock_read=rule.read)
        self.busy += 1
        try:
            async with self._session.request(
                webhook.method,
                URL(target, encoded=True),
                data=urlencode(form).encode() if form else None,
                headers=headers,
                timeout=limits,
                allow_redirects=False,
            ) as response:
                kind = response.headers.get("Content-Type", "").split(";")[0].strip()
                return replace(bare, status=response.status, body=await response.read(), content_type=kind)
        except (aiohttp.ClientConnectorError, aiohttp.ServerTimeoutError) as error:
            return replace(bare, error="rt" if isinstance(error, aiohttp.SocketTimeoutError) else "ct")
        except (aiohttp.ClientError, TimeoutError):
            return replace(bare, error="rt")
        finally:
            self.busy -= 1

    def _target(self, url: str) -> str | None:
        for public, listener in self.hosts.items():
            if url == public or url.startswith(f"{public.rstrip('/')}/"):
                return listener.rstrip("/") + url[len(public.rstrip("/")) :]
        return url if urlsplit(url).hostname in _LOOPBACK else None


class InOrder:
    """Sends one call's status events one after the other; an event that Tamper delays is overtaken."""

    def __init__(self, post: Post) -> None:
        self._post = post
        self._turn = asyncio.Lock()

    async def send(self, webhook: Webhook) -> None:
        """Gives up silently when it fails: Twilio does not try a status event again."""
        tamper = self._post.tamper(webhook)
        if tamper.delay:
            await self._try(webhook, tamper)
            return
        async with self._turn:
            await self._try(webhook, tamper)

    async def _try(self, webhook: Webhook, tamper: Tamper) -> None:
        try:
            await self._post.deliver(webhook, tamper)
        except WebhookFailed:
            return
