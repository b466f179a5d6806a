"""What a mailbox did that somebody should be told of: read by `channels.mail.alerting`."""

from collections.abc import Collection
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, func, select

from commsd.store import schema

UNREADABLE = ("error", "no-ack:unparsable")
MOST = 1000


def last_told(connection: Connection, key: str) -> datetime | None:
    """When a notice whose key begins so was made last."""
    table = schema.deliveries
    made = select(func.max(table.c.created_at)).where(table.c.key.startswith(key, autoescape=True))
    found: datetime | None = connection.execute(made).scalar()
    return found


def unreadable(connection: Connection, mailbox: str, since: datetime) -> tuple[str, ...]:
    """Mail of this mailbox recorded since then that could not be read or decided: ids, the newest first."""
    table = schema.interactions
    rows = connection.execute(
        select(table.c.id)
        .where(
            table.c.recorded_at > since,
            table.c.current,
            table.c.kind == "message",
            table.c.mailbox == mailbox,
            table.c.reason.in_(UNREADABLE),
        )
        .order_by(table.c.recorded_at.desc())
        .limit(MOST)
    )
    return tuple(row.id for row in rows)


class Orphans(NamedTuple):
    """What waits to leave by a mailbox that is configured no longer. newest: when the last of it was due."""

    mailbox: str
    number: int
    newest: datetime


def orphaned(connection: Connection, known: Collection[str], due_by: datetime) -> tuple[Orphans, ...]:
    """Acknowledgements and notices due by then that leave by none of these ways, by the way they would leave by."""
    table = schema.deliveries
    rows = connection.execute(
        select(table.c.via, func.count().label("number"), func.max(table.c.due_at).label("newest"))
        .where(
            table.c.state.in_(("queued", "unknown")),
            table.c.kind.in_(("ack", "notice")),
            table.c.due_at <= due_by,
            table.c.via.not_in(tuple(known)),
        )
        .group_by(table.c.via)
        .order_by(table.c.via)
    )
    return tuple(Orphans(row.via, row.number, row.newest) for row in rows)
