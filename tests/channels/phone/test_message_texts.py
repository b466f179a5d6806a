"""What customers read in our texts: its length as SMS, its times, its tone."""

import re
from dataclasses import fields
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from commsd.channels.phone.message_texts import DANISH_FORMAL, LANGUAGES, Texts, Tongue, plain, segments

BERLIN = ZoneInfo("Europe/Berlin")
DUE = datetime(2026, 3, 11, 13, 30, tzinfo=UTC)


def tongue(
    language: str = "en", firm: str = "Example Ltd", zone: str = "Europe/Berlin", da: str = "du", *, brief: bool = False
) -> Tongue:
    return Tongue(firm=firm, language=language, address_as={"da": da}, zone=ZoneInfo(zone), ours=BERLIN, brief=brief)


def everything(to: Tongue) -> list[str]:
    """All that one customer can be told."""
    timed = (to.missed, to.written, to.received, to.rung, to.agreed, to.stopped)
    return [*(say(DUE) for say in timed), to.stopped_noted()]


def test_q9_a_text_says_who_missed_the_call_by_when_we_ring_and_how_to_answer() -> None:
    said = tongue().missed(DUE)
    assert said.startswith("Example Ltd: ")
    assert "by 14:30 on Wednesday 11 March" in said
    assert "STOP" in said
    assert "15:00" in said


def test_a_time_is_the_customers_own_and_names_the_zone_where_that_is_not_ours() -> None:
    assert "20.30, Waktu Indonesia Barat" in tongue("id", zone="Asia/Jakarta").missed(DUE)
    assert "13:30 on Wednesday 11 March, London time" in tongue(zone="Europe/London").missed(DUE)


def test_where_no_time_can_be_said_none_is() -> None:
    assert "We will ring you." in tongue().missed(None)


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("zone", ["Europe/Berlin", "Europe/London"])
def test_no_text_costs_more_than_two_sms(language: str, zone: str) -> None:
    assert max(map(segments, everything(tongue(language, "Schröder & Søn Ltd", zone)))) <= 2


@pytest.mark.parametrize("language", LANGUAGES)
def test_who_likes_few_words_gets_fewer_and_still_the_time_and_the_way_out(language: str) -> None:
    long, short = tongue(language), tongue(language, brief=True)
    for said, at_length in ((short.missed(DUE), long.missed(DUE)), (short.written(DUE), long.written(DUE))):
        assert len(said) < len(at_length) * 0.85
        assert "14:30" in said or "14.30" in said
        assert "STOP" in said


@pytest.mark.parametrize(("language", "da"), [("en", "du"), ("de", "du"), ("da", "du"), ("da", "de"), ("id", "du")])
@pytest.mark.parametrize("day", range(20, 27))
def test_who_likes_few_words_gets_one_sms_whatever_the_day(language: str, da: str, day: int) -> None:
    said = tongue(language, "Muster & Partner KGaA"[:20], da=da, brief=True).missed(DUE.replace(month=9, day=day))
    assert segments(said) == 1


def test_german_sets_a_latest_time_and_never_says_that_an_answer_is_there_already() -> None:
    to, few = tongue("de"), tongue("de", brief=True)
    latest = "spätestens am Mittwoch, 11. März, um 14:30 Uhr"
    assert all(f"Wir rufen Sie {latest} zurück." in said for said in (to.missed(DUE), few.missed(DUE)))
    assert f"Sie erhalten {latest} eine schriftliche Antwort." in to.written(DUE)
    for said in (to.written(None), few.written(None), to.received(None)):
        assert "Sie erhalten eine" in said
        assert "Sie haben" not in said
    assert not any(re.search(r"\bbis\b", said) for said in (*everything(to), *everything(few)))


def test_english_says_plainly_what_to_reply_with() -> None:
    assert "reply with that time, for example 15:00, or tell us what it is about" in tongue().missed(DUE)
    assert "reply and tell us what it is about" in tongue().written(DUE)


@pytest.mark.parametrize(("da", "language"), [("du", "da"), ("de", "da"), ("du", "id"), ("du", "de")])
def test_the_example_of_a_time_is_called_a_clock_time(da: str, language: str) -> None:
    named = {"da": "svar blot med klokkeslættet, f.eks. 15.00", "id": "dengan jamnya, misalnya 15.00"}
    assert named.get(language, "mit der Uhrzeit, etwa 15:00") in tongue(language, da=da).missed(DUE)


def test_an_indonesian_answer_is_still_to_come_where_no_time_is_said() -> None:
    assert "akan mendapat jawaban" in tongue("id").received(None)
    assert "akan mendapat jawaban tertulis" in tongue("id").written(None)


RINGS = {"en": "will ring you", "de": "rufen Sie", "da": "ringer til dig", "id": "menelepon Anda"}


@pytest.mark.parametrize("language", RINGS)
def test_only_the_texts_to_who_is_rung_speak_of_a_call_of_ours(language: str) -> None:
    to, rings = tongue(language), RINGS[language]
    assert all(rings in said for said in (to.missed(DUE), to.rung(DUE), to.agreed(DUE), to.stopped(DUE)))
    assert not any(rings in said for said in (to.written(DUE), to.received(DUE), to.stopped_noted()))


def test_the_length_is_counted_as_networks_do() -> None:
    assert [segments("a" * n) for n in (160, 161, 306, 307)] == [1, 2, 2, 3]
    assert segments("€" * 80) == 1
    assert segments("€" * 81) == 2
    assert [segments("ж" * n) for n in (70, 71)] == [1, 2]


def test_one_typographic_letter_does_not_make_it_twice_as_long() -> None:
    assert plain("Łukasz – “Sørensen” Çelik naïve") == 'Lukasz - "Sørensen" Çelik naive'
    assert plain("Жанна") == "Жанна"


@pytest.mark.parametrize("texts", [*LANGUAGES.values(), DANISH_FORMAL])
def test_the_tone_is_kept(texts: Texts) -> None:
    for said in (getattr(texts, each.name) for each in fields(texts)):
        if not isinstance(said, str):
            continue
        assert "!" not in said
        assert not any(word in said.lower() for word in ("unfortunately", "leider", "desværre", "shortly", "umgehend"))


def test_the_two_danish_forms_of_address_are_not_mixed() -> None:
    formal = (*everything(tongue("da", da="de")), *everything(tongue("da", da="de", brief=True)))
    for said in formal:
        assert not {"dig", "dit", "din", "du"} & set(re.findall(r"\w+", said.lower()))
    assert not any(re.search(r"\b(?:De|Dem|Deres)\b", said) for said in everything(tongue("da")))
