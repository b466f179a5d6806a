"""`contacts import` and what else the command line says of people, on a real store."""

import os
from pathlib import Path

import pytest

from tests.cli.office import Office

JANE, NUMBER = "jane@example.org", "+493023125099"
FILE = """external_id;Name;E-Mail;Telephone;Tier;Notes
1;Jane Clarke;jane@example.org;+493023125099;gold;x
2;Broken;at;;;
"""


@pytest.fixture
def people(tmp_path: Path) -> Path:
    file = tmp_path / "people.csv"
    file.write_text(FILE)
    return file


def test_a_file_is_rehearsed_taken_in_and_taken_in_again(office: Office, people: Path) -> None:
    checked = office.commsd("contacts", "import", str(people), "--system", "crm", "--check", "--json")
    first = office.commsd("contacts", "import", str(people), "--system", "crm")
    again = office.commsd("contacts", "import", str(people), "--system", "crm", "--json")
    assert (checked.code, first.code, again.code) == (1, 1, 1)
    assert (checked.json["checked"], checked.json["new"], checked.json["ignored_columns"]) == (True, 1, ["Notes"])
    assert "1 new, 0 changed, 0 as they were, 1 left out" in first.out
    assert "email: write a mail address" in first.out
    assert [each["line"] for each in again.json["broken"]] == [3]
    assert again.json["unchanged"] == 1
    shown = office.done("contacts", "show", "crm:1", "--json").json
    assert (shown["name"], shown["tier"]) == ("Jane Clarke", "gold")


