"""A mail as it arrives in a folder of ours. Pure."""

from dataclasses import dataclass

from commsd.channels.mail.message import Message
from commsd.core.interaction import Stored


@dataclass(frozen=True, slots=True, kw_only=True)
class Arrival:
    """A decoded mail and where it lay. original: its kept bytes, None where they could not be kept."""

    message: Message
    place: str
    uid: int
    original: Stored | None = None
