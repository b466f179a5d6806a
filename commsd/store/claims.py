"""Leases with fencing, claims of due work, checkpoints, and what is due when.

A claim is a compare-and-set; no advisory locks, no NOTIFY. What a decision settles, `log.decide` writes.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Select,
    Update,
    and_,
    bindparam,
    case,
    func,
    literal,
    not_,
    or_,
    select,
    update,
)

from commsd.core.change import Checkpoint, Fence
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState
from commsd.store import schema
from commsd.store.column import Instant
from commsd.store.lease import agreed, kept_by, lease_for
from commsd.store.log import Log
from commsd.store.pauses import is_paused
from commsd.store.rows import delivery_of
from commsd.world import World

LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


PERHAPS_SENT = timedelta(minutes=2)
"""So long an acknowledgement rests whose sender died. mail.md D4."""

UNDECIDED = timedelta(seconds=30)
"""A webhook journalled this long ago and not decided was left behind by a crash between the two commits."""


@dataclass(frozen=True, slots=True)
class DueCall:
    """A call whose timer ran out before its verdict, or whose webhook was left undecided (line "")."""

    call_sid: str
    line: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a folder is decided. enrolled_at: first seen; what lay there before is the past. moved_at: lately."""

    checkpoint: Checkpoint
    enrolled_at: datetime
    moved_at: datetime


@dataclass(frozen=True, slots=True)
class _Held:
    """A lease as we last heard of it. asked_at: when somebody wanted it last."""

    fence: Fence
    until: datetime
    asked_at: datetime


