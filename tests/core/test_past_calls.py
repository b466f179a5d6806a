"""Old calls on paper: who waited, how a wait ended, and what the rules say of it."""

from dataclasses import replace
from datetime import timedelta
from itertools import count, permutations

from hypothesis import given
from hypothesis import strategies as st

from commsd.core.past_calls import CallGathering, ListedCall, PastCalls
from commsd.core.past_calls_report import CallReport, report_of_calls
from tests.house import TERMS
from tests.world import WEDNESDAY_MORNING as NINE

HOTLINE, OFFICE, ANNA = "+493023125010", "+493023125020", "+493023125011"
JANE, JOHN = "+442079460123", "+493023125099"
MINUTE = timedelta(minutes=1)
_SIDS = count()


def rang(after: float = 0, *, caller: str = JANE, line: str = HOTLINE, status: str = "completed") -> ListedCall:
    """A customer rings, so many minutes after nine."""
    begun = NINE + after * MINUTE
    return ListedCall(
        sid=f"CA{next(_SIDS):032}",
        direction="inbound",
        caller=caller,
        called=line,
        status=status,
        started_at=begun,
        ended_at=begun + MINUTE,
    )


def leg(of: ListedCall, *, to: str = ANNA, talked: bool = True) -> ListedCall:
    return replace(
        of,
        sid=f"CA{next(_SIDS):032}",
        parent_sid=of.sid,
        direction="outbound-dial",
        called=to,
        status="completed" if talked else "no-answer",
        seconds=50 if talked else 0,
    )


def rung(after: float, *, to: str = JANE, talked: bool = True) -> ListedCall:
    """We ring somebody."""
    out = rang(after, caller=HOTLINE, line=to)
    return replace(out, direction="outbound-api", status="completed" if talked else "busy", seconds=50 if talked else 0)


def past(*calls: ListedCall) -> PastCalls:
    gathering = CallGathering({HOTLINE: "hotline", OFFICE: "office"}, frozenset({ANNA}))
    for call in calls:
        gathering.take(call)
    return gathering.past()


def told(*calls: ListedCall) -> CallReport:
    return report_of_calls(past(*calls), TERMS.versions[0], NINE, NINE + 600 * MINUTE)


def test_who_rang_in_vain_and_was_never_rung_back_waits_from_the_first_ring() -> None:
    (wait,) = past(rang(0), rang(5), rang(9, line=OFFICE)).waits
    assert (wait.line, wait.number, wait.at) == ("hotline", JANE, NINE)
    assert (wait.further, wait.reached_at) == (2, None)


def test_a_call_of_ours_that_was_taken_ends_the_wait_and_one_that_was_not_does_not() -> None:
    (wait,) = past(rang(0), rung(5, talked=False), rung(30)).waits
    assert (wait.tried, wait.reached_at, wait.rang_again) == (1, NINE + 30 * MINUTE, False)


def test_an_agent_who_rings_with_twilios_help_rings_the_customer() -> None:
    first = rung(10, to=ANNA)
    (wait,) = past(rang(0), first, leg(first, to=JANE)).waits
    assert wait.reached_at == NINE + 10 * MINUTE


def test_ringing_again_and_being_answered_ends_the_wait_on_any_line() -> None:
    second = rang(20, line=OFFICE)
    (wait,) = past(rang(0), second, leg(second)).waits
    assert (wait.reached_at, wait.rang_again) == (NINE + 20 * MINUTE, True)


def test_whoever_was_answered_waits_for_nothing_and_a_ring_after_that_is_a_new_wait() -> None:
    answered = rang(0)
    assert past(answered, leg(answered)).waits == ()
    assert [wait.at for wait in past(answered, leg(answered), rang(60)).waits] == [NINE + 60 * MINUTE]


def test_a_leg_to_another_customers_number_is_no_call_to_that_customer() -> None:
    johns = rang(10, caller=JOHN)
    waits = past(rang(0), johns, leg(johns, to=JANE)).waits
    assert [(wait.number, wait.reached_at) for wait in waits] == [(JANE, None)]


def test_our_own_people_and_calls_that_are_up_are_not_counted() -> None:
    up = replace(rang(5), ended_at=None, status="in-progress")
    found = past(rang(0, caller=ANNA), up)
    assert (found.lines["hotline"].received, found.waits) == (0, ())


def test_a_withheld_number_is_counted_and_can_be_rung_by_nobody() -> None:
    found = past(rang(0, caller="+266696687"), rang(1, caller="Anonymous"), rang(2, caller=""))
    assert (found.lines["hotline"].withheld, found.waits) == (3, ())


def test_where_nobody_was_dialled_it_says_that_the_list_may_not_show_who_answered() -> None:
    vain = rang(5)
    assert past(rang(0), vain, leg(vain, talked=False)).lines["hotline"].direct == 1


def test_the_order_of_the_list_makes_no_difference() -> None:
    again = rang(50)
    calls = (rang(0), rung(5, talked=False), again, leg(again))
    assert {past(*order).waits for order in permutations(calls)} == {past(*calls).waits}


@given(st.lists(st.tuples(st.sampled_from("vao"), st.sampled_from((JANE, JOHN))), max_size=12))
def test_a_person_waits_exactly_where_the_last_call_was_in_vain(story: list[tuple[str, str]]) -> None:
    """v: in vain, a: answered, o: we rang, and it was taken."""
    calls: list[ListedCall] = []
    for minute, (what, who) in enumerate(story):
        call = rung(minute, to=who) if what == "o" else rang(minute, caller=who)
        calls += [call, leg(call)] if what == "a" else [call]
    found = past(*calls)
    last = {who: what for what, who in story}
    assert {wait.number for wait in found.waits if not wait.reached_at} == {who for who in last if last[who] == "v"}
    vain = sum(what == "v" for what, _ in story)
    assert sum(1 + wait.further for wait in found.waits) == vain == found.lines["hotline"].in_vain


def test_waits_are_measured_by_the_clock_and_by_the_rules() -> None:
    found = told(rang(0), rung(30), rang(60, caller=JOHN))
    line = found.lines["hotline"]
    assert (line.called_back, line.waiting, line.rung.in_vain, line.late) == (1, 1, 2, 1)
    (waiting,) = found.waiting
    assert (waiting.wait.number, waiting.passed, waiting.late) == (JOHN, timedelta(hours=9), True)
    half = found.total.passed[50]
    assert half
    assert half.seconds == 1800
