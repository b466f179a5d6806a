"""A folder that is not as it should be, unreadable, empty, half written: findings, never a traceback."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from commsd.config import load as reading
from tests.config.folder import MAILBOX, MINIMUM, look, write

RULES = """
[calendar.office]
tz = "Europe/Berlin"
hours = { mon-fri = ["09:00-17:00"] }
[policy.standard]
calendar = "office"
ack = "15m"
[[rule]]
policy = "standard"
"""
NOBODY = 65534


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "config", MINIMUM + MAILBOX, {"office.toml": RULES})


def told(folder: Path) -> list[str]:
    """The errors, places relative to the folder."""
    config, findings = look(folder)
    errors = [str(each).replace(f"{folder}/", "") for each in findings if each.severity == "error"]
    assert (config is None) == bool(errors)
    return errors


@contextmanager
def as_somebody_else() -> Iterator[None]:
    """Root reads everything: look as nobody."""
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)


@pytest.fixture
def open_to_all(folder: Path) -> Iterator[Path]:
    """A folder whose way leads through folders that everybody may enter; what reading it imports is imported."""
    assert told(folder) == []
    changed = [
        (path, path.stat().st_mode) for path in folder.parents if path.is_relative_to("/tmp") and path != Path("/tmp")
    ]
    for path, mode in changed:
        path.chmod(mode | 0o755)
    yield folder
    for path, mode in changed:
        path.chmod(mode)


@pytest.mark.parametrize("name", ["commsd.toml", "sla/office.toml", "sla"])
def test_what_this_user_may_not_read_is_said_so(open_to_all: Path, name: str) -> None:
    (open_to_all / name).chmod(0)
    with as_somebody_else():
        found = told(open_to_all)
    (open_to_all / name).chmod(0o755)
    assert found == [f"{name}:1:1: cannot be read: Permission denied\n  let this user read it"]


def test_an_unreadable_folder_of_rules_is_never_taken_for_none(open_to_all: Path) -> None:
    """Else the rules of [service] would come in force in silence."""
    (open_to_all / "sla").chmod(0o311)
    with as_somebody_else():
        config, _ = look(open_to_all)
    (open_to_all / "sla").chmod(0o755)
    assert config is None


def test_an_empty_folder_of_rules_is_a_mistake(folder: Path) -> None:
    (folder / "sla" / "office.toml").rename(folder / "sla" / "office.toml.old")
    assert told(folder) == [
        "sla:1:1: no *.toml stands in this folder\n"
        "  put the files of the rules there, or remove the folder: then `hours` of [service] says it all"
    ]


def test_without_a_folder_of_rules_the_service_says_it_all(folder: Path) -> None:
    (folder / "sla" / "office.toml").unlink()
    (folder / "sla").rmdir()
    assert told(folder) == []


def test_a_file_in_place_of_the_folder_is_a_mistake(tmp_path: Path) -> None:
    folder = write(tmp_path, MINIMUM + MAILBOX)
    (folder / "sla").write_text(RULES)
    assert told(folder) == ["sla:1:1: this is not a folder\n  put the rules into a folder of this name"]


@pytest.mark.parametrize("name", ["sla/more.toml", "sla", "commsd.toml"])
def test_a_link_that_leads_nowhere_is_a_mistake(tmp_path: Path, name: str) -> None:
    folder = write(tmp_path, MINIMUM + MAILBOX, {"office.toml": RULES} if name != "sla" else None)
    (folder / name).unlink(missing_ok=True)
    (folder / name).symlink_to(tmp_path / "gone")
    assert told(folder) == [f"{name}:1:1: this link leads nowhere\n  mend it, or remove it"]


def test_a_link_to_itself_is_a_mistake(folder: Path) -> None:
    (folder / "sla" / "more.toml").symlink_to("more.toml")
    assert [error.splitlines()[0].split(": ")[0] for error in told(folder)] == ["sla/more.toml:1:1"]


def test_a_folder_or_a_pipe_is_no_file(folder: Path) -> None:
    (folder / "sla" / "a.toml").mkdir()
    os.mkfifo(folder / "sla" / "b.toml")
    assert told(folder) == [f"sla/{name}.toml:1:1: this is not a file\n  move it away" for name in "ab"]


def test_a_file_of_many_megabytes_is_not_read(folder: Path) -> None:
    with (folder / "sla" / "huge.toml").open("wb") as file:
        file.truncate(reading.LARGEST + 1)
    assert told(folder) == ["sla/huge.toml:1:1: this is too large to be a configuration\n  move it away"]


@pytest.mark.parametrize("junk", [".#office.toml", ".office.toml.swp", "office.toml~", "#office.toml#", "README.md"])
def test_what_editors_leave_behind_is_passed_over(folder: Path, junk: str) -> None:
    (folder / "sla" / junk).symlink_to("anna@host.4711")
    assert told(folder) == []


def test_text_that_is_not_utf_8_is_told_with_its_line(folder: Path) -> None:
    (folder / "sla" / "office.toml").write_bytes(RULES.replace('tz = "', '# f\xfcr alle\ntz = "').encode("latin-1"))
    assert told(folder) == ["sla/office.toml:3:1: this is not UTF-8 text\n  store the file as UTF-8"]
    (folder / "sla" / "office.toml").write_bytes(RULES.encode("utf-16"))
    assert told(folder) == ["sla/office.toml:1:1: this is not UTF-8 text\n  store the file as UTF-8"]


@pytest.mark.parametrize("form", ["\ufeff{}", "{}"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_a_mark_before_the_text_and_ends_of_lines_of_windows_do_no_harm(folder: Path, form: str, end: str) -> None:
    file = folder / "sla" / "office.toml"
    file.write_bytes(form.format(RULES.replace("\n", end)).encode())
    assert told(folder) == []
    file.write_bytes(form.format(RULES.replace("15m", "15x").replace("\n", end)).encode())
    assert [error.split(": ")[0] for error in told(folder)] == ["sla/office.toml:7:7"]


def test_the_same_rules_have_one_version_whatever_ends_their_lines(folder: Path) -> None:
    first, _ = look(folder)
    (folder / "sla" / "office.toml").write_bytes(b"\xef\xbb\xbf" + RULES.replace("\n", "\r\n").encode())
    second, _ = look(folder)
    assert first
    assert second
    assert first.version.id == second.version.id


def test_an_empty_file_beside_others_is_warned_of(folder: Path) -> None:
    (folder / "sla" / "vip.toml").write_text("# to come\n")
    _, findings = look(folder)
    assert "nothing stands in this file" in [finding.what for finding in findings if finding.severity == "warning"]


def test_a_file_cut_anywhere_while_it_is_saved_is_read_or_refused(folder: Path) -> None:
    file = folder / "sla" / "office.toml"
    whole = (Path(__file__).parents[2] / "config" / "sla" / "office.toml").read_bytes()
    for length in range(0, len(whole), 53):
        file.write_bytes(whole[:length])
        config, findings = look(folder)
        assert (config is None) == any(finding.severity == "error" for finding in findings), length
    assert config is None  # the last rule was not there yet
