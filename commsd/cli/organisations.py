"""`organisations`: the firms that people belong to, by what they are known, and which of them are one."""

import sys
from typing import Any

import typer
from sqlalchemy import Connection

from commsd.cli.firm import firm_named, firms_named, firms_to_merge, one, standing
from commsd.cli.house import House, in_house
from commsd.cli.output import as_json, card, name_of, plain, shown, shown_thing, table
from commsd.cli.place import example
from commsd.cli.standing import AT_ONCE, first_standing
from commsd.core import key
from commsd.core.organisation import Mark, Organisation
from commsd.core.record import Json
from commsd.crm import audit
from commsd.crm.audit import Audit
from commsd.crm.organisation_merge import all_move, delete_organisation, dropped, keys_for, merge_organisations
from commsd.crm.organisation_set import FirmChange, is_public_provider, mark_named, set_organisation
from commsd.crm.read_contact import checked
from commsd.errors import NotFound, Refused
from commsd.store import organisations as store
from commsd.store import query
from commsd.store.query import Row

app = typer.Typer()
organisations_app = typer.Typer(help="Firms that people belong to.", no_args_is_help=True)
app.add_typer(organisations_app, name="organisations")

MOST_SHOWN = 50
"""People of one that are printed; --json has all."""

DOMAIN = "acme.example"

Which = typer.Argument(metavar="WHICH", help="A domain, a number, hubspot:77, the whole name, or the id.")
Agent = typer.Option(None, help="Who of us does it.", show_default=False)
AsJson = typer.Option(False, "--json", help="Print JSON.")
Marks = tuple[Mark, ...]


@organisations_app.command(
    "list", epilog=example("commsd organisations list", "commsd organisations list --limit 500 --json")
)
def list_organisations(
    ctx: typer.Context,
    limit: int = typer.Option(100, min=1, help="How many at most."),
    json: bool = AsJson,
) -> None:
    """Organisations in the order they were made, without those that were merged or deleted."""

    async def work(house: House) -> None:
        found = await house.log.read(lambda connection: _first(connection, limit + 1))
        firms = [shown("organisation", row) for row in found[:limit]]
        if json:
            as_json(firms)
            return
        rows = [(firm["name"], _marks(firm), firm["tier"], firm["owner"], firm["id"]) for firm in firms]
        table(("NAME", "KNOWN BY", "TIER", "OWNER", "ID"), rows, "no organisations yet")
        if len(found) > limit:
            typer.echo(f"… and more; see them with --limit {limit * 2}")

    in_house(ctx, work)


@organisations_app.command(
    "show", epilog=example(f"commsd organisations show {DOMAIN}", 'commsd organisations show "Acme Ltd" --people')
)
def show(
    ctx: typer.Context,
    which: str = Which,
    people: bool = typer.Option(False, "--people", help="Also who belongs to it, not only how many."),
    json: bool = AsJson,
) -> None:
    """What is known of an organisation, and how many people it has.

    Of one that went into another, `merged_into` says which.
    """

    async def work(house: House) -> None:
        found = await firm_named(house, which)
        row = await house.log.read(lambda c: store.organisation(c, found))
        if row is None:
            raise NotFound("that organisation is there no more", remedy="list them: commsd organisations list")
        firm = shown("organisation", row)
        theirs = await house.log.read(lambda c: _people(c, found)) if people else []
        count = len(theirs) if people else await house.log.read(lambda c: store.people_count(c, found))
        if json:
            as_json({"organisation": firm, "people": theirs} if people else firm)
            return
        card(firm | {"people": f"{count:,}" + ("" if people or not count else ": see them with --people")}, house.zone)
        if people:
            typer.echo()
            rows = [(name_of(each), each["tier"], each["owner"], each["id"]) for each in theirs[:MOST_SHOWN]]
            table(("PERSON", "TIER", "OWNER", "ID"), rows, "nobody belongs to it")
        if len(theirs) > MOST_SHOWN:
            typer.echo(f"and {len(theirs) - MOST_SHOWN:,} more: --json names all")

    in_house(ctx, work)


