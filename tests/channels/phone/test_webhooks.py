"""Calls as they come over the wire: an exchange that speaks Twilio, our routes, a real store."""

import asyncio
import sqlite3
from collections.abc import Callable
from urllib.parse import urldefrag

import httpx
import pytest
from sqlalchemy import select

from commsd.channels.phone import intake, webhooks
from commsd.core.callback import CloseReason, State
from commsd.core.interaction import Outcome
from commsd.demo.exchange import Caller, IncomingNumber, Person, Tamper, Webhook
from commsd.demo.exchange_post import WebhookFailed
from commsd.store import schema
from tests.channels.phone.conftest import Phone, opened
from tests.channels.phone.hotline import ANNA, BO, CUSTOMER, HOTLINE, PUBLIC
from tests.eventually import eventually

TAKES = Person(answers_after=3.0, presses="1", talks_for=30.0)
VOICEMAIL = Person(answers_after=3.0, presses="", talks_for=20.0, voicemail=True)


async def test_a_call_nobody_takes_becomes_a_callback_with_a_clock(phone: Phone) -> None:
    call = await phone.rung(Caller(keys=[""]))
    await phone.settled()
    heard = " ".join(said.text for said in phone.exchange.spoken(call))
    assert "nobody was free" in heard
    assert "today, by half past two in the afternoon" in heard
    assert heard.endswith("Goodbye.")
    (known,), (owed,) = await phone.calls(), await phone.callbacks()
    assert (known.outcome, known.revision, known.reason) == (Outcome.MISSED, 2, "no_answer")
    assert (owed.number, owed.line, owed.state, owed.misses) == (CUSTOMER, "hotline", State.WAITING, (known.id,))
    assert await phone.count(schema.call_timers) == 0
    assert not phone.exchange.alerts
    assert [(state.name, state.working) for state in phone.means.pulse.states()] == [("hotline", True)]


async def test_one_of_us_presses_1_and_the_call_is_reached(phone: Phone) -> None:
    phone.exchange.people[ANNA] = TAKES
    call = await phone.rung()
    await phone.settled()
    (known,) = await phone.calls()
    assert (known.outcome, known.agent_id) == (Outcome.REACHED, "anna")
    assert known.talk is not None
    assert not await phone.callbacks()
    assert call.bridged


async def test_a3_a_voicemail_of_ours_does_not_swallow_the_call(phone: Phone) -> None:
    phone.exchange.people[ANNA] = VOICEMAIL
    phone.exchange.people[BO] = VOICEMAIL
    await phone.rung(Caller(keys=[""]))
    await phone.settled()
    (owed,) = await phone.callbacks()
    assert owed.state is State.WAITING


@pytest.mark.parametrize("action_after_hangup", [True, False])
@pytest.mark.parametrize("after", [0.5, 9.0, 15.0, 32.0])
async def test_a_caller_who_hangs_up_is_owed_a_call(phone: Phone, after: float, action_after_hangup: bool) -> None:
    phone.exchange.office.action_after_hangup = action_after_hangup
    await phone.rung(Caller(hangs_up_after=after))
    await phone.settled()
    await phone.judged()
    (known,), (owed,) = await phone.calls(), await phone.callbacks()
    assert known.outcome is Outcome.MISSED
    assert owed.misses == (known.id,)


async def test_a_withheld_number_is_owed_a_call_that_needs_one(phone: Phone) -> None:
    await phone.rung(Caller(keys=["", ""]), from_="anonymous")
    await phone.settled()
    (owed,) = await phone.callbacks()
    assert (owed.state, owed.number) == (State.NEEDS_NUMBER, None)
    assert not phone.exchange.alerts


async def test_a_number_typed_on_the_keys_is_the_one_to_ring(phone: Phone) -> None:
    await phone.rung(Caller(keys=["2", "03023125088#", ""]), from_="anonymous")
    await phone.settled()
    (owed,) = await phone.callbacks()
    assert (owed.state, owed.number) == (State.WAITING, "+493023125088")


async def test_a_message_is_kept_with_the_call(phone: Phone) -> None:
    await phone.rung(Caller(keys=["3"], says="It is about my boiler."))
    await phone.settled()
    (known,) = await phone.calls()
    assert known.reason == "message_left"
    assert (known.external("twilio.recording-sid") or "").startswith("RE")


