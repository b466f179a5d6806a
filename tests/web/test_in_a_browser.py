"""The page in a real browser: it counts down by the server's clock, refreshes itself and asks nobody else."""

import hashlib
import io
import shutil
import wave
from collections.abc import AsyncIterator

import pytest
from playwright.async_api import Browser, Page, async_playwright, expect

from commsd.core.change import Change, Original
from commsd.core.interaction import Stored
from commsd.crm.keys import SCOPES
from tests.crm.serving import Place, asked_to_ring, rang, wrote
from tests.neighbours.absent import absent
from tests.web.busy import a_busy_morning
from tests.world import ScriptedWorld

pytestmark = pytest.mark.browser

CHROMIUM = shutil.which("chromium")


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    if CHROMIUM is None:
        absent("chromium is not installed: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield browser
        await browser.close()


async def opened(here: Place, browser: Browser, *, scripts: bool = True) -> tuple[Page, list[str]]:
    """The signed-in page, and what the browser complained of or asked of others."""
    context = await browser.new_context(java_script_enabled=scripts)
    page, complaints = await context.new_page(), list[str]()
    page.on("console", lambda message: complaints.append(message.text))
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("request", lambda request: None if request.url.startswith(here.url) else complaints.append(request.url))
    await page.goto(f"{here.url}/?token={here.sessions.link_token('anna', SCOPES)}")
    return page, complaints


async def test_the_page_counts_down_by_the_servers_clock_and_asks_nobody_else(
    here: Place, browser: Browser, scripted_world: ScriptedWorld
) -> None:
    await a_busy_morning(here, scripted_world)
    page, complaints = await opened(here, browser)
    await expect(page.locator(".due tr.late")).to_have_count(2)
    timer = page.locator(".due tr.soon .left").first
    await expect(timer).to_have_text("in 3 min 5" + (await timer.inner_text())[-3:])
    before = await timer.inner_text()
    await expect(timer).not_to_have_text(before)
    assert complaints == []


async def test_what_happens_appears_by_itself_and_not_while_paused(here: Place, browser: Browser) -> None:
    page, complaints = await opened(here, browser)
    await expect(page.get_by_text("Nothing is owed")).to_be_visible()
    await wrote(here, subject="Where is my order?")
    await expect(page.locator(".log").get_by_text("Where is my order?")).to_be_visible(timeout=15_000)
    await page.get_by_role("button", name="Pause").click()
    await rang(here)
    await expect(page.get_by_role("button", name="Go on")).to_have_attribute("aria-pressed", "true")
    await page.get_by_role("button", name="Go on").click()
    claim = page.get_by_role("button", name="call")
    await expect(claim).to_be_visible()
    await claim.click()
    await expect(page.get_by_text("taken by anna")).to_be_visible()
    assert complaints == []


async def test_a_firm_of_mailboxes_only_sees_and_takes_the_calls_it_owes(here: Place, browser: Browser) -> None:
    await asked_to_ring(here, "+442079460018")
    page, complaints = await opened(here, browser)
    await expect(page.locator(".calls").get_by_text("asked in writing")).to_be_visible()
    await page.get_by_role("button", name="I call Jane Clarke back").click()
    await expect(page.get_by_text("taken by anna")).to_be_visible()
    assert complaints == []


async def test_whoever_may_only_look_sees_the_calls_too(here: Place, browser: Browser) -> None:
    await asked_to_ring(here, None)
    page = await browser.new_page(viewport={"width": 390, "height": 800})
    await page.goto(f"{here.url}/?token={here.sessions.link_token('anna', ['events:read', 'events:read:pii'])}")
    await expect(page.locator(".calls").get_by_text("no number known")).to_be_visible()
    assert await page.get_by_role("button", name="call").count() == 0
    assert await page.evaluate("document.documentElement.scrollWidth <= innerWidth")


async def test_the_page_works_without_scripts(here: Place, browser: Browser) -> None:
    await wrote(here, subject="Where is my order?")
    page, _ = await opened(here, browser, scripts=False)
    await expect(page.locator(".due").get_by_text("Where is my order?").first).to_be_visible()
    assert await page.locator('meta[http-equiv="refresh"]').count() == 1


async def test_an_opened_form_stays_open_with_what_was_typed_while_the_page_refreshes(
    here: Place, browser: Browser
) -> None:
    await rang(here)
    page, complaints = await opened(here, browser)
    await page.locator(".said summary").click()
    due = page.locator(".again input")
    await due.fill("2026-12-01T15:00")
    await wrote(here, subject="Where is my order?")
    await expect(page.locator(".log").get_by_text("Where is my order?")).to_be_visible(timeout=15_000)
    await expect(due).to_have_value("2026-12-01T15:00")
    await page.get_by_role("button", name="Voicemail").click()
    await expect(page.get_by_text("last try: voicemail")).to_be_visible()
    assert complaints == []


async def test_a_message_plays_on_while_the_page_refreshes(here: Place, browser: Browser) -> None:
    frames = io.BytesIO()
    with wave.open(frames, "wb") as sound:
        sound.setparams((1, 2, 8000, 0, "NONE", ""))
        sound.writeframes(b"\0\0" * 8000 * 30)
    content = frames.getvalue()
    digest = hashlib.sha256(content).hexdigest()
    await rang(here, original=Stored(digest, "audio/wav", len(content)))
    kept = Original(sha256=digest, media_type="audio/wav", content=content)
    await here.log.decide((), lambda _items: Change(originals=(kept,)))
    page, complaints = await opened(here, browser)
    player = page.locator("audio")
    await expect(player).to_have_count(1)
    await player.evaluate("each => { each.muted = true; each.dataset.mine = 'yes'; return each.play(); }")
    await wrote(here, subject="Where is my order?")
    await expect(page.locator(".log").get_by_text("Where is my order?")).to_be_visible(timeout=15_000)
    await expect(player).to_have_attribute("data-mine", "yes")
    assert await player.evaluate("each => !each.paused && each.currentTime > 0")
    assert complaints == []
