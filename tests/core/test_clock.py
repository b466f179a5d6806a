"""The clocks of a case: every worked example of the shared file, and what it does not show."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from commsd.core.calendar import Calendar, window
from commsd.core.clock import Clock, State, clocks, next_change
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
from commsd.core.touch import Touch, TouchKind
from tests.core import sla_oracle
from tests.core.sla_oracle import Row
from tests.neighbours.absent import absent

H = timedelta(hours=1)
M = timedelta(minutes=1)
ROWS = sla_oracle.rows(sla_oracle.loaded())
OFFICE = Calendar(
    name="office", tz="Europe/Berlin", weekly={day: (window("09:00-17:00"),) for day in range(5)}, dates={}
)
LOCAL = Calendar(name="local", tz="customer", weekly=OFFICE.weekly, fallback_tz="Europe/Berlin")
ALWAYS = Calendar(name="always", tz="UTC", weekly={day: (window("00:00-24:00"),) for day in range(7)})
CALENDARS = {"office": OFFICE, "local": LOCAL, "always": ALWAYS}


def on(hour: int, minute: int = 0, *, day: int = 2) -> datetime:
    """A time of day in June 2026, Berlin summer time; the 2nd is a Tuesday."""
    return datetime(2026, 6, day, hour, minute, tzinfo=UTC) - 2 * H


def touch(kind: str, at: datetime, id: str = "", **more: Any) -> Touch:
    return Touch(id=id or f"{kind}-{at + 2 * H:%d%H%M}", at=at, kind=TouchKind(kind), **more)


def policy(name: str = "p", calendar: str = "office", **targets: Target) -> Policy:
    return Policy(name=name, calendar=calendar, targets={ClockKind(kind): each for kind, each in targets.items()})


def version(
    *policies: Policy, rules: tuple[Rule, ...] = (), since: datetime = sla_oracle.ALWAYS, **more: Any
) -> Version:
    return Version(
        id=more.pop("id", "v"),
        effective_from=since,
        rules=rules or (Rule(policy=policies[0].name),),
        policies={each.name: each for each in policies},
        calendars=CALENDARS,
        **more,
    )


def stand(
    touches: list[Touch], rules: Policy | list[Version], now: datetime, attrs: Mapping[str, str] | None = None
) -> dict[tuple[str, int], Clock]:
    versions = [version(rules)] if isinstance(rules, Policy) else rules
    return {(clock.clock.value, clock.n): clock for clock in clocks(touches, versions, attrs or {}, now)}


@pytest.mark.parametrize("row", ROWS or [None], ids=lambda row: row.id if row else "absent")
def test_a_worked_case_comes_out_as_worked(row: Row | None) -> None:
    if row is None:
        absent(f"{sla_oracle.EXAMPLES} is not there: set COMMSD_SHARED")
    got = [clock for clock in clocks(row.touches, row.versions, row.attrs, row.now) if clock.clock.value in row.only]
    assert [(clock.clock.value, clock.n) for clock in got] == [(e["clock"], int(e["n"])) for e in row.expected]
    for clock, expected in zip(got, row.expected, strict=True):
        assert {key: shown(clock, key) for key in expected} == {key: meant(key, text) for key, text in expected.items()}


def shown(clock: Clock, key: str) -> Any:
    return clock.elapsed if key == "elapsed_s" else getattr(clock, key)


def meant(key: str, text: str) -> Any:
    if key == "elapsed_s":
        return sla_oracle.seconds(text)
    if key.endswith("_at"):
        return sla_oracle.instant_or_none(text)
    return int(text) if key == "n" else text


# update


UPDATES = policy(update=Target(duration=4 * H), resolution=Target(duration=16 * H))


def test_each_answer_starts_the_next_update_clock() -> None:
    got = stand(
        [
            touch("in", on(10)),
            touch("out", on(11), partial=True),
            touch("out", on(12), auto=True),
            touch("note", on(12)),
        ],
        UPDATES,
        on(13),
    )
    assert (got["update", 1].state, got["update", 1].stopped_at) == (State.MET, on(11))
    assert (got["update", 2].state, got["update", 2].started_at, got["update", 2].opened_by) == (
        State.RUNNING,
        on(11),
        "out-021100",
    )
    assert ("update", 3) not in got


def test_an_answered_call_starts_two_update_clocks() -> None:
    got = stand([touch("talk", on(10), direction="in")], UPDATES, on(11))
    assert (got["update", 1].state, got["update", 1].elapsed) == (State.MET, timedelta(0))
    assert (got["update", 2].state, got["update", 2].started_at) == (State.RUNNING, on(10))


def test_before_the_customer_spoke_no_update_is_owed() -> None:
    assert stand([touch("out", on(10)), touch("talk", on(11))], UPDATES, on(12)) == {}


def test_closing_ends_the_updates_and_an_answer_after_reopening_brings_them_back() -> None:
    touches = [touch("in", on(9)), touch("close", on(10)), touch("out", on(11)), touch("reopen", on(12))]
    assert ("update", 2) not in stand(touches, UPDATES, on(12))
    got = stand([*touches, touch("out", on(13), id="again")], UPDATES, on(14))
    assert (got["update", 1].state, got["update", 1].reason) == (State.CANCELLED, "closed")
    assert got["update", 2].opened_by == "again"


# ack


def test_by_human_an_automatic_reply_does_not_stop_the_ack_clock() -> None:
    rules = policy(ack=Target(duration=15 * M, by="human"))
    sent = touch("out", on(9, 1), auto=True)
    assert stand([touch("in", on(9)), sent], rules, on(9, 5))["ack", 1].state is State.RUNNING
    got = stand([touch("in", on(9)), sent, touch("out", on(9, 3), partial=True)], rules, on(9, 5))
    assert (got["ack", 1].state, got["ack", 1].stopped_at) == (State.MET, on(9, 3))


@pytest.mark.parametrize("kind", ["in", "talk"])
def test_what_is_only_observed_starts_no_ack_clock(kind: str) -> None:
    rules = policy(ack=Target(duration=15 * M), first_response=Target(duration=H))
    got = stand([touch(kind, on(9), observed=True, direction="in")], rules, on(9, 5))
    assert list(got) == [("first_response", 1)]


def test_a_partial_answer_stops_ack_alone() -> None:
    rules = policy(ack=Target(duration=15 * M), first_response=Target(duration=H))
    got = stand([touch("in", on(9)), touch("out", on(9, 5), partial=True)], rules, on(9, 10))
    assert (got["ack", 1].state, got["first_response", 1].state) == (State.MET, State.RUNNING)


# first and next response


RESPONSES = policy(first_response=Target(duration=4 * H), next_response=Target(duration=2 * H))


def test_where_we_wrote_first_the_reply_starts_the_next_response() -> None:
    got = stand([touch("out", on(9)), touch("in", on(10))], RESPONSES, on(11))
    assert list(got) == [("next_response", 1)]


def test_closed_without_an_answer_the_next_message_starts_a_second_first_response() -> None:
    got = stand([touch("in", on(9)), touch("close", on(10)), touch("in", on(11))], RESPONSES, on(12))
    assert [(key, clock.state) for key, clock in got.items()] == [
        (("first_response", 1), State.CANCELLED),
        (("first_response", 2), State.RUNNING),
    ]


def test_a_machine_starts_nothing_and_does_not_reopen() -> None:
    touches = [touch("in", on(9)), touch("out", on(10)), touch("close", on(11)), touch("in", on(12), auto=True)]
    assert list(stand(touches, RESPONSES, on(13))) == [("first_response", 1)]


# callback


def test_the_nth_attempt_counts_from_the_missed_call_where_the_policy_says_so() -> None:
    rules = policy(callback=Target(duration=2 * H, met_after_attempts=2))
    touches = [touch("attempt", on(8)), touch("missed", on(9)), touch("missed", on(9, 5)), touch("attempt", on(9, 30))]
    assert stand(touches, rules, on(10))["callback", 1].state is State.RUNNING
    got = stand([*touches, touch("attempt", on(10))], rules, on(11))
    assert (got["callback", 1].state, got["callback", 1].stopped_by) == (State.MET, "attempt-021000")
    assert len(got) == 1


@pytest.mark.parametrize(("stop_on", "state"), [("talk", State.RUNNING), ("any_reply", State.MET)])
def test_a_mail_answers_a_missed_call_only_where_the_policy_says_so(stop_on: Any, state: State) -> None:
    rules = policy(callback=Target(duration=2 * H, stop_on=stop_on))
    machine = [touch("out", on(9, 10), auto=True), touch("out", on(9, 20), partial=True)]
    assert stand([touch("missed", on(9)), *machine], rules, on(9, 30))["callback", 1].state is State.RUNNING
    got = stand([touch("missed", on(9)), *machine, touch("out", on(9, 30))], rules, on(9, 40))
    assert got["callback", 1].state is state


@pytest.mark.parametrize(("at", "state"), [(on(11), State.CANCELLED), (on(11, 1), State.BREACHED)])
def test_closing_a_callback_cancels_its_clock_unless_it_is_late(at: datetime, state: State) -> None:
    rules = policy(callback=Target(duration=2 * H))
    got = stand([touch("missed", on(9)), touch("callback_closed", at), touch("missed", on(12))], rules, on(13))
    assert (got["callback", 1].state, got["callback", 1].stopped_at) == (state, at)
    assert got["callback", 2].state is State.RUNNING


# promises


PROMISES = policy(promise=Target(warn_before=15 * M))


def promised(name: str, at: datetime, due: datetime, **more: Any) -> Touch:
    return touch("promise", at, id=name, promise=name, due=due, **more)


def test_an_answer_keeps_only_the_promises_it_names() -> None:
    touches = [promised("P1", on(9), on(18)), promised("P2", on(9), on(19)), touch("out", on(10), keeps=("P2",))]
    got = stand(touches, PROMISES, on(11))
    assert [clock.state for clock in got.values()] == [State.RUNNING, State.MET]


def test_a_promised_call_is_kept_by_a_talk_alone() -> None:
    touches = [promised("P1", on(9), on(18), via="call"), touch("out", on(10))]
    assert stand(touches, PROMISES, on(11))["promise", 1].state is State.RUNNING
    assert stand([*touches, touch("talk", on(11))], PROMISES, on(11))["promise", 1].state is State.MET


def test_an_answer_before_the_promise_at_the_same_instant_does_not_keep_it() -> None:
    touches = [touch("talk", on(9)), promised("P1", on(9), on(18))]
    assert stand(touches, PROMISES, on(11))["promise", 1].state is State.RUNNING
    assert stand(touches[::-1], PROMISES, on(11))["promise", 1].state is State.MET


@pytest.mark.parametrize(("at", "state"), [(on(10), State.CANCELLED), (on(12, 1), State.BREACHED)])
def test_a_promise_moved_before_it_is_due_is_cancelled(at: datetime, state: State) -> None:
    touches = [promised("P1", on(9), on(12)), promised("P2", at, on(18), replaces="P1")]
    got = stand(touches, PROMISES, on(13))
    assert (got["promise", 1].state, got["promise", 2].state) == (state, State.RUNNING)
    assert got["promise", 1].reason == ("replaced" if state is State.CANCELLED else None)


def test_a_warning_never_lies_before_the_promise() -> None:
    got = stand([promised("P1", on(9), on(9, 5))], PROMISES, on(9))
    assert got["promise", 1].warn_at == on(9)


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


# rules as values


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
    rules = version(SLOW, QUICK, NONE, rules=BY_TIER)
    assert policy_for(rules, {"tier": "gold"}) == QUICK
    assert rule_for(rules, {"tier": "tin"}) == (2, BY_TIER[2])


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
    ladder = (
        Step(at=75, tell=("owner",)),
        Step(at=timedelta(0), tell=("lead",), page=True),
        Step(at=H, tell=("head",), real=True, repeat=H, times=3),
    )
    dated = Calendar(
        name="dated",
        tz="customer",
        weekly={0: (window("22:00-06:00"),)},
        dates={on(9).date(): (), on(9, day=5).date(): (window("09:00-12:00"),)},
        fallback_tz="Asia/Jakarta",
    )
    value = version(
        *(SLOW, WORK, PROMISES, policy("letters", ack=Target(business_days=2, by="human", objective="95% / 28d"))),
        rules=(Rule(match={"to": ("a@*", "b@*")}, policy="slow", sets={"priority": "urgent"}), Rule()),
        since=on(9),
        ladders={"standard": ladder},
        applies="running",
    )
    value = replace(value, calendars={**CALENDARS, "dated": dated})
    assert from_json(as_json(value)) == value
