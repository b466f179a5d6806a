"""Who would misuse the telephone, row by row of telephony.md section 7: an exchange, our routes, a dialler, a store."""

import io
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from email.utils import format_datetime
from typing import Any
from urllib.parse import urldefrag

import httpx
import pytest
import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from commsd.channels.phone import intake
from commsd.channels.phone.dial.dialler import Dialler
from commsd.channels.phone.dial.exchange import Exchange as Attempts
from commsd.channels.phone.line import Cost
from commsd.channels.phone.rest import Rest
from commsd.config.unit import Rate
from commsd.core import key
from commsd.core.callback import Callback, CloseReason, State
from commsd.core.change import Change
from commsd.core.entry import Hand
from commsd.core.pause import Pause
from commsd.core.screen import Burst
from commsd.crm.call_actions import close_callback, release_callback
from commsd.crm.contact_actions import set_calls
from commsd.demo.exchange import Caller, Person, Tamper, Webhook
from commsd.store import schema
from commsd.store.spending import spent
from commsd.telemetry import configure
from tests.channels.phone.conftest import TOKEN, Phone
from tests.channels.phone.hotline import ACCOUNT, ANNA, CUSTOMER, HOTLINE, PUBLIC
from tests.channels.phone.listener import listening
from tests.house import TERMS

JAMAICA, RIGA = "+18765550123", "+37121234567"
GONE = Caller(hangs_up_after=1.0)
TAKES = Person(answers_after=3, presses=("1", "1"))
TALKS = Person(answers_after=4, talks_for=30)


def dialler(phone: Phone, **changes: Any) -> Dialler:
    assert phone.settings.twilio
    known = replace(phone.settings, dialling=replace(phone.settings.dialling, **changes))
    return Dialler(Attempts(known, phone.means), Rest(phone.settings.twilio))


async def missed(phone: Phone, number: str, caller: Caller = GONE) -> Callback:
    await phone.rung(caller, number)
    await phone.settled()
    await phone.judged()
    return next(each for each in reversed(await phone.callbacks()) if each.open)


async def turned(phone: Phone, duty: Dialler) -> None:
    """The duty does all there is to do, and everybody hangs up."""
    while await duty.once():
        for call in list(phone.exchange.calls.values()):
            await phone.exchange.ended(call)
        await phone.settled()


async def after(phone: Phone, callback: Callback) -> Callback:
    return next(each for each in await phone.callbacks() if each.id == callback.id)


def dialled(phone: Phone) -> list[str]:
    """Every number that a call of ours went to."""
    return [call.to for call in phone.exchange.calls.values() if call.direction != "inbound"]


@pytest.mark.parametrize(("number", "reason"), [(RIGA, "region:LV"), ("+491371234567", "type:")])
async def test_fraud_wangiri_a_costly_number_that_rings_is_held_and_one_call_is_let_through(
    phone: Phone, number: str, reason: str
) -> None:
    owed, duty = await missed(phone, number), dialler(phone)
    phone.exchange.people.update({ANNA: TAKES, number: Person()})
    rang = dialled(phone)
    await turned(phone, duty)
    held = await after(phone, owed)
    assert (held.state, (held.held or "").startswith(reason)) == (State.HELD, True)
    assert dialled(phone) == rang
    keys = (key.of_callback(owed.id), *key.of_addresses(number))
    await phone.means.log.decide(keys, release_callback(owed.id, Hand(by="anna", agent_id="anna", agent="Anna")))
    for _ in range(2):
        await turned(phone, duty)
        await phone.passes(3 * 3600)
    again = await after(phone, owed)
    assert dialled(phone).count(number) == 1
    assert (again.state, [attempt.released for attempt in again.attempts]) == (State.HELD, ["anna"])


