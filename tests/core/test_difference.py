"""What differs between two sets of rules, in words."""

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from commsd.core.calendar import Calendar, window
from commsd.core.difference import differences, written
from commsd.core.policy import ClockKind, Policy, Rule, Step, Target, Version

H = timedelta(hours=1)
WEEK = {day: (window("09:00-17:00"),) for day in range(5)}
OFFICE = Calendar(name="office", tz="Europe/Berlin", weekly=WEEK, dates={date(2026, 12, 25): ()})
STANDARD = Policy(name="standard", calendar="office", targets={ClockKind.FIRST_RESPONSE: Target(duration=4 * H)})
VIP = replace(STANDARD, name="vip", targets={ClockKind.FIRST_RESPONSE: Target(duration=H)})
GOLD = Rule(match={"tier": ("gold",)}, policy="vip")
LETTER = Rule(match={"channel": ("letter", "fax")}, policy="standard")
REST = Rule(policy="standard")
STEPS = (Step(at=75, tell=("owner",)), Step(at=timedelta(0), tell=("team", "lead")))


def version(**more: Any) -> Version:
    given: dict[str, Any] = {
        "id": "v",
        "effective_from": datetime(2026, 1, 1, tzinfo=UTC),
        "rules": (GOLD, LETTER, REST),
        "policies": {"standard": STANDARD, "vip": VIP},
        "calendars": {"office": OFFICE},
        "ladders": {"standard": STEPS},
    }
    return Version(**(given | more))


def told(**more: Any) -> list[str]:
    return [str(each) for each in differences(version(), version(**more))]


def office(**more: Any) -> dict[str, dict[str, Calendar]]:
    given: dict[str, Any] = {"name": "office", "tz": "Europe/Berlin", "weekly": WEEK, "dates": OFFICE.dates}
    return {"calendars": {"office": Calendar(**(given | more))}}


def standard(**more: Any) -> dict[str, dict[str, Policy]]:
    return {"policies": {"standard": replace(STANDARD, **more), "vip": VIP}}


def first(**more: Any) -> dict[str, dict[str, Policy]]:
    return standard(targets={ClockKind.FIRST_RESPONSE: Target(**{"duration": 4 * H, **more})})


def test_rules_that_say_the_same_do_not_differ_whenever_they_came_in_force() -> None:
    assert told(id="other", effective_from=datetime(2026, 6, 1, tzinfo=UTC), applies="running") == []


def test_weekdays_that_change_alike_are_told_as_one() -> None:
    week = {**WEEK, 0: (window("08:00-17:00"),), 1: (window("08:00-17:00"),), 5: (window("10:00-12:00"),)}
    assert told(**office(weekly=week)) == [
        "calendar office: mon-tue: 09:00-17:00 -> 08:00-17:00",
        "calendar office: sat: closed -> 10:00-12:00",
    ]


def test_dates_are_told_with_their_weekday_and_only_where_hours_differ() -> None:
    dates = {date(2026, 12, 24): (window("09:00-12:00"),), date(2026, 12, 26): ()}  # the 26th is a Saturday
    assert told(**office(dates=dates)) == [
        "calendar office: Thu 2026-12-24: 09:00-17:00, as usual -> 09:00-12:00",
        "calendar office: Fri 2026-12-25: closed -> 09:00-17:00, as usual",
    ]


def test_holidays_listed_by_one_side_alone_because_it_was_read_later_are_no_difference() -> None:
    later = office(dates={**OFFICE.dates, date(2030, 12, 25): ()})
    before = version(holidays_until=date(2029, 12, 31))
    after = version(**later, holidays_until=date(2030, 12, 31))
    assert differences(before, after) == differences(after, before) == ()
    assert len(differences(version(), version(**later))) == 1


@pytest.mark.parametrize(
    ("more", "said"),
    [
        (office(tz="Asia/Jakarta"), "calendar office: time zone: Europe/Berlin -> Asia/Jakarta"),
        (office(fallback_tz="UTC"), "calendar office: zone where the customer's is not known: - -> UTC"),
        ({"calendars": {}}, "calendar office: is gone: Europe/Berlin, mon-fri 09:00-17:00, sat-sun closed -> -"),
        (standard(calendar="night"), "policy standard: calendar: office -> night"),
        (standard(ladder="hard"), "policy standard: ladder: - -> hard"),
        (standard(targets={}), "policy standard: first_response: 4h -> off"),
        (first(duration=90 * timedelta(minutes=1)), "policy standard: first_response: 4h -> 1h30m"),
        (first(duration=None, business_days=2), "policy standard: first_response: 4h -> 2bd"),
        (first(warn_percent=75), "policy standard: first_response warns at: - -> 75%"),
        (first(warn_before=H), "policy standard: first_response warns at: - -> 1h before"),
        (first(calendar="night"), "policy standard: first_response calendar: - -> night"),
        (first(by="human"), "policy standard: first_response acknowledged by: any -> human"),
        (first(stop_on="any_reply"), "policy standard: first_response ends with: talk -> any_reply"),
        (first(met_after_attempts=3), "policy standard: first_response met after attempts: - -> 3"),
        (first(pause_on=frozenset({"b", "a"})), "policy standard: first_response pauses for: - -> a, b"),
        (first(reopen="new"), "policy standard: first_response reopen: continue -> new"),
        (first(objective="95% / 28d"), "policy standard: first_response objective: - -> 95% / 28d"),
        ({"policies": {"standard": STANDARD}}, "policy vip: is gone: first_response 1h in office -> -"),
        ({"ladders": {}}, "ladder standard: is gone: 75% owner; due team, lead -> -"),
        (
            {"ladders": {"standard": (STEPS[0], Step(at=H, tell=("lead",), page=True, real=True, repeat=H, times=3))}},
            "ladder standard: steps: due team, lead -> "
            "+1h lead, also while closed, in clock time, again each 1h, 3 times in all",
        ),
        ({"rules": (GOLD, REST)}, "rules: rule 2 is gone: channel=letter|fax: policy standard -> -"),
        (
            {"rules": (GOLD, Rule(match={"team": ("sales",)}, policy=None, sets={"owner": "bo"}), LETTER, REST)},
            "rules: rule 2 is new: - -> team=sales: policy off, sets owner=bo",
        ),
        (
            {"rules": (replace(GOLD, policy="standard"), LETTER, REST)},
            "rules: rule 1 (tier=gold): policy vip -> policy standard",
        ),
        ({"rules": (LETTER, GOLD, REST)}, "rules: the rule for channel=letter|fax was moved: rule 2 -> rule 1"),
    ],
)
def test_each_difference_is_told_in_words_and_alone(more: dict[str, Any], said: str) -> None:
    assert told(**more) == [said]


def test_a_new_rule_above_moves_no_other() -> None:
    new = Rule(match={"priority": ("urgent",)}, policy="vip")
    assert told(rules=(new, GOLD, LETTER, REST)) == ["rules: rule 1 is new: - -> priority=urgent: policy vip"]


def test_the_order_of_values_and_their_case_are_no_difference() -> None:
    same = Rule(match={"channel": ("FAX", "letter")}, policy="standard")
    assert told(rules=(GOLD, same, REST)) == []


@pytest.mark.parametrize(("length", "text"), [(90 * 60, "1h30m"), (28801, "8h1s"), (0, "0s"), (45, "45s")])
def test_lengths_are_written_as_in_the_files(length: int, text: str) -> None:
    assert written(timedelta(seconds=length)) == text
