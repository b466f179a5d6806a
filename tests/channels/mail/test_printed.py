"""The printed page: what it says in each language, how it lies on the paper, and what a browser makes of it."""

import re
import shutil
from collections.abc import AsyncIterator
from dataclasses import replace
from html import unescape
from pathlib import Path

import pytest
from playwright.async_api import Browser, async_playwright
from playwright.async_api import Page as Tab

from commsd.channels.mail.ack import OwedCall, render
from commsd.channels.mail.letter import Sheet
from commsd.channels.mail.paper_texts import paper_texts
from commsd.channels.mail.printed import Frame, Page, page
from commsd.core.contact import Wishes
from commsd.core.interaction import Channel
from commsd.errors import ConfigError
from tests.channels.mail.ack_facts import READERS, SITUATIONS, TEXTS, facts
from tests.neighbours.absent import absent

ON_PAPER = {channel: paper_texts(channel, TEXTS) for channel in (Channel.LETTER, Channel.FAX)}
FRAME = Frame(
    house=("Example Ltd", "Lindenallee 5", "10115 Berlin"),
    write_to="support@example.com",
    region="DE",
    hand=("Print this page.", "Then: commsd letters posted 0195a1b2-0000-7000-8000-000000000001"),
)
SHEET = Sheet(number="+493023125099", name="Petra Weber", postal=("Petra Weber", "Ahornweg 17", "20095 Hamburg"))
BANNED = re.compile(
    r"ticket|case|request id|shortly|as soon as|unfortunately|leider|desværre|do not reply|nicht antworten|[#!]", re.I
)
WHEN = [name for name in SITUATIONS if "short" not in name]


def made(reader: str = "de", situation: str = "open", channel: Channel = Channel.LETTER) -> Page:
    return page(facts(reader, situation), SHEET, FRAME, ON_PAPER[channel])


@pytest.mark.parametrize("channel", list(ON_PAPER))
@pytest.mark.parametrize("situation", WHEN)
@pytest.mark.parametrize("reader", READERS)
def test_every_page_is_short_calm_and_whole(reader: str, situation: str, channel: Channel) -> None:
    text = made(reader, situation, channel).text
    assert 35 <= len(text.split()) <= 110, text
    assert not BANNED.search(text), text
    assert not re.search(r"[{}$]|None|  |\.\.|,,|,\.|, \.", text), text
    assert "Example Ltd" in text


@pytest.mark.parametrize("reader", READERS)
def test_a_page_says_that_it_came_who_has_it_and_by_when_in_the_first_sentences(reader: str) -> None:
    first = made(reader).text.split("\n\n")[1]
    assert first.index("10") < first.index("Anna Berg") < first.rindex("10")


@pytest.mark.parametrize("reader", READERS)
def test_a_page_names_days_and_no_clock_times_but_those_to_ring_at(reader: str) -> None:
    paragraphs = made(reader).text.split("\n\n")
    assert not re.search(r"\d[:.]\d\d", " ".join([*paragraphs[:2], *paragraphs[3:]]))


@pytest.mark.parametrize("reader", READERS)
def test_letter_and_fax_are_called_by_their_names(reader: str) -> None:
    words = {"en": ("letter", "fax"), "de": ("Schreiben", "Fax"), "id": ("surat", "faks")}
    letter, fax = words.get(reader, ("brev", "fax"))
    assert letter in made(reader).text
    assert fax in made(reader, channel=Channel.FAX).text


WRITES = {"en": "written by", "de": "schreibt Ihnen", "da-du": "skriver", "da-De": "skriver", "id": "ditulis"}
RINGS = {
    "en": "We will ring you by Tuesday 10 March, on",
    "de": "Wir rufen Sie bis Dienstag, 10. März, unter",
    "da-du": "Vi ringer til dig senest tirsdag den 10. marts på",
    "da-De": "Vi ringer til Dem senest tirsdag den 10. marts på",
    "id": "Kami akan menelepon Anda paling lambat hari Selasa, 10 Maret, ke nomor",
}


def rung(reader: str, situation: str, channel: Channel = Channel.LETTER) -> str:
    """What the page says to who wants calls only."""
    return page(facts(reader, situation, wishes=Wishes(call_only=True)), SHEET, FRAME, ON_PAPER[channel]).text


