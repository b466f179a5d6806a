"""What the dialler must know of calls that are under way: attempts of ours, and calls of customers to us."""

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import NamedTuple

from sqlalchemy import ColumnElement, Connection, literal, select

from commsd.core.callback import Attempt, Callback
from commsd.core.contact import Contact
from commsd.core.interaction import CALL_SID, Direction, Interaction, Kind, Outcome
from commsd.core.open_items import WebhookEntry
from commsd.store import schema
from commsd.store.open_items import records

MOST = 500

NAME = "dial:"
"""Under it, with the attempt's id behind, an attempt's webhooks are journalled: `dial.step.journal_name`."""


def callback_of(connection: Connection, callback_id: str) -> Callback | None:
    """The callback as it is now."""
    found = records(connection, Callback, schema.callbacks, schema.callbacks.c.id == callback_id)
    return found[0] if found else None


def contacts_of(connection: Connection, callbacks: Iterable[Callback]) -> Mapping[str, Contact]:
    """Whose calls are owed, as known now, by their ids."""
    ids = {callback.contact_id for callback in callbacks if callback.contact_id}
    found = records(connection, Contact, schema.contacts, schema.contacts.c.id.in_(ids)) if ids else []
    return {contact.id: contact for contact in found}


def undecided(connection: Connection, before: datetime) -> tuple[tuple[str, str], ...]:
    """Callback and attempt of webhooks journalled before then and not decided: a crash left them behind."""
    table = schema.journal
    left = (~table.c.consumed, table.c.received_at <= before, table.c.call_sid.like("dial:%"))
    urls = connection.execute(select(table.c.url).where(*left).limit(MOST)).scalars()
    found = (_PLACE.search(url) for url in urls)
    return tuple(dict.fromkeys((place[1], place[2]) for place in found if place))


_PLACE = re.compile(r"/twilio/dial/([0-9a-f-]{36})/([0-9a-f-]{36})/")


class LiveCall(NamedTuple):
    """A customer's call to us that goes on, as far as we know."""

    sid: str
    webhooks: tuple[WebhookEntry, ...]
    answered: Mapping[str, bytes]


def live_calls(connection: Connection, since: datetime) -> Sequence[LiveCall]:
    """Calls to us that have no verdict yet, or were answered since then and whose end nobody told."""
    timers, facts = schema.call_timers, schema.interactions
    sids = list(connection.execute(select(timers.c.call_sid).limit(MOST)).scalars())
    talks = (
        facts.c.kind == Kind.CALL.value,
        facts.c.direction == Direction.INBOUND.value,
        facts.c.outcome == Outcome.REACHED.value,
        facts.c.record["ended_at"].as_string().is_(None),
    )
    answered = records(connection, Interaction, facts, facts.c.recorded_at >= since, facts.c.current, *talks)
    sids += [sid for fact in answered if (sid := fact.external(CALL_SID))]
    told, given = _told(connection, sids), _given(connection, sids)
    return [LiveCall(sid, entries, given.get(sid, {})) for sid, entries in told.items()]


class PlacedCall(NamedTuple):
    """An attempt of ours, with all that was noted of it."""

    callback_id: str
    attempt: Attempt
    webhooks: tuple[WebhookEntry, ...]


def placed_calls(connection: Connection, since: datetime, over: Collection[str]) -> Sequence[PlacedCall]:
    """Attempts since then of which nothing says that our person's leg is over. over: the statuses that say so.

    A customer's leg is told under the steps `leg` and `amd` and says nothing of our person's.
    """
    journal = schema.journal
    ours = journal.c.step.not_in(("leg", "amd"))
    return _attempts(connection, since, ours, journal.c.fields["CallStatus"].as_string().in_(over))


def unbilled(connection: Connection, since: datetime, field: str, but: Collection[str]) -> Sequence[PlacedCall]:
    """Attempts since then of which nothing that was noted has this field: what they cost. but: ids to leave out."""
    return _attempts(connection, since, schema.journal.c.fields[field].as_string().is_not(None), but=but)


def _attempts(
    connection: Connection, since: datetime, *told: ColumnElement[bool], but: Collection[str] = ()
) -> Sequence[PlacedCall]:
    """Attempts since then, but for those of which anything like this was noted.

    Of somebody erased nothing is noted any more; no call to them was live when they were.
    """
    facts, journal = schema.interactions, schema.journal
    noted = select(journal.c.id).where(journal.c.call_sid == literal(NAME) + facts.c.id, *told)
    ours = (facts.c.kind == Kind.CALL.value, facts.c.direction == Direction.OUTBOUND.value, facts.c.current)
    begun = (facts.c.recorded_at >= since, facts.c.occurred_at >= since)
    kept = facts.c.record["erased_at"].as_string().is_(None)
    place = facts.c.record["detail", "callback_id"].as_string()
    where = (*ours, *begun, kept, place.is_not(None), ~noted.exists())
    asked = select(facts.c.id, place.label("callback")).where(*where)
    rows = [row for row in connection.execute(asked) if row.id not in but]
    if not rows:
        return ()
    owed = records(connection, Callback, schema.callbacks, schema.callbacks.c.id.in_({row.callback for row in rows}))
    ids = {row.id for row in rows}
    attempts = [(each.id, attempt) for each in owed for attempt in each.attempts if attempt.id in ids]
    entries = _told(connection, [f"{NAME}{attempt.id}" for _, attempt in attempts])
    return [PlacedCall(owner, attempt, entries.get(f"{NAME}{attempt.id}", ())) for owner, attempt in attempts]


def _told(connection: Connection, sids: Sequence[str]) -> Mapping[str, tuple[WebhookEntry, ...]]:
    journal = schema.journal
    found: dict[str, list[WebhookEntry]] = {}
    asked = select(journal).where(journal.c.call_sid.in_(sids)).order_by(journal.c.id)
    for row in connection.execute(asked).all() if sids else ():
        entry = WebhookEntry(
            id=row.id, received_at=row.received_at, route=row.route, step=row.step, fields=dict(row.fields)
        )
        found.setdefault(row.call_sid, []).append(entry)
    return {sid: tuple(entries) for sid, entries in found.items()}


def _given(connection: Connection, sids: Sequence[str]) -> Mapping[str, dict[str, bytes]]:
    answers = schema.answers
    found: dict[str, dict[str, bytes]] = {}
    for row in connection.execute(select(answers).where(answers.c.call_sid.in_(sids))).all() if sids else ():
        found.setdefault(row.call_sid, {})[row.step] = row.body
    return found
