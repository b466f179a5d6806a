"""Duty: what a mailbox did is counted as it is decided, and our people are told of what they should know.

One notice an hour and mailbox of mail nobody could read (N1), one for a tenth of the budget and one for a pause (L1),
one of what waits to leave by a mailbox that is configured no longer.
"""

import asyncio
from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

import structlog
from sqlalchemy import Connection

from commsd.channels.mail.account import Mailbox
from commsd.channels.mail.alert import About, Alert, key_of, told
from commsd.core.change import Change
from commsd.core.firm import Firm
from commsd.core.interaction import DeliveryKind, Interaction, Kind
from commsd.core.pause import MACHINE
from commsd.core.rate_limit import ALARM_AT, DAMPING
from commsd.duty import woken
from commsd.errors import LeaseLost
from commsd.sla.notice.post import Post
from commsd.sla.notice.recipient import Way
from commsd.store import alerts, pauses
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.telemetry import Metrics
from commsd.world import World

log = structlog.get_logger()

EVERY = 60.0
SETTLES = 1.0
"""Seconds for what comes at the same time, so that one notice names it all."""

LEASE = timedelta(seconds=30)
SPACED = timedelta(hours=1)
FIRST_LOOK = timedelta(days=1)
TAKEN_OVER = timedelta(minutes=3)
"""So long a mailbox that only has another name now has to take over what waited under the former one."""

Asked = tuple[About, str]
"""What to look at, of which mailbox."""


class Alerting:
    """Count decisions, and tell of what is wrong with mail. Hears what this process commits; the store is the truth."""

    name = "mail.alerts"

    def __init__(
        self,
        mailboxes: Mapping[str, Mailbox],
        firm: Firm,
        post: Post,
        log: Log,
        claims: Claims,
        world: World,
        metrics: Metrics,
    ) -> None:
        self._boxes, self._firm, self._post = mailboxes, firm, post
        self._log, self._claims, self._world, self._metrics = log, claims, world, metrics
        self._asked = {(about, name) for about in (About.UNREAD, About.BUDGET) for name in mailboxes}
        self._orphans: set[str] = set()
        self._wake = asyncio.Event()
        log.listen(self.hear)

    async def run(self) -> None:
        while True:
            self._wake.clear()
            await self.once()
            if await woken(self._wake, EVERY):
                await self._world.sleep(SETTLES)

    async def once(self) -> bool:
        """Tell of what is due to be told; says whether there was anything."""
        fence = await self._claims.lease(self.name, LEASE) if await self._found() else None
        if fence is None:
            return False
        for alert in await self._found():  # another node may have told of it before the lease was ours
            decide = partial(told, alert, firm=self._firm, post=self._post, fence=fence)
            try:
                done = await self._log.decide((), decide)
            except LeaseLost:
                return False
            if done.deliveries:
                log.warning("mailbox.alerted", mailbox=alert.mailbox, what=alert.about.value)
        return True

    async def _found(self) -> tuple[Alert, ...]:
        """What is due now. What may become due without a further decision is asked for again."""
        asked, self._asked = self._asked, set()
        now = self._world.now()
        try:
            found = await self._log.read(lambda connection: due(connection, frozenset(asked), self._boxes, now))
        except BaseException:
            self._asked |= asked
            raise
        self._asked |= found.waits
        self._say_orphaned(found.alerts)
        return found.alerts

    def _say_orphaned(self, found: tuple[Alert, ...]) -> None:
        for alert in found:
            if alert.about is About.ORPHANED and alert.mailbox not in self._orphans:
                log.error("delivery.orphaned", mailbox=alert.mailbox, deliveries=alert.number)
                self._orphans.add(alert.mailbox)

    def hear(self, change: Change) -> None:
        """Count a decision that was committed."""
        fact = next((fact for fact in change.interactions if fact.kind is Kind.MESSAGE), None)
        result = _result(change, fact)
        if result is None:
            return
        self._metrics.decisions.labels(result=result).inc()
        mailbox = fact.mailbox if fact else None
        if fact is None or mailbox is None:
            return
        if result in DAMPING:
            rule = result.removeprefix("no-ack:")
            self._metrics.acks_damped.labels(rule=rule).inc()
            log.warning("mail.damped", interaction=fact.id, mailbox=mailbox, rule=rule)
        if result in alerts.UNREADABLE:
            self._asked.add((About.UNREAD, mailbox))
        if any(owed.kind is DeliveryKind.ACK for owed in change.deliveries):
            self._asked.add((About.BUDGET, mailbox))
        if change.pauses or result in alerts.UNREADABLE:
            self._wake.set()


class Due(NamedTuple):
    """waits: what is to be looked at again although nothing new comes."""

    alerts: tuple[Alert, ...]
    waits: frozenset[Asked]


def due(connection: Connection, asked: frozenset[Asked], boxes: Mapping[str, Mailbox], now: datetime) -> Due:
    """What is to be told now of these mailboxes, and of pauses whatever was asked."""
    found: list[Alert] = []
    waits: set[Asked] = set()
    for about, name in sorted(asked):
        box = boxes.get(name)
        if box is None:
            continue
        spaced = SPACED if about is About.UNREAD else box.ack_budget.per
        last = alerts.last_told(connection, key_of(about, name))
        alert = _unread(connection, box, last, now) if about is About.UNREAD else _storm(connection, box, now)
        if alert is None:
            continue
        waits.add((about, name))
        if last is None or now - last >= spaced:
            found.append(alert)
    return Due((*found, *_pauses(connection, boxes, now), *_orphans(connection, boxes, now)), frozenset(waits))


def _unread(connection: Connection, box: Mailbox, last: datetime | None, now: datetime) -> Alert | None:
    ids = alerts.unreadable(connection, box.name, last or now - FIRST_LOOK)
    return Alert(about=About.UNREAD, mailbox=box.name, at=now, ids=ids, number=len(ids)) if ids else None


def _storm(connection: Connection, box: Mailbox, now: datetime) -> Alert | None:
    budget = box.ack_budget
    spent = pauses.spent(connection, box.name, now - budget.per, -(-budget.count // ALARM_AT), pauses.kept(connection))
    if box.observe or not spent.alarms(budget):
        return None
    return Alert(about=About.BUDGET, mailbox=box.name, at=now, number=spent.count, budget=budget)


def _pauses(connection: Connection, boxes: Mapping[str, Mailbox], now: datetime) -> Iterator[Alert]:
    for pause in pauses.in_force(connection, now):
        if pause.by != MACHINE or pause.name not in boxes:
            continue
        budget = boxes[pause.name].ack_budget
        alert = Alert(about=About.PAUSED, mailbox=pause.name, at=pause.made_at, until=pause.until, budget=budget)
        if alerts.last_told(connection, alert.key) is None:
            yield alert


def _orphans(connection: Connection, boxes: Mapping[str, Mailbox], now: datetime) -> Iterator[Alert]:
    """Told once, and again where more has come since."""
    for left in alerts.orphaned(connection, (*boxes, *Way), now - TAKEN_OVER):
        last = alerts.last_told(connection, key_of(About.ORPHANED, left.mailbox))
        if last is None or last < left.newest + TAKEN_OVER:
            yield Alert(about=About.ORPHANED, mailbox=left.mailbox, at=now, number=left.number)


def _result(change: Change, fact: Interaction | None) -> str | None:
    """How a mail was decided; None for what is no such decision."""
    if isinstance(change.result, str) and (change.result == "ack" or change.result.startswith("no-ack:")):
        return change.result
    return "error" if fact is not None and fact.reason == "error" else None
