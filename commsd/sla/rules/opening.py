"""Opening hours as people write them -> calendars, with every holiday of some years written out.

Holidays come from the `holidays` package and are frozen here: a later upgrade of it must not move old verdicts.
What a calendar means stands in core/calendar.py.
"""

import difflib
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Any

from commsd.config.read import Table, did_you_mean
from commsd.config.unit import TEXT, ZONE, Form, iso_date
from commsd.core.calendar import CUSTOMER, DAY_MINUTES, Calendar, Window, window
from commsd.sla.rules.countries import country as free_days_of
from commsd.sla.rules.countries import words
from commsd.sla.rules.shift import odd_times

Weekly = Mapping[int, tuple[Window, ...]]

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
ALWAYS: Weekly = {day: (Window(0, DAY_MINUTES),) for day in range(7)}
OFFICE_HOURS = "mon-fri 09:00-17:00"
YEARS_AHEAD = 3
_LONG = 16 * 60
_WINDOWS_REMEDY = 'write windows such as ["09:00-12:30", "13:15-17:30"]'
_HOURS_REMEDY = f'write "{OFFICE_HOURS}", "mon-thu 09:00-12:30 13:15-17:30, fri 09:00-15:00" or "24x7"'


def days(text: str) -> tuple[int, ...]:
    """The weekdays of "mon", "mon-thu", "sat-mon", "mon, wed" or "daily"; 0 is Monday. None known: ()."""
    if text.strip().lower() == "daily":
        return tuple(range(7))
    found: list[int] = []
    for part in re.split(r"[,\s]+", text.strip().lower()):
        first, _, last = part.partition("-")
        if first not in DAYS or (last or first) not in DAYS:
            return ()
        start, end = DAYS.index(first), DAYS.index(last or first)
        found += [day % 7 for day in range(start, end + 1 if end >= start else end + 8)]
    return tuple(found)


def hours(text: str) -> Weekly | None:
    """The week that "mon-thu 09:00-12:30 13:15-17:30, fri 09:00-15:00", "24x7" or "always" tells; None: neither."""
    if text.strip().lower() in ("24x7", "always"):
        return ALWAYS
    week: dict[int, tuple[Window, ...]] = {}
    for part in re.split(r"[,;]", text):
        words = part.split()
        on = days(words[0]) if words else ()
        if not on or len(words) < 2:
            return None
        try:
            windows = tuple(sorted(window(word) for word in words[1:]))
        except ValueError:
            return None
        for day in on:
            week[day] = (*week.get(day, ()), *windows)
    return week


HOURS: Form[Weekly] = Form(
    "opening hours", _HOURS_REMEDY, lambda value: hours(value) if isinstance(value, str) else None, ALWAYS
)


def read_calendar(table: Table, now: datetime) -> Calendar:
    """One `[calendar.*]` table. Mistakes are noted on it with their places."""
    mistakes = len(table.findings.errors)
    tz, fallback = _zones(table)
    written = table.value("hours")
    week = _week(table) if isinstance(written, dict) else _told_week(table)
    _overlaps(table, week)
    free = _holidays(table, now)
    dates = _dates(table, free, now)
    calendar = Calendar(name=table.name, tz=tz, weekly=week, dates=dates, fallback_tz=fallback)
    if len(table.findings.errors) > mistakes:
        return calendar
    if not any(calendar.windows(day) for day in _year_ahead(now)):
        table.error(None, f"{table.path} is never open in the next 366 days", "give it hours, such as " + OFFICE_HOURS)
    _odd_days(table, calendar, now)
    return calendar


def service_calendar(service: Table, name: str, now: datetime) -> Calendar:
    """The calendar that `hours`, `country` and `timezone` of `[service]` make.

    A house that is always open has no holidays: there `country` only tells whose numbers and addresses are national.
    """
    if not service.has("hours"):
        service.warn(
            None, f"hours is missing in [service], so it is open {OFFICE_HOURS}", f'add hours = "{OFFICE_HOURS}"'
        )
    mistakes = len(service.findings.errors)
    week = _told_week(service, OFFICE_HOURS)
    _overlaps(service, week)
    zone = service.read("timezone", ZONE)
    free = country_holidays(service, now) if service.has("country") else frozenset()
    closed = () if week == ALWAYS else sorted(free)
    calendar = Calendar(name=name, tz=zone, weekly=week, dates=dict.fromkeys(closed, ()))
    if len(service.findings.errors) == mistakes:
        _odd_days(service, calendar, now)
    return calendar


def holidays_until(now: datetime) -> date:
    """The last day whose holidays are listed by files that are read now."""
    return date(now.year + YEARS_AHEAD, 12, 31)


