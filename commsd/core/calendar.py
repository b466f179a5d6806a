"""Business time: when a calendar is open, and how much open time lies between two instants.

The only module that knows local time. A window opens and closes at the first instant at which the local clock has
reached its wall time: a time inside a spring gap is the transition itself, one inside an autumn fold its first pass.
That rule keeps wall order in real order. What is due, and to whom, stands in clock.py.

Open time is kept in blocks of 32 UTC days with running sums, shared by all cases, so a sum or a due time costs two
binary searches however long the clock ran. Outside the years 1970 to 2199 nothing is open.
"""

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from typing import NamedTuple
from zoneinfo import ZoneInfo

DAY_MINUTES = 24 * 60
CUSTOMER = "customer"
HORIZON = timedelta(days=5 * 365)
_BLOCK_DAYS = 32
_EARLIEST = datetime(1970, 1, 1, tzinfo=UTC)
_LATEST = datetime(2200, 1, 1, tzinfo=UTC)
_FIRST, _LAST = _EARLIEST.toordinal() // _BLOCK_DAYS, _LATEST.toordinal() // _BLOCK_DAYS
_HORIZON_BLOCKS = HORIZON.days // _BLOCK_DAYS + 1
_SECOND = timedelta(seconds=1)
_NOTHING = timedelta(0)
_WINDOW = re.compile(r"(\d\d):([0-5]\d)\s*-\s*(\d\d):([0-5]\d)")

Interval = tuple[datetime, datetime]


@dataclass(frozen=True, slots=True, order=True)
class Window:
    """Open hours of one local day, half-open. Minutes after midnight; `end` over 1440 reaches into the next date."""

    start: int
    end: int

    def __post_init__(self) -> None:
        if not (0 <= self.start < DAY_MINUTES and self.start < self.end <= self.start + DAY_MINUTES):
            raise ValueError(f"no window starts at minute {self.start} and ends at minute {self.end}")

    def __str__(self) -> str:
        end = self.end if self.end <= DAY_MINUTES else self.end - DAY_MINUTES
        return f"{self.start // 60:02}:{self.start % 60:02}-{end // 60:02}:{end % 60:02}"


def window(text: str) -> Window:
    """The window `09:00-17:00`; an end not after its start is on the next day. Raises ValueError."""
    match = _WINDOW.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is not a window such as 09:00-17:00")
    hours, minutes, end_hours, end_minutes = (int(part) for part in match.groups())
    start, end = hours * 60 + minutes, end_hours * 60 + end_minutes
    if start >= DAY_MINUTES or end > DAY_MINUTES:
        raise ValueError(f"{text!r} has a time that no clock shows; the last one is 24:00, as an end")
    return Window(start, end if end > start else end + DAY_MINUTES)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Calendar:
    """Opening hours in one zone.

    tz: an IANA name, or "customer": then `in_zone` says which, and `fallback_tz` where nothing is known.
    weekly: 0 is Monday. dates: a listed date has exactly its hours (none if empty), and no tail of the night before.
    Equal by value. What was worked out about it is kept with it: comparing two calendars costs more than a due time.
    """

    name: str
    tz: str
    weekly: Mapping[int, tuple[Window, ...]]
    dates: Mapping[date, tuple[Window, ...]] = field(default_factory=dict)
    fallback_tz: str | None = None
    _value: tuple[object, ...] = field(init=False, repr=False)
    _hash: int = field(init=False, repr=False)
    _days: dict[date, tuple[Interval, ...]] = field(init=False, repr=False, default_factory=dict)
    _blocks: "dict[int, _Block]" = field(init=False, repr=False, default_factory=dict)
    _zoned: "dict[str | None, Calendar]" = field(init=False, repr=False, default_factory=dict)

    def __post_init__(self) -> None:
        weekly = tuple(sorted(self.weekly.items()))
        value = (self.name, self.tz, self.fallback_tz, weekly, tuple(sorted(self.dates.items())))
        object.__setattr__(self, "_value", value)
        object.__setattr__(self, "_hash", hash(value))

    def __hash__(self) -> int:
        return self._hash

    def __eq__(self, other: object) -> bool:
        return self is other or (isinstance(other, Calendar) and self._value == other._value)

    def windows(self, day: date) -> tuple[Window, ...]:
        """The windows that begin on this local date."""
        listed = self.dates.get(day)
        return self.weekly.get(day.weekday(), ()) if listed is None else listed


@lru_cache(maxsize=1024)
def is_zone(tz: str) -> bool:
    """Whether the time zone database knows this name."""
    try:
        ZoneInfo(tz)
    except (KeyError, ValueError, OSError):  # unknown; not a key; a folder of the database
        return False
    return True


