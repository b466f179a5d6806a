"""`commsd sla diff` as a person runs it."""

from pathlib import Path

from tests.cli.office import Office

RULES = """
[calendar.office]
tz = "Europe/Berlin"
hours = { mon-fri = ["09:00-17:00"] }
[policy.standard]
calendar = "office"
first_response = "4h"
[[rule]]
policy = "standard"
"""


def folder(path: Path, text: str = RULES) -> str:
    path.mkdir()
    (path / "rules.toml").write_text(text, "utf-8")
    return str(path)


def test_two_folders_are_compared_without_a_store(empty_office: Office, tmp_path: Path) -> None:
    one, other = folder(tmp_path / "a"), folder(tmp_path / "b", RULES.replace("4h", "2h").replace("17:00", "18:00"))
    assert empty_office.done("sla", "diff", one, other).out.splitlines() == [
        "calendar office",
        "  mon-fri: 09:00-17:00 -> 09:00-18:00",
        "policy standard",
        "  first_response: 4h -> 2h",
    ]
    assert empty_office.done("sla", "diff", one, one).out == f"{one} and {one} say the same\n"


def test_a_version_is_compared_with_the_configs_files(office: Office, tmp_path: Path) -> None:
    office.mail()  # brings the first version in
    assert office.done("sla", "diff", "1").out == "1 and the config's files say the same\n"
    found = office.done("sla", "diff", "1", folder(tmp_path / "b"), "--json").json
    assert (found["same"], found["before"]["name"]) == (False, "1")
    assert ("policy letter", "is gone") in [(each["of"], each["what"]) for each in found["differences"]]


def test_what_is_not_there_is_said(office: Office, tmp_path: Path) -> None:
    ran = office.commsd("sla", "diff", "9")
    assert (ran.code, 'there is no version "9"' in ran.err) == (1, True)
    ran = office.commsd("sla", "diff", str(tmp_path / "nowhere"))
    assert (ran.code, "there is no such folder" in ran.err) == (78, True)
