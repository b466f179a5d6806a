"""`db`: the tables of the store, whether they hold together, and a copy of them."""

import asyncio
import fcntl
import os
import sqlite3
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import typer

from commsd.cli.house import engine_of, must_be_newest, must_be_there
from commsd.cli.output import as_json
from commsd.cli.part_file import PART, PRIVATE, publish
from commsd.cli.place import example, folder
from commsd.config.load import load
from commsd.config.settings import Config
from commsd.errors import Refused, TryAgain, Unreachable
from commsd.store.engine import Engine, is_unavailable, ping
from commsd.store.silence import silence_of
from commsd.world import real_world

app = typer.Typer()
db_app = typer.Typer(help="The tables of the store.", no_args_is_help=True)
app.add_typer(db_app, name="db")

T = TypeVar("T")

FINDINGS = 1
LONG = 6 * 3600.0
"""Seconds that a check of a large store may take."""

RESTORED = "after restoring it: commsd db restored"


@db_app.command("upgrade", epilog=example("commsd db upgrade"))
def upgrade_tables(ctx: typer.Context) -> None:
    """Bring the tables to this version; what is there already is kept."""
    from commsd.store.migrate import DEADLINE, revision, upgrade  # Alembic is slow to import

    async def work(engine: Engine) -> str:
        before, newest = await engine.read(revision)
        await engine.commit(upgrade, DEADLINE)
        return f"at revision {newest} already" if before == newest else f"upgraded from {before or 'empty'} to {newest}"

    typer.echo(_on_engine(load(folder(ctx).path), work, create=True))


