"""What a command prints: tables and cards for people, records for programs. Times are told in the firm's zone.

Subjects and names were written by strangers: nothing of theirs reaches the terminal but printable characters.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from typing import TYPE_CHECKING, Any

import orjson
import typer

from commsd.core.record import THING, Json, apart, record
from commsd.crm.event import outside

if TYPE_CHECKING:
    from commsd.store.query import Row  # SQLAlchemy, which `check` does without

WIDEST = 48
Cell = object


def as_json(data: Any) -> None:
    """Print a value as JSON."""
    typer.echo(orjson.dumps(data, option=orjson.OPT_INDENT_2).decode())


def as_json_line(data: Any) -> None:
    """Print a value as one line of JSON."""
    typer.echo(orjson.dumps(data).decode())


def shown(thing: str, row: "Row") -> Json:
    """The record of a row as interface section 5 has it, personal fields included."""
    return outside(thing, row.record, row.personal)


def shown_thing(thing: object) -> Json:
    """The record of a value, likewise."""
    kind = type(thing)
    bare, personal = apart(kind, record(thing))
    return outside(THING[kind], bare, personal)


def table(
    headings: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    nothing: str,
    paint: Callable[[int, str], str] = lambda place, line: line,
) -> None:
    """Print rows in columns; `nothing` where there are none. paint: colours a finished line, by its row."""
    if not rows:
        typer.echo(nothing)
        return
    last = len(headings) - 1  # may be as long as it is: nothing stands behind it
    cells = [
        [*headings],
        *([plain(cell, WIDEST if place < last else None) for place, cell in enumerate(row)] for row in rows),
    ]
    widths = [max(len(row[column]) for row in cells) for column in range(len(headings))]
    for place, row in enumerate(cells, start=-1):
        line = "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
        typer.echo(line if place < 0 else paint(place, line))


def card(data: Json, zone: tzinfo) -> None:
    """Print what a record says, a line a field; what is empty is left out."""
    said = {key: value for key, value in data.items() if value not in (None, "", [], {}, False) and key != "privacy"}
    width = max(map(len, said), default=0)
    for key, value in said.items():
        typer.echo(f"{key.ljust(width)}  {_field(key, value, zone)}")


def _field(key: str, value: object, zone: tzinfo) -> str:
    if key.endswith("_at") and isinstance(value, str):
        return when(datetime.fromisoformat(value), zone)
    if key.endswith("_ms") and isinstance(value, int):
        return span(timedelta(milliseconds=value))
    if key in ("identities", "shared") and isinstance(value, list):
        return plain(", ".join(map(as_typed, value)))
    if isinstance(value, dict | list):
        return plain(orjson.dumps(_filled(value)).decode())
    return plain(value)


def as_typed(known: Json) -> str:
    """An identity as one would type it."""
    return str(known["value"] if known["kind"] in ("email", "phone") else f"{known['kind']}:{known['value']}")


def _filled(value: Any) -> Any:
    """Without what is empty, which only hides the rest from a reader."""
    if isinstance(value, dict):
        return {key: _filled(inner) for key, inner in value.items() if inner not in (None, "", [], {}, False)}
    return [_filled(inner) for inner in value] if isinstance(value, list) else value


def plain(cell: Cell, longest: int | None = None) -> str:
    """One printable line; "-" for nothing. longest: in characters."""
    text = "-" if cell is None or cell == "" else str(cell)
    line = " ".join("".join(char if char.isprintable() else " " for char in text).split())
    return line if longest is None or len(line) <= longest else line[: longest - 1] + "…"


def when(at: datetime | str | None, zone: tzinfo) -> str:
    """An instant in the zone, to the minute; "-" for none."""
    if at is None:
        return "-"
    instant = datetime.fromisoformat(at) if isinstance(at, str) else at
    return f"{instant.astimezone(zone):%a %Y-%m-%d %H:%M %Z}"


def counted(number: int, one: str) -> str:
    """So many of a thing: 1 case, 2 cases. one: what a single one is called."""
    return f"{number:,} {one}" if number == 1 else f"{number:,} {one}s"


def span(length: timedelta) -> str:
    """A length in the two largest units that say anything."""
    seconds = round(length.total_seconds())
    days, hours, minutes = seconds // 86400, seconds // 3600 % 24, seconds // 60 % 60
    if days:
        return f"{days}d {hours}h" if hours else f"{days}d"
    if hours:
        return f"{hours}h {minutes:02}m" if minutes else f"{hours}h"
    return f"{minutes}m" if minutes else f"{seconds}s"


def until(due: datetime | str | None, now: datetime) -> str:
    """How long there is still, or how late it is."""
    if due is None:
        return "-"
    left = (datetime.fromisoformat(due) if isinstance(due, str) else due) - now
    return f"{span(left)} left" if left >= timedelta() else f"{span(-left)} late"


def name_of(contact: Mapping[str, Any]) -> str | None:
    """A contact's name, else an address or number."""
    return contact["name"] or next((identity["value"] for identity in contact["identities"] or ()), None)


def who(data: Mapping[str, Any]) -> str | None:
    """The customer of an interaction's record: the name, else the address."""
    roles = ("to", "callee") if data.get("direction") == "outbound" else ("from", "caller")
    party = next((party for party in data.get("parties") or () if party["role"] in roles), None)
    return (party.get("name") or party["address"]) if party else None
