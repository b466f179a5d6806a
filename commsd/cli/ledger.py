"""`ledger` and `clocks`: everything that is owed, and when."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import typer
from sqlalchemy import Connection

from commsd.cli.house import House, in_house
from commsd.cli.output import as_json, name_of, shown, table, until, when
from commsd.cli.place import example
from commsd.config.unit import duration
from commsd.core.ledger import Debt, debts
from commsd.core.record import instant
from commsd.store import query
from commsd.store.debts import AT_ONCE, books, cases_of
from commsd.store.query import Page, Row

app = typer.Typer()

FINDINGS = 1

About = tuple[str | None, str | None]
"""Contact and subject of a case."""

NOBODY: About = (None, None)


@app.command(epilog=example("commsd ledger", "commsd ledger --json"))
def ledger(ctx: typer.Context, json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """All debts: what is owed to whom by when. Exit 1 where something is wrong; late but told is not."""

    async def work(house: House) -> bool:
        now = house.world.now()
        found, cases, about = await house.log.read(lambda connection: _read(connection, now))
        if json:
            as_json([_record(debt) for debt in found])
        else:
            _print(found, {debt.id: about.get(cases.get(debt.id, ""), NOBODY) for debt in found}, house, now)
        return any(debt.wrong for debt in found)

    raise typer.Exit(FINDINGS if in_house(ctx, work) else 0)


def _read(connection: Connection, now: datetime) -> tuple[tuple[Debt, ...], dict[str, str], dict[str, About]]:
    found = debts(books(connection, now), now)
    cases = cases_of(connection, [debt.id for debt in found])
    return found, cases, _about(connection, list(cases.values()))


def _about(connection: Connection, case_ids: Sequence[str]) -> dict[str, About]:
    """Contact and subject of these cases, by id."""
    unique = list(dict.fromkeys(case_ids))
    parts = [unique[start : start + AT_ONCE] for start in range(0, len(unique), AT_ONCE)]
    cases = [shown("case", row) for part in parts for row in query.cases_of(connection, part).values()]
    names: dict[str, str | None] = {}
    for start in range(0, len(cases), AT_ONCE):
        wanted = [case["contact_id"] for case in cases[start : start + AT_ONCE] if case["contact_id"]]
        people = query.contacts_of(connection, wanted)
        names |= {contact_id: name_of(shown("contact", row)) for contact_id, row in people.items()}
    return {case["id"]: (names.get(case["contact_id"]), case["subject"]) for case in cases}


def _record(debt: Debt) -> dict[str, object]:
    due = instant(debt.due_at) if debt.due_at else None
    told = instant(debt.promised_at) if debt.promised_at else None
    return {
        "kind": debt.kind.value,
        "id": debt.id,
        "what": debt.what,
        "due_at": due,
        "promised_at": told,
        "wrong": debt.wrong,
    }


def _print(found: tuple[Debt, ...], about: dict[str, About], house: House, now: datetime) -> None:
    rows = [
        (
            "WRONG" if debt.wrong else "",
            f"{debt.what} ({when(debt.promised_at, house.zone)})" if debt.promised_at else debt.what,
            when(debt.due_at, house.zone),
            until(debt.due_at, now),
            *about[debt.id],
            debt.id,
        )
        for debt in found
    ]
    table(("", "WHAT", "DUE", "", "CONTACT", "SUBJECT", "ID"), rows, "nothing is owed")
    wrong = sum(debt.wrong for debt in found)
    if found:
        look = "; see `commsd explain ID`" if wrong else ""
        typer.echo(f"{len(found)} owed, {wrong or 'none'} of them wrong{look}")


@app.command(epilog=example("commsd clocks --due 1h", "commsd clocks --all --json"))
def clocks(
    ctx: typer.Context,
    due: str = typer.Option("", metavar="TIME", help="Only what is late, or due within this time, such as 1h."),
    every: bool = typer.Option(False, "--all", help="Also clocks that are met or cancelled."),
    limit: int = typer.Option(100, min=1, help="How many at most."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """What is due when, the longest due first."""
    within = _within(due)

    async def work(house: House) -> None:
        now = house.world.now()
        before = now + within if within is not None else None

        def read(connection: Connection) -> tuple[Page, dict[str, About]]:
            page = query.clocks(connection, due_before=before, every=every, limit=limit)
            return page, _about(connection, [row.record["case_id"] for row in page.rows])

        page, about = await house.log.read(read)
        if json:
            as_json([shown("clock", row) for row in page.rows])
            return
        headings = ("CLOCK", "STATE", "DUE", "", "CONTACT", "SUBJECT", "CASE")
        table(headings, [_row(row, about, house, now) for row in page.rows], "nothing is due")
        if page.next:
            typer.echo(f"… and more; see them with --limit {limit * 2}")

    in_house(ctx, work)


def _within(due: str) -> timedelta | None:
    if not due:
        return None
    length = duration(due)
    if length is None:
        raise typer.BadParameter(f'"{due}" is no duration: write a number and a unit, such as 1h', param_hint="--due")
    return length


def _row(row: Row, about: dict[str, About], house: House, now: datetime) -> tuple[object, ...]:
    clock, case_id = row.record, row.record["case_id"]
    left = until(clock["due_at"], now) if clock["stopped_at"] is None else ""
    name = f"{clock['clock']} {clock['n']}"
    return name, clock["state"], when(clock["due_at"], house.zone), left, *about.get(case_id, NOBODY), case_id
