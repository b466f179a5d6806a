"""The ordered feed: what is committed goes from the outbox into one dense sequence, under a fenced lease.

Readers follow the sequence, never an identity column: a reader of those loses rows that commit late.
"""

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

import orjson
from sqlalchemy import (
    BindParameter,
    ColumnElement,
    Connection,
    Integer,
    Select,
    Text,
    and_,
    bindparam,
    cast,
    delete,
    func,
    or_,
    select,
    text,
    update,
)
from sqlalchemy.dialects import postgresql, sqlite

from commsd.errors import LeaseLost
from commsd.store import schema
from commsd.store.ask import ask
from commsd.store.bulk import insert

HEAD = "feed"
STRETCH = 20_000
"""So many events are looked at for one page of a filter; its reader then asks on from there."""


class OutboxEntry(NamedTuple):
    """One committed event that has no number yet. record: its JSON text, without personal fields."""

    id: int
    event_id: str
    type: str
    thing: str
    subject: str
    revision: int
    at: datetime
    recorded_at: datetime
    by: str
    record: str


class Span(NamedTuple):
    """What the feed holds: its epoch, and the first and the last number readers get. Empty where last < oldest."""

    epoch: str
    oldest: int
    last: int


Render = Callable[[OutboxEntry, int], tuple[str, str]]
"""Makes the event of an entry and its number, and its partition key."""

_OURS = update(schema.feed_head).where(schema.feed_head.c.name == HEAD)
_MINE: BindParameter[int] = bindparam("mine")
_FENCED = _OURS.where(schema.feed_head.c.fence <= _MINE).values(fence=_MINE).returning(schema.feed_head.c.last)
_FIRST = select(schema.outbox.c.id).order_by(schema.outbox.c.id).limit(bindparam("some", type_=Integer)).subquery()
_TAKEN = (
    delete(schema.outbox)
    .where(schema.outbox.c.id <= select(func.max(_FIRST.c.id)).scalar_subquery())  # a range: joined with its own first
    # rows, an outbox that was empty when PostgreSQL last counted it is read once for each of them
    .returning(
        *(schema.outbox.c[name] for name in OutboxEntry._fields[:-1]),
        cast(schema.outbox.c.record, Text).label("record"),
    )
)
_COME_TO = _OURS.values(last=bindparam("upto"))
_HEAD = select(*(schema.feed_head.c[name] for name in Span._fields)).where(schema.feed_head.c.name == HEAD)
_LET_GO = _OURS.values(oldest=bindparam("first"))


class FeedEntry(NamedTuple):
    """One numbered event. event: CloudEvents JSON as rendered once. personal: its side row, where it is kept."""

    seq: int
    type: str
    event: str
    personal: dict[str, Any]


Bare = tuple[int, str, str]
"""The number, type and text of an event, and nothing personal beside it."""


