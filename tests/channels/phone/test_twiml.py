"""Documents that need no call: what goes out when all else fails, and what names and screens do."""

from dataclasses import replace
from pathlib import Path
from xml.etree.ElementTree import fromstring

import pytest

from commsd.channels.phone import twiml
from commsd.channels.phone.prompts import LANGUAGES, spoken
from commsd.channels.phone.twiml import Talk, language_for
from commsd.core.screen import refusal, typed_number
from tests.channels.phone.documents import faults, read
from tests.channels.phone.hotline import PUBLIC, SID, number

TALK = Talk(spoken=LANGUAGES["en"], firm="A & B <Say>", line="hot\x0bline", url=f"{PUBLIC}/twilio/call/{SID}")


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("callable_", [True, False])
def test_w1_the_static_answer_is_valid_and_promises_only_what_can_be_kept(
    language: str, callable_: bool, shared: Path
) -> None:
    texts = LANGUAGES[language]
    body = twiml.static(texts, "A & B <Say>", callable_=callable_)
    assert faults(body, shared) == []
    heard = read(body)
    assert (texts.will_ring in heard.says) == callable_
    assert heard.verbs[-1] == "Hangup"
    offered = twiml.static(texts, "A & B <Say>", callable_=callable_, url=TALK.url)
    assert faults(offered, shared) == []
    assert read(offered).asks == {"Gather": "offer-1"}
    assert (texts.will_ring in read(offered).says) == callable_


@pytest.mark.parametrize("languages", [["en"], ["de", "en"], ["en", "de", "da", "id"]])
def test_w9_the_fallback_document_speaks_each_language_and_takes_a_message(languages: list[str], shared: Path) -> None:
    body = twiml.fallback(languages, "Example Ltd", address_as={"da": "de"})
    assert faults(body, shared) == []
    heard = read(body)
    assert heard.verbs.count("Record") == 1
    assert heard.verbs[-1] == "Hangup"
    for language in languages:
        texts = spoken(language, {"da": "de"})
        assert texts.will_ring in heard.says
        assert texts.goodbye in heard.says


def test_a10_names_are_escaped_and_freed_of_what_xml_cannot_hold() -> None:
    body = twiml.whisper(TALK, 1, 0, 1)
    assert "hot line" in read(body).says
    assert "A & B <Say>" in read(twiml.static(TALK.spoken, TALK.firm, callable_=True)).says


def test_each_call_is_rung_under_its_own_url_whatever_is_shared_between_calls() -> None:
    urls = [f"{PUBLIC}/a&b/twilio/call/CA{number}" for number in (1, 2, 1)]
    rung = [
        twiml.ring(replace(TALK, url=url), 1, ["+493023125011"], seconds=20, caller_id=None, greet=True) for url in urls
    ]
    for url, body in zip(urls, rung, strict=True):
        root = fromstring(body)
        handed_out = [each.get(name) or "" for each in root.iter() for name in ("action", "url", "statusCallback")]
        assert {given.rpartition("/")[0] for given in handed_out if given} == {url}
    assert rung[0] == rung[2]


def test_a2_no_dial_has_more_than_ten_numbers() -> None:
    phones = [f"+4930231250{place:02}" for place in range(14)]
    dial = read(twiml.ring(TALK, 1, phones, seconds=20, caller_id=None, greet=True)).root.find("Dial")
    assert dial is not None
    assert len(dial) == 10


def test_a5_a_withheld_caller_is_never_told_of_this_number() -> None:
    withheld = replace(TALK, callable_=False, back="We will ring you, on the number you have called from.")
    for body in (twiml.offer(withheld, "Hello."), twiml.record(withheld), twiml.leave(withheld)):
        assert "number you have called from" not in read(body).says


@pytest.mark.parametrize(
    ("contact", "country", "languages", "spoken_and_why"),
    [
        ("da-DK", "DE", ("en", "de", "da"), ("da", "contact")),
        ("fr", "DE", ("en", "de"), ("de", "header")),
        (None, "FR", ("de", "en"), ("de", "default")),
        (None, None, (), ("en", "default")),
        ("de-AT", None, ("en-GB", "de-DE"), ("de", "contact")),
    ],
)
def test_the_language_is_the_contacts_then_the_countrys_then_the_lines(
    contact: str | None, country: str | None, languages: tuple[str, ...], spoken_and_why: tuple[str, str]
) -> None:
    assert language_for(contact, country, languages, default="en") == spoken_and_why


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("+493023125088", None),
        ("+491701234567", None),
        ("+499001234567", "type:premium_rate"),
        ("+80012345678", "region:001"),
        ("+881612345678", "region:001"),
    ],
)
def test_costly_numbers_and_numbers_of_no_country_are_refused(text: str, reason: str | None) -> None:
    assert refusal(number(text)) == reason


def test_a_typed_number_is_read_as_somebody_there_means_it() -> None:
    found = typed_number("03023125088", "DE"), typed_number("00493023125088", "DK"), typed_number("32123456", "DK")
    assert [number and number.e164 for number in found] == ["+493023125088", "+493023125088", "+4532123456"]
    assert typed_number("0900123456", "DE") is None
