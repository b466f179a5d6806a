"""Orders one call of Twilio, and knows when none may be ordered: a person's brakes, pace, money, Twilio's refusals.

One order is one attempt, committed before; its answer is noted beside it. POST is never sent twice: what may have been
taken is looked for in Twilio's list (reconcile.py).
"""

import asyncio
from collections.abc import Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

import structlog

from commsd.channels.phone.dial import orders
from commsd.channels.phone.dial.attempt import AT_FAULT
from commsd.channels.phone.dial.brakes import CREDENTIALS, NOT_OURS, RESTS, Pace, Rests
from commsd.channels.phone.dial.call_order import TIME_LIMIT, CallOrder
from commsd.channels.phone.dial.exchange import Exchange
from commsd.channels.phone.dial.line_state import LONGEST, LONGEST_TALK, OVER, awaited, engaged
from commsd.channels.phone.dial.plan import Hold, Policy, Staff, Wait
from commsd.channels.phone.dial.settle import begun
from commsd.channels.phone.dial.step import Stage, Step
from commsd.channels.phone.line import Line
from commsd.channels.phone.rest import Ordered, Rest
from commsd.core import key
from commsd.core.agent import Agent
from commsd.core.calendar import in_zone
from commsd.core.callback import Callback
from commsd.core.change import Change
from commsd.core.fact import replace
from commsd.core.number import Number, parse_number
from commsd.core.open_items import OpenItems
from commsd.core.price import Spending, affordable, estimate, first_day, longest
from commsd.errors import CommsdError, ConfigError
from commsd.store import callbacks, dialling, pauses, spending

log = structlog.get_logger()

DIALLING = "dialling"
"""What a person pauses, and the part of a line whose health this is."""

UNPAID = timedelta(minutes=10)
"""How long a callback rests that is dearer than what is left."""

FAULTY = timedelta(hours=1)
"""How long one of our people is not rung whose number Twilio does not dial."""


