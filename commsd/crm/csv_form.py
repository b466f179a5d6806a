"""Interactions as lines of CSV: RFC 4180, UTF-8, CRLF; one table for a spreadsheet and for an import. Pure.

Subjects and names were written by strangers. A cell that a spreadsheet would take for a formula gets an apostrophe in
front; a bare number with its plus does nothing there and stays as it is.
"""

import csv
import io
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from commsd.core.record import Json

MEDIA_TYPE = "text/csv; charset=utf-8; header=present"

_FORMULA = re.compile(r"\s*[=+\-@\uff1d\uff0b\uff0d\uff20\t\r\n]")
_NUMBER = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_TO_US, _FROM_US = ("from", "caller"), ("to", "callee")


def _same(name: str) -> Callable[[Json], Any]:
    return lambda record: record.get(name)


def _party(field: str) -> Callable[[Json], Any]:
    def cell(record: Json) -> Any:
        roles = _FROM_US if record.get("direction") == "outbound" else _TO_US
        party = next((each for each in record.get("parties") or () if each["role"] in roles), None)
        return party and party.get(field)

    return cell


def _detail(*path: str) -> Callable[[Json], Any]:
    def cell(record: Json) -> Any:
        inner: Any = record.get("detail")
        for name in path:
            inner = (inner or {}).get(name)
        return inner

    return cell


def _external(record: Json) -> str:
    return " ".join(f"{each['system']}:{each['id']}" for each in record.get("external_ids") or ())


def _attached(record: Json) -> int | None:
    attachments = record.get("attachments")
    return None if attachments is None else len(attachments)


COLUMNS: Mapping[str, Callable[[Json], Any]] = {
    **{
        name: _same(name)
        for name in (
            "id",
            "revision",
            "occurred_at",
            "ended_at",
            "recorded_at",
            "channel",
            "kind",
            "direction",
            "actor",
            "outcome",
            "reason",
            "status_raw",
            "person",
            "contact_id",
            "contact_match",
            "organisation_id",
            "case_id",
            "case_cause",
            "in_reply_to",
            "caused_by",
            "mailbox",
            "line",
            "team",
            "agent_id",
            "agent",
            "partial",
            "promised_at",
            "ring_ms",
            "talk_ms",
            "total_ms",
        )
    },
    "customer": _party("address"),
    "customer_name": _party("name"),
    "subject": _same("subject"),
    "preview": _same("preview"),
    "note": _detail("note"),
    "result": _detail("result"),
    "promise_due_at": _detail("promise", "due_at"),
    "callback_id": _detail("callback_id"),
    "language": _same("language"),
    "automation": _same("automation"),
    "priority": _same("priority"),
    "tags": lambda record: " ".join(record.get("tags") or ()),
    "external_ids": _external,
    "attachments": _attached,
    "raw_sha256": lambda record: (record.get("raw") or {}).get("sha256"),
}
"""Column -> its cell. `customer`: address or number of the other side; `attachments`: how many; times as RFC 3339."""

PLAIN = tuple(name for name in COLUMNS if name != "person")
"""The columns of an export with names; `person` stands in a pseudonymised one alone."""


def heading(columns: Sequence[str]) -> str:
    """The first line."""
    return _lines([columns])


def lines(records: Iterable[Json], columns: Sequence[str]) -> str:
    """A line for each record."""
    cells = [COLUMNS[name] for name in columns]
    return _lines([_cell(make(record)) for make in cells] for record in records)


def _lines(rows: Iterable[Sequence[object]]) -> str:
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value).replace("\0", "")  # no reader of CSV takes it
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text
