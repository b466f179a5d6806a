"""Finding firms by id, mark or name, who is of them, their list, and the keys to decide about them under."""

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence

from sqlalchemy import Connection, func, select

from commsd.core import key
from commsd.core.organisation import Mark, name_form
from commsd.store import crm_schema, query, schema
from commsd.store.query import Row

table, marks = crm_schema.organisations, crm_schema.organisation_marks
_NAME, _INTO = table.c.record["name"].as_string(), table.c.record["merged_into"].as_string()
_DELETED = table.c.record["deleted_at"].as_string()
_OF = schema.contacts.c.record["organisation_id"].as_string()


def organisation(connection: Connection, organisation_id: str) -> Row | None:
    """One organisation."""
    row = connection.execute(select(table.c.record).where(table.c.id == organisation_id)).scalar_one_or_none()
    return Row(row, {}) if row is not None else None


def speaker_of(connection: Connection, organisation_id: str) -> str | None:
    """The id of the one that stands, itself or what it went into at last; None where there is none."""
    row = connection.execute(select(table.c.id, _INTO, _DELETED).where(table.c.id == organisation_id)).one_or_none()
    if row is None or row[2] is not None:
        return None
    return speaker_of(connection, row[1]) if row[1] is not None else organisation_id


def id_of_mark(connection: Connection, mark: Mark) -> str | None:
    """The id of the one that has this mark."""
    same = (marks.c.kind == mark.kind, marks.c.value == mark.value)
    return connection.execute(select(marks.c.organisation_id).where(*same)).scalar_one_or_none()


def ids_of_marks(connection: Connection, named: Collection[Mark]) -> dict[Mark, str]:
    """Whose these marks are; those that are nobody's are left out."""
    values: dict[str, set[str]] = defaultdict(set)
    for kind, value in named:
        values[kind].add(value)
    wanted = (select(marks).where(marks.c.kind == kind, marks.c.value.in_(some)) for kind, some in values.items())
    return {Mark(row.kind, row.value): row.organisation_id for one in wanted for row in connection.execute(one)}


def ids_called(connection: Connection, names: Collection[str]) -> set[str]:
    """The ids of all that have, or had, one of these names. names: in normal form.

    All names are read: no database knows our normal form, and there are few firms.
    """
    rows = connection.execute(select(table.c.id, _NAME).where(_NAME.is_not(None)))
    return {row[0] for row in rows if name_form(row[1]) in names}


def called(connection: Connection) -> Mapping[str, tuple[str, ...]]:
    """Normal form of each name -> the ids of those that stand; where none of the name does, of those that speak."""
    rows = connection.execute(select(table.c.id, _NAME, _INTO, _DELETED).order_by(table.c.id)).all()
    into, gone = {row[0]: row[2] for row in rows if row[2]}, {row[0] for row in rows if row[3]}
    stand: dict[str, dict[str, None]] = defaultdict(dict)
    speak: dict[str, dict[str, None]] = defaultdict(dict)
    for organisation_id, name, *_ in rows:
        last = organisation_id
        while last in into:
            last = into[last]
        if name and last not in gone:
            (stand if last == organisation_id else speak)[name_form(name)][last] = None
    return {name: tuple(ids) for name, ids in {**speak, **stand}.items()}


def ids_named(connection: Connection, typed: str, mark: Mark | None) -> tuple[str, ...]:
    """The ids of those somebody means: by id, else by mark and by name, several of one name. mark: the text as one.

    An id is given back also where it went into another or was deleted.
    """
    if organisation(connection, typed) is not None:
        return (typed,)
    holder = id_of_mark(connection, mark) if mark else None
    return tuple(dict.fromkeys((*((holder,) if holder else ()), *called(connection).get(name_form(typed), ()))))


def family_of(connection: Connection, organisation_id: str) -> tuple[str, ...]:
    """The firm and all that went into it."""
    every, newest = [organisation_id], [organisation_id]
    while newest:
        found = connection.execute(select(table.c.id).where(_INTO.in_(newest)).order_by(table.c.id)).scalars()
        newest = [each for each in found if each not in every]
        every += newest
    return tuple(every)


def members(connection: Connection, organisation_ids: Collection[str]) -> tuple[str, ...]:
    """The ids of the contacts that are of one of these, those that went into others too; in the order of their making.

    Every contact is looked at: who asks this does so now and then.
    """
    people = schema.contacts
    return tuple(
        connection.execute(select(people.c.id).where(_OF.in_(organisation_ids)).order_by(people.c.id)).scalars()
    )


def people_page(connection: Connection, organisation_id: str, *, after: str | None, limit: int) -> query.Page:
    """The contacts that are of the firm, or of one that went into it, in the order of their making."""
    family = family_of(connection, organisation_id)
    return query.by_id(connection, "contact", schema.contacts, after=after, limit=limit, where=_OF.in_(family))


def people_count(connection: Connection, organisation_id: str) -> int:
    """How many are of the firm, without those who went into somebody else."""
    people = schema.contacts
    theirs = (_OF.in_(family_of(connection, organisation_id)), people.c.record["merged_into"].as_string().is_(None))
    return connection.execute(select(func.count()).select_from(people).where(*theirs)).scalar_one()


def organisations(connection: Connection, *, after: str | None, limit: int) -> query.Page:
    """All of them, in the order they were made."""
    return query.by_id(connection, "organisation", table, after=after, limit=limit)


def keys_of(connection: Connection, named: Sequence[Mark]) -> tuple[str, ...]:
    """The keys a change of the organisations with these marks is decided under."""
    ids = sorted({found for mark in named if (found := id_of_mark(connection, mark))})
    return (*(key.of_organisation(each) for each in ids), *(key.of_mark(mark) for mark in named))


def keys_of_ids(connection: Connection, ids: Sequence[str]) -> tuple[str, ...]:
    """The keys a change of these organisations and of their marks is decided under."""
    rows = connection.execute(select(marks.c.kind, marks.c.value).where(marks.c.organisation_id.in_(ids))).all()
    theirs = sorted(key.of_mark(Mark(row.kind, row.value)) for row in rows)
    return (*(key.of_organisation(each) for each in ids), *theirs)
