"""The morning digest: once a working day, each of our people at work reads what they owe. On both stores."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta

import pytest
from sqlalchemy import select

from commsd.core import key
from commsd.core.agent import Absence
from commsd.core.calendar import Calendar
from commsd.core.entry import Hand
from commsd.core.firm import Firm
from commsd.core.policy import Rule
from commsd.crm.erasure import erase
from commsd.sla.notice.digest import Digest, works_on
from commsd.store import schema
from commsd.store.log import Log
from tests.core.items import mail_from
from tests.house import OFFICE, TERMS, items_of
from tests.sla.notice.alarm_desk import PEOPLE, POST, AlarmDesk, away, from_hand, only
from tests.world import ScriptedWorld

THURSDAY = datetime(2026, 3, 5, 7, 0, tzinfo=UTC)  # 8:00 in Berlin
H = timedelta(hours=1)


class Morning(AlarmDesk):
    """A desk with the digest's duty."""

    def begin(self) -> None:
        super().begin()
        world = self.world.world
        self.digest = Digest(self.firm, self.post, time(8), self.log, self.claims, self.rules, world)


@pytest.fixture
async def desk(log: Log, scripted_world: ScriptedWorld) -> Morning:
    desk = Morning(log, scripted_world)
    await desk.rules.bring_in(TERMS.versions[0], {}, scripted_world.now)
    return desk


async def written(desk: Morning, name: str, mailbox: str = "support", team: str = "service") -> None:
    mail = mail_from(f"{name}@example.org", f"Matter of {name}", team=team)
    await desk.take(from_hand(mail, mailbox=mailbox), f"{name}@example.org")


async def test_each_reads_what_they_owe_and_the_lead_what_the_team_does(desk: Morning) -> None:
    await written(desk, "max")  # Wednesday 10:00, late by Thursday
    desk.world.now = datetime(2026, 3, 4, 15, 30, tzinfo=UTC)
    await written(desk, "eva")  # due on Thursday
    desk.world.now = THURSDAY
    await desk.escalate()
    assert await desk.digest.once() is True
    assert await desk.told() == [
        "anna@commsd.test: Thursday 5 March: 3 late, 1 due today",
        "cai@commsd.test: Thursday 5 March: 3 late, 1 due today",
    ]
    said = {to: text for _, to, text in await desk.notices()}
    assert said["anna@commsd.test"].splitlines()[2] == (
        "Anna Berg, this is owed: 3 late, 1 due today. Times are those of Europe/Berlin."
    )
    assert (
        "- the first answer to Jane (Matter of max): Wednesday 4 March 14:00, 18 hours ago. Case "
        in (said["anna@commsd.test"])
    )
    assert "; Anna Berg has it. Case " in said["cai@commsd.test"]


async def test_it_goes_once_a_day_also_after_a_restart_and_up_to_four_hours_late(desk: Morning) -> None:
    await written(desk, "max")
    desk.world.now = THURSDAY - timedelta(seconds=1)
    assert await desk.digest.once() is False
    desk.world.now = THURSDAY + 4 * H - timedelta(seconds=1)
    assert await desk.digest.once() is True
    desk.begin()
    await desk.rules.load()
    assert await desk.digest.once() is False
    assert len(await desk.notices()) == 2
    desk.world.now = THURSDAY + 28 * H
    assert await desk.digest.once() is False, "four hours late is too late"
    desk.world.now = THURSDAY + 96 * H
    assert await desk.digest.once() is True


async def erased(desk: Morning, name: str) -> None:
    """The person of this name is let go of; what is owed to them is closed."""
    (contact,) = (await items_of(desk.log, *key.of_addresses(f"{name}@example.org"))).contacts.values()
    await erase(desk.log, contact.id, Hand(by="anna", agent_id="anna", agent="Anna Berg"), TERMS, even_if_owed=True)


async def queued(desk: Morning) -> dict[str, str]:
    """The digests that are still to go: reader -> text."""
    table = schema.deliveries
    waiting = select(table).where(table.c.kind == "notice", table.c.state == "queued")
    rows = await desk.log.read(lambda c: c.execute(waiting).all())
    return {row.recipient: bytes(row.payload).decode() for row in rows}


