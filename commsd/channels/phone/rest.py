"""What Twilio's REST API knows of a call, and an SMS. Every request has a deadline and is sent once; no calls yet.

The only file that knows twilio's REST client. It ignores its own `timeout` and logs numbers, so both are ours here.
"""

import asyncio
import logging
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from aiohttp import ClientConnectorError, ClientError
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from commsd.channels.phone.line import Twilio
from commsd.errors import Unreachable
from commsd.sla.notice.carriage import Word

logging.getLogger("twilio.async_http_client").setLevel(logging.WARNING)

DEADLINE = 10.0
CHILDREN = 50
_NOT_FOUND = 404
_TOO_MANY = 429

# The library ships no types.
_client = cast("Callable[..., Any]", Client)
_http_client = cast("Callable[[], Any]", AsyncTwilioHttpClient)


class _Http:
    """Twilio's own asynchronous client, logging in by header: aiohttp deprecates the BasicAuth it would use."""

    is_async = True

    def __init__(self) -> None:
        self._inner = _http_client()

    async def request(
        self, method: str, url: str, *, auth: tuple[str, str], headers: dict[str, str], **more: Any
    ) -> Any:
        login = b64encode(":".join(auth).encode()).decode()
        return await self._inner.request(method, url, headers={**headers, "Authorization": f"Basic {login}"}, **more)

    async def close(self) -> None:
        await self._inner.close()


@dataclass(frozen=True, slots=True)
class KnownCall:
    """A call as Twilio has it. status: docs/voice/api/call-resource. children: status by CallSid of the legs rung."""

    status: str
    children: Mapping[str, str] = field(default_factory=dict)


class Rest:
    """Reads calls and sends messages of one account."""

    def __init__(self, twilio: Twilio) -> None:
        self._twilio = twilio

    async def call(self, sid: str) -> KnownCall | None:
        """The call with its legs; None where Twilio has none of this SID. Raises Unreachable."""
        try:
            async with asyncio.timeout(DEADLINE), self._open() as client:
                call = await client.calls(sid).fetch_async()
                legs = await client.calls.list_async(parent_call_sid=sid, limit=CHILDREN)
        except TwilioRestException as error:
            if error.status == _NOT_FOUND:
                return None
            raise _unreachable(f"HTTP {error.status}, code {error.code}") from None  # its text may hold numbers
        except (TwilioException, ClientError, OSError, TimeoutError) as error:
            raise _unreachable(type(error).__name__) from None
        return KnownCall(_word(call.status), {leg.sid: _word(leg.status) for leg in legs})

    async def send_text(self, to: str, from_: str, body: str) -> Word:
        """What Twilio made of an SMS; "unknown" where it may be on its way all the same. to, from_: E.164."""
        try:
            async with asyncio.timeout(DEADLINE), self._open() as client:
                message = await client.messages.create_async(to=to, from_=from_, body=body)
        except TwilioRestException as error:
            return Word(kind=_judged(error.status), said=f"HTTP {error.status}, code {error.code}", code=error.code)
        except ClientConnectorError as error:
            return Word(kind="later", said=type(error).__name__)
        except (TwilioException, ClientError, OSError, TimeoutError, ValueError) as error:
            return Word(kind="unknown", said=type(error).__name__)
        return Word(kind="sent", said=f"{_word(message.status)} {message.sid}")

    @asynccontextmanager
    async def _open(self) -> AsyncIterator[Any]:
        """A client for one question; asked so seldom that keeping a connection would only grow stale."""
        twilio = self._twilio
        name, source = (
            (twilio.api_key.sid, twilio.api_key.secret)
            if twilio.api_key
            else (twilio.account_sid, twilio.auth_tokens[0])
        )
        http = _Http()
        try:
            client = _client(name, source.read().reveal(), twilio.account_sid, http_client=http)
            client.api.base_url = twilio.api_base_url
            yield client
        finally:
            await http.close()


def _judged(status: int) -> Literal["refused", "later", "unknown"]:
    """429: Twilio took nothing, try later. What is behind a 5xx nobody knows. docs/usage/troubleshooting."""
    if status == _TOO_MANY:
        return "later"
    return "refused" if 400 <= status < 500 else "unknown"


def _word(status: object) -> str:
    return str(getattr(status, "value", status))


def _unreachable(what: str) -> Unreachable:
    return Unreachable(
        f"Twilio's REST API did not say how a call stands ({what})",
        remedy="check api_key, auth_tokens and api_base_url in [twilio]; the call is judged by its webhooks meanwhile",
    )
