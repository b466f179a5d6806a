"""The queue of owed calls on the command line, on a real store."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
import typer

from commsd.cli.moment import coming
from commsd.core import key
from commsd.core.appointment import time_in
from commsd.core.callback import State
from commsd.core.change import Change
from commsd.core.interaction import (
    Actor,
    Channel,
    Detail,
    Direction,
    Interaction,
    Kind,
    Outcome,
    Party,
    Promise,
    Role,
)
from commsd.core.open_items import OpenItems
from commsd.sla.rules.in_force import Rules
from commsd.store.log import Log
from tests.cli.office import Office

BERLIN = ZoneInfo("Europe/Berlin")
TOMORROW = f"{datetime.now(UTC) + timedelta(days=1):%Y-%m-%d} 14:00"


@pytest.fixture
def owed(office: Office) -> str:
    """A missed call's callback."""
    return office.missed_call().callbacks[0].id


def test_an_owed_call_is_listed_with_its_number_and_due_time(office: Office, owed: str) -> None:
    (line,) = office.done("callbacks", "list").out.splitlines()[1:]
    assert line.startswith("waiting")
    assert all(word in line for word in ("+493023125099", "hotline", "left", owed))


def test_nobody_owed_is_said_so(office: Office) -> None:
    assert office.done("callbacks", "list").out == "no call is owed\n"
    assert office.done("callbacks", "list", "--json").json == []


def test_a_state_that_is_none_is_refused_and_not_taken_for_an_empty_list(office: Office, owed: str) -> None:
    assert owed in office.done("callbacks", "list", "--state", "waiting").out
    ran = office.commsd("callbacks", "list", "--state", "waitin")
    assert (ran.code, "'waiting'" in ran.err) == (2, True)


def test_a_call_is_claimed_given_back_and_closed_by_its_result(office: Office, owed: str) -> None:
    assert "is claimed" in office.done("callbacks", "claim", owed, "--agent", "anna").out
    assert "is waiting" in office.done("callbacks", "release", owed).out
    assert "closed: reached" in office.done("callbacks", "result", owed, "reached", "--agent", "anna").out
    assert office.done("callbacks", "list").out == "no call is owed\n"
    (kept,) = office.done("callbacks", "list", "--all", "--json").json
    assert [attempt["result"] for attempt in kept["attempts"]] == ["reached"]


def test_q11_calls_given_back_are_counted_by_contact_with_the_reasons(office: Office, owed: str) -> None:
    assert office.done("callbacks", "avoided").out == "no owed call was given back or not taken in 30 days\n"
    for reason in ("asks for a technician", "shouts", ""):
        office.done("callbacks", "claim", owed, "--agent", "anna")
        ran = office.done("callbacks", "release", owed, "--agent", "anna", "--why", reason)
    assert "is escalated" in ran.out
    headings, line, average = office.done("callbacks", "avoided").out.splitlines()
    assert headings.split() == ["WHO", "CALLS", "OWED", "GIVEN", "BACK", "NOT", "TAKEN", "WHY"]
    assert line.split()[1:] == ["1", "3", "0", "asks", "for", "a", "technician;", "shouts"]
    assert average == "an owed call was avoided 3.0 times in the mean"
    told = office.done("callbacks", "avoided", "--json").json
    assert (told["mean"], told["contacts"][0]["given_back"]) == (3.0, 3)
    assert told["contacts"][0]["reasons"] == ["asks for a technician", "shouts"]
    kept = office.done("callbacks", "show", owed, "--json").json
    assert [each["by"] for each in kept["passed"]] == ["anna"] * 3


def test_to_call_again_is_due_at_the_time_agreed_in_the_firms_zone(office: Office, owed: str) -> None:
    ran = office.done("callbacks", "result", owed, "call_again", "--due", TOMORROW, "--question", "which part?")
    assert f"is waiting, due {datetime.fromisoformat(TOMORROW):%a %Y-%m-%d} 14:00 CE" in ran.out
    assert office.done("callbacks", "show", owed, "--json").json["questions"] == ["which part?"]


