"""`commsd sla test` as a person runs it."""

from pathlib import Path

import pytest

from tests.cli.office import Office, commsd, within

OWN = """\
calendars: {office: {tz: Europe/Berlin, weekly: {mon-fri: ["09:00-17:00"]}}}
policies: {std: {calendar: office, clocks: {first_response: {target: 4h}}}}
arithmetic:
- {id: A1, calendar: office, start: 2026-06-02 10:00, target: 4h, due_at: 2026-06-02 14:00}
cases:
- id: C1
  title: one mail
  policy: std
  touches:
  - {id: t1, at: 2026-06-02 10:00, kind: in}
  now: 2026-06-02 11:00
  expect:
  - {clock: first_response, due_at: 2026-06-02 14:00, state: running, elapsed_s: 3600}
"""


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "ours.yaml"
    path.write_text(OWN, "utf-8")
    return path


def test_the_worked_examples_come_out_as_worked_with_and_without_a_config(
    shared: Path, tmp_path: Path, empty_office: Office
) -> None:
    examples = str(shared / "sla" / "examples.yaml")
    with within(tmp_path):
        alone = commsd("sla", "test", examples)
    assert (alone.code, alone.out, alone.err) == (0, "22 arithmetic rows, 22 cases: all as expected\n", "")
    assert empty_office.done("sla", "test", examples).out == alone.out


def test_several_files_are_summed_up(tmp_path: Path, file: Path) -> None:
    with within(tmp_path):
        assert commsd("sla", "test", str(file), str(file)).out == "2 arithmetic rows, 2 cases: all as expected\n"


def test_a_difference_is_exit_1_and_tells_expected_and_got(tmp_path: Path, file: Path) -> None:
    file.write_text(
        OWN.replace("elapsed_s: 3600", "elapsed_s: 1800").replace("due_at: 2026-06-02 14:00, state", "state")
    )
    with within(tmp_path):
        ran = commsd("sla", "test", "ours.yaml")
    assert ran.code == 1
    assert ran.out.splitlines() == [
        "ours.yaml:6: C1: one mail",
        "  first_response 1 elapsed_s",
        "    expected 1800 (0:30:00)",
        "    got      3600 (1:00:00)",
        "1 arithmetic row, 1 case: 1 not as expected",
    ]


def test_what_a_rule_should_have_set_is_told_like_every_other_difference(tmp_path: Path, file: Path) -> None:
    file.write_text(OWN[: OWN.index("  expect:")] + "  expect: {attrs: {priority: urgent}}\n")
    with within(tmp_path):
        ran = commsd("sla", "test", "ours.yaml")
    assert ran.out.splitlines()[1:4] == ["  attrs.priority", "    expected urgent", "    got      null"]


def test_programs_get_the_bare_values(tmp_path: Path, file: Path) -> None:
    file.write_text(OWN.replace("2026-06-02 14:00}", "2026-06-02 15:00}"))
    with within(tmp_path):
        ran = commsd("sla", "test", "ours.yaml", "--json")
    assert (ran.code, ran.json["ok"], ran.json["arithmetic_rows"], ran.json["cases"]) == (1, False, 1, 1)
    (failed,) = ran.json["failed"]
    assert (failed["file"], failed["line"], failed["id"]) == ("ours.yaml", 4, "A1")
    assert failed["differences"] == [
        {"clock": None, "key": "due_at", "expected": "2026-06-02T13:00:00Z", "got": "2026-06-02T12:00:00Z"}
    ]


def test_mistakes_are_told_all_at_once_and_the_rest_is_tried(tmp_path: Path, file: Path) -> None:
    second = OWN[OWN.index("- id: C1") :].replace("C1", "C2")
    file.write_text(OWN + second.replace("kind: in", "kind: inn").replace("11:00", "soon"))
    with within(tmp_path):
        ran = commsd("sla", "test", "ours.yaml", "nowhere.yaml")
    assert ran.code == 1
    assert ran.err.splitlines()[::2] == [
        "nowhere.yaml:1:1: cannot be read: No such file or directory",
        'ours.yaml:18:42: C2 touch 1: no kind of touch "inn"',
        'ours.yaml:19:8: C2: now: "2026-06-02 soon" is not a time',
    ]
    assert ran.out == "1 arithmetic row, 1 case: all as expected, 1 row not tried, 3 mistakes\n"


def test_bytes_that_are_no_text_are_a_mistake_with_their_line(tmp_path: Path) -> None:
    (tmp_path / "latin.yaml").write_bytes("a: b\nb: Kündigung\n".encode("latin-1"))
    with within(tmp_path):
        ran = commsd("sla", "test", "latin.yaml")
    assert ran.code == 1
    assert ran.err.startswith("latin.yaml:2:1: this is not UTF-8 text")
    assert ran.out == "0 arithmetic rows, 0 cases: 1 mistake\n"


def test_the_configs_rules_decide_where_a_case_names_none(empty_office: Office, tmp_path: Path) -> None:
    case = OWN[OWN.index("cases:") :].replace("  policy: std\n", "  clocks: [first_response]\n")
    (tmp_path / "rules.yaml").write_text(case, "utf-8")
    assert empty_office.done("sla", "test", str(tmp_path / "rules.yaml")).out == (
        "0 arithmetic rows, 1 case: all as expected\n"
    )
    (tmp_path / "elsewhere").mkdir()
    with within(tmp_path / "elsewhere"):
        alone = commsd("sla", "test", "../rules.yaml")
    assert alone.code == 1
    assert "names neither a policy nor versions of rules, and there is no config" in alone.err


def test_a_config_that_was_named_must_be_there(tmp_path: Path, file: Path) -> None:
    assert commsd("--config", str(tmp_path / "nowhere"), "sla", "test", str(file)).code == 78
