"""Matters on the command line, on a real store."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from tests.cli.office import Office

BERLIN = ZoneInfo("Europe/Berlin")

PAUSES = """
[calendar.always]
tz = "UTC"
hours = "24x7"
[policy.standard]
calendar = "always"
resolution = { target = "16h", pause_on = ["customer", "supplier"] }
[[rule]]
policy = "standard"
"""


def case_of(office: Office) -> str:
    case_id = office.mail().case_id
    assert case_id
    return case_id


def test_an_open_case_is_listed_with_its_customer_and_what_is_due(office: Office) -> None:
    case_id = case_of(office)
    (line,) = office.done("cases", "list").out.splitlines()[1:]
    assert line.startswith("open")
    assert all(word in line for word in ("Jane Clarke", "Delivery", "ack", "left", case_id))


def test_the_list_is_records_for_a_program(office: Office) -> None:
    case_id = case_of(office)
    (case,) = office.done("cases", "list", "--json").json
    assert (case["id"], case["state"], case["subject"]) == (case_id, "open", "Delivery")
    assert {clock["clock"] for clock in case["clocks"]} == {"ack", "first_response"}
    assert case["privacy"] == {"redactions": [], "erased_at": None}


def test_a_touch_entered_later_stands_with_the_time_it_happened_and_the_time_it_was_recorded(office: Office) -> None:
    case_id = case_of(office)
    happened = datetime.now(UTC) - timedelta(hours=3)
    at = f"{happened.astimezone(BERLIN):%Y-%m-%d %H:%M}"
    words = ("--case", case_id, "--at", at, "--direction", "outbound", "--note", "rang her")
    office.done("record", "--channel", "phone", "--kind", "note", *words)
    (note,) = (each for each in office.done("cases", "show", case_id).out.splitlines() if "  note " in each)
    assert note.strip().startswith(f"{happened.astimezone(BERLIN):%a} {at}")
    assert f"(recorded {datetime.now(BERLIN):%a %Y-%m-%d}" in note
    (mail,) = (each for each in office.done("cases", "show", case_id).out.splitlines() if "message inbound" in each)
    assert "recorded" not in mail


def test_what_was_set_stands_in_words(office: Office) -> None:
    case_id = case_of(office)
    office.done("cases", "set", case_id, "--priority", "urgent", "--owner", "anna")
    out = office.done("cases", "show", case_id).out
    assert "set internal  priority became urgent, owner became anna" in out
    assert "{" not in out
    (opened,) = (each for each in out.splitlines() if each.startswith("when_opened"))
    assert opened.endswith("priority normal")


def test_a_clock_says_when_it_ended_and_why(office: Office) -> None:
    case_id = case_of(office)
    office.done("cases", "close", case_id)
    lines = [each.strip() for each in office.done("cases", "show", case_id).out.splitlines()]
    (clock,) = (each for each in lines if each.startswith("first_response 1"))
    assert clock.startswith("first_response 1: cancelled (the case was closed before it was answered), ended ")


def test_a_closed_case_leaves_the_list_and_comes_back_when_reopened(office: Office) -> None:
    case_id = case_of(office)
    office.done("cases", "close", case_id, "--note", "solved", "--agent", "anna")
    assert case_id not in office.done("cases", "list").out
    assert case_id in office.done("cases", "list", "--state", "closed").out
    assert "is open" in office.done("cases", "reopen", case_id).out
    assert case_id in office.done("cases", "list").out


def test_a_case_closed_as_junk_owes_nothing(office: Office) -> None:
    case = office.done("cases", "close", case_of(office), "--junk", "--json").json
    assert case["close_reason"] == "junk"
    assert office.done("clocks", "--json").json == []


def test_what_contradicts_the_case_is_refused_with_exit_1(office: Office) -> None:
    case_id = case_of(office)
    ran = office.commsd("cases", "reopen", case_id)
    assert (ran.code, ran.out) == (1, "")
    assert ran.err == "the case is open\n  nothing to do\n"


def test_a_case_waits_and_is_released(office: Office) -> None:
    case_id = case_of(office)
    assert "on hold" in office.done("cases", "hold", case_id, "--reason", "supplier").out
    assert "on hold" in office.done("cases", "list").out
    assert "on hold" not in office.done("cases", "release", case_id).out


def test_a_case_is_given_to_somebody_we_know(office: Office) -> None:
    case_id = case_of(office)
    assert office.done("cases", "assign", case_id, "--owner", "anna", "--json").json["owner"] == "anna"
    ran = office.commsd("cases", "assign", case_id, "--owner", "ana")
    assert ran.code == 1
    assert 'did you mean "anna"?' in ran.err


def test_a_priority_is_set_and_a_wrong_one_refused(office: Office) -> None:
    case_id = case_of(office)
    assert office.done("cases", "set", case_id, "--priority", "urgent", "--json").json["priority"] == "urgent"
    assert office.commsd("cases", "set", case_id, "--priority", "high!").code == 1
    assert office.commsd("cases", "set", case_id).code == 1


def test_a_case_is_shown_with_all_that_happened_in_it(office: Office) -> None:
    case_id = case_of(office)
    office.done("cases", "close", case_id)
    shown = office.done("cases", "show", case_id).out
    assert "message inbound  no-ack:too-old  support  Jane Clarke  Delivery" in shown
    assert "close internal" in shown
    whole = office.done("cases", "show", case_id, "--json").json
    assert [fact["kind"] for fact in whole["interactions"]] == ["message", "close"]


def test_a_case_nobody_knows_is_a_finding(office: Office) -> None:
    for words in (("show",), ("close",), ("assign", "--owner", "anna")):
        ran = office.commsd("cases", words[0], "0" * 36, *words[1:])
        assert ran.code == 1
        assert ran.err.startswith("no case 0000")


def test_what_a_stranger_wrote_cannot_steer_the_terminal(office: Office) -> None:
    office.mail(subject="\x1b[2JDelivery\r\nof\tit\u202e")
    for words in (("cases", "list"), ("log", "tail")):
        assert not any(char in office.done(*words).out for char in "\x1b\r\t\u202e")


def test_a_case_goes_into_another_and_its_id_still_says_where(office: Office) -> None:
    old, new = case_of(office), office.mail(subject="Invoice", external_ids=()).case_id or ""
    ran = office.done("cases", "merge", old, new, "--agent", "anna", "--note", "one parcel")
    assert ran.out.startswith(f"case {old} went into {new}: 1 interaction\n")
    assert "first_response due" in ran.out
    assert new in office.done("cases", "show", old).out
    assert len(office.done("cases", "show", new, "--json").json["interactions"]) == 2
    again = office.commsd("cases", "close", old)
    assert (again.code, again.err) == (1, f"the case went into {new}\n  do it to that one\n")


def test_cases_are_listed_by_who_has_them_and_by_what_is_late(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    mine, other = case_of(office), office.mail(subject="Invoice", external_ids=()).case_id or ""
    office.done("cases", "assign", mine, "--owner", "anna")

    def listed(*words: str) -> set[str]:
        return {case["id"] for case in office.done("cases", "list", "--json", *words).json}

    office.done("cases", "assign", other, "--team", "service")
    assert listed() == {mine, other}
    assert listed("--team", "service") == {other}
    assert listed("--owner", "anna") == {mine}
    assert listed("--late") == set()
    late = office.mail("bob@example.net", occurred_at=datetime.now(UTC) - timedelta(days=3), external_ids=()).case_id
    assert listed("--late") == {late}
    for name in ("LOGNAME", "USER", "LNAME", "USERNAME"):
        monkeypatch.setenv(name, "anna")
    assert listed("--mine") == {mine}
    monkeypatch.setenv("LOGNAME", "somebody")
    ran = office.commsd("cases", "list", "--mine")
    assert (ran.code, "--owner" in ran.err) == (1, True)


def test_a_hold_that_stops_no_clock_is_said_to(office: Office) -> None:
    ran = office.done("cases", "hold", case_of(office), "--reason", "custumer")
    assert "no clock stands still for" in ran.err


def test_a_hold_for_a_reason_that_pauses_says_nothing_more(empty_office: Office) -> None:
    (empty_office.folder / "sla").mkdir()
    (empty_office.folder / "sla" / "rules.toml").write_text(PAUSES, "utf-8")
    empty_office.done("db", "upgrade")
    case = case_of(empty_office)
    ran = empty_office.done("cases", "hold", case, "--reason", "supplier")
    assert ran.err == ""
    empty_office.done("cases", "release", case)
    assert "(known: customer, supplier)" in empty_office.done("cases", "hold", case, "--reason", "suplier").err
