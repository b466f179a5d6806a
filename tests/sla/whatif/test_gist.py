"""What B changes and what came of it, as somebody is told who has never seen the rules."""

from dataclasses import replace
from zoneinfo import ZoneInfo

import pytest

from commsd.core.difference import Difference
from commsd.core.policy import Rule, Target, Version
from commsd.core.whatif.past import PastCase
from commsd.core.whatif.record import as_json
from commsd.core.whatif.replay import Question, Replay
from commsd.core.whatif.report import Report, report
from commsd.sla.whatif.blocks import blocks
from commsd.sla.whatif.gist import MOST_LINES, changed, headlines, told
from commsd.sla.whatif.page import page
from tests.core.sla_builders import OFFICE, H, on, policy, touch, version

BERLIN = ZoneInfo("Europe/Berlin")


def of(hours: int) -> Version:
    return version(policy("standard", first_response=Target(duration=hours * H)), id=f"{hours}h")


def asked(history: tuple[Version, ...], candidate: Version, *cases: PastCase) -> Report:
    question = Question(history=history, candidate=candidate, since=on(0), until=on(23, 59), now=on(23, day=4))
    replay = Replay(question)
    for case in cases:
        replay.take(case)
    return report(question, replay.tally, BERLIN, BERLIN.key)


def answered(hour: int, hours: int, name: str = "c", **attrs: str) -> PastCase:
    return PastCase(name, attrs, (touch("in", on(hour), facts={"channel": "email"}), touch("out", on(hour + hours))))


SLOW, FAST = answered(9, 3, "slow"), answered(9, 1, "fast")


def test_the_clock_that_changed_is_told_with_its_target_and_both_numbers() -> None:
    first, over_all = headlines(asked((of(4),), of(2), SLOW, FAST))
    assert first == "With 2 h, 1 of 2 first answers (50 %) would have been late, instead of 0."
    assert over_all.startswith("Over all clocks, 50 % would have been in time instead of 100 %: 1 newly late, 0 saved")


def test_where_the_target_stays_the_rules_are_the_cause() -> None:
    always = replace(of(4), id="always", calendars={**of(4).calendars, "office": replace(OFFICE, weekly={})})
    first, *_ = headlines(asked((of(4),), always, answered(9, 5)))
    assert first == "Under B, 0 of 1 first answers (0 %) would have been late, instead of 1."


def test_a_clock_that_b_does_not_have_is_told_so() -> None:
    off = replace(of(4), id="off", rules=(Rule(policy=None),))
    assert list(headlines(asked((of(4),), off, answered(9, 5)))) == [
        "Under B there would be no verdict on 1 first answers, of which 1 were late."
    ]


def test_nothing_counted_and_nothing_changed_are_told_as_such() -> None:
    assert list(headlines(asked((of(4),), of(2)))) == ["Nothing in this window is counted."]
    (said,) = headlines(asked((of(4),), of(2), FAST))
    assert said.startswith("Nothing would have changed")


def test_a_policy_is_named_where_there_is_more_than_one() -> None:
    def two(hours: int) -> Version:
        policies = (
            policy("standard", first_response=Target(duration=hours * H)),
            policy("vip", first_response=Target(duration=4 * H)),
        )
        rules = (Rule(match={"tier": ("gold",)}, policy="vip"), Rule(policy="standard"))
        return version(*policies, rules=rules, id=f"two-{hours}")

    first, *_ = headlines(asked((two(4),), two(2), SLOW, answered(9, 3, "gold", tier="gold")))
    assert first == "With 2 h, 1 of 1 first answers of policy standard (100 %) would have been late, instead of 0."


def shop(*rules: Rule, **policies: int) -> Version:
    made = (policy(name, first_response=Target(duration=hours * H)) for name, hours in policies.items())
    return version(*made, rules=(*rules, Rule(policy="standard")), id="-".join(policies))


GOLD = Rule(match={"tier": ("gold",)}, policy="acme")


def test_clocks_that_go_to_another_policy_are_told_apart_from_those_that_stay() -> None:
    gold = [answered(9, hours, f"gold{hours}", tier="gold") for hours in (1, 2, 3, 5)]
    said = asked((shop(standard=4),), shop(GOLD, standard=2, acme=1), *gold, SLOW, FAST)
    moved, kept, _ = headlines(said)
    assert moved == (
        "Of the 4 first answers that go from standard to acme (1 h), 3 (75 %) would have been late, instead of 1."
    )
    assert kept == "With 2 h, 1 of 2 first answers of policy standard (50 %) would have been late, instead of 0."
    table = next(block for block in blocks(said, BERLIN) if block.title.startswith("What changes"))
    assert [(row[0], row[2], row[5], row[6]) for row in table.rows] == [
        ("standard", "2", "0", "1"),
        ("standard -> acme", "4", "1", "3"),
        ("all", "6", "1", "4"),
    ]
    assert [(row["policy"], row["policy_a"], row["policy_b"], row["n"]) for row in as_json(said)["diff"]] == [
        ("standard", "standard", "standard", 2),
        ("standard", "standard", "acme", 4),
    ]


