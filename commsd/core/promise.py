"""The time a customer is told: the clock's due time, so that what is promised is what is measured. tone.md 4."""

from datetime import UTC, datetime, timedelta

from commsd.core.calendar import Calendar, closing_after, in_zone
from commsd.core.case import ClockRecord
from commsd.core.clock import Clock
from commsd.core.policy import Version

QUARTER = timedelta(minutes=15)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def rounded_up(due_at: datetime, closing: datetime | None = None) -> datetime:
    """The next quarter of an hour at or after `due_at`, but not past closing.

    Rounded down it would promise more than we measure. closing: the end of the open interval `due_at` lies in; None
    where the calendar never closes. Never before `due_at`. Aware UTC.
    """
    promised = _EPOCH - (_EPOCH - due_at) // QUARTER * QUARTER
    if closing is not None:
        promised = min(promised, closing)
    return max(promised, due_at).astimezone(UTC)


def told(due_at: datetime, calendar: Calendar | None) -> datetime:
    """What to say for a due time of this calendar."""
    return rounded_up(due_at, closing_after(calendar, due_at - timedelta.resolution, QUARTER) if calendar else None)


def calendar_of(record: ClockRecord, versions: tuple[Version, ...], customer_tz: str | None = None) -> Calendar | None:
    """The calendar a clock counts in, under the rules it runs under."""
    return counted_in(record.value, versions, customer_tz)


def counted_in(clock: Clock, versions: tuple[Version, ...], customer_tz: str | None = None) -> Calendar | None:
    """The same of a clock that is not on record."""
    version = next((known for known in versions if known.id == clock.rules_version), None)
    calendar = version.calendars.get(clock.calendar) if version else None
    return in_zone(calendar, customer_tz) if calendar else None
