"""The clocks of a case: every worked example of the shared file, and what it does not show."""

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commsd.core.clock import State, next_change
from commsd.core.policy import (
    Policy,
    Rule,
    Target,
)
from commsd.core.touch import Touch
from commsd.sla.trial.deviation import Case, deviations
from tests.core import sla_oracle
from tests.core.sla_builders import RESPONSES, H, on, policy, promised, stand, touch, version
from tests.neighbours.absent import absent

CASES = sla_oracle.loaded().cases


@pytest.mark.parametrize("row", CASES or [None], ids=lambda row: row.id if row else "absent")
def test_a_worked_case_comes_out_as_worked(row: Case | None) -> None:
    if row is None:
        absent(f"{sla_oracle.EXAMPLES} is not there: set COMMSD_SHARED")
    assert deviations([row]) == ()


# holds, closing, reopening


WORK = policy(resolution=Target(duration=16 * H, warn_percent=50, pause_on=frozenset({"customer", "parts"})))


def test_another_hold_ends_the_first_and_a_reason_not_listed_does_not_pause() -> None:
    touches = [touch("in", on(9)), touch("hold", on(10), reason="parts"), touch("hold", on(12), reason="lunch")]
    got = stand(touches, WORK, on(13))["resolution", 1]
    assert (got.state, got.elapsed) == (State.RUNNING, 2 * H)


def test_a_customer_who_speaks_ends_only_the_hold_that_waits_for_him() -> None:
    touches = [touch("in", on(9)), touch("hold", on(10), reason="parts"), touch("in", on(12))]
    assert stand(touches, WORK, on(13))["resolution", 1].state is State.PAUSED
    got = stand([*touches, touch("release", on(13))], WORK, on(14))["resolution", 1]
    assert (got.state, got.elapsed) == (State.RUNNING, 2 * H)


def test_a_warning_already_given_stays_while_paused() -> None:
    touches = [touch("in", on(9)), touch("hold", on(10, day=3), reason="parts")]
    got = stand(touches, WORK, on(11, day=3))["resolution", 1]
    assert (got.state, got.due_at, got.warn_at) == (State.PAUSED, None, on(17))


def test_late_before_the_hold_stays_late() -> None:
    touches = [touch("in", on(9)), touch("hold", on(9, day=4), reason="parts"), touch("release", on(12, day=4))]
    got = stand(touches, WORK, on(13, day=4))["resolution", 1]
    assert (got.state, got.due_at) == (State.BREACHED, on(17, day=3))


def test_a_hold_while_closed_is_ignored_and_closing_ends_a_hold() -> None:
    touches = [
        touch("in", on(9)),
        touch("hold", on(10), reason="parts"),
        touch("close", on(11)),
        touch("hold", on(12), reason="parts"),
        touch("reopen", on(13)),
    ]
    got = stand(touches, WORK, on(14))["resolution", 1]
    assert (got.state, got.elapsed, got.due_at) == (State.RUNNING, 2 * H, on(12, day=4))


def test_reopened_as_new_the_old_verdict_stays() -> None:
    rules = policy(resolution=Target(duration=2 * H, pause_on=frozenset({"parts"}), reopen="new"))
    touches = [
        touch("in", on(9)),
        touch("close", on(10)),
        touch("reopen", on(12)),
        touch("hold", on(13), reason="parts"),
    ]
    got = stand(touches, rules, on(14))
    assert (got["resolution", 1].state, got["resolution", 1].due_at) == (State.MET, on(11))
    assert (got["resolution", 2].state, got["resolution", 2].opened_by) == (State.PAUSED, "reopen-021200")


def test_junk_voids_promises_and_what_was_met_too() -> None:
    rules = policy(first_response=Target(duration=H), promise=Target(), resolution=Target(duration=H))
    touches = [
        touch("in", on(9)),
        touch("out", on(9, 30)),
        promised("P1", on(10), on(11)),
        touch("close", on(12), void_case=True),
    ]
    got = stand(touches, rules, on(13))
    assert {(clock.state, clock.reason) for clock in got.values()} == {(State.CANCELLED, "void_case")}
    assert got["first_response", 1].stopped_at == on(9, 30)


def test_a_case_that_went_into_another_keeps_no_clock() -> None:
    touches = [touch("in", on(9)), touch("out", on(10)), touch("merged", on(11)), touch("in", on(12))]
    got = stand(touches, RESPONSES, on(13))
    assert [(clock.state, clock.reason) for clock in got.values()] == [(State.CANCELLED, "merged")]


# voids