def test_a_policy_that_keeps_its_target_is_not_told_with_it_because_others_left() -> None:
    said = asked((shop(standard=4),), shop(GOLD, standard=4, acme=1), SLOW, answered(9, 3, "gold", tier="gold"))
    first, over_all = headlines(said)
    assert first.startswith("Of the 1 first answers that go from standard to acme (1 h), 1 (100 %)")
    assert over_all.startswith("Over all clocks")


def test_rules_without_the_policy_are_no_other_target() -> None:
    """The first of two versions has no acme: what acme demands later is still no other target."""
    later = replace(shop(GOLD, standard=4, acme=4), effective_from=on(10))
    hours = {**later.calendars, "office": replace(OFFICE, weekly={})}
    said = asked((shop(standard=4), later), replace(later, calendars=hours), answered(11, 5, tier="gold"), SLOW)
    assert next(headlines(said)).startswith("Under B, 0 of 1 first answers of policy acme")


def test_clocks_that_only_b_has_are_told_as_such() -> None:
    none = version(policy("standard", first_response=Target(duration=4 * H)), rules=(Rule(policy=None),), id="none")
    first, *_ = headlines(asked((none,), of(2), SLOW, FAST))
    assert first == "Of the 2 first answers that only B has, by policy standard (2 h), 1 (50 %) would have been late."
    (row, _) = next(block for block in blocks(asked((none,), of(2), SLOW), BERLIN)).rows
    assert row[0] == "(no clock) -> standard"


def test_what_b_changes_is_told_against_each_version_that_governed() -> None:
    later = replace(of(3), effective_from=on(10))
    said = asked((of(4), later), of(2), SLOW, answered(11, 1, "later"))
    assert list(changed(said, BERLIN)) == [
        ("B changes, against the rules in force since 1970-01-01:", ("first answer, standard: 4 h -> 2 h",)),
        ("B changes, against the rules in force since 2026-06-02:", ("first answer, standard: 3 h -> 2 h",)),
    ]


def test_the_same_rules_are_told_as_the_same() -> None:
    said = asked((of(4),), of(4), SLOW)
    assert list(changed(said, BERLIN)) == [("B says the same as what was.", ())]
    assert as_json(said)["changes"] == [{"against": "4h", "differences": []}]


def test_dates_that_could_matter_to_nothing_are_left_out() -> None:
    def closed(*days: int) -> Version:
        dates = {on(9, day=day).date(): () for day in days}
        dates |= {on(9).date().replace(year=2030): ()} if len(days) > 1 else {}
        return replace(of(4), calendars={**of(4).calendars, "office": replace(OFFICE, dates=dates)})

    ((_, lines),) = changed(asked((closed(3),), closed(3, 4), SLOW), BERLIN)
    assert lines == ("calendar office, Thu 2026-06-04: 09:00-17:00, as usual -> closed",)


def test_of_very_many_differences_some_are_named_and_the_rest_counted() -> None:
    names = [f"p{number:02}" for number in range(20)]

    def many(hours: int) -> Version:
        return version(*(policy(name, first_response=Target(duration=hours * H)) for name in names), id=f"m{hours}")

    ((_, lines),) = changed(asked((many(4),), many(2), SLOW), BERLIN)
    assert len(lines) == MOST_LINES + 1
    assert lines[-1] == "and 8 more: commsd sla diff m4 DIR"


@pytest.mark.parametrize(
    ("of", "what", "before", "after", "said"),
    [
        ("policy vip", "callback warns at", "15m before", "75%", "callback, vip, warns at: 15 min before -> 75%"),
        ("policy vip", "calendar", "office", "always", "policy vip, calendar: office -> always"),
        ("policy x", "is new", "-", "first_response 2bd in y", "policy x is new: first answer 2 business days in y"),
        ("policy x", "is gone", "ack 15m in y", "-", "policy x is gone; it was acknowledgement 15 min in y"),
        ("calendar x", "mon-fri", "09:00-17:00", "closed", "calendar x, mon-fri: 09:00-17:00 -> closed"),
        ("rules", "rule 2 is new", "-", "tier=gold: policy vip", "rule 2 is new: tier=gold: policy vip"),
        ("ladder x", "steps", "due owner", "+1h30m lead", "ladder x, steps: due owner -> +1 h 30 min lead"),
    ],
)
def test_every_kind_of_difference_is_told_in_words(of: str, what: str, before: str, after: str, said: str) -> None:
    assert told(Difference(of, what, before, after)) == said


def test_the_page_names_the_change_before_anything_that_came_of_it() -> None:
    html = page(asked((of(4),), of(2), SLOW), BERLIN, "Smith & <Sons>")
    places = [html.index(part) for part in ("4 h → 2 h", "With 2 h, 1 of 1", "Cases that flip", "What the words mean")]
    assert places == sorted(places)
    for jargon in ("first_response", "breached", "void_case", "HH"):
        assert jargon not in html
