"""What a mail server took is in the log, whatever happened between its word and ours."""

from datetime import timedelta

import pytest

from commsd.channels.mail.books import LEFT, Books
from commsd.channels.mail.outcome import Outcome
from commsd.channels.mail.settle import Settled, held, keys_of, settled
from commsd.core.case import ClockRecord
from commsd.core.clock import State
from commsd.core.interaction import DeliveryState
from commsd.core.interaction import Outcome as Result
from commsd.core.policy import ClockKind
from commsd.demo.smtp import SmtpSink
from commsd.store import schema
from commsd.store.log import Log
from commsd.store.open_items import records
from tests.channels.mail.owing import Owing, letter, owing, submission
from tests.house import TERMS
from tests.world import ScriptedWorld

AN_HOUR = timedelta(hours=1)
LATER = Outcome(kind="later", code=None, text="connection lost", stage="connect")
GIVEN_BACK = Outcome(kind="refused", code=550, text="no such user", stage="recipient")


@pytest.fixture
async def house(log: Log, scripted_world: ScriptedWorld) -> Owing:
    return await owing(log, scripted_world)


def books(house: Owing) -> Books:
    return Books(house.log, house.claims, house.rules, house.world.world)


async def taken(house: Owing) -> None:
    """The server has the acknowledgement, and the process ends right after it noted that."""
    await house.arrives(letter())
    (owed,) = await house.claims.deliveries(("support",), 1, AN_HOUR)
    await house.claims.taken(owed, "250 OK", house.world.now)


async def ack_clock(house: Owing) -> ClockRecord:
    every = await house.log.read(lambda c: records(c, ClockRecord, schema.clocks))
    (clock,) = (each for each in every if each.value.clock is ClockKind.ACK)
    return clock


async def test_what_was_taken_before_a_crash_is_recorded_with_the_time_of_the_servers_word(house: Owing) -> None:
    await taken(house)
    at = house.world.now
    house.world.advance(LEFT * 3)
    assert await books(house).once()
    (ack,) = await house.interactions("ack")
    assert (await house.owed()).state is DeliveryState.SENT
    assert (ack.outcome, ack.occurred_at, ack.status_raw) == (Result.REACHED, at, "250 OK")
    clock = await ack_clock(house)
    assert (clock.value.state, clock.value.stopped_at) == (State.MET, at)
    assert await house.ledger() == []


async def test_what_was_taken_is_not_handed_in_again_by_whoever_comes_next(house: Owing) -> None:
    await taken(house)
    house.world.advance(AN_HOUR * 2)
    await house.claims.lost_deliveries()
    async with SmtpSink() as sink:
        await house.turns(house.send(submission(sink)))
        assert sink.accepted == []


async def test_what_is_just_being_recorded_is_left_to_who_sent_it(house: Owing) -> None:
    await taken(house)
    assert not await books(house).once()
    assert (await house.owed()).state is DeliveryState.TAKEN


@pytest.mark.parametrize("word", [LATER, GIVEN_BACK])
async def test_no_other_word_counts_once_the_server_has_it(house: Owing, word: Outcome) -> None:
    await taken(house)
    owed = await house.owed()
    await house.log.decide(keys_of(owed), lambda items: settled(word, owed, items, TERMS))
    await house.log.decide(keys_of(owed), lambda items: held(owed, items, TERMS))
    assert (await house.owed()).state is DeliveryState.TAKEN


async def test_recorded_twice_it_is_recorded_once(house: Owing) -> None:
    await taken(house)
    owed = await house.owed()
    word = Outcome(kind="sent", code=250, text="OK", stage="answer")
    first = await house.log.decide(keys_of(owed), lambda items: settled(word, owed, items, TERMS))
    again = await house.log.decide(keys_of(owed), lambda items: settled(word, owed, items, TERMS))
    assert isinstance(first.result, Settled)
    assert again.result is None
    (ack,) = await house.interactions("ack")
    assert ack.revision == 2
