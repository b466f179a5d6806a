"""Reading the brakes: which pauses there are, and how much of its budget a mailbox has spent."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import BindParameter, ColumnElement, Connection, Select, and_, bindparam, exists, func, or_, select

from commsd.core.interaction import DeliveryKind
from commsd.core.pause import Pause
from commsd.core.rate_limit import Spent
from commsd.store import schema

ACKS = "acks"

Instant = datetime | BindParameter[datetime]


def in_force(connection: Connection, now: datetime) -> tuple[Pause, ...]:
    """The pauses that hold now, the one that ends first leading."""
    table = schema.pauses
    rows = connection.execute(select(table).where(_holds(now)).order_by(table.c.until, table.c.what, table.c.name))
    return tuple(Pause(**row._mapping) for row in rows)


def is_paused(now: Instant) -> ColumnElement[bool]:
    """Whether a row of `deliveries` is an acknowledgement of a mailbox whose acknowledgements are paused."""
    owed, pause = schema.deliveries, schema.pauses
    of_it = or_(pause.c.name == "", pause.c.name == owed.c.via)
    return and_(owed.c.kind == DeliveryKind.ACK.value, exists().where(and_(pause.c.what == ACKS, of_it, _holds(now))))


def was_paused(since: datetime) -> ColumnElement[bool]:
    """Whether a row of `deliveries` is an acknowledgement that a pause held at some time since then, or holds."""
    owed, pause = schema.deliveries, schema.pauses
    of_it = or_(pause.c.name == "", pause.c.name == owed.c.via)
    lately = and_(pause.c.what == ACKS, of_it, pause.c.until > since)
    return and_(owed.c.kind == DeliveryKind.ACK.value, exists().where(lately))


def kept(connection: Connection) -> tuple[Pause, ...]:
    """The last pause of each kind and mailbox, also where it is over."""
    return tuple(Pause(**row._mapping) for row in connection.execute(_KEPT).all())


_KEPT = select(schema.pauses)


def _counted(recent: ColumnElement[bool]) -> Select[int]:
    owed = schema.deliveries
    of_it = (owed.c.via == bindparam("mailbox"), owed.c.kind == DeliveryKind.ACK.value)
    some = select(owed.c.created_at).where(*of_it, recent).limit(bindparam("most")).subquery()
    return select(func.count()).select_from(some)


_SINCE: BindParameter[datetime] = bindparam("since")
_SPENT_AFTER = _counted(schema.deliveries.c.created_at > _SINCE)
_SPENT_FROM = _counted(schema.deliveries.c.created_at >= _SINCE)


def spent(connection: Connection, mailbox: str, since: datetime, most: int, known: Iterable[Pause]) -> Spent:
    """The mailbox's acknowledgements since then, or since a person released it; counted to `most`.

    known: as `kept` gives them. Read without a lock: two nodes may each give what the other gives at the same moment.
    """
    ended = [each for each in known if each.what == ACKS and each.name in ("", mailbox) and each.until <= each.made_at]
    released = max((each.made_at for each in ended), default=since)
    counted = _SPENT_FROM if released > since else _SPENT_AFTER
    given = {"mailbox": mailbox, "since": max(since, released), "most": most}
    return Spent(connection.execute(counted, given).scalar_one(), max(since, released))


def _holds(now: Instant) -> ColumnElement[bool]:
    table = schema.pauses
    return and_(table.c.made_at < table.c.until, table.c.until > now)
