"""Where Twilio lets us call, asked with Twilio's own client, and what there is to switch on or off."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from commsd.channels.phone.line import Dialling, PhoneSettings, Twilio
from commsd.channels.phone.permissions import Permission, judged, permissions
from commsd.channels.phone.rest import Rest
from commsd.cli.online_phone import dialling
from commsd.config.secret import SecretSource
from commsd.errors import ConfigError
from tests.channels.phone.hotline import ACCOUNT
from tests.channels.phone.listener import listening

REGIONS = frozenset({"DE", "DK"})


def country(region: str, *, low: bool = True, special: bool = False, fraud: bool = False) -> dict[str, Any]:
    return {
        "iso_code": region,
        "name": region,
        "country_codes": ["+1"],
        "continent": "EUROPE",
        "low_risk_numbers_enabled": low,
        "high_risk_special_numbers_enabled": special,
        "high_risk_tollfraud_numbers_enabled": fraud,
        "url": f"https://voice.twilio.com/v1/DialingPermissions/Countries/{region}",
        "links": {},
    }


@asynccontextmanager
async def twilio(folder: Path, pages: list[list[dict[str, Any]]], status: int = 200) -> AsyncIterator[Twilio]:
    """Twilio's Voice API as shared/twilio/openapi/twilio_voice_v1.json has it, page by page."""

    async def countries(request: Request) -> Response:
        if status != 200:
            return JSONResponse({"code": 20003, "message": "no", "status": status}, status)
        page = int(request.query_params.get("Page", 0))
        here = f"http://{request.url.netloc}/v1/DialingPermissions/Countries"
        following = f"{here}?PageSize=50&Page={page + 1}" if page + 1 < len(pages) else None
        meta = {"key": "content", "page": page, "page_size": 50, "url": here, "next_page_url": following}
        return JSONResponse({"content": pages[page], "meta": meta})

    (folder / "token").write_text("t")
    async with listening([Route("/v1/DialingPermissions/Countries", countries)]) as url:
        tokens = (SecretSource("file", str(folder / "token")),)
        ours = "https://bin.example.com/ours.xml"
        yield Twilio(account_sid=ACCOUNT, auth_tokens=tokens, api_base_url=url, fallback_url=ours)


async def test_every_page_of_countries_is_read(tmp_path: Path) -> None:
    pages = [[country("DE"), country("LV", low=False)], [country("DK", special=True)]]
    async with twilio(tmp_path, pages) as account:
        assert await permissions(Rest(account), account) == (
            Permission(region="DE", low=True, special=False, fraud=False),
            Permission(region="LV", low=False, special=False, fraud=False),
            Permission(region="DK", low=True, special=True, fraud=False),
        )


async def test_check_online_says_what_to_switch(tmp_path: Path) -> None:
    phone = PhoneSettings(dialling=Dialling(regions=REGIONS))
    async with twilio(tmp_path, [[country("DE"), country("DK"), country("SL", fraud=True)]]) as account:
        said, remedy = await dialling(phone, account)
    assert said == "calls go to 3 countries"
    assert [line.strip()[:24] for line in remedy.splitlines()] == [
        "switch the high-risk num",
        "switch SL off in Twilio'",
    ]
    async with twilio(tmp_path, [], 404) as account:
        assert await dialling(phone, account) == ("Twilio does not say where we may call", "")


async def test_a_login_that_may_not_ask_is_said_so(tmp_path: Path) -> None:
    async with twilio(tmp_path, [], 401) as account:
        with pytest.raises(ConfigError, match="refuses our login"):
            await permissions(Rest(account), account)


def permission(region: str, *, low: bool = True, special: bool = False, fraud: bool = False) -> Permission:
    return Permission(region=region, low=low, special=special, fraud=fraud)


def test_fraud_wangiri_what_twilio_lets_us_call_beyond_the_allowed_regions_is_told() -> None:
    found = [permission("DE"), permission("DK"), permission("LV"), permission("SL", low=False)]
    said, (remedy,) = judged(found, REGIONS)
    assert said == "calls go to 3 countries"
    assert remedy.startswith("switch LV off in Twilio's console")


@pytest.mark.parametrize("dear", [permission("DK", special=True), permission("DK", fraud=True)])
def test_fraud_wangiri_high_risk_numbers_are_to_be_off_also_where_we_may_call(dear: Permission) -> None:
    _, (remedy,) = judged([permission("DE"), dear], REGIONS)
    assert remedy.startswith("switch the high-risk numbers of DK off")


def test_a_region_we_would_call_and_twilio_would_not_is_told() -> None:
    _, (remedy,) = judged([permission("DE")], REGIONS)
    assert remedy.startswith("switch DK on in Twilio's console")


def test_the_united_states_speak_for_canada_too_and_a_long_list_is_cut() -> None:
    assert judged([permission("US")], frozenset({"US", "CA"}))[1] == ()
    _, (remedy,) = judged([permission(f"{chr(65 + n)}X") for n in range(12)], frozenset())
    assert "HX and 4 more off" in remedy


def test_the_fields_we_read_are_those_of_twilios_own_description(shared: Path) -> None:
    described = json.loads((shared / "twilio/openapi/twilio_voice_v1.json").read_text())
    schema = described["components"]["schemas"]["voice.v1.dialing_permissions.dialing_permissions_country"]
    assert set(country("DE")) <= set(schema["properties"])