@pytest.mark.parametrize("said", ["15:00", "tomorrow 9:30"])
def test_a_time_to_call_again_is_understood_as_in_a_reply_to_a_notice(office: Office, owed: str, said: str) -> None:
    asked = datetime.now(UTC)
    ran = office.done("callbacks", "result", owed, "call_again", "--due", said, "--json")
    due = datetime.fromisoformat(ran.json["due_at"])
    assert due in (time_in(said, asked, BERLIN), time_in(said, datetime.now(UTC), BERLIN))


@pytest.mark.parametrize("said", ["1h", "1H", " 1h "])
def test_a_length_of_time_to_call_again_counts_from_now(office: Office, owed: str, said: str) -> None:
    """As "1h" of a reply would be one at night, and of `clocks --due` is not."""
    asked = datetime.now(UTC)
    ran = office.done("callbacks", "result", owed, "call_again", "--due", said, "--json")
    due = datetime.fromisoformat(ran.json["due_at"])
    assert timedelta(0) <= due - asked - timedelta(hours=1) < timedelta(minutes=5)


def test_to_call_again_without_a_time_is_refused(office: Office, owed: str) -> None:
    ran = office.commsd("callbacks", "result", owed, "call_again")
    assert ran.code == 1
    assert "needs a time" in ran.err


def test_a_time_that_is_none_is_a_mistake_of_usage(office: Office, owed: str) -> None:
    ran = office.commsd("callbacks", "result", owed, "call_again", "--due", "tomorrow")
    assert ran.code == 2
    assert '"tomorrow" is not a time' in ran.err


@pytest.mark.parametrize("said", ["-1h", "1h30", "2h.", "9999999d", "0001-01-01 00:00"])
def test_what_only_looks_like_a_length_of_time_is_no_hour_of_the_night(said: str) -> None:
    with pytest.raises(typer.BadParameter, match="is not a time"):
        coming(said, BERLIN, datetime(2026, 3, 10, 12, tzinfo=UTC), "--due")


def test_a_look_farther_back_than_there_are_years_is_a_mistake_of_usage(office: Office) -> None:
    assert office.commsd("callbacks", "avoided", "--days", "9999999").code == 2


def test_closing_an_owed_call_needs_a_reason_and_somebody(office: Office, owed: str) -> None:
    assert office.commsd("callbacks", "close", owed, "--agent", "anna").code == 2
    assert office.commsd("callbacks", "close", owed, "--note", "wrote instead").code == 1
    ran = office.done("callbacks", "close", owed, "--note", "wrote instead", "--agent", "anna")
    assert "closed: closed_by_human" in ran.out


def test_an_owed_call_is_closed_by_what_answered_it_on_another_channel(office: Office, owed: str) -> None:
    assert office.commsd("callbacks", "close", owed, "--agent", "anna", "--answered-by", "nothing").code == 1
    said = ("record", "--channel", "sms", "--direction", "outbound", "--contact", "+493023125099", "--agent", "anna")
    answer = office.done(*said, "--note", "It is on its way", "--json").json["id"]
    after = office.done("callbacks", "close", owed, "--agent", "anna", "--answered-by", answer, "--json").json
    assert (after["close_reason"], after["closed_by"]) == ("answered_other_channel", answer)


def test_without_a_line_an_owed_call_is_rung_by_hand(office: Office) -> None:
    callback = asked_to_ring(office)
    (line,) = office.done("callbacks", "list").out.splitlines()[1:]
    assert line.startswith("waiting")
    assert "None" not in line
    assert "is claimed" in office.done("callbacks", "claim", callback, "--agent", "anna").out
    assert "closed: reached" in office.done("callbacks", "result", callback, "reached", "--agent", "anna").out


