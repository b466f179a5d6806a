"""Who went into whom: one person, under several ids."""

from collections.abc import Collection

from sqlalchemy import Column, ColumnElement, Connection, select

from commsd.store import crm_schema


def survivor_of(connection: Connection, contact_id: str) -> str:
    """Who speaks for this contact: the one it went into at last, else itself."""
    return way_of(connection, contact_id)[-1]


def way_of(connection: Connection, contact_id: str) -> tuple[str, ...]:
    """The contact, the one it went into, the one that went into, and so on."""
    table, way = crm_schema.merged_contacts, [contact_id]
    while True:
        into = connection.execute(select(table.c.into_id).where(table.c.contact_id == way[-1])).scalar_one_or_none()
        if into is None or into in way:
            return tuple(way)
        way.append(into)


def family_of(connection: Connection, contact_id: str) -> tuple[str, ...]:
    """The ids under which something may be recorded of this person: who speaks for it, and all who went into that."""
    table, every = crm_schema.merged_contacts, [survivor_of(connection, contact_id)]
    newest: Collection[str] = every[:]
    while newest:
        rows = connection.execute(select(table.c.contact_id).where(table.c.into_id.in_(newest)).order_by("contact_id"))
        newest = [each for each in rows.scalars() if each not in every]
        every += newest
    return tuple(every)


def of_family(connection: Connection, column: Column[str], contact_id: str) -> ColumnElement[bool]:
    """That a row is this person's, under whatever id it was recorded."""
    family = family_of(connection, contact_id)
    return column == family[0] if len(family) == 1 else column.in_(family)
