"""What `contacts show --timeline` prints: one person over all channels, what is owed and what happened."""

import typer

from commsd.cli.house import House
from commsd.cli.logbook import line
from commsd.cli.output import as_json, card, shown, until, when
from commsd.core.record import Json
from commsd.errors import NotFound
from commsd.store.person import Person, person
from commsd.store.query import Place

AT_ONCE = 500
"""Interactions read at a time."""

Past = typer.Option(False, "--timeline", help="Also what is owed, and all that happened, newest first.")


async def tell(house: House, contact: Json, *, json: bool) -> None:
    """The contact, what is owed and the whole past; with json one object with `contact`, `owed` and `timeline`."""
    found = await _page(house, contact["id"], None)
    past = [shown("interaction", row) for row in found.past.rows]
    page = found.past
    while page.next is not None:
        page = (await _page(house, contact["id"], page.next)).past
        past += [shown("interaction", row) for row in page.rows]
    owed = [shown("clock", row) for row in found.clocks]
    calls = [shown("callback", row) for row in found.calls]
    if json:
        as_json({"contact": contact, "owed": owed, "callbacks": calls, "timeline": past})
        return
    card(contact, house.zone)
    now = house.world.now()
    typer.echo("\nowed")
    for clock in owed:
        due = when(clock["due_at"], house.zone)
        typer.echo(f"  {clock['clock']}  {due}, {until(clock['due_at'], now)}  case {clock['case_id']}")
    for call in calls:
        typer.echo(f"  callback {call['state']}  {call['id']}")
    if not owed and not calls:
        typer.echo("  nothing")
    typer.echo("\nwhat happened")
    for each in past:
        typer.echo(f"  {line(each, house)}")


async def _page(house: House, contact_id: str, after: Place | None) -> Person:
    found = await house.log.read(lambda connection: person(connection, contact_id, after=after, limit=AT_ONCE))
    if found is None:
        raise NotFound("that contact is there no more", remedy="look for it by an address: commsd contacts show WHO")
    return found
