"""Reads a webhook and lets it in only if Twilio signed it. Who is refused learns nothing and leaves nothing behind."""

import asyncio
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

import structlog
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from commsd.channels.phone.line import Twilio
from commsd.channels.phone.signature import genuine, public_url
from commsd.config.secret import SecretSource
from commsd.errors import ConfigError

log = structlog.get_logger()

BODY = 64 * 1024
FIELDS = 200
BODY_SECONDS = 2.0

KNOWN_FOR = 1.0
"""Seconds for which secrets count as they were read. What they do not let in is tried with those that stand there then,
so a new one is seen at once, and one that was taken away lets nobody in after this."""


@dataclass(frozen=True, slots=True)
class Signed:
    """A webhook that is Twilio's. fields: the last value of each name. url: what was signed."""

    url: str
    fields: Mapping[str, str]
    token: str | None


@dataclass(frozen=True, slots=True)
class Secrets:
    """What Twilio signs with, as it was read at one moment: auth tokens, and shared keys by their ids."""

    tokens: Sequence[str] = field(repr=False)
    shared_keys: Mapping[str, str] = field(repr=False)


@dataclass(slots=True, kw_only=True)
class Guard:
    """What a webhook must be signed with. tokens, shared_keys (key id -> secret): read while we run, for they rotate.

    account_sid None: any. base: the configured public URL, the only thing said about our address that counts.
    shared_key_only: an auth token signs nothing any more. elapsed: seconds, as `World` has them.
    """

    base: str
    tokens: Callable[[], Sequence[str]]
    account_sid: str | None = None
    shared_keys: Callable[[], Mapping[str, str]] = dict
    shared_key_only: bool = False
    elapsed: Callable[[], float]
    _known: Secrets | None = field(default=None, init=False, repr=False)
    _known_at: float = field(default=0.0, init=False)

    async def admit(self, request: Request) -> Signed | Response:
        """The webhook, or the refusal to send: 403 unsigned, 413 too long, 415 not a form; all of them empty."""
        if "json" in request.headers.get("content-type", ""):
            return _refused(415, "not_a_form")
        body = await _body(request)
        if isinstance(body, Response):
            return body
        try:
            fields = parse_qsl(
                body.decode(), keep_blank_values=True, max_num_fields=FIELDS, encoding="utf-8", errors="strict"
            )
        except ValueError:  # not UTF-8, or too many fields
            return _refused(403, "not_a_form")
        url = public_url(self.base, request.scope["raw_path"], request.scope["query_string"])
        signed = any(_signed(url, fields, request, secrets) for secrets in self._secrets())
        known = dict(fields)
        if not signed or (self.account_sid and known.get("AccountSid") != self.account_sid):
            return _refused(403, "not_twilio" if not signed else "another_account")
        return Signed(url, known, request.headers.get("i-twilio-idempotency-token"))

    def _secrets(self) -> Iterator[Secrets]:
        """Those we know, if they are fresh, then those that stand there now, if they are others."""
        now, fresh = self.elapsed(), None
        if self._known and now - self._known_at < KNOWN_FOR:
            fresh = self._known
            yield fresh
        read = Secrets(() if self.shared_key_only else self.tokens(), self.shared_keys())
        self._known, self._known_at = read, now
        if read != fresh:
            yield read


def guard_of(twilio: Twilio, elapsed: Callable[[], float]) -> Guard:
    """The guard of this account's webhooks: every route under /twilio/ has it."""
    return Guard(
        base=twilio.public_url or "",
        tokens=lambda: [secret for source in twilio.auth_tokens if (secret := _read(source))],
        account_sid=twilio.account_sid,
        shared_keys=lambda: {key: secret for key, source in twilio.shared_keys.items() if (secret := _read(source))},
        shared_key_only=twilio.require_shared_key,
        elapsed=elapsed,
    )


def _signed(url: str, fields: Sequence[tuple[str, str]], request: Request, secrets: Secrets) -> bool:
    return genuine(
        url,
        fields,
        request.headers.get("x-twilio-signature"),
        secrets.tokens,
        settings_header=request.headers.get("x-twilio-webhooks-signature-settings"),
        shared_keys=secrets.shared_keys,
    )


def _read(source: SecretSource) -> str | None:
    """The secret; None where it cannot be read now: while one is being changed, the other still lets Twilio in."""
    try:
        return source.read().reveal()
    except ConfigError as error:
        log.error("webhook.secret_missing", what=error.what, remedy=error.remedy)
        return None


def _refused(status: int, reason: str) -> Response:
    log.warning("webhook.refused", status=status, reason=reason)
    return Response(status_code=status)


async def _body(request: Request) -> bytes | Response:
    """The body, as long as it is neither long nor slow."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_SECONDS):
            async for chunk in request.stream():
                body += chunk
                if len(body) > BODY:
                    return _refused(413, "too_long")
    except TimeoutError:
        return _refused(408, "too_slow")
    except ClientDisconnect:
        return _refused(400, "gone")
    return bytes(body)
