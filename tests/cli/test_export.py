"""The log as a file: whole, in either form, gone on with after a kill, and with nobody's name in it where so asked."""

import asyncio
import csv
import io
import itertools
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from commsd.cli import export
from commsd.cli.part_file import PartFile
from commsd.crm.csv_form import PLAIN
from tests.cli.office import Office
from tests.eventually import eventually

SUBJECT, SENDER, NUMBER = "Zanzibarian delivery", "quirina.oxenfoord@example.org", "+493023125077"


def _lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def _table(path: Path) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(path.read_bytes().decode(), newline="")))


def _mails(office: Office, count: int) -> list[str]:
    return [office.mail(f"jane{number}@example.org", external_ids=()).id for number in range(count)]


def test_the_export_is_a_record_a_line_as_the_api_has_it(office: Office, tmp_path: Path) -> None:
    first, second = office.mail(), office.missed_call().interactions[0]
    told = office.done("log", "export", "--to", str(tmp_path / "log.ndjson"), "--json").json
    assert (told["interactions"], told["format"]) == (2, "ndjson")
    records = _lines(tmp_path / "log.ndjson")
    assert records == office.done("log", "tail", "--json").json
    assert [record["id"] for record in records] == [first.id, second.id]
    assert (tmp_path / "log.ndjson").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in tmp_path.glob("log*")] == ["log.ndjson"]


def test_the_form_follows_the_files_ending_and_a_folder_gets_a_name(office: Office, tmp_path: Path) -> None:
    fact = office.mail(SENDER, '=cmd|"/c calc"!A1, and more\n@SUM')
    office.done("log", "export", "--to", str(tmp_path / "log.csv"))
    assert b"\r\n" in (tmp_path / "log.csv").read_bytes()
    (row,) = _table(tmp_path / "log.csv")
    assert tuple(row) == PLAIN
    assert (row["id"], row["customer"], row["customer_name"]) == (fact.id, SENDER, "Jane Clarke")
    assert row["subject"] == '\'=cmd|"/c calc"!A1, and more\n@SUM'
    (tmp_path / "here").mkdir()
    told = office.done("log", "export", "--to", str(tmp_path / "here"), "--format", "csv", "--json").json
    assert re.fullmatch(r"commsd-log-\d{8}T\d{6}Z\.csv", Path(told["file"]).name)
    assert _table(Path(told["file"])) == [row]


def test_only_what_happened_in_the_window_is_exported(office: Office, tmp_path: Path) -> None:
    office.mail()
    path = str(tmp_path / "log.ndjson")
    assert office.done("log", "export", "--to", path, "--until", "2020-01-01 00:00", "--json").json["interactions"] == 0
    path = str(tmp_path / "more.ndjson")
    assert office.done("log", "export", "--to", path, "--since", "2020-01-01 00:00", "--json").json["interactions"] == 1
    words = ("--since", "2020-02-01 00:00", "--until", "2020-01-01 00:00")
    assert office.commsd("log", "export", "--to", str(tmp_path / "none"), *words).code == 2


def test_nothing_is_overwritten(office: Office, tmp_path: Path) -> None:
    path = tmp_path / "log.ndjson"
    path.write_text("mine")
    ran = office.commsd("log", "export", "--to", str(path))
    assert (ran.code, path.read_text()) == (1, "mine")
    assert "nothing is overwritten" in ran.err
    assert office.commsd("log", "export", "--to", str(tmp_path / "no" / "folder.csv")).code == 1


