"""The brake: acknowledgements or dialling stopped by a person, or by us where too many went out. Pure."""

from dataclasses import dataclass
from datetime import datetime

MACHINE = "machine"
"""Who paused where no person did."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Pause:
    """what: "acks" or "dialling". name: a mailbox, empty for all. until, made_at: aware UTC; equal where it is lifted.

    why: a person's words. by: who pulled it, "machine" where we did ourselves.
    """

    what: str
    name: str
    until: datetime
    why: str
    by: str
    made_at: datetime

    def stops(self, what: str, name: str, now: datetime) -> bool:
        """Whether it holds that of that mailbox now."""
        return self.what == what and self.name in ("", name) and self.made_at < self.until and now < self.until
