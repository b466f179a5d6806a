"""What customers read in our texts: its length as SMS, its times, its tone."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from commsd.channels.phone.message_texts import DANISH_FORMAL, LANGUAGES, Texts, Tongue, plain, segments

BERLIN = ZoneInfo("Europe/Berlin")
DUE = datetime(2026, 3, 11, 13, 30, tzinfo=UTC)


def tongue(language: str = "en", firm: str = "Example Ltd", zone: str = "Europe/Berlin", da: str = "du") -> Tongue:
    return Tongue(firm=firm, language=language, address_as={"da": da}, zone=ZoneInfo(zone), ours=BERLIN)


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
    to = tongue(language, "Schröder & Søn Ltd", zone)
    assert (
        max(
            segments(each)
            for each in (to.missed(DUE), to.written(DUE), to.received(DUE), to.agreed(DUE), to.stopped(DUE))
        )
        <= 2
    )


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
    for said in (texts.missed, texts.written, texts.received, texts.agreed, texts.stopped):
        assert "!" not in said
        assert not any(word in said.lower() for word in ("unfortunately", "leider", "desværre", "shortly", "umgehend"))


def test_the_two_danish_forms_of_address_are_not_mixed() -> None:
    assert not {"dig", "dit", "din", "du"} & set(tongue("da", da="de").missed(DUE).lower().replace(".", "").split())
    assert not {"dig", "dit", "din", "du"} & set(tongue("da", da="de").written(DUE).lower().replace(".", "").split())
    assert "Dem" not in tongue("da").missed(DUE)