def test_a_broken_off_export_goes_on_without_loss_or_double(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Broken off at every page in turn, with bytes behind the last mark; and what changes between is there too."""
    monkeypatch.setattr(export, "AT_ONCE", 2)
    monkeypatch.setattr(export, "NOTE_EVERY", 1)
    ids, path = _mails(office, 13), tmp_path / "log.csv"
    words = ("log", "export", "--to", str(path))
    for page in range(1, 4):
        monkeypatch.setattr(PartFile, "write", _full_after(1))
        ran = office.commsd(*words, *(["--resume"] if page > 1 else []))
        assert ran.code == 75, ran.err
        assert not path.exists()
        with (tmp_path / "log.csv.part").open("ab") as file:
            file.write(b"half a li")
        ids += [office.mail(f"kim{page}@example.org", external_ids=()).id]
    monkeypatch.undo()
    assert "--resume" in office.commsd(*words).err
    office.done(*words, "--resume")
    assert [row["id"] for row in _table(path)] == ids
    assert [each.name for each in tmp_path.glob("log*")] == ["log.csv"]


def _full_after(pages: int) -> Any:
    written = itertools.count()

    def write(self: Any, data: bytes) -> None:
        self._file.write(data)
        if next(written) > pages:
            raise OSError(28, "No space left on device")

    return write


def test_an_export_that_was_killed_goes_on(office_anywhere: Office, tmp_path: Path) -> None:
    """A real process, killed without a word; what it wrote between two marks is cut off again."""
    office = office_anywhere
    ids, path = _mails(office, 12), tmp_path / "log.ndjson"
    slow = (
        "import time; from commsd.cli import export, main; export.AT_ONCE = 1; export.NOTE_EVERY = 2\n"
        "tell = export._Progress.tell\n"
        "export._Progress.tell = lambda *args: (time.sleep(0.05), tell(*args))\n"
        f"main(['--config', {str(office.folder)!r}, 'log', 'export', '--to', {str(path)!r}])"
    )
    process = subprocess.Popen([sys.executable, "-c", slow], env=os.environ)
    mark = tmp_path / "log.ndjson.part.json"
    asyncio.run(eventually(mark.exists))
    process.send_signal(signal.SIGKILL)
    assert process.wait(10) == -signal.SIGKILL
    assert mark.exists()
    assert not path.exists()
    office.done("log", "export", "--to", str(tmp_path), "--resume")
    assert [record["id"] for record in _lines(path)] == ids


def test_going_on_takes_something_to_go_on_with(office: Office, tmp_path: Path) -> None:
    path = str(tmp_path / "log.ndjson")
    assert "leave out --resume" in office.commsd("log", "export", "--to", path, "--resume").err
    assert "leave out --resume" in office.commsd("log", "export", "--to", str(tmp_path), "--resume").err
    (tmp_path / "log.ndjson.part").write_bytes(b"")
    (tmp_path / "log.ndjson.part.json").write_text('{"bytes": 17}')
    ran = office.commsd("log", "export", "--to", path, "--resume")
    assert ran.code == 1
    assert "do not belong together" in ran.err


def test_two_exports_do_not_write_one_file(office: Office, tmp_path: Path) -> None:
    import fcntl

    office.mail()
    part, mark = tmp_path / "log.ndjson.part", tmp_path / "log.ndjson.part.json"
    mark.write_text('{"bytes": 0, "format": "ndjson", "since": null, "until": null, "after": "", "interactions": 0}')
    with part.open("wb") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        assert office.commsd("log", "export", "--to", str(tmp_path / "log.ndjson"), "--resume").code == 75


@pytest.mark.parametrize("ending", ["ndjson", "csv"])
def test_a_pseudonymised_export_names_nobody_and_keeps_who_is_the_same(
    office: Office, tmp_path: Path, ending: str
) -> None:
    facts = [office.mail(SENDER, SUBJECT, external_ids=()) for _ in range(2)]
    facts += [office.missed_call(NUMBER).interactions[0]]
    office.done("record", "--channel", "phone", "--contact", NUMBER, "--note", "Xylophone repair", "--agent", "anna")
    rows, texts = [], []
    for name in ("one", "other"):
        path = tmp_path / f"{name}.{ending}"
        office.done("log", "export", "--to", str(path), "--pseudonymised")
        texts.append(path.read_text())
        rows.append(_lines(path) if ending == "ndjson" else _table(path))
    for text in texts:
        hidden = [SENDER, NUMBER, NUMBER[1:], "Jane", "Zanzibar", "Xylophone", "Anna", "anna", "ab" * 8]
        hidden += [value for fact in facts for value in (fact.id, fact.case_id, fact.contact_id) if value]
        assert [word for word in hidden if word in text] == []
    one, other = rows
    assert one[0]["person"] == one[1]["person"] != one[2]["person"]
    assert one[2]["person"] == one[3]["person"]
    assert one[0]["case_id"] == one[1]["case_id"]
    assert {row["person"] for row in one} & {row["person"] for row in other} == set()
    assert one[0]["occurred_at"].startswith(f"{facts[0].occurred_at:%Y-%m-%dT%H:%M:%S}")
    assert (one[2]["kind"], one[2]["outcome"]) == ("call", "missed")


def test_a_pseudonymised_export_is_made_in_one_go(
    office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(export, "AT_ONCE", 1)
    monkeypatch.setattr(export, "NOTE_EVERY", 1)
    _mails(office, 4)
    words = ("log", "export", "--to", str(tmp_path / "log.ndjson"))
    assert office.commsd(*words, "--pseudonymised", "--resume").code == 1
    monkeypatch.setattr(PartFile, "write", _full_after(2))
    assert office.commsd(*words, "--pseudonymised").code == 75
    monkeypatch.undo()
    assert not (tmp_path / "log.ndjson.part.json").exists()
    assert office.commsd(*words, "--resume").code == 1
    assert "delete it" in office.commsd(*words, "--pseudonymised").err
