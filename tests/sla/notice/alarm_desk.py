"""A house in which clocks run on: the duties that tell its people, on a real store, with a clock the test moves."""

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
from sqlalchemy import select, update

from commsd.core import key
from commsd.core.agent import Absence, Agent, People, Route, Team
from commsd.core.calendar import Calendar, Window
from commsd.core.case import ClockRecord
from commsd.core.change import Change, change_of
from commsd.core.firm import Firm
from commsd.core.interaction import Interaction
from commsd.core.open_items import OpenItems, Terms
from commsd.core.policy import Step, Version
from commsd.sla.notice.dispatch import Dispatch
from commsd.sla.notice.escalation import Escalation
from commsd.sla.notice.notice import Notice
from commsd.sla.notice.post import Post
from commsd.sla.rules.in_force import Rules
from commsd.store import schema
from commsd.store.claims import Claims
from commsd.store.log import Log
from tests.core.items import JANE, Books
from tests.house import STANDARD, TERMS, items_of
from tests.world import ScriptedWorld

ALWAYS = Calendar(name="always", tz="UTC", weekly={day: (Window(0, 1440),) for day in range(7)})
PEOPLE = People(
    agents={
        "anna": Agent(id="anna", name="Anna Berg", mail=("anna@commsd.test",), deputy="bo"),
        "bo": Agent(id="bo", name="Bo Lund", mail=("bo@commsd.test",)),
        "cai": Agent(id="cai", name="Cai Tan", mail=("cai@commsd.test",)),
    },
    teams={"service": Team(id="service", members=("anna", "bo"), lead="cai")},
    routes={
        "hook": Route(id="hook", webhook="https://hook.commsd.test/x"),
        "mobile": Route(id="mobile", sms="+493023125011"),
        "night": Route(id="night", mail=("night@commsd.test",), hours="daily 22:00-06:00"),
    },
)
STANDARD_LADDER = (
    Step(at=75, tell=("owner",)),
    Step(at=timedelta(0), tell=("team",)),
    Step(at=timedelta(hours=1), tell=("lead",), repeat=timedelta(hours=1), times=2),
)


def text(notice: Notice) -> bytes:
    return f"{notice.subject}\n\n{notice.text}".encode()


POST = Post(via="support", render=text, persons={"support": "anna"}, fallback=("house@commsd.test",))


def away(people: People, name: str, *days: Absence) -> People:
    """The same people, one of them away on these days."""
    agents = {**people.agents, name: replace(people.agents[name], away=days)}
    return replace(people, agents=agents)


def with_ladder(*steps: Step, version: Version = TERMS.versions[0], **more: Any) -> Version:
    """The house's rules with a ladder in place of warnings, and two calendars."""
    targets = {kind: replace(target, warn_percent=None) for kind, target in STANDARD.targets.items()}
    policy = replace(STANDARD, targets=targets, ladder="ladder")
    return replace(
        version,
        policies={"standard": policy},
        ladders={"ladder": steps},
        calendars={**version.calendars, "always": ALWAYS},
        **more,
    )


class AlarmDesk:
    """The duties with what they work on."""

    def __init__(self, log: Log, world: ScriptedWorld, people: People = PEOPLE, post: Post = POST) -> None:
        self.log, self.world, self.post = log, world, post
        self.firm = Firm(name="Example Ltd", timezone="Europe/Berlin", people=people)
        self.delays: list[float] = []
        self.begin()

    def begin(self) -> None:
        """As after a restart: nothing in memory."""
        self.claims, self.rules = Claims(self.log, self.world.world, "node"), Rules(self.log)
        world = self.world.world
        self.duty = Escalation(self.firm, self.post, self.log, self.claims, self.rules, world, self.delays.append)
        self.dispatch = Dispatch(self.firm, self.post, self.log, self.claims, world)

    async def settle(self) -> None:
        """Escalate and tell until there is nothing more to do at this instant."""
        await self.escalate()
        while await self.dispatch.once():
            pass

    async def escalate(self) -> None:
        for _ in range(50):
            if not await self.duty.once():
                return
        raise AssertionError("the same cases come up again and again")

    async def wait(self, **span: float) -> None:
        """Time goes by with the daemon at work, looking every ten minutes at most."""
        end = self.world.now + timedelta(**span)
        while self.world.now < end:
            self.world.advance(min(timedelta(minutes=10), end - self.world.now))
            await self.settle()

    async def take(self, make: Callable[[Books], Interaction], address: str = JANE) -> Change:
        terms = self.rules.terms if self.rules.terms.versions else TERMS

        def decide(items: OpenItems) -> Change:
            return change_of(make(Books(items.now, items.new_id)), items, terms)

        return await self.log.decide(key.of_addresses(address), decide)

    async def notices(self) -> list[tuple[str, str, str]]:
        """Via, recipient and text of each, oldest first."""
        table = schema.deliveries
        statement = select(table).where(table.c.kind == "notice").order_by(table.c.created_at, table.c.id)
        rows = await self.log.read(lambda c: c.execute(statement).all())
        return [(row.via, row.recipient, bytes(row.payload).decode()) for row in rows]

    async def told(self) -> list[str]:
        """`recipient: subject` of each notice by mail, sorted."""
        return sorted(f"{to}: {said.splitlines()[0]}" for via, to, said in await self.notices() if via == "support")

    async def tellings(self) -> list[tuple[str, str, str]]:
        """Rung, recipient and state of each telling, sorted."""
        table = schema.deliveries
        rows = await self.log.read(lambda c: c.execute(select(table).where(table.c.kind == "telling")).all())
        return sorted((orjson.loads(row.payload)["rung"], row.recipient, row.state) for row in rows if row.payload)

    async def events(self) -> list[tuple[str, object]]:
        table = schema.outbox
        rows = await self.log.read(lambda c: c.execute(select(table.c.type, table.c.at).order_by(table.c.id)).all())
        return [(row.type, row.at) for row in rows]

    async def clocks(self, address: str = JANE) -> dict[str, ClockRecord]:
        """The clocks of the customer's only case, by kind."""
        (file,) = (await items_of(self.log, *key.of_addresses(address))).files.values()
        return {record.value.clock.value: record for record in file.clocks}

    async def change_clock(self, record: ClockRecord) -> None:
        await self.log.decide((key.of_case(record.case_id),), lambda items: Change(clocks=(record,)))

    async def set_timers(self, at: object) -> None:
        """As the apply of new rules does it: in one statement, past the records."""
        table = schema.clocks
        statement = update(table).where(table.c.owed).values(timer_at=at)
        await self.log.writer.write(lambda connection: connection.execute(statement))


def from_hand(make: Callable[[Books], Interaction], **more: Any) -> Callable[[Books], Interaction]:
    """The same touch, as a person or another system entered it."""
    given = {"mailbox": None, **more}
    return lambda books: replace(make(books), **given)


def terms_of(*versions: Version) -> Terms:
    return Terms(versions=versions)


def only(lines: Iterable[str], word: str) -> list[str]:
    return [line for line in lines if word in line]
