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
    assert "may be rung" in office.done("contacts", "set", CUSTOMER, "--calls").out
    assert "wants answers in writing only" in office.done("contacts", "set", CUSTOMER, "--write-only").out
    assert "may be rung" not in office.done("contacts", "set", CUSTOMER, "--tier", "gold").out
    assert office.done("contacts", "show", CUSTOMER, "--json").json["wishes"]["no_calls"] is False


@pytest.mark.parametrize("who", ["0195a1b2-0000-7000-8000-00000000ffff", "nobody", "0900"])
def test_somebody_nobody_knows_is_said_so(office: Office, who: str) -> None:
    assert office.commsd("contacts", "block", who).code == 1
    assert "nobody is known" in office.commsd("contacts", "show", who).err
