"""What people and programs read: lists page by page along a key, and single records. Nothing here decides or writes.

A page never skips and never repeats a row that stood still: it goes on behind the sort key of the last row, not
behind a count. A live call is durable, but in no list before its verdict.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy import Column, ColumnElement, Connection, Table, and_, exists, func, literal, not_, or_, select

from commsd.core import key
from commsd.core.contact import Identity
from commsd.store import schema
from commsd.store.column import Instant
from commsd.store.merged import of_family

NEVER = datetime(9999, 12, 31, tzinfo=UTC)
"""Where a row without a due time stands in a list by due time: last."""

Place = tuple[datetime, str]


class Row(NamedTuple):
    """A record without personal fields, and those by JSON pointer."""

    record: dict[str, Any]
    personal: dict[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """Some rows of a list in its order. next: behind the last row; None where the list ends here."""

    rows: tuple[Row, ...]
    next: Place | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """Which interactions; a field that is None asks for all. since: by recorded_at.

    contact: also what was recorded of those who went into the same person.
    """

    contact: str | None = None
    case: str | None = None
    channel: str | None = None
    kind: str | None = None
    since: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """What the metrics and the board count.

    callbacks: open ones by state. clocks: owed ones by (clock, state). unsent: deliveries owed, by state.
    """

    callbacks: dict[str, int] = field(default_factory=dict)
    oldest_callback: datetime | None = None
    clocks: dict[tuple[str, str], int] = field(default_factory=dict)
    unsent: dict[str, int] = field(default_factory=dict)


def interactions(
    connection: Connection, wanted: Wanted, *, after: Place | None = None, limit: int = 50, oldest_first: bool = False
) -> Page:
    """Current interactions by the time they were recorded, newest first unless asked otherwise."""
    table = schema.interactions
    where = [table.c.current, not_(_live_call())]
    for column, value in (
        (table.c.case_id, wanted.case),
        (table.c.channel, wanted.channel),
        (table.c.kind, wanted.kind),
    ):
        if value is not None:
            where.append(column == value)
    if wanted.contact is not None:
        where.append(of_family(connection, table.c.contact_id, wanted.contact))
    if wanted.since is not None:
        where.append(table.c.recorded_at >= wanted.since)
    return _page(connection, "interaction", table, table.c.recorded_at, where, after, limit, down=not oldest_first)


def cases(
    connection: Connection,
    *,
    state: str | None = None,
    contact: str | None = None,
    owner: str | None = None,
    team: str | None = None,
    late_at: datetime | None = None,
    after: Place | None = None,
    limit: int = 50,
) -> Page:
    """Cases, the last active first. late_at: only those that owe something which was due before."""
    table = schema.cases
    where = _equal((table.c.state, state))
    where += [of_family(connection, table.c.contact_id, contact)] if contact is not None else []
    where += [table.c.record[name].as_string() == value for name, value in (("owner", owner), ("team", team)) if value]
    if late_at is not None:
        owed = schema.clocks
        where.append(exists().where(and_(owed.c.case_id == table.c.id, owed.c.owed, owed.c.due_at < late_at)))
    return _page(connection, "case", table, table.c.active_at, where, after, limit, down=True)


def callbacks(
    connection: Connection,
    *,
    state: str | None = None,
    case: str | None = None,
    every: bool = False,
    after: Place | None = None,
    limit: int = 50,
) -> Page:
    """Callbacks by the time they are due, the longest due first; open ones unless `every` or a state is asked for."""
    table = schema.callbacks
    where = _equal((table.c.state, state), (table.c.case_id, case))
    if state is None and not every:
        where.append(table.c.state != "closed")
    due = func.coalesce(table.c.due_at, table.c.opened_at, type_=Instant())
    return _page(connection, "callback", table, due, where, after, limit)


def clocks(
    connection: Connection,
    *,
    state: str | None = None,
    case: str | None = None,
    due_before: datetime | None = None,
    owner: str | None = None,
    team: str | None = None,
    policy: str | None = None,
    every: bool = False,
    after: Place | None = None,
    limit: int = 50,
) -> Page:
    """Clocks by due time; those somebody still has to act on unless `every` or a state is asked for.

    owner, team: of their case.
    """
    table, held = schema.clocks, schema.cases
    where = _equal((table.c.state, state), (table.c.case_id, case))
    whose = [held.c.record[name].as_string() == value for name, value in (("owner", owner), ("team", team)) if value]
    if whose:
        where.append(exists().where(and_(held.c.id == table.c.case_id, *whose)))
    if policy is not None:
        where.append(table.c.record["policy"].as_string() == policy)
    if state is None and not every:
        where.append(table.c.owed)
    if due_before is not None:
        where.append(table.c.due_at < due_before)
    due = func.coalesce(table.c.due_at, literal(NEVER, Instant()), type_=Instant())
    return _page(connection, "clock", table, due, where, after, limit)


def interaction(connection: Connection, interaction_id: str) -> Row | None:
    """The current revision, also of a live call: who knows its id may see it."""
    table = schema.interactions
    return _one(connection, "interaction", table, and_(table.c.id == interaction_id, table.c.current))


def case(connection: Connection, case_id: str) -> Row | None:
    """One case."""
    return _one(connection, "case", schema.cases, schema.cases.c.id == case_id)


def callback(connection: Connection, callback_id: str) -> Row | None:
    """One callback."""
    return _one(connection, "callback", schema.callbacks, schema.callbacks.c.id == callback_id)


def contact(connection: Connection, contact_id: str) -> Row | None:
    """One contact."""
    return _one(connection, "contact", schema.contacts, schema.contacts.c.id == contact_id)


def contacts(connection: Connection, *, after: str | None, limit: int) -> Page:
    """All contacts, in the order they were made."""
    return by_id(connection, "contact", schema.contacts, after=after, limit=limit)


def by_id(
    connection: Connection,
    thing: str,
    table: Table,
    *,
    after: str | None,
    limit: int,
    where: ColumnElement[bool] | None = None,
) -> Page:
    """Rows of a table in the order of their ids, which is that of their making. where: which alone; None: all."""
    side = schema.personal
    asked = select(table.c.id, table.c.record, side.c.fields).select_from(table.outerjoin(side, _beside(table, thing)))
    if after is not None:
        asked = asked.where(table.c.id > after)
    if where is not None:
        asked = asked.where(where)
    rows = connection.execute(asked.order_by(table.c.id).limit(limit + 1)).all()
    shown = tuple(Row(row.record, row.fields or {}) for row in rows[:limit])
    return Page(rows=shown, next=(NEVER, rows[limit - 1].id) if len(rows) > limit else None)


def clocks_of(connection: Connection, case_ids: Sequence[str]) -> tuple[Row, ...]:
    """All clocks of these cases, oldest first."""
    table = schema.clocks
    return _rows(connection, "clock", table, table.c.case_id.in_(case_ids), order=table.c.id)


def cases_of(connection: Connection, case_ids: Sequence[str]) -> dict[str, Row]:
    """These cases, by id."""
    rows = _rows(connection, "case", schema.cases, schema.cases.c.id.in_(case_ids), order=schema.cases.c.id)
    return {row.record["id"]: row for row in rows}


def contacts_of(connection: Connection, contact_ids: Sequence[str]) -> dict[str, Row]:
    """These contacts, by id."""
    table = schema.contacts
    return {row.record["id"]: row for row in _rows(connection, "contact", table, table.c.id.in_(contact_ids))}


def spoken_in(connection: Connection, interaction_ids: Sequence[str]) -> frozenset[str]:
    """Those of these interactions of which a sound is kept."""
    table = schema.interactions
    sound = table.c.record["raw", "media_type"].as_string().startswith("audio/")
    found = connection.execute(select(table.c.id).where(table.c.id.in_(interaction_ids), table.c.current, sound))
    return frozenset(found.scalars())


def tagged(connection: Connection, interaction_ids: Sequence[str], tag: str) -> frozenset[str]:
    """Those of these interactions that bear the tag."""
    table = schema.interactions
    theirs = (table.c.id.in_(interaction_ids), table.c.current)
    found = connection.execute(select(table.c.id, table.c.record).where(*theirs))
    return frozenset(row.id for row in found if tag in (row.record.get("tags") or ()))


def keys_of_case(connection: Connection, case_id: str) -> tuple[str, ...]:
    """The keys an action on this case is decided under: whatever else may change it waits on one of them.

    The case that it went into counts too.
    """
    table, people, calls = schema.cases, schema.identities, schema.callbacks
    ids, contacts, next_id = list[str](), list[str](), case_id
    while next_id and next_id not in ids:
        ids.append(next_id)
        row = connection.execute(select(table.c.contact_id, table.c.record).where(table.c.id == next_id)).first()
        contacts += [row.contact_id] if row and row.contact_id else []
        next_id = row.record.get("merged_into") or "" if row else ""
    known = connection.execute(select(people.c.kind, people.c.value).where(people.c.contact_id.in_(contacts)))
    numbers = select(calls.c.number).where(and_(calls.c.case_id.in_(ids), calls.c.number.is_not(None)))
    owed = (Identity("phone", number) for number in connection.execute(numbers).scalars())
    identities = [*(Identity(row.kind, row.value) for row in known), *owed]
    cases = (key.of_case(each) for each in ids)
    return tuple(dict.fromkeys((*cases, *(key.of_identity(identity) for identity in identities))))


def keys_of_callback(connection: Connection, callback_id: str) -> tuple[str, ...]:
    """The keys an action on this callback is decided under; its case's among them."""
    table = schema.callbacks
    case_id = connection.execute(select(table.c.case_id).where(table.c.id == callback_id)).scalar()
    return (key.of_callback(callback_id), *(keys_of_case(connection, case_id) if case_id else ()))


