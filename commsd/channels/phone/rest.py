"""What Twilio's REST API knows of a call, and an SMS. Every request has a deadline and is sent once; no calls yet.

The only file that knows twilio's REST client. It ignores its own `timeout` and logs numbers, so both are ours here.
"""

import asyncio
import importlib
import json
import logging
from base64 import b64encode
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Literal, cast

from aiohttp import ClientConnectorError, ClientError
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client

from commsd.channels.phone.line import Twilio
from commsd.errors import CommsdError, ConfigError, NotFound, Throttled, Unreachable
from commsd.sla.notice.carriage import Word

logging.getLogger("twilio.async_http_client").setLevel(logging.WARNING)

DEADLINE = 10.0
CHILDREN = 50
TEXTS = 200
_NOT_FOUND = 404
_TOO_MANY = 429
_OVER = 21220

# Else the library reads its hundred files at the first question, and no caller is answered meanwhile.
importlib.import_module("twilio.rest.api")

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
        said = {**headers, "Authorization": f"Basic {login}"}
        answer = await self._inner.request(method, url, headers=said, **more)
        if 200 <= answer.status_code < 300 and answer.text and not _is_object(answer.text):
            raise ClientError("what answers is not Twilio")  # the library would trip over it somewhere
        return answer

    async def close(self) -> None:
        await self._inner.close()


@dataclass(frozen=True, slots=True)
class KnownCall:
    """A call as Twilio has it. status: docs/voice/api/call-resource. children: status by CallSid of the legs rung."""

    status: str
    children: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ordered:
    """What became of the order of a call.

    kind: "refused", the same again is in vain; "later", certainly not taken; "unknown", perhaps. code: Twilio's number
    for it. queue_ms: how long it says that the order will wait. remedy: where our configuration keeps us from it.
    """

    kind: Literal["taken", "refused", "later", "unknown"]
    said: str
    code: int | None = None
    sid: str | None = None
    queue_ms: int = 0
    remedy: str | None = None


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

    async def send_text(self, to: str, from_: str, body: str, status_callback: str | None = None) -> Word:
        """What Twilio made of an SMS; "unknown" where it may be on its way all the same.

        to, from_: E.164, behind `whatsapp:` where it goes that way. status_callback: who is told what became of it.
        """
        more = {"status_callback": status_callback} if status_callback else {}
        try:
            async with asyncio.timeout(DEADLINE), self._open() as client:
                message = await client.messages.create_async(to=to, from_=from_, body=body, **more)
        except TwilioRestException as error:
            return Word(kind=_judged(error.status), said=f"HTTP {error.status}, code {error.code}", code=error.code)
        except ClientConnectorError as error:
            return Word(kind="later", said=type(error).__name__)
        except (TwilioException, ClientError, OSError, TimeoutError, ValueError) as error:
            return Word(kind="unknown", said=type(error).__name__)
        return Word(kind="sent", said=f"{_word(message.status)} {message.sid}", sid=message.sid)

    async def order_call(self, **order: Any) -> Ordered:
        """What Twilio made of the order of a call, as the Calls resource names its parameters. Sent once, never again.

        Twilio knows no idempotency key: where the answer is lost, there may be a call all the same.
        """
        try:
            async with asyncio.timeout(DEADLINE), self._open() as client:
                call = await client.calls.create_async(**order)
        except TwilioRestException as error:
            return Ordered(kind=_judged(error.status), said=f"HTTP {error.status}, code {error.code}", code=error.code)
        except ConfigError as error:
            return Ordered(kind="refused", said=error.what, remedy=error.remedy)
        except ClientConnectorError as error:
            return Ordered(kind="later", said=type(error).__name__)
        except (TwilioException, ClientError, OSError, TimeoutError, ValueError) as error:
            return Ordered(kind="unknown", said=type(error).__name__)
        return Ordered(kind="taken", said=_word(call.status), sid=call.sid, queue_ms=int(call.queue_time or 0))

    async def end_call(self, sid: str, status: Literal["canceled", "completed"]) -> None:
        """End a call that waits in Twilio's queue or rings (canceled), or that is under way (completed).

        One that is over already is left as it is (21220). As `asking` raises.
        """
        try:
            async with self.asking() as client, asyncio.timeout(DEADLINE):
                await client.calls(sid).update_async(status=status)
        except Unreachable as error:
            if f"code {_OVER}" not in error.what:
                raise

    async def sent_text(self, to: str, from_: str, body: str, since: datetime) -> str | None:
        """The SID of the first such SMS that Twilio took since then; None where it took none. As `asking` raises.

        Its list filters by the day of sending, which what is queued has not (Message resource): so we look ourselves.
        """
        async with self.asking() as client, asyncio.timeout(DEADLINE):
            found = await client.messages.list_async(to=to, from_=from_, limit=TEXTS)
        since = since.replace(microsecond=0)
        same = [each for each in found if each.body == body and each.date_created and each.date_created >= since]
        return str(min(same, key=lambda each: each.date_created).sid) if same else None

    async def forget_recording(self, sid: str) -> None:
        """Twilio deletes a recording; one it has not is deleted already. As `asking` raises."""
        try:
            async with self.asking() as client, asyncio.timeout(DEADLINE):
                await client.recordings(sid).delete_async()
        except NotFound:
            return

    @asynccontextmanager
    async def asking(self) -> AsyncIterator[Any]:
        """Twilio's client, to read with; each question has `DEADLINE` seconds, which whoever asks sees to.

        Raises ConfigError where the login is refused (20003), Throttled (20429, nothing was done), NotFound,
        Unreachable.
        """
        try:
            async with self._open() as client:
                yield client
        except TwilioException as error:
            raise _failed(*_status_and_code(error)) from None  # its text may hold numbers
        except (ClientError, OSError, TimeoutError) as error:
            raise _unread(type(error).__name__) from None

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


def _is_object(text: str) -> bool:
    try:
        return isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _word(status: object) -> str:
    return str(getattr(status, "value", status))


def _status_and_code(error: TwilioException) -> tuple[int, int]:
    """The HTTP status and Twilio's code; 0 where none is told. A page that fails carries its answer alone."""
    if isinstance(error, TwilioRestException):
        return error.status, error.code or 0
    answer = error.args[1] if len(error.args) > 1 else None
    status = getattr(answer, "status_code", 0)
    try:
        code = int(json.loads(getattr(answer, "text", ""))["code"])
    except (ValueError, KeyError, TypeError):
        code = 0
    return status, code


def _failed(status: int, code: int) -> CommsdError:
    said = f"HTTP {status}, code {code}"
    if status in (401, 403):
        remedy = "check account_sid, and that api_key or auth_tokens in [twilio] are those in Twilio's console"
        return ConfigError(f"Twilio refuses our login ({said})", remedy=remedy)
    if status == _TOO_MANY:
        return Throttled(f"Twilio asks for fewer requests ({said})", remedy="nothing to do: we ask again in a minute")
    if status == _NOT_FOUND:
        return NotFound(f"Twilio has no such thing ({said})", remedy="check account_sid and api_base_url in [twilio]")
    return _unread(said)


def _unread(what: str) -> Unreachable:
    remedy = "check api_base_url in [twilio] and the way out of this network, or wait: we ask again"
    return Unreachable(f"Twilio's REST API does not answer ({what})", remedy=remedy)


def _unreachable(what: str) -> Unreachable:
    return Unreachable(
        f"Twilio's REST API did not say how a call stands ({what})",
        remedy="check api_key, auth_tokens and api_base_url in [twilio]; the call is judged by its webhooks meanwhile",
    )
