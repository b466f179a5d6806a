"""What is kept how long: the bytes of what was sent, originals, and keys for ever. mail.md D8."""

import hashlib
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import func, insert, select, update

from commsd.channels.mail.submission import Submission
from commsd.core.change import Change, Original
from commsd.core.interaction import DeliveryState
from commsd.core.key import of_case
from commsd.demo.smtp import SmtpSink
from commsd.errors import NotFound
from commsd.store import retention, schema
from commsd.store.log import Log
from commsd.store.originals import keep_original, original
from commsd.store.retention import Retention
from tests.channels.mail.owing import Owing, letter, owing, submission
from tests.house import items_of
from tests.world import ScriptedWorld

ORIGINALS = timedelta(days=400)


@pytest.fixture
async def house(log: Log, scripted_world: ScriptedWorld) -> Owing:
    return await owing(log, scripted_world)


@pytest.fixture
async def server() -> AsyncIterator[Submission]:
    async with SmtpSink() as sink:
        yield submission(sink)


def duty(house: Owing) -> Retention:
    return Retention(house.log, house.claims, house.world.world, ORIGINALS)


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
