"""The exchange does to a daemon what Twilio does, as far as Twilio says what that is."""

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import Response
from twilio.twiml import voice_response

from commsd.demo.exchange import Call, Caller, Exchange, IncomingNumber, Person, Tamper, Webhook
from tests.demo.clockwork import Clockwork
from tests.demo.switchboard import PUBLIC, Switchboard

LINE, ADA = "+493023125010", "+493023125500"
ANNA, BO = "+493023125011", "+493023125012"

builders: Any = voice_response  # untyped
Dial, Gather, VoiceResponse = builders.Dial, builders.Gather, builders.VoiceResponse


def twiml(build: Callable[[Any], object]) -> str:
    response = VoiceResponse()
    build(response)
    return str(response)


def ringing_both(**attributes: Any) -> str:
    """Two agents at once, each with a whisper of his own, all events asked for."""
    dial = Dial(action="/twilio/dialled", timeout=20, **attributes)
    for name, number in (("anna", ANNA), ("bo", BO)):
        dial.number(
            number,
            url=f"{PUBLIC}/twilio/whisper/{name}",
            status_callback=f"{PUBLIC}/twilio/leg/{name}",
            status_callback_event="initiated ringing answered completed",
        )
    response = VoiceResponse()
    response.append(dial)
    return str(response)


def press_one() -> str:
    response = VoiceResponse()
    gather = Gather(num_digits=1, action="/twilio/accept", timeout=5)
    gather.say("Press one")
    response.append(gather)
    response.hangup()
    return str(response)


ACCEPTED = twiml(lambda r: r.say("Thank you"))
SORRY = twiml(lambda r: r.say("We call you back", language="en-GB", voice="Polly.Amy"))


async def rung(exchange: Exchange, caller: Caller | None = None) -> Call:
    """One call to the line, from ring to its last webhook."""
    async with asyncio.timeout(20):
        return await exchange.ended(await exchange.ring(from_=ADA, to=LINE, caller=caller))


def with_whispers(board: Switchboard) -> None:
    board.answers |= {
        "/twilio/whisper/anna": press_one(),
        "/twilio/whisper/bo": press_one(),
        "/twilio/accept": ACCEPTED,
        "/twilio/dialled": SORRY,
    }


async def test_a_caller_hears_what_the_daemon_says(exchange: Exchange, board: Switchboard) -> None:
    board.answers["/twilio/voice"] = SORRY
    call = await rung(exchange)
    [said] = exchange.spoken(call)
    assert (said.text, said.language, said.voice) == ("We call you back", "en-GB", "Polly.Amy")
    assert call.status == "completed"
    assert all(one.signed for one in board.heard)


async def test_the_end_of_a_call_is_told_to_the_numbers_status_callback(
    exchange: Exchange, board: Switchboard, clockwork: Clockwork
) -> None:
    board.answers["/twilio/voice"] = twiml(lambda r: (r.say("One"), r.pause(length=29.6)))
    call = await rung(exchange)
    [told] = board.on("/twilio/call-status")
    wanted = {"CallStatus": "completed", "CallDuration": "30", "Duration": "1", "SequenceNumber": "0"}
    assert told | wanted == told
    assert told["CallSid"] == call.sid


async def test_nobody_answers_and_the_caller_hears_the_apology(exchange: Exchange, board: Switchboard) -> None:
    board.answers["/twilio/voice"] = ringing_both(answer_on_bridge=True)
    with_whispers(board)
    call = await rung(exchange)
    [result] = board.on("/twilio/dialled")
    assert (result["DialCallStatus"], result["DialBridged"]) == ("no-answer", "false")
    assert result["CallStatus"] == "ringing"
    assert [said.text for said in exchange.spoken(call)] == ["We call you back"]
    assert [child.status for child in exchange.children(call)] == ["no-answer", "no-answer"]
    events = [(one["SequenceNumber"], one["CallStatus"]) for one in board.on("/twilio/leg/anna")]
    assert events == [("0", "initiated"), ("1", "ringing"), ("2", "no-answer")]


async def test_the_first_who_presses_one_talks_and_the_other_stops_ringing(
    exchange: Exchange, board: Switchboard
) -> None:
    exchange.people[ANNA] = Person(answers_after=9)
    exchange.people[BO] = Person(answers_after=4, talks_for=42)
    board.answers["/twilio/voice"] = ringing_both()
    with_whispers(board)
    call = await rung(exchange)
    [result] = board.on("/twilio/dialled")
    anna, bo = exchange.children(call)
    assert (result["DialCallStatus"], result["DialBridged"], result["DialCallSid"]) == ("completed", "true", bo.sid)
    assert int(result["DialCallDuration"]) >= 42
    assert (anna.status, bo.status) == ("canceled", "completed")
    assert [said.text for said in exchange.spoken(bo)] == ["Press one", "Thank you"]
    [pressed] = board.on("/twilio/accept")
    assert (pressed["Digits"], pressed["ParentCallSid"], pressed["CallSid"]) == ("1", call.sid, bo.sid)
    answered = [one["CallStatus"] for one in board.on("/twilio/leg/bo")]
    assert answered == ["initiated", "ringing", "in-progress", "completed"]


