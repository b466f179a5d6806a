"""What an answer to a post means, and when it is tried again: a table of waits over three days. Pure. crm-ops.md WHK-2.

A webhook is never deleted by the machine: after the last try, or where the other side says that it is gone, it is
disabled and a person is told.
"""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Literal

from commsd.egress.answer import Answer

WAITS = (
    timedelta(),
    timedelta(seconds=5),
    timedelta(minutes=5),
    timedelta(minutes=30),
    *(timedelta(hours=hours) for hours in (2, 5, 10, 14, 20, 24)),
)
"""Before each try, counted from the one before: 75.6 hours in all."""

JITTER = 0.1
"""By so much of itself a wait is longer at most, so that what failed together does not come back together."""

THROTTLING = frozenset({429, 502, 503, 504})
GONE = 410
PATIENCE = timedelta(minutes=1)
"""So long an endpoint that is overloaded, and does not say for how long, is left alone."""

LONGEST = timedelta(hours=24)
"""A longer Retry-After is none."""

EXHAUSTED, SAID_GONE = "exhausted", "gone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What follows from one attempt. due_at: of the next, where there is one.

    disable: why the endpoint is disabled. throttle_until: nothing else is posted to it before.
    """

    state: Literal["delivered", "pending", "failed"]
    due_at: datetime | None = None
    disable: str | None = None
    throttle_until: datetime | None = None


def judged(answer: Answer, attempts: int, now: datetime, jitter: float) -> Verdict:
    """What follows from the answer to the attempt of this number, the first being 1. jitter: 0 to 1."""
    if answer.taken:
        return Verdict(state="delivered")
    if answer.status == GONE:
        return Verdict(state="failed", disable=SAID_GONE)
    if attempts >= len(WAITS):
        return Verdict(state="failed", disable=EXHAUSTED)
    due_at = now + WAITS[attempts] * (1 + JITTER * jitter)
    pause = rest(answer, now)
    if pause is None:
        return Verdict(state="pending", due_at=due_at)
    return Verdict(state="pending", due_at=max(due_at, now + pause), throttle_until=now + pause)


def rest(answer: Answer, now: datetime) -> timedelta | None:
    """How long the other side wants to be left alone; None where it does not say so. RFC 9110 section 10.2.3."""
    asked = _asked(answer.retry_after, now)
    if asked is not None and asked > timedelta():
        return min(asked, LONGEST)
    return PATIENCE if answer.status in THROTTLING else None


def _asked(header: str | None, now: datetime) -> timedelta | None:
    """Seconds, or a date."""
    if header is None:
        return None
    if re.fullmatch(r"[0-9]{1,9}", header.strip()):
        return timedelta(seconds=int(header))
    try:
        at = parsedate_to_datetime(header)
    except (ValueError, OverflowError):  # of a zone of twenty digits
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)) - now