def test_closing_an_owed_call_ends_its_promise(office: Office) -> None:
    callback = asked_to_ring(office)
    assert "promise" in {clock["clock"] for clock in office.done("clocks", "--json").json}
    office.done("callbacks", "close", callback, "--note", "wrote instead", "--agent", "anna")
    assert "promise" not in {clock["clock"] for clock in office.done("clocks", "--json").json}


def asked_to_ring(office: Office) -> str:
    """A customer asked to be rung at a firm without a line, and was told by when; the callback."""
    due = datetime.now(UTC).replace(microsecond=0) + timedelta(hours=2)
    change = office.decide(
        key.of_addresses("jane@example.org", "+442079460018"),
        lambda items: Interaction(
            id=items.new_id(),
            channel=Channel.EMAIL,
            kind=Kind.MESSAGE,
            direction=Direction.INBOUND,
            actor=Actor.CUSTOMER,
            outcome=Outcome.REACHED,
            occurred_at=items.now,
            recorded_at=items.now,
            mailbox="support",
            subject="Please ring me",
            parties=(Party(Role.FROM, "jane@example.org"), Party(Role.CALLEE, "+442079460018")),
            detail=Detail(asks_call=True, promise=Promise(id="p1", due_at=due, via="call")),
        ),
    )
    return change.callbacks[0].id


def test_a_withheld_number_is_set_once_a_person_found_it_out(office: Office) -> None:
    owed = office.missed_call(number="anonymous").callbacks[0]
    assert owed.state.value == "needs_number"
    ran = office.done("callbacks", "set", owed.id, "--number", "+493023125099", "--json")
    assert (ran.json["state"], ran.json["number"]) == ("waiting", "+493023125099")
    assert office.commsd("callbacks", "set", owed.id, "--number", "12").code == 1


def test_an_agent_nobody_knows_cannot_act(office: Office, owed: str) -> None:
    ran = office.commsd("callbacks", "claim", owed, "--agent", "anne")
    assert ran.code == 1
    assert ran.err.startswith('no agent "anne"')


def test_the_table_of_states_answers_in_words(office: Office, owed: str) -> None:
    office.done("callbacks", "result", owed, "reached", "--agent", "anna")
    ran = office.commsd("callbacks", "claim", owed, "--agent", "anna")
    assert ran.code == 1
    assert "cannot take 'claim'" in ran.err


def test_a_result_nobody_knows_is_a_mistake_of_usage(office: Office, owed: str) -> None:
    ran = office.commsd("callbacks", "result", owed, "happy")
    assert ran.code == 2
    assert "call_again" in ran.err


def test_the_result_of_a_talk_makes_a_promise(office: Office) -> None:
    talk = office.done(
        "record", "--channel", "phone", "--contact", "+493023125099", "--direction", "inbound", "--json"
    ).json
    ran = office.done("calls", "result", talk["id"], "call_again", "--due", TOMORROW, "--agent", "anna", "--json")
    assert (ran.json["revision"], ran.json["detail"]["result"]) == (2, "call_again")
    assert "promise" in {clock["clock"] for clock in office.done("clocks", "--json").json}


def held(office: Office, owed: str) -> None:
    """The screen holds it."""

    def hold(items: OpenItems) -> Change:
        callback = items.callback(owed)
        assert callback is not None
        return Change(callbacks=(replace(callback, revision=9, state=State.HELD, held="region:LV"),))

    async def work(log: Log, _rules: Rules) -> Change:
        return await log.decide((key.of_callback(owed),), hold)

    office.with_log(work)


def test_a_held_call_is_released_by_name_and_not_otherwise(office: Office, owed: str) -> None:
    held(office, owed)
    ran = office.commsd("callbacks", "release", owed)
    assert ran.code == 1
    assert "name who answers for it" in ran.err
    assert "is waiting" in office.done("callbacks", "release", owed, "--agent", "anna").out
    assert office.done("callbacks", "show", owed, "--json").json["released"] == "anna"


def test_the_list_says_why_a_call_is_held(office: Office, owed: str) -> None:
    held(office, owed)
    assert "numbers of LV are not among the regions" in office.done("callbacks", "list").out
