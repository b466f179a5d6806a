"""Rules come in force: when, for which clocks, who learns of it, what a later version takes back. On both stores."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import orjson
import pytest
from sqlalchemy import insert, select

from commsd.core import key
from commsd.core.case import ClockRecord
from commsd.core.change import Change, change_of, recheck
from commsd.core.open_items import OpenItems
from commsd.core.policy import ClockKind, Version, as_json, from_json
from commsd.crm.event import cloud_event
from commsd.errors import NotFound, Refused, TryAgain
from commsd.sla.rules.in_force import ENOUGH, LEAD, Follow, Plan, Rules, chosen
from commsd.store import feed, rules_schema, schema
from commsd.store.claims import Claims
from commsd.store.log import Log
from tests.core.items import JANE, Books, mail_from
from tests.house import STANDARD, TERMS, items_of
from tests.world import ScriptedWorld

(FIRST,) = TERMS.versions
HOUR = timedelta(hours=1)


def answering_within(hours: float, name: str | None = None) -> Version:
    """The house's rules with another target for the first answer."""
    target = replace(STANDARD.targets[ClockKind.FIRST_RESPONSE], duration=timedelta(hours=hours))
    policy = replace(STANDARD, targets={**STANDARD.targets, ClockKind.FIRST_RESPONSE: target})
    return replace(FIRST, id=name or f"within {hours:g}", policies={"standard": policy})


class Desk:
    """A daemon's rules, and customers who write."""

    def __init__(self, log: Log, world: ScriptedWorld) -> None:
        self.log, self.world, self.rules = log, world, Rules(log)

    async def write(self, sender: str = JANE) -> None:
        def decide(items: OpenItems) -> Change:
            return change_of(mail_from(sender)(Books(items.now, items.new_id)), items, self.rules.terms)

        await self.log.decide(key.of_addresses(sender), decide)

    async def clock(self, sender: str = JANE) -> ClockRecord:
        (file,) = (await items_of(self.log, *key.of_addresses(sender))).files.values()
        (found,) = (clock for clock in file.clocks if clock.value.clock is ClockKind.FIRST_RESPONSE)
        return found

    async def within(self, sender: str = JANE) -> timedelta:
        value = (await self.clock(sender)).value
        assert value.due_at
        return value.due_at - value.started_at

    async def plan(self, candidate: Version, start: datetime | None = None, applies: str = "new") -> Plan:
        await self.rules.load()
        return self.rules.plan(candidate, self.world.now, start, "running" if applies == "running" else "new")

    async def apply(self, candidate: Version, start: datetime | None = None, applies: str = "new") -> int:
        plan = await self.plan(candidate, start, applies)
        return (await self.rules.accept(plan, {"a.toml": candidate.id}, self.world.now, "cli:test")).number

    async def look(self) -> int:
        """What the escalation does with every case whose timer is over; how many there were."""
        due = await Claims(self.log, self.world.world, "node").due_cases(self.world.now)
        for case_id in due:
            await self.log.decide((key.of_case(case_id),), lambda items: self._checked(items))
        return len(due)

    def _checked(self, items: OpenItems) -> Change:
        (file,) = items.files.values()
        return recheck(file, items, self.rules.terms)

    async def events(self, kind: str) -> Sequence[dict[str, object]]:
        table = schema.outbox
        rows = await self.log.read(
            lambda c: c.execute(select(table.c.record).where(table.c.type == kind).order_by(table.c.id)).all()
        )
        return [row.record for row in rows]

    def states(self) -> list[str]:
        return [self.rules.state(each, self.world.now) for each in self.rules.stored]


@pytest.fixture
async def desk(log: Log, scripted_world: ScriptedWorld) -> Desk:
    desk = Desk(log, scripted_world)
    await desk.rules.bring_in(FIRST, {}, scripted_world.now)
    return desk


async def test_the_first_version_is_in_force_from_long_before(desk: Desk) -> None:
    assert desk.rules.in_force(desk.world.now - timedelta(days=1000))
    assert desk.states() == ["in force"]