def prepare(connection: Connection, epoch: str) -> None:
    """Make the head row where the feed is new. epoch: a fresh id, kept for the life of this database."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"name": HEAD, "epoch": epoch, "last": 0, "fence": 0, "oldest": 1}
    connection.execute(dialect.insert(schema.feed_head).values(**row).on_conflict_do_nothing())


def renew(connection: Connection, epoch: str) -> None:
    """Begin another life of the feed, for this is a copy: whoever followed the original is told so and starts anew."""
    connection.execute(_OURS.values(epoch=epoch))


def number(connection: Connection, fence: int, render: Render, limit: int = 2000) -> int:
    """Move up to `limit` outbox rows into the feed in their order; gives how many.

    Raises LeaseLost where a later leaseholder has numbered already.
    """
    last = connection.execute(_FENCED, {"mine": fence}).scalar()
    if last is None:
        raise LeaseLost("another node numbers the feed", remedy="nothing to do: it goes on from the last number")
    entries = sorted(map(OutboxEntry._make, connection.execute(_TAKEN, {"some": limit}).all()))
    if not entries:
        return 0
    insert(connection, schema.feed, [_row(entry, place, render) for place, entry in enumerate(entries, last + 1)])
    connection.execute(_COME_TO, {"upto": last + len(entries)})
    return len(entries)


def _row(entry: OutboxEntry, place: int, render: Render) -> dict[str, Any]:
    event, partition_key = render(entry, place)
    return {
        "seq": place,
        "type": entry.type,
        "thing": entry.thing,
        "subject": entry.subject,
        "revision": entry.revision,
        "event": event,
        "recorded_at": entry.recorded_at,
        "partition_key": partition_key,
    }


def page(
    connection: Connection, after: int, limit: int, types: Sequence[str] = (), *, upto: int | None = None
) -> tuple[tuple[FeedEntry, ...], int]:
    """Up to `limit` events after a number, and the number up to which everything was looked at.

    types: exact or with a trailing `*`, without prefix and version; at most STRETCH events are looked at for them.
    Reading on from the second value skips nothing that is still kept.
    """
    rows, upto = _read(connection, after, limit, types, upto, personal=True)
    return tuple(FeedEntry(seq, kind, event, fields or {}) for seq, kind, event, fields in rows), upto


def bare_page(
    connection: Connection, after: int, limit: int, types: Sequence[str] = (), *, upto: int | None = None
) -> tuple[Sequence[Bare], int]:
    """The same without anything personal: the rows as they are kept."""
    return _read(connection, after, limit, types, upto, personal=False)


def _read(
    connection: Connection, after: int, limit: int, types: Sequence[str], upto: int | None, *, personal: bool
) -> tuple[Sequence[Any], int]:
    if upto is None:
        _, oldest, upto = span(connection)
        after = max(after, oldest - 1)
    if types:
        upto = min(upto, after + STRETCH)
    rows = ask(connection, _page(tuple(types), personal), after=after, upto=upto, most=limit)
    return rows, rows[-1].seq if len(rows) == limit else max(upto, after)


@lru_cache(maxsize=256)
def _page(types: tuple[str, ...], personal: bool) -> Select[Any]:
    """The SELECT of a page, kept so that it is compiled once."""
    table, side = schema.feed, schema.personal
    columns: list[ColumnElement[Any]] = [table.c.seq, table.c.type, table.c.event]
    statement = select(*columns, side.c.fields) if personal else select(*columns)
    if personal:
        same = and_(side.c.thing == table.c.thing, side.c.id == table.c.subject, side.c.revision == table.c.revision)
        statement = statement.select_from(table.outerjoin(side, same))
    statement = statement.where(table.c.seq > bindparam("after"), table.c.seq <= bindparam("upto"))
    if types:
        statement = statement.where(or_(*(_of_type(pattern) for pattern in types)))
    return statement.order_by(table.c.seq).limit(bindparam("most", type_=Integer))


def span(connection: Connection) -> Span:
    """What the feed holds; an unprepared feed is empty."""
    rows = ask(connection, _HEAD)
    return Span(*rows[0]) if rows else Span("", 1, 0)


def head(connection: Connection) -> tuple[str, int]:
    """The feed's epoch and its last number; an unprepared feed is empty."""
    epoch, _, last = span(connection)
    return epoch, last


def oldest_at(connection: Connection) -> datetime | None:
    """When the oldest event still kept was committed."""
    first = schema.feed.c.seq == span(connection).oldest
    row = connection.execute(select(schema.feed.c.recorded_at, schema.feed.c.event).where(first)).one_or_none()
    return _recorded_at(row) if row else None


def drop_events(connection: Connection, before: datetime, limit: int) -> int:
    """Let go of up to `limit` of the oldest events, as long as they were committed by then; says how many.

    None is dropped from between others, so what is left is dense. Due times that people moved stay out of sight, for
    reports over years count them.
    """
    _, oldest, last = span(connection)
    table = schema.feed
    wanted = select(table.c.seq, table.c.recorded_at, table.c.event).order_by(table.c.seq).limit(limit)
    found = connection.execute(wanted.where(table.c.seq >= oldest, table.c.seq <= last)).all()
    first = next((row.seq for row in found if _recorded_at(row) > before), found[-1].seq + 1 if found else oldest)
    if first > oldest:
        gone = and_(table.c.seq >= oldest, table.c.seq < first, text(f"NOT ({schema.RETARGETS})"))
        connection.execute(delete(table).where(gone))
        connection.execute(_LET_GO, {"first": first})
    return int(first - oldest)


def _recorded_at(row: Any) -> datetime:
    """Those numbered by versions before 0005 say it only in their text."""
    at: datetime = row.recorded_at or datetime.fromisoformat(orjson.loads(row.event)["recordedtime"])
    return at


def oldest_unnumbered(connection: Connection) -> datetime | None:
    """When the oldest event still without a number was committed."""
    return connection.execute(select(func.min(schema.outbox.c.recorded_at))).scalar()


def _of_type(pattern: str) -> Any:
    column = schema.feed.c.type
    return (
        column.like(pattern[:-1].replace("%", "").replace("_", r"\_") + "%", escape="\\")
        if pattern.endswith("*")
        else column == pattern
    )
