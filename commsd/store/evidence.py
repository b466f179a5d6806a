"""What is known around a callback when it is decided whether a machine may ring it: `core.screen.Evidence`."""

from collections.abc import Iterable
from datetime import datetime

from sqlalchemy import Connection, literal, select, tuple_
from sqlalchemy.orm import aliased

from commsd.core.callback import Callback
from commsd.core.contact import Contact
from commsd.core.interaction import CALL_SID, Interaction, Role
from commsd.core.screen import FLOOD, THIRD_PARTY_TIME, Evidence
from commsd.store import schema
from commsd.store.column import Instant
from commsd.store.open_items import records
from commsd.store.phone_schema import opt_outs

MOST = 1000
"""Newcomers that are counted; more make no difference."""

PHONE = "phone"
"""The channel of `opt_outs` on which no calls are wanted."""


def evidence(connection: Connection, callback: Callback) -> Evidence:
    """Everything `held_because` asks for."""
    facts, people = schema.interactions, schema.contacts
    misses = records(connection, Interaction, facts, facts.c.id.in_(callback.misses), facts.c.current)
    known = records(connection, Contact, people, people.c.id == callback.contact_id) if callback.contact_id else []
    declined = select(opt_outs.c.since).where(opt_outs.c.number == callback.number, opt_outs.c.channel == PHONE)
    return Evidence(
        contact=known[0] if known else None,
        misses=tuple(misses),
        newcomers=_newcomers(connection, callback.number, callback.opened_at),
        others=_others(connection, callback, misses),
        declined_at=connection.execute(declined).scalar_one_or_none(),
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
    his = (facts.c.contact_id == callback.contact_id, facts.c.recorded_at > since, facts.c.current)
    calls = records(connection, Interaction, facts, *his, facts.c.channel == PHONE)
    ids = {each for call in calls for each in call.detail.callbacks} - {callback.id}
    earlier = tuple_(owed.c.opened_at, owed.c.id) < tuple_(literal(callback.opened_at, Instant()), callback.id)
    found = select(owed.c.number).where(owed.c.id.in_(ids), owed.c.opened_at > since, earlier)
    return len({number for number in connection.execute(found).scalars() if number} - callers - {callback.number})


def _stamps(connection: Connection, misses: Iterable[Interaction]) -> tuple[str, ...]:
    """What Twilio said of who the callers showed they were: StirVerstat of the voice webhook."""
    sids = [sid for miss in misses if (sid := miss.external(CALL_SID))]
    journal = schema.journal
    found = select(journal.c.fields).where(journal.c.call_sid.in_(sids), journal.c.step == "voice")
    words = (fields.get("StirVerstat") for fields in connection.execute(found).scalars())
    return tuple(dict.fromkeys(word for word in words if word))
