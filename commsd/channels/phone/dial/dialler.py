"""Duty: owed calls that are due are made, our own person first. An attempt is committed before Twilio hears of it.

One node dials at a time. What is due is planned (plan.py), moved (moves.py), begun and settled (settle.py); what may
not be dialled at all, and what follows from Twilio's refusals, is `switchboard`'s.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial
from typing import NoReturn

import structlog

from commsd.channels.phone.dial import moves
from commsd.channels.phone.dial.attempt import Ended
from commsd.channels.phone.dial.bills import Bills
from commsd.channels.phone.dial.exchange import Exchange
from commsd.channels.phone.dial.plan import (
    Begin,
    Escalate,
    Hold,
    Nothing,
    Past,
    Plan,
    Policy,
    Staff,
    Wait,
    able,
    plan,
    rung_for_callers,
    somebody_free,
)
from commsd.channels.phone.dial.reconcile import reconcile
from commsd.channels.phone.dial.switchboard import Switchboard
from commsd.channels.phone.dial.watch import Watch
from commsd.channels.phone.line import Line
from commsd.channels.phone.rest import Rest
from commsd.channels.phone.screening import held_reason
from commsd.channels.phone.turns import HOLDS, Turn, Turns, Waiting, turns_of
from commsd.core import key
from commsd.core.callback import Callback, State
from commsd.core.change import Change
from commsd.core.contact import Contact
from commsd.duty import woken
from commsd.errors import ConfigError, Elsewhere, Throttled, Unreachable
from commsd.store import callbacks, dialling
from commsd.store.claims import UNDECIDED

log = structlog.get_logger()

LEASE = timedelta(seconds=60)
NET = 5.0
"""Seconds after which we look although nobody told us of anything."""

NOBODY_FREE = 20
"""While nobody is free, so many calls of a line that wait for one of us are looked at in a turn."""

PAGES = 10
"""So many pages of a line's due calls are gone through in a turn."""

DEADLINE = 60.0
POSTPONED = timedelta(seconds=20)
"""Until when one rests that could not be seen to."""

UNSAID_FOR = timedelta(hours=24)

TODAY = timedelta(hours=26)
"""Of the tries before, those count that may lie on the customer's today, where it has 25 hours too."""


