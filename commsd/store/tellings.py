"""What waits to be told, what a person was told lately, and what is owed to whom: read for dispatch and digest."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, case, exists, func, literal, not_, or_, select

from commsd.core.erasure import dropped
from commsd.core.interaction import Delivery
from commsd.core.ladder import PAGE
from commsd.core.ledger import INSTEAD, NOTICES
from commsd.store import schema
from commsd.store.debts import AT_ONCE
from commsd.store.rows import delivery_of

LATE = timedelta(minutes=5)
"""A webhook or SMS that was tried for so long goes by mail too, while it is tried on."""

LOST_FOR = timedelta(days=1)
"""What failed longer ago is history: after an upgrade or a long stop nobody is told of it any more."""


class Waiting(NamedTuple):
    """A telling that may go out. payload: see `sla.telling`. number: how many wait for its recipient, with this one."""

    id: str
    recipient: str
    payload: bytes
    created_at: datetime
    number: int


class OwedNow(NamedTuple):
    """A clock somebody must still act on, with whose case it is."""

    id: str
    case_id: str
    clock: str
    state: str
    due_at: datetime | None
    owner: str | None
    team: str | None
    mailbox: str | None
    line: str | None


def waiting(connection: Connection, now: datetime, limit: int, each: int) -> tuple[Waiting, ...]:
    """Tellings whose time has come, pages first, then the oldest; at most so many of each recipient.

    What waits for one in great numbers keeps nobody else waiting: of each the first, of each the second, and so on.
    """
    table = schema.deliveries
    ready = and_(table.c.state == "queued", table.c.kind == "telling", table.c.due_at <= now)
    counts = select(table.c.recipient, func.count()).where(ready).group_by(table.c.recipient)
    number = {row[0]: row[1] for row in connection.execute(counts)}
    paged = case((table.c.reason == PAGE, 0), else_=1)
    order = (paged, table.c.due_at, table.c.id)
    wanted = select(table.c.id, table.c.recipient, table.c.payload, table.c.created_at)
    if sum(number.values()) <= limit:
        wanted = wanted.where(ready).order_by(*order)
    else:
        turn = func.row_number().over(partition_by=table.c.recipient, order_by=order)
        placed = select(table.c.id, turn.label("turn")).where(ready).subquery()
        wanted = wanted.join(placed, table.c.id == placed.c.id).where(placed.c.turn <= each)
        wanted = wanted.order_by(paged, placed.c.turn, table.c.due_at, table.c.id).limit(limit)
    return tuple(
        Waiting(row.id, row.recipient, row.payload, row.created_at, number.get(row.recipient, 1))
        for row in connection.execute(wanted)
    )


def told_within(
    connection: Connection, recipients: Sequence[str], since: datetime, until: datetime
) -> dict[str, list[datetime]]:
    """When each of these was given a notice, oldest first. What a clock that ran ahead dated later does not count."""
    table = schema.deliveries
    found: dict[str, list[datetime]] = {}
    for start in range(0, len(recipients), AT_ONCE):
        theirs = table.c.recipient.in_(recipients[start : start + AT_ONCE])
        spoken = and_(table.c.created_at > since, table.c.created_at <= until)
        lately = and_(theirs, spoken, table.c.key.startswith(NOTICES, autoescape=True))
        for row in connection.execute(select(table.c.recipient, table.c.created_at).where(lately)):
            found.setdefault(row.recipient, []).append(row.created_at)
    return {recipient: sorted(times) for recipient, times in found.items()}


def undelivered(connection: Connection, now: datetime, limit: int) -> tuple[str, ...]:
    """Ids of notices that did not arrive and have none in their place yet, the oldest first."""
    table, other = schema.deliveries, schema.deliveries.alias("other")
    any_of = table.c.state.in_(("failed", "refused", "queued", "unknown"))  # by the index; most have arrived
    lost = and_(table.c.state.in_(("failed", "refused")), table.c.settled_at > now - LOST_FOR)
    slow = and_(
        table.c.state.in_(("queued", "unknown")),
        table.c.via.in_(("webhook", "sms")),
        table.c.attempts > 0,
        table.c.created_at <= now - LATE,
    )
    replaced = exists().where(other.c.key == literal(INSTEAD).concat(table.c.id))
    wanted = and_(
        any_of,
        table.c.kind == "notice",
        or_(lost, slow),
        not_(table.c.key.startswith(INSTEAD, autoescape=True)),
        not_(replaced),
    )
    rows = connection.execute(select(table.c.id).where(wanted).order_by(table.c.created_at, table.c.id).limit(limit))
    return tuple(row.id for row in rows)


def is_made(connection: Connection, key: str) -> bool:
    """Whether there is a delivery under this key."""
    table = schema.deliveries
    return connection.execute(select(table.c.id).where(table.c.key == key)).first() is not None


def to_make_anew(connection: Connection, keys: Sequence[str]) -> dict[str, str]:
    """Those of these notices that quoted somebody erased, and of which no other was made: key -> id of what it was."""
    table = schema.deliveries
    asked = select(table.c.key, table.c.id).where(table.c.key.in_([*keys, *map(dropped, keys)]))
    found = {row.key: row.id for row in connection.execute(asked)}
    return {key: found[dropped(key)] for key in keys if dropped(key) in found and key not in found}


def of_case(connection: Connection, case_id: str) -> tuple[Delivery, ...]:
    """Every telling about a case, oldest first, with what became of it."""
    table = schema.deliveries
    about = and_(table.c.case_id == case_id, table.c.kind == "telling")
    rows = connection.execute(select(table).where(about).order_by(table.c.created_at, table.c.id))
    return tuple(delivery_of(row) for row in rows)


def notices_of(connection: Connection, told: Sequence[Delivery]) -> dict[str, Delivery]:
    """The notices that these tellings were put into, by the telling's id; one whose notice is not kept is missing.

    A notice is made in the commit that settles its tellings, and is named by the first of them.
    """
    table = schema.deliveries
    found: dict[str, Delivery] = {}
    for start in range(0, len(told), AT_ONCE):
        part = told[start : start + AT_ONCE]
        together = and_(
            table.c.recipient.in_({each.recipient for each in part}),
            table.c.created_at.in_({each.settled_at for each in part if each.settled_at}),
            table.c.key.startswith(NOTICES, autoescape=True),
        )
        first = table.c.key.in_([f"{NOTICES}{each.id}" for each in part])
        notices = [delivery_of(row) for row in connection.execute(select(table).where(or_(together, first)))]
        by_key = {notice.key: notice for notice in notices}
        together_with: dict[tuple[str, datetime | None], Delivery] = {
            (notice.recipient, notice.created_at): notice for notice in notices
        }
        for each in part:
            notice = by_key.get(f"{NOTICES}{each.id}") or together_with.get((each.recipient, each.settled_at))
            if notice is not None:
                found[each.id] = notice
    return found


def owed_now(connection: Connection, after: str, limit: int) -> tuple[OwedNow, ...]:
    """Clocks that are owed, by id, behind `after`."""
    due, case = schema.clocks, schema.cases
    rows = connection.execute(
        select(due.c.id, due.c.case_id, due.c.clock, due.c.state, due.c.due_at, *map(_of_case, _WHOSE))
        .select_from(due.join(case, case.c.id == due.c.case_id))
        .where(due.c.owed, due.c.id > after)
        .order_by(due.c.id)
        .limit(limit)
    )
    return tuple(OwedNow(*row) for row in rows)


_WHOSE = ("owner", "team", "mailbox", "line")


def _of_case(name: str) -> ColumnElement[Any]:
    field: ColumnElement[Any] = schema.cases.c.record[name].as_string()
    return field.label(name)