def test_a_void_counts_from_its_own_time_on() -> None:
    touches = [touch("in", on(9)), touch("out", on(10), id="x"), touch("void", on(12), touch="x")]
    assert stand(touches, RESPONSES, on(11))["first_response", 1].state is State.MET
    assert stand(touches, RESPONSES, on(12))["first_response", 1].state is State.RUNNING


def test_a_void_taken_back_takes_nothing_back() -> None:
    touches = [
        touch("in", on(9)),
        touch("out", on(10), id="x"),
        touch("void", on(11), id="y", touch="x"),
        touch("void", on(12), touch="y"),
    ]
    assert stand(touches, RESPONSES, on(13))["first_response", 1].state is State.MET


# policies and versions


def responding(name: str, within: timedelta, **more: Any) -> Policy:
    return policy(name, first_response=Target(duration=within, **more))


SLOW, QUICK = responding("slow", 4 * H, warn_before=H), responding("quick", H)
NONE = policy("none", resolution=Target(duration=16 * H))
BY_TIER = (
    Rule(match={"tier": ("gold",)}, policy="quick"),
    Rule(match={"tier": ("off",)}, policy="none"),
    Rule(policy="slow"),
)


def tier(name: str, at: datetime) -> Touch:
    return touch("set", at, attrs={"tier": name})


def test_a_change_that_changes_nothing_moves_no_warning() -> None:
    touches = [touch("in", on(9)), touch("set", on(12, 30), attrs={"owner": "anna"})]
    got = stand(touches, [version(SLOW, QUICK, NONE, rules=BY_TIER)], on(12, 45))["first_response", 1]
    assert got.warn_at == on(12)


def test_late_before_the_change_keeps_its_due_time_and_its_policy() -> None:
    touches = [touch("in", on(9)), tier("gold", on(11)), tier("", on(11, 30))]
    got = stand(touches, [version(SLOW, QUICK, NONE, rules=BY_TIER)], on(12))["first_response", 1]
    assert (got.state, got.due_at, got.policy) == (State.BREACHED, on(11), "quick")


def test_a_change_at_the_due_instant_is_in_time() -> None:
    touches = [touch("in", on(9)), tier("", on(10))]
    got = stand(touches, [version(SLOW, QUICK, NONE, rules=BY_TIER)], on(11), {"tier": "gold"})["first_response", 1]
    assert (got.state, got.due_at, got.policy) == (State.RUNNING, on(13), "slow")


def test_what_was_closed_in_time_is_not_late_when_the_rules_change_before_it_reopens() -> None:
    longer = policy("longer", resolution=Target(duration=9 * H))
    shorter = policy("shorter", resolution=Target(duration=2 * H))
    rules = (Rule(match={"tier": ("gold",)}, policy="longer"), Rule(policy="shorter"))
    touches = [touch("in", on(9)), touch("close", on(11)), tier("gold", on(12)), touch("reopen", on(13))]
    got = stand(touches, [version(longer, shorter, rules=rules)], on(14))["resolution", 1]
    assert (got.state, got.due_at, got.elapsed) == (State.RUNNING, on(12, day=3), 3 * H)


def test_without_a_policy_a_clock_is_cancelled_and_with_one_it_is_there_again() -> None:
    versions = [version(SLOW, QUICK, NONE, rules=BY_TIER)]
    touches = [touch("in", on(9)), tier("off", on(10))]
    gone = stand(touches, versions, on(11))["first_response", 1]
    assert (gone.state, gone.reason, gone.stopped_at, gone.due_at) == (State.CANCELLED, "no_policy", on(10), None)
    back = stand([*touches, tier("gold", on(12))], versions, on(12))["first_response", 1]
    assert (back.state, back.started_at, back.due_at, back.elapsed) == (State.RUNNING, on(9), on(12), 3 * H)


def test_a_clock_that_never_had_a_target_is_not_reported() -> None:
    versions = [version(SLOW, QUICK, NONE, rules=BY_TIER)]
    got = stand([touch("in", on(9))], versions, on(10), {"tier": "off"})
    assert list(got) == [("resolution", 1)]


def test_a_version_for_running_clocks_takes_them_over_and_one_for_new_ones_does_not() -> None:
    versions = [
        version(SLOW, id="v1"),
        version(QUICK, id="v2", since=on(9, 10), applies="new"),
        version(QUICK, id="v3", since=on(11), applies="running"),
    ]
    before = stand([touch("in", on(9))], versions, on(10, 59))["first_response", 1]
    assert (before.due_at, before.rules_version) == (on(13), "v1")
    after = stand([touch("in", on(9))], versions, on(11))["first_response", 1]
    assert (after.due_at, after.rules_version, after.policy) == (on(11), "v3", "quick")


