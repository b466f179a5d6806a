"""Finding firms by id or mark, their list, and the keys to decide about them under."""

from collections.abc import Sequence

from sqlalchemy import Connection, select

from commsd.core import key
from commsd.core.organisation import Mark
from commsd.store import crm_schema, query
from commsd.store.query import Row

table, marks = crm_schema.organisations, crm_schema.organisation_marks


def organisation(connection: Connection, organisation_id: str) -> Row | None:
    """One organisation."""
    row = connection.execute(select(table.c.record).where(table.c.id == organisation_id)).scalar_one_or_none()
    return Row(row, {}) if row is not None else None


def id_of_mark(connection: Connection, mark: Mark) -> str | None:
    """The id of the one that has this mark."""
    same = (marks.c.kind == mark.kind, marks.c.value == mark.value)
    return connection.execute(select(marks.c.organisation_id).where(*same)).scalar_one_or_none()


def organisations(connection: Connection, *, after: str | None, limit: int) -> query.Page:
    """All of them, in the order they were made."""
    return query.by_id(connection, "organisation", table, after=after, limit=limit)


def keys_of(connection: Connection, named: Sequence[Mark]) -> tuple[str, ...]:
    """The keys a change of the organisations with these marks is decided under."""
    ids = sorted({found for mark in named if (found := id_of_mark(connection, mark))})
    return (*(key.of_organisation(each) for each in ids), *(key.of_mark(mark) for mark in named))
