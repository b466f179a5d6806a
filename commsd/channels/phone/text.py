"""Notices to our own people by SMS, from the first line's number. Texts to customers: `texting`.

Twilio's Messages API knows no idempotency key: what may have been taken is never sent again, because nobody could tell
the second message from a second alarm, and each one costs. Such a notice ends as `failed`, reason `perhaps-sent`.
"""

from datetime import timedelta

from commsd.channels.phone.rest import Rest
from commsd.core.interaction import Delivery
from commsd.sla.notice.carriage import Patience, Word, perhaps_taken

LONGEST = 300
"""Characters, about two SMS."""

PATIENCE = Patience(give_up=timedelta(hours=24), repeats=False)


class Texts:
    """One attempt to send a notice by SMS."""

    def __init__(self, rest: Rest, number: str) -> None:
        self._rest, self._number = rest, number

    async def send(self, owed: Delivery) -> Word:
        """What came of it; "unknown", without a try, where an earlier attempt ended without a word."""
        if perhaps_taken(owed):
            return Word(kind="unknown", said="an earlier attempt ended without a word")
        return await self._rest.send_text(owed.recipient, self._number, owed.payload.decode()[:LONGEST])
