"""Clocks that run on: recorded at their true instants, and our people told of each rung once. On both stores."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from commsd.core import key
from commsd.core.agent import Absence, People
from commsd.core.callback import State as Owed
from commsd.core.callback import claimed
from commsd.core.case import CaseState
from commsd.core.change import Change
from commsd.core.clock import State
from commsd.core.interaction import Kind, Outcome
from commsd.core.ladder import SKIPPED
from commsd.core.ledger import NOBODY
from commsd.core.policy import Step
from commsd.sla.notice.post import Post
from commsd.store.log import Log
from tests.core.items import JANE, NUMBER, answer_to, call_from, mail_from, moved
from tests.house import TERMS, items_of
from tests.sla.notice.alarm_desk import (
    PEOPLE,
    POST,
    STANDARD_LADDER,
    AlarmDesk,
    away,
    from_hand,
    only,
    text,
    with_ladder,
)
from tests.world import ScriptedWorld

FIRST = TERMS.versions[0]
H = timedelta(hours=1)


@pytest.fixture
async def desk(log: Log, scripted_world: ScriptedWorld) -> AlarmDesk:
    """Wednesday 10:00 in Berlin; rules without a ladder."""
    desk = AlarmDesk(log, scripted_world)
    await desk.rules.bring_in(FIRST, {}, scripted_world.now)
    return desk


async def laddered(
    log: Log, world: ScriptedWorld, *steps: Step, people: People = PEOPLE, post: Post = POST
) -> AlarmDesk:
    """A desk whose first answers, and nothing else, are on this ladder."""
    desk = AlarmDesk(log, world, people, post)
    await desk.rules.bring_in(with_ladder(*(steps or STANDARD_LADDER)), {}, world.now)
    return desk


async def written(desk: AlarmDesk, **more: Any) -> None:
    """A customer wrote, and only the first answer runs on."""
    await desk.take(mail_from(team="service", **more))
    await desk.take(answer_to(partial=True))


async def test_nothing_is_said_while_nothing_is_due(desk: AlarmDesk) -> None:
    await desk.take(mail_from())
    assert await desk.duty.once() is False
    assert await desk.dispatch.once() is False
    assert await desk.told() == []


async def test_a_warning_goes_to_the_person_once_and_is_dated_when_it_was_due(desk: AlarmDesk) -> None:
    await written(desk)
    started = desk.world.now
    desk.world.advance(timedelta(hours=3, minutes=20))
    assert await desk.duty.once() is True
    assert await desk.duty.once() is False
    await desk.settle()
    assert await desk.told() == ["anna@commsd.test: Due soon: the first answer (Delivery)"]
    assert ("clock.warned", started + 3 * H) in await desk.events()


async def test_a_breach_goes_to_person_and_lead_once_each(desk: AlarmDesk) -> None:
    await written(desk)
    desk.world.advance(5 * H)
    await desk.settle()
    assert only(await desk.told(), "Overdue") == [
        "anna@commsd.test: Overdue: the first answer (Delivery)",
        "cai@commsd.test: Overdue: the first answer (Delivery)",
    ]
    desk.world.advance(5 * H)
    assert await desk.duty.once() is False


async def test_an_answer_in_time_silences_what_was_to_come(desk: AlarmDesk) -> None:
    await desk.take(mail_from())
    desk.world.advance(timedelta(minutes=5))
    await desk.take(answer_to())
    desk.world.advance(5 * H)
    assert await desk.duty.once() is False
    assert await desk.told() == []


async def test_a_breach_seen_first_by_another_decision_is_told_all_the_same(desk: AlarmDesk) -> None:
    await desk.take(mail_from())
    desk.world.advance(5 * H)
    await desk.take(mail_from(subject="Re: Delivery"))
    await desk.settle()
    assert [said for _, _, said in await desk.notices() if "first answer" in said and "overdue" in said]


async def test_each_rung_comes_at_its_time_to_whom_it_names(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await laddered(log, scripted_world)
    await written(desk)
    await desk.wait(hours=6, minutes=50)
    assert await desk.tellings() == [
        ("+1h", "cai@commsd.test", "sent"),
        ("+1h/2", "cai@commsd.test", "sent"),
        ("75%", "anna@commsd.test", "sent"),
        ("due", "anna@commsd.test", "sent"),
        ("due", "bo@commsd.test", "sent"),
    ]
    assert len(await desk.notices()) == 5


async def test_of_several_rungs_missed_while_we_were_down_only_the_last_is_told(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    desk = await laddered(log, scripted_world)
    await written(desk)
    scripted_world.advance(timedelta(hours=5, minutes=30))
    desk.begin()
    await desk.rules.load()
    await desk.settle()
    assert await desk.told() == ["cai@commsd.test: Overdue: the first answer (Delivery)"]
    record = (await desk.clocks())["first_response"]
    assert record.told == ("75%" + SKIPPED, "due" + SKIPPED, "+1h")
    await desk.wait(hours=20)
    assert [rung for rung, *_ in await desk.tellings()] == ["+1h", "+1h/2"]


async def test_how_late_a_rung_was_is_measured(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await laddered(log, scripted_world)
    await written(desk)
    scripted_world.advance(3 * H + timedelta(seconds=90))
    await desk.settle()
    assert desk.delays == [90.0]


async def test_a_breach_is_dated_when_it_was_due_however_late_we_look(desk: AlarmDesk) -> None:
    await written(desk)
    started = desk.world.now
    desk.world.advance(timedelta(days=2))
    await desk.settle()
    assert ("clock.breached", started + 4 * H) in await desk.events()


async def test_a_kill_between_commit_and_dispatch_loses_nothing_and_tells_nobody_twice(desk: AlarmDesk) -> None:
    await written(desk)
    desk.world.advance(5 * H)
    await desk.escalate()
    desk.begin()
    await desk.rules.load()
    await desk.settle()
    told = await desk.told()
    assert len(told) == len(set(told)) == 2
    desk.begin()
    await desk.rules.load()
    await desk.settle()
    assert await desk.told() == told


async def test_what_was_answered_before_it_was_told_is_told_no_more(desk: AlarmDesk) -> None:
    await written(desk)
    desk.world.advance(3.5 * H)
    await desk.escalate()
    await desk.take(answer_to())
    await desk.settle()
    assert await desk.told() == []
    assert {state for *_, state in await desk.tellings()} == {"cancelled"}


async def test_rungs_wait_for_opening_hours_and_a_page_does_not(log: Log, scripted_world: ScriptedWorld) -> None:
    steps = (
        Step(at=timedelta(0), tell=("owner",)),
        Step(at=4 * H, real=True, tell=("lead",)),
        Step(at=5 * H, real=True, tell=("bo",), page=True),
    )
    scripted_world.advance(3 * H)  # due at 17:00, when the office closes
    desk = await laddered(log, scripted_world, *steps)
    await written(desk)
    await desk.wait(hours=12)
    assert await desk.tellings() == [
        ("+4h real", "cai@commsd.test", "queued"),
        ("+5h real", "bo@commsd.test", "sent"),
        ("due", "anna@commsd.test", "queued"),
    ]
    assert (await desk.clocks())["first_response"].told == ("due", "+4h real", "+5h real")
    await desk.wait(hours=8)
    assert {line.partition(":")[0] for line in await desk.told()} == {
        f"{name}@commsd.test" for name in ("anna", "bo", "cai")
    }


async def test_a_route_keeps_hours_of_its_own(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await laddered(log, scripted_world, Step(at=75, tell=("night", "hook", "mobile")))
    await written(desk)
    await desk.wait(hours=3, minutes=30)
    assert sorted((via, to) for via, to, _ in await desk.notices()) == [
        ("sms", "+493023125011"),
        ("webhook", "https://hook.commsd.test/x"),
    ]
    assert ("75%", "night@commsd.test", "queued") in await desk.tellings()


async def test_a_route_that_is_closed_is_told_when_it_opens_and_not_if_it_was_answered_by_then(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    """Due at 14:00 in Berlin; the night's route opens at 22:00."""
    desk = await laddered(log, scripted_world, Step(at=timedelta(0), tell=("night",)))
    await written(desk)
    await desk.take(mail_from("max@example.org", team="service"), "max@example.org")
    await desk.take(answer_to("max@example.org", partial=True), "max@example.org")
    await desk.wait(hours=5)
    assert await desk.tellings() == [("due", "night@commsd.test", "queued")] * 2
    await desk.take(answer_to())
    await desk.wait(hours=6, minutes=50)
    assert await desk.notices() == []
    await desk.wait(minutes=20)
    assert await desk.tellings() == [("due", "night@commsd.test", state) for state in ("cancelled", "sent")]
    assert len(await desk.notices()) == 1


