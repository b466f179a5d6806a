"""What `contacts show --cases` prints: the cases of one person, the open ones first."""

import typer
from sqlalchemy import Connection

from commsd.cli.cases import clocks_by_case, next_due, state_of
from commsd.cli.house import House
from commsd.cli.output import shown, table, when
from commsd.core.record import Json
from commsd.store import query
from commsd.store.query import Place

AT_ONCE = 500
"""Cases read at a time."""

Cases = typer.Option(False, "--cases", help="Also their cases: the open ones, then the closed ones, newest first.")


async def cases_of(house: House, contact_id: str) -> Json:
    """All their cases, as `cases`."""
    return {"cases": await house.log.read(lambda connection: _cases(connection, contact_id))}


def tell(found: Json, house: House) -> None:
    """Print them, a line each."""
    typer.echo()
    headings = ("STATE", "SUBJECT", "OWNER", "NEXT", "DUE", "", "OPENED", "ID")
    table(headings, [_row(case, house) for case in found["cases"]], "no cases")


def _cases(connection: Connection, contact_id: str) -> list[Json]:
    found: list[Json] = []
    for state in ("open", "closed"):
        after: Place | None = None
        while True:
            page = query.cases(connection, state=state, contact=contact_id, after=after, limit=AT_ONCE)
            clocks = clocks_by_case(connection, [row.record["id"] for row in page.rows])
            found += [shown("case", row) | {"clocks": clocks.get(row.record["id"], [])} for row in page.rows]
            if page.next is None:
                break
            after = page.next
    return found


def _row(case: Json, house: House) -> tuple[object, ...]:
    opened, owner = when(case["opened_at"], house.zone), case["owner"] or case["team"]
    return state_of(case), case["subject"], owner, *next_due(case, house), opened, case["id"]
