"""Opening hours read off a local clock step by step: a second opinion on calendar.py, without intervals."""

from datetime import date, datetime, timedelta
from zoneinfo import ZoneInfo

from commsd.core.calendar import Calendar

DAY = timedelta(days=1)


class NaiveHours:
    """One calendar, read off a local clock step by step: open is what the furthest wall time shown so far says."""

    def __init__(self, calendar: Calendar, begin: datetime, *, days: int, step: timedelta) -> None:
        self.begin, self.step, self.zone = begin, step, ZoneInfo(calendar.tz)
        self.calendar = calendar
        self.dates: list[date] = []
        self.opened: list[bool] = []
        furthest = datetime(1, 1, 1)  # noqa: DTZ001 - wall time
        for n in range(int(days * DAY / step)):
            furthest = max(furthest, (begin + n * step).astimezone(self.zone).replace(tzinfo=None))
            self.dates.append(furthest.date())
            self.opened.append(self._open_at(furthest))

    def _open_at(self, wall: datetime) -> bool:
        minute = wall.hour * 60 + wall.minute
        today = self.calendar.dates.get(wall.date())
        listed = today is not None
        if today is None:
            today = self.calendar.weekly.get(wall.weekday(), ())
        if any(w.start <= minute < w.end for w in today):
            return True
        if listed:
            return False
        before = wall - DAY
        last = self.calendar.dates.get(before.date())
        if last is None:
            last = self.calendar.weekly.get(before.weekday(), ())
        return any(minute + 1440 < w.end for w in last)

    def place(self, at: datetime) -> int:
        return int((at - self.begin) / self.step)

    def open(self, at: datetime) -> bool:
        return self.opened[self.place(at)]

    def ticks(self, a: datetime, b: datetime) -> list[datetime]:
        return [a + n * self.step for n in range(int((b - a) / self.step))]

    def end_of_day(self, start: datetime, n: int) -> datetime | None:
        today = start.astimezone(self.zone).date()
        days: list[date] = []
        for place in range(self.place(start), len(self.opened)):
            day = self.dates[place]
            if day > today and self.opened[place] and day not in days:
                days.append(day)
        if len(days) <= n:  # the last one may go on after the horizon
            return None
        last = max(i for i, day in enumerate(self.dates) if day == days[n - 1] and self.opened[i])
        return self.begin + (last + 1) * self.step