async def test_nobody_who_is_away_is_told_their_deputy_is(log: Log, scripted_world: ScriptedWorld) -> None:
    people = away(PEOPLE, "anna", Absence(date(2026, 1, 1), date(2026, 12, 31)))
    desk = await laddered(log, scripted_world, people=people)
    await written(desk)
    await desk.wait(hours=4, minutes=30)
    assert {to for _, to, _ in await desk.tellings()} == {"bo@commsd.test"}


async def test_who_is_away_when_the_office_opens_again_is_not_told(log: Log, scripted_world: ScriptedWorld) -> None:
    """Due at closing time; Anna is still at work that day, and on leave from the next."""
    tomorrow = scripted_world.now.date() + timedelta(days=1)
    people = away(PEOPLE, "anna", Absence(tomorrow, date(2026, 12, 31)))
    scripted_world.advance(3 * H)
    desk = await laddered(log, scripted_world, Step(at=timedelta(0), tell=("owner",)), people=people)
    await written(desk)
    await desk.wait(hours=20)
    assert {to for _, to, _ in await desk.notices()} == {"bo@commsd.test"}


async def test_where_everybody_is_away_the_lead_is_told_and_where_nobody_is_named_the_house(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    people = away(away(PEOPLE, "anna", Absence(date.min, date.max)), "bo", Absence(date.min, date.max))
    desk = await laddered(log, scripted_world, Step(at=75, tell=("owner", "team")), people=people)
    await written(desk)
    await desk.take(mail_from("max@example.org"), "max@example.org")  # in no team
    await desk.wait(hours=3, minutes=30)
    assert {line.partition(":")[0] for line in await desk.told()} == {"cai@commsd.test", "house@commsd.test"}


async def test_where_there_is_nobody_at_all_the_clock_says_so_until_somebody_is(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    desk = await laddered(log, scripted_world, people=People(), post=Post(via=None, render=text))
    await written(desk)
    await desk.wait(hours=3, minutes=30)
    assert (await desk.clocks())["first_response"].told == ("75%", NOBODY)
    desk.post = POST
    desk.begin()
    await desk.rules.load()
    await desk.wait(hours=1)
    assert (await desk.clocks())["first_response"].told == ("75%", "due")
    assert only(await desk.told(), "house@") != []


async def test_what_was_entered_by_hand_days_later_alarms_nobody(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await laddered(log, scripted_world)
    early = scripted_world.now - timedelta(days=1)
    await desk.take(from_hand(mail_from(team="service"), occurred_at=early))
    await desk.settle()
    record = (await desk.clocks())["first_response"]
    assert record.value.state is State.BREACHED
    assert set(record.told) == {f"{rung}{SKIPPED}" for rung in ("75%", "due", "+1h", "+1h/2")}
    assert await desk.tellings() == []


@pytest.mark.parametrize("by_hand_first", [True, False])
async def test_a_late_record_silences_nobody_who_waits_at_the_mailbox(
    log: Log, scripted_world: ScriptedWorld, by_hand_first: bool
) -> None:
    """Its clock begins earlier and was late before we knew; the customer who writes to us is told of all the same."""
    desk = await laddered(log, scripted_world)
    by_hand = from_hand(mail_from(team="service"), occurred_at=scripted_world.now - timedelta(days=1))
    first, second = (by_hand, mail_from(team="service")) if by_hand_first else (mail_from(team="service"), by_hand)
    await desk.take(first)
    scripted_world.advance(timedelta(minutes=5))
    await desk.take(second)
    scripted_world.advance(timedelta(seconds=1))
    await desk.settle()
    assert "+1h/2" in (await desk.clocks())["first_response"].told
    assert ("+1h/2", "cai@commsd.test", "sent") in await desk.tellings()


async def test_what_a_mailbox_brings_late_is_told(log: Log, scripted_world: ScriptedWorld) -> None:
    """We were down, the mailbox was not: somebody waits."""
    desk = await laddered(log, scripted_world)
    early = scripted_world.now - timedelta(days=1)
    await desk.take(mail_from(occurred_at=early, team="service"))
    scripted_world.advance(timedelta(seconds=1))
    await desk.settle()
    assert ("+1h/2", "cai@commsd.test", "sent") in await desk.tellings()


async def test_a_longer_target_arms_again_what_lies_ahead_once_more(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await laddered(log, scripted_world)
    await written(desk)
    await desk.wait(hours=3, minutes=30)
    longer = with_ladder(*STANDARD_LADDER)
    targets = {kind: replace(target, duration=target.duration and 2 * target.duration, warn_percent=None)
               for kind, target in longer.policies["standard"].targets.items()}  # fmt: skip
    policy = replace(longer.policies["standard"], targets=targets)
    candidate = replace(longer, id="longer", policies={"standard": policy})
    plan = desk.rules.plan(candidate, scripted_world.now, scripted_world.now + timedelta(minutes=5), "running")
    await desk.rules.accept(plan, {}, scripted_world.now, "test")
    await desk.set_timers(scripted_world.now + timedelta(minutes=5))
    await desk.wait(hours=2)
    assert (await desk.clocks())["first_response"].told == ()
    await desk.wait(hours=1)  # 75 % of eight hours is at 16:00
    assert [rung for rung, *_ in await desk.tellings()] == ["75%", "75%"]


async def test_new_rules_that_take_over_running_clocks_wake_their_cases(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    """Also where nobody set a timer for it: the case was decided while they waited for their time."""
    desk = await laddered(log, scripted_world)
    start = scripted_world.now + timedelta(minutes=30)
    plan = desk.rules.plan(with_ladder(Step(at=10, tell=("owner",)), id="next"), scripted_world.now, start, "running")
    await desk.rules.accept(plan, {}, scripted_world.now, "test")
    await written(desk)
    assert (await desk.clocks())["first_response"].timer_at == start
    await desk.wait(minutes=40)
    assert (await desk.clocks())["first_response"].value.rules_version == "next"
    assert [rung for rung, *_ in await desk.tellings()] == ["10%"]


async def test_a_timer_set_past_the_records_is_not_looked_at_for_ever(desk: AlarmDesk) -> None:
    await desk.take(mail_from())
    await desk.set_timers(desk.world.now - timedelta(seconds=1))
    await desk.escalate()
    assert await desk.claims.due_cases(desk.world.now) == ()


class Cursed(dict[str, str]):
    """Who sits at a mailbox; of one of them it cannot be said."""

    def get(self, name: str, otherwise: Any = None) -> Any:
        if name == "cursed":
            raise RuntimeError("a mailbox of its own kind")
        return super().get(name, otherwise)


async def test_a_case_that_cannot_be_looked_at_keeps_nobody_else_waiting(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    desk = AlarmDesk(log, scripted_world, post=replace(POST, persons=Cursed(support="anna")))
    await desk.rules.bring_in(FIRST, {}, scripted_world.now)
    await desk.take(from_hand(mail_from(), mailbox="cursed"))
    await desk.take(mail_from("max@example.org", subject="Other"), "max@example.org")
    scripted_world.advance(5 * H)
    await desk.settle()
    assert only([said for _, _, said in await desk.notices()], "Other")
    assert not only([said for _, _, said in await desk.notices()], "Delivery")
    assert NOBODY in (await desk.clocks())["first_response"].told


async def test_due_later_than_the_customer_was_told_the_owner_hears_at_once(desk: AlarmDesk) -> None:
    await desk.take(mail_from(team="service"))
    record = (await desk.clocks())["first_response"]
    assert record.value.due_at
    await desk.change_clock(replace(record, promised_at=record.value.due_at))
    await retarget(desk, 6 * H, "running")
    await desk.settle()
    record = (await desk.clocks())["first_response"]
    assert record.moved_at is not None
    assert await desk.told() == ["anna@commsd.test: Later than promised: the first answer (Delivery)"]
    (_, _, said), *_ = await desk.notices()
    assert "but the customer was told Wednesday 4 March 14:00" in said
    await desk.take(answer_to(partial=True))
    assert (await desk.clocks())["first_response"].moved_at is None


async def test_moved_at_night_the_owner_hears_at_once_all_the_same(desk: AlarmDesk) -> None:
    desk.world.now = datetime(2026, 3, 4, 22, 0, tzinfo=UTC)
    await desk.take(mail_from(team="service"))
    record = (await desk.clocks())["first_response"]
    await desk.change_clock(replace(record, promised_at=record.value.due_at))
    await retarget(desk, 6 * H, "running")
    await desk.settle()
    assert len(only(await desk.told(), "Later than promised")) == 1


async def retarget(desk: AlarmDesk, target: timedelta, applies: Any) -> None:
    """The first answer gets another target, for running clocks too."""
    policy = FIRST.policies["standard"]
    targets = {kind: replace(each, duration=target if kind == "first_response" else each.duration)
               for kind, each in policy.targets.items()}  # fmt: skip
    candidate = replace(FIRST, id=f"{target}", policies={"standard": replace(policy, targets=targets)})
    plan = desk.rules.plan(candidate, desk.world.now, None, applies)
    await desk.rules.accept(plan, {}, desk.world.now, "test")
    await desk.set_timers(desk.world.now)
    desk.world.advance(timedelta(seconds=1))
    await desk.escalate()
    desk.world.advance(timedelta(seconds=1))


async def test_a_case_with_nothing_owed_closes_by_itself_after_a_week(desk: AlarmDesk) -> None:
    await desk.take(mail_from())
    desk.world.advance(timedelta(minutes=5))
    await desk.take(answer_to())
    desk.world.advance(timedelta(days=7))
    assert await desk.duty.once() is True
    (file,) = (await items_of(desk.log, *key.of_addresses(JANE))).files.values()
    assert (file.case.state, file.case.close_reason) == (CaseState.CLOSED, "auto_close")


async def test_a_case_with_a_late_clock_never_closes_by_itself(desk: AlarmDesk) -> None:
    await desk.take(mail_from())
    desk.world.advance(timedelta(days=30))
    await desk.settle()
    (file,) = (await items_of(desk.log, *key.of_addresses(JANE))).files.values()
    assert file.case.state is CaseState.OPEN
    assert {record.value.state for record in file.clocks} == {State.BREACHED}


async def test_a_closed_case_tells_nobody(desk: AlarmDesk) -> None:
    change = await desk.take(mail_from(team="service"))
    case_id = change.cases[0].id
    desk.world.advance(3.5 * H)
    await desk.escalate()
    await desk.take(moved(case_id, Kind.CLOSE))
    await desk.wait(hours=30)
    assert await desk.told() == []


async def test_a_claim_nobody_made_good_of_goes_back(desk: AlarmDesk) -> None:
    change = await desk.take(call_from(outcome=Outcome.MISSED), NUMBER)
    mine = claimed(change.callbacks[0], "anna", desk.world.now)
    await desk.log.decide((key.of_callback(mine.id),), lambda items: Change(callbacks=(mine,)))
    desk.world.advance(timedelta(minutes=31))
    await desk.duty.once()
    items = await items_of(desk.log, key.of_callback(mine.id))
    assert items.callbacks[0].state is Owed.WAITING


async def test_q11_a_claim_that_ran_out_for_the_third_time_goes_to_the_lead(desk: AlarmDesk) -> None:
    change = await desk.take(call_from(outcome=Outcome.MISSED), NUMBER)
    owed = change.callbacks[0]
    for by in ("anna", "bo", "anna"):
        taken = Change(callbacks=(claimed(owed, by, desk.world.now),))
        await desk.log.decide((key.of_callback(owed.id),), partial(lambda change, _: change, taken))
        desk.world.advance(timedelta(minutes=31))
        await desk.duty.once()
        (owed,) = (await items_of(desk.log, key.of_callback(owed.id))).callbacks
    assert (owed.state, owed.owner, [each.by for each in owed.passed]) == (Owed.ESCALATED, None, ["anna", "bo", "anna"])
    steps = [word for word, _ in await desk.events() if word in ("callback.released", "callback.escalated")]
    assert steps == ["callback.released", "callback.released", "callback.escalated"]


A_DAY = timedelta(days=1)


async def test_a_clock_that_ran_ahead_of_time_is_put_right_once_the_hosts_clock_is(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    """Every step of that day came too early: those told are not told again, those passed over come at their time."""
    desk = await laddered(log, scripted_world)
    await written(desk)
    due = scripted_world.now + 4 * H
    scripted_world.advance(A_DAY)
    await desk.settle()
    first = (await desk.clocks())["first_response"]
    assert (first.value.state, first.value.due_at) == (State.BREACHED, due)
    assert first.told == ("75%" + SKIPPED, "due" + SKIPPED, "+1h" + SKIPPED, "+1h/2")
    scripted_world.advance(-A_DAY)
    await desk.escalate()
    first = (await desk.clocks())["first_response"]
    assert (first.value.state, first.told, first.timer_at) == (State.RUNNING, ("+1h/2",), due - H)
    await desk.wait(hours=7)
    assert [rung for rung, *_ in await desk.tellings()] == ["+1h", "+1h/2", "75%", "due", "due"]
    assert (await desk.clocks())["first_response"].value.state is State.BREACHED
    assert [kind for kind, _ in await desk.events()].count("clock.corrected") >= 1


async def test_a_clock_that_ran_ahead_before_a_restart_is_found_at_the_start(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    desk = await laddered(log, scripted_world)
    await written(desk)
    scripted_world.advance(A_DAY)
    await desk.settle()
    scripted_world.advance(-A_DAY)
    desk.begin()
    await desk.rules.load()
    await desk.escalate()
    assert (await desk.clocks())["first_response"].value.state is State.RUNNING


async def test_an_answer_in_time_after_all_makes_a_clock_that_ran_ahead_met(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    desk = await laddered(log, scripted_world)
    await written(desk)
    scripted_world.advance(A_DAY)
    await desk.settle()
    scripted_world.advance(H - A_DAY)
    await desk.escalate()
    told = await desk.tellings()
    await desk.take(answer_to())
    assert (await desk.clocks())["first_response"].value.state is State.MET
    await desk.wait(hours=6)
    assert await desk.tellings() == told


async def test_a_clock_set_back_by_little_finds_nothing_to_do(desk: AlarmDesk) -> None:
    await written(desk)
    desk.world.advance(5 * H)
    await desk.settle()
    told = await desk.told()
    desk.world.advance(timedelta(minutes=-1))
    assert await desk.duty.once() is False
    desk.world.advance(timedelta(minutes=2))
    await desk.settle()
    assert await desk.told() == told
