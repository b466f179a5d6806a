"""`sla report`: what came of the clocks of a window, as text, JSON and a page."""

import os
import sys
from collections.abc import Sequence
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from textwrap import fill
from zoneinfo import ZoneInfo

import typer

from commsd.cli.house import House, in_house
from commsd.cli.moment import moment
from commsd.cli.output import as_json, table
from commsd.cli.place import example
from commsd.cli.sla.group import sla_app
from commsd.config.settings import Config
from commsd.core.calendar import reached
from commsd.errors import Refused
from commsd.sla.report.counting import Counting, counted_alone, levels
from commsd.sla.report.page import page
from commsd.sla.report.record import as_record, levels_record
from commsd.sla.report.report import BY, USUAL, Report, Window
from commsd.sla.report.text import (
    ABOUT_CONDUCT,
    ABOUT_LEVELS,
    ABOUT_LONGEST,
    ABOUT_OBJECTIVE,
    CONDUCT,
    COUNTED,
    FIGURES,
    LEVELS,
    LONGEST,
    OBJECTIVE,
    Levels,
    aim_of,
    conduct_of,
    groups_of,
    levels_of,
    span_of,
    totals_of,
    waits_of,
)
from commsd.sla.report.week import ABOUT_WEEK, week_of
from commsd.store.reading import read_only


@sla_app.command(
    "report",
    epilog=example(
        "commsd sla report",
        "commsd sla report --from 2026-03-01 --to 2026-05-31 --by team",
        "commsd sla report --html report.html",
    ),
)
def report(
    ctx: typer.Context,
    since: str = typer.Option("", "--from", metavar="TIME", help="Clocks that began then or later; else 28 days back."),
    until: str = typer.Option("", "--to", metavar="TIME", help="And before then; a date counts as a whole. Else now."),
    by: str = typer.Option(
        "", metavar="WORD", help=f"Group by {', '.join(BY[:-1])} or {BY[-1]} of arrival; by {BY[0]} unless told."
    ),
    json: bool = typer.Option(False, "--json", help="Print JSON: every figure of this grouping."),
    html: Path | None = typer.Option(
        None, metavar="FILE", help="Write a page instead, with curves, heat maps and every grouping."
    ),
) -> None:
    """Attainment: how many clocks were in time, how long it took, what is left of each objective."""
    if by and html is not None:
        raise typer.BadParameter("the page has every grouping: leave it out", param_hint="--by")
    by = by or BY[0]
    if by not in BY:
        raise typer.BadParameter(f'"{by}" is no grouping: write one of {", ".join(BY)}', param_hint="--by")

    async def work(house: House) -> tuple[Counting, Config]:
        window = _window(since, until, house.world.now(), house.zone)
        return Counting(window, (await house.terms()).versions, house.zone), house.config

    counting, config = in_house(ctx, work)
    watched = sys.stderr.isatty()
    with read_only(config.store_url(os.environ)) as store:
        found = counted_alone(store, counting, _progress if watched else _silent)
        answered = store.read(lambda connection: levels(connection, config.goals, found.window))
    if watched:
        sys.stderr.write("\r\x1b[K")
    zone = config.firm.zone
    if html is not None:
        _write(html, page(found, config.firm.name, zone, answered))
        typer.echo(f"{html}: {found.clocks} clocks")
    elif json:
        as_json({**as_record(found, by), "answer_level": levels_record(answered)})
    else:
        _print(found, by, zone, answered)


def _window(since: str, until: str, now: datetime, zone: ZoneInfo) -> Window:
    end = _end(until, zone) if until else now
    begin = moment(since, zone, "--from") if since else end - USUAL
    if begin >= end:
        raise typer.BadParameter(f"it lies before --from {since or 'of 28 days before'}", param_hint="--to")
    return Window(since=begin.astimezone(UTC), until=end.astimezone(UTC), now=now)


def _end(text: str, zone: ZoneInfo) -> datetime:
    """The end of the day, where it is a date."""
    at = moment(text, zone, "--to")
    try:
        day = date.fromisoformat(text.strip())
    except ValueError:
        return at
    return reached(zone, datetime.combine(day + timedelta(days=1), time()))


def _silent(number: int) -> None:
    """Nobody looks on."""


def _progress(number: int) -> None:
    sys.stderr.write(f"\r{number} clocks read")
    sys.stderr.flush()


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, "utf-8")
    except OSError as error:
        raise Refused(
            f"{path} cannot be written: {error.strerror}", remedy="name a file in a folder of yours"
        ) from error


def _print(found: Report, by: str, zone: ZoneInfo, answered: Levels) -> None:
    typer.echo(span_of(found, zone))
    _told("CALLS ANSWERED IN TIME", LEVELS, list(levels_of(answered)), ABOUT_LEVELS)
    if not found.clocks:
        typer.echo("no clock began in this time")
        return
    _told("ALL CLOCKS", ("CLOCK", *FIGURES), list(totals_of(found)), COUNTED)
    if by == "hour":
        _week(found)
    else:
        _told(f"BY {by.upper()}", ("CLOCK", by.upper(), *FIGURES), list(groups_of(found, by)))
    _told("OBJECTIVES", OBJECTIVE, [aim_of(aim) for aim in found.aims], ABOUT_OBJECTIVE)
    _told("THE LONGEST WAITS", LONGEST, list(waits_of(found)), ABOUT_LONGEST)
    about = ABOUT_CONDUCT
    for dimension in ("team", "agent"):
        if rows := list(conduct_of(found, dimension)):
            _told(f"TO LOOK AT, BY {dimension.upper()}", (dimension.upper(), *CONDUCT), rows, about)
            about = ""


def _week(found: Report) -> None:
    typer.echo("\nBY DAY AND HOUR, IN THE TIME OF EACH CLOCK'S CALENDAR")
    typer.echo(fill(ABOUT_WEEK, 110))
    for clock, lines in week_of(found):
        typer.echo(f"\n{clock}")
        for line in lines:
            typer.echo(f"  {line}")


def _told(title: str, headings: Sequence[str], rows: Sequence[Sequence[str]], about: str = "") -> None:
    """A table under its title, with what its words mean; nothing where it has no rows."""
    if not rows:
        return
    typer.echo(f"\n{title}")
    if about:
        typer.echo(fill(about, 110))
    table(headings, rows, "")