class Claims:
    """Who may do what, for how long. owner: this process, as NODE/LIFE; a node lives one life at a time."""

    def __init__(self, log: Log, world: World, owner: str) -> None:
        self._log = log
        self._world = world
        self.owner = owner
        self._held: dict[str, _Held] = {}
        self.in_hand: dict[str, float] = {}
        """Ids of deliveries this process is at, and how long its claim lasts, by `World.elapsed`. See `renew`."""

    async def lease(self, resource: str, ttl: timedelta) -> Fence | None:
        """The lease of a resource, taken or renewed; None while another holds it. A new holder gets a higher number."""
        now = self._world.now()
        fence = await self._log.writer.write(lambda connection: lease_for(connection, resource, self.owner, now, ttl))
        return Fence(resource=resource, owner=self.owner, number=fence) if fence is not None else None

    async def hold(self, resource: str, ttl: timedelta) -> Fence | None:
        """As `lease`, but the database is asked only in the last half of its time, and then for all held this way.

        So a thousand folders cost one write now and then. What was not asked for during its time is not renewed.
        """
        now = self._world.now()
        held = self._held.get(resource)
        if held and now < held.until - ttl / 2:
            self._held[resource] = replace(held, asked_at=now)
            return held.fence
        if held is None or now >= held.until:
            return self._taken(resource, await self.lease(resource, ttl), now + ttl)
        self._held[resource] = replace(held, asked_at=now)
        wanted = [name for name, known in self._held.items() if now - known.asked_at < ttl]
        kept = await self._log.writer.write(lambda connection: kept_by(connection, wanted, self.owner, now, ttl))
        for name in wanted:
            known = self._held.get(name)
            if known and kept.get(name) == known.fence.number:
                self._held[name] = replace(known, until=now + ttl)
            else:
                self.forget(name)
        renewed = self._held.get(resource)
        return renewed.fence if renewed else None

    def forget(self, resource: str) -> None:
        """Ask the database about this lease the next time."""
        self._held.pop(resource, None)

    def _taken(self, resource: str, fence: Fence | None, until: datetime) -> Fence | None:
        self.forget(resource)
        if fence is not None:
            self._held[resource] = _Held(fence, until, self._world.now())
        return fence

    async def inherit(self) -> int:
        """Take over at once what an earlier life of this node held, instead of waiting until it would have run out.

        Its leases are free, what it was sending is put back; says how many deliveries that were.
        """
        now, node = self._world.now(), self.owner.partition("/")[0]
        return await self._log.writer.write(lambda connection: _inherit(connection, node, self.owner, now))

    async def give_back(self, resource: str) -> None:
        """Let a lease end now, so that the next holder need not wait."""
        self.forget(resource)
        now = self._world.now()
        table = schema.leases
        statement = update(table).where(and_(table.c.resource == resource, table.c.owner == self.owner))
        await self._log.writer.write(lambda connection: connection.execute(statement.values(expires_at=now)))

    async def deliveries(self, vias: tuple[str, ...], limit: int, ttl: timedelta) -> tuple[Delivery, ...]:
        """Up to `limit` due deliveries of these mailboxes, oldest first, which become `sending` for this process alone.

        Each is given as counted for this attempt, in the state it had: unknown, perhaps it was sent before. One that
        was not counts a copy from now on, for a crash would leave nobody to tell.
        """
        now = self._world.now()
        return await self._log.writer.write(
            lambda connection: _claim_deliveries(connection, vias, self.owner, now, limit, ttl)
        )

    async def next_due(self, vias: tuple[str, ...]) -> datetime | None:
        """When something of these mailboxes is due next; None where nothing is owed, or all of it is paused."""
        given = {"vias": vias, "now": self._world.now()}
        return await self._log.read(lambda connection: connection.execute(_NEXT_DUE, given).scalar())

    async def one_more_copy(self, owed: Delivery) -> bool:
        """Count the copy about to be sent of what perhaps was sent before; False where the claim is no longer ours."""
        table = schema.deliveries
        ours = and_(
            table.c.id == owed.id,
            table.c.state == DeliveryState.SENDING.value,
            table.c.attempts == owed.attempts,
            table.c.claimed_by == self.owner,
        )
        statement = update(table).where(ours, table.c.copies == owed.copies).values(copies=owed.copies + 1)
        done = await self._log.writer.write(lambda connection: connection.execute(statement).rowcount)
        return done == 1

    async def taken(self, owed: Delivery, said: str, at: datetime) -> None:
        """Note that the server has it, whoever's claim it is by now: so it is never handed in again.

        said: the server's word. What follows from it, is recorded later.
        """
        row = {"taken": owed.id, "said": said, "at": at}
        await self._log.writer.write(lambda connection: connection.execute(_TAKEN, row).rowcount)

    async def unrecorded(self, before: datetime) -> tuple[Delivery, ...]:
        """What servers took before that time, and nothing is recorded to follow from it yet."""
        table = schema.deliveries
        left = and_(table.c.state == DeliveryState.TAKEN.value, table.c.settled_at < before)
        found = select(table).where(left).order_by(table.c.settled_at).limit(1000)
        return await self._log.read(
            lambda connection: tuple(delivery_of(row) for row in connection.execute(found).all())
        )

    async def due_now(self, via: str, reason: str) -> int:
        """What waits at this mailbox for this reason is due; says how many that were not yet."""
        table, now = schema.deliveries, self._world.now()
        waiting = and_(
            table.c.via == via, table.c.state.in_(_CLAIMABLE), table.c.reason == reason, table.c.due_at > now
        )
        statement = update(table).where(waiting).values(due_at=now)
        return await self._log.writer.write(lambda connection: connection.execute(statement).rowcount)

    async def any_waits(self, via: str, reason: str) -> bool:
        """Whether anything waits at this mailbox for this reason."""
        table = schema.deliveries
        waiting = and_(table.c.via == via, table.c.state.in_(_CLAIMABLE), table.c.reason == reason)
        found = select(table.c.id).where(waiting).limit(1)
        return await self._log.read(lambda connection: connection.execute(found).one_or_none()) is not None

    async def renew(self, ttl: timedelta) -> None:
        """What is in hand stays ours for so long from now on; what another has taken over is in our hand no more."""
        until, now = self._world.elapsed() + ttl.total_seconds(), self._world.now()
        if not (ours := tuple(self.in_hand)):
            return
        kept = await self._log.writer.write(
            lambda connection: _renew_deliveries(connection, ours, self.owner, now, ttl)
        )
        for each in ours:
            if each not in self.in_hand:  # settled meanwhile
                continue
            if each in kept:
                self.in_hand[each] = until
            else:
                del self.in_hand[each]

    def lasts(self, delivery_id: str, seconds: float) -> bool:
        """Whether what is in hand is ours for so long at least."""
        return self.in_hand.get(delivery_id, 0.0) - self._world.elapsed() >= seconds

    async def lost_deliveries(self) -> int:
        """Put deliveries whose sender died back in the queue: perhaps sent, so somebody has to find out."""
        now, in_hand = self._world.now(), frozenset(self.in_hand)
        return await self._log.writer.write(lambda connection: _requeue_lost(connection, self.owner, now, in_hand))

    async def progress(self, place: str) -> Progress | None:
        """How far this folder is decided; None where it was never seen."""
        table = schema.checkpoints
        row = await self._log.read(
            lambda connection: connection.execute(select(table).where(table.c.place == place)).one_or_none()
        )
        if row is None:
            return None
        point = Checkpoint(
            place=place,
            uidvalidity=row.uidvalidity,
            last_uid=row.last_uid,
            recent=tuple(row.recent or ()),
            renumbered=row.renumbered,
            stopped_at=row.stopped_at,
            account=tuple(row.account or ()),
        )
        return Progress(point, row.enrolled_at, row.moved_at)

    async def due_calls(self, now: datetime, limit: int = 50) -> tuple[DueCall, ...]:
        """Calls without a verdict whose timer is due, and those whose webhook was journalled but never decided."""
        timers, entries = schema.call_timers, schema.journal
        ringing = select(timers).where(timers.c.at <= now).order_by(timers.c.at).limit(limit)
        set_aside = select(timers.c.call_sid).where(timers.c.line == "", timers.c.at > now)  # its own time will come
        left = and_(
            ~entries.c.consumed,
            entries.c.received_at <= now - UNDECIDED,
            entries.c.call_sid.not_like("%:%"),  # texts and calls that we place have duties of their own
            entries.c.call_sid.not_in(set_aside),
        )
        forgotten = (
            select(entries.c.call_sid, func.min(entries.c.received_at).label("at"))
            .where(left)
            .group_by(entries.c.call_sid)
            .limit(limit)
        )
        due, lost = await self._log.read(lambda c: (c.execute(ringing).all(), c.execute(forgotten).all()))
        found = {row.call_sid: DueCall(row.call_sid, "", row.at) for row in lost}
        return tuple((found | {row.call_sid: DueCall(row.call_sid, row.line, row.at) for row in due}).values())

    async def due_cases(self, now: datetime, limit: int = 50) -> tuple[str, ...]:
        """Cases with a clock that must be looked at, the longest due first. At most `limit`, at least one if any is.

        Not grouped by the database: SQLite would walk every clock there ever was, by case, to find the few.
        """
        table = schema.clocks
        statement = select(table.c.case_id).where(table.c.timer_at < now).order_by(table.c.timer_at).limit(4 * limit)
        found = await self._log.read(lambda connection: connection.execute(statement).scalars().all())
        return tuple(dict.fromkeys(found))[:limit]

    async def silent_cases(self, now: datetime, limit: int = 200) -> tuple[str, ...]:
        """Open cases past the time at which they close by themselves."""
        table = schema.cases
        statement = select(table.c.id).where(and_(table.c.state == "open", table.c.closes_at <= now)).limit(limit)
        rows = await self._log.read(lambda connection: connection.execute(statement).all())
        return tuple(row.id for row in rows)

    async def lapsed_callbacks(self, now: datetime, limit: int = 200) -> tuple[str, ...]:
        """Callbacks whose claim ran out."""
        table = schema.callbacks
        lapsed = and_(table.c.state == "claimed", table.c.claimed_until <= now)
        rows = await self._log.read(lambda c: c.execute(select(table.c.id).where(lapsed).limit(limit)).all())
        return tuple(row.id for row in rows)


