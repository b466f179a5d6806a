"""Compiled once, a SELECT gives what SQLAlchemy gives for it. On SQLite and PostgreSQL."""

from datetime import timedelta

import pytest
from sqlalchemy import Connection, bindparam, select

from commsd.store import schema
from commsd.store.ask import _filled_up, ask
from commsd.store.journal import Journal, Webhook
from commsd.store.log import Log
from tests.core.items import TUESDAY

_TABLE = schema.journal
_CALLS = (
    select(_TABLE)
    .where(
        _TABLE.c.call_sid.in_(bindparam("some", expanding=True)),
        _TABLE.c.received_at >= bindparam("since"),
        _TABLE.c.consumed.is_(False),
    )
    .order_by(_TABLE.c.id)
)
_SINCE = TUESDAY + timedelta(seconds=1)


@pytest.mark.parametrize("asked", [["CA1"], ["CA1", "CA4"], ["CA2", "CA3", "CA4"], [f"CA{n}" for n in range(9)], ["-"]])
async def test_every_size_of_a_set_finds_what_an_ordinary_statement_finds(log: Log, asked: list[str]) -> None:
    journal = Journal(log)
    for number in range(6):
        await journal.append(
            Webhook(
                call_sid=f"CA{number}",
                route="voice",
                step="voice",
                url="https://calls.example.com/twilio/voice",
                fields={"From": "", "Body": "a ☎"},
                received_at=TUESDAY + timedelta(seconds=number),
            )
        )

    def both(connection: Connection) -> tuple[list[tuple[object, ...]], list[tuple[object, ...]]]:
        ours = ask(connection, _CALLS, some=asked, since=_SINCE)
        theirs = connection.execute(_CALLS, {"some": asked, "since": _SINCE}).all()
        assert [row.fields for row in ours] == [row.fields for row in theirs]
        return [tuple(row) for row in ours], [tuple(row) for row in theirs]

    ours, theirs = await log.read(both)
    assert ours == theirs
    assert len(ours) == sum(f"CA{number}" in asked for number in range(1, 6))


@pytest.mark.parametrize(("size", "filled"), [(1, 1), (5, 8), (8192, 8192), (8193, 8193), (20_000, 20_000)])
def test_filling_up_never_takes_a_large_set_past_what_a_database_takes(size: int, filled: int) -> None:
    assert len(_filled_up(range(size))) == filled
