"""What customers get, before any does; opening hours as a grid."""

from xml.etree import ElementTree

import pytest

from commsd.config.load import load
from commsd.errors import ConfigError
from tests.cli.office import Office


@pytest.fixture
def weekdays(empty_office: Office) -> Office:
    """Open Monday to Friday from 9 to 17."""
    file = empty_office.folder / "commsd.toml"
    file.write_text(file.read_text().replace("mon-sun 00:00-24:00", "mon-fri 09:00-17:00"))
    return empty_office


@pytest.fixture
def berliners(weekdays: Office) -> Office:
    """The same, and closed on Berlin's holidays."""
    file = weekdays.folder / "commsd.toml"
    file.write_text(file.read_text().replace("[service]", '[service]\ncountry = "DE-BE"'))
    return weekdays


SITUATIONS = {
    "in-hours": True,
    "out-of-hours": False,
    "holiday": False,
    "asks-for-call": True,
    "few-words": True,
    "outage": True,
    "second-writing": True,
}
UNGREETED = ("few-words", "second-writing")


def test_the_ack_is_shown_per_language_and_situation_without_a_store(berliners: Office) -> None:
    samples = berliners.done("ack", "preview", "support", "--json").json
    assert [(each["language"], each["situation"], each["in_hours"]) for each in samples] == [
        (language, *situation) for language in ("en", "de", "da", "id") for situation in SITUATIONS.items()
    ]
    assert all("Jane Clarke" in each["text"] for each in samples if each["situation"] not in UNGREETED)
    assert len({each["text"] for each in samples}) == 4 * len(SITUATIONS)


def test_each_situation_reads_as_it_is(berliners: Office) -> None:
    samples = berliners.done("ack", "preview", "support", "--json").json
    english = {each["situation"]: each["text"] for each in samples if each["language"] == "en"}
    assert "our office was closed" in english["out-of-hours"]
    assert "a public holiday (" in english["holiday"]
    assert "We will also ring you" in english["asks-for-call"]  # by hand, where no line makes calls
    assert "later than usual" in english["outage"]
    assert english["few-words"].startswith("Thank you, your message came in ")
    assert english["second-writing"].startswith("Thank you, the message that came in ")


def test_who_never_closes_has_no_ack_out_of_hours(empty_office: Office) -> None:
    assert all(each["in_hours"] for each in empty_office.done("ack", "preview", "support", "--json").json)


def test_the_html_is_shown_where_the_mailbox_sends_it(weekdays: Office) -> None:
    file = weekdays.folder / "commsd.toml"
    assert weekdays.commsd("ack", "preview", "support", "--html").code == 1
    file.write_text(file.read_text().replace("[mailbox.support]", "[mailbox.support]\nhtml = true"))
    assert "<p>Dear Jane Clarke,</p>" in weekdays.done("ack", "preview", "support", "--html").out


def test_the_ack_is_shown_as_people_read_it(weekdays: Office) -> None:
    shown = weekdays.done("ack", "preview", "support").out
    assert "--- en, in-hours, " in shown
    assert "\nSubject: Your message has reached us: 2041\n" in shown
    assert "\nDear Jane Clarke,\n" in shown


def test_the_ack_is_shown_in_one_language_and_situation_alone(weekdays: Office) -> None:
    words = ("ack", "preview", "support", "--language", "de", "--situation", "second-writing")
    assert [(each["language"], each["situation"]) for each in weekdays.done(*words, "--json").json] == [
        ("de", "second-writing")
    ]
    both = weekdays.done(*words, "--language", "en", "--situation", "in-hours", "--json").json
    assert [(each["language"], each["situation"]) for each in both] == [
        (language, situation) for language in ("de", "en") for situation in ("in-hours", "second-writing")
    ]


def test_a_language_nobody_speaks_and_a_situation_that_never_is_are_told(weekdays: Office) -> None:
    ran = weekdays.commsd("ack", "preview", "support", "--language", "fr")
    assert (ran.code, "name one of: en, de, da, id" in ran.err) == (1, True)
    ran = weekdays.commsd("ack", "preview", "support", "--situation", "holiday")  # no country, so no holidays
    assert (ran.code, "holiday does not happen" in ran.err) == (1, True)
    assert weekdays.commsd("ack", "preview", "support", "--situation", "at-night").code == 2


