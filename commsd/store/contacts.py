"""Finding people by what somebody types, with those who went into them, and the keys to decide about them under."""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

from sqlalchemy import Column, Connection, Table, select

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
    return keys_of_each(connection, [people])[0]


def keys_of_each(connection: Connection, groups: Sequence[Sequence[str | Identity]]) -> list[tuple[str, ...]]:
    """The keys of `keys_of` for each of these groups, read for all of them together."""
    typed = [[each for each in map(_named, people) if each] for people in groups]
    who = [each for people in groups for each in people if isinstance(each, str) and _named(each) is None]
    there = set(_column(connection, schema.contacts.c.id, who))
    ways = _ways(connection, there)
    held = _holders(connection, {each for some in typed for each in some})
    ways |= _ways(connection, {each for ids in held.values() for each in ids} - ways.keys())
    known = _identities(connection, {each for way in ways.values() for each in way})
    shared = _sharers(connection, {each for identities in known.values() for each in identities})
    known |= _identities(connection, {each for ids in shared.values() for each in ids} - known.keys())
    return [
        _keys(some, [each for each in people if isinstance(each, str) and each in there], held, ways, known, shared)
        for people, some in zip(groups, typed, strict=True)
    ]


Ids = Mapping[Identity, Collection[str]]


def _keys(
    typed: Sequence[Identity],
    named: Sequence[str],
    held: Ids,
    ways: Mapping[str, Sequence[str]],
    known: Mapping[str, Sequence[Identity]],
    shared: Ids,
) -> tuple[str, ...]:
    ids = {last for each in (*named, *(one for t in typed for one in held.get(t, ()))) for last in ways[each]}
    theirs = {each for one in ids for each in known.get(one, ())}
    ids |= {one for each in theirs for one in shared.get(each, ())}
    everything = dict.fromkeys((*typed, *sorted({each for one in ids for each in known.get(one, ())})))
    return (*(key.of_contact(each) for each in sorted(ids)), *(key.of_identity(each) for each in everything))


def _named(who: str | Identity) -> Identity | None:
    return who if isinstance(who, Identity) else identity_named(who)


def _column(connection: Connection, column: Column[str], values: Collection[str]) -> Iterable[str]:
    return connection.execute(select(column).where(column.in_(values))).scalars() if values else ()


def _ways(connection: Connection, ids: Collection[str]) -> dict[str, tuple[str, ...]]:
    """Each id -> itself and those it went into, one after the other."""
    gone = crm_schema.merged_contacts.c.contact_id
    merged = set(_column(connection, gone, ids))
    return {each: way_of(connection, each) if each in merged else (each,) for each in ids}


def _rows(connection: Connection, table: Table, identities: Collection[Identity]) -> Iterator[tuple[Identity, str]]:
    values: dict[str, list[str]] = defaultdict(list)
    for kind, value in identities:
        values[kind].append(value)
    for kind, some in values.items():
        for row in connection.execute(select(table).where(table.c.kind == kind, table.c.value.in_(some))):
            yield Identity(row.kind, row.value), row.contact_id


def _sharers(connection: Connection, identities: Collection[Identity]) -> dict[Identity, list[str]]:
    found: dict[Identity, list[str]] = defaultdict(list)
    for identity, contact_id in _rows(connection, crm_schema.shared_identities, identities):
        found[identity].append(contact_id)
    return found


def _holders(connection: Connection, identities: Collection[Identity]) -> dict[Identity, list[str]]:
    one = dict(_rows(connection, schema.identities, identities))
    several = _sharers(connection, [each for each, contact_id in one.items() if contact_id == SEVERAL])
    return {each: several[each] if contact_id == SEVERAL else [contact_id] for each, contact_id in one.items()}


def _identities(connection: Connection, ids: Collection[str]) -> dict[str, list[Identity]]:
    found: dict[str, list[Identity]] = {each: [] for each in ids}
    for table in (schema.identities, crm_schema.shared_identities) if ids else ():
        for row in connection.execute(select(table).where(table.c.contact_id.in_(ids))):
            found[row.contact_id].append(Identity(row.kind, row.value))
    return found
