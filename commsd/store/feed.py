"""The ordered feed: what is committed goes from the outbox into one dense sequence, under a fenced lease.

Readers follow the sequence, never an identity column: a reader of those loses rows that commit late.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import BindParameter, Connection, Text, and_, bindparam, cast, delete, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from commsd.errors import LeaseLost
from commsd.store import schema
from commsd.store.bulk import insert

HEAD = "feed"


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


_WAITING = select(
    *(schema.outbox.c[name] for name in OutboxEntry._fields[:-1]), cast(schema.outbox.c.record, Text).label("record")
).order_by(schema.outbox.c.id)

_OURS = update(schema.feed_head).where(schema.feed_head.c.name == HEAD)
_MINE: BindParameter[int] = bindparam("mine")
_FENCED = _OURS.where(schema.feed_head.c.fence <= _MINE).values(fence=_MINE).returning(schema.feed_head.c.last)
_NUMBERED = delete(schema.outbox).where(schema.outbox.c.id.in_(bindparam("some", expanding=True)))
_COME_TO = _OURS.values(last=bindparam("upto"))


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedEntry:
    """One numbered event. event: CloudEvents JSON as rendered once. personal: its side row, where still kept."""

    seq: int
    type: str
    event: str
    personal: dict[str, Any]


def prepare(connection: Connection, epoch: str) -> None:
    """Make the head row where the feed is new. epoch: a fresh id, kept for the life of this database."""
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    row = {"name": HEAD, "epoch": epoch, "last": 0, "fence": 0}
    connection.execute(dialect.insert(schema.feed_head).values(**row).on_conflict_do_nothing())


def number(connection: Connection, fence: int, render: Callable[[OutboxEntry, int], str], limit: int = 2000) -> int:
    """Move up to `limit` outbox rows into the feed in their order; gives how many.

    Raises LeaseLost where a later leaseholder has numbered already.
    """
    last = connection.execute(_FENCED, {"mine": fence}).scalar()
    if last is None:
        raise LeaseLost("another node numbers the feed", remedy="nothing to do: it goes on from the last number")
    entries = list(map(OutboxEntry._make, connection.execute(_WAITING.limit(limit)).all()))
    if not entries:
        return 0
    insert(
        connection,
        schema.feed,
        [
            {
                "seq": last + place,
                "type": entry.type,
                "thing": entry.thing,
                "subject": entry.subject,
                "revision": entry.revision,
                "event": render(entry, last + place),
            }
            for place, entry in enumerate(entries, start=1)
        ],
    )
    connection.execute(_NUMBERED, {"some": [entry.id for entry in entries]})
    connection.execute(_COME_TO, {"upto": last + len(entries)})
    return len(entries)


def page(
    connection: Connection, after: int, limit: int, types: Sequence[str] = (), *, upto: int | None = None
) -> tuple[tuple[FeedEntry, ...], int]:
    """Up to `limit` events after a number, and the number up to which everything was looked at.

    types: exact or with a trailing `*`, without prefix and version. Reading on from the second value skips nothing.
    """
    table, side = schema.feed, schema.personal
    last = head(connection)[1] if upto is None else upto
    same = and_(side.c.thing == table.c.thing, side.c.id == table.c.subject, side.c.revision == table.c.revision)
    wanted = [table.c.seq > after, table.c.seq <= last]
    if types:
        wanted.append(or_(*(_of_type(pattern) for pattern in types)))
    rows = connection.execute(
        select(table.c.seq, table.c.type, table.c.event, side.c.fields)
        .select_from(table.outerjoin(side, same))
        .where(and_(*wanted))
        .order_by(table.c.seq)
        .limit(limit)
    ).all()
    entries = tuple(FeedEntry(seq=r.seq, type=r.type, event=r.event, personal=dict(r.fields or {})) for r in rows)
    return entries, entries[-1].seq if len(entries) == limit else max(last, after)


def head(connection: Connection) -> tuple[str, int]:
    """The feed's epoch and its last number; an unprepared feed is empty."""
    row = connection.execute(select(schema.feed_head).where(schema.feed_head.c.name == HEAD)).one_or_none()
    return (row.epoch, row.last) if row else ("", 0)


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
