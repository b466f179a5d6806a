"""`contacts`: who wants no calls, and whose calls make none."""

import typer

from commsd.cli.house import House, in_house
from commsd.cli.output import as_json, card, shown, shown_thing
from commsd.cli.place import example
from commsd.core import key
from commsd.core.change import Change
from commsd.core.contact import identity_of
from commsd.crm.actions import Decide
from commsd.crm.contact_actions import block_contact, set_calls
from commsd.errors import NotFound
from commsd.store import contacts

app = typer.Typer()
contacts_app = typer.Typer(help="People who write and ring.", no_args_is_help=True)
app.add_typer(contacts_app, name="contacts")

A_NUMBER = "+493023125099"

Who = typer.Argument(metavar="WHO", help="A number with its country code, an address, or the id.")
Agent = typer.Option(None, help="Who of us does it.", show_default=False)
AsJson = typer.Option(False, "--json", help="Print JSON.")


@contacts_app.command("show", epilog=example(f"commsd contacts show {A_NUMBER}"))
def show(ctx: typer.Context, who: str = Who, json: bool = AsJson) -> None:
    """What is known of somebody."""

    async def work(house: House) -> None:
        row = await house.log.read(lambda connection: contacts.found(connection, who))
        if row is None:
            raise NotFound("nobody is known by that", remedy="write a number with its country code, or an address")
        known = shown("contact", row)
        if json:
            as_json(known)
        else:
            card(known, house.zone)

    in_house(ctx, work)


@contacts_app.command(
    "block",
    epilog=example(f"commsd contacts block {A_NUMBER} --agent anna", f"commsd contacts block {A_NUMBER} --undo"),
)
def block(
    ctx: typer.Context,
    who: str = Who,
    undo: bool = typer.Option(False, "--undo", help="Their calls make callbacks again."),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """Keep the record of somebody's calls, and owe them none. Calls owed now are held for a person to close."""

    async def work(house: House) -> None:
        change = await _decided(house, who, block_contact(who, house.hand(agent), blocked=not undo))
        _say(change, "is blocked no longer" if undo else "is blocked", json)

    in_house(ctx, work)


@contacts_app.command("set", epilog=example(f"commsd contacts set {A_NUMBER} --no-calls"))
def set_contact(
    ctx: typer.Context,
    who: str = Who,
    calls: bool = typer.Option(..., "--calls/--no-calls", help="Whether they want to be rung."),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """Note what somebody wishes. With --no-calls nothing is rung but what they ask for afterwards."""

    async def work(house: House) -> None:
        change = await _decided(house, who, set_calls(who, house.hand(agent), wanted=calls))
        _say(change, "may be rung" if calls else "wants no calls", json)

    in_house(ctx, work)


async def _decided(house: House, who: str, decide: Decide) -> Change:
    keys = await house.log.read(lambda connection: contacts.keys_of(connection, who))
    identity = identity_of(who)
    return await house.decide(keys or ((key.of_identity(identity),) if identity else ()), decide)


def _say(change: Change, what: str, json: bool) -> None:
    (contact,) = change.contacts
    if json:
        as_json(shown_thing(contact))
        return
    typer.echo(f"contact {contact.id} {what}")
    for callback in change.callbacks:
        typer.echo(f"callback {callback.id} is held: commsd callbacks close {callback.id} --agent NAME --note TEXT")
