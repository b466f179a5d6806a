"""Asks Twilio after legs whose end nobody told, so that none of us is taken for busy, or for free, on a lost word.

What an attempt waits for itself, reconcile.py asks. Here: our person's leg after the result is said, and the talks of
callers that were answered. Telephony.md P7, R2.
"""

import asyncio
from collections.abc import Collection, Sequence
from datetime import datetime, timedelta

import structlog

from commsd.channels.phone.dial import orders
from commsd.channels.phone.dial.exchange import Exchange
from commsd.channels.phone.dial.line_state import Placed, Rung, unheard, unheard_talks
from commsd.channels.phone.dial.step import Stage, Step
from commsd.channels.phone.dial.switchboard import Switchboard
from commsd.channels.phone.rest import Rest
from commsd.channels.phone.switch import Switch
from commsd.errors import ConfigError, NotFound, Throttled, Unreachable

log = structlog.get_logger()

AGAIN = timedelta(minutes=1)
"""How long it rests after a question that Twilio did not answer."""

ASIDE = timedelta(minutes=3)
"""And how long the one that it was about, so that it hides none behind it."""


class Watch:
    """Looks at each turn of the dialler; on the node that dials."""

    def __init__(self, exchange: Exchange, rest: Rest, board: Switchboard) -> None:
        self._exchange, self._rest, self._board = exchange, rest, board
        self._switch = Switch(exchange.settings, exchange.means)
        self._rests_until: datetime | None = None
        self._aside: dict[str, datetime] = {}

    async def once(self) -> None:
        """Ask for a leg and a talk that are due to be asked for; what is due is dialled in between."""
        now = self._exchange.means.world.now()
        if self._rests_until is not None and now < self._rests_until:
            return
        placed, calls = await self._board.lines(now)
        self._aside = {sid: until for sid, until in self._aside.items() if until > now}
        leg, talk = await asyncio.to_thread(_to_ask_for, placed, calls, now, self._aside.keys())
        try:
            if leg is not None:
                await self._ask_for_leg(*leg)
            if talk is not None:
                await self._ask_for_talk(talk)
        except (Unreachable, Throttled, ConfigError, NotFound) as error:
            self._rests_until = now + AGAIN
            log.warning("dial.legs_unknown", what=error.what, remedy=error.remedy)

    async def _ask_for_leg(self, callback_id: str, attempt_id: str, sid: str) -> None:
        self._aside[sid] = self._exchange.means.world.now() + ASIDE
        known = await orders.looked_up(self._rest, sid)
        now = self._exchange.means.world.now()
        await self._exchange.note(attempt_id, Step(Stage.ASKED), "", known, None, now)
        await self._exchange.settle(callback_id, attempt_id)
        self._aside.pop(sid, None)

    async def _ask_for_talk(self, sid: str) -> None:
        self._aside[sid] = self._exchange.means.world.now() + ASIDE
        await self._switch.asked(sid, await self._rest.call(sid), self._exchange.means.world.now())
        await self._switch.settle(sid, {})
        self._aside.pop(sid, None)


def _to_ask_for(
    placed: Sequence[Placed], calls: Sequence[Rung], now: datetime, aside: Collection[str]
) -> tuple[tuple[str, str, str] | None, str | None]:
    """A leg and a talk. In a thread: a thousand calls that go on would hold up those who ring now."""
    leg = next((each for each in unheard(placed, now) if each[2] not in aside), None)
    return leg, next((sid for sid in unheard_talks(calls, now) if sid not in aside), None)
