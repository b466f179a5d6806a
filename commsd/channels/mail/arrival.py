"""A mail as it arrives in a folder of ours. Pure."""

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from commsd.channels.mail.message import Message
from commsd.channels.mail.trace import passed_at
from commsd.core.interaction import Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A decoded mail and where it lay. original: its kept bytes, None where they could not be kept.

    enrolled_at: when its folder was first seen; what the server had before is the past. None: not asked. read: somebody
    had read or answered it before we came to it.
    """

    message: Message
    place: str
    uid: int
    original: Stored | None = None
    enrolled_at: datetime | None = None
    read: bool = False

    @property
    def is_past(self) -> bool:
        """Whether a server had it before we came, and somebody moved or restored it here since. mail.md N21."""
        return self.enrolled_at is not None and self.under_way_since < self.enrolled_at - APART

    @property
    def under_way_since(self) -> datetime:
        """When it reached the folder; of what was read before, when it last passed a server, if that is older.

        A restore brings the past anew, with the flags it had. What nobody has read is not taken for the past by its
        trace alone, for gateways and fetching programs keep old ones.
        """
        passed = passed_at(self.message) if self.read else None
        return min(self.message.received_at, passed) if passed else self.message.received_at


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
