"""What the dialler does next about one owed call."""

from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given as hypothesis
from hypothesis import strategies as st

from commsd.channels.phone.dial.plan import (
    ASKED_FOR,
    Begin,
    Escalate,
    Hold,
    Nothing,
    Past,
    Plan,
    Policy,
    Staff,
    Wait,
    plan,
)
from commsd.channels.phone.line import Callbacks, Line
from commsd.core.agent import Absence, Agent, People, Team
from commsd.core.backoff import vain_today
from commsd.core.calendar import is_open
from commsd.core.callback import Attempt, Callback, State
from commsd.core.calling_hours import may_ring, zones_of
from commsd.core.contact import Contact
from commsd.core.number import parse_number
from tests.core.items import TUESDAY, Books, call_from, given
from tests.house import OFFICE

BERLIN = ZoneInfo("Europe/Berlin")
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
TODAY = TUESDAY.date()
OUR_NUMBER = parse_number("+493023125010")
assert OUR_NUMBER is not None

AGENTS = {
    name: Agent(id=name, name=name.title(), phone=f"+4930231250{place}")
    for place, name in enumerate(["anna", "bo", "cai"], start=11)
}
PEOPLE = People(agents=AGENTS, teams={"service": Team(id="service", members=("bo", "cai"), lead="cai")})
LINE = Line(name="hotline", number=OUR_NUMBER, team="service", rounds=(("anna",), ("service",)))
POLICY = Policy(line=LINE, people=PEOPLE, callbacks=Callbacks(), zone=BERLIN, calendar=OFFICE)


def owed(**more: object) -> Callback:
    """Missed on a Tuesday at ten in Berlin; due within two hours."""
    books = Books()
    books.take(call_from())
    return replace(books.callback, **given(more))


def tries(*results: str, by: str = "anna", first: datetime = TUESDAY, every: timedelta = HOUR) -> tuple[Attempt, ...]:
    return tuple(
        Attempt(at=first + n * every, by=by, result=result, id=f"try-{n}", ended_at=first + n * every)
        for n, result in enumerate(results)
    )


def planned(callback: Callback, now: datetime = TUESDAY, policy: Policy = POLICY, **more: Any) -> Plan:
    return plan(callback, more.pop("staff", Staff()), policy, now, **more)


def who(chosen: Plan) -> str | None:
    return chosen.agent.id if isinstance(chosen, Begin) else None


def _away(name: str, **more: object) -> Policy:
    absent = replace(AGENTS[name], away=(Absence(TODAY, TODAY),), **given(more))
    return replace(POLICY, people=replace(PEOPLE, agents=AGENTS | {name: absent}))


@pytest.mark.parametrize("state", [state for state in State if state is not State.WAITING])
def test_only_what_waits_is_planned(state: State) -> None:
    assert planned(owed(state=state)) == Nothing(state.value)


def test_q8_who_was_just_rung_in_vain_rests_before_the_first_try_for_the_customer_may_ring_again() -> None:
    past = Past(missed_at=TUESDAY)
    free = TUESDAY + Callbacks().first_try_after
    assert planned(owed(), past=past) == Wait(free, "redial")
    assert who(planned(owed(), free, past=past)) == "anna"
    assert who(planned(owed(released="cai"), past=past)) == "anna"
    assert who(planned(owed(asked_at_time=True, due_at=TUESDAY), past=past)) == "anna"


def test_q8_the_limit_of_a_day_is_the_numbers_and_not_the_callbacks() -> None:
    later, morning = TUESDAY + 3 * HOUR, datetime(2026, 3, 11, 9, 0, tzinfo=BERLIN)
    before = Past(tries=tries(*["busy"] * 3))
    assert planned(owed(), later, past=before) == Wait(morning, "tries_per_day")
    assert who(planned(owed(), later, past=Past(tries=before.tries[:2]))) == "anna"


def test_q8_a_try_that_came_over_with_a_joined_callback_counts_once() -> None:
    callback = owed(attempts=tries("busy", "busy"), rang_at=TUESDAY + 3 * HOUR)
    assert who(planned(callback, TUESDAY + 3 * HOUR, past=Past(tries=callback.attempts))) is not None


def test_a_missed_call_is_rung_back_at_once_by_the_first_of_the_line() -> None:
    assert planned(owed()) == Begin(owed(), AGENTS["anna"], "next")


