"""Calls that the daemon places: two legs, voicemail at either end, time limits, Twilio's queue, lost answers."""

import json
from pathlib import Path
from typing import Any

import pytest
from twilio.base.exceptions import TwilioRestException

from commsd.demo.exchange import Exchange, Person, Tamper
from tests.demo.clockwork import Clockwork
from tests.demo.switchboard import PUBLIC, Switchboard
from tests.demo.test_exchange_rest import (
    ADA,
    ANNA,
    CALLS,
    LINE,
    ORDER,
    Api,
    api,
    callback_script,
    description,
    ended,
    twilio,
)
from tests.eventually import eventually

__all__ = ["api", "description", "twilio"]
STAY = "<Response><Pause length='3000'/></Response>"


def fields_of(shared: Path, sample: str) -> set[str]:
    """The field names of one of Twilio's samples."""
    samples = json.loads((shared / "twilio/webhooks/samples.json").read_text())
    return {name for one in samples if one["name"] == sample for name, _ in one["pairs"]}


async def placed(exchange: Exchange, api: Api, *more: tuple[str, str]) -> str:
    made = await api.post(CALLS, *ORDER, *more)
    await ended(exchange, made["sid"])
    return str(made["sid"])


async def test_a_voicemail_at_the_customers_end_is_bridged_like_a_person(
    exchange: Exchange, board: Switchboard, api: Api
) -> None:
    exchange.people.update({ANNA: Person(answers_after=3), ADA: Person(answers_after=6, voicemail=True, talks_for=20)})
    callback_script(board)
    await placed(exchange, api)
    [result] = board.on("/twilio/agent/done")
    assert (result["DialCallStatus"], result["DialBridged"], result["DialCallDuration"]) == ("completed", "true", "20")


@pytest.mark.parametrize("asked", [True, False])
async def test_an_agent_who_hangs_up_while_the_customer_rings_cancels_that_leg(
    exchange: Exchange, board: Switchboard, api: Api, asked: bool
) -> None:
    exchange.office.action_after_hangup = asked
    exchange.people.update({ANNA: Person(answers_after=3, hangs_up_after=8), ADA: Person(answers_after=20)})
    callback_script(board)
    sid = await placed(exchange, api)
    (leg,) = exchange.children(exchange.calls[sid])
    assert (leg.to, leg.status) == (ADA, "canceled")
    assert len(board.on("/twilio/agent/done")) == asked


async def test_a_call_ends_at_its_time_limit(exchange: Exchange, board: Switchboard, api: Api) -> None:
    exchange.people.update({ANNA: Person(answers_after=3), ADA: Person(answers_after=6, talks_for=9000)})
    callback_script(board)
    sid = await placed(exchange, api, ("TimeLimit", "600"))
    assert exchange.calls[sid].seconds == 600


async def test_calls_beyond_the_accounts_pace_wait_in_twilios_queue(
    exchange: Exchange, board: Switchboard, api: Api, clockwork: Clockwork
) -> None:
    exchange.office.calls_per_second = 0.02
    exchange.people[ANNA] = Person(answers_after=3)
    callback_script(board)
    first, second, third = [(await api.post(CALLS, *ORDER))["sid"] for _ in range(3)]
    cancelled = await api.post(CALLS.replace(".json", f"/{third}.json"), ("Status", "canceled"))
    for sid in (first, second, third):
        await ended(exchange, sid)
    waits = [(await api.get(CALLS.replace(".json", f"/{sid}.json")))["queue_time"] for sid in (first, second)]
    assert waits == ["0", "50000"]
    assert (cancelled["status"], exchange.calls[third].started_at) == ("canceled", None)


