"""When a submission server is tried: rests after a refused login, another password, a server that is back."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

import pytest

from commsd.channels.mail.access import Access
from commsd.channels.mail.door import KNOCK
from commsd.channels.mail.imap_login import LoginRefused
from commsd.channels.mail.outcome import Outcome
from commsd.channels.mail.send import Send
from commsd.channels.mail.settle import KEPT_OUT
from commsd.channels.mail.submission import Server, Submission
from commsd.core.interaction import DeliveryState
from commsd.demo.smtp import Fault, SmtpSink
from commsd.errors import ConfigError
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.store.recovery import CLAIM, Recovery
from tests.channels.mail.owing import Owing, letter, owing, submission
from tests.eventually import eventually
from tests.fakes.imap_script import ImapScript, Say
from tests.world import ScriptedWorld

CUSTOMER = "customer-1@example.org"


@pytest.fixture
async def house(log: Log, scripted_world: ScriptedWorld) -> Owing:
    return await owing(log, scripted_world)


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """Looks follow each other at once; what passes by the world's clock is the test's."""
    for name in ("NET", "AGAIN", "GLANCE"):
        monkeypatch.setattr(f"commsd.channels.mail.send.{name}", 0.02)


class Secret:
    def __init__(self, value: str = "sesame") -> None:
        self.value = value

    def __call__(self) -> str:
        return self.value


@asynccontextmanager
async def running(send: Send) -> AsyncIterator[None]:
    run = asyncio.ensure_future(send.run())
    try:
        yield
    finally:
        run.cancel()
        await asyncio.wait({run})


def rests(send: Send) -> Callable[[], float]:
    return lambda: send._rest()


# --- a secret that changes


async def test_i16_a_rotated_smtp_password_is_read_for_the_next_connection(house: Owing) -> None:
    secret = Secret()
    async with SmtpSink(credentials=("box", "sesame")) as sink:
        server = submission(sink, username="box", password=secret)
        await house.arrives(letter(1))
        await house.send(server).once()
        await server.close()
        sink._credentials, secret.value = ("box", "open"), "open"
        await house.arrives(letter(2))
        await house.send(server).once()
        await server.close()
    assert len(sink.accepted) == 2


@pytest.mark.usefixtures("hurried")
async def test_i16_another_smtp_password_ends_the_rest_at_once(house: Owing) -> None:
    secret = Secret("wrong")
    async with SmtpSink(credentials=("box", "sesame")) as sink:
        send = house.send(submission(sink, username="box", password=secret))
        await house.arrives(letter())
        async with running(send):
            await eventually(rests(send))
            knocked = sink.commands["AUTH"]
            secret.value = "sesame"
            await eventually(lambda: sink.accepted)
    assert (knocked, len(sink.accepted)) == (1, 1)


async def test_i16_a_second_wrong_password_begins_with_the_first_rest(house: Owing) -> None:
    secret = Secret("wrong")
    async with SmtpSink(credentials=("box", "sesame")) as sink:
        send = house.send(submission(sink, username="box", password=secret))
        await house.arrives(letter())
        await send.once()
        house.world.advance(timedelta(minutes=1))
        await send.once()
        second = send._rest()
        secret.value = "wrong too"
        house.world.advance(timedelta(minutes=2))
        await send.once()
    assert (second, send._rest()) == (300, 60)


@pytest.mark.usefixtures("hurried")
async def test_a_password_that_is_away_for_a_moment_keeps_the_mail_and_is_no_refusal(house: Owing) -> None:
    there = False

    def read() -> str:
        if not there:
            raise ConfigError("there is no such file", remedy="put it there")
        return "sesame"

    async with SmtpSink(credentials=("box", "sesame")) as sink:
        send = house.send(submission(sink, username="box", password=read))
        await house.arrives(letter())
        async with running(send):
            await eventually(lambda: not send._door.is_open)
            assert (send._rest(), sink.commands["AUTH"]) == (0, 0)
            there = True
            await eventually(lambda: sink.accepted)


# --- the host's clock is set


async def test_i16_a_clock_set_back_does_not_stretch_the_rest_of_a_refused_login(house: Owing) -> None:
    async with SmtpSink(credentials=("box", "sesame")) as sink:
        send = house.send(submission(sink, username="box", password="wrong"))
        await house.arrives(letter())
        await send.once()
        house.world.set_clock(-timedelta(hours=2))
        assert send._rest() == 60
    async with ImapScript({"LOGIN": [Say(b"%T NO no\r\n"), Say()]}) as script:
        access = Access(script.endpoint, "box", house.world.world, password=Secret(), deadline=20)
        with pytest.raises(LoginRefused):
            await access.connect()
        house.world.set_clock(-timedelta(hours=2))
        house.world.advance(timedelta(minutes=1))
        (await access.connect()).abort()


# --- a server that is back


@pytest.mark.usefixtures("hurried")
async def test_d5_what_was_kept_out_goes_as_soon_as_the_server_is_back(house: Owing) -> None:
    async with SmtpSink() as sink:
        send = house.send(submission(sink))
        await sink.stop()
        await house.arrives(letter())
        for pause in (0, 5, 30, 120):
            house.world.advance(timedelta(seconds=pause))
            await send.once()
        owed = await house.owed()
        assert (owed.reason, owed.due_at - house.world.now) == (KEPT_OUT, timedelta(minutes=10))
        async with running(send):
            await sink.start()
            house.world.advance(timedelta(seconds=60))
            await eventually(lambda: sink.accepted)
    owed = await house.owed()
    assert (owed.state, owed.reason, owed.attempts) == (DeliveryState.SENT, None, 5)


async def test_d5_only_what_nobody_was_let_in_for_becomes_due_when_the_door_opens(house: Owing) -> None:
    faults = {"customer-2@example.org": Fault.RCPT_450}
    async with SmtpSink(faults=faults) as sink:
        send = house.send(submission(sink))
        await house.arrives(letter(1))
        await house.arrives(letter(2))
        await sink.stop()
        await send.once()
        await sink.start()
        house.world.advance(timedelta(seconds=5))
        while await send.once():
            pass
        assert await house.claims.due_now("support", KEPT_OUT) == 0
    waits = [owed for owed in await house.deliveries() if owed.state is DeliveryState.QUEUED]
    assert [(owed.recipient, owed.reason) for owed in waits] == [("customer-2@example.org", None)]


class Counting(Submission):
    knocks = 0

    async def probe(self) -> Outcome | None:
        self.knocks += 1
        return await super().probe()


@pytest.mark.usefixtures("hurried")
async def test_d5_a_closed_door_is_knocked_at_once_a_minute(house: Owing) -> None:
    async with SmtpSink() as sink:
        server = Counting(Server(host="127.0.0.1", port=sink.port, tls="none"))
        send = house.send(server)
        await sink.stop()
        await house.arrives(letter())
        for pause in (0, 5, 30, 120):
            house.world.advance(timedelta(seconds=pause))
            await send.once()
        async with running(send):
            for minute in range(1, 4):
                house.world.advance(timedelta(minutes=1))
                await eventually(lambda: send._until_knock() == KNOCK)
                assert server.knocks == minute


@pytest.mark.usefixtures("hurried")
async def test_d5_another_life_finds_out_at_once_whether_the_server_is_back(house: Owing) -> None:
    async with SmtpSink() as sink:
        await sink.stop()
        await house.arrives(letter())
        send = house.send(submission(sink))
        for pause in (0, 5, 30, 120):
            house.world.advance(timedelta(seconds=pause))
            await send.once()
        await sink.start()
        async with running(house.send(submission(sink))):
            await eventually(lambda: sink.accepted)


# --- claims that are renewed


async def test_d4_a_claim_is_renewed_while_it_is_in_hand_and_lost_two_minutes_after_its_node(house: Owing) -> None:
    await house.arrives(letter())
    other = Claims(house.log, house.world.world, "other/1")
    other.owner = house.claims.owner  # on a private database another owner is dead at once
    async with SmtpSink(faults={CUSTOMER: Fault.SLOW}) as sink:
        turn = asyncio.ensure_future(house.send(submission(sink)).once())
        await eventually(lambda: sink.accepted)
        (mine,) = house.claims.in_hand
        for _ in range(10):
            house.world.advance(timedelta(seconds=45))
            await Recovery(house.claims, house.world.world).once()
            assert house.claims.lasts(mine, CLAIM.total_seconds())
        sink.release.set()
        await turn
    assert len(sink.accepted) == 1
    assert (await house.owed()).state is DeliveryState.SENT


async def test_d4_what_another_took_over_is_in_our_hand_no_more_and_not_begun(house: Owing) -> None:
    await house.arrives(letter())
    (owed,) = await house.claims.deliveries(("support",), 9, CLAIM)
    house.claims.in_hand[owed.id] = house.world.world.elapsed() + CLAIM.total_seconds()
    later = Claims(house.log, house.world.world, "node/2")
    assert await later.inherit() == 1
    await house.claims.renew(CLAIM)
    assert house.claims.in_hand == {}
    assert not house.claims.lasts(owed.id, 1)


async def test_d4_a_claim_that_could_not_be_renewed_is_put_back_unbegun(house: Owing) -> None:
    await house.arrives(letter())
    async with SmtpSink() as sink:
        send = house.send(submission(sink))
        (owed,) = await send._claimed(1)
        house.world.advance(timedelta(seconds=90))
        await send._deliver(owed)
        assert sink.opened == 0
    again = await house.owed()
    assert (again.state, again.copies) == (DeliveryState.QUEUED, 0)


# --- what is left behind


async def test_a_stopped_duty_leaves_no_connection_open(house: Owing) -> None:
    async with SmtpSink() as sink:
        server = submission(sink)
        send = house.send(server)
        await house.arrives(letter())
        async with running(send):
            await eventually(lambda: server._idle)
        assert server._idle == []
        await eventually(lambda: sink.commands["QUIT"])
