"""Mails of an open folder -> decisions in the log: fetched in batches, decoded, handed in in the order of their UIDs.

Which of them are new is for `watch`. A large mail is decided by its beginning; its bytes follow in `late_original`.
"""

import hashlib
from collections.abc import Awaitable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import structlog

from commsd.channels.mail.arrival import Arrival, apart
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.intake import failed
from commsd.channels.mail.message import decode
from commsd.channels.mail.reading import Reading
from commsd.channels.mail.reply import Heard
from commsd.channels.mail.session import Session
from commsd.channels.mail.wire import Fetched
from commsd.core.change import Change, Checkpoint, Fence, Original, OwedOriginal
from commsd.core.interaction import Stored
from commsd.errors import Throttled, TryAgain
from commsd.sla.rules.in_force import Rules
from commsd.store import query
from commsd.store.log import Log
from commsd.world import World

log = structlog.get_logger()

BATCH = 50
TEXT = 65_536
FETCH_TRIES = 3
RFC822 = "message/rfc822"
RECENT = 50
"""So many of the last UIDs are looked at again, for clustered servers show some late. mail.md I20."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Term:
    """Under what a batch is handed in. moves: each decision takes the checkpoint along.

    enrolled_at: what the server had before is recorded and not acknowledged. since: what it had before is left alone.
    """

    fence: Fence
    enrolled_at: datetime | None
    since: datetime | None = None
    moves: bool = True


class HandIn:
    """Takes the mails of one folder in. place: the folder's name in the log."""

    def __init__(
        self, name: str, place: str, desk: Desk, reading: Reading, log: Log, rules: Rules, world: World
    ) -> None:
        self._name, self._place = name, place
        self._desk, self._reading = desk, reading
        self._log, self._rules, self._world = log, rules, world
        self._refused: dict[int, int] = {}
        self.owes = True
        """There may be large mails whose bytes are still to be fetched."""

    async def take(self, session: Session, uids: Sequence[int], point: Checkpoint, term: Term) -> Checkpoint:
        """Each of these mails decided, together with whatever else waits; gives the checkpoint behind them."""
        for start in range(0, len(uids), BATCH):
            some = uids[start : start + BATCH]
            handed_in = []
            for head, text in await self._fetched(session, some):
                if term.since and head.internal_date and head.internal_date < term.since:
                    continue
                point = replace(beyond(point, head.uid), renumbered=0)
                handed_in.append(await self._hand_in(head, text, point, term))
            for decided in handed_in:
                self._say(await decided)
            point = replace(point, last_uid=max(point.last_uid, *some))
        return point

    async def _fetched(self, session: Session, uids: Sequence[int]) -> list[tuple[Fetched, bytes]]:
        """The mails that are there, each with its beginning. One the server will not give does not stop the others."""
        try:
            heads = await session.headers(uids)
            texts = await session.text([head.uid for head in heads], TEXT)
            return [(head, texts[head.uid]) for head in heads if head.uid in texts]
        except Throttled:
            raise
        except TryAgain:
            if session.closed:
                raise
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
        log.error("mail.withheld", duty=self._name, uid=uid)
        return [(Fetched(uid=uid, internal_date=None, size=0, flags=frozenset(), head=b""), b"")]

    async def _hand_in(self, head: Fetched, text: bytes, point: Checkpoint, term: Term) -> Awaitable[Change]:
        kept = self._original(head, text)
        arrival = self._arrival(head, text, kept, point, term)
        settles = Change(checkpoint=point if term.moves else None, fence=term.fence, originals=(kept,) if kept else ())
        owed = OwedOriginal(interaction_id="", place=self._place, uidvalidity=point.uidvalidity, uid=head.uid)
        later = owed if kept is None and self._reading.keeps else None
        desk, reading, terms = self._desk, self._reading, self._rules.terms
        behind = await self._behind(reading.heard(arrival.message, desk))
        return self._log.submit(
            (*reading.keys(arrival, desk), *behind),
            lambda items: _with_owed(reading.decide(arrival, items, desk, terms), later) + settles,
            otherwise=lambda items, error: _with_owed(failed(arrival, items, desk, error), later) + settles,
        )

    def _original(self, head: Fetched, text: bytes) -> Original | None:
        """The whole mail, where its beginning is all of it. RFC822.SIZE is an estimate on Exchange."""
        if not self._reading.keeps or (head.size > len(text) and len(text) >= TEXT):
            return None
        return Original(sha256=hashlib.sha256(text).hexdigest(), media_type=RFC822, content=text)

    def _arrival(self, head: Fetched, text: bytes, kept: Original | None, point: Checkpoint, term: Term) -> Arrival:
        message = decode(_readable(head, text), folder_date=head.internal_date or self._world.now())
        if head.server_id:
            server_key = hashlib.sha256(f"server\n{self._desk.mailbox.name}\n{head.server_id}".encode()).hexdigest()
            message = replace(message, server_key=server_key)
        original = Stored(kept.sha256, RFC822, len(text)) if kept else None
        enrolled_at = None if self._reading.past else term.enrolled_at
        arrival = Arrival(message=message, place=self._place, uid=head.uid, original=original, enrolled_at=enrolled_at)
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


def _readable(head: Fetched, text: bytes) -> bytes:
    """The beginning of the mail with all of its header: what tells a person from a machine may stand far down."""
    return head.head if len(text) >= TEXT and len(head.head) > len(text) else text
