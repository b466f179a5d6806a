"""A notice that did not arrive goes by mail to somebody, once; what reached nobody is in the ledger. Both stores."""

from dataclasses import replace
from datetime import timedelta
from typing import Literal

import pytest
from sqlalchemy import select

from commsd.core import key
from commsd.core.change import Change
from commsd.core.interaction import Delivery, DeliveryState
from commsd.core.ledger import Debt, DebtKind, debts
from commsd.core.open_items import OpenItems
from commsd.core.policy import Step
from commsd.sla.notice.carriage import Patience, Word, settled
from commsd.store import schema
from commsd.store.debts import books
from commsd.store.log import Log
from commsd.store.rows import delivery_of
from tests.core.items import answer_to
from tests.sla.notice.alarm_desk import PEOPLE, POST, AlarmDesk, only
from tests.sla.notice.test_dispatch import H, M, opened, written
from tests.world import ScriptedWorld

PATIENCE = Patience(give_up=timedelta(hours=24), repeats=False)


async def paged(log: Log, world: ScriptedWorld, name: str = "mobile", **more: object) -> AlarmDesk:
    """A desk whose ladder pages a route, at the moment after it did."""
    desk = await opened(log, world, Step(at=timedelta(0), tell=(name,), page=True))
    for what, value in more.items():
        setattr(desk, what, value)
    desk.begin()
    await desk.rules.load()
    await written(desk, 1)
    world.advance(4 * H + M)
    await desk.settle()
    return desk


async def deliveries(desk: AlarmDesk, via: str) -> list[Delivery]:
    table = schema.deliveries
    wanted = select(table).where(table.c.via == via, table.c.kind == "notice").order_by(table.c.created_at, table.c.id)
    return [delivery_of(row) for row in await desk.log.read(lambda c: c.execute(wanted).all())]


async def comes_to(desk: AlarmDesk, via: str, kind: Literal["sent", "refused", "later", "unknown"]) -> None:
    """The other side's word for every notice by this way that is not settled."""
    for owed in await deliveries(desk, via):
        word = Word(kind=kind, said="HTTP 400")

        def decide(items: OpenItems, owed: Delivery = owed, word: Word = word) -> Change:
            tried = replace(items.deliveries[owed.id], attempts=1)
            return settled(word, owed.id, PATIENCE, replace(items, deliveries={owed.id: tried}))

        await desk.log.decide((key.of_delivery(owed.id),), decide)


async def ledger(desk: AlarmDesk) -> list[Debt]:
    now = desk.world.now
    found = debts(await desk.log.read(lambda connection: books(connection, now)), now)
    return [debt for debt in found if "notice" in debt.kind.value]


@pytest.mark.parametrize("kind", ["refused", "unknown"])
async def test_a_page_whose_sms_failed_goes_by_mail_to_whose_telephone_it_is(
    log: Log, scripted_world: ScriptedWorld, kind: Literal["refused", "unknown"]
) -> None:
    bo = replace(PEOPLE.agents["bo"], phone="+493023125011")
    people = replace(PEOPLE, agents={**PEOPLE.agents, "bo": bo})
    desk = await paged(log, scripted_world)
    desk.firm = replace(desk.firm, people=people)
    desk.begin()
    await comes_to(desk, "sms", kind)
    await desk.settle()
    await desk.settle()
    assert await desk.told() == [
        "bo@commsd.test: Not delivered by SMS: The first answer to Jane, customer1@example.org was due on"
        " Wednesday 4 March at 14:00, 1 minute ago."
    ]
    (mail,) = await deliveries(desk, "support")
    assert mail.case_id


async def test_a_webhook_that_takes_nothing_for_five_minutes_is_told_of_by_mail_meanwhile(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    desk = await paged(log, scripted_world, "hook", post=replace(POST, alarms=("cai",)))
    await comes_to(desk, "webhook", "later")
    scripted_world.advance(4 * M)
    await desk.settle()
    assert await desk.told() == []
    scripted_world.advance(M)
    await desk.settle()
    assert await desk.told() == ["cai@commsd.test: Not delivered to a webhook: Overdue: the first answer (Matter 1)"]
    (said,) = [text for via, _, text in await desk.notices() if via == "support"]
    assert "has not been delivered yet" in said
    assert "The first answer to Jane, customer1@example.org was due on Wednesday" in said


async def test_a_mail_that_was_refused_goes_to_the_house(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await paged(log, scripted_world, "cai")
    await comes_to(desk, "support", "refused")
    await desk.settle()
    (told,) = only(await desk.told(), "house@")
    assert told.startswith("house@commsd.test: Not delivered to cai@commsd.test: ")
    await comes_to(desk, "support", "refused")
    scripted_world.advance(H)
    await desk.settle()
    assert len(only(await desk.told(), "Not delivered")) == 1, "what goes in place of another has none in its own"


async def test_the_ledger_lists_it_until_another_arrived(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await paged(log, scripted_world)
    assert await ledger(desk) == []
    await comes_to(desk, "sms", "refused")
    (debt,) = await ledger(desk)
    assert (debt.kind, debt.wrong) == (DebtKind.NOTICE_INSTEAD, False)
    await desk.settle()
    assert [each.kind for each in await ledger(desk)] == [DebtKind.NOTICE_INSTEAD]
    await comes_to(desk, "support", "sent")
    assert await ledger(desk) == []


async def test_what_reached_nobody_is_wrong_until_nothing_is_owed_any_more(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    desk = await paged(log, scripted_world, post=replace(POST, alarms=(), fallback=()))
    await comes_to(desk, "sms", "refused")
    await desk.settle()
    await desk.settle()
    assert await desk.told() == []
    (debt,) = await ledger(desk)
    assert (debt.kind, debt.wrong) == (DebtKind.NOTICE_LOST, True)
    assert debt.what == "a notice by sms was not delivered, nor one in its place"
    await desk.take(answer_to("customer1@example.org", "Matter 1"), "customer1@example.org")
    assert await ledger(desk) == []


async def test_where_both_failed_the_ledger_says_so(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await paged(log, scripted_world)
    await comes_to(desk, "sms", "refused")
    await desk.settle()
    await comes_to(desk, "support", "refused")
    assert [(debt.kind, debt.wrong) for debt in await ledger(desk)] == [(DebtKind.NOTICE_LOST, True)]


async def test_what_failed_long_ago_wakes_nobody(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await paged(log, scripted_world)
    await comes_to(desk, "sms", "refused")
    scripted_world.advance(timedelta(days=2))
    assert await desk.dispatch.once() is False
    assert await desk.told() == []


async def test_what_arrived_in_the_meantime_goes_nowhere_else(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await paged(log, scripted_world)
    (owed,) = await deliveries(desk, "sms")
    sent = replace(owed, state=DeliveryState.SENT, settled_at=scripted_world.now)
    await log.decide((key.of_delivery(owed.id),), lambda items: Change(deliveries=(sent,)))
    scripted_world.advance(H)
    await desk.settle()
    assert await desk.told() == []
