"""The firm knows its own numbers, whichever channel reads the rest of those tables."""

from commsd.config.read import Findings, parse
from commsd.core.agent import Agent, People
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
