"""`sla calendar`: opening hours as a grid."""

from datetime import date, timedelta

import typer

from commsd.cli.output import as_json
from commsd.cli.place import example, folder
from commsd.cli.sla.group import sla_app
from commsd.config.load import load
from commsd.config.read import did_you_mean
from commsd.core.calendar import DAY_MINUTES, Calendar, hours_of, in_zone
from commsd.core.record import instant
from commsd.errors import NotFound
from commsd.world import real_world

SLOT = 30
"""Minutes a character of the grid stands for."""

MARGIN = 12


@sla_app.command("calendar", epilog=example("commsd sla calendar standard --month 2026-12"))
def calendar(
    ctx: typer.Context,
    name: str = typer.Argument(metavar="NAME", help="Of the calendar."),
    month: str = typer.Option("", metavar="YYYY-MM", help="This month by default."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """The opening hours of a month as a grid: a day a line, half an hour a character."""
    config = load(folder(ctx).path)
    known = config.version.calendars
    if name not in known:
        raise NotFound(f'no calendar "{name}"', remedy=did_you_mean(name, known))
    chosen = in_zone(known[name], config.firm.timezone)
    days = _days(month or f"{config.firm.day(real_world().now()):%Y-%m}")
    if json:
        as_json([_record(chosen, day) for day in days])
        return
    typer.echo(f"{name}, {chosen.tz}")
    typer.echo(" " * MARGIN + "".join(f"{hour:<6}" for hour in range(0, 24, 3)).rstrip())
    for day in days:
        typer.echo(f"{day:%a %d %b}".ljust(MARGIN) + f"{_grid(chosen, day)}  {', '.join(_hours(chosen, day))}".rstrip())
    typer.echo(_summary(chosen, days))


def _days(month: str) -> list[date]:
    try:
        first = date.fromisoformat(f"{month}-01")
    except ValueError:
        raise typer.BadParameter(f'"{month}" is no month: write it as 2026-12', param_hint="--month") from None
    return [day for ahead in range(31) if (day := first + timedelta(days=ahead)).month == first.month]


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


def _record(calendar: Calendar, day: date) -> dict[str, object]:
    spans = [{"opens_at": instant(opens), "closes_at": instant(closes)} for opens, closes in hours_of(calendar, day)]
    return {"date": day.isoformat(), "hours": _hours(calendar, day), "open": spans}
