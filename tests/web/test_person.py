"""The page of one person: every channel on one page, what is owed first, links from the board."""

import shutil
from collections.abc import AsyncIterator
from dataclasses import replace

import httpx
import pytest
from playwright.async_api import Browser, async_playwright

from commsd.core import key
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity, Wishes
from commsd.core.organisation import Organisation
from commsd.crm.audit import READ
from commsd.crm.keys import SCOPES
from commsd.store.audit import audited
from commsd.web.person import place_of
from tests.crm.serving import Place, rang, wrote
from tests.neighbours.absent import absent
from tests.world import WEDNESDAY_MORNING

NUMBER, JANE = "+493023125099", "jane@example.org"
CONTACT = Contact(
    id="0195a1b2-0000-7000-8000-0000000000aa",
    created_at=WEDNESDAY_MORNING,
    name="Jane Clarke",
    identities=(Identity("email", JANE), Identity("phone", NUMBER), Identity("hubspot", "4711")),
    organisation_id="0195a1b2-0000-7000-8000-0000000000bb",
    language="en",
    timezone="Europe/London",
    wishes=Wishes(write_only=True, hours="mon-fri 14:00-16:00"),
)
ACME = Organisation(
    id="0195a1b2-0000-7000-8000-0000000000bb", created_at=WEDNESDAY_MORNING, name="Acme & Sons", tier="gold", owner="bo"
)


async def known(here: Place) -> None:
    keys = (*map(key.of_identity, CONTACT.identities), key.of_organisation(ACME.id))
    await here.log.decide(keys, lambda _: Change(contacts=(CONTACT,), organisations=(ACME,)))
    await wrote(here, JANE, "Delivery of order 2041")
    await rang(here, NUMBER)


async def seen(here: Place, path: str, *scopes: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=here.url, follow_redirects=True) as client:
        await client.get("/", params={"token": here.sessions.link_token("anna", scopes or SCOPES)})
        return await client.get(path)


async def test_one_page_shows_a_person_over_all_channels_with_what_is_owed(here: Place) -> None:
    await known(here)
    text = (await seen(here, f"/people/{CONTACT.id}")).text
    for said in ("Jane Clarke", "Delivery of order 2041", "Missed call", "Call back", "First answer", "hubspot 4711"):
        assert said in text
    assert "Acme &amp; Sons" in text
    assert "gold, as the firm" in text
    assert "answers in writing only, to be rung mon-fri 14:00-16:00" in text


async def test_the_board_links_to_the_people_it_names(here: Place) -> None:
    await known(here)
    assert f'href="/people/{CONTACT.id}"' in (await seen(here, "/")).text


async def test_without_a_session_nobody_sees_a_person(here: Place) -> None:
    await known(here)
    async with httpx.AsyncClient(base_url=here.url) as client:
        answer = await client.get(f"/people/{CONTACT.id}")
    assert answer.status_code == 401
    assert "Jane" not in answer.text


async def test_audit_who_looked_at_a_person_is_told_and_who_was_turned_away_did_not_look(here: Place) -> None:
    await known(here)
    async with httpx.AsyncClient(base_url=here.url) as client:
        await client.get(f"/people/{CONTACT.id}")
    await seen(here, "/people/0195a1b2-0000-7000-8000-0000000000ff")
    await seen(here, f"/people/{CONTACT.id}")
    await here.audit.settled()
    rows = await here.log.read(lambda connection: audited(connection, limit=10, what=READ))
    looked = [(row.caller, row.about) for row in rows if row.route == "GET /people/{id}"]
    assert looked == [("session:anna", (CONTACT.id,))]


@pytest.mark.parametrize("who", ["0195a1b2-0000-7000-8000-0000000000ff", "../etc", "%00", "x" * 2000])
async def test_a_person_nobody_knows_is_not_there(here: Place, who: str) -> None:
    assert (await seen(here, f"/people/{who}")).status_code in (400, 404)


async def test_the_past_goes_on_page_by_page_and_ends(here: Place) -> None:
    await known(here)
    for number in range(60):
        await wrote(here, JANE, f"Matter {number:02}")
    first = (await seen(here, f"/people/{CONTACT.id}")).text
    assert "Matter 59" in first
    assert "Delivery of order 2041" not in first.partition("What happened")[2]
    older = first.partition('href="?before=')[2].partition('"')[0]
    second = (await seen(here, f"/people/{CONTACT.id}?before={older}")).text
    assert "Delivery of order 2041" in second.partition("What happened")[2]
    assert "?before=" not in second


@pytest.mark.parametrize("text", [None, "", "yesterday~x", "2026-03-11T08:00:00~x", "2026-03-11T08:00:00Z~", "~"])
def test_a_place_in_the_past_that_is_not_ours_begins_at_the_newest(text: str | None) -> None:
    assert place_of(text) is None


async def test_a_name_that_is_html_is_shown_as_it_was_written(here: Place) -> None:
    evil = replace(CONTACT, name="<script>alert(1)</script>", organisation_id=None)
    await here.log.decide(tuple(map(key.of_identity, evil.identities)), lambda _: Change(contacts=(evil,)))
    text = (await seen(here, f"/people/{CONTACT.id}")).text
    assert "<script>alert" not in text
    assert "&lt;script&gt;" in text


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        absent("chromium is not installed: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        await browser.close()


@pytest.mark.browser
@pytest.mark.parametrize("width", [1280, 640, 320])
@pytest.mark.parametrize("dark", [False, True])
async def test_a_person_fits_the_page_at_every_zoom_and_in_the_dark(
    here: Place, browser: Browser, width: int, *, dark: bool
) -> None:
    """WCAG 1.4.10: 320 px is a page of 1280 at 400 %."""
    await known(here)
    context = await browser.new_context(
        viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light"
    )
    page, complaints = await context.new_page(), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    await page.goto(f"{here.url}/?token={here.sessions.link_token('anna', SCOPES)}")
    await page.get_by_role("link", name="Jane Clarke").first.click()
    await page.get_by_role("heading", name="Jane Clarke").wait_for()
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    number, left = page.locator(".calls .tel"), page.locator(".calls .left")
    over, beside = await number.bounding_box(), await left.bounding_box()
    assert over
    assert beside
    assert beside["x"] >= over["x"] + over["width"] or beside["y"] >= over["y"] + over["height"]
    assert complaints == []
