"""What is kept how long: the bytes of what was sent, originals, and keys for ever. mail.md D8."""

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, func, insert, select, update

from commsd.channels.mail.submission import Submission
from commsd.core.change import Change, Original
from commsd.core.interaction import DeliveryState
from commsd.core.key import of_case
from commsd.crm.event import published
from commsd.demo.smtp import SmtpSink
from commsd.errors import NotFound
from commsd.store import feed, retention, schema
from commsd.store.log import Log
from commsd.store.originals import keep_original, original
from commsd.store.retention import Retention
from tests.channels.mail.owing import Owing, letter, owing, submission
from tests.house import items_of
from tests.world import ScriptedWorld

ORIGINALS = timedelta(days=400)
EVENTS = timedelta(days=90)


@pytest.fixture
async def house(log: Log, scripted_world: ScriptedWorld) -> Owing:
    return await owing(log, scripted_world)


@pytest.fixture
async def server() -> AsyncIterator[Submission]:
    async with SmtpSink() as sink:
        yield submission(sink)


def duty(house: Owing) -> Retention:
    return Retention(house.log, house.claims, house.world.world, ORIGINALS, EVENTS)


async def all_of(house: Owing) -> None:
    while await duty(house).once():
        pass


async def kept(house: Owing, content: bytes) -> str:
    sha256 = hashlib.sha256(content).hexdigest()
    one = Original(sha256=sha256, media_type="message/rfc822", content=content)
    await house.log.decide((), lambda items: Change(originals=(one,)))
    return sha256


async def test_d8_the_bytes_of_an_acknowledgement_are_dropped_seven_days_after_it_was_sent(
    house: Owing, server: Submission
) -> None:
    await house.arrives(letter())
    await house.send(server).once()
    house.world.advance(timedelta(days=7) - timedelta(seconds=1))
    await all_of(house)
    assert (await house.owed()).payload
    house.world.advance(timedelta(seconds=1))
    await all_of(house)
    owed = await house.owed()
    assert (owed.payload, owed.state) == (b"", DeliveryState.SENT)


async def test_d8_what_was_never_sent_keeps_its_bytes(house: Owing) -> None:
    await house.arrives(letter())
    house.world.advance(timedelta(days=30))
    await all_of(house)
    assert (await house.owed()).payload


async def test_d8_after_400_days_the_same_mail_restored_is_still_a_copy(house: Owing, server: Submission) -> None:
    await house.arrives(letter())
    await house.send(server).once()
    house.world.advance(timedelta(days=500))
    await all_of(house)
    assert (await house.arrives(letter())).result == "no-ack:duplicate"


async def test_originals_go_when_their_time_is_over_and_what_belongs_to_an_open_case_stays(house: Owing) -> None:
    loose, needed = await kept(house, b"loose"), await kept(house, b"needed")
    change = await house.arrives(letter())
    fact, case = change.interactions[0], change.cases[-1]
    table = schema.interactions
    bare = await house.log.read(lambda c: c.execute(select(table.c.record).where(table.c.id == fact.id)).scalar_one())
    record = {**bare, "raw": {"sha256": needed, "media_type": "message/rfc822", "size_bytes": 6}}
    statement = update(table).where(table.c.id == fact.id).values(record=record)
    await house.log.writer.write(lambda c: c.execute(statement))
    house.world.advance(ORIGINALS - timedelta(seconds=1))
    await all_of(house)
    assert await original(house.log, loose) == b"loose"
    house.world.advance(timedelta(seconds=1))
    await all_of(house)
    with pytest.raises(NotFound):
        await original(house.log, loose)
    assert await original(house.log, needed) == b"needed"
    file = (await items_of(house.log, of_case(case.id))).files[case.id]
    assert file.case.state == "open"
    closed = update(schema.cases).where(schema.cases.c.id == case.id).values(state="closed")
    await house.log.writer.write(lambda c: c.execute(closed))
    await all_of(house)
    with pytest.raises(NotFound):
        await original(house.log, needed)


async def test_it_is_done_in_batches(house: Owing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retention, "BATCH", 3)
    for number in range(7):
        await kept(house, b"%d" % number)
    house.world.advance(ORIGINALS)
    turns = [await duty(house).once() for _ in range(4)]
    assert turns == [True, True, True, False]
    count = select(func.count()).select_from(schema.originals)
    assert await house.log.read(lambda c: c.execute(count).scalar_one()) == 0


