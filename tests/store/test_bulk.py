"""Rows in bulk are what they would be one by one: in their order, whole or refused."""

from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.exc import DBAPIError

from commsd.store import bulk, schema
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.store.migrate import upgrade


def waiting(number: int, at: object) -> dict[str, Any]:
    """A row of the outbox."""
    names = {"event_id": str(number), "type": "a.b", "thing": "case", "subject": "s", "revision": 1, "by": "machine"}
    return names | {"at": at, "recorded_at": at, "record": {"number": number}}


async def test_rows_that_get_their_number_from_the_database_get_it_in_the_order_they_came(log: Log) -> None:
    rows = [waiting(number, log.world.now()) for number in range(700)]
    await log.writer.write(lambda connection: bulk.insert(connection, schema.outbox, rows))
    asked = select(schema.outbox.c.event_id, schema.outbox.c.record).order_by(schema.outbox.c.id)
    found = await log.read(lambda connection: connection.execute(asked).all())
    assert [(row.event_id, row.record) for row in found] == [(str(n), {"number": n}) for n in range(700)]


async def test_postgresql_refuses_a_text_too_long_for_its_column_and_never_cuts_it(postgres_url: str) -> None:
    engine = open_engine(postgres_url)
    await engine.commit(upgrade)
    row: dict[str, Any] = {"key": "k" * 65, "interaction_id": "0" * 36}
    with pytest.raises(DBAPIError, match="too long"):
        await engine.commit(lambda connection: bulk.insert(connection, schema.logical_keys, [row]))
    await engine.close()
