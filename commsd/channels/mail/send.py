"""Duty: what is owed by mail from one mailbox goes out. Claim, hand in, settle; each step survives a crash.

The only one that talks to the mail server is `submission`; what its word means, is decided in `settle`. Some more are
claimed than can be handed in at once, and a place is free again before what was said there is committed: so claims and
settlements share commits, and none who is slow holds up the others. That the server has a message is noted at once;
what follows from it is recorded when nobody waits for anything else (`books` sees to what a crash left of that).
"""

import asyncio
from collections.abc import Awaitable, Sequence
from datetime import datetime

import structlog

from commsd.channels.mail.door import Door
from commsd.channels.mail.null_sender import NOBODY, NullSender
from commsd.channels.mail.outcome import Outcome
from commsd.channels.mail.sent_copy import SentCopies
from commsd.channels.mail.settle import (
    KEPT_OUT,
    MOST_COPIES,
    Settled,
    held,
    is_noise,
    is_outside,
    keys_of,
    put_back,
    said_of,
    settled,
)
from commsd.channels.mail.submission import Attempt, Submission
from commsd.core.change import Change
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState
from commsd.sla.rules.in_force import Rules
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.store.recovery import CLAIM
from commsd.web.pulse import Pulse
from commsd.world import World

log = structlog.get_logger()

LATEST_START = 60.0
"""Seconds for which a claim has to last yet when a message is begun: up to its final dot it may take that long."""

PLACES = 4
"""How many are handed in at once; as many connections the Submission should have."""

AHEAD = 32
"""How many are claimed without an answer noted, at most. After a crash these are the ones that perhaps went out."""

RECORDED_WITHIN = 10.0
"""Seconds for which the end waits until what follows from the server's words is recorded."""

NET = 30.0
"""Seconds after which we look although nobody told us of new work: another process may have committed it."""

AGAIN = 1.0
"""Seconds until the next look where something is due that we do not get."""

GLANCE = 5.0
"""Seconds after which it is seen, during a rest, whether there is another password."""


