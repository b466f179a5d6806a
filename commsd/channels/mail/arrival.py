"""A mail as it arrives in a folder of ours. Pure."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from commsd.channels.mail.message import Message
from commsd.core.interaction import Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A decoded mail and where it lay. original: its kept bytes, None where they could not be kept.

    enrolled_at: when its folder was first seen; what the server had before is the past. None: not asked.
    """

    message: Message
    place: str
    uid: int
    original: Stored | None = None
    enrolled_at: datetime | None = None

    @property
    def is_past(self) -> bool:
        """Whether the server had it before we came, and somebody moved it here since. mail.md N21."""
        return self.enrolled_at is not None and self.message.received_at < self.enrolled_at - APART


APART = timedelta(minutes=5)
"""So far a mail server's clock may be from ours: what comes within it is no past."""


def apart(arrival: Arrival, uidvalidity: int) -> Arrival:
    """The arrival, its mail with a logical key of its own where it says nothing that tells it from another.

    Of such a mail the kept bytes do, so that a copy is still known; of one the server withholds, where it lay.
    """
    message, kept = arrival.message, arrival.original
    if message.broken is None and (message.message_id or message.date or message.subject or message.text):
        return arrival
    lay = f"{arrival.place}\n{uidvalidity}\n{arrival.uid}"
    by = f"original\n{kept.sha256}" if kept and kept.size_bytes else lay
    return replace(arrival, message=replace(message, logical_key=hashlib.sha256(by.encode()).hexdigest()))
