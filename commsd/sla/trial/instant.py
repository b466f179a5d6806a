"""Times as people write them in a rule test: with an offset, or as the local clock shows them. Pure."""

import re
from datetime import UTC, datetime
from functools import partial
from zoneinfo import ZoneInfo

from commsd.core.calendar import reached
from commsd.sla.trial.sheet import Sheet

ALWAYS = datetime(1970, 1, 1, tzinfo=UTC)
"""Since when a policy that a case names is in force."""

WHEN = 'write "2026-06-02T08:00:00Z", or "2026-06-02 10:00" in local time'

_INSTANT = re.compile(
    r"(\d{4}-\d\d-\d\d)(?:[Tt ] *(\d{1,2}:\d\d)(:\d\d(?:[.,]\d+)?)?)? *([Zz]|[+-]\d\d(?::?\d\d)?)?", re.ASCII
)


def instant_of(row: Sheet, key: str, zone: ZoneInfo) -> datetime | None:
    """The instant under a key; None where there is none, or no time, which is noted."""
    return row.form(key, partial(instant, zone=zone), "a time", WHEN)


def instant(text: str, zone: ZoneInfo) -> datetime:
    """The instant that a text means; without an offset, the first at which the local clock shows it.

    What is finer than a microsecond is cut off. Raises ValueError.
    """
    match = _INSTANT.fullmatch(text.strip())
    if match is None:
        raise ValueError(text)
    day, clock, seconds, offset = match.groups()
    wall = datetime.fromisoformat(f"{day}T{clock or '00:00':0>5}{(seconds or ':00').replace(',', '.')}")
    if offset is None:
        return reached(zone, wall)
    return datetime.fromisoformat(f"{wall.isoformat()}{offset.upper()}").astimezone(UTC)
