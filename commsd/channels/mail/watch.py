"""Duty: each new mail of one folder is decided once, in the order of its UID. Safe to kill anywhere.

Never the past: a folder seen for the first time begins at its end. Never a flag: folders are opened read-only.
"""

import hashlib
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import structlog

from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.intake import failed
from commsd.channels.mail.message import Message, decode
from commsd.channels.mail.reading import SENT, Reading
from commsd.channels.mail.reply import Heard
from commsd.channels.mail.session import Selected, Session
from commsd.channels.mail.wire import Fetched
from commsd.core.change import Change, Checkpoint, Fence, Original
from commsd.core.interaction import Stored
from commsd.errors import CommsdError, TryAgain
from commsd.sla.rules.in_force import Rules
from commsd.store import query
from commsd.store.claims import Claims, Progress
from commsd.store.log import Log
from commsd.store.originals import keep_original
from commsd.web.pulse import Pulse
from commsd.world import World

log = structlog.get_logger()

LEASE = timedelta(seconds=90)
LONGEST_IDLE = 45.0
"""Half a lease, so that it is renewed in time; far below the 4.5 minutes after which networks forget us."""

BATCH = 50
TEXT = 65_536
FETCH_TRIES = 3
RFC822 = "message/rfc822"
RESCAN = timedelta(hours=24)


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
    ) -> None:
        self.name = f"mail.{reading.word}.{desk.mailbox.name}"
        self._desk, self._reading, self._connect = desk, reading, connect
        self._log, self._claims, self._rules, self._world = log, claims, rules, world
        self._place = f"{desk.mailbox.name}/{reading.word}"
        self._refused: dict[int, int] = {}
        self.working = False
        self._pulse = pulse

    async def run(self) -> None:
        try:
            await self._watch()
        except CommsdError as error:
            self._pulse.fail(self._desk.mailbox.name, "mailbox", error.what)
            raise

    async def _watch(self) -> None:
        fence = await self._lease()
        session = await self._connect()
        try:
            checkpoint = await self._begin(session, fence)
            log.info("mailbox.watched", duty=self.name, idle=session.can_idle)
            while True:
                # Until nothing is new: some servers say nothing of what came between our last look and IDLE.
                while (after := await self._catch_up(session, checkpoint, fence)) != checkpoint:
                    checkpoint = after
                self._pulse.beat(self._desk.mailbox.name, "mailbox")
                await self._wait(session)
                self.working = True
                fence = await self._lease()
        finally:
            session.abort()

    async def once(self) -> bool:
        """Take what is new now; says whether there was anything."""
        fence = await self._lease()
        session = await self._connect()
        try:
            before = await self._begin(session, fence)
            return await self._catch_up(session, before, fence) != before
        finally:
            await session.close()

    async def _lease(self) -> Fence:
        fence = await self._claims.lease(self._place, LEASE)
        if fence is None:
            raise TryAgain(
                f"another node watches {self._place}", remedy="nothing to do: this node takes over when that one stops"
            )
        return fence

    async def _wait(self, session: Session) -> None:
        poll = self._desk.mailbox.poll.total_seconds()
        if session.can_idle:
            await session.idle(min(poll, LONGEST_IDLE))
        else:
            await self._world.sleep(min(poll, LONGEST_IDLE))
            await session.noop()

    async def _begin(self, session: Session, fence: Fence) -> Checkpoint:
        """Where to go on: the checkpoint; the folder's end at the first sight; a rescan where UIDs were given anew."""
        folder = self._reading.choose(self._desk, await session.folders() if self._reading is SENT else ())
        selected = await session.examine(folder)
        known = await self._claims.progress(self._place)
        if known is None:
            return await self._settle(selected, await _last_uid(session, selected), fence)
        checkpoint = known.checkpoint
        if checkpoint.uidvalidity == selected.uidvalidity and not _set_back(selected, checkpoint):
            return checkpoint
        return await self._rescan(session, selected, known, fence)

    async def _rescan(self, session: Session, selected: Selected, known: Progress, fence: Fence) -> Checkpoint:
        """The server gave UIDs anew: look again at what came since; what is known by its own key stays decided."""
        log.warning("mailbox.renumbered", duty=self.name)
        since = (known.moved_at - RESCAN).date()
        uids = await session.uids_since(since)
        start = Checkpoint(place=self._place, uidvalidity=selected.uidvalidity, last_uid=0)
        end = await _last_uid(session, selected)
        after = await self._take_all(session, uids, start, fence, since=known.enrolled_at)
        return await self._settle(selected, max(end, after.last_uid), fence)

    async def _settle(self, selected: Selected, last_uid: int, fence: Fence) -> Checkpoint:
        point = Checkpoint(place=self._place, uidvalidity=selected.uidvalidity, last_uid=last_uid)
        await self._log.decide((), lambda items: Change(checkpoint=point, fence=fence))
        return point

    async def _catch_up(self, session: Session, checkpoint: Checkpoint, fence: Fence) -> Checkpoint:
        uids = await session.uids_after(checkpoint.last_uid)
        return await self._take_all(session, uids, checkpoint, fence)

    async def _take_all(
        self,
        session: Session,
        uids: Sequence[int],
        checkpoint: Checkpoint,
        fence: Fence,
        since: datetime | None = None,
    ) -> Checkpoint:
        """Hand the mails in, in the order of their UIDs; they are committed together with whatever else waits.

        since: what came before is the past, and left alone.
        """
        for start in range(0, len(uids), BATCH):
            some = uids[start : start + BATCH]
            mails = await self._fetched(session, some)
            handed_in = [
                await self._hand_in(*await self._arrival(session, head, text), checkpoint, fence)
                for head, text in mails
                if since is None or head.internal_date is None or head.internal_date >= since
            ]
            for arrival, decided in handed_in:
                self._say(arrival, await decided)
            checkpoint = replace(checkpoint, last_uid=max(some))
        return checkpoint

    async def _fetched(self, session: Session, uids: Sequence[int]) -> list[tuple[Fetched, bytes]]:
        """The mails that are there, each with its beginning. One the server will not give does not stop the others."""
        try:
            heads = await session.headers(uids)
            texts = await session.text([head.uid for head in heads], TEXT)
            return [(head, texts[head.uid]) for head in heads if head.uid in texts]
        except TryAgain:
            if len(uids) > 1:
                return [mail for uid in uids for mail in await self._fetched(session, [uid])]
            return self._withheld(uids[0])

    def _withheld(self, uid: int) -> list[tuple[Fetched, bytes]]:
        """A mail the server refuses to give: tried again a few times, then recorded as one that cannot be read."""
        self._refused[uid] = self._refused.get(uid, 0) + 1
        if self._refused[uid] < FETCH_TRIES:
            raise TryAgain(
                f"the server does not give mail {uid} of {self._place}", remedy="nothing yet: it is asked again"
            )
        log.error("mail.withheld", duty=self.name, uid=uid)
        return [(Fetched(uid=uid, internal_date=None, size=0, flags=frozenset(), head=b""), b"")]

    async def _arrival(self, session: Session, head: Fetched, text: bytes) -> tuple[Arrival, tuple[Original, ...]]:
        """The decoded mail with its original: with the decision where it is small, kept in parts before it else."""
        message = decode(_readable(head, text), folder_date=head.internal_date or self._world.now())
        if head.size <= len(text) or len(text) < TEXT:
            kept = Original(sha256=hashlib.sha256(text).hexdigest(), media_type=RFC822, content=text)
            return self._lying(message, head, Stored(kept.sha256, RFC822, len(text))), (kept,)
        stored = await keep_original(self._log, self._world, session.whole(head.uid), RFC822)
        return self._lying(message, head, stored), ()

    def _lying(self, message: Message, head: Fetched, stored: Stored) -> Arrival:
        return Arrival(message=message, place=self._place, uid=head.uid, original=stored)

    async def _hand_in(
        self, arrival: Arrival, originals: tuple[Original, ...], checkpoint: Checkpoint, fence: Fence
    ) -> tuple[Arrival, Awaitable[Change]]:
        point = replace(checkpoint, last_uid=arrival.uid)
        settles = Change(checkpoint=point, fence=fence, originals=originals)
        desk, reading, terms = self._desk, self._reading, self._rules.terms
        behind = await self._behind(reading.heard(arrival.message, desk))
        return arrival, self._log.submit(
            (*reading.keys(arrival, desk), *behind),
            lambda items: reading.decide(arrival, items, desk, terms) + settles,
            otherwise=lambda items, error: failed(arrival, items, desk, error) + settles,
        )

    async def _behind(self, heard: Heard | None) -> tuple[str, ...]:
        """The keys an action on the case or callback is decided under, wherever it comes from."""
        if heard is None:
            return ()
        if callback_id := heard.callback_id:
            return await self._log.read(lambda connection: query.keys_of_callback(connection, callback_id))
        case_id = heard.case_id or ""
        return await self._log.read(lambda connection: query.keys_of_case(connection, case_id)) if case_id else ()

    def _say(self, arrival: Arrival, change: Change) -> None:
        for fact in change.interactions[:1]:
            log.info("mail.decided", interaction=fact.id, mailbox=self._desk.mailbox.name, result=change.result)


def _readable(head: Fetched, text: bytes) -> bytes:
    """The beginning of the mail with all of its header: what tells a person from a machine may stand far down."""
    return head.head if len(text) >= TEXT and len(head.head) > len(text) else text


async def _last_uid(session: Session, selected: Selected) -> int:
    if selected.uidnext:
        return selected.uidnext - 1
    return max(await session.uids_after(0), default=0)


def _set_back(selected: Selected, checkpoint: Checkpoint) -> bool:
    """Some servers count UIDs down without a new UIDVALIDITY. mail.md I6."""
    return bool(selected.uidnext) and selected.uidnext <= checkpoint.last_uid
