"""Duty: our people are told of each missed call at once, of what is held or escalated, and asked what came of a call.

What is due follows from the callbacks and the marks that are made (`call_matter`); a mark and its notices are one
commit. A few missed calls make a notice each; many at once, such as a burst of forged ones, make one of them all.
"""

import asyncio
import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import partial
from typing import NamedTuple

import orjson
import structlog
from sqlalchemy import Connection

from commsd.core import key
from commsd.core.callback import Callback
from commsd.core.case import survivor
from commsd.core.change import Change, Fence
from commsd.core.firm import Firm
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState
from commsd.core.open_items import OpenItems
from commsd.duty import woken
from commsd.errors import LeaseLost
from commsd.sla.notice.call_matter import WATCHED, Matter, What, due, heard_in, is_screened, marks, missed
from commsd.sla.notice.call_notice import Entry, about_call, about_calls, acts_of, in_short, name_in
from commsd.sla.notice.notice import Notice
from commsd.sla.notice.offer import Offer
from commsd.sla.notice.post import Post
from commsd.sla.notice.recipient import Recipient, Roll, Way
from commsd.sla.notice.telling import TELLINGS
from commsd.store import call_tellings, open_items
from commsd.store.call_tellings import Untold, recipient_of
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.world import World

log = structlog.get_logger()

TICK = 1.0
LEASE = timedelta(seconds=30)
PAST = timedelta(hours=24)
"""A missed call of longer ago is told by the clock's ladder only."""

OVERLAP = timedelta(minutes=5)
LASTING_EVERY = timedelta(seconds=15)
MOST = 500
FEW = 5
"""More missed calls of one line than that at the same moment make one notice."""

SINGLE, WINDOW, GATHERED = 10, timedelta(minutes=5), timedelta(minutes=2)
"""After so many within five minutes the others are gathered, into a notice every two minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LineTold:
    """Who is told of a line's missed calls. observe: its customers get nothing."""

    tell: tuple[str, ...] = ()
    observe: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """Who is told of what. confirm: how long an agent has to state a result."""

    firm: Firm
    post: Post
    lines: Mapping[str, LineTold] = field(default_factory=dict)
    confirm: timedelta = timedelta(minutes=2)


class Told(NamedTuple):
    """What a decision tells of itself."""

    matters: int
    notices: int


