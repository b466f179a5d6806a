"""The past of a folder, recorded silently at the first start where `start = "backfill:30d"` asks for it.

Nothing of it is acknowledged and no clock starts. What is still to do is a note, so that a restart goes on; what comes
in meanwhile comes first.
"""

import hashlib
from collections.abc import Awaitable, Callable
from datetime import datetime, timedelta
from functools import partial

import structlog

from commsd.channels.mail.hand_in import ALL_IS_PAST, BATCH, HandIn, Term
from commsd.channels.mail.session import Selected, Session
from commsd.core.change import Checkpoint, Fence
from commsd.store import notes
from commsd.store.log import Log
from commsd.world import World

log = structlog.get_logger()

TELL_EVERY = 1000


class Backfill:
    """That of one folder. owed: None until the note was looked for."""

    def __init__(self, name: str, place: str, hand_in: HandIn, log: Log, world: World) -> None:
        self._name, self._hand_in, self._log, self._world = name, hand_in, log, world
        self._note = f"backfill:{hashlib.sha256(place.encode()).hexdigest()[:40]}"
        self.owed: bool | None = None

    async def owe(self, span: timedelta, selected: Selected) -> None:
        """Write down, before the folder is enrolled, that this much of its past is wanted."""
        if not span or not selected.exists:
            return
        since = self._world.now() - span
        await self._write({"since": since.isoformat(), "uidvalidity": selected.uidvalidity, "above": 0})
        self.owed = True

    async def go_on(
        self, session: Session, point: Checkpoint, fence: Fence, meanwhile: Callable[[], Awaitable[object]]
    ) -> None:
        """Record what is left of it, a batch at a time. point: where the folder is; above it nothing is past."""
        note = await self._log.read(lambda connection: notes.read(connection, self._note))
        self.owed = bool(note)
        if not isinstance(note, dict) or not note:
            return
        since = datetime.fromisoformat(note["since"])
        above = note["above"] if note["uidvalidity"] == point.uidvalidity else 0
        last = note.get("last", point.last_uid) if above else point.last_uid
        left = [uid for uid in await session.uids_since(since.date()) if above < uid <= last]
        term = Term(fence=fence, enrolled_at=ALL_IS_PAST, since=since, moves=False)
        for start in range(0, len(left), BATCH):
            some = left[start : start + BATCH]
            await self._hand_in.take(session, some, point, term)
            await self._write({**note, "uidvalidity": point.uidvalidity, "above": some[-1], "last": last})
            if start // TELL_EVERY != (start + BATCH) // TELL_EVERY:
                log.info("mailbox.backfilling", duty=self._name, count=start + len(some), left=len(left) - start)
            await meanwhile()
        await self._write({})
        self.owed = False
        log.info("mailbox.backfilled", duty=self._name, count=len(left))

    async def _write(self, note: dict[str, object]) -> None:
        await self._log.writer.write(partial(notes.write, name=self._note, value=note))
