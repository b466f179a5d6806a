"""What a commit writes is what is read back: on SQLite and PostgreSQL, whatever stands in it."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import Connection, Table, and_, select
from sqlalchemy.exc import IntegrityError

from commsd.core.case import Case, ClockRecord
from commsd.core.change import Change, Checkpoint, LogicalKey, Original
from commsd.core.clock import Clock, State
from commsd.core.contact import Contact, Identity
from commsd.core.event import Event
from commsd.core.interaction import (
    Actor,
    Channel,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Detail,
    Direction,
    ExternalId,
    Interaction,
    Kind,
    Outcome,
    Party,
    Promise,
    Role,
    Stored,
)
from commsd.core.policy import ClockKind
from commsd.core.record import THING, thing_of, together
from commsd.crm.event import published
from commsd.store import bulk, feed, rows, schema
from commsd.store.log import Log
from tests.world import ScriptedWorld

NOW = datetime(2026, 3, 10, 9, tzinfo=UTC)

TABLES: Mapping[type, Table] = {
    Interaction: schema.interactions,
    Contact: schema.contacts,
    Case: schema.cases,
    ClockRecord: schema.clocks,
}

# PostgreSQL holds no NUL and neither holds half a surrogate pair; intake replaces both.
CHARACTERS = st.characters(exclude_characters="\0", exclude_categories=["Cs"])
words = st.text(CHARACTERS, max_size=40)
named = st.none() | words
personal = st.none() | st.text(min_size=1, alphabet=CHARACTERS, max_size=40)  # an empty one is kept as none
spans = st.integers(0, 10**12).map(lambda count: timedelta(milliseconds=count))
moments = spans.map(lambda after: datetime(1999, 12, 31, 23, 59, 59, tzinfo=UTC) + after)


def many(one: st.SearchStrategy[Any]) -> st.SearchStrategy[tuple[Any, ...]]:
    return st.lists(one, max_size=3).map(tuple)


def things() -> st.SearchStrategy[list[Any]]:
    """One of each kind, filled at random; their ids are the test's to give."""
    ids = st.just("")
    stored = st.builds(Stored, sha256=words, media_type=words, size_bytes=st.integers(0, 2**40), name=named)
    promise = st.builds(Promise, id=words, due_at=moments, via=words, replaces=named)
    detail = st.builds(
        Detail,
        note=personal,
        questions=many(words),
        promise=st.none() | promise,
        attrs=st.dictionaries(words, words, max_size=3),
    )
    fact = st.builds(
        Interaction,
        id=ids,
        revision=st.integers(1, 9),
        channel=st.sampled_from(Channel),
        kind=st.sampled_from(Kind),
        direction=st.sampled_from(Direction),
        actor=st.sampled_from(Actor),
        outcome=st.none() | st.sampled_from(Outcome),
        occurred_at=moments,
        recorded_at=moments,
        ring=st.none() | spans,
        parties=many(st.builds(Party, st.sampled_from(Role), words, named)),
        subject=personal,
        preview=personal,
        original=st.none() | stored,
        attachments=many(stored),
        external_ids=many(st.builds(ExternalId, words, words)),
        tags=many(words),
        detail=detail,
        clocks=many(st.dictionaries(words, st.none() | st.integers(-(2**40), 2**40) | words, max_size=3)),
    )
    identities = st.lists(st.builds(Identity, st.just("email"), words), max_size=3, unique_by=lambda each: each.value)
    contact = st.builds(Contact, id=ids, created_at=moments, name=personal, identities=identities.map(tuple))
    case = st.builds(
        Case,
        id=ids,
        created_at=moments,
        contact_id=st.none(),
        subject=personal,
        opened_at=moments,
        active_at=moments,
        closes_at=st.none() | moments,
        attrs=st.dictionaries(words, words, max_size=3),
    )
    clock = st.builds(
        Clock,
        clock=st.sampled_from(ClockKind),
        n=st.integers(1, 99),
        state=st.sampled_from(State),
        reason=named,
        opened_by=words,
        stopped_by=named,
        started_at=moments,
        due_at=st.none() | moments,
        warn_at=st.none() | moments,
        stopped_at=st.none() | moments,
        elapsed=spans,
        waited=spans,
        policy=words,
        rules_version=words,
        calendar=words,
        remaining=st.none() | spans,
    )
    record = st.builds(ClockRecord, id=ids, created_at=moments, case_id=ids, value=clock, told=many(words))
    return st.tuples(fact, contact, case, record).map(list)


def change_with(made: Sequence[Any]) -> Change:
    """The things with an event each, and an acknowledgement owed for the first."""
    fact, contact, case, clock = made
    owed = Delivery(
        id=fact.id,
        kind=DeliveryKind.ACK,
        key=f"ack:{fact.id}",
        via="support",
        recipient="jane@example.org",
        payload=fact.id.encode() + bytes(range(256)),
        created_at=fact.recorded_at,
        due_at=fact.occurred_at,
        state=DeliveryState.SENDING,
        status_raw=(fact.subject or "")[:200],
    )
    return Change(
        interactions=(fact,),
        contacts=(contact,),
        cases=(case,),
        clocks=(clock,),
        deliveries=(owed,),
        events=tuple(Event(f"{THING[type(each)]}.updated", each, NOW, "machine") for each in made),
    )