@pytest.mark.parametrize("stop", [{"enabled": False}, {}], ids=["disabled", "observe"])
async def test_fraud_wangiri_a_number_is_held_also_where_nothing_is_dialled(phone: Phone, stop: dict[str, Any]) -> None:
    if not stop:
        lines = {name: replace(line, observe=True) for name, line in phone.settings.lines.items()}
        phone.settings = replace(phone.settings, lines=lines)
    owed = await missed(phone, JAMAICA)
    await turned(phone, dialler(phone, **stop))
    assert (await after(phone, owed)).held == "region:JM"


async def test_fraud_burst_a_flood_of_strangers_is_held_and_who_leaves_a_message_is_rung(phone: Phone) -> None:
    duty = dialler(phone, burst=Burst(all=50, country=50, prefix=2))
    strangers = [f"+49302312505{each}" for each in range(5)]
    for each in strangers:
        await phone.rung(GONE, each)
    await phone.rung(Caller(keys=["3"], says="It is about my boiler."), strangers[4])
    await phone.settled()
    await phone.judged()
    await turned(phone, duty)
    states = {each.number: each.held for each in await phone.callbacks()}
    assert [states[each] for each in strangers] == ["burst", "burst", "burst", "burst", None]


async def test_fraud_typed_number_the_second_third_party_of_a_day_is_held(phone: Phone) -> None:
    for other in ("03023125088", "03023125077"):
        await phone.rung(Caller(keys=["2", f"{other}#", ""]))
        await phone.settled()
    first, second = sorted(await phone.callbacks(), key=lambda each: each.id)
    await turned(phone, dialler(phone))
    assert (first.number, second.number) == ("+493023125088", "+493023125077")
    assert ((await after(phone, first)).held, (await after(phone, second)).held) == (None, "third_party")


async def test_fraud_typed_number_who_is_rung_hears_from_our_person_who_asked(phone: Phone) -> None:
    """Our person hears it before the call, and a customer's own number brings no such words."""
    for keys, rung in ((["2", "03023125088#", ""], "+493023125088"), (["1", ""], CUSTOMER)):
        phone.exchange.people.clear()
        await phone.rung(Caller(keys=keys))
        await phone.settled()
        phone.exchange.people.update({ANNA: TAKES, rung: TALKS})
        await turned(phone, dialler(phone))
        call = [each for each in phone.exchange.calls.values() if each.to == ANNA][-1]
        heard = " ".join(each.text for each in phone.exchange.spoken(call))
        assert ("von einer anderen Nummer" in heard) is (rung != CUSTOMER)
        await phone.passes(300)


async def test_fraud_typed_number_the_fourth_number_given_by_callers_who_hide_theirs_is_held(phone: Phone) -> None:
    for number in ("03023125088", "03023125077", "03023125066", "03023125055"):
        await phone.rung(Caller(keys=["2", f"{number}#", ""]), "anonymous")
        await phone.settled()
    owed = sorted(await phone.callbacks(), key=lambda each: each.id)
    assert [each.number for each in owed] == [f"+4930231250{each}" for each in (88, 77, 66, 55)]
    await turned(phone, dialler(phone))
    assert [(await after(phone, each)).held for each in owed] == [None, None, None, "third_party"]


async def test_fraud_opt_out_who_asks_for_a_call_by_key_is_rung_that_once(phone: Phone) -> None:
    hand, duty = Hand(by="anna"), dialler(phone)
    await missed(phone, CUSTOMER)
    await phone.means.log.decide(key.of_addresses(CUSTOMER), set_calls(CUSTOMER, hand, wanted=False))
    (held,) = await phone.callbacks()
    end = close_callback(held.id, Hand(by="anna", agent_id="anna", agent="Anna"), TERMS, note="wrote instead")
    await phone.means.log.decide((key.of_callback(held.id), *key.of_addresses(CUSTOMER)), end)
    await phone.passes(3600)
    await phone.rung(Caller(keys=["1", ""]), CUSTOMER)
    await phone.settled()
    asked = next(each for each in await phone.callbacks() if each.open)
    phone.exchange.people.update({ANNA: TAKES, CUSTOMER: Person(answers_after=4, talks_for=30)})
    await turned(phone, duty)
    assert (await after(phone, asked)).close_reason is CloseReason.REACHED
    await phone.passes(3600)
    again = await missed(phone, CUSTOMER)
    await turned(phone, duty)
    assert (await after(phone, again)).held == "dnc"


