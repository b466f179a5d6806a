"""A walk over all interactions as they stand, in pages and in the order of their ids, beside whoever writes.

The number of the feed is taken first. What was committed before it is found by the walk, in this revision or a later
one, for a row never changes its id; what is committed after it is in the feed behind that number. So nothing is lost,
and what changes meanwhile is seen twice. No transaction stays open between two pages.
"""

from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy import Connection, and_, func, not_, select

from commsd.store import feed, schema
from commsd.store.query import Row


class Start(NamedTuple):
    """Where a walk begins. epoch, seq: of the feed, read before all else; first, last: the ids it lies between."""

    epoch: str
    seq: int
    first: str
    last: str


class Stretch(NamedTuple):
    """Some interactions. next: the id to go on behind; None at the end."""

    rows: tuple[Row, ...]
    next: str | None


def start(connection: Connection) -> Start:
    """The beginning of a walk over everything that is committed by now."""
    epoch, seq = feed.head(connection)
    column = schema.interactions.c.id
    first, last = connection.execute(select(func.min(column), func.max(column))).one()
    return Start(epoch, seq, first or "", last or "")


def stretch(connection: Connection, after: str, upto: str, limit: int) -> Stretch:
    """Up to `limit` interactions behind an id, as they stand now; a live call is not among them."""
    table, side = schema.interactions, schema.personal
    live = and_(table.c.kind == "call", func.coalesce(table.c.outcome, "") == "pending")
    beside = and_(side.c.thing == "interaction", side.c.id == table.c.id, side.c.revision == table.c.revision)
    rows = connection.execute(
        select(table.c.id, table.c.record, side.c.fields)
        .select_from(table.outerjoin(side, beside))
        .where(table.c.id > after, table.c.id <= upto, table.c.current, not_(live))
        .order_by(table.c.id)
        .limit(limit)
    ).all()
    place = rows[-1].id if len(rows) == limit else None
    return Stretch(tuple(Row(row.record, row.fields or {}) for row in rows), place)


def merged(connection: Connection) -> Mapping[str, str]:
    """Who speaks for a contact that was merged, to the end of the chain."""
    table = schema.contacts
    into = table.c.record["merged_into"].as_string()
    known = {row.id: row.into for row in connection.execute(select(table.c.id, into.label("into")).where(into != ""))}
    return {contact_id: _survivor(contact_id, known) for contact_id in known}


def way(begin: Start, place: str | None) -> float:
    """How much of the walk is behind it, from 0 to 1: ids rise with time."""
    if place is None or begin.first >= begin.last:
        return 1.0
    first, last, here = (int(each.replace("-", "")[:12], 16) for each in (begin.first, begin.last, place))
    return (here - first) / max(1, last - first)


def _survivor(contact_id: str, into: Mapping[str, str]) -> str:
    seen = {contact_id}
    while (next_id := into.get(contact_id)) and next_id not in seen:
        seen.add(next_id)
        contact_id = next_id
    return contact_id
