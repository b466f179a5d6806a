"""Machines that answer our answers: whatever they leave out, it ends by itself. mail.md N14, L1, L2."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import timedelta
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.parser import BytesParser
from pathlib import Path

import pytest

from commsd.channels.mail.send import Send
from commsd.core.key import of_addresses
from commsd.demo.smtp import SmtpSink
from commsd.store.engine import open_engine
from commsd.store.log import Log
from commsd.store.migrate import upgrade
from tests.channels.mail.owing import KEY, Owing, letter, owing, submission
from tests.house import items_of
from tests.world import ScriptedWorld

Sides = Callable[..., Awaitable["Side"]]
ROBOT = "robot@example.org"


@dataclass
class Side:
    """A commsd with its mail server."""

    house: Owing
    sink: SmtpSink
    send: Send

    async def answers(self, raw: bytes) -> list[bytes]:
        """What it sends after this mail came."""
        before = len(self.sink.accepted)
        await self.house.arrives(raw)
        while await self.send.once():
            pass
        return [taken.raw for taken in self.sink.accepted[before:]]


@pytest.fixture
async def sides(tmp_path: Path, scripted_world: ScriptedWorld) -> AsyncIterator[Sides]:
    async with AsyncExitStack() as stack:

        async def made(name: str = "one", key: bytes = KEY) -> Side:
            engine = open_engine(f"sqlite:///{tmp_path / name}.db")
            await engine.commit(upgrade)
            log = Log(engine, scripted_world.world)
            log.start()
            stack.push_async_callback(log.close)
            house = await owing(log, scripted_world)
            for desk in list(house.desks.values()):
                other = replace(desk, key=key, us=replace(desk.us, key=key), others={})
                house.desks[desk.mailbox.name] = other
            sink = await stack.enter_async_context(SmtpSink())
            return Side(house, sink, house.send(submission(sink)))

        yield made


def parsed(raw: bytes) -> EmailMessage:
    return BytesParser(EmailMessage, policy=policy.default).parsebytes(raw)


def reply(raw: bytes, number: int, *, refers: bool = True, subject: str = "", text: str = "") -> bytes:
    """What a dumb autoresponder makes of a mail: no header says that it is a machine."""
    mail = parsed(raw)
    headers = {"In_Reply_To": str(mail["Message-ID"])} if refers else {}
    return letter(
        number,
        sender=f"Robot <{ROBOT}>",
        subject=subject or f"Re: {mail['Subject']}",
        message_id=f"<robot-{number}@example.org>",
        date=f"Wed, 04 Mar 2026 09:{number // 60:02}:{number % 60:02} +0000",
        text=text or "Thank you for your message, which we have got and which we will read with care.\n",
        **headers,
    )


async def rounds(side: Side, pause: timedelta, answer: Callable[[bytes, int], bytes], most: int = 400) -> int:
    """How many acknowledgements the robot got for its first mail and all that followed within a day."""
    begins = letter(0, sender=f"Robot <{ROBOT}>")
    sent = await side.answers(begins)
    got, end = len(sent), side.house.world.now + timedelta(days=1)
    for number in range(1, most):
        if not sent or side.house.world.now > end:
            break
        side.house.world.advance(pause)
        sent = await side.answers(answer(sent[-1], number))
        got += len(sent)
    return got


async def test_n14_a_dumb_autoresponder_that_refers_to_our_acknowledgement_gets_one(sides: Sides) -> None:
    side = await sides()
    assert await rounds(side, timedelta(seconds=2), reply) == 1


async def test_n14_one_that_takes_its_time_and_refers_to_all_of_them_gets_two(sides: Sides) -> None:
    side = await sides()
    assert await rounds(side, timedelta(minutes=10), reply) <= 2


@pytest.mark.parametrize("seconds", [1, 130, 1800])
async def test_l2_one_that_refers_to_nothing_and_keeps_the_subject_comes_to_an_end(sides: Sides, seconds: int) -> None:
    side = await sides()
    assert await rounds(side, timedelta(seconds=seconds), lambda raw, n: reply(raw, n, refers=False)) <= 3


@pytest.mark.parametrize(("seconds", "most"), [(1, 3), (130, 10), (1800, 20)])
async def test_l1_one_that_has_another_subject_each_time_comes_to_an_end(sides: Sides, seconds: int, most: int) -> None:
    side = await sides()
    got = await rounds(
        side, timedelta(seconds=seconds), lambda raw, n: reply(raw, n, refers=False, subject=f"Ticket {n * 7919}")
    )
    assert got <= most


def stripped(raw: bytes, sender: str, to: str) -> bytes:
    """An acknowledgement of ours as a gateway passes it on that takes away what marks it, between two commsd."""
    mail = message_from_bytes(raw, policy=policy.SMTP)
    for name in ("Auto-Submitted", "X-Auto-Response-Suppress", "Precedence", "Reply-To", "To", "From"):
        del mail[name]
    mail["From"], mail["To"] = sender, to
    return mail.as_bytes()


@pytest.mark.parametrize("marks", [True, False], ids=["as they are", "without the marks of a machine"])
async def test_n14_two_commsd_that_write_to_each_other_stop_after_a_few_rounds(sides: Sides, marks: bool) -> None:
    one, two = await sides("one"), await sides("two", b"q" * 32)
    here, there = "support@one.example", "support@two.example"

    def passed_on(raw: bytes, sender: str) -> bytes:
        if marks:
            return raw.replace(b"support@commsd.test", sender.encode())
        return stripped(raw, sender, "support@commsd.test")

    sent = await two.answers(letter(1, sender=here))
    total, at, sender = len(sent), one, there
    for _ in range(40):
        if not sent:
            break
        one.house.world.advance(timedelta(seconds=1))
        sent = await at.answers(passed_on(sent[-1], sender))
        total += len(sent)
        at, sender = (two, here) if at is one else (one, there)
    assert not sent
    assert total <= (1 if marks else 3)
    files = (await items_of(two.house.log, *of_addresses(here))).files
    assert len(files) == 1
