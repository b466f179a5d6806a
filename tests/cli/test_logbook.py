"""The log on the command line: what happened, and what is entered by hand."""

from datetime import timedelta
from pathlib import Path

import pytest

from commsd.sla.rules.in_force import Rules
from commsd.store.log import Log
from commsd.store.retention import drop_originals
from tests.cli.office import RAW, Office


def test_the_log_is_told_oldest_first(office: Office) -> None:
    first, second = office.mail(), office.missed_call().interactions[0]
    lines = office.done("log", "tail").out.splitlines()
    assert [line.split()[-1] for line in lines] == [first.id, second.id]
    assert "message inbound  no-ack:too-old  support  Jane Clarke  Delivery" in lines[0]
    assert "call inbound  missed  hotline  +493023125099" in lines[1]


def test_the_last_ones_are_records_for_a_program(office: Office) -> None:
    office.mail()
    missed = office.missed_call().interactions[0]
    (fact,) = office.done("log", "tail", "-n", "1", "--json").json
    assert (fact["id"], fact["kind"], fact["outcome"]) == (missed.id, "call", "missed")
    assert fact["parties"] == [{"role": "caller", "address": "+493023125099", "name": None}]


def test_an_interaction_is_shown_in_the_firms_zone(office: Office) -> None:
    fact = office.mail()
    shown = office.done("log", "show", fact.id).out
    assert "reason" in shown
    assert " CE" in next(line for line in shown.splitlines() if line.startswith("recorded_at"))
    assert office.done("log", "show", fact.id, "--json").json["subject"] == "Delivery"


def test_the_original_comes_byte_for_byte(office: Office) -> None:
    fact = office.mail()
    assert office.done("log", "show", fact.id, "--raw").out.encode("utf-8", "surrogateescape") == RAW


def test_the_original_goes_into_a_private_file_that_was_not_there(office: Office, tmp_path: Path) -> None:
    fact, path = office.mail(), tmp_path / "one.eml"
    assert office.done("log", "show", fact.id, "--raw", "--to", str(path)).out == ""
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (RAW, 0o600)
    assert office.commsd("log", "show", fact.id, "--raw", "--to", str(path)).code == 1
    assert office.commsd("log", "show", fact.id, "--raw", "--to", str(tmp_path / "no" / "one.eml")).code == 1
    assert office.commsd("log", "show", fact.id, "--to", str(path)).code == 2


def test_what_has_no_original_says_why(office: Office) -> None:
    missed = office.missed_call().interactions[0]
    ran = office.commsd("log", "show", missed.id, "--raw")
    assert (ran.code, "of kind call" in ran.err) == (1, True)
    by_hand = office.mail(original=None, external_ids=())
    assert "entered by hand" in office.commsd("log", "show", by_hand.id, "--raw").err
    assert office.commsd("log", "show", "0" * 36).code == 1


def test_an_original_past_its_time_says_so(office: Office) -> None:
    fact = office.mail()

    async def let_go(log: Log, _rules: Rules) -> int:
        later = fact.recorded_at + timedelta(days=1)
        return await log.writer.write(lambda connection: drop_originals(connection, later, frozenset()))

    assert office.with_log(let_go) == 1
    ran = office.commsd("log", "show", fact.id, "--raw")
    assert (ran.code, "originals = 400d" in ran.err) == (1, True)


def test_a_touch_by_hand_is_recorded_with_its_promise(office: Office) -> None:
    ran = office.done(
        *("record", "--channel", "phone", "--contact", "+49 30 23125099", "--direction", "outbound"),
        *(
            "--note",
            "asks for the invoice",
            "--promise",
            "2099-03-10 14:00",
            "--agent",
            "anna",
            "--name",
            "Jane Clarke",
        ),
    )
    assert "promise due Tue 2099-03-10 14:00 CET" in ran.out
    (fact,) = office.done("log", "tail", "--json").json
    assert (fact["kind"], fact["outcome"], fact["agent"]) == ("call", "reached", "Anna Berg")
    assert fact["preview"] == "asks for the invoice"
    assert fact["parties"] == [{"role": "callee", "address": "+493023125099", "name": "Jane Clarke"}]


def test_a_letter_by_hand_opens_a_case_with_its_clocks(office: Office) -> None:
    fact = office.done("record", "--channel", "letter", "--contact", "jane@example.org", "--json").json
    assert fact["kind"] == "message"
    assert fact["case_id"]
    assert {clock["clock"] for clock in office.done("clocks", "--json").json} >= {"ack", "first_response"}


def test_a_note_joins_its_case(office: Office) -> None:
    case_id = office.mail().case_id
    fact = office.done("record", "--channel", "other", "--kind", "note", "--case", str(case_id), "--json").json
    assert (fact["case_id"], fact["direction"]) == (case_id, "internal")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--channel", "smoke", "--contact", "jane@example.org"), "smoke"),
        (("--channel", "phone", "--contact", "12"), "--contact"),
        (("--channel", "phone"), "--contact"),
        (("--channel", "phone", "--contact", "jane@example.org", "--kind", "close"), "--kind"),
        (("--channel", "phone", "--contact", "jane@example.org", "--promise", "soon"), "--promise"),
        (("--channel", "phone", "--contact", "jane@example.org", "--via", "pigeon"), "--via"),
    ],
)
def test_what_cannot_be_recorded_is_a_mistake_of_usage(office: Office, words: tuple[str, ...], complaint: str) -> None:
    ran = office.commsd("record", *words)
    assert ran.code == 2
    assert complaint in ran.err
    assert office.done("log", "tail", "--json").json == []


def test_a_promise_in_the_past_is_refused(office: Office) -> None:
    ran = office.commsd(
        "record", "--channel", "phone", "--contact", "jane@example.org", "--promise", "2020-03-10 14:00"
    )
    assert ran.code == 1
    assert "lies in the past" in ran.err


def test_an_answer_filed_with_the_wrong_case_is_taken_back(office: Office) -> None:
    case = office.mail().case_id or ""
    words = ("--channel", "email", "--direction", "outbound", "--contact", "jane@example.org", "--case", case)
    answer = office.done("record", *words, "--agent", "anna", "--json").json["id"]
    assert office.done("clocks", "--json").json == []
    said = office.done("log", "void", answer, "--why", "meant for another case", "--agent", "anna").out
    assert "first_response due" in said
    assert {clock["clock"] for clock in office.done("clocks", "--json").json} == {"ack", "first_response"}
    again = office.commsd("log", "void", answer)
    assert (again.code, again.out) == (1, "")
    assert [fact["kind"] for fact in office.done("log", "tail", "--json").json] == ["message", "message", "void"]


def test_an_answer_is_marked_as_one_that_did_not_answer_yet(office: Office) -> None:
    case = office.mail().case_id or ""
    words = ("--channel", "email", "--direction", "outbound", "--contact", "jane@example.org", "--case", case)
    answer = office.done("record", *words, "--agent", "anna", "--json").json["id"]
    assert office.done("log", "partial", answer, "--json").json["partial"] is True
    assert {clock["clock"] for clock in office.done("clocks", "--json").json} == {"first_response"}
