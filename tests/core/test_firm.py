"""The firm knows its own numbers, whichever channel reads the rest of those tables."""

import pytest

from commsd.config.read import Findings, parse
from commsd.config.unit import Minutes
from commsd.core.agent import Agent, People
from commsd.core.calling_hours import QUIET
from commsd.core.firm import read_firm

CONFIG = """
[service]
name = "Example Ltd"
timezone = "Europe/Berlin"
[line.hotline]
number = "+493023125010"
[line.wrong]
number = 5
"""


def test_numbers_of_lines_and_people_are_ours_and_a_wrong_one_is_left_to_its_reader() -> None:
    findings = Findings()
    table = parse(CONFIG, "commsd.toml", findings)
    assert table is not None
    firm = read_firm(table, People(agents={"anna": Agent(id="anna", name="Anna", phone="+493023125011")}))
    assert firm.numbers == {"+493023125010", "+493023125011"}
    assert not findings.errors


@pytest.mark.parametrize(
    ("callbacks", "quiet"),
    [
        ("", QUIET),
        ("[callbacks]\ntries = 5", QUIET),
        ('[callbacks]\nquiet_hours = "21:00-09:30"', Minutes(21 * 60, 9 * 60 + 30)),
        ('[callbacks]\nquiet_hours = "late"', QUIET),
        ("[callbacks]\nquiet_hours = 5", QUIET),
        ("callbacks = 5", QUIET),
    ],
)
def test_quiet_hours_are_known_to_every_channel_and_a_wrong_span_is_left_to_its_reader(
    callbacks: str, quiet: Minutes
) -> None:
    findings = Findings()
    text = '[service]\nname = "Example Ltd"\ntimezone = "Europe/Berlin"\n'
    table = parse(f"{callbacks}\n{text}", "commsd.toml", findings)
    assert table is not None
    assert read_firm(table, People()).quiet == quiet
    assert not findings.errors
