"""Clocks that run on: recorded at their true instants, and our people told of each once. On both stores."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import select

from commsd.core import key
from commsd.core.agent import Agent, People, Team
from commsd.core.callback import State as Owed
from commsd.core.callback import claimed
from commsd.core.case import CaseState
from commsd.core.change import Change, OpenItems, change_of
from commsd.core.clock import State
from commsd.core.firm import Firm
from commsd.core.interaction import Interaction, Outcome
from commsd.sla.escalation import Escalation, Post
from commsd.sla.notice import Notice
from commsd.sla.rules import Rules
from commsd.store import schema
from commsd.store.claims import Claims
from commsd.store.log import Log
from tests.core.items import JANE, NUMBER, Books, answer_to, call_from, mail_from
from tests.house import TERMS, items_of
from tests.world import ScriptedWorld

PEOPLE = People(
    agents={
        "anna": Agent(id="anna", name="Anna Berg", mail=("anna@commsd.test",)),
        "cai": Agent(id="cai", name="Cai Tan", mail=("cai@commsd.test",)),
    },
    teams={"service": Team(id="service", members=("anna",), lead="cai")},
)


def text(notice: Notice) -> bytes:
    return f"{notice.subject}\n\n{notice.text}".encode()


POST = Post(via="support", render=text, persons={"support": "anna"}, fallback=("house@commsd.test",))


class Desk:
    """The duty with what it works on."""

    def __init__(self, log: Log, world: ScriptedWorld, people: People, post: Post) -> None:
        self.log, self.world = log, world
        self.claims, self.rules = Claims(log, world.world, "node"), Rules(log)
        firm = Firm(name="Example Ltd", timezone="Europe/Berlin", people=people)
        self.duty = Escalation(firm, post, log, self.claims, self.rules, world.world)

    async def take(self, make: Callable[[Books], Interaction], address: str = JANE) -> Change:
        def decide(items: OpenItems) -> Change:
            return change_of(make(Books(items.now, items.new_id)), items, TERMS)

        return await self.log.decide(key.of_addresses(address), decide)

    async def told(self) -> list[str]:
        table = schema.deliveries
        rows = await self.log.read(lambda c: c.execute(select(table).where(table.c.kind == "notice")).all())
        return sorted(f"{row.recipient}: {bytes(row.payload).decode().splitlines()[0]}" for row in rows)

    async def events(self) -> list[tuple[str, object]]:
        table = schema.outbox
        rows = await self.log.read(lambda c: c.execute(select(table.c.type, table.c.at).order_by(table.c.id)).all())
        return [(row.type, row.at) for row in rows]


@pytest.fixture
async def desk(log: Log, scripted_world: ScriptedWorld) -> Desk:
    desk = Desk(log, scripted_world, PEOPLE, POST)
    await desk.rules.bring_in(TERMS.versions[0], {}, scripted_world.now)
    return desk


async def test_nothing_is_said_while_nothing_is_due(desk: Desk) -> None:
    await desk.take(mail_from())
    assert await desk.duty.once() is False
    assert await desk.told() == []


async def test_a_warning_goes_to_the_person_once_and_is_dated_when_it_was_due(desk: Desk) -> None:
    await desk.take(mail_from())
    await desk.take(answer_to(partial=True))  # so that only the first answer runs on
    desk.world.advance(timedelta(hours=3, minutes=20))
    assert await desk.duty.once() is True
    assert await desk.duty.once() is False
    assert await desk.told() == ["anna@commsd.test: Due soon: the first answer (Delivery)"]
    started = desk.world.now - timedelta(hours=3, minutes=20)
    assert ("clock.warned", started + timedelta(hours=3)) in await desk.events()


async def test_a_breach_goes_to_person_and_lead_once_each(desk: Desk) -> None:
    await desk.take(mail_from(team="service"))
    await desk.take(answer_to(partial=True))
    desk.world.advance(timedelta(hours=5))
    while await desk.duty.once():
        pass
    assert [line for line in await desk.told() if "Overdue" in line] == [
        "anna@commsd.test: Overdue: the first answer (Delivery)",
        "cai@commsd.test: Overdue: the first answer (Delivery)",
    ]
    desk.world.advance(timedelta(hours=5))
    assert await desk.duty.once() is False


async def test_an_answer_in_time_silences_what_was_to_come(desk: Desk) -> None:
    await desk.take(mail_from())
    desk.world.advance(timedelta(minutes=5))
    await desk.take(answer_to())
    desk.world.advance(timedelta(hours=5))
    assert await desk.duty.once() is False
    assert await desk.told() == []


async def test_a_breach_seen_first_by_another_decision_is_told_all_the_same(desk: Desk) -> None:
    await desk.take(mail_from())
    desk.world.advance(timedelta(hours=5))
    await desk.take(mail_from(subject="Re: Delivery"))
    await desk.duty.once()
    assert any("Overdue: the first answer" in line for line in await desk.told())


async def test_where_nobody_is_named_the_house_is_told(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = Desk(log, scripted_world, People(), Post(via="support", render=text, fallback=("house@commsd.test",)))
    await desk.rules.bring_in(TERMS.versions[0], {}, scripted_world.now)
    await desk.take(mail_from())
    scripted_world.advance(timedelta(hours=5))
    await desk.duty.once()
    assert {line.partition(":")[0] for line in await desk.told()} == {"house@commsd.test"}


async def test_a_case_with_nothing_owed_closes_by_itself_after_a_week(desk: Desk) -> None:
    await desk.take(mail_from())
    desk.world.advance(timedelta(minutes=5))
    await desk.take(answer_to())
    desk.world.advance(timedelta(days=7))
    assert await desk.duty.once() is True
    (file,) = (await items_of(desk.log, *key.of_addresses(JANE))).files.values()
    assert (file.case.state, file.case.close_reason) == (CaseState.CLOSED, "auto_close")


async def test_a_case_with_a_late_clock_never_closes_by_itself(desk: Desk) -> None:
    await desk.take(mail_from())
    desk.world.advance(timedelta(days=30))
    while await desk.duty.once():
        pass
    (file,) = (await items_of(desk.log, *key.of_addresses(JANE))).files.values()
    assert file.case.state is CaseState.OPEN
    assert {record.value.state for record in file.clocks} == {State.BREACHED}


async def test_a_claim_nobody_made_good_of_goes_back(desk: Desk) -> None:
    change = await desk.take(call_from(outcome=Outcome.MISSED), NUMBER)
    mine = claimed(change.callbacks[0], "anna", desk.world.now)
    await desk.log.decide((key.of_callback(mine.id),), lambda items: Change(callbacks=(mine,)))
    desk.world.advance(timedelta(minutes=31))
    await desk.duty.once()
    items = await items_of(desk.log, key.of_callback(mine.id))
    assert items.callbacks[0].state is Owed.WAITING