@pytest.mark.parametrize("person", [Person(answers_after=2, voicemail=True), Person(answers_after=2, presses="")])
async def test_a_voicemail_or_a_pocket_takes_the_call_but_is_never_bridged(
    exchange: Exchange, board: Switchboard, person: Person
) -> None:
    exchange.people[ANNA] = person
    exchange.people[BO] = Person(answers_after=8)
    board.answers["/twilio/voice"] = ringing_both()
    with_whispers(board)
    call = await rung(exchange)
    [result] = board.on("/twilio/dialled")
    assert (result["DialCallStatus"], result["DialBridged"]) == ("completed", "false")
    assert [child.status for child in exchange.children(call)] == ["completed", "canceled"]
    assert board.on("/twilio/accept") == []


async def test_a_whisper_that_only_ends_bridges_a_machine(exchange: Exchange, board: Switchboard) -> None:
    exchange.people[ANNA] = Person(answers_after=2, voicemail=True, talks_for=20)
    board.answers["/twilio/voice"] = ringing_both()
    with_whispers(board)
    board.answers["/twilio/whisper/anna"] = twiml(lambda r: r.say("A call for you"))
    await rung(exchange)
    [result] = board.on("/twilio/dialled")
    assert result["DialBridged"] == "true"


async def test_one_after_the_other_when_sequential(
    exchange: Exchange, board: Switchboard, clockwork: Clockwork
) -> None:
    exchange.people[ANNA] = Person(busy=True)
    exchange.people[BO] = Person(answers_after=3)
    board.answers["/twilio/voice"] = ringing_both(sequential=True)
    with_whispers(board)
    call = await rung(exchange)
    anna, bo = exchange.children(call)
    assert (anna.status, bo.status, bo.bridged) == ("busy", "completed", True)
    assert board.on("/twilio/leg/anna")[-1]["SipResponseCode"] == "486"


@pytest.mark.parametrize("asked", [True, False])
async def test_a_caller_who_gives_up_ends_the_ringing(exchange: Exchange, board: Switchboard, asked: bool) -> None:
    exchange.office.action_after_hangup = asked
    board.answers["/twilio/voice"] = ringing_both(answer_on_bridge=True)
    with_whispers(board)
    call = await rung(exchange, Caller(hangs_up_after=7))
    assert [child.status for child in exchange.children(call)] == ["canceled", "canceled"]
    assert call.status == "no-answer"
    assert [one["CallStatus"] for one in board.on("/twilio/dialled")] == (["no-answer"] if asked else [])
    assert [one["CallStatus"] for one in board.on("/twilio/call-status")] == ["no-answer"]


async def test_a_caller_who_hangs_up_ends_the_talk(exchange: Exchange, board: Switchboard) -> None:
    exchange.people[ANNA] = Person(answers_after=1, talks_for=3600)
    board.answers["/twilio/voice"] = ringing_both()
    with_whispers(board)
    call = await rung(exchange, Caller(hangs_up_after=60))
    assert (call.bridged, call.status) == (True, "completed")
    assert 55 <= call.seconds <= 60


async def test_a_withheld_number_cannot_be_shown_to_an_agent(exchange: Exchange, board: Switchboard) -> None:
    board.answers["/twilio/voice"] = ringing_both()
    with_whispers(board)
    async with asyncio.timeout(20):
        call = await exchange.ended(await exchange.ring(from_="anonymous", to=LINE))
    assert [alert.code for alert in exchange.alerts] == [13214]
    assert exchange.children(call) == ()
    assert board.on("/twilio/dialled")[0]["DialCallStatus"] == "failed"


def offer(on_empty: bool) -> str:
    gather = Gather(action="/twilio/offer", num_digits=1, action_on_empty_result=on_empty, input="dtmf speech")
    gather.say("One or two?")
    response = VoiceResponse()
    response.append(gather)
    response.say("Fell through")
    return str(response)


