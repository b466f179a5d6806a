"""The mail to ourselves: known again by its signature alone, and nothing to anybody else."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from commsd.channels.mail.account import Mailbox, Server, Tls
from commsd.channels.mail.arrival import Arrival
from commsd.channels.mail.beat import FIELD, beat_in, heartbeat
from commsd.channels.mail.desk import Desk
from commsd.channels.mail.intake import intake, keys_of
from commsd.channels.mail.message import Message, decode
from commsd.channels.mail.suppression import Us
from commsd.channels.mail.texts import load_texts
from commsd.core import key
from commsd.core.change import Change
from commsd.core.channel_state import RETURNED
from commsd.core.firm import Firm
from commsd.core.interaction import Delivery, DeliveryState
from commsd.store.log import Log
from tests.house import TERMS, items_of
from tests.world import ScriptedWorld

KEY = b"k" * 32
NOW = datetime(2026, 3, 4, 9, 0, tzinfo=UTC)
BEAT = "019cb84a-3c00-7000-8000-000000000001"
SERVER = Server(host="mail.commsd.test", port=993, tls=Tls.IMPLICIT, username="support")
FIRM = Firm(name="Example Ltd", timezone="Europe/Berlin")


def desk(name: str = "support") -> Desk:
    box = Mailbox(name=name, address=f"{name}@commsd.test", imap=SERVER, smtp=SERVER)
    us = Us(addresses=frozenset({box.address}), key=KEY)
    return Desk(mailbox=box, firm=FIRM, us=us, texts=load_texts(None), key=KEY)


def owed() -> Delivery:
    return heartbeat(BEAT, "support", "support@commsd.test", KEY, NOW)


def received(raw: bytes) -> Message:
    return decode(raw, folder_date=NOW)


def test_it_is_known_again_by_its_message_id_or_by_its_own_field() -> None:
    raw = owed().payload
    assert beat_in(received(raw), KEY) == BEAT
    renamed = raw.replace(b"Message-ID: <beat1.", b"Message-ID: <0100018d-")
    assert beat_in(received(renamed), KEY) == BEAT
    assert beat_in(received(raw.replace(FIELD.encode(), b"X-Else")), KEY) == BEAT


def test_nobody_else_can_make_one() -> None:
    raw = owed().payload
    assert beat_in(received(raw), b"another key") is None
    forged = raw.replace(b"beat1.", b"beat1.a").replace(f"{FIELD}: ".encode(), f"{FIELD}: a".encode())
    assert beat_in(received(forged), KEY) is None


def test_it_is_marked_as_a_machines_so_that_no_autoresponder_answers_it() -> None:
    message = received(owed().payload)
    assert (message.keywords("Auto-Submitted"), message.first("X-Auto-Response-Suppress")) == (
        ("auto-generated",),
        "All",
    )


async def decided(log: Log, at: Desk, raw: bytes) -> Change:
    arrival = Arrival(message=received(raw), place=f"{at.mailbox.name}/watch", uid=1)
    return await log.decide(keys_of(arrival, at), lambda items: intake(arrival, items, at, TERMS))


async def sent(log: Log, state: DeliveryState = DeliveryState.SENT) -> None:
    gone = replace(owed(), state=state)
    await log.decide((), lambda items: Change(deliveries=(gone,)))


async def test_coming_round_it_is_no_interaction_and_gets_no_acknowledgement(log: Log) -> None:
    await sent(log)
    change = await decided(log, desk(), owed().payload)
    assert (change.interactions, change.cases, change.events, change.keys) == ((), (), (), ())
    back = (await items_of(log, key.of_delivery(BEAT))).deliveries[BEAT]
    assert (back.state, back.reason, back.payload) == (DeliveryState.SENT, RETURNED, b"")


@pytest.mark.parametrize("state", [DeliveryState.SENDING, DeliveryState.UNKNOWN])
async def test_it_may_come_round_before_the_server_has_said_that_it_took_it(log: Log, state: DeliveryState) -> None:
    await sent(log, state=state)
    await decided(log, desk(), owed().payload)
    back = (await items_of(log, key.of_delivery(BEAT))).deliveries[BEAT]
    assert (back.state, back.reason) == (DeliveryState.SENT, RETURNED)


async def test_a_copy_in_another_mailbox_is_no_proof_and_no_mail_either(log: Log) -> None:
    await sent(log)
    change = await decided(log, desk("archive"), owed().payload)
    assert (change.interactions, change.deliveries) == ((), ())


async def test_one_that_comes_again_or_was_forgotten_changes_nothing(log: Log, scripted_world: ScriptedWorld) -> None:
    assert (await decided(log, desk(), owed().payload)).deliveries == ()
    await sent(log)
    await decided(log, desk(), owed().payload)
    first = (await items_of(log, key.of_delivery(BEAT))).deliveries[BEAT]
    scripted_world.advance(timedelta(hours=1))
    await decided(log, desk(), owed().payload)
    assert (await items_of(log, key.of_delivery(BEAT))).deliveries[BEAT] == first
