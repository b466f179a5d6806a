"""The unit as it is installed: what systemd itself says of it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.neighbours.absent import absent

EXPOSURE = 20  # tenths of systemd's score from 0 to 10; a bare unit has 92


@pytest.fixture
def analyze() -> str:
    return shutil.which("systemd-analyze") or absent("systemd-analyze is not installed: apt-get install systemd")


@pytest.fixture
def unit(root: Path, tmp_path: Path) -> Path:
    """A rendered copy beside a command that exists, as after the steps of systemd/README.md."""
    commsd = tmp_path / "bin" / "commsd"
    commsd.parent.mkdir()
    commsd.write_text("#!/bin/sh\n")
    commsd.chmod(0o755)
    rendered = tmp_path / "commsd.service"
    rendered.write_text((root / "systemd" / "commsd.service").read_text().replace("@bindir@", str(commsd.parent)))
    return rendered


def settings(unit: Path) -> list[tuple[str, str]]:
    lines = (line for line in unit.read_text().splitlines() if "=" in line and not line.startswith("#"))
    return [(key, value) for key, _, value in (line.partition("=") for line in lines)]


def ask(*command: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "SYSTEMD_COLORS": "0", "SYSTEMD_PAGER": ""}
    return subprocess.run(command, capture_output=True, text=True, env=environment, timeout=60)


def test_systemd_understands_every_line_of_the_unit(analyze: str, unit: Path) -> None:
    done = ask(analyze, "verify", "--man=no", "--recursive-errors=no", str(unit))
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_a_misspelt_setting_would_be_seen(analyze: str, unit: Path) -> None:
    unit.write_text(unit.read_text().replace("RestartSec=", "RestartSecs="))
    assert "RestartSecs" in ask(analyze, "verify", "--man=no", "--recursive-errors=no", str(unit)).stderr


def test_the_unit_leaves_little_to_attack(analyze: str, unit: Path) -> None:
    done = ask(analyze, "security", "--offline=true", f"--threshold={EXPOSURE}", "--no-pager", str(unit))
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_daemon_tells_systemd_when_it_is_ready_and_reloads_only_what_is_right(unit: Path) -> None:
    found = settings(unit)
    assert ("Type", "notify") in found
    reload = [value for key, value in found if key == "ExecReload"]
    assert [command.split()[-1] for command in reload] == ["check", "$MAINPID"]


def test_the_process_metrics_can_be_read(unit: Path) -> None:
    assert "ProcSubset" not in dict(settings(unit))


def test_nothing_is_left_to_fill_in(unit: Path) -> None:
    assert "@" not in "".join(value for _, value in settings(unit) if not value.startswith(("@system", "~@")))


def test_no_secret_stands_in_the_unit_itself(unit: Path) -> None:
    assert not {key for key, _ in settings(unit)} & {"Environment", "SetCredential"}