@db_app.command("check", epilog=example("commsd db check"))
def check_tables(ctx: typer.Context, json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Say whether the store answers, its tables are this version's, and what must hold between them holds.

    Reads everything and changes nothing; the daemon may run. Exit 1 for findings.
    """
    from commsd.store.backup import damage_of, file_of
    from commsd.store.migrate import revision
    from commsd.store.soundness import RULES, broken

    config = load(folder(ctx).path)
    found, newest = _on_engine(config, lambda engine: engine.read(revision))
    findings: list[dict[str, Any]] = []
    if found != newest:
        rule = f"at revision {found or 'none'}, this commsd works with {newest}"
        findings.append({"rule": rule, "remedy": "run `commsd db upgrade`"})
    else:
        path = file_of(config.store_url(os.environ))
        damaged = _damage(path, damage_of) if path else []
        findings += [{"rule": "the file is whole", "found": each} for each in damaged]

        async def work(engine: Engine) -> None:
            for number, rule in enumerate(RULES):
                _tell("check", number, len(RULES))
                if finding := await engine.read(partial(broken, rule=rule), LONG):
                    findings.append(finding._asdict())
            _tell("check", len(RULES), len(RULES))

        if not damaged:
            _on_engine(config, work)
    if json:
        as_json({"revision": found, "findings": findings})
    elif findings:
        for each in findings:
            typer.echo(_said(each))
    else:
        typer.echo(f"fine: revision {found}, {len(RULES)} rules hold")
    if findings:
        raise typer.Exit(FINDINGS)


def _said(finding: dict[str, Any]) -> str:
    if "remedy" in finding:
        return f"{finding['rule']}\n  {finding['remedy']}"
    if "found" in finding:
        return f"not so: {finding['rule']}\n  {finding['found']}; take the last good backup, or .recover of sqlite3"
    return f"not so: {finding['rule']}\n  {finding['times']} times, such as {' '.join(finding['some'])}"


def _damage(path: Path, damage_of: Callable[[Path], list[str]]) -> list[str]:
    try:
        return damage_of(path)
    except sqlite3.DatabaseError as error:
        return [str(error)]


@db_app.command("backup", epilog=example("commsd db backup --to /var/backups/commsd", "commsd db backup --to log.db"))
def backup(
    ctx: typer.Context,
    to: Path = typer.Option(metavar="FILE|DIR", help="Where to; in a folder the file gets a name with the time."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Copy an SQLite store, whole and checked, while the daemon writes on. Nothing is overwritten.

    To go back to it: stop the daemon, put the file in the place of the store, delete the store's -wal and -shm, start
    the daemon. Readers of the feed are told that they stand in another life of the database, and begin anew with a
    snapshot. The state folder with the house's key is not in it: copy that too.
    """
    from commsd.store.backup import copy, dump_line, file_of

    config, world = load(folder(ctx).path), real_world()
    url = config.store_url(os.environ)
    source = file_of(url)
    path = to / f"commsd-{world.now():%Y%m%dT%H%M%SZ}.{'db' if source else 'dump'}" if to.is_dir() else to
    if source is None:
        what = "PostgreSQL brings its own copying, and this command does none of it"
        raise Refused(what, remedy=f"{dump_line(url, path)}\n  {RESTORED}")
    must_be_there(config, os.environ)
    told = partial(_tell, "backup")
    _copied(path, lambda part: copy(source, part, world.new_id(), told))
    size = path.stat().st_size
    if json:
        as_json({"file": str(path), "bytes": size})
    else:
        typer.echo(f"{path}: {size:,} bytes, whole\n  keep the state folder with it: {config.state_folder(os.environ)}")


def _copied(path: Path, make: Callable[[Path], None]) -> None:
    """Make a file under another name and give it its own at the end; a broken-off one is made anew."""
    if path.exists():
        raise Refused(f"{path} is there already", remedy="nothing is overwritten: name another file, or move it away")
    part = path.with_name(path.name + PART)
    try:
        with open(os.open(part, os.O_RDWR | os.O_CREAT, PRIVATE), "r+b") as ours:
            fcntl.flock(ours, fcntl.LOCK_EX | fcntl.LOCK_NB)
            ours.truncate()
            _forget(part)
            try:
                make(part)
            except BaseException:
                part.unlink(missing_ok=True)
                _forget(part)
                raise
            publish(part, path)
    except BlockingIOError:
        raise TryAgain(f"another backup writes {path}", remedy="wait for it, or name another file") from None
    except (OSError, sqlite3.OperationalError) as error:
        raise TryAgain(
            f"the copy to {path} failed: {error}", remedy="look at room and rights there, and again"
        ) from error
    except sqlite3.DatabaseError as error:
        raise Unreachable(f"the store cannot be copied: {error}", remedy="look at it: commsd db check") from error


def _forget(part: Path) -> None:
    """What SQLite leaves beside a file whose writer was killed: it would be played back into the next."""
    for ending in ("-journal", "-wal", "-shm"):
        part.with_name(part.name + ending).unlink(missing_ok=True)


@db_app.command("restored", epilog=example("commsd db restored"))
def restored(ctx: typer.Context) -> None:
    """Say that this store is a copy put back, so that readers of its feed are told and begin anew.

    Needed after pg_restore, a snapshot of a disk or a plain copy of the file; what `db backup` made says so itself.
    Stop the daemon before, start it after.
    """
    from commsd.store import feed
    from commsd.store.migrate import revision

    async def work(engine: Engine) -> None:
        must_be_newest(*await engine.read(revision))
        fresh = real_world().new_id()
        await engine.commit(lambda connection: feed.renew(connection, fresh))

    _on_engine(load(folder(ctx).path), work)
    typer.echo("the feed begins another life: readers with an older cursor get 409 feed-epoch-changed")


def _tell(what: str, done: int, of: int) -> None:
    if sys.stderr.isatty() and of:
        typer.echo(f"\r{what} {done / of:4.0%} ", nl=done >= of, err=True)


def _on_engine(config: Config, work: Callable[[Engine], Awaitable[T]], *, create: bool = False) -> T:
    async def within() -> T:
        engine = engine_of(config, os.environ, create=create)
        try:
            if not create:
                await ping(engine)
            return await work(engine)
        except Exception as error:
            if not is_unavailable(error):
                raise
            said = silence_of(error, engine.dialect)
            raise Unreachable(said.what, remedy=said.remedy) from error
        finally:
            await engine.close()

    return asyncio.run(within())
