"""What waits to be told goes out together, and floods nobody. On both stores."""

from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import orjson
import pytest
from sqlalchemy import select

from commsd.core import key
from commsd.core.agent import Absence
from commsd.core.change import Change, Fence, change_of
from commsd.core.entry import Hand
from commsd.core.interaction import Delivery, DeliveryState, Outcome
from commsd.core.open_items import OpenItems
from commsd.core.policy import Step
from commsd.crm.mending import merge_case
from commsd.errors import LeaseLost
from commsd.sla.notice.dispatch import IN_ONE, PATIENCE, Gathered, To, gathered
from commsd.sla.notice.offer import Offer, offers
from commsd.sla.notice.recipient import Way
from commsd.store import query, schema, tellings
from commsd.store.log import Log
from commsd.store.rows import delivery_of
from tests.core.items import NUMBER, Books, answer_to, call_from, mail_from, result_of
from tests.sla.notice.alarm_desk import PEOPLE, POST, AlarmDesk, away, only, text, with_ladder
from tests.world import ScriptedWorld

M = timedelta(minutes=1)
H = timedelta(hours=1)
TEAM = Step(at=timedelta(0), tell=("team",))


async def opened(log: Log, world: ScriptedWorld, *steps: Step, **more: Any) -> AlarmDesk:
    desk = AlarmDesk(log, world, **more)
    await desk.rules.bring_in(with_ladder(*(steps or (TEAM,))), {}, world.now)
    return desk


async def written(desk: AlarmDesk, number: int, subject: str = "") -> None:
    """Customer of that number wrote; only the first answer runs on."""
    address = f"customer{number}@example.org"
    await desk.take(mail_from(address, subject or f"Matter {number}", team="service"), address)
    await desk.take(answer_to(address, subject or f"Matter {number}", partial=True), address)