def _field(what: str) -> Any:
    """An option that says nothing where it is not given."""
    return typer.Option(None, help=what, show_default=False)


@organisations_app.command(
    "set",
    epilog=example(
        f'commsd organisations set {DOMAIN} --name "Acme Ltd" --tier gold --owner anna',
        f'commsd organisations set "Acme Ltd" --add {DOMAIN} --add +493023125010',
    ),
)
def set_firm(
    ctx: typer.Context,
    which: str = Which,
    name: str | None = _field("How it is called."),
    tier: str | None = _field("By which the SLA rules tell customers apart; a person's own goes first."),
    owner: str | None = _field("Which of our people looks after it."),
    add: list[str] = typer.Option([], help="A domain, a number of the house or hubspot:77; may be repeated."),
    remove: list[str] = typer.Option([], help="One that is its own no longer; may be repeated."),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """Note what an organisation is; "" takes its tier or owner away. What is not named stays; a new one is made.

    Who writes from its domain is of it from then on, and a call from its number is nobody's of its people.
    """
    fields = {key: value for key, value in {"name": name, "tier": tier, "owner": owner}.items() if value is not None}
    if not which.strip():
        raise typer.BadParameter("say which: its domain, its number, its name or its id", param_hint="WHICH")
    if name is not None and not name.strip():
        raise typer.BadParameter("write how it is called: a name can be changed, not taken away", param_hint="--name")
    said = FirmChange(fields=fields, add=tuple(map(_mark, add)), remove=tuple(map(_mark, remove)))

    async def work(house: House) -> None:
        for field, value in fields.items():
            if value and (wrong := checked(field, value, house.config.firm.people)):
                raise Refused(f'"{value}" cannot be used as {field}', remedy=wrong)
        found = await firms_named(house, which)
        known = one(found) if found or _is_id(which) else None
        if known is None and is_public_provider(which):
            raise Refused(
                f"{which.strip()} is a public mail provider or an ending such as co.uk: nobody is of a firm by it",
                remedy='name the firm itself, by its name or a domain of its own: commsd organisations set "Acme Ltd"',
            )
        told = said if known else _made(which, said)
        _tell(
            await house.decide(await _keys(house, known, told), set_organisation(known, told, house.hand(agent))), json
        )

    in_house(ctx, work)


@organisations_app.command("merge", epilog=example(f'commsd organisations merge "Acme Limited" {DOMAIN} --agent anna'))
def merge(
    ctx: typer.Context,
    gone: str = typer.Argument(metavar="WHICH", help="The one that goes into the other, likewise."),
    into: str = typer.Argument(metavar="INTO", help="The one that stays."),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """Two organisations are one: domains, numbers, ids and people go along, and the name leads to the one that stays.

    The one that stays keeps its tier and owner, and takes those of the other where it has none.
    Rules that match the id of the one that goes must name the other from then on.
    """

    async def work(house: House) -> None:
        hand = house.hand(agent)
        other, named = await firms_to_merge(house, gone, into)
        stays = await standing(house, named)
        lost = await house.log.read(lambda c: dropped(c, other, stays))
        decide = merge_organisations(other, stays, hand)
        change = await house.decide(await keys_for(house.log, other, stays), decide)
        moved = await all_move(house.log, other, stays, hand)
        await _audited(house, audit.ORGANISATION_MERGED, hand.by, other, stays)
        firm = change.result
        assert isinstance(firm, Organisation)
        if json:
            as_json({"organisation": shown_thing(firm), "people": moved, "dropped": lost})
            return
        done = f"speaks for {other} too" if change.events else "is as it was"
        typer.echo(f"organisation {stays} {done}; people who went along: {moved:,}")
        for field, value in lost.items():
            typer.echo(
                f"the {field} of the one that went is dropped: {plain(value)}; it stays {plain(getattr(firm, field))}"
            )

    in_house(ctx, work)


@organisations_app.command("delete", epilog=example(f"commsd organisations delete {DOMAIN} --agent anna --yes"))
def delete(
    ctx: typer.Context,
    which: str = Which,
    yes: bool = typer.Option(False, "--yes", help="Do not ask."),
    agent: str | None = Agent,
    json: bool = AsJson,
) -> None:
    """An organisation is none any more. Its people stay, and are of none; what was recorded keeps its id."""
    if not yes:
        if not sys.stdin.isatty():
            raise Refused("deleting has no way back, and nobody is here to be asked", remedy="say it with --yes")
        typer.confirm("There is no way back. Delete this organisation?", abort=True, err=True)

    async def work(house: House) -> None:
        hand, gone = house.hand(agent), await firm_named(house, which)
        change = await house.decide(await keys_for(house.log, gone), delete_organisation(gone, hand))
        moved = await all_move(house.log, gone, None, hand)
        await _audited(house, audit.ORGANISATION_DELETED, hand.by, gone)
        left = change.result
        assert isinstance(left, Organisation)
        if json:
            as_json({"organisation": shown_thing(left), "people": moved})
            return
        typer.echo(f"organisation {gone} is deleted; people who are of none now: {moved:,}")

    in_house(ctx, work)


def _first(connection: Connection, limit: int) -> list[Row]:
    return list(first_standing(lambda after: store.organisations(connection, after=after, limit=AT_ONCE), limit))


def _people(connection: Connection, organisation_id: str) -> list[Json]:
    """Those who stand for themselves, in the order they were made."""
    ids = store.members(connection, store.family_of(connection, organisation_id))
    rows = [
        row
        for start in range(0, len(ids), AT_ONCE)
        for row in query.contacts_of(connection, ids[start : start + AT_ONCE]).values()
    ]
    return [shown("contact", row) for row in rows if not row.record.get("merged_into")]


def _marks(firm: Json) -> str:
    external = (f"{mark['kind']}:{mark['value']}" for mark in firm["external"])
    return ", ".join((*firm["domains"], *firm["numbers"], *external))


def _mark(text: str) -> Mark:
    mark = mark_named(text)
    if mark is None:
        raise typer.BadParameter(
            "write a domain of its own, a number with its country code, or a system's id: hubspot:77"
        )
    return mark


def _is_id(text: str) -> bool:
    return len(text) == 36 and text.count("-") == 4


def _made(which: str, said: FirmChange) -> FirmChange:
    """What is said of one that nobody knows yet: by what it was named, it is known."""
    mark = mark_named(which)
    if mark is not None:
        return FirmChange(fields=said.fields, add=tuple(dict.fromkeys((mark, *said.add))), remove=said.remove)
    return FirmChange(fields={"name": " ".join(which.split()), **said.fields}, add=said.add, remove=said.remove)


async def _keys(house: House, known: str | None, said: FirmChange) -> tuple[str, ...]:
    claimed = (*said.add, *said.remove)
    theirs = await house.log.read(
        lambda c: (*store.keys_of_ids(c, [known] if known else []), *store.keys_of(c, claimed))
    )
    name = said.fields.get("name")
    return (*theirs, *((key.of_organisation_called(name),) if name else ()))


def _tell(change: Any, json: bool) -> None:
    firm = change.result
    assert isinstance(firm, Organisation)
    if json:
        as_json(shown_thing(firm))
        return
    done = "is as it was" if not change.events else "is new" if firm.revision == 1 else "is changed"
    typer.echo(f"organisation {firm.id} {done}")


async def _audited(house: House, what: str, caller: str, *about: str) -> None:
    book = Audit(house.log, house.world)
    await book.write(book.row(what, caller=caller, about=about))
