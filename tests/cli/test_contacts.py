"""People on the command line: blocked ones, and who wants no calls, on a real store."""

import pytest

from tests.cli.office import Office

CUSTOMER = "+493023125099"


def test_a_blocked_number_makes_no_callback_and_its_call_is_kept(office: Office) -> None:
    ran = office.done("contacts", "block", CUSTOMER, "--agent", "anna")
    assert ran.out.rstrip().endswith("is blocked")
    change = office.missed_call()
    assert not change.callbacks
    assert office.done("log", "show", change.interactions[0].id).out
    assert office.done("callbacks", "list").out == "no call is owed\n"


def test_a_call_owed_to_somebody_who_is_blocked_is_held_for_a_person(office: Office) -> None:
    owed = office.missed_call().callbacks[0]
    ran = office.done("contacts", "block", CUSTOMER)
    assert f"callback {owed.id} is held" in ran.out
    shown = office.done("callbacks", "show", owed.id, "--json").json
    assert (shown["state"], shown["held"]) == ("held", "dnc")


def test_blocking_is_undone_and_said_once(office: Office) -> None:
    contact = office.done("contacts", "block", CUSTOMER, "--json").json
    assert contact["blocked"] is True
    assert "blocked already" in office.commsd("contacts", "block", CUSTOMER).err
    assert office.done("contacts", "block", contact["id"], "--undo", "--json").json["blocked"] is False
    assert "not blocked" in office.commsd("contacts", "block", CUSTOMER, "--undo").err
    assert office.missed_call().callbacks


def test_who_wants_no_calls_is_noted_and_what_was_owed_is_held(office: Office) -> None:
    owed = office.missed_call().callbacks[0]
    office.done("contacts", "set", CUSTOMER, "--no-calls")
    assert office.done("contacts", "show", CUSTOMER, "--json").json["wishes"]["no_calls"] is True
    assert office.done("callbacks", "show", owed.id, "--json").json["held"] == "dnc"
    taken_back = office.done("contacts", "set", CUSTOMER, "--calls").out
    assert "may be rung" in taken_back
    assert f"callback {owed.id} is held no longer" in taken_back
    assert "the customer's wish not to be rung was taken back" in " ".join(office.done("explain", owed.id).out.split())
    assert "wants answers in writing only" in office.done("contacts", "set", CUSTOMER, "--write-only").out
    assert "may be rung" not in office.done("contacts", "set", CUSTOMER, "--tier", "gold").out
    assert office.done("contacts", "show", CUSTOMER, "--json").json["wishes"]["no_calls"] is False


def test_people_are_listed_as_they_were_made_without_those_that_are_no_more(office: Office) -> None:
    assert office.done("contacts", "list").out == "nobody yet\n"
    assert office.done("contacts", "list", "--json").json == []
    office.done("contacts", "set", CUSTOMER, "--tier", "gold", "--no-calls", "--hours", "mon 09:00-12:00")
    office.done("contacts", "set", "jane@example.org", "--name", "Jane Clarke", "--owner", "anna", "--add", "hubspot:7")
    office.done("contacts", "block", "bo@example.org")
    for gone in ("merged@example.org", "erased@example.org"):
        office.done("contacts", "set", gone, "--name", "Nobody")
    office.done("contacts", "merge", "merged@example.org", "jane@example.org")
    office.done("contacts", "erase", "erased@example.org", "--yes")
    head, *lines = office.done("contacts", "list").out.splitlines()
    assert head.split() == ["NAME", "KNOWN", "BY", "TIER", "OWNER", "WISHES", "ID"]
    assert [line.split()[:3] for line in lines] == [
        ["-", CUSTOMER, "gold"],
        ["Jane", "Clarke", "jane@example.org,"],
        ["-", "bo@example.org", "-"],
    ]
    assert "no calls, mon 09:00-12:00" in lines[0]
    assert "hubspot:7" in lines[1]
    assert "blocked" in lines[2]
    everybody = office.done("contacts", "list", "--json").json
    assert [line.split()[-1] for line in lines] == [known["id"] for known in everybody]
    first = office.done("contacts", "list", "--limit", "2")
    assert first.out.endswith("… and more; see them with --limit 4\n")
    assert office.done("contacts", "list", "--limit", "2", "--json").json == everybody[:2]
    assert "more" not in office.done("contacts", "list", "--limit", "3").out
    assert office.commsd("contacts", "list", "--limit", "0").code == 2


def test_a_list_goes_on_behind_many_that_are_no_more(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("commsd.cli.contacts_list.AT_ONCE", 2)
    for number in range(5):
        office.done("contacts", "set", f"{number}@example.org", "--name", str(number))
    for number in (0, 1, 2):
        office.done("contacts", "merge", f"{number}@example.org", "4@example.org")
    assert [known["name"] for known in office.done("contacts", "list", "--limit", "2", "--json").json] == ["3", "4"]


def test_a_merge_says_what_it_drops(office: Office) -> None:
    office.done("contacts", "set", CUSTOMER, "--tier", "gold", "--hours", "mon 09:00-12:00", "--language", "de")
    office.done("contacts", "set", "jane@example.org", "--tier", "silver", "--hours", "fri 09:00-12:00")
    office.done("contacts", "set", "j@example.org", "--tier", "bronze")
    said = office.done("contacts", "merge", CUSTOMER, "jane@example.org").out
    assert "the tier of the one that went is dropped: gold; it stays silver\n" in said
    assert "the hours of the one that went is dropped: mon 09:00-12:00; it stays fri 09:00-12:00\n" in said
    assert said.count("dropped") == 2
    other = office.done("contacts", "merge", "j@example.org", "jane@example.org", "--json").json
    assert (other["tier"], other["dropped"]) == ("silver", {"tier": "bronze"})


@pytest.mark.parametrize(
    "text", ["write to jane@example.org", "Jane <jane@example.org>", "a@example.org, b@example.org"]
)
def test_a_text_with_an_address_in_it_is_nobodys_address(office: Office, text: str) -> None:
    for words in (("contacts", "block", text), ("contacts", "set", text, "--name", "Jane")):
        ran = office.commsd(*words)
        assert (ran.code, "a mail address and nothing else" in ran.err) == (1, True)
    added = office.commsd("contacts", "set", CUSTOMER, "--add", text)
    assert (added.code, "a mail address and" in " ".join(added.err.split())) == (2, True)
    noted = office.commsd("record", "--channel", "letter", "--contact", text)
    assert (noted.code, "a mail address and" in " ".join(noted.err.split())) == (2, True)
    assert office.commsd("ack", "preview", "support", "--to", text).code == 2
    assert office.done("contacts", "list", "--json").json == []


@pytest.mark.parametrize("who", ["0195a1b2-0000-7000-8000-00000000ffff", "nobody", "0900"])
def test_somebody_nobody_knows_is_said_so(office: Office, who: str) -> None:
    assert office.commsd("contacts", "block", who).code == 1
    assert "nobody is known" in office.commsd("contacts", "show", who).err
