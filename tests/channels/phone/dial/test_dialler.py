"""Callbacks made on the stand-in: our own person first, then the customer, then the result."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path

import aiohttp
import pytest

from commsd.channels.phone.dial.dialler import Dialler
from commsd.channels.phone.dial.exchange import Exchange as Attempts
from commsd.channels.phone.dial.settle import begun
from commsd.channels.phone.dial.step import Stage, Step
from commsd.channels.phone.line import Cost, Dialling
from commsd.channels.phone.rest import Rest
from commsd.core import key
from commsd.core.callback import CloseReason, State
from commsd.core.change import Change
from commsd.core.entry import Hand, Result, Said
from commsd.core.interaction import Outcome
from commsd.core.pause import Pause
from commsd.crm.call_actions import callback_result, close_callback
from commsd.demo.exchange import Caller, Person, Tamper, Webhook
from commsd.errors import Elsewhere
from commsd.store.claims import Claims
from tests.channels.phone.dial.conftest import GONE, TAKES, TALKS, Desk
from tests.channels.phone.hotline import ACCOUNT, ANNA, BO, CUSTOMER, DANE, HOTLINE, LINE, LONDONER, PUBLIC, SID
from tests.demo.contract import Contract
from tests.house import TERMS

PREMIUM = "+499001234567"


async def test_p1_our_person_is_rung_first_and_then_the_customer_from_the_number_he_rang(desk: Desk) -> None:
    owed = await desk.missed()
    await desk.turn()
    (call,) = desk.orders()
    (customer,) = desk.phone.exchange.children(call)
    assert (call.to, call.from_) == (ANNA, HOTLINE)
    assert (customer.to, customer.from_) == (CUSTOMER, HOTLINE)
    assert "Example & Sons" in desk.phone.exchange.spoken(call)[0].text
    done = await desk.callback()
    assert (done.id, done.state, done.close_reason) == (owed.id, State.CLOSED, CloseReason.REACHED)
    (attempt,) = await desk.attempts()
    assert (attempt.outcome, attempt.detail.result, attempt.agent_id) == (Outcome.REACHED, "reached", "anna")
    assert done.attempts[0].call_sid == call.sid
    assert done.attempts[0].customer_sid == customer.sid


async def test_q4_a_voicemail_at_the_customers_end_closes_nothing(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=3, presses=("1", "2"))
    desk.phone.exchange.people[CUSTOMER] = Person(answers_after=4, voicemail=True, talks_for=20)
    await desk.turn()
    owed = await desk.callback()
    assert owed.state is State.WAITING
    assert [each.result for each in owed.attempts] == ["voicemail"]


async def test_p5_the_order_carries_what_it_needs_and_the_attempts_id_in_every_url(desk: Desk) -> None:
    await desk.missed()
    await desk.turn()
    order = next(each for each in desk.phone.exchange.rest_requests if each.path.endswith("/Calls.json"))
    form = dict(order.form)
    owed = await desk.callback()
    base = f"{PUBLIC}/twilio/dial/{owed.id}/{owed.attempts[0].id}/"
    assert all(form[name].startswith(base) for name in ("Url", "StatusCallback", "FallbackUrl"))
    assert (form["Method"], form["Timeout"], form["TimeLimit"]) == ("POST", "25", "3600")
    events = {value for name, value in order.form if name == "StatusCallbackEvent"}
    assert events == {"initiated", "ringing", "answered", "completed"}
    assert "#rc=3" in form["StatusCallback"]
    assert "#rc=2" in form["Url"]


async def test_p2_a_lost_answer_to_the_order_rings_nobody_twice(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.tamper_rest = lambda seen: Tamper(answer_lost=seen.method == "POST")
    await desk.turn()
    for _ in range(5):
        await desk.phone.passes(60)
        await desk.turn()
    assert (desk.posted(), len(desk.orders())) == (1, 1)
    assert (await desk.callback()).close_reason is CloseReason.REACHED


async def test_r3_a_lost_answer_without_any_webhook_is_found_in_twilios_list(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=None)
    desk.phone.exchange.tamper_rest = lambda seen: Tamper(answer_lost=seen.method == "POST")
    desk.phone.exchange.tamper = lambda hook: Tamper(lost="/dial/" in hook.url)
    await desk.turn()
    await desk.phone.passes(30)
    desk.phone.exchange.tamper = lambda hook: Tamper()
    await desk.turn()
    owed = await desk.callback()
    assert owed.attempts[0].call_sid == desk.orders()[0].sid
    assert owed.attempts[0].result == "not_accepted"
    assert [call.to for call in desk.orders()] == [ANNA, BO]


async def test_r3_an_order_that_never_reached_twilio_is_given_up_after_two_minutes(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.tamper_rest = lambda seen: Tamper(lost=seen.method == "POST")
    await desk.turn()
    desk.phone.exchange.tamper_rest = lambda seen: Tamper()
    for _ in range(3):
        await desk.phone.passes(30)
        await desk.dialler.once()
        assert ((await desk.callback()).state, desk.posted()) == (State.DIALLING, 1)
    await desk.phone.passes(61)
    await desk.turn()
    assert (await desk.callback()).attempts[0].result == "not_placed"
    await desk.phone.passes(120)
    await desk.turn()
    assert (desk.posted(), (await desk.callback()).close_reason) == (2, CloseReason.REACHED)


async def test_r3_two_calls_that_might_be_ours_are_left_to_a_person(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=None)
    desk.phone.exchange.tamper_rest = lambda seen: Tamper(lost=seen.method == "POST")
    await desk.turn()
    desk.phone.exchange.tamper_rest = lambda seen: Tamper()
    assert desk.phone.settings.twilio
    for _ in range(2):
        said = await Rest(desk.phone.settings.twilio).order_call(to=ANNA, from_=HOTLINE, url="https://example.com/x")
        assert said.kind == "taken"
    await desk.phone.passes(125)
    await desk.turn()
    assert ((await desk.callback()).state, desk.posted()) == (State.ESCALATED, 3)


async def test_p3_an_order_that_fails_at_twilio_is_sent_once(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.tamper_rest = lambda seen: Tamper(refused=(503, 20500) if seen.method == "POST" else None)
    await desk.turn()
    assert (desk.posted(), (await desk.callback()).state) == (1, State.DIALLING)


async def test_r7_too_many_requests_is_certainly_no_call_and_is_tried_again_later(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.tamper_rest = lambda seen: Tamper(refused=(429, 20429) if seen.method == "POST" else None)
    await desk.turn()
    owed = await desk.callback()
    assert (owed.state, owed.attempts[0].result) == (State.WAITING, "not_placed")
    desk.phone.exchange.tamper_rest = lambda seen: Tamper()
    await desk.turn()
    assert desk.posted() == 1
    await desk.phone.passes(120)
    await desk.turn()
    assert (await desk.callback()).close_reason is CloseReason.REACHED


async def test_r7_a_refused_login_stops_dialling_and_raises_the_alarm_while_calls_are_still_answered(
    desk: Desk,
) -> None:
    await desk.missed()
    desk.phone.exchange.tamper_rest = lambda seen: Tamper(refused=(401, 20003))
    await desk.turn()
    assert "20003" in (desk.phone.means.pulse.said("hotline", "line") or "")
    await desk.phone.passes(100)
    await desk.turn()
    assert desk.posted() == 1
    call = await desk.phone.rung(GONE, LONDONER)
    assert call.spoken
    desk.phone.exchange.tamper_rest = lambda seen: Tamper()
    await desk.phone.passes(400)
    await desk.turn()
    assert desk.posted() == 2
    assert desk.phone.means.pulse.said("hotline", "line") is None


async def test_q8_an_agent_who_does_not_accept_costs_the_customer_nothing_and_the_next_is_rung_at_once(
    desk: Desk,
) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=3, voicemail=True, talks_for=20)
    desk.phone.exchange.people[BO] = TAKES
    await desk.turn()
    await desk.turn()
    assert [call.to for call in desk.orders()] == [ANNA, BO]
    done = await desk.callback()
    assert [each.result for each in done.attempts] == ["not_accepted", "reached"]
    first, second = await desk.attempts()
    assert (first.outcome, second.outcome) == (Outcome.CANCELLED, Outcome.REACHED)
    assert len([call for call in desk.phone.exchange.calls.values() if call.to == CUSTOMER]) == 1


async def test_q8_a_customer_who_does_not_answer_is_told_to_our_person_and_tried_again_later(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[CUSTOMER] = Person(busy=True)
    await desk.turn()
    owed = await desk.callback()
    assert (owed.state, owed.attempts[0].result) == (State.WAITING, "busy")
    heard = " ".join(each.text for each in desk.phone.exchange.spoken(desk.orders()[0]))
    assert "besetzt" in heard
    (attempt,) = await desk.attempts()
    assert (attempt.outcome, attempt.reason) == (Outcome.NOT_REACHED, "busy")
    await desk.turn()
    assert desk.posted() == 1
    desk.phone.exchange.people[CUSTOMER] = TALKS
    await desk.phone.passes(340)
    await desk.turn()
    assert (await desk.callback()).close_reason is CloseReason.REACHED


async def test_p7_one_leg_per_agent(desk: Desk) -> None:
    await desk.missed()
    await desk.missed(LONDONER)
    desk.phone.exchange.people[LONDONER] = TALKS
    await desk.at_once()
    await desk.phone.passes(2)
    await desk.at_once()
    assert [call.to for call in desk.orders()] == [ANNA, BO]


async def test_p6_a_burst_is_ordered_at_the_pace_of_the_account(desk: Desk) -> None:
    for number in (CUSTOMER, LONDONER, DANE):
        await desk.missed(number)
    await desk.at_once()
    await desk.at_once()
    assert desk.posted() == 1


async def test_p6_an_order_that_waits_long_in_twilios_queue_is_taken_back(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.office.calls_per_second = 0.01
    assert desk.phone.settings.twilio
    desk.phone.clockwork.held = True
    await Rest(desk.phone.settings.twilio).order_call(to=BO, from_=HOTLINE, url="https://example.com/x")
    await desk.at_once()
    await desk.phone.passes(40)
    await desk.at_once()
    owed = await desk.callback()
    assert (owed.state, owed.attempts[0].result) == (State.WAITING, "not_placed")
    assert desk.orders()[1].status == "canceled"


async def test_r2_without_any_status_callback_the_same_end_comes_later(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=None)
    desk.phone.exchange.tamper = lambda hook: Tamper(lost="/dial/" in hook.url)
    await desk.turn()
    assert (await desk.callback()).state is State.DIALLING
    await desk.phone.passes(60)
    await desk.turn()
    assert (await desk.callback()).attempts[0].result == "not_accepted"


async def test_r4_the_bridge_is_learned_from_the_children_where_the_dials_action_is_lost(desk: Desk) -> None:
    await desk.missed()
    lost = ("/talk", "/leg")
    desk.phone.exchange.tamper = lambda hook: Tamper(lost=any(word in hook.url for word in lost))
    await desk.turn()
    await desk.phone.passes(60)
    await desk.dialler.once()
    owed = await desk.callback()
    assert owed.state is State.CONFIRM
    assert owed.attempts[0].bridged


async def test_r1_a_new_process_looks_up_at_once_what_was_under_way(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=None)
    desk.phone.exchange.tamper = lambda hook: Tamper(lost="/dial/" in hook.url)
    await desk.turn()
    await desk.phone.passes(1)
    await desk.again().once()
    assert (await desk.callback()).attempts[0].result == "not_accepted"


async def test_p2_killed_between_the_commit_and_the_order_nobody_was_rung_and_it_is_tried_again(desk: Desk) -> None:
    owed = await desk.missed()
    exchange, firm = Attempts(desk.phone.settings, desk.phone.means), desk.phone.means.firm
    decide = partial(begun, owed, firm.people.agents["anna"], exchange.house())
    await desk.phone.means.log.decide((key.of_callback(owed.id),), decide)
    await desk.phone.passes(1)
    desk.again()
    for _ in range(3):
        await desk.turn()
        assert desk.posted() == 0
        await desk.phone.passes(50)
    await desk.turn()
    await desk.phone.passes(100)
    await desk.turn()
    assert (desk.posted(), (await desk.callback()).close_reason) == (1, CloseReason.REACHED)


async def test_the_brake_stops_dialling_and_nothing_else(desk: Desk) -> None:
    await desk.missed()
    now = desk.phone.clockwork.now
    pause = Pause(what="dialling", name="", until=now + timedelta(hours=1), why="storm", by="cai", made_at=now)
    await desk.phone.means.log.decide((), lambda items: Change(pauses=(pause,)))
    await desk.turn()
    assert desk.posted() == 0
    await desk.phone.passes(3700)
    await desk.turn()
    assert desk.posted() == 1


async def test_disabled_or_observing_dials_nothing_but_holds_a_premium_number_all_the_same(desk: Desk) -> None:
    await desk.missed(PREMIUM)
    await desk.missed()
    for changes in ({"dialling": Dialling(enabled=False)}, {"lines": {"hotline": replace(LINE, observe=True)}}):
        desk.phone.settings = replace(desk.phone.settings, **changes)
        await desk.again().once()
        assert desk.posted() == 0
    states = {each.number: each.state for each in await desk.phone.callbacks()}
    assert states == {PREMIUM: State.HELD, CUSTOMER: State.WAITING}


async def test_a_customer_who_rings_and_is_answered_stops_the_call_to_our_person(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=20, presses=("1", "1"))
    desk.phone.exchange.people[BO] = Person(answers_after=2, talks_for=20)
    await desk.at_once()
    owed = await desk.callback()
    closing = close_callback(owed.id, Hand(by="bo", agent_id="bo"), TERMS, note="rung by hand")
    await desk.phone.means.log.decide((key.of_callback(owed.id),), closing)
    await desk.at_once()
    await desk.quiet()
    (call,) = desk.orders()
    assert call.status == "canceled" or not desk.phone.exchange.children(call)
    assert not [each for each in desk.phone.exchange.calls.values() if each.to == CUSTOMER]
    await desk.phone.passes(60)
    await desk.turn()
    assert (await desk.callback()).attempts[0].result is not None


async def test_a_talk_without_a_result_waits_in_confirm_and_goes_to_the_lead_after_a_day(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=3, presses=("1",))
    await desk.turn()
    assert (await desk.callback()).state is State.CONFIRM
    await desk.phone.passes(300)
    await desk.turn()
    assert (await desk.callback()).state is State.CONFIRM
    await desk.phone.passes(86_400)
    await desk.turn()
    assert (await desk.callback()).state is State.ESCALATED


async def test_q4_what_a_person_says_of_a_talk_is_its_next_revision_and_no_second_talk(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=3, presses=("1",))
    await desk.turn()
    owed = await desk.callback()
    said = callback_result(owed.id, Said(result=Result.REACHED), Hand(by="bo", agent_id="bo"), TERMS)
    await desk.phone.means.log.decide((key.of_callback(owed.id),), said)
    done = await desk.callback()
    assert (done.state, done.close_reason) == (State.CLOSED, CloseReason.REACHED)
    assert [each.result for each in done.attempts] == ["reached"]
    (attempt,) = await desk.attempts()
    assert (attempt.outcome, attempt.detail.result) == (Outcome.REACHED, "reached")


async def test_r5_where_rest_and_webhook_tell_two_ends_rest_wins_and_the_conflict_is_recorded(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=None)
    desk.phone.exchange.tamper = lambda hook: Tamper(lost="/dial/" in hook.url)
    await desk.turn()
    owed = await desk.callback()
    attempt = owed.attempts[0]
    assert attempt.id
    exchange, now = Attempts(desk.phone.settings, desk.phone.means), desk.phone.clockwork.now
    sid = {"CallSid": desk.orders()[0].sid}
    await exchange.note(attempt.id, Step(Stage.ASKED), "", {**sid, "CallStatus": "no-answer"}, None, now)
    await exchange.note(attempt.id, Step(Stage.STATUS), "", {**sid, "CallStatus": "failed"}, None, now)
    await exchange.settle(owed.id, attempt.id)
    (told,) = await desk.attempts()
    assert ("conflict" in told.tags, told.reason) == (True, "not_accepted")


async def test_a_number_that_twilio_does_not_dial_is_left_to_a_person_and_not_tried_again(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.tamper_rest = lambda seen: Tamper(refused=(400, 21211) if seen.method == "POST" else None)
    for _ in range(4):
        await desk.turn()
        await desk.phone.passes(70)
    assert (await desk.callback()).state is State.ESCALATED
    assert desk.posted() == 2  # one of each of our two people's numbers, then nobody is left


async def test_a_repeated_or_late_webhook_changes_nothing(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.tamper = lambda hook: Tamper(copies=3 if "/dial/" in hook.url else 1)
    await desk.turn()
    done = await desk.callback()
    assert (done.close_reason, len(done.attempts)) == (CloseReason.REACHED, 1)
    assert len([call for call in desk.phone.exchange.calls.values() if call.to == CUSTOMER]) == 1


async def test_without_a_public_address_the_call_is_one_document_and_its_end_is_asked_for(desk: Desk) -> None:
    await desk.missed()
    assert desk.phone.settings.twilio
    twilio = replace(desk.phone.settings.twilio, webhooks=False, public_url=None)
    desk.phone.settings = replace(desk.phone.settings, twilio=twilio)
    desk.again()
    await desk.turn()
    order = next(each for each in desk.phone.exchange.rest_requests if each.path.endswith("/Calls.json"))
    form = dict(order.form)
    assert "Url" not in form
    assert "StatusCallback" not in form
    assert len(form["Twiml"]) <= 4000
    await desk.phone.passes(60)
    await desk.turn()
    owed = await desk.callback()
    assert (owed.state, owed.attempts[0].bridged) == (State.CONFIRM, True)


async def test_q4_our_person_may_agree_on_another_time_by_key(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=3, presses=("1", "4"))
    await desk.turn()
    owed = await desk.callback()
    assert (owed.state, owed.asked_at_time, owed.attempts[0].result) == (State.WAITING, True, "call_again")
    assert owed.due_at
    assert owed.due_at > desk.phone.clockwork.now


async def test_6b_our_person_who_rings_off_before_the_customer_answers_costs_him_no_try(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=3, presses=("1",), hangs_up_after=22.0)
    desk.phone.exchange.people[CUSTOMER] = Person(answers_after=None)
    await desk.at_once()
    await desk.quiet()
    await desk.phone.passes(30)
    await desk.dialler.once()
    owed = await desk.callback()
    assert owed.attempts[0].result == "given_up"
    (attempt, *_) = await desk.attempts()
    assert attempt.outcome is Outcome.CANCELLED


async def test_6a_a_customer_who_is_on_the_line_with_us_is_not_rung(desk: Desk) -> None:
    await desk.missed()
    call = await desk.phone.exchange.ring(from_=CUSTOMER, to=HOTLINE, caller=Caller(hangs_up_after=30))
    await desk.phone.passes(2)
    await desk.at_once()
    assert desk.posted() == 0
    await desk.phone.exchange.ended(call)


async def test_q6_another_node_stands_by_and_takes_over_when_the_first_is_dead(desk: Desk) -> None:
    await desk.missed()
    await desk.at_once()
    means = replace(desk.phone.means, claims=Claims(desk.phone.means.log, desk.phone.means.world, "other"))
    assert desk.phone.settings.twilio
    other = Dialler(Attempts(desk.phone.settings, means), Rest(desk.phone.settings.twilio))
    with pytest.raises(Elsewhere):
        await other.once()
    await desk.phone.passes(61)
    await other.once()


async def test_fraud_cost_runaway_nothing_is_dialled_when_the_money_of_the_day_is_spent(desk: Desk) -> None:
    await desk.missed()
    cap = Cost(Decimal("0.01"), "EUR", timedelta(days=1))
    desk.phone.settings = replace(desk.phone.settings, dialling=Dialling(max_cost=cap))
    await desk.again().once()
    assert desk.posted() == 0
    assert "money" in (desk.phone.means.pulse.said("hotline", "line") or "")


async def test_fraud_forged_a_webhook_of_an_attempt_that_is_not_signed_moves_nothing(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=None)
    await desk.at_once()
    owed = await desk.callback()
    attempt = owed.attempts[0]
    url = f"{desk.phone.url}/twilio/dial/{owed.id}/{attempt.id}/key-1"
    async with aiohttp.ClientSession() as session:
        for headers in ({}, {"X-Twilio-Signature": "bm8="}):
            async with session.post(url, data={"Digits": "1"}, headers=headers) as answer:
                assert (answer.status, await answer.read()) == (403, b"")
    assert await desk.callback() == owed


async def test_a_signed_request_for_no_attempt_of_ours_hangs_up_and_moves_nothing(desk: Desk) -> None:
    exchange = desk.phone.exchange
    nobody = "0192f0c0-0000-7000-8000-000000000002"
    for path in (f"{nobody}/{nobody}/key-1", f"{nobody}/{nobody}/created", "x/y/agent"):
        fields = {"AccountSid": ACCOUNT, "CallSid": SID, "Digits": "1"}
        hook = Webhook(kind="voice", url=f"{PUBLIC}/twilio/dial/{path}", fields=fields)
        sent = await exchange.post.deliver(hook)
        assert (sent.status, b"<Hangup/>" in sent.body) == (200, True)
    assert await desk.phone.callbacks() == []


async def test_w2_a_result_that_was_journalled_before_a_crash_is_decided_after_it(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=3, presses=("1",))
    await desk.turn()
    owed = await desk.callback()
    attempt = owed.attempts[0]
    assert attempt.id
    exchange, now = Attempts(desk.phone.settings, desk.phone.means), desk.phone.clockwork.now
    url = f"{PUBLIC}/twilio/dial/{owed.id}/{attempt.id}/result-2"
    await exchange.note(attempt.id, Step(Stage.RESULT, 2), url, {"CallSid": SID, "Digits": "1"}, None, now)
    await desk.phone.passes(31)
    await desk.again().once()
    assert (await desk.callback()).close_reason is CloseReason.REACHED


async def test_w9_a_document_that_failed_is_given_by_the_fallback_under_its_own_name(desk: Desk) -> None:
    await desk.missed()
    broken: list[str] = []

    def breaks(hook: Webhook) -> Tamper:
        first = hook.url.partition("#")[0].endswith(("/agent", "/key-1")) and hook.url not in broken
        if first:
            broken.append(hook.url)
        return Tamper(refused=(400, 11200)) if first else Tamper()

    desk.phone.exchange.tamper = breaks
    await desk.turn()
    assert len(broken) == 2
    done = await desk.callback()
    assert done.close_reason is CloseReason.REACHED
    assert len([call for call in desk.phone.exchange.calls.values() if call.to == CUSTOMER]) == 1


async def test_p5_every_request_of_ours_is_one_that_twilios_description_knows(desk: Desk, shared: Path) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=None)
    desk.phone.exchange.tamper_rest = lambda seen: Tamper(answer_lost=seen.method == "POST")
    desk.phone.exchange.tamper = lambda hook: Tamper(lost="/dial/" in hook.url)
    await desk.turn()
    await desk.phone.passes(65)
    await desk.turn()
    assert desk.phone.settings.twilio
    desk.phone.exchange.tamper_rest = lambda seen: Tamper()
    await Rest(desk.phone.settings.twilio).end_call(desk.orders()[0].sid, "canceled")
    asked = desk.phone.exchange.rest_requests
    assert {each.method for each in asked} == {"GET", "POST"}
    assert Contract(shared / "twilio/openapi/twilio_api_v2010.json").faults(asked) == []


async def test_p2_killed_between_the_order_and_its_answer_the_call_is_found_and_not_placed_again(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=20, presses=("1", "1"))
    desk.phone.exchange.tamper_rest = lambda seen: Tamper(answer_lost=seen.method == "POST")
    await desk.at_once()
    desk.phone.exchange.tamper_rest = lambda seen: Tamper()
    await desk.phone.passes(1)
    desk.phone.clockwork.held = True
    await desk.again().once()
    assert (await desk.callback()).attempts[0].call_sid == desk.orders()[0].sid
    desk.phone.clockwork.held = False
    await desk.quiet()
    assert ((await desk.callback()).close_reason, desk.posted()) == (CloseReason.REACHED, 1)
