"""`clocks`: what is due when, the most urgent first, as a list that is read at a glance."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

import typer
from sqlalchemy import Connection

from commsd.cli.cases import me
from commsd.cli.house import House, in_house
from commsd.cli.ledger import NOBODY, About, about_cases
from commsd.cli.moment import coming
from commsd.cli.output import as_json, shown, span, table, until, when
from commsd.cli.place import example
from commsd.config.read import did_you_mean
from commsd.core.calendar import Calendar, in_zone
from commsd.core.gauge import Gauge, gauge
from commsd.core.policy import ClockKind, Version
from commsd.core.record import Json
from commsd.errors import Refused
from commsd.store import query
from commsd.store.debts import AT_ONCE
from commsd.store.query import Page, Row

app = typer.Typer()

BAR = 10
SOON = 0.75
"""The share of its time from which a clock is due soon."""

Zones = Mapping[str, str | None]
"""The customer's zone by case."""


@app.command(epilog=example("commsd clocks --due 1h", "commsd clocks --team service", "commsd clocks --all --json"))
def clocks(
    ctx: typer.Context,
    due: str = typer.Option("", metavar="TIME", help="Only what is late, or due within 1h, or by 15:00."),
    mine: bool = typer.Option(False, "--mine", help="Of cases you own; you are the agent named as your login."),
    owner: str = typer.Option("", metavar="AGENT", help="Of cases this agent owns."),
    team: str = typer.Option("", help="Of cases of this team."),
    policy: str = typer.Option("", help="Under this policy."),
    every: bool = typer.Option(False, "--all", help="Also clocks that are met or cancelled."),
    limit: int = typer.Option(100, min=1, help="How many at most."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """What is due when: the longest overdue first, then what has least time left; paused clocks last."""

    async def work(house: House) -> None:
        now = house.world.now()
        house.must_know({"owner": owner, "team": team})
        versions = (await house.terms()).versions
        _must_know(policy, versions)
        whose = me(house) if mine else owner or None
        before = coming(due, house.zone, now, "--due") if due else None

        def read(connection: Connection) -> tuple[Page, dict[str, About], Zones]:
            page = query.clocks(
                connection,
                due_before=before,
                owner=whose,
                team=team or None,
                policy=policy or None,
                every=every,
                limit=limit,
            )
            ids = list(dict.fromkeys(row.record["case_id"] for row in page.rows))
            return page, about_cases(connection, ids), _zones(connection, ids)

        page, about, zones = await house.log.read(read)
        gauges = [_gauge(row.record, zones.get(row.record["case_id"]), versions, now) for row in page.rows]
        if json:
            as_json([_record(row, each) for row, each in zip(page.rows, gauges, strict=True)])
            return
        _print(page, gauges, about, house, now)
        if page.next:
            typer.echo(f"… and more; see them with --limit {limit * 2}")

    in_house(ctx, work)


def _must_know(policy: str, versions: Sequence[Version]) -> None:
    known = {name for version in versions for name in version.policies}
    if policy and policy not in known:
        raise Refused(f'no policy "{policy}"', remedy=did_you_mean(policy, known))


def _zones(connection: Connection, case_ids: Sequence[str]) -> Zones:
    rows = (
        row
        for start in range(0, len(case_ids), AT_ONCE)
        for row in query.cases_of(connection, case_ids[start : start + AT_ONCE]).values()
    )
    return {row.record["id"]: row.record["attrs"].get("tz") for row in rows}


def _gauge(clock: Json, tz: str | None, versions: Sequence[Version], now: datetime) -> Gauge | None:
    """None for a clock that stopped, or has no due time."""
    if clock["stopped_at"] is not None or clock["due_at"] is None:
        return None
    calendar = None if clock["clock"] == ClockKind.PROMISE else _calendar(clock, tz, versions)
    started_at, due_at = datetime.fromisoformat(clock["started_at"]), datetime.fromisoformat(clock["due_at"])
    return gauge(calendar, started_at, due_at, now)


def _calendar(clock: Json, tz: str | None, versions: Sequence[Version]) -> Calendar | None:
    version = next((each for each in versions if each.id == clock["rules_version"]), None)
    found = version.calendars.get(clock["calendar"]) if version else None
    return in_zone(found, tz) if found else None


def _record(row: Row, found: Gauge | None) -> Json:
    """The record, with what is left as of now: in the store it is as of the clock's last change."""
    milliseconds = timedelta(milliseconds=1)
    return shown("clock", row) | {
        "in_hours": found.in_hours if found else False,
        "remaining_ms": found.left // milliseconds if found else None,
        "overrun_ms": found.late // milliseconds if found and found.late else None,
        "used": round(found.used, 4) if found else None,
    }


def _print(page: Page, gauges: Sequence[Gauge | None], about: Mapping[str, About], house: House, now: datetime) -> None:
    bars = [_bar(row.record, found) for row, found in zip(page.rows, gauges, strict=True)]
    rows = [
        (
            f"{row.record['clock']} {row.record['n']}",
            row.record["state"],
            bar,
            _left(row.record, found, now),
            when(row.record["due_at"], house.zone),
            *about.get(row.record["case_id"], NOBODY),
            row.record["case_id"],
        )
        for row, found, bar in zip(page.rows, gauges, bars, strict=True)
    ]

    def paint(place: int, line: str) -> str:
        bar, colour = bars[place], _colour(page.rows[place].record, gauges[place])
        return line.replace(bar, typer.style(bar, fg=colour), 1) if bar and colour else line

    table(("CLOCK", "STATE", "", "LEFT", "DUE", "CONTACT", "SUBJECT", "CASE"), rows, "nothing is due", paint)


def _bar(clock: Json, found: Gauge | None) -> str:
    """How much of its time has gone; "!" where it is all gone, "=" where the clock stands still."""
    if clock["state"] == "paused":
        return f"[{'=' * BAR}]"
    if found is None:
        return ""
    if found.late:
        return f"[{'!' * BAR}]"
    filled = min(int(found.used * BAR), BAR)
    return f"[{'#' * filled}{'.' * (BAR - filled)}]"


def _left(clock: Json, found: Gauge | None, now: datetime) -> str:
    """What is left in words: by the clock on the wall, and in open time where that is less."""
    if clock["stopped_at"] is not None:
        return ""
    if clock["state"] == "paused":
        return "paused"
    if found is None:
        return "no due time"
    said = until(clock["due_at"], now).replace("late", "overdue")
    real = datetime.fromisoformat(clock["due_at"]) - now
    return f"{said}, {span(found.left)} open" if real > found.left + timedelta(minutes=1) else said


def _colour(clock: Json, found: Gauge | None) -> str | None:
    if clock["state"] == "paused" or found is None:
        return None
    if found.late:
        return "red"
    return "yellow" if found.used >= SOON else "green"
