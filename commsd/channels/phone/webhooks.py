"""Routes for Twilio: verify, journal, decide, answer with TwiML. A signed request is never left without an answer.

After 4 seconds static TwiML goes out while both writes stay queued; what Twilio only tells us is answered once durable.
"""

import asyncio
import re
from collections.abc import Awaitable, Coroutine, Mapping
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from commsd.channels.phone import twiml
from commsd.channels.phone.call import TERMINAL, is_fallback
from commsd.channels.phone.guard import Guard, Signed, guard_of
from commsd.channels.phone.line import Line, Twilio
from commsd.channels.phone.prompts import spoken
from commsd.channels.phone.step import ANSWERED, OURS, Stage, Step, step_of
from commsd.channels.phone.switch import Switch
from commsd.core.number import parse_number
from commsd.store.journal import knows

log = structlog.get_logger()

ANSWER_WITHIN = 4.0
"""Seconds; below the 5 after which Twilio, by our own overrides, asks again."""

STALE = timedelta(hours=24)
"""A status older than this is a replay: the signature has no time in it. telephony.md G8."""

HORIZON = timedelta(hours=1)
"""A status older than this of a call we do not know is none that Twilio is still telling; were the call real, the sweep
would have found it in Twilio's own list."""

_STATUSES = TERMINAL | {"queued", "initiated", "ringing", "in-progress"}
_LONGEST_STATUS = 40

_CALL_SID = re.compile(r"CA[0-9a-zA-Z]{1,62}")


