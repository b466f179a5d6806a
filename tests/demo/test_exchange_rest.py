"""The REST side is Twilio's: its own client works with it, and every answer fits its OpenAPI description."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlencode

import httpx
import pytest
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from twilio.base.exceptions import TwilioRestException
from twilio.http.async_http_client import AsyncTwilioHttpClient
from twilio.rest import Client
from twilio.twiml import voice_response

from commsd.demo.exchange import Caller, Exchange, Person, RestRequest, Tamper
from tests.demo.clockwork import Clockwork
from tests.demo.switchboard import PUBLIC, TOKEN, Switchboard
from tests.eventually import eventually

LINE, ADA, ANNA = "+493023125010", "+493023125500", "+493023125011"
ACCOUNT = "AC" + "0" * 32
CALLS = f"/2010-04-01/Accounts/{ACCOUNT}/Calls.json"
builders: Any = voice_response  # untyped, as the client is
make_client: Any = Client
# Twilio's client hands aiohttp a BasicAuth, which aiohttp 4 will not take any more
pytestmark = [
    pytest.mark.filterwarnings("ignore:BasicAuth is deprecated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The 'auth' parameter is deprecated:DeprecationWarning"),
]


@pytest.fixture(scope="module")
def description(shared: Path) -> OpenAPI:
    return OpenAPI.from_dict(json.loads((shared / "twilio/openapi/twilio_api_v2010.json").read_text()))


@pytest.fixture
async def twilio(exchange: Exchange) -> AsyncIterator[Any]:
    """Twilio's own asynchronous client, turned to the exchange."""
    http: Any = AsyncTwilioHttpClient()
    client = make_client(ACCOUNT, TOKEN, http_client=http)
    client.api.base_url = exchange.api_base_url
    yield client
    await http.close()


class Api:
    """Raw requests, each of whose answers is held against the description."""

    def __init__(self, exchange: Exchange, description: OpenAPI, client: httpx.AsyncClient) -> None:
        self._base, self._description, self._client = exchange.api_base_url, description, client

    async def get(self, path: str, **query: str) -> dict[str, Any]:
        response = await self._client.get(f"{self._base}{path}", params=query)
        return self._held(MockRequest("https://api.twilio.com", "get", response.request.url.path), response)

    async def post(self, path: str, *form: tuple[str, str]) -> dict[str, Any]:
        kind = "application/x-www-form-urlencoded"
        body = urlencode(form).encode()
        response = await self._client.post(f"{self._base}{path}", content=body, headers={"Content-Type": kind})
        sent = MockRequest("https://api.twilio.com", "post", path, data=body, content_type=kind)
        return self._held(sent, response)

    def _held(self, request: MockRequest, response: httpx.Response) -> dict[str, Any]:
        answer = MockResponse(response.content, status_code=response.status_code, content_type="application/json")
        self._description.validate_response(request, answer)
        document: dict[str, Any] = response.json()
        return document


@pytest.fixture
async def api(exchange: Exchange, description: OpenAPI) -> AsyncIterator[Api]:
    async with httpx.AsyncClient(auth=(ACCOUNT, TOKEN), timeout=5) as client:
        yield Api(exchange, description, client)


def callback_script(board: Switchboard) -> None:
    """Agent first: a whisper that asks for a key, then the customer."""
    ask = builders.VoiceResponse()
    gather = builders.Gather(num_digits=1, action="/twilio/agent/accepted", timeout=5)
    gather.say("Press one to call Ada")
    ask.append(gather)
    ask.hangup()
    connect = builders.VoiceResponse()
    connect.dial(ADA, caller_id=LINE, action="/twilio/agent/done", timeout=25)
    board.answers |= {
        "/twilio/agent": str(ask),
        "/twilio/agent/accepted": str(connect),
        "/twilio/agent/done": str(builders.VoiceResponse()),
    }


ORDER: tuple[tuple[str, str], ...] = (
    ("To", ANNA),
    ("From", LINE),
    ("Url", f"{PUBLIC}/twilio/agent"),
    ("StatusCallback", f"{PUBLIC}/twilio/attempt"),
    ("StatusCallbackEvent", "initiated"),
    ("StatusCallbackEvent", "ringing"),
    ("StatusCallbackEvent", "answered"),
    ("StatusCallbackEvent", "completed"),
    ("Timeout", "25"),
)


async def ended(exchange: Exchange, sid: str) -> None:
    async with asyncio.timeout(20):
        await exchange.ended(exchange.calls[sid])


