"""Callbacks made on the stand-in: our own person first, then the customer, then the result."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import NoReturn

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from commsd.channels.phone import rest
from commsd.channels.phone.dial import dialler as dialler_module
from commsd.channels.phone.dial import orders
from commsd.channels.phone.dial.dialler import Dialler
from commsd.channels.phone.dial.exchange import Exchange as Attempts
from commsd.channels.phone.dial.settle import begun
from commsd.channels.phone.dial.step import Stage, Step
from commsd.channels.phone.dial.twiml import connect_bin
from commsd.channels.phone.line import Callbacks, Cost, Dialling
from commsd.channels.phone.rest import Rest
from commsd.core import key
from commsd.core.callback import Callback, CloseReason, State, escalated
from commsd.core.change import Change
from commsd.core.entry import Hand, Result, Said
from commsd.core.interaction import Outcome
from commsd.core.pause import Pause
from commsd.core.price import Spending
from commsd.crm.call_actions import callback_result, close_callback
from commsd.demo.exchange import Caller, Person, Tamper, Webhook
from commsd.errors import Elsewhere, TryAgain
from commsd.store import callbacks, spending
from commsd.store.claims import Claims
from tests.channels.phone.dial.conftest import GONE, TAKES, TALKS, Desk
from tests.channels.phone.hotline import ACCOUNT, ANNA, BO, CUSTOMER, DANE, HOTLINE, LINE, LONDONER, PUBLIC, SID
from tests.demo.contract import Contract
from tests.eventually import eventually
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


async def test_w9_an_order_names_the_fallback_outside_our_host_where_there_is_one(desk: Desk) -> None:
    assert desk.phone.settings.twilio
    outside = "https://handler.twilio.com/twiml/EH0"
    twilio = replace(desk.phone.settings.twilio, fallback_url=outside)
    desk.phone.settings = replace(desk.phone.settings, twilio=twilio)
    desk.again()
    await desk.missed()
    await desk.turn()
    order = next(each for each in desk.phone.exchange.rest_requests if each.path.endswith("/Calls.json"))
    assert dict(order.form)["FallbackUrl"] == outside


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


@dataclass
class Stalled:
    """A Twilio that takes every request and answers none. asked: method and path of each."""

    asked: list[str] = field(default_factory=list)

    async def take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.asked.append(" ".join((await reader.readline()).decode().partition("?")[0].split()[:2]))
        await reader.read()
        writer.close()


@pytest.fixture
async def stalled(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Dialler, Stalled]]:
    """A dialler in front of it, whose deadlines are short."""
    for module in (rest, orders):
        monkeypatch.setattr(module, "DEADLINE", 0.3)
    twilio, seen = desk.phone.settings.twilio, Stalled()
    assert twilio
    async with await asyncio.start_server(seen.take, "127.0.0.1", 0) as server, asyncio.timeout(30):
        base = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        there = Rest(replace(twilio, api_base_url=base))
        yield Dialler(Attempts(desk.phone.settings, desk.phone.means), there), seen


async def test_p4_a_twilio_that_never_answers_an_order_is_left_at_the_deadline_and_asked_for_no_second_call(
    desk: Desk, stalled: tuple[Dialler, Stalled]
) -> None:
    await desk.missed()
    dialler, seen = stalled
    await dialler.once()
    await desk.phone.passes(30)
    await dialler.once()
    calls = f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json"
    assert seen.asked == [f"POST {calls}", f"GET {calls}"]
    assert (await desk.callback()).state is State.DIALLING
    for _ in range(4):
        await desk.phone.passes(60)
        await desk.turn()
    done = await desk.callback()
    assert (done.attempts[0].result, done.close_reason, desk.posted()) == ("not_placed", CloseReason.REACHED, 1)


async def test_p4_a_twilio_that_never_says_how_a_call_stands_is_left_at_the_deadline_and_asked_again(
    desk: Desk, stalled: tuple[Dialler, Stalled]
) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=None)
    desk.phone.exchange.tamper = lambda hook: Tamper(lost="/dial/" in hook.url)
    await desk.turn()
    await desk.phone.passes(60)
    dialler, seen = stalled
    await dialler.once()
    assert seen.asked[0].startswith("GET ")
    assert desk.orders()[0].sid in seen.asked[0]
    assert ((await desk.callback()).state, desk.posted()) == (State.DIALLING, 1)
    await desk.phone.passes(60)
    await desk.at_once()
    assert (await desk.callback()).attempts[0].result == "not_accepted"


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


async def test_q5_a_caller_in_the_rounds_has_the_next_round_before_a_call_missed_after_he_rang(desk: Desk) -> None:
    """Anna's telephone rings for him, Bo's would be next; what was missed before he rang does not wait for him."""
    now = desk.phone.clockwork.now
    desk.phone.exchange.people[ANNA] = Person(answers_after=None)
    await desk.phone.exchange.ring(from_=DANE, to=HOTLINE, caller=Caller(hangs_up_after=300))
    await desk.phone.passes(4)
    older, newer = _more_owed(1, now), replace(_more_owed(2, now), opened_at=now + timedelta(seconds=2))
    await desk.phone.means.log.decide((), lambda _: Change(callbacks=(newer,)))
    desk.phone.clockwork.held = True
    await desk.dialler.once()
    assert desk.orders() == []
    await desk.phone.means.log.decide((), lambda _: Change(callbacks=(older,)))
    await desk.dialler.once()
    desk.phone.clockwork.held = False
    assert [call.to for call in desk.orders()] == [BO]
    known = {each.id: each.state for each in await desk.phone.callbacks()}
    assert known == {older.id: State.DIALLING, newer.id: State.WAITING}


async def test_q5_who_is_free_finds_the_call_meant_for_him_behind_many_that_wait_for_somebody_else(desk: Desk) -> None:
    """More than a page of calls are Anna's own, and she is on the telephone; Bo is free."""
    await desk.missed(LONDONER)
    await desk.at_once()
    before = desk.phone.clockwork.now
    hers = [replace(_more_owed(n, before), owner="anna") for n in range(callbacks.AT_ONCE + 10)]
    anybodys = _more_owed(callbacks.AT_ONCE + 10, before)
    await desk.phone.means.log.decide((), lambda _: Change(callbacks=(*hers, anybodys)))
    await desk.phone.passes(2)
    await desk.at_once()
    assert [call.to for call in desk.orders()] == [ANNA, BO]
    known = {each.id: each for each in await desk.phone.callbacks()}
    assert known[anybodys.id].state is State.DIALLING


