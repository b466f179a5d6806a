"""Duty: the service level of each line, computed from the log of the day; who gets the alarms is told when it falls.

Nothing is kept of it but the mark that a fall was told: which calls made it fall says `core.answer_level`, again and
again the same.
"""

import hashlib
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, time, timedelta
from functools import partial

import orjson
import structlog

from commsd.core.answer_level import Fall, Goal, falls, level_of
from commsd.core.calendar import reached
from commsd.core.change import Change, Fence
from commsd.core.firm import Firm
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState
from commsd.core.open_items import OpenItems
from commsd.errors import LeaseLost
from commsd.sla.notice.notice import SHORT, Notice, local, marked
from commsd.sla.notice.post import Post
from commsd.sla.notice.recipient import Recipient, Roll, Way
from commsd.sla.notice.telling import TELLINGS
from commsd.store import call_tellings
from commsd.store.call_levels import rung
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.world import World

log = structlog.get_logger()

TICK = 60.0
LEASE = timedelta(minutes=3)


def _unshown(_line: str, _share: float | None) -> None:
    """Nobody looks."""


class LevelWatch:
    """Watch the service level."""

    name = "sla.level"

    def __init__(
        self,
        firm: Firm,
        post: Post,
        aims: Mapping[str, Goal],
        log: Log,
        claims: Claims,
        world: World,
        show: Callable[[str, float | None], None] = _unshown,
    ) -> None:
        """aims: by line. show: is given each line's level of today, None where no call counts."""
        self._firm, self._post, self._aims, self._show = firm, post, aims, show
        self._log, self._claims, self._world = log, claims, world

    async def run(self) -> None:
        while True:
            await self.once()
            await self._world.sleep(TICK)

    async def once(self) -> bool:
        """Look at every line; says whether somebody was told that one fell."""
        now = self._world.now()
        since = reached(self._firm.zone, datetime.combine(self._firm.day(now), time())).astimezone(UTC)
        told = [await self._looked(line, aim, since) for line, aim in self._aims.items()]
        return any(told)

    async def _looked(self, line: str, aim: Goal, since: datetime) -> bool:
        calls = await self._log.read(partial(rung, line=line, since=since))
        self._show(line, level_of(calls, aim.within).share)
        found = falls(calls, aim.share, aim.within)
        mark = f"level:{line}:{found[-1].call}" if found else ""
        if not found or await self._log.read(lambda connection: bool(call_tellings.made(connection, [mark]))):
            return False
        fence = await self._claims.lease(self.name, LEASE)
        if fence is None:
            return False
        decide = partial(told, found[-1], line, aim, mark, firm=self._firm, post=self._post, fence=fence)
        try:
            await self._log.decide((), decide)
        except LeaseLost:
            return False
        log.warning("level.fell", line=line, share=found[-1].level.share, offered=found[-1].level.offered)
        return True


def told(
    fall: Fall, line: str, aim: Goal, mark: str, items: OpenItems, *, firm: Firm, post: Post, fence: Fence
) -> Change:
    """A notice to each who gets the alarms, and the mark that it is told."""
    roll = Roll(firm=firm, post=post, now=items.now)
    notices = tuple(_delivery(each, fall, line, aim, mark, items, firm, post) for each in roll.alarmed())
    done = Delivery(
        id=items.new_id(),
        kind=DeliveryKind.TELLING,
        key=mark,
        via=TELLINGS,
        recipient="",
        payload=b"",
        created_at=items.now,
        due_at=items.now,
        state=DeliveryState.SENT if notices else DeliveryState.FAILED,
        settled_at=items.now,
    )
    return Change(deliveries=(done, *notices), fence=fence)


def _delivery(
    to: Recipient, fall: Fall, line: str, aim: Goal, mark: str, items: OpenItems, firm: Firm, post: Post
) -> Delivery:
    key = f"{mark}:{hashlib.sha256(f'{to.way}:{to.address}'.encode()).hexdigest()[:16]}"
    subject = f"{marked(firm)}Line {line}: only {fall.level.share or 0:.0%} of today's calls answered in time"
    notice = Notice(
        key=key,
        recipient=to.address,
        subject=subject,
        text=_text(fall, line, aim, firm),
        at=items.now,
        agent=to.agent,
    )
    via = {Way.WEBHOOK: Way.WEBHOOK.value, Way.SMS: Way.SMS.value}.get(to.way, post.via or "")
    match to.way:
        case Way.MAIL:
            payload = post.render(notice)
        case Way.WEBHOOK:
            said = {"subject": subject, "text": notice.text, "at": items.now, "line": line, "share": fall.level.share}
            payload = orjson.dumps(said, option=orjson.OPT_UTC_Z)
        case Way.SMS:
            payload = subject[:SHORT].encode()
    return Delivery(
        id=items.new_id(),
        kind=DeliveryKind.NOTICE,
        key=key,
        via=via,
        recipient=to.address,
        payload=payload,
        created_at=items.now,
        due_at=to.opens,
    )


def _text(fall: Fall, line: str, aim: Goal, firm: Firm) -> str:
    level, seconds = fall.level, round(aim.within.total_seconds())
    return (
        f"On {local(fall.at, firm)} the level of {line} fell below its aim of {aim.share:.0%} within {seconds} s.\n\n"
        f"Answered in time: {level.in_time}\nAnswered later:   {level.late}\nMissed:           {level.missed}\n"
        f"Gone before the time was over, not counted: {level.short}\n\n"
        "You are told again only after it has risen clear of its aim. Who was missed is owed a call: "
        f"commsd callbacks list\nTimes are those of {firm.timezone}.\n"
    )
