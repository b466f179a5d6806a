"""Our people are told of each missed call at once and once; of what is held; and asked what came of it. Both stores."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import orjson

from commsd.core import key
from commsd.core.callback import Attempt, Callback, Passed, State
from commsd.core.change import Change, change_of
from commsd.core.firm import Firm
from commsd.core.interaction import MACHINE_HEARD, Direction, Interaction, Outcome, Promise
from commsd.core.link import Act
from commsd.core.open_items import OpenItems
from commsd.sla.notice.call_watch import FEW, CallWatch, Desk, LineTold
from commsd.sla.notice.offer import Offer
from commsd.store.claims import Claims
from commsd.store.log import Log
from tests.core.items import NUMBER, Books, call_from, result_of
from tests.house import TERMS, items_of
from tests.sla.notice.alarm_desk import AlarmDesk, only
from tests.world import ScriptedWorld

M, S = timedelta(minutes=1), timedelta(seconds=1)


def offered(callback: str, acts: tuple[Act, ...], agent: str | None, now: object) -> tuple[Offer, ...]:
    return tuple(Offer(act.value, f"https://c.test/a/{act.value}") for act in acts)


class Switchboard(AlarmDesk):
    """A house with lines, and the duty that tells of their calls."""

    def __init__(self, log: Log, world: ScriptedWorld, *tell: str, observe: bool = False, **more: Any) -> None:
        super().__init__(log, world, **more)
        self.tell, self.observe = tell or ("anna",), observe
        self.restart()

    def restart(self, node: str = "node") -> None:
        """Nothing is left in memory."""
        desk = Desk(
            firm=Firm(name="Example Ltd", timezone="Europe/Berlin", people=self.firm.people),
            post=replace(self.post, call_offers=offered),
            lines={"hotline": LineTold(tell=self.tell, observe=self.observe)},
        )
        self.watch = CallWatch(desk, self.log, Claims(self.log, self.world.world, node), self.world.world)

    async def rang(self, number: str = NUMBER, make: Callable[[Books], Interaction] | None = None) -> Callback:
        """Somebody rang in vain; the screen looked at it."""
        change = await self.take(make or call_from(number), number)
        owed = change.callbacks[0]
        self.world.advance(6 * S)
        return owed

    async def moved(self, owed: Callback, **more: Any) -> Callback:
        """The callback after somebody else's step."""
        after = replace(owed, revision=owed.revision + 1, **more)
        await self.log.decide((key.of_callback(owed.id),), lambda items: Change(callbacks=(after,)))
        return after

    async def tells(self) -> list[str]:
        """What is told now, until nothing is left."""
        while await self.watch.once():
            pass
        return await self.told()


async def test_a_missed_call_is_told_once_with_the_number_ready_to_tap(log: Log, scripted_world: ScriptedWorld) -> None:
    board = Switchboard(log, scripted_world)
    owed = await board.rang()
    assert await board.tells() == ["anna@commsd.test: Missed call: +49 30 23125099 on hotline"]
    board.restart()
    assert len(await board.tells()) == 1
    (_, _, said), *_ = await board.notices()
    assert f"Ring:     tel:{NUMBER}" in said
    assert "reached: https://c.test/a/reached" in said
    assert f"commsd explain {owed.id}" in said
    assert "reached, again 15:00, voicemail, wrong number" in said


