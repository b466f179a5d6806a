"""Somebody's data on the command line: handed over as a folder, and erased."""

import asyncio
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from functools import partial
from pathlib import Path
from typing import Any

from sqlalchemy import select

from commsd.core import key
from commsd.core.change import Change, change_of
from commsd.core.interaction import MESSAGE_ID, ExternalId, Party, Role
from commsd.core.open_items import OpenItems, Terms
from commsd.store import crm_schema
from commsd.store.log import Log
from tests.cli.office import RAW, Office
from tests.crm.serving import Fact, mail_from
from tests.eventually import eventually_blocking
from tests.traces import needles, traces

JANE = "jane@example.org"


def outcomes(office: Office) -> list[tuple[str, str]]:
    return [(row["what"], row["outcome"]) for row in office.done("keys", "audit", "--json").json]


def audited(office: Office) -> list[tuple[str, Any]]:
    table = crm_schema.audit

    async def rows(log: Any, _rules: Any) -> list[tuple[str, Any]]:
        found = await log.read(lambda c: c.execute(select(table.c.what, table.c.about)).all())
        return [tuple(row) for row in found]

    return office.with_log(rows)


def test_prv_1_an_export_can_be_read_by_people_and_programs_and_holds_the_originals(
    office: Office, tmp_path: Path
) -> None:
    fact = office.mail(subject="<b>Delivery</b>")
    folder = tmp_path / "jane"
    ran = office.done("contacts", "export", JANE, "--to", str(folder), "--json").json
    assert (ran["interactions"], ran["originals"]) == (1, 1)
    data = json.loads((folder / "person.json").read_text())
    assert data["interactions"][0]["id"] == fact.id
    assert data["contacts"][0]["identities"] == [{"kind": "email", "value": JANE}]
    assert (folder / data["interactions"][0]["files"][0]).read_bytes() == RAW
    page = (folder / "index.html").read_text()
    assert "&lt;b&gt;Delivery" in page
    assert "<b>" not in page
    assert "http" not in page
    assert folder.stat().st_mode & 0o077 == 0
    assert ("contact.exported", [fact.contact_id]) in audited(office)


def test_an_export_writes_into_no_folder_that_holds_anything(office: Office, tmp_path: Path) -> None:
    office.mail()
    (tmp_path / "mine.txt").write_text("mine")
    ran = office.commsd("contacts", "export", JANE, "--to", str(tmp_path))
    assert ran.code == 1
    assert "not empty" in ran.err
    assert [path.name for path in tmp_path.iterdir() if path.name not in ("config",)] == ["mine.txt"]
    assert outcomes(office) == [("contact.exported", "refused")]


def test_prv_1_an_export_names_the_firm_they_belong_to(office: Office, tmp_path: Path) -> None:
    office.mail()
    firm = office.done("organisations", "set", "Acme & Sons", "--json").json["id"]
    office.done("contacts", "set", JANE, "--organisation", "Acme & Sons")
    office.done("contacts", "export", JANE, "--to", str(tmp_path / "jane"))
    (contact,) = json.loads((tmp_path / "jane" / "person.json").read_text())["contacts"]
    assert (contact["organisation_id"], contact["organisation_name"]) == (firm, "Acme & Sons")
    assert "organisation: Acme &amp; Sons" in (tmp_path / "jane" / "index.html").read_text()
    assert ("contact.exported", "done") in outcomes(office)


def test_prv_1_an_export_that_was_killed_says_so_and_is_made_anew(office_anywhere: Office, tmp_path: Path) -> None:
    """A real process, killed as it writes the last file: there is no page that could be taken for a whole one."""
    office_anywhere.mail()
    folder = tmp_path / "jane"
    words = ("contacts", "export", JANE, "--to", str(folder))
    dies = (
        "import os, pathlib, signal; from commsd.cli import main; named = pathlib.Path.rename\n"
        "def rename(path, to):\n"
        "    return os.kill(os.getpid(), signal.SIGKILL) if to.name == 'index.html' else named(path, to)\n"
        f"pathlib.Path.rename = rename; main({['--config', str(office_anywhere.folder), *words]!r})"
    )
    done = subprocess.run([sys.executable, "-c", dies], timeout=60, check=False)
    assert done.returncode == -signal.SIGKILL
    assert (folder / "person.json").exists()
    assert not (folder / "index.html").exists()
    ran = office_anywhere.commsd(*words)
    assert (ran.code, "broken off" in ran.err, "delete that folder" in ran.err) == (1, True, True)
    shutil.rmtree(folder)
    office_anywhere.done(*words)
    assert sorted(path.name for path in folder.iterdir()) == ["index.html", "originals", "person.json"]


