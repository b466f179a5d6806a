"""`sla versions` and `sla export`: every version of the rules that was ever accepted, and its files."""

from collections.abc import Sequence
from datetime import datetime
from pathlib import Path

import typer

from commsd.cli.house import House, in_house
from commsd.cli.output import as_json, table, when
from commsd.cli.place import example
from commsd.cli.sla.group import sla_app
from commsd.core.record import Json, instant
from commsd.errors import Refused
from commsd.sla.rules.handover import remedy_of
from commsd.sla.rules.in_force import BEGINNING, chosen
from commsd.sla.rules.rulefolder import texts_in
from commsd.store.versions import Stored


@sla_app.command("versions", epilog=example("commsd sla versions", "commsd sla versions --json"))
def versions(ctx: typer.Context, json: bool = typer.Option(False, "--json", help="Print JSON.")) -> None:
    """Every version of the rules: in force, former, waiting for its time, or withdrawn because another overtook it."""

    async def work(house: House) -> None:
        now = house.world.now()
        stored = [(each, house.rules.state(each, now)) for each in house.rules.stored]
        missing = await _missing(house)
        if json:
            as_json([_record(each, state, missing) for each, state in stored])
            return
        rows = [
            (
                each.number,
                each.version.id[:12],
                state,
                _start(each, house),
                each.version.applies,
                when(each.accepted_at, house.zone),
                ", ".join(sorted(each.files)) or "none: made by [service]",
            )
            for each, state in stored
        ]
        nothing = "no rules were accepted yet; `commsd run` brings in those of the config"
        table(("number", "id", "state", "in force from", "for", "accepted", "files"), rows, nothing)
        for each, place in missing:
            typer.echo(f"the files of version {each.number} did not reach {place}: the apply of it was cut short")
            typer.echo("  the next start of commsd, or any `commsd sla apply`, puts them there; where it cannot write,")
            typer.echo(f"  {remedy_of(each)}")

    in_house(ctx, work)


async def _missing(house: House) -> Sequence[tuple[Stored, str]]:
    """The version whose files did not reach their folder, with that; at most one."""
    found = await house.rules.hand_over()
    if found is None:
        return ()
    version, to = found
    return () if texts_in(Path(to.place)) == version.files else ((version, to.place),)


def _start(stored: Stored, house: House) -> str:
    start = stored.version.effective_from
    return "the beginning" if stored.accepted_at - start >= BEGINNING else when(start, house.zone)


def _record(stored: Stored, state: str, missing: Sequence[tuple[Stored, str]]) -> Json:
    version = stored.version
    return {
        "number": stored.number,
        "id": version.id,
        "state": state,
        "accepted_at": instant(stored.accepted_at),
        "effective_from": instant(version.effective_from),
        "withdrawn_at": _maybe(stored.withdrawn_at),
        "applies": version.applies,
        "policies": sorted(version.policies),
        "calendars": sorted(version.calendars),
        "files": sorted(stored.files),
        "files_missing_in": next((place for each, place in missing if each.number == stored.number), None),
        "made_with": dict(version.made_with),
        "holidays_until": version.holidays_until.isoformat() if version.holidays_until else None,
    }


def _maybe(at: datetime | None) -> str | None:
    return instant(at) if at else None


@sla_app.command(
    "export", epilog=example("commsd sla export 3 former-rules", "commsd sla apply former-rules --dry-run")
)
def export(
    ctx: typer.Context,
    word: str = typer.Argument(metavar="VERSION", help="Its number, or the beginning of its id."),
    target: Path = typer.Argument(metavar="DIR", help="Where to write; made if it is not there, else empty."),
) -> None:
    """Write the files of a version into a folder, as they were accepted. Apply that folder to undo a change."""

    async def work(house: House) -> Stored:
        return chosen(house.rules.stored, word)

    stored = in_house(ctx, work)
    if not stored.files:
        remedy = "remove the config's sla/ folder to go back to it"
        raise Refused(f"version {stored.number} was made by [service] alone: it has no files", remedy=remedy)
    try:
        target.mkdir(parents=True, exist_ok=True)
        if any(target.iterdir()):
            raise Refused(f"{target} is not empty", remedy="name a new folder")
        for name, text in stored.files.items():
            (target / name).write_bytes(text.encode())
    except OSError as error:
        raise Refused(f"{target} cannot be written: {error.strerror}", remedy="name another folder") from error
    typer.echo(f"wrote {', '.join(sorted(stored.files))} of version {stored.number} into {target}")
