"""`keys`: what CRM systems log in with, and what was done and refused to them."""

from datetime import timedelta

import typer

from commsd.cli.house import House, in_house
from commsd.cli.moment import coming, moment
from commsd.cli.output import as_json, table, when
from commsd.cli.place import example
from commsd.core.record import Json, instant
from commsd.crm.audit import record_of
from commsd.crm.keys import SCOPES, Keys, id_of
from commsd.errors import NotFound, TryAgain
from commsd.store import audit as store
from commsd.store.keys import KeyRow

app = typer.Typer()
keys_app = typer.Typer(help="API keys: what CRM systems log in with.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")

MOST_LISTED = 10_000
_JSON = typer.Option(False, "--json", help="Print JSON.")
_ROTATED = timedelta(days=7)


@keys_app.command(
    "add",
    epilog=example(
        "commsd keys add crm --scope events:read --scope callbacks:write",
        "commsd keys add crm --scope events:read --until 90d --network 192.0.2.0/24",
    ),
)
def add(
    ctx: typer.Context,
    name: str = typer.Argument(metavar="NAME", help="What people know it by."),
    scope: list[str] = typer.Option([], "--scope", metavar="S", help=f"What it may do: {', '.join(SCOPES)}."),
    until: str = typer.Option("", "--until", metavar="TIME", help="When it ends, such as 90d or 2027-01-01."),
    network: list[str] = typer.Option([], "--network", metavar="CIDR", help="From where alone it is good."),
) -> None:
    """Make a key and print it, alone on the last line; nothing can show it again."""

    async def work(house: House) -> None:
        ends = coming(until, house.zone, house.world.now(), "--until") if until else None
        keys, by = Keys(house.log, house.world), house.hand(None).by
        await _handed_over(await keys.add(name, scope, expires_at=ends, networks=network, by=by), keys, by)

    in_house(ctx, work)


@keys_app.command("rotate", epilog=example("commsd keys rotate crm", "commsd keys rotate crm --until 1h"))
def rotate(
    ctx: typer.Context,
    name: str = typer.Argument(metavar="NAME", help="Its name."),
    until: str = typer.Option("", "--until", metavar="TIME", help="How long the former one is still good; usually 7d."),
) -> None:
    """Make a further key of the same name, scopes and networks, and print it; the former one ends later."""

    async def work(house: House) -> None:
        now = house.world.now()
        ends = coming(until, house.zone, now, "--until") if until else now + _ROTATED
        keys, by = Keys(house.log, house.world), house.hand(None).by
        try:
            await _handed_over(await keys.rotate(name, ends, by=by), keys, by)
        except OSError as error:
            raise TryAgain(
                f"the output cannot be written: {error.strerror}; the further key is revoked, the former one ends",
                remedy=f"make room there, then make another: commsd keys add {name} --scope ...",
            ) from error

    in_house(ctx, work)


@keys_app.command("list", epilog=example("commsd keys list"))
def list_keys(ctx: typer.Context, json: bool = _JSON) -> None:
    """Every key ever made, oldest first."""

    async def work(house: House) -> None:
        found = await Keys(house.log, house.world).all()
        if json:
            as_json(list(map(_record, found)))
            return
        rows = [
            (
                row.name,
                when(row.created_at, house.zone),
                when(row.expires_at, house.zone),
                when(row.revoked_at, house.zone),
                when(row.last_used_at, house.zone),
                ", ".join((*row.scopes, *(f"from {network}" for network in row.networks))),
            )
            for row in found
        ]
        table(("NAME", "MADE", "ENDS", "REVOKED", "USED", "MAY"), rows, "no key was made")

    in_house(ctx, work)


@keys_app.command("revoke", epilog=example("commsd keys revoke crm"))
def revoke(ctx: typer.Context, name: str = typer.Argument(metavar="NAME", help="Its name or id.")) -> None:
    """End a key at once, with the one it was rotated from; by its id, one alone."""

    async def work(house: House) -> bool:
        return await Keys(house.log, house.world).revoke(name, by=house.hand(None).by)

    if not in_house(ctx, work):
        raise NotFound(f"no key in force is called {name}", remedy="list them: commsd keys list")
    typer.echo(f"revoked {name}")


@keys_app.command("audit", epilog=example("commsd keys audit --what request.denied", "commsd keys audit --json"))
def audit(
    ctx: typer.Context,
    since: str = typer.Option("", "--since", metavar="TIME", help="Not before then."),
    what: str = typer.Option("", "--what", metavar="WHAT", help="Such as personal.read, request.denied, key.added."),
    caller: str = typer.Option("", "--caller", metavar="WHO", help="Such as key:crm or cli:anna."),
    json: bool = _JSON,
) -> None:
    """Who was refused, who changed keys and webhooks, who read about people; oldest first, ids alone."""

    async def work(house: House) -> None:
        begin = moment(since, house.zone, "--since") if since else None
        found = await house.log.read(
            lambda c: store.audited(c, limit=MOST_LISTED, what=what or None, caller=caller or None, since=begin)
        )
        if json:
            as_json(list(map(record_of, found)))
            return
        rows = [
            (when(row.at, house.zone), row.caller, row.what, row.outcome, row.route or "", _few(row.about))
            for row in found
        ]
        table(("AT", "WHO", "WHAT", "OUTCOME", "ROUTE", "ABOUT"), rows, "nothing was written down")

    in_house(ctx, work)


async def _handed_over(text: str, keys: Keys, by: str) -> None:
    """Print a key. One that could not be printed is revoked: nobody has seen it, and nothing can show it again."""
    try:
        _tell(text)
    except OSError:
        await keys.revoke(id_of(text), by=by)
        raise


def _tell(text: str) -> None:
    typer.echo("Keep this key where the other system reads it; it is not shown again.")
    typer.echo(text)


def _few(about: tuple[str, ...]) -> str:
    return about[0] + (f" and {len(about) - 1} more" if len(about) > 1 else "") if about else ""


def _record(row: KeyRow) -> Json:
    return {
        "id": row.id,
        "name": row.name,
        "scopes": list(row.scopes),
        "networks": list(row.networks),
        "created_at": instant(row.created_at),
        "expires_at": instant(row.expires_at) if row.expires_at else None,
        "last_used_at": instant(row.last_used_at) if row.last_used_at else None,
        "revoked_at": instant(row.revoked_at) if row.revoked_at else None,
    }