def country_holidays(service: Table, now: datetime) -> frozenset[date]:
    """The public holidays of `country` in `[service]`: "DE" or, with its subdivision, "DE-BE"."""
    country, _, subdivision = service.read("country", TEXT).partition("-")
    if not country:
        return frozenset()
    return _public(service, "country", country, subdivision or None, ("public",), now)


def _zones(table: Table) -> tuple[str, str | None]:
    fallback = table.maybe("fallback_tz", ZONE)
    if table.value("tz") == CUSTOMER:
        if fallback is None:
            table.error(
                "tz", 'tz = "customer" needs fallback_tz', 'add fallback_tz = "Europe/Berlin", or your own zone'
            )
        return CUSTOMER, fallback
    return table.read("tz", ZONE), fallback


def _told_week(table: Table, usual: str | None = None) -> Weekly:
    """The week that `hours` tells in one line. usual: where it is missing."""
    week = table.read("hours", HOURS) if usual is None else table.read("hours", HOURS, usual)
    written = table.contents.get("hours")
    if isinstance(written, str) and hours(written) is not None and week is not ALWAYS:
        for text in (word for part in re.split(r"[,;]", written) for word in part.split()[1:]):
            _odd(table, "hours", None, text, window(text))
    return week


def _odd_days(table: Table, calendar: Calendar, now: datetime) -> None:
    """Notes hours that a change of the clocks takes away or doubles within a year."""
    for told in odd_times(calendar, _year_ahead(now)):
        table.note("hours", told, "nothing to mend: the first instant at which the clock has reached it counts")


def _week(table: Table) -> Weekly:
    inner = table.table("hours")
    week: dict[int, tuple[Window, ...]] = {}
    for key in inner.every_key():
        on = days(key)
        if not on:
            remedy = 'write mon, tue, wed, thu, fri, sat, sun, "mon-thu" or daily'
            inner.findings.error(inner.place(key, of_key=True), f'hours: "{key}" is no day', remedy)
        windows = _windows(inner, key)
        for day in on:
            if day in week:
                inner.error(key, f"hours: {DAYS[day]} stands twice", "list each day once")
            week[day] = windows
    return week


def _windows(table: Table, key: str) -> tuple[Window, ...]:
    found = []
    for item, text in enumerate(table.many(key, TEXT)):
        try:
            found.append(window(text))
        except ValueError:
            table.error(key, f'{key}: "{text}" is not a window of the day', _WINDOWS_REMEDY, item)
            continue
        _odd(table, key, item, text, found[-1])
    return tuple(sorted(found))


def _odd(table: Table, key: str, item: int | None, text: str, found: Window) -> None:
    start, _, end = (part.strip() for part in text.partition("-"))
    if start == end:
        table.error(key, f'{key}: "{text}" starts where it ends', 'write "00:00-24:00" for the whole day', item)
    elif end == "23:59":
        table.warn(key, f'{key}: "{text}" ends at 23:59 and leaves a minute closed', f'write "{start}-24:00"', item)
    elif found.end > DAY_MINUTES and found.end - found.start > _LONG:
        long = f"{(found.end - found.start) / 60:g} hours"
        remedy = "turn it round if it is meant for one day"
        table.warn(key, f'{key}: "{text}" runs to {end} next day, {long}', remedy, item)
    elif found.end > DAY_MINUTES:
        table.note(key, f'{key}: "{text}" runs to {end} next day', "nothing to mend, if that is meant", item)


def _overlaps(table: Table, week: Weekly) -> None:
    """Windows of one day that overlap, also with the tail of the day before."""
    for day in range(7):
        tails = [
            (w.end - DAY_MINUTES, f"{DAYS[day - 1]} {w}") for w in week.get((day - 1) % 7, ()) if w.end > DAY_MINUTES
        ]
        latest, before = max(tails, default=(0, ""))
        for each in sorted(week.get(day, ())):
            if each.start < latest:
                minutes = min(latest, each.end) - each.start
                table.error(
                    "hours",
                    f"{table.path} {DAYS[day]}: {before} and {each} overlap by {minutes} min",
                    "let one begin where the other ends",
                )
            latest, before = max((latest, before), (each.end, str(each)))


def _holidays(table: Table, now: datetime) -> frozenset[date]:
    inner = table.table("holidays")
    if not inner.present:
        return frozenset()
    categories = inner.many("categories", TEXT, ("public",))
    country = inner.read("country", TEXT)
    return (
        _public(inner, "country", country, inner.maybe("subdivision", TEXT), categories, now)
        if country
        else frozenset()
    )


