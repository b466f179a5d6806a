"""The incoming calls of a line since an instant, as the service level counts them."""

from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, select

from commsd.core.answer_level import Rung
from commsd.store import schema

MOST = 50_000


def rung(connection: Connection, line: str, since: datetime, until: datetime | None = None) -> tuple[Rung, ...]:
    """Calls with a verdict that reached this line since then, the latest of them where there are too many.

    until: and before that.
    """
    table = schema.interactions
    ring, total = table.c.record["ring_ms"].as_integer(), table.c.record["total_ms"].as_integer()
    wanted = and_(
        table.c.recorded_at >= since,
        table.c.occurred_at >= since,
        table.c.current,
        table.c.kind == "call",
        table.c.direction == "inbound",
        table.c.line == line,
        table.c.outcome.in_(("reached", "missed")),
    )
    if until is not None:
        wanted = and_(wanted, table.c.occurred_at < until)
    columns = (table.c.id, table.c.occurred_at, table.c.outcome, table.c.reason, ring, total)
    rows = connection.execute(select(*columns).where(wanted).order_by(table.c.recorded_at.desc()).limit(MOST))
    return tuple(_rung(*row) for row in rows)


def _rung(id: str, at: datetime, outcome: str, reason: str | None, ring_ms: int | None, total_ms: int | None) -> Rung:
    answered = outcome == "reached"
    waited = ring_ms if answered or ring_ms is not None else total_ms
    length = timedelta(milliseconds=waited) if waited is not None else None
    return Rung(id=id, at=at, answered=answered, waited=length, reason=reason)
