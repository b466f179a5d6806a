"""Whoever decides under a key holds it alone until the commit. On PostgreSQL, for SQLite takes one writer at a time.

Each key is a row, inserted where it is missing and then locked. A row says nothing once nobody holds it, but it is the
hash of an address or a number, which whoever knows all numbers finds again. So the rows are let go of, all at once and
only while no transaction that decides is open: whoever inserted a row keeps the table to the end of its transaction,
hence none can lose it before it is locked.
"""

import hashlib
from collections.abc import Sequence

from sqlalchemy import Connection, select, text
from sqlalchemy.exc import DBAPIError

from commsd.core.key import budget_of, of_delivery
from commsd.store import schema
from commsd.store.bulk import insert

PATIENCE = 200
"""Milliseconds for which those who would decide wait behind us, at most."""

_DELIVERY = of_delivery("")

_HELD = "55P03"
"""SQLSTATE of a lock that was not to be had in time."""

_ALONE = (f"SET LOCAL lock_timeout = {PATIENCE}", "LOCK TABLE decision_keys IN ACCESS EXCLUSIVE MODE")
"""Before anything is read of it: two that both had read would wait for each other."""

_LET_GO = (
    "TRUNCATE decision_keys",
    "ALTER TABLE decision_keys ALTER COLUMN key TYPE VARCHAR(64)",  # as it is: the samples in the statistics go
)


def hold(connection: Connection, keys: Sequence[str]) -> None:
    """Wait until nobody else decides under these keys, in an order that all keep to."""
    if connection.dialect.name != "postgresql" or not keys:
        return
    table = schema.decision_keys
    hashes = sorted(hashlib.sha256(key.encode()).hexdigest() for key in keys if budget_of(key) is None)
    insert(connection, table, [{"key": key} for key in hashes], ignore=True)
    connection.execute(select(table.c.key).where(table.c.key.in_(hashes)).order_by(table.c.key).with_for_update()).all()
    _hold_deliveries(connection, keys)


def _hold_deliveries(connection: Connection, keys: Sequence[str]) -> None:
    """Whoever claims one does not decide under its key: what is decided of it, is decided before or after the claim."""
    table = schema.deliveries
    if named := sorted(key.removeprefix(_DELIVERY) for key in keys if key.startswith(_DELIVERY)):
        found = select(table.c.id).where(table.c.id.in_(named)).order_by(table.c.id)
        connection.execute(found.with_for_update()).all()


def let_go(connection: Connection) -> bool:
    """Forget all keys, in a transaction of its own. False where somebody decides for so long that it has to wait."""
    if connection.dialect.name != "postgresql":
        return True
    try:
        with connection.begin_nested():
            _do(connection, _ALONE)
            if connection.execute(select(schema.decision_keys.c.key).limit(1)).first() is not None:
                _do(connection, _LET_GO)
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != _HELD:
            raise
        return False
    return True


def _do(connection: Connection, statements: Sequence[str]) -> None:
    for statement in statements:
        connection.execute(text(statement))
