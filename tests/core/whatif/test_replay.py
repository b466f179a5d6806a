"""A replay of random histories: it gives the log again, the same rules change nothing, and the sums agree."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import orjson
from hypothesis import given
from hypothesis import strategies as st

from commsd.core.clock import Clock, State, clocks
from commsd.core.policy import ClockKind, Rule, Target, Version
from commsd.core.whatif.longer_hours import CHANGES, with_longer_hours
from commsd.core.whatif.past import Logged, PastCase
from commsd.core.whatif.record import as_json
from commsd.core.whatif.replay import Question, Replay
from commsd.core.whatif.report import Report, report
from commsd.core.whatif.tally import Tally, Verdict
from tests.core.sla_builders import OFFICE, H, on, policy, touch, version
from tests.core.sla_strategies import RandomCase, examples, random_case

MANY, SOME = examples(60), examples(25)
BERLIN = ZoneInfo("Europe/Berlin")


@st.composite
def cases(draw: st.DrawFn) -> RandomCase:
    return random_case(lambda values: draw(st.sampled_from(values)))


def past(case: RandomCase, name: str = "c1") -> PastCase:
    """The case with the clocks a log would have for it."""
    found = clocks(case.touches, case.versions, case.attrs, case.now)
    return PastCase(name, case.attrs, case.touches, tuple(logged(clock) for clock in found))


def logged(clock: Clock) -> Logged:
    return Logged(
        clock.clock.value,
        clock.n,
        clock.state.value,
        clock.reason,
        clock.opened_by,
        clock.started_at,
        clock.due_at,
        clock.stopped_at,
        clock.policy,
        clock.rules_version,
        awaited=False,
    )


def question(case: RandomCase, candidate: Version, *, quick: bool = False) -> Question:
    since = case.begin + timedelta(days=1)
    until = max(case.now, since + timedelta(hours=1))
    return Question(history=case.versions, candidate=candidate, since=since, until=until, now=case.now, quick=quick)


def tally(asked: Question, *past_cases: PastCase) -> Tally:
    replay = Replay(asked)
    for each in past_cases:
        replay.take(each)
    return replay.tally


def told(asked: Question, *past_cases: PastCase) -> Report:
    return report(asked, tally(asked, *past_cases), BERLIN, "Europe/Berlin")


def within(asked: Question, found: Sequence[Clock]) -> list[Clock]:
    return [clock for clock in found if asked.since <= clock.started_at < asked.until]


def policies(found: Sequence[Clock]) -> dict[tuple[str, str, int], str]:
    """Which policy each clock has, by what makes it the same clock under other rules."""
    return {(c.clock.value, c.opened_by, c.n if c.clock is ClockKind.UPDATE else 0): c.policy for c in found}


@MANY
@given(case=cases())
def test_history_under_its_own_versions_is_the_log(case: RandomCase) -> None:
    assert tally(question(case, case.versions[-1], quick=True), past(case)).differences == []


@SOME
@given(case=cases(), later=st.integers(1, 10_000))
def test_what_time_alone_brings_after_the_last_look_is_no_difference(case: RandomCase, later: int) -> None:
    known = replace(
        case,
        touches=tuple(touch for touch in case.touches if touch.time <= case.now),
        versions=tuple(each for each in case.versions if each.effective_from <= case.now),
    )
    asked = question(known, known.versions[0], quick=True)
    asked = replace(asked, now=case.now + timedelta(minutes=later))
    assert tally(asked, past(known)).differences == []


@SOME
@given(case=cases(), data=st.data())
def test_a_log_that_says_something_else_is_found_out(case: RandomCase, data: st.DataObject) -> None:
    case = replace(case, now=max([case.now, *(touch.time for touch in case.touches)]))  # nobody is still at work on it
    true = past(case)
    if not true.logged:
        return
    place = data.draw(st.integers(0, len(true.logged) - 1))
    was = true.logged[place]
    forgeries = {
        "started_at": was._replace(started_at=case.begin),
        "stopped_at": was._replace(stopped_at=case.begin),
        "policy": was._replace(policy="?"),
        "rules_version": was._replace(rules_version="?"),
    }
    field = data.draw(st.sampled_from(sorted(forgeries)))
    false = forgeries[field]
    forged = true._replace(logged=(*true.logged[:place], false, *true.logged[place + 1 :]))
    (found,) = tally(question(case, case.versions[-1], quick=True), forged).differences
    assert (found.case_id, found.field, found.clock) == ("c1", field, false.clock)


def test_a_clock_the_log_lacks_and_one_it_made_up_are_found() -> None:
    rules = version(policy(first_response=Target(duration=4 * H)))
    asked = Question(history=(rules,), candidate=rules, since=on(0), until=on(23), now=on(23))
    written = (touch("in", on(9)),)
    (true,) = (logged(clock) for clock in clocks(written, [rules], {}, on(23)))
    assert [each.logged for each in tally(asked, PastCase("c", {}, written)).differences] == [None]
    made_up = true._replace(clock="callback", state="met")
    (found,) = tally(asked, PastCase("c", {}, written, (true, made_up))).differences
    assert (found.clock, found.replayed) == ("callback", None)


@MANY
@given(case=cases())
def test_the_same_rules_change_nothing(case: RandomCase) -> None:
    rules = case.versions[-1]
    alone = replace(case, versions=(replace(rules, effective_from=case.begin - timedelta(days=900)),))
    said = told(question(alone, rules), past(alone))
    assert said.total.unchanged == said.total.n
    assert said.flips == ()
    assert all(row.a == row.b for row in said.rows)
    assert all(alerts.a == alerts.b for alerts in said.alerts)


@MANY
@given(case=cases(), other=cases())
def test_the_flips_sum_up_to_the_difference(case: RandomCase, other: RandomCase) -> None:
    asked = question(case, other.versions[-1], quick=True)
    total = told(asked, past(case)).total
    a = Counter(c.state for c in within(asked, clocks(case.touches, case.versions, case.attrs, case.now)))
    after = asked.instead(asked.candidate)
    b = Counter(c.state for c in within(asked, clocks(case.touches, after, case.attrs, case.now)))
    assert (total.a.met, total.a.breached) == (a[State.MET], a[State.BREACHED])
    assert (total.b.met, total.b.breached) == (b[State.MET], b[State.BREACHED])
    gone = total.count([Verdict.BREACHED], [Verdict.CANCELLED, Verdict.NONE])
    assert total.b.breached - total.a.breached == total.newly_breached - total.newly_saved - gone
    assert total.unchanged + sum(n for (one, two), n in total.pairs.items() if one != two) == total.n
    rows = told(asked, past(case)).rows
    assert sum(row.n for row in rows) == total.n
    assert [sum(getattr(row, side).breached for row in rows) for side in "ab"] == [total.a.breached, total.b.breached]
    under_a = policies(within(asked, clocks(case.touches, case.versions, case.attrs, case.now)))
    under_b = policies(within(asked, clocks(case.touches, after, case.attrs, case.now)))
    expected = Counter((under_a.get(key, ""), under_b.get(key, ""), key[0]) for key in under_a.keys() | under_b.keys())
    assert {(row.policy_a, row.policy_b, row.clock): row.n for row in rows} == expected


@SOME
@given(case=cases(), other=cases())
def test_every_change_of_hours_is_counted_as_a_whole_replay_counts_it(case: RandomCase, other: RandomCase) -> None:
    asked = question(case, other.versions[-1])
    counted = tally(asked, past(case)).longer

    def late(candidate: Version) -> dict[object, bool]:
        found = clocks(case.touches, asked.instead(candidate), case.attrs, case.now)
        return {(c.clock, c.n, c.opened_by): c.state is State.BREACHED for c in within(asked, found)}

    before = late(asked.candidate)
    for change in CHANGES:
        after = late(with_longer_hours(asked.candidate, change))
        expected = [
            sum(before.values()),
            sum(after.get(key, False) and not was for key, was in before.items()),
            sum(was and not after.get(key, False) for key, was in before.items()),
        ]
        assert counted.get(change, [0, 0, 0])[:3] == expected, change


def saved(target: Target, *past_cases: PastCase) -> list[tuple[int, int, int, int]]:
    """Of each change of hours: late before, newly late, no longer late, and at most to be saved."""
    rules = version(policy(first_response=target))
    asked = Question(history=(rules,), candidate=rules, since=on(0), until=on(0, day=9), now=on(0, day=11))
    return [each[1:] for each in told(asked, *past_cases).longer]


def test_added_hours_could_save_who_waited_through_them_before_he_was_late() -> None:
    four = Target(duration=4 * H)
    at_once, night = answered(on(9), on(15)), answered(on(16), on(14, day=3))
    assert saved(four, at_once) == [(1, 0, 0, 0), (1, 0, 0, 0), (1, 0, 0, 0)]
    assert saved(four, night) == [(1, 0, 0, 1), (1, 0, 0, 1), (1, 0, 0, 0)]
    assert saved(four, answered(on(16, day=5), on(14, day=8))) == [(1, 0, 0, 1)] * 3


def test_of_targets_only_one_in_business_days_is_kept_by_a_later_close() -> None:
    evening = answered(on(9), on(17, 30, day=3))
    assert saved(Target(business_days=1), evening) == [(1, 0, 0, 1), (1, 0, 1, 1), (1, 0, 0, 0)]


@SOME
@given(one=cases(), two=cases(), other=cases())
def test_parts_add_up_to_the_whole_in_any_order(one: RandomCase, two: RandomCase, other: RandomCase) -> None:
    asked = question(one, other.versions[-1])
    first, second = past(one, "c1"), past(replace(two, versions=one.versions), "c2")
    whole = told(asked, first, second)
    added = [tally(asked, second), tally(asked, first)]
    added[0].add(added[1])
    assert as_json(report(asked, added[0], BERLIN, "Europe/Berlin")) == as_json(whole)


@SOME
@given(case=cases(), other=cases())
def test_a_report_can_be_written_down_whatever_it_found(case: RandomCase, other: RandomCase) -> None:
    data = as_json(told(question(case, other.versions[-1]), past(case)))
    assert orjson.loads(orjson.dumps(data)) == data


def asked_of(before: Version, after: Version) -> Question:
    """What one day would have been under `after`, as it stands two days later."""
    return Question(history=(before,), candidate=after, since=on(0), until=on(23, 59), now=on(23, day=4))


def answered(began: datetime, ended: datetime, name: str = "c1", **attrs: str) -> PastCase:
    return PastCase(name, attrs, (touch("in", began, facts={"channel": "email"}), touch("out", ended)))


FOUR, TWO = (version(policy("standard", first_response=Target(duration=n * H)), id=f"{n}h") for n in (4, 2))
MORNING = answered(on(9), on(12))


def why(before: Version, after: Version, case: PastCase = MORNING) -> str:
    """The reason given for the only flip."""
    (flip,) = told(asked_of(before, after), case).flips
    return flip.reason


def test_a_shorter_target_makes_a_slow_answer_late_and_says_so() -> None:
    said = told(asked_of(FOUR, TWO), MORNING)
    (row,) = said.rows
    assert (row.newly_breached, row.a.attainment, row.b.attainment) == (1, 1.0, 0.0)
    (flip,) = said.flips
    assert (flip.due_a, flip.due_b, flip.reason) == (on(13), on(11), "target: 4h -> 2h")


def test_other_hours_are_the_reason_where_the_target_is_the_same() -> None:
    always = version(policy("standard", "always", first_response=Target(duration=4 * H)), id="always")
    night = answered(on(16), on(9, day=3))
    assert why(FOUR, always, night) == "calendar: office -> always"


def test_a_holiday_is_the_reason_where_the_week_is_the_same() -> None:
    closed = replace(OFFICE, dates={on(9).date(): ()})
    before = replace(FOUR, calendars={**FOUR.calendars, "office": closed})
    late = answered(on(9), on(16))
    assert why(before, FOUR, late) == "holiday: 2026-06-02 in office"


def test_another_policy_is_the_reason_where_a_rule_chose_it() -> None:
    policies = (
        policy("standard", first_response=Target(duration=4 * H)),
        policy("vip", first_response=Target(duration=H)),
    )
    gold = version(*policies, rules=(Rule(match={"tier": ("gold",)}, policy="vip"), Rule(policy="standard")), id="gold")
    case = answered(on(9), on(12), tier="gold")
    assert why(version(*policies, id="all"), gold, case) == "rule: standard (4h) -> vip (1h)"


def test_where_a_rule_chose_another_policy_what_of_it_differs_is_the_reason() -> None:
    def rules(name: str, calendar: str, **target: Any) -> Version:
        target = {"duration": 4 * H, **target}
        return version(policy(name, calendar, first_response=Target(**target)), id=f"{name} {calendar}")

    before, night = rules("standard", "office"), answered(on(16), on(9, day=3))
    assert why(before, rules("acme", "always"), night) == "rule: standard -> acme, calendar office -> always"
    assert why(before, rules("acme", "always", duration=5 * H), night) == (
        "rule: standard (4h) -> acme (5h), calendar office -> always"
    )
    assert why(before, rules("acme", "office", duration=H), night) == "rule: standard (4h) -> acme (1h)"


def test_a_pause_reason_is_named() -> None:
    def rules(*reasons: str) -> Version:
        target = Target(duration=2 * H, pause_on=frozenset(reasons))
        return version(policy("standard", resolution=target), id=",".join(reasons) or "none")

    held = PastCase(
        "c1",
        {},
        (
            touch("in", on(9)),
            touch("hold", on(10), reason="parts"),
            touch("release", on(14)),
            touch("close", on(14, 30)),
        ),
    )
    assert why(rules("parts"), rules(), held) == "pause reason: parts"


def test_a_rule_without_clocks_leaves_none_under_b() -> None:
    off = version(policy("standard", first_response=Target(duration=4 * H)), rules=(Rule(policy=None),), id="off")
    (row,) = told(asked_of(FOUR, off), MORNING).rows
    assert (row.policy, row.newly_unmatched, row.b.attainment) == ("standard", 1, None)


def test_only_clocks_of_the_tier_asked_for_are_counted() -> None:
    asked = replace(asked_of(FOUR, TWO), tiers=frozenset({"gold"}))
    said = told(asked, answered(on(9), on(12), "c1", tier="gold"), answered(on(9), on(12), "c2"))
    assert (said.cases, said.clocks_a) == (2, 1)


def test_only_clocks_that_begin_in_the_window_are_counted() -> None:
    asked = asked_of(FOUR, TWO)
    assert told(asked, answered(on(9, day=1), on(12))).total.n == 0
    assert told(asked, answered(on(0), on(12))).total.n == 1


def test_versions_that_came_later_are_not_there_under_b() -> None:
    later = replace(TWO, id="later", effective_from=on(8), applies="running")
    asked = Question(history=(FOUR, later), candidate=FOUR, since=on(0), until=on(23), now=on(23))
    said = told(asked, MORNING)
    assert (said.total.a.breached, said.total.b.breached) == (1, 0)
    assert [(share.id, share.clocks) for share in said.versions] == [("4h", 0), ("later", 1)]


def test_what_rules_of_a_have_set_is_taken_back_and_those_of_b_set_anew() -> None:
    slow, fast = (
        policy("slow", first_response=Target(duration=4 * H)),
        policy("fast", first_response=Target(duration=H)),
    )
    urgent = Rule(match={"priority": ("urgent",)}, policy="fast")
    mail = Rule(match={"channel": ("email",)}, policy="slow", sets={"priority": "urgent"})
    plain = version(slow, fast, rules=(urgent, Rule(policy="slow")), id="plain")
    setting = version(slow, fast, rules=(urgent, mail, Rule(policy="slow")), id="setting")
    written, answer = MORNING.touches
    by_rule = touch("set", on(9), attrs={"priority": "urgent"}, by_rule=True, auto=True, touch=written.id)
    was_set = PastCase("c1", {}, (written, by_rule, answer))
    assert told(asked_of(setting, plain), was_set).total.b.breached == 0
    assert told(asked_of(plain, setting), MORNING).total.b.breached == 1
    assert told(asked_of(setting, setting), was_set).total.unchanged == 1


def test_the_heat_map_stands_in_the_local_time_of_the_calendar() -> None:
    """12:00 in Berlin of a Tuesday is 10:00 UTC."""
    assert list(tally(asked_of(FOUR, TWO), answered(on(12), on(13))).heat) == [(1, 12)]


def test_who_came_while_b_is_closed_is_counted() -> None:
    said = told(asked_of(FOUR, TWO), MORNING, answered(on(20), on(21), "c2"))
    ((_, came, outside),) = said.outside
    assert (came, outside) == (2, 1)


def test_the_backlog_counts_who_waits_at_the_full_hour() -> None:
    said = told(asked_of(FOUR, TWO), MORNING, answered(on(10, 30), on(11, 30), "c2"))
    assert [each.hour for each in said.backlog if each.most == 2] == [11]
    assert [each.hour for each in said.backlog if each.most == 1] == [9, 10]


def test_fewer_than_thirty_are_not_enough_for_percentiles_and_targets() -> None:
    few = told(asked_of(FOUR, TWO), *(answered(on(9), on(12), f"c{n}") for n in range(29)))
    many = told(asked_of(FOUR, TWO), *(answered(on(9), on(12), f"c{n}") for n in range(30)))
    assert {each.a for each in few.lengths} == {None}
    assert few.aims[0].made == ()
    assert many.lengths[0].a is not None
    assert [each.target for each in many.aims[0].made] == [3 * 3600] * 3


def test_a_quick_replay_leaves_out_what_needs_another() -> None:
    quick = told(replace(asked_of(FOUR, TWO), quick=True), MORNING)
    assert (quick.longer, quick.alerts) == ((), ())
    assert as_json(quick)["alerts"] is None


def test_steps_that_would_have_fired_are_counted_for_whom_they_tell() -> None:
    said = told(asked_of(FOUR, TWO), answered(on(9), on(12), owner="anna", team="service"))
    assert {(each.route, each.a.steps, each.b.steps) for each in said.alerts} == {
        ("owner anna", 0, 1),
        ("lead service", 0, 1),
    }


def test_a_customers_own_zone_is_the_calendars_where_it_says_so() -> None:
    local = version(policy("standard", "local", first_response=Target(duration=4 * H)), id="local")
    ((place, _),) = tally(asked_of(local, local), answered(on(12), on(13), tz="Asia/Tokyo")).heat.items()
    assert place == (1, 19)