def test_q6_the_owner_alone_rings_for_a_quarter_of_an_hour() -> None:
    callback = owed(owner="cai")
    assert planned(callback) == Begin(callback, AGENTS["cai"], "owner")
    engaged = Staff(busy=frozenset({"cai"}))
    assert planned(callback, TUESDAY + 14 * MINUTE, staff=engaged) == Nothing("owner")
    assert who(planned(callback, TUESDAY + 15 * MINUTE, staff=engaged)) == "anna"
    assert who(planned(callback, TUESDAY + 15 * MINUTE)) == "cai", "and still comes first"


def test_q6_the_owners_time_is_counted_while_we_are_open() -> None:
    evening = datetime(2026, 3, 10, 16, 55, tzinfo=BERLIN)
    callback = owed(owner="cai", opened_at=evening, due_at=evening + 20 * HOUR)
    engaged = Staff(busy=frozenset({"cai"}))
    morning = datetime(2026, 3, 11, 9, 9, tzinfo=BERLIN)
    assert planned(callback, morning, staff=engaged) == Nothing("owner")
    assert who(planned(callback, morning + MINUTE, staff=engaged)) == "anna"


def test_q6_an_owner_who_is_away_is_stood_in_for_by_the_deputy() -> None:
    assert who(planned(owed(owner="cai"), policy=_away("cai", deputy="bo"))) == "bo"
    assert who(planned(owed(owner="cai"), policy=_away("cai"))) == "anna"


def test_q6_an_owner_who_does_not_take_it_is_passed_over_at_once() -> None:
    callback = owed(owner="cai", attempts=tries("not_accepted", by="cai"))
    assert who(planned(callback, TUESDAY + MINUTE)) == "anna"


@pytest.mark.parametrize("staff", [Staff(busy=frozenset({"anna"})), Staff(resting=frozenset({"anna"}))])
def test_p7_who_is_on_the_telephone_or_just_took_no_call_is_passed_over(staff: Staff) -> None:
    assert who(planned(owed(), staff=staff)) == "bo"


def test_q5_a_caller_on_the_line_whose_clock_is_older_has_our_people_first() -> None:
    callback = owed()
    for waits, rung in ((-MINUTE, "bo"), (timedelta(), "anna"), (MINUTE, "anna")):
        staff = Staff(awaited={"anna": callback.opened_at + waits})
        assert who(planned(callback, staff=staff)) == rung
    everybody = Staff(awaited=dict.fromkeys(AGENTS, callback.opened_at - MINUTE))
    assert planned(callback, staff=everybody) == Nothing("agents")


def test_q5_who_waits_for_an_hour_is_overtaken_by_no_caller() -> None:
    callback = owed()
    later = callback.opened_at + HOUR
    assert who(planned(callback, later, staff=Staff(awaited=dict.fromkeys(AGENTS, later - MINUTE)))) == "anna"


def test_p7_who_is_away_or_has_no_telephone_is_passed_over() -> None:
    assert who(planned(owed(), policy=_away("anna"))) == "bo"
    mute = replace(AGENTS["anna"], phone=None)
    assert who(planned(owed(), policy=replace(POLICY, people=replace(PEOPLE, agents=AGENTS | {"anna": mute})))) == "bo"


def test_within_a_round_who_rang_least_today_is_next() -> None:
    staff = Staff(busy=frozenset({"anna"}), calls={"bo": 3, "cai": 1})
    assert who(planned(owed(), staff=staff)) == "cai"


def test_where_nobody_is_rung_for_a_caller_the_team_rings_back() -> None:
    quiet_line = replace(POLICY, line=replace(LINE, rounds=()))
    assert who(planned(owed(), policy=quiet_line)) == "bo"


def test_nobody_is_rung_to_be_joined_with_themselves() -> None:
    assert who(planned(owed(number=AGENTS["anna"].phone))) == "bo"


def test_everybody_busy_leaves_it_due_and_nobody_there_too() -> None:
    assert planned(owed(), staff=Staff(busy=frozenset(AGENTS))) == Nothing("agents")
    nobody = replace(POLICY, line=replace(LINE, rounds=(), team=None))
    assert planned(owed(), policy=nobody) == Nothing("nobody")


def test_q8_our_own_who_did_not_accept_rest_while_the_next_are_rung_at_once() -> None:
    asked: list[str | None] = []
    callback, now = owed(), TUESDAY
    for _ in range(3):
        asked.append(who(planned(callback, now)))
        attempt = Attempt(at=now, by=asked[-1], result="not_accepted", ended_at=now, id=f"try-{len(asked)}")
        callback, now = replace(callback, attempts=(*callback.attempts, attempt)), now + MINUTE
    assert asked == ["anna", "bo", "cai"]
    assert planned(callback, now) == Wait(TUESDAY + 5 * MINUTE, "agents")
    assert who(planned(callback, TUESDAY + 5 * MINUTE)) == "anna"


