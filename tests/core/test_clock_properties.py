"""What holds for every case: the engine agrees with a slow second opinion, and with itself however it is asked."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from itertools import pairwise
from typing import Any

from hypothesis import assume, given
from hypothesis import strategies as st

from commsd.core.calendar import Calendar, Window
from commsd.core.clock import Clock, State, clocks, next_change
from commsd.core.policy import Version, as_json, from_json
from commsd.core.touch import Touch
from tests.core.naive_clock import FAR, NaiveCase
from tests.core.naive_hours import NaiveHours
from tests.core.sla_strategies import STEP, RandomCase, examples, random_case

MANY, SOME = examples(150), examples(40)
DAYS = 24


@st.composite
def cases(draw: st.DrawFn) -> RandomCase:
    return random_case(lambda values: draw(st.sampled_from(values)))


def asked(case: RandomCase, now: datetime | None = None) -> tuple[Clock, ...]:
    return clocks(case.touches, case.versions, case.attrs, now or case.now)


def disagreements(case: RandomCase, cache: dict[Any, NaiveHours]) -> list[str]:
    """What the engine and the second opinion do not agree on, in words."""
    naive = NaiveCase(
        case.touches, case.versions, case.attrs, case.now, begin=case.begin, step=STEP, days=DAYS, cache=cache
    ).result()
    engine = asked(case)
    if [(c.clock.value, c.n) for c in engine] != [(n["clock"], n["n"]) for n in naive]:
        return [f"clocks: {[(c.clock.value, c.n) for c in engine]} != {[(n['clock'], n['n']) for n in naive]}"]
    horizon = case.begin + timedelta(days=DAYS - 1)
    return [
        f"{clock.clock.value} {clock.n} {key}: {getattr(clock, key)} != {value}"
        for clock, each in zip(engine, naive, strict=True)
        for key, value in each.items()
        if getattr(clock, key) != value
        and not (value == FAR and (key == "remaining" or getattr(clock, key) is None or getattr(clock, key) >= horizon))
    ]


@MANY
@given(case=cases())
def test_the_engine_agrees_with_one_that_counts_every_step(case: RandomCase) -> None:
    assert disagreements(case, {}) == []


@st.composite
def calls(draw: st.DrawFn) -> RandomCase:
    return random_case(lambda values: draw(st.sampled_from(values)), ringing=True)


@SOME
@given(case=calls())
def test_of_several_calls_that_are_owed_each_has_its_clock_in_turn(case: RandomCase) -> None:
    assert disagreements(case, {}) == []


@SOME
@given(case=cases(), data=st.data())
def test_the_order_in_which_touches_come_does_not_matter(case: RandomCase, data: st.DataObject) -> None:
    shuffled = data.draw(st.permutations(case.touches))
    together = {at: [touch for touch in case.touches if touch.time == at] for at in {t.time for t in case.touches}}
    touches = [together[touch.time].pop(0) for touch in shuffled]
    assert clocks(touches, case.versions, case.attrs, case.now) == asked(case)


@SOME
@given(case=cases(), where=st.integers(0, 1439))
def test_cutting_every_window_in_two_changes_nothing(case: RandomCase, where: int) -> None:
    cut = tuple(
        replace(version, calendars={name: _cut(calendar, where) for name, calendar in version.calendars.items()})
        for version in case.versions
    )
    assert clocks(case.touches, cut, case.attrs, case.now) == asked(case)


def _cut(calendar: Calendar, where: int) -> Calendar:
    def pieces(windows: Sequence[Window]) -> tuple[Window, ...]:
        found: list[Window] = []
        for each in windows:
            inside = range(each.start + 1, min(each.end, 1440))
            cuts = [inside[where % len(inside)]] if inside else []
            found += [Window(a, b) for a, b in pairwise((each.start, *cuts, each.end))]
        return tuple(found)

    return replace(
        calendar,
        weekly={day: pieces(windows) for day, windows in calendar.weekly.items()},
        dates={day: pieces(windows) for day, windows in calendar.dates.items()},
    )


@SOME
@given(case=cases(), later=st.integers(0, 2000))
def test_time_alone_never_moves_a_due_time_or_a_verdict(case: RandomCase, later: int) -> None:
    now = max([case.now, *(t.time for t in case.touches), *(v.effective_from for v in case.versions)])
    before = {(c.clock, c.n): c for c in asked(case, now)}
    after = {(c.clock, c.n): c for c in asked(case, now + later * STEP)}
    assert before.keys() == after.keys()
    for key, clock in before.items():
        assert (after[key].due_at, after[key].warn_at) == (clock.due_at, clock.warn_at)
        if clock.state is not State.RUNNING:
            assert after[key].state is clock.state
        if clock.stopped_at is not None:
            assert after[key] == clock


@SOME
@given(case=cases())
def test_a_breach_is_undone_by_nothing_but_a_void_junk_or_a_merge(case: RandomCase) -> None:
    strong = [t for t in case.touches if t.kind in ("void", "merged") or t.void_case]
    assume(not strong)
    moments = sorted({t.time for t in case.touches} | {v.effective_from for v in case.versions} | {case.now})
    late: dict[Any, Clock] = {}
    for now in moments:
        standing = {(c.clock, c.n): c for c in asked(case, now)}
        for key, clock in late.items():
            assert (standing[key].state, standing[key].due_at) == (State.BREACHED, clock.due_at)
        late.update({key: c for key, c in standing.items() if c.state is State.BREACHED and key not in late})


@SOME
@given(case=cases())
def test_nothing_happens_between_now_and_the_next_change(case: RandomCase) -> None:
    now = max([case.now, *(t.time for t in case.touches), *(v.effective_from for v in case.versions)])
    for clock in asked(case, now):
        then = next_change(clock, now)
        if clock.state is not State.RUNNING:
            assert then is None
        elif then is not None:
            assert then >= now
            again = next(c for c in asked(case, then) if (c.clock, c.n) == (clock.clock, clock.n))
            assert again.state is State.RUNNING
            if then == clock.due_at:
                just_after = asked(case, then + timedelta(microseconds=1))
                assert next(c for c in just_after if (c.clock, c.n) == (clock.clock, clock.n)).state is State.BREACHED


@SOME
@given(case=cases())
def test_a_version_read_back_from_its_json_gives_the_same_clocks(case: RandomCase) -> None:
    versions: list[Version] = [from_json(as_json(version)) for version in case.versions]
    assert clocks(case.touches, versions, case.attrs, case.now) == asked(case)


@SOME
@given(case=cases())
def test_what_is_still_to_come_is_not_known(case: RandomCase) -> None:
    known: list[Touch] = [touch for touch in case.touches if touch.time <= case.now]
    versions = [version for version in case.versions if version.effective_from <= case.now]
    assert clocks(known, versions, case.attrs, case.now) == asked(case)
