"""Duty: calls whose time ran out get their verdict. The rows are in the store, so a restart finds them too.

Where one of us had accepted a call and nothing says what came of it, Twilio is asked first. Whatever goes wrong there,
the call is judged by what is known: nobody is forgotten because something else answered for Twilio.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from commsd.channels.phone.rest import Rest
from commsd.channels.phone.switch import Switch
from commsd.errors import CommsdError
from commsd.store.claims import DueCall

log = structlog.get_logger()

PAUSE = 1.0
TURN = 50
DEADLINE = 60.0


class Verdict:
    """Looks once a second. Safe on several nodes: a verdict given twice is one verdict."""

    name = "phone.verdict"

    def __init__(self, switch: Switch, rest: Rest | None) -> None:
        self._switch, self._rest = switch, rest

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            if not await self.once():
                await self._switch.means.world.sleep(PAUSE)

    async def once(self) -> bool:
        """Judge what is due. True where there was something and it could be judged."""
        means = self._switch.means
        async with asyncio.timeout(DEADLINE):
            due = await means.claims.due_calls(means.world.now(), TURN)
        judged = 0
        for call in due:
            judged += await self._tried(call, self._judge) or await self._tried(call, self._judge_unasked)
        return judged > 0

    async def _tried(self, call: DueCall, judge: Callable[[DueCall], Awaitable[None]]) -> bool:
        """One that cannot be judged keeps no other up."""
        try:
            async with asyncio.timeout(DEADLINE):
                await judge(call)
        except Exception as error:
            log.error("verdict.failed", call_sid=call.call_sid, error=type(error).__name__, exc_info=error)
            return False
        return True

    async def _judge(self, call: DueCall) -> None:
        if await self._switch.settle(call.call_sid, {}, may_ask=self._rest is not None):
            return
        if self._rest is not None:
            try:
                known = await self._rest.call(call.call_sid)
            except CommsdError as error:
                log.warning("verdict.not_asked", call_sid=call.call_sid, what=error.what, remedy=error.remedy)
            else:
                await self._switch.asked(call.call_sid, known, self._switch.means.world.now())
        await self._judge_unasked(call)

    async def _judge_unasked(self, call: DueCall) -> None:
        await self._switch.settle(call.call_sid, {})
