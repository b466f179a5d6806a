"""Duty: tellings become notices. What is due for one person goes out together, the worst first; nobody is flooded.

A further notice to the same person waits until five minutes after the last; only a page goes at once, and no more than
five of those in a minute. The clock is looked at again in the decision that makes the notice: what was stopped
meanwhile is cancelled. Pages apart, it waits for `sla.escalation` to come through with what fell due at once.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from typing import NamedTuple

import orjson
import structlog

from commsd.core import key
from commsd.core.case import Case, CaseFile, ClockRecord, survivor
from commsd.core.change import Change, Fence
from commsd.core.firm import Firm
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState
from commsd.core.ledger import NOTICES
from commsd.core.open_items import OpenItems
from commsd.errors import LeaseLost
from commsd.sla.notice.instead import instead
from commsd.sla.notice.notice import WITH_LINKS, Entry, Notice, about_clocks, in_short
from commsd.sla.notice.post import Post
from commsd.sla.notice.recipient import Way
from commsd.sla.notice.telling import PAGE_WINDOW, PAGES, WINDOW, Telling, telling_of
from commsd.store import tellings
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.store.tellings import Waiting
from commsd.world import World

log = structlog.get_logger()

TICK = 1.0
LEASE = timedelta(seconds=30)
PATIENCE = timedelta(seconds=30)
"""So long a telling waits at most for others that fell due with it."""

AT_ONCE = 5000
IN_ONE = 1000
"""Tellings in one notice at most; what is beyond goes with the next."""


class To(NamedTuple):
    """Who is told. agent: None for a route."""

    way: Way
    address: str
    agent: str | None


class Share(NamedTuple):
    """What goes into one notice: ids of tellings. more: how many wait for the next."""

    ids: tuple[str, ...]
    more: int


class Gathered(NamedTuple):
    """What became of the tellings of one recipient."""

    told: int
    cancelled: int


class Dispatch:
    """Make notices of what waits to be told."""

    name = "sla.dispatch"

    def __init__(self, firm: Firm, post: Post, log: Log, claims: Claims, world: World) -> None:
        self._firm, self._post = firm, post
        self._log, self._claims, self._world = log, claims, world

    async def run(self) -> None:
        while True:
            while await self.once():
                pass
            await self._world.sleep(TICK)

    async def once(self) -> bool:
        """Tell everybody who may be told now; says whether anybody was."""
        now = self._world.now()
        passed_on = await self._instead(now)
        waiting = await self._log.read(lambda connection: tellings.waiting(connection, now, AT_ONCE, IN_ONE))
        ready = await self._ready(waiting, now) if waiting else {}
        fence = await self._claims.lease(self.name, LEASE) if ready else None
        if fence is None:
            return passed_on
        for to, (ids, more) in ready.items():
            decide = partial(gathered, ids, to, firm=self._firm, post=self._post, fence=fence, more=more)
            try:
                done = await self._log.decide([key.of_delivery(each) for each in ids], decide)
            except LeaseLost:
                return False
            if isinstance(done.result, Gathered):
                log.info("tellings.gathered", told=done.result.told, cancelled=done.result.cancelled)
        return True

    async def _instead(self, now: datetime) -> bool:
        """What did not arrive goes by mail."""
        lost = await self._log.read(lambda connection: tellings.undelivered(connection, now, IN_ONE))
        fence = await self._claims.lease(self.name, LEASE) if lost else None
        if fence is None:
            return False
        for each in lost:
            decide = partial(instead, each, firm=self._firm, post=self._post, fence=fence)
            try:
                done = await self._log.decide((key.of_delivery(each),), decide)
            except LeaseLost:
                return False
            log.warning("notice.rerouted", delivery=each, told=done.result)
        return True

    async def _ready(self, waiting: Sequence[Waiting], now: datetime) -> Mapping[To, Share]:
        """Who may be told now, and of what."""
        day = self._firm.day(now)
        groups: dict[tuple[Way, str], tuple[To, list[tuple[Waiting, Telling]]]] = {}
        for each in waiting:
            telling = telling_of(each.payload)
            to = present(To(telling.way, each.recipient, telling.agent), self._firm, self._post, day)
            groups.setdefault((to.way, to.address), (to, []))[1].append((each, telling))
        addresses = [address for _, address in groups]
        told = await self._log.read(lambda c: tellings.told_within(c, addresses, now - WINDOW, now))
        more_to_come = bool(await self._claims.due_cases(now, limit=1))
        return {
            to: _share(group)
            for to, group in groups.values()
            if may_be_told(group, told.get(to.address, []), now, more_to_come=more_to_come)
        }


def present(to: To, firm: Firm, post: Post, day: date) -> To:
    """Who is told in place of somebody who went away since: the deputy, else the house; they themselves at last."""
    agent = firm.people.agents.get(to.agent or "")
    if agent is None or not agent.is_away(day):
        return to
    deputy = firm.people.present(agent.id, day)
    if deputy and deputy.mail:
        return To(Way.MAIL, deputy.mail[0], deputy.id)
    house = (*firm.people.mail_of(post.alarms, day), *post.fallback)
    return To(Way.MAIL, house[0], None) if house else to


def may_be_told(
    group: Sequence[tuple[Waiting, Telling]], told: Sequence[datetime], now: datetime, *, more_to_come: bool
) -> bool:
    """Whether a notice may go to somebody now. told: when they were given notices within the window."""
    paged = any(telling.page for _, telling in group)
    if paged and sum(at > now - PAGE_WINDOW for at in told) < PAGES:
        return True
    if any(at > now - WINDOW for at in told):
        return False
    oldest = min(waiting.created_at for waiting, _ in group)
    return not more_to_come or now - oldest >= PATIENCE


def _share(group: Sequence[tuple[Waiting, Telling]]) -> Share:
    ids = tuple(each.id for each, _ in group[:IN_ONE])
    waits = {each.recipient: each.number for each, _ in group}
    return Share(ids, sum(waits.values()) - len(ids))


def gathered(
    ids: Sequence[str], to: To, items: OpenItems, *, firm: Firm, post: Post, fence: Fence, more: int = 0
) -> Change:
    """All of these tellings settled, and one notice of what still holds. more: how many wait for the next."""
    owed = [items.deliveries[each] for each in ids if each in items.deliveries]
    waiting = [each for each in owed if each.state is DeliveryState.QUEUED]
    entries: dict[str, Entry] = {}
    told, cancelled = [], []
    for each in waiting:
        telling = telling_of(each.payload)
        entry = _entry(each, telling, items)
        if entry is None:
            cancelled.append(each)
            continue
        entries[entry.record.id] = entry
        told.append(each)
    if not told:
        return _settled(cancelled, DeliveryState.CANCELLED, "clock-stopped", items.now, fence)
    notice = _notice(f"{NOTICES}{told[0].id}", to, list(entries.values()), more, items, firm, post)
    if notice is None:
        return _settled(waiting, DeliveryState.FAILED, "no-mailbox", items.now, fence)
    change = _settled(told, DeliveryState.SENT, None, items.now, fence)
    change += _settled(cancelled, DeliveryState.CANCELLED, "clock-stopped", items.now, fence)
    return change + Change(deliveries=(notice,), result=Gathered(len(told), len(cancelled)))


def _settled(owed: Sequence[Delivery], state: DeliveryState, reason: str | None, now: datetime, fence: Fence) -> Change:
    after = tuple(replace(each, state=state, reason=reason, settled_at=now) for each in owed)
    return Change(deliveries=after, fence=fence, result=Gathered(0, len(after)))


def _entry(owed: Delivery, telling: Telling, items: OpenItems) -> Entry | None:
    """What is told of the clock now; None where nothing is any more."""
    file = survivor(owed.case_id or "", items.files)
    record = _clock(telling, owed.case_id or "", file, items) if file else None
    if file is None or record is None or not telling.holds(record):
        return None
    return Entry(record=record, file=file, rung=telling.rung, callback_id=_callback_of(record, items))


def _callback_of(record: ClockRecord, items: OpenItems) -> str | None:
    """The call that the clock runs for; of any other clock the only one that its case owes."""
    owed = [call for call in items.callbacks if call.open and call.case_id == record.case_id]
    own = [call for call in owed if record.value.opened_by in call.misses]
    return own[0].id if own else owed[0].id if len(owed) == 1 else None


def _clock(telling: Telling, case_id: str, file: CaseFile, items: OpenItems) -> ClockRecord | None:
    """The clock, or where its case went into another since, the one that goes on for it there."""
    here = {known.id: known for known in items.files[case_id].clocks}
    mine = here.get(telling.clock)
    if mine is None or file.case.id == case_id:
        return mine
    same = (mine.value.clock, mine.value.opened_by)
    return next((known for known in file.clocks if (known.value.clock, known.value.opened_by) == same), None)


def _notice(
    key: str, to: To, entries: Sequence[Entry], more: int, items: OpenItems, firm: Firm, post: Post
) -> Delivery | None:
    """The delivery that carries it; None where there is no mailbox to send from."""
    never = datetime.max.replace(tzinfo=items.now.tzinfo)
    entries = [replace(each, owner=post.owner_of(*_names(each.file.case))) for each in entries]
    worst = sorted(entries, key=lambda entry: (entry.record.value.due_at or never, entry.record.id))
    shown = [
        replace(entry, offers=post.offers(entry.file.case.id, entry.callback_id, to.agent, items.now))
        for entry in worst[:WITH_LINKS]
    ]
    worst = [*shown, *worst[WITH_LINKS:]]
    notice = about_clocks(
        worst, key=key, recipient=to.address, agent=to.agent, firm=firm, now=items.now, more=more, board=post.board
    )
    match to.way:
        case Way.MAIL:
            if post.via is None:
                return None
            via, payload = post.via, post.render(notice)
        case Way.WEBHOOK:
            via, payload = Way.WEBHOOK.value, _as_json(notice, worst)
        case Way.SMS:
            via, payload = Way.SMS.value, in_short(worst, firm, items.now, more=more).encode()
    return Delivery(
        id=items.new_id(),
        kind=DeliveryKind.NOTICE,
        key=key,
        via=via,
        recipient=to.address,
        payload=payload,
        created_at=items.now,
        due_at=items.now,
        case_id=notice.case_id,
    )


def _names(case: Case) -> tuple[str | None, str | None, str | None]:
    return case.owner, case.mailbox, case.line


def _as_json(notice: Notice, entries: Sequence[Entry]) -> bytes:
    """What a webhook gets: the notice, the cases it is about, and the links of the worst."""
    cases = dict.fromkeys(entry.file.case.id for entry in entries)
    links = [
        {"case": entry.file.case.id, "label": offer.label, "url": offer.url}
        for entry in entries
        for offer in entry.offers
    ]
    said = {"subject": notice.subject, "text": notice.text, "at": notice.at, "cases": list(cases), "links": links}
    return orjson.dumps(said, option=orjson.OPT_UTC_Z)
