"""Notices by SMS through Twilio's own client against the stand-in: one message, and never a blind second one."""

from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import select

from commsd.channels.phone.channel import PHONE
from commsd.channels.phone.rest import Rest
from commsd.channels.phone.texting import post
from commsd.core.change import Change
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState
from commsd.core.open_items import OpenItems
from commsd.demo.exchange import Tamper
from commsd.sla.notice.courier import Courier
from commsd.store import schema
from commsd.store.claims import Claims
from commsd.store.rows import delivery_of
from tests.channels.phone.conftest import Phone
from tests.channels.phone.hotline import ANNA, HOTLINE

TEXT = "Overdue: the callback to a customer, since 14:00. Réponse s'il vous plaît"


def duty(phone: Phone) -> Courier:
    assert phone.settings.twilio
    made = post(phone.settings, Rest(phone.settings.twilio), phone.means)
    assert made
    return made


async def owe(phone: Phone, to: str = ANNA, text: str = TEXT) -> None:
    def decide(items: OpenItems) -> Change:
        owed = Delivery(
            id=items.new_id(),
            kind=DeliveryKind.NOTICE,
            key=f"told:{items.new_id()}",
            via="sms",
            recipient=to,
            payload=text.encode(),
            created_at=items.now,
            due_at=items.now,
        )
        return Change(deliveries=(owed,))

    await phone.means.log.decide((), decide)


async def delivery(phone: Phone) -> Delivery:
    (row,) = await phone.means.log.read(lambda c: c.execute(select(schema.deliveries)).all())
    return delivery_of(row)


def sent(phone: Phone) -> list[tuple[str, str, str]]:
    return [(each["from"], each["to"], each["body"]) for each in phone.exchange.messages.values()]


def asked(phone: Phone) -> int:
    """Requests that reached Twilio."""
    return len([each for each in phone.exchange.rest_requests if each.path.endswith("/Messages.json")])


async def test_a_notice_is_sent_once_from_the_first_line(phone: Phone) -> None:
    await owe(phone)
    assert await duty(phone).once()
    assert not await duty(phone).once()
    assert sent(phone) == [(HOTLINE, ANNA, TEXT)]
    after = await delivery(phone)
    assert after.state is DeliveryState.SENT
    assert after.status_raw == f"queued {next(iter(phone.exchange.messages))}"


async def test_a_long_one_is_cut(phone: Phone) -> None:
    await owe(phone, text="é" * 1000)
    await duty(phone).once()
    assert sent(phone)[0][2] == "é" * 300


async def test_what_twilio_refuses_is_not_tried_again(phone: Phone) -> None:
    await owe(phone, to="12")
    await duty(phone).once()
    after = await delivery(phone)
    assert (after.state, after.status_raw) == (DeliveryState.REFUSED, "HTTP 400, code 21211")
    await phone.passes(3600)
    assert not await duty(phone).once()


async def test_what_twilio_has_no_time_for_goes_later(phone: Phone) -> None:
    phone.exchange.tamper_rest = lambda _request: Tamper(refused=(429, 20429))
    await owe(phone)
    await duty(phone).once()
    assert (await delivery(phone)).state is DeliveryState.QUEUED
    phone.exchange.tamper_rest = lambda _request: Tamper()
    await phone.passes(6)
    await duty(phone).once()
    assert (await delivery(phone)).state is DeliveryState.SENT
    assert len(sent(phone)) == 1


@pytest.mark.parametrize(
    "tamper",
    [Tamper(answer_lost=True), Tamper(lost=True), Tamper(refused=(500, 20500))],
    ids=["taken, answer lost", "request lost", "an error of theirs"],
)
async def test_what_may_have_been_taken_is_never_sent_again(phone: Phone, tamper: Tamper) -> None:
    phone.exchange.tamper_rest = lambda _request: tamper
    await owe(phone)
    await duty(phone).once()
    after = await delivery(phone)
    assert (after.state, after.reason) == (DeliveryState.FAILED, "perhaps-sent")
    phone.exchange.tamper_rest = lambda _request: Tamper()
    await phone.passes(3600)
    assert not await duty(phone).once()
    assert asked(phone) == 1


async def test_what_a_dead_node_was_sending_is_not_sent_again(phone: Phone) -> None:
    await owe(phone)
    await Claims(phone.means.log, phone.means.world, "dead").deliveries(("sms",), 10, timedelta(minutes=5))
    await phone.passes(301)
    await phone.means.claims.lost_deliveries()
    assert await duty(phone).once()
    after = await delivery(phone)
    assert (after.state, after.reason) == (DeliveryState.FAILED, "perhaps-sent")
    assert asked(phone) == 0


async def test_what_a_dead_node_was_sending_again_is_not_sent_once_more(phone: Phone) -> None:
    """Certain that the first was not taken, we know nothing of the second."""
    phone.exchange.tamper_rest = lambda _request: Tamper(refused=(429, 20429))
    await owe(phone)
    await duty(phone).once()
    await phone.passes(6)
    await Claims(phone.means.log, phone.means.world, "dead").deliveries(("sms",), 10, timedelta(minutes=5))
    await phone.passes(301)
    await phone.means.claims.lost_deliveries()
    await duty(phone).once()
    assert (await delivery(phone)).reason == "perhaps-sent"
    assert asked(phone) == 1


async def test_a_twilio_that_is_not_there_is_asked_again(phone: Phone) -> None:
    await phone.exchange.__aexit__(None, None, None)
    await owe(phone)
    await duty(phone).once()
    assert (await delivery(phone)).state is DeliveryState.QUEUED


async def test_the_channel_runs_the_duty_where_it_has_a_number(phone: Phone) -> None:
    named = {each.name for each in PHONE.duties(phone.settings, phone.means)}
    assert {"phone.text", "phone.message", "phone.voicemail"} <= named
    bare = replace(phone.settings, lines={})
    assert "phone.text" not in {each.name for each in PHONE.duties(bare, phone.means)}