@pytest.mark.parametrize("reader", READERS)
def test_who_wants_calls_only_is_promised_the_call_and_nothing_in_writing(reader: str) -> None:
    for situation in (each for each in WHEN if "called" in each and "number" not in each):
        text = rung(reader, situation)
        assert WRITES[reader] not in text
        assert text.count("020 7946 0018") + text.count("+44 20 7946 0018") == 1
        assert 35 <= len(text.split()) <= 110, text
        assert not BANNED.search(text), text
        assert not re.search(r"[{}$]|None|  |\.\.|,,|,\.|, \.", text), text
    assert RINGS[reader] in rung(reader, "open called")
    assert WRITES[reader] in rung(reader, "open called no-number"), "where to ring is not known"
    assert WRITES[reader] in made(reader).text


def test_who_is_rung_at_no_time_we_can_name_is_told_of_the_call_alone() -> None:
    called = facts(call=OwedCall(None, "+442079460018", timeless=True), wishes=Wishes(call_only=True))
    assert "We will ring you on +44 20 7946 0018." in page(called, SHEET, FRAME, ON_PAPER[Channel.LETTER]).text


def test_danish_never_mixes_its_two_registers() -> None:
    for channel in ON_PAPER:
        for situation in WHEN:
            formal = made("da-De", situation, channel).text + rung("da-De", situation, channel)
            familiar = made("da-du", situation, channel).text + rung("da-du", situation, channel)
            assert not re.search(r"\b(?:du|dig|din|dit|dine)\b", formal, re.I)
            assert not re.search(r"\b(?:De|Dem|Deres)\b", familiar)


@pytest.mark.parametrize("channel", list(ON_PAPER))
@pytest.mark.parametrize("reader", READERS)
def test_the_mail_says_letter_or_fax_and_never_message(reader: str, channel: Channel) -> None:
    for situation in SITUATIONS:
        said = render(replace(facts(reader, situation), subject="", original_id=None), ON_PAPER[channel].mail)
        first = said.text.split("\n\n")[0 if "short" in situation else 1]
        word = r"letter|Schreiben|brev|surat" if channel is Channel.LETTER else r"fax|faks"
        assert re.search(word, said.subject, re.I), said.subject
        assert re.search(word, first, re.I), first
        assert not re.search(r"\bmessage\b|Nachricht|besked\b|henvendelse|\bpesan\b", first, re.I), first
        assert not re.search(r"[{}]", said.text)


@pytest.mark.parametrize("channel", list(ON_PAPER))
@pytest.mark.parametrize("situation", ["open", "open without-person", "open without-time", "closed without-time"])
@pytest.mark.parametrize("reader", READERS)
def test_who_likes_few_words_is_told_that_the_letter_came_not_a_message(
    reader: str, situation: str, channel: Channel
) -> None:
    said = render(facts(reader, situation, wishes=Wishes(brief=True)), ON_PAPER[channel].mail).text
    assert not re.search(r"message|Nachricht|besked|henvendelse|pesan|[{}]", said.split("\n\n")[0]), said
    assert re.search(r"letter|Schreiben|brev|surat|fax|faks", said, re.IGNORECASE), said
    assert len(said.split()) <= 60
    if reader == "da-De":
        assert not re.search(r"\b(?:du|dig|din|dit)\b", said, re.IGNORECASE), said


@pytest.mark.parametrize("reader", READERS)
def test_a_holiday_is_told_of_a_letter_too(reader: str) -> None:
    wording = ON_PAPER[Channel.LETTER].mail.of(*(("da", "de") if reader == "da-De" else (reader[:2], "du")))
    holidays = [sentence for name, sentence in wording.sentences.items() if name.startswith("holiday")]
    assert len(holidays) == 4
    assert all(re.search(r"letter|Schreiben|brev|surat", sentence) for sentence in holidays)


def test_the_window_shows_name_and_address_and_nothing_else() -> None:
    html = made().html
    assert lines_in("to", html) == ["Petra Weber", "Ahornweg 17", "20095 Hamburg"]
    assert lines_in("return", html) == ["Example Ltd · Lindenallee 5 · 10115 Berlin"]


def test_the_line_above_the_address_says_what_a_postman_needs_and_not_the_whole_letterhead() -> None:
    house = (*FRAME.house, "+49 30 23125010", "example.com")
    html = page(facts("de", "open"), SHEET, replace(FRAME, house=house), ON_PAPER[Channel.LETTER]).html
    assert lines_in("house", html) == list(house)
    assert lines_in("return", html) == ["Example Ltd · Lindenallee 5 · 10115 Berlin"]


