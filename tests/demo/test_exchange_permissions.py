"""Where Twilio lets an account call: its own client reads every page, and every answer fits Twilio's description."""

import json
from collections.abc import AsyncIterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from openapi_core import OpenAPI
from openapi_core.testing import MockRequest, MockResponse
from phonenumbers import SUPPORTED_REGIONS
from twilio.base.exceptions import TwilioRestException

from commsd.channels.phone.line import Twilio
from commsd.channels.phone.permissions import judged, permissions
from commsd.channels.phone.rest import Rest
from commsd.config.secret import SecretSource
from commsd.demo.exchange import Exchange, Person
from tests.demo.clockwork import Clockwork
from tests.demo.contract import Contract
from tests.demo.switchboard import TOKEN, Switchboard
from tests.demo.test_exchange_rest import (
    ACCOUNT,
    ADA,
    ANNA,
    LINE,
    ORDER,
    Api,
    api,
    callback_script,
    description,
    ended,
    twilio,
)

__all__ = ["api", "description", "twilio"]
COUNTRIES = "/v1/DialingPermissions/Countries"
HOME = frozenset({"DE", "DK"})


@pytest.fixture(scope="module")
def voice(shared: Path) -> OpenAPI:
    return OpenAPI.from_dict(json.loads((shared / "twilio/openapi/twilio_voice_v1.json").read_text()))


@pytest.fixture
async def client(exchange: Exchange) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=exchange.api_base_url, auth=(ACCOUNT, TOKEN), timeout=5) as client:
        yield client


async def shown(client: httpx.AsyncClient, voice: OpenAPI, path: str, **query: str) -> dict[str, Any]:
    response = await client.get(path, params=query)
    answer = MockResponse(response.content, status_code=response.status_code, content_type="application/json")
    voice.validate_response(MockRequest("https://voice.twilio.com", "get", path), answer)
    document: dict[str, Any] = response.json()
    return document


async def test_pages_and_single_countries_fit_twilios_description(
    exchange: Exchange, client: httpx.AsyncClient, voice: OpenAPI
) -> None:
    exchange.permissions.low, exchange.permissions.fraud = HOME, frozenset({"LV"})
    first = await shown(client, voice, COUNTRIES, PageSize="100")
    last = await shown(client, voice, COUNTRIES, PageSize="100", Page="2")
    assert (len(first["content"]), first["meta"]["previous_page_url"]) == (100, None)
    assert (last["meta"]["page"], last["meta"]["next_page_url"]) == (2, None)
    assert (await shown(client, voice, f"{COUNTRIES}/DK"))["country_codes"] == ["+45"]
    low = await shown(client, voice, COUNTRIES, LowRiskNumbersEnabled="true")
    assert {each["iso_code"] for each in low["content"]} == HOME
    dear = await shown(client, voice, COUNTRIES, HighRiskTollfraudNumbersEnabled="true")
    assert [each["iso_code"] for each in dear["content"]] == ["LV"]
    assert (await client.get(f"{COUNTRIES}/XX")).status_code == 404


async def test_fraud_wangiri_what_the_daemon_asks_of_the_voice_api_is_answered_in_whole(
    exchange: Exchange, tmp_path: Path, shared: Path
) -> None:
    exchange.permissions.low = HOME
    (tmp_path / "token").write_text(TOKEN)
    token = SecretSource("file", str(tmp_path / "token"))
    account = Twilio(account_sid=ACCOUNT, auth_tokens=(token,), api_base_url=exchange.api_base_url)
    found = await permissions(Rest(account), account)
    assert {each.region for each in found} == SUPPORTED_REGIONS - {"CA"}
    assert judged(found, HOME) == ("calls go to 2 countries", ())
    assert Contract(shared / "twilio/openapi/twilio_api_v2010.json").faults(exchange.rest_requests) == []


async def test_twilios_client_goes_from_page_to_page(exchange: Exchange, twilio: Any) -> None:
    twilio.voice.base_url = exchange.api_base_url
    found = await twilio.voice.v1.dialing_permissions.countries.list_async(page_size=100)
    assert [each.iso_code for each in found] == sorted(SUPPORTED_REGIONS - {"CA"})
    assert [dict(each.query).get("Page") for each in exchange.rest_requests] == [None, "1", "2"]


async def test_a_call_to_a_country_that_is_switched_off_is_refused_and_never_placed(
    exchange: Exchange, twilio: Any
) -> None:
    exchange.permissions.low = frozenset({"DK"})
    with pytest.raises(TwilioRestException) as caught:
        await twilio.calls.create_async(to=ANNA, from_=LINE, url="https://calls.example.com/x")
    assert (caught.value.status, caught.value.code, dict(exchange.calls)) == (400, 21215, {})


async def test_a_call_has_its_price_a_while_after_its_end_and_what_nobody_took_costs_nothing(
    exchange: Exchange, board: Switchboard, api: Api, clockwork: Clockwork
) -> None:
    exchange.office.price_per_minute, exchange.office.priced_after = Decimal("0.0130"), 300.0
    exchange.people.update({ANNA: Person(answers_after=3), ADA: Person(answers_after=6, talks_for=90)})
    callback_script(board)
    calls = f"/2010-04-01/Accounts/{ACCOUNT}/Calls"
    made = await api.post(f"{calls}.json", *ORDER)
    await ended(exchange, made["sid"])
    exchange.people[ADA] = Person(busy=True)
    vain = await api.post(f"{calls}.json", ("To", ADA), ("From", LINE), ("Url", "https://calls.example.com/x"))
    await ended(exchange, vain["sid"])
    assert (await api.get(f"{calls}/{made['sid']}.json"))["price"] is None
    await clockwork.world.sleep(301)
    dear = await api.get(f"{calls}/{made['sid']}.json")
    assert (dear["price"], dear["price_unit"]) == ("-0.02600", "USD")
    assert Decimal((await api.get(f"{calls}/{vain['sid']}.json"))["price"]) == 0
