"""What is known around a callback when it is decided whether a machine may ring it: `core.screen.Evidence`."""

from collections.abc import Iterable, Mapping
from datetime import datetime

from sqlalchemy import Connection, literal, select, tuple_
from sqlalchemy.orm import aliased

from commsd.core.callback import Callback
from commsd.core.contact import Contact
from commsd.core.interaction import CALL_SID, Interaction, Role
from commsd.core.number import parse_number
from commsd.core.opt_out import BLOCKED
from commsd.core.screen import FLOOD, THIRD_PARTY_TIME, Evidence
from commsd.store import schema
from commsd.store.column import Instant
from commsd.store.merged import of_family, survivor_of
from commsd.store.open_items import records
from commsd.store.opt_outs import opt_outs

MOST = 1000
"""Newcomers that are counted; more make no difference."""

Fields = Mapping[str, str]

PHONE = "phone"
"""The channel of `opt_outs` on which no calls are wanted."""


def evidence(connection: Connection, callback: Callback) -> Evidence:
    """Everything `held_because` asks for."""
    facts, people = schema.interactions, schema.contacts
    misses = records(connection, Interaction, facts, facts.c.id.in_(callback.misses), facts.c.current)
    person = survivor_of(connection, callback.contact_id) if callback.contact_id else None
    known = records(connection, Contact, people, people.c.id == person) if person else []
    declined = opt_outs(connection, [callback.number] if callback.number else [])
    return Evidence(
        contact=known[0] if known else None,
        misses=tuple(misses),
        newcomers=_newcomers(connection, callback.number, callback.opened_at),
        others=_others(connection, callback, misses),
        hidden=_hidden(connection, callback, misses),
        declined_at=next((each.since for each in declined if each.channel == PHONE), None),
        blocked=any(each.channel == BLOCKED for each in declined),
        stamps=_stamps(connection, misses),
    )


def _newcomers(connection: Connection, number: str | None, around: datetime) -> tuple[str, ...]:
    """Numbers that had never been owed a call, by the time at which they first were; behind the last one counted, its
    own."""
    owed, older = schema.callbacks, aliased(schema.callbacks)
    before = select(older.c.id).where(older.c.number == owed.c.number, older.c.opened_at <= around - FLOOD)
    strangers = (
        select(owed.c.number)
        .where(owed.c.opened_at > around - FLOOD, owed.c.opened_at <= around + FLOOD)
        .where(owed.c.number.is_not(None), ~before.exists())
    )
    first = strangers.order_by(owed.c.opened_at, owed.c.id).limit(MOST)
    found = list(connection.execute(first).scalars())
    if len(found) == MOST and number not in found:
        found += connection.execute(strangers.where(owed.c.number == number).limit(1)).scalars()
    return tuple(dict.fromkeys(found))


def _others(connection: Connection, callback: Callback, misses: Iterable[Interaction]) -> int:
    """By how many callbacks of the day before its caller had a number rung that was not his own."""
    callers = {caller for miss in misses if (caller := miss.address(Role.CALLER))}
    if callback.contact_id is None or callback.number in callers:
        return 0
    facts, owed = schema.interactions, schema.callbacks
    since = callback.opened_at - THIRD_PARTY_TIME
    his = (of_family(connection, facts.c.contact_id, callback.contact_id), facts.c.recorded_at > since, facts.c.current)
    calls = records(connection, Interaction, facts, *his, facts.c.channel == PHONE)
    ids = {each for call in calls for each in call.detail.callbacks} - {callback.id}
    earlier = tuple_(owed.c.opened_at, owed.c.id) < tuple_(literal(callback.opened_at, Instant()), callback.id)
    found = select(owed.c.number).where(owed.c.id.in_(ids), owed.c.opened_at > since, earlier)
    return len({number for number in connection.execute(found).scalars() if number} - callers - {callback.number})


def _hidden(connection: Connection, callback: Callback, misses: Iterable[Interaction]) -> int:
    """How many numbers callers who hid theirs gave on this line in the day before; 0 where its own hid nothing."""
    if not _hid(connection, misses):
        return 0
    facts, owed = schema.interactions, schema.callbacks
    since = owed.c.opened_at > callback.opened_at - THIRD_PARTY_TIME
    earlier = tuple_(owed.c.opened_at, owed.c.id) < tuple_(literal(callback.opened_at, Instant()), callback.id)
    others = records(connection, Callback, owed, owed.c.line == callback.line, since, earlier)
    rung = {miss: other.number for other in others for miss in other.misses if other.number}
    calls = records(connection, Interaction, facts, facts.c.id.in_(rung), facts.c.current) if rung else []
    return len({rung[call.id] for call in _hid(connection, calls)} - {callback.number})


def _hid(connection: Connection, misses: Iterable[Interaction]) -> list[Interaction]:
    """The calls whose caller showed no number and gave one on the keys."""
    calls = {sid: miss for miss in misses if (sid := miss.external(CALL_SID))}
    shown = {sid: parse_number(fields.get("From", "")) for sid, _, fields in _told(connection, calls, "voice")}
    gave = {sid for sid, _, _ in _told(connection, calls, "number-%")}
    return [call for sid, call in calls.items() if sid in gave and sid in shown and shown[sid] is None]


def in_the_menu(connection: Connection, misses: Iterable[Interaction]) -> tuple[tuple[datetime, Fields], ...]:
    """What the callers answered when a call from us was offered to them, and when."""
    sids = (sid for miss in misses if (sid := miss.external(CALL_SID)))
    return tuple((at, fields) for _, at, fields in _told(connection, sids, "offer-%"))


def _stamps(connection: Connection, misses: Iterable[Interaction]) -> tuple[str, ...]:
    """What Twilio said of who the callers showed they were: StirVerstat of the voice webhook."""
    sids = (sid for miss in misses if (sid := miss.external(CALL_SID)))
    words = (fields.get("StirVerstat") for _, _, fields in _told(connection, sids, "voice"))
    return tuple(dict.fromkeys(word for word in words if word))


def _told(connection: Connection, sids: Iterable[str], step: str) -> list[tuple[str, datetime, Fields]]:
    """The webhooks of these calls at such a step, `%` standing for anything."""
    journal, some = schema.journal, list(sids)
    asked = select(journal.c.call_sid, journal.c.received_at, journal.c.fields).order_by(journal.c.id)
    found = asked.where(journal.c.call_sid.in_(some), journal.c.step.like(step))
    return [(row.call_sid, row.received_at, row.fields) for row in connection.execute(found)] if some else []
