"""Days and times as a language says them, in the reader's zone. Pure; the words come from the texts."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoneHours:
    """When somebody picks up on a run of weekdays, in the service's zone.

    weekdays: Monday is 0; both included. windows: opening and closing, in order.
    """

    weekday_from: int
    weekday_to: int
    windows: tuple[tuple[time, time], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """Whose clock the times are said by. now: when the text is written, which decides what is "today".

    sure: whether it is known to be the reader's own clock; else the zone is named, and no day called "today".
    """

    zone: ZoneInfo
    service_zone: ZoneInfo
    now: datetime
    sure: bool = True

    def is_today(self, at: datetime) -> bool:
        """Whether that is the reader's day of now."""
        return self.sure and at.astimezone(self.zone).date() == self.now.astimezone(self.zone).date()


@dataclass(frozen=True, slots=True)
class DateWords:
    """One language's days, months and patterns, as its file has them."""

    weekdays: tuple[str, ...]
    weekdays_each: tuple[str, ...]
    months: tuple[str, ...]
    patterns: Mapping[str, str]
    two_digit_hour: bool
    always_zone: bool
    zones: Mapping[str, str]

    @classmethod
    def read(cls, dates: Mapping[str, Any], zones: Mapping[str, str]) -> "DateWords":
        """From the tables `[dates]` and `[zones]`."""
        return cls(
            weekdays=tuple(dates["weekdays"]),
            weekdays_each=tuple(dates.get("weekdays_each", dates["weekdays"])),
            months=tuple(dates["months"]),
            patterns={name: value for name, value in dates.items() if isinstance(value, str)},
            two_digit_hour=dates["two_digit_hour"],
            always_zone=dates["name_zone"] == "always",
            zones=zones,
        )

    def received(self, at: datetime, promised: datetime | None, reader: Reader) -> str:
        """When a message came: the clock alone where the promise names the same day, else with the day. The zone
        is left to the promise, where there is one."""
        local = at.astimezone(reader.zone)
        if promised is None:
            return self._say("received_day", local, reader)
        days = {each.astimezone(reader.zone).date() for each in (at, promised, reader.now)}
        return self._say("received_day" if len(days) > 1 else "received_clock", local, reader, zone=self.always_zone)

    def promised(self, at: datetime, reader: Reader) -> str:
        """By when, with the weekday, the date, the clock, and the zone where it is not ours."""
        local = at.astimezone(reader.zone)
        return self._say("promised_today" if reader.is_today(at) else "promised_day", local, reader)

    def opens(self, at: datetime, reader: Reader) -> tuple[str, str]:
        """The day of an opening (its date too, where the weekday would not be plain) and its clock."""
        local = at.astimezone(reader.zone)
        far = (local.date() - reader.now.astimezone(reader.zone).date()).days > 6
        day = "opens_today" if reader.is_today(at) else "opens_date" if far else "opens_day"
        return self._say(day, local, reader), self._say("opens_clock", local, reader)

    def hours(self, week: tuple[PhoneHours, ...], reader: Reader) -> str:
        """Runs of weekdays with their clock times, moved to the reader's zone as it stands in this week; "" where the
        windows of one day would fall on two days there."""
        said = [self._run(hours, reader) for hours in week]
        if not all(said):
            return ""
        windows = max(len(hours.windows) for hours in week)
        zone = self._zone(self._moved(week[0], 0, reader)[0], reader)
        return (", " if windows > 1 else self.patterns["and"]).join(said) + zone

    def _run(self, hours: PhoneHours, reader: Reader) -> str:
        """ "Monday to Thursday, 9:00 to 12:00 and 13:00 to 17:00"."""
        moved = [self._moved(hours, number, reader) for number in range(len(hours.windows))]
        if len({opens.date() for opens, _ in moved}) > 1:
            return ""
        first = moved[0][0].weekday()
        last = (first + hours.weekday_to - hours.weekday_from) % 7
        one_day = hours.weekday_from == hours.weekday_to
        names = {"first": self.weekdays_each[first], "last": self.weekdays_each[last]}
        windows = (
            self.patterns["hours_window"].format(opens=self._clock(opens), closes=self._clock(closes))
            for opens, closes in moved
        )
        return self.patterns["hours"].format(
            days=names["first"] if one_day else self.patterns["hours_days"].format(**names),
            windows=self.patterns["and"].join(windows),
        )

    def _moved(self, hours: PhoneHours, window: int, reader: Reader) -> tuple[datetime, datetime]:
        """A window of the run's first day, by the reader's clock."""
        week = reader.now.astimezone(reader.service_zone)
        first = week.date() + timedelta(days=(hours.weekday_from - week.weekday()) % 7)
        opens, closes = (
            datetime.combine(first, at, reader.service_zone).astimezone(reader.zone) for at in hours.windows[window]
        )
        return opens, closes

    def _say(self, name: str, local: datetime, reader: Reader, *, zone: bool = True) -> str:
        return self.patterns[name].format(
            weekday=self.weekdays[local.weekday()],
            day=local.day,
            month=self.months[local.month - 1],
            clock=self._clock(local),
            zone=self._zone(local, reader) if zone else "",
        )

    def _clock(self, local: datetime) -> str:
        hour = f"{local.hour:02d}" if self.two_digit_hour else str(local.hour)
        return self.patterns["clock"].format(hour=hour, minute=f"{local.minute:02d}")

    def _zone(self, local: datetime, reader: Reader) -> str:
        """Named, with a blank before it, where the reader's clock differs from ours at that time."""
        ours = local.astimezone(reader.service_zone).utcoffset()
        if reader.sure and not self.always_zone and local.utcoffset() == ours:
            return ""
        key = reader.zone.key
        return " " + (self.zones.get(key) or self.patterns["other_zone"].format(city=_city(key)))


@lru_cache(maxsize=1024)
def _city(zone_key: str) -> str:
    return re.sub(r"[_]+", " ", zone_key.rpartition("/")[2])