class Switchboard:
    """The way out to Twilio for calls of ours."""

    def __init__(self, exchange: Exchange, rest: Rest) -> None:
        self._exchange, self._rest, self._means = exchange, rest, exchange.means
        self._pace, self._rests = Pace(exchange.settings.dialling.pace), Rests()
        self._faulty: dict[str, datetime] = {}
        self._failing: set[str] = set()

    def pause(self) -> timedelta:
        """How long the pace lets us wait for the next order."""
        return self._pace.wait(self._means.world.now())

    async def policy(self, line: Line) -> Policy:
        """What holds for the callbacks of a line now."""
        firm, version = self._means.firm, self._means.rules.terms.in_force(self._means.world.now())
        calendar = version.calendars.get(line.calendar) if line.calendar and version else None
        return Policy(
            line=line,
            people=firm.people,
            callbacks=self._exchange.settings.callbacks,
            zone=firm.zone,
            calendar=in_zone(calendar, firm.timezone) if calendar else None,
            stopped=await self._stopped(line),
        )

    async def staff(self) -> Staff:
        """How our people are now."""
        means, now = self._means, self._means.world.now()
        midnight = now.astimezone(means.firm.zone).replace(hour=0, minute=0, second=0, microsecond=0)
        attempts = await means.log.read(callbacks.under_way)
        placed, calls = await self.lines(now)
        made = await means.log.read(lambda connection: callbacks.calls_since(connection, midnight))
        seen = await asyncio.to_thread(engaged, attempts, placed, calls)  # a thousand calls take a while to fold
        hoping = {call.caller for call in seen.hoping}
        places = await means.log.read(lambda connection: callbacks.owed_to(connection, hoping)) if hoping else {}
        firm, people = means.firm, means.firm.people.agents.values()
        return Staff(
            busy=seen.agents | {agent.id for agent in people if agent.phone in seen.phones},
            resting=frozenset(agent for agent, until in self._faulty.items() if until > now),
            calls=made,
            on_line=seen.customers,
            awaited=awaited(seen.hoping, self._exchange.settings.lines.values(), firm.people, firm.day(now), places),
        )

    async def lines(self, now: datetime) -> "Lines":
        """Calls of ours and to us that may be going on."""
        read = self._means.log.read
        placed = await read(partial(dialling.placed_calls, since=now - LONGEST, over=OVER))
        return placed, await read(partial(dialling.live_calls, since=now - LONGEST_TALK))

    async def _stopped(self, line: Line) -> str | None:
        """Why nothing is dialled from this line; None where it is."""
        means, dial, now = self._means, self._exchange.settings.dialling, self._means.world.now()
        if means.firm.observe or line.observe:
            return "observe"
        if not dial.enabled:
            return "disabled"
        in_force = await means.log.read(lambda connection: pauses.in_force(connection, now))
        if any(pause.stops(DIALLING, line.name, now) for pause in in_force):
            return "paused"
        if self._rests.until(line.name, now):
            return "rest"
        if not affordable(self._thought(line, None, now), await self._left(now)):
            self._fails(line.name, "the money for dialling is spent")
            return "cost"
        return "pace" if self._pace.wait(now) else None

    def _thought(self, line: Line, callback: Callback | None, now: datetime) -> Spending:
        """What a call is thought to cost: a leg to one of us and one to the customer."""
        cap = self._exchange.settings.dialling.max_cost
        return estimate(_numbers(line, callback), cap.currency if cap else "USD", now.date())

    async def _left(self, now: datetime) -> Decimal | None:
        """What may still be spent now; None: as much as it takes."""
        cap = self._exchange.settings.dialling.max_cost
        if cap is None:
            return None
        since = first_day(cap.per, now.date())
        spent = await self._means.log.read(partial(spending.spent, since=since, currency=cap.currency))
        return cap.amount - spent

    async def unpaid(self, callback: Callback, line: Line) -> Hold | Wait | None:
        """What is next for a callback dearer than what may be spent now; None where it is not."""
        now, cap = self._means.world.now(), self._exchange.settings.dialling.max_cost
        thought = self._thought(line, callback, now)
        if affordable(thought, await self._left(now)):
            return None
        if cap is not None and thought.amount > cap.amount and callback.released is None:
            number = parse_number(callback.number or "")
            return Hold(f"price:{number.region if number else ''}")
        self._fails(line.name, "the money left for dialling is less than a call that waits is thought to cost")
        return Wait(now + UNPAID, "cost")

    def _limit(self, line: Line, callback: Callback, left: Decimal | None) -> int:
        """Seconds that the call may last, so that it alone does not pass what is left."""
        cap = self._exchange.settings.dialling.max_cost
        if cap is None or left is None:
            return TIME_LIMIT
        paid = longest(left, _numbers(line, callback), cap.currency)
        return min(TIME_LIMIT, round(paid.total_seconds()))

    async def begin(self, callback: Callback, agent: Agent, line: Line, reason: str) -> bool:
        """Commit the attempt, then order its call. False: the callback moved on, or there is no money for it."""
        means, now = self._means, self._means.world.now()
        if self._pace.wait(now):
            return False
        thought = self._thought(line, callback, now)
        left = await self._left(now)
        if not affordable(thought, left):
            return False
        limit = self._limit(line, callback, left)
        house = self._exchange.house()

        def decide(items: OpenItems) -> Change:
            return begun(callback, agent, house, items, thought=thought)

        change = await means.log.decide((key.of_callback(callback.id),), decide)
        order = change.result
        if not isinstance(order, CallOrder):
            return False
        self._pace.take(now)
        log.info("dial.begun", callback=order.callback_id, attempt=order.attempt_id, line=line.name, reason=reason)
        twilio = self._exchange.settings.twilio
        fallback = twilio.fallback_url if twilio else None
        ordered = await orders.place(self._rest, replace(order, limit=limit, fallback=fallback))
        await self._noted(order, ordered)
        return True

    async def _noted(self, order: CallOrder, ordered: Ordered) -> None:
        fields, now = orders.noted(ordered), self._means.world.now()
        await self._exchange.note(order.attempt_id, Step(Stage.CREATED), "", fields, None, now)
        self._learn(order, ordered, now)
        await self._exchange.settle(order.callback_id, order.attempt_id)

    def _learn(self, order: CallOrder, ordered: Ordered, now: datetime) -> None:
        """What an answer says of the next orders."""
        if ordered.kind == "taken":
            self._works(order.line)
            return
        log.warning(
            "dial.not_ordered",
            callback=order.callback_id,
            attempt=order.attempt_id,
            line=order.line,
            result=ordered.kind,
            why=ordered.said,
            code=ordered.code,
        )
        if ordered.remedy is not None:
            self._no_login(ordered.said, now)
        if ordered.code is not None and ordered.code in RESTS:
            self._rests.begin(ordered.code, order.line, now, self._means.world.jitter())
        if ordered.code == CREDENTIALS:
            self._no_login("Twilio refuses our login (20003)", now)
        elif ordered.code == NOT_OURS:
            self._fails(order.line, "Twilio does not let us ring from this number (21210)")
        elif ordered.code in AT_FAULT:
            self._faulty[order.agent] = now + FAULTY
            self._fails(order.line, f"Twilio does not ring the number of an agent ({ordered.code})")

    def unanswered(self, error: CommsdError, callback: Callback) -> None:
        """Twilio did not say how an attempt stands."""
        log.warning("dial.not_asked", callback=callback.id, what=error.what, remedy=error.remedy)
        if isinstance(error, ConfigError):
            self._no_login("Twilio refuses our login (20003)", self._means.world.now())

    def _no_login(self, said: str, now: datetime) -> None:
        """Nothing can be dialled from any line."""
        self._rests.begin(CREDENTIALS, "", now, self._means.world.jitter())
        for line in self._exchange.settings.lines:
            self._fails(line, f"{said}, nothing is dialled")

    def _fails(self, line: str, said: str) -> None:
        self._failing.add(line)
        self._means.pulse.fail(line, "line", said, DIALLING)

    def _works(self, line: str) -> None:
        if line in self._failing:
            self._failing.discard(line)
            self._means.pulse.beat(line, "line", DIALLING)


def _numbers(line: Line, callback: Callback | None) -> tuple[Number | None, ...]:
    """Whom a call rings, as far as its price goes: one of us, in the line's country, and the customer."""
    return line.number, parse_number(callback.number or "") if callback else line.number


Lines = tuple[Sequence[dialling.PlacedCall], Sequence[dialling.LiveCall]]
