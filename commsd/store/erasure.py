"""Letting go of every byte about a person, in the commit that records that they were erased.

What stays: ids, times, kinds and verdicts, the numbers of the feed, and hashes by which a mail or a call that comes
again is known, and a number that wants no texts or was blocked. What the files still hold of the bytes, `Engine.tidy`
empties.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from typing import Any

import orjson
from sqlalchemy import Connection, and_, bindparam, delete, select, update
from sqlalchemy.dialects import postgresql, sqlite

from commsd.core.contact import phone_identity
from commsd.core.erasure import DIGESTS, ERASED, OVER_SEVERAL, Erasure, dropped, emptied, quotes
from commsd.core.interaction import DeliveryKind, DeliveryState
from commsd.core.ledger import NOTICES
from commsd.core.rate_limit import inbox_of
from commsd.store import crm_schema, schema
from commsd.store.opt_outs import veil

AT_ONCE = 500
"""Values of one set in a statement."""

OWED_ORIGINAL = "original:"
"""How the names of the notes begin that name an original still to be fetched."""

SEVERAL = "several"
"""Whose an identity is that several contacts share."""

_CUSTOMERS = (DeliveryKind.ACK.value, DeliveryKind.LETTER.value)
_UNSENT = tuple(s.value for s in (DeliveryState.QUEUED, DeliveryState.UNKNOWN, DeliveryState.HELD))


def let_go(connection: Connection, erasure: Erasure) -> None:
    """Take away all that the erasure names. The records' new revisions are written already."""
    things = {
        "interaction": erasure.interactions,
        "case": erasure.cases,
        "callback": erasure.callbacks,
        "contact": erasure.persons,
    }
    _hold_the_feed(connection)
    for thing, ids in things.items():
        for some in _pieces(ids):
            _side_rows(connection, thing, some)
            _published(connection, thing, some, erasure.at)
    for some in _pieces(erasure.interactions):
        _revisions(connection, some, erasure.at)
        names = [f"{OWED_ORIGINAL}{each}" for each in some]
        connection.execute(delete(schema.notes).where(schema.notes.c.name.in_(names)))
    _deliveries(connection, erasure)
    _brakes(connection, erasure)
    _calls(connection, erasure.calls)
    _originals(connection, erasure.originals)
    _mentions(connection, erasure)
    _noted(connection, erasure)


def _pieces(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))


def _hold_the_feed(connection: Connection) -> None:
    """On PostgreSQL nobody numbers events meanwhile: they would go into the feed as they were read before."""
    if connection.dialect.name == "postgresql":
        head = schema.feed_head
        connection.execute(select(head.c.last).where(head.c.name == "feed").with_for_update()).all()


def _side_rows(connection: Connection, thing: str, ids: Sequence[str]) -> None:
    side = schema.personal
    connection.execute(delete(side).where(and_(side.c.thing == thing, side.c.id.in_(ids))))


def _revisions(connection: Connection, ids: Sequence[str], at: datetime) -> None:
    table = schema.interactions
    rows = connection.execute(select(table.c.id, table.c.revision, table.c.record).where(table.c.id.in_(ids))).all()
    former = [row for row in rows if not row.record.get("erased_at")]
    _rewrite(
        connection,
        update(table).where(and_(table.c.id == bindparam("its"), table.c.revision == bindparam("of"))),
        [{"its": r.id, "of": r.revision, "record": emptied("interaction", r.record, at)} for r in former],
    )


def _published(connection: Connection, thing: str, ids: Sequence[str], at: datetime) -> None:
    """Events that told of it, numbered or not: their envelope stays as it is."""
    waiting, feed = schema.outbox, schema.feed
    its = and_(waiting.c.thing == thing, waiting.c.subject.in_(ids))
    rows = connection.execute(select(waiting.c.id, waiting.c.record).where(its)).all()
    _rewrite(
        connection,
        update(waiting).where(waiting.c.id == bindparam("its")),
        [{"its": r.id, "record": emptied(thing, r.record, at)} for r in rows if not r.record.get("erased_at")],
    )
    its = and_(feed.c.thing == thing, feed.c.subject.in_(ids))
    numbered = connection.execute(select(feed.c.seq, feed.c.event).where(its)).all()
    events = ((row.seq, _event(thing, row.event, at)) for row in numbered)
    _rewrite(
        connection,
        update(feed).where(feed.c.seq == bindparam("its")),
        [{"its": seq, "event": event} for seq, event in events if event is not None],
    )


def _event(thing: str, text: str, at: datetime) -> str | None:
    """The event without the person; None where it never told of them."""
    event = orjson.loads(text)
    data = event["data"]
    if data["privacy"].get("erased_at"):
        return None
    data = emptied(thing, data, at)
    erased_at = data.pop("erased_at")
    event["data"] = data | {"privacy": data["privacy"] | {"erased_at": erased_at}}
    return orjson.dumps(event).decode()


def _rewrite(connection: Connection, statement: Any, rows: Sequence[dict[str, Any]]) -> None:
    if rows:
        (column,) = set(rows[0]) - {"its", "of"}
        connection.execute(statement.values({column: bindparam(column)}), rows)


def _deliveries(connection: Connection, erasure: Erasure) -> None:
    """What was owed about them: not sent any more, and without bytes. Who of ours was told stays."""
    table = schema.deliveries
    inboxes = sorted({inbox_of(address) for address in erasure.addresses})
    for column, values in (
        (table.c.interaction_id, erasure.interactions),
        (table.c.case_id, erasure.cases),
        (table.c.inbox, inboxes),
        (table.c.recipient, (*erasure.addresses, *erasure.numbers)),
    ):
        ours = table.c.kind.in_(_CUSTOMERS) if column in (table.c.inbox, table.c.recipient) else None
        for some in _pieces(values):
            theirs = column.in_(some) if ours is None else and_(ours, column.in_(some))
            _forget(connection, theirs, erasure.at)
    if erasure.persons:
        _digests(connection, erasure)


