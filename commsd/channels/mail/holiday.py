"""What a day is called on which we are closed: the public holiday's name in the reader's language. Pure.

Which days are free stands in the calendar; here are only their names, from the list as it is now.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from commsd.core.calendar import Calendar
from commsd.sla.rules.opening import names_of_free_days

MAX_NAME = 40
"""Characters; longer ones spell out what they stand in for."""


@dataclass(frozen=True, slots=True)
class Holidays:
    """files: the texts of the rules, by name. country: of `[service]`, where there are no rules."""

    files: tuple[tuple[str, str], ...] = ()
    country: str | None = None

    def closed_for(self, calendar: Calendar, at: datetime, language: str) -> str | None:
        """The holiday that an instant fell on: its name, "" where it has none in that language; None: on no holiday."""
        day = at.astimezone(ZoneInfo(calendar.tz)).date()
        if calendar.dates.get(day) != () or not calendar.weekly.get(day.weekday()):
            return None
        if day not in _names(self, calendar.name, day.year, None):
            return None
        name = _names(self, calendar.name, day.year, language).get(day, "").partition(";")[0].strip()
        return name if len(name) <= MAX_NAME else ""


@lru_cache(maxsize=256)
def _names(holidays: Holidays, calendar: str, year: int, language: str | None) -> Mapping[date, str]:
    return names_of_free_days(dict(holidays.files), holidays.country, calendar, (year,), language=language)
