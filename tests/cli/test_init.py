"""From nothing to a configuration that passes, by flags and by answers."""

import asyncio
import tomllib
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from commsd.cli import program
from commsd.cli.providers import PROVIDERS
from commsd.demo.smtp import SmtpSink
from tests.cli.office import built, commsd
from tests.neighbours.dovecot import Dovecot

ANSWERS = ("--name", 'Müller & "Söhne"', "--timezone", "Europe/Berlin", "--address", "support@example.com")


def written_in(folder: Path) -> Any:
    return tomllib.loads((folder / "commsd.toml").read_text("utf-8"))


def test_what_init_writes_passes_check(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    ran = commsd("init", str(folder), "--yes", *ANSWERS)
    assert ran.code == 0
    written = tomllib.loads((folder / "commsd.toml").read_text("utf-8"))
    assert written["service"]["name"] == 'Müller & "Söhne"'
    assert written["mailbox"]["support"]["imap"]["host"] == "imap.example.com"
    assert (folder / "credentials").stat().st_mode & 0o777 == 0o700
    assert commsd("--config", str(folder), "check").code == 0


def test_init_takes_a_port_with_its_host_apart(tmp_path: Path) -> None:
    servers = ("--imap-host", "127.0.0.1:11143", "--smtp-host", "[::1]:587")
    ran = commsd("init", str(tmp_path / "new"), "--yes", "--address", "support@example.com", *servers)
    assert ran.code == 0
    text = (tmp_path / "new" / "commsd.toml").read_text("utf-8")
    assert 'host     = "127.0.0.1"\nport     = 11143\n' in text
    box = tomllib.loads(text)["mailbox"]["support"]
    assert (box["imap"]["host"], box["imap"]["port"]) == ("127.0.0.1", 11143)
    assert box["smtp"] == {"host": "[::1]", "port": 587}


def test_init_does_not_overwrite(tmp_path: Path) -> None:
    folder = built(tmp_path / "config")
    before = (folder / "commsd.toml").read_text()
    ran = commsd("init", str(folder), "--yes", *ANSWERS)
    assert ran.code == 1
    assert "is there already" in ran.err
    assert (folder / "commsd.toml").read_text() == before


def test_init_writes_nothing_that_would_not_pass(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    ran = commsd("init", str(folder), "--yes", *ANSWERS[:2], "--timezone", "Berlin", *ANSWERS[4:])
    assert ran.code == 2
    assert "timezone" in ran.err
    assert not folder.exists()


def test_init_asks_again_where_an_answer_cannot_be_used(tmp_path: Path) -> None:
    said = "Example Ltd\nsupport@example.com\n\n\nBerlin\nEurope/Berlin\nXX\nDE-BE\n\n\n\n"
    ran = CliRunner().invoke(program("init"), ["init", str(tmp_path / "new")], input=said)
    assert ran.exit_code == 0, ran.output
    assert '"Example Ltd" is not a mail address: write it bare' in ran.output
    assert '"Berlin" is not a time zone' in ran.output
    assert '"XX" is not a country with known holidays' in ran.output
    written = tomllib.loads((tmp_path / "new" / "commsd.toml").read_text("utf-8"))
    assert written["mailbox"]["support"]["address"] == "support@example.com"
    assert written["service"]["timezone"] == "Europe/Berlin"
    assert written["service"]["country"] == "DE-BE"
    assert "now put the password" in ran.output


def test_init_without_questions_needs_the_address(tmp_path: Path) -> None:
    assert commsd("init", str(tmp_path / "new"), "--yes").code == 2


@pytest.mark.parametrize("provider", PROVIDERS)
def test_init_knows_the_servers_of_a_provider(provider: str, tmp_path: Path) -> None:
    folder, words = tmp_path / "new", ("--yes", "--address", "support@example.com", "--provider", provider)
    ran = commsd("init", str(folder), *words)
    assert ran.code == 0, ran.err
    box = written_in(folder)["mailbox"]["support"]
    assert box["imap"]["host"] == PROVIDERS[provider].imap
    assert box["smtp"]["host"] == PROVIDERS[provider].smtp.partition(":")[0]
    assert ("auth" in box["imap"]) == (provider == "microsoft")
    findings = commsd("--config", str(folder), "check", "--json").json["findings"]
    assert len(findings) == 1  # the password or the client's secret, which is not there yet


def test_init_tells_a_provider_by_the_address_and_refuses_one_nobody_knows(tmp_path: Path) -> None:
    said = "shop@gmail.com\n\nShop\nEurope/Berlin\n\n\n"
    ran = CliRunner().invoke(program("init"), ["init", str(tmp_path / "new")], input=said)
    assert ran.exit_code == 0, ran.output
    assert "Who hosts it [google]" in ran.output
    assert "Its IMAP server" not in ran.output
    assert "app password" in ran.output
    ran = CliRunner().invoke(program("init"), ["init", "x", "--yes", "--address", "a@b.test", "--provider", "inos"])
    assert (ran.exit_code, "ionos" in ran.output) == (2, True)


LINE = ("--line", "+493023125010", "--twilio-account", "AC" + "0" * 32)


def test_init_writes_a_line_that_twilio_reaches(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    ran = commsd("init", str(folder), "--yes", *ANSWERS, *LINE, "--calls-url", "https://calls.example.com")
    assert ran.code == 0, ran.err
    written = written_in(folder)
    assert written["twilio"]["public_url"] == "https://calls.example.com"
    assert written["line"]["hotline"] == {"number": "+493023125010"}
    assert (
        f"now put the auth token of the Twilio account into {folder / 'credentials' / 'twilio-auth-token'}" in ran.out
    )
    assert commsd("--config", str(folder), "check").code == 0


def test_init_writes_a_line_whose_calls_are_read_from_the_list(tmp_path: Path) -> None:
    folder = tmp_path / "new"
    assert commsd("init", str(folder), "--yes", *ANSWERS, *LINE).code == 0
    assert written_in(folder)["twilio"]["webhooks"] is False
    assert commsd("--config", str(folder), "check").code == 0


@pytest.mark.parametrize("flags", [LINE[:2], LINE[2:], ("--calls-url", "https://calls.example.com")])
def test_init_takes_a_line_with_its_account_alone(tmp_path: Path, flags: tuple[str, ...]) -> None:
    ran = commsd("init", str(tmp_path / "new"), "--yes", *ANSWERS, *flags)
    assert ran.code == 2
    assert "--line and --twilio-account go together" in ran.err.replace("\n", " ")


def test_init_refuses_a_line_that_is_no_number(tmp_path: Path) -> None:
    ran = commsd("init", str(tmp_path / "new"), "--yes", *ANSWERS, "--line", "hotline", *LINE[2:])
    assert ran.code == 2
    assert not (tmp_path / "new").exists()


def test_init_where_no_password_is_taken_says_where_the_token_goes(tmp_path: Path) -> None:
    said = "support@example.com\nmicrosoft\nExample Ltd\nEurope/Berlin\nDE\n"
    ran = CliRunner().invoke(program("init"), ["init", str(tmp_path / "new")], input=said)
    assert ran.exit_code == 0, ran.output
    assert "Enter to put it there later" not in ran.output
    assert (
        f"now put the refresh token of support@example.com into {tmp_path}/new/credentials/support-oauth" in ran.output
    )


def test_init_writes_country_and_tls_from_flags(tmp_path: Path) -> None:
    words = ("--yes", "--address", "support@example.com", "--country", "DK", "--tls", "starttls")
    assert commsd("init", str(tmp_path / "new"), *words).code == 0
    written = written_in(tmp_path / "new")
    assert written["service"]["country"] == "DK"
    assert written["mailbox"]["support"]["imap"]["tls"] == "starttls"
    assert commsd("init", str(tmp_path / "other"), *words[:-2], "--country", "Danmark").code == 2
    assert not (tmp_path / "other").exists()


def test_init_is_a_record_for_a_program(tmp_path: Path) -> None:
    ran = commsd("init", str(tmp_path / "new"), "--json", "--address", "help@example.com")
    assert ran.json == {
        "file": f"{tmp_path}/new/commsd.toml",
        "mailbox": "help",
        "credential": f"{tmp_path}/new/credentials/help",
        "credential_written": False,
    }


def servers(dovecot: Dovecot, smtp: int) -> tuple[str, ...]:
    return ("--imap-host", f"127.0.0.1:{dovecot.port}", "--smtp-host", f"127.0.0.1:{smtp}", "--tls", "none")


async def test_init_takes_the_password_and_logs_in_to_try(tmp_path: Path, dovecot: Dovecot) -> None:
    user = dovecot.user("support@example.com")
    folder = tmp_path / "new"
    async with SmtpSink(credentials=(user, dovecot.password)) as sink:
        words = ["init", str(folder), "--yes", "--address", user, *servers(dovecot, sink.port)]
        ran = await asyncio.to_thread(
            CliRunner().invoke, program("init"), [*words, "--password-stdin", "--try"], input=f"{dovecot.password}\n"
        )
    assert ran.exit_code == 0, ran.output
    assert "imap: logged in" in ran.output
    assert dovecot.password not in ran.output
    (secret,) = (folder / "credentials").iterdir()
    assert (secret.read_text(), secret.stat().st_mode & 0o777) == (f"{dovecot.password}\n", 0o600)


async def test_init_with_a_wrong_password_writes_all_the_same_and_says_so(tmp_path: Path, dovecot: Dovecot) -> None:
    folder = tmp_path / "new"
    async with SmtpSink() as sink:
        words = ["init", str(folder), "--json", "--address", "support@example.com", *servers(dovecot, sink.port)]
        ran = await asyncio.to_thread(
            CliRunner().invoke, program("init"), [*words, "--password-stdin", "--try"], input="wrong\n"
        )
    assert ran.exit_code == 78, ran.output
    assert (folder / "commsd.toml").exists()
    assert '"fine": false' in ran.output


def test_init_to_try_without_a_password_says_what_is_missing(tmp_path: Path) -> None:
    ran = commsd("init", str(tmp_path / "new"), "--yes", "--address", "support@example.com", "--try")
    assert ran.code == 78
    assert "credentials/support" in ran.err


def test_init_leaves_a_password_that_is_there(tmp_path: Path) -> None:
    (tmp_path / "credentials").mkdir()
    (tmp_path / "credentials" / "support").write_text("mine")
    words = ["init", str(tmp_path), "--yes", "--address", "support@example.com", "--password-stdin"]
    ran = CliRunner().invoke(program("init"), words, input="another\n")
    assert ran.exit_code == 1
    assert (tmp_path / "credentials" / "support").read_text() == "mine"