@pytest.mark.parametrize("why", ["observe", "disabled", "paused"])
def test_while_nothing_is_dialled_nothing_happens_but_screening(why: str) -> None:
    stopped = replace(POLICY, stopped=why)
    assert planned(owed(), policy=stopped) == Nothing(why)
    assert planned(owed(), policy=stopped, held="type:premium_rate") == Hold("type:premium_rate")
    assert planned(owed(attempts=tries(*["busy"] * 6)), policy=stopped) == Escalate("tries")


def test_what_a_person_let_through_is_not_held_or_escalated_again_before_its_one_call() -> None:
    callback = owed(released="cai", attempts=tries(*["busy"] * 6, first=TUESDAY - 48 * HOUR))
    assert who(planned(callback, held="region:LV")) == "anna"


def test_nobody_is_rung_who_is_on_the_line_with_us() -> None:
    callback = owed()
    assert planned(callback, staff=Staff(on_line=frozenset({callback.number or ""}))) == Nothing("on_line")


def test_q2_six_tries_in_vain_go_to_a_person_and_end_nothing() -> None:
    assert planned(owed(attempts=tries(*["busy"] * 6))) == Escalate("tries")


def test_a_call_a_day_late_goes_to_a_person_but_not_over_a_weekend() -> None:
    callback = owed()
    assert callback.due_at is not None
    assert planned(callback, callback.due_at + 24 * HOUR) == Escalate("overdue")
    friday = datetime(2026, 3, 13, 16, 30, tzinfo=BERLIN)
    weekend = owed(due_at=friday, opened_at=friday - 2 * HOUR)
    assert who(planned(weekend, datetime(2026, 3, 16, 9, 0, tzinfo=BERLIN))) == "anna"


def test_q8_after_a_try_in_vain_the_next_is_waited_for() -> None:
    callback = owed(attempts=tries("no_answer"))
    chosen = planned(callback, TUESDAY + MINUTE)
    assert isinstance(chosen, Wait)
    assert chosen.why == "backoff"
    assert TUESDAY + 30 * MINUTE <= chosen.until < TUESDAY + 33 * MINUTE
    assert planned(callback, TUESDAY + MINUTE) == chosen, "asked twice, the same"
    assert who(planned(callback, chosen.until)) == "anna"


def test_q8_who_rang_meanwhile_is_rung_without_waiting() -> None:
    callback = owed(attempts=tries("no_answer"), rang_at=TUESDAY + 2 * MINUTE)
    assert who(planned(callback, TUESDAY + 3 * MINUTE)) == "anna"


def test_q8_the_fourth_try_is_not_on_the_same_day() -> None:
    callback = owed(attempts=tries(*["busy"] * 3), rang_at=TUESDAY + 3 * HOUR)
    morning = datetime(2026, 3, 11, 9, 0, tzinfo=BERLIN)
    assert planned(callback, TUESDAY + 3 * HOUR) == Wait(morning, "tries_per_day")


def test_q8_the_third_time_without_an_answer_it_is_another_day_at_another_hour() -> None:
    callback = owed(attempts=tries(*["no_answer"] * 3))
    chosen = planned(replace(callback, due_at=None), TUESDAY + 25 * HOUR - 2 * HOUR)
    assert isinstance(chosen, Wait)
    local = chosen.until.astimezone(BERLIN)
    assert (local.date(), local.hour) == (date(2026, 3, 11), 14), "tried at ten, eleven and twelve"


def test_q7_the_customers_night_and_our_closed_door_are_waited_for() -> None:
    night = datetime(2026, 3, 10, 17, 30, tzinfo=BERLIN)
    morning = datetime(2026, 3, 11, 9, 0, tzinfo=BERLIN)
    callback = owed(opened_at=night, due_at=morning + HOUR)
    assert planned(callback, night) == Wait(morning, "window")
    jakarta = Contact(id="c", created_at=TUESDAY, timezone="Asia/Jakarta")
    noon = datetime(2026, 3, 10, 15, 0, tzinfo=BERLIN)  # 21:00 in Jakarta
    late = owed(opened_at=noon, due_at=noon + 2 * HOUR)
    assert planned(late, noon, contact=jakarta) == Wait(morning, "window")
    assert who(planned(late, noon)) == "anna", "by the number alone he is in Germany"


def test_q7_a_number_that_sleeps_somewhere_all_day_is_a_persons() -> None:
    never = replace(POLICY, callbacks=Callbacks(quiet_hours=Callbacks().quiet_hours._replace(start=0, end=0)))
    assert planned(owed(), policy=never) == Escalate("no_window")


