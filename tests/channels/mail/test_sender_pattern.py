"""What the config may say of gateways, and how it is told what is wrong."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from commsd.channels.mail.account import Mailbox
from commsd.channels.mail.sender_pattern import SenderPattern
from commsd.config.read import Finding
from tests.config.folder import MINIMUM, look, write

BOX = """
[mailbox.fax]
address = "fax@example.com"
channel = "{channel}"
imap = {{ host = "imap.example.com", username = "fax", password = {{ env = "PASSWORD" }} }}
{more}
"""


def box(tmp_path: Path, more: str = "", channel: str = "fax") -> Mailbox:
    config, findings = look(write(tmp_path, MINIMUM + BOX.format(channel=channel, more=more)))
    assert config is not None, findings
    found = config.settings["mail"].mailboxes["fax"]
    assert isinstance(found, Mailbox)
    return found


def refused(tmp_path: Path, main: str) -> Sequence[Finding]:
    config, findings = look(write(tmp_path, main))
    assert config is None
    return findings


@pytest.mark.parametrize("channel", ["fax", "letter"])
def test_a_mailbox_for_paper_is_complete_without_smtp_and_watches_no_sent_folder(tmp_path: Path, channel: str) -> None:
    found = box(tmp_path, channel=channel)
    assert (found.smtp, found.sent) == (None, ())


def test_with_smtp_its_sent_folder_is_watched(tmp_path: Path) -> None:
    assert box(tmp_path, 'smtp = { host = "smtp.example.com" }').sent == ("auto",)


def test_senders_and_letterhead_are_read(tmp_path: Path) -> None:
    found = box(
        tmp_path,
        "senders = [{ subject = 'von (?P<number>.+)' }, { header = \"X-Fax\", field = '(?P<name>.+)' }]\n"
        'letterhead = ["Example Ltd", "10115 Berlin"]',
    )
    assert found.senders == (
        SenderPattern(subject="von (?P<number>.+)"),
        SenderPattern(header="X-Fax", field="(?P<name>.+)"),
    )
    assert found.letterhead == ("Example Ltd", "10115 Berlin")


@pytest.mark.parametrize(
    ("more", "what"),
    [
        ("senders = [{ subject = 'von (' }]", "is not a regular expression"),
        ("senders = [{ subject = '(?P<shoe>.+)' }]", "no group can be called shoe"),
        ('senders = [{ header = "X-Fax" }]', "header without field"),
        ("senders = [{ field = 'x', subject = 'y' }]", "field without header"),
        ("senders = [{}]", "nothing to look for"),
        ("senders = [{ sbject = 'x' }]", "sbject"),
        ('letterhead = ["1", "2", "3", "4", "5", "6"]', "6 lines find no room"),
    ],
)
def test_what_cannot_work_is_refused_with_its_place(tmp_path: Path, more: str, what: str) -> None:
    found = refused(tmp_path, MINIMUM + BOX.format(channel="fax", more=more))
    assert any(what in finding.what and finding.place.line > 1 and finding.remedy for finding in found), found


@pytest.mark.parametrize("more", ["senders = [{ subject = 'x' }]", 'letterhead = ["x"]'])
def test_an_ordinary_mailbox_has_no_gateways_and_prints_nothing(tmp_path: Path, more: str) -> None:
    smtp = '\nsmtp = { host = "smtp.example.com" }'
    (found, *_) = refused(tmp_path, MINIMUM + BOX.format(channel="email", more=more + smtp))
    assert "letter" in found.remedy


def test_no_mailbox_is_called_like_the_way_to_the_printer(tmp_path: Path) -> None:
    found = refused(tmp_path, MINIMUM + BOX.format(channel="fax", more="").replace("mailbox.fax", "mailbox.print"))
    assert any("print" in finding.what for finding in found)
