"""What waits to be told goes out together, and floods nobody. On both stores."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson
import pytest

from commsd.core import key
from commsd.core.agent import Absence
from commsd.core.change import Change, Fence, OpenItems, change_of
from commsd.core.entry import Hand
from commsd.core.interaction import Outcome
from commsd.core.policy import Step
from commsd.crm.mending import merge_case
from commsd.errors import LeaseLost
from commsd.sla.notice.dispatch import PATIENCE, Gathered, To, gathered
from commsd.sla.notice.offer import Offer
from commsd.sla.notice.recipient import Way
from commsd.store import query, tellings
from commsd.store.log import Log
from tests.core.items import NUMBER, Books, answer_to, call_from, mail_from
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
    (one, *_) = await log.read(lambda connection: tellings.waiting(connection, scripted_world.now, 10))
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
    waiting = await log.read(lambda connection: tellings.waiting(connection, scripted_world.now, 10))
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
