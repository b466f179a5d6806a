"""Finding people by what somebody types, with those who went into them, and the keys to decide about them under."""

from collections.abc import Collection, Iterable

from sqlalchemy import Connection, select, union

from commsd.core import key
from commsd.core.contact import Identity, identity_named
from commsd.store import crm_schema, query, schema
from commsd.store.merged import way_of
from commsd.store.query import Row
from commsd.store.rows import SEVERAL


def ids_of(connection: Connection, who: str | Identity) -> tuple[str, ...]:
    """The ids of those known by an id or an identity; several where they share it."""
    table, people, identity = schema.identities, schema.contacts, _named(who)
    if identity is None:
        return tuple(connection.execute(select(people.c.id).where(people.c.id == who)).scalars())
    same = (table.c.kind == identity.kind, table.c.value == identity.value)
    found = connection.execute(select(table.c.contact_id).where(*same)).scalar_one_or_none()
    return sharers(connection, [identity]) if found == SEVERAL else (found,) if found else ()


def sharers(connection: Connection, identities: Iterable[Identity]) -> tuple[str, ...]:
    """The ids of those who share these identities with others."""
    table = crm_schema.shared_identities
    found: dict[str, None] = {}
    for kind, value in identities:
        same = (table.c.kind == kind, table.c.value == value)
        found |= dict.fromkeys(connection.execute(select(table.c.contact_id).where(*same)).scalars())
    return tuple(sorted(found))


def id_of(connection: Connection, who: str) -> str | None:
    """The contact's id; None where nobody is known by that, or several are."""
    found = ids_of(connection, who)
    return found[0] if len(found) == 1 else None


def found(connection: Connection, who: str) -> Row | None:
    """The contact's row."""
    contact_id = id_of(connection, who)
    return query.contact(connection, contact_id) if contact_id else None


def keys_of(connection: Connection, *people: str | Identity) -> tuple[str, ...]:
    """The keys a change of these contacts is decided under: all they and who shares with them are known by.

    people: ids and identities, also as typed; an identity nobody has is a key too, so that who claims it first has it.
    """
    typed = [each for each in map(_named, people) if each]
    ids = {each for who in people for each in ids_of(connection, who)}
    ids |= {each for known in ids for each in way_of(connection, known)}
    known = _identities(connection, ids)
    ids |= set(sharers(connection, known))
    everything = dict.fromkeys((*typed, *known, *_identities(connection, ids)))
    return (*(key.of_contact(each) for each in sorted(ids)), *(key.of_identity(each) for each in everything))


def _named(who: str | Identity) -> Identity | None:
    return who if isinstance(who, Identity) else identity_named(who)


def _identities(connection: Connection, ids: Collection[str]) -> list[Identity]:
    tables = (schema.identities, crm_schema.shared_identities)
    of_them = (select(each.c.kind, each.c.value).where(each.c.contact_id.in_(ids)) for each in tables)
    return [Identity(row.kind, row.value) for row in connection.execute(union(*of_them).order_by("kind", "value"))]
