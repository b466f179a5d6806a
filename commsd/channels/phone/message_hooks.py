"""Routes for texts: verify, journal, answer with nothing, decide. What Twilio told us is durable before it hears 204.

An answer to a customer is a delivery of its own; nothing is said in the answer to a webhook, which may come again.
"""

import asyncio
import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from commsd.channels.phone import message, text_settle
from commsd.channels.phone.guard import Guard, Signed, guard_of
from commsd.channels.phone.line import Twilio
from commsd.channels.phone.switch import Switch
from commsd.core.change import Change
from commsd.core.open_items import OpenItems
from commsd.store.journal import Webhook

log = structlog.get_logger()

ANSWER_WITHIN = 4.0
SET_ASIDE = timedelta(minutes=1)
_SID = re.compile(r"[A-Z]{2}[0-9a-zA-Z]{1,50}")
_ID = re.compile(r"[0-9a-zA-Z-]{1,64}")


def routes(switch: Switch, twilio: Twilio) -> list[BaseRoute]:
    """All that Twilio may tell us of texts."""
    hooks = MessageHooks(Desk(switch), guard_of(twilio, switch.means.world.elapsed))
    return [
        Route("/twilio/message", hooks.message, methods=["POST"]),
        Route("/twilio/message-status", hooks.status, methods=["POST"]),
    ]


class Desk:
    """Takes decisions about texts, for the routes and for what a crash left behind."""

    def __init__(self, switch: Switch) -> None:
        self.switch = switch

    async def note(self, step: str, signed: Signed, at: datetime) -> None:
        """The webhook is durable."""
        sid = signed.fields.get("MessageSid", "")
        webhook = Webhook(
            call_sid=message.call_sid(sid),
            route=step,
            step=step,
            url=signed.url,
            fields=signed.fields,
            token=signed.token,
            received_at=at,
        )
        await self.switch.means.journal.append(webhook)

    async def decide(self, step: str, fields: Mapping[str, str], url: str) -> None:
        """Take in what was noted; again, it changes nothing."""
        means, sid = self.switch.means, fields.get("MessageSid", "")
        house, regions = self.switch.house(), self.switch.settings.dialling.regions
        if step == message.STEP:
            await means.log.decide(message.keys_of(fields), lambda items: message.taken_in(sid, items, house, regions))
            return
        delivery = delivery_in(url)

        def heard(items: OpenItems) -> Change:
            return text_settle.heard(sid, delivery, items, house.terms)

        done = await means.log.decide(text_settle.status_keys(sid, delivery), heard)
        if isinstance(done.result, int):
            tell_code(done.result, delivery)


class MessageHooks:
    """Answers webhooks about texts."""

    def __init__(self, desk: Desk, guard: Guard) -> None:
        self._desk, self._guard = desk, guard
        self._late: set[asyncio.Task[Any]] = set()

    async def message(self, request: Request) -> Response:
        """A customer writes."""
        return await self._take(request, message.STEP)

    async def status(self, request: Request) -> Response:
        """What became of a text of ours."""
        return await self._take(request, text_settle.STATUS)

    async def _take(self, request: Request, step: str) -> Response:
        """204 once the journal has it; where it refuses, 503: then Twilio tells again, as our overrides ask it to."""
        now = self._desk.switch.means.world.now()
        try:
            signed = await self._guard.admit(request)
        except Exception as error:
            log.error("webhook.unverified", error=type(error).__name__, exc_info=error)
            return Response(status_code=403)
        if isinstance(signed, Response):
            return signed
        if not _SID.fullmatch(signed.fields.get("MessageSid", "")):
            log.warning("webhook.unknown", step=step)
            return Response(status_code=204)
        noting = self._keep(self._desk.note(step, signed, now))
        noting.add_done_callback(lambda done: self._decide_after(done, step, signed))
        done, _ = await asyncio.wait([noting], timeout=ANSWER_WITHIN)
        refused = not done or noting.exception() is not None
        return Response(status_code=503 if refused else 204)

    def _decide_after(self, noting: "asyncio.Task[None]", step: str, signed: Signed) -> None:
        if not noting.cancelled() and noting.exception() is None:
            self._keep(self._decide(step, signed))

    async def _decide(self, step: str, signed: Signed) -> None:
        try:
            await self._desk.decide(step, signed.fields, signed.url)
        except Exception as error:
            log.error("webhook.not_decided", error=type(error).__name__, exc_info=error)

    def _keep(self, work: Any) -> "asyncio.Task[Any]":
        task = asyncio.get_running_loop().create_task(work)
        self._late.add(task)
        task.add_done_callback(self._late.discard)
        return task


def delivery_in(url: str) -> str | None:
    """The delivery that our own status URL names."""
    found = parse_qs(urlsplit(url).query).get("delivery", [""])[0]
    return found if _ID.fullmatch(found) else None


def tell_code(code: int, delivery: str | None) -> None:
    """Said aloud where somebody has to see to it: the sender is refused, and the next text will be too."""
    if code in text_settle.OUR_FAULT:
        log.error("text.sender_refused", delivery=delivery, code=code)
    else:
        log.warning("text.not_arrived", delivery=delivery, code=code)