def routes(switch: Switch, twilio: Twilio) -> list[BaseRoute]:
    """All that Twilio may ask of us."""
    desk = Webhooks(switch, guard_of(twilio, switch.means.world.elapsed))
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
        world = self._switch.means.world
        now, deadline = world.now(), world.elapsed() + ANSWER_WITHIN
        try:
            signed = await self._guard.admit(request)
        except Exception as error:
            log.error("webhook.unverified", error=type(error).__name__, exc_info=error)
            return Response(status_code=403)
        if isinstance(signed, Response):
            return signed
        try:
            sid = signed.fields.get("CallSid", "") if sid is None else sid
            if step is None or step.stage in OURS or not _CALL_SID.fullmatch(sid):
                raise LookupError("a signed request for no call or no step of ours")
            _note_unknown_status(sid, step, signed.fields)
            if is_fallback(signed.fields):
                self._fallback_served(sid, step, signed.fields)
            if step.stage in ANSWERED:
                return await self._answer(sid, step, signed, now, deadline)
            return await self._tell(sid, step, signed, now, deadline)
        except Exception as error:
            log.error("webhook.failed", step=str(step), error=type(error).__name__, exc_info=error)
            if line := self._line(signed.fields):
                self._switch.means.pulse.fail(line.name, "line", "a call could not be answered as it should")
            return Response(status_code=503) if _tells(step, sid) else self._static(signed.fields, step)

    async def _answer(self, sid: str, step: Step, signed: Signed, now: datetime, deadline: float) -> Response:
        noted = self._switch.note(sid, step, signed.url, signed.fields, signed.token, now)
        work = self._keep(_both(noted, self._switch.answer(sid, step, signed.fields)))
        done, _ = await asyncio.wait([work], timeout=self._left(deadline))
        if not done:
            work.add_done_callback(_tell_failure)
            log.error("webhook.answered_late", step=str(step), call_sid=sid)
            return self._static(signed.fields, step)
        body = work.result()
        if body is None:
            return self._static(signed.fields, step)
        if (line := self._line(signed.fields)) and not is_fallback(signed.fields):
            self._switch.means.pulse.beat(line.name, "line")
        return _twiml(body)

    async def _tell(self, sid: str, step: Step, signed: Signed, now: datetime, deadline: float) -> Response:
        """204 once the journal has it. Where it has not in time, 503: Twilio tells again, as our overrides say."""
        if await self._is_replay(sid, signed.fields, now):
            log.warning("webhook.stale", step=str(step), call_sid=sid)
            return Response(status_code=204)
        noted = self._switch.note(sid, step, signed.url, signed.fields, signed.token, now)
        self._keep(_both(noted, self._switch.settle(sid, signed.fields))).add_done_callback(_tell_failure)
        done, _ = await asyncio.wait([noted], timeout=self._left(deadline))
        kept = bool(done) and noted.exception() is None
        return Response(status_code=204 if kept else 503)

    async def _is_replay(self, sid: str, fields: Mapping[str, str], now: datetime) -> bool:
        """Whether somebody sends again what Twilio told long ago."""
        age = _age(fields, now)
        if age is None or age <= HORIZON:
            return False
        if age > STALE:
            return True
        async with asyncio.timeout(ANSWER_WITHIN):
            return not await self._switch.means.log.read(lambda connection: knows(connection, sid))

    def _fallback_served(self, sid: str, step: Step, fields: Mapping[str, str]) -> None:
        """Twilio could not use an answer of ours, and says which: telephony.md W9."""
        code = fields["ErrorCode"]
        log.error("webhook.fallback_served", step=str(step), call_sid=sid, code=code[:8] if code.isdigit() else "")
        if line := self._line(fields):
            self._switch.means.pulse.fail(line.name, "line", "Twilio could not use an answer of ours")

    def _left(self, deadline: float) -> float:
        return max(deadline - self._switch.means.world.elapsed(), 0)

    def _keep(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """A task that goes on when nobody waits for it any more."""
        task = asyncio.get_running_loop().create_task(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return task

    def _static(self, fields: Mapping[str, str], step: Step | None) -> Response:
        """Needs no store and no rules: the line's first language, else the firm's. Offers what is not yet offered."""
        firm, line = self._switch.means.firm, self._line(fields)
        languages = (line.languages if line else ()) or firm.languages or ("en",)
        texts = spoken(languages[0].partition("-")[0], firm.address_as)
        sid, early = fields.get("CallSid", ""), step is not None and step.stage in (Stage.VOICE, Stage.DIAL)
        url = f"{self._switch.base}/twilio/call/{sid}" if early and _CALL_SID.fullmatch(sid) else ""
        callable_ = parse_number(fields.get("From", "")) is not None
        return _twiml(twiml.static(texts, firm.name, callable_=callable_, url=url))

    def _line(self, fields: Mapping[str, str]) -> Line | None:
        return self._switch.settings.line_of(fields.get("To", ""))


async def _both(noted: Awaitable[None], decided: Awaitable[Any]) -> Any:
    """Both are under way already."""
    try:
        return await decided
    finally:
        await noted


def _tells(step: Step | None, sid: str | None) -> bool:
    """Whether Twilio tells us something of a call and wants no words for it."""
    told = step is not None and step.stage not in ANSWERED | OURS
    return told and _CALL_SID.fullmatch(sid or "") is not None


def _tell_failure(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("webhook.not_decided", error=type(error).__name__, exc_info=error)


def _note_unknown_status(sid: str, step: Step, fields: Mapping[str, str]) -> None:
    """A word that Twilio's documents do not have counts as one of a call that goes on; telephony.md W7."""
    status = fields.get("CallStatus")
    if status and status not in _STATUSES:
        shown = status[:_LONGEST_STATUS] if status.replace("-", "").isalpha() else ""
        log.warning("webhook.unknown_status", step=str(step), call_sid=sid, status=shown)


def _age(fields: Mapping[str, str], now: datetime) -> timedelta | None:
    """How long ago it happened by Twilio's clock; None where it does not say. RFC 2822, UTC where no zone stands."""
    try:
        stamp = parsedate_to_datetime(fields["Timestamp"])
        return now - (stamp.replace(tzinfo=UTC) if stamp.tzinfo is None else stamp)
    except (KeyError, ValueError, OverflowError):
        return None


def _twiml(body: bytes) -> Response:
    return Response(body, media_type=twiml.MEDIA_TYPE)
