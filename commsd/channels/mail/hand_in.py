"""Mails of an open folder -> decisions in the log: fetched in batches, decoded, handed in in the order of their UIDs.

Which of them are new is for `watch`. A large mail is decided by its beginning; its bytes follow in `late_original`.
"""

import asyncio
import hashlib
from collections import deque
from collections.abc import Awaitable, Mapping, Sequence, Set
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import structlog

from commsd.channels.mail.arrival import Arrival, apart
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.intake import failed
from commsd.channels.mail.message import decode
from commsd.channels.mail.not_given import NotGiven
from commsd.channels.mail.reading import Reading
from commsd.channels.mail.reply import Heard
from commsd.channels.mail.session import Session
from commsd.channels.mail.trace import passed_at
from commsd.channels.mail.wire import Fetched
from commsd.core.change import Change, Checkpoint, Fence, Original, OwedOriginal
from commsd.core.interaction import Stored
from commsd.errors import CommsdError, Throttled, TryAgain, Unreachable
from commsd.sla.rules.in_force import Rules
from commsd.store import query
from commsd.store.log import Log
from commsd.world import World

log = structlog.get_logger()

BATCH = 50
TEXT = 65_536
READ = frozenset({"\\Seen", "\\Answered"})

ALL_IS_PAST = datetime(9999, 1, 1, tzinfo=UTC)
SLOW = 30.0
"""Seconds for one batch; a lease lasts 90. After a slower one the next is half as large."""

RFC822 = "message/rfc822"
RECENT = 50
"""So many of the last UIDs are looked at again, for clustered servers show some late. mail.md I20."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Under what a batch is handed in. moves: each decision takes the checkpoint along.

    enrolled_at: what the server had before is recorded and not acknowledged. since: what it had before is left alone.
    dates: only its date tells whether a mail is new, so that one without is the past.
    """

    fence: Fence
    enrolled_at: datetime | None
    since: datetime | None = None
    moves: bool = True
    dates: bool = False


