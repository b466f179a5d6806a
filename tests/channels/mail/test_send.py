"""What is owed goes out once: claims, the server's words, resends, what a person has to decide. mail.md D4 to D6."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from datetime import timedelta
from functools import partial

import pytest
from sqlalchemy import event

from commsd.channels.mail import imap, settle
from commsd.channels.mail.imap_login import Credentials
from commsd.channels.mail.null_sender import REMEMBERED, NullSender
from commsd.channels.mail.outcome import Kind, Outcome
from commsd.channels.mail.send import PLACES
from commsd.channels.mail.sent_copy import SentCopies, message_id_of
from commsd.channels.mail.session import Session
from commsd.core.interaction import DeliveryState
from commsd.core.key import of_recipient
from commsd.demo.smtp import Fault, SmtpSink
from commsd.store import schema
from commsd.store.claims import Claims
from commsd.store.engine import SqliteEngine, open_engine
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from commsd.store.recovery import Recovery
from tests.channels.mail.owing import Owing, letter, owing, submission
from tests.eventually import eventually
from tests.fakes.imap_script import CUT, SILENCE, ImapScript, Say
from tests.house import TERMS, items_of
from tests.world import ScriptedWorld

CUSTOMER = "customer-1@example.org"


@pytest.fixture
async def house(log: Log, scripted_world: ScriptedWorld) -> Owing:
    return await owing(log, scripted_world)


@pytest.fixture
async def quick(sqlite_url: str, scripted_world: ScriptedWorld) -> AsyncIterator[Owing]:
    """The same on SQLite alone, for what no store has a part in."""
    engine = open_engine(sqlite_url)
    await engine.commit(upgrade)
    log = Log(engine, scripted_world.world)
    log.start()
    yield await owing(log, scripted_world)
    await log.close()


# --- D4: perhaps sent


async def test_d4_a_server_that_always_eats_the_answer_gets_two_identical_copies_and_then_a_person_decides(
    house: Owing,
) -> None:
    async with SmtpSink(faults={CUSTOMER: Fault.EATEN}) as sink:
        await house.arrives(letter())
        await house.turns(house.send(submission(sink)), hours=72)
    assert len(sink.accepted) == 2
    assert len({taken.raw for taken in sink.accepted}) == 1
    owed = await house.owed()
    assert (owed.state, owed.reason, owed.copies) == (DeliveryState.HELD, "perhaps-sent", 2)
    assert [debt.kind for debt in await house.ledger()] == ["ack_held"]


async def test_d4_with_hold_what_was_perhaps_sent_is_never_sent_again(house: Owing) -> None:
    async with SmtpSink(faults={CUSTOMER: Fault.EATEN}) as sink:
        await house.arrives(letter())
        await house.turns(house.send(submission(sink), hold=True), hours=72)
    assert len(sink.accepted) == 1
    assert (await house.owed()).state is DeliveryState.HELD


async def test_d4_what_was_perhaps_sent_rests_two_minutes_and_a_resend_that_is_taken_ends_it(house: Owing) -> None:
    faults = {CUSTOMER: Fault.EATEN}
    async with SmtpSink(faults=faults) as sink:
        send = house.send(submission(sink))
        await house.arrives(letter())
        await send.once()
        faults.clear()
        house.world.advance(timedelta(seconds=119))
        assert not await send.once()
        house.world.advance(timedelta(seconds=1))
        assert await send.once()
    assert len(sink.accepted) == 2
    assert (await house.owed()).state is DeliveryState.SENT
    assert [ack.outcome for ack in await house.interactions("ack")] == ["reached"]


def sent_folder(answers: dict[str, Say]) -> tuple[ImapScript, SentCopies]:
    """An account whose server says this of its Sent folder."""
    listed = Say(b'* LIST (\\HasNoChildren) "/" INBOX\r\n* LIST (\\Sent) "/" Sent\r\n')
    script = ImapScript({"LIST": listed, **answers})

    @asynccontextmanager
    async def line() -> AsyncIterator[Session]:
        session = await imap.connect(script.endpoint, Credentials("support", "sesame"), deadline=5)
        try:
            yield session
        finally:
            session.abort()

    return script, SentCopies("support", line)


async def test_d4_a_copy_in_the_sent_folder_proves_that_it_was_sent(quick: Owing) -> None:
    script, copies = sent_folder({"UID SEARCH": Say(b"* SEARCH 12\r\n")})
    async with script, SmtpSink(faults={CUSTOMER: Fault.EATEN}) as sink:
        await quick.arrives(letter())
        await quick.turns(quick.send(submission(sink), copies=copies), hours=72)
    assert len(sink.accepted) == 1
    assert (await quick.owed()).state is DeliveryState.SENT
    (searched,) = [line for line in script.asked if line.startswith("UID SEARCH")]
    assert searched == f'UID SEARCH HEADER Message-ID "{message_id_of(sink.accepted[0].raw)}"'


@pytest.mark.parametrize(
    "answers",
    [
        {"UID SEARCH": Say(b"* SEARCH\r\n")},
        {"UID SEARCH": Say(b"%T BAD what\r\n")},
        {"UID SEARCH": CUT},
        {"LOGIN": Say(b"%T NO wrong\r\n")},
        {"LIST": Say(b'* LIST () "/" INBOX\r\n')},
    ],
    ids=["not there", "not understood", "cut", "no login", "no such folder"],
)
async def test_d4_not_found_or_not_to_be_asked_is_the_same(quick: Owing, answers: dict[str, Say]) -> None:
    faults = {CUSTOMER: Fault.EATEN}
    script, copies = sent_folder(answers)
    async with script, SmtpSink(faults=faults) as sink:
        await quick.arrives(letter())
        send = quick.send(submission(sink), copies=copies)
        await send.once()
        faults.clear()
        await quick.turns(send)
    assert len(sink.accepted) == 2
    assert (await quick.owed()).state is DeliveryState.SENT


async def test_d4_a_sent_folder_that_does_not_answer_is_left_after_a_while(
    quick: Owing, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("commsd.channels.mail.sent_copy.PATIENCE", 0.2)
    script, copies = sent_folder({"UID SEARCH": SILENCE})
    async with script:
        assert not await copies.has(b"Message-ID: <a@b>\r\n\r\n")
    assert not await copies.has(b"Subject: no id\r\n\r\n")


async def test_d4_what_died_with_its_sender_rests_two_minutes_too(house: Owing) -> None:
    await house.arrives(letter())
    dead = Claims(house.log, house.world.world, "node/0")
    (claimed,) = await dead.deliveries(("support",), 9, timedelta(minutes=15))
    assert claimed.copies == 1
    assert await house.claims.inherit() == 1
    owed = await house.owed()
    assert (owed.state, owed.due_at) == (DeliveryState.UNKNOWN, house.world.now + timedelta(minutes=2))
    async with SmtpSink() as sink:
        await house.turns(house.send(submission(sink)))
    assert (len(sink.accepted), (await house.owed()).state) == (1, DeliveryState.SENT)


async def test_d4_three_deaths_while_sending_make_no_third_copy(house: Owing) -> None:
    await house.arrives(letter())
    for life in range(3):
        dead = Claims(house.log, house.world.world, f"node/{life}x")
        for claimed in await dead.deliveries(("support",), 9, timedelta(minutes=15)):
            if claimed.state is DeliveryState.UNKNOWN and claimed.copies < settle.MOST_COPIES:
                assert await dead.one_more_copy(claimed)
        await house.claims.inherit()
        house.world.advance(timedelta(minutes=2))
    async with SmtpSink() as sink:
        await house.turns(house.send(submission(sink)))
    assert sink.accepted == []
    assert (await house.owed()).state is DeliveryState.HELD


# --- claims


async def test_as_many_are_claimed_as_can_be_handed_in_now(house: Owing) -> None:
    for number in range(PLACES + 3):
        await house.arrives(letter(number))
    async with SmtpSink(faults=lambda _recipient: Fault.SLOW) as sink:
        turn = asyncio.ensure_future(house.send(submission(sink)).once())
        await eventually(lambda: len(sink.accepted) == PLACES)
        states = [owed.state.value for owed in await house.deliveries()]
        sink.release.set()
        await turn
    assert (states.count("sending"), states.count("queued")) == (PLACES, 3)


async def test_what_this_process_is_at_is_not_lost_however_long_it_takes(house: Owing) -> None:
    await house.arrives(letter())
    async with SmtpSink(faults={CUSTOMER: Fault.SLOW}) as sink:
        send = house.send(submission(sink))
        turn = asyncio.ensure_future(send.once())
        await eventually(lambda: sink.accepted)
        house.world.advance(timedelta(hours=1))
        assert not await Recovery(house.claims, house.world.world).once()
        assert not await send.once()
        sink.release.set()
        await turn
    assert len(sink.accepted) == 1
    assert (await house.owed()).state is DeliveryState.SENT
    assert house.claims.in_hand == {}


async def test_a_word_on_an_earlier_attempt_says_nothing_of_the_present_one_unless_it_was_taken(house: Owing) -> None:
    await house.arrives(letter())
    (first,) = await house.claims.deliveries(("support",), 9, timedelta())
    await house.claims.lost_deliveries()
    house.world.advance(timedelta(minutes=2))
    await Claims(house.log, house.world.world, "other/1").deliveries(("support",), 9, timedelta(minutes=15))
    kinds: tuple[Kind, ...] = ("later", "refused", "unknown")
    for kind in kinds:
        word = Outcome(kind=kind, code=450, text="", stage="recipient")
        told = partial(settle.settled, word, first, terms=TERMS)
        assert (await house.log.decide(settle.keys_of(first), told)).deliveries == ()
    taken = Outcome(kind="sent", code=250, text="", stage="answer")
    await house.log.decide(settle.keys_of(first), lambda items: settle.settled(taken, first, items, TERMS))
    assert (await house.owed()).state is DeliveryState.SENT


async def test_stopped_before_the_message_was_written_it_owes_it_as_before(house: Owing) -> None:
    await house.arrives(letter())

    async def silent(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heard.set()
        await reader.read()
        writer.close()

    heard = asyncio.Event()
    async with await asyncio.start_server(silent, "127.0.0.1", 0) as server:
        run = asyncio.ensure_future(house.send(submission(server.sockets[0].getsockname()[1])).run())
        await heard.wait()
        run.cancel()
        with suppress(asyncio.CancelledError):
            await run
    owed = await house.owed()
    assert (owed.state, owed.copies) == (DeliveryState.QUEUED, 0)


# --- who waits for whom


async def test_one_who_is_slow_holds_up_nobody(house: Owing) -> None:
    faults = {CUSTOMER: Fault.SLOW}
    async with SmtpSink(faults=faults) as sink:
        server = submission(sink)
        run = asyncio.ensure_future(house.send(server).run())
        await house.arrives(letter(1))
        await eventually(lambda: sink.accepted)
        for number in range(2, 20):
            await house.arrives(letter(number))
        await eventually(lambda: len(sink.accepted) == 19)
        sink.release.set()
        run.cancel()
        await asyncio.wait({run})
        await server.close()
    assert {owed.state for owed in await house.deliveries()} == {DeliveryState.SENT}


async def _is_sent(house: Owing) -> bool:
    return (await house.owed()).state is DeliveryState.SENT


async def test_a_mailbox_that_owes_nothing_only_reads(quick: Owing, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commsd.channels.mail.send.NET", 0.01)
    commits: list[object] = []
    looks: list[object] = []
    engine = quick.log.engine
    assert isinstance(engine, SqliteEngine)
    async with SmtpSink() as sink:
        run = asyncio.ensure_future(quick.send(submission(sink)).run())
        await quick.arrives(letter())
        await eventually(lambda: sink.accepted)
        await eventually(lambda: _is_sent(quick))
        event.listen(engine._engine, "commit", commits.append)
        event.listen(engine._engine, "checkout", lambda *what: looks.append(what))
        await eventually(lambda: len(looks) > 20)
        run.cancel()
        await asyncio.wait({run})
    assert commits == []


async def test_the_latency_of_an_acknowledgement_counts_from_the_arrival_of_the_mail(quick: Owing) -> None:
    async with SmtpSink() as sink:
        await quick.arrives(letter(), received=quick.world.now - timedelta(seconds=40))
        await quick.send(submission(sink)).once()
    text = quick.metrics.text().decode()
    assert "commsd_ack_latency_seconds_sum 40.0" in text


# --- D5: when to try again, and when to let be


async def test_d5_a_server_that_is_away_is_tried_after_5_s_30_s_2_10_and_30_min_and_given_up_after_4_h(
    house: Owing,
) -> None:
    tries = []
    async with SmtpSink(faults={CUSTOMER: Fault.RCPT_450}) as sink:
        send, began = house.send(submission(sink)), house.world.now
        await house.arrives(letter())
        while (due := await house.claims.next_due(("support",))) is not None:
            house.world.now = due
            tries.append(round((due - began).total_seconds()))
            await send.once()
    assert tries[:7] == [0, 5, 35, 155, 755, 2555, 4355]
    assert tries[-1] <= 4 * 3600
    owed = await house.owed()
    assert (owed.state, owed.reason) == (DeliveryState.FAILED, "gave-up")
    assert [(debt.kind, debt.wrong) for debt in await house.ledger()] == [("ack_stuck", True)]


async def test_d5_what_is_four_hours_old_when_we_come_to_it_is_noise_and_not_sent(house: Owing) -> None:
    await house.arrives(letter())
    house.world.advance(timedelta(hours=4, seconds=1))
    async with SmtpSink() as sink:
        assert await house.send(submission(sink)).once()
        assert sink.opened == 0
    assert (await house.owed()).state is DeliveryState.FAILED


async def test_d5_what_promises_a_time_that_is_over_is_not_sent(house: Owing) -> None:
    await house.arrives(letter())
    promised = (await house.owed()).expires_at
    assert promised is not None
    house.world.advance(promised - house.world.now + timedelta(seconds=1))
    async with SmtpSink() as sink:
        assert await house.send(submission(sink)).once()
        assert sink.opened == 0
    assert (await house.owed()).state is DeliveryState.FAILED


@pytest.mark.parametrize("fault", [Fault.RCPT_550, Fault.DOT_554])
async def test_d5_what_is_refused_for_good_is_never_tried_again(house: Owing, fault: Fault) -> None:
    async with SmtpSink(faults={CUSTOMER: fault}) as sink:
        await house.arrives(letter())
        await house.turns(house.send(submission(sink)), hours=24)
        assert sink.commands["MAIL"] == 1
    assert (await house.owed()).state is DeliveryState.REFUSED


async def test_a_refused_login_rests_for_1_5_15_and_60_minutes_and_knocks_once_each_time(house: Owing) -> None:
    for number in range(6):
        await house.arrives(letter(number))
    knocks = []
    async with SmtpSink(credentials=("support", "sesame")) as sink:
        server = submission(sink, username="support", password="wrong")
        send, began = house.send(server), house.world.now
        run = asyncio.ensure_future(send.run())
        await eventually(lambda: sink.commands["AUTH"] and send._rest())
        run.cancel()
        await asyncio.wait({run})
        first = sink.commands["AUTH"]
        for _ in range(4):
            house.world.advance(timedelta(seconds=send._rest()))
            knocks.append(round((house.world.now - began).total_seconds() / 60))
            before = sink.commands["AUTH"]
            await send._begin_due()
            assert sink.commands["AUTH"] == before + 1
    assert first <= PLACES
    assert knocks == [1, 6, 21, 81]


# --- A7: the null sender


async def test_a7_a_server_that_refuses_the_null_sender_gets_the_substitute_and_that_is_remembered(
    house: Owing,
) -> None:
    await house.arrives(letter(1))
    await house.arrives(letter(2))
    async with SmtpSink(faults={"": Fault.NULL_SENDER_550}) as sink:
        for _ in range(2):  # two lives
            sender = NullSender("support", "bounces@commsd.test", house.log)
            await house.send(submission(sink), sender=sender).once()
            await house.arrives(letter(3))
        mails = sink.commands["MAIL"]
        house.world.advance(REMEMBERED)
        await house.arrives(letter(4))
        await house.send(submission(sink), sender=NullSender("support", "b@commsd.test", house.log)).once()
        assert sink.commands["MAIL"] == mails + 2  # asked once more whether nobody will do now
    assert {taken.sender for taken in sink.accepted[:3]} == {"bounces@commsd.test"}
    assert {owed.state for owed in await house.deliveries()} == {DeliveryState.SENT}


async def test_a7_a_server_that_takes_the_null_sender_never_hears_of_the_substitute(quick: Owing) -> None:
    await quick.arrives(letter())
    async with SmtpSink() as sink:
        await quick.send(submission(sink), sender=NullSender("support", "b@commsd.test", quick.log)).once()
    assert [taken.sender for taken in sink.accepted] == [""]


# --- L3: addresses that refuse


async def test_l3_an_address_the_server_refuses_for_good_gets_no_acknowledgement_for_sixty_days(house: Owing) -> None:
    async with SmtpSink(faults={CUSTOMER: Fault.RCPT_550}) as sink:
        await house.arrives(letter())
        await house.send(submission(sink)).once()
    assert CUSTOMER in (await items_of(house.log, of_recipient(CUSTOMER))).refused
    house.world.advance(timedelta(days=60))
    assert CUSTOMER not in (await items_of(house.log, of_recipient(CUSTOMER))).refused


async def test_l3_a_server_that_objects_to_us_says_nothing_of_the_address(house: Owing) -> None:
    async with SmtpSink(faults={CUSTOMER: Fault.DOT_554}) as sink:  # 5.7.1
        await house.arrives(letter())
        await house.send(submission(sink)).once()
    assert (await items_of(house.log, of_recipient(CUSTOMER))).refused == frozenset()


# --- D6: two daemons


async def test_d6_two_daemons_on_one_database_send_each_acknowledgement_once(
    postgres_url: str, scripted_world: ScriptedWorld
) -> None:
    logs = []
    for first in (True, False):
        engine = open_engine(postgres_url)
        if first:
            await engine.commit(upgrade)
        logs.append(Log(engine, scripted_world.world))
        logs[-1].start()
    try:
        house = await owing(logs[0], scripted_world)
        both = [house, house.another("other/1", logs[1])]
        both[1].rules = house.rules
        async with SmtpSink() as sink:
            runs = [asyncio.ensure_future(each.send(submission(sink)).run()) for each in both]
            await asyncio.gather(*(each.arrives(letter(number)) for number in range(40) for each in both))
            await eventually(lambda: len(sink.accepted) >= 40)
            for run in runs:
                run.cancel()
            await asyncio.wait(runs)
        assert sorted(taken.recipient for taken in sink.accepted) == sorted(
            f"customer-{number}@example.org" for number in range(40)
        )
        rows = await logs[0].read(lambda c: c.execute(schema.sightings.select()).all())
        assert len(rows) == 40
    finally:
        for log in logs:
            await log.close()
