"""What the duty of texts looks for: owed calls nobody was texted about, texts left undecided, sound to fetch."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, and_, exists, literal, not_, or_, select

from commsd.core.callback import Callback
from commsd.core.contact import phone_identity
from commsd.core.interaction import CALL_SID, Interaction
from commsd.core.screen import WRITE_ONLY
from commsd.store import schema
from commsd.store.open_items import records
from commsd.store.rows import external_key

MOST_LIVE = 500
RECORDING = "twilio.recording-sid"


def untexted(connection: Connection, prefix: str, since: datetime, until: datetime, limit: int) -> tuple[Callback, ...]:
    """Callbacks opened in this time about which no text was decided, oldest first; none to a live caller.

    Those that wait to be made, and those of people who want to be answered in writing.

    prefix: how the logical key begins under which a decision is noted.
    """
    table, noted = schema.callbacks, schema.logical_keys
    in_writing = and_(table.c.state == "held", table.c.record["held"].as_string() == WRITE_ONLY)
    wanted = and_(or_(table.c.state == "waiting", in_writing), table.c.opened_at.between(since, until))
    texted = exists().where(noted.c.key == literal(prefix) + table.c.id)
    found = select(table.c.id).where(wanted, not_(texted)).order_by(table.c.opened_at).limit(limit)
    ids = connection.execute(found).scalars().all()
    if not ids:
        return ()
    live = _live_callers(connection)
    callbacks = records(connection, Callback, table, table.c.id.in_(ids))
    return tuple(callback for callback in callbacks if callback.misses and callback.number not in live)


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


class Sound(NamedTuple):
    """A call in which something was recorded. done: the steps with its sound that are noted as taken."""

    call: Interaction
    done: frozenset[str]


def sounds(connection: Connection, since: datetime, prefix: str, steps: Sequence[str]) -> tuple[Sound, ...]:
    """Missed calls recorded since then with a recording that one of these steps is owed. Oldest first.

    steps: the first keeps it, and is noted only where it was refused; the others are owed to what is kept.
    prefix: a step is noted under the logical key `prefix:step:id of the call`.
    """
    table, noted = schema.interactions, schema.logical_keys
    keeping, *later = steps

    def taken(step: str) -> ColumnElement[bool]:
        return exists().where(noted.c.key == literal(f"{prefix}:{step}:") + table.c.id)

    unkept = table.c.record["raw", "sha256"].as_string().is_(None)
    left = and_(
        table.c.recorded_at >= since,
        table.c.current,
        table.c.kind == "call",
        table.c.direction == "inbound",
        table.c.outcome == "missed",
        table.c.record["external_ids"].as_string().contains(RECORDING, autoescape=True),
        or_(and_(unkept, not_(taken(keeping))), *(and_(not_(unkept), not_(taken(step))) for step in later)),
    )
    calls = [call for call in records(connection, Interaction, table, left) if call.external(RECORDING)]
    keys = {f"{prefix}:{step}:{call.id}": (call.id, step) for call in calls for step in steps}
    found = connection.execute(select(noted.c.key).where(noted.c.key.in_(keys))).scalars() if keys else ()
    done = {keys[each] for each in found}
    return tuple(
        Sound(call, frozenset(step for step in steps if (call.id, step) in done))
        for call in sorted(calls, key=lambda call: call.occurred_at)
    )
