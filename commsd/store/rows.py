"""Writing a Change: every row of it, in bulk, for a whole batch of decisions at once."""

import hashlib
from collections.abc import Callable, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection, Row, and_, bindparam, delete, update

from commsd.core.change import Change, LogicalKey, OwedOriginal
from commsd.core.channel_state import Standing
from commsd.core.contact import Contact
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState
from commsd.core.organisation import Organisation
from commsd.core.rate_limit import inbox_of
from commsd.core.record import THING, apart, instant, opened, record, written
from commsd.store import crm_schema, requests, schema, spending
from commsd.store.bulk import insert, upsert
from commsd.store.erasure import let_go
from commsd.store.opt_outs import keep_opt_outs

Values = dict[str, Any]
NONE = timedelta()

SEVERAL = "several"
"""Whose an identity is that several contacts share: `shared_identities` tells who they are."""


def external_key(system: str, value: str) -> str:
    """The hash under which an external id is found."""
    return hashlib.sha256(f"{system}\n{value}".encode()).hexdigest()


def write(
    connection: Connection,
    changes: Sequence[Change],
    now: datetime,
    new_id: Callable[[], str],
    *,
    ahead: timedelta = NONE,
) -> None:
    """Write the changes of one batch in order; of a record changed twice, the last state stays current.

    ahead: how far the log's time runs before the host's, whose clock was set back; nobody shall wait for that.
    """
    personal = _Side()
    _interactions(connection, changes, personal)
    upsert(connection, schema.contacts, [_contact(c, personal) for change in changes for c in change.contacts])
    _identities(connection, [contact for change in changes for contact in change.contacts])
    _organisations(connection, [firm for change in changes for firm in change.organisations], personal)
    upsert(connection, schema.cases, [_case(case, personal) for change in changes for case in change.cases])
    upsert(connection, schema.clocks, [_clock(c, personal) for change in changes for c in change.clocks])
    upsert(connection, schema.callbacks, [_callback(c, personal) for change in changes for c in change.callbacks])
    owed = [_delivery(d, ahead) for change in changes for d in change.deliveries]
    upsert(connection, schema.deliveries, owed, once=("via",))  # a mailbox may be renamed while it sends
    _outbox(connection, changes, now, new_id, personal)
    insert(connection, schema.personal, list(personal.rows.values()), ignore=True)
    insert(connection, schema.originals, list(_originals(changes, now)), ignore=True)
    insert(connection, schema.notes, [owed_note(owed) for change in changes for owed in change.owed_originals])
    _keys(connection, [key for change in changes for key in change.keys])
    insert(
        connection,
        schema.sightings,
        [
            {"place": s.place, "uid": s.uid, "interaction_id": s.interaction_id, "seen_at": s.seen_at}
            for change in changes
            for s in change.sightings
        ],
        ignore=True,
    )
    _calls(connection, changes)
    _brakes(connection, changes)
    _checkpoints(connection, changes, now)
    spending.add(connection, [each for change in changes for each in change.spending])
    requests.came_to(connection, [each for change in changes for each in change.came_to])
    for erasure in (each for change in changes for each in change.erasures):
        let_go(connection, erasure)


def _keys(connection: Connection, keys: Sequence[LogicalKey]) -> None:
    lasting = [{"key": key.key, "interaction_id": key.interaction_id} for key in keys if key.lasting]
    insert(connection, schema.logical_keys, lasting)
    passing = [{"key": key.key, "interaction_id": key.interaction_id} for key in keys if not key.lasting]
    upsert(connection, schema.logical_keys, passing, "key")


@dataclass(slots=True)
class _Side:
    """What is made while rows are: side rows of personal fields, and bare records by the identity of their thing."""

    rows: dict[tuple[str, str, int], Values] = field(default_factory=dict)
    bare: dict[int, bytes] = field(default_factory=dict)


def delivery_of(row: Row[Any]) -> Delivery:
    """The delivery in a row."""
    return Delivery(
        id=row.id,
        kind=DeliveryKind(row.kind),
        key=row.key,
        via=row.via,
        recipient=row.recipient,
        payload=row.payload or b"",
        created_at=row.created_at,
        due_at=row.due_at,
        state=DeliveryState(row.state),
        attempts=row.attempts,
        interaction_id=row.interaction_id,
        case_id=row.case_id,
        reason=row.reason,
        status_raw=row.status_raw,
        settled_at=row.settled_at,
        expires_at=row.expires_at,
        copies=row.copies,
        subject_key=row.subject_key,
    )


def _bare(thing: Any, personal: "_Side") -> bytes:
    """The record without personal fields, which go beside it, as text. The row of a thing and its event share it."""
    known = personal.bare.get(id(thing))
    if known is not None:
        return known
    kind = type(thing)
    bare, fields = apart(kind, opened(thing))
    if fields:
        word = THING[kind]
        personal.rows[word, thing.id, thing.revision] = {
            "thing": word,
            "id": thing.id,
            "revision": thing.revision,
            "fields": written(fields),
        }
    text = personal.bare[id(thing)] = written(bare)
    return text