def keys_of_interaction(connection: Connection, interaction_id: str) -> tuple[str, ...]:
    """The keys a revision of this interaction is decided under; its case's among them."""
    table = schema.interactions
    same = and_(table.c.id == interaction_id, table.c.current)
    row = connection.execute(select(table.c.case_id, table.c.record).where(same)).first()
    if row is None:
        return (key.of_interaction(interaction_id),)
    detail = row.record["detail"]
    if detail.get("voids") and detail["voids"] != interaction_id:
        more = keys_of_interaction(connection, detail["voids"])
        return tuple(dict.fromkeys((key.of_interaction(interaction_id), *more)))
    called = [*(detail.get("callbacks") or ()), detail.get("callback_id")]
    return (
        key.of_interaction(interaction_id),
        *(key.of_callback(each) for each in called if each),
        *(keys_of_case(connection, row.case_id) if row.case_id else ()),
    )


def case_of_clock(connection: Connection, clock_id: str) -> str | None:
    """The case this clock runs in."""
    table = schema.clocks
    return connection.execute(select(table.c.case_id).where(table.c.id == clock_id)).scalar()


def figures(connection: Connection) -> Figures:
    """Everything that is counted, in four statements."""
    owed, calls, due = schema.deliveries, schema.callbacks, schema.clocks
    opened = calls.c.state != "closed"
    by_state = select(calls.c.state, func.count()).where(opened).group_by(calls.c.state)
    by_clock = select(due.c.clock, due.c.state, func.count()).where(due.c.owed).group_by(due.c.clock, due.c.state)
    unsent = (
        select(owed.c.state, func.count())
        .where(owed.c.state.in_(("queued", "sending", "unknown")), owed.c.kind != "telling")
        .group_by(owed.c.state)
    )
    return Figures(
        callbacks={row[0]: row[1] for row in connection.execute(by_state)},
        oldest_callback=connection.execute(select(func.min(calls.c.opened_at)).where(opened)).scalar(),
        clocks={(clock, state): count for clock, state, count in connection.execute(by_clock)},
        unsent={row[0]: row[1] for row in connection.execute(unsent)},
    )


