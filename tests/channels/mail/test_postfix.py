"""A real Postfix as the submission server: STARTTLS, AUTH, the null sender and who refuses it, death and return."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import timedelta
from email import message_from_bytes
from typing import Any

import pytest

from commsd.channels.mail.books import LEFT, Books
from commsd.channels.mail.null_sender import NullSender
from commsd.channels.mail.submission import Submission
from commsd.core.interaction import DeliveryState
from commsd.core.key import of_recipient
from commsd.demo.smtp import SmtpSink
from commsd.store.log import Log
from tests.channels.mail.owing import Owing, letter, owing, submission
from tests.eventually import eventually
from tests.house import items_of
from tests.neighbours.postfix import Postfix
from tests.world import ScriptedWorld


@pytest.fixture
async def relay(postfix: Postfix) -> AsyncIterator[SmtpSink]:
    """Where Postfix delivers to."""
    sink = SmtpSink()
    sink.port = postfix.relay
    async with sink:
        yield sink


@pytest.fixture
async def house(log: Log, scripted_world: ScriptedWorld) -> Owing:
    return await owing(log, scripted_world)


def to(postfix: Postfix, port: int, password: str = "") -> Submission:
    known = password or postfix.dovecot.password
    return submission(port, tls="starttls", ca=str(postfix.ca), username="support@commsd.test", password=known)


class Tokens:
    """These access tokens, one after the other."""

    def __init__(self, *tokens: str) -> None:
        self.left = list(tokens)

    async def __call__(self, *, instead_of: str = "") -> str:
        if instead_of == self.left[0] and len(self.left) > 1:
            self.left.pop(0)
        return self.left[0]


def by_token(postfix: Postfix, *tokens: str) -> Submission:
    known: dict[str, Any] = {"username": "support@commsd.test", "token": Tokens(*tokens)}
    return submission(postfix.port, tls="starttls", ca=str(postfix.ca), **known)


def nobody(house: Owing) -> NullSender:
    return NullSender("support", "support@commsd.test", house.log)


def ids(sink: SmtpSink) -> Counter[str]:
    """How often each acknowledgement came through."""
    return Counter(str(message_from_bytes(taken.raw)["Message-ID"]) for taken in sink.accepted)


async def test_a7_postfix_takes_an_acknowledgement_from_nobody_and_passes_it_on(
    house: Owing, postfix: Postfix, relay: SmtpSink
) -> None:
    await house.arrives(letter())
    server = to(postfix, postfix.port)
    await house.send(server, sender=nobody(house)).once()
    await eventually(lambda: relay.accepted)
    await server.close()
    (taken,) = relay.accepted
    assert (taken.sender, taken.recipient) == ("", "customer-1@example.org")
    owed = await house.owed()
    assert owed.state is DeliveryState.SENT
    assert owed.status_raw
    assert "queued as" in owed.status_raw


async def test_a7_a_postfix_that_refuses_nobody_says_so_at_rcpt_and_gets_the_substitute(
    house: Owing, postfix: Postfix, relay: SmtpSink
) -> None:
    for number in (1, 2, 3):
        await house.arrives(letter(number))
    server = to(postfix, postfix.strict)
    await house.send(server, sender=nobody(house)).once()
    await house.arrives(letter(4))
    again = nobody(house)
    await house.send(server, sender=again).once()
    await eventually(lambda: len(relay.accepted) == 4)
    await server.close()
    assert again.sender == "support@commsd.test"
    assert {taken.sender for taken in relay.accepted} == {"support@commsd.test"}
    assert {owed.state for owed in await house.deliveries()} == {DeliveryState.SENT}
    customer = "customer-1@example.org"
    assert (await items_of(house.log, of_recipient(customer))).refused == frozenset()


async def test_a_wrong_password_at_postfix_keeps_the_acknowledgement_and_rests(
    house: Owing, postfix: Postfix, relay: SmtpSink
) -> None:
    await house.arrives(letter())
    wrong = house.send(to(postfix, postfix.port, password="wrong"), sender=nobody(house))
    await wrong.once()
    house.world.advance(timedelta(seconds=30))
    assert not await wrong.once()
    assert (await house.owed()).state is DeliveryState.QUEUED
    right = to(postfix, postfix.port)
    await house.send(right, sender=nobody(house)).once()
    await eventually(lambda: relay.accepted)
    await right.close()
    assert (await house.owed()).state is DeliveryState.SENT


async def test_i10_postfix_lets_us_in_with_an_access_token_and_anew_where_the_first_has_expired(
    postfix: Postfix, relay: SmtpSink
) -> None:
    good, stale = (postfix.dovecot.token("support@commsd.test", lives) for lives in (3600, -600))
    server = by_token(postfix, stale, good)
    outcome = await server.submit(letter(), sender="", recipient="customer-1@example.org")
    await server.close()
    assert outcome.kind == "sent"
    await eventually(lambda: relay.accepted)


async def test_i10_postfix_refuses_an_expired_access_token_and_says_nothing_about_the_message(postfix: Postfix) -> None:
    server = by_token(postfix, postfix.dovecot.token("support@commsd.test", -600))
    outcome = await server.submit(letter(), sender="", recipient="customer-1@example.org")
    await server.close()
    assert (outcome.kind, outcome.code, outcome.stage) == ("later", 535, "login")


async def test_aiosmtplib_size_postfix_refuses_what_is_too_large_before_it_is_sent_and_takes_the_next(
    postfix: Postfix, relay: SmtpSink
) -> None:
    server = to(postfix, postfix.port)
    large = letter() + b"x" * 70 + b"\r\n" * 6_000_000
    refused = await server.submit(large, sender="", recipient="customer-1@example.org")
    taken = await server.submit(letter(), sender="", recipient="customer-1@example.org")
    await server.close()
    assert (refused.kind, refused.code, refused.stage) == ("refused", 552, "sender")
    assert taken.kind == "sent"
    await eventually(lambda: relay.accepted)


async def test_aiosmtplib_smtputf8_postfix_passes_on_a_mail_to_an_address_beyond_ascii(
    postfix: Postfix, relay: SmtpSink
) -> None:
    server = to(postfix, postfix.port)
    raw = "From: support@commsd.test\r\nTo: jürgen@example.org\r\nSubject: Hello\r\n\r\nhello\r\n".encode()
    outcome = await server.submit(raw, sender="", recipient="jürgen@example.org")
    await server.close()
    assert outcome.kind == "sent"
    (taken,) = await eventually(lambda: relay.accepted)
    assert taken.recipient == "jürgen@example.org"


async def test_d4_a_postfix_killed_while_it_takes_mail_loses_no_acknowledgement(
    house: Owing, postfix: Postfix, relay: SmtpSink
) -> None:
    for number in range(12):
        await house.arrives(letter(number))
    server = to(postfix, postfix.port)
    send = house.send(server, sender=nobody(house))
    run = asyncio.ensure_future(send.run())
    await eventually(lambda: len(relay.accepted) >= 3)
    await asyncio.to_thread(postfix.kill)
    run.cancel()
    await asyncio.wait({run})
    postfix.start()
    await house.turns(send)
    await eventually(lambda: len(ids(relay)) == 12)
    await server.close()
    house.world.advance(LEFT)
    await Books(house.log, house.claims, house.rules, house.world.world).once()  # what the stop left to be recorded
    assert max(ids(relay).values()) <= 2
    assert {owed.state for owed in await house.deliveries()} == {DeliveryState.SENT}