async def test_parts_that_a_killed_daemon_left_behind_go_after_a_day_and_whole_originals_stay(house: Owing) -> None:
    async def parts() -> AsyncIterator[bytes]:
        yield b"the first part"

    whole = await keep_original(house.log, house.world.world, parts(), "message/rfc822")
    staged = insert(schema.original_parts).values(sha256=f"part:{house.world.world.new_id()}", part=0, content=b"x")
    await house.log.writer.write(lambda c: c.execute(staged))
    names = select(schema.original_parts.c.sha256)
    house.world.advance(timedelta(hours=23))
    await all_of(house)
    assert len(await house.log.read(lambda c: c.execute(names).all())) == 2
    house.world.advance(timedelta(hours=2))
    await all_of(house)
    assert await house.log.read(lambda c: c.execute(names).scalars().all()) == [whole.sha256]


async def test_one_node_does_it_for_all(house: Owing) -> None:
    house.world.advance(timedelta(minutes=1))
    await house.claims.lease("store.retention", timedelta(minutes=5))
    await kept(house, b"old")
    other = house.another("other/1", house.log)
    assert not await duty(other).once()


async def numbered(house: Owing) -> None:
    """Everything that waits has its number."""

    def number(connection: Connection) -> int:
        feed.prepare(connection, "epoch")
        return feed.number(connection, 1, lambda entry, place: published(entry, place, "epoch"))

    await house.log.writer.write(number)


async def kept_numbers(house: Owing) -> list[int]:
    entries, _ = await house.log.read(lambda connection: feed.page(connection, 0, 1000))
    return [entry.seq for entry in entries]


async def test_log_10_events_go_after_their_time_the_oldest_first_and_what_is_left_is_dense(
    house: Owing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(retention, "EVENTS", 2)
    await house.arrives(letter())
    await numbered(house)
    old = await kept_numbers(house)
    house.world.advance(timedelta(days=60))
    await house.arrives(letter(message_id="another@mail.example"))
    await numbered(house)
    everything = await kept_numbers(house)
    house.world.advance(EVENTS - timedelta(days=60, seconds=1))
    await all_of(house)
    assert await kept_numbers(house) == everything
    house.world.advance(timedelta(seconds=1))
    await all_of(house)
    assert await kept_numbers(house) == everything[len(old) :]
    span = await house.log.read(feed.span)
    assert (span.oldest, span.last) == (len(old) + 1, len(everything))
    house.world.advance(EVENTS)
    await all_of(house)
    assert await kept_numbers(house) == []


async def test_log_10_the_age_of_the_oldest_event_is_known_also_of_those_numbered_before_0005(house: Owing) -> None:
    await house.arrives(letter())
    began = house.world.world.now()
    await numbered(house)
    assert await house.log.read(feed.oldest_at) == began
    await house.log.writer.write(lambda c: c.execute(update(schema.feed).values(recorded_at=None)))
    oldest = await house.log.read(feed.oldest_at)
    assert oldest
    assert abs(oldest - began) < timedelta(milliseconds=1)
    house.world.advance(EVENTS + timedelta(seconds=1))
    await all_of(house)
    assert await house.log.read(feed.oldest_at) is None


async def test_log_10_due_times_that_people_moved_stay_for_the_reports_and_out_of_sight(house: Owing) -> None:
    await house.arrives(letter())
    await numbered(house)
    moved = update(schema.feed).where(schema.feed.c.seq == 2).values(type="clock.retargeted")
    await house.log.writer.write(lambda c: c.execute(moved))
    house.world.advance(EVENTS + timedelta(days=1))
    await all_of(house)
    assert await kept_numbers(house) == []
    assert await house.log.read(lambda c: c.execute(select(schema.feed.c.seq)).scalars().all()) == [2]


async def test_log_9_a_mail_is_known_after_its_events_and_bytes_are_gone(house: Owing, server: Submission) -> None:
    await house.arrives(letter())
    await house.send(server).once()
    await numbered(house)
    house.world.advance(timedelta(days=3000))
    await all_of(house)
    assert await kept_numbers(house) == []
    assert (await house.arrives(letter())).result == "no-ack:duplicate"
