"""The acknowledgement's texts, by the rules of tone. `python -m pytest -s -k sample` prints them for reading aloud."""

import re
import sys
from zoneinfo import ZoneInfo

import pytest

from commsd.channels.mail.ack import render
from commsd.channels.mail.greeting import greeting_name
from tests.channels.mail.ack_facts import EVERY, FACTS, READERS, SITUATIONS, TEXTS, facts, text

BANNED = {
    "en": "shortly|as soon as possible|hours|business|unfortunately|ticket|case|request id|sorry|do not reply|due to",
    "de": "umgehend|schnellstmöglich|zeitnah|in kürze|stunden|leider|ticket|vorgang|fall|herr|frau|nicht antworten",
    "da": "snarest|hurtigst muligt|inden for|timer|desværre|sag|ticket|beklager|svar ikke|hr|fru",
    "id": "segera|secepatnya|jam kerja|sayangnya|tiket|maaf|kasus|jangan balas|karena",
}
PRONOUNS = {
    "en": "he|she|his|her|mr|ms|mrs",
    "de": "er|seine|seiner|herrn",
    "da": "han|hun|hans|hendes",
    "id": "dia|ia",
}
DUE = {
    ("en", "open"): "today, Tuesday 10 March, by 13:30 London time",
    ("en", "closed"): "on Monday 9 March, by 12:00 London time",
    ("de", "open"): "heute, Dienstag, 10. März, bis 14:30 Uhr",
    ("de", "closed"): "am Montag, 9. März, bis 13:00 Uhr",
    ("da", "open"): "i dag, tirsdag den 10. marts, senest kl. 14.30",
    ("da", "closed"): "mandag den 9. marts senest kl. 13.00",
    ("id", "open"): "hari ini, Selasa, 10 Maret, paling lambat pukul 20.30 WIB",
    ("id", "closed"): "pada hari Senin, 9 Maret, paling lambat pukul 19.00 WIB",
}
CAME = {
    ("en", "open"): "9:17",
    ("en", "closed"): "Friday 6 March at 18:40",
    ("de", "open"): "10:17 Uhr",
    ("de", "closed"): "Freitag, 6. März, um 19:40 Uhr",
    ("da", "open"): "kl. 10.17",
    ("da", "closed"): "fredag den 6. marts kl. 19.40",
    ("id", "open"): "pukul 16.17 WIB",
    ("id", "closed"): "hari Sabtu, 7 Maret, pukul 01.40 WIB",
}
CALLED = {
    ("en", "open"): "today, Tuesday 10 March, by 11:30 London time",
    ("en", "closed"): "on Monday 9 March, by 10:00 London time",
    ("de", "open"): "heute, Dienstag, 10. März, bis 12:30 Uhr",
    ("de", "closed"): "am Montag, 9. März, bis 11:00 Uhr",
    ("da", "open"): "i dag, tirsdag den 10. marts, senest kl. 12.30",
    ("da", "closed"): "mandag den 9. marts senest kl. 11.00",
    ("id", "open"): "hari ini, Selasa, 10 Maret, paling lambat pukul 18.30 WIB",
    ("id", "closed"): "pada hari Senin, 9 Maret, paling lambat pukul 17.00 WIB",
}
HOLIDAY = {
    "en": "a public holiday (Midsommar)",
    "de": "an einem Feiertag (Midsommar)",
    "da": "en helligdag (Midsommar)",
    "id": "hari libur nasional (Midsommar)",
}
LATE = {
    "en": "later than usual|late",
    "de": "später als gewohnt|späte",
    "da": "senere end normalt|sene",
    "id": "lebih lambat dari biasanya|terlambat",
}
TODAY = {"en": "today", "de": "heute", "da": "i dag", "id": "hari ini"}
WEEKDAY = {language: "|".join(TEXTS.of(language).dates.weekdays) for language in ("en", "de", "da", "id")}


def has(words: str, text: str) -> list[str]:
    return re.findall(rf"\b(?:{words})\b", text, re.IGNORECASE)


@pytest.mark.parametrize(("reader", "situation"), EVERY)
def test_every_text_keeps_the_rules_of_tone(reader: str, situation: str) -> None:
    said, language, hours = text(reader, situation), reader[:2], situation.split()[0]
    length = len(said.split())
    if "short" in situation:
        assert length < (60 if "called" in situation else 40)
    elif "without-time" in situation:
        assert length < (75 if "called" in situation else 60)
    else:
        assert 60 <= length <= 110
    assert has(BANNED[language], re.sub(r"https:\S+|mailto:\S+", "", said)) == []
    assert has(PRONOUNS[language], said) == []
    assert not set("!#*{}") & set(said)
    assert not re.search(r"[A-ZÄÖÜÆØÅ]{5,}", said)
    assert CAME[language, hours] in said
    assert ("Anna Berg" in said) is ("without-person" not in situation)
    assert (DUE[language, hours] in said) is ("without-time" not in situation)
    promised_call = "called" in situation and "no-" not in situation
    assert (CALLED[language, hours] in said) is promised_call
    assert (HOLIDAY[language] in said) is ("holiday" in situation and "short" not in situation)
    assert has(LATE[language], said) == [] or "late" in situation
    for found in re.finditer(TODAY[language], said, re.IGNORECASE):
        assert has(WEEKDAY[language], said[found.end() : found.end() + 12]), "today without its weekday"


