"""Who is told, as it stands in the store: every way in which a step may wait, and what became of its notice."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from sqlalchemy import update

from commsd.cli.why_told import people_lines
from commsd.core import key
from commsd.core.agent import Absence
from commsd.core.explain import why
from commsd.core.interaction import DeliveryState
from commsd.core.policy import Step
from commsd.sla.notice.summons import House, summons
from commsd.sla.notice.telling import WINDOW
from commsd.store import schema, tellings
from commsd.store.log import Log
from tests.core.items import answer_to, mail_from
from tests.house import items_of
from tests.sla.notice.alarm_desk import ALWAYS, PEOPLE, POST, AlarmDesk, away, with_ladder
from tests.world import ScriptedWorld

BERLIN = ZoneInfo("Europe/Berlin")
M = timedelta(minutes=1)
H = timedelta(hours=1)
DUE = Step(at=timedelta(0), tell=("owner",))
PAGE = replace(DUE, page=True)
ANNA = "Anna Berg (anna@commsd.test)"


async def opened(log: Log, world: ScriptedWorld, *steps: Step) -> AlarmDesk:
    desk = AlarmDesk(log, world)
    await desk.rules.bring_in(with_ladder(*steps), {}, world.now)
    return desk


async def written(desk: AlarmDesk, number: int = 1) -> None:
    """Customer of that number wrote; only the first answer runs on."""
    address = f"customer{number}@example.org"
    await desk.take(mail_from(address, f"Matter {number}", team="service"), address)
    await desk.take(answer_to(address, f"Matter {number}", partial=True), address)


async def told(desk: AlarmDesk, number: int = 1) -> list[str]:
    """What is said of who is told of this customer's first answer, read from the store as `explain` does."""
    now = desk.world.now
    items = await items_of(desk.log, *key.of_addresses(f"customer{number}@example.org"))
    (file,) = items.files.values()
    of_case = await desk.log.read(lambda c: tellings.of_case(c, file.case.id))
    recipients = [each.recipient for each in of_case if each.state is DeliveryState.QUEUED]
    house = House(
        firm=desk.firm,
        post=POST,
        now=now,
        office=None,
        calendars={"always": ALWAYS},
        notices=await desk.log.read(lambda c: tellings.notices_of(c, of_case)),
        lately=await desk.log.read(lambda c: tellings.told_within(c, recipients, now - WINDOW, now)),
    )
    (clock,) = (e for e in why(file, desk.rules.terms.versions, now).clocks if e.value.clock == "first_response")
    found = summons(clock.rungs, clock.record, file.case, of_case, house)
    return [line.strip() for line in people_lines(clock.value, found, BERLIN)][1:]


async def notices_become(log: Log, **values: Any) -> None:
    statement = update(schema.deliveries).where(schema.deliveries.c.kind == "notice").values(**values)
    await log.writer.write(lambda connection: connection.execute(statement))


def clock_time(at: datetime) -> str:
    return f"{at.astimezone(BERLIN):%a %H:%M:%S}"


def exact(at: datetime) -> str:
    return f"{at.astimezone(BERLIN):%a %Y-%m-%d %H:%M:%S %Z}"


async def test_a_telling_in_no_notice_yet_waits_for_the_next_round(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await opened(log, scripted_world, DUE)
    await written(desk)
    scripted_world.advance(4 * H + M)
    await desk.escalate()
    step, who = await told(desk)
    assert step.endswith(": waits")
    assert who == f"{ANNA}, waits for the next round of notices"


async def test_what_became_of_the_notice_stands_there(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await opened(log, scripted_world, DUE)
    await written(desk)
    scripted_world.advance(4 * H + M)
    await desk.settle()
    put = f"{ANNA}, put into a notice at {clock_time(scripted_world.now)}"
    assert (await told(desk))[1] == f"{put}; the notice waits to be sent"
    await notices_become(log, state="failed", attempts=3, status_raw="550 no")
    assert (await told(desk))[1] == f"{put}; the notice was given up, tried 3 times: 550 no"
    await notices_become(log, state="sent")
    assert (await told(desk))[1] == f"{ANNA} at {clock_time(scripted_world.now)}"


async def test_a_further_notice_within_five_minutes_says_until_when_it_waits(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    desk = await opened(log, scripted_world, DUE)
    await written(desk, 1)
    scripted_world.advance(M)
    await written(desk, 2)
    scripted_world.advance(4 * H - M + timedelta(seconds=1))
    await desk.settle()
    until = exact(scripted_world.now + 5 * M)
    scripted_world.advance(M)
    await desk.settle()
    assert (await told(desk, 2))[1] == (
        f"{ANNA}, waits until {until}: a notice went to them less than five minutes ago"
    )


async def test_a_page_beyond_the_cap_says_so(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await opened(log, scripted_world, PAGE)
    for number in range(6):
        await written(desk, number)
        scripted_world.advance(timedelta(seconds=5))
    scripted_world.advance(4 * H - timedelta(seconds=29))
    until = exact(scripted_world.now + M)
    for _ in range(6):
        await desk.settle()
        scripted_world.advance(timedelta(seconds=5))
    assert (await told(desk, 5))[1] == (f"{ANNA}, waits until {until}: capped, five pages went to them within a minute")


async def test_who_went_away_while_it_waited_is_named_with_the_deputy(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await opened(log, scripted_world, DUE)
    await written(desk)
    scripted_world.advance(4 * H + M)
    await desk.escalate()
    today = scripted_world.now.date()
    desk.firm = replace(desk.firm, people=away(PEOPLE, "anna", Absence(today, today)))
    desk.begin()
    assert (await told(desk))[2] == "Anna Berg is away, Bo Lund stands in"


async def test_what_was_answered_before_its_notice_says_so(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await opened(log, scripted_world, Step(at=75, tell=("owner",)))
    await written(desk)
    scripted_world.advance(3 * H + M)
    await desk.escalate()
    await desk.take(answer_to("customer1@example.org", "Matter 1"), "customer1@example.org")
    scripted_world.advance(M)
    await desk.settle()
    assert (await told(desk))[1] == f"{ANNA}, not told: answered before, seen {clock_time(scripted_world.now)}"