def _interactions(connection: Connection, changes: Sequence[Change], personal: "_Side") -> None:
    rows: dict[tuple[str, int], Values] = {}
    newest: dict[str, int] = {}
    external: list[Values] = []
    for fact in (fact for change in changes for fact in change.interactions):
        newest[fact.id] = max(newest.get(fact.id, 0), fact.revision)
        rows[fact.id, fact.revision] = {
            "id": fact.id,
            "revision": fact.revision,
            "channel": fact.channel.value,
            "kind": fact.kind.value,
            "direction": fact.direction.value,
            "outcome": fact.outcome.value if fact.outcome else None,
            "reason": fact.reason,
            "contact_id": fact.contact_id,
            "case_id": fact.case_id,
            "mailbox": fact.mailbox,
            "line": fact.line,
            "occurred_at": fact.occurred_at,
            "recorded_at": fact.recorded_at,
            "record": _bare(fact, personal),
        }
        external += [{"key": external_key(x.system, x.id), "interaction_id": fact.id} for x in fact.external_ids]
    later = [fact_id for fact_id, revision in newest.items() if (fact_id, 1) not in rows]
    if later:
        table = schema.interactions
        connection.execute(update(table).where(and_(table.c.id.in_(later), table.c.current)).values(current=False))
    for (fact_id, revision), row in rows.items():
        row["current"] = newest[fact_id] == revision
    insert(connection, schema.interactions, list(rows.values()))
    insert(connection, schema.external_ids, external, ignore=True)


def _contact(contact: Contact, personal: "_Side") -> Values:
    return {"id": contact.id, "revision": contact.revision, "record": _bare(contact, personal)}


def _identities(connection: Connection, contacts: Sequence[Contact]) -> None:
    """Whose an identity is, is said by the last contact that has it; what a contact no longer has is nobody's."""
    latest = {contact.id: contact for contact in contacts}
    table, changed = schema.identities, [each.id for each in latest.values() if each.revision > 1]
    if changed:
        for each in (table, crm_schema.shared_identities, crm_schema.merged_contacts):
            connection.execute(delete(each).where(each.c.contact_id.in_(changed)))
    rows = [
        {"kind": identity.kind, "value": identity.value, "contact_id": contact.id}
        for contact in latest.values()
        for identity in contact.identities
    ]
    shared = [
        {"kind": identity.kind, "value": identity.value, "contact_id": contact.id}
        for contact in latest.values()
        for identity in contact.shared
    ]
    upsert(connection, table, [*rows, *({**row, "contact_id": SEVERAL} for row in shared)], "kind", "value")
    insert(connection, crm_schema.shared_identities, shared)
    gone = [{"contact_id": each.id, "into_id": each.merged_into} for each in latest.values() if each.merged_into]
    insert(connection, crm_schema.merged_contacts, gone)


def _organisations(connection: Connection, firms: Sequence[Organisation], personal: "_Side") -> None:
    latest = {firm.id: firm for firm in firms}
    rows = [{"id": firm.id, "revision": firm.revision, "record": _bare(firm, personal)} for firm in latest.values()]
    upsert(connection, crm_schema.organisations, rows)
    table = crm_schema.organisation_marks
    if changed := [firm.id for firm in latest.values() if firm.revision > 1]:
        connection.execute(delete(table).where(table.c.organisation_id.in_(changed)))
    marks = [{**mark._asdict(), "organisation_id": firm.id} for firm in latest.values() for mark in firm.marks]
    upsert(connection, table, marks, "kind", "value")


def _case(case: Any, personal: "_Side") -> Values:
    return {
        "id": case.id,
        "revision": case.revision,
        "state": case.state.value,
        "contact_id": case.contact_id,
        "opened_at": case.opened_at,
        "closed_at": case.closed_at,
        "closes_at": case.closes_at,
        "active_at": case.active_at,
        "record": _bare(case, personal),
    }


def _clock(clock: Any, personal: "_Side") -> Values:
    return {
        "id": clock.id,
        "revision": clock.revision,
        "case_id": clock.case_id,
        "clock": clock.value.clock.value,
        "state": clock.value.state.value,
        "owed": clock.owed,
        "due_at": clock.value.due_at,
        "timer_at": clock.timer_at,
        "record": _bare(clock, personal),
        "started_at": clock.value.started_at,
    }


def _callback(callback: Any, personal: "_Side") -> Values:
    return {
        "id": callback.id,
        "revision": callback.revision,
        "line": callback.line,
        "number": callback.number,
        "case_id": callback.case_id,
        "state": callback.state.value,
        "due_at": callback.due_at,
        "opened_at": callback.opened_at,
        "closed_at": callback.closed_at,
        "claimed_until": callback.claimed_until,
        "look_at": callback.look_at,
        "record": _bare(callback, personal),
    }


