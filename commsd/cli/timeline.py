"""What `contacts show --timeline` prints: one person over all channels, what is owed and what happened."""

import typer

from commsd.cli.house import House
from commsd.cli.logbook import line
from commsd.cli.output import shown, until, when
from commsd.core.record import Json
from commsd.errors import NotFound
from commsd.store.person import Person, person
from commsd.store.query import Place

AT_ONCE = 500
"""Interactions read at a time."""

Past = typer.Option(False, "--timeline", help="Also what is owed, and all that happened, newest first.")


async def past_of(house: House, contact_id: str) -> Json:
    """What is owed, and the whole past: `owed`, `callbacks` and `timeline`."""
    found = await _page(house, contact_id, None)
    past = [shown("interaction", row) for row in found.past.rows]
    page = found.past
    while page.next is not None:
        page = (await _page(house, contact_id, page.next)).past
        past += [shown("interaction", row) for row in page.rows]
    owed = [shown("clock", row) for row in found.clocks]
    calls = [shown("callback", row) for row in found.calls]
    return {"owed": owed, "callbacks": calls, "timeline": past}


def tell(found: Json, house: House) -> None:
    """Print it, a line each."""
    now = house.world.now()
    typer.echo("\nowed")
    for clock in found["owed"]:
        due = when(clock["due_at"], house.zone)
        typer.echo(f"  {clock['clock']}  {due}, {until(clock['due_at'], now)}  case {clock['case_id']}")
    for call in found["callbacks"]:
        typer.echo(f"  callback {call['state']}  {call['id']}")
    if not found["owed"] and not found["callbacks"]:
        typer.echo("  nothing")
    typer.echo("\nwhat happened")
    for each in found["timeline"]:
        typer.echo(f"  {line(each, house)}")


async def _page(house: House, contact_id: str, after: Place | None) -> Person:
    found = await house.log.read(lambda connection: person(connection, contact_id, after=after, limit=AT_ONCE))
    if found is None:
        raise NotFound("that contact is there no more", remedy="look for it by an address: commsd contacts show WHO")
    return found