class CallWatch:
    """Tell of calls."""

    name = "sla.calls"

    def __init__(self, desk: Desk, log: Log, claims: Claims, world: World) -> None:
        self._desk, self._log, self._claims, self._world = desk, log, claims, world
        self._wake = asyncio.Event()
        self._looked: datetime | None = None
        self._lasting_at: datetime | None = None
        log.listen(self._hear)

    async def run(self) -> None:
        while True:
            self._wake.clear()
            while await self.once():
                pass
            await woken(self._wake, TICK)

    async def once(self) -> bool:
        """Tell what is due to be told; says whether anything was."""
        now = self._world.now()
        misses = await self._misses(now)
        lasting = await self._lasting(now)
        groups = [*await self._gathered(misses, now), *lasting]
        fence = await self._claims.lease(self.name, LEASE) if groups else None
        if fence is None:
            return False
        told = [await self._tell(group, fence) for group in groups]
        return any(told)

    def _hear(self, change: Change) -> None:
        misses, owed = heard_in(change)
        if owed:
            self._lasting_at = None
        if misses or owed:
            self._wake.set()

    async def _misses(self, now: datetime) -> Sequence[Untold]:
        """Missed calls to tell of, looked for a little further back each time than the last look went."""
        lines = [name for name, line in self._desk.lines.items() if line.tell]
        if not lines:
            return ()
        since = now - PAST if self._looked is None or self._looked > now else self._looked - OVERLAP
        found = await self._log.read(lambda connection: call_tellings.untold(connection, since, lines, MOST))
        self._looked = found[0].recorded_at if found else now
        return found

    async def _gathered(self, misses: Sequence[Untold], now: datetime) -> list[tuple[Matter, ...]]:
        """Misses whose number was screened, each alone, or those of a line together where they are many."""
        if not misses:
            return []
        items = await self._log.read(lambda connection: _items(connection, [each.id for each in misses], now))
        by_line: dict[str, list[Matter]] = {}
        for each in misses:
            callback = _callback_of(each.id, items)
            if callback is None or is_screened(callback, each.recorded_at, now):
                line = self._desk.lines[each.line]
                by_line.setdefault(each.line, []).append(
                    missed(each.id, callback.id if callback else "", each.line, line.tell)
                )
        groups: list[tuple[Matter, ...]] = []
        for name, matters in by_line.items():
            lately = await self._log.read(partial(call_tellings.told_since, line=name, since=now - WINDOW))
            groups += _paced(matters, lately, now)
        return groups

    async def _lasting(self, now: datetime) -> list[tuple[Matter, ...]]:
        """What is due of callbacks that are held, escalated or wait for a word."""
        if self._lasting_at is not None and self._lasting_at <= now < self._lasting_at + LASTING_EVERY:
            return []
        found = await self._log.read(lambda connection: self._due(connection, now))
        self._lasting_at = now
        groups: dict[tuple[What, tuple[str, ...], str | None], list[Matter]] = {}
        for each in found:
            groups.setdefault((each.what, each.tell, each.line), []).append(each)
        return [part for each in groups.values() for part in _few_or_all(each)]

    def _due(self, connection: Connection, now: datetime) -> list[Matter]:
        zone, confirm = self._desk.firm.zone, self._desk.confirm
        ids = call_tellings.lasting(connection, [state.value for state in WATCHED], MOST)
        keys = [key.of_callback(each) for each in ids]
        owed = open_items.load(connection, keys, now).view(keys, now, self._world.new_id).callbacks if keys else ()
        wanted = [mark for each in owed for mark in marks(each, now, zone)]
        made = call_tellings.made(connection, wanted)
        matters = (due(each, made, now, zone, confirm=confirm, tell=self._told_of(each)) for each in owed)
        return [each for each in matters if each is not None]

    def _told_of(self, callback: Callback) -> tuple[str, ...]:
        line = self._desk.lines.get(callback.line or "")
        return line.tell if line else ()

    async def _tell(self, group: Sequence[Matter], fence: Fence) -> bool:
        keys = [key.of_interaction(each.miss) if each.miss else key.of_callback(each.callback_id) for each in group]
        try:
            done = await self._log.decide(keys, partial(told, group, desk=self._desk, fence=fence))
        except LeaseLost:
            return False
        if isinstance(done.result, Told):
            log.info("calls.told", kind=group[0].what.value, count=done.result.matters, deliveries=done.result.notices)
        return True


def _paced(matters: Sequence[Matter], lately: Sequence[datetime], now: datetime) -> Iterator[tuple[Matter, ...]]:
    """lately: when this line's were told within the window."""
    if len(lately) < SINGLE:
        yield from _few_or_all(matters)
    elif now - lately[-1] >= GATHERED:
        yield tuple(matters)


def _few_or_all(matters: Sequence[Matter]) -> Iterator[tuple[Matter, ...]]:
    if len(matters) > FEW:
        yield tuple(matters)
    else:
        yield from ((each,) for each in matters)


def _items(connection: Connection, interactions: Sequence[str], now: datetime) -> OpenItems:
    keys = [key.of_interaction(each) for each in interactions]
    return open_items.load(connection, keys, now).view(keys, now, lambda: "")


def _callback_of(miss: str, items: OpenItems) -> Callback | None:
    return next((each for each in items.callbacks if each.open and miss in each.misses), None)