async def test_fraud_wangiri_a_number_behind_many_is_held_also_while_nothing_is_dialled(desk: Desk) -> None:
    settings = replace(desk.phone.settings, dialling=replace(desk.phone.settings.dialling, enabled=False))
    assert settings.twilio
    dialler = Dialler(Attempts(settings, desk.phone.means), Rest(settings.twilio))
    many = callbacks.AT_ONCE + 10
    owed = [_more_owed(n, desk.phone.clockwork.now) for n in range(many)]
    dear = replace(_more_owed(many, desk.phone.clockwork.now), number=PREMIUM)
    await desk.phone.means.log.decide((), lambda _: Change(callbacks=(*owed, dear)))
    await dialler.once()
    known = {each.id: each for each in await desk.phone.callbacks()}
    assert known[dear.id].held == "type:premium_rate"
    assert {known[each.id].state for each in owed} == {State.WAITING}


async def test_q5_of_very_many_calls_those_far_behind_have_their_turn_too(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(callbacks, "AT_ONCE", 5)
    monkeypatch.setattr(dialler_module, "PAGES", 2)
    await desk.missed(LONDONER)
    await desk.at_once()
    before = desk.phone.clockwork.now
    hers = [replace(_more_owed(n, before), owner="anna") for n in range(32)]
    await desk.phone.means.log.decide((), lambda _: Change(callbacks=(*hers, _more_owed(40, before))))
    await desk.phone.passes(2)
    turns = 0
    while len(desk.orders()) < 2 and turns < 10:
        await desk.at_once()
        turns += 1
    assert [call.to for call in desk.orders()] == [ANNA, BO]
    assert 2 < turns < 10


def _more_owed(place: int, at: datetime) -> Callback:
    """A call that was missed on the hotline, `place` seconds after others."""
    opened = at - timedelta(minutes=10) + timedelta(seconds=place)
    return Callback(
        id=f"0195a1b2-0000-7000-8000-{place:012}",
        created_at=opened,
        line="hotline",
        number=f"+49302312{5100 + place}",
        contact_id=None,
        case_id=f"case-{place}",
        state=State.WAITING,
        due_at=opened + timedelta(hours=2),
        opened_at=opened,
        misses=(f"miss-{place}", f"miss-again-{place}"),
        look_at=opened,
    )


@dataclass
class Stopwatch:
    """Stops the time as soon as an attempt has its result."""

    desk: Desk

    def hear(self, change: Change) -> None:
        if any(each.attempts and each.attempts[-1].result for each in change.callbacks):
            self.desk.phone.clockwork.held = True


async def test_p7_who_has_pressed_the_result_is_on_the_line_until_he_has_rung_off(desk: Desk) -> None:
    await desk.missed()
    await desk.missed(LONDONER)
    desk.phone.exchange.people[CUSTOMER] = Person(busy=True)
    stopwatch = Stopwatch(desk)
    desk.phone.means.log.listen(stopwatch.hear)
    await desk.at_once()
    await eventually(lambda: desk.phone.clockwork.held)
    assert [(call.to, call.finished) for call in desk.orders()] == [(ANNA, False)]
    await desk.dialler.once()
    assert [call.to for call in desk.orders()] == [ANNA, BO]
    desk.phone.clockwork.held = False


async def test_p7_whose_leg_ended_unheard_is_asked_for_and_is_free_again(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[CUSTOMER] = Person(busy=True)
    desk.phone.exchange.people[LONDONER] = TALKS
    desk.phone.exchange.tamper = lambda hook: Tamper(
        lost=hook.url.partition("#")[0].endswith("/status") and hook.fields["CallStatus"] == "completed"
    )
    await desk.turn()
    assert desk.orders()[0].finished
    await desk.missed(LONDONER)
    await desk.turn()
    assert [call.to for call in desk.orders()] == [ANNA, ANNA], "time passed, and Twilio was asked"
    assert _asked_for(desk, desk.orders()[0].sid)


async def test_p7_who_talks_to_a_caller_is_not_rung_however_long_he_talks(desk: Desk) -> None:
    await desk.missed(LONDONER)
    desk.phone.exchange.people[ANNA] = Person(answers_after=3, presses=("1",), talks_for=3000)
    talk = await desk.phone.exchange.ring(from_=DANE, to=HOTLINE, caller=Caller())
    await desk.phone.passes(290)
    desk.phone.clockwork.held = True
    desk.phone.exchange.tamper_rest = lambda seen: Tamper(lost=True)
    await desk.phone.verdict.once()
    desk.phone.exchange.tamper_rest = lambda seen: Tamper()
    assert {call.outcome for call in await desk.phone.calls()} == {Outcome.MISSED, Outcome.REACHED}
    await desk.dialler.once()
    assert [order.to for order in desk.orders()] == [BO]
    desk.phone.clockwork.held = False
    await desk.phone.passes(301)
    await desk.at_once()
    assert _asked_for(desk, talk.sid)
    await desk.phone.exchange.ended(talk)


async def test_a2_a_caller_does_not_ring_who_is_on_a_callback(desk: Desk) -> None:
    await desk.missed(LONDONER)
    desk.phone.exchange.people[LONDONER] = Person(answers_after=4, talks_for=600)
    await desk.at_once()
    call = await desk.phone.exchange.ring(from_=CUSTOMER, to=HOTLINE, caller=Caller(hangs_up_after=25))
    await desk.phone.passes(20)
    assert [leg.to for leg in desk.phone.exchange.children(call)] == [BO]
    await desk.quiet()
    again = await desk.phone.exchange.ring(from_=CUSTOMER, to=HOTLINE, caller=Caller(hangs_up_after=25))
    await desk.phone.passes(20)
    assert [leg.to for leg in desk.phone.exchange.children(again)] == [ANNA]
    await desk.phone.exchange.ended(again)


async def test_q8_who_was_just_rung_in_vain_rests_before_he_is_rung_for_the_callback(desk: Desk) -> None:
    desk.phone.settings = replace(desk.phone.settings, callbacks=Callbacks())
    desk.again()
    desk.phone.exchange.people[ANNA] = Person(answers_after=None)
    await desk.phone.rung(Caller(keys=["1", ""]))
    await desk.phone.settled()
    desk.phone.exchange.people[ANNA] = TAKES
    await desk.turn()
    assert desk.orders() == []
    await desk.phone.passes(46)
    await desk.turn()
    assert [order.to for order in desk.orders()] == [ANNA]


async def test_q8_a_new_callback_to_the_same_number_begins_no_new_count_of_the_day(desk: Desk) -> None:
    desk.phone.exchange.people[CUSTOMER] = Person(answers_after=None)
    few = Callbacks(first_try_after=timedelta(0), tries_per_day=1)
    desk.phone.settings = replace(desk.phone.settings, callbacks=few)
    desk.again()
    owed = await desk.missed()
    await desk.turn()
    assert len(desk.orders()) == 1
    end = close_callback(owed.id, Hand(by="anna", agent_id="anna", agent="Anna"), TERMS, note="wrote instead")
    await desk.phone.means.log.decide((key.of_callback(owed.id), *key.of_addresses(CUSTOMER)), end)
    await desk.phone.passes(3600)
    await desk.phone.rung(GONE)
    await desk.phone.settled()
    await desk.phone.judged()
    await desk.turn()
    assert len(desk.orders()) == 1, "he was rung in vain today already"
    fresh = next(each for each in await desk.phone.callbacks() if each.open)
    assert fresh.id != owed.id
    await desk.phone.passes(24 * 3600)
    await desk.turn()
    assert len(desk.orders()) == 2


async def test_r7_a_login_that_cannot_be_read_ends_the_attempt_and_raises_the_alarm(desk: Desk, tmp_path: Path) -> None:
    await desk.missed()
    token = (tmp_path / "token").read_text()
    (tmp_path / "token").unlink()
    await desk.turn()
    owed = await desk.callback()
    assert ([each.result for each in owed.attempts], owed.state) == (["not_placed"], State.WAITING)
    assert "nothing is dialled" in (desk.phone.means.pulse.said("hotline", "line") or "")
    (tmp_path / "token").write_text(token)
    await desk.phone.passes(400)
    await desk.turn()
    assert (await desk.callback()).close_reason is CloseReason.REACHED
    assert desk.phone.means.pulse.said("hotline", "line") is None


async def test_p7_who_is_rung_by_a_caller_is_not_rung_by_us(desk: Desk) -> None:
    await desk.missed(LONDONER)
    desk.phone.exchange.tamper = lambda hook: Tamper(lost="/leg" in hook.url)
    call = await desk.phone.exchange.ring(from_=CUSTOMER, to=HOTLINE, caller=Caller(hangs_up_after=15))
    await desk.phone.passes(8)
    await desk.at_once()
    assert [order.to for order in desk.orders()] == [BO]
    await desk.phone.exchange.ended(call)


def _asked_for(desk: Desk, sid: str) -> bool:
    return any(each.method == "GET" and each.path.endswith(f"{sid}.json") for each in desk.phone.exchange.rest_requests)


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


@pytest.mark.parametrize("meanwhile", [State.WAITING, State.ESCALATED])
async def test_r4_a_talk_of_which_twilio_tells_late_stops_the_next_try_and_its_result_is_asked_for(
    desk: Desk, meanwhile: State
) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=3, presses=("1",))
    desk.phone.exchange.tamper = lambda hook: Tamper(lost="/talk" in hook.url or "/leg" in hook.url)
    await desk.turn()
    attempt = (await desk.callback()).attempts[0]
    exchange, call = Attempts(desk.phone.settings, desk.phone.means), desk.orders()[0]
    assert attempt.id

    async def told(stage: Stage, **fields: str) -> None:
        assert attempt.id
        said = {"CallSid": call.sid, "CallStatus": "completed"} | fields
        await exchange.note(attempt.id, Step(stage), "", said, None, desk.phone.clockwork.now)
        await desk.phone.passes(30)
        await exchange.settle((await desk.callback()).id, attempt.id)

    await told(Stage.ASKED)
    owed = await desk.callback()
    assert (owed.state, owed.attempts[0].result) == (State.WAITING, "given_up")
    if meanwhile is State.ESCALATED:
        given_up = Change(callbacks=(escalated(owed),))
        await desk.phone.means.log.decide((key.of_callback(owed.id),), lambda _: given_up)
    await told(Stage.TALK, DialCallStatus="completed", DialBridged="true", DialCallDuration="40")
    owed = await desk.callback()
    assert (owed.state, owed.attempts[0].result, owed.attempts[0].bridged) == (State.CONFIRM, None, True)
    (talk,) = await desk.attempts()
    assert (talk.outcome, talk.talk) == (Outcome.REACHED, timedelta(seconds=40))
    await desk.turn()
    assert desk.posted() == 1
    said = callback_result(owed.id, Said(result=Result.REACHED), Hand(by="anna", agent_id="anna"), TERMS)
    await desk.phone.means.log.decide((key.of_callback(owed.id),), said)
    assert (await desk.callback()).close_reason is CloseReason.REACHED


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


@pytest.mark.parametrize(("presses", "rung", "result"), [("1", 1, None), ("", 0, "not_accepted")])
async def test_a3_without_a_public_address_a_bin_at_twilio_joins_only_who_pressed_a_key(
    desk: Desk, presses: str, rung: int, result: str | None
) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=3, presses=presses, voicemail=not presses, talks_for=90)

    async def bin_of_twilio(request: web.Request) -> web.Response:
        text = connect_bin().decode()
        for name, value in request.query.items():
            text = text.replace("{{" + name + "}}", value)
        return web.Response(text=text, content_type="text/xml")

    app = web.Application()
    app.router.add_post("/twiml/EH1", bin_of_twilio)
    server = TestServer(app)
    assert desk.phone.settings.twilio
    async with server:
        url = str(server.make_url("/twiml/EH1"))
        twilio = replace(desk.phone.settings.twilio, webhooks=False, public_url=None, connect_url=url)
        desk.phone.settings = replace(desk.phone.settings, twilio=twilio)
        desk.again()
        await desk.turn()
    (call,) = desk.orders()
    legs = desk.phone.exchange.children(call)
    assert [(leg.from_, leg.to) for leg in legs] == [(HOTLINE, CUSTOMER)] * rung
    await desk.phone.passes(60)
    await desk.at_once()
    owed = await desk.callback()
    assert owed.attempts[0].result == result
    assert owed.attempts[0].bridged == bool(rung)


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