async def test_a_miss_that_a_crash_kept_from_being_told_is_told_after_the_restart(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    board = Switchboard(log, scripted_world)
    await board.tells()
    await board.rang()
    board.restart()  # what was heard is forgotten
    scripted_world.advance(timedelta(hours=3))
    assert len(await board.tells()) == 1


async def test_every_further_miss_is_told_and_says_how_often(log: Log, scripted_world: ScriptedWorld) -> None:
    board = Switchboard(log, scripted_world)
    await board.rang()
    await board.tells()
    await board.rang(make=call_from(sid="CA2"))
    assert only(await board.tells(), "twice") == ["anna@commsd.test: Missed call: +49 30 23125099 on hotline (twice)"]


async def test_who_is_away_is_not_told_and_a_team_and_its_lead_are(log: Log, scripted_world: ScriptedWorld) -> None:
    board = Switchboard(log, scripted_world, "service", "cai")
    await board.rang()
    assert [line.partition("@")[0] for line in await board.tells()] == ["anna", "bo", "cai"]


async def test_a_route_gets_the_call_as_json_and_a_text_message_gets_number_and_link(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    board = Switchboard(log, scripted_world, "hook", "mobile")
    owed = await board.rang()
    await board.tells()
    by_way = {via: said for via, _, said in await board.notices()}
    (call,) = orjson.loads(by_way["webhook"])["calls"]
    assert (call["callback"], call["number"], call["state"]) == (owed.id, NUMBER, "waiting")
    assert NUMBER in by_way["sms"]
    assert len(by_way["sms"]) <= 300


async def test_a_held_number_is_told_at_once_and_never_offered_to_a_finger(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    board = Switchboard(log, scripted_world)
    change = await board.take(call_from())
    await board.moved(change.callbacks[0], state=State.HELD, held="type:premium_rate")
    told = await board.tells()
    assert {line.partition(": ")[2] for line in told} == {"Held, do not ring back yet: +49 30 23125099 on hotline"}
    for _, _, said in await board.notices():
        assert "tel:" not in said
        assert "costs: premium rate" in said
        assert "a/release" in said
        assert "a/claim" not in said


async def test_a_miss_waits_to_be_told_until_the_screen_has_looked(log: Log, scripted_world: ScriptedWorld) -> None:
    board = Switchboard(log, scripted_world)
    change = await board.take(call_from())
    assert await board.tells() == []
    await board.moved(change.callbacks[0], look_at=scripted_world.now + M)
    assert len(await board.tells()) == 1


async def test_a_customer_reached_meanwhile_is_told_of_to_nobody(log: Log, scripted_world: ScriptedWorld) -> None:
    board = Switchboard(log, scripted_world)
    await board.rang()
    await board.take(call_from(outcome=Outcome.REACHED, sid="CA2"), NUMBER)
    assert await board.tells() == []


async def test_a_burst_of_missed_calls_makes_one_notice_that_names_them(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    board = Switchboard(log, scripted_world)
    for number in range(FEW + 3):
        await board.take(call_from(f"+493023125{number:03}", sid=f"CA{number}"), f"+493023125{number:03}")
    scripted_world.advance(6 * S)
    assert await board.tells() == [f"anna@commsd.test: {FEW + 3} missed calls on hotline"]
    (_, _, said), *_ = await board.notices()
    assert "+49 30 23125007" in said


async def test_calls_that_come_one_by_one_for_long_are_gathered_too(log: Log, scripted_world: ScriptedWorld) -> None:
    board = Switchboard(log, scripted_world)
    for number in range(40):
        await board.rang(f"+493023125{number:03}", call_from(f"+493023125{number:03}", sid=f"CA{number}"))
        await board.tells()
    assert len(await board.notices()) < 15
    scripted_world.advance(3 * M)
    await board.tells()
    told = "".join([said for _, _, said in await board.notices()])
    assert [number for number in range(40) if f"+49 30 23125{number:03}" not in told] == []


async def test_q2_what_is_escalated_is_told_to_the_lead_and_again_each_morning(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    board = Switchboard(log, scripted_world)
    owed = await board.rang()
    await board.tells()
    await board.moved(owed, state=State.ESCALATED)
    assert len(only(await board.tells(), "Needs a person")) == 1
    scripted_world.advance(timedelta(hours=13))
    assert len(await board.tells()) == 2, "not in the evening"
    scripted_world.advance(timedelta(hours=10))
    assert len(only(await board.tells(), "Still not reached after a day")) == 1
    scripted_world.advance(timedelta(hours=2))
    assert len(await board.tells()) == 3
    scripted_world.advance(timedelta(days=1))
    assert len(only(await board.tells(), "Still not reached after 2 days")) == 1


async def test_what_came_of_a_call_is_asked_twice_and_then_told_to_the_lead(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    board = Switchboard(log, scripted_world, "bo")
    owed = await board.rang(make=lambda books: replace(call_from()(books), team="service"))
    await board.tells()
    now = scripted_world.now
    tried = Attempt(at=now, by="anna", result=None, id="a1", bridged=True, ended_at=now)
    await board.moved(owed, state=State.CONFIRM, attempts=(tried,))
    asked: list[int] = []
    for minutes in (1, 1, 10, 20, 60):
        scripted_world.advance(minutes * M)
        asked.append(len(only(await board.tells(), "What came of your call")))
    assert asked == [0, 1, 2, 3, 3]
    assert [line.partition("@")[0] for line in only(await board.told(), "What came")] == ["anna", "anna", "cai"]


async def test_p8_where_a_machine_seems_to_have_answered_the_question_names_it_first(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    board = Switchboard(log, scripted_world)
    owed = await board.rang()
    await board.tells()
    now = scripted_world.now

    async def asked(tag: str, name: str) -> str:
        """A talk of ours that bears the tag, and what is asked about it."""

        def talk(items: OpenItems) -> Change:
            fact = replace(call_from()(Books(items.now, items.new_id)), direction=Direction.OUTBOUND, id=name)
            return Change(interactions=(replace(fact, case_id=owed.case_id, outcome=Outcome.REACHED, tags=(tag,)),))

        await log.decide((key.of_callback(owed.id),), talk)
        tried = Attempt(at=now, by="anna", result=None, id=name, bridged=True, ended_at=now)
        await board.moved(await current(), state=State.CONFIRM, attempts=(*(await current()).attempts, tried))
        scripted_world.advance(3 * M)
        await board.tells()
        *_, (_, _, said) = await board.notices()
        return said

    async def current() -> Callback:
        (found,) = (await items_of(log, key.of_callback(owed.id))).callbacks
        return found

    plain, machine = await asked("conflict", "a1"), await asked(MACHINE_HEARD, "a2")
    assert "machine" not in plain
    assert plain.index("a/reached") < plain.index("a/voicemail")
    assert "It seems that a machine answered: if so, say voicemail." in machine
    assert machine.index("a/voicemail") < machine.index("a/reached")


async def test_nobody_is_asked_once_the_result_is_given(log: Log, scripted_world: ScriptedWorld) -> None:
    board = Switchboard(log, scripted_world)
    owed = await board.rang()
    await board.tells()
    await board.moved(owed, state=State.CONFIRM, attempts=(Attempt(at=scripted_world.now, by="anna", result=None),))

    def said(items: OpenItems) -> Change:
        return change_of(result_of(owed, "reached")(Books(items.now, items.new_id)), items, TERMS)

    await log.decide((key.of_callback(owed.id),), said)
    scripted_world.advance(20 * M)
    assert only(await board.tells(), "What came") == []
    (after,) = (await items_of(log, key.of_callback(owed.id))).callbacks
    assert after.state is State.CLOSED


async def test_observe_mode_marks_what_our_people_are_told(log: Log, scripted_world: ScriptedWorld) -> None:
    board = Switchboard(log, scripted_world, observe=True)
    await board.rang()
    assert only(await board.tells(), "[OBSERVE] Missed call")


async def test_a_withheld_number_says_how_to_set_it(log: Log, scripted_world: ScriptedWorld) -> None:
    board = Switchboard(log, scripted_world)
    owed = await board.rang("anonymous", call_from("anonymous"))
    await board.tells()
    (_, _, said), *_ = await board.notices()
    assert f"commsd callbacks set {owed.id} --number" in said
    assert "tel:" not in said


async def test_fraud_typed_number_the_notice_says_who_rang_and_whom_to_ring(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    board = Switchboard(log, scripted_world)
    owed = await board.rang()
    await board.moved(owed, number="+4532123456")
    assert await board.tells() == [
        "anna@commsd.test: Missed call: +49 30 23125099, to be rung on +45 32 12 34 56 on hotline"
    ]
    (_, _, said), *_ = await board.notices()
    assert "+49 30 23125099 rang on hotline on" in said
    assert "From:     +49 30 23125099, who asked to be rung on another number" in said
    assert "Ring:     tel:+4532123456" in said


async def test_a7_a_message_left_can_be_heard_from_the_notice(log: Log, scripted_world: ScriptedWorld) -> None:
    board = Switchboard(log, scripted_world)
    board.post = replace(board.post, board="https://contact.test")
    board.restart()

    def left(books: Books) -> Interaction:
        return replace(call_from()(books), reason="message_left")

    owed = await board.rang(make=left)
    await board.tells()
    (_, _, said), *_ = await board.notices()
    assert f"Message:  https://contact.test/sound/{owed.misses[0]} (sign in on the board first)" in said


async def test_q11_the_notice_says_who_gave_it_back_and_why(log: Log, scripted_world: ScriptedWorld) -> None:
    board = Switchboard(log, scripted_world)
    owed = await board.rang()
    passed = (
        Passed(at=scripted_world.now, by="anna", why="asks for a technician"),
        Passed(at=scripted_world.now, by="bo"),
    )
    await board.moved(owed, state=State.ESCALATED, look_at=None, passed=passed)
    await board.tells()
    said = next(said for _, _, said in await board.notices() if "Needs a person" in said or "given" in said)
    assert ": asks for a technician" in said
    assert "Given back: by Bo" in said
    assert ": no reason was given" in said


async def test_q11_the_sixth_time_it_is_given_back_is_told_as_the_third_was(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    board = Switchboard(log, scripted_world)
    owed = await board.rang()
    tellings = [len(await board.tells())]
    for count in (0, 3, 6):
        passed = (Passed(at=scripted_world.now, by="anna"),) * count
        owed = await board.moved(owed, state=State.ESCALATED, look_at=None, passed=passed)
        tellings.append(len(await board.tells()))
        owed = await board.moved(owed, state=State.CLAIMED)
    each = tellings[1] - tellings[0]
    assert each > 0
    assert tellings == [tellings[0] + each * told for told in range(4)]


async def test_without_anybody_at_a_line_its_misses_are_left_to_the_clocks(
    log: Log, scripted_world: ScriptedWorld
) -> None:
    board = Switchboard(log, scripted_world)
    board.tell = ()
    board.restart()
    await board.rang()
    assert await board.tells() == []


async def test_the_notice_says_what_was_promised_and_what_went_before(log: Log, scripted_world: ScriptedWorld) -> None:
    board = Switchboard(log, scripted_world)
    owed = await board.rang()
    due = scripted_world.now + timedelta(hours=2)
    await board.take(
        result_of(owed, "call_again", promise=Promise(id="p", due_at=due), questions=("which part?",)), NUMBER
    )
    await board.moved((await items_of(log, key.of_callback(owed.id))).callbacks[0], look_at=due)
    await board.tells()
    (_, _, said), *_ = await board.notices()
    assert "Question: which part?" in said
    assert "Due:      Wednesday 4 March 12:00" in said


async def test_two_nodes_tell_it_once(log: Log, scripted_world: ScriptedWorld) -> None:
    first, second = Switchboard(log, scripted_world), Switchboard(log, scripted_world)
    second.restart("other")
    await first.rang()
    await first.watch.once()
    await second.watch.once()
    assert len(await first.told()) == 1
