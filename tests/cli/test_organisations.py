"""`organisations`: firms on the command line, on a real store."""

from pathlib import Path
from typing import Any

import pytest

from tests.cli.office import Office

SWITCHBOARD = "+493023125010"


def made(office: Office, *words: str) -> str:
    firm: str = office.done("organisations", "set", *words, "--json").json["id"]
    return firm


def listed(office: Office) -> list[Any]:
    firms: list[Any] = office.done("organisations", "list", "--json").json
    return firms


def test_a_firm_is_made_by_name_or_mark_changed_and_found_by_all_it_is_known_by(office: Office) -> None:
    new = office.done("organisations", "set", "Acme Ltd", "--add", "acme.example", "--add", SWITCHBOARD)
    assert "is new" in new.out
    firm = made(office, "acme  LTD", "--tier", "gold", "--owner", "anna", "--add", "hubspot:77")
    for known_by in ("acme.example", SWITCHBOARD, "hubspot:77", "Acme Ltd", firm):
        assert office.done("organisations", "show", known_by, "--json").json["id"] == firm
    assert "is as it was" in office.done("organisations", "set", firm, "--tier", "gold").out
    changed = office.done("organisations", "set", firm, "--remove", SWITCHBOARD, "--tier", "", "--json").json
    assert (changed["numbers"], changed["tier"], changed["domains"]) == ([], None, ["acme.example"])
    assert made(office, "other.example", "--name", "Other") != firm
    out = office.done("organisations", "list").out
    assert "Acme Ltd  acme.example, hubspot:77" in out
    assert len(listed(office)) == 2
    assert "and more; see them with --limit 2" in office.done("organisations", "list", "--limit", "1").out


def test_who_belongs_to_a_firm_is_shown_where_that_is_asked_for(office: Office) -> None:
    firm = made(office, "acme.example")
    office.mail("jane@acme.example")
    office.done("contacts", "set", "bo@example.org", "--name", "Bo", "--organisation", "ACME.example")
    shown = office.done("organisations", "show", firm, "--people", "--json").json
    assert {each["name"] for each in shown["people"]} >= {"Bo"}
    assert len(shown["people"]) == 2
    assert "Bo" in office.done("organisations", "show", firm, "--people").out
    assert "nobody belongs to it" in office.done("organisations", "show", made(office, "Empty"), "--people").out


def test_a_firm_says_how_many_people_it_has_and_a_person_of_which_firm_they_are(office: Office) -> None:
    firm, gone = made(office, "acme.example", "--name", "Acme Ltd"), made(office, "Acme Limited")
    assert "people      0\n" in office.done("organisations", "show", firm).out
    office.done("contacts", "set", "bo@example.org", "--organisation", "Acme Ltd")
    assert "people      1: see them with --people" in office.done("organisations", "show", firm).out
    for more in ((), ("--cases",), ("--timeline",)):
        assert f"{firm} (Acme Ltd)\n" in office.done("contacts", "show", "bo@example.org", *more).out
    assert office.done("contacts", "show", "bo@example.org", "--json").json["organisation_id"] == firm
    office.done("contacts", "set", "cy@example.org", "--organisation", gone)
    office.done("organisations", "merge", gone, firm)
    assert "people      2: see" in office.done("organisations", "show", firm).out


def test_a_word_that_is_the_name_of_one_and_the_domain_of_another_is_not_guessed(office: Office) -> None:
    called = made(office, "hubspot:1", "--name", "Gross.example")
    marked = made(office, "Groß GmbH", "--add", "gross.example")
    for words in (("show", "Gross.example"), ("set", "Gross.example", "--tier", "gold")):
        refused = office.commsd("organisations", *words)
        assert refused.code == 1
        assert f"{marked}, {called}" in refused.err
    refused = office.commsd("organisations", "merge", "Gross.example", "gross.example")
    assert f"{marked}, {called}" in refused.err
    out = office.done("organisations", "merge", "Gross.example", "Groß GmbH").out
    assert f"organisation {marked} speaks for {called} too" in out


@pytest.mark.parametrize(("gone", "into"), [("Groß GmbH", "gross.example"), ("gross.example", "Groß GmbH")])
def test_of_two_that_a_word_fits_the_other_one_named_is_not_meant(office: Office, gone: str, into: str) -> None:
    called = made(office, "hubspot:1", "--name", "Gross.example")
    marked = made(office, "Groß GmbH", "--add", "gross.example")
    merged = office.done("organisations", "merge", gone, into, "--json").json["organisation"]["id"]
    assert merged == (called if into == "gross.example" else marked)


def test_a_merge_fills_what_is_missing_and_says_what_it_drops(office: Office) -> None:
    gone = made(office, "Acme Limited", "--tier", "gold", "--owner", "anna")
    made(office, "acme.example", "--tier", "silver")
    ran = office.done("organisations", "merge", gone, "acme.example")
    assert "the tier of the one that went is dropped: gold; it stays silver" in ran.out
    firm = office.done("organisations", "show", "acme.example", "--json").json
    assert (firm["tier"], firm["owner"]) == ("silver", "anna")
    assert "dropped" not in office.done("organisations", "merge", gone, "acme.example").out
    other = made(office, "Other", "--tier", "bronze")
    assert office.done("organisations", "merge", other, firm["id"], "--json").json["dropped"] == {"tier": "bronze"}


