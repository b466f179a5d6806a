"""`sla calendar`: opening hours as a grid, with what makes a day another than usual."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import typer

from commsd.cli.output import as_json
from commsd.cli.place import example, folder
from commsd.cli.sla.group import sla_app
from commsd.config.load import load
from commsd.config.read import did_you_mean
from commsd.core.calendar import CUSTOMER, DAY_MINUTES, Calendar, hours_of, in_zone, is_zone
from commsd.core.record import instant
from commsd.errors import NotFound
from commsd.sla.rules.opening import names_of_free_days
from commsd.sla.rules.shift import Shift, odd_times, shift_on
from commsd.world import real_world

SLOT = 30
"""Minutes a character of the grid stands for."""

MARGIN = 12
MOST = 36


@dataclass(frozen=True, slots=True, kw_only=True)
class Day:
    """One date of a calendar. hours: as windows. kind: usual, closed, half, listed. holiday: its name, if it is one.

    shift: the change of the clocks on it. odd: what that does to a window's ends.
    """

    date: date
    hours: tuple[str, ...]
    kind: str
    holiday: str | None
    shift: Shift | None
    odd: tuple[str, ...]

    def remarks(self) -> list[str]:
        """What is to be said of it besides its hours."""
        said = [*([self.holiday] if self.holiday else []), *([_KINDS[self.kind]] if self.kind in _KINDS else [])]
        if self.holiday and self.kind == "usual" and self.hours:
            said.append("open as usual")
        return [*said, *([str(self.shift)] if self.shift else []), *self.odd]


_KINDS = {"closed": "closed", "half": "half day", "listed": "hours of its own"}


@sla_app.command(
    "calendar",
    epilog=example(
        "commsd sla calendar standard --month 2026-12",
        "commsd sla calendar germany --month 2026-10 --months 3",
        "commsd sla calendar customers --tz America/New_York",
        "commsd sla calendar germany --month 2026-12 --rules new-rules",
    ),
)
def calendar(
    ctx: typer.Context,
    name: str = typer.Argument(metavar="NAME", help="Of the calendar."),
    month: str = typer.Option("", metavar="YYYY-MM", help="This month by default."),
    months: int = typer.Option(1, min=1, max=MOST, help="How many of them."),
    tz: str = typer.Option("", metavar="ZONE", help="The customer's zone, for a calendar that counts in it."),
    rules: Path | None = typer.Option(None, metavar="DIR", help="Of the rules in this folder, not the config's own."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """The opening hours of a month as a grid: a day a line, half an hour a character.

    Shows holidays by name, half days and other dates with hours of their own, and changes of the clocks. Hours are
    those of the files; holidays' names are taken from the list as it is today.
    """
    config = load(folder(ctx).path, rules=rules)
    known = config.version.calendars
    if name not in known:
        raise NotFound(f'no calendar "{name}"', remedy=did_you_mean(name, known))
    chosen = _zoned(known[name], tz)
    first = _first(month or f"{config.firm.day(real_world().now()):%Y-%m}")
    pages = [_days(day) for day in _months(first, months)]
    years = {day.year for page in pages for day in page}
    names = names_of_free_days(config.sla_files, config.firm.country, name, years)
    shown = [[_day(chosen, day, names) for day in page] for page in pages]
    if json:
        as_json([_record(chosen, day) for page in shown for day in page])
        return
    where = f"{chosen.tz}, as for a customer there" if known[name].tz == CUSTOMER else chosen.tz
    typer.echo(f"{name}, {where}")
    for page in shown:
        _print(chosen, page, title=months > 1)


def _zoned(calendar: Calendar, tz: str) -> Calendar:
    if tz and calendar.tz != CUSTOMER:
        raise typer.BadParameter(f'calendar "{calendar.name}" counts in {calendar.tz} for everybody', param_hint="--tz")
    if tz and not is_zone(tz):
        raise typer.BadParameter(f'"{tz}" is no time zone: write it as America/New_York', param_hint="--tz")
    return in_zone(calendar, tz or None)


def _first(month: str) -> date:
    try:
        return date.fromisoformat(f"{month}-01")
    except ValueError:
        raise typer.BadParameter(f'"{month}" is no month: write it as 2026-12', param_hint="--month") from None


def _months(first: date, count: int) -> list[date]:
    """The first days of so many months."""
    found = [first]
    while len(found) < count:
        found.append((found[-1] + timedelta(days=31)).replace(day=1))
    return found


def _days(first: date) -> list[date]:
    return [day for ahead in range(31) if (day := first + timedelta(days=ahead)).month == first.month]


def _day(calendar: Calendar, day: date, names: Mapping[date, str]) -> Day:
    return Day(
        date=day,
        hours=tuple(_hours(calendar, day)),
        kind=_kind(calendar, day),
        holiday=names.get(day),
        shift=shift_on(calendar.tz, day),
        odd=tuple(odd_times(calendar, iter((day,)))),
    )


def _kind(calendar: Calendar, day: date) -> str:
    listed, usual = calendar.dates.get(day), calendar.weekly.get(day.weekday(), ())
    if listed is None or listed == usual:
        return "usual"
    if not listed:
        return "closed"
    length = sum(each.end - each.start for each in listed)
    return "half" if length < sum(each.end - each.start for each in usual) else "listed"


def _print(calendar: Calendar, page: Sequence[Day], *, title: bool) -> None:
    if title:
        typer.echo(f"\n{page[0].date:%B %Y}")
    typer.echo(" " * MARGIN + "".join(f"{hour:<6}" for hour in range(0, 24, 3)).rstrip())
    for day in page:
        said = "; ".join(each for each in (", ".join(day.hours), *day.remarks()) if each)
        typer.echo(f"{day.date:%a %d %b}".ljust(MARGIN) + f"{_grid(calendar, day.date)}  {said}".rstrip())
    typer.echo(_summary(calendar, [day.date for day in page]))


def _grid(calendar: Calendar, day: date) -> str:
    """The day by the clock on the wall: "#" where any of the half hour is open."""
    marks = ["."] * (DAY_MINUTES // SLOT)
    for opens, closes in _open_minutes(calendar, day):
        for slot in range(opens // SLOT, -(-closes // SLOT)):
            marks[slot] = "#"
    return "".join(marks)


def _open_minutes(calendar: Calendar, day: date) -> list[tuple[int, int]]:
    """From and to in minutes after midnight, the tail of the night before among them."""
    today = [(window.start, min(window.end, DAY_MINUTES)) for window in calendar.windows(day)]
    if day in calendar.dates:
        return sorted(today)
    before = calendar.windows(day - timedelta(days=1))
    return sorted([*today, *((0, window.end - DAY_MINUTES) for window in before if window.end > DAY_MINUTES)])


def _hours(calendar: Calendar, day: date) -> list[str]:
    return [f"{a // 60:02}:{a % 60:02}-{b // 60:02}:{b % 60:02}" for a, b in _open_minutes(calendar, day)]


def _summary(calendar: Calendar, days: list[date]) -> str:
    open_days = [intervals for day in days if (intervals := hours_of(calendar, day))]
    total = sum((closes - opens for intervals in open_days for opens, closes in intervals), timedelta())
    minutes = total // timedelta(minutes=1)
    return f"open {minutes // 60} h {minutes % 60:02} min on {len(open_days)} days"


def _record(calendar: Calendar, day: Day) -> dict[str, object]:
    spans = [
        {"opens_at": instant(opens), "closes_at": instant(closes)} for opens, closes in hours_of(calendar, day.date)
    ]
    shift = day.shift
    return {
        "date": day.date.isoformat(),
        "hours": list(day.hours),
        "kind": day.kind,
        "holiday": day.holiday,
        "clocks": {"at": instant(shift.at), "from": f"{shift.before:%H:%M}", "to": f"{shift.after:%H:%M}"}
        if shift
        else None,
        "remarks": day.remarks(),
        "open": spans,
    }
