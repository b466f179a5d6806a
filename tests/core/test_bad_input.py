"""Whatever comes in, the clocks come out: times no calendar holds, zones nobody knows, targets beyond a life."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.core.calendar import Calendar, add, between, end_of_business_day, in_zone, is_open, lost_zone, window
from commsd.core.clock import State, clocks
from commsd.core.policy import ClockKind, Policy, Rule, Target, Version
from commsd.core.touch import Touch, TouchKind
from tests.core.sla_builders import ALWAYS, OFFICE, H, M, on, policy, promised, stand, touch, version
from tests.core.sla_strategies import GONE, examples

MIN, MAX = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
TIMES = (
    MIN,
    datetime(1900, 1, 1, tzinfo=UTC),
    datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC),
    on(9) - timedelta(days=3653),
    on(9),
    on(10),
    on(11),
    datetime(2199, 12, 31, 23, tzinfo=UTC),
    datetime(2300, 1, 1, tzinfo=UTC),
    MAX,
)
TEXTS = ("", GONE, "Europe", "../etc", "\x00", "x" * 5000, "\ud800", "Europe/Berlin", "customer")
TARGETS = (
    Target(duration=4 * H, warn_before=H),
    Target(duration=timedelta.max, warn_percent=100),
    Target(duration=timedelta.max, warn_before=timedelta.max),
    Target(duration=timedelta.min),
    Target(business_days=1),
    Target(business_days=999),
    Target(duration=2 * H, pause_on=frozenset({"", "parts"}), warn_percent=50),
)
GONE_OFFICE = Calendar(name="gone", tz=GONE, weekly=OFFICE.weekly, fallback_tz="Asia/Kathmandu")
LOST = Calendar(name="lost", tz=GONE, weekly=OFFICE.weekly)
NEVER = Calendar(name="never", tz="Europe/Berlin", weekly={})
LOCAL = Calendar(name="local", tz="customer", weekly=OFFICE.weekly, fallback_tz=GONE)
CALENDARS = {each.name: each for each in (OFFICE, ALWAYS, GONE_OFFICE, LOST, NEVER, LOCAL)}

texts, times = st.sampled_from(TEXTS), st.sampled_from(TIMES)


@st.composite
def touches(draw: st.DrawFn) -> Touch:
    return Touch(
        id=draw(st.sampled_from("abcd")),
        at=draw(times),
        recorded_at=draw(st.none() | times),
        kind=draw(st.sampled_from(TouchKind)),
        direction=draw(st.sampled_from(("in", "out"))),
        auto=draw(st.booleans()),
        partial=draw(st.booleans()),
        reason=draw(st.sampled_from(("customer", "parts", "", None))),
        promise=draw(st.none() | texts),
        due=draw(st.none() | times),
        replaces=draw(st.none() | texts),
        attrs=draw(st.dictionaries(st.sampled_from(("tz", "tier", "")), texts)),
        facts=draw(st.dictionaries(st.sampled_from(("channel", "keywords")), texts | st.tuples(texts, texts))),
        touch=draw(st.none() | st.sampled_from("abcd")),
        void_case=draw(st.booleans()),
        by_rule=draw(st.booleans()),
    )


@st.composite
def versions(draw: st.DrawFn) -> Version:
    targets = {kind: draw(st.sampled_from(TARGETS)) for kind in draw(st.sets(st.sampled_from(ClockKind)))}
    return Version(
        id="v",
        effective_from=draw(times),
        applies=draw(st.sampled_from(("new", "running"))),
        rules=draw(st.sampled_from(((), (Rule(policy="p"),), (Rule(policy="gone"),), (Rule(policy=None),)))),
        policies={"p": Policy(name="p", calendar=draw(st.sampled_from(sorted(CALENDARS))), targets=targets)},
        calendars=CALENDARS,
    )


@examples(60)
@given(
    came=st.lists(touches(), max_size=8),
    rules=st.lists(versions(), max_size=3),
    attrs=st.dictionaries(st.sampled_from(("tz", "tier")), texts),
    now=times,
)
def test_no_touch_makes_the_engine_fail(
    came: list[Touch], rules: list[Version], attrs: dict[str, str], now: datetime
) -> None:
    for clock in clocks(came, rules, attrs, now):
        assert clock.started_at <= now
        assert clock.due_at is None or clock.clock is ClockKind.PROMISE or clock.due_at >= clock.started_at


def test_without_rules_there_are_no_clocks() -> None:
    assert clocks([touch("in", on(9))], (), {}, on(10)) == ()
    assert clocks([], (version(policy()),), {}, on(10)) == ()


def test_what_is_dated_in_the_future_counts_from_its_record() -> None:
    ahead = touch("in", on(9) + timedelta(days=400), recorded_at=on(9))
    got = stand([ahead], policy(first_response=Target(duration=4 * H)), on(10))["first_response", 1]
    assert (got.started_at, got.due_at, got.elapsed) == (on(9), on(13), H)


def test_a_mail_of_ten_years_ago_is_late_at_once_and_costs_no_time() -> None:
    old = touch("in", on(9) - timedelta(days=3653), recorded_at=on(9))
    got = stand([old], policy(first_response=Target(duration=4 * H)), on(10))["first_response", 1]
    assert got.state is State.BREACHED
    assert got.due_at == datetime(2016, 6, 1, 13, tzinfo=UTC) - 2 * H
    assert got.overrun == got.elapsed - 4 * H


def test_a_promise_for_the_end_of_time_is_kept_in_mind() -> None:
    got = stand([promised("p", on(9), MAX)], policy(promise=Target(warn_before=15 * M)), on(10))["promise", 1]
    assert (got.state, got.due_at, got.remaining) == (State.RUNNING, MAX, MAX - on(10))


def test_a_target_longer_than_the_calendar_reaches_is_never_due() -> None:
    got = stand([touch("in", on(9))], policy(resolution=Target(duration=timedelta(days=9000))), on(10))
    assert (got["resolution", 1].state, got["resolution", 1].due_at) == (State.RUNNING, None)


def test_a_zone_that_no_longer_exists_is_replaced_by_the_fallback_and_else_by_utc() -> None:
    due = {}
    for name in ("gone", "lost"):
        rules = Version(
            id="v",
            effective_from=MIN,
            rules=(Rule(policy="p"),),
            policies={"p": policy(calendar=name, first_response=Target(duration=2 * H))},
            calendars=CALENDARS,
        )
        (clock,) = clocks([touch("in", datetime(2026, 6, 2, 0, tzinfo=UTC))], (rules,), {}, on(3))
        due[clock.calendar] = clock.due_at
    assert due == {
        "gone": datetime(2026, 6, 2, 5, 15, tzinfo=UTC),  # 11:00 in Kathmandu
        "lost": datetime(2026, 6, 2, 11, tzinfo=UTC),
    }


def test_a_lost_zone_can_be_seen() -> None:
    assert [lost_zone(each) for each in (GONE_OFFICE, LOST, LOCAL, OFFICE, ALWAYS)] == [GONE, GONE, GONE, None, None]
    assert in_zone(LOST, None).tz == "UTC"
    assert in_zone(LOCAL, GONE).tz == "UTC"
    assert in_zone(LOCAL, "Asia/Jakarta").tz == "Asia/Jakarta"


@pytest.mark.parametrize("at", [MIN, datetime(1900, 1, 1, tzinfo=UTC), datetime(2300, 1, 1, tzinfo=UTC), MAX])
def test_outside_the_years_it_knows_a_calendar_is_closed_and_answers(at: datetime) -> None:
    assert not is_open(ALWAYS, at)
    assert between(OFFICE, at, at + timedelta(0)) == timedelta(0)
    assert end_of_business_day(OFFICE, at, 1) is None or at.year < 1970
    due = add(OFFICE, at, H)
    assert due is None or due.year == 1970 > at.year


def test_the_sum_over_a_century_is_the_sum_of_its_halves() -> None:
    a, b, c = datetime(1950, 1, 1, tzinfo=UTC), on(9), datetime(2250, 1, 1, tzinfo=UTC)
    calendar = Calendar(name="w", tz="UTC", weekly={0: (window("09:00-10:00"),)})
    assert between(calendar, a, b) + between(calendar, b, c) == between(calendar, a, c)