async def test_fraud_opt_out_who_is_held_and_then_asks_for_a_call_by_key_is_rung_that_once(phone: Phone) -> None:
    duty = dialler(phone)
    owed = await missed(phone, CUSTOMER)
    await phone.means.log.decide(key.of_addresses(CUSTOMER), set_calls(CUSTOMER, Hand(by="anna"), wanted=False))
    await phone.passes(3600)
    await phone.rung(GONE, CUSTOMER)
    await phone.settled()
    await turned(phone, duty)
    assert (await after(phone, owed)).held == "dnc", "he rang, and asked for nothing"
    await phone.passes(3600)
    await phone.rung(Caller(keys=["1", ""]), CUSTOMER)
    await phone.settled()
    phone.exchange.people.update({ANNA: TAKES, CUSTOMER: Person(answers_after=4, talks_for=30)})
    await turned(phone, duty)
    assert (await after(phone, owed)).close_reason is CloseReason.REACHED


async def test_fraud_opt_out_who_wants_no_calls_is_held_when_he_is_missed(phone: Phone) -> None:
    owed, hand = await missed(phone, CUSTOMER), Hand(by="anna")
    await phone.means.log.decide(key.of_addresses(CUSTOMER), set_calls(CUSTOMER, hand, wanted=False))
    assert (await after(phone, owed)).held == "dnc"
    await phone.means.log.decide(key.of_addresses(CUSTOMER), set_calls(CUSTOMER, hand, wanted=True))
    free = await after(phone, owed)
    assert (free.state, free.held, free.look_at) == (State.WAITING, None, owed.look_at)


async def test_fraud_opt_out_a_wish_taken_back_frees_no_call_that_is_held_for_its_number(phone: Phone) -> None:
    owed, hand = await missed(phone, RIGA), Hand(by="anna")
    await phone.means.log.decide(key.of_addresses(RIGA), set_calls(RIGA, hand, wanted=False))
    await phone.means.log.decide(key.of_addresses(RIGA), set_calls(RIGA, hand, wanted=True))
    await turned(phone, dialler(phone))
    assert (await after(phone, owed)).held == "region:LV"
    for wanted in (False, True):
        await phone.means.log.decide(key.of_addresses(RIGA), set_calls(RIGA, hand, wanted=wanted))
        assert (await after(phone, owed)).held == "region:LV"


async def test_fraud_opt_out_who_takes_the_wish_back_is_rung_by_itself(phone: Phone) -> None:
    owed, hand, duty = await missed(phone, CUSTOMER), Hand(by="anna"), dialler(phone)
    for wanted in (False, True):
        await phone.means.log.decide(key.of_addresses(CUSTOMER), set_calls(CUSTOMER, hand, wanted=wanted))
    await phone.passes(300)
    phone.exchange.people.update({ANNA: TAKES, CUSTOMER: Person(answers_after=4, talks_for=30)})
    await turned(phone, duty)
    assert (await after(phone, owed)).close_reason is CloseReason.REACHED


async def _signed(phone: Phone, path: str, **said: str) -> tuple[int | None, bytes]:
    fields = {"AccountSid": ACCOUNT, "Direction": "inbound", "From": CUSTOMER, "To": HOTLINE, **said}
    sent = await phone.exchange.post.deliver(Webhook(kind="voice", url=f"{PUBLIC}{path}", fields=fields))
    return sent.status, sent.body