class Dialler:
    """Dials what is due. Safe on several nodes: the one with the lease dials, the others stand by."""

    name = "phone.dialler"

    def __init__(self, exchange: Exchange, rest: Rest) -> None:
        self._exchange, self._rest, self._means = exchange, rest, exchange.means
        self._board = Switchboard(exchange, rest)
        self._watch, self._bills = Watch(exchange, rest, self._board), Bills(exchange, rest)
        self._wake, self._resumed = asyncio.Event(), False
        self._screened: dict[str, int] = {}
        self._further: dict[str, int] = {}
        self._turns: dict[str, Turns] = {}
        self._begun: dict[str, dict[str, datetime]] = {}
        self._means.log.listen(self._hear)

    async def run(self) -> NoReturn:
        """Until cancelled."""
        while True:
            self._wake.clear()
            while await self.once():
                pass
            await woken(self._wake, min(NET, self._board.pause().total_seconds() or NET))

    async def once(self) -> bool:
        """See to everything that is due. True where anything moved. Raises Elsewhere where another node dials."""
        await self._hold()
        if not self._resumed:
            await self._resume()
        moved, now = False, self._means.world.now()
        for callback_id, attempt_id in await self._means.log.read(partial(dialling.undecided, before=now - UNDECIDED)):
            await self._exchange.settle(callback_id, attempt_id)
        for callback in await self._means.log.read(lambda connection: callbacks.astir(connection, now)):
            moved |= await self._tried(callback, self._see_to)
        await self._asked(self._watch.once)
        await self._asked(self._bills.once)
        for line in self._exchange.settings.lines.values():
            await self._hold()
            moved |= await self._serve(line)
        return moved

    async def _hold(self) -> None:
        """Keep the lease, or raise Elsewhere."""
        if await self._means.claims.hold(self.name, LEASE) is None:
            raise Elsewhere("another node dials", remedy="nothing to do: it goes on here when that one stops")

    async def _asked(self, ask: Callable[[], Awaitable[None]]) -> None:
        """What is asked beside the dialling keeps no call from being dialled."""
        try:
            async with asyncio.timeout(DEADLINE):
                await ask()
        except Exception as error:
            log.error("dial.not_looked_up", error=type(error).__name__, exc_info=error)

    def _hear(self, change: Change) -> None:
        if change.callbacks or change.pauses:
            self._wake.set()
        for callback in change.callbacks:
            if not callback.open:
                self._screened.pop(callback.id, None)

    async def _resume(self) -> None:
        """What was under way when the process began is looked up at once; telephony.md R1."""
        for callback in await self._means.log.read(callbacks.under_way):
            if moves.is_dialled(callback):
                await self._tried(callback, self._reconcile)
        self._resumed = True

    async def _tried(self, callback: Callback, see_to: "SeeTo") -> bool:
        """One that cannot be seen to now rests a while, so that it keeps nobody else waiting."""
        await self._hold()  # those before it may have taken longer than the lease lasts
        try:
            async with asyncio.timeout(DEADLINE):
                return await see_to(callback)
        except Exception as error:
            log.error("dial.failed", callback=callback.id, error=type(error).__name__, exc_info=error)
            again = self._means.world.now() + POSTPONED
            await self._decide(callback, moves.look_again(callback, again))
            return False

    async def _see_to(self, callback: Callback) -> bool:
        """One that is in somebody's hand."""
        now = self._means.world.now()
        if moves.is_dialled(callback):
            return await self._reconcile(callback)
        if callback.state is State.CLAIMED and callback.claimed_until and callback.claimed_until <= now:
            return await self._decide(callback, moves.given_back(callback, now))
        if callback.state is State.CONFIRM and callback.live and callback.live.ended_at:
            unsaid_at = callback.live.ended_at + UNSAID_FOR
            late = now >= unsaid_at
            move = moves.unsaid(callback, self._lead(callback)) if late else moves.look_again(callback, unsaid_at)
            return await self._decide(callback, move)
        lifts = callback.state is State.HELD and not await held_reason(callback, self._exchange.settings, self._means)
        return await self._decide(callback, moves.lifted(callback) if lifts else moves.look_again(callback, None))

    async def _reconcile(self, callback: Callback) -> bool:
        attempt = callback.live
        if attempt is None or attempt.id is None:
            return False
        try:
            await reconcile(callback, attempt.id, self._exchange, self._rest)
        except (Unreachable, Throttled, ConfigError) as error:
            self._board.unanswered(error, callback)
        now = self._means.world.now()
        known = await self._means.log.read(lambda connection: dialling.callback_of(connection, callback.id))
        if known and moves.is_dialled(known) and known.look_at and known.look_at <= now:
            await self._decide(known, moves.look_again(known, now + POSTPONED))
        return True

    async def _serve(self, line: Line) -> bool:
        """The calls owed on a line, in their order, as far as one of us is free.

        Page after page, for who is free may be meant for a call behind many that wait for somebody else. Of very many
        the first page is read in every turn, and those behind it in turns.
        """
        means, moved, left = self._means, False, 0
        for page in range(PAGES):
            due = await self._due(line, left)
            if not due:
                if not page:
                    await self._say(line, {})
                break
            policy, staff = await self._board.policy(line), await self._board.staff()
            free = somebody_free(policy, staff, means.world.now())
            fresh = not all(map(self._is_screened, due))
            stirred, idle, waiting = await self._serve_page(due, line, policy, staff)
            if not page:
                await self._take_turns(line, waiting, policy)
            moved, left = moved or stirred, left + idle
            if len(due) < callbacks.AT_ONCE or not (free or fresh):
                break
            left = left if page else max(left, self._further.get(line.name, 0))
        else:
            self._further[line.name] = left
            return moved
        self._further.pop(line.name, None)
        return moved

    async def _due(self, line: Line, skip: int) -> Sequence[Callback]:
        now, some = self._means.world.now(), callbacks.AT_ONCE
        return await self._means.log.read(lambda connection: callbacks.waiting(connection, line.name, now, some, skip))

    async def _serve_page(
        self, due: Sequence[Callback], line: Line, policy: Policy, staff: Staff
    ) -> tuple[bool, int, Sequence[Waiting]]:
        """Whether any of these moved, how many stay due, and those that only wait for one of us."""
        moved, idle, waiting = False, 0, list[Waiting]()
        free = somebody_free(policy, staff, self._means.world.now())
        contacts = await self._means.log.read(lambda connection: dialling.contacts_of(connection, due))
        for callback in due:
            if not free and idle >= NOBODY_FREE and self._is_screened(callback):
                idle += 1
                continue
            chosen = await self._planned(callback, contacts.get(callback.contact_id or ""), policy, staff)
            if isinstance(chosen, Nothing):
                idle += 1
                if chosen.why in ("agents", "owner"):
                    waiting.append((callback, able(callback, staff, policy, self._means.world.now())))
                continue
            went = await self._tried(callback, partial(self._follow, chosen, line))
            moved, idle = moved or went, idle + (not went)
            if isinstance(chosen, Begin):
                self._begun.setdefault(line.name, {})[chosen.agent.id] = self._means.world.now()
                policy, staff = await self._board.policy(line), await self._board.staff()
                free = somebody_free(policy, staff, self._means.world.now())
        return moved, idle, waiting

    async def _take_turns(self, line: Line, waiting: Sequence[Waiting], policy: Policy) -> None:
        """Callers who rang later leave these their turn."""
        now = self._means.world.now()
        await self._say(line, turns_of(waiting, rung_for_callers(policy, now), now, self._begun.get(line.name, {})))

    async def _say(self, line: Line, turns: Mapping[str, Turn]) -> None:
        """Tell whoever answers calls in this process, before the last word grows stale."""
        now, last = self._means.world.now(), self._turns.get(line.name)
        if turns == (last.of if last else {}) and (not turns or (last and now + HOLDS / 2 < last.until)):
            return
        said = self._turns[line.name] = Turns(line=line.name, until=now + HOLDS, of=turns)
        await self._means.log.decide((), lambda _: Change(result=said))

    def _is_screened(self, callback: Callback) -> bool:
        return self._screened.get(callback.id) == callback.revision

    async def _planned(self, callback: Callback, contact: Contact | None, policy: Policy, staff: Staff) -> Plan:
        """The plan. It is screened when it is seen for the first time as it is, and once more before it begins."""
        means = self._means
        seen = self._is_screened(callback)
        if seen and policy.stopped is not None:
            return Nothing(policy.stopped)
        now, held = means.world.now(), None
        if not seen:
            held = await held_reason(callback, self._exchange.settings, means)
            self._screened[callback.id] = callback.revision
        chosen = plan(callback, staff, policy, now, contact=contact, held=held)
        if isinstance(chosen, Begin):
            held = await held_reason(callback, self._exchange.settings, means) if seen else held
            past = await self._past(callback, now)
            chosen = plan(callback, staff, policy, now, contact=contact, held=held, past=past)
        if isinstance(chosen, Begin):
            chosen = await self._board.unpaid(callback, policy.line) or chosen
        return Escalate("agents_numbers") if _by_fault(chosen, callback, staff) else chosen

    async def _past(self, callback: Callback, now: datetime) -> Past:
        return await self._means.log.read(
            lambda connection: Past(
                missed_at=callbacks.missed_at(connection, callback),
                tries=callbacks.tries_to(connection, callback, now - TODAY),
            )
        )

    async def _follow(self, chosen: Plan, line: Line, callback: Callback) -> bool:
        match chosen:
            case Begin(_, agent, reason):
                return await self._board.begin(callback, agent, line, reason)
            case Wait(until, _):
                return await self._decide(callback, moves.look_again(callback, until))
            case Hold(reason) | Escalate(reason):
                log.warning("dial.left_to_people", callback=callback.id, reason=reason)
                self._screened.pop(callback.id, None)
                return await self._decide(callback, moves.to_a_person(callback, chosen, self._lead(callback)))
        return False

    def _lead(self, callback: Callback) -> str | None:
        """Who answers for the line's team, if he is there."""
        people, line = self._means.firm.people, self._exchange.settings.lines.get(callback.line or "")
        team = people.teams.get(line.team or "") if line else None
        lead = people.present(team.lead, self._means.firm.day(self._means.world.now())) if team else None
        return lead.id if lead else None

    async def _decide(self, callback: Callback, move: moves.Decide) -> bool:
        change = await self._means.log.decide((key.of_callback(callback.id),), move)
        return bool(change.callbacks)


def _by_fault(chosen: Plan, callback: Callback, staff: Staff) -> bool:
    """Whether it waits for our people only because Twilio rings none of their numbers."""
    unreachable = {attempt.by for attempt in callback.attempts if attempt.result == Ended.UNREACHABLE}
    waits = isinstance(chosen, Wait) and chosen.why == "agents"
    return waits and bool(unreachable) and unreachable <= staff.resting


SeeTo = Callable[[Callback], Awaitable[bool]]
