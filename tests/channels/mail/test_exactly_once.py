"""Every fault at every stage of handing in, and what the books say afterwards. mail.md D1 to D7, and section 5."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from commsd.channels.mail.account import OnUnknown
from commsd.channels.mail.settle import MOST_COPIES
from commsd.core.interaction import DeliveryState
from commsd.demo.smtp import Fault, SmtpSink
from commsd.store.claims import Claims
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from tests.channels.mail.owing import Owing, letter, mailbox, owing, submission
from tests.fakes.smtp_script import BANNER, CUT, DOT, EATEN, SmtpScript
from tests.world import ScriptedWorld

LOGIN: dict[str, Any] = {"username": "support", "password": "sesame"}


@asynccontextmanager
async def house_at(folder: Path, world: ScriptedWorld) -> AsyncIterator[Owing]:
    engine = open_engine(f"sqlite:///{folder / 'commsd.db'}")
    await engine.commit(upgrade)
    log = Log(engine, world.world)
    log.start()
    try:
        yield await owing(log, world)
    finally:
        await log.close()


@pytest.fixture
async def house(tmp_path: Path, scripted_world: ScriptedWorld) -> AsyncIterator[Owing]:
    async with house_at(tmp_path, scripted_world) as house:
        yield house


# --- one fault at one stage: what is owed then, and what the customer has in the end


ABOUT_US = (BANNER, "EHLO", "STARTTLS", "AUTH")
ABOUT_IT = ("MAIL", "RCPT", "DATA", DOT)


def tls(at: str) -> dict[str, Any]:
    return {"tls": "starttls"} if at == "STARTTLS" else {}


@pytest.mark.parametrize("code", [421, 451])
@pytest.mark.parametrize("at", [*ABOUT_US[:2], "AUTH", *ABOUT_IT])
async def test_d5_4xx_at_any_stage_is_tried_again_and_taken_once(house: Owing, at: str, code: int) -> None:
    async with SmtpScript(at, [f"{code} 4.3.0 not now"]) as server:
        await house.arrives(letter())
        send = house.send(submission(server.port, **LOGIN))
        await send.once()
        owed = await house.owed()
        assert (owed.state, owed.copies, server.taken) == (DeliveryState.QUEUED, 0, [])
        assert owed.due_at == house.world.now + timedelta(seconds=5)
        await house.turns(send)
    assert len(server.taken) == 1
    assert (await house.owed()).state is DeliveryState.SENT
    assert await house.ledger() == []


@pytest.mark.parametrize("at", [BANNER, "EHLO", "STARTTLS", "AUTH"])
async def test_5xx_before_the_mail_is_about_the_account_and_rests_a_minute(house: Owing, at: str) -> None:
    async with SmtpScript(at, ["554 5.7.1 not you"]) as server:
        await house.arrives(letter())
        send = house.send(submission(server.port, **LOGIN, **tls(at)))
        await send.once()
        house.world.advance(timedelta(seconds=59))
        assert not await send.once()
        assert server.tries == 1
        owed = await house.owed()
        assert (owed.state, owed.copies, server.taken) == (DeliveryState.QUEUED, 0, [])
        if at != "STARTTLS":  # the script has no certificate to go on with
            house.world.advance(timedelta(seconds=1))
            await house.turns(send)
            assert len(server.taken) == 1


@pytest.mark.parametrize("at", ABOUT_IT)
async def test_d5_5xx_to_the_mail_is_final(house: Owing, at: str) -> None:
    async with SmtpScript(at, ["550 5.1.1 no"]) as server:
        await house.arrives(letter())
        await house.turns(house.send(submission(server.port, **LOGIN)), hours=24)
    assert server.taken == []
    assert server.tries == 1
    assert (await house.owed()).state is DeliveryState.REFUSED
    assert [ack.outcome for ack in await house.interactions("ack")] == ["failed"]


@pytest.mark.parametrize("at", ["MAIL", "AUTH"])
@pytest.mark.parametrize("code", [530, 535])
async def test_a_login_that_is_missing_or_wrong_gives_no_acknowledgement_up_at_once(
    house: Owing, at: str, code: int
) -> None:
    async with SmtpScript(at, [f"{code} 5.7.0 log in"]) as server:
        await house.arrives(letter())
        await house.turns(house.send(submission(server.port, **LOGIN)))
    assert (len(server.taken), (await house.owed()).state) == (1, DeliveryState.SENT)


@pytest.mark.parametrize("at", [BANNER, "EHLO", "AUTH", "MAIL", "RCPT", "DATA"])
async def test_a_connection_cut_before_the_message_loses_and_doubles_nothing(house: Owing, at: str) -> None:
    async with SmtpScript(at, [CUT]) as server:
        await house.arrives(letter())
        await house.turns(house.send(submission(server.port, **LOGIN)))
    assert len(server.taken) == 1
    assert (await house.owed()).state is DeliveryState.SENT


@pytest.mark.parametrize(
    ("says", "copies", "state"),
    [
        ([EATEN], 2, DeliveryState.SENT),
        ([EATEN, EATEN], 2, DeliveryState.HELD),
        ([EATEN, "550 5.7.1 no"], 1, DeliveryState.REFUSED),
        ([EATEN, "451 4.3.0 later"], 2, DeliveryState.SENT),
        ([CUT], 1, DeliveryState.SENT),
        ([CUT, CUT], 0, DeliveryState.HELD),
    ],
)
async def test_d4_after_the_dot_every_ending_leaves_at_most_two_copies(
    house: Owing, says: list[str], copies: int, state: DeliveryState
) -> None:
    async with SmtpScript(DOT, says) as server:
        await house.arrives(letter())
        await house.turns(house.send(submission(server.port, **LOGIN)), hours=24)
    assert len(server.taken) == copies
    assert len(set(server.taken)) <= 1
    assert (await house.owed()).state is state


# --- any faults in any order, with deaths between them


Event = Fault | str
DIES = "dies"  # after the claim, before a word: nobody knows whether anything was written
EVENTS: tuple[Event, ...] = (
    *(Fault.RCPT_450, Fault.RCPT_421, Fault.DATA_451, Fault.CUT_IN_DATA, Fault.DOT_451, Fault.EATEN, Fault.EATEN),
    *(DIES, DIES, "away"),
)


@pytest.fixture
def told(tmp_path: Path) -> Iterator[Callable[[list[Event], bool], dict[str, Any]]]:
    """A house in which a letter meets one event after the other; what it ends with."""
    with asyncio.Runner() as runner:
        world, numbers = ScriptedWorld(), iter(range(10**6))
        context = house_at(tmp_path, world)
        house = runner.run(context.__aenter__())

        async def story(events: list[Event], hold: bool) -> dict[str, Any]:
            number = next(numbers)
            world.advance(timedelta(hours=1))
            change = await house.arrives(letter(number))
            (owed,) = change.deliveries
            left = list(events)

            def fault(_recipient: str) -> Fault | None:
                return now_due if left and isinstance(now_due := left[0], Fault) and left.pop(0) else None

            sink = SmtpSink(faults=fault)
            await sink.start()
            send = house.send(server := submission(sink), hold=hold)
            for life in range(60):
                now = {each.id: each for each in await house.deliveries()}[owed.id]
                if now.state not in (DeliveryState.QUEUED, DeliveryState.UNKNOWN):
                    break
                world.now = max(now.due_at, world.now)
                if left and left[0] == DIES:
                    left.pop(0)
                    dead = Claims(house.log, world.world, f"node/{life}-{number}")
                    for claimed in await dead.deliveries(("support",), 9, timedelta(minutes=15)):
                        if claimed.state is DeliveryState.UNKNOWN and claimed.copies < MOST_COPIES and not hold:
                            await dead.one_more_copy(claimed)
                    await house.claims.inherit()
                elif left and left[0] == "away":
                    left.pop(0)
                    await sink.stop()
                    await send.once()
                    await sink.start()
                else:
                    await send.once()
            await server.close()
            await sink.stop()
            copies = [taken.raw for taken in sink.accepted]
            return {"state": now.state, "copies": copies, "ledger": await house.ledger()}

        yield lambda events, hold: runner.run(story(events, hold))
        runner.run(context.__aexit__(None, None, None))


@pytest.mark.parametrize("hold", [False, True], ids=[OnUnknown.RESEND, OnUnknown.HOLD])
def test_d4_whatever_happens_a_server_gets_at_most_two_copies_and_with_hold_one(
    told: Callable[[list[Event], bool], dict[str, Any]], hold: bool
) -> None:
    @settings(max_examples=25)
    @given(st.lists(st.sampled_from(EVENTS), max_size=6))
    def holds(events: list[Event]) -> None:
        end = told(events, hold)
        assert len(end["copies"]) <= (1 if hold else 2)
        assert len(set(end["copies"])) <= 1
        assert end["state"] in (DeliveryState.SENT, DeliveryState.HELD)
        assert end["state"] is DeliveryState.HELD or end["copies"]
        assert [debt for debt in end["ledger"] if debt.wrong] == []

    holds()


# --- D2: one mail in several mailboxes


TWO = (mailbox("support"), mailbox("sales"))


@pytest.mark.parametrize("first", ["support", "sales"])
async def test_d2_a_mail_to_two_mailboxes_gets_one_acknowledgement_from_the_first_it_was_written_to(
    log: Log, scripted_world: ScriptedWorld, first: str
) -> None:
    house = await owing(log, scripted_world, *TWO)
    other = "sales" if first == "support" else "support"
    raw = letter(to="sales@commsd.test, support@commsd.test")
    assert [(await house.arrives(raw, at=place)).result for place in (first, other)] == ["ack", "no-ack:duplicate"]
    owed = await house.owed()
    assert owed.via == "sales"
    assert b"From: sales@commsd.test" in owed.payload or b"<sales@commsd.test>" in owed.payload
    (message,) = await house.interactions("message")
    assert message.mailbox == "sales"


async def test_d2_a_mailbox_that_only_observes_leaves_the_acknowledgement_to_the_next(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    house = await owing(log, scripted_world, mailbox("support", observe=True), mailbox("sales"))
    await house.arrives(letter(cc="sales@commsd.test"))
    assert (await house.owed()).via == "sales"


async def test_d2_a_copy_whose_message_id_a_gateway_rewrote_is_the_same_mail_for_ten_minutes(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    house = await owing(log, scripted_world, *TWO)
    now = scripted_world.now
    rewritten = [letter(message_id=f"<rewritten-{number}@exchange.example>") for number in range(2)]
    results = [
        (await house.arrives(letter())).result,
        (await house.arrives(rewritten[0], at="sales", received=now + timedelta(minutes=9))).result,
        (await house.arrives(rewritten[1], received=now + timedelta(minutes=11))).result,
    ]
    assert results[:2] == ["ack", "no-ack:duplicate"]
    assert results[2] != "no-ack:duplicate"
    assert len(await house.interactions("message")) == 2


async def test_d2_the_same_words_sent_again_are_another_mail(log: Log, scripted_world: ScriptedWorld) -> None:
    house = await owing(log, scripted_world)
    await house.arrives(letter(text="Hello?\n"))
    await house.arrives(letter(text="Hello?\n", message_id="<2@x.test>", date="Wed, 04 Mar 2026 09:03:00 +0000"))
    assert len(await house.interactions("message")) == 2


async def test_d2_two_scans_without_a_word_in_the_same_second_are_two_mails(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    house = await owing(log, scripted_world)
    for number in range(2):
        await house.arrives(letter(text="\n", subject="Scan", message_id=f"<scan-{number}@x.test>"))
    assert len(await house.interactions("message")) == 2
