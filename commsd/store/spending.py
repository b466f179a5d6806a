"""What dialling costs, by day: added up in the decision that begins a call."""

from collections.abc import Iterable
from decimal import Decimal
from functools import cache

from sqlalchemy import Connection, Insert, func, select
from sqlalchemy.dialects import postgresql, sqlite

from commsd.core.price import Spending
from commsd.store.phone_schema import spending


def add(connection: Connection, amounts: Iterable[Spending]) -> None:
    """Add each amount to its day. Two nodes that add at once are both counted."""
    for each in amounts:
        connection.execute(_adding(connection.dialect.name), each._asdict())


@cache
def _adding(dialect: str) -> Insert:
    statement = postgresql.insert(spending) if dialect == "postgresql" else sqlite.insert(spending)
    more = {name: spending.c[name] + statement.excluded[name] for name in ("amount", "calls")}
    return statement.on_conflict_do_update(index_elements=["day", "currency"], set_=more)


def spent(connection: Connection, since: str, currency: str) -> Decimal:
    """All of that day and those after it, in this currency. since: ISO."""
    whole = select(func.sum(spending.c.amount)).where(spending.c.day >= since, spending.c.currency == currency)
    return connection.execute(whole).scalar_one() or Decimal(0)


def calls(connection: Connection, since: str) -> int:
    """How many calls were begun on that day and those after it, whatever the currency."""
    return connection.execute(select(func.sum(spending.c.calls)).where(spending.c.day >= since)).scalar_one() or 0