def test_two_firms_become_one_and_their_people_go_along(office: Office) -> None:
    gone, stays = made(office, "Acme Limited"), made(office, "acme.example")
    office.done("contacts", "set", "jane@example.org", "--organisation", "Acme Limited")
    said = office.done("organisations", "merge", "Acme Limited", "acme.example", "--agent", "anna").out
    assert said == f"organisation {stays} speaks for {gone} too; people who went along: 1\n"
    assert office.done("contacts", "show", "jane@example.org", "--json").json["organisation_id"] == stays
    assert office.done("organisations", "show", gone, "--json").json["merged_into"] == stays
    assert "is as it was; people who went along: 0" in office.done("organisations", "merge", gone, stays).out
    assert [firm["id"] for firm in listed(office)] == [stays]
    office.done("contacts", "set", "bo@example.org", "--organisation", "Acme Limited")
    assert office.done("contacts", "show", "bo@example.org", "--json").json["organisation_id"] == stays


def test_a_deleted_firm_leaves_its_people_of_none(office: Office) -> None:
    firm = made(office, "acme.example", "--name", "Acme")
    office.done("contacts", "set", "jane@example.org", "--organisation", "Acme")
    assert "--yes" in office.commsd("organisations", "delete", "Acme").err
    assert "people who are of none now: 1" in office.done("organisations", "delete", "Acme", "--yes").out
    assert office.done("contacts", "show", "jane@example.org", "--json").json["organisation_id"] is None
    assert listed(office) == []
    assert office.done("organisations", "delete", firm, "--yes", "--json").json["people"] == 0
    refused = office.commsd("contacts", "set", "jane@example.org", "--organisation", firm)
    assert (refused.code, "was deleted" in refused.err) == (1, True)


def test_a_name_that_several_firms_have_must_be_said_by_id(office: Office) -> None:
    first = made(office, "a.example", "--name", "Acme")
    second = made(office, "b.example", "--name", "acme")
    for words in (("organisations", "show", "ACME"), ("contacts", "set", "x@example.org", "--organisation", "Acme")):
        refused = office.commsd(*words)
        assert refused.code == 1
        assert f"{first}, {second}" in refused.err


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        (("show", "Nobody Ltd"), 1, "no organisation is known by that"),
        (("set", "0195a1b2-0000-7000-8000-000000000001", "--tier", "gold"), 1, "no organisation is known by that"),
        (("set", "Acme", "--owner", "nobody"), 1, "cannot be used as owner"),
        (("set", "Acme", "--add", "gmail.com"), 2, "a domain of its own"),
        (("set", "gmail.com", "--name", "Google"), 1, "gmail.com is a public mail provider"),
        (("set", "co.uk", "--name", "Acme"), 1, "an ending such as co.uk"),
        (("set", " ", "--name", "Acme"), 2, "say which"),
        (("set", "acme.example", "--name", ""), 2, "write how it is called"),
        (("merge", "Acme", "Other"), 1, "no organisation is known by that"),
    ],
)
def test_what_cannot_be_meant_is_said_and_changes_nothing(
    office: Office, words: tuple[str, ...], code: int, said: str
) -> None:
    ran = office.commsd("organisations", *words)
    assert ran.code == code
    assert said in " ".join(ran.err.replace("│", " ").split())
    assert listed(office) == []


def test_a_mark_of_another_firm_is_refused_and_says_whose_it_is(office: Office) -> None:
    firm = made(office, "acme.example")
    refused = office.commsd("organisations", "set", "Other", "--add", "acme.example")
    assert refused.code == 1
    assert firm in refused.err


def test_an_import_makes_the_organisations_it_names_and_says_so(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "people.csv"
    file.write_text("name,email,company\nAnn,ann@example.org,Acme Ltd\nBo,bo@example.org,acme ltd\n")
    assert "organisations that would be new: 1" in office.done("contacts", "import", str(file), "--check").out
    assert "organisations that are new: 1" in office.done("contacts", "import", str(file)).out
    assert office.done("contacts", "import", str(file), "--json").json["new_organisations"] == 0
    (firm,) = listed(office)
    assert firm["name"] == "Acme Ltd"
    assert office.done("contacts", "show", "bo@example.org", "--json").json["organisation_id"] == firm["id"]


def test_a_vcards_organisation_is_made_too(office: Office, tmp_path: Path) -> None:
    file = tmp_path / "book.vcf"
    file.write_text("BEGIN:VCARD\nFN:Jane\nEMAIL:jane@example.org\nORG:Acme Ltd;Sales\nEND:VCARD\n")
    office.done("contacts", "import", str(file))
    assert [firm["name"] for firm in listed(office)] == ["Acme Ltd"]
