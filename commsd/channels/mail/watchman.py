"""Duty: is every mailbox read and does every one send? What fell or rose becomes an event and a notice, once each.

It looks from outside at what the other duties leave behind: when each folder was last read through, what waits to
leave, which heartbeat did not come round. One node judges at a time; all show what was judged. What is wrong is decided
in `core.channel_state`, who is told what in `sla.notice.alarm`.
"""

from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import partial

import structlog

from commsd.channels.mail.account import Mailbox
from commsd.channels.mail.heartbeat import KEPT, beats
from commsd.core import key
from commsd.core.change import Change, Fence
from commsd.core.channel_state import (
    MAILBOX,
    Folder,
    Login,
    Sight,
    Standing,
    after,
    causes,
    turned,
)
from commsd.core.event import Event
from commsd.core.firm import Firm
from commsd.core.interaction import Delivery, DeliveryState
from commsd.core.open_items import OpenItems
from commsd.errors import LeaseLost
from commsd.sla.notice.alarm import AGAIN, ALARMS, SPACED, Exits, alarms, having_told, passed_on, to_tell
from commsd.store import channel_states
from commsd.store.channel_states import Progress, Seen, look
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.web.pulse import Pulse
from commsd.world import World

log = structlog.get_logger()

TICK = 10.0
LEASE = timedelta(seconds=60)
NOTED = timedelta(seconds=30)
"""So often at most it is written down when each folder was read."""

FRESH = timedelta(seconds=60)
"""What was judged longer ago is not known any more."""

_EVER = datetime.min.replace(tzinfo=UTC)

Logins = Callable[[], Awaitable[Mapping[str, Login]]]
"""How the OAuth login of each mailbox that has one stands."""

Key = tuple[str, str]


async def no_logins() -> Mapping[str, Login]:
    """Nobody logs in by OAuth."""
    return {}


