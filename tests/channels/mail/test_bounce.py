"""A report that an acknowledgement is lost: the log says so, its clock runs on. On each store."""

from dataclasses import replace
from datetime import timedelta

import pytest

from commsd.channels.mail.bounce import BOUNCED
from commsd.core import key
from commsd.core.change import Change, change_of
from commsd.core.clock import State
from commsd.core.interaction import Actor, Kind, Outcome
from commsd.core.open_items import OpenItems
from commsd.core.policy import ClockKind
from commsd.demo.smtp import SmtpSink
from commsd.store.log import Log
from tests.channels.mail.owing import Owing, ack_of, failure, letter, owing, submission
from tests.house import TERMS, items_of
from tests.world import ScriptedWorld


@pytest.fixture
async def house(log: Log, scripted_world: ScriptedWorld) -> Owing:
    return await owing(log, scripted_world)


async def acknowledged(house: Owing) -> None:
    """Customer 1 wrote, and a server has taken the acknowledgement."""
    await house.arrives(letter(1))
    async with SmtpSink() as sink:
        await house.turns(house.send(submission(sink)))
    assert (await house.interactions("ack"))[0].outcome is Outcome.REACHED


async def ack_clock(house: Owing) -> State:
    (ack,) = await house.interactions("ack")
    file = next(iter((await items_of(house.log, key.of_case(ack.case_id or ""))).files.values()))
    return next(record.value.state for record in file.clocks if record.value.clock is ClockKind.ACK)


async def test_l3_an_acknowledgement_that_bounced_is_known_as_failed(house: Owing) -> None:
    await acknowledged(house)
    before = (await house.interactions("ack"))[0]
    await house.arrives(failure(await ack_of(house)))
    (ack,) = await house.interactions("ack")
    assert (ack.outcome, ack.reason, ack.status_raw) == (Outcome.FAILED, BOUNCED, "5.1.1")
    assert (ack.revision, ack.occurred_at) == (before.revision + 1, before.occurred_at)


async def test_l3_the_clock_that_a_bounced_acknowledgement_had_stopped_runs_on(house: Owing) -> None:
    await acknowledged(house)
    assert await ack_clock(house) is State.MET
    await house.arrives(failure(await ack_of(house)))
    assert await ack_clock(house) is State.RUNNING
    (ack,) = await house.interactions("ack")
    assert {clock["clock"]: clock["state"] for clock in ack.clocks}["ack"] == "running"


@pytest.mark.parametrize("action", ["delayed", "delivered", "relayed"])
async def test_l3_an_acknowledgement_that_is_only_late_is_no_failure(house: Owing, action: str) -> None:
    await acknowledged(house)
    await house.arrives(failure(await ack_of(house), action))
    (ack,) = await house.interactions("ack")
    assert ack.outcome is Outcome.REACHED
    assert await ack_clock(house) is State.MET


async def test_l3_a_second_report_of_the_same_loss_changes_nothing_more(house: Owing) -> None:
    await acknowledged(house)
    lost = await ack_of(house)
    await house.arrives(failure(lost))
    (once,) = await house.interactions("ack")
    house.world.advance(timedelta(hours=1))
    await house.arrives(failure(lost, subject="Still not delivered", message_id="<dsn.2@example.org>"))
    (twice,) = await house.interactions("ack")
    assert twice.revision == once.revision


async def test_l3_a_report_that_comes_before_the_word_of_our_own_server_is_settled_has_the_last_word(
    house: Owing,
) -> None:
    await house.arrives(letter(1))
    await house.arrives(failure(await ack_of(house)))
    async with SmtpSink() as sink:
        await house.turns(house.send(submission(sink)))
    assert (await house.owed()).state.value == "sent"
    (ack,) = await house.interactions("ack")
    assert (ack.outcome, ack.reason) == (Outcome.FAILED, BOUNCED)
    assert await ack_clock(house) is State.RUNNING


async def test_l3_a_report_after_our_answer_leaves_the_acknowledgement_to_that_answer(house: Owing) -> None:
    await acknowledged(house)
    (ack,) = await house.interactions("ack")
    house.world.advance(timedelta(hours=1))

    def answered(items: OpenItems) -> Change:
        answer = replace(
            ack,
            id=items.new_id(),
            revision=1,
            kind=Kind.MESSAGE,
            actor=Actor.AGENT,
            occurred_at=items.now,
            recorded_at=items.now,
            external_ids=(),
        )
        return change_of(answer, items, TERMS)

    await house.log.decide((key.of_case(ack.case_id or ""),), answered)
    assert await ack_clock(house) is State.MET
    house.world.advance(timedelta(hours=1))
    report = await house.arrives(failure(await ack_of(house)))
    assert await ack_clock(house) is State.BREACHED
    assert "clock.corrected" in [event.type for event in report.events]
