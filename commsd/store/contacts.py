"""Finding a person by what somebody types: an id, an address or a number."""

from sqlalchemy import Connection, select

from commsd.core import key
from commsd.core.contact import Identity, identity_of
from commsd.store import query, schema


def id_of(connection: Connection, who: str) -> str | None:
    """The contact's id; None where nobody is known by that."""
    table, identity = schema.identities, identity_of(who)
    if identity is None:
        people = schema.contacts
        return connection.execute(select(people.c.id).where(people.c.id == who)).scalar_one_or_none()
    same = (table.c.kind == identity.kind, table.c.value == identity.value)
    return connection.execute(select(table.c.contact_id).where(*same)).scalar_one_or_none()


def found(connection: Connection, who: str) -> query.Row | None:
    """The contact's row."""
    contact_id = id_of(connection, who)
    return query.contact(connection, contact_id) if contact_id else None


def keys_of(connection: Connection, who: str) -> tuple[str, ...]:
    """The keys a change of this contact is decided under: all it is known by; () where nobody is."""
    table, contact_id = schema.identities, id_of(connection, who)
    if contact_id is None:
        return ()
    rows = connection.execute(select(table.c.kind, table.c.value).where(table.c.contact_id == contact_id))
    return tuple(key.of_identity(Identity(row.kind, row.value)) for row in rows)