async def test_two_calls_of_one_number_are_one_callback(phone: Phone) -> None:
    await phone.rung(Caller(keys=[""]))
    again = await phone.rung(Caller(keys=[""]))
    await phone.settled()
    (owed,) = await phone.callbacks()
    assert len(owed.misses) == 2
    assert any("you keep your place" in said.text for said in phone.exchange.spoken(again))


async def test_being_reached_later_closes_the_callback(phone: Phone) -> None:
    await phone.rung(Caller(hangs_up_after=5))
    await phone.judged()
    phone.exchange.people[ANNA] = TAKES
    await phone.rung()
    await phone.settled()
    (owed,) = await phone.callbacks()
    assert owed.close_reason is CloseReason.ANSWERED_INBOUND


async def test_w3_w4_every_webhook_three_times_is_one_call_and_the_same_bytes(phone: Phone) -> None:
    phone.exchange.people[ANNA] = VOICEMAIL
    phone.exchange.tamper = lambda _: Tamper(copies=3)
    await phone.rung(Caller(keys=["2", "03023125088#", ""]))
    await phone.settled()
    assert len(await phone.calls()) == 1
    assert len(await phone.callbacks()) == 1
    bodies: dict[str, set[bytes]] = {}
    for sent in phone.exchange.requests:
        bodies.setdefault(urldefrag(sent.webhook.url).url, set()).add(sent.body)
    assert len(bodies) > 6
    assert {url: len(found) for url, found in bodies.items() if len(found) > 1} == {}


LOSSES: dict[str, Callable[[Webhook], bool]] = {
    "dial actions": lambda hook: hook.kind == "dial-action",
    "the end": lambda hook: hook.kind == "call-status" and "call-status" in hook.url,
    "legs": lambda hook: hook.kind == "call-status" and "/leg-" in hook.url,
    "whispers": lambda hook: hook.kind == "whisper",
    "all but the first": lambda hook: hook.kind != "voice",
}


@pytest.mark.parametrize("lost", LOSSES)
@pytest.mark.parametrize("agent", [Person(), TAKES, VOICEMAIL], ids=["nobody", "takes", "voicemail"])
async def test_d1_whatever_webhooks_are_lost_nobody_is_forgotten(phone: Phone, lost: str, agent: Person) -> None:
    phone.exchange.people[ANNA] = agent
    phone.exchange.tamper = lambda hook: Tamper(lost=LOSSES[lost](hook))
    call = await phone.rung(Caller(keys=[""]))
    await phone.settled()
    await phone.judged()
    (known,) = await phone.calls()
    owed = await phone.callbacks()
    assert known.outcome in (Outcome.MISSED, Outcome.REACHED)
    assert (known.outcome is Outcome.MISSED) == (len(owed) == 1)
    if not call.bridged:
        assert known.outcome is Outcome.MISSED
    elif lost != "all but the first":
        assert known.outcome is Outcome.REACHED


async def test_a_call_first_heard_of_at_its_end_is_owed_a_call(phone: Phone) -> None:
    phone.exchange.tamper = lambda hook: Tamper(lost=hook.kind == "voice")
    await phone.rung()
    await phone.settled()
    (known,), (owed,) = await phone.calls(), await phone.callbacks()
    assert (known.outcome, owed.number) == (Outcome.MISSED, CUSTOMER)


async def test_a_number_that_is_no_line_is_answered_and_recorded(phone: Phone) -> None:
    stray = "+493023125077"
    phone.exchange.numbers[stray] = IncomingNumber()
    call = await phone.exchange.ended(await phone.exchange.ring(from_=CUSTOMER, to=stray))
    await phone.settled()
    assert any("nicht verbinden" in said.text for said in phone.exchange.spoken(call))
    (owed,) = await phone.callbacks()
    assert (owed.line, owed.number) == (None, CUSTOMER)


async def test_fraud_forged_webhooks_are_refused_and_leave_nothing(phone: Phone) -> None:
    phone.exchange.post.auth_token = "somebody-else"
    await phone.rung()
    assert {sent.status for sent in phone.exchange.requests} == {403}
    assert all(sent.body == b"" for sent in phone.exchange.requests)
    assert await phone.count(schema.journal) == 0
    assert await phone.count(schema.interactions) == 0


