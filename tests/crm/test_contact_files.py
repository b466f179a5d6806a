"""Files of contacts: what their rows mean, and which cannot be used, with their lines. Pure."""

import io
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.core.contact import Identity
from commsd.crm.card import Card, Entry, Reading, entry_of
from commsd.crm.contact_csv import sheet_of
from commsd.crm.vcard import cards_of
from commsd.errors import Refused

JANE = Identity("email", "jane@example.org")
NUMBER = Identity("phone", "+493023125099")


def rows(text: str, **columns: str) -> list[Card]:
    return list(sheet_of(io.StringIO(text, newline=""), columns).cards)


def entries(cards: Sequence[Card], system: str | None = None, region: str | None = None) -> list[Entry]:
    return [entry_of(card, Reading(system=system, region=region)) for card in cards]


def cards(text: str) -> list[Card]:
    return list(cards_of(io.StringIO(text, newline="")))


@pytest.mark.parametrize("separator", [",", ";", "\t"])
def test_a_row_is_a_person_whatever_separates_its_cells(separator: str) -> None:
    text = "\ufeffName,E-mail,Phone,Tier,No calls\r\nJane Clarke,Jane@Example.org,+49 30 23125099,gold,yes\r\n"
    (entry,) = entries(rows(text.replace(",", separator)))
    assert entry.line == 2
    assert not entry.wrong
    assert entry.said.identities == (JANE, NUMBER)
    assert entry.said.fields == {"name": "Jane Clarke", "tier": "gold"}
    assert entry.said.wishes == {"no_calls": True}


@pytest.mark.parametrize(
    ("headings", "row"),
    [
        ("First Name,Last Name,E-mail 1 - Value,Phone 1 - Value", "Jane,Clarke,jane@example.org,+493023125099"),
        ("Given Name;Family Name;E-mail Address;Mobile Phone", "Jane;Clarke;jane@example.org;+493023125099"),
        ("full_name,email_address,telephone", "Jane Clarke,jane@example.org,+493023125099"),
        ("Vorname;Nachname;E-Mail-Adresse;Mobiltelefon", "Jane;Clarke;jane@example.org;+493023125099"),
        ("Vorname;Name;E-Mail 2: Adresse;Telefon (geschäftlich)", "Jane;Clarke;jane@example.org;+493023125099"),
        ("Vorname;Name;E-Mail 1;Handy-Nr.", "Jane;Jane Clarke;jane@example.org;+493023125099"),
        ("Fornavn;Efternavn;E-mailadresse;Tlf. nr.", "Jane;Clarke;jane@example.org;+493023125099"),
        ("Fornavn;Navn;Primær e-mail;Telefon (arbejde)", "Jane;Clarke;jane@example.org;+493023125099"),
        ("Nama Depan;Nama Belakang;Alamat Surel;No. HP", "Jane;Clarke;jane@example.org;+493023125099"),
        ("Name;E-mail 1 - Label;E-mail 1 - Value;Phone 1 - Value", "Jane Clarke;* Work;jane@example.org;+493023125099"),
    ],
)
def test_the_headings_of_usual_exports_are_understood(headings: str, row: str) -> None:
    (entry,) = entries(rows(f"{headings}\n{row}\n"))
    assert entry.said.identities == (JANE, NUMBER)
    assert entry.said.fields["name"] == "Jane Clarke"


@pytest.mark.parametrize(
    ("heading", "field"),
    [
        *((each, "organisation") for each in ("Unternehmen", "Firma", "Organisation", "Virksomhed", "Perusahaan")),
        *((each, "organisation") for each in ("Organization Name", "Company", "Account Name")),
        *((each, "customer") for each in ("Customer number", "Customer No.")),
        *((each, "language") for each in ("Sprache", "Sprog", "Bahasa", "Preferred language")),
        *((each, "timezone") for each in ("Zeitzone", "Tidszone", "Zona waktu", "Time zone")),
    ],
)
def test_a_field_is_known_by_its_heading_in_four_languages(heading: str, field: str) -> None:
    (card,) = rows(f"email;{heading}\njane@example.org;x\n")
    assert card.values[field] == ["x"]


@pytest.mark.parametrize(
    ("heading", "cell"),
    [
        *((each, "10017") for each in ("Kundennummer", "Kunden-Nr.", "Kundenummer", "Nomor pelanggan")),
        *((each, "Max Muster") for each in ("Ansprechpartner", "Kontaktperson")),
        ("Durchwahl", "23"),
        ("WhatsApp", "yes"),
    ],
)
def test_what_may_be_the_firms_or_ours_is_read_only_where_its_column_is_named(heading: str, cell: str) -> None:
    text = f"{heading};Name;E-Mail\n{cell};Jane;jane@example.org\n"
    sheet = sheet_of(io.StringIO(text), {})
    (entry,) = entries(list(sheet.cards))
    assert (entry.said.fields, entry.said.identities, entry.wrong) == ({"name": "Jane"}, (JANE,), ())
    assert sheet.ignored == (heading,)
    (card,) = rows(text, tier=heading)
    assert card.values["tier"] == [cell]


