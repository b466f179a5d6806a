"""When our people are told of a clock: each rung as an instant, and which of them are over."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.core.calendar import between
from commsd.core.case import ClockRecord
from commsd.core.clock import clocks
from commsd.core.ladder import SKIPPED, Rung, armed_again, is_late, rungs, timer_of, unseen
from commsd.core.policy import ClockKind, Policy, Step, Target, Version
from commsd.core.touch import Touch
from tests.core.sla_builders import OFFICE, H, M, on, policy, promised, touch, version

OWNER = ("owner",)
ANSWER = policy(first_response=Target(duration=4 * H))
FIXED = policy(resolution=Target(duration=8 * H, pause_on=frozenset({"customer"})))
LETTER = policy(first_response=Target(business_days=2))
PROMISE = policy(promise=Target(warn_before=15 * M))


def rules(*steps: Step, of: Policy = ANSWER) -> Version:
    return replace(version(replace(of, ladder="l")), ladders={"l": steps})


def record(rule: Version, now: datetime, *touches: Touch, **more: Any) -> ClockRecord:
    """The only clock of these touches at `now`."""
    (value,) = clocks(touches or (touch("in", on(10)),), [rule], {}, now)
    return replace(ClockRecord(id="k", created_at=on(10), case_id="c", value=value), **more)


def times(rule: Version, now: datetime, *touches: Touch) -> dict[str, datetime]:
    return {rung.key: rung.at for rung in rungs(record(rule, now, *touches), [rule], None, now)}


def step(at: int | timedelta, **more: Any) -> Step:
    return replace(Step(at=at, tell=OWNER), **more)


def test_shares_and_offsets_are_open_time_of_the_clocks_calendar() -> None:
    rule = rules(step(75), step(-30 * M), step(timedelta()), step(2 * H), step(3 * H, real=True))
    assert times(rule, on(14), touch("in", on(14))) == {
        "75%": on(17),  # an exact fit is at closing time
        "-30m": on(9, 30, day=3),
        "due": on(10, day=3),
        "+2h": on(12, day=3),
        "+3h real": on(13, day=3),
    }


def test_what_lies_before_the_start_of_a_short_clock_tells_nobody() -> None:
    assert times(rules(step(-5 * H), step(timedelta())), on(10)).keys() == {"due"}


def test_a_step_comes_again_as_often_as_it_says() -> None:
    rule = rules(step(1 * H, repeat=30 * M, times=3))
    assert times(rule, on(10)) == {"+1h": on(15), "+1h/2": on(15, 30), "+1h/3": on(16)}


def test_without_a_ladder_the_owner_is_warned_and_owner_and_lead_hear_of_the_breach() -> None:
    rule = version(policy(first_response=Target(duration=4 * H, warn_before=H)))
    assert rungs(record(rule, on(10)), [rule], None, on(10)) == (
        Rung(key="warn", at=on(13), tell=("owner",)),
        Rung(key="due", at=on(14), tell=("owner", "lead")),
    )


def test_a_ladder_that_ends_before_the_due_time_has_a_rung_there_all_the_same() -> None:
    assert times(rules(step(50)), on(10)) == {"50%": on(12), "due": on(14)}


def test_a_warning_at_the_moment_of_a_rung_that_tells_the_owner_is_no_rung_of_its_own() -> None:
    warned = policy(first_response=Target(duration=4 * H, warn_percent=75))
    assert times(rules(step(75), step(timedelta()), of=warned), on(10)).keys() == {"75%", "due"}
    assert times(rules(step(50), step(timedelta()), of=warned), on(10)).keys() == {"50%", "warn", "due"}


def test_two_steps_of_one_moment_are_one_rung() -> None:
    rule = rules(step(75), Step(at=75, tell=("lead",), page=True), step(timedelta()))
    found = rungs(record(rule, on(10)), [rule], None, on(10))
    assert found[0] == Rung(key="75%", at=on(13), tell=("owner", "lead"), page=True)


def test_what_was_on_hold_does_not_count_and_a_clock_on_hold_has_no_rungs() -> None:
    rule = rules(step(25), step(75), step(timedelta()), of=FIXED)
    begun = (touch("in", on(9)), touch("hold", on(12), reason="customer"))
    assert times(rule, on(13), *begun) == {}
    released = (*begun, touch("release", on(15)))
    found = times(rule, on(16), *released)
    assert found["75%"] == on(10, day=3)  # three hours, three on hold, three more
    assert found["due"] == on(12, day=3)
    assert found["25%"] <= on(12)


def test_business_days_and_promises_have_shares_too() -> None:
    assert times(rules(step(50), step(timedelta()), of=LETTER), on(10))["50%"] == on(13, 30, day=3)  # 23 open hours
    rule = rules(step(50), step(-30 * M), step(H), of=PROMISE)
    found = times(rule, on(10), promised("p", on(10), on(20)))
    assert found == {"50%": on(15), "-30m": on(19, 30), "warn": on(19, 45), "+1h": on(10, day=3)}


@pytest.mark.parametrize("due", [datetime.max.replace(tzinfo=UTC), on(10) + timedelta(microseconds=1)])
def test_a_due_time_at_the_end_of_all_days_is_no_accident(due: datetime) -> None:
    rule = rules(step(150), step(-30 * M, real=True), step(H, real=True), of=PROMISE)
    found = times(rule, on(10), promised("p", on(10), due))
    assert all(at <= due or key in ("150%", "+1h real") for key, at in found.items())


def test_of_several_that_nobody_saw_only_the_last_is_told() -> None:
    rule = rules(step(50), step(75), step(timedelta()), step(H))
    late = record(rule, on(14, 30))
    seen = unseen(late, [rule], None, on(14, 30))
    assert [rung.key for rung in seen.tell] == ["due"]
    assert seen.skipped == ("50%" + SKIPPED, "75%" + SKIPPED)
    told = replace(late, told=("50%", "75%", "due"))
    assert unseen(told, [rule], None, on(14, 30)) == ((), ())


def test_words_of_an_earlier_release_are_understood() -> None:
    rule = rules(step(50), step(75), step(timedelta()), step(H))
    late = record(rule, on(14, 30), told=("warned", "breached"))
    assert unseen(late, [rule], None, on(14, 30)) == ((), ())
    assert timer_of(late, [rule], None, on(14, 30)) == on(15)


def test_a_clock_that_was_stopped_tells_nobody_and_needs_no_timer() -> None:
    rule = rules(step(50), step(timedelta()))
    stopped = record(rule, on(16), touch("in", on(10)), touch("out", on(15)))
    assert unseen(stopped, [rule], None, on(16)) == ((), ())
    assert timer_of(stopped, [rule], None, on(16)) is None


def test_the_timer_is_set_to_whatever_comes_first() -> None:
    rule = rules(step(75), step(timedelta()))
    later = replace(rule, id="later", effective_from=on(12), applies="running")
    fresh = record(rule, on(10))
    assert timer_of(fresh, [rule], None, on(10)) == on(13)
    assert timer_of(fresh, [rule, later], None, on(10)) == on(12)
    assert timer_of(fresh, [rule, replace(later, applies="new")], None, on(10)) == on(13)
    assert timer_of(replace(fresh, told=("75%",)), [rule], None, on(13, 30)) == on(14)


def test_a_clock_that_its_policy_dropped_waits_for_rules_that_bring_it_back() -> None:
    before = rules(step(75))
    none = version(policy(name="p", ack=Target(duration=H)), id="none", since=on(11), applies="running")
    back = replace(before, id="back", effective_from=on(15), applies="running")
    dropped = record(before, on(10))
    (value,) = [c for c in clocks([touch("in", on(10))], [before, none], {}, on(12)) if c.reason == "no_policy"]
    assert timer_of(replace(dropped, value=value), [before, none, back], None, on(12)) == on(15)


def test_a_moved_clock_has_a_rung_for_its_owner_at_once() -> None:
    rule = rules(step(75), step(timedelta()))
    moved = record(rule, on(11), moved_at=on(11), told=("moved",))
    assert Rung(key="moved", at=on(11), tell=("owner",)) in rungs(moved, [rule], None, on(11))
    assert unseen(replace(moved, told=()), [rule], None, on(11, 1)).tell[0].key == "moved"


def test_after_a_change_of_rules_only_what_lies_ahead_is_told_anew() -> None:
    rule = rules(step(50), step(75), step(timedelta()))
    told = record(rule, on(12, 30), told=("50%", "75%" + SKIPPED, "due"))
    assert armed_again(told, [rule], None, on(12, 30)).told == ("50%",)


def test_a_version_that_is_gone_leaves_the_due_time() -> None:
    rule = rules(step(50))
    assert [rung.key for rung in rungs(record(rule, on(10)), [], None, on(10))] == ["due"]


@pytest.mark.parametrize(("key", "late"), [("75%", False), ("-15m", False), ("warn", False), ("moved", False),
                                           ("due", True), ("due/2", True), ("+1h", True), ("100%", True)])  # fmt: skip
def test_which_rungs_tell_of_a_clock_that_is_overdue(key: str, late: bool) -> None:
    assert is_late(key) is late


STEPS = st.builds(
    Step,
    at=st.one_of(st.integers(1, 99), st.integers(-240, 600).map(lambda minutes: minutes * M)),
    tell=st.just(OWNER),
    real=st.booleans(),
    repeat=st.one_of(st.none(), st.integers(1, 300).map(lambda minutes: minutes * M)),
    times=st.integers(1, 5),
)


@given(
    steps=st.lists(STEPS, max_size=5),
    started=st.integers(0, 14 * 24 * 60),
    looks=st.lists(st.integers(1, 20 * 24 * 60), min_size=1, max_size=12),
)
def test_looked_at_whenever_each_rung_is_told_or_skipped_once_and_the_last_is_never_skipped(
    steps: list[Step], started: int, looks: list[int]
) -> None:
    rule = rules(*steps)
    begun = on(0) + started * M
    marks: list[str] = []
    for look in sorted(looks):
        now = begun + look * M
        seen = unseen(record(rule, now, touch("in", begun), told=tuple(marks)), [rule], None, now)
        over = [rung for rung in rungs(record(rule, now, touch("in", begun)), [rule], None, now) if rung.at < now]
        told = [rung.key for rung in seen.tell]
        assert not set(told) & set(marks)
        assert not {mark.removesuffix(SKIPPED) for mark in seen.skipped} & set(marks)
        if seen.tell:
            assert {rung.at for rung in seen.tell} == {max(rung.at for rung in over)}
        marks += [*seen.skipped, *told]
        assert {mark.removesuffix(SKIPPED) for mark in marks} == {rung.key for rung in over}
        timer = timer_of(record(rule, now, touch("in", begun), told=tuple(marks)), [rule], None, now)
        assert timer is None or timer >= now


@given(st.integers(1, 99), st.integers(0, 7 * 24 * 60))
def test_a_share_is_reached_when_that_much_open_time_has_passed(percent: int, started: int) -> None:
    rule = rules(step(percent), step(timedelta()))
    begun = on(0) + started * M
    at = times(rule, begun, touch("in", begun))[f"{percent}%"]
    assert between(OFFICE, begun, at) == timedelta(seconds=4 * 3600 * percent // 100)
    assert ClockKind.FIRST_RESPONSE in rule.policies["p"].targets
