"""A CSV file of contacts as people and CRMs export it: its columns by many names, its rows with their lines. Pure.

RFC 4180, with the separators in use: comma, semicolon, tab; or the one of Excel's first line, `sep=;`. A row that
cannot be read spoils no other one, except where a quote is never closed: what it swallowed, nobody can tell.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from commsd.core.contact import mail_identity
from commsd.crm.card import KNOWN, MANY, Card
from commsd.crm.export_words import heading_means, name_words, plain
from commsd.errors import Refused

SEPARATORS = ",;\t"
_SEPARATOR = re.compile(r'"?sep=([^"\r\n\w])"?[,;\s]*', re.IGNORECASE)

AS_WRITTEN = "brief"
"""The one field whose heading must stand as we write it: in German, a `Brief` is a letter."""

MANY_IN_ONE = " ::: "
"""Between several addresses or numbers that Google Contacts puts into one cell."""

_DATE = re.compile(r"\d{1,2}[./ -]\d{1,2}[./ -]\d{2,4}")
_NUMBER = re.compile(r"(?:\+ ?[1-9]|00? ?[1-9(]|\(0)[\d ()/.-]{6,}")


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """columns: what each column means, None for one that is left out. ignored: the headings of those.

    missed: such a heading -> "email" or "phone", where addresses or numbers stand under it; known
    once the cards are read.
    """

    columns: tuple[str | None, ...]
    ignored: tuple[str, ...]
    missed: Mapping[str, str]
    cards: Iterator[Card]


def sheet_of(lines: Iterable[str], named: Mapping[str, str]) -> Sheet:
    """The file behind its lines. named: our name -> heading, where no export is known to have the heading.

    Raises Refused where the headings tell nothing.
    """
    source = iter(lines)
    first, begun = next(source, "").removeprefix("\ufeff"), 1
    if named_there := _SEPARATOR.fullmatch(first):
        first, begun = next(source, ""), 2
    separator = named_there[1] if named_there else max(SEPARATORS, key=first.count)
    headings = next(csv.reader([first], delimiter=separator), [])
    if missing := [f'"{heading}"' for heading in named.values() if heading not in headings]:
        raise Refused(
            f"the file has no column {', '.join(missing)}", remedy="write --column as the heading stands there"
        )
    said = {heading: name for name, heading in named.items()}
    columns = tuple(said.get(heading) or _field_of(heading) for heading in headings)
    if not any(name in (*MANY, "external_id", "customer") for name in columns):
        raise Refused(
            "no column holds an address, a number or an id",
            remedy='head them "email", "phone" or "external_id", or say which they are: --column phone=HEADING',
        )
    ignored = tuple(heading for heading, name in zip(headings, columns, strict=True) if name is None)
    missed: dict[str, str] = {}
    rows = _rows(source, separator, begun)
    cards = (row if isinstance(row, Card) else _card(*_watched(row, headings, columns, missed)) for row in rows)
    return Sheet(columns=columns, ignored=ignored, missed=missed, cards=cards)


def _field_of(heading: str) -> str | None:
    ours = plain(heading)
    if ours in KNOWN and (ours != AS_WRITTEN or heading.strip() == AS_WRITTEN):
        return ours
    return heading_means(heading)


def _watched(
    row: tuple[int, list[str]], headings: Sequence[str], columns: Sequence[str | None], missed: dict[str, str]
) -> tuple[int, list[str], Sequence[str | None]]:
    """The row; what is seen in columns that are left out, is noted."""
    line, cells = row
    for heading, name, cell in zip(headings, columns, cells, strict=False):
        if name is None and heading not in missed and (held := _held(cell.strip(), "email" in columns)):
            missed[heading] = held
    return line, cells, columns


def _held(text: str, mail_is_read: bool) -> str | None:
    """What stands in a cell that is left out; where no column of addresses is read, any @ is looked at."""
    if "@" in text and (not mail_is_read or (" " not in text and mail_identity(text))):
        return "email"
    return "phone" if _NUMBER.fullmatch(text) and not _DATE.fullmatch(text) else None


def _rows(source: Iterator[str], separator: str, headings: int) -> Iterator[Card | tuple[int, list[str]]]:
    """Each with its line; a card for one that cannot be read. headings: on which line they stand."""
    rows = csv.reader(source, delimiter=separator, strict=True)
    while True:
        line = rows.line_num + headings + 1
        try:
            cells = next(rows)
        except StopIteration:
            return
        except csv.Error as error:
            yield Card(line=line, wrong=_broken(error))
            continue
        if any(cell.strip() for cell in cells):
            yield line, cells


def _broken(error: csv.Error) -> str:
    if "end of data" in str(error):
        return "a quote is opened here and never closed: close it, and import the rest of the file again"
    return f"the row cannot be read ({error}): double a quote inside a quoted cell"


def _card(line: int, cells: Sequence[str], columns: Sequence[str | None]) -> Card:
    if any(cell.strip() for cell in cells[len(columns) :]):
        return Card(line=line, wrong=f"the row has {len(cells)} cells and the headings are {len(columns)}: quote cells")
    values: dict[str, list[str]] = {}
    for name, cell in zip(columns, cells, strict=False):
        text = cell.strip() if name == "external_id" else " ".join(cell.split())
        if name is not None and text:
            values.setdefault(name, []).extend(text.split(MANY_IN_ONE) if name in MANY else [text])
    return Card(line=line, values=_with_organisation(_with_name(values)))


def _with_name(values: dict[str, list[str]]) -> dict[str, list[str]]:
    """Their whole name: of a given name beside a `Name`, that is the family's, unless it stands in it."""
    given, family, name = (values.pop(each, []) for each in ("given", "family", "name"))
    whole = bool(name) and (bool(family) or all(name_words(part) <= name_words(name[0]) for part in given))
    said = name[:1] if whole else [" ".join([*given, *family, *name])]
    return values | ({"name": said} if said != [""] else {})


def _with_organisation(values: dict[str, list[str]]) -> dict[str, list[str]]:
    """HubSpot's `Associated Company` stands before `Company Name`, and may be another one than the person wrote."""
    associated = values.pop("associated", [])
    return {"organisation": associated, **values} if associated else values