def test_a_letter_is_shown_as_it_would_be_printed(weekdays: Office) -> None:
    file = weekdays.folder / "commsd.toml"
    file.write_text(file.read_text().replace("[mailbox.support]", '[mailbox.support]\nchannel = "letter"'))
    page = weekdays.done("ack", "preview", "support", "--letter").out
    assert page.startswith('<!doctype html>\n<html lang="en">')
    assert "<p>Jane Clarke</p><p>12 Long Lane</p>" in page
    german = weekdays.done("ack", "preview", "support", "--letter", "--language", "de", "--json").json
    assert [(each["language"], each["situation"]) for each in german] == [("de", "in-hours")]
    assert "vielen Dank für Ihr Schreiben" in german[0]["html"]
    several = weekdays.commsd("ack", "preview", "support", "--letter", "--language", "de", "--language", "en")
    assert (several.code, "name one language" in several.err) == (2, True)
    assert weekdays.commsd("ack", "preview", "support", "--letter", "--to", "jane@example.org").code == 2


def test_a_mailbox_for_mail_prints_no_letter(weekdays: Office) -> None:
    ran = weekdays.commsd("ack", "preview", "support", "--letter")
    assert (ran.code, "prints nothing" in ran.err) == (1, True)


def test_check_and_a_reload_refuse_a_text_that_cannot_be_filled_in(empty_office: Office) -> None:
    """It once passed `check`, and `run` ended at it."""
    folder = empty_office.folder / "templates"
    folder.mkdir(exist_ok=True)
    (folder / "en.toml").write_text('[ack]\ngreeting = "Hello {nam},"\n')
    checked = empty_office.commsd("check")
    assert checked.code == 78
    assert "templates/en.toml:2:12: [ack] greeting: {nam} is not known here" in checked.out + checked.err
    with pytest.raises(ConfigError, match="nam"):
        load(empty_office.folder)


def test_check_warns_of_a_text_that_sounds_wrong(empty_office: Office) -> None:
    folder = empty_office.folder / "templates"
    folder.mkdir(exist_ok=True)
    (folder / "de.toml").write_text('[ack]\nadd = "Wir antworten zeitnah."\n')
    checked = empty_office.commsd("check")
    assert checked.code == 0
    assert 'says "zeitnah"' in checked.out + checked.err


def test_a_customer_we_know_is_previewed_by_name(office: Office) -> None:
    office.mail()
    samples = office.done("ack", "preview", "support", "--to", "jane@example.org", "--json").json
    assert {each["to"] for each in samples} == {"jane@example.org"}
    assert all("Jane Clarke" in each["text"] for each in samples if each["situation"] not in UNGREETED)


def test_an_address_that_gets_no_ack_says_why(office: Office) -> None:
    ran = office.commsd("ack", "preview", "support", "--to", "no-reply@example.org")
    assert ran.code == 1
    assert "no-ack:robot-sender" in ran.err
    assert office.commsd("ack", "preview", "suport").code == 1


def test_a_month_is_shown_as_a_grid(weekdays: Office) -> None:
    lines = weekdays.done("sla", "calendar", "standard", "--month", "2026-12").out.splitlines()
    assert lines[0] == "standard, Europe/Berlin"
    assert lines[2] == f"Tue 01 Dec  {'.' * 18}{'#' * 16}{'.' * 14}  09:00-17:00"
    assert lines[6] == f"Sat 05 Dec  {'.' * 48}"
    assert lines[-1] == "open 184 h 00 min on 23 days"


def test_a_month_is_a_record_for_a_program(weekdays: Office) -> None:
    days = weekdays.done("sla", "calendar", "standard", "--month", "2026-03", "--json").json
    assert len(days) == 31
    assert days[29] == {  # the Monday after the clocks went forward
        "date": "2026-03-30",
        "hours": ["09:00-17:00"],
        "kind": "usual",
        "holiday": None,
        "clocks": None,
        "remarks": [],
        "open": [{"opens_at": "2026-03-30T07:00:00.000Z", "closes_at": "2026-03-30T15:00:00.000Z"}],
    }


def test_a_calendar_or_month_that_is_none_is_told_so(weekdays: Office) -> None:
    assert weekdays.commsd("sla", "calendar", "standart").code == 1
    assert weekdays.commsd("sla", "calendar", "standard", "--month", "2026-13").code == 2


def test_w9_the_fallback_is_twiml_in_the_languages_asked_for(empty_office: Office) -> None:
    ran = empty_office.done("twiml", "fallback", "--lang", "de", "--lang", "da")
    spoken = [say.get("language") for say in ElementTree.fromstring(ran.out).iter("Say")]
    assert set(spoken) == {"de-DE", "da-DK"}
    assert empty_office.commsd("twiml", "fallback", "--lang", "xx").code == 2


def test_w9_the_fallback_of_our_own_calls_says_so_and_hangs_up(empty_office: Office) -> None:
    ran = empty_office.done("twiml", "fallback", "--ours", "--lang", "de", "--lang", "en")
    assert [verb.tag for verb in ElementTree.fromstring(ran.out)] == ["Say"] * 4 + ["Hangup"]
    assert "The callback stays open" in ran.out
