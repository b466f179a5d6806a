"""Notices to our own people by SMS, from the first line's number. SMS to and from customers come with a later release.

Twilio's Messages API knows no idempotency key: what may have been taken is never sent again, because nobody could tell
the second message from a second alarm, and each one costs. Such a notice ends as `failed`, reason `perhaps-sent`.
"""

from datetime import timedelta

from commsd.channels.channel import Means
from commsd.channels.phone.line import PhoneSettings
from commsd.channels.phone.rest import Rest
from commsd.core.interaction import Delivery
from commsd.sla.notice.carriage import Patience, Word, perhaps_taken
from commsd.sla.notice.courier import Courier

VIA = "sms"
"""What a delivery by SMS has as its `via`."""

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


def texts(settings: PhoneSettings, rest: Rest, means: Means) -> Courier | None:
    """The duty that sends notices by SMS; None where there is no number to send them from."""
    number = next((line.number.e164 for line in settings.lines.values() if line.number.e164), None)
    if number is None:
        return None
    send = Texts(rest, number).send
    return Courier("phone.text", VIA, send, PATIENCE, means.log, means.claims, means.world, means.pulse.metrics)
