"""Duty: what is owed by mail from one mailbox goes out. Claim, hand in, settle; each step survives a crash.

The only one that talks to the mail server is `submission`; what its word means, is decided in `settle`.
"""

import asyncio
from collections.abc import Sequence
from datetime import timedelta

import structlog

from commsd.channels.mail.outcome import Outcome
from commsd.channels.mail.settle import keys_of, settled
from commsd.channels.mail.submission import Submission
from commsd.core.change import Change
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState
from commsd.sla.rules.in_force import Rules
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.web.pulse import Pulse
from commsd.world import World

log = structlog.get_logger()

CLAIM = timedelta(minutes=15)
"""Longer than the longest attempt, so that nobody else takes up what is still under way."""

NET = 5.0
"""Seconds after which we look although nobody told us of new work."""

AT_ONCE = 32


class Send:
    """Deliver what one mailbox owes. Stops when cancelled: what is under way is settled first."""

    def __init__(
        self,
        mailbox: str,
        submission: Submission,
        log: Log,
        claims: Claims,
        rules: Rules,
        world: World,
        pulse: Pulse,
    ) -> None:
        self.name = f"mail.send.{mailbox}"
        self._mailbox, self._submission = mailbox, submission
        self._log, self._claims, self._rules, self._world = log, claims, rules, world
        self._metrics = pulse.metrics
        self._wake = asyncio.Event()
        self._down = False
        log.listen(self._hear)

    async def run(self) -> None:
        while True:
            self._wake.clear()
            while await self.once():
                pass
            try:
                async with asyncio.timeout(NET):
                    await self._wake.wait()
            except TimeoutError:
                continue

    async def once(self) -> bool:
        """Deliver what is due now; says whether there was anything."""
        claiming = asyncio.ensure_future(self._claims.deliveries((self._mailbox,), AT_ONCE, CLAIM))
        try:
            owed = await asyncio.shield(claiming)
        except asyncio.CancelledError:  # perhaps claimed all the same; then nobody else would see to it for long
            await self._put_back(await claiming)
            raise
        await _each_to_its_end([asyncio.ensure_future(self._deliver(delivery)) for delivery in owed])
        return bool(owed)

    async def _put_back(self, owed: Sequence[Delivery]) -> None:
        unsent = Outcome(kind="later", code=None, text="not begun", stage="connect")
        for delivery in owed:
            await self._settle(delivery, unsent, quietly=True)

    def _hear(self, change: Change) -> None:
        if any(owed.via == self._mailbox and owed.state is DeliveryState.QUEUED for owed in change.deliveries):
            self._wake.set()

    async def _deliver(self, owed: Delivery) -> None:
        attempt = self._submission.begin(owed.payload, sender="", recipient=owed.recipient)
        try:
            word = await attempt.outcome()
        except asyncio.CancelledError:
            word = await attempt.stop()
            await self._settle(owed, word, quietly=word.kind == "later")
            raise
        await self._settle(owed, word)

    async def _settle(self, owed: Delivery, word: Outcome, *, quietly: bool = False) -> None:
        terms = self._rules.terms
        done = await self._log.decide(keys_of(owed), lambda items: settled(word, owed.id, items, terms))
        if not quietly:
            self._say(owed, word, done.result)

    def _say(self, owed: Delivery, word: Outcome, state: object) -> None:
        about_us = word.kind == "later" and word.stage in ("connect", "login")
        if about_us:
            if not self._down:
                log.warning("smtp.unavailable", mailbox=self._mailbox, stage=word.stage, code=word.code)
            self._down = True
            return
        if self._down:
            self._down = False
            log.info("smtp.recovered", mailbox=self._mailbox)
        waited = (self._world.now() - owed.created_at).total_seconds()
        self._metrics.deliveries.labels(kind=owed.kind.value, result=word.kind).inc()
        if word.kind == "sent" and owed.kind is DeliveryKind.ACK:
            self._metrics.ack_latency.observe(waited)
        fields = {"interaction": owed.interaction_id, "mailbox": self._mailbox}
        if word.kind == "sent" and owed.kind is DeliveryKind.ACK:
            log.info("ack.sent", **fields, waited_s=waited)
        elif word.kind == "sent":
            log.info("notice.sent", **fields, waited_s=waited)
        else:
            log.warning(
                "delivery.not_sent", **fields, kind=owed.kind.value, state=state, stage=word.stage, code=word.code
            )


async def _each_to_its_end(tasks: Sequence[asyncio.Task[None]]) -> None:
    """Wait for all; cancelled, each is told and waited for: `gather` would leave with the first that stops."""
    if not tasks:
        return
    try:
        await asyncio.wait(tasks)
    except asyncio.CancelledError:
        for task in tasks:
            task.cancel()
        await asyncio.wait(tasks)
        raise
    for task in tasks:
        task.result()