async def test_prv_1_a_digest_that_quoted_somebody_erased_is_made_anew_without_them(desk: Morning) -> None:
    await written(desk, "max")
    await written(desk, "eva")
    desk.world.now = THURSDAY
    assert await desk.digest.once() is True
    before = await queued(desk)
    assert all("Matter of max" in text for text in before.values())
    await erased(desk, "max")
    assert await queued(desk) == {}
    desk.world.now += H
    assert await desk.digest.once() is True
    after = await queued(desk)
    assert set(after) == set(before) == {"anna@commsd.test", "cai@commsd.test"}
    assert all("Matter of eva" in text and "Matter of max" not in text for text in after.values())
    assert await desk.digest.once() is False
    await erased(desk, "eva")
    assert await desk.digest.once() is False, "nothing is owed any more"
    assert await queued(desk) == {}


async def test_prv_1_made_anew_is_a_digest_once_and_its_own_readers_alone_get_it(desk: Morning) -> None:
    await written(desk, "max")
    desk.world.now = THURSDAY
    await desk.digest.once()
    await erased(desk, "max")
    await written(desk, "eva", mailbox="sales")
    assert await desk.digest.once() is True
    desk.begin()
    await desk.rules.load()
    assert await desk.digest.once() is False
    assert set(await queued(desk)) == {"anna@commsd.test", "cai@commsd.test"}, "Bo had none this morning"


async def test_who_owed_nothing_in_the_morning_is_not_told_at_noon(desk: Morning) -> None:
    desk.world.now = THURSDAY
    assert await desk.digest.once() is False
    await written(desk, "max")
    desk.world.now += H
    desk.begin()
    await desk.rules.load()
    assert await desk.digest.once() is False
    assert await desk.notices() == []


async def test_nobody_reads_it_on_a_day_on_which_we_are_closed(desk: Morning) -> None:
    await written(desk, "max")
    desk.world.now = THURSDAY + 48 * H
    assert await desk.digest.once() is False
    assert await desk.notices() == []


async def test_who_is_away_gets_none_and_the_deputy_reads_it(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = Morning(log, scripted_world, away(PEOPLE, "anna", Absence(date(2026, 3, 5), date(2026, 3, 5))))
    await desk.rules.bring_in(TERMS.versions[0], {}, scripted_world.now)
    await written(desk, "max")
    desk.world.now = THURSDAY
    await desk.digest.once()
    assert {line.partition(":")[0] for line in await desk.told()} == {"bo@commsd.test", "cai@commsd.test"}


async def test_what_nobody_owns_everybody_in_the_team_reads_and_without_a_team_the_house(desk: Morning) -> None:
    await written(desk, "max", mailbox="sales")
    await written(desk, "eva", mailbox="sales", team="")
    desk.world.now = THURSDAY
    await desk.digest.once()
    assert {line.partition(":")[0] for line in await desk.told()} == {
        *(f"{name}@commsd.test" for name in ("anna", "bo", "cai")),
        "house@commsd.test",
    }
    assert only([text for _, to, text in await desk.notices() if to.startswith("house")], "it is nobody's: 2 late")


async def test_of_many_the_worst_are_named_and_the_others_counted(desk: Morning) -> None:
    for number in range(30):
        await written(desk, f"max{number}")
        desk.world.advance(timedelta(minutes=1))
    desk.world.now = THURSDAY
    await desk.digest.once()
    (_, _, said), *_ = await desk.notices()
    assert "60 late" in said
    assert said.count("\n- the ") == 25
    assert "- and 35 more" in said


async def test_without_a_mailbox_nothing_is_written(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = Morning(log, scripted_world, post=replace(POST, via=None))
    await desk.rules.bring_in(TERMS.versions[0], {}, scripted_world.now)
    await written(desk, "max")
    desk.world.now = THURSDAY
    assert await desk.digest.once() is False


def test_a_working_day_is_one_on_which_the_last_rules_calendar_is_open() -> None:
    holiday = date(2026, 3, 6)
    calendar = Calendar(name="office", tz=OFFICE.tz, weekly=OFFICE.weekly, dates={holiday: ()})
    rules = (*TERMS.versions[0].rules, Rule(match={}, policy=None))
    version = replace(TERMS.versions[0], calendars={"office": calendar}, rules=rules)
    firm = Firm(name="Example Ltd", timezone="Europe/Berlin")
    days = [date(2026, 3, 5) + timedelta(days=ahead) for ahead in range(5)]
    assert [works_on(day, firm, (version,), THURSDAY) for day in days] == [True, False, False, False, True]
    assert [works_on(day, firm, (), THURSDAY) for day in days] == [True, True, False, False, True]
