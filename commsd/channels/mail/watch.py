"""Duty: each new mail of one folder is decided once, in the order of its UID. Safe to kill anywhere.

Never the past: a folder seen for the first time begins at its end. Never a flag: folders are opened read-only. What is
made of a mail stands in `reading`, how it gets into the log in `hand_in`.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial

import structlog

from commsd.channels.mail.account import Mailbox
from commsd.channels.mail.backfill import Backfill
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.enrolment import Enrolment, Same
from commsd.channels.mail.folder import Folder
from commsd.channels.mail.hand_in import RECENT, HandIn, Term, beyond
from commsd.channels.mail.late_original import LateOriginals
from commsd.channels.mail.reading import Reading
from commsd.channels.mail.session import Selected, Session
from commsd.core.change import Change, Checkpoint, Fence
from commsd.errors import CommsdError, Elsewhere, NotFound, TryAgain
from commsd.sla.rules.in_force import Rules
from commsd.store import enrolment
from commsd.store.claims import Claims, Progress
from commsd.store.log import Log
from commsd.web.pulse import Pulse
from commsd.world import World

log = structlog.get_logger()

LEASE = timedelta(seconds=90)
LONGEST_IDLE = 45.0
"""Half a lease, so that it is renewed in time; far below the 4.5 minutes after which networks forget us. mail.md I2."""

RESCAN = timedelta(hours=24)
RENUMBERINGS = 5
LOOKS_AGAIN = timedelta(minutes=2)
"""For a folder that is not there: somebody may make it."""

REST = timedelta(hours=1)
"""So long a folder is left alone whose UIDs do not hold, and so long they have to hold to be trusted. mail.md I6."""


class FolderStopped(CommsdError):
    """A folder whose UIDs change all the time, so that nobody could say what is new."""


class Watch:
    """Take each new mail of one folder once."""

    def __init__(
        self,
        desk: Desk,
        reading: Reading,
        connect: Callable[[], Awaitable[Session]],
        log: Log,
        claims: Claims,
        rules: Rules,
        world: World,
        pulse: Pulse,
        configured: Mapping[str, Mailbox] | None = None,
    ) -> None:
        self.name = f"mail.{reading.word}.{desk.mailbox.name}"
        self._desk, self._reading, self._connect = desk, reading, connect
        self._log, self._claims, self._world, self._pulse = log, claims, world, pulse
        self._place = f"{desk.mailbox.name}/{reading.word}"
        self._hand_in = HandIn(self.name, self._place, desk, reading, log, rules, world)
        self._late = LateOriginals(self.name, self._place, log, world)
        self._backfill = Backfill(self.name, self._place, self._hand_in, log, world)
        self._enrolment = Enrolment(self.name, desk.mailbox, reading, configured, log, claims)
        self._known: Progress | None = None
        self._opened: tuple[Session, Folder | str] | None = None
        self._absent_at: datetime | None = None
        self._numbered: Session | None = None
        self._idles = True
        self.working = False
        pulse.watch(desk.mailbox.name, "mailbox", reading.word)

    async def run(self) -> None:
        try:
            await self._watch()
        except CommsdError as error:
            self.fail(error)
            raise

    async def _watch(self) -> None:
        fence = await self._lease()
        session = await self._connect()
        try:
            if not await self._begin(session, fence):
                raise TryAgain(f"there is no folder for {self._place} yet", remedy="nothing: it is looked for again")
            log.info("mailbox.watched", duty=self.name, idle=session.can_idle)
            while True:
                await self._catch_up(session)
                self.working = True
                self._pulse.beat(self._desk.mailbox.name, "mailbox", self._reading.word)
                await self._wait(session)
        finally:
            self._forget()
            session.abort()

    async def once(self) -> bool:
        """Take what is new now; says whether there was anything."""
        session = await self._connect()
        try:
            return await self.look(session)
        finally:
            await session.close()

    async def look(self, session: Session) -> bool:
        """One turn over a session others use too; says whether there was anything. No folder yet: nothing in it."""
        try:
            there = await self._begin(session, await self._lease())
            found = there and await self._catch_up(session)
        except BaseException:
            self._forget()
            raise
        self._pulse.beat(self._desk.mailbox.name, "mailbox", self._reading.word)
        return found

    def _forget(self) -> None:
        """After a failure nothing is taken for known: the store says where we are and whose the folder is."""
        self._claims.forget(self._place)
        self._known = None

    def fail(self, error: CommsdError) -> None:
        """It did not work: told to whoever looks after the mailbox."""
        self._pulse.fail(self._desk.mailbox.name, "mailbox", error.what, self._reading.word)

    async def _lease(self) -> Fence:
        fence = await self._claims.hold(self._place, LEASE)
        if fence is None:
            raise Elsewhere(
                f"another node watches {self._place}", remedy="nothing to do: this node takes over when that one stops"
            )
        return fence

    async def _wait(self, session: Session) -> None:
        """Until something comes, for a while at most; by asking now and then where the server does not tell."""
        seconds = min(self._desk.mailbox.poll.total_seconds(), LONGEST_IDLE)
        if session.can_idle and self._idles:
            try:
                await session.idle(seconds)
                return
            except TryAgain:
                if session.closed:
                    raise
                self._idles = False  # it offers what it does not do
        await self._world.sleep(seconds)
        await session.noop()

    # --- where to go on

    async def _begin(self, session: Session, fence: Fence) -> bool:
        """Opens the folder and finds where to go on: at the checkpoint; at the folder's end when it is first seen;
        after a rescan where UIDs were given anew. False: there is no such folder."""
        selected = await self._open(session)
        if selected is None:
            return False
        known = self._known or await self._enrolment.progress()
        if known is None:
            await self._backfill.owe(self._desk.mailbox.backfill, selected)
            # Made since we looked for it in vain: all that lies in it is new.
            empty = beyond(self._point_at(selected, 0), 0)
            await self._settle(empty if self._absent_at else await self._end_of(session, selected), fence)
        elif self._enrolment.same(known) is Same.MOVED:
            log.warning("mailbox.other_host", duty=self.name)
            await self._rescan(session, selected, known, fence)
        elif self._means_the_same(selected, known.checkpoint, session):
            await self._go_on(session, known, fence)
        else:
            await self._rescan(session, selected, known, fence)
        self._numbered = session
        return True

    def _means_the_same(self, selected: Selected, point: Checkpoint, session: Session) -> bool:
        """Whether a UID is the mail it was. Without a UIDVALIDITY it is so within one session only; and some servers
        count UIDs down without a new one. mail.md I6."""
        if selected.uidnext and selected.uidnext <= point.last_uid:
            return False
        return point.uidvalidity == selected.uidvalidity and bool(selected.uidvalidity or self._numbered is session)

    async def _open(self, session: Session) -> Selected | None:
        if self._opened is None or self._opened[0] is not session:
            if self._absent_at and self._world.now() - self._absent_at < LOOKS_AGAIN:
                return None
            folder = self._reading.choose(self._desk, await session.folders() if self._reading.lists else ())
            if folder is None:
                self._is_absent()
                return None
            self._opened = session, folder
        try:
            return await session.examine(self._opened[1])
        except NotFound:
            self._opened = None
            raise

    def _is_absent(self) -> None:
        if self._absent_at is None and self._reading.missed:
            log.warning("folder.absent", duty=self.name, remedy=self._reading.missed)
        self._absent_at = self._world.now()

    async def _end_of(self, session: Session, selected: Selected) -> Checkpoint:
        """The checkpoint at the end of the folder. `recent` is never empty then, so that it tells what it knows."""
        end = selected.uidnext - 1 if selected.uidnext else max(await session.uids_after(0), default=0)
        return await self._with_recent(session, self._point_at(selected, end))

    def _point_at(self, selected: Selected, uid: int) -> Checkpoint:
        account = self._enrolment.account
        return Checkpoint(place=self._place, uidvalidity=selected.uidvalidity, last_uid=uid, account=account)

    async def _with_recent(self, session: Session, point: Checkpoint) -> Checkpoint:
        there = await session.uids_from(max(point.last_uid - RECENT + 1, 1))
        for uid in (*(uid for uid in there if uid <= point.last_uid), point.last_uid):
            point = beyond(point, uid)
        return point

    async def _go_on(self, session: Session, known: Progress, fence: Fence) -> None:
        point = known.checkpoint
        if not point.recent:  # written by a version that did not keep them
            point = await self._with_recent(session, point)
        held = abs(self._world.now() - known.moved_at) > REST
        if point.stopped_at or (point.renumbered and held):
            log.info("mailbox.steady", duty=self.name)
            await self._settle(replace(point, renumbered=0, stopped_at=None), fence)
        elif point.account != self._enrolment.account:
            await self._settle(replace(point, account=self._enrolment.account), fence)
        else:
            self._known = replace(known, checkpoint=point)

    async def _rescan(self, session: Session, selected: Selected, known: Progress, fence: Fence) -> None:
        """UIDs were given anew, or mean nothing: look again at what came since; what is known by its own key stays
        decided. The checkpoint moves at the end, so that a crash begins anew."""
        before, resting = known.checkpoint, known.checkpoint.stopped_at
        if resting and abs(self._world.now() - resting) < REST:
            raise self._stopped()
        times = 0
        if selected.uidvalidity:  # a server that never says it is no server that changes it
            times = 1 if abs(self._world.now() - known.moved_at) > REST else before.renumbered + 1
            log.warning("mailbox.renumbered", duty=self.name, count=times)
        if times >= RENUMBERINGS and not resting:
            log.error("mailbox.stopped", duty=self.name, count=times)
            await self._settle(replace(before, renumbered=times, stopped_at=self._world.now()), fence)
            raise self._stopped()
        # The end first: what comes between the two searches is then above it, and new.
        end = await self._end_of(session, selected)
        enrolled_at = min(known.enrolled_at, self._world.now())
        since = known.moved_at if known.moved_at <= self._world.now() else enrolled_at
        uids = await session.uids_since((since - RESCAN).date())
        term = Term(fence=fence, enrolled_at=enrolled_at, since=enrolled_at, moves=False, dates=True)
        await self._hand_in.take(session, uids, replace(end, last_uid=0, recent=()), term)
        for uid in uids:
            end = beyond(end, uid)
        await self._settle(replace(end, renumbered=times), fence)

    def _stopped(self) -> FolderStopped:
        return FolderStopped(
            f"the server gave UIDs of {self._place} anew {RENUMBERINGS} times in a row: it is left alone for an hour",
            remedy="ask the operator of that server why UIDVALIDITY changes; mail waits there meanwhile",
        )

    async def _settle(self, point: Checkpoint, fence: Fence) -> None:
        await self._log.decide((), lambda items: Change(checkpoint=point, fence=fence))
        self._known = await self._claims.progress(self._place)

    # --- what is new

    async def _catch_up(self, session: Session) -> bool:
        """Until nothing is new: some servers say nothing of what came between our last look and IDLE."""
        found = False
        while await self._take_new(session):
            found = True
        if self._progress.enrolled_at > self._world.now():
            log.warning("mailbox.enrolled_ahead", duty=self.name)
            now = self._world.now()
            await self._log.writer.write(partial(enrolment.enrol_now, place=self._place, now=now))
            self._known = replace(self._progress, enrolled_at=now)
        if self._hand_in.owes:
            await self._late.fetch(session, self._point.uidvalidity, lambda: self._take_new(session))
            self._hand_in.owes = False
        if self._backfill.owed is not False:
            await self._backfill.go_on(session, self._point, await self._lease(), lambda: self._take_new(session))
        return found

    async def _take_new(self, session: Session) -> bool:
        """Take what is above the checkpoint, and what showed up late below it; says whether there was anything."""
        known, fence = self._progress, await self._lease()
        point = known.checkpoint
        there = await session.uids_from(max(point.last_uid - RECENT + 1, 1))
        uids = [uid for uid in there if uid not in point.recent]
        if not uids:
            return False
        # Enrolled in the future: the clock was ahead. When the folder was seen first nobody knows, but its end was.
        ahead = known.enrolled_at > self._world.now()
        term = Term(fence=fence, enrolled_at=None if ahead else known.enrolled_at)
        after = await self._hand_in.take(session, uids, point, term)
        self._known = replace(known, checkpoint=after)
        return after != point

    @property
    def _progress(self) -> Progress:
        assert self._known is not None, "_begin comes first"
        return self._known

    @property
    def _point(self) -> Checkpoint:
        return self._progress.checkpoint
