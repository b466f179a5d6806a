"""`db`: the tables of the store."""

import asyncio
import os
from collections.abc import Awaitable, Callable
from typing import TypeVar

import typer

from commsd.cli.house import engine_of
from commsd.cli.place import example, folder
from commsd.config.load import load
from commsd.errors import Unreachable
from commsd.store.engine import Engine, is_unavailable, ping

app = typer.Typer()
db_app = typer.Typer(help="The tables of the store.", no_args_is_help=True)
app.add_typer(db_app, name="db")

T = TypeVar("T")

FINDINGS = 1


@db_app.command("upgrade", epilog=example("commsd db upgrade"))
def upgrade_tables(ctx: typer.Context) -> None:
    """Bring the tables to this version; what is there already is kept."""
    from commsd.store.migrate import revision, upgrade  # Alembic is slow to import

    async def work(engine: Engine) -> str:
        before, newest = await engine.read(revision)
        await engine.commit(upgrade)
        return f"at revision {newest} already" if before == newest else f"upgraded from {before or 'empty'} to {newest}"

    typer.echo(_on_engine(ctx, work, create=True))


@db_app.command("check", epilog=example("commsd db check"))
def check_tables(ctx: typer.Context) -> None:
    """Say whether the store answers and its tables are this version's. Exit 1 where they are not."""
    from commsd.store.migrate import revision

    async def work(engine: Engine) -> tuple[str | None, str | None]:
        return await engine.read(revision)

    found, newest = _on_engine(ctx, work)
    if found == newest:
        typer.echo(f"fine: revision {found}")
        return
    typer.echo(f"at revision {found or 'none'}, this commsd works with {newest}\n  run `commsd db upgrade`")
    raise typer.Exit(FINDINGS)


def _on_engine(ctx: typer.Context, work: Callable[[Engine], Awaitable[T]], *, create: bool = False) -> T:
    config = load(folder(ctx).path)

    async def within() -> T:
        engine = engine_of(config, os.environ, create=create)
        try:
            if not create:
                await ping(engine)
            return await work(engine)
        except Exception as error:
            if not is_unavailable(error):
                raise
            what = f"the {engine.dialect} store does not answer ({type(error).__name__})"
            raise Unreachable(what, remedy="check [store] url, that the server runs and who may connect") from error
        finally:
            await engine.close()

    return asyncio.run(within())
