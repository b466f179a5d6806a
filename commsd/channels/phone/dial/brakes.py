"""What stops all dialling at once: the pace we may ring at, and Twilio's word that it takes no more orders. Pure.

Of one process; only one dials at a time. A person's brakes (pause, observe, `dialling.enabled`) stand in plan.py.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from commsd.config.unit import Rate

CREDENTIALS = 20003
"""Twilio refuses our login: nothing can be dialled; it goes on to ring us. docs/api/errors/20003"""

NOT_OURS = 21210
"""Our line's number is none that this account may ring from."""

QUEUE_FULL = 22005
"""Twilio's queue of this account's orders is full."""

TOO_MANY = 20429
"""Too many requests: "never processed and always safe to retry". docs/api/errors/20429"""

CONCURRENT = 10004
"""Too many calls at once: nothing was done."""

RESTS: Mapping[int, timedelta] = {
    CREDENTIALS: timedelta(minutes=5),
    NOT_OURS: timedelta(minutes=15),
    QUEUE_FULL: timedelta(minutes=5),
    TOO_MANY: timedelta(seconds=15),
    CONCURRENT: timedelta(seconds=30),
}
"""How long we order nothing after such an answer."""


class Pace:
    """Orders at most `count` in each `per`, evenly."""

    def __init__(self, rate: Rate) -> None:
        self._gap = rate.per / rate.count
        self._next: datetime | None = None

    def wait(self, now: datetime) -> timedelta:
        """How long until the next order may be given; nothing for at once, also where the clock was set back."""
        left = self._next - now if self._next else timedelta()
        return left if timedelta() < left <= self._gap else timedelta()

    def take(self, now: datetime) -> None:
        """An order is given."""
        self._next = now + self._gap


class Rests:
    """Orders that rest for a while: of all lines, or of one."""

    def __init__(self) -> None:
        self._until: dict[str, datetime] = {}

    def begin(self, code: int, line: str, now: datetime, jitter: float) -> None:
        """After this answer. jitter: 0 to 1."""
        rest = RESTS[code]
        self._until[line if code == NOT_OURS else ""] = now + rest * (1 + jitter / 10)

    def until(self, line: str, now: datetime) -> datetime | None:
        """Until when nothing is ordered from this line; None: it may be."""
        ends = [end for name in ("", line) if (end := self._until.get(name)) is not None and end > now]
        return max(ends, default=None)