def _public(
    table: Table, key: str, country: str, subdivision: str | None, categories: tuple[str, ...], now: datetime
) -> frozenset[date]:
    """The free days from last year to three years on; unknown names are noted."""
    entity = free_days_of(country)
    if entity is None:
        table.error(key, f'holidays: no country "{country}"', f"write its two letters, such as {_near(country)}")
        return frozenset()
    if subdivision and subdivision not in (*entity.subdivisions, *entity.subdivisions_aliases):
        where = "subdivision" if table.has("subdivision") else key
        remedy = did_you_mean(subdivision, entity.subdivisions) if entity.subdivisions else "name the country alone"
        table.error(where, f'holidays: {country} has no subdivision "{subdivision}"', remedy)
        return frozenset()
    for item, category in enumerate(categories):
        if category not in entity.supported_categories:
            remedy = did_you_mean(category, entity.supported_categories)
            table.error("categories", f'holidays: {country} has no category "{category}"', remedy, item)
            return frozenset()
    years = range(now.year - 1, holidays_until(now).year + 1)
    return frozenset(entity(subdiv=subdivision, years=years, categories=categories))


def holiday_names(
    written: Mapping[str, Any], years: Iterable[int], *, language: str | None = None
) -> Mapping[date, str]:
    """What the free days of a good `holidays = { country = … }` are called there, by the list as it is now.

    language: in which else; empty where the list has no names in it.
    """
    entity = free_days_of(str(written["country"]))
    if entity is None:
        return {}
    categories = tuple(written.get("categories", ("public",)))
    known = (entity.default_language, *entity.supported_languages)
    spoken = next((each for each in known if each and language and each.partition("_")[0] == language), None)
    if language and spoken is None:
        return {}
    return dict(entity(subdiv=written.get("subdivision"), years=tuple(years), categories=categories, language=spoken))


def names_of_free_days(
    files: Mapping[str, str],
    country: str | None,
    calendar: str,
    years: Iterable[int],
    *,
    language: str | None = None,
) -> Mapping[date, str]:
    """The same for a calendar of accepted files; without files, of the country of `[service]`, "DE" or "DE-BE".

    Empty where a later `holidays` package does not know the country, subdivision (NotImplementedError) or category
    (ValueError) any more.
    """
    written: dict[str, Any] = {}
    for text in files.values():
        written |= tomllib.loads(text).get("calendar", {}).get(calendar, {}).get("holidays", {})
    if not files and country:
        name, _, subdivision = country.partition("-")
        written = {"country": name, "subdivision": subdivision or None}
    try:
        return holiday_names(written, years, language=language) if written else {}
    except (NotImplementedError, ValueError):
        return {}


def _near(country: str) -> str:
    """The code of the country whose name, or code of three letters, or code in small letters was written."""
    codes = words()
    near = difflib.get_close_matches(country.casefold(), codes, 1, cutoff=0.8 if len(country) > 3 else 1)
    return codes[near[0]] if near else "DE"


def _dates(table: Table, free: frozenset[date], now: datetime) -> dict[date, tuple[Window, ...]]:
    inner = table.table("dates")
    dates: dict[date, tuple[Window, ...]] = dict.fromkeys(sorted(free), ())
    listed: list[date] = []
    for key in inner.every_key():
        day = iso_date(key)
        if day is None:
            inner.findings.error(inner.place(key, of_key=True), f"{key} is not a date", "write it as 2026-12-24")
            continue
        listed.append(day)
        value = inner.value(key)
        if value == "as usual":
            dates.pop(day, None)
        elif value == "closed":
            dates[day] = ()
        elif isinstance(value, str):
            inner.error(
                key, f'{key} = "{value}" is not what a day can be', f'{_WINDOWS_REMEDY}, "closed" or "as usual"'
            )
        else:
            dates[day] = _day(inner, key)
    _stale(table, inner, listed, free, now)
    return dates


def _day(inner: Table, key: str) -> tuple[Window, ...]:
    """The hours of one date."""
    windows = _windows(inner, key)
    for one, other in pairwise(windows):
        if other.start < one.end:
            what = f"{inner.path} {key}: {one} and {other} overlap by {min(one.end, other.end) - other.start} min"
            inner.error(key, what, "let one begin where the other ends")
    return windows


def _stale(table: Table, inner: Table, listed: list[date], free: frozenset[date], now: datetime) -> None:
    today = now.date()
    if listed and max(listed) < today:
        inner.warn(None, f"{inner.path}: the dates all lie in the past", "list those to come, or remove them")
    elif (listed or table.has("holidays")) and today.month >= 10:
        years = {day.year for day in (*listed, *free)}
        if years and max(years) <= today.year:
            inner.warn(
                None,
                f"{inner.path}: no holidays listed for {today.year + 1}",
                "add them, or set holidays = { country = … }",
            )


def _year_ahead(now: datetime) -> Iterator[date]:
    return (now.date() + timedelta(days=ahead) for ahead in range(366))