class Send:
    """Deliver what one mailbox owes. Stops when cancelled: what is under way is settled first.

    copies: where a message that perhaps went out is looked for. sender: what MAIL FROM says. hold: what perhaps went
    out waits for a person instead of going once more.
    """

    def __init__(
        self,
        mailbox: str,
        submission: Submission,
        log: Log,
        claims: Claims,
        rules: Rules,
        world: World,
        pulse: Pulse,
        *,
        copies: SentCopies | None = None,
        sender: NullSender | None = None,
        hold: bool = False,
    ) -> None:
        self.name = f"mail.send.{mailbox}"
        self._mailbox, self._submission = mailbox, submission
        self._log, self._claims, self._rules, self._world = log, claims, rules, world
        self._copies, self._sender, self._hold = copies, sender, hold
        self._metrics = pulse.metrics
        self._wake = asyncio.Event()
        self._told = self._leaving = False
        self._look_at = 0.0  # by the loop's clock: the host's may be set back
        self._under_way: set[asyncio.Task[None]] = set()
        self._recording: set[asyncio.Task[None]] = set()
        self._attempts: set[Attempt] = set()
        self._places = asyncio.Semaphore(PLACES)
        self._door = Door()
        log.listen(self._hear)

    async def run(self) -> None:
        try:
            if await self._claims.any_waits(self._mailbox, KEPT_OUT):
                self._door.shut()
            while not self._leaving:
                self._wake.clear()
                seconds = await self._begin_due()
                try:
                    async with asyncio.timeout(seconds):
                        await self._wake.wait()
                except TimeoutError:
                    continue
            if self._under_way:
                await asyncio.wait(self._under_way)
        finally:
            await _stopped(self._under_way)
            await self._all_recorded()
            await self._submission.close()

    def leave(self) -> None:
        """Begin nothing more; `run` ends when the server has said what it makes of what it was given."""
        self._leaving = True
        self._wake.set()

    async def once(self) -> bool:
        """Deliver what is due now, as much as is handed in at once; says whether there was anything."""
        if self._rest():
            return False
        tasks = [self._start(owed) for owed in await self._claimed(PLACES)]
        try:
            if tasks:
                await asyncio.wait(tasks)
        finally:
            await _stopped(tasks)
        for task in tasks:
            task.result()
        await self._all_recorded()
        return bool(tasks)

    async def _begin_due(self) -> float:
        """Start what is due, as far as there is room; seconds after which to look again."""
        if rest := self._rest():
            return min(rest, GLANCE)
        await self._knock()
        if self._rest():
            return 0.0
        open_now = self._door.is_open or any(attempt.stage not in _OUTSIDE for attempt in self._attempts)
        room = (AHEAD if open_now else 1) - len(self._under_way)
        if room < (AHEAD // 2 if open_now else 1):
            return NET if open_now else AGAIN
        if not self._told and (seconds := await self._seconds_until_due()):
            return seconds
        self._told = False
        found = await self._claimed(room)
        self._told = self._told or len(found) == room
        for owed in found:
            task = self._start(owed)
            self._under_way.add(task)
            task.add_done_callback(self._ended)
            task.add_done_callback(self._report)
        self._look_at = asyncio.get_running_loop().time() + AGAIN
        return 0.0 if self._told else AGAIN

    def _rest(self) -> float:
        """Seconds for which the account is left alone; the secret is looked at only while that matters."""
        return self._door.rests_for(self._world.elapsed(), self._submission.mark) if self._door.may_rest else 0.0

    async def _knock(self) -> None:
        """See now and then whether a closed door is open again: what waits need not wait out its own pause then."""
        if self._door.is_open or self._under_way or self._until_knock():
            return
        if await self._claims.next_due((self._mailbox,)) is not None:
            word = await self._submission.probe() or _LET_IN
            if self._notice(word):
                await self._let_all_in()

    def _until_knock(self) -> float:
        return self._door.knocks_in(self._world.elapsed(), self._submission.mark)

    async def _let_all_in(self) -> None:
        if await self._claims.due_now(self._mailbox, KEPT_OUT):
            self._told = True
            self._wake.set()

    async def _seconds_until_due(self) -> float:
        """0 where something is due. Only reads, and that seldom: many mailboxes that owe nothing shall cost nothing."""
        loop = asyncio.get_running_loop()
        if self._look_at <= loop.time():
            due = await self._claims.next_due((self._mailbox,))
            seconds = NET if due is None else min((due - self._world.now()).total_seconds(), NET)
            self._look_at = loop.time() + seconds
        seconds = max(self._look_at - loop.time(), 0.0)
        return seconds if self._door.is_open else min(seconds, self._until_knock() or NET)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._under_way.discard(task)
        self._wake.set()

    def _report(self, task: asyncio.Task[None]) -> None:
        if not task.cancelled() and (error := task.exception()):
            log.error("delivery.failed", mailbox=self._mailbox, error=type(error).__name__, exc_info=error)

    async def _claimed(self, number: int) -> Sequence[Delivery]:
        """What we alone may hand in now."""
        if self._sender:
            await self._sender.recall()
        until = self._world.elapsed() + CLAIM.total_seconds()
        claiming = asyncio.ensure_future(self._claims.deliveries((self._mailbox,), number, CLAIM))
        try:
            found = await asyncio.shield(claiming)
        except asyncio.CancelledError:  # perhaps claimed all the same; then nobody else would see to it for long
            for owed in await claiming:
                await self._put_back(owed)
            raise
        self._claims.in_hand.update({owed.id: until for owed in found})
        return found

    async def _put_back(self, owed: Delivery) -> None:
        await self._log.decide(keys_of(owed), lambda items: put_back(owed, items))

    def _hear(self, change: Change) -> None:
        now = self._world.now()
        mine = [owed for owed in change.deliveries if owed.via == self._mailbox and owed.state in _WAITING]
        if mine:
            seconds = (min(owed.due_at for owed in mine) - now).total_seconds()
            self._told = self._told or seconds <= 0
            self._look_at = min(self._look_at, asyncio.get_running_loop().time() + seconds)
            self._wake.set()

    def _start(self, owed: Delivery) -> asyncio.Task[None]:
        return asyncio.create_task(self._deliver(owed), name=f"{self.name}.delivery")

    async def _deliver(self, owed: Delivery) -> None:
        try:
            async with self._places:
                said = await self._from_whom_it_takes(owed) if await self._may_go(owed) else None
            if said:
                await self._take_in(owed, *said)
        except asyncio.CancelledError:
            await self._put_back(owed)
            raise
        finally:
            self._claims.in_hand.pop(owed.id, None)

    async def _take_in(self, owed: Delivery, word: Outcome, sender: str) -> None:
        """Settle by the word first: stopped before that, we would take the message for one that never went."""
        opened = self._notice(word)
        if word.kind == "sent":
            self._record(owed, word)
            await self._claims.taken(owed, said_of(word), self._world.now())
        else:
            self._count(owed, word, await self._settle(owed, word))
        if opened:
            await self._let_all_in()
        if self._sender:
            await self._sender.heard(sender, word)

    def _record(self, owed: Delivery, word: Outcome) -> None:
        terms = self._rules.terms
        asked = self._log.submit(keys_of(owed), lambda items: settled(word, owed, items, terms), bookkeeping=True)
        result = "resent" if owed.state is DeliveryState.UNKNOWN else word.kind
        task = asyncio.create_task(self._recorded(owed, word, asked, result), name=f"{self.name}.recording")
        self._recording.add(task)
        task.add_done_callback(self._recording.discard)
        task.add_done_callback(self._report)

    async def _all_recorded(self) -> None:
        """Not for long: the log has been asked, and where the store is away, `books` sees to it later."""
        if self._recording:
            await asyncio.wait(self._recording, timeout=RECORDED_WITHIN)

    async def _recorded(self, owed: Delivery, word: Outcome, asked: Awaitable[Change], result: str) -> None:
        self._count(owed, word, _settled_by(await asked), result)

    async def _may_go(self, owed: Delivery) -> bool:
        """Whether to hand it in now; if not, what is to become of it is settled."""
        if owed.state is DeliveryState.UNKNOWN and self._copies and await self._copies.has(owed.payload):
            self._count(owed, _FOUND, await self._settle(owed, _FOUND))
            return False
        now = self._world.now()
        shut = self._leaving or self._rest() or (self._attempts and not self._door.is_open)
        if shut or not self._claims.lasts(owed.id, LATEST_START):
            await self._put_back(owed)
            return False
        if owed.state is not DeliveryState.UNKNOWN:
            return not await self._is_given_up(owed, now)
        if self._hold or owed.copies >= MOST_COPIES or is_noise(owed, now):
            await self._hold_back(owed)
            return False
        return await self._claims.one_more_copy(owed)

    async def _is_given_up(self, owed: Delivery, now: datetime) -> bool:
        if is_noise(owed, now):
            self._count(owed, _NOT_BEGUN, await self._settle(owed, _NOT_BEGUN))
            return True
        return False

    async def _from_whom_it_takes(self, owed: Delivery) -> tuple[Outcome, str]:
        """The server's word, and who was named; a message from nobody it may object to goes from the substitute."""
        sender = self._sender.sender if self._sender else NOBODY
        word = await self._word_on(owed, sender)
        if self._sender and (other := self._sender.instead(sender, word)):
            return await self._word_on(owed, other), other
        return word, sender

    async def _word_on(self, owed: Delivery, sender: str) -> Outcome:
        """The server's word. Cancelled, we wait for it all the same, for a while, and settle by it."""
        attempt = self._submission.begin(owed.payload, sender=sender, recipient=owed.recipient)
        self._attempts.add(attempt)
        try:
            return await attempt.outcome()
        except asyncio.CancelledError:
            await self._settle(owed, await attempt.stop())
            raise
        finally:
            self._attempts.discard(attempt)

    def _notice(self, word: Outcome) -> bool:
        """What the word tells of the account: told of when it changes. Says whether a closed door is open now."""
        if rest := self._door.heard(word, self._world.elapsed(), self._submission.mark):
            fields = {"mailbox": self._mailbox, "stage": word.stage, "code": word.code}
            log.error("smtp.login_refused", **fields, what=word.text, rest_s=rest.total_seconds())
        if is_outside(word):
            if self._door.closed():
                log.warning("smtp.unavailable", mailbox=self._mailbox, stage=word.stage, code=word.code)
            return False
        was_closed = not self._door.is_open
        if self._door.opened():
            log.info("smtp.recovered", mailbox=self._mailbox)
        return was_closed

    async def _settle(self, owed: Delivery, word: Outcome) -> Settled | None:
        terms = self._rules.terms
        return _settled_by(await self._log.decide(keys_of(owed), lambda items: settled(word, owed, items, terms)))

    async def _hold_back(self, owed: Delivery) -> None:
        terms = self._rules.terms
        done = await self._log.decide(keys_of(owed), lambda items: held(owed, items, terms))
        if done.deliveries:
            self._metrics.deliveries.labels(kind=owed.kind.value, result="held").inc()
            log.error("delivery.held", interaction=owed.interaction_id, mailbox=self._mailbox, kind=owed.kind.value)

    def _count(self, owed: Delivery, word: Outcome, after: Settled | None, result: str = "") -> None:
        if after is None:  # somebody else settled it
            return
        if not is_outside(word) or after.state is DeliveryState.FAILED:
            self._metrics.deliveries.labels(kind=owed.kind.value, result=result or word.kind).inc()
        fields = {"interaction": owed.interaction_id, "mailbox": self._mailbox}
        if word.kind == "sent":
            waited = (self._world.now() - (after.arrived_at or owed.created_at)).total_seconds()
            if owed.kind is DeliveryKind.ACK:
                self._metrics.ack_latency.observe(waited)
                log.info("ack.sent", **fields, waited_s=waited)
            elif owed.kind is DeliveryKind.NOTICE:
                log.info("notice.sent", **fields, waited_s=waited)
            return
        fields |= {"kind": owed.kind.value, "state": after.state.value, "stage": word.stage}
        if after.state is DeliveryState.FAILED:
            log.error("delivery.given_up", **fields, code=word.code)
        elif not is_outside(word):
            log.warning("delivery.not_sent", **fields, code=word.code)


def _settled_by(done: Change) -> Settled | None:
    """None where somebody else had settled it."""
    return done.result if isinstance(done.result, Settled) else None


_NOT_BEGUN = Outcome(kind="later", code=None, text="not begun", stage="connect")
_FOUND = Outcome(kind="sent", code=None, text="found in the Sent folder", stage="answer")
_LET_IN = Outcome(kind="sent", code=None, text="let in", stage="login")
_OUTSIDE = ("connect", "login")
_WAITING = (DeliveryState.QUEUED, DeliveryState.UNKNOWN)


async def _stopped(tasks: Sequence[asyncio.Task[None]] | set[asyncio.Task[None]]) -> None:
    """Each is told and waited for: what the server said of it is settled before we go."""
    running = [task for task in tasks if not task.done()]
    for task in running:
        task.cancel()
    if running:
        await asyncio.wait(running)