@dataclass(slots=True)
class Watchman:
    """Judge every channel, again and again. heartbeat: whether mailboxes write to themselves."""

    mailboxes: Mapping[str, Mailbox]
    unread_for: timedelta
    heartbeat: bool
    exits: Exits
    firm: Firm
    log: Log
    claims: Claims
    world: World
    pulse: Pulse
    logins: Logins = no_logins
    name: str = "alarms.watchman"
    _started_at: datetime = field(init=False)
    _well_at: datetime | None = None
    _noted: dict[str, datetime | None] = field(default_factory=dict)
    _noted_at: datetime | None = None

    def __post_init__(self) -> None:
        self._started_at = self.world.now()

    async def run(self) -> None:
        while True:
            await self.once()
            await self.world.sleep(TICK)

    async def once(self) -> bool:
        """Look at every channel and say what changed; says whether anything did, or anybody was told."""
        now = self.world.now()
        await self._note(now)
        seen = await self._read(now)
        self._hear(seen)
        sights = self._sights(seen, await self.logins())
        fence = await self.claims.lease(self.name, LEASE)
        if fence is None:
            ours = {(sight.channel, sight.kind) for sight in sights}
            self._show([each for each in seen.standings.values() if each.key in ours], sights, seen, now)
            return False
        standings = [self._judged(sight, seen, now) for sight in sights]
        changed = await self._settle(standings, seen, fence, now)
        self._show(standings, sights, seen, now)
        return changed

    @property
    def well(self) -> bool:
        """Whether all of it did its work when it was looked at, just now."""
        return self._well_at is not None and self.world.now() - self._well_at <= FRESH

    def _judged(self, sight: Sight, seen: Seen, now: datetime) -> Standing:
        before = seen.standings.get((sight.channel, sight.kind))
        # A start, which a reload is too, keeps what works from an alarm; it says nothing good of what does not.
        started_at = _EVER if before and before.degraded else self._started_at
        found = causes(sight, now, self.unread_for, started_at)
        return after(before, sight, found, now, self.world.new_id)

    # --- what is seen

    async def _read(self, now: datetime) -> Seen:
        sending = tuple(name for name, box in self.mailboxes.items() if box.smtp)
        beating = tuple(name for name in sending if beats(self.mailboxes[name])) if self.heartbeat else ()
        late, stuck = now - self.unread_for, now - SPACED
        read = partial(look, sending=sending, beating=beating, now=now, late=late, beats_since=now - KEPT)
        return await self.log.read(lambda c: read(c, stuck=channel_states.stuck(c, ALARMS, AGAIN, stuck)))

    async def _note(self, now: datetime) -> None:
        """Write down when each folder of this node was read; a new one at once, for from then on it is missed."""
        read = {_place(key, part): known.last_success for key, part, known in self.pulse.parts() if key[1] == MAILBOX}
        fresh = {place: at for place, at in read.items() if place not in self._noted or self._noted[place] != at}
        unknown = any(place not in self._noted for place in fresh)
        if not fresh or not (unknown or self._noted_at is None or now - self._noted_at >= NOTED):
            return
        ids = [self.world.new_id() for _ in fresh]
        await self.log.writer.write(lambda c: channel_states.note_folders(c, fresh, now, ids))
        self._noted.update(fresh)
        self._noted_at = now

    def _hear(self, seen: Seen) -> None:
        """What another node reads is read."""
        for (name, kind), part, known in list(self.pulse.parts()):
            told = seen.folders.get(_place((name, kind), part)) if kind == MAILBOX else None
            if told and told.read_at and told.read_at > known.since:
                self.pulse.worked_elsewhere(name, kind, part, told.read_at)

    def _sights(self, seen: Seen, logins: Mapping[str, Login]) -> list[Sight]:
        found: dict[Key, Sight] = {}
        for key_, part, known in self.pulse.parts():
            name, kind = key_
            before = found.get(key_) or self._sight(name, kind, seen, logins)
            if kind == MAILBOX:
                place = _place(key_, part)
                kept = seen.folders.get(place) or Progress(known.since)
                times = [at for at in (known.last_success, kept.read_at) if at]
                folder = Folder(
                    place=place,
                    since=kept.since,
                    inbox=part in ("", "watch"),
                    read_at=max(times, default=None),
                    stopped_at=kept.stopped_at,
                    undecided_since=self.pulse.undecided_since(key_, part),
                    failing_since=known.failing_since,
                )
                found[key_] = replace(before, folders=(*before.folders, folder))
            else:
                since = [at for at in (before.failing_since, known.failing_since) if at]
                found[key_] = replace(before, failing_since=min(since, default=None))
        return [found[key_] for key_ in sorted(found)]

    def _sight(self, name: str, kind: str, seen: Seen, logins: Mapping[str, Login]) -> Sight:
        if kind != MAILBOX:
            return Sight(channel=name, kind=kind)
        beat = seen.beats.get(name)
        return Sight(
            channel=name,
            kind=kind,
            outgoing=seen.outgoing.get(name),
            login=logins.get(name),
            heartbeat=beat.waiting if beat else None,
        )

    # --- what is said

    async def _settle(self, standings: Sequence[Standing], seen: Seen, fence: Fence, now: datetime) -> bool:
        """Commit what changed with its events and notices. A lease lost meanwhile: then another node says it."""
        changed = [each for each in standings if not _same(each, seen.standings.get(each.key))]
        fallen_or_risen = turned(seen.standings, changed)
        telling = to_tell(standings, now)
        if not (changed or telling or seen.stuck):
            return False
        broken = tuple(each.record.channel for each in standings if each.degraded)
        decide = partial(self._decided, changed, fallen_or_risen, telling, seen.stuck, broken, fence)
        try:
            await self.log.decide([key.of_delivery(each.id) for each in seen.stuck], decide)
        except LeaseLost:
            return False
        for each in fallen_or_risen:
            _say(each)
        return bool(fallen_or_risen or telling)

    def _decided(
        self,
        changed: Sequence[Standing],
        fallen_or_risen: Sequence[Standing],
        telling: Sequence[Standing],
        stuck: Sequence[Delivery],
        broken: Sequence[str],
        fence: Fence,
        items: OpenItems,
    ) -> Change:
        told = {each.key: having_told(each, items.now) for each in telling}
        said = {each.key: words for each in telling if (words := self.pulse.said(*each.key)) and each.degraded}
        return Change(
            channels=tuple({**{each.key: each for each in changed}, **told}.values()),
            events=tuple(_event(each) for each in fallen_or_risen),
            deliveries=(
                *(alarms([told[each.key] for each in telling], said, items, self.firm, self.exits) if telling else ()),
                *self._by_another_way(stuck, broken, items),
            ),
            fence=fence,
        )

    def _by_another_way(self, stuck: Sequence[Delivery], broken: Sequence[str], items: OpenItems) -> Iterator[Delivery]:
        """Alarms that a mailbox does not get rid of leave by another, where there is one."""
        for each in stuck:
            owed = items.deliveries.get(each.id, each)
            post = self.exits.alive((*broken, owed.via), besides=(owed.via,))
            if post.via is None or post.via == owed.via or owed.state is DeliveryState.SENT:
                continue
            yield passed_on(owed, post, items)
            if owed.state is DeliveryState.QUEUED:
                yield replace(owed, state=DeliveryState.CANCELLED, reason="passed-on", settled_at=items.now)

    def _show(self, standings: Sequence[Standing], sights: Sequence[Sight], seen: Seen, now: datetime) -> None:
        metrics = self.pulse.metrics
        degraded = {each.key: each.record.reason or "" for each in standings if each.degraded}
        self.pulse.judge(degraded)
        for sight in sights:
            if sight.folders:
                metrics.unread_age.labels(channel=sight.channel).set(sight.unread_for(now).total_seconds())
        for name, beat in seen.beats.items():
            if beat.back:
                metrics.heartbeat_age.labels(channel=name).set((now - beat.back).total_seconds())
        deaf = any(causes(sight, now, self.unread_for, _EVER) for sight in sights)
        if not degraded and not deaf:
            self._well_at = now


def _place(key_: Key, part: str) -> str:
    return f"{key_[0]}/{part}" if part else key_[0]


def _same(one: Standing, other: Standing | None) -> bool:
    """Whether there is nothing to write: when it last worked is written with whatever else changes."""
    if other is None:
        return False
    return replace(one, record=replace(one.record, last_success_at=other.record.last_success_at)) == other


def _event(standing: Standing) -> Event:
    word = "degraded" if standing.degraded else "recovered"
    return Event(f"channel.{word}", standing.record, standing.record.since, "machine")


def _say(standing: Standing) -> None:
    record = standing.record
    if standing.degraded:
        log.warning("channel.degraded", channel=record.channel, kind=record.kind, reason=record.reason)
    else:
        log.info("channel.recovered", channel=record.channel, kind=record.kind)
