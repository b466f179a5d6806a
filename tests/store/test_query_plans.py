"""What the daemon asks again and again is answered by an index: its cost stays when the store holds years."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import Connection, create_engine, event

from commsd.store import channel_states, feed, originals, schema
from commsd.store.engine import open_engine
from commsd.store.migrate import upgrade

NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)
LATE = NOW - timedelta(minutes=10)

ASKED: dict[str, tuple[Callable[[Connection], object], str]] = {
    "what waits to leave": (
        lambda c: channel_states.outgoing(c, ("support",), LATE, NOW),
        "ix_deliveries_due (state=?",
    ),
    "owed originals": (lambda c: originals.owed_at(c, "support/INBOX"), "(name>? AND name<?)"),
}


@contextmanager
def plans(connection: Connection) -> Iterator[list[str]]:
    """The query plans of what is asked meanwhile."""
    found: list[str] = []

    def explain(_connection: Any, cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        rows = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)
        found.append(" | ".join(row[3] for row in rows))

    event.listen(connection, "before_cursor_execute", explain)
    try:
        yield found
    finally:
        event.remove(connection, "before_cursor_execute", explain)


@pytest.mark.parametrize("asked", ASKED)
def test_what_is_asked_again_and_again_walks_through_no_table(asked: str) -> None:
    ask, index = ASKED[asked]
    engine = create_engine("sqlite://")
    with engine.begin() as connection:
        schema.metadata.create_all(connection)
        with plans(connection) as found:
            ask(connection)
    engine.dispose()
    assert len(found) == 1
    assert index in found[0]
    assert "SCAN" not in found[0]


async def test_log_3_the_outbox_is_taken_in_one_walk(postgres_url: str) -> None:
    """Joined with itself it was read anew for each of its rows, once PostgreSQL had last counted it while it was empty:
    beside a transaction of a minute readers then learned of nothing until that ended."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, _context: Any, _many: bool) -> None:
        asked.append((statement, values))

    def plan(connection: Connection) -> list[str]:
        feed.prepare(connection, "epoch")
        event.listen(connection, "before_cursor_execute", note)
        feed.number(connection, 1, lambda entry, place: ("{}", entry.subject))
        event.remove(connection, "before_cursor_execute", note)
        (statement, values) = next(each for each in asked if each[0].startswith("DELETE"))
        return list(connection.exec_driver_sql(f"EXPLAIN {statement}", values).scalars())

    engine = open_engine(postgres_url)
    await engine.commit(upgrade)
    found = await engine.commit(plan)
    await engine.close()
    assert "Delete on outbox" in found[0]
    assert not [line for line in found if "Join" in line or "Loop" in line]
