"""`contacts list`: who is on record, and how they wish to be served."""

import typer
from sqlalchemy import Connection

from commsd.cli.house import House, in_house
from commsd.cli.output import as_json, as_typed, shown, table
from commsd.cli.place import example
from commsd.cli.standing import AT_ONCE, first_standing
from commsd.core.record import Json
from commsd.store import query
from commsd.store.query import Row

_WISHES = {"no_calls": "no calls", "write_only": "writing only", "call_only": "calls only", "brief": "few words"}


def register(app: typer.Typer) -> None:
    """Put the command into the group."""
    app.command("list", epilog=example("commsd contacts list", "commsd contacts list --limit 500 --json"))(list_people)


def list_people(
    ctx: typer.Context,
    limit: int = typer.Option(100, min=1, help="How many at most."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """People in the order they were made, without those that were merged or erased."""

    async def work(house: House) -> None:
        found = await house.log.read(lambda connection: _first(connection, limit + 1))
        people = [shown("contact", row) for row in found[:limit]]
        if json:
            as_json(people)
            return
        table(("NAME", "KNOWN BY", "TIER", "OWNER", "WISHES", "ID"), [_row(each) for each in people], "nobody yet")
        if len(found) > limit:
            typer.echo(f"… and more; see them with --limit {limit * 2}")

    in_house(ctx, work)


def _first(connection: Connection, limit: int) -> list[Row]:
    return list(first_standing(lambda after: query.contacts(connection, after=after, limit=AT_ONCE), limit))


def _row(known: Json) -> tuple[str | None, ...]:
    by = ", ".join(map(as_typed, (*known["identities"], *known["shared"])))
    return known["name"], by, known["tier"], known["owner"], _wishes(known), known["id"]


def _wishes(known: Json) -> str:
    wishes = known["wishes"]
    said = [words for name, words in _WISHES.items() if wishes[name]]
    return ", ".join((*(["blocked"] if known["blocked"] else []), *said, *filter(None, [wishes["hours"]])))
