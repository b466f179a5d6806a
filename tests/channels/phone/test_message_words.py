"""What a short text is taken for, and what it must never be taken for."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from commsd.channels.phone.message_words import Order, told

BERLIN = ZoneInfo("Europe/Berlin")
NOW = datetime(2026, 3, 10, 11, 30, tzinfo=UTC)  # Tuesday, 12:30 in Berlin


def order(body: str, *, owed: bool = True, opt_out_type: str | None = None) -> Order | None:
    found = told(body, opt_out_type, owed=owed, now=NOW, zone=BERLIN)
    return found.order if found else None


def time(body: str) -> str | None:
    found = told(body, None, owed=True, now=NOW, zone=BERLIN)
    return f"{found.at.astimezone(BERLIN):%a %H:%M}" if found and found.at else None


@pytest.mark.parametrize(
    "body",
    [
        *("STOP", " Stop ", "stop.", "Stopall", "UNSUBSCRIBE", "Cancel", "END", "quit", "Stopp!", "Bitte STOP"),
        *("abmelden", "Afmeld", "Ingen beskeder, tak", "BERHENTI", "Tolong berhenti"),
    ],
)
def test_m2_the_words_for_no_more_texts_are_read_in_four_languages(body: str) -> None:
    assert order(body, owed=False) is Order.STOP


def test_m2_what_twilio_reads_as_a_stop_is_one_whatever_it_says() -> None:
    assert order("REVOQUER", opt_out_type="STOP", owed=False) is Order.STOP
    assert order("hallo", opt_out_type="START", owed=False) is Order.START


@pytest.mark.parametrize(
    "body", ["Please stop calling this number and cancel my order", "Don't stop", "The end of the line", "Stop at 9?"]
)
def test_a_sentence_with_such_a_word_in_it_is_no_order(body: str) -> None:
    assert order(body) is None


@pytest.mark.parametrize(
    "body", ["No", "No, thanks", "Nein danke", "Nej tak", "Tidak perlu, terima kasih", "hat sich erledigt"]
)
def test_m1_a_refusal_is_read_where_a_call_is_owed(body: str) -> None:
    assert order(body) is Order.DECLINE
    assert order(body, owed=False) is None


@pytest.mark.parametrize(
    ("body", "at"),
    [
        ("15:00", "Tue 15:00"),
        ("tomorrow 9", "Wed 09:00"),
        ("Tomorrow at 9 please", "Wed 09:00"),
        ("morgen 9 Uhr", "Wed 09:00"),
        ("i morgen kl. 9", "Wed 09:00"),
        ("besok jam 9", "Wed 09:00"),
        ("3pm", "Tue 15:00"),
        ("Mittwoch 14 Uhr", "Wed 14:00"),
        ("onsdag 14", "Wed 14:00"),
        ("in 2 hours", "Tue 14:30"),
        ("Call me at 15:00", "Tue 15:00"),
        ("can you call me back at 4pm?", "Tue 16:00"),
        ("Bitte rufen Sie mich um 15:30 an", "Tue 15:30"),
        ("Ring til mig i morgen kl. 10.30, tak", "Wed 10:30"),
        ("Telepon saya besok pukul 14.00", "Wed 14:00"),
    ],
)
def test_m1_a_time_is_read_in_four_languages(body: str, at: str) -> None:
    assert time(body) == at


@pytest.mark.parametrize(
    "body",
    [
        "Es geht um Rechnung 4711",
        "invoice 4711",
        "2",
        "after 15:00",
        "not 15:00",
        "15:00 or 16:00",
        "",
        "🙂",
        "15:00 is when the parcel came",
    ],
)
def test_what_is_no_plain_time_is_left_to_a_person(body: str) -> None:
    assert order(body) is None
