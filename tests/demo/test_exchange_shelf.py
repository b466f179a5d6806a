"""What Twilio keeps: recordings with sound, numbers, messages. Twilio's own client reads them all."""

import io
import wave
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from twilio.base.exceptions import TwilioRestException

from commsd.demo.exchange import Caller, Exchange, IncomingNumber
from tests.demo.clockwork import Clockwork
from tests.demo.switchboard import PUBLIC, TOKEN, Switchboard
from tests.demo.test_exchange_callbacks import fields_of
from tests.demo.test_exchange_rest import ACCOUNT, ADA, LINE, Api, api, description, ended, twilio
from tests.eventually import eventually

__all__ = ["api", "description", "twilio"]
BASE = f"/2010-04-01/Accounts/{ACCOUNT}"
RECORD = "<Response><Record action='/twilio/recorded'/></Response>"


@pytest.fixture
async def sound(exchange: Exchange) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=exchange.api_base_url, auth=(ACCOUNT, TOKEN), timeout=5) as client:
        yield client


async def message_left(exchange: Exchange, board: Switchboard, seconds: float = 12) -> str:
    board.answers["/twilio/voice"] = RECORD
    call = await exchange.ring(from_=ADA, to=LINE, caller=Caller(says="It is broken", speaks_for=seconds))
    await ended(exchange, call.sid)
    return call.recordings[0].sid


async def test_a_message_is_there_as_a_record_and_as_sound(
    exchange: Exchange, board: Switchboard, api: Api, sound: httpx.AsyncClient
) -> None:
    name = await message_left(exchange, board)
    shown = await api.get(f"{BASE}/Recordings/{name}.json")
    assert (shown["duration"], shown["status"], shown["source"]) == ("12", "completed", "RecordVerb")
    assert [one["sid"] for one in (await api.get(f"{BASE}/Recordings.json"))["recordings"]] == [name]
    call = shown["call_sid"]
    assert [one["sid"] for one in (await api.get(f"{BASE}/Calls/{call}/Recordings.json"))["recordings"]] == [name]
    heard = await sound.get(f"{BASE}/Recordings/{name}")
    assert heard.headers["Content-Type"] == "audio/x-wav"
    with wave.open(io.BytesIO(heard.content)) as file:
        assert file.getnframes() / file.getframerate() == 12
    compressed = await sound.get(f"{BASE}/Recordings/{name}.mp3")
    assert (compressed.headers["Content-Type"], compressed.content[:2]) == ("audio/mpeg", b"\xff\xfb")


async def test_a_deleted_message_is_gone(
    exchange: Exchange, board: Switchboard, sound: httpx.AsyncClient, twilio: Any
) -> None:
    name = await message_left(exchange, board)
    assert await twilio.recordings(name).delete_async()
    assert (await sound.get(f"{BASE}/Recordings/{name}.mp3")).status_code == 404


async def test_sound_can_be_something_else_and_is_not_for_strangers(
    exchange: Exchange, board: Switchboard, sound: httpx.AsyncClient
) -> None:
    name = await message_left(exchange, board)
    exchange.shelf.sounds[name] = (b"<html>", "text/html")
    assert (await sound.get(f"{BASE}/Recordings/{name}.wav")).headers["Content-Type"].startswith("text/html")
    async with httpx.AsyncClient(timeout=5) as stranger:
        assert (await stranger.get(f"{exchange.api_base_url}{BASE}/Recordings/{name}.wav")).status_code == 401


async def test_our_numbers_say_where_they_lead_and_can_be_set(exchange: Exchange, api: Api, twilio: Any) -> None:
    exchange.numbers[LINE] = IncomingNumber(voice_url="https://elsewhere.example.com/voice")
    (shown,) = (await api.get(f"{BASE}/IncomingPhoneNumbers.json", PhoneNumber=LINE))["incoming_phone_numbers"]
    assert (shown["phone_number"], shown["voice_url"]) == (LINE, "https://elsewhere.example.com/voice")
    assert shown["status_callback"] == f"{PUBLIC}/twilio/call-status"
    set_ = await twilio.incoming_phone_numbers(shown["sid"]).update_async(voice_url=f"{PUBLIC}/twilio/voice")
    assert set_.voice_url == exchange.numbers[LINE].voice_url == f"{PUBLIC}/twilio/voice"
    assert (await api.get(f"{BASE}/IncomingPhoneNumbers.json", PhoneNumber="+4999"))["incoming_phone_numbers"] == []
    assert (await api.get(f"{BASE}/IncomingPhoneNumbers/{shown['sid']}.json"))["sid"] == shown["sid"]


async def test_the_balance_is_told(exchange: Exchange, api: Api) -> None:
    exchange.shelf.balance = "1.20"
    assert (await api.get(f"{BASE}/Balance.json"))["balance"] == "1.20"


async def test_a_message_that_does_not_arrive_says_why(
    exchange: Exchange, board: Switchboard, api: Api, shared: Path
) -> None:
    exchange.texts.ends[ADA] = ("undelivered", 30003)
    form = (("To", ADA), ("From", LINE), ("Body", "We missed you"), ("StatusCallback", f"{PUBLIC}/twilio/sms"))
    made = await api.post(f"{BASE}/Messages.json", *form)
    await eventually(lambda: len(board.on("/twilio/sms")) == 2)
    last = board.on("/twilio/sms")[-1]
    assert fields_of(shared, "message-status-undelivered") == last.keys()
    assert (last["MessageStatus"], last["ErrorCode"]) == ("undelivered", "30003")
    shown = await api.get(f"{BASE}/Messages/{made['sid']}.json")
    assert (shown["status"], shown["error_code"]) == ("undelivered", 30003)


async def test_nobody_who_said_stop_gets_a_message(exchange: Exchange, twilio: Any) -> None:
    exchange.texts.stopped.add(ADA)
    with pytest.raises(TwilioRestException) as refused:
        await twilio.messages.create_async(to=ADA, from_=LINE, body="We missed you")
    assert (refused.value.status, refused.value.code) == (400, 21610)
    assert not exchange.messages


async def test_messages_of_both_directions_are_listed(
    exchange: Exchange, board: Switchboard, api: Api, twilio: Any, clockwork: Clockwork
) -> None:
    came = await exchange.text(from_=ADA, to=LINE, body=" Stop ", OptOutType="STOP")
    went = await twilio.messages.create_async(to=ADA, from_=LINE, body="We missed you")
    assert board.on("/twilio/message")[0]["OptOutType"] == "STOP"
    await eventually(lambda: exchange.messages[went.sid]["date_sent"])
    listed = (await api.get(f"{BASE}/Messages.json"))["messages"]
    assert [(one["sid"], one["direction"]) for one in listed] == [(went.sid, "outbound-api"), (came, "inbound")]
    assert [one["sid"] for one in (await api.get(f"{BASE}/Messages.json", To=LINE))["messages"]] == [came]
    assert (await api.get(f"{BASE}/Messages.json", **{"DateSent<": "2020-01-01"}))["messages"] == []
