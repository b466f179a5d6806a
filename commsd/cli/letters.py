"""`letters`: acknowledgements on paper that wait for a hand."""

import os

import typer

from commsd.cli.house import House, in_house
from commsd.cli.output import as_json, plain, table, until, when
from commsd.cli.place import example
from commsd.core import key
from commsd.core.interaction import Delivery
from commsd.core.record import Json, instant
from commsd.errors import ConfigError

app = typer.Typer()
letters_app = typer.Typer(help="Printed acknowledgements that wait to be posted.", no_args_is_help=True)
app.add_typer(letters_app, name="letters")

AN_ID = "0195a1b2-0000-7000-8000-000000000001"


@letters_app.command("list", epilog=example("commsd letters list", "commsd letters list --json"))
def list_letters(ctx: typer.Context, json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Letters to be printed and posted, the first due first, and where each lies."""
    from commsd.store import letters

    async def work(house: House) -> None:
        found = await house.log.read(letters.waiting)
        if json:
            as_json([_record(letter, house) for letter in found])
            return
        now = house.world.now()
        rows = [
            (
                plain(letter.recipient) or "unknown",
                when(letter.due_at, house.zone),
                until(letter.due_at, now),
                letter.id,
                _file(letter, house) or "not here",
            )
            for letter in found
        ]
        table(("TO", "POST BY", "", "ID", "FILE"), rows, "no letter waits")

    in_house(ctx, work)


@letters_app.command("posted", epilog=example(f"commsd letters posted {AN_ID} --agent anna"))
def posted(
    ctx: typer.Context,
    letter_id: str = typer.Argument(metavar="ID", help="Of the letter; it stands on its page."),
    agent: str | None = typer.Option(None, help="Who of us posted it.", show_default=False),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Say that a letter was posted: it counts as sent, and its page is taken out of the folder."""
    from commsd.channels.mail.posted import posted as after_posting
    from commsd.store import letters

    async def work(house: House) -> None:
        hand, terms = house.hand(agent), await house.terms()
        change = await house.decide(
            (key.of_delivery(letter_id),), lambda items: after_posting(letter_id, items, terms, hand)
        )
        letter = await house.log.read(lambda connection: letters.letter(connection, letter_id))
        if json and letter:
            as_json(_record(letter, house))
        else:
            typer.echo(f"letter {letter_id} is posted" if change.result else f"letter {letter_id} was posted before")

    in_house(ctx, work)


def _record(letter: Delivery, house: House) -> Json:
    return {
        "id": letter.id,
        "to": letter.recipient or None,
        "state": letter.state.value,
        "created_at": instant(letter.created_at),
        "post_by": instant(letter.due_at),
        "posted_at": instant(letter.settled_at) if letter.settled_at else None,
        "interaction_id": letter.interaction_id,
        "case_id": letter.case_id,
        "file": _file(letter, house),
    }


def _file(letter: Delivery, house: House) -> str | None:
    """Where its page lies; None where it does not, or on another machine."""
    from commsd.channels.mail.printing import file_path

    try:
        path = file_path(house.config.state_folder(os.environ), letter)
    except ConfigError:  # on this machine there is no state folder
        return None
    return str(path) if path.exists() else None
