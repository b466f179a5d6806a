"""What is said of a configuration that passes, and of one that does not."""

import asyncio
from pathlib import Path

from commsd.demo.smtp import SmtpSink
from tests.cli.office import CONFIG, Office, Ran, built, commsd
from tests.neighbours.dovecot import Dovecot


def test_a_good_configuration_is_summed_up_in_one_line(empty_office: Office) -> None:
    ran = empty_office.done("check")
    assert "warning: " in ran.out  # the password is not there
    said, summary = ran.out.splitlines()[-1].split(": ", 1)
    assert said == "fine but for the secrets, without which `commsd run` does not start"
    assert summary == "1 mailbox, policy standard (for some: letter)"


def test_all_mistakes_are_told_at_once_with_their_places(tmp_path: Path) -> None:
    folder = built(tmp_path / "config", "[cases]\nauto_close = '5 minuts'\n[nonsense]\n")
    ran = commsd("--config", str(folder), "check")
    assert ran.code == 78
    assert f"{folder}/commsd.toml:" in ran.out
    assert "auto_close" in ran.out
    assert 'unknown key "nonsense"' in ran.out
    assert "fine" not in ran.out


def test_the_findings_are_records_for_a_program(tmp_path: Path) -> None:
    folder = built(tmp_path / "config", "[cases]\nauto_close = '5 minuts'\n")
    ran = commsd("--config", str(folder), "check", "--json")
    assert (ran.code, ran.json["fine"], ran.json["summary"]) == (78, False, None)
    (error,) = (finding for finding in ran.json["findings"] if finding["severity"] == "error")
    assert set(error) == {"severity", "file", "line", "column", "what", "remedy"}
    assert (error["line"], error["column"]) == (CONFIG.count("\n") + 9, 14)


def test_a_good_one_is_fine_for_a_program_too(empty_office: Office) -> None:
    assert empty_office.done("check", "--json").json["fine"] is True


def test_a_folder_without_a_configuration_says_what_to_do(tmp_path: Path) -> None:
    for words in (("check",), ("ledger",)):
        ran = commsd("--config", str(tmp_path), *words)
        assert ran.code == 78
        assert "commsd init" in ran.out + ran.err


def test_every_setting_is_shown_with_its_default_and_no_secret(empty_office: Office) -> None:
    shown = empty_office.done("config", "show").out
    lines = dict(line.split(" = ", 1) for line in shown.splitlines())
    settings = {key.strip(): value for key, value in lines.items()}
    assert settings["mailbox.support.poll"] == '"30s"'
    assert settings["mailbox.support.imap.password"] == '{ env = "PASSWORD" }'
    assert settings["http.listen"] == '{ host = "127.0.0.1", port = 8025 }'


def test_a_part_of_the_settings_is_shown_alone(empty_office: Office) -> None:
    found = empty_office.done("config", "show", "cases", "--json").json
    assert found == {"cases.auto_close": "7d"}
    assert empty_office.commsd("config", "show", "casse").code == 1


def online(folder: Path, dovecot: Dovecot, smtp_port: int, password: str) -> Path:
    user = dovecot.user("support@example.com")
    dovecot.create(user, "Sent")
    (folder / "secret").write_text(password)
    imap = f'host = "127.0.0.1", port = {dovecot.port}, tls = "none", username = "{user}"'
    box = f"""
[mailbox.desk]
address = "desk@example.com"
imap = {{ {imap}, password = {{ file = "secret" }} }}
smtp = {{ host = "127.0.0.1", port = {smtp_port}, tls = "none", username = "" }}
"""
    main_file = CONFIG.partition("[mailbox.support]")[0].format(store=folder / "commsd.db") + box
    (folder / "commsd.toml").write_text(main_file, "utf-8")
    return folder


async def test_online_it_logs_in_everywhere(tmp_path: Path, dovecot: Dovecot) -> None:
    async with SmtpSink() as sink:
        folder = online(tmp_path, dovecot, sink.port, dovecot.password)
        assert (await _aside("--config", str(folder), "db", "upgrade")).code == 0
        ran = await _aside("--config", str(folder), "check", "--online")
    assert ran.code == 0, ran.out
    assert "store: answers" in ran.out
    assert "mailbox.desk imap: logged in, 0 received, 0 answers seen in Sent" in ran.out
    assert "mailbox.desk smtp: takes us without a login" in ran.out
    assert ran.out.splitlines()[-1].startswith("fine: ")
    assert sink.accepted == []


async def test_online_a_database_that_is_not_there_yet_is_no_mistake(tmp_path: Path, dovecot: Dovecot) -> None:
    async with SmtpSink() as sink:
        folder = online(tmp_path, dovecot, sink.port, dovecot.password)
        ran = await _aside("--config", str(folder), "check", "--online")
    assert ran.code == 0, ran.out
    assert f"store: no database {folder}/commsd.db yet, `commsd run` makes it" in ran.out
    assert not (folder / "commsd.db").exists()


async def test_online_what_cannot_be_reached_is_exit_69(tmp_path: Path, dovecot: Dovecot) -> None:
    async with SmtpSink() as sink:
        gone = sink.port
    folder = online(tmp_path, dovecot, gone, dovecot.password)
    await _aside("--config", str(folder), "db", "upgrade")
    ran = await _aside("--config", str(folder), "check", "--online", "--json")
    assert ran.code == 69
    assert {each["service"]: each["fine"] for each in ran.json["online"]} == {
        "store": True,
        "mailbox.desk imap": True,
        "mailbox.desk smtp": False,
    }


async def test_online_a_wrong_password_is_a_matter_of_configuration(tmp_path: Path, dovecot: Dovecot) -> None:
    async with SmtpSink() as sink:
        folder = online(tmp_path, dovecot, sink.port, "not the password")
        await _aside("--config", str(folder), "db", "upgrade")
        ran = await _aside("--config", str(folder), "check", "--online")
    assert ran.code == 78
    assert "mailbox.desk imap: error: " in ran.out
    assert "not the password" not in ran.out + ran.err


async def test_many_received_and_hardly_any_answer_seen_is_worth_a_word(tmp_path: Path, dovecot: Dovecot) -> None:
    async with SmtpSink() as sink:
        folder = online(tmp_path, dovecot, sink.port, dovecot.password)
        user = (folder / "commsd.toml").read_text().partition('username = "')[2].partition('"')[0]
        dovecot.deliver_all(user, [b"From: jane@example.org\r\nSubject: %d\r\n\r\nHello\r\n" % n for n in range(30)])
        await _aside("--config", str(folder), "db", "upgrade")
        ran = await _aside("--config", str(folder), "check", "--online")
    assert ran.code == 0
    assert "warning: logged in, 30 received, 0 answers seen in Sent" in ran.out
    assert "list the mailboxes of the staff" in ran.out


def test_online_a_missing_secret_is_a_mistake(empty_office: Office) -> None:
    ran = empty_office.commsd("check", "--online")
    assert ran.code == 78
    assert "PASSWORD" in ran.out


async def _aside(*words: str) -> Ran:
    """A command has a loop of its own, so it runs beside ours."""
    return await asyncio.to_thread(commsd, *words)
