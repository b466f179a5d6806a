"""`commsd clocks` as a person reads it and a program takes it."""

import getpass
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from commsd.cli.clocks import _bar, _colour, _left
from commsd.core.gauge import Gauge, gauge
from tests.cli.office import PEOPLE, Office, built
from tests.core.sla_builders import OFFICE, on


def clock(state: str = "running", due: datetime | None = None, **more: object) -> dict[str, object]:
    return {"state": state, "due_at": due.isoformat() if due else None, "stopped_at": None, **more}


@pytest.mark.parametrize(
    ("now", "bar", "left", "colour"),
    [
        (on(10), "[##........]", "3h left", "green"),
        (on(12), "[#######...]", "1h left", "yellow"),
        (on(13, 30), "[!!!!!!!!!!]", "30m overdue", "red"),
    ],
)
def test_a_bar_says_by_its_shape_and_words_what_its_colour_says(
    now: datetime, bar: str, left: str, colour: str
) -> None:
    due = on(13)
    found = gauge(OFFICE, on(9), due, now)
    assert _bar(clock(due=due), found) == bar
    assert (_left(clock(due=due), found, now), _colour(clock(due=due), found)) == (left, colour)


def test_open_time_is_told_where_it_is_less_than_the_time_on_the_wall() -> None:
    found = gauge(OFFICE, on(16), on(11, day=3), on(20))
    assert _left(clock(due=on(11, day=3)), found, on(20)) == "15h left, 2h open"


def test_a_paused_clock_stands_still_without_a_colour() -> None:
    paused = clock("paused")
    assert (_bar(paused, None), _left(paused, None, on(9)), _colour(paused, None)) == ("[==========]", "paused", None)


def test_a_clock_that_stopped_has_nothing_left() -> None:
    stopped = clock("met", on(9), stopped_at="2026-06-02T07:00:00Z")
    assert (_bar(stopped, None), _left(stopped, None, on(9)), _colour(stopped, None)) == ("", "", None)


def test_one_without_hours_to_come_says_so() -> None:
    assert _left(clock(), None, on(9)) == "no due time"


def test_the_bar_is_never_full_before_its_time() -> None:
    almost = Gauge(used=0.999, left=timedelta(seconds=9), late=timedelta(0), in_hours=True)
    assert _bar(clock(due=on(9)), almost) == "[#########.]"


def test_the_longest_overdue_stands_first_and_nothing_is_coloured_without_a_terminal(office: Office) -> None:
    office.mail()
    office.mail("sam@example.org", "Late", external_ids=(), occurred_at=datetime.now(UTC) - timedelta(hours=2))
    out = office.done("clocks").out
    assert [line.split()[0] for line in out.splitlines()[1:]] == ["ack", "ack", "first_response", "first_response"]
    assert "[!!!!!!!!!!]  1h 45m overdue" in out
    assert "\x1b" not in out


def test_due_takes_a_length_of_time_or_the_time_of_day_and_nothing_else(office: Office) -> None:
    office.mail(occurred_at=datetime.now(UTC) - timedelta(hours=1))
    until = f"{datetime.now(UTC) + timedelta(minutes=2):%Y-%m-%dT%H:%M}Z"
    late = [row["clock"] for row in office.done("clocks", "--due", "1m", "--json").json]
    assert late == [row["clock"] for row in office.done("clocks", "--due", until, "--json").json] == ["ack"]
    assert office.commsd("clocks", "--due", "15:00").code == 0
    ran = office.commsd("clocks", "--due", "soon")
    assert (ran.code, '"soon" is not a time' in ran.err) == (2, True)


def test_programs_get_what_is_left_as_of_now(office: Office) -> None:
    office.mail(occurred_at=datetime.now(UTC) - timedelta(hours=1))
    ack, first = office.done("clocks", "--json").json
    assert (ack["remaining_ms"], 44 * 60_000 < ack["overrun_ms"] < 47 * 60_000) == (0, True)
    assert (first["overrun_ms"], 178 * 60_000 < first["remaining_ms"] <= 180 * 60_000) == (None, True)
    assert 0.25 <= first["used"] < 0.26
    assert first["in_hours"]


def test_clocks_are_chosen_by_owner_team_and_policy(tmp_path: Path) -> None:
    login = getpass.getuser()
    people = f'{PEOPLE}[agent.{login}]\nname = "Me"\n'
    office = Office(built(tmp_path / "config", people=people))
    office.done("db", "upgrade")
    case_id = str(office.mail(team="service").case_id)
    office.mail("sam@example.org", "Other", external_ids=())
    office.done("cases", "assign", case_id, "--owner", login)
    for words in (("--mine",), ("--owner", login), ("--team", "service")):
        assert {each["case_id"] for each in office.done("clocks", "--json", *words).json} == {case_id}, words
    assert office.done("clocks", "--owner", "anna").out == "nothing is due\n"
    assert len(office.done("clocks", "--policy", "standard", "--json").json) == 4
    assert office.done("clocks", "--policy", "letter").out == "nothing is due\n"


@pytest.mark.parametrize(("word", "value"), [("--owner", "nobody"), ("--team", "none"), ("--policy", "lettr")])
def test_a_name_that_nobody_has_is_told(office: Office, word: str, value: str) -> None:
    ran = office.commsd("clocks", word, value)
    assert (ran.code, value in ran.err) == (1, True)