async def test_fraud_cost_runaway_what_twilio_bills_takes_the_place_of_what_was_booked(desk: Desk) -> None:
    desk.phone.exchange.office.price_per_minute = Decimal("0.014")
    desk.phone.exchange.office.priced_after = 1200
    await desk.missed()
    await desk.turn()

    async def spent() -> Decimal:
        return await desk.phone.means.log.read(lambda connection: spending.spent(connection, "2026-03-10", "EUR"))

    assert ((await desk.callback()).attempts[0].cost, await spent()) == (None, Decimal("0.3"))
    await desk.phone.passes(400)
    await desk.at_once()
    assert (await desk.callback()).attempts[0].cost is None, "not known yet"
    for _ in range(3):
        await desk.phone.passes(1500)
        await desk.at_once()
    done = await desk.callback()
    (call,) = desk.orders()
    minutes = sum(-(-leg.seconds // 60) for leg in (call, *desk.phone.exchange.children(call)))
    paid = minutes * Decimal("0.014")
    assert (done.state, done.attempts[0].cost) == (State.CLOSED, f"{paid:.5f} USD")
    assert await spent() == paid
    asked = len(desk.phone.exchange.rest_requests)
    await desk.phone.passes(20_000)
    await desk.at_once()
    assert len(desk.phone.exchange.rest_requests) == asked


async def test_fraud_cost_runaway_a_price_that_never_comes_is_asked_for_three_times_and_the_estimate_stays(
    desk: Desk,
) -> None:
    await desk.missed()
    await desk.turn()
    before = len(desk.phone.exchange.rest_requests)
    for _ in range(12):
        await desk.phone.passes(1800)
        await desk.at_once()
    assert len(desk.phone.exchange.rest_requests) - before == 3 * 2
    assert (await desk.callback()).attempts[0].cost is None
    kept = await desk.phone.means.log.read(lambda connection: spending.spent(connection, "2026-03-10", "EUR"))
    assert kept == Decimal("0.3")


async def test_fraud_cost_runaway_a_call_may_not_last_longer_than_there_is_money(desk: Desk) -> None:
    await desk.missed()
    cap = Cost(Decimal("0.75"), "EUR", timedelta(days=1))
    desk.phone.settings = replace(desk.phone.settings, dialling=Dialling(max_cost=cap))
    desk.again()
    await desk.at_once()
    order = next(each for each in desk.phone.exchange.rest_requests if each.path.endswith("/Calls.json"))
    assert dict(order.form)["TimeLimit"] == "720", "twelve minutes at 6 cents"
    await desk.quiet()


async def test_fraud_forged_a_webhook_of_an_attempt_that_is_not_signed_moves_nothing(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=None)
    desk.phone.clockwork.held = True  # the telephone goes on ringing
    await desk.dialler.once()
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


async def _spent(desk: Desk) -> Decimal:
    return await desk.phone.means.log.read(lambda connection: spending.spent(connection, "2026-03-10", "EUR"))


async def test_fraud_cost_runaway_an_order_that_twilio_never_took_costs_nothing(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.tamper_rest = lambda seen: Tamper(refused=(429, 20429) if seen.method == "POST" else None)
    await desk.turn()
    (attempt,) = (await desk.callback()).attempts
    assert (attempt.result, attempt.cost, await _spent(desk)) == ("not_placed", "0 EUR", Decimal(0))


async def test_fraud_cost_runaway_a_leg_that_nobody_took_and_that_is_never_billed_costs_nothing(desk: Desk) -> None:
    await desk.missed()
    desk.phone.exchange.people[ANNA] = Person(answers_after=None)
    await desk.turn()
    await desk.phone.passes(400)
    await desk.at_once()
    (attempt, *_) = (await desk.callback()).attempts
    assert (attempt.result, attempt.cost) == ("not_accepted", "0 USD")
    await desk.quiet()


async def test_r2_a_question_that_fails_as_nobody_foresaw_keeps_no_call_from_being_dialled(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    await desk.missed()
    await desk.turn()

    async def breaks(*_: object) -> NoReturn:
        raise TryAgain("too much to do", remedy="nothing: it is asked again")

    monkeypatch.setattr(orders, "looked_up", breaks)
    await desk.phone.passes(400)
    await desk.missed(LONDONER)
    desk.phone.exchange.people[LONDONER] = TALKS
    await desk.turn()
    assert [call.to for call in desk.orders()] == [ANNA, ANNA]


FINN = "+358912345678"


@pytest.mark.parametrize(("cap", "state", "why"), [("0.70", State.HELD, "price:FI"), ("1", State.WAITING, None)])
async def test_fraud_cost_runaway_a_call_dearer_than_what_may_be_spent_does_not_wait_in_silence(
    desk: Desk, cap: str, state: State, why: str | None
) -> None:
    now = desk.phone.clockwork.now
    limits = Dialling(max_cost=Cost(Decimal(cap), "EUR", timedelta(days=1)), regions=frozenset({"DE", "FI"}))
    desk.phone.settings = replace(desk.phone.settings, dialling=limits)
    spent = Spending(now.date().isoformat(), "EUR", Decimal("0.40"), 1)
    owed = replace(_more_owed(1, now), number=FINN)
    await desk.phone.means.log.decide((), lambda _: Change(callbacks=(owed,), spending=(spent,) if cap == "1" else ()))
    desk.again()
    await desk.at_once()
    after = await desk.callback()
    assert (desk.posted(), after.state, after.held) == (0, state, why)
    if state is State.WAITING:
        assert "money" in (desk.phone.means.pulse.said("hotline", "line") or "")
        assert after.look_at is not None
        assert after.look_at > now