def in_zone(calendar: Calendar, tz: str | None) -> Calendar:
    """The calendar with the zone it counts in: its own, or for "customer" the customer's `tz`.

    A zone missing or unknown is replaced by `fallback_tz`, which the config check demands; without one, by UTC. That
    holds for a calendar's own zone too: one accepted years ago may have left the database; see `lost_zone`.
    """
    wanted = tz if calendar.tz == CUSTOMER else calendar.tz
    known = calendar._zoned.get(wanted)
    if known is None:
        zone = next((name for name in (wanted, calendar.fallback_tz) if name and is_zone(name)), "UTC")
        known = calendar if zone == calendar.tz else calendar._zoned.get(zone) or replace(calendar, tz=zone)
        calendar._zoned[zone if calendar.tz == CUSTOMER else wanted] = known
    return known


def lost_zone(calendar: Calendar) -> str | None:
    """The zone of this calendar, if the time zone database no longer knows it; it then counts in another."""
    names = (calendar.fallback_tz if calendar.tz == CUSTOMER else calendar.tz,)
    return next((name for name in names if name and not is_zone(name)), None)


def open_intervals(calendar: Calendar, start: datetime, end: datetime) -> tuple[Interval, ...]:
    """The open intervals within [start, end), merged, in order."""
    start, end = _utc(start), _utc(end)
    clipped = (
        (max(opens, start), min(closes, end))
        for number in range(_number(start), _number(end) + 1)
        for opens, closes in _block(calendar, number).intervals()
    )
    return _merged(clipped)


def between(calendar: Calendar, a: datetime, b: datetime) -> timedelta:
    """The open time in [a, b); zero if b is not after a."""
    a, b = _utc(a), _utc(b)
    if b <= a:
        return _NOTHING
    first, last = _number(a), _number(b)
    block = _block(calendar, first)
    if first == last:
        return block.open_before(b) - block.open_before(a)
    total = block.total - block.open_before(a) + _block(calendar, last).open_before(b)
    for number in range(first + 1, last):
        total += _block(calendar, number).total
    return total


def add(calendar: Calendar, start: datetime, duration: timedelta) -> datetime | None:
    """The first instant, not before `start`, by which `duration` of open time has passed.

    An exact fit is AT closing time; zero is at the start, open or not. None: not within five years.
    """
    start = _utc(start)
    if duration <= _NOTHING:
        return start
    if duration > HORIZON:
        return None
    first = _number(start)
    wanted = _block(calendar, first).open_before(start) + duration
    for number in range(first, min(first + _HORIZON_BLOCKS, _LAST) + 1):
        block = _block(calendar, number)
        if wanted <= block.total:
            i = bisect_left(block.sums, wanted)
            reached_at = block.closes[i] - (block.sums[i] - wanted)
            return reached_at if reached_at - max(start, _EARLIEST) <= HORIZON else None
        wanted -= block.total
    return None


def is_open(calendar: Calendar, at: datetime) -> bool:
    """Whether `at` lies in an open interval; the closing instant does not."""
    at = _utc(at)
    block = _block(calendar, _number(at))
    i = bisect_right(block.opens, at)
    return i > 0 and at < block.closes[i - 1]


def next_opening(calendar: Calendar, at: datetime) -> datetime | None:
    """The first open instant not before `at`: `at` itself while open. None: not within five years."""
    at = _utc(at)
    for opens, _ in _intervals_from(calendar, at):
        return max(at, opens)
    return None


def closing_after(calendar: Calendar, at: datetime, within: timedelta = HORIZON) -> datetime | None:
    """The end of the open interval that holds `at`, else of the next one. None: never, or not within this time."""
    at = _utc(at)
    closing: datetime | None = None
    for opens, closes in _intervals_from(calendar, at):
        if closing is not None and opens > closing:
            return closing
        closing = closes
        if closing - at > within:
            return None
    return closing


def end_of_business_day(calendar: Calendar, start: datetime, n: int) -> datetime | None:
    """The closing instant of the n-th local date with open time after the local date of `start`.

    A date ends at its own midnight: a night shift's first half closes at 24:00. None: not within five years.
    """
    if n < 1:
        raise ValueError(f"{n} is not a number of business days; the first is 1")
    start = max(_utc(start), _EARLIEST)
    if start >= _LATEST:
        return None
    today = start.astimezone(ZoneInfo(calendar.tz)).date()
    for ahead in range(1, HORIZON.days + 1):
        hours = hours_of(calendar, today + timedelta(days=ahead))
        n -= bool(hours)
        if n == 0:
            return hours[-1][1]
    return None


