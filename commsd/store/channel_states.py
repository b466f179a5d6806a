"""What the watchman reads and keeps: how each channel stands, when each folder was read, what waits to leave.

Standings are written by `log.decide` with the events they cause; when a folder was read is no event, and written here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, Row, and_, delete, exists, func, literal, or_, select
from sqlalchemy.dialects import postgresql, sqlite

from commsd.core.channel_state import LINE, MAILBOX, RETURNED, Health, Outgoing, Standing
from commsd.core.interaction import Delivery, DeliveryState
from commsd.core.record import instant, thing_of
from commsd.store import schema
from commsd.store.debts import AT_ONCE
from commsd.store.pauses import was_paused
from commsd.store.rows import delivery_of

FOLDER = "folder"
"""The kind of a row that says when one folder was read, named by its place."""

_LEAVES = ("ack", "notice", "heartbeat")
GONE_WITHIN = timedelta(days=1)
"""What waits for longer was given up."""

MOST_WAYS = 3
_WAITS = ("queued", "sending", "unknown")


@dataclass(frozen=True, slots=True)
class Progress:
    """What is kept of a folder. since: first watched. stopped_at: left alone since then."""

    since: datetime
    read_at: datetime | None = None
    stopped_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """The heartbeats of a mailbox. newest: when the last one was made; state: of it.

    waiting: when the oldest was made that has not come round, of those after the last that has. back: when that was
    made.
    """

    newest: datetime
    state: DeliveryState
    waiting: datetime | None = None
    back: datetime | None = None


class Seen(NamedTuple):
    """All that is kept. stuck: alarms that do not get away."""

    standings: Mapping[tuple[str, str], Standing]
    folders: Mapping[str, Progress]
    outgoing: Mapping[str, Outgoing]
    beats: Mapping[str, Beat]
    stuck: Sequence[Delivery]


def look(
    connection: Connection,
    *,
    sending: Sequence[str],
    beating: Sequence[str],
    now: datetime,
    late: datetime,
    beats_since: datetime,
    stuck: Sequence[Delivery],
) -> Seen:
    """Everything at once. sending, beating: mailboxes. late: what was made before then should have left."""
    return Seen(
        standings(connection),
        folders(connection),
        outgoing(connection, sending, late, now),
        beats(connection, beating, beats_since),
        stuck,
    )


def standings(connection: Connection) -> dict[tuple[str, str], Standing]:
    """Every channel by name and kind."""
    table = schema.channel_states
    rows = connection.execute(select(table).where(table.c.kind.in_((MAILBOX, LINE))))
    return {(row.name, row.kind): _standing(row) for row in rows}


def _standing(row: Row[Any]) -> Standing:
    memory = dict(row.memory or {})
    record = {
        "id": row.id,
        "revision": row.revision,
        "created_at": memory.pop("created_at", None) or instant(row.since),
        "channel": row.name,
        "kind": row.kind,
        "state": row.state,
        "since": instant(row.since),
        "reason": row.reason,
        "last_success_at": instant(row.last_success_at) if row.last_success_at else None,
    }
    return thing_of(Standing, {**memory, "record": record})


def folders(connection: Connection) -> dict[str, Progress]:
    """Every folder by its place."""
    table, points = schema.channel_states, schema.checkpoints
    known = select(table.c.name, table.c.since, table.c.last_success_at, points.c.stopped_at)
    known = known.outerjoin(points, points.c.place == table.c.name).where(table.c.kind == FOLDER)
    return {row.name: Progress(row.since, row.last_success_at, row.stopped_at) for row in connection.execute(known)}


def note_folders(
    connection: Connection, read: Mapping[str, datetime | None], now: datetime, ids: Sequence[str]
) -> None:
    """Keep when each of these places was read; a later time that another node wrote stays. ids: one for each."""
    if not read:
        return
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    table = schema.channel_states
    statement = dialect.insert(table)
    old, new = table.c.last_success_at, statement.excluded.last_success_at
    later = and_(new.is_not(None), or_(old.is_(None), old < new))
    rows = [
        {"name": place, "kind": FOLDER, "id": each, "state": Health.HEALTHY.value, "since": now, "last_success_at": at}
        for each, (place, at) in zip(ids, read.items(), strict=True)
    ]
    connection.execute(
        statement.on_conflict_do_update(index_elements=["name", "kind"], set_={"last_success_at": new}, where=later),
        rows,
    )


def outgoing(connection: Connection, vias: Sequence[str], late_since: datetime, now: datetime) -> dict[str, Outgoing]:
    """By mailbox: what has waited to leave since before that time, and neither for its hour nor for a person."""
    table = schema.deliveries
    found: dict[str, Outgoing] = {}
    for start in range(0, len(vias), AT_ONCE):
        some = vias[start : start + AT_ONCE]
        late = and_(
            table.c.state.in_(_WAITS),
            (table.c.via + "").in_(some),  # bare, SQLite would walk through all that these mailboxes ever sent
            table.c.created_at <= late_since,
            or_(table.c.due_at <= now, table.c.attempts > 0),
            ~was_paused(late_since),
        )
        counted = select(table.c.via, func.min(table.c.created_at), func.count(func.distinct(table.c.recipient)))
        for via, oldest, people in connection.execute(counted.where(late).group_by(table.c.via)).all():
            found[via] = Outgoing(oldest=oldest, people=people, left_since=_left_since(connection, via, oldest))
    return found


def _left_since(connection: Connection, via: str, since: datetime) -> bool:
    table = schema.deliveries
    lately = and_(table.c.via == via, table.c.kind.in_(_LEAVES), table.c.created_at > since - GONE_WITHIN)
    left = and_(lately, table.c.state.in_(("taken", "sent")), table.c.settled_at > since)
    return connection.execute(select(table.c.id).where(left).limit(1)).first() is not None


def beats(connection: Connection, vias: Sequence[str], since: datetime) -> dict[str, Beat]:
    """The heartbeats of these mailboxes, of those made after that time."""
    table = schema.deliveries
    found: dict[str, Beat] = {}
    for start in range(0, len(vias), AT_ONCE):
        theirs = and_(table.c.via.in_(vias[start : start + AT_ONCE]), _is_beat(), table.c.created_at > since)
        columns = (table.c.via, table.c.created_at, table.c.state, table.c.reason)
        for row in connection.execute(select(*columns).where(theirs).order_by(table.c.created_at.desc())):
            known = found.get(row.via) or Beat(newest=row.created_at, state=DeliveryState(row.state))
            if known.back is None:
                back = row.created_at if row.reason == RETURNED else None
                waiting = known.waiting if back else row.created_at
                known = Beat(newest=known.newest, state=known.state, waiting=waiting, back=back)
            found[row.via] = known
    return found


def _is_beat() -> ColumnElement[bool]:
    return schema.deliveries.c.kind == "heartbeat"


def forget_beats(connection: Connection, vias: Sequence[str], before: datetime) -> None:
    """Heartbeats of these mailboxes made before that time go, whatever became of them."""
    table = schema.deliveries
    connection.execute(delete(table).where(table.c.via.in_(vias), _is_beat(), table.c.created_at < before))


def stuck(connection: Connection, prefix: str, again: str, before: datetime, limit: int = 100) -> tuple[Delivery, ...]:
    """Notices under keys with this prefix that were tried, wait since before that time, and took no other way yet.

    again: what the key of one that took another way ends in, once for each; three ways are enough.
    """
    table, other = schema.deliveries, schema.deliveries.alias("other")
    waits = and_(
        table.c.state.in_(("queued", "unknown")),
        table.c.kind == "notice",
        table.c.via.not_in(("webhook", "sms")),
        table.c.key.startswith(prefix, autoescape=True),
        ~table.c.key.endswith(again * MOST_WAYS, autoescape=True),
        table.c.attempts > 0,
        table.c.created_at <= before,
    )
    taken = exists().where(other.c.key == table.c.key.concat(literal(again)))
    rows = connection.execute(select(table).where(waits, ~taken).order_by(table.c.created_at).limit(limit)).all()
    return tuple(delivery_of(row) for row in rows)