@pytest.mark.parametrize(
    ("given_name", "name", "whole"),
    [
        ("Hans", "Hansen", "Hans Hansen"),
        ("Jan", "Janssen", "Jan Janssen"),
        ("Anna", "Berg, Anna", "Berg, Anna"),
        ("hans peter", "Hans Peter Berg", "Hans Peter Berg"),
    ],
)
def test_a_given_name_is_part_of_a_name_only_as_a_word_of_it(given_name: str, name: str, whole: str) -> None:
    (card,) = rows(f"Navn;Fornavn;E-mail\n{name};{given_name};jane@example.org\n")
    assert card.values["name"] == [whole]


@pytest.mark.parametrize("own", ["Company Name", "Company"])
def test_the_company_a_person_wrote_goes_before_the_one_hubspot_associates(own: str) -> None:
    text = f"Email,Associated Company,{own}\na@example.org,Acme Holding,Acme Ltd\nb@example.org,Acme Holding,\n"
    assert [entry.organisation for entry in entries(rows(text))] == ["Acme Ltd", "Acme Holding"]


@pytest.mark.parametrize(
    ("language", "code"),
    [
        *((name, "de") for name in ("Deutsch", "German", "tysk", "Bahasa Jerman")),
        *((name, "da") for name in ("Dänisch", "dansk", "Danish")),
        *((name, "id") for name in ("Bahasa Indonesia", "indonesisk")),
        ("Englisch", "en"),
        ("pt-BR", "pt-BR"),
    ],
)
def test_a_language_is_understood_by_its_name_in_four_languages(language: str, code: str) -> None:
    (entry,) = entries(rows(f"email,language\njane@example.org,{language}\n"))
    assert (entry.wrong, entry.said.fields["language"]) == ((), code)


@pytest.mark.parametrize(
    ("word", "meant"),
    [
        *((word, True) for word in ("WAHR", "TRUE", "SAND", "ja", "ya", "Yes", "x", "1")),
        *((word, False) for word in ("FALSCH", "FALSE", "FALSK", "nein", "nej", "tidak", "No", "0")),
    ],
)
def test_yes_and_no_are_understood_in_four_languages(word: str, meant: bool) -> None:
    (entry,) = entries(rows(f"email,no_calls\njane@example.org,{word}\n"))
    assert (entry.wrong, entry.said.wishes) == ((), {"no_calls": meant})


def test_a_letter_in_a_german_file_is_no_wish() -> None:
    (entry,) = entries(rows("E-Mail;Brief\njane@example.org;Ja\n"))
    assert (entry.wrong, entry.said.wishes) == ((), {})
    (entry,) = entries(rows("email;brief\njane@example.org;yes\n"))
    assert entry.said.wishes == {"brief": True}


def test_several_values_that_google_puts_into_one_cell_are_read_apart() -> None:
    (entry,) = entries(rows("E-mail 1 - Value\njane@example.org ::: jc@example.org\n"))
    assert entry.said.identities == (JANE, Identity("email", "jc@example.org"))


def test_a_column_that_is_left_out_is_missed_where_addresses_or_numbers_stand_in_it() -> None:
    text = "id,Kanal,Draht,Termin,Menge\n1,,,01.02.2026,0\n2,jane@example.org,030 23125099,,7\n"
    sheet = sheet_of(io.StringIO(text), {})
    assert sheet.missed == {}
    assert len(list(sheet.cards)) == 2
    assert sheet.missed == {"Kanal": "email", "Draht": "phone"}


@pytest.mark.parametrize(("heading", "missed"), [("phone", {"Notes": "email"}), ("email", {})])
def test_any_at_sign_is_told_where_no_column_of_addresses_is_read(heading: str, missed: dict[str, str]) -> None:
    sheet = sheet_of(io.StringIO(f"{heading},Notes\nx,write to jane@example.org\n"), {})
    assert len(list(sheet.cards)) == 1
    assert sheet.missed == missed


def test_a_column_may_be_named_and_those_left_out_are_told() -> None:
    sheet = sheet_of(
        io.StringIO("Kunde,Rufnummer,Bemerkung\nJane,+493023125099,x\n"), {"phone": "Rufnummer", "name": "Kunde"}
    )
    (entry,) = entries(list(sheet.cards))
    assert (entry.said.identities, entry.said.fields) == ((NUMBER,), {"name": "Jane"})
    assert sheet.ignored == ("Bemerkung",)


def test_a_file_that_names_nobody_is_refused() -> None:
    with pytest.raises(Refused, match="no column holds an address"):
        rows("Colour,Size\nred,4\n")
    with pytest.raises(Refused, match="no column"):
        rows("email\njane@example.org\n", phone="Telefon")
    with pytest.raises(Refused):
        rows("")


