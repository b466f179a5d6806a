"""`ledger`: everything that is owed, and what is wrong with it."""

from collections.abc import Sequence, Set
from datetime import datetime

import typer
from sqlalchemy import Connection

from commsd.cli.house import House, in_house, mailboxes_of
from commsd.cli.output import as_json, name_of, shown, table, until, when
from commsd.cli.place import example
from commsd.core.ledger import Debt, debts
from commsd.core.record import instant
from commsd.store import query
from commsd.store.debts import AT_ONCE, books, cases_of

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
        found, cases, about = await house.log.read(
            lambda connection: _read(connection, now, mailboxes_of(house.config))
        )
        if json:
            as_json([_record(debt) for debt in found])
        else:
            _print(found, {debt.id: about.get(cases.get(debt.id, ""), NOBODY) for debt in found}, house, now)
        return any(debt.wrong for debt in found)

    raise typer.Exit(FINDINGS if in_house(ctx, work) else 0)


def _read(
    connection: Connection, now: datetime, mailboxes: Set[str]
) -> tuple[tuple[Debt, ...], dict[str, str], dict[str, About]]:
    found = debts(books(connection, now), now, mailboxes)
    cases = cases_of(connection, [debt.id for debt in found])
    return found, cases, about_cases(connection, list(cases.values()))


def about_cases(connection: Connection, case_ids: Sequence[str]) -> dict[str, About]:
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
            f"{debt.what}{_told(debt, house)}",
            when(debt.due_at, house.zone),
            until(debt.due_at, now),
            *about[debt.id],
            debt.id,
        )
        for debt in found
    ]
    if house.config.observing:
        typer.echo(f"observe mode for {', '.join(house.config.observing)}: customers get nothing")
    table(("", "WHAT", "DUE", "", "CONTACT", "SUBJECT", "ID"), rows, "nothing is owed")
    wrong = sum(debt.wrong for debt in found)
    if found:
        look = "; see `commsd explain ID`" if wrong else ""
        typer.echo(f"{len(found)} owed, {wrong or 'none'} of them wrong{look}")


def _told(debt: Debt, house: House) -> str:
    """The time the customer was told, in few characters: what is owed is told beside it."""
    return f" {debt.promised_at.astimezone(house.zone):%a %H:%M}" if debt.promised_at else ""
