"""One person as a page shows them: who it is, what is owed, and what happened under any id they ever had."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import Connection

from commsd.core.record import Json
from commsd.store import query
from commsd.store.merged import survivor_of
from commsd.store.organisations import organisation, speaker_of
from commsd.store.query import Page, Place, Row, Wanted

MATTERS = 20
"""Open cases and calls that are shown; nobody has more at once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """contact: of who speaks for them. cases: the open ones; clocks: what those owe. past: newest first."""

    contact: Row
    firm: Row | None
    cases: tuple[Row, ...]
    clocks: tuple[Row, ...]
    calls: tuple[Row, ...]
    past: Page


def person(connection: Connection, contact_id: str, *, after: Place | None = None, limit: int = 50) -> Person | None:
    """The person behind a contact's id, also of one who went into another; None where there is none."""
    contact_id = survivor_of(connection, contact_id)
    contact = query.contact(connection, contact_id)
    if contact is None:
        return None
    firm_id = speaker_of(connection, contact.record["organisation_id"] or "")
    cases = query.cases(connection, contact=contact_id, state="open", limit=MATTERS).rows
    ids = [row.record["id"] for row in cases]
    calls = [row for each in ids for row in query.callbacks(connection, case=each, limit=MATTERS).rows]
    return Person(
        contact=contact,
        firm=organisation(connection, firm_id) if firm_id else None,
        cases=cases,
        clocks=_owed(connection, ids) if ids else (),
        calls=tuple(calls),
        past=query.interactions(connection, Wanted(contact=contact_id), after=after, limit=limit),
    )


def _owed(connection: Connection, case_ids: Sequence[str]) -> tuple[Row, ...]:
    """What these cases owe, the first due first; what waits for the customer last."""
    rows = [row for row in query.clocks_of(connection, case_ids) if _is_owed(row.record)]
    return tuple(sorted(rows, key=lambda row: row.record["due_at"] or "~"))


def _is_owed(clock: Json) -> bool:
    return clock["stopped_at"] is None and clock["state"] != "cancelled"