async def test_the_same_rules_change_nothing(desk: Desk) -> None:
    assert await desk.rules.bring_in(FIRST, {}, desk.world.now) is None
    plan = await desk.plan(FIRST)
    assert (plan.version, plan.why) == (None, "these are the rules of version 1")
    with pytest.raises(Refused, match="nothing changes"):
        await desk.rules.accept(plan, {}, desk.world.now, "cli:test")


async def test_a_new_version_governs_what_begins_after_it_and_nothing_before(desk: Desk) -> None:
    await desk.write()
    desk.world.advance(timedelta(minutes=1))
    await desk.apply(answering_within(2))
    desk.world.advance(timedelta(minutes=1))
    await desk.write("second@example.org")
    assert await desk.look() == 0
    assert (await desk.within(), await desk.within("second@example.org")) == (4 * HOUR, 2 * HOUR)


async def test_a_version_for_later_waits_and_comes_in_force_by_itself(desk: Desk) -> None:
    await desk.apply(answering_within(2), desk.world.now + HOUR)
    assert desk.states() == ["in force", "waiting"]
    await desk.write()
    desk.world.advance(HOUR)
    assert desk.states() == ["former", "in force"]
    await desk.write("second@example.org")
    assert (await desk.within(), await desk.within("second@example.org")) == (4 * HOUR, 2 * HOUR)


async def test_one_that_is_overtaken_while_it_waits_is_withdrawn_and_kept(desk: Desk) -> None:
    await desk.apply(answering_within(2), desk.world.now + 3 * HOUR)
    await desk.apply(answering_within(3), desk.world.now + 2 * HOUR)
    assert desk.states() == ["in force", "withdrawn", "waiting"]
    desk.world.advance(4 * HOUR)
    assert [version.id for version in desk.rules.terms.versions] == ["test", "within 3"]
    assert [event["withdraws"] for event in await desk.events("rules.changed")] == [[], [], [2]]


async def test_one_that_comes_later_still_leaves_the_waiting_one_alone(desk: Desk) -> None:
    await desk.apply(answering_within(2), desk.world.now + 2 * HOUR)
    await desk.apply(FIRST, desk.world.now + 5 * HOUR)
    assert desk.states() == ["in force", "waiting", "waiting"]


async def test_going_back_to_the_rules_in_force_withdraws_what_waits(desk: Desk) -> None:
    await desk.apply(answering_within(2), desk.world.now + 2 * HOUR)
    await desk.apply(FIRST)
    assert desk.states() == ["former", "withdrawn", "in force"]


async def test_the_same_for_the_same_time_again_changes_nothing(desk: Desk) -> None:
    start = desk.world.now + 2 * HOUR
    await desk.apply(answering_within(2), start)
    assert (await desk.plan(answering_within(2), start)).why == "version 2 waits for that time"
    assert (await desk.plan(answering_within(2), start, "running")).version


async def test_the_same_for_another_time_puts_it_off(desk: Desk) -> None:
    await desk.apply(answering_within(2), desk.world.now + 2 * HOUR)
    await desk.apply(answering_within(2), desk.world.now + 3 * HOUR)
    assert desk.states() == ["in force", "withdrawn", "waiting"]


async def test_a_time_before_the_running_version_is_refused(desk: Desk) -> None:
    await desk.apply(answering_within(2))
    with pytest.raises(Refused, match="effective_from lies before the running version"):
        await desk.plan(answering_within(3), desk.world.now - HOUR)


async def test_two_who_plan_at_once_do_not_overwrite_each_other(desk: Desk) -> None:
    plan = await desk.plan(answering_within(2))
    await desk.apply(answering_within(3))
    with pytest.raises(TryAgain):
        await desk.rules.accept(plan, {}, desk.world.now, "cli:test")
    assert len(desk.rules.stored) == 2