_CLAIMABLE = (DeliveryState.QUEUED.value, DeliveryState.UNKNOWN.value)
_SOME: BindParameter[Any] = bindparam("some", expanding=True)
_VIAS: BindParameter[Any] = bindparam("vias", expanding=True)
_NOW: BindParameter[datetime] = bindparam("now", type_=Instant)


def _prepared() -> tuple[Select[Any], Select[Any], Update]:
    """What is asked for each mail, made once: what is due when, what is ready, and that it is claimed."""
    table = schema.deliveries
    waiting = and_(table.c.state.in_(_CLAIMABLE), table.c.via.in_(_VIAS), not_(is_paused(_NOW)))
    ready = select(table).where(waiting, table.c.due_at <= _NOW).order_by(table.c.due_at).limit(bindparam("most"))
    claimed = (
        update(table)
        .where(table.c.id.in_(_SOME))
        .values(
            state=DeliveryState.SENDING.value,
            attempts=table.c.attempts + 1,
            copies=case((table.c.state == DeliveryState.QUEUED.value, table.c.copies + 1), else_=table.c.copies),
            claimed_by=bindparam("owner"),
            claimed_until=bindparam("until"),
        )
    )
    return select(func.min(table.c.due_at)).where(waiting), ready, claimed


_NEXT_DUE, _READY, _CLAIMED = _prepared()
_READY_HELD = _READY.with_for_update(skip_locked=True)


