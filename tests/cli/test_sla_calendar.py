"""Opening hours as a grid: holidays by name, half days, changes of the clocks, a customer's zone."""

from pathlib import Path

import pytest

from tests.cli.office import Office, built

RULES = """
[calendar.shop]
tz = "Europe/Copenhagen"
hours = { mon-fri = ["09:00-17:00"], sun = ["02:30-04:00"] }
holidays = { country = "DK" }
[calendar.shop.dates]
2026-12-24 = ["09:00-12:00"]
2026-12-30 = ["08:00-20:00"]
2026-12-31 = "closed"
2026-12-25 = "as usual"
[calendar.customers]
tz = "customer"
fallback_tz = "Europe/Berlin"
hours = "mon-fri 09:00-17:00"
[policy.standard]
calendar = "shop"
ack = { target = "15m", calendar = "customers" }
[[rule]]
policy = "standard"
"""


@pytest.fixture
def shop(tmp_path: Path) -> Office:
    folder = built(tmp_path)
    (folder / "sla").mkdir()
    (folder / "sla" / "a.toml").write_text(RULES)
    return Office(folder)


def line(shop: Office, day: str, *words: str) -> str:
    out = shop.done("sla", "calendar", "shop", *words).out
    (found,) = (each for each in out.splitlines() if each.startswith(day))
    return found.partition("  ")[2].partition("  ")[2]


@pytest.mark.parametrize(
    ("day", "month", "said"),
    [
        ("Thu 24 Dec", "2026-12", "09:00-12:00; half day"),
        ("Fri 25 Dec", "2026-12", "09:00-17:00; Christmas Day; open as usual"),
        ("Sat 26 Dec", "2026-12", "Second Day of Christmas"),
        ("Wed 30 Dec", "2026-12", "08:00-20:00; hours of its own"),
        ("Thu 31 Dec", "2026-12", "closed"),
        ("Tue 01 Dec", "2026-12", "09:00-17:00"),
        ("Sun 28 Mar", "2027-03", "Easter Sunday; closed; clocks go forward 02:00 to 03:00"),
        (
            "Sun 26 Mar",
            "2028-03",
            "02:30-04:00; clocks go forward 02:00 to 03:00; Sun 02:30 does not exist on 2028-03-26; opens at 03:00",
        ),
    ],
)
def test_what_makes_a_day_another_than_usual_is_told(shop: Office, day: str, month: str, said: str) -> None:
    assert line(shop, day, "--month", month) == said


def test_a_change_of_the_clocks_is_a_record_too(shop: Office) -> None:
    days = shop.done("sla", "calendar", "shop", "--month", "2026-10", "--json").json
    (changed,) = (each for each in days if each["clocks"])
    assert changed["date"] == "2026-10-25"
    assert changed["clocks"] == {"at": "2026-10-25T01:00:00.000Z", "from": "03:00", "to": "02:00"}
    assert changed["remarks"] == [
        "clocks go back 03:00 to 02:00",
        "Sun 02:30 comes twice on 2026-10-25; opens at the first",
    ]


def test_several_months_follow_each_other(shop: Office) -> None:
    out = shop.done("sla", "calendar", "shop", "--month", "2026-11", "--months", "3").out
    titles = [each for each in out.splitlines() if each[-4:] in ("2026", "2027")]
    assert titles == ["November 2026", "December 2026", "January 2027"]
    assert len(shop.done("sla", "calendar", "shop", "--month", "2026-11", "--months", "3", "--json").json) == 92


def test_a_customers_calendar_is_shown_in_the_zone_asked_for(shop: Office) -> None:
    words = ("sla", "calendar", "customers", "--month", "2026-03", "--json")
    assert shop.done(*words).json[1]["open"][0]["opens_at"] == "2026-03-02T08:00:00.000Z"
    there = shop.done(*words, "--tz", "America/New_York").json
    assert there[1]["open"][0]["opens_at"] == "2026-03-02T14:00:00.000Z"
    assert [each["date"] for each in there if each["clocks"]] == ["2026-03-08"]
    head = shop.done("sla", "calendar", "customers", "--tz", "America/New_York").out.splitlines()[0]
    assert head == "customers, America/New_York, as for a customer there"


def test_hours_that_are_only_tried_are_shown_too(shop: Office, tmp_path: Path) -> None:
    tried = tmp_path / "new-rules"
    tried.mkdir()
    (tried / "a.toml").write_text(
        RULES.replace('2026-12-31 = "closed"', '2026-12-30 = "closed"', 1).replace('2026-12-30 = ["08:00-20:00"]\n', "")
    )
    assert line(shop, "Thu 31 Dec", "--month", "2026-12") == "closed"
    assert line(shop, "Thu 31 Dec", "--month", "2026-12", "--rules", str(tried)) == "09:00-17:00"
    assert line(shop, "Wed 30 Dec", "--month", "2026-12", "--rules", str(tried)) == "closed"
    ran = shop.commsd("sla", "calendar", "shop", "--rules", str(tmp_path / "nowhere"))
    assert ran.code == 78
    assert "there is no such folder" in ran.err


@pytest.mark.parametrize(
    "words", [("shop", "--tz", "Europe/Rome"), ("customers", "--tz", "Rome"), ("shop", "--months", "0")]
)
def test_a_zone_that_is_none_or_does_not_count_is_told_so(shop: Office, words: tuple[str, ...]) -> None:
    assert shop.commsd("sla", "calendar", *words).code == 2


def test_without_rules_the_country_of_the_service_names_its_holidays(tmp_path: Path) -> None:
    folder = built(tmp_path)
    main = (folder / "commsd.toml").read_text()
    (folder / "commsd.toml").write_text(main.replace("[store]", 'country = "DE-BE"\n[store]'))
    days = Office(folder).done("sla", "calendar", "standard", "--month", "2027-03", "--json").json
    assert {each["date"] for each in days if each["holiday"]} == {"2027-03-08", "2027-03-26", "2027-03-29"}
