"""When a customer may be rung: the day as it is where he may be, telephony.md Q7. Pure.

A number alone proves no zone: all zones count in which it may be. That a time he asked for comes before it,
`channels.phone.dial.plan` sees to.

Some numbers are said to be in every zone of their calling code. Of the 240 regions of phonenumbers 9.0.43 that says
nothing for two codes alone: +1, whose 42 zones lie 21 hours apart (toll-free numbers, most Caribbean mobiles), and +7,
with 10 hours (all mobiles). At no hour are all of those awake and we at work, so `_nearer` asks what else the number
says. Everywhere else the zones lie less than 5 hours apart and all of them count.
"""

from collections.abc import Collection, Sequence
from datetime import UTC, datetime, time, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberType, timezone

from commsd.config.unit import Minutes
from commsd.core.calendar import Calendar, between, closing_after, is_open, is_zone, next_opening, reached
from commsd.core.country import zones_in
from commsd.core.number import Number

INDONESIA = ("Asia/Jakarta", "Asia/Makassar", "Asia/Jayapura")
"""libphonenumber knows the first alone for +62 mobiles, which are used in all three."""

UNKNOWN_ZONE = "Etc/Unknown"

WIDE = timedelta(hours=8)
"""Zones that lie farther apart say no more of a number than its calling code."""

HORIZON = timedelta(days=400)
"""So far ahead a time is looked for; a year and its holidays."""

SLEPT_THROUGH = timedelta(hours=40)
"""So many of our open hours go by without an hour at which he is up: then it is a person's matter. A Californian is up
while Berlin works in three weeks of the year, when one of the two has summer time; nobody is to wait for those."""

QUIET = Minutes(20 * 60, 8 * 60)
"""The quiet hours where `[callbacks] quiet_hours` says nothing."""

APART = 2
"""So many hours lie between the hours of two tries on different days."""

_HOUR, _DAY = timedelta(hours=1), 24 * 60


def zones_of(number: Number | None, contact_zone: str | None, line_zone: ZoneInfo) -> tuple[ZoneInfo, ...]:
    """All zones in which the customer may be, at least one.

    contact_zone: on file, which then alone counts. line_zone: taken where nothing is known.
    """
    if contact_zone and is_zone(contact_zone):
        return (ZoneInfo(contact_zone),)
    return _zones_of_number(number.e164) or (line_zone,) if number else (line_zone,)


@lru_cache(maxsize=4096)
def _zones_of_number(e164: str) -> tuple[ZoneInfo, ...]:
    parsed = phonenumbers.parse(e164)
    if parsed.country_code == 62:
        return tuple(map(ZoneInfo, INDONESIA))
    names = timezone.time_zones_for_number(parsed)
    if UNKNOWN_ZONE in names:
        return ()
    zones = tuple(ZoneInfo(name) for name in names if is_zone(name))
    return _nearer(parsed, zones) if _apart_by(zones) > WIDE else zones


def _nearer(number: PhoneNumber, wide: tuple[ZoneInfo, ...]) -> tuple[ZoneInfo, ...]:
    """Where a number may be that is said to be in all zones of its calling code; nothing where that is not known.

    A toll-free one is in no place, like +800. A smaller country of the code has prefixes of its own, and libphonenumber
    their zones (+1 876, +7 7); of the code's main country all zones count, for its prefixes are carriers' (+7 9).
    """
    if phonenumbers.number_type(number) == PhoneNumberType.TOLL_FREE:
        return ()
    region = phonenumbers.region_code_for_number(number)
    own = tuple(ZoneInfo(name) for name in timezone.time_zones_for_geographical_number(number) if is_zone(name))
    if region != phonenumbers.region_code_for_country_code(number.country_code or 0) and len(own) < len(wide):
        return own
    return zones_in(region or "") or wide


def _apart_by(zones: Sequence[ZoneInfo]) -> timedelta:
    """Between the earliest and the latest of their clocks, on some day in winter."""
    offsets = [datetime(2026, 1, 1, tzinfo=zone).utcoffset() or timedelta() for zone in zones]
    return max(offsets, default=timedelta()) - min(offsets, default=timedelta())


def may_ring(at: datetime, zones: Sequence[ZoneInfo], quiet: Minutes) -> bool:
    """Whether it is nobody's quiet hour, wherever of these the customer is. quiet: wall time, its end excluded."""
    return not any(_is_quiet(at.astimezone(zone), quiet) for zone in zones)


