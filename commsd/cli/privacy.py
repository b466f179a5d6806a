"""`contacts export` and `contacts erase`: a person's data as a folder for them, and gone."""

import os
import sys
from collections.abc import Callable
from pathlib import Path

import typer

from commsd.cli.house import House, in_house
from commsd.cli.output import as_json, counted
from commsd.cli.place import example
from commsd.crm import audit
from commsd.crm.audit import Audit
from commsd.errors import CommsdError, ConfigError, NotFound, Refused
from commsd.store import contacts

WHOM = "jane@example.org"

Who = typer.Argument(metavar="WHO", help="A number with its country code, an address, or the id.")
Agent = typer.Option(None, help="Who of us does it.", show_default=False)
AsJson = typer.Option(False, "--json", help="Print JSON.")


def register(people: typer.Typer) -> None:
    """Make both commands of `contacts`."""
    people.command("export", epilog=example(f"commsd contacts export {WHOM} --to jane/"))(export)
    people.command(
        "erase",
        epilog=example(
            f"commsd contacts erase {WHOM}", f"commsd contacts erase {WHOM} --even-if-owed --agent anna --yes"
        ),
    )(erase)


def export(
    ctx: typer.Context,
    who: str = Who,
    to: Path = typer.Option(..., "--to", metavar="DIR", help="A folder that is new or empty."),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """Everything kept of somebody: index.html to read, person.json for programs, and the originals."""

    async def work(house: House) -> None:
        from commsd.crm.person_export import export_person, prepared

        contact_id, by = await _one(house, who), house.hand(agent).by
        try:
            people = await prepared(house.log, contact_id, to)
        except CommsdError:
            await _audited(house, audit.EXPORTED, by, contact_id, audit.REFUSED)
            raise
        await _audited(house, audit.EXPORTED, by, contact_id)
        counts = await export_person(house.log, people, to, house.zone, house.world.now(), _tell("exported"))
        if json:
            as_json({"contact": contact_id, "folder": str(to), **counts})
            return
        held = f"{counted(counts['interactions'], 'interaction')} and {counted(counts['originals'], 'original')}"
        typer.echo(f"kept in {to}/: {held}")
        typer.echo("it is their data: hand it over, then delete the folder")

    in_house(ctx, work)


def erase(
    ctx: typer.Context,
    who: str = Who,
    even_if_owed: bool = typer.Option(False, "--even-if-owed", help="Close what is owed to them, instead of refusing."),
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """Erase somebody: nothing personal is left, here or in the feed, and CRM systems are told to erase too."""
    if not yes:
        if not sys.stdin.isatty():
            raise Refused("erasing has no way back, and nobody is here to be asked", remedy="say it with --yes")
        typer.confirm("There is no way back. Erase this person?", abort=True, err=True)

    async def work(house: House) -> None:
        from commsd.crm.erasure import erase as erase_person
        from commsd.store.last_traces import let_go_of_traces

        contact_id, hand = await _one(house, who), house.hand(agent)
        terms = await house.terms()
        done = await erase_person(house.log, contact_id, hand, terms, even_if_owed=even_if_owed, tell=_tell("erased"))
        await _audited(house, audit.ERASED, hand.by, contact_id)
        await _tidy_letters(house)
        clean = await let_go_of_traces(house.log.engine.tidy, house.world)
        if json:
            counts = {"interactions": done.interactions, "cases": done.cases, "callbacks": done.callbacks}
            as_json({"contacts": done.contacts, **counts, "mentions": done.mentions, "tidy": clean})
            return
        went = f"{counted(done.interactions, 'interaction')}, {counted(done.cases, 'case')}"
        typer.echo(f"contact {done.contacts[0]} is erased: {went}")
        typer.echo("backups and exports made before still hold them: see config/README.md")
        if not clean:
            typer.echo("the database was in use: run it once more, so that it lets go of the last traces too", err=True)

    in_house(ctx, work)


async def _one(house: House, who: str) -> str:
    """The id of whoever is meant; also of somebody erased, by id. Raises NotFound, Refused."""
    found = await house.log.read(lambda connection: contacts.ids_of(connection, who))
    if not found:
        raise NotFound("nobody is known by that", remedy="write a number with its country code, an address, or the id")
    if len(found) > 1:
        raise Refused("several people are known by that", remedy=f"name one by id: {', '.join(found)}")
    return found[0]


async def _audited(house: House, what: str, caller: str, contact_id: str, outcome: str = audit.DONE) -> None:
    book = Audit(house.log, house.world)
    await book.write(book.row(what, caller=caller, about=(contact_id,), outcome=outcome))


async def _tidy_letters(house: House) -> None:
    """Printed pages of letters that are not to be posted any more."""
    from commsd.channels.mail.printing import FOLDER, file_name, tidy
    from commsd.store.letters import waiting

    try:
        folder = house.config.state_folder(os.environ) / FOLDER
    except ConfigError:  # on this machine there is no state folder
        return
    letters = await house.log.read(waiting)
    tidy(folder, frozenset(map(file_name, letters)))


def _tell(what: str) -> Callable[[int, int], None]:
    """Says on a terminal how many of how many are done."""

    def tell(done: int, of: int) -> None:
        if sys.stderr.isatty():
            typer.echo(f"\r{what} {done} of {of}", nl=done >= of, err=True)

    return tell
