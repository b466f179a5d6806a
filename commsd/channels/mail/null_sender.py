"""The envelope sender an account lets us use: nobody, or where the server will not have that, an address. mail.md A7.

RFC 3834 section 3.3 wants `<>`, so that no answer can come back to an answer. Many submission servers refuse it.
"""

from datetime import datetime, timedelta

import structlog

from commsd.channels.mail.outcome import Outcome
from commsd.store import notes
from commsd.store.log import Log

log = structlog.get_logger()

REMEMBERED = timedelta(days=30)
"""After that the null sender is tried once more: servers are set up anew."""

NOBODY = ""


class NullSender:
    """What one account is to be told in MAIL FROM. substitute: in place of nobody, once the server refused that."""

    def __init__(self, mailbox: str, substitute: str, store: Log) -> None:
        self._mailbox, self._note = mailbox, f"null-sender:{mailbox}"
        self._substitute, self._log = substitute, store
        self._refused_at: datetime | None = None
        self._known = self._was_taken = False

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

    def instead(self, sender: str, word: Outcome) -> str | None:
        """Whom to name in a second try, if the refusal may have been for the sender.

        Servers say so at MAIL, but Postfix at RCPT (smtpd_delay_reject) and Exchange after the message; there it is
        for the sender only if nobody was never taken before.
        """
        if sender != NOBODY or word.kind != "refused" or word.code is None:
            return None
        return self._substitute if word.stage == "sender" or not self._was_taken else None

    async def heard(self, sender: str, word: Outcome) -> None:
        """Take in what the server made of a message. That nobody will not do is certain once the other did."""
        if word.kind != "sent":
            return
        self._was_taken = self._was_taken or sender == NOBODY
        if sender != NOBODY and self.sender == NOBODY:
            self._refused_at = now = self._log.world.now()
            await self._log.writer.write(lambda connection: notes.write(connection, self._note, now.isoformat()))
            log.warning("smtp.null_sender_refused", mailbox=self._mailbox)
