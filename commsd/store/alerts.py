"""What a mailbox did that somebody should be told of: read by `channels.mail.alerting`."""

from datetime import datetime

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