async def test_five_hundred_clocks_that_run_out_at_once_make_one_mail_a_person(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    desk = await opened(log, scripted_world)

    def all_write(items: OpenItems) -> Change:
        change = Change()
        for number in range(500):
            fact = mail_from(f"c{number}@example.org", f"Matter {number}", team="service")
            change += change_of(fact(Books(items.now, items.new_id)), items, desk.rules.terms)
        return change

    await log.decide((), all_write)
    scripted_world.advance(20 * M)
    await desk.duty.once()  # the first 200 cases
    assert await desk.dispatch.once() is False, "the others are still to come"
    await desk.settle()
    assert await desk.told() == [
        f"{name}@commsd.test: 500 overdue. First: the acknowledgement (Matter 0)" for name in ("anna", "bo")
    ]
    (_, _, said), *_ = await desk.notices()
    assert "And 480 more." in said
    assert "Matter 19" in said
    assert "Matter 20" not in said
    assert {state for *_, state in await desk.tellings()} == {"sent"}


async def test_a_case_that_never_gets_looked_at_does_not_keep_the_others_silent(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    desk = await opened(log, scripted_world)
    await written(desk, 1)
    scripted_world.advance(4 * H + M)
    await desk.escalate()
    await written(desk, 2)
    await desk.set_timers(scripted_world.now - M)  # and nobody escalates any more
    assert await desk.dispatch.once() is False
    scripted_world.advance(PATIENCE)
    assert await desk.dispatch.once() is True


async def test_a_further_notice_waits_until_five_minutes_after_the_last(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    desk = await opened(log, scripted_world)
    for number in (1, 2, 3):
        await written(desk, number)
        scripted_world.advance(M)
    scripted_world.advance(4 * H - 3 * M + timedelta(seconds=1))  # one runs out now, and one in each minute to come
    for _ in range(4):
        await desk.settle()
        assert len(await desk.notices()) == 2
        scripted_world.advance(M)
    scripted_world.advance(M)
    await desk.settle()
    assert only(await desk.told(), "anna@") == [
        "anna@commsd.test: 2 overdue. First: the first answer (Matter 2)",
        "anna@commsd.test: Overdue: the first answer (Matter 1)",
    ]


async def test_a_page_goes_at_once_and_takes_what_waits_along_but_no_more_than_five_a_minute(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    desk = await opened(log, scripted_world, Step(at=timedelta(0), tell=("bo",), page=True))
    for number in range(8):
        await written(desk, number)
        scripted_world.advance(timedelta(seconds=5))
    scripted_world.advance(4 * H - timedelta(seconds=39))
    for _ in range(8):
        await desk.settle()
        scripted_world.advance(timedelta(seconds=5))
    assert len(await desk.notices()) == 5
    scripted_world.advance(5 * M)
    await desk.settle()
    assert only(await desk.told(), "3 overdue") == ["bo@commsd.test: 3 overdue. First: the first answer (Matter 5)"]


async def test_several_rungs_of_one_clock_make_one_entry(log: Log, scripted_world: ScriptedWorld) -> None:
    """Those of a night, told when the office opens."""
    steps = (Step(at=timedelta(0), tell=("owner",)), Step(at=H, real=True, tell=("owner",)))
    scripted_world.advance(3 * H)
    desk = await opened(log, scripted_world, *steps)
    await written(desk, 1)
    await desk.wait(hours=20, minutes=10)
    assert await desk.told() == ["anna@commsd.test: Overdue: the first answer (Matter 1)"]
    assert len(await desk.tellings()) == 2


async def test_who_went_away_since_is_not_told_the_deputy_is(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await opened(log, scripted_world, Step(at=timedelta(0), tell=("owner",)))
    await written(desk, 1)
    scripted_world.advance(4 * H + M)
    await desk.escalate()
    today = scripted_world.now.date()
    desk.firm = replace(desk.firm, people=away(PEOPLE, "anna", Absence(today, today)))
    desk.begin()
    await desk.settle()
    assert await desk.told() == ["bo@commsd.test: Overdue: the first answer (Matter 1)"]


async def test_what_waited_when_its_case_went_into_another_is_told_of_the_other(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    desk = await opened(log, scripted_world)
    await written(desk, 1)
    scripted_world.advance(2 * H)
    await written(desk, 2)
    older, newer = [(await desk.clocks(f"customer{n}@example.org"))["first_response"].case_id for n in (1, 2)]
    scripted_world.advance(2 * H + M)
    await desk.escalate()
    merge = merge_case(older, newer, Hand(by="cai", agent_id="cai", agent="Cai Tan"), desk.rules.terms)
    await log.decide((key.of_case(older), key.of_case(newer)), merge)
    await desk.settle()
    assert await desk.told() == [f"{name}@commsd.test: Overdue: the first answer (Matter 2)" for name in ("anna", "bo")]
    assert all(f"Case {newer}" in said for _, _, said in await desk.notices())


async def test_a_notice_says_what_is_owed_to_whom_since_when_and_what_can_be_done(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    def links(case: str, callback: str | None, agent: str | None, now: object) -> tuple[Offer, ...]:
        return (Offer("Done, close the case", f"https://x.test/a/{agent}"),)

    desk = await opened(log, scripted_world, post=replace(POST, offers=links))
    await written(desk, 1, "Delivery")
    scripted_world.advance(4 * H + 25 * M)
    await desk.settle()
    (_, _, said), *_ = await desk.notices()
    case_id = next(iter((await desk.clocks("customer1@example.org")).values())).case_id
    assert said == (
        "Overdue: the first answer (Delivery)\n\n"
        "The first answer to Jane, customer1@example.org was due on Wednesday 4 March at 14:00, 25 minutes ago.\n\n"
        "About:    Delivery\n"
        "Waiting:  since Wednesday 4 March 10:00\n"
        "Whose:    Anna Berg, team service\n"
        "Times are those of Europe/Berlin.\n\n"
        "Answer from your mail program or ring the customer; commsd sees it and stops the clock.\n\n"
        "Done, close the case: https://x.test/a/anna\n\n"
        "A reply of one word does it too: done, junk, answered, holding; after a call: reached, again 15:00.\n\n"
        f"Case {case_id}. To see why it is due then: commsd explain {case_id}\n"
    )


async def test_a_notice_of_a_call_knows_the_callback(log: Log, scripted_world: ScriptedWorld) -> None:
    seen: list[str | None] = []

    def links(case: str, callback: str | None, agent: str | None, now: object) -> tuple[Offer, ...]:
        seen.append(callback)
        return ()

    desk = await opened(log, scripted_world, Step(at=timedelta(0), tell=("cai",)), post=replace(POST, offers=links))
    change = await desk.take(call_from(outcome=Outcome.MISSED), NUMBER)
    scripted_world.advance(2 * H + M)
    await desk.settle()
    assert seen == [change.callbacks[0].id]
    assert await desk.told() == [f"cai@commsd.test: Overdue: the callback ({NUMBER})"]


async def test_webhooks_get_the_cases_and_text_messages_are_short(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await opened(log, scripted_world, Step(at=timedelta(0), tell=("hook", "mobile")))
    for number in range(3):
        await written(desk, number, "Ü" * 400)
    scripted_world.advance(4 * H + M)
    await desk.settle()
    said = {via: body for via, _, body in await desk.notices()}
    hook = orjson.loads(said["webhook"])
    assert len(hook["cases"]) == 3
    assert hook.keys() == {"subject", "text", "at", "cases", "links"}
    assert said["sms"].startswith("3 overdue. The worst: The first answer to Jane, customer0@example.org was due on")
    assert len(said["sms"]) <= 300


async def test_in_observe_mode_notices_say_so(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await opened(log, scripted_world)
    desk.firm = replace(desk.firm, observe=True)
    desk.begin()
    await desk.rules.load()
    await written(desk, 1)
    scripted_world.advance(4 * H + M)
    await desk.settle()
    assert only(await desk.told(), "[OBSERVE] Overdue") == await desk.told()


async def test_who_lost_the_lease_tells_nobody(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await opened(log, scripted_world)
    await written(desk, 1)
    scripted_world.advance(4 * H + M)
    await desk.escalate()
    (one, *_) = await log.read(lambda connection: tellings.waiting(connection, scripted_world.now, 10, 10))
    gone = Fence(resource="sla.dispatch", owner="another", number=7)
    to = To(Way.MAIL, one.recipient, "anna")

    def decide(items: OpenItems) -> Change:
        return gathered((one.id,), to, items, firm=desk.firm, post=POST, fence=gone)

    with pytest.raises(LeaseLost):
        await log.decide((key.of_delivery(one.id),), decide)
    assert await desk.told() == []
    await desk.settle()
    assert len(await desk.told()) == 2


async def test_what_was_settled_meanwhile_is_not_told_again(log: Log, scripted_world: ScriptedWorld) -> None:
    """Two nodes looked at the same moment; the decision of the second finds nothing left."""
    desk = await opened(log, scripted_world)
    await written(desk, 1)
    scripted_world.advance(4 * H + M)
    await desk.escalate()
    waiting = await log.read(lambda connection: tellings.waiting(connection, scripted_world.now, 10, 10))
    await desk.settle()
    fence = await desk.claims.lease("sla.dispatch", M)
    assert fence is not None
    ids = [each.id for each in waiting]
    to = To(Way.MAIL, waiting[0].recipient, "anna")
    done = await log.decide(
        [key.of_delivery(each) for each in ids],
        lambda items: gathered(ids, to, items, firm=desk.firm, post=POST, fence=fence),
    )
    assert done.result == Gathered(0, 0)
    assert len(await desk.told()) == 2


async def test_without_a_mailbox_to_send_from_a_telling_is_given_up_and_not_tried_for_ever(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    desk = await opened(log, scripted_world)
    await written(desk, 1)
    scripted_world.advance(4 * H + M)
    await desk.escalate()
    desk.post = replace(POST, via=None, render=text)
    desk.begin()
    await desk.settle()
    assert {state for *_, state in await desk.tellings()} == {"failed"}


async def test_what_waits_to_be_told_is_not_counted_as_mail_that_was_not_sent(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    desk = await opened(log, scripted_world)
    await written(desk, 1)
    scripted_world.advance(4 * H + M)
    await desk.escalate()
    assert (await log.read(query.figures)).unsent == {}


def more_of(owed: Delivery, number: int, to: str) -> tuple[Delivery, ...]:
    """So many further tellings like this one for somebody."""
    return tuple(
        replace(owed, id=f"{to}-{n:05}", key=f"tell:{to}:{n}", recipient=to, state=DeliveryState.QUEUED)
        for n in range(number)
    )


async def one_telling(log: Log) -> Delivery:
    table = schema.deliveries
    row = await log.read(lambda c: c.execute(select(table).where(table.c.kind == "telling").limit(1)).one())
    return delivery_of(row)


async def test_who_is_owed_thousands_of_tellings_keeps_nobody_waiting(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await opened(log, scripted_world)
    await written(desk, 1)
    scripted_world.advance(4 * H + M)
    await desk.escalate()
    crowd = more_of(await one_telling(log), 400, "a@commsd.test")
    await log.decide((), lambda items: Change(deliveries=crowd))
    seen = await log.read(lambda connection: tellings.waiting(connection, scripted_world.now, 10, 5))
    first = [each.recipient for each in seen]
    assert sorted(first[:3]) == ["a@commsd.test", "anna@commsd.test", "bo@commsd.test"]
    assert first[3:] == ["a@commsd.test"] * 4
    assert {each.recipient: each.number for each in seen} == {
        "a@commsd.test": 400,
        "anna@commsd.test": 1,
        "bo@commsd.test": 1,
    }


async def test_a_notice_says_how_many_more_are_to_come(log: Log, scripted_world: ScriptedWorld) -> None:
    desk = await opened(log, scripted_world, Step(at=timedelta(0), tell=("owner",)))
    await written(desk, 1)
    scripted_world.advance(4 * H + M)
    await desk.escalate()
    crowd = more_of(await one_telling(log), IN_ONE + 41, "anna@commsd.test")
    await log.decide((), lambda items: Change(deliveries=crowd))
    await desk.settle()
    ((_, _, said),) = await desk.notices()
    assert said.startswith("1 overdue, 42 more to come. First: the first answer (Matter 1)")
    assert "And 42 more are waiting; you are told of them in further notices." in said
    scripted_world.advance(5 * M)
    await desk.settle()
    _, (_, _, last) = await desk.notices()
    assert last.startswith("Overdue: the first answer (Matter 1)")
    assert {state for *_, state in await desk.tellings()} == {"sent"}


async def test_a_notice_shows_the_customers_own_words_while_they_are_kept(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    desk = await opened(log, scripted_world, Step(at=timedelta(0), tell=("owner",)))
    words = "Where is my parcel? " * 12
    await desk.take(mail_from("a@example.org", "Delivery", team="service", preview=words), "a@example.org")
    await desk.take(answer_to("a@example.org", "Delivery", partial=True), "a@example.org")
    scripted_world.advance(4 * H + M)
    await desk.settle()
    ((_, _, said),) = await desk.notices()
    assert (
        "Said:     Where is my parcel? Where is my parcel? Where is my parcel? Where is\n"
        "          my parcel? Where is my parcel? Where is my parcel? Where is my …\n"
    ) in said


async def test_a_notice_of_a_call_says_whom_to_ring_and_how_to_take_it(log: Log, scripted_world: ScriptedWorld) -> None:
    links = partial(offers, key=b"k" * 32, public_url="https://x.test", mailbox=None)

    def offered(case: str, callback: str | None, agent: str | None, now: datetime) -> tuple[Offer, ...]:
        return links(case, callback_id=callback, agent=agent, now=now)

    desk = await opened(
        log, scripted_world, Step(at=timedelta(0), tell=("cai",)), post=replace(POST, offers=offered, board="https://x")
    )
    await desk.take(call_from(outcome=Outcome.MISSED), NUMBER)
    scripted_world.advance(2 * H + M)
    await desk.settle()
    ((_, _, said),) = await desk.notices()
    assert f"The callback to {NUMBER} was due on" in said
    assert "About:    a missed call on hotline\n" in said
    assert "Whose:    nobody's so far\n" in said
    assert "I call back now: https://x.test/a/" in said
    assert "claim; after the call: reached, again 15:00, voicemail, wrong number." in said
    assert said.endswith("All that is owed: https://x\n")


async def test_of_two_calls_owed_in_one_case_a_notice_is_about_the_one_whose_time_is_up(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    desk = await opened(log, scripted_world, Step(at=timedelta(0), tell=("cai",)))
    first = await desk.take(call_from(sid="CA1"), NUMBER)
    scripted_world.advance(30 * M)
    other = "+493023125098"
    second = await desk.take(call_from(other, sid="CA2"), other)
    gone, stays = second.cases[0].id, first.cases[0].id
    hand = Hand(by="cai", agent_id="cai", agent="Cai Tan")
    await log.decide((key.of_case(gone), key.of_case(stays)), merge_case(gone, stays, hand, desk.rules.terms))
    scripted_world.advance(30 * M)
    await desk.take(result_of(first.callbacks[0], "reached"), NUMBER)
    scripted_world.advance(90 * M + M)
    await desk.settle()
    assert await desk.told() == [f"cai@commsd.test: Overdue: the callback ({other})"]
