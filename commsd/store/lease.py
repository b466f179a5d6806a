"""Leases: which process alone does something, for how long, and by whose clock. Each is a compare-and-set."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import Connection, and_, func, or_, select, update
from sqlalchemy.dialects import postgresql, sqlite

from commsd.store import schema


def lease_for(connection: Connection, resource: str, owner: str, now: datetime, ttl: timedelta) -> int | None:
    """The number of the lease, taken or renewed; None while another holds it. A new holder gets a higher one."""
    now = agreed(connection, now)
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    table = schema.leases
    made = {"resource": resource, "owner": owner, "fence": 0, "expires_at": now - ttl}
    connection.execute(dialect.insert(table).values(**made).on_conflict_do_nothing())
    mine = and_(table.c.owner == owner, table.c.fence > 0, table.c.expires_at > now)
    renewed = connection.execute(
        update(table)
        .where(and_(table.c.resource == resource, mine))
        .values(expires_at=now + ttl)
        .returning(table.c.fence)
    ).scalar()
    if renewed is not None:
        return int(renewed)
    taken = connection.execute(
        update(table)
        .where(and_(table.c.resource == resource, or_(table.c.expires_at <= now, table.c.owner == owner)))
        .values(owner=owner, fence=table.c.fence + 1, expires_at=now + ttl)
        .returning(table.c.fence)
    ).scalar()
    return int(taken) if taken is not None else None


def kept_by(
    connection: Connection, resources: Sequence[str], owner: str, now: datetime, ttl: timedelta
) -> dict[str, int]:
    """The numbers of those leases that are still ours, and now for longer."""
    table, now = schema.leases, agreed(connection, now)
    mine = and_(table.c.resource.in_(resources), table.c.owner == owner, table.c.expires_at > now)
    kept = update(table).where(mine).values(expires_at=now + ttl).returning(table.c.resource, table.c.fence)
    return {row.resource: int(row.fence) for row in connection.execute(kept)}


def agreed(connection: Connection, now: datetime) -> datetime:
    """On PostgreSQL its own clock decides, so that nodes with different clocks agree."""
    if connection.dialect.name != "postgresql":
        return now
    theirs: datetime = connection.execute(select(func.clock_timestamp())).scalar_one()
    return theirs