def test_numbers_of_the_country_are_understood_where_it_is_known() -> None:
    file = rows("phone\n030 23125099\n")
    assert entries(file, region="DE")[0].said.identities == (NUMBER,)
    assert "--region" in entries(file)[0].wrong[0]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        ("jane at example,,", "email:"),
        (",+49 12,", "phone:"),
        ("jane@example.org,,Mars/Olympus", "timezone:"),
        ("jane@example.org,,Europe/Berlin,,too,many", "6 cells"),
        ("jane@example.org\x00,,", "email"),
        ('"jane@example.org"x,,', "cannot be read"),
        ("jane@ex\udce4mple.org,,", "encoding"),
    ],
)
def test_a_broken_row_is_named_with_its_line_and_spoils_no_other(row: str, what: str) -> None:
    text = f'email,phone,timezone,note\nfirst@example.org,,,"two\nlines"\n{row}\nlast@example.org,,Europe/Berlin\n'
    by_line = {entry.line: entry for entry in entries(rows(text))}
    assert what in by_line[4].wrong[0]
    assert not by_line[2].wrong
    assert not by_line[5].wrong


def test_a_quote_that_is_never_closed_is_named_where_it_opens() -> None:
    found = rows('email\njane@example.org\n"john@example.org\nlast@example.org\n')
    assert [card.line for card in found if card.wrong] == [3]


def test_an_id_is_a_persons_in_its_system_only() -> None:
    file = rows("Record ID,email\n4711,jane@example.org\n")
    assert entries(file, system="hubspot")[0].mine == Identity("hubspot", "4711")
    assert entries(file)[0].mine is None


VCARDS = """BEGIN:VCARD
VERSION:4.0
FN:Jane
  Clarke\\, MD
item1.EMAIL;TYPE=work:mailto:Jane@Example.org
TEL;VALUE=uri;PREF=1;TYPE="voice,home":tel:+49-30-23125099;ext=12
LANG:de
TZ:Europe/Berlin
ORG:Example\\; Sons;Sales
UID:urn:uuid:4711
X-UNKNOWN:whatever
END:VCARD
BEGIN:VCARD
VERSION:2.1
N;CHARSET=UTF-8;ENCODING=QUOTED-PRINTABLE:M=C3=BCller;J=
=C3=B6rg;;;
EMAIL;INTERNET:joerg@example.org
END:VCARD
"""


def test_vcards_of_every_version_are_read() -> None:
    first, second = cards(VCARDS)
    (entry,) = entries([first], system="book")
    assert (first.line, second.line) == (1, 13)
    assert entry.said.identities == (JANE, NUMBER)
    assert entry.said.fields == {"name": "Jane Clarke, MD", "language": "de", "timezone": "Europe/Berlin"}
    assert (entry.organisation, entry.mine) == ("Example; Sons", Identity("book", "urn:uuid:4711"))
    assert second.values["name"] == ["Jörg Müller"]


@pytest.mark.parametrize(
    ("text", "line", "what"),
    [
        ("BEGIN:VCARD\nEMAIL:a@example.org\n", 1, "never ends"),
        ("BEGIN:VCARD\nEMAIL:a@example.org\nBEGIN:VCARD\nEMAIL:b@example.org\nEND:VCARD\n", 1, "never ends"),
        ("BEGIN:VCARD\nno property\nEMAIL:a@example.org\nEND:VCARD\n", 1, "line 2"),
        ("BEGIN:VCARD\nKIND:org\nEMAIL:a@example.org\nEND:VCARD\n", 1, "not a person"),
        ("hello\nBEGIN:VCARD\nEMAIL:b@example.org\nEND:VCARD\n", 1, "outside"),
        ("BEGIN:VCARD\nFN:Jane\nEND:VCARD\n", 1, "neither an address"),
    ],
)
def test_a_broken_card_is_named_and_the_others_are_read(text: str, line: int, what: str) -> None:
    found = entries(cards(f"{text}BEGIN:VCARD\nEMAIL:last@example.org\nEND:VCARD\n"))
    broken = next(entry for entry in found if entry.wrong)
    assert broken.line == line
    assert what in broken.wrong[0]
    assert found[-1].said.identities == (Identity("email", "last@example.org"),)


@given(st.text(max_size=300))
def test_no_text_at_all_makes_reading_fail(text: str) -> None:
    assert all(isinstance(entry, Entry) for entry in entries(cards(text)))
    assert all(isinstance(entry, Entry) for entry in entries(rows(f"email,phone\n{text}\n")))


@pytest.mark.parametrize("first", ["sep=;", "\ufeffsep=;", "SEP=;;;", '"sep=;"'])
def test_excels_first_line_names_the_separator_and_the_lines_are_counted_with_it(first: str) -> None:
    good, wrong = entries(rows(f"{first}\r\nname;email\r\nClarke, Jane;jane@example.org\r\nx;nobody\r\n"))
    assert (good.line, wrong.line) == (3, 4)
    assert good.said.identities == (JANE,)
    assert good.said.fields["name"] == "Clarke, Jane"
    assert wrong.wrong


def test_a_separator_of_its_own_is_taken_from_the_first_line() -> None:
    (entry,) = entries(rows("sep=|\nname|email\nJane, Dr.; Clarke|jane@example.org\n"))
    assert entry.said.fields["name"] == "Jane, Dr.; Clarke"