def told(group: Sequence[Matter], items: OpenItems, *, desk: Desk, fence: Fence) -> Change:
    """A mark for each matter, and a notice of what still holds to each who is told of it."""
    found = [(each, _entry(each, items, desk)) for each in group]
    entries = [entry for _, entry in found if entry is not None]
    line = desk.lines.get(group[0].line or "", LineTold())
    firm = replace(desk.firm, observe=True) if line.observe else desk.firm
    roll = Roll(firm=firm, post=desk.post, now=items.now, at_once=True)
    to = roll.called(group[0].tell, entries[0].file.case) if entries else ()
    notices = tuple(_delivery(each, entries, firm, desk.post, items) for each in to)
    marked = tuple(_mark(each, items, done=entry is not None and bool(to)) for each, entry in found)
    return Change(deliveries=(*marked, *notices), fence=fence, result=Told(len(entries), len(notices)))


def _entry(matter: Matter, items: OpenItems, desk: Desk) -> Entry | None:
    callback = _callback_of(matter.miss, items) if matter.miss else items.callback(matter.callback_id)
    file = survivor(callback.case_id, items.files) if callback else None
    if callback is None or file is None or not matter.holds(callback):
        return None
    contact = next((each for each in items.contacts.values() if each.id == file.case.contact_id), None)
    owner = desk.post.owner_of(callback.owner or file.case.owner, file.case.mailbox, file.case.line)
    name = name_in(file, contact.name if contact else None)
    return Entry(matter=matter, callback=callback, file=file, name=name, owner=owner)


def _mark(matter: Matter, items: OpenItems, *, done: bool) -> Delivery:
    """What says that it was told, or that there was nothing or nobody to tell."""
    return Delivery(
        id=items.new_id(),
        kind=DeliveryKind.TELLING,
        key=matter.mark,
        via=TELLINGS,
        recipient=recipient_of(matter.line or "") if matter.what is What.MISSED else "",
        payload=b"",
        created_at=items.now,
        due_at=items.now,
        state=DeliveryState.SENT if done else DeliveryState.CANCELLED,
        settled_at=items.now,
    )


def _delivery(to: Recipient, entries: Sequence[Entry], firm: Firm, post: Post, items: OpenItems) -> Delivery:
    one = entries[0] if len(entries) == 1 else None
    offers = post.call_offers(one.callback.id, acts_of(one), to.agent, items.now) if one else ()
    name = f"{entries[0].matter.mark}:{_short(to)}"
    notice = _notice(entries, offers, to, name, firm, items.now, post.board)
    match to.way:
        case Way.MAIL:
            via, payload = post.via or "", post.render(notice)
        case Way.WEBHOOK:
            via, payload = Way.WEBHOOK.value, _as_json(notice, entries, offers)
        case Way.SMS:
            via, payload = Way.SMS.value, in_short(entries, offers, firm).encode()
    return Delivery(
        id=items.new_id(),
        kind=DeliveryKind.NOTICE,
        key=name,
        via=via,
        recipient=to.address,
        payload=payload,
        created_at=items.now,
        due_at=to.opens,
        case_id=notice.case_id,
    )


def _notice(
    entries: Sequence[Entry],
    offers: Sequence[Offer],
    to: Recipient,
    name: str,
    firm: Firm,
    now: datetime,
    board: str | None,
) -> Notice:
    if len(entries) == 1:
        return about_call(
            entries[0], offers, key=name, recipient=to.address, agent=to.agent, firm=firm, now=now, board=board
        )
    return about_calls(entries, key=name, recipient=to.address, agent=to.agent, firm=firm, now=now, board=board)


def _short(to: Recipient) -> str:
    return hashlib.sha256(f"{to.way}:{to.address}".encode()).hexdigest()[:16]


def _as_json(notice: Notice, entries: Iterable[Entry], offers: Iterable[Offer]) -> bytes:
    """What a webhook gets: the notice, the calls it is about, the links."""
    calls = [
        {
            "callback": each.callback.id,
            "case": each.file.case.id,
            "state": each.callback.state.value,
            "number": each.callback.number,
            "line": each.callback.line,
            "due_at": each.callback.due_at,
        }
        for each in entries
    ]
    links = [{"label": offer.label, "url": offer.url} for offer in offers]
    said = {"subject": notice.subject, "text": notice.text, "at": notice.at, "calls": calls, "links": links}
    return orjson.dumps(said, option=orjson.OPT_UTC_Z)
