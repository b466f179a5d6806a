"""`config`: how the configuration stands, what differs, and what an editor needs to know of it."""

import difflib
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from commsd.cli.output import as_json
from commsd.cli.place import MAIN, example, folder
from commsd.cli.settled import settled, toml, veiled
from commsd.config.load import RULES, departures, load
from commsd.config.settings import Config
from commsd.core.record import Json
from commsd.errors import NotFound, Refused

config_app = typer.Typer(help="Look at the configuration.", no_args_is_help=True)

DIFFERENT = 1


@config_app.command("show", epilog=example("commsd config show", "commsd config show mailbox.support --changed"))
def show(
    ctx: typer.Context,
    part: str = typer.Argument("", metavar="[PART]", help="Only what begins with this."),
    effective: bool = typer.Option(False, "--effective", help="Every setting, defaults included (the default)."),
    changed: bool = typer.Option(False, "--changed", help="Only what the file says and is not the default."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Every setting as it is in force, defaults included. Secrets show as the place where they are kept."""
    if effective and changed:
        raise typer.BadParameter("--effective shows all, --changed only some: choose one", param_hint="--changed")
    place = folder(ctx).path
    config = load(place)
    every = ((key, veiled(key, value)) for key, value in departures(place)) if changed else settled(config)
    lines = [(key, value) for key, value in every if _within(key, part)]
    if not lines:
        raise Refused(f'no setting begins with "{part}"', remedy="list them all: commsd config show")
    if json:
        as_json({key: value if isinstance(value, int | list | dict) else _text(value) for key, value in lines})
        return
    _aligned([(key, toml(value)) for key, value in lines])


def _text(value: object) -> str | None:
    return None if value is None else str(value)


def _within(key: str, part: str) -> bool:
    return not part or key == part or key.startswith(part.rstrip(".") + ".")


def _aligned(lines: Sequence[tuple[str, str]]) -> None:
    width = max(len(key) for key, _ in lines)
    for key, value in lines:
        typer.echo(f"{key.ljust(width)} = {value}")


@config_app.command("schema", epilog=example("commsd config schema sla > /etc/commsd/sla.schema.json"))
def schema(
    which: str = typer.Argument("commsd", metavar="[commsd|sla]", help="Of commsd.toml, or of the files in sla/."),
) -> None:
    """The JSON Schema of the files, for editors that know TOML: they complete keys and mark what is misspelt.

    With taplo or Even Better TOML the first line of the file names it: #:schema ./sla.schema.json
    """
    from commsd.config.schema import main_schema
    from commsd.sla.rules.schema import rules_schema

    known = {"commsd": main_schema, "sla": rules_schema}
    if which not in known:
        raise typer.BadParameter(f'"{which}" is neither commsd nor sla', param_hint="[commsd|sla]")
    as_json(known[which]())


@config_app.command("diff", epilog=example("commsd config diff", "commsd config diff /etc/commsd.new"))
def diff(
    ctx: typer.Context,
    other: str = typer.Argument(
        "", metavar="[DIR]", help="Another config folder, or one of SLA files; without it: the rules in force."
    ),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """What differs: from this folder to another, or from the rules in force to those of this folder. Exit 1 if any.

    Settings are compared as they count, so a default written out is no difference; rules are compared as texts.
    """
    config = load(folder(ctx).path)
    if other:
        settings, before, after = _between(config, Path(other).expanduser())
    else:
        settings, before, after = {}, _running(ctx, config), config.sla_files
    texts = list(_texts(before, after))
    if json:
        as_json({"same": not settings and not texts, "settings": settings, "rules": texts})
    else:
        _told(settings, texts)
    raise typer.Exit(DIFFERENT if settings or texts else 0)


def _between(config: Config, other: Path) -> tuple[Json, Mapping[str, str], Mapping[str, str]]:
    """The settings that differ, and the texts of the rules here and there."""
    if not other.is_dir():
        raise NotFound(f"{other} is no folder", remedy="name a config folder, or one that holds SLA files")
    if not (other / MAIN).exists():
        return {}, config.sla_files, load(config.folder, rules=other).sla_files
    there = load(other)
    mine, theirs = dict(settled(config)), dict(settled(there))
    changed = {
        key: {"before": mine.get(key), "after": theirs.get(key)}
        for key in dict.fromkeys((*mine, *theirs))
        if mine.get(key) != theirs.get(key) and not key.startswith(("folder", f"{RULES}."))
    }
    return changed, config.sla_files, there.sla_files


def _running(ctx: typer.Context, config: Config) -> Mapping[str, str]:
    """The texts of the version in force."""
    from commsd.cli.house import House, in_house  # the store is slow to import

    async def work(house: House) -> Mapping[str, str] | None:
        stored = house.rules.in_force(house.world.now())
        if stored and stored.version.id == config.version.id:
            return config.sla_files  # the same rules, however they are laid out
        return stored.files if stored else None

    files = in_house(ctx, work)
    if files is None:
        raise NotFound("no rules are in force yet", remedy="`commsd run` brings those of the folder in force")
    return files


def _texts(before: Mapping[str, str], after: Mapping[str, str]) -> Iterator[str]:
    for name in sorted({*before, *after}):
        mine, theirs = before.get(name, ""), after.get(name, "")
        yield from difflib.unified_diff(
            mine.splitlines(),
            theirs.splitlines(),
            f"{RULES}/{name}" if name in before else "/dev/null",
            f"{RULES}/{name}" if name in after else "/dev/null",
            lineterm="",
        )


def _told(settings: Mapping[str, Any], texts: Sequence[str]) -> None:
    for key, values in settings.items():
        for sign, value in (("-", values["before"]), ("+", values["after"])):
            if value is not None:
                typer.echo(f"{sign} {key} = {toml(value)}")
    for line in texts:
        typer.echo(line)
    if not settings and not texts:
        typer.echo("no difference")
