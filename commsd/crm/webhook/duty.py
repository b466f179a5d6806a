"""Duty: what webhooks want is planned from the feed, posted, and tried again by the table; each step survives a crash.

A post that was made and not settled is made again under the same `webhook-id`: at least once, never less. A dead
endpoint holds up neither the feed nor its neighbours, for each has posts of its own under way, and few of them.
"""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from commsd.core.firm import Firm
from commsd.core.record import instant
from commsd.crm.sequencer import Head
from commsd.crm.webhook import keeping, notice, thin
from commsd.crm.webhook.actions import PAUSED, headers_of
from commsd.crm.webhook.retry import Verdict, judged
from commsd.duty import end
from commsd.egress.answer import Answer
from commsd.egress.posting import post
from commsd.egress.target import Exits
from commsd.errors import Refused
from commsd.sla.notice.post import Post as Notices
from commsd.store import alerts
from commsd.store import webhooks as rows
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.store.webhooks import Backlog, Post, Webhook
from commsd.telemetry import Metrics
from commsd.world import World

log = structlog.get_logger()

NET = 5.0
"""Seconds after which we look although nobody told us of new work."""

AT_LEAST = 0.5
"""Seconds between two looks that found nothing to begin."""

PER_ENDPOINT, AT_ONCE = 8, 32
"""Posts under way: to one endpoint, and in all; each endpoint has its share, at least one, that no other takes."""

MOST_PENDING = 1000
"""So many posts are owed to one endpoint at most; what is behind them waits in the feed."""

BATCH = 250
LEASE = timedelta(seconds=30)
MARGIN = timedelta(minutes=1)
"""A claim lasts so much longer than the longest post."""

STILL = 5.0
"""Seconds in which a post under way may end when we stop; one that is cut off is made again."""

KEPT = timedelta(days=30)
"""So long one can look up what was posted."""

FORGET_EVERY = timedelta(hours=1)