def kept(connection: Connection, thing: Any) -> object:
    """The thing as a reader finds it, its personal fields put back."""
    table, side = TABLES[type(thing)], schema.personal
    same = and_(side.c.thing == THING[type(thing)], side.c.id == table.c.id, side.c.revision == table.c.revision)
    wanted = select(table.c.record, side.c.fields).select_from(table.outerjoin(side, same))
    row = connection.execute(wanted.where(table.c.id == thing.id, table.c.revision == thing.revision)).one()
    return thing_of(type(thing), together(row.record, row.fields or {}))


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(drawn=things())
async def test_what_is_written_is_what_is_read_back(
    log: Log, scripted_world: ScriptedWorld, drawn: Sequence[Any]
) -> None:
    made = [replace(each, id=scripted_world.world.new_id()) for each in drawn]
    change = change_with(made)

    def through(connection: Connection) -> None:
        rows.write(connection, [change], NOW, scripted_world.world.new_id)
        assert [kept(connection, each) for each in made] == list(made)
        owed = connection.execute(select(schema.deliveries).where(schema.deliveries.c.id == made[0].id)).one()
        assert rows.delivery_of(owed) == change.deliveries[0]
        feed.prepare(connection, "epoch")
        _, before = feed.head(connection)
        assert feed.number(connection, 1, lambda entry, place: published(entry, place, "epoch")) == len(made)
        entries, _ = feed.page(connection, before, 10)
        assert [thing_of(type(each), data_of(entry)) for each, entry in zip(made, entries, strict=True)] == list(made)

    await log.writer.write(through)


def data_of(entry: feed.FeedEntry) -> dict[str, Any]:
    return together(orjson.loads(entry.event)["data"], entry.personal)


async def test_the_event_of_a_thing_holds_nothing_personal_until_it_is_asked_for(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    fact = Interaction(
        id=scripted_world.world.new_id(),
        channel=Channel.EMAIL,
        kind=Kind.MESSAGE,
        direction=Direction.INBOUND,
        actor=Actor.CUSTOMER,
        occurred_at=NOW,
        recorded_at=NOW,
        subject="Secret matter",
        detail=Detail(note="a secret", attrs={"tier": "gold"}),
    )
    event = Event("interaction.recorded", fact, NOW, "machine")
    await log.decide((), lambda items: Change(interactions=(fact,), events=(event, event)))
    tables = (schema.interactions, schema.outbox)
    records = await log.read(lambda c: [row for each in tables for row in c.execute(select(each.c.record)).scalars()])
    assert [row["detail"]["attrs"] for row in records] == [{"tier": "gold"}] * 3
    assert "ecret" not in orjson.dumps(records).decode()
    fields = await log.read(lambda c: c.execute(select(schema.personal.c.fields)).scalars().all())
    assert fields == [{"/subject": "Secret matter", "/detail/note": "a secret"}]


def point(last: int, **other: Any) -> Change:
    return Change(checkpoint=Checkpoint(place="support/INBOX", uidvalidity=1, last_uid=last, **other))


async def test_of_one_place_the_last_checkpoint_stays_and_when_it_was_enrolled_the_first(log: Log) -> None:
    table = schema.checkpoints

    def through(connection: Connection, *changes: Change, at: datetime) -> Any:
        rows.write(connection, changes, at, str)
        return connection.execute(select(table)).one()

    first = await log.writer.write(lambda c: through(c, point(3), point(7, recent=(5, 7)), at=NOW))
    assert (first.last_uid, first.recent, first.enrolled_at, first.account) == (7, [5, 7], NOW, None)
    later = NOW + timedelta(hours=1)
    second = await log.writer.write(
        lambda c: through(c, point(9, account=("host", "name"), stopped_at=later), at=later)
    )
    assert (second.last_uid, second.recent, second.account) == (9, [], ["host", "name"])
    assert (second.enrolled_at, second.moved_at, second.stopped_at) == (NOW, later, later)


async def test_what_is_there_already_is_left_alone_where_we_say_so_and_refused_where_not(log: Log) -> None:
    def twice(connection: Connection) -> Sequence[Any]:
        for media_type in ("message/rfc822", "text/plain"):
            original = Original(sha256="ab", media_type=media_type, content=b"\0\xff")
            rows.write(connection, [Change(originals=(original,))], NOW, str)
        return connection.execute(select(schema.originals)).all()

    (row,) = await log.writer.write(twice)
    assert (row.media_type, row.size_bytes, row.content, row.kept_at) == ("message/rfc822", 2, b"\0\xff", NOW)
    key = Change(keys=(LogicalKey(key="same", interaction_id="0" * 36),))
    with pytest.raises(IntegrityError):
        await log.writer.write(lambda c: rows.write(c, [key, key], NOW, str))


async def test_a_json_text_is_a_text_and_not_taken_for_json(log: Log) -> None:
    notes: list[bulk.Values] = [{"name": "text", "value": '{"a": 1}'}, {"name": "written", "value": b'{"a": 1}'}]

    def through(connection: Connection) -> Sequence[Any]:
        bulk.insert(connection, schema.notes, notes)
        return connection.execute(select(schema.notes.c.value).order_by(schema.notes.c.name)).scalars().all()

    assert await log.writer.write(through) == ['{"a": 1}', {"a": 1}]
