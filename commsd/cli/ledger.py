"""`ledger` and `clocks`: everything that is owed, and when."""

from datetime import datetime, timedelta

import typer

from commsd.cli.house import House, in_house
from commsd.cli.output import as_json, shown, table, until, when
from commsd.cli.place import example
from commsd.config.unit import duration
from commsd.core.ledger import Debt, debts
from commsd.core.record import instant
from commsd.store import query
from commsd.store.debts import books
from commsd.store.query import Row

app = typer.Typer()

FINDINGS = 1


@app.command(epilog=example("commsd ledger", "commsd ledger --json"))
def ledger(ctx: typer.Context, json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """All debts: what is owed to whom by when. Exit 1 where something is wrong; late but told is not."""

    async def work(house: House) -> bool:
        now = house.world.now()
        found = debts(await house.log.read(lambda connection: books(connection, now)), now)
        if json:
            as_json([_record(debt) for debt in found])
        else:
            _print(found, house, now)
        return any(debt.wrong for debt in found)

    raise typer.Exit(FINDINGS if in_house(ctx, work) else 0)


def _record(debt: Debt) -> dict[str, object]:
    due = instant(debt.due_at) if debt.due_at else None
    return {"kind": debt.kind.value, "id": debt.id, "what": debt.what, "due_at": due, "wrong": debt.wrong}


def _print(found: tuple[Debt, ...], house: House, now: datetime) -> None:
    rows = [
        ("WRONG" if debt.wrong else "", debt.what, when(debt.due_at, house.zone), until(debt.due_at, now), debt.id)
        for debt in found
    ]
    table(("", "WHAT", "DUE", "", "ID"), rows, "nothing is owed")
    wrong = sum(debt.wrong for debt in found)
    if found:
        look = "; see `commsd explain ID`" if wrong else ""
        typer.echo(f"{len(found)} owed, {wrong or 'none'} of them wrong{look}")


@app.command(epilog=example("commsd clocks --due 1h", "commsd clocks --all --json"))
def clocks(
    ctx: typer.Context,
    due: str = typer.Option("", metavar="TIME", help="Only what is due within this time, such as 1h; or late."),
    every: bool = typer.Option(False, "--all", help="Also clocks that are met or cancelled."),
    limit: int = typer.Option(100, min=1, help="How many at most."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """What is due when, the longest due first."""
    within = _within(due)

    async def work(house: House) -> None:
        now = house.world.now()
        before = now + within if within is not None else None
        page = await house.log.read(lambda c: query.clocks(c, due_before=before, every=every, limit=limit))
        if json:
            as_json([shown("clock", row) for row in page.rows])
            return
        table(("CLOCK", "STATE", "DUE", "", "CASE"), [_row(row, house, now) for row in page.rows], "nothing is due")
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


def _row(row: Row, house: House, now: datetime) -> tuple[object, ...]:
    clock = row.record
    left = until(clock["due_at"], now) if clock["stopped_at"] is None else ""
    return f"{clock['clock']} {clock['n']}", clock["state"], when(clock["due_at"], house.zone), left, clock["case_id"]