def _live_call() -> ColumnElement[bool]:
    table = schema.interactions
    return and_(table.c.kind == "call", func.coalesce(table.c.outcome, "") == "pending")


def _equal(*pairs: tuple[Column[Any], str | None]) -> list[ColumnElement[bool]]:
    return [column == value for column, value in pairs if value is not None]


def _page(
    connection: Connection,
    thing: str,
    table: Table,
    by: ColumnElement[Any],
    where: Sequence[ColumnElement[bool]],
    after: Place | None,
    limit: int,
    *,
    down: bool = False,
) -> Page:
    conditions = list(where)
    if after is not None:
        at, last_id = literal(after[0], Instant()), after[1]
        further = by < at if down else by > at
        beside = table.c.id < last_id if down else table.c.id > last_id
        conditions.append(or_(further, and_(by == at, beside)))
    order = (by.desc(), table.c.id.desc()) if down else (by, table.c.id)
    side = schema.personal
    rows = connection.execute(
        select(table.c.id, by.label("place"), table.c.record, side.c.fields)
        .select_from(table.outerjoin(side, _beside(table, thing)))
        .where(and_(True, *conditions))
        .order_by(*order)
        .limit(limit + 1)
    ).all()
    shown = rows[:limit]
    return Page(
        rows=tuple(Row(row.record, row.fields or {}) for row in shown),
        next=(shown[-1].place, shown[-1].id) if len(rows) > limit else None,
    )


def _one(connection: Connection, thing: str, table: Table, where: ColumnElement[bool]) -> Row | None:
    return next(iter(_rows(connection, thing, table, where)), None)


def _rows(
    connection: Connection,
    thing: str,
    table: Table,
    where: ColumnElement[bool],
    order: ColumnElement[Any] | None = None,
) -> tuple[Row, ...]:
    side = schema.personal
    joined = select(table.c.record, side.c.fields).select_from(table.outerjoin(side, _beside(table, thing)))
    rows = connection.execute(joined.where(where).order_by(table.c.id if order is None else order))
    return tuple(Row(row.record, row.fields or {}) for row in rows)


def _beside(table: Table, thing: str) -> ColumnElement[bool]:
    side = schema.personal
    return and_(side.c.thing == thing, side.c.id == table.c.id, side.c.revision == table.c.revision)
