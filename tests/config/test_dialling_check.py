"""What `check` finds of dialling against the lines and people there are."""

from pathlib import Path

import pytest

from tests.config.folder import MAILBOX, MINIMUM, look, write
from tests.config.test_mistakes import LINE, PEOPLE, POLLED

ABROAD = """
[agent.dan]
name = "Dan"
phone = "+4532123456"
"""


def warnings(folder: Path, added: str) -> list[str]:
    _, findings = look(write(folder, MINIMUM + MAILBOX + PEOPLE + added + "\n"))
    assert not [finding for finding in findings if finding.severity == "error"]
    return [finding.what for finding in findings if "no file" not in finding.what]


def test_fraud_agent_numbers_abroad_are_warned_of(tmp_path: Path) -> None:
    found = warnings(tmp_path, ABROAD + LINE + 'rounds = [["dan"]]')
    assert "[agent.dan] has a telephone in DK, and this line is in DE" in found


def test_who_is_not_rung_may_have_a_telephone_anywhere(tmp_path: Path) -> None:
    assert not [what for what in warnings(tmp_path, ABROAD + LINE) if "telephone in" in what]


@pytest.mark.parametrize(("enabled", "told"), [("true", 1), ("false", 0)])
def test_a_line_in_a_country_that_is_not_allowed_is_warned_of(tmp_path: Path, enabled: str, told: int) -> None:
    found = warnings(tmp_path, LINE + f'[dialling]\nregions = ["DK"]\nenabled = {enabled}')
    assert len([what for what in found if what.startswith("regions does not name DE")]) == told


@pytest.mark.parametrize(
    ("wished", "line", "told"),
    [("true", POLLED, 1), ("false", POLLED, 0), ("true", LINE, 0)],
    ids=["without a public address", "not wished", "with webhooks"],
)
def test_p8_that_nobody_can_tell_of_a_machine_is_a_note(tmp_path: Path, wished: str, line: str, told: int) -> None:
    added = PEOPLE + line + f"[dialling]\nmachine_detection = {wished}\n"
    config, findings = look(write(tmp_path, MINIMUM + MAILBOX + added))
    assert config is not None
    notes = [finding for finding in findings if finding.what.startswith("machine_detection does nothing")]
    assert [finding.severity for finding in notes] == ["note"] * told
    assert config.settings["phone"].dialling.machine_detection is (wished == "true")


def test_p8_nobody_listens_for_machines_unless_it_is_written(tmp_path: Path) -> None:
    config, _ = look(write(tmp_path, MINIMUM + MAILBOX + PEOPLE + LINE))
    assert config is not None
    assert config.settings["phone"].dialling.machine_detection is False
