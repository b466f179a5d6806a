"""`contacts import`: people from a CSV file or vCards, each row by itself, with a rehearsal that keeps nothing."""

import shlex
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import typer

from commsd.cli.house import House, in_house
from commsd.cli.output import as_json, plain, table
from commsd.cli.place import example
from commsd.core.record import Json
from commsd.errors import Refused

if TYPE_CHECKING:
    from commsd.crm.card import Card
    from commsd.crm.contact_import import Report

EXCELS = "cp1252"
"""What Excel writes in most of Europe and America where it is not told UTF-8."""

MOST_SHOWN, FEW = 50, 10
"""Broken rows and lines without their organisation that are printed; --json has all."""

HELD = {"email": "mail addresses", "phone": "telephone numbers"}

File = typer.Argument(metavar="FILE", help="A .csv or .vcf file.")


def register(app: typer.Typer) -> None:
    """Put the command among those of `contacts`."""
    app.command(
        "import",
        epilog=example(
            "commsd contacts import people.csv --system hubspot --check",
            "commsd contacts import people.csv --system hubspot --column external_id='Record ID' --region DE",
            "commsd contacts import address-book.vcf",
        ),
    )(import_file)


def import_file(
    ctx: typer.Context,
    file: Path = File,
    system: str = typer.Option("", metavar="NAME", help="Whose ids `external_id` are, such as hubspot."),
    column: list[str] = typer.Option([], metavar="FIELD=HEADING", help="Which column is what; may be repeated."),
    region: str = typer.Option("", help="Country of numbers without +; else that of service.country."),
    encoding: str = typer.Option("", help="Of the file, such as cp1250; else UTF-8, or what Excel writes instead."),
    merge: bool = typer.Option(False, "--merge", help="Contacts that share a person's identities become one."),
    check: bool = typer.Option(False, "--check", help="Say what would happen, and record nothing."),
    agent: str | None = typer.Option(None, help="Who of us does it.", show_default=False),
    json: bool = typer.Option(False, "--json", help="Print JSON."),
) -> None:
    """Take in people with their addresses, numbers, language, tier and wishes. What a row leaves out stays as it is.

    Columns: name, email, phone (several of both), language, timezone, tier, owner, stage, organisation, external_id,
    customer, no_calls, write_only, call_only, brief, hours, blocked, url; headings of usual exports are understood,
    in English, German, Danish and Indonesian (brief: only so), as are the names of languages, yes and no. A column
    that is left out though addresses or numbers stand in it is named.

    What may be another's is read only where --column says so: Ansprechpartner, Kundennummer, Durchwahl. A row with a
    number of somebody of another name is left out.

    An organisation is written as its domain, number, SYSTEM:ID or name; one of a domain or name nobody has is made. It
    has the domain as its own only where the row's mail address lies in it.

    Rows that cannot be used are named with their line and left out; exit code 1 then. The same file again changes
    nothing. With --system and a column `external_id` people are known by it, and found again by it.
    """
    from commsd.crm.contact_import import import_contacts

    _must_be_no_workbook(file)
    form = encoding or _encoding_of(file)

    async def work(house: House) -> tuple["Report", "LeftOut"]:
        from commsd.crm.card import Reading, entry_of

        country = (house.config.firm.country or "").partition("-")[0]
        people = house.config.firm.people
        reading = Reading(
            people=people, system=_system(system), region=(region or country).upper() or None, merge=merge
        )
        with _opened(file, form) as source, _progress() as tell:
            cards, left = _cards(file, source, column)
            entries = (entry_of(card, reading) for card in cards)
            report = await import_contacts(house.log, entries, house.hand(agent), check=check, done=tell)
        return report, left

    report, left = in_house(ctx, work)
    if json:
        as_json(_record(report, left, form, check=check))
    else:
        _say(report, left, check=check)
    if form == EXCELS and not encoding:
        typer.echo(f"the file is not UTF-8 and was read as {EXCELS}: if a name looks wrong, say --encoding", err=True)
    if report.broken:
        raise typer.Exit(1)


def _cards(file: Path, source: TextIO, columns: list[str]) -> tuple[Iterator["Card"], "LeftOut"]:
    from commsd.crm.card import KNOWN
    from commsd.crm.contact_csv import sheet_of
    from commsd.crm.vcard import cards_of

    if file.suffix.lower() in (".vcf", ".vcard"):
        return cards_of(source), LeftOut()
    named = dict(_pair(text) for text in columns)
    if unknown := [name for name in named if name not in KNOWN]:
        raise typer.BadParameter(f"'{unknown[0]}' is no field: write one of {', '.join(KNOWN)}", param_hint="--column")
    sheet = sheet_of(source, named)
    return sheet.cards, LeftOut(columns=sheet.ignored, missed=sheet.missed)


def _pair(text: str) -> tuple[str, str]:
    name, equals, heading = text.partition("=")
    if not equals or not heading:
        raise typer.BadParameter(f"'{text}' names no column: write FIELD=HEADING", param_hint="--column")
    return name.strip(), heading


def _system(name: str) -> str | None:
    from commsd.core.contact import external_identity

    if name and external_identity(name, "1") is None:
        raise typer.BadParameter("write a name in lower case, such as hubspot", param_hint="--system")
    return name or None


