"""The envelope sender an account lets us use: nobody, or where the server will not have that, an address. mail.md A7.

RFC 3834 section 3.3 wants `<>`, so that no answer can come back to an answer. Many submission servers refuse it.
"""

from datetime import datetime, timedelta

from commsd.store import notes
from commsd.store.log import Log

REMEMBERED = timedelta(days=30)
"""After that the null sender is tried once more: servers are set up anew."""

NOBODY = ""


class NullSender:
    """What one account is to be told in MAIL FROM. substitute: in place of nobody, once the server refused that."""

    def __init__(self, mailbox: str, substitute: str, log: Log) -> None:
        self._note, self._substitute, self._log = f"null-sender:{mailbox}", substitute, log
        self._refused_at: datetime | None = None
        self._known = False

    async def recall(self) -> None:
        """Read once what was noted by an earlier life."""
        if not self._known:
            noted = await self._log.read(lambda connection: notes.read(connection, self._note))
            self._refused_at = datetime.fromisoformat(noted) if isinstance(noted, str) else None
            self._known = True

    @property
    def sender(self) -> str:
        """`NOBODY` or the substitute, as far as it was recalled."""
        lately = self._refused_at and self._log.world.now() - self._refused_at < REMEMBERED
        return self._substitute if lately else NOBODY

    async def was_refused(self) -> str:
        """Remember that the server will not have nobody; the substitute."""
        self._refused_at = now = self._log.world.now()
        await self._log.writer.write(lambda connection: notes.write(connection, self._note, now.isoformat()))
        return self._substitute