def _renew_deliveries(
    connection: Connection, ids: Sequence[str], owner: str, now: datetime, ttl: timedelta
) -> frozenset[str]:
    """Those that are still ours."""
    table, now = schema.deliveries, agreed(connection, now)
    ours = and_(table.c.id.in_(ids), table.c.state == DeliveryState.SENDING.value, table.c.claimed_by == owner)
    renewed = update(table).where(ours).values(claimed_until=now + ttl).returning(table.c.id)
    return frozenset(connection.execute(renewed).scalars())


def _inherit(connection: Connection, node: str, owner: str, now: datetime) -> int:
    leases, owed = schema.leases, schema.deliveries
    freed = and_(leases.c.owner.startswith(f"{node}/", autoescape=True), leases.c.owner != owner)
    connection.execute(update(leases).where(freed).values(expires_at=LONG_AGO))
    earlier = and_(owed.c.claimed_by.startswith(f"{node}/", autoescape=True), owed.c.claimed_by != owner)
    return _put_back(connection, earlier, now)


def _claim_deliveries(
    connection: Connection, vias: tuple[str, ...], owner: str, now: datetime, limit: int, ttl: timedelta
) -> tuple[Delivery, ...]:
    given = {"vias": vias, "now": now, "most": limit}
    found = _READY_HELD if connection.dialect.name == "postgresql" else _READY
    rows = connection.execute(found, given).all()
    if not rows:
        return ()
    mine = {"some": [row.id for row in rows], "owner": owner, "until": agreed(connection, now) + ttl}
    connection.execute(_CLAIMED, mine)
    return tuple(_counted(delivery_of(row)) for row in rows)


_TAKEN = (
    update(schema.deliveries)
    .where(
        schema.deliveries.c.id == bindparam("taken"),
        schema.deliveries.c.state.in_((*_CLAIMABLE, DeliveryState.SENDING.value)),
    )
    .values(state=DeliveryState.TAKEN.value, status_raw=bindparam("said"), settled_at=bindparam("at"))
)


def _counted(owed: Delivery) -> Delivery:
    copies = owed.copies + 1 if owed.state is DeliveryState.QUEUED else owed.copies
    return replace(owed, attempts=owed.attempts + 1, copies=copies)


def _requeue_lost(connection: Connection, owner: str, now: datetime, in_hand: frozenset[str]) -> int:
    """Those of a dead claimer: past their claim, or held by an earlier life of this process on a private database."""
    table = schema.deliveries
    dead = table.c.claimed_until <= agreed(connection, now)
    if in_hand:
        dead = and_(dead, table.c.id.not_in(in_hand))
    if connection.dialect.name == "sqlite":
        dead = or_(dead, table.c.claimed_by != owner)
    return _put_back(connection, dead, now)


def _put_back(connection: Connection, dead: ColumnElement[bool], now: datetime) -> int:
    """Perhaps sent. An acknowledgement waits, for its copy may yet come to lie in the Sent folder."""
    table = schema.deliveries
    lost = and_(table.c.state == DeliveryState.SENDING.value, dead)
    due_at = case((table.c.kind == DeliveryKind.ACK.value, literal(now + PERHAPS_SENT, Instant)), else_=now)
    done = connection.execute(
        update(table).where(lost).values(state=DeliveryState.UNKNOWN.value, due_at=due_at, claimed_by=None)
    )
    return int(done.rowcount)
