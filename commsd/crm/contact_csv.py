"""A CSV file of contacts as people and CRMs export it: its columns by many names, its rows with their lines. Pure.

RFC 4180, with the separators in use: comma, semicolon, tab; or the one of Excel's first line, `sep=;`. A row that
cannot be read spoils no other one, except where a quote is never closed: what it swallowed, nobody can tell.
"""

import csv
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from commsd.crm.card import KNOWN, MANY, Card
from commsd.errors import Refused

SEPARATORS = ",;\t"
_SEPARATOR = re.compile(r'"?sep=([^"\r\n\w])"?[,;\s]*', re.IGNORECASE)

NAMES: Mapping[str, tuple[str, ...]] = {
    "name": ("full_name", "display_name", "fn", "contact_name", "navn", "nama"),
    "given": ("first_name", "given_name", "firstname", "vorname", "fornavn", "nama_depan"),
    "family": ("last_name", "family_name", "surname", "lastname", "nachname", "efternavn", "nama_belakang"),
    "email": ("e_mail", "mail", "email_address", "e_mail_address", "email_value"),
    "phone": (
        *("telephone", "tel", "phone_number", "phone_value", "mobile", "mobile_phone", "mobile_number", "cell_phone"),
        *("business_phone", "work_phone", "home_phone", "primary_phone"),
        *("telefon", "telefonnummer", "mobiltelefon", "handy", "mobil", "telepon", "nomor_telepon"),
    ),
    "language": ("lang", "preferred_language", "sprache", "sprog", "bahasa"),
    "timezone": ("time_zone", "zone", "tz"),
    "organisation": (
        *("organization", "organization_name", "company", "company_name", "account", "account_name", "firma"),
    ),
    "external_id": ("id", "record_id", "contact_id"),
    "customer": ("customer_number", "customer_id"),
}
"""Headings in use, by what they mean; in lower case with `_` for whatever else stands between letters."""

_MEANS = {word: name for name, words in NAMES.items() for word in (name, *words)} | {name: name for name in KNOWN}


@dataclass(frozen=True, slots=True, kw_only=True)
class Sheet:
    """columns: what each column means, None for one that is left out. ignored: the headings of those."""

    columns: tuple[str | None, ...]
    ignored: tuple[str, ...]
    cards: Iterator[Card]


def sheet_of(lines: Iterable[str], named: Mapping[str, str]) -> Sheet:
    """The file behind its lines. named: our name -> heading, where a heading is none of NAMES.

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
    columns = tuple(said.get(heading) or _MEANS.get(_plain(heading)) for heading in headings)
    if not any(name in (*MANY, "external_id", "customer") for name in columns):
        raise Refused(
            "no column holds an address, a number or an id",
            remedy='head them "email", "phone" or "external_id", or say which they are: --column phone=HEADING',
        )
    ignored = tuple(heading for heading, name in zip(headings, columns, strict=True) if name is None)
    return Sheet(columns=columns, ignored=ignored, cards=_cards(source, columns, separator, begun))


def _cards(source: Iterator[str], columns: Sequence[str | None], separator: str, headings: int) -> Iterator[Card]:
    """headings: on which line they stand."""
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
            yield _card(line, cells, columns)


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
            values.setdefault(name, []).append(text)
    parts = [*values.pop("given", []), *values.pop("family", [])]
    if parts and "name" not in values:
        values["name"] = [" ".join(parts)]
    return Card(line=line, values=values)


def _plain(heading: str) -> str:
    """Without the numbers of repeated columns: `E-mail 2 - Value` is `email_value`."""
    words = re.sub(r"[^a-z]+", "_", heading.strip().casefold()).strip("_")
    return words.replace("e_mail", "email")
