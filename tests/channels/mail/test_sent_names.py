"""`sent`, `role` and `done` of a mailbox: what `check` accepts works, what cannot work is refused with its place."""

from pathlib import Path

import pytest

from commsd.channels.mail.account import MailSettings
from commsd.channels.mail.reading import readings_of
from tests.config.folder import MAILBOX, MINIMUM, look, write

STAFF = """
[agent.bo]
name = "Bo"
[mailbox.anna]
address = "anna@example.com"
role = "sent-only"
imap = { host = "imap.example.com", username = "anna", password = { env = "PASSWORD" } }
"""


def settings(tmp_path: Path, more: str, also: str = STAFF) -> MailSettings:
    config, findings = look(write(tmp_path, f"{MINIMUM}{also}{MAILBOX}\n{more}"))
    assert config is not None, findings
    found = config.settings["mail"]
    assert isinstance(found, MailSettings)
    return found


def refused(tmp_path: Path, more: str, also: str = STAFF) -> str:
    config, findings = look(write(tmp_path, f"{MINIMUM}{also}{MAILBOX}\n{more}"))
    assert config is None
    return "\n".join(map(str, findings))


def words(found: MailSettings, name: str) -> list[str]:
    return [reading.word for reading in readings_of(found.mailboxes[name])]


def test_i14_a_name_is_a_staff_mailbox_where_there_is_one_else_a_folder(tmp_path: Path) -> None:
    found = settings(tmp_path, 'sent = ["auto", "anna", "Archive/Sent 2026"]')
    assert words(found, "support") == ["watch", "sent", "sent/Archive/Sent 2026", "done/Done"]
    assert found.mailboxes["support"].staff == ("anna",)
    assert words(found, "anna") == ["sent"]


def test_i14_a_mailbox_may_read_the_staffs_folders_alone(tmp_path: Path) -> None:
    assert words(settings(tmp_path, 'sent = ["anna"]'), "support") == ["watch", "done/Done"]


def test_a_log_mailbox_needs_no_smtp_and_reads_no_sent_folder(tmp_path: Path) -> None:
    log = STAFF.replace('"sent-only"', '"log"')
    found = settings(tmp_path, "", log)
    assert words(found, "anna") == ["log"]
    assert found.mailboxes["anna"].smtp is None


def test_several_folders_close_cases(tmp_path: Path) -> None:
    found = settings(tmp_path, 'done = ["Done", "Erledigt"]')
    assert words(found, "support")[2:] == ["done/Done", "done/Erledigt"]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('sent = ["support"]', 'this mailbox itself\n  write "auto"'),
        ('sent = ["Anna"]', 'no mailbox "Anna"\n  did you mean "anna"?'),
        (
            'sent = ["bo"]',
            'an agent, and no mailbox is called so\n  add their mailbox: [mailbox.bo] with role = "sent-only"',
        ),
        ('sent = ["a\\u0001b"]', "no folder has such a name"),
        (f'done = ["{"x" * 200}"]', "no folder has such a name"),
    ],
)
def test_i14_a_name_that_can_be_neither_is_refused_at_its_place(tmp_path: Path, line: str, said: str) -> None:
    found = refused(tmp_path, line)
    assert said in found
    assert "commsd.toml:" in found


def test_i14_a_mailbox_that_reads_no_folder_of_its_own_stands_for_nobody(tmp_path: Path) -> None:
    silent = STAFF.replace('"sent-only"', '"inbox"\nsent = []\nsmtp = { host = "smtp.example.com" }')
    assert "[mailbox.anna] reads no Sent folder of its own" in refused(tmp_path, 'sent = ["anna"]', silent)


def test_what_reads_nothing_or_does_nothing_is_refused(tmp_path: Path) -> None:
    nothing = STAFF.replace('role = "sent-only"', 'role = "sent-only"\nsent = []')
    assert 'role = "sent-only" with no `sent` reads nothing' in refused(tmp_path, "", nothing)
    useless = STAFF.replace('role = "sent-only"', 'role = "sent-only"\ndone = ["Done"]')
    assert 'done does nothing with role = "sent-only"' in refused(tmp_path, "", useless)