async def test_fraud_forged_webhooks_g8_a_captured_day_sent_again_changes_nothing(phone: Phone) -> None:
    phone.exchange.people[ANNA] = Person(answers_after=3.0, presses="1", talks_for=30.0)
    await phone.rung()
    phone.exchange.people.clear()
    await phone.rung(Caller(keys=["2", "03023125088#", ""]))
    await phone.rung(Caller(keys=["3"], says="It is about my boiler."), "+493023125044")
    await phone.settled()
    await phone.judged()
    captured = [sent.webhook for sent in phone.exchange.requests]
    calls, owed = await phone.calls(), await phone.callbacks()
    assert len(calls) == 3
    for hours in (2, 30):
        await phone.passes(hours * 3600)
        for webhook in captured:
            await phone.exchange.post.deliver(replace(webhook, url=urldefrag(webhook.url).url))
        await phone.settled()
        await phone.judged()
        assert (await phone.calls(), await phone.callbacks()) == (calls, owed)
    assert await phone.count(schema.deliveries) == 0


@pytest.mark.parametrize(
    ("age", "known", "kept"), [(0.5, False, True), (1.5, False, False), (1.5, True, True), (25, True, False)]
)
async def test_g8_a_status_is_refused_where_it_is_old_or_older_than_the_sweep_and_unknown(
    phone: Phone, age: float, known: bool, kept: bool
) -> None:
    if known:
        await _signed(phone, "/twilio/voice", CallSid="CA1", CallStatus="ringing")
    before = await phone.count(schema.journal)
    stamp = format_datetime(phone.clockwork.now - timedelta(hours=age))
    told = {"CallSid": "CA1", "CallStatus": "completed", "Timestamp": stamp}
    assert await _signed(phone, "/twilio/call-status", **told) == (204, b"")
    assert await phone.count(schema.journal) - before == kept


OPTIONAL = ("FromCity", "FromCountry", "CallerName", "ApiVersion", "Direction", "CallStatus", "To", "From")


@pytest.mark.parametrize("dropped", OPTIONAL)
async def test_w7_a_field_that_is_missing_is_tolerated(phone: Phone, dropped: str) -> None:
    fields = dict.fromkeys(OPTIONAL, "") | {
        "AccountSid": ACCOUNT,
        "CallSid": "CA1",
        "CallStatus": "ringing",
        "Direction": "inbound",
        "From": CUSTOMER,
        "To": HOTLINE,
    }
    fields.pop(dropped)
    sent = await phone.exchange.post.deliver(Webhook(kind="voice", url=f"{PUBLIC}/twilio/voice", fields=fields))
    assert (sent.status, sent.content_type) == (200, "text/xml")
    await phone.judged()
    assert len(await phone.callbacks()) == 1


async def test_w7_a_status_nobody_knows_is_told_in_the_log_and_ends_nothing(phone: Phone) -> None:
    await _signed(phone, "/twilio/voice", CallSid="CA1", CallStatus="ringing")
    with structlog.testing.capture_logs() as logs:
        assert await _signed(phone, "/twilio/call-status", CallSid="CA1", CallStatus="levitating") == (204, b"")
    (line,) = [line for line in logs if line["event"] == "webhook.unknown_status"]
    assert (line["status"], line["call_sid"]) == ("levitating", "CA1")
    await phone.settled()
    (known,) = await phone.calls()
    assert known.outcome == "pending"