async def test_running_clocks_get_the_new_target_and_nobody_is_late_before_the_change(desk: Desk) -> None:
    await desk.write()
    await desk.write("early@example.org")
    desk.world.advance(2 * HOUR)
    await desk.write("second@example.org")
    changed = desk.world.now
    await desk.apply(answering_within(1), applies="running")
    desk.world.advance(timedelta(seconds=1))
    assert await desk.look() == 3
    assert (await desk.clock()).value.due_at == changed
    assert await desk.within("second@example.org") == HOUR
    assert (await desk.clock()).value.rules_version == "within 1"
    assert len(await desk.events("clock.retargeted")) == 1
    late = [event["due_at"] for event in await desk.events("clock.breached") if event["clock"] == "first_response"]
    assert len(late) == 2
    assert all(datetime.fromisoformat(str(due)) == changed for due in late)


async def test_a_case_looked_at_in_vain_is_not_looked_at_again(desk: Desk) -> None:
    await desk.write()
    await desk.apply(replace(FIRST, id="same"), applies="running")
    desk.world.advance(timedelta(seconds=1))
    assert await desk.look() == 1
    assert await desk.look() == 0


async def test_running_clocks_are_taken_over_at_the_time_of_a_later_version(desk: Desk) -> None:
    await desk.write()
    await desk.apply(answering_within(1), desk.world.now + 2 * HOUR, "running")
    desk.world.advance(timedelta(minutes=30))  # past the acknowledgement
    await desk.look()
    assert await desk.within() == 4 * HOUR
    desk.world.advance(timedelta(minutes=91))
    assert await desk.look() == 1
    assert await desk.within() == 2 * HOUR


async def test_a_version_from_the_past_judges_again_what_began_since(desk: Desk) -> None:
    await desk.write()
    desk.world.advance(timedelta(minutes=10))
    await desk.apply(answering_within(2), desk.world.now - timedelta(minutes=20))
    desk.world.advance(timedelta(seconds=1))
    assert await desk.look() == 1
    assert await desk.within() == 2 * HOUR
    assert await desk.look() == 0


async def test_the_feed_says_that_the_rules_changed_and_nothing_personal(desk: Desk) -> None:
    await desk.apply(answering_within(2))
    entries = await desk.log.read(
        lambda c: c.execute(select(schema.outbox).where(schema.outbox.c.type == "rules.changed")).all()
    )
    last = entries[-1]._mapping
    told = feed.OutboxEntry(**{**last, "record": orjson.dumps(last["record"]).decode()})
    event = orjson.loads(cloud_event(told, 7, "epoch"))
    assert (event["type"], event["subject"]) == ("commsd.rules.changed.v1", event["data"]["id"])
    data = event["data"]
    assert (data["number"], data["revision"], data["rules_version"], data["by"]) == (2, 2, "within 2", "cli:test")
    assert (data["applies"], data["policies"], data["calendars"]) == ("new", ["standard"], ["office"])
    assert data["privacy"]["redactions"] == []
    assert len({entry.subject for entry in entries}) == 1
    assert len(entries[0].subject) == 36


async def test_another_process_takes_over_what_was_accepted(desk: Desk, log: Log) -> None:
    other = Desk(log, desk.world)
    await other.rules.load()
    follow = Follow(other.rules, desk.world.world)
    assert await follow.once() is False
    start = desk.world.now + LEAD
    await desk.apply(answering_within(2), start)
    assert await follow.once() is True
    assert other.rules.terms == desk.rules.terms
    assert await follow.once() is False
    await desk.apply(FIRST, start + HOUR)
    await desk.apply(FIRST, start)
    assert await follow.once() is True  # a withdrawal too
    assert other.states() == desk.states()


async def test_what_was_decided_before_one_heard_of_new_rules_is_looked_at_again(desk: Desk, log: Log) -> None:
    other = Desk(log, desk.world)
    await other.rules.load()
    await desk.apply(answering_within(2))
    desk.world.advance(timedelta(minutes=1))
    await other.write()
    assert await desk.within() == 4 * HOUR
    desk.world.advance(timedelta(minutes=1))
    assert await other.rules.follow(desk.world.now) is True
    desk.world.advance(timedelta(seconds=1))
    assert await other.look() == 1
    assert (await desk.within(), (await desk.clock()).value.rules_version) == (2 * HOUR, "within 2")


