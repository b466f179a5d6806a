"""What free days are called, by files that were accepted once and a `holidays` package that has moved on since."""

from datetime import date

import pytest

from commsd.sla.rules.opening import names_of_free_days

FILE = """
[calendar.office.holidays]
country = "{}"
subdivision = "{}"
categories = ["{}"]
"""


def names(country: str = "DE", part: str = "BE", category: str = "public") -> dict[date, str]:
    return dict(names_of_free_days({"sla.toml": FILE.format(country, part, category)}, None, "office", (2026,)))


def test_a_free_day_has_its_name() -> None:
    german = names_of_free_days({}, "DE-BE", "office", (2026,), language="de")
    assert german[date(2026, 3, 8)] == "Frauentag"
    assert names_of_free_days({}, "DE-BE", "office", (2026,)) == names()


@pytest.mark.parametrize("gone", [{"country": "ZZ"}, {"part": "XX"}, {"category": "carnival"}])
def test_what_the_list_does_not_know_any_more_has_no_names(gone: dict[str, str]) -> None:
    assert names(**gone) == {}


def test_a_calendar_without_free_days_has_no_names() -> None:
    assert names_of_free_days({"sla.toml": "[calendar.office]"}, "DE", "office", (2026,)) == {}
    assert names_of_free_days({}, None, "office", (2026,)) == {}
