"""A person gives up an acknowledgement that waits: it never goes out then, and one that is being sent is left alone."""

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from sqlalchemy import Connection, text, update

from commsd.channels.mail.settle import by_hand, keys_of
from commsd.core.change import Change
from commsd.core.clock import State as ClockState
from commsd.core.interaction import Delivery, DeliveryState
from commsd.core.open_items import OpenItems
from commsd.core.pause import Pause
from commsd.core.policy import ClockKind
from commsd.demo.smtp import SmtpSink
from commsd.errors import Refused
from commsd.store import decision_lock, schema
from commsd.store.engine import Engine, open_engine
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from tests.channels.mail.owing import Owing, letter, owing, submission
from tests.eventually import eventually
from tests.house import TERMS
from tests.world import ScriptedWorld

CLAIM = timedelta(minutes=12)
BOXES = frozenset({"support"})


@pytest.fixture
async def house(log: Log, scripted_world: ScriptedWorld) -> Owing:
    return await owing(log, scripted_world)


async def says(house: Owing, owed: Delivery, verdict: str) -> Change:
    def decided(items: OpenItems) -> Change:
        return by_hand(verdict, owed.id, items, TERMS, "anna", BOXES)

    return await house.log.decide(keys_of(owed), decided)


async def paused(house: Owing, length: timedelta) -> None:
    now = house.world.now
    pause = Pause(what="acks", name="", until=now + length, why="restored", by="anna", made_at=now)
    await house.log.decide((), lambda _items: Change(pauses=(pause,)))


async def test_d4_what_waits_under_a_pause_and_is_given_up_never_goes_out(house: Owing) -> None:
    await house.arrives(letter())
    await paused(house, timedelta(hours=1))
    await says(house, await house.owed(), "never")
    house.world.advance(timedelta(hours=2))
    async with SmtpSink() as server:
        assert not await house.send(submission(server)).once()
    assert server.accepted == []
    gone = await house.owed()
    assert (gone.state, gone.status_raw) == (DeliveryState.CANCELLED, "never, says anna while it was queued")
    (ack,) = await house.interactions("ack")
    assert (ack.outcome, ack.status_raw) == ("cancelled", gone.status_raw)
    assert await house.ledger() == []


@pytest.mark.parametrize("verdict", ["sent", "again"])
async def test_of_one_that_waits_a_person_says_nothing_but_never(house: Owing, verdict: str) -> None:
    await house.arrives(letter())
    with pytest.raises(Refused, match="queued, not held") as refused:
        await says(house, await house.owed(), verdict)
    assert "only `never` stops it" in refused.value.remedy


async def test_d4_one_that_a_sender_claimed_first_is_refused_and_goes_out_once(house: Owing) -> None:
    await house.arrives(letter())
    (claimed,) = await house.claims.deliveries(("support",), 1, CLAIM)
    with pytest.raises(Refused, match="it is being sent"):
        await says(house, claimed, "never")
    assert (await house.owed()).state is DeliveryState.SENDING


async def test_d4_one_that_was_given_up_first_is_claimed_by_nobody(house: Owing) -> None:
    await house.arrives(letter())
    await says(house, await house.owed(), "never")
    assert await house.claims.deliveries(("support",), 1, CLAIM) == ()


async def given_up(house: Owing) -> Delivery:
    """An acknowledgement that could not be sent for hours."""
    await house.arrives(letter())
    house.world.advance(timedelta(hours=5))
    async with SmtpSink() as server:
        await house.send(submission(server)).once()
    owed = await house.owed()
    assert (owed.state, owed.reason) == (DeliveryState.FAILED, "gave-up")
    assert owed.id in [debt.id for debt in await house.ledger()]
    return owed


@pytest.mark.parametrize(
    ("verdict", "state", "outcome", "clock"),
    [
        ("sent", DeliveryState.SENT, "reached", ClockState.BREACHED),
        ("never", DeliveryState.CANCELLED, "cancelled", ClockState.RUNNING),
    ],
)
async def test_one_that_was_tried_for_too_long_leaves_the_ledger_when_a_person_settles_it(
    house: Owing, verdict: str, state: DeliveryState, outcome: str, clock: ClockState
) -> None:
    owed = await given_up(house)
    change = await says(house, owed, verdict)
    settled = await house.owed()
    assert (settled.state, settled.status_raw) == (state, f"{verdict}, says anna while it was failed (gave-up)")
    (ack,) = await house.interactions("ack")
    assert ack.outcome == outcome
    assert owed.id not in [debt.id for debt in await house.ledger()]
    stopped = [record.value.state for record in change.clocks if record.value.clock is ClockKind.ACK]
    assert (stopped or [ClockState.RUNNING]) == [clock], "only what was sent stops the clock"


async def test_one_that_was_tried_for_too_long_does_not_go_again(house: Owing) -> None:
    owed = await given_up(house)
    with pytest.raises(Refused, match="too late") as refused:
        await says(house, owed, "again")
    assert "`never`" in refused.value.remedy
    await says(house, owed, "never")
    for verdict in ("sent", "never"):
        with pytest.raises(Refused, match="cancelled, not held"):
            await says(house, owed, verdict)


@pytest.fixture
async def elsewhere(postgres_url: str, scripted_world: ScriptedWorld) -> AsyncIterator[tuple[Owing, Engine]]:
    """A house on PostgreSQL, where two write at once, and another node's way to its store."""
    engine, other = open_engine(postgres_url), open_engine(postgres_url)
    await engine.commit(upgrade)
    log = Log(engine, scripted_world.world)
    log.start()
    yield await owing(log, scripted_world), other
    await log.close()
    await other.close()


async def test_d4_while_a_person_decides_of_one_no_other_node_claims_it(elsewhere: tuple[Owing, Engine]) -> None:
    house, other = elsewhere
    await house.arrives(letter())
    owed = await house.owed()
    read, over = asyncio.Event(), asyncio.Event()

    def deciding(connection: Connection) -> None:
        decision_lock.hold(connection, keys_of(owed))
        read.set()
        _stay(connection, over)

    person = asyncio.create_task(other.commit(deciding))
    await read.wait()
    assert await house.claims.deliveries(("support",), 1, CLAIM) == ()
    over.set()
    await person
    assert len(await house.claims.deliveries(("support",), 1, CLAIM)) == 1


async def test_d4_a_person_waits_for_a_claim_that_is_being_committed(elsewhere: tuple[Owing, Engine]) -> None:
    house, other = elsewhere
    await house.arrives(letter())
    owed = await house.owed()
    claimed, over = asyncio.Event(), asyncio.Event()

    def claiming(connection: Connection) -> None:
        connection.execute(update(schema.deliveries).values(state="sending", attempts=1))
        claimed.set()
        _stay(connection, over)

    sender = asyncio.create_task(other.commit(claiming))
    await claimed.wait()
    person = asyncio.create_task(says(house, owed, "never"))
    await eventually(lambda: other.read(_somebody_waits))
    over.set()
    await sender
    with pytest.raises(Refused, match="it is being sent"):
        await person


def _stay(connection: Connection, over: asyncio.Event) -> None:
    """Within a transaction that stays open: others' turns of the loop come while the database is asked."""
    while not over.is_set():
        connection.execute(text("SELECT pg_sleep(0.01)"))


def _somebody_waits(connection: Connection) -> bool:
    asked = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"
    return int(connection.execute(text(asked)).scalar_one()) > 0
