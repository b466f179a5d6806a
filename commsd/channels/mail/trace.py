"""When a mail last passed a mail server, by its own trace. Pure. Source: RFC 5321 section 4.4.

The topmost Received is written by the server that delivered it; the Date is by the clock of whoever wrote.
"""

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from commsd.channels.mail.message import Message

FIRST_CLOCK = datetime(1990, 1, 1, tzinfo=UTC)
"""What is older comes of a server whose clock was never set."""


def passed_at(message: Message) -> datetime | None:
    """Aware UTC; None where it bears no such trace, or none with a date."""
    _, semicolon, said = message.first("received").rpartition(";")
    if not semicolon:
        return None
    try:
        at = parsedate_to_datetime(said)
        at = at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
    return at if at >= FIRST_CLOCK else None
