"""Acknowledgements on paper: which wait to be printed or posted. What becomes of them, `log.decide` writes."""

from collections.abc import Sequence

from sqlalchemy import Connection, and_, select

from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState
from commsd.store import schema
from commsd.store.rows import delivery_of

PRINTED = "printed"
"""The word of a letter whose page lies in the folder, and of which somebody was told."""


def waiting(connection: Connection) -> Sequence[Delivery]:
    """Letters that nobody has posted yet, the first due first."""
    table = schema.deliveries
    open_ones = and_(table.c.state == DeliveryState.QUEUED.value, table.c.kind == DeliveryKind.LETTER.value)
    rows = connection.execute(select(table).where(open_ones).order_by(table.c.due_at, table.c.id))
    return [delivery_of(row) for row in rows]


def letter(connection: Connection, delivery_id: str) -> Delivery | None:
    """The letter of this id, whatever became of it."""
    table = schema.deliveries
    wanted = and_(table.c.id == delivery_id, table.c.kind == DeliveryKind.LETTER.value)
    row = connection.execute(select(table).where(wanted)).one_or_none()
    return delivery_of(row) if row else None
