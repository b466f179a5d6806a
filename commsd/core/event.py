"""What the feed will say of a change: a word and the record after it. Numbered later, rendered in `crm.event`."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True, slots=True)
class Event:
    """type: `case.opened`, without prefix and version. thing: the record after the change.

    at: when it became true, which for a breach is its due time. by: agent, API key or "machine".
    """

    type: str
    thing: Any
    at: datetime
    by: str
