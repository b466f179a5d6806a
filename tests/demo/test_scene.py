"""The demo as a stranger sees it: one command, a process of its own, the table, the page, and nothing left behind."""

import os
import re
import signal
import socket
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import httpx
import pytest

from commsd.channels.mail.language import detect
from commsd.config.load import inspect
from commsd.core.number import parse_number
from commsd.demo.house import Neighbours, furnish
from commsd.demo.people import SCENE, Answer, Letter, OneLine, Ring, reply, visitor
from commsd.demo.scene import ExtraMissing, PortTaken, run

PROGRAM = [sys.executable, "-m", "commsd", "demo"]
LONGEST = 150.0
"""Seconds; the scene itself takes a minute, a busy machine its time to start."""

ROWS = (
    ("Jane Clarke", "mail", "English", "acknowledged, answer by", "policy standard"),
    ("Tom Reed", "mail", "English", "acknowledged, answer by", "policy cancellation"),
    ("Petra Weber", "mail", "German", "acknowledged, answer by", "policy standard"),
    ("Mette Holm", "mail", "Danish", "acknowledged, answer by", "policy standard"),
    ("Sari Wulandari", "mail", "Indonesian", "acknowledged, answer by", "policy standard"),
    ("Chairs Weekly", "mail", "–", "nothing", "no-ack:list"),
    ("Kim's robot", "mail", "–", "nothing", "no-ack:auto-submitted"),
    ("Jane, once more", "mail", "English", "two lines, answer by", "same matter"),
    ("Ulrike Kern", "phone", "German", "a talk with Bo Lund", "pressed 1, bridged"),
    ("Lars Nielsen", "phone", "Danish", "callback by", "policy standard"),
    ("Budi Santoso", "phone", "Indonesian", "callback by", "policy standard"),
    ("Henrik Maurer", "phone", "German", "callback by", "policy standard"),
    ("A dear number", "phone", "German", "callback by", "policy standard"),
)
FURTHER = (
    "Cai Hartono told by mail",
    "answer from Anna Berg",
    "for 2 calls",
    "called back",
    "still owed",
    "type:premium_rate",
)


@pytest.fixture
def surroundings(tmp_path: Path) -> dict[str, str]:
    """A terminal of 100 columns, and a place for temporary folders of its own."""
    return {**os.environ, "COLUMNS": "100", "TMPDIR": str(tmp_path), "PYTHONUNBUFFERED": "1"}


@pytest.mark.end_to_end
def test_once_every_customer_gets_what_the_scenario_says(tmp_path: Path, surroundings: dict[str, str]) -> None:
    done = subprocess.run(
        [*PROGRAM, "--once"], env=surroundings, capture_output=True, text=True, timeout=LONGEST, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    marked = [line for line in done.stdout.splitlines() if line.startswith(("✓", "✗"))]
    for row, words in zip(marked, ROWS, strict=True):
        assert row.startswith("✓")
        assert all(word in row for word in words), row
    assert all(words in done.stdout for words in FURTHER)
    assert "5 missed calls, 4 callbacks · 1 clock breached · ledger clean" in done.stdout
    assert "the table equals the scenario" in done.stdout
    assert list(tmp_path.iterdir()) == []


@pytest.mark.end_to_end
@pytest.mark.parametrize("ends", [signal.SIGINT, signal.SIGHUP])
def test_without_once_the_page_opens_with_the_printed_link_until_ctrl_c(
    tmp_path: Path, surroundings: dict[str, str], ends: signal.Signals
) -> None:
    with subprocess.Popen([*PROGRAM, "--port", "0"], env=surroundings, stdout=subprocess.PIPE, text=True) as demo:
        try:
            assert demo.stdout
            lines = iter(demo.stdout.readline, "")
            link = next(found[0] for line in lines if (found := re.search(r"http://\S+token=\S+", line)))
            with httpx.Client(follow_redirects=True) as browser:
                assert "Example Ltd" in browser.get(link).text
            assert httpx.get(link).status_code == 401  # it signs in once
            folder = next(found[1] for line in lines if (found := re.search(r"commsd --config (\S+) ledger", line)))
            assert (Path(folder) / "commsd.toml").exists()
            assert any("has the acknowledgement" in line for line in lines)
        finally:
            demo.send_signal(ends)
        assert demo.wait(LONGEST) == 0
    assert list(tmp_path.iterdir()) == []


async def test_a_taken_port_is_said_with_the_option_to_change_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as other, pytest.raises(PortTaken) as refused:
        await run(once=False, port=other.getsockname()[1])
    assert "--port" in refused.value.remedy


async def test_without_the_extra_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "pymap", raising=False)
    monkeypatch.setattr(sys, "path", [])
    monkeypatch.setattr(sys, "path_importer_cache", {})
    with pytest.raises(ExtraMissing) as refused:
        await run(once=True, port=0)
    assert "commsd[demo]" in refused.value.remedy


def test_the_config_is_one_that_commsd_check_passes(tmp_path: Path) -> None:
    near = Neighbours(imap=143, smtp=25, twilio="http://127.0.0.1:1", page=0, mail_password="sesame", auth_token="t")
    furnish(tmp_path / "config", near, digest=datetime(2026, 3, 2, 23, tzinfo=UTC))
    config, findings = inspect(tmp_path / "config", env={}, need_secrets=True)
    assert config is not None
    assert findings == ()
    assert {path.stat().st_mode & 0o777 for path in (tmp_path / "config" / "credentials").iterdir()} == {0o600}
    assert "sesame" not in (tmp_path / "config" / "commsd.toml").read_text()


def test_the_letters_of_the_scene_are_in_the_language_they_are_answered_in() -> None:
    letters = [act for act in SCENE if isinstance(act, Letter) and act.wanted and act.wanted.language]
    assert len({letter.wanted.language for letter in letters if letter.wanted}) == 4
    for letter in letters:
        assert letter.wanted
        assert detect(letter.text, ("en", "de", "da", "id")) == letter.wanted.language


def test_the_scene_ends_soon() -> None:
    ends = [act.at + (act.patience if isinstance(act, Ring) else 0) for act in SCENE]
    assert max(ends) < 45
    assert {type(act) for act in SCENE} == {Letter, Ring, Answer, OneLine}


def test_visitors_are_never_the_same_and_can_be_reached() -> None:
    guests = [visitor(number) for number in range(300)]
    letters = [guest for guest in guests if isinstance(guest, Letter)]
    rings = [guest for guest in guests if isinstance(guest, Ring)]
    assert len({letter.id for letter in letters}) == len({letter.address for letter in letters}) == len(letters)
    assert len({ring.number for ring in rings}) == len(rings)
    assert all(parse_number(ring.number) for ring in rings)
    assert 40 < len(rings) < 120
    for number, guest in enumerate(guests):
        if isinstance(guest, Letter):
            languages = ("en", "de", "da", "id")
            assert detect(guest.text, languages) == languages[number % 4]
            assert reply(guest, number).to is guest
