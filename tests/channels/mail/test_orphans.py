"""Acknowledgements that wait to leave by a mailbox which was taken out of the configuration: told, listed, settled."""

from datetime import timedelta

import pytest
from structlog.testing import capture_logs

from commsd.channels.mail.alerting import TAKEN_OVER, Alerting
from commsd.channels.mail.settle import by_hand, keys_of
from commsd.core.interaction import Delivery, DeliveryKind, DeliveryState
from commsd.core.ledger import debts
from commsd.errors import Refused
from commsd.sla.notice.notice import Notice
from commsd.sla.notice.post import Post
from commsd.store.debts import books
from commsd.store.log import Log
from tests.channels.mail.owing import Owing, letter, mailbox, owing
from tests.house import TERMS
from tests.world import ScriptedWorld

MINUTE = timedelta(minutes=1)
WITHOUT_SALES = frozenset({"support"})


@pytest.fixture
async def house(log: Log, scripted_world: ScriptedWorld) -> Owing:
    return await owing(log, scripted_world, mailbox(), mailbox("sales"))


def render(notice: Notice) -> bytes:
    return f"{notice.subject}\n{notice.text}".encode()


def reloaded(house: Owing, *names: str) -> Alerting:
    """The duty of a daemon that has just these mailboxes now."""
    boxes = {name: house.desks[name].mailbox for name in names}
    post = Post(via="support", render=render, fallback=("chief@commsd.test",))
    return Alerting(boxes, house.desks["support"].firm, post, house.log, house.claims, house.world.world, house.metrics)


async def told(house: Owing) -> list[str]:
    return [owed.payload.decode() for owed in await house.deliveries() if owed.kind is DeliveryKind.NOTICE]


async def left_behind(house: Owing, number: int = 2) -> list[Delivery]:
    for each in range(number):
        await house.arrives(letter(each, to="sales@commsd.test"), at="sales")
    house.world.advance(TAKEN_OVER)
    return [owed for owed in await house.deliveries() if owed.via == "sales"]


async def test_d4_what_a_removed_mailbox_owes_is_told_of_once_and_again_when_it_is_more(house: Owing) -> None:
    await left_behind(house)
    with capture_logs() as logged:
        duty = reloaded(house, "support")
        assert await duty.once()
        assert not await duty.once()
        assert not await reloaded(house, "support").once()
    said = [line for line in logged if line["event"] == "delivery.orphaned"]
    assert [(line["mailbox"], line["deliveries"]) for line in said] == [("sales", 2)]
    (text,) = await told(house)
    assert "Mailbox sales is configured no longer and 2 mails wait to leave by it" in text
    assert "[mailbox.sales]" in text
    await left_behind(house, 3)
    assert await reloaded(house, "support").once()
    assert "3 mails wait" in (await told(house))[-1]


async def test_d4_what_leaves_by_a_configured_mailbox_or_is_new_is_no_orphan(house: Owing) -> None:
    await left_behind(house)
    assert not await reloaded(house, "support", "sales").once()
    await house.arrives(letter(7, to="support@commsd.test"))
    assert not await reloaded(house, "support", "sales").once()
    house.world.advance(-MINUTE)  # it may only have another name, which is about to take them over
    assert not await reloaded(house, "support").once()


async def test_d4_the_ledger_says_what_to_do_about_what_a_removed_mailbox_owes(house: Owing) -> None:
    await left_behind(house, 1)
    now = house.world.now
    found = await house.log.read(lambda connection: books(connection, now))
    (stuck,) = [debt for debt in debts(found, now, WITHOUT_SALES) if debt.kind.value == "ack_stuck"]
    assert "put [mailbox.sales] back, or `commsd ack settle`" in stuck.what
    (stuck,) = [debt for debt in debts(found, now, WITHOUT_SALES | {"sales"}) if debt.kind.value == "ack_stuck"]
    assert "[mailbox" not in stuck.what


async def says(house: Owing, owed: Delivery, verdict: str, boxes: frozenset[str]) -> None:
    await house.log.decide(keys_of(owed), lambda items: by_hand(verdict, owed.id, items, TERMS, "anna", boxes))


async def test_d4_a_person_settles_what_a_removed_mailbox_owes_but_cannot_have_it_sent(house: Owing) -> None:
    (owed,) = await left_behind(house, 1)
    with pytest.raises(Refused, match="no mailbox sales sends it"):
        await says(house, owed, "again", WITHOUT_SALES)
    with pytest.raises(Refused, match="not held"):
        await says(house, owed, "sent", WITHOUT_SALES | {"sales"})
    await says(house, owed, "never", WITHOUT_SALES)
    assert (await house.owed()).state is DeliveryState.CANCELLED
    assert [ack.outcome for ack in await house.interactions("ack")] == ["cancelled"]
