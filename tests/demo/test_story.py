"""The demo tells each thing once, whatever the network says of it afterwards."""

from dataclasses import replace
from zoneinfo import ZoneInfo

from commsd.core.change import Change
from commsd.core.event import Event
from commsd.core.interaction import (
    Actor,
    Channel,
    Delivery,
    DeliveryKind,
    DeliveryState,
    Direction,
    Interaction,
    Kind,
    Outcome,
)
from commsd.demo.house import ZONE
from commsd.demo.story import sentences
from tests.core.sla_builders import on

NUMBER = "+6281234567890"
NAMES = {NUMBER: "Budi Santoso"}


def test_a_text_is_told_once_when_it_left_and_not_again_with_each_word_of_the_network() -> None:
    ack = Interaction(
        id="a",
        channel=Channel.SMS,
        kind=Kind.ACK,
        direction=Direction.OUTBOUND,
        actor=Actor.MACHINE,
        occurred_at=on(9),
        recorded_at=on(9),
        outcome=Outcome.REACHED,
        status_raw="queued",
    )
    owed = Delivery(
        id="d",
        kind=DeliveryKind.ACK,
        key="sms-ack:c",
        via="sms",
        recipient=NUMBER,
        payload=b"",
        created_at=on(9),
        due_at=on(9),
        state=DeliveryState.SENT,
    )
    changes = [_change(ack, owed), *(_change(replace(ack, status_raw=word)) for word in ("sent", "delivered"))]
    told = [line for change in changes for line in sentences(change, NAMES, ZoneInfo(ZONE))]
    assert told == ["Budi Santoso has a text that says by when we call"]


def _change(ack: Interaction, *owed: Delivery) -> Change:
    event = Event("interaction.updated", ack, ack.recorded_at, "system")
    return Change(interactions=(ack,), events=(event,), deliveries=owed)
