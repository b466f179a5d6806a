"""Reading and writing who wants no texts."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import BindParameter, Connection, and_, bindparam, delete, select

from commsd.core.opt_out import OptOut
from commsd.store.ask import ask
from commsd.store.bulk import upsert
from commsd.store.phone_schema import opt_outs as table

_NUMBERS: BindParameter[Any] = bindparam("numbers", expanding=True)
_OF = select(table).where(table.c.number.in_(_NUMBERS))


def opt_outs(connection: Connection, numbers: Sequence[str]) -> tuple[OptOut, ...]:
    """Those of these numbers, on any channel."""
    return tuple(OptOut(**row._asdict()) for row in ask(connection, _OF, numbers=numbers)) if numbers else ()


def keep_opt_outs(connection: Connection, changed: Sequence[OptOut]) -> None:
    """Write these in their order; one that is lifted goes."""
    last = {(each.number, each.channel): each for each in changed}
    for (number, channel), each in last.items():
        if each.lifted:
            connection.execute(delete(table).where(and_(table.c.number == number, table.c.channel == channel)))
    kept = [
        {
            "number": each.number,
            "channel": each.channel,
            "since": each.since,
            "word": each.word[:64],
            "interaction_id": each.interaction_id,
        }
        for each in last.values()
        if not each.lifted
    ]
    upsert(connection, table, kept, "number", "channel")
