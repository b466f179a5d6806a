"""`commsd lookback` on Twilio's list of calls: who rang in vain and was never called back."""

import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from commsd.channels.phone import call_list
from commsd.demo.exchange import Tamper
from tests.cli.switchboard import ANNA, HOTLINE, JANE, JOHN, TOKEN, Switchboard, switchboard

HOUR, DAY = timedelta(hours=1), timedelta(days=1)


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Switchboard]:
    """Jane rang in vain and was called back an hour later; John rang in vain twice; somebody hid his number."""
    monkeypatch.setenv("TWILIO_TOKEN", TOKEN)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    with switchboard(tmp_path / "firm") as found:
        found.configured()
        found.past(10 * DAY)
        found.past(5 * DAY, from_=JOHN)
        first = found.past(10 * DAY - HOUR, to=ANNA, from_=HOTLINE, talked=60)
        found.past(10 * DAY - HOUR, to=JANE, from_=HOTLINE, talked=50, of=first)
        found.past(4 * DAY, from_=JOHN)
        found.past(3 * DAY, from_="+266696687")
        answered = found.past(2 * DAY, from_="+4532123456", talked=100)
        found.past(2 * DAY, to=ANNA, from_=HOTLINE, talked=90, of=answered)
        found.past(60 * DAY, from_="+622150851234")
        yield found


def test_it_tells_who_was_never_called_back_and_how_long_the_others_waited(board: Switchboard) -> None:
    ran = board.commsd("lookback", "--json")
    assert ran.code == 1, ran.err
    line = ran.json["calls"]["lines"]["hotline"]
    assert (line["received"], line["answered"], line["in_vain"], line["withheld"]) == (5, 1, 4, 1)
    assert (line["called_back"], line["waiting"]) == (1, 1)
    assert line["response_s"]["median"]["seconds"] == pytest.approx(3600, abs=2)
    (waiting,) = ran.json["calls"]["never_called_back"]
    assert (waiting["number"], waiting["rang_again"], waiting["late"]) == (JOHN, 1, True)
    assert waiting["waiting_s"] == pytest.approx(5 * 86400, abs=60)
    assert ran.json["not_read"] == []


def test_it_is_read_by_people_too(board: Switchboard) -> None:
    ran = board.commsd("lookback")
    sys.stdout.write(ran.out)  # pytest -rP
    assert "Rang in vain and never called back, longest first:" in ran.out
    assert f"{JOHN} (rang 1 more)" in ran.out
    assert "withheld number, whom nobody can call back: 1 call." in ran.out
    assert ran.err == ""


def test_it_asks_no_further_than_it_has_to_and_changes_nothing(
    board: Switchboard, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(call_list, "PAGE", 3)
    assert board.commsd("lookback", "--since", "70d", "--json").json["calls"]["total"]["received"] == 6
    assert {request.method for request in board.exchange.rest_requests} == {"GET"}
    assert len(board.exchange.rest_requests) > 2
    assert not (board.folder / "commsd.db").exists()


def test_where_nobody_waits_it_ends_well(board: Switchboard) -> None:
    ran = board.commsd("lookback", "--since", "1h")
    assert (ran.code, ran.err) == (0, "")


def test_a_list_that_cannot_be_read_is_told_with_its_remedy(board: Switchboard) -> None:
    board.exchange.tamper_rest = lambda _: Tamper(refused=(401, 20003))
    ran = board.commsd("lookback", "--json")
    assert ran.code == 69
    assert ran.json["calls"] is None
    assert ran.json["not_read"][0]["what"] == "Twilio refuses our login (HTTP 401, code 20003)"
    assert "check account_sid" in ran.err
