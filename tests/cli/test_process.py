"""commsd as a process of its own: what a shell sees."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.office import Office, built


def started(*words: str, cwd: Path, **env: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "commsd", *words]
    clean = {name: value for name, value in os.environ.items() if name != "COMMSD_CONFIG"}
    return subprocess.run(
        command, cwd=cwd, env={**clean, **env}, capture_output=True, text=True, timeout=120, check=False
    )


def test_an_error_is_two_lines_on_stderr_without_a_traceback(tmp_path: Path) -> None:
    ran = started("ledger", cwd=built(tmp_path / "config").parent)
    assert (ran.returncode, ran.stdout) == (78, "")
    assert ran.stderr.splitlines()[0].startswith("there is no database")
    assert len(ran.stderr.splitlines()) == 2


def test_the_folder_is_found_by_the_environment(office: Office, tmp_path: Path) -> None:
    ran = started("ledger", cwd=tmp_path.parent, COMMSD_CONFIG=str(office.folder))
    assert (ran.returncode, ran.stdout) == (0, "nothing is owed\n")


def test_a_reader_that_goes_away_is_no_trouble_of_the_store(office: Office) -> None:
    gone, ours = os.pipe()
    os.close(gone)
    command = [sys.executable, "-m", "commsd", "--config", str(office.folder), "ledger"]
    ran = subprocess.run(command, stdout=ours, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    os.close(ours)
    assert ran.stderr == ""


def on_full(office: Office, *words: str) -> subprocess.CompletedProcess[str]:
    """A command whose output takes no more."""
    with Path("/dev/full").open("wb") as full:
        command = [sys.executable, "-m", "commsd", "--config", str(office.folder), *words]
        return subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False)


def test_a_key_that_could_not_be_printed_is_revoked_and_its_name_is_free(office: Office) -> None:
    assert on_full(office, "keys", "add", "crm", "--scope", "events:read").returncode == 75
    assert [row["revoked_at"] is None for row in office.done("keys", "list", "--json").json] == [False]
    assert [row["what"] for row in office.done("keys", "audit", "--json").json] == ["key.added", "key.revoked"]
    office.done("keys", "add", "crm", "--scope", "events:read")


def test_a_further_key_that_could_not_be_printed_is_revoked_and_the_former_one_ends(office: Office) -> None:
    former = office.done("keys", "add", "crm", "--scope", "events:read").out.splitlines()[-1].split("_")[1]
    ran = on_full(office, "keys", "rotate", "crm")
    assert ran.returncode == 75
    assert "commsd keys add crm" in ran.stderr
    rows = {row["id"]: row for row in office.done("keys", "list", "--json").json}
    assert [key for key, row in rows.items() if row["revoked_at"] is None] == [former]
    assert rows[former]["expires_at"] is not None


@pytest.mark.parametrize("words", [["ledger"], ["ledger", "--json"], ["keys", "add", "crm", "--scope", "events:read"]])
def test_an_output_that_takes_no_more_is_no_trouble_of_the_store(office: Office, words: list[str]) -> None:
    ran = on_full(office, *words)
    assert ran.returncode == 75
    assert ran.stderr.splitlines() == [
        "the output cannot be written: No space left on device",
        "  look at room and rights there, and again",
    ]


FEW = """
import resource, commsd.cli.run
_, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
resource.setrlimit(resource.RLIMIT_NOFILE, (256, hard))
commsd.cli.run._open_many()
print(resource.getrlimit(resource.RLIMIT_NOFILE)[0] > 256)
"""


def test_a_daemon_may_open_more_files_than_a_shell_gives_it() -> None:
    ran = subprocess.run([sys.executable, "-c", FEW], capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, ran.stdout) == (0, "True\n"), ran.stderr


PRESSED = """
import os, signal, commsd.cli
def pressed(_name):
    os.kill(os.getpid(), signal.SIGINT)
    signal.pause()
signal.signal(signal.SIGINT, signal.default_int_handler)  # a runner in the background ignores it, and we inherit that
commsd.cli.import_module = pressed
commsd.cli.main(["ledger"])
"""


def test_ctrl_c_as_a_command_starts_is_no_traceback() -> None:
    ran = subprocess.run([sys.executable, "-c", PRESSED], capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, ran.stdout, ran.stderr) == (130, "", "")


def test_nothing_but_records_is_on_stdout_for_a_program(office: Office) -> None:
    ran = started(
        "--config",
        str(office.folder),
        "record",
        "--channel",
        "letter",
        "--contact",
        "a@example.org",
        "--json",
        cwd=office.folder,
    )
    assert ran.returncode == 0
    assert ran.stdout.startswith("{")
    assert ran.stderr == ""