def test_without_an_address_the_window_is_empty() -> None:
    html = page(facts("de"), replace(SHEET, postal=()), FRAME, ON_PAPER[Channel.LETTER]).html
    assert lines_in("to", html) == []


def test_a_page_needs_nothing_from_outside() -> None:
    assert not re.search(r"https?:|src=|<script|@import|url\(|<link", made().html)


def lines_in(name: str, html: str) -> list[str]:
    found = re.search(rf'<div class="{name}">(.*?)</div>', html, re.DOTALL)
    assert found
    return [unescape(re.sub(r"<[^>]+>", "", line)) for line in re.split("<br>|</p>", found[1]) if line]


def test_an_operators_own_sentence_replaces_the_shipped_one(tmp_path: Path) -> None:
    (tmp_path / "letter").mkdir()
    (tmp_path / "letter" / "de.toml").write_text('[printed]\nclosing = "Mit besten Grüßen"\n', "utf-8")
    texts = paper_texts(Channel.LETTER, TEXTS, tmp_path)
    assert "Mit besten Grüßen\nExample Ltd" in page(facts("de"), SHEET, FRAME, texts).text


@pytest.mark.parametrize(
    ("file", "complaint"),
    [
        ('[printed]\nclosng = "x"\n', "closng: there is no such text"),
        ('[printed]\nclosing = "{person}, {shoe}"\n', "{shoe} is not known here"),
        ("[shoes]\na = 1\n", "[shoes] there is no such table"),
        ('[register.de.mail]\nsubject = "{oops"\n', "a brace without its pair"),
        ("[printed\n", "Expected"),
    ],
)
def test_a_broken_file_of_texts_is_refused_by_name(tmp_path: Path, file: str, complaint: str) -> None:
    (tmp_path / "letter").mkdir()
    (tmp_path / "letter" / "de.toml").write_text(file, "utf-8")
    with pytest.raises(ConfigError, match=re.escape(complaint)) as refused:
        paper_texts(Channel.FAX, TEXTS, tmp_path)
    assert str(tmp_path / "letter" / "de.toml") in refused.value.what


@pytest.fixture
async def browser() -> AsyncIterator[Browser]:
    chromium = shutil.which("chromium")
    if chromium is None:
        absent("chromium is not installed: apt-get install chromium")
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium, args=["--no-sandbox"])
        yield browser
        await browser.close()


LONG = Sheet(
    name="M" * 60,
    postal=(
        "Dr. Anna-Maria von Hohenfels-Oberwiesenthal und Partner mbB",
        *("Mühlenweg 17, Hinterhaus" for _ in range(5)),
    ),
)


async def test_every_page_is_one_sheet_of_a4_with_its_address_in_the_window(browser: Browser, tmp_path: Path) -> None:
    tab = await browser.new_page()
    for reader in READERS:
        for sheet in (SHEET, LONG):
            made_page = page(facts(reader, "closed"), sheet, FRAME, ON_PAPER[Channel.LETTER])
            await tab.set_content(made_page.html)
            await tab.emulate_media(media="print")
            pdf = await tab.pdf(prefer_css_page_size=True, path=tmp_path / f"{reader}-{len(sheet.postal)}.pdf")
            assert len(re.findall(rb"/Type\s*/Page\b", pdf)) == 1
            assert re.search(rb"/MediaBox\s*\[0 0 59[45]\S* 84[12]", pdf)
            assert await inside(tab, ".to", 20, 45, 105, 90)
            assert await inside(tab, ".text", 20, 98, 195, 285)
            assert not await tab.locator(".hand").is_visible()


async def inside(tab: Tab, selector: str, left: float, top: float, right: float, bottom: float) -> bool:
    """Whether all of it lies in this box, in millimetres from the sheet's corner, and none of it is cut off."""
    box: list[float] = await tab.evaluate(
        """selector => {
            const sheet = document.querySelector('.sheet').getBoundingClientRect()
            const found = document.querySelector(selector), box = found.getBoundingClientRect()
            const mm = px => px * 25.4 / 96
            return [mm(box.left - sheet.left), mm(box.top - sheet.top), mm(box.right - sheet.left),
                    mm(box.top - sheet.top + Math.max(found.scrollHeight, box.height))]
        }""",
        selector,
    )
    return left <= box[0] and top <= box[1] and box[2] <= right and box[3] <= bottom
