"""How much of a clock's time has gone, as of an instant: for lists that people read at a glance. Pure."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from commsd.core.calendar import Calendar, between, is_open

_NOTHING = timedelta(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Gauge:
    """A clock that is still owed, looked at now.

    used: the share of its time that has gone, 1.0 when due. left, late: time until due and since; one of them is zero.
    Both in open time of its calendar, as the target counts. in_hours: its calendar is open now.
    """

    used: float
    left: timedelta
    late: timedelta
    in_hours: bool


def gauge(calendar: Calendar | None, started_at: datetime, due_at: datetime, now: datetime) -> Gauge:
    """The gauge of a clock with a due time. calendar: None where real time counts, as for promises."""

    def span(a: datetime, b: datetime) -> timedelta:
        return between(calendar, a, b) if calendar else max(b - a, _NOTHING)

    whole, gone = span(started_at, due_at), span(started_at, now)
    late = now > due_at
    return Gauge(
        used=1.0 if late or not whole else min(gone / whole, 1.0),
        left=_NOTHING if late else span(now, due_at),
        late=span(due_at, now) if late else _NOTHING,
        in_hours=is_open(calendar, now) if calendar else True,
    )
