"""The place in line of an owed call: one order for all of them, telephony.md Q5. Pure.

The clock of the first miss decides, then urgency. A due time never moves later, and a new one lies at least its target
ahead: nobody is overtaken for ever.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import NamedTuple

from commsd.core.callback import Callback

URGENCY = ("urgent", "high", "normal", "low")
"""Priorities of a case, the most urgent first."""


class Place(NamedTuple):
    """Smaller is earlier. due: of the clock of the first miss, or agreed; opened where no clock says."""

    due: datetime
    urgency: int
    rang: int
    opened: datetime
    id: str


def place(callback: Callback, priority: str = "normal") -> Place:
    """Where it stands. priority: of its case. Of two that are due together, who rang oftener comes first."""
    return Place(
        callback.due_at or callback.opened_at, urgency(priority), -len(callback.misses), callback.opened_at, callback.id
    )


def urgency(priority: str | None) -> int:
    """The rank of a priority, 0 the most urgent; one that nobody knows is normal."""
    return URGENCY.index(priority) if priority in URGENCY else URGENCY.index("normal")


def in_order(callbacks: Iterable[Callback], priorities: Mapping[str, str] | None = None) -> tuple[Callback, ...]:
    """The callbacks as they are served. priorities: by case id, "normal" where it is not there."""
    known = priorities or {}
    return tuple(sorted(callbacks, key=lambda each: place(each, known.get(each.case_id, "normal"))))