def test_prv_1_erasing_asks_first_refuses_what_is_owed_and_leaves_no_byte_in_the_files(office: Office) -> None:
    fact = office.mail(subject="Grammofonnadel")
    assert "--yes" in office.commsd("contacts", "erase", JANE).err
    refused = office.commsd("contacts", "erase", JANE, "--yes")
    assert refused.code == 1
    assert fact.case_id
    assert fact.case_id in refused.err
    ran = office.done("contacts", "erase", JANE, "--yes", "--even-if-owed", "--agent", "anna", "--json").json
    assert ran["tidy"] is True
    assert ran["contacts"] == [fact.contact_id]
    for path in office.folder.rglob("commsd.db*"):
        content = path.read_bytes()
        assert b"Grammofonnadel" not in content, path
        assert b"jane" not in content.lower(), path
        assert RAW not in content
    assert "nobody is known" in office.commsd("contacts", "show", JANE).err
    assert ("contact.erased", [fact.contact_id]) in audited(office)


NAME, SUBJECT = "Xaviera Quillfeather", "Grammofonnadel"
MAILS = 150
THEIRS = 2 * MAILS
"""Interactions: each mail's case is closed before it is erased."""


def recorded(fact: Fact, terms: Terms, items: OpenItems) -> Change:
    return change_of(fact(items), items, terms)


def wrote_much(office: Office) -> None:
    """Many mails of Jane's, each in a case of its own."""

    async def work(log: Log, rules: Any) -> None:
        terms: Terms = rules.terms
        parties = (Party(Role.FROM, JANE, NAME),)
        facts = (
            mail_from(JANE, f"{SUBJECT} {n}", parties=parties, external_ids=(ExternalId(MESSAGE_ID, f"{n}@{JANE}"),))
            for n in range(MAILS)
        )
        keys = key.of_addresses(JANE)
        await asyncio.gather(*(log.submit(keys, partial(recorded, fact, terms)) for fact in facts))

    office.with_log(work)


def test_prv_1_erasing_that_is_killed_in_the_middle_is_finished_by_the_same_command(office: Office) -> None:
    wrote_much(office)
    database = office.folder / "commsd.db"
    words = ("contacts", "erase", JANE, "--yes", "--even-if-owed", "--agent", "anna")
    command = [sys.executable, "-m", "commsd", "--config", str(office.folder), *words]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    looking = sqlite3.connect(f"file:{database}?mode=ro", uri=True)
    count = "SELECT count(*) FROM interactions WHERE current AND json_extract(record, '$.erased_at') IS NOT NULL"

    def erased() -> int:
        return int(looking.execute(count).fetchone()[0])

    try:
        eventually_blocking(erased, within=60)
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(30)
    assert 0 < erased() < THEIRS
    looking.close()
    sought = needles((*NAME.split(), SUBJECT, JANE))
    assert any(traces(path.read_bytes(), sought) for path in office.folder.rglob("commsd.db*"))
    ran = office.done(*words, "--json").json
    assert ran["tidy"] is True
    assert 0 < ran["interactions"] < THEIRS
    assert {str(p): found for p in office.folder.rglob("*.db*") if (found := traces(p.read_bytes(), sought))} == {}


def test_who_was_erased_can_be_exported_and_nothing_is_in_it(office: Office, tmp_path: Path) -> None:
    fact = office.mail()
    office.done("contacts", "erase", JANE, "--yes", "--even-if-owed")
    ran = office.done("contacts", "export", fact.contact_id or "", "--to", str(tmp_path / "empty"), "--json").json
    assert ran["originals"] == 0
    for path in (tmp_path / "empty").rglob("*.*"):
        assert b"jane" not in path.read_bytes().lower()