def test_whose_organisation_nobody_knows_is_taken_in_and_named_with_the_line(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("name,email,company\nAnn,ann@example.org,hubspot:77\nBo,bo@example.org,\n")
    ran = office.done("contacts", "import", str(file))
    assert "1 in an organisation whose number or id nobody knows, taken in without it (line 2)" in ran.out
    assert "2 new" in ran.out
    assert office.done("contacts", "import", str(file), "--json").json["without_organisation"] == [2]


def test_a_name_that_several_organisations_have_is_told_with_its_line(office: Office, tmp_path: Path) -> None:
    for domain in ("a.example", "b.example"):
        office.done("organisations", "set", domain, "--name", "Acme")
    file = tmp_path / "people.csv"
    file.write_text("name,email,company\nAnn,ann@example.org,Acme\n")
    ran = office.done("contacts", "import", str(file))
    assert "1 in an organisation of a name that several have, taken in without it (line 2)" in ran.out
    assert office.done("contacts", "import", str(file), "--json").json["unclear_organisation"] == [2]


OUTLOOK = """Vorname;Nachname;E-Mail-Adresse;Mobiltelefon;Unternehmen;Sprache;Kanal
Jane;Clarke;jane@example.org;+493023125099;example.org;Deutsch;jc@example.org
Bo;Berg;bo@example.org;;gmail.com;Englisch;
"""


def test_a_german_export_is_read_whole_and_what_is_left_out_of_it_is_said_loudly(
    office: Office, tmp_path: Path
) -> None:
    file = tmp_path / "people.csv"
    file.write_text(OUTLOOK)
    for more in ((), ("--check",)):
        out = office.done("contacts", "import", str(file), *more).out
        assert 'NOT READ: mail addresses stand in the column "Kanal"' in out
        assert "--column email=Kanal" in out
        assert "1 in an organisation that is a public mail provider or an ending such as co.uk" in out
        assert "taken in without it (line 3)" in out
    ran = office.done("contacts", "import", str(file), "--json").json
    assert ran["missed_columns"] == [{"column": "Kanal", "holds": "email"}]
    assert ran["public_provider_as_organisation"] == [3]
    jane = office.done("contacts", "show", JANE, "--json").json
    assert (jane["name"], jane["language"]) == ("Jane Clarke", "de")
    firm = office.done("organisations", "show", "example.org", "--json").json
    assert (firm["domains"], firm["id"]) == (["example.org"], jane["organisation_id"])


@pytest.mark.parametrize(
    ("name", "begun", "kind"),
    [
        ("people.xlsx", b"PK\x03\x04rest", "an Excel workbook"),
        ("people.csv", b"PK\x03\x04rest", "an Excel workbook"),
        ("people.xls", b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1rest", "an Excel workbook"),
        ("people.ods", b"PK\x03\x04rest", "a workbook of LibreOffice"),
    ],
)
@pytest.mark.parametrize("more", [(), ("--encoding", "cp1252")])
def test_a_workbook_is_named_as_what_it_is(
    office: Office, tmp_path: Path, name: str, begun: bytes, kind: str, more: tuple[str, ...]
) -> None:
    file = tmp_path / name
    file.write_bytes(begun)
    ran = office.commsd("contacts", "import", str(file), *more)
    assert ran.code != 0
    assert f"{name} is {kind}" in ran.err
    assert "save it as CSV (UTF-8)" in ran.err


JOERG = "name,email\r\nJörg,joerg@example.org\r\n"


@pytest.mark.parametrize(
    ("content", "encoding"),
    [
        (JOERG.encode(), "utf-8"),
        (JOERG.encode("utf-8-sig"), "utf-8"),
        (JOERG.encode("cp1252"), "cp1252"),
        (JOERG.encode("utf-16"), "utf-16"),
        (JOERG.encode("utf-16-le"), "utf-16-le"),
        (JOERG.encode("utf-16-be"), "utf-16-be"),
        (f"sep=;\r\n{JOERG.replace(',', ';')}".encode("cp1252"), "cp1252"),
        (JOERG.replace(",", "\t").encode("utf-16"), "utf-16"),
    ],
)
def test_whatever_excel_writes_is_read(office: Office, tmp_path: Path, content: bytes, encoding: str) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(content)
    ran = office.done("contacts", "import", str(file), "--json")
    assert (ran.json["new"], ran.json["encoding"]) == (1, encoding)
    assert office.done("contacts", "show", "joerg@example.org", "--json").json["name"] == "Jörg"


def test_a_guessed_encoding_is_told_and_another_one_may_be_said(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes("name,email\nŁukasz,l@example.org\n".encode("cp1250"))
    assert "was read as cp1252" in office.done("contacts", "import", str(file), "--check").err
    office.done("contacts", "import", str(file), "--encoding", "cp1250")
    assert office.done("contacts", "show", "l@example.org", "--json").json["name"] == "Łukasz"


@pytest.mark.parametrize("more", [(), ("--encoding", "utf-8")])
def test_a_pipe_is_read_from_its_first_byte(office: Office, more: tuple[str, ...]) -> None:
    reads, writes = os.pipe()
    os.write(writes, JOERG.encode())
    os.close(writes)
    try:
        ran = office.done("contacts", "import", f"/dev/fd/{reads}", "--json", *more)
    finally:
        os.close(reads)
    assert (ran.json["new"], ran.json["encoding"]) == (1, "utf-8")
    assert office.done("contacts", "show", "joerg@example.org", "--json").json["name"] == "Jörg"


def test_a_number_of_somebody_known_under_another_name_is_told_with_its_line(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    words = ("contacts", "import", str(file), "--column", "customer=Kundennummer")
    file.write_text("Name;E-Mail;Kundennummer\nAnna Berg;anna@example.org;10017\n")
    office.done(*words)
    file.write_text("Name;E-Mail;Kundennummer\nBo Lind;bo@example.org;10017\n")
    ran = office.commsd(*words)
    assert ran.code == 1
    assert "who has another name" in ran.out
    assert office.done("contacts", "show", "customer:10017", "--json").json["name"] == "Anna Berg"


def test_a_broken_character_in_a_utf_8_file_spoils_its_row_alone(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_bytes(JOERG.encode() + b"B\xf6,bo@example.org\r\n")
    ran = office.commsd("contacts", "import", str(file), "--json")
    assert [each["line"] for each in ran.json["broken"]] == [3]
    assert office.done("contacts", "show", "joerg@example.org", "--json").json["name"] == "Jörg"


def test_a_file_that_cannot_be_opened_is_named(office: Office, tmp_path: Path) -> None:
    assert "cannot be read" in office.commsd("contacts", "import", str(tmp_path / "none.csv")).err


def test_the_cases_of_somebody_are_shown_the_open_ones_first(office: Office) -> None:
    closed = str(office.mail(JANE).case_id)
    office.done("cases", "close", closed, "--agent", "anna", "--note", "done")
    opened = str(office.mail(JANE, subject="Another matter", external_ids=()).case_id)
    shown = office.done("contacts", "show", JANE, "--cases", "--json").json
    assert [(case["id"], case["state"]) for case in shown["cases"]] == [(opened, "open"), (closed, "closed")]
    lines = office.done("contacts", "show", JANE, "--cases").out.splitlines()
    assert [line.split()[-1] for line in lines[-2:]] == [opened, closed]
    office.done("contacts", "set", NUMBER, "--name", "Ann")
    assert "no cases" in office.done("contacts", "show", NUMBER, "--cases").out


def test_vcards_are_read_by_the_files_name(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "book.vcf"
    file.write_text("BEGIN:VCARD\nFN:Jane\nEMAIL:jane@example.org\nTEL:030 23125099\nEND:VCARD\n")
    office.done("contacts", "import", str(file), "--region", "de")
    assert office.done("contacts", "show", NUMBER, "--json").json["name"] == "Jane"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--column", "phone"), "FIELD=HEADING"),
        (("--column", "nickname=Name"), "is no field"),
        (("--system", "Hub Spot"), "lower case"),
        (("--encoding", "klingon"), "encoding"),
    ],
)
def test_what_cannot_be_meant_is_a_mistake_of_use(
    office: Office, people: Path, words: tuple[str, ...], said: str
) -> None:
    ran = office.commsd("contacts", "import", str(people), *words)
    assert ran.code == 2
    assert said in " ".join(ran.err.replace("│", " ").split())


def test_who_somebody_is_and_wishes_is_set_and_unset(office: Office) -> None:
    office.done(
        "contacts", "set", JANE, "--name", "Jane", "--tier", "gold", "--owner", "anna", "--zone", "Europe/Vienna"
    )
    office.done("contacts", "set", JANE, "--write-only", "--brief", "--hours", "mon-fri 09:00-12:00", "--add", NUMBER)
    known = office.done("contacts", "set", NUMBER, "--tier", "", "--at-length", "--json").json
    assert (known["name"], known["tier"], known["owner"], known["timezone"]) == ("Jane", None, "anna", "Europe/Vienna")
    assert known["wishes"]["write_only"]
    assert not known["wishes"]["brief"]
    assert known["revision"] == 3
    assert "is as it was" in office.done("contacts", "set", JANE, "--write-only").out


@pytest.mark.parametrize(
    "words",
    [("--zone", "Mars"), ("--owner", "nobody"), ("--hours", "whenever"), ("--language", "!"), ("--organisation", "x")],
)
def test_what_nobody_can_be_is_refused(office: Office, words: tuple[str, ...]) -> None:
    assert office.commsd("contacts", "set", JANE, *words).code == 1
    assert office.commsd("contacts", "show", JANE).code == 1


def test_what_is_wished_beside_calls_is_said(office: Office) -> None:
    assert "is new, may be rung, is acknowledged in few words" in office.done("contacts", "set", JANE, "--brief").out
    assert "wants answers by a call only" in office.done("contacts", "set", JANE, "--call-only").out


def test_one_of_a_thing_is_counted_as_one(office: Office, tmp_path: Path) -> None:
    office.mail(JANE)
    office.mail("bo@example.org", subject="Another matter", external_ids=())
    kept = office.done("contacts", "export", JANE, "--to", str(tmp_path / "jane")).out
    assert "1 interaction and 1 original\n" in kept
    erased = office.done("contacts", "erase", JANE, "--yes", "--even-if-owed").out
    assert " interactions, 1 case\n" in erased


def test_two_contacts_become_one_and_two_again(office: Office) -> None:
    owed = office.missed_call(NUMBER)
    office.mail(JANE)
    gone = office.done("contacts", "show", NUMBER, "--json").json["id"]
    stays = office.done("contacts", "show", JANE, "--json").json["id"]
    assert f"contact {stays} speaks for {gone} too" in office.done("contacts", "merge", NUMBER, JANE).out
    assert office.done("contacts", "show", NUMBER, "--json").json["id"] == stays
    assert office.done("callbacks", "show", owed.callbacks[0].id, "--json").json["contact_id"] == stays
    assert "is as it was" in office.done("contacts", "merge", gone, stays).out
    back = office.done("contacts", "split", gone, "--identity", NUMBER, "--json").json
    assert (back["id"], back["merged_into"]) == (gone, None)
    assert "nobody is known" in office.commsd("contacts", "merge", "nobody@example.org", JANE).err