async def test_where_a_daemon_works_new_rules_wait_until_it_has_heard_of_them(desk: Desk, log: Log) -> None:
    assert await desk.rules.lead(desk.world.now) == timedelta()
    await Claims(log, desk.world.world, "node/life").lease("feed", timedelta(seconds=6))
    assert await desk.rules.lead(desk.world.now) == LEAD


async def test_rules_take_effect_at_a_whole_second_so_that_a_mail_which_comes_after_is_not_dated_before(
    desk: Desk, log: Log
) -> None:
    await Claims(log, desk.world.world, "node/life").lease("feed", timedelta(seconds=6))
    now = desk.world.now + timedelta(milliseconds=445)
    assert (now + await desk.rules.lead(now)).microsecond == 0
    assert await desk.rules.lead(now) >= LEAD


def read_from(files: str, version: Version) -> Version:
    return replace(version, source=files)


async def test_files_that_did_not_change_do_not_undo_what_was_applied(desk: Desk) -> None:
    """A node whose own folder was not touched starts again."""
    old, new = read_from("old", answering_within(3)), read_from("new", answering_within(2))
    assert await desk.rules.take_files(old, {}, desk.world.now, "node")
    await desk.apply(new)
    assert await desk.rules.take_files(old, {}, desk.world.now, "node") is None
    running = desk.rules.in_force(desk.world.now)
    assert running
    assert running.version.source == "new"
    newer = read_from("newer", answering_within(1))
    assert await desk.rules.take_files(newer, {}, desk.world.now, "node")
    assert await desk.rules.take_files(old, {}, desk.world.now, "node")  # put back by hand
    assert [each.version.source for each in desk.rules.stored] == ["", "old", "new", "newer", "old"]


async def test_what_was_accepted_while_the_hosts_clock_ran_ahead_does_not_wait_for_that_time(desk: Desk) -> None:
    new = read_from("new", answering_within(2))
    desk.world.advance(timedelta(days=1))
    assert await desk.rules.take_files(new, {"a.toml": "new"}, desk.world.now, "node")
    desk.world.advance(timedelta(days=-1))
    assert desk.states() == ["in force", "waiting"]
    await desk.write()
    assert await desk.within() == 4 * HOUR
    assert await desk.rules.take_files(new, {"a.toml": "new"}, desk.world.now, "node")
    assert desk.states() == ["former", "withdrawn", "in force"]
    assert await desk.rules.take_files(new, {"a.toml": "new"}, desk.world.now, "node") is None
    desk.world.advance(timedelta(minutes=1))
    await desk.write("second@example.org")
    assert await desk.within("second@example.org") == 2 * HOUR


async def test_applied_again_after_the_hosts_clock_was_set_back_they_come_in_force(desk: Desk) -> None:
    desk.world.advance(timedelta(days=1))
    await desk.apply(answering_within(2), applies="running")
    desk.world.advance(timedelta(days=-1))
    await desk.apply(answering_within(2), applies="running")
    assert desk.states() == ["former", "withdrawn", "in force"]


async def test_files_equal_to_a_version_that_waits_leave_it_waiting(desk: Desk) -> None:
    new = read_from("new", answering_within(2))
    await desk.apply(new, desk.world.now + HOUR)
    assert await desk.rules.take_files(new, {}, desk.world.now, "node") is None
    assert desk.states() == ["in force", "waiting"]