def test_no_rule_no_clock() -> None:
    versions = [version(SLOW, rules=(Rule(match={"tier": ("gold",)}, policy="slow"),))]
    assert stand([touch("in", on(9))], versions, on(10)) == {}


def test_a_clock_keeps_the_facts_of_the_touch_that_began_it() -> None:
    rules = (Rule(match={"channel": ("fax",)}, policy="quick"), Rule(policy="slow"))
    touches = [
        touch("in", on(9), facts={"channel": "fax"}),
        touch("in", on(9, 30), facts={"channel": "email"}),
        tier("gold", on(9, 40)),
    ]
    got = stand(touches, [version(SLOW, QUICK, rules=rules)], on(9, 45))["first_response", 1]
    assert (got.policy, got.due_at) == ("quick", on(10))


def test_the_customers_zone_decides_and_else_the_fallback() -> None:
    rules = policy(calendar="local", first_response=Target(duration=2 * H))
    came = [touch("in", datetime(2026, 6, 1, 1, tzinfo=UTC))]
    now = datetime(2026, 6, 1, 1, tzinfo=UTC)
    due = {tz: stand(came, rules, now, {"tz": tz})["first_response", 1].due_at for tz in ("Asia/Jakarta", "Mars/Dome")}
    assert due == {
        "Asia/Jakarta": datetime(2026, 6, 1, 4, tzinfo=UTC),
        "Mars/Dome": datetime(2026, 6, 1, 9, tzinfo=UTC),
    }


def test_business_days_end_with_the_day_and_know_no_pause() -> None:
    rules = policy(resolution=Target(business_days=2, pause_on=frozenset({"parts"})))
    touches = [touch("in", on(18)), touch("hold", on(10, day=3), reason="parts")]
    got = stand(touches, rules, on(11, day=3))["resolution", 1]
    assert (got.state, got.due_at, got.warn_at, got.elapsed) == (State.RUNNING, on(17, day=4), None, 2 * H)


# what changes by time alone


def test_the_next_change_is_the_warning_then_the_due_time_then_nothing() -> None:
    def at(now: datetime) -> datetime | None:
        return next_change(stand([touch("in", on(9))], SLOW, now)["first_response", 1], now)

    assert [at(on(9)), at(on(12)), at(on(13)), at(on(13, 1))] == [on(12), on(13), on(13), None]


# what is left, what went by, and whether anybody is there


def test_outside_hours_a_clock_runs_on_with_nothing_lost() -> None:
    evening, morning = (
        stand([touch("in", on(16))], RESPONSES, now)["first_response", 1] for now in (on(20), on(9, day=3))
    )
    assert (evening.state, evening.in_hours, evening.remaining, evening.overrun) == (State.RUNNING, False, 3 * H, None)
    assert (morning.in_hours, morning.remaining) == (True, 3 * H)


def test_a_late_clock_has_nothing_left_and_counts_open_time_over() -> None:
    late = stand([touch("in", on(9))], RESPONSES, on(10, day=3))["first_response", 1]
    assert (late.state, late.remaining, late.overrun) == (State.BREACHED, 0 * H, 5 * H)
    answered = stand([touch("in", on(9)), touch("out", on(14))], RESPONSES, on(10, day=3))["first_response", 1]
    assert (answered.in_hours, answered.remaining, answered.overrun) == (False, None, H)


def test_a_promise_counts_in_real_time() -> None:
    rules = policy(promise=Target())
    asked = [promised("p", on(16), on(19))]
    assert stand(asked, rules, on(18))["promise", 1].remaining == H
    assert stand(asked, rules, on(21))["promise", 1].overrun == 2 * H


def test_nothing_is_left_to_count_of_a_pause_or_of_business_days() -> None:
    rules = policy(
        resolution=Target(duration=8 * H, pause_on=frozenset({"parts"})), first_response=Target(business_days=1)
    )
    got = stand([touch("in", on(9)), touch("hold", on(10), reason="parts")], rules, on(11))
    assert [(got[kind, 1].state, got[kind, 1].remaining) for kind in ("resolution", "first_response")] == [
        (State.PAUSED, None),
        (State.RUNNING, None),
    ]
    assert got["first_response", 1].due_at == on(17, day=3)


def test_what_went_by_while_it_was_held_is_no_overrun() -> None:
    rules = policy(resolution=Target(duration=H, pause_on=frozenset({"parts"})))
    held = [touch("in", on(9)), touch("hold", on(11), reason="parts"), touch("release", on(13))]
    got = stand(held, rules, on(14))["resolution", 1]
    assert (got.state, got.elapsed, got.overrun) == (State.BREACHED, 3 * H, 2 * H)