async def test_g7_json_and_get_are_no_webhooks(phone: Phone) -> None:
    async with httpx.AsyncClient(timeout=5) as client:
        json = await client.post(f"{phone.url}/twilio/voice", json={"CallSid": "CA1"})
        get = await client.get(f"{phone.url}/twilio/voice", params={"CallSid": "CA1"})
    assert (json.status_code, get.status_code) == (415, 405)


async def _signed(phone: Phone, path: str, **said: str) -> tuple[int | None, bytes]:
    fields = {"AccountSid": phone.exchange.office.account_sid, "Direction": "inbound", "To": HOTLINE, **said}
    sent = await phone.exchange.post.deliver(Webhook(kind="voice", url=f"{PUBLIC}{path}", fields=fields))
    return sent.status, sent.body


@pytest.mark.parametrize(
    ("path", "said"),
    [
        ("/twilio/voice", {}),
        ("/twilio/voice", {"CallSid": "../../etc"}),
        ("/twilio/call/CA1/nonsense", {"CallSid": "CA1"}),
        ("/twilio/call/CA1/asked", {"CallSid": "CA1"}),
        ("/twilio/call/none/dial-1", {"CallSid": "CA1"}),
    ],
)
async def test_w10_what_is_signed_but_broken_still_gets_words(phone: Phone, path: str, said: dict[str, str]) -> None:
    status, body = await _signed(phone, path, **said, From=CUSTOMER)
    assert status == 200
    assert b"We will ring you" in body
    assert b"<Hangup" in body


async def test_g8_a_status_of_yesterday_is_a_replay_and_leaves_nothing(phone: Phone) -> None:
    old = {"CallSid": "CA1", "CallStatus": "completed", "Timestamp": "Sat, 07 Mar 2026 10:00:00 +0000"}
    assert await _signed(phone, "/twilio/call-status", From=CUSTOMER, **old) == (204, b"")
    assert await phone.count(schema.journal) == 0