@pytest.mark.parametrize(("reader", "situation"), [each for each in EVERY if "short" not in each[1]])
def test_every_letter_offers_a_way_to_a_human(reader: str, situation: str) -> None:
    said = text(reader, situation)
    number = "030 23125011" if reader == "de" else "+49 30 23125011"
    called, with_number = "called" in situation, "without-p" not in situation
    call_is_enough = called and "without-time" in situation
    assert (number in said) is (with_number and not call_is_enough)
    link = "mailto:support@example.com?subject=" if "without-link" in situation else FACTS.call_me_url or ""
    link_is_needed = "no-number" in situation or not (called or ("without-time" in situation and with_number))
    assert (link in said) is link_is_needed
    if "called" in situation and "no-number" not in situation:
        assert ("020 7946 0018" if reader == "en" else "+44 20 7946 0018") in said
    if with_number and "closed" in situation and not call_is_enough:
        assert has({"en": "8:00", "de": "9:00", "da": "9\\.00", "id": "15\\.00"}[reader[:2]], said)


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("situation", ["open", "closed"])
def test_three_facts_come_first(reader: str, situation: str) -> None:
    first = text(reader, situation).split("\n\n")[1]
    assert CAME[reader[:2], situation] in first
    assert "Anna Berg" in first
    assert first.endswith(DUE[reader[:2], situation] + ".")


@pytest.mark.parametrize("situation", SITUATIONS)
def test_danish_never_mixes_du_and_de(situation: str) -> None:
    assert re.findall(r"\b(?:De|Dem|Deres)\b", text("da-du", situation)) == []
    assert has("du|dig|din|dit|dine", text("da-De", situation)) == []


@pytest.mark.parametrize("situation", SITUATIONS)
def test_german_says_sie_and_indonesian_anda(situation: str) -> None:
    assert has("du|dich|dir|dein|deine|ihr|euch", text("de", situation)) == []
    assert re.search(r"\b(?:kamu|kalian|mu)\b", text("id", situation)) is None


@pytest.mark.parametrize(
    ("reader", "greeting"),
    [("en", "Hello,"), ("de", "Guten Tag,"), ("da-du", "Goddag"), ("da-De", "Goddag"), ("id", "Yth. Bapak/Ibu,")],
)
def test_a_writer_without_a_name_gets_the_plain_greeting(reader: str, greeting: str) -> None:
    assert text(reader, customer_name=None).split("\n")[0] == greeting


@pytest.mark.parametrize(
    ("display", "name"),
    [
        ("Jane Clarke", "Jane Clarke"),
        ("Clarke, Jane", "Jane Clarke"),
        ('"Jane Clarke"', "Jane Clarke"),
        ("Bäckerei Müller", "Bäckerei Müller"),
        ("jane", "jane"),
        ("von der Leyen, Ursula", "Ursula von der Leyen"),
        ("O'Brien, Pat", "Pat O'Brien"),
        ("Müller-Lüdenscheidt, Hans Peter", "Hans Peter Müller-Lüdenscheidt"),
        ("Dr. Clarke, Jane, MD", "Dr. Jane Clarke"),
        ("Dr. med. Jane Clarke", "Dr. med. Jane Clarke"),
        ("Jane Clarke, ACME Ltd", "Jane Clarke"),
        ("ACME, Inc.", "ACME"),
        ("Müller GmbH, Einkauf", "Müller GmbH"),
        ("Jane Clarke PhD, MSc", "Jane Clarke PhD"),
        ("Jane Clarke, Berlin", "Jane Clarke, Berlin"),
        ("'Jane Clarke' via Support", "Jane Clarke"),
        ("Maria de la Cruz", "Maria de la Cruz"),
        ("Meyer und Söhne", "Meyer und Söhne"),
        ("noreply", None),
        ("Do not reply", None),
        ("ACME no-reply", None),
        ("Info", None),
        ("Support Team", None),
        ("iPhone", None),
        ("Jane's iPhone", None),
        ("Scanner", None),
        ("jane_clarke", None),
        ("Jane%20Clarke", None),
        ("Ihr Konto wurde gesperrt", None),
        ("Your account is closed", None),
        ("Peringatan untuk anda segera", None),
        ("O'Neill", "O'Neill"),
        ("jane@customer.test", None),
        ("Win a prize at http://x.test", None),
        ("visit www.x.test", None),
        ("shop.example", None),
        ("+49 30 23125011", None),
        ("Jane\r\nBcc: x", None),
        ("J" * 61, None),
        ("", None),
        (".", None),
    ],
)
def test_only_what_can_be_a_name_is_repeated(display: str, name: str | None) -> None:
    assert greeting_name(display) == name


def test_the_zone_is_named_only_where_it_is_not_ours() -> None:
    assert "London time" in text()
    assert re.findall(r"[A-Z]\w+ time", text(customer_tz=ZoneInfo("Europe/Copenhagen"))) == []


def test_the_second_writing_gets_two_lines() -> None:
    for reader in READERS:
        lines = text(reader, "open short").splitlines()
        assert len(lines) == 4
        assert lines[-1] == "Example Ltd"


def test_sample() -> None:
    """Print them all: python -m pytest -s -k sample tests/channels/mail/test_ack.py"""
    for reader in READERS:
        for situation in ("open", "closed", "open without-person without-link", "closed without-time", "open short"):
            made = render(facts(reader, situation), TEXTS)
            sys.stdout.write(f"\n===== {reader}, {situation} ({len(made.text.split())} words)\n")
            sys.stdout.write(f"{made.subject}\n\n{made.text}")
            assert made.text
