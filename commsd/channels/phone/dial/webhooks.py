"""Routes for the calls that we place: verify, journal, decide, answer. A signed request is never left without one.

The same order as for callers (`channels.phone.webhooks`), with an attempt in place of a call.
"""

import asyncio
import re
from collections.abc import Coroutine
from datetime import datetime
from typing import Any

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from commsd.channels.phone.dial.exchange import Exchange
from commsd.channels.phone.dial.step import ANSWERED, OURS, Stage, Step, step_of
from commsd.channels.phone.guard import Guard, Signed, guard_of
from commsd.channels.phone.line import Twilio
from commsd.channels.phone.twiml import MEDIA_TYPE
from commsd.channels.phone.webhooks import ANSWER_WITHIN

log = structlog.get_logger()

HANG_UP = b'<?xml version="1.0" encoding="UTF-8"?><Response><Hangup/></Response>'
"""For one of our own people, where nothing better could be made in time: nobody is joined who did not agree."""

_ID = re.compile(r"[0-9a-f-]{36}")


def routes(exchange: Exchange, twilio: Twilio) -> list[BaseRoute]:
    """All that Twilio may ask of us about calls of ours."""
    desk = Webhooks(exchange, guard_of(twilio, exchange.means.world.elapsed))
    return [Route("/twilio/dial/{callback}/{attempt}/{step}", desk.step, methods=["POST"])]


class Webhooks:
    """Answers webhooks."""

    def __init__(self, exchange: Exchange, guard: Guard) -> None:
        self._exchange, self._guard = exchange, guard
        self._late: set[asyncio.Task[Any]] = set()

    async def step(self, request: Request) -> Response:
        """A step of an attempt under a URL that we handed out."""
        deadline = asyncio.get_running_loop().time() + ANSWER_WITHIN
        now = self._exchange.means.world.now()
        try:
            signed = await self._guard.admit(request)
        except Exception as error:
            log.error("webhook.unverified", error=type(error).__name__, exc_info=error)
            return Response(status_code=403)
        if isinstance(signed, Response):
            return signed
        step, ids = step_of(request.path_params["step"]), request.path_params
        try:
            if step is None or step.stage in OURS or not all(map(_ID.fullmatch, (ids["callback"], ids["attempt"]))):
                raise LookupError("a signed request for no attempt or no step of ours")
            return await self._take(ids["callback"], ids["attempt"], _meant(step, signed), signed, now, deadline)
        except Exception as error:
            log.error("webhook.failed", step=str(step), error=type(error).__name__, exc_info=error)
            return _twiml(HANG_UP)

    async def _take(
        self, callback_id: str, attempt_id: str, step: Step, signed: Signed, now: datetime, deadline: float
    ) -> Response:
        exchange = self._exchange
        noted = exchange.note(attempt_id, step, signed.url, signed.fields, signed.token, now)
        if step.stage in ANSWERED:
            work = self._keep(exchange.answer(callback_id, attempt_id, step, signed.fields))
            try:
                async with asyncio.timeout_at(deadline):
                    await asyncio.shield(noted)
                    body = await asyncio.shield(work)
            except TimeoutError:
                log.error("webhook.answered_late", step=str(step), callback=callback_id)
                return _twiml(HANG_UP)
            return _twiml(body or HANG_UP)
        self._keep(exchange.settle(callback_id, attempt_id))
        done, _ = await asyncio.wait([noted], timeout=max(deadline - asyncio.get_running_loop().time(), 0))
        kept = bool(done) and noted.exception() is None
        return Response(status_code=204 if kept else 503)

    def _keep(self, work: Coroutine[Any, Any, Any]) -> "asyncio.Task[Any]":
        """A task that goes on when nobody waits for it any more."""
        task = asyncio.get_running_loop().create_task(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        task.add_done_callback(_tell_failure)
        return task


def _meant(step: Step, signed: Signed) -> Step:
    """The step whose document Twilio could not have, where it asks the fallback URL instead.

    Answered under its own name it would be given twice: once here and once there, each time ringing the customer.
    """
    failed = step_of(re.split("[?#]", signed.fields.get("ErrorUrl", ""), maxsplit=1)[0].rpartition("/")[2])
    meant = step.stage is Stage.FALLBACK and failed is not None and failed.stage in ANSWERED
    return failed if meant and failed is not None else step


def _tell_failure(task: "asyncio.Task[Any]") -> None:
    if not task.cancelled() and (error := task.exception()):
        log.error("webhook.not_decided", error=type(error).__name__, exc_info=error)


def _twiml(body: bytes) -> Response:
    return Response(body, media_type=MEDIA_TYPE)