def test_q7_who_sleeps_while_we_are_open_is_a_persons_and_rung_in_his_own_morning_if_let_through() -> None:
    los_angeles = ZoneInfo("America/Los_Angeles")
    january = datetime(2026, 1, 13, 10, 0, tzinfo=BERLIN)
    california = owed(number="+14155550123", opened_at=january, due_at=january + 2 * HOUR)
    assert planned(california, january) == Escalate("no_window")
    let_through = replace(california, released="cai")
    morning = datetime(2026, 1, 13, 8, 0, tzinfo=los_angeles)
    assert planned(let_through, january) == Wait(morning, "window")
    assert who(planned(let_through, morning)) == "anna"


def test_q7_nobody_waits_for_the_weeks_in_which_two_countries_clocks_are_nearer() -> None:
    three = datetime(2026, 3, 10, 8, 0, tzinfo=ZoneInfo("America/Los_Angeles"))  # summer time there, not yet here
    assert planned(owed(number="+14155550123")) == Wait(three, "window")
    april = datetime(2026, 4, 7, 10, 0, tzinfo=BERLIN)
    vain = tries(*["no_answer"] * 3, first=april)
    again = owed(number="+14155550123", opened_at=april, due_at=None, attempts=vain)
    assert planned(again, april + 3 * HOUR) == Escalate("no_window")


def test_q10_a_time_asked_for_is_kept_also_in_the_evening_and_not_before() -> None:
    evening = datetime(2026, 3, 10, 21, 0, tzinfo=BERLIN)
    callback = owed(due_at=evening, asked_at_time=True)
    assert planned(callback) == Wait(evening, "asked")
    assert who(planned(callback, evening)) == "anna"
    too_late = planned(callback, evening + ASKED_FOR)
    assert isinstance(too_late, Wait)
    assert too_late.why == "window"


_RESULTS = st.sampled_from(["busy", "no_answer", "voicemail", "technical", "not_accepted", "given_up", "wrong_person"])


@st.composite
def _situations(draw: st.DrawFn) -> tuple[Callback, datetime, Staff]:
    now = TUESDAY + draw(st.integers(0, 60 * 24 * 7)) * MINUTE
    past = draw(st.lists(st.tuples(_RESULTS, st.integers(1, 60 * 24 * 2), st.sampled_from([*AGENTS])), max_size=7))
    at, attempts = now, []
    for result, before, by in past:
        at -= before * MINUTE
        attempts.append(Attempt(at=at, by=by, result=result, id=str(before), ended_at=at))
    number = draw(st.sampled_from(["+493023125099", "+6281234567890", "+61412345678"]))
    asked = draw(st.booleans())
    due = now + draw(st.integers(-60 * 20, 60 * 20)) * MINUTE
    rung = draw(st.none() | st.just(now))
    callback = owed(
        number=number, attempts=tuple(reversed(attempts)), due_at=due, asked_at_time=asked, rang_at=rung,
        opened_at=min(at, now), owner=draw(st.none() | st.sampled_from([*AGENTS])),
    )  # fmt: skip
    return callback, now, Staff(busy=frozenset(draw(st.sets(st.sampled_from([*AGENTS])))))


@hypothesis(_situations())
def test_whatever_happened_before_no_call_begins_that_must_not(situation: tuple[Callback, datetime, Staff]) -> None:
    """Invariants 2, 7 and 9 of telephony.md section 6d, and that a wait ends in the future."""
    callback, now, staff = situation
    chosen = planned(callback, now, staff=staff)
    assert planned(callback, now, staff=staff) == chosen
    if isinstance(chosen, Wait):
        assert chosen.until > now
    if not isinstance(chosen, Begin):
        return
    zones = zones_of(parse_number(callback.number or ""), None, BERLIN)
    due = callback.due_at if callback.asked_at_time else None
    asked = due is not None and due <= now < due + ASKED_FOR
    assert asked or (may_ring(now, zones, Callbacks().quiet_hours) and is_open(OFFICE, now))
    assert vain_today(callback.attempts, zones[0], now) < Callbacks().tries_per_day
    assert chosen.agent.id not in staff.busy


@hypothesis(_situations())
def test_who_waits_is_served_or_a_persons_within_days(situation: tuple[Callback, datetime, Staff]) -> None:
    """No dead end: following the waits leads to a call, or to a person."""
    callback, now, _ = situation
    for _ in range(12):
        chosen = planned(callback, now)
        if not isinstance(chosen, Wait):
            assert isinstance(chosen, Begin | Escalate)
            return
        now = chosen.until
    raise AssertionError("it waits for ever")
