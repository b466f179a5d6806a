"""What the front page types for who connects a CRM works, in its order."""

import re
import shlex
from pathlib import Path

import pytest

from tests.cli.office import Office

PEOPLE = "name,email,external_id\nJane Clarke,jane@example.org,4711\nBo Lind,bo@example.org,4712\n"
PUBLIC = "https://8.8.8.8"
"""In place of a name, which nobody resolves for us here."""


def typed(root: Path) -> list[list[str]]:
    """The words behind each "$ commsd" of the page."""
    page = (root / "README.md").read_text("utf-8")
    blocks = re.findall(r"^```console\n(.*?)^```", page, re.DOTALL | re.MULTILINE)
    lines = re.findall(r"^\$ commsd (.*)$", "".join(blocks), re.MULTILINE)
    return [shlex.split(line.replace("https://crm.example.com", PUBLIC)) for line in lines]


def test_what_the_readme_types_works_in_its_order(
    root: Path, office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.csv").write_text(PEOPLE, "utf-8")
    said = {" ".join(words[:2]): office.done(*words).out for words in typed(root)}
    assert len(said) == 8
    assert said["webhooks add"].splitlines()[-1].startswith("whsec_")
    assert "crm" in said["webhooks list"]
    assert (tmp_path / "jane" / "person.json").is_file()
    assert (tmp_path / "log.ndjson").is_file()
    assert {"key.added", "webhook.added"} <= set(said["keys audit"].split())
    assert office.commsd("contacts", "show", "jane@example.org").code != 0
    assert office.commsd("contacts", "show", "bo@example.org").code == 0