class HandIn:
    """Takes the mails of one folder in. place: the folder's name in the log."""

    def __init__(
        self, name: str, place: str, desk: Desk, reading: Reading, log: Log, rules: Rules, world: World
    ) -> None:
        self._name, self._place = name, place
        self._desk, self._reading = desk, reading
        self._log, self._rules, self._world = log, rules, world
        self._not_given = NotGiven()
        self._size, self._undated = BATCH, 0
        self._gave: Session | None = None
        self._submitted: list[Awaitable[Change]] = []
        self.owes = True
        """There may be large mails whose bytes are still to be fetched."""

    async def take(self, session: Session, uids: Sequence[int], point: Checkpoint, term: Term) -> Checkpoint:
        """Each of these mails decided, together with whatever else waits; gives the checkpoint behind them.

        One that is not given stops only what lies so far above it that the checkpoint would forget it. Where the
        checkpoint does not move along, raises TryAgain for it at the end.
        """
        self._undated, named = 0, frozenset(uids)
        self._not_given.begin(point.uidvalidity)
        if term.moves:
            self._not_given.only(named)
        self._submitted = []
        try:
            point = await self._submit_all(session, uids, point, term)
            await self._say_all()
        except CommsdError:  # the store says then where we are: it has to know all that was submitted
            await asyncio.gather(*self._submitted, return_exceptions=True)
            raise
        if self._undated:
            log.warning("folder.undated", duty=self._name, count=self._undated)
        waits_for = self._not_given.lowest(named)
        if waits_for is not None and not term.moves:
            raise self._refusal(waits_for)
        return point

    async def _submit_all(self, session: Session, uids: Sequence[int], point: Checkpoint, term: Term) -> Checkpoint:
        named = frozenset(uids)
        crowd = deque(uid for uid in uids if not self._not_given.is_suspect(uid))
        while some := self._next(crowd, named, term):
            point = await self._submit(await self._fetched(session, some), named, point, term)
        for uid in self._not_given.suspects(uids):
            point = await self._submit(await self._alone(session, uid, point), named, point, term)
        return point

    def _next(self, crowd: deque[int], named: Set[int], term: Term) -> list[int]:
        """The next batch, taken out of the crowd; what the checkpoint may not come to yet goes out with it."""
        some: list[int] = []
        while crowd and len(some) < self._size:
            uid = crowd.popleft()
            if self._within(uid, named, term):
                some.append(uid)
        return some

    async def _submit(self, mails: Sequence[Fetched], named: Set[int], point: Checkpoint, term: Term) -> Checkpoint:
        """Queue the decisions on a batch. The next one is fetched and queued meanwhile, the one after that waits."""
        await self._say_all(but=self._size)
        for mail in mails:
            if not self._within(mail.uid, named, term):
                break
            if term.since and mail.internal_date and mail.internal_date < term.since:
                continue
            point = replace(beyond(point, mail.uid), renumbered=0)
            self._submitted.append(await self._hand_in(mail, point, term))
        return point

    async def _say_all(self, but: int = 0) -> None:
        while len(self._submitted) > but:
            self._say(await self._submitted.pop(0))

    def _within(self, uid: int, named: Set[int], term: Term) -> bool:
        """Whether the checkpoint may go there and still be so near to what is waited for that it is looked at again."""
        waits_for = self._not_given.lowest(named)
        return not term.moves or waits_for is None or uid < waits_for + RECENT

    async def _fetched(self, session: Session, uids: Sequence[int]) -> list[Fetched]:
        """The mails that are there, each with its beginning. One the server will not give does not stop the others."""
        began = asyncio.get_running_loop().time()
        try:
            came = await self._with_heads(session, await session.beginnings(uids, TEXT))
        except Throttled:
            raise
        except (TryAgain, Unreachable):
            if session.closed:
                self._not_given.died(uids, self._world.now(), proven=self._gave is session)
                self._size = max(len(uids) // 2, 1)
                raise
            if len(uids) > 1:
                return [mail for uid in uids for mail in await self._fetched(session, [uid])]
            came = {}
        slow = asyncio.get_running_loop().time() - began > SLOW
        self._size = max(len(uids) // 2, 1) if slow else min(self._size * 2, BATCH)
        return self._complete(session, uids, came)

    async def _with_heads(self, session: Session, came: Sequence[Fetched]) -> dict[int, Fetched]:
        """By UID, with the headers that do not end in the beginnings: what tells a machine may stand far down."""
        mails = {mail.uid: mail for mail in came}
        for head in await session.headers(mail.uid for mail in came if not mail.has_all_of_its_head):
            mails[head.uid] = replace(head, text=mails[head.uid].text)
        return mails

    def _complete(self, session: Session, uids: Sequence[int], came: Mapping[int, Fetched]) -> list[Fetched]:
        """Those that came whole; one that never does, by what there is of it."""
        mails = []
        for uid in uids:
            mail = came.get(uid)
            if mail and mail.text and len(mail.text) >= min(len(mail.head.rstrip()), TEXT):
                self._gave = session
                self._not_given.given(uid)
                mails.append(mail)
                continue
            self._not_given.missed(uid, self._world.now())
            if self._not_given.is_hopeless(uid, self._world.now()):
                mails.append(self._withheld(uid, mail))
        return mails

    async def _alone(self, session: Session, uid: int, point: Checkpoint) -> list[Fetched]:
        """A mail over which connections died. Another one first, so that we know whose fault it is."""
        if self._not_given.is_hopeless(uid, self._world.now()):
            return [self._withheld(uid, None)]
        known = self._not_given.lasting(point.recent)
        if self._gave is not session and known and any(mail.text for mail in await session.beginnings([known], TEXT)):
            self._gave = session
        return await self._fetched(session, [uid])

    def _withheld(self, uid: int, mail: Fetched | None) -> Fetched:
        """A mail the server will not give: decided by its header, or recorded as one that cannot be read."""
        self._not_given.given(uid)
        log.error("mail.withheld", duty=self._name, uid=uid)
        nothing = Fetched(uid=uid, internal_date=None, size=0, flags=frozenset(), head=b"")
        return replace(mail, text=b"") if mail else nothing

    def _refusal(self, uid: int) -> TryAgain:
        return TryAgain(
            f"the server does not give mail {uid} of {self._place}", remedy="nothing yet: it is asked again"
        )

    async def _hand_in(self, mail: Fetched, point: Checkpoint, term: Term) -> Awaitable[Change]:
        kept = self._original(mail)
        arrival = self._arrival(mail, kept, point, term)
        settles = Change(checkpoint=point if term.moves else None, fence=term.fence, originals=(kept,) if kept else ())
        owed = OwedOriginal(interaction_id="", place=self._place, uidvalidity=point.uidvalidity, uid=mail.uid)
        later = owed if kept is None and self._reading.keeps else None
        desk, reading, terms = self._desk, self._reading, self._rules.terms
        behind = await self._behind(reading.heard(arrival.message, desk))
        return self._log.submit(
            (*reading.keys(arrival, desk), *behind),
            lambda items: _with_owed(reading.decide(arrival, items, desk, terms), later) + settles,
            otherwise=lambda items, error: _with_owed(failed(arrival, items, desk, error), later) + settles,
        )

    def _original(self, mail: Fetched) -> Original | None:
        """The whole mail, where its beginning is all of it. RFC822.SIZE is an estimate on Exchange."""
        text = mail.text
        if not self._reading.keeps or (mail.size > len(text) and (len(text) >= TEXT or not text)):
            return None
        return Original(sha256=hashlib.sha256(text).hexdigest(), media_type=RFC822, content=text)

    def _arrival(self, mail: Fetched, kept: Original | None, point: Checkpoint, term: Term) -> Arrival:
        readable = mail.head if len(mail.head) > len(mail.text) else mail.text
        message = decode(readable, folder_date=mail.internal_date or self._world.now())
        if mail.internal_date is None and (passed := passed_at(message)):
            message = replace(message, received_at=min(passed, message.received_at))
        if mail.server_id:
            server_key = hashlib.sha256(f"server\n{self._desk.mailbox.name}\n{mail.server_id}".encode()).hexdigest()
            message = replace(message, server_key=server_key)
        enrolled_at = None if self._reading.past else term.enrolled_at
        if term.dates and mail.internal_date is None and not passed_at(message):
            self._undated += 1
            enrolled_at = ALL_IS_PAST
        arrival = Arrival(
            message=message,
            place=self._place,
            uid=mail.uid,
            original=Stored(kept.sha256, RFC822, len(mail.text)) if kept else None,
            enrolled_at=enrolled_at,
            read=not mail.flags.isdisjoint(READ),
        )
        return apart(arrival, point.uidvalidity)

    async def _behind(self, heard: Heard | None) -> tuple[str, ...]:
        """The keys an action on the case or callback is decided under, wherever it comes from."""
        if heard is None:
            return ()
        if callback_id := heard.callback_id:
            return await self._log.read(lambda connection: query.keys_of_callback(connection, callback_id))
        case_id = heard.case_id or ""
        return await self._log.read(lambda connection: query.keys_of_case(connection, case_id)) if case_id else ()

    def _say(self, change: Change) -> None:
        self.owes = self.owes or bool(change.owed_originals)
        for fact in change.interactions[:1]:
            log.info("mail.decided", interaction=fact.id, mailbox=self._desk.mailbox.name, result=change.result)


def beyond(point: Checkpoint, uid: int) -> Checkpoint:
    """The checkpoint once this UID is decided, be it the next one or one that showed up late."""
    last = max(point.last_uid, uid)
    recent = tuple(sorted({known for known in (*point.recent, uid) if known > last - RECENT}))
    return replace(point, last_uid=last, recent=recent)


def _with_owed(change: Change, owed: OwedOriginal | None) -> Change:
    fact = next((fact for fact in change.interactions if fact.revision == 1 and fact.original is None), None)
    if owed is None or fact is None:
        return change
    return change + Change(owed_originals=(replace(owed, interaction_id=fact.id),))