def _is_quiet(local: datetime, quiet: Minutes) -> bool:
    minute = local.hour * 60 + local.minute
    start, end = quiet.start % _DAY, quiet.end % _DAY
    if start < end:
        return start <= minute < end
    return minute >= start or minute < end


def _next_at(minute: int, zone: ZoneInfo, at: datetime) -> datetime:
    """The first instant after `at` at which the local clock reaches this minute of a day."""
    day = at.astimezone(zone).date()
    for ahead in range(3):
        wall = datetime.combine(day + timedelta(days=ahead), time()) + timedelta(minutes=minute % _DAY)
        if (instant := reached(zone, wall)) > at:
            return instant
    return at + timedelta(days=1)


def next_window(
    after: datetime,
    zones: Sequence[ZoneInfo],
    quiet: Minutes,
    calendar: Calendar | None = None,
    wished: Calendar | None = None,
) -> datetime | None:
    """The first instant, not before `after`, at which the customer may be rung and we are open. None: there is none.

    calendar: with a zone of its own; None for always open. wished: the same of the customer's own hours.
    """
    both = [each for each in (calendar, wished) if each is not None]
    at = after.astimezone(UTC)
    while at - after <= HORIZON:
        asleep = [zone for zone in zones if _is_quiet(at.astimezone(zone), quiet)]
        if asleep:
            at = max(_next_at(quiet.end, zone, at) for zone in asleep)
        elif closed := next((each for each in both if not is_open(each, at)), None):
            opening = next_opening(closed, at)
            if opening is None:
                return None
            at = opening
        else:
            return at
    return None


def if_soon(at: datetime | None, after: datetime, calendar: Calendar | None) -> datetime | None:
    """That time, where it comes before too many of our open hours are gone."""
    if at is None or calendar is None:
        return at
    return at if between(calendar, after, at) <= SLEPT_THROUGH else None


def kept_by(
    by: datetime, zones: Sequence[ZoneInfo], quiet: Minutes, calendar: Calendar | None, wished: Calendar | None
) -> datetime | None:
    """When a call that is due `by` is made at the latest: then, where he may be rung until then, else at the end of the
    next hours in which he may. None: there are none soon. The other arguments as for `next_window`.
    """
    before = by - timedelta.resolution
    start = if_soon(next_window(before, zones, quiet, calendar, wished), before, calendar)
    if start is None:
        return None
    if start == before:
        return by
    night = min(_next_at(quiet.start, zone, start) for zone in zones)
    both = (each for each in (calendar, wished) if each is not None)
    return min((closing_after(each, start, night - start) or night for each in both), default=night)


def another_hour(
    after: datetime,
    zones: Sequence[ZoneInfo],
    quiet: Minutes,
    calendar: Calendar | None,
    tried: Collection[datetime],
    wished: Calendar | None = None,
) -> datetime | None:
    """When to ring on a later day, at an hour at which he was not tried yet; the "next-window" of the configuration.

    Of the next day that has a window, the first hour that lies APART from all those tried, else the farthest from them.
    """
    zone = zones[0]
    tomorrow = reached(zone, datetime.combine(after.astimezone(zone).date() + timedelta(days=1), time()))
    first = next_window(tomorrow, zones, quiet, calendar, wished)
    if first is None:
        return None
    hours = _hours(first, zone, zones, quiet, [each for each in (calendar, wished) if each is not None])
    known = [at.astimezone(zone) for at in tried]
    return next((at for at in hours if _apart(at, zone, known) >= APART), None) or max(
        hours, key=lambda at: (_apart(at, zone, known), -at.timestamp())
    )


def _hours(
    first: datetime, zone: ZoneInfo, zones: Sequence[ZoneInfo], quiet: Minutes, calendars: Sequence[Calendar]
) -> list[datetime]:
    """The first time of that day and each further hour of it at which he may be rung."""
    day = first.astimezone(zone).date()
    every = (first + number * _HOUR for number in range(24))
    return [
        at
        for at in every
        if at.astimezone(zone).date() == day
        and may_ring(at, zones, quiet)
        and all(is_open(calendar, at) for calendar in calendars)
    ]


def _apart(at: datetime, zone: ZoneInfo, known: Sequence[datetime]) -> float:
    """Hours of the day between this time and the nearest of those; a day's worth where there are none."""
    local = at.astimezone(zone)
    minute = local.hour * 60 + local.minute
    gaps = (abs(minute - (other.hour * 60 + other.minute)) for other in known)
    return min((min(gap, _DAY - gap) / 60 for gap in gaps), default=24.0)