def _forget(connection: Connection, theirs: Any, at: datetime) -> None:
    table = schema.deliveries
    unsent = and_(theirs, table.c.state.in_(_UNSENT))
    connection.execute(
        update(table)
        .where(unsent)
        .values(state=DeliveryState.SUPPRESSED.value, reason=ERASED, settled_at=at, claimed_by=None)
    )
    settled = and_(theirs, table.c.state != DeliveryState.SENDING.value)
    customers = and_(settled, table.c.kind.in_(_CUSTOMERS))
    connection.execute(update(table).where(customers).values(recipient="", inbox=None))
    connection.execute(update(table).where(settled).values(payload=None, status_raw=None, subject_key=None))


def _digests(connection: Connection, erasure: Erasure) -> None:
    """Notices to our people over several cases: those that were sent keep no bytes, those that quote the person do not
    go. Of what else stood in such a notice, its reader is told again; a digest is made anew by its duty."""
    table = schema.deliveries
    several = and_(table.c.case_id.is_(None), table.c.kind.in_(OVER_SEVERAL), table.c.payload.is_not(None))
    connection.execute(
        update(table).where(several, table.c.settled_at.is_not(None)).values(payload=None, status_raw=None)
    )
    waiting = connection.execute(select(table).where(several, table.c.state.in_(_UNSENT))).all()
    for row in (row for row in waiting if quotes(row.payload, (*erasure.addresses, *erasure.said), erasure.numbers)):
        connection.execute(
            update(table)
            .where(table.c.id == row.id)
            .values(key=_freed(connection, row), state=DeliveryState.SUPPRESSED.value, reason=ERASED, payload=None)
            .values(status_raw=None, settled_at=erasure.at, claimed_by=None)
        )
        if row.key.startswith(NOTICES):
            again = and_(table.c.kind == DeliveryKind.TELLING.value, table.c.state == DeliveryState.SENT.value)
            told = and_(again, table.c.settled_at == row.created_at, table.c.payload.is_not(None))
            connection.execute(
                update(table).where(told).values(state=DeliveryState.QUEUED.value, settled_at=None, reason=None)
            )


def _freed(connection: Connection, row: Any) -> str:
    """The key a notice has from now on that does not go: a digest's tells its duty which to make anew."""
    if not row.key.startswith(DIGESTS):
        return f"{ERASED}:{row.id}"
    table, freed = schema.deliveries, dropped(row.key)
    former = connection.execute(select(table.c.id).where(table.c.key == freed)).scalar()
    if former:
        connection.execute(update(table).where(table.c.id == former).values(key=f"{ERASED}:{former}"))
    return freed


def _brakes(connection: Connection, erasure: Erasure) -> None:
    refused = schema.refusals
    for some in _pieces(erasure.addresses):
        connection.execute(delete(refused).where(refused.c.address.in_(some)))
    for some in _pieces(erasure.interactions):
        connection.execute(delete(refused).where(refused.c.interaction_id.in_(some)))
    for some in _pieces(erasure.numbers):
        veil(connection, some)


def _calls(connection: Connection, sids: Sequence[str]) -> None:
    """Webhooks and what was answered to them. That the call is known says its hashed id."""
    for some in _pieces(sids):
        for table in (schema.journal, schema.answers):
            connection.execute(delete(table).where(table.c.call_sid.in_(some)))


def _originals(connection: Connection, hashes: Sequence[str]) -> None:
    for some in _pieces(hashes):
        for table in (schema.original_parts, schema.originals):
            connection.execute(delete(table).where(table.c.sha256.in_(some)))


def _mentions(connection: Connection, erasure: Erasure) -> None:
    """What others wrote stays theirs; the person is in it no longer as one of its parties."""
    side = schema.personal
    gone = {*erasure.addresses, *erasure.numbers}
    for some in _pieces(erasure.mentions):
        its = and_(side.c.thing == "interaction", side.c.id.in_(some))
        rows = connection.execute(select(side).where(its)).all()
        left = ((row, _without(row.fields.get("/parties") or (), gone)) for row in rows)
        _rewrite(
            connection,
            update(side).where(
                and_(side.c.thing == "interaction", side.c.id == bindparam("its"), side.c.revision == bindparam("of"))
            ),
            [
                {"its": row.id, "of": row.revision, "fields": row.fields | {"/parties": parties}}
                for row, parties in left
            ],
        )


def _without(parties: Iterable[dict[str, Any]], gone: Collection[str]) -> list[dict[str, Any]]:
    return [party for party in parties if normal(party["address"]) not in gone]


def normal(address: str) -> str:
    """An address or number as an erasure names it."""
    if "@" in address:
        return address.strip().casefold()
    number = phone_identity(address)
    return number.value if number else address


def _noted(connection: Connection, erasure: Erasure) -> None:
    dialect = postgresql if connection.dialect.name == "postgresql" else sqlite
    known, shared = schema.identities, crm_schema.shared_identities
    sharer = and_(shared.c.kind == known.c.kind, shared.c.value == known.c.value)
    nobodys = and_(known.c.contact_id == SEVERAL, ~select(shared.c.contact_id).where(sharer).exists())
    if erasure.persons:
        connection.execute(delete(known).where(nobodys))
    for each in erasure.persons:
        row = {"contact_id": each, "at": erasure.at, "by": erasure.by[:64]}
        connection.execute(dialect.insert(crm_schema.erasures).values(**row).on_conflict_do_nothing())