async def test_a_callback_rings_the_agent_first_then_joins_the_customer(
    exchange: Exchange, board: Switchboard, api: Api
) -> None:
    exchange.people.update({ANNA: Person(answers_after=3), ADA: Person(answers_after=6, talks_for=90)})
    callback_script(board)
    made = await api.post(CALLS, *ORDER)
    assert (made["status"], made["direction"]) == ("queued", "outbound-api")
    await ended(exchange, made["sid"])
    events = [(one["SequenceNumber"], one["CallStatus"]) for one in board.on("/twilio/attempt")]
    assert events == [("0", "initiated"), ("1", "ringing"), ("2", "in-progress"), ("3", "completed")]
    [result] = board.on("/twilio/agent/done")
    assert (result["DialCallStatus"], result["DialBridged"], result["DialCallDuration"]) == ("completed", "true", "90")
    listed = await api.get(CALLS, ParentCallSid=made["sid"])
    assert [(one["to"], one["from"], one["duration"]) for one in listed["calls"]] == [(ADA, LINE, "90")]


@pytest.mark.parametrize(
    ("agent", "status"),
    [
        (Person(), "no-answer"),
        (Person(busy=True), "busy"),
        (Person(unreachable=True), "failed"),
        (Person(answers_after=2, voicemail=True, talks_for=30), "completed"),
    ],
)
async def test_an_agent_who_does_not_accept_never_rings_the_customer(
    exchange: Exchange, board: Switchboard, api: Api, agent: Person, status: str
) -> None:
    exchange.people.update({ANNA: agent, ADA: Person(answers_after=1)})
    callback_script(board)
    made = await api.post(CALLS, *ORDER)
    await ended(exchange, made["sid"])
    shown = await api.get(f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{made['sid']}.json")
    assert shown["status"] == status
    assert board.on("/twilio/attempt")[-1]["CallStatus"] == status
    assert ADA not in [call.to for call in exchange.calls.values()]


async def test_twilios_own_client_places_reads_lists_and_ends_calls(
    exchange: Exchange, board: Switchboard, twilio: Any, clockwork: Clockwork
) -> None:
    exchange.people[ANNA] = Person(answers_after=3)

    def stay(_: dict[str, str]) -> str:
        clockwork.held = True
        return "<Response><Pause length='3000'/></Response>"

    board.answers["/twilio/agent"] = stay
    made = await twilio.calls.create_async(
        to=ANNA,
        from_=LINE,
        url=f"{PUBLIC}/twilio/agent",
        status_callback=f"{PUBLIC}/twilio/attempt",
        status_callback_event=["initiated", "ringing", "answered", "completed"],
    )
    fetched = await twilio.calls(made.sid).fetch_async()
    assert (fetched.sid, fetched.to, fetched.direction) == (made.sid, ANNA, "outbound-api")
    await eventually(lambda: exchange.calls[made.sid].answered_at)
    closed = await twilio.calls(made.sid).update_async(status="completed")
    assert closed.status == "completed"
    await ended(exchange, made.sid)
    with pytest.raises(TwilioRestException) as refused:
        await twilio.calls(made.sid).update_async(status="completed")
    assert (refused.value.status, refused.value.code) == (400, 21220)
    assert [call.sid for call in await twilio.calls.list_async(to=ANNA)] == [made.sid]


async def test_a_ringing_call_that_is_ended_was_cancelled(
    exchange: Exchange, board: Switchboard, api: Api, clockwork: Clockwork
) -> None:
    clockwork.held = True
    made = await api.post(CALLS, *ORDER)
    closed = await api.post(f"/2010-04-01/Accounts/{ACCOUNT}/Calls/{made['sid']}.json", ("Status", "canceled"))
    assert closed["status"] == "canceled"
    await ended(exchange, made["sid"])
    assert board.on("/twilio/attempt")[-1]["CallStatus"] == "canceled"
    assert board.on("/twilio/agent") == []


async def test_lists_are_paged_newest_first_and_filtered_by_date(
    exchange: Exchange, board: Switchboard, api: Api, twilio: Any, clockwork: Clockwork
) -> None:
    board.answers["/twilio/voice"] = "<Response><Say>x</Say></Response>"
    day = clockwork.now.date().isoformat()
    calls = []
    for _ in range(5):
        calls.append(await exchange.ring(from_=ADA, to=LINE))
        await ended(exchange, calls[-1].sid)
    page = await api.get(CALLS, PageSize="2", To=LINE)
    assert [one["sid"] for one in page["calls"]] == [calls[4].sid, calls[3].sid]
    following = dict(parse_qsl(page["next_page_uri"].partition("?")[2]))
    last = await api.get(CALLS, **following)
    assert [one["sid"] for one in last["calls"]] == [calls[2].sid, calls[1].sid]
    assert (last["page"], last["start"], last["end"]) == (1, 2, 3)
    everything = await twilio.calls.list_async(to=LINE, start_time_after=clockwork.now, page_size=2)
    assert [one.sid for one in everything] == [call.sid for call in reversed(calls)]
    assert (await api.get(CALLS, **{"StartTime<": "2020-01-01"}))["calls"] == []
    assert len((await api.get(CALLS, StartTime=day, Status="completed"))["calls"]) == 5
    assert (await api.get(CALLS, From=LINE))["calls"] == []


async def test_a_message_is_taken_sent_and_delivered(exchange: Exchange, board: Switchboard, api: Api) -> None:
    path = f"/2010-04-01/Accounts/{ACCOUNT}/Messages"
    form = (("To", ADA), ("From", LINE), ("Body", "We missed you"), ("StatusCallback", f"{PUBLIC}/twilio/sms"))
    made = await api.post(f"{path}.json", *form)
    assert made["status"] == "queued"
    await eventually(lambda: len(board.on("/twilio/sms")) == 2)
    assert [one["MessageStatus"] for one in board.on("/twilio/sms")] == ["sent", "delivered"]
    shown = await api.get(f"{path}/{made['sid']}.json")
    assert (shown["body"], shown["status"]) == ("We missed you", "delivered")


REFUSED = [
    ({"To": ""}, 21201),
    ({"To": "12"}, 21211),
    ({"From": ""}, 21213),
    ({"From": ADA}, 21210),
    ({"Url": ""}, 21200),
    ({"Url": "calls.example.com"}, 21205),
    ({"Url": "", "Twiml": "<Response><Say>"}, 12100),
]


@pytest.mark.parametrize(("change", "code"), REFUSED)
async def test_a_wrong_order_is_refused_with_twilios_code(
    exchange: Exchange, change: dict[str, str], code: int
) -> None:
    form = dict(ORDER) | change
    async with httpx.AsyncClient(auth=(ACCOUNT, TOKEN), timeout=5) as client:
        response = await client.post(f"{exchange.api_base_url}{CALLS}", data=form)
    assert response.status_code == 400
    assert set(response.json()) == {"code", "message", "more_info", "status"}
    assert response.json()["code"] == code
    assert not exchange.calls


async def test_a_stranger_is_not_let_in_but_an_api_key_is(exchange: Exchange) -> None:
    exchange.logins["SK1"] = "key"
    answers = []
    for auth in (None, (ACCOUNT, "wrong"), ("SK1", "key")):
        async with httpx.AsyncClient(auth=auth, timeout=5) as client:
            answers.append((await client.get(f"{exchange.api_base_url}{CALLS}")).status_code)
    assert answers == [401, 401, 200]


async def test_an_unknown_call_is_not_found(exchange: Exchange, twilio: Any) -> None:
    with pytest.raises(TwilioRestException) as missing:
        await twilio.calls("CA" + "0" * 32).fetch_async()
    assert (missing.value.status, missing.value.code) == (404, 20404)


async def test_an_answer_can_be_lost_after_the_call_was_placed(exchange: Exchange, twilio: Any) -> None:
    def tamper(request: RestRequest) -> Tamper:
        return Tamper(answer_lost=request.method == "POST")

    exchange.tamper_rest = tamper
    with pytest.raises(Exception, match="payload"):
        await twilio.calls.create_async(to=ANNA, from_=LINE, url=f"{PUBLIC}/twilio/agent")
    assert [call.to for call in exchange.calls.values()] == [ANNA]
    assert [request.method for request in exchange.rest_requests] == ["POST"]


async def test_the_api_can_be_told_to_refuse(exchange: Exchange, twilio: Any) -> None:
    exchange.tamper_rest = lambda _: Tamper(refused=(429, 20429))
    with pytest.raises(TwilioRestException) as refused:
        await twilio.calls.create_async(to=ANNA, from_=LINE, url=f"{PUBLIC}/twilio/agent")
    assert (refused.value.status, refused.value.code) == (429, 20429)
    assert not exchange.calls


async def test_an_incoming_call_is_in_the_list_with_its_end(exchange: Exchange, board: Switchboard, api: Api) -> None:
    board.answers["/twilio/voice"] = "<Response><Pause length='5'/><Say>x</Say></Response>"
    call = await exchange.ring(from_=ADA, to=LINE, caller=Caller(hangs_up_after=3))
    await ended(exchange, call.sid)
    [shown] = (await api.get(CALLS))["calls"]
    assert (shown["direction"], shown["status"], shown["duration"]) == ("inbound", "no-answer", "0")