async def test_the_same_files_list_more_holidays_only_when_an_operator_applies_them(desk: Desk) -> None:
    now = desk.world.now
    short = replace(read_from("files", answering_within(2)), holidays_until=(now + ENOUGH / 2).date())
    longer = replace(short, id="longer", holidays_until=date(2032, 12, 31))
    await desk.apply(short)
    assert desk.rules.holidays_end(now) == short.holidays_until
    assert await desk.rules.bring_in(longer, {"a.toml": "x"}, now) is None
    assert await desk.rules.take_files(longer, {"a.toml": "x"}, now, "node") is None
    assert desk.rules.plan(longer, now).version is None
    plan = desk.rules.plan(longer, now, anew=True)
    assert plan.version
    await desk.rules.accept(plan, {}, now, "cli:test")
    assert desk.rules.holidays_end(now) is None


async def test_rules_without_files_are_renewed_before_their_holidays_end(desk: Desk) -> None:
    now = desk.world.now
    short = replace(read_from("service", answering_within(2)), holidays_until=(now + ENOUGH / 2).date())
    longer = replace(short, id="longer", holidays_until=date(2032, 12, 31))
    assert await desk.rules.take_files(short, {}, now, "node")
    assert await desk.rules.take_files(short, {}, now, "node") is None
    assert await desk.rules.take_files(longer, {}, now, "node")
    await desk.apply(answering_within(1))
    assert await desk.rules.take_files(longer, {}, now, "node") is None


async def test_a_holiday_that_moved_in_the_same_files_counts_only_when_an_operator_applies_them(desk: Desk) -> None:
    until = date(2029, 12, 31)
    one = replace(read_from("files", answering_within(2)), holidays_until=until)
    calendar = replace(one.calendars["office"], dates={date(2027, 5, 6): ()})
    other = replace(one, id="other", calendars={"office": calendar})
    await desk.apply(one)
    assert desk.rules.plan(other, desk.world.now).version is None
    assert desk.rules.plan(other, desk.world.now, anew=True).version
    past = replace(one, calendars={"office": replace(calendar, dates={date(2025, 5, 6): ()})})
    assert desk.rules.plan(past, desk.world.now, anew=True).version is None


async def test_a_version_of_an_earlier_commsd_and_a_zone_that_is_gone_still_load(desk: Desk) -> None:
    stored = as_json(answering_within(2))
    for name in ("source", "made_with", "holidays_until", "ladders", "applies"):
        del stored[name]
    del stored["rules"][0]["sets"]
    target = stored["policies"]["standard"]["targets"]["first_response"]
    for name in ("met_after_attempts", "objective", "pause_on"):
        del target[name]
    target["of_a_later_commsd"] = True
    stored["calendars"]["office"]["tz"] = "Europe/Atlantis"
    start = desk.world.now
    row = {"id": "old", "accepted_at": start, "effective_from": start, "applies": "new", "files": {}, "version": stored}
    await desk.log.writer.write(lambda c: c.execute(insert(rules_schema.rule_versions).values(row)))
    await desk.rules.load()
    await desk.write()
    assert (await desk.clock()).value.rules_version == "within 2"


def test_a_version_survives_its_json() -> None:
    version = replace(
        FIRST, source="abc", made_with={"tzdata": "2026.1"}, holidays_until=date(2029, 12, 31), applies="running"
    )
    assert from_json(orjson.loads(orjson.dumps(as_json(version)))) == version


async def test_a_version_is_found_by_its_number_or_the_beginning_of_its_id(desk: Desk) -> None:
    await desk.apply(replace(FIRST, id="abcd1"))
    await desk.apply(replace(FIRST, id="abcd2"))
    await desk.apply(replace(FIRST, id="abcd1"))
    assert chosen(desk.rules.stored, "3").version.id == "abcd2"
    assert chosen(desk.rules.stored, "abcd2").number == 3
    assert chosen(desk.rules.stored, "abcd1").number == 4
    for word in ("abcd", "9", "abc", "zzzz"):
        with pytest.raises(NotFound):
            chosen(desk.rules.stored, word)


def test_the_beginning_lies_before_everything() -> None:
    assert FIRST.effective_from < datetime(2026, 1, 1, tzinfo=UTC)