def _delivery(owed: Delivery, ahead: timedelta) -> Values:
    return {
        "id": owed.id,
        "key": owed.key,
        "kind": owed.kind.value,
        "state": owed.state.value,
        "via": owed.via,
        "recipient": owed.recipient,
        "interaction_id": owed.interaction_id,
        "case_id": owed.case_id,
        "created_at": owed.created_at,
        "due_at": owed.due_at - ahead,
        "attempts": owed.attempts,
        "claimed_by": None,
        "claimed_until": None,
        "settled_at": owed.settled_at,
        "expires_at": owed.expires_at,
        "reason": owed.reason,
        "status_raw": owed.status_raw,
        "payload": owed.payload,
        "copies": owed.copies,
        "subject_key": owed.subject_key,
        "inbox": inbox_of(owed.recipient) if owed.kind is DeliveryKind.ACK else None,
    }


def _outbox(
    connection: Connection,
    changes: Sequence[Change],
    now: datetime,
    new_id: Callable[[], str],
    personal: "_Side",
) -> None:
    rows = [
        {
            "event_id": new_id(),
            "type": event.type,
            "thing": THING[type(event.thing)],
            "subject": event.thing.id,
            "revision": event.thing.revision,
            "at": event.at,
            "recorded_at": now,
            "by": event.by[:64],  # where it is the name a sender gave himself, it can be of any length
            "record": _bare(event.thing, personal),
        }
        for change in changes
        for event in change.events
    ]
    insert(connection, schema.outbox, rows)


def _originals(changes: Sequence[Change], now: datetime) -> Iterable[Values]:
    """What comes late about somebody who was erased is not kept."""
    erased = [fact for change in changes for fact in change.interactions if fact.erased_at]
    gone = {stored.sha256 for fact in erased for stored in (fact.original, *fact.attachments) if stored}
    kept = (original for change in changes for original in change.originals if original.sha256 not in gone)
    for original in kept:
        yield {
            "sha256": original.sha256,
            "media_type": original.media_type,
            "size_bytes": len(original.content),
            "content": original.content,
            "kept_at": now,
        }


OWED = "original:"


def owed_note(owed: OwedOriginal) -> Values:
    """The note of an original still to be fetched."""
    return {"name": OWED + owed.interaction_id, "value": asdict(owed)}


_CONSUMED = update(schema.journal).where(schema.journal.c.id.in_(bindparam("some", expanding=True)))
_CONSUMED = _CONSUMED.values(consumed=True)


def _calls(connection: Connection, changes: Sequence[Change]) -> None:
    timers = {timer.call_sid: timer for change in changes for timer in change.timers}
    given = [answer for change in changes for answer in change.answers]
    consumed = [entry for change in changes for entry in change.consumed]
    insert(
        connection,
        schema.answers,
        [{"call_sid": answer.call_sid, "step": answer.step, "body": answer.body} for answer in given],
        ignore=True,
    )
    if timers:
        table = schema.call_timers
        if done := [timer.call_sid for timer in timers.values() if timer.at is None]:
            connection.execute(delete(table).where(table.c.call_sid.in_(done)))
        running = [timer for timer in timers.values() if timer.at is not None]
        upsert(connection, table, [{"call_sid": t.call_sid, "line": t.line, "at": t.at} for t in running], "call_sid")
    if consumed:
        connection.execute(_CONSUMED, {"some": consumed})


def _brakes(connection: Connection, changes: Sequence[Change]) -> None:
    refused = [asdict(refusal) for change in changes for refusal in change.refusals]
    upsert(connection, schema.refusals, refused, "address")
    paused = [asdict(pause) for change in changes for pause in change.pauses]
    upsert(connection, schema.pauses, paused, "what", "name")
    keep_opt_outs(connection, [each for change in changes for each in change.opt_outs])
    standings = [_standing(each) for change in changes for each in change.channels]
    upsert(connection, schema.channel_states, standings, "name", "kind")


def _standing(standing: Standing) -> Values:
    memory = record(standing)
    del memory["record"]
    return {
        "name": standing.record.channel,
        "kind": standing.record.kind,
        "id": standing.record.id,
        "state": standing.record.state.value,
        "since": standing.record.since,
        "last_success_at": standing.record.last_success_at,
        "reason": standing.record.reason,
        "revision": standing.record.revision,
        "memory": {**memory, "created_at": instant(standing.record.created_at)},
    }


def _checkpoints(connection: Connection, changes: Sequence[Change], now: datetime) -> None:
    last = {change.checkpoint.place: change.checkpoint for change in changes if change.checkpoint}
    rows = [
        {
            "place": point.place,
            "uidvalidity": point.uidvalidity,
            "last_uid": point.last_uid,
            "enrolled_at": now,
            "moved_at": now,
            "recent": list(point.recent),
            "renumbered": point.renumbered,
            "stopped_at": point.stopped_at,
            "account": list(point.account) or None,
        }
        for point in last.values()
    ]
    upsert(connection, schema.checkpoints, rows, "place", once=("enrolled_at",))
