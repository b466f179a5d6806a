"""A clock's time taken apart adds up to what the engine says in one number."""

import os
from collections.abc import Sequence
from dataclasses import replace
from datetime import date, datetime, timedelta
from functools import partial
from operator import attrgetter

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from commsd.core.calendar import Calendar, in_zone, window
from commsd.core.clock import clocks
from commsd.core.obligation import in_force, obligations
from commsd.core.policy import ClockKind, Target, policy_for
from commsd.core.stretch import Pause, business_days, odd_days, pauses_of, stretches
from commsd.core.touch import Facts, Touch, TouchKind
from tests.core.sla_builders import OFFICE, H, on
from tests.core.sla_strategies import RandomCase, random_case

TRIES = int(os.environ.get("COMMSD_EXAMPLES", "40"))
_since = attrgetter("effective_from")


def told(calendar: Calendar, start: datetime, end: datetime, *pauses: Pause) -> list[tuple[str, float, float]]:
    pieces = stretches(calendar, start, end, pauses)
    return [(each.pause or "open", each.length / H, each.total / H) for each in pieces]


def test_nights_and_pauses_are_left_out_of_the_sum() -> None:
    pause = Pause(since=on(10, day=3), until=on(11, day=3), why="customer")
    assert told(OFFICE, on(16), on(12, day=3), pause) == [
        ("open", 1, 1),
        ("open", 1, 2),
        ("customer", 1, 2),
        ("open", 1, 3),
    ]


def test_a_pause_that_lasts_ends_the_count() -> None:
    pause = Pause(since=on(10), until=None, why="customer")
    assert told(OFFICE, on(9), on(12), pause) == [("open", 1, 1), ("customer", 2, 1)]


def test_a_pause_over_a_night_counts_its_open_time_alone() -> None:
    pause = Pause(since=on(16), until=on(10, day=3), why="customer")
    assert told(OFFICE, on(15), on(11, day=3), pause)[1] == ("customer", 2, 1)


def test_business_days_are_named_with_their_closing() -> None:
    nights = Calendar(name="n", tz="Europe/Berlin", weekly={4: (window("22:00-02:00"),)})
    days = business_days(OFFICE, on(12, day=4), 2)  # a Thursday
    assert [(day.number, day.day.day, day.closes) for day in days] == [(1, 5, on(17, day=5)), (2, 8, on(17, day=8))]
    assert [day.day.day for day in business_days(nights, on(12, day=4), 2)] == [5, 6]


def test_days_without_hours_and_with_hours_of_their_own_are_named() -> None:
    listed = {date(2026, 6, 4): (), date(2026, 6, 5): (window("09:00-12:00"),), date(2026, 6, 8): OFFICE.weekly[0]}
    calendar = replace(OFFICE, dates=listed)
    found = odd_days(calendar, on(12, day=3), on(12, day=9))
    assert [(odd.day.day, [str(each) for each in odd.hours], odd.listed) for odd in found] == [
        (4, [], True),
        (5, ["09:00-12:00"], True),
        (6, [], False),
        (7, [], False),
    ]
    always = Calendar(name="a", tz="UTC", weekly={day: (window("00:00-24:00"),) for day in range(7)})
    assert odd_days(always, on(12, day=3), on(12, day=30)) == ()


def test_the_tail_of_a_night_is_no_closed_day() -> None:
    nights = Calendar(name="n", tz="Europe/Berlin", weekly={4: (window("22:00-02:00"),)})
    assert [odd.day.day for odd in odd_days(nights, on(12, day=4), on(12, day=7))] == [4, 7]


def _options(case: RandomCase, known: Sequence[Touch], kind: ClockKind, facts: Facts, at: datetime) -> Target:
    attrs: dict[str, str | tuple[str, ...]] = dict(case.attrs)
    for each in known:
        if each.kind is TouchKind.SET and each.time <= at:
            attrs.update(each.attrs)
    in_order = sorted(case.versions, key=_since)  # of two from one moment the later one holds
    version = next((v for v in reversed(in_order) if v.effective_from <= at), None)
    policy = policy_for(version, {**attrs, **facts}) if version else None
    return policy.targets.get(kind, Target()) if policy else Target()


@settings(max_examples=TRIES, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.data())
def test_the_pieces_add_up_to_the_elapsed_time_of_any_clock(data: st.DataObject) -> None:
    case = random_case(lambda values: data.draw(st.sampled_from(list(values))))
    touches = [each for each in case.touches if not (each.kind is TouchKind.SET and "tz" in each.attrs)]
    known = in_force(touches, case.now)
    book = obligations(known, partial(_options, case, known))
    for value in clocks(touches, case.versions, case.attrs, case.now):
        owed = next(each for each in book.owed if (each.kind, each.n) == (value.clock, value.n))
        version = next(each for each in case.versions if each.id == value.rules_version)
        if value.clock is ClockKind.PROMISE or version.policies[value.policy].targets[value.clock].business_days:
            continue
        calendar = in_zone(version.calendars[value.calendar], case.attrs.get("tz"))
        pauses = pauses_of(owed, book.holds)
        pieces = stretches(calendar, value.started_at, value.stopped_at or case.now, pauses)
        assert (pieces[-1].total if pieces else timedelta()) == value.elapsed
        target = version.policies[value.policy].targets[value.clock].duration
        if value.due_at and target and value.due_at > value.started_at:
            counted = stretches(calendar, value.started_at, value.due_at, pauses)
            assert counted[-1].total >= target
