"""What a route may name, and a mailbox not be called."""

from pathlib import Path

import pytest

from commsd.config.load import render
from tests.config.folder import MAILBOX, MINIMUM, look, write

TWILIO = """
[twilio]
account_sid = "AC1"
auth_tokens = [{ env = "TOKEN" }]
api_key = { sid = "SK1", secret = { env = "KEY" } }
webhooks = false
"""
LINE = '[line.hotline]\nnumber = "+493023125010"\n'
SMS = '[route.duty]\nsms = "+493023125011"\n'


def said(tmp_path: Path, main: str) -> str:
    return render(look(write(tmp_path, MINIMUM + MAILBOX + main))[1])


@pytest.mark.parametrize(
    ("main", "what", "remedy"),
    [
        (SMS, "sms in [route.duty] needs a [twilio] table", "add [twilio] and a [line.NAME], or write mail or webhook"),
        (TWILIO + SMS, "sms in [route.duty] needs a number to send from", "add a [line.NAME] with its number"),
        (
            f'[route.duty]\nwebhook = "https://chat.example.com/{"x" * 300}"\n',
            "webhook has 325 characters",
            "give an address of at most 300",
        ),
        (
            MAILBOX.replace("support", "sms"),
            '[mailbox.sms]: "sms" is how notices go that are no mail',
            "choose another name",
        ),
    ],
)
def test_a_route_that_nothing_could_carry_is_refused_where_it_stands(
    tmp_path: Path, main: str, what: str, remedy: str
) -> None:
    found = said(tmp_path, main)
    assert what in found
    assert remedy in found
    assert "commsd.toml:" in found.split(what)[0].splitlines()[-1]


def test_a_route_by_sms_is_fine_with_a_line(tmp_path: Path) -> None:
    config, findings = look(write(tmp_path, MINIMUM + MAILBOX + TWILIO + LINE + SMS))
    assert config is not None, render(findings)
