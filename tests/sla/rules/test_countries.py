"""Every country of the `holidays` package can be asked by itself, without the 250 others."""

import subprocess
import sys
from datetime import date

from commsd.sla.rules.countries import codes, country, words

ONE = """
import sys
from commsd.sla.rules.countries import country
assert country("DE").subdivisions
print(sum(name.startswith("holidays.countries.") for name in sys.modules))
"""


def test_asking_for_one_country_does_not_import_the_others() -> None:
    alone = subprocess.run([sys.executable, "-c", ONE], capture_output=True, text=True, check=True, timeout=60)
    assert int(alone.stdout) == 1


def test_each_country_gives_its_days() -> None:
    without = [code for code in sorted(codes()) if not getattr(country(code), "supported_categories", ())]
    assert (len(codes()) > 200, without) == (True, [])


def test_the_days_are_those_of_the_country_and_its_part() -> None:
    germany = country("DE")
    assert germany is not None
    days = germany(subdiv="BE", years=2026)
    assert (date(2026, 3, 8) in days, date(2026, 1, 6) in days) == (True, False)


def test_a_country_nobody_knows_is_none() -> None:
    assert country("XX") is None
    assert country("HolidayBase") is None


def test_a_country_is_found_by_its_name_and_by_each_of_its_codes() -> None:
    assert (words()["germany"], words()["deu"], words()["de"]) == ("DE", "DE", "DE")