@pytest.mark.parametrize("step", ["dial-1", "offer-1", "number-1", "confirm-1", "message", "whisper-1-0", "key-1-0-1"])
async def test_w10_a_fault_in_any_step_gives_words_and_says_that_the_line_fails(
    phone: Phone, step: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> bytes:
        raise ZeroDivisionError

    await _signed(phone, "/twilio/voice", CallSid="CA1", CallStatus="ringing")
    monkeypatch.setattr(intake, "fold", broken)
    status, body = await _signed(phone, f"/twilio/call/CA1/{step}", CallSid="CA1", CallStatus="in-progress")
    assert status == 200
    assert b"<Hangup" in body


async def test_w10_a_line_whose_calls_cannot_be_answered_is_said_to_fail(phone: Phone) -> None:
    phone.means.pulse.watch("hotline", "line")
    status, _ = await _signed(phone, "/twilio/voice", CallSid="../../etc")
    assert status == 200
    (line,) = [state for state in phone.means.pulse.states() if state.name == "hotline"]
    assert (line.working, line.said) == (False, "a call could not be answered as it should")


@asynccontextmanager
async def trap() -> AsyncIterator[tuple[str, list[str]]]:
    """A server that nobody should ask anything."""
    asked: list[str] = []

    async def take(request: Request) -> Response:
        asked.append(request.url.path)
        return Response(b"RIFF", media_type="audio/wav")

    async with listening([Route("/{rest:path}", take, methods=["GET", "POST", "HEAD"])]) as url:
        yield url, asked


async def test_fraud_ssrf_no_url_of_a_webhook_is_ever_fetched(phone: Phone) -> None:
    async with trap() as (url, asked):
        there = {
            "RecordingUrl": f"{url}/recording",
            "TranscriptionUrl": f"{url}/transcription",
            "MediaUrl0": f"{url}/media",
            "NumMedia": "1",
            "ErrorUrl": f"{url}/error",
            "RecordingSid": "RE" + "1" * 32,
            "RecordingStatus": "completed",
        }
        await _signed(phone, "/twilio/voice", CallSid="CA1", CallStatus="ringing", **there)
        for step in ("offer-1", "message", "recording"):
            await _signed(phone, f"/twilio/call/CA1/{step}", CallSid="CA1", Digits="3", **there)
        await _signed(phone, "/twilio/call-status", CallSid="CA1", CallStatus="completed", **there)
        await phone.settled()
        await phone.judged()
        assert asked == []
    (known,) = await phone.calls()
    assert known.external("twilio.recording-sid") == "RE" + "1" * 32


NUMBERS = (CUSTOMER, HOTLINE, ANNA, "+493023125088", JAMAICA)


@pytest.fixture
def written() -> Iterator[io.StringIO]:
    """All that this process logs, also what libraries say, down to DEBUG of twilio's own."""
    stream, root = io.StringIO(), logging.getLogger()
    kept, level = root.handlers, root.level
    configure("json", "debug", stream=stream)
    yield stream
    root.handlers, root.level = kept, level
    logging.captureWarnings(False)
    structlog.reset_defaults()


async def test_fraud_pii_no_number_stands_in_any_line_of_a_whole_call(phone: Phone, written: io.StringIO) -> None:
    raw = logging.StreamHandler(written)
    logging.getLogger().addHandler(raw)
    logging.getLogger("twilio.http_client").info("quiet by the level of the root")
    owed = await missed(phone, CUSTOMER, Caller(keys=["2", "03023125088#", "2", "", "3"], says="Hello"))
    await missed(phone, JAMAICA)
    phone.exchange.people.update({ANNA: TAKES, "+493023125088": TALKS, CUSTOMER: TALKS})
    await turned(phone, dialler(phone))
    assert dialled(phone)
    await missed(phone, "+493023125044")
    phone.exchange.tamper_rest = lambda _: Tamper(refused=(400, 21211))
    await turned(phone, dialler(phone))
    await _signed(phone, "/twilio/voice", CallSid="../../etc", CallerName="Jane +49 30 23125099")
    async with httpx.AsyncClient() as client:
        await client.post(f"{phone.url}/twilio/voice", data={"From": CUSTOMER})
    text = written.getvalue()
    assert "webhook.refused" in text
    assert owed.id
    for number in NUMBERS:
        assert number[1:] not in text.replace(" ", "")
    assert TOKEN not in text


@pytest.mark.parametrize("name", ["twilio.async_http_client", "twilio.http_client", "twilio"])
def test_fraud_pii_twilios_library_tells_nothing_below_a_warning(name: str) -> None:
    assert logging.getLogger(name).getEffectiveLevel() >= logging.WARNING


async def test_fraud_injection_names_and_words_of_callers_are_neither_markup_nor_lines(
    phone: Phone, written: io.StringIO
) -> None:
    evil = 'Jane</Say><Dial>+18765550123</Dial><Say>\r\n{"event":"all.well"}'
    status, body = await _signed(
        phone, "/twilio/voice", CallSid="CA1", CallStatus=evil, CallerName=evil, FromCity=evil, SpeechResult=evil
    )
    assert status == 200
    assert b"+18765550123" not in body
    assert "all.well" not in written.getvalue()
    await phone.judged()
    assert len(await phone.callbacks()) == 1


async def test_fraud_recording_consent_comes_before_the_tone_and_no_talk_is_recorded(phone: Phone) -> None:
    phone.exchange.people[ANNA] = Person(answers_after=3.0, presses="", talks_for=20.0, voicemail=True)
    await phone.rung(Caller(keys=["3"], says="It is about my boiler."))
    bodies = [sent.body for sent in phone.exchange.requests]
    (document,) = [body for body in bodies if b"<Record" in body]
    assert b"record" in document.lower().split(b"<record")[0]
    assert not [body for body in bodies if b"<Dial" in body and b"record=" in body]


async def test_fraud_credentials_no_secret_stands_in_what_we_hand_out(phone: Phone) -> None:
    await phone.rung(Caller(keys=["3"], says="It is about my boiler."))
    assert not [sent for sent in phone.exchange.requests if TOKEN.encode() in sent.body or b"@" in sent.body]


async def test_fraud_cost_runaway_nothing_is_dialled_beyond_the_money_of_the_day(phone: Phone) -> None:
    first, second = await missed(phone, CUSTOMER), await missed(phone, "+493023125044")
    phone.exchange.people.update({ANNA: TAKES, CUSTOMER: TALKS, "+493023125044": TALKS})
    duty = dialler(
        phone, max_cost=Cost(Decimal("0.31"), "EUR", timedelta(days=1)), pace=Rate(100, timedelta(seconds=1))
    )
    for _ in range(4):
        await turned(phone, duty)
        await phone.passes(60)
    states = [(await after(phone, each)).state for each in (first, second)]
    assert sorted(states) == [State.CLOSED, State.WAITING]
    assert await phone.means.log.read(lambda c: spent(c, "2026-03-10", "EUR")) == Decimal("0.30")
    await phone.passes(24 * 3600)
    await turned(phone, duty)
    assert [(await after(phone, each)).state for each in (first, second)] == [State.CLOSED, State.CLOSED]


async def test_fraud_cost_runaway_a_person_stops_all_dialling_and_calls_are_still_answered(phone: Phone) -> None:
    owed, now = await missed(phone, CUSTOMER), phone.clockwork.now
    phone.exchange.people.update({ANNA: TAKES, CUSTOMER: TALKS})
    brake = Pause(what="dialling", name="", until=now + timedelta(hours=1), why="a loop", by="anna", made_at=now)
    await phone.means.log.decide((), lambda items: Change(pauses=(brake,)))
    duty = dialler(phone)
    await turned(phone, duty)
    assert ((await after(phone, owed)).state, dialled(phone)) == (State.WAITING, [])
    status, body = await _signed(phone, "/twilio/voice", CallSid="CA1", CallStatus="ringing")
    assert (status, b"<Dial" in body) == (200, True)


async def test_fraud_cost_runaway_every_call_of_ours_ends_by_itself(phone: Phone) -> None:
    await missed(phone, CUSTOMER)
    phone.exchange.people.update({ANNA: TAKES, CUSTOMER: TALKS})
    await turned(phone, dialler(phone))
    orders = [dict(each.form) for each in phone.exchange.rest_requests if each.method == "POST"]
    assert [order["TimeLimit"] for order in orders] == ["3600"]
    dials = [sent.body for sent in phone.exchange.requests if b"<Dial" in sent.body and b"/twilio/dial/" in sent.body]
    assert dials
    assert all(b'timeLimit="' in body for body in dials)
