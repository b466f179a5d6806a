"""`keys`: what CRM systems log in with."""

import typer

from commsd.cli.house import House, in_house
from commsd.cli.output import as_json, table, when
from commsd.cli.place import example
from commsd.core.record import instant
from commsd.crm.keys import SCOPES, Keys
from commsd.errors import NotFound

app = typer.Typer()
keys_app = typer.Typer(help="API keys: what CRM systems log in with.", no_args_is_help=True)
app.add_typer(keys_app, name="keys")


@keys_app.command("add", epilog=example("commsd keys add crm --scope events:read --scope callbacks:write"))
def add(
    ctx: typer.Context,
    name: str = typer.Argument(metavar="NAME", help="What people know it by."),
    scope: list[str] = typer.Option([], "--scope", metavar="S", help=f"What it may do: {', '.join(SCOPES)}."),
) -> None:
    """Make a key and print it, alone on the last line; nothing can show it again."""

    async def work(house: House) -> str:
        return await Keys(house.log, house.world).add(name, scope)

    text = in_house(ctx, work)
    typer.echo("Keep this key where the other system reads it; it is not shown again.")
    typer.echo(text)


@keys_app.command("list", epilog=example("commsd keys list"))
def list_keys(ctx: typer.Context, json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Every key ever made, oldest first."""

    async def work(house: House) -> None:
        found = await Keys(house.log, house.world).all()
        if json:
            as_json(
                [
                    {
                        "id": row.id,
                        "name": row.name,
                        "scopes": list(row.scopes),
                        "created_at": instant(row.created_at),
                        "revoked_at": instant(row.revoked_at) if row.revoked_at else None,
                    }
                    for row in found
                ]
            )
            return
        rows = [
            (row.name, when(row.created_at, house.zone), when(row.revoked_at, house.zone), ", ".join(row.scopes))
            for row in found
        ]
        table(("NAME", "MADE", "REVOKED", "MAY"), rows, "no key was made")

    in_house(ctx, work)


@keys_app.command("revoke", epilog=example("commsd keys revoke crm"))
def revoke(ctx: typer.Context, name: str = typer.Argument(metavar="NAME", help="Its name or id.")) -> None:
    """End a key at once."""

    async def work(house: House) -> bool:
        return await Keys(house.log, house.world).revoke(name)

    if not in_house(ctx, work):
        raise NotFound(f"no key in force is called {name}", remedy="list them: commsd keys list")
    typer.echo(f"revoked {name}")
