"""`commsd check --online` of Twilio: the login, what is left, and whether the calls of each number come to us."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from commsd.demo.exchange import IncomingNumber, Tamper
from tests.cli.switchboard import HOTLINE, PUBLIC, TOKEN, Switchboard, switchboard

ELSEWHERE = "https://elsewhere.example.com/voice"


@pytest.fixture
def board(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Switchboard]:
    """All is well there."""
    monkeypatch.setenv("TWILIO_TOKEN", TOKEN)
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    with switchboard(tmp_path / "firm") as found:
        found.configured()
        yield found


def test_a_house_in_order_is_told_so(board: Switchboard) -> None:
    ran = board.commsd("check", "--online")
    assert "twilio: logged in, 1 number, 25.00 USD left\nline.hotline: its calls come to us\n" in ran.out
    assert ran.code == 0, ran.out + ran.err


def test_w9_calls_of_ours_without_a_fallback_outside_are_a_warning(board: Switchboard) -> None:
    ran = board.commsd("check", "--online")
    assert "the calls we place have no fallback outside this host\n  " in ran.out
    assert "commsd twiml fallback --ours" in ran.out


def test_a_number_whose_calls_go_elsewhere_is_an_error_with_the_command_that_mends_it(board: Switchboard) -> None:
    board.exchange.numbers[HOTLINE] = IncomingNumber(voice_url=ELSEWHERE, fallback_url="https://b.example.net/f.xml")
    ran = board.commsd("check", "--online")
    assert ran.code == 78
    assert f"line.hotline: error: Twilio sends its calls to {ELSEWHERE}, and not to us" in ran.out
    wanted = f'--voice-url "{PUBLIC}/twilio/voice#rc=2&rp=ct,rt,5xx&ct=1500&rt=5000"'
    assert "run: twilio api:core:incoming-phone-numbers:update --sid PN" in ran.out
    assert wanted in ran.out


def test_a_number_without_fallback_or_status_is_a_warning(board: Switchboard) -> None:
    board.exchange.numbers[HOTLINE] = IncomingNumber(status_callback=ELSEWHERE)
    ran = board.commsd("check", "--online")
    assert ran.code == 0
    assert "line.hotline: warning: Twilio does not tell us when its calls are over" in ran.out
    assert "it has no fallback: while this machine is down, callers hear an error" in ran.out


def test_a_fallback_on_our_own_host_is_none(board: Switchboard) -> None:
    board.exchange.numbers[HOTLINE] = IncomingNumber(fallback_url=f"{PUBLIC}/fallback.xml")
    assert "its fallback lies on the host whose failure it is for" in board.commsd("check", "--online").out


def test_a_number_that_is_not_of_the_account_is_an_error(board: Switchboard) -> None:
    board.exchange.numbers.clear()
    ran = board.commsd("check", "--online")
    assert ran.code == 78
    assert "line.hotline: error: the account at Twilio has no such number" in ran.out


def test_a_number_of_ours_that_no_line_has_is_told(board: Switchboard) -> None:
    board.exchange.numbers["+493023125077"] = IncomingNumber()
    ran = board.commsd("check", "--online")
    assert "the calls of +493023125077 come to us, and no line has that number" in ran.out


def test_an_account_that_runs_dry_is_a_warning(board: Switchboard) -> None:
    board.exchange.shelf.balance = "2.5"
    ran = board.commsd("check", "--online")
    assert ran.code == 0
    assert "twilio: warning: logged in, 1 number, 2.50 USD left\n  top the account up" in ran.out


def test_a_login_that_is_refused_is_told_once(board: Switchboard) -> None:
    board.exchange.tamper_rest = lambda _: Tamper(refused=(401, 20003))
    ran = board.commsd("check", "--online")
    assert ran.code == 78
    assert "twilio: error: Twilio refuses our login (HTTP 401, code 20003)" in ran.out
    assert "line.hotline: " not in ran.out


def test_without_webhooks_it_does_not_matter_who_answers_the_number(board: Switchboard) -> None:
    board.configured(reach="webhooks = false")
    board.exchange.numbers[HOTLINE] = IncomingNumber(voice_url=ELSEWHERE)
    ran = board.commsd("check", "--online")
    assert ran.code == 0, ran.out + ran.err
    assert "line.hotline: the account has it, its calls are read from the list" in ran.out
