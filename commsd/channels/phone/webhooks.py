"""Routes for Twilio: verify, journal, decide, answer with TwiML. A signed request is never left without an answer.

After 4 seconds static TwiML goes out while both writes stay queued; what Twilio only tells us is answered once durable.
"""

import asyncio
import re
from collections.abc import Awaitable, Coroutine, Mapping
from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from commsd.channels.phone import twiml
from commsd.channels.phone.guard import Guard, Signed
from commsd.channels.phone.line import Line, Twilio
from commsd.channels.phone.prompts import spoken
from commsd.channels.phone.step import ANSWERED, Stage, Step, step_of
from commsd.channels.phone.switch import Switch
from commsd.core.number import parse_number

log = structlog.get_logger()

ANSWER_WITHIN = 4.0
"""Seconds; below the 5 after which Twilio, by our own overrides, asks again."""

STALE = timedelta(hours=24)
"""A status older than this is a replay: the signature has no time in it. telephony.md G8."""

_CALL_SID = re.compile(r"CA[0-9a-zA-Z]{1,62}")


def routes(switch: Switch, twilio: Twilio) -> list[BaseRoute]:
    """All that Twilio may ask of us."""
    guard = Guard(
        base=twilio.public_url or "",
        tokens=lambda: [source.read().reveal() for source in twilio.auth_tokens],
        account_sid=twilio.account_sid,
    )
    desk = Webhooks(switch, guard)
    return [
        Route("/twilio/voice", desk.voice, methods=["POST"]),
        Route("/twilio/call-status", desk.status, methods=["POST"]),
        Route("/twilio/call/{sid}/{step}", desk.step, methods=["POST"]),
    ]


class Webhooks:
    """Answers webhooks."""

    def __init__(self, switch: Switch, guard: Guard) -> None:
        self._switch, self._guard = switch, guard
        self._late: set[asyncio.Task[Any]] = set()

    async def voice(self, request: Request) -> Response:
        """A call comes in."""
        return await self._take(request, Step(Stage.VOICE), None)

    async def status(self, request: Request) -> Response:
        """A call is over."""
        return await self._take(request, Step(Stage.STATUS), None)

    async def step(self, request: Request) -> Response:
        """A step of a call under a URL that we handed out."""
        step = step_of(request.path_params["step"])
        return await self._take(request, step, request.path_params["sid"])

    async def _take(self, request: Request, step: Step | None, sid: str | None) -> Response:
        deadline = asyncio.get_running_loop().time() + ANSWER_WITHIN
        now = self._switch.means.world.now()
        try:
            signed = await self._guard.admit(request)
        except Exception as error:
            log.error("webhook.unverified", error=type(error).__name__, exc_info=error)
            return Response(status_code=403)
        if isinstance(signed, Response):
            return signed
        try:
            sid = signed.fields.get("CallSid", "") if sid is None else sid
            if step is None or step.stage is Stage.ASKED or not _CALL_SID.fullmatch(sid):
                raise LookupError("a signed request for no call or no step of ours")
            if step.stage in ANSWERED:
                return await self._answer(sid, step, signed, now, deadline)
            return await self._tell(sid, step, signed, now, deadline)
        except Exception as error:
            log.error("webhook.failed", step=str(step), error=type(error).__name__, exc_info=error)
            return self._static(signed.fields)

    async def _answer(self, sid: str, step: Step, signed: Signed, now: datetime, deadline: float) -> Response:
        noted = self._switch.note(sid, step, signed.url, signed.fields, signed.token, now)
        work = self._keep(_both(noted, self._switch.answer(sid, step, signed.fields)))
        try:
            async with asyncio.timeout_at(deadline):
                body = await asyncio.shield(work)
        except TimeoutError:
            work.add_done_callback(_tell_failure)
            log.error("webhook.answered_late", step=str(step), call_sid=sid)
            return self._static(signed.fields)
        if body is None:
            return self._static(signed.fields)
        if line := self._line(signed.fields):
            self._switch.means.pulse.beat(line.name, "line")
        return _twiml(body)

    async def _tell(self, sid: str, step: Step, signed: Signed, now: datetime, deadline: float) -> Response:
        """204 once the journal has it. Where it refuses, 503: Twilio then tells again, as our overrides ask it to."""
        if _stale(signed.fields, now):
            log.warning("webhook.stale", step=str(step), call_sid=sid)
            return Response(status_code=204)
        noted = self._switch.note(sid, step, signed.url, signed.fields, signed.token, now)
        self._keep(_both(noted, self._switch.settle(sid, signed.fields))).add_done_callback(_tell_failure)
        done, _ = await asyncio.wait([noted], timeout=max(deadline - asyncio.get_running_loop().time(), 0))
        refused = bool(done) and noted.exception() is not None
        return Response(status_code=503 if refused else 204)

    def _keep(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """A task that goes on when nobody waits for it any more."""
        task = asyncio.get_running_loop().create_task(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return task

    def _static(self, fields: Mapping[str, str]) -> Response:
        """Needs no store and no rules: the line's first language, else the firm's."""
        firm, line = self._switch.means.firm, self._line(fields)
        languages = (line.languages if line else ()) or firm.languages or ("en",)
        texts = spoken(languages[0].partition("-")[0], firm.address_as)
        return _twiml(twiml.static(texts, firm.name, callable_=parse_number(fields.get("From", "")) is not None))

    def _line(self, fields: Mapping[str, str]) -> Line | None:
        return self._switch.house().line_of(fields.get("To", ""))


async def _both(noted: Awaitable[int], decided: Awaitable[Any]) -> Any:
    return (await asyncio.gather(noted, decided))[1]


def _tell_failure(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("webhook.not_decided", error=type(error).__name__, exc_info=error)


def _stale(fields: Mapping[str, str], now: datetime) -> bool:
    try:
        stamp = parsedate_to_datetime(fields["Timestamp"])
    except (KeyError, ValueError):
        return False
    return stamp.tzinfo is not None and now - stamp > STALE


def _twiml(body: bytes) -> Response:
    return Response(body, media_type=twiml.MEDIA_TYPE)