async def test_w10_a_fault_in_the_decision_gives_words_and_the_call_is_not_lost(
    phone: Phone, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> bytes:
        raise ZeroDivisionError

    with monkeypatch.context() as patch:
        patch.setattr(intake, "document", broken)
        status, body = await _signed(phone, "/twilio/voice", CallSid="CA1", CallStatus="ringing", From=CUSTOMER)
    assert (status, b"We will ring you" in body) == (200, True)

    async def set_aside() -> bool:
        return await phone.count(schema.call_timers) == 1

    await eventually(set_aside)
    await phone.judged()
    (owed,) = await phone.callbacks()
    assert owed.number == CUSTOMER


async def test_w1_a_stalled_store_gives_words_in_time_and_loses_nothing(
    phone: Phone, sqlite_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(webhooks, "ANSWER_WITHIN", 0.4)
    loop = asyncio.get_running_loop()
    stalled = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    stalled.execute("BEGIN IMMEDIATE")
    started = loop.time()
    status, body = await _signed(phone, "/twilio/voice", CallSid="CA1", CallStatus="ringing", From=CUSTOMER)
    took = loop.time() - started
    assert (status, b"We will ring you" in body, b"/CA1/offer-1" in body) == (200, True, True)
    assert 0.4 <= took < 3
    with pytest.raises(WebhookFailed):  # it is not durable yet, and not lost either
        await _signed(phone, "/twilio/call-status", CallSid="CA1", CallStatus="completed", From=CUSTOMER)
    assert phone.exchange.requests[-1].status == 503
    stalled.execute("ROLLBACK")
    stalled.close()

    async def durable() -> bool:
        return await phone.count(schema.journal) == 2

    await eventually(durable)
    await phone.settled()
    await phone.judged()
    (owed,) = await phone.callbacks()
    assert owed.number == CUSTOMER


async def test_w9_a_fallback_request_that_reaches_us_is_kept_and_told(phone: Phone) -> None:
    said = {"CallSid": "CA1", "From": CUSTOMER, "ErrorCode": "12100", "ErrorUrl": f"{PUBLIC}/twilio/voice"}
    status, body = await _signed(phone, "/twilio/voice", CallStatus="ringing", **said)
    assert (status, b"<Response" in body) == (200, True)
    (state,) = phone.means.pulse.states()
    assert (state.working, state.said) == (False, "Twilio could not use an answer of ours")
    await phone.judged()
    (known,), (owed,) = await phone.calls(), await phone.callbacks()
    assert (known.reason, owed.misses) == ("fallback", (known.id,))


async def test_who_presses_9_is_owed_no_call(phone: Phone) -> None:
    await phone.rung(Caller(keys=["9"]))
    await phone.settled()
    (known,), (owed,) = await phone.calls(), await phone.callbacks()
    assert (known.outcome, known.reason) == (Outcome.MISSED, "declined_by_customer")
    assert (owed.state, owed.close_reason) == (State.CLOSED, CloseReason.DECLINED_BY_CUSTOMER)


async def test_after_a_restart_the_timer_is_still_there(phone: Phone, sqlite_url: str) -> None:
    await _signed(phone, "/twilio/voice", CallSid="CA1", CallStatus="ringing", From=CUSTOMER)
    await phone.means.log.close()
    means = await opened(sqlite_url, phone.clockwork)
    later = Phone(phone.exchange, phone.clockwork, phone.settings, means, phone.url)
    await later.judged()
    (owed,) = await later.callbacks()
    assert owed.number == CUSTOMER
    phone.means = means


async def test_twilio_is_asked_and_a_long_talk_is_waited_for(phone: Phone) -> None:
    phone.exchange.people[ANNA] = Person(answers_after=3.0, presses="1", talks_for=600.0)
    ringing = await phone.exchange.ring(from_=CUSTOMER, to=HOTLINE)
    await phone.passes(240)
    phone.clockwork.held = True
    assert await phone.verdict.once()
    (known,) = await phone.calls()
    assert known.outcome is Outcome.PENDING
    asked = [request for request in phone.exchange.rest_requests if request.method == "GET"]
    assert len(asked) == 2
    phone.clockwork.held = False
    await phone.exchange.ended(ringing)
    await phone.settled()
    (known,) = await phone.calls()
    assert known.outcome is Outcome.REACHED
    assert not await phone.callbacks()


async def test_where_twilio_cannot_be_asked_the_webhooks_decide(phone: Phone) -> None:
    phone.exchange.people[ANNA] = TAKES
    phone.exchange.tamper = lambda hook: Tamper(lost=hook.kind == "dial-action")
    phone.exchange.tamper_rest = lambda _: Tamper(refused=(503, 20503))
    await phone.rung()
    await phone.settled()
    await phone.judged()
    (known,) = await phone.calls()
    assert known.outcome is Outcome.REACHED


async def test_w7_a_journal_row_keeps_the_form_whole(phone: Phone) -> None:
    await _signed(phone, "/twilio/voice", CallSid="CA1", From=CUSTOMER, FromCity="", NewIn2027=" ja ")
    rows = await phone.means.log.read(lambda c: c.execute(select(schema.journal)).all())
    (row,) = rows
    assert (row.step, row.fields["FromCity"], row.fields["NewIn2027"]) == ("voice", "", " ja ")
    assert row.url == f"{PUBLIC}/twilio/voice"
    assert row.token


@pytest.mark.parametrize("old", [{}, {"Timestamp": "Tue, 10 Mar 2026 10:00:00 +0000"}], ids=["now", "an_hour_old"])
async def test_w2_what_twilio_tells_is_not_taken_as_kept_when_it_was_not(
    phone: Phone, sqlite_url: str, monkeypatch: pytest.MonkeyPatch, old: dict[str, str]
) -> None:
    await _signed(phone, "/twilio/voice", CallSid="CA1", CallStatus="ringing", From=CUSTOMER)
    monkeypatch.setattr(webhooks, "ANSWER_WITHIN", 0.4)
    broken = sqlite3.connect(sqlite_url.removeprefix("sqlite:///"), isolation_level=None)
    broken.execute("ALTER TABLE journal RENAME TO elsewhere")
    leg = {"CallSid": "CA2", "ParentCallSid": "CA1", "CallStatus": "in-progress", "From": CUSTOMER}
    try:
        with pytest.raises(WebhookFailed):
            await _signed(phone, "/twilio/call/CA1/leg-1-0", **leg, **old)
    finally:
        broken.execute("ALTER TABLE elsewhere RENAME TO journal")
        broken.close()
    answer = phone.exchange.requests[-1]
    assert (answer.status, answer.body) == (503, b""), "so that Twilio tells it again"
