"""SLA rules as values: which rule matches, what a duration is, and that a version comes back from JSON unchanged."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from fnmatch import fnmatchcase
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.core.calendar import Calendar, window
from commsd.core.policy import (
    ClockKind,
    Policy,
    Rule,
    Step,
    Target,
    Version,
    as_json,
    business_days,
    duration,
    from_json,
    mismatch,
    policy_for,
    rule_for,
    step_at,
)

H, M = timedelta(hours=1), timedelta(minutes=1)
OFFICE = Calendar(name="office", tz="Europe/Berlin", weekly={0: (window("09:00-17:00"),)})
DATED = Calendar(
    name="dated",
    tz="customer",
    weekly={0: (window("22:00-06:00"),)},
    dates={date(2026, 12, 25): (), date(2026, 12, 24): (window("09:00-12:00"),)},
    fallback_tz="Asia/Jakarta",
)
SLOW, QUICK = (
    Policy(name=name, calendar="office", targets={ClockKind.FIRST_RESPONSE: Target(duration=within, warn_percent=75)})
    for name, within in (("slow", 4 * H), ("quick", H))
)
WORK = Policy(
    name="work",
    calendar="dated",
    ladder="standard",
    targets={
        ClockKind.ACK: Target(business_days=2, by="human", objective="95% / 28d"),
        ClockKind.CALLBACK: Target(duration=2 * H, stop_on="any_reply", met_after_attempts=3, calendar="office"),
        ClockKind.RESOLUTION: Target(duration=16 * H, pause_on=frozenset({"customer", "parts"}), reopen="new"),
        ClockKind.PROMISE: Target(warn_before=15 * M),
    },
)
BY_TIER = (Rule(match={"tier": ("gold",)}, policy="quick"), Rule(match={"tier": ("off",)}), Rule(policy="slow"))
LADDER = (
    Step(at=75, tell=("owner",)),
    Step(at=timedelta(0), tell=("lead",), page=True),
    Step(at=H, tell=("head",), real=True, repeat=H, times=3),
)
RULES = Version(
    id="v",
    effective_from=datetime(2026, 6, 2, 7, tzinfo=UTC),
    rules=BY_TIER,
    policies={each.name: each for each in (SLOW, QUICK, WORK)},
    calendars={"office": OFFICE, "dated": DATED},
)


@pytest.mark.parametrize(
    ("match", "facts", "fails"),
    [
        ({"tier": ("gold", "platinum")}, {"tier": "Platinum"}, None),
        ({"tier": ("gold",)}, {}, "tier"),
        ({"tier": ("g*",)}, {"tier": "gold"}, "tier"),
        ({"to": ("claims@*",)}, {"to": ("Claims@Example.org", "x@y")}, None),
        ({"keywords": ("kündig*",)}, {"keywords": ("KÜNDIGUNG",)}, None),
        ({"keywords": ("kündig*",)}, {"keywords": ()}, "keywords"),
        ({"tier": ("gold",), "channel": ("fax",)}, {"tier": "gold", "channel": "email"}, "channel"),
    ],
)
def test_all_keys_must_match_and_any_value_of_a_key_is_enough(match: Any, facts: Any, fails: str | None) -> None:
    assert mismatch(Rule(match=match, policy="p"), facts) == fails


def test_the_first_rule_that_matches_wins() -> None:
    assert rule_for(RULES, {"tier": "tin"}) == (2, BY_TIER[2])
    assert [policy_for(RULES, {"tier": tier}) for tier in ("gold", "tin", "off")] == [QUICK, SLOW, None]


@pytest.mark.parametrize(
    ("text", "seconds"), [("90s", 90), ("15m", 900), ("1h30m", 5400), ("8h1s", 28801), ("0s", 0), ("1h1m1s", 3661)]
)
def test_a_duration_is_hours_minutes_and_seconds(text: str, seconds: int) -> None:
    assert duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["", "2d", "4", "1.5h", "-4h", "4 h", "30m1h", "2bd", "h"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a duration"):
        duration(text)


def test_business_days_are_counted_from_one() -> None:
    assert business_days("2bd") == 2
    for text in ("0bd", "2d", "bd", "-1bd"):
        with pytest.raises(ValueError, match="business days"):
            business_days(text)


def test_a_step_is_a_percentage_or_an_offset_from_due() -> None:
    assert [step_at(text) for text in ("75%", "-15m", "due", "+1h")] == [75, -15 * M, timedelta(0), H]
    for text in ("15m", "%", "x", "+"):
        with pytest.raises(ValueError, match="is not a"):
            step_at(text)


def test_a_version_survives_json() -> None:
    matched = Rule(match={"to": ("a@*", "b@*")}, policy="slow", sets={"priority": "urgent"})
    value = replace(RULES, rules=(matched, *BY_TIER), ladders={"standard": LADDER}, applies="running")
    assert from_json(json.loads(json.dumps(as_json(value)))) == value


_BITS = st.text(alphabet="aAäß*?[]!.@-", max_size=5)


@given(
    wanted=st.lists(_BITS, max_size=3),
    found=_BITS | st.lists(_BITS, max_size=3).map(tuple),
    key=st.sampled_from(("from", "tier")),
)
def test_a_pattern_takes_what_a_file_name_pattern_takes_and_a_name_only_itself(
    wanted: list[str], found: str | tuple[str, ...], key: str
) -> None:
    values = [each.casefold() for each in ((found,) if isinstance(found, str) else found)]
    patterns = [each.casefold() for each in wanted]
    taken = any(fnmatchcase(v, p) if key == "from" else v == p for v in values for p in patterns)
    assert mismatch(Rule(match={key: tuple(wanted)}, policy="p"), {key: found}) == (None if taken else key)


def test_a_version_knows_what_its_rules_look_at() -> None:
    rules = (Rule(match={"tier": ("gold",)}, policy="quick", sets={"owner": "anna"}), Rule(policy="slow"))
    version = replace(RULES, rules=rules)
    assert version.keys == frozenset({"tier", "tz"})
    assert (version.sets, RULES.sets) == (True, False)
    assert ClockKind.FIRST_RESPONSE in version.kinds