@pytest.mark.parametrize(
    ("caller", "on_empty", "given"),
    [
        (Caller(keys=["2"]), False, [{"Digits": "2"}]),
        (Caller(says="zurückrufen"), False, [{"SpeechResult": "zurückrufen"}]),
        (Caller(), True, [{}]),
        (Caller(), False, []),
    ],
)
async def test_a_prompt_takes_keys_speech_or_silence(
    exchange: Exchange, board: Switchboard, caller: Caller, on_empty: bool, given: list[dict[str, str]]
) -> None:
    board.answers |= {"/twilio/voice": offer(on_empty), "/twilio/offer": SORRY}
    call = await rung(exchange, caller)
    answers = [{k: v for k, v in one.items() if k in ("Digits", "SpeechResult")} for one in board.on("/twilio/offer")]
    assert answers == given
    assert exchange.spoken(call)[-1].text == ("We call you back" if given else "Fell through")


def after_the_tone() -> str:
    return twiml(
        lambda r: r.record(
            action="/twilio/recorded",
            timeout=5,
            recording_status_callback="/twilio/recording",
            recording_status_callback_event="completed absent",
        )
    )


@pytest.mark.parametrize(("hangs_up_after", "digits", "seconds"), [(None, "", 12), (4, "hangup", 4)])
async def test_a_message_is_kept_also_when_the_caller_hangs_up_in_it(
    exchange: Exchange, board: Switchboard, hangs_up_after: float | None, digits: str, seconds: int
) -> None:
    board.answers |= {"/twilio/voice": after_the_tone(), "/twilio/recorded": SORRY}
    call = await rung(exchange, Caller(says="It is broken", speaks_for=12, hangs_up_after=hangs_up_after))
    [told] = board.on("/twilio/recorded")
    assert (told["Digits"], told["RecordingDuration"]) == (digits, str(seconds))
    [status] = board.on("/twilio/recording")
    assert (status["RecordingStatus"], status["RecordingSid"]) == ("completed", call.recordings[0].sid)
    assert bool(exchange.spoken(call)) == (digits == "")


async def test_silence_after_the_tone_is_absent(exchange: Exchange, board: Switchboard) -> None:
    board.answers["/twilio/voice"] = after_the_tone()
    await rung(exchange)
    assert [one["RecordingStatus"] for one in board.on("/twilio/recording")] == ["absent"]
    assert board.on("/twilio/recorded") == []


async def test_a_redirect_is_followed_and_a_rejected_call_was_never_answered(
    exchange: Exchange, board: Switchboard
) -> None:
    board.answers |= {
        "/twilio/voice": twiml(lambda r: r.redirect("/twilio/closed?step=2")),
        "/twilio/closed?step=2": twiml(lambda r: r.reject(reason="busy")),
    }
    call = await rung(exchange)
    assert (call.status, call.answered_at) == ("busy", None)


@pytest.mark.parametrize("later", [0, 60])
async def test_an_agent_takes_one_call_at_a_time(
    exchange: Exchange, board: Switchboard, clockwork: Clockwork, later: float
) -> None:
    exchange.people[ANNA] = Person(answers_after=2, talks_for=600)
    board.answers["/twilio/voice"] = twiml(lambda r: r.dial(ANNA, action="/twilio/dialled"))
    async with asyncio.timeout(20):
        first = await exchange.ring(from_=ADA, to=LINE)
        await clockwork.world.sleep(later)
        second = await exchange.ring(from_="+493023125501", to=LINE)
        await exchange.ended(second)
        await exchange.ended(first)
    results = {one["CallSid"]: one["DialCallStatus"] for one in board.on("/twilio/dialled")}
    assert results == {first.sid: "completed", second.sid: "busy"}


@pytest.mark.parametrize("broken", [Response(status_code=500), "<Response><Say>", "<Response><Sai>x</Sai></Response>"])
async def test_a_failing_daemon_sends_the_caller_to_the_fallback(
    exchange: Exchange, board: Switchboard, broken: Any
) -> None:
    fallback = "https://bins.example.net/fallback"
    exchange.numbers[LINE] = IncomingNumber(fallback_url=fallback)
    exchange.post.static[fallback] = SORRY.encode()
    board.answers["/twilio/voice"] = broken
    call = await rung(exchange)
    assert [said.text for said in exchange.spoken(call)] == ["We call you back"]
    told = exchange.requests[1].webhook.fields
    assert told["ErrorUrl"] == f"{PUBLIC}/twilio/voice"
    assert told["ErrorCode"] == str(exchange.alerts[0].code)


async def test_a_daemon_that_is_down_is_tried_twice_under_one_token(exchange: Exchange) -> None:
    exchange.app_url = "http://127.0.0.1:9"
    call = await rung(exchange)
    voice = [sent for sent in exchange.requests if sent.webhook.kind == "voice"]
    assert [(sent.attempt, sent.error) for sent in voice] == [(0, "ct"), (1, "ct")]
    assert len({sent.token for sent in voice}) == 1
    assert "error" in exchange.spoken(call)[0].text
    assert exchange.alerts[0].code == 11205


