"""What the metrics count of owed calls and of what dialling cost, beyond `query.figures`."""

from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import Connection, func, select

from commsd.store import schema
from commsd.store.phone_schema import spending


@dataclass(frozen=True, slots=True, kw_only=True)
class CallFigures:
    """held: callbacks by the rule that holds them. escalated: when the oldest of those was opened.

    spent: by currency, of the latest day on record on or after the day asked for.
    """

    held: dict[str, int] = field(default_factory=dict)
    escalated: datetime | None = None
    spent: dict[str, float] = field(default_factory=dict)


def call_figures(connection: Connection, today: str) -> CallFigures:
    """Everything in three statements. today: ISO, by whose name the day's spending stands."""
    calls = schema.callbacks
    why = calls.c.record["held"].as_string()
    held: dict[str, int] = {}
    for reason, count in connection.execute(select(why, func.count()).where(calls.c.state == "held").group_by(why)):
        rule = (reason or "unknown").partition(":")[0]
        held[rule] = held.get(rule, 0) + count
    oldest = select(func.min(calls.c.opened_at)).where(calls.c.state == "escalated")
    cost = select(spending.c.currency, func.sum(spending.c.amount)).where(spending.c.day >= today)
    return CallFigures(
        held=held,
        escalated=connection.execute(oldest).scalar(),
        spent={row[0]: float(row[1]) for row in connection.execute(cost.group_by(spending.c.currency))},
    )