@contextmanager
def _opened(file: Path, encoding: str) -> Iterator[TextIO]:
    """The file as text; bytes that are not in its encoding spoil their row alone."""
    try:
        with file.open(encoding=encoding, errors="surrogateescape", newline="") as source:
            yield source
    except OSError as error:
        raise _unreadable(file, error) from error
    except LookupError:
        raise typer.BadParameter("write an encoding Python knows, such as cp1252", param_hint="--encoding") from None
    except UnicodeError as error:
        raise Refused(f"{file.name} is not in the encoding it says", remedy="save it as UTF-8") from error


def _encoding_of(file: Path) -> str:
    """In what the file seems to be written; UTF-8 with single broken bytes is UTF-8. A pipe can be read only once."""
    if not file.is_file():
        return "utf-8"
    try:
        with file.open("rb") as raw:
            begun = raw.read(4)
            if begun[:2] in (b"\xff\xfe", b"\xfe\xff"):
                return "utf-16"
            if b"\0" in begun[:2]:
                return "utf-16-be" if begun[:1] == b"\0" else "utf-16-le"
            raw.seek(0)
            return _of_bytes(raw)
    except OSError as error:
        raise _unreadable(file, error) from error


def _of_bytes(lines: Iterable[bytes]) -> str:
    broken = False
    for line in lines:
        if line.isascii():
            continue
        try:
            line.decode()
        except UnicodeDecodeError:
            broken = True
        else:
            return "utf-8"
    return EXCELS if broken else "utf-8"


def _must_be_no_workbook(file: Path) -> None:
    """Raises Refused for what a spreadsheet saves where it is not told CSV: a zip, or the old form of Excel.

    A pipe is not looked into: what is read of it is gone.
    """
    if not file.is_file():
        return
    try:
        with file.open("rb") as raw:
            begun = raw.read(8)
    except OSError as error:
        raise _unreadable(file, error) from error
    if begun.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1")):
        kind = "a workbook of LibreOffice" if file.suffix.lower() == ".ods" else "an Excel workbook"
        raise Refused(f"{file.name} is {kind}", remedy="save it as CSV (UTF-8), and import that file")


def _unreadable(file: Path, error: OSError) -> Refused:
    return Refused(f"{file} cannot be read: {error.strerror}", remedy="name a .csv or .vcf file")


@contextmanager
def _progress() -> Iterator["Tell"]:
    tell = Tell(sys.stderr.isatty())
    try:
        yield tell
    finally:
        if tell.drawn:
            typer.echo("", err=True)


@dataclass(frozen=True, slots=True, kw_only=True)
class LeftOut:
    """The headings of columns that were not read; missed: those with addresses or numbers, by what stands there."""

    columns: tuple[str, ...] = ()
    missed: Mapping[str, str] = field(default_factory=dict)


class Tell:
    """How many rows are done, on a terminal. How many there are, nobody knows before."""

    def __init__(self, shown: bool) -> None:
        self._shown, self.drawn = shown, False

    def __call__(self, report: "Report") -> None:
        if self._shown:
            self.drawn = True
            typer.echo(f"\r{report.rows:,} rows done, {len(report.broken):,} left out   ", nl=False, err=True)


def _record(report: "Report", left: LeftOut, encoding: str, *, check: bool) -> Json:
    return {
        "checked": check,
        "encoding": encoding,
        "new": report.new,
        "changed": report.changed,
        "unchanged": report.unchanged,
        "new_organisations": report.firms,
        "broken": [{"line": each.line, "what": each.what} for each in report.broken],
        "ignored_columns": list(left.columns),
        "missed_columns": [{"column": heading, "holds": name} for heading, name in left.missed.items()],
        "without_organisation": report.unplaced,
        "unclear_organisation": report.unclear,
        "public_provider_as_organisation": report.public,
    }


def _say(report: "Report", left: LeftOut, *, check: bool) -> None:
    if report.broken:
        rows = [(each.line, each.what) for each in report.broken[:MOST_SHOWN]]
        table(("line", "left out because"), rows, "")
        if len(report.broken) > MOST_SHOWN:
            typer.echo(f"and {len(report.broken) - MOST_SHOWN:,} more: --json names all")
    if left.columns:
        typer.echo("columns left out: " + ", ".join(map(plain, left.columns)))
    for heading, name in left.missed.items():
        typer.echo(
            f'NOT READ: {HELD[name]} stand in the column "{plain(heading)}": '
            f"if they are these people's, import the file again with --column {name}={shlex.quote(plain(heading))}"
        )
    if report.unplaced:
        typer.echo(
            f"{len(report.unplaced):,} in an organisation whose number or id nobody knows, taken in without it "
            f"({_lines(report.unplaced)}): make it (commsd organisations set), and import the file again"
        )
    if report.unclear:
        typer.echo(
            f"{len(report.unclear):,} in an organisation of a name that several have, taken in without it "
            f"({_lines(report.unclear)}): write its domain or SYSTEM:ID instead, or merge them"
        )
    if report.public:
        typer.echo(
            f"{len(report.public):,} in an organisation that is a public mail provider or an ending such as co.uk, "
            f"taken in without it ({_lines(report.public)}): anybody may have an address there"
        )
    would = "would be " if check else ""
    if report.firms:
        typer.echo(f"organisations that {'would be' if check else 'are'} new: {report.firms:,}")
    said = f"{report.new:,} {would}new, {report.changed:,} {would}changed, {report.unchanged:,} as they were"
    typer.echo(f"{said}, {len(report.broken):,} left out")


def _lines(lines: list[int]) -> str:
    return "line " + ", ".join(map(str, lines[:FEW])) + (", …" if len(lines) > FEW else "")