async def test_overrides_in_the_fragment_bring_more_tries_and_are_not_signed(
    exchange: Exchange, board: Switchboard
) -> None:
    tries = iter((Response(status_code=503), Response(status_code=502)))
    board.answers["/twilio/voice"] = lambda _: next(tries, SORRY)
    exchange.numbers[LINE] = IncomingNumber(voice_url=f"{PUBLIC}/twilio/voice#rc=3&rp=ct,rt,5xx&ct=2000&rt=4000")
    call = await rung(exchange)
    heard = [one for one in board.heard if one.path == "/twilio/voice"]
    assert [one.signed for one in heard] == [True, True, True]
    assert len({one.token for one in heard}) == 1
    assert [said.text for said in exchange.spoken(call)] == ["We call you back"]


async def test_webhooks_can_be_lost_doubled_and_overtaken(
    exchange: Exchange, board: Switchboard, clockwork: Clockwork
) -> None:
    def tamper(hook: Webhook) -> Tamper:
        if hook.kind == "call-status" and hook.fields["CallStatus"] == "initiated":
            return Tamper(delay=3600)
        if hook.kind == "call-status" and hook.fields["CallStatus"] == "ringing":
            return Tamper(lost=True)
        return Tamper(copies=2 if hook.kind == "voice" else 1)

    exchange.tamper = tamper
    exchange.people[ANNA] = Person(answers_after=5, talks_for=10)
    board.answers["/twilio/voice"] = ringing_both()
    with_whispers(board)
    began = clockwork.now
    await rung(exchange)
    assert len(board.on("/twilio/voice")) == 2
    assert [one["SequenceNumber"] for one in board.on("/twilio/leg/anna")] == ["2", "3", "0"]
    assert clockwork.now - began >= timedelta(hours=1)


async def test_nothing_leaves_the_machine(exchange: Exchange, board: Switchboard) -> None:
    exchange.numbers[LINE] = IncomingNumber(voice_url="http://192.0.2.1/voice")
    await rung(exchange)
    assert exchange.requests[0].error == "host"
    assert exchange.alerts[0].code == 11210


async def test_an_sms_reaches_the_daemon(exchange: Exchange, board: Switchboard) -> None:
    async with asyncio.timeout(20):
        name = await exchange.text(from_=ADA, to=LINE, body=" Stop ")
    [told] = board.on("/twilio/message")
    assert (told["Body"], told["MessageSid"]) == (" Stop ", name)


KINDS = {  # the samples that stand for what the exchange sends -> where the switchboard heard it
    "voice-inbound-no-callback-number-empty": "/twilio/voice",
    "call-status-seq1-ringing": "/twilio/leg/anna",
    "call-status-seq3-completed": "/twilio/leg/anna",
    "dial-action-completed-bridged": "/twilio/dialled",
    "gather-digits": "/twilio/accept",
    "record-action-hangup": "/twilio/recorded",
    "recording-status-recordverb": "/twilio/recording",
    "message-inbound-sms": "/twilio/message",
}


async def test_every_webhook_has_the_fields_of_twilios_samples(
    exchange: Exchange, board: Switchboard, shared: Path
) -> None:
    samples = {one["name"]: one for one in json.loads((shared / "twilio/webhooks/samples.json").read_text())}
    exchange.people[ANNA] = Person(answers_after=2)
    board.answers["/twilio/voice"] = ringing_both()
    with_whispers(board)
    board.answers["/twilio/dialled"] = after_the_tone()
    board.answers["/twilio/recorded"] = SORRY
    await rung(exchange, Caller(says="It is broken"))
    async with asyncio.timeout(20):
        await exchange.text(from_=ADA, to=LINE, body="hello")
    optional = {"StirStatus", "ReferralNumMedia"}  # not on every request of Twilio's either
    for name, path in KINDS.items():
        wanted = {key for key, _ in samples[name]["pairs"]} - optional
        best = max(board.on(path), key=lambda fields: len(wanted & fields.keys()))
        assert wanted - best.keys() == set(), name


async def test_a_voice_request_sends_its_empty_geography(exchange: Exchange, board: Switchboard, shared: Path) -> None:
    samples = {one["name"]: one for one in json.loads((shared / "twilio/webhooks/samples.json").read_text())}
    board.answers["/twilio/voice"] = SORRY
    async with asyncio.timeout(20):
        await exchange.ended(await exchange.ring(from_="+12025550143", to=LINE))
    [told] = board.on("/twilio/voice")
    assert {key for key, _ in samples["voice-inbound-us"]["pairs"]} - told.keys() == set()
    assert (told["FromCountry"], told["ToCountry"], told["ToZip"]) == ("US", "DE", "")
