"""Asks Twilio what our calls cost, some minutes after their end: it says so late, and of some calls never.

What it says is noted beside the attempt's webhooks, and goes from there into the attempt and the day's account
(settle.py). A call of which it says nothing stays booked with what it was thought to cost.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from functools import partial

import structlog

from commsd.channels.phone.dial import orders
from commsd.channels.phone.dial.attempt import BILL, PRICE, AttemptState, fold
from commsd.channels.phone.dial.exchange import Exchange
from commsd.channels.phone.dial.line_state import LONGEST
from commsd.channels.phone.dial.step import Stage, Step
from commsd.channels.phone.rest import Rest
from commsd.errors import ConfigError, Throttled, Unreachable
from commsd.store import dialling

log = structlog.get_logger()

EVERY = timedelta(minutes=2)
"""From one look at what is not billed yet to the next."""

WAITS = (timedelta(minutes=5), timedelta(minutes=30), timedelta(hours=3))
"""So long after the end of a call its price is asked for; after the last, no more."""


class Bills:
    """Looks at each turn of the dialler; on the node that dials."""

    def __init__(self, exchange: Exchange, rest: Rest) -> None:
        self._exchange, self._rest = exchange, rest
        self._next: datetime | None = None
        self._later: dict[str, datetime] = {}

    async def once(self) -> None:
        """Ask for what is due to be asked."""
        means = self._exchange.means
        now = means.world.now()
        if self._next is not None and now < self._next:
            return
        self._next = now + EVERY
        since = now - WAITS[-1] - LONGEST - EVERY
        self._later = {attempt: at for attempt, at in self._later.items() if at > now}
        ended = await means.log.read(partial(dialling.unbilled, since=since, field=PRICE, but=self._later.keys()))
        self._later |= {each.attempt.id: at for each in ended if each.attempt.id and (at := looks_at(each, now)) > now}
        asked = list(due(ended, now))
        if not asked:
            return
        try:
            await self._ask_for(*asked[0], now)
        except (Unreachable, Throttled, ConfigError) as error:
            log.warning("dial.bill_unknown", what=error.what, remedy=error.remedy)
        else:
            self._next = now if len(asked) > 1 else self._next

    async def _ask_for(self, callback_id: str, attempt_id: str, sid: str, now: datetime) -> None:
        """One question a turn: what is due is dialled in between."""
        self._later[attempt_id] = now + WAITS[0]  # also where this fails, so that it hides none behind it
        said = await orders.looked_up(self._rest, sid)
        await self._exchange.note(attempt_id, Step(Stage.ASKED), "", {**said, BILL: "asked"}, None, now)
        await self._exchange.settle(callback_id, attempt_id)


def due(placed: Iterable[dialling.PlacedCall], now: datetime) -> Iterator[tuple[str, str, str]]:
    """Callback, attempt and CallSid of those whose price is to be asked for."""
    for callback_id, attempt, entries in placed:
        state = fold(entries, {})
        at = asks_at(state)
        if attempt.id and state.agent.sid and at is not None and now >= at:
            yield callback_id, attempt.id, state.agent.sid


def looks_at(placed: dialling.PlacedCall, now: datetime) -> datetime:
    """Until when its webhooks need not be read again: what goes on by now is over no sooner than its price is said."""
    state = fold(placed.webhooks, {})
    return asks_at(state) or now + (WAITS[-1] + LONGEST if state.bills >= len(WAITS) else WAITS[0])


def asks_at(state: AttemptState) -> datetime | None:
    """When the price is asked for next; None for no more, or not while it goes on."""
    heard = [at for at in (state.last_at, state.asked_at) if at is not None]
    end = state.agent.ended_at or min(heard, default=None)
    if not state.agent.over or end is None or state.bills >= len(WAITS):
        return None
    return end + WAITS[state.bills]
