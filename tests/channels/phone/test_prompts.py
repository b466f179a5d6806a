"""Each language says times as people speak them, and all of them say the same things; tone.md, the spoken texts."""

import json
import re
from dataclasses import fields
from datetime import date, time, timedelta
from pathlib import Path
from string import Formatter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.channels.phone.prompts import LANGUAGES, spoken
from commsd.channels.phone.prompts.danish import DANISH, DANISH_FORMAL
from commsd.channels.phone.prompts.english import ENGLISH
from commsd.channels.phone.prompts.spoken import Spoken

EVERY = [*LANGUAGES.values(), DANISH_FORMAL]
TEXTS = [field.name for field in fields(Spoken) if field.name not in ("tag", "voice", "day", "clock", "zone")]
TUESDAY = date(2026, 3, 10)


@pytest.mark.parametrize(
    ("language", "at", "words"),
    [
        ("en", "13:30", "half past one in the afternoon"),
        ("en", "10:00", "ten in the morning"),
        ("en", "16:45", "a quarter to five in the afternoon"),
        ("en", "12:00", "noon"),
        ("en", "00:15", "a quarter past twelve in the morning"),
        ("de", "14:30", "vierzehn Uhr dreißig"),
        ("de", "11:00", "elf Uhr"),
        ("de", "01:00", "ein Uhr"),
        ("da", "14:30", "klokken halv tre om eftermiddagen"),
        ("da", "11:00", "klokken elleve om formiddagen"),
        ("da", "16:45", "klokken kvart i fem om eftermiddagen"),
        ("id", "20:30", "pukul setengah sembilan malam"),
        ("id", "17:00", "pukul lima sore"),
        ("id", "11:15", "pukul sebelas lewat seperempat siang"),
    ],
)
def test_times_are_spoken_as_people_say_them(language: str, at: str, words: str) -> None:
    assert LANGUAGES[language].clock(time.fromisoformat(at)) == words


@pytest.mark.parametrize("texts", EVERY, ids=lambda texts: texts.tag)
def test_no_two_times_of_day_sound_alike(texts: Spoken) -> None:
    heard = [texts.clock(time(minute // 60, minute % 60)) for minute in range(24 * 60)]
    assert len(set(heard)) == 24 * 60


@given(st.integers(0, 40))
def test_today_and_tomorrow_never_stand_for_another_day(ahead: int) -> None:
    for texts in EVERY:
        said = texts.day(TUESDAY + timedelta(days=ahead), TUESDAY)
        assert (said in ("today", "heute", "i dag", "hari ini")) == (ahead == 0)
        assert said.startswith(("tomorrow,", "morgen,", "i morgen,", "besok,")) == (ahead == 1)
        assert bool(re.search(r"\d", said)) == (ahead >= 7)


@pytest.mark.parametrize("texts", EVERY, ids=lambda texts: texts.tag)
@pytest.mark.parametrize("name", TEXTS)
def test_every_language_has_every_text_with_the_same_words_to_put_in(texts: Spoken, name: str) -> None:
    def holes(text: str) -> set[str]:
        return {hole for _, hole, _, _ in Formatter().parse(text) if hole}

    assert getattr(texts, name)
    assert holes(getattr(texts, name)) == holes(getattr(ENGLISH, name))


@pytest.mark.parametrize("texts", EVERY, ids=lambda texts: texts.tag)
def test_a8_voices_exist_and_speak_the_language(texts: Spoken, shared: Path) -> None:
    table = json.loads((shared / "twilio/twiml/voices_languages.json").read_text())
    known = table["wanted"][texts.tag]
    assert texts.voice in known["polly"] + known["google"]
    assert texts.tag in table["say_languages"]


def test_the_formal_danish_is_formal_throughout() -> None:
    informal = re.compile(r"\b(du|dig|din|dit|dine)\b", re.IGNORECASE)
    mixed = [name for name in TEXTS if informal.search(getattr(DANISH_FORMAL, name))]
    assert mixed == []
    assert any(informal.search(getattr(DANISH, name)) for name in TEXTS)
    assert spoken("da", {"da": "de"}) is DANISH_FORMAL
    assert spoken("da", {"da": "du"}) is DANISH


@pytest.mark.parametrize("texts", EVERY, ids=lambda texts: texts.tag)
def test_the_machine_says_we_and_makes_no_excuses(texts: Spoken) -> None:
    banned = re.compile(r"\b(I|ich|jeg|saya|unfortunately|leider|desværre|sayangnya|important to us)\b|!")
    assert [name for name in TEXTS if banned.search(getattr(texts, name))] == []


@pytest.mark.parametrize("texts", EVERY, ids=lambda texts: texts.tag)
def test_no_sentence_is_taken_from_the_samples(texts: Spoken, shared: Path) -> None:
    samples = " ".join((shared / "tone.md").read_text().split())
    ours = [sentence for name in TEXTS for sentence in re.split(r"(?<=[.;])\s+", getattr(texts, name))]
    long = [sentence for sentence in ours if len(sentence.split()) >= 5 and "{" not in sentence]
    assert [sentence for sentence in long if sentence in samples] == []