async def test_machine_detection_tells_who_answered(
    exchange: Exchange, board: Switchboard, api: Api, shared: Path
) -> None:
    exchange.people.update({ANNA: Person(answers_after=3), ADA: Person(answers_after=6, voicemail=True, talks_for=20)})
    callback_script(board)
    board.answers["/twilio/agent/accepted"] = (
        "<Response><Dial action='/twilio/agent/done'>"
        f"<Number machineDetection='DetectMessageEnd' amdStatusCallback='/twilio/amd'>{ADA}</Number></Dial></Response>"
    )
    more = (("MachineDetection", "Enable"), ("AsyncAmd", "true"), ("AsyncAmdStatusCallback", f"{PUBLIC}/twilio/amd"))
    sid = await placed(exchange, api, *more)
    await eventually(lambda: len(board.on("/twilio/amd")) == 2)
    told = {one["CallSid"]: one["AnsweredBy"] for one in board.on("/twilio/amd")}
    (leg,) = exchange.children(exchange.calls[sid])
    assert told == {sid: "human", leg.sid: "machine_end_beep"}
    assert board.on("/twilio/attempt")[-1]["AnsweredBy"] == "human"
    assert fields_of(shared, "amd-async") == board.on("/twilio/amd")[0].keys()


async def test_what_machine_detection_found_is_told_by_the_method_that_was_asked_for(
    exchange: Exchange, board: Switchboard, api: Api
) -> None:
    exchange.people.update({ANNA: Person(answers_after=3), ADA: Person(answers_after=6, talks_for=20)})
    callback_script(board)
    for method in ("GET", "POST"):
        told = f"amdStatusCallback='/twilio/amd' amdStatusCallbackMethod='{method}'"
        board.answers["/twilio/agent/accepted"] = (
            f"<Response><Dial><Number machineDetection='DetectMessageEnd' {told}>{ADA}</Number></Dial></Response>"
        )
        await placed(exchange, api)
    sent = [each.webhook.method for each in exchange.requests if each.webhook.kind == "amd"]
    assert sent == ["GET", "POST"]


async def test_an_order_given_inline_needs_no_address_of_ours(exchange: Exchange, board: Switchboard, api: Api) -> None:
    exchange.people.update({ANNA: Person(answers_after=3), ADA: Person(answers_after=6, talks_for=90)})
    inline = f"<Response><Say>Ada</Say><Dial callerId='{LINE}'><Number>{ADA}</Number></Dial></Response>"
    form = [pair for pair in ORDER if not pair[0].startswith(("Url", "Status"))]
    made = await api.post(CALLS, *form, ("Twiml", inline))
    await ended(exchange, made["sid"])
    assert board.heard == []
    (leg,) = exchange.children(exchange.calls[made["sid"]])
    assert (leg.bridged, leg.seconds) == (True, 90)


@pytest.mark.parametrize(
    "wrong",
    [("StatusCallbackEvent", "picked-up"), ("Timeout", "601"), ("Twiml", f"<Response>{' ' * 4000}</Response>")],
)
async def test_an_order_beyond_twilios_limits_is_refused(
    exchange: Exchange, twilio: Any, wrong: tuple[str, str]
) -> None:
    names = {"StatusCallbackEvent": "status_callback_event", "Timeout": "timeout", "Twiml": "twiml"}
    value: Any = [wrong[1]] if wrong[0] == "StatusCallbackEvent" else wrong[1]
    order: dict[str, Any] = {"to": ANNA, "from_": LINE, "url": f"{PUBLIC}/x"} | {names[wrong[0]]: value}
    with pytest.raises(TwilioRestException):
        await twilio.calls.create_async(**order)
    assert not exchange.calls


async def test_a_call_can_be_placed_and_yet_refused(exchange: Exchange, twilio: Any) -> None:
    exchange.tamper_rest = lambda _: Tamper(refused_after=(503, 20503))
    with pytest.raises(TwilioRestException) as refused:
        await twilio.calls.create_async(to=ANNA, from_=LINE, url=f"{PUBLIC}/twilio/agent")
    assert refused.value.status == 503
    assert [call.to for call in exchange.calls.values()] == [ANNA]


async def test_what_the_agent_answers_is_keys_or_words(
    exchange: Exchange, board: Switchboard, api: Api, shared: Path
) -> None:
    exchange.people[ANNA] = Person(answers_after=3, presses=("ja, gern",))
    board.answers["/twilio/agent"] = (
        "<Response><Gather input='dtmf speech' language='de-DE' action='/twilio/said'/></Response>"
    )
    await placed(exchange, api)
    [said] = board.on("/twilio/said")
    assert (said["SpeechResult"], said["Confidence"], said["Language"]) == ("ja, gern", "0.9", "de-DE")
    assert fields_of(shared, "gather-speech") <= said.keys()
