"""A look at the INBOX from the account's other connection: does a mail lie there that nobody takes up?

Whoever watches the INBOX says himself when he has read it through; this does not believe him. It decides nothing.
"""

from datetime import datetime, timedelta

from commsd.channels.mail.desk import Desk
from commsd.channels.mail.reading import Reading
from commsd.channels.mail.session import Session
from commsd.errors import CommsdError
from commsd.store.claims import Claims
from commsd.web.pulse import Pulse
from commsd.world import World

EVERY = timedelta(minutes=2)


class Lookout:
    """Compare what lies in a folder with what is decided, every two minutes."""

    def __init__(self, desk: Desk, reading: Reading, claims: Claims, world: World, pulse: Pulse) -> None:
        self.name = f"mail.lookout.{desk.mailbox.name}"
        self._desk, self._reading = desk, reading
        self._claims, self._world, self._pulse = claims, world, pulse
        self._looked_at: datetime | None = None
        self._oldest: int | None = None
        self._since: datetime | None = None

    async def look(self, session: Session) -> bool:
        """One look, where it is time; says whether anything lies undecided. The oldest one counts, while it is that."""
        now = self._world.now()
        if self._looked_at is not None and now - self._looked_at < EVERY:
            return False
        self._looked_at = now
        mailbox = self._desk.mailbox
        known = await self._claims.progress(f"{mailbox.name}/{self._reading.word}")
        selected = await session.examine(mailbox.folder)
        if known is None or known.checkpoint.uidvalidity != selected.uidvalidity:
            lying: tuple[int, ...] = ()  # its numbers mean nothing to us yet
        else:
            lying = await session.uids_after(known.checkpoint.last_uid)
        oldest = min(lying, default=None)
        if oldest != self._oldest:
            self._oldest, self._since = oldest, now if oldest is not None else None
        self._pulse.undecided(mailbox.name, "mailbox", self._reading.word, self._since)
        return False

    def fail(self, error: CommsdError) -> None:
        """It could not look. That the server is away, others say."""
