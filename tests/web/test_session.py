"""Sessions of the page: they end with the key that began them, and their cookie is for this host alone."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from http.cookies import SimpleCookie

import httpx
import pytest

from commsd.config.unit import Rate
from commsd.crm.audit import DENIED, READ, SIGNED_IN
from commsd.crm.limits import Limits
from commsd.store.audit import AuditRow, audited
from commsd.web.session import LASTS, NEEDED
from tests.crm.serving import Place, place, wrote
from tests.world import ScriptedWorld

PAGE = {"Sec-Fetch-Site": "same-origin"}


@asynccontextmanager
async def signed_in(here: Place, key: str) -> AsyncIterator[httpx.AsyncClient]:
    async with httpx.AsyncClient(base_url=here.url) as client:
        answer = await client.post("/sign-in", data={"key": key}, headers=PAGE)
        assert answer.status_code == 303, answer.text
        yield client


async def told(here: Place, what: str) -> tuple[AuditRow, ...]:
    await here.audit.settled()
    return await here.log.read(lambda c: audited(c, limit=100, what=what))


async def test_cookies_a_session_ends_when_its_key_is_revoked(here: Place) -> None:
    async with signed_in(here, await here.keys.add("anna", [NEEDED])) as page:
        assert (await page.get("/")).status_code == 200
        await here.keys.revoke("anna")
        assert (await page.get("/")).status_code == 401


async def test_cookies_a_session_ends_when_its_key_is_over_and_after_its_own_time(
    here: Place, scripted_world: ScriptedWorld
) -> None:
    soon = scripted_world.world.now() + timedelta(hours=1)
    async with (
        signed_in(here, await here.keys.add("anna", [NEEDED], expires_at=soon)) as page,
        signed_in(here, await here.keys.add("bo", [NEEDED])) as other,
    ):
        scripted_world.advance(timedelta(hours=1))
        assert (await page.get("/")).status_code == 401
        assert (await other.get("/")).status_code == 200
        scripted_world.advance(LASTS)
        assert (await other.get("/")).status_code == 401


@pytest.mark.parametrize("scheme", ["http", "https"])
async def test_cookies_are_not_for_scripts_nor_other_sites_nor_neighbours(here: Place, scheme: str) -> None:
    key = await here.keys.add(f"anna {scheme}", [NEEDED])
    transport = httpx.ASGITransport(app=here.listener._app)
    async with httpx.AsyncClient(base_url=f"{scheme}://board.example.com", transport=transport) as page:
        answer = await page.post("/sign-in", data={"key": key}, headers=PAGE)
        cookie = SimpleCookie(answer.headers["set-cookie"])
        ((name, told_of),) = cookie.items()
        assert (await page.get("/")).status_code == 200
        page.cookies.clear()
        page.cookies.set("commsd_session" if scheme == "https" else "__Host-commsd_session", told_of.value)
        assert (await page.get("/")).status_code == 401
    assert name == ("__Host-commsd_session" if scheme == "https" else "commsd_session")
    assert told_of["httponly"]
    assert told_of["samesite"].lower() == "lax"
    assert bool(told_of["secure"]) is (scheme == "https")
    assert (told_of["path"], told_of["domain"]) == ("/", "")


@pytest.mark.parametrize(
    "headers", [{"Sec-Fetch-Site": "cross-site"}, {"Sec-Fetch-Site": "same-site"}, {"Origin": "https://evil.example"}]
)
async def test_csrf_another_site_can_neither_sign_in_nor_out(here: Place, headers: dict[str, str]) -> None:
    key = await here.keys.add("anna", [NEEDED])
    async with signed_in(here, key) as page:
        for path in ("/sign-in", "/sign-out"):
            answer = await page.post(path, data={"key": key}, headers=headers)
            assert answer.status_code == 403
            assert "set-cookie" not in answer.headers
        assert (await page.get("/")).status_code == 200


async def test_audit_signing_in_looking_and_being_refused_are_told(here: Place) -> None:
    change = await wrote(here)
    async with signed_in(here, await here.keys.add("anna", [NEEDED])) as page:
        await page.get("/")
        await page.post("/sign-in", data={"key": "csd_wrong"}, headers=PAGE)
        await page.get("/?token=used")
    assert [row.caller for row in await told(here, SIGNED_IN)] == ["key:anna"]
    assert [(row.route, row.about) for row in await told(here, READ)] == [("GET /", (change.contacts[0].id,))]
    assert [row.route for row in await told(here, DENIED)] == ["POST /sign-in", "GET /?token="]


async def test_rate_limits_who_tries_keys_on_the_page_is_stopped(
    sqlite_url: str, scripted_world: ScriptedWorld
) -> None:
    world = scripted_world.world
    limits = Limits(world, Rate(50, timedelta(minutes=1)), Rate(1, timedelta(hours=1)))
    async with place(sqlite_url, world, limits=limits) as here, httpx.AsyncClient(base_url=here.url) as page:
        codes = [(await page.post("/sign-in", data={"key": "x"}, headers=PAGE)).status_code for _ in range(3)]
    assert codes == [401, 401, 429]
