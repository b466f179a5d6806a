"""`sla diff`: what differs between two sets of rules, in words."""

import os
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

import typer

from commsd.cli.house import House, in_house
from commsd.cli.output import as_json, plain
from commsd.cli.place import example, folder
from commsd.cli.sla.group import sla_app
from commsd.config.load import load
from commsd.core.difference import Difference, differences
from commsd.core.policy import Version
from commsd.sla.rules.in_force import chosen


@sla_app.command("diff", epilog=example("commsd sla diff 3 4", "commsd sla diff 4 new-rules", "commsd sla diff 3"))
def diff(
    ctx: typer.Context,
    before: str = typer.Argument(metavar="A", help="A version by number or id (commsd sla versions), or a folder."),
    after: str = typer.Argument("", metavar="B", help="The same; else the rules in the config's files."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """What differs between two sets of rules: hours, dates, targets, rules and their order, ladders."""
    names = (before, after)
    stored = _stored(ctx, [name for name in names if name and not _is_folder(name)])
    one, other = (stored.get(name) or _files(ctx, name) for name in names)
    found = differences(one, other)
    if json:
        as_json(
            {
                "same": not found,
                "before": {"name": before, "id": one.id},
                "after": {"name": after or None, "id": other.id},
                "differences": [each._asdict() for each in found],
            }
        )
    else:
        _print(found, before, after or "the config's files")


def _is_folder(name: str) -> bool:
    return Path(name).is_dir() or os.sep in name


def _files(ctx: typer.Context, name: str) -> Version:
    """The rules of a folder, read with the config's people, mailboxes and lines; without a name the config's own."""
    return load(folder(ctx).path, rules=Path(name) if name else None).version


def _stored(ctx: typer.Context, names: Sequence[str]) -> dict[str, Version]:
    """These versions out of the store, which is only opened where one is asked for."""
    if not names:
        return {}

    async def work(house: House) -> dict[str, Version]:
        return {name: chosen(house.rules.stored, name).version for name in names}

    return in_house(ctx, work)


def _print(found: Sequence[Difference], before: str, after: str) -> None:
    if not found:
        typer.echo(f"{before} and {after} say the same")
        return
    for of, same in groupby(found, key=lambda each: each.of):
        typer.echo(plain(of))
        for each in same:
            typer.echo(f"  {plain(each.what)}: {plain(each.before)} -> {plain(each.after)}")