class Posting:
    """Post to webhooks. head: how far the feed is. exits: where may be posted to. key: the house's, unseals secrets."""

    name = "crm.webhooks"

    def __init__(
        self,
        written: Log,
        claims: Claims,
        world: World,
        metrics: Metrics,
        *,
        head: Head,
        exits: Exits,
        key: bytes,
        firm: Firm,
        notices: Notices,
    ) -> None:
        self._log, self._claims, self._world, self._metrics = written, claims, world, metrics
        self._head, self._exits, self._key, self._firm, self._notices = head, exits, key, firm, notices
        self._under_way: dict[asyncio.Task[None], Post] = {}
        self._looked: dict[str, int] = {}
        self._failing: set[str] = set()
        self._told: set[str] = set()
        self._forgot_at: datetime | None = None

    async def run(self) -> None:
        """Until cancelled; then what is under way may end, and the rest is given back."""
        owner = self._claims.owner
        await self._log.writer.write(lambda connection: rows.inherit(connection, owner))
        try:
            while True:
                seen = self._head.last
                begun, due = await self._begin()
                if not begun:
                    await self._rest(seen, due)
        finally:
            await self._end()

    async def once(self) -> bool:
        """Plan what is new, post what is due and settle it; says whether there was anything."""
        begun, _ = await self._begin()
        if self._under_way:
            await asyncio.wait(self._under_way)
            self._collect()
        return begun

    async def _begin(self) -> tuple[bool, datetime | None]:
        """Begin what may be begun; whether there was anything, and when more of it is due."""
        self._collect()
        now = self._world.now()
        known, owed = await self._log.read(lambda c: (rows.all_webhooks(c), rows.backlogs(c, now)))
        self._show(known, owed, now)
        begun, due = False, None
        share = min(PER_ENDPOINT, max(1, AT_ONCE // max(1, sum(webhook.active for webhook in known))))
        for webhook in known:
            if not webhook.active:
                await self._tell(webhook)
                continue
            mine = owed.get(webhook.id) or Backlog(0, None, None)
            planned = await self._plan(webhook, MOST_PENDING - mine.pending)
            begun = bool(await self._post_due(webhook, now, planned or mine.due, share)) or planned is not None or begun
            waits = max(mine.due, webhook.throttled_until or mine.due) if mine.due else None
            due = min(due or waits, waits) if waits else due
        if known:
            await self._forget(now)
        return begun, due

    async def _plan(self, webhook: Webhook, room: int) -> datetime | None:
        """Owe what it wants of what is new; when that is due, None where there is nothing."""
        after = max(webhook.planned_upto, self._looked.get(webhook.id, 0))
        if room <= 0 or (after >= self._head.last > 0):
            return None
        limit = min(room, BATCH)
        events, upto = await self._log.read(lambda connection: rows.wanted(connection, webhook, after, limit))
        if not events and upto - webhook.planned_upto < rows.LOOKED_AT:
            self._looked[webhook.id] = upto  # to write it down for each event nobody wants, would cost a commit each
            return None
        now = self._world.now()
        ids = [self._world.new_id() for _ in events]
        planned = await self._log.writer.write(
            lambda connection: rows.plan(connection, webhook, events, upto, ids, now), bookkeeping=True
        )
        return now if planned else None

    async def _post_due(self, webhook: Webhook, now: datetime, due: datetime | None, share: int) -> int:
        """Begin the posts to it that are due, as far as its share goes."""
        room = share - sum(1 for post in self._under_way.values() if post.webhook_id == webhook.id)
        throttled = webhook.throttled_until is not None and webhook.throttled_until > now
        if due is None or due > now or room <= 0 or throttled:
            return 0
        if await self._claims.hold(f"webhook:{webhook.id}", LEASE) is None:
            return 0
        claimed = await self._claimed(webhook, now, room)
        for owed in claimed:
            task = asyncio.create_task(self._make(webhook, owed), name=f"{self.name}.post")
            self._under_way[task] = owed
        return len(claimed)

    async def _claimed(self, webhook: Webhook, now: datetime, room: int) -> Sequence[Post]:
        until, owner = now + self._exits.timeout + MARGIN, self._claims.owner
        claiming = asyncio.ensure_future(
            self._log.writer.write(lambda connection: rows.claim(connection, webhook, owner, now, until, room))
        )
        try:
            return await asyncio.shield(claiming)
        except asyncio.CancelledError:  # perhaps claimed all the same; then nobody else would see to it for long
            await self._put_back([owed.id for owed in await claiming])
            raise

    async def _make(self, webhook: Webhook, owed: Post) -> None:
        """One attempt, and what came of it."""
        event = await self._log.read(lambda connection: rows.event_of(connection, owed.seq))
        began = self._world.now()
        if event is None:  # retention has let it go
            await self._settle(webhook, owed, {"state": rows.DROPPED, "settled_at": began}, None)
            return
        started = self._world.elapsed()
        answer = await self._answer(webhook, owed, event, began)
        took = timedelta(seconds=self._world.elapsed() - started)
        verdict = judged(answer, owed.attempts + 1, self._world.now(), self._world.jitter())
        tried = {
            "at": instant(began),
            "status": answer.status,
            "error": None if answer.taken else answer.said,
            "ms": int(took / timedelta(milliseconds=1)),
        }
        ended = self._world.now() if verdict.state != rows.PENDING else None
        values = {
            "state": verdict.state,
            "attempts": owed.attempts + 1,
            "due_at": verdict.due_at or owed.due_at,
            "settled_at": ended,
            "history": [*owed.history, tried][-rows.HISTORY :],
        }
        disabled = await self._settle(webhook, owed, values, verdict)
        self._say(webhook, answer, verdict, disabled=disabled)

    async def _answer(self, webhook: Webhook, owed: Post, event: rows.Event, now: datetime) -> Answer:
        whole = webhook.payload == "full"
        try:
            known = keeping.opened(webhook.sealed, self._key, now)
            body = thin.full(event.text, event.thing, event.personal) if whole else thin.thin(event.text)
        except Refused as error:
            return Answer(failure="unsafe", said=error.what)
        except Exception as error:  # of one event; the others are none the worse for it
            log.error("post.not_rendered", webhook=webhook.name, error=type(error).__name__, exc_info=error)
            return Answer(failure="unsafe", said="this event cannot be rendered")
        return await post(webhook.url, body, headers_of(owed.event_id, now, body, known), self._exits)

    async def _settle(
        self, webhook: Webhook, owed: Post, values: Mapping[str, object], verdict: Verdict | None
    ) -> bool:
        """Note what came of it; whether that disabled the webhook, which happens once however many are refused."""
        owner, now = self._claims.owner, self._world.now()

        def write(connection: Connection) -> bool:
            if not rows.settle(connection, owed, owner, **values) or verdict is None:
                return False
            if verdict.throttle_until is not None:
                rows.throttle(connection, webhook.id, verdict.throttle_until)
            return verdict.disable is not None and rows.disable(connection, webhook.id, verdict.disable, now)

        return await self._log.writer.write(write)

    def _say(self, webhook: Webhook, answer: Answer, verdict: Verdict, *, disabled: bool) -> None:
        result = {"delivered": "delivered", "pending": "retried", "failed": "failed"}[verdict.state]
        self._metrics.webhook_deliveries.labels(result=result).inc()
        if disabled:
            log.error("endpoint.disabled", webhook=webhook.name, reason=verdict.disable, why=answer.said)
        elif answer.taken and webhook.id in self._failing:
            self._failing.discard(webhook.id)
            log.info("endpoint.recovered", webhook=webhook.name)
        elif not answer.taken and verdict.disable is None and webhook.id not in self._failing:
            self._failing.add(webhook.id)
            log.warning("endpoint.failing", webhook=webhook.name, why=answer.said, code=answer.status)

    def _show(self, known: Sequence[Webhook], owed: Mapping[str, Backlog], now: datetime) -> None:
        disabled = [webhook for webhook in known if not webhook.active and webhook.reason != PAUSED]
        self._metrics.webhooks_disabled.set(len(disabled))
        oldest = min((each.oldest for each in owed.values() if each.oldest), default=None)
        self._metrics.webhook_oldest.set(max((now - oldest).total_seconds(), 0.0) if oldest else 0.0)

    async def _tell(self, webhook: Webhook) -> None:
        """Our people hear once of what the machine disabled."""
        if webhook.reason in (PAUSED, None) or webhook.disabled_at is None:
            return
        fallen = notice.Fallen(id=webhook.id, name=webhook.name, reason=webhook.reason or "", at=webhook.disabled_at)
        if fallen.key in self._told:
            return
        if await self._claims.hold(f"webhook:{webhook.id}", LEASE) is None:
            return
        if await self._log.read(lambda connection: alerts.last_told(connection, fallen.key)) is None:
            await self._log.decide((), partial(notice.told, fallen, firm=self._firm, post=self._notices))
        self._told.add(fallen.key)

    async def _forget(self, now: datetime) -> None:
        if self._forgot_at is not None and now - self._forgot_at < FORGET_EVERY:
            return
        dropped = await self._log.writer.write(
            lambda connection: rows.drop_settled(connection, now - KEPT), bookkeeping=True
        )
        self._forgot_at = now if dropped == 0 else self._forgot_at

    def _collect(self) -> None:
        """Let go of posts that have ended. Raises what one of them could not settle."""
        ended = [task for task in self._under_way if task.done()]
        for task in ended:
            del self._under_way[task]
        for task in ended:
            task.result()

    async def _rest(self, seen: int, due: datetime | None) -> None:
        """Until the feed moves, a post ends, or something is due."""
        wait = (due - self._world.now()).total_seconds() if due else NET
        moved = asyncio.ensure_future(self._head.beyond(seen, min(max(wait, AT_LEAST), NET)))
        try:
            await asyncio.wait({moved, *self._under_way}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            moved.cancel()
            await asyncio.wait({moved})

    async def _end(self) -> None:
        """What is under way may end soon; what does not, is made again later."""
        if not self._under_way:
            return
        _, late = await asyncio.shield(asyncio.ensure_future(asyncio.wait(self._under_way, timeout=STILL)))
        await end(late, 1.0)
        ids = [owed.id for owed in self._under_way.values()]
        self._under_way.clear()
        await self._put_back(ids)

    async def _put_back(self, ids: Sequence[str]) -> None:
        owner = self._claims.owner
        await self._log.writer.write(lambda connection: rows.put_back(connection, ids, owner))
