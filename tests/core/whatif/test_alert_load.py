"""How often people would have been told, before and after storm control."""

from array import array
from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import assume, given
from hypothesis import strategies as st

from commsd.core.case import ClockRecord
from commsd.core.clock import clocks
from commsd.core.ladder import rungs
from commsd.core.policy import Policy, Step, Target, Version
from commsd.core.touch import Touch
from commsd.core.whatif.alert_load import WINDOW, Watch, load, messages
from commsd.core.whatif.tally import Fired
from tests.core.sla_builders import H, M, on, policy, touch, version
from tests.core.sla_strategies import RandomCase, examples, random_case

MOMENTS = st.lists(st.integers(0, 3000), max_size=40)


def fired(usual: Sequence[int], at_once: Sequence[int] = ()) -> Fired:
    return Fired(usual=array("q", usual), at_once=array("q", at_once))


def test_a_storm_of_five_hundred_is_one_message() -> None:
    assert messages(fired([100] * 500)) == [100]


def test_what_comes_within_five_minutes_of_the_last_message_waits_for_the_next() -> None:
    assert messages(fired([0, 10, 200, 299, 301, 2000])) == [0, 300, 600, 2000]


def test_a_page_does_not_wait() -> None:
    assert messages(fired([0], at_once=[10])) == [0, 10]


def test_the_sixth_page_within_a_minute_joins_the_next_message() -> None:
    assert messages(fired([], at_once=[0, 5, 10, 15, 20, 25])) == [0, 5, 10, 15, 20, 320]


@given(MOMENTS, MOMENTS)
def test_nothing_that_fires_is_never_told(usual: list[int], at_once: list[int]) -> None:
    sent = messages(fired(usual, at_once))
    for at in (*usual, *at_once):
        assert any(at <= told <= at + WINDOW for told in sent)


@given(MOMENTS)
def test_without_pages_messages_keep_their_distance(usual: list[int]) -> None:
    sent = messages(fired(usual))
    assert all(later - earlier >= WINDOW for earlier, later in pairwise(sent))
    assert len(sent) <= len(set(usual))


def test_the_worst_hour_and_day_are_found_in_the_zone() -> None:
    night = int(datetime(2026, 6, 2, 22, 30, tzinfo=UTC).timestamp())  # the 3rd already, in Berlin
    found = load(fired([night - 7200, night, night + 400, night + 7200]), ZoneInfo("Europe/Berlin"))
    assert (found.steps, found.messages, found.days, found.worst_day, found.worst_hour) == (4, 4, 2, 3, 2)
    assert found.worst_hour_began == datetime(2026, 6, 2, 22, tzinfo=UTC)


def laddered(*steps: Step, hours: str = "office") -> Version:
    rules = policy("p", hours, first_response=Target(duration=4 * H))
    rules = Policy(name="p", calendar=hours, targets=rules.targets, ladder="l")
    return version(rules, ladders={"l": steps})


def told(rules: Version, *touches: Touch, now: datetime) -> list[tuple[str, datetime]]:
    watch = Watch((rules,))
    return [
        (each.route, each.at)
        for clock in clocks(touches, [rules], {}, now)
        for each in watch.told("c", clock, {"owner": "anna", "team": "service"}, now)
    ]


LADDER = laddered(
    Step(at=75, tell=("owner",)), Step(at=timedelta(), tell=("team", "lead")), Step(at=H, tell=("duty",), page=True)
)


def test_steps_fire_while_the_clock_runs_and_not_after_its_stop() -> None:
    written = touch("in", on(9))
    assert told(LADDER, written, touch("out", on(11)), now=on(20)) == []
    assert told(LADDER, written, touch("out", on(12, 30)), now=on(20)) == [("owner anna", on(12))]
    assert told(LADDER, written, touch("out", on(13, 30)), now=on(20)) == [
        ("owner anna", on(12)),
        ("team service", on(13)),
        ("lead service", on(13)),
    ]
    assert told(LADDER, written, now=on(20))[-1] == ("duty", on(14))


def test_a_step_outside_hours_waits_for_opening_unless_it_pages() -> None:
    """A promise for 20:00 becomes late while the office is closed."""
    promises = policy("p", promise=Target())
    late = laddered(Step(at=timedelta(), tell=("owner",)), Step(at=10 * M, tell=("duty",), page=True, real=True))
    rules = version(
        Policy(name="p", calendar="office", targets=promises.targets, ladder="l"), ladders={"l": late.ladders["l"]}
    )
    promised = touch("promise", on(9), promise="P", due=on(20))
    assert told(rules, promised, now=on(12, day=3)) == [
        ("owner anna", on(9, day=3)),
        ("duty", on(20, 10)),
    ]


@examples(60)
@given(st.data())
def test_no_step_is_passed_over_because_a_clock_seemed_too_short(data: st.DataObject) -> None:
    """The short way agrees with asking the ladder about every clock."""
    case: RandomCase = random_case(lambda values: data.draw(st.sampled_from(values)))
    assume(not any("tz" in each.attrs for each in case.touches))  # the ladder counts in the zone known last
    steps = (Step(at=50, tell=("owner",), page=True), Step(at=-20 * M, tell=("team",), page=True))
    ladder = (*steps, Step(at=timedelta(), tell=("lead",), page=True))
    rules = tuple(_with(each, ladder) for each in case.versions)
    watch = Watch(rules)
    for clock in clocks(case.touches, rules, case.attrs, case.now):
        end = clock.stopped_at or case.now
        record = ClockRecord(id="", created_at=end, case_id="c", value=clock)
        tz = case.attrs.get("tz")
        all_of_them = rungs(record, rules, tz, end)
        expected = [rung.at for rung in all_of_them if rung.at < end and rung.page for _ in rung.tell]
        assert [each.at for each in watch.told("c", clock, case.attrs, case.now) if each.at_once] == expected


def _with(rules: Version, ladder: tuple[Step, ...]) -> Version:
    policies = {name: replace(each, ladder="l") for name, each in rules.policies.items()}
    return replace(rules, policies=policies, ladders={"l": ladder})
