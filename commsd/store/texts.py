"""What the duty of texts looks for: owed calls nobody was texted about, texts left undecided, sound to fetch."""

from collections.abc import Mapping
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import Connection, and_, exists, literal, not_, select

from commsd.core.callback import Callback
from commsd.core.contact import phone_identity
from commsd.core.interaction import CALL_SID, Interaction
from commsd.store import schema
from commsd.store.open_items import records
from commsd.store.rows import external_key

MOST_LIVE = 500
RECORDING = "twilio.recording-sid"


def untexted(connection: Connection, prefix: str, since: datetime, until: datetime, limit: int) -> tuple[Callback, ...]:
    """Waiting callbacks opened in this time, about which no text was decided, oldest first; none to a live caller.

    prefix: how the logical key begins under which that is noted.
    """
    table, noted = schema.callbacks, schema.logical_keys
    wanted = and_(table.c.state == "waiting", table.c.opened_at >= since, table.c.opened_at <= until)
    texted = exists().where(noted.c.key == literal(prefix) + table.c.id)
    found = select(table.c.id).where(wanted, not_(texted)).order_by(table.c.opened_at).limit(limit)
    ids = connection.execute(found).scalars().all()
    if not ids:
        return ()
    live = _live_callers(connection)
    callbacks = records(connection, Callback, table, table.c.id.in_(ids))
    return tuple(callback for callback in callbacks if callback.number not in live)


def _live_callers(connection: Connection) -> frozenset[str]:
    """The numbers of calls that have no verdict yet."""
    sids = connection.execute(select(schema.call_timers.c.call_sid).limit(MOST_LIVE)).scalars().all()
    known, keys = schema.external_ids, [external_key(CALL_SID, sid) for sid in sids]
    if not keys:
        return frozenset()
    ids = connection.execute(select(known.c.interaction_id).where(known.c.key.in_(keys))).scalars().all()
    table = schema.interactions
    calls = records(connection, Interaction, table, table.c.id.in_(ids), table.c.current) if ids else []
    numbers = (phone_identity(call.customer or "") for call in calls)
    return frozenset(number.value for number in numbers if number)


class Left(NamedTuple):
    """A webhook of a text that was journalled and never taken in, left behind by a crash between the two commits."""

    call_sid: str
    step: str
    fields: Mapping[str, str]
    url: str


def undecided(connection: Connection, prefix: str, before: datetime, limit: int) -> tuple[Left, ...]:
    """Those journalled before that time, oldest first. prefix: how the journal's names of texts begin."""
    table = schema.journal
    names = table.c.call_sid.startswith(prefix, autoescape=True)
    left = and_(not_(table.c.consumed), table.c.received_at <= before, names)
    rows = connection.execute(select(table).where(left).order_by(table.c.id).limit(limit)).all()
    return tuple(Left(row.call_sid, row.step, row.fields, row.url) for row in rows)


def without_sound(connection: Connection, since: datetime) -> tuple[Interaction, ...]:
    """Calls recorded since then in which something was recorded whose sound is not kept, oldest first."""
    table = schema.interactions
    left = and_(
        table.c.recorded_at >= since,
        table.c.current,
        table.c.kind == "call",
        table.c.direction == "inbound",
        table.c.outcome == "missed",
        table.c.record["raw", "sha256"].as_string().is_(None),
    )
    calls = records(connection, Interaction, table, left)
    return tuple(sorted((c for c in calls if c.external(RECORDING)), key=lambda call: call.occurred_at))
