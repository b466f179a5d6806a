"""`log export`: the interaction log as a file, for an import, a spreadsheet or people who study it."""

import secrets
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from functools import partial
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import orjson
import typer
from sqlalchemy import Connection

from commsd.cli.house import House, in_house
from commsd.cli.moment import moment
from commsd.cli.output import as_json, shown
from commsd.cli.part_file import PartFile, broken_off, part_file
from commsd.cli.place import example
from commsd.core.record import Json, instant
from commsd.errors import Refused
from commsd.store import snapshot

AT_ONCE = 500
NOTE_EVERY = 10
"""Pages between two marks that an export can be gone on from: each waits for the disk."""

EXAMPLES = example(
    "commsd log export --to log.ndjson",
    'commsd log export --to march.csv --since "2026-03-01 00:00" --until "2026-04-01 00:00"',
    "commsd log export --to study.csv --pseudonymised",
    "commsd log export --to log.ndjson --resume",
)


class Format(StrEnum):
    NDJSON = "ndjson"
    CSV = "csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """What is exported and how. since, until: by occurred_at, the second not included."""

    format: Format
    since: datetime | None
    until: datetime | None
    pseudonymised: bool

    def holds(self, record: Json) -> bool:
        """Whether this interaction is asked for."""
        at = datetime.fromisoformat(record["occurred_at"])
        return (self.since is None or at >= self.since) and (self.until is None or at < self.until)

    def mark(self) -> dict[str, Any]:
        """What to know of it to go on with it."""
        return {
            "format": self.format.value,
            "since": self.since and instant(self.since),
            "until": self.until and instant(self.until),
        }


def export(
    ctx: typer.Context,
    to: Path = typer.Option(metavar="FILE|DIR", help="Where to; in a folder the file gets a name with the time."),
    format: Format | None = typer.Option(None, help="By the file's ending; else ndjson.", show_default=False),
    since: str = typer.Option("", metavar="TIME", help="What happened from then on."),
    until: str = typer.Option("", metavar="TIME", help="What happened before then."),
    pseudonymised: bool = typer.Option(
        False,
        "--pseudonymised",
        help="Tokens for people and ids, new in each export; no names, numbers, subjects, texts. Times stay.",
    ),
    resume: bool = typer.Option(False, "--resume", help="Go on with what was broken off, as it was asked for then."),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Write all interactions as they stand to a file, oldest first; with everything personal unless pseudonymised.

    NDJSON: a record a line. CSV: RFC 4180, UTF-8, one line of headings; a cell that a spreadsheet would run begins with
    an apostrophe. The file is for its owner alone, and nothing is overwritten.
    """
    if resume and pseudonymised:
        raise Refused(
            "a pseudonymised export is made in one go: the salt of its tokens is kept nowhere",
            remedy="delete the part that lies there and begin without --resume",
        )

    async def work(house: House) -> Mapping[str, Any]:
        made = _choice(to, format, since, until, pseudonymised, house.zone)
        path = _path(to, made.format, house, resume=resume)
        with part_file(path, resume=resume) as file:
            return await _write(house, made if not resume else _resumed(file.mark), file)

    told = in_house(ctx, work)
    if json:
        as_json(told)
    else:
        typer.echo(f"{told['file']}: {told['interactions']:,} interactions, {told['bytes']:,} bytes")


def _choice(to: Path, form: Format | None, since: str, until: str, pseudonymised: bool, zone: ZoneInfo) -> Choice:
    made = Choice(
        format=form or (Format.CSV if to.suffix.lower() == ".csv" else Format.NDJSON),
        since=moment(since, zone, "--since") if since else None,
        until=moment(until, zone, "--until") if until else None,
        pseudonymised=pseudonymised,
    )
    if made.since and made.until and made.until <= made.since:
        raise typer.BadParameter("nothing lies before --since", param_hint="--until")
    return made


def _resumed(mark: Mapping[str, Any]) -> Choice:
    since, until = (mark[name] and datetime.fromisoformat(mark[name]) for name in ("since", "until"))
    return Choice(format=Format(mark["format"]), since=since, until=until, pseudonymised=False)


def _path(to: Path, form: Format, house: House, *, resume: bool) -> Path:
    if not to.is_dir():
        return to
    if not resume:
        return to / f"commsd-log-{house.world.now():%Y%m%dT%H%M%SZ}.{form.value}"
    found = broken_off(to)
    if len(found) != 1:
        what = f"{len(found)} broken-off exports lie in {to}" if found else f"no broken-off export lies in {to}"
        raise Refused(what, remedy="name the file: --to FILE --resume" if found else "leave out --resume")
    return found[0]


async def _write(house: House, choice: Choice, file: PartFile) -> Mapping[str, Any]:
    """Page by page; what each page needs is let go before the next."""
    begin = await house.log.read(snapshot.start)
    render, heading = await _form(house, choice)
    place: str | None = file.mark.get("after", "")
    count, pages = file.mark.get("interactions", 0), 0
    marks = not choice.pseudonymised  # without its salt nobody could go on with it
    if not file.mark:
        file.write(heading)
    with _Progress(begin) as progress:
        while place is not None:
            found = await house.log.read(partial(_stretch, after=place, upto=begin.last))
            records = [record for row in found.rows if choice.holds(record := shown("interaction", row))]
            file.write(render(records))
            place, count, pages = found.next, count + len(records), pages + 1
            progress.tell(place, count)
            if marks and place is not None and pages % NOTE_EVERY == 0:
                file.note({**choice.mark(), "after": place, "interactions": count})
    size = file.finish()
    return {
        "file": str(file.path),
        **choice.mark(),
        "pseudonymised": choice.pseudonymised,
        "interactions": count,
        "bytes": size,
    }


def _stretch(connection: Connection, *, after: str, upto: str) -> snapshot.Stretch:
    return snapshot.stretch(connection, after, upto, AT_ONCE)


async def _form(house: House, choice: Choice) -> tuple[Callable[[list[Json]], bytes], bytes]:
    """How records are written, and what stands before them."""
    from commsd.crm import csv_form, pseudonym  # nobody else needs them

    columns, apart = csv_form.PLAIN, _same
    if choice.pseudonymised:
        merged = await house.log.read(snapshot.merged)
        columns, apart = pseudonym.COLUMN_NAMES, pseudonym.Pseudonyms(secrets.token_bytes(32), merged).of
    if choice.format is Format.CSV:
        return lambda found: csv_form.lines(map(apart, found), columns).encode(), csv_form.heading(columns).encode()
    return lambda found: b"".join(orjson.dumps(apart(each), option=orjson.OPT_APPEND_NEWLINE) for each in found), b""


def _same(record: Json) -> Json:
    return record


class _Progress:
    """How far it is, on a terminal; nothing where nobody looks."""

    def __init__(self, begin: snapshot.Start) -> None:
        self._begin = begin
        self._shown = sys.stderr.isatty()

    def __enter__(self) -> "_Progress":
        return self

    def __exit__(self, *_: object) -> None:
        if self._shown:
            typer.echo("", err=True)

    def tell(self, place: str | None, count: int) -> None:
        """Draw it."""
        if self._shown:
            done = snapshot.way(self._begin, place)
            typer.echo(f"\rexport {done:4.0%}  {count:,} interactions ", nl=False, err=True)