def hours_of(calendar: Calendar, day: date) -> tuple[Interval, ...]:
    """The open intervals of one local date, as instants. Needs a calendar with a zone."""
    known = calendar._days.get(day)
    if known is None:
        known = calendar._days[day] = _hours_of(calendar, day)
    return known


def _hours_of(calendar: Calendar, day: date) -> tuple[Interval, ...]:
    minutes = [(w.start, min(w.end, DAY_MINUTES)) for w in calendar.windows(day)]
    if day not in calendar.dates:
        before = calendar.windows(day - timedelta(days=1))
        minutes += [(0, w.end - DAY_MINUTES) for w in before if w.end > DAY_MINUTES]
    zone, midnight = ZoneInfo(calendar.tz), datetime.combine(day, time())
    return _merged(
        (reached(zone, midnight + timedelta(minutes=start)), reached(zone, midnight + timedelta(minutes=end)))
        for start, end in minutes
    )


def reached(zone: ZoneInfo, wall: datetime) -> datetime:
    """The first instant at which the local clock has reached `wall` (naive)."""
    first_pass = wall.replace(tzinfo=zone, fold=0).astimezone(UTC)
    if first_pass.astimezone(zone).replace(tzinfo=None) == wall:
        return first_pass
    # In a gap PEP 495 reads fold=0 with the offset before it and fold=1 with the one after: the two enclose the change.
    early, late = wall.replace(tzinfo=zone, fold=1).astimezone(UTC), first_pass
    while late - early > _SECOND:
        middle = early + (late - early) // 2
        middle -= timedelta(microseconds=middle.microsecond)
        if middle.astimezone(zone).replace(tzinfo=None) >= wall:
            late = middle
        else:
            early = middle
    return late


class _Block(NamedTuple):
    """Open time of 32 UTC days. sums[i]: open time from the block's start to closes[i]."""

    opens: tuple[datetime, ...]
    closes: tuple[datetime, ...]
    sums: tuple[timedelta, ...]
    total: timedelta

    def intervals(self) -> Iterator[Interval]:
        return zip(self.opens, self.closes, strict=True)

    def open_before(self, at: datetime) -> timedelta:
        i = bisect_right(self.opens, at)
        if i == 0:
            return _NOTHING
        closes = self.closes[i - 1]
        return self.sums[i - 1] if at >= closes else self.sums[i - 1] - (closes - at)


def _block(calendar: Calendar, number: int) -> _Block:
    known = calendar._blocks.get(number)
    if known is None:
        known = calendar._blocks[number] = _made_block(calendar, number)
    return known


def _made_block(calendar: Calendar, number: int) -> _Block:
    first = date.fromordinal(number * _BLOCK_DAYS)
    midnight = datetime.combine(first, time(), UTC)
    begin, end = max(midnight, _EARLIEST), min(midnight + timedelta(days=_BLOCK_DAYS), _LATEST)
    days = (first + timedelta(days=ahead) for ahead in range(-1, _BLOCK_DAYS + 1))  # no zone is a whole day off
    intervals = _merged((max(a, begin), min(b, end)) for day in days for a, b in _hours_of(calendar, day))
    sums, total = [], _NOTHING
    for opens, closes in intervals:
        total += closes - opens
        sums.append(total)
    return _Block(tuple(a for a, _ in intervals), tuple(b for _, b in intervals), tuple(sums), total)


def _intervals_from(calendar: Calendar, at: datetime) -> Iterator[Interval]:
    """Those that end after `at`, in order, and not merged where a block ends; as far as we look ahead."""
    first = _number(at)
    for number in range(first, min(first + _HORIZON_BLOCKS, _LAST) + 1):
        block = _block(calendar, number)
        i = bisect_right(block.closes, at)
        yield from zip(block.opens[i:], block.closes[i:], strict=True)


def _number(at: datetime) -> int:
    number = at.toordinal() // _BLOCK_DAYS
    return number if _FIRST <= number <= _LAST else _FIRST if number < _FIRST else _LAST


def _merged(intervals: Iterable[Interval]) -> tuple[Interval, ...]:
    merged: list[Interval] = []
    for opens, closes in sorted(interval for interval in intervals if interval[0] < interval[1]):
        if merged and opens <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], closes))
        else:
            merged.append((opens, closes))
    return tuple(merged)


def _utc(at: datetime) -> datetime:
    if at.tzinfo is UTC:
        return at
    if at.tzinfo is None:
        raise ValueError(f"{at} has no zone; instants are aware UTC")
    return at.astimezone(UTC)
