"""What starts, stops and cancels each kind of clock."""

from datetime import datetime, timedelta
from typing import Any

import pytest

from commsd.core.clock import State
from commsd.core.policy import Target
from tests.core.sla_builders import PROMISES, RESPONSES, H, M, on, policy, promised, stand, touch

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


def rang(at: Any, *callbacks: str, id: str = "") -> Any:
    return touch("missed", at, callbacks=callbacks, id=id or f"rang-{at:%H%M}")


CALLS = policy(callback=Target(duration=2 * H))


def test_the_call_that_is_left_is_due_from_its_own_missed_call() -> None:
    touches = [rang(on(9), "a", id="a"), rang(on(9, 30), "b", id="b"), rang(on(9, 40), "b", id="b again")]
    assert list(stand(touches, CALLS, on(10))) == [("callback", 1)]
    got = stand([*touches, touch("talk", on(10), callbacks=("a",))], CALLS, on(10))
    first, left = got["callback", 1], got["callback", 2]
    assert (first.opened_by, first.state, first.stopped_at) == ("a", State.MET, on(10))
    assert (left.opened_by, left.started_at, left.due_at) == ("b", on(9, 30), on(11, 30))
    assert left.state is State.RUNNING


def test_a_call_that_waited_behind_another_for_too_long_is_late_at_its_own_time() -> None:
    touches = [rang(on(9), "a"), rang(on(9, 30), "b"), touch("talk", on(12), callbacks=("a",))]
    got = stand(touches, CALLS, on(12))
    assert [(clock.state, clock.due_at) for clock in got.values()] == [
        (State.BREACHED, on(11)),
        (State.BREACHED, on(11, 30)),
    ]


@pytest.mark.parametrize("about", ["talk", "attempt", "callback_closed"])
def test_what_is_about_another_call_leaves_the_clock_alone(about: str) -> None:
    rules = policy(callback=Target(duration=2 * H, met_after_attempts=1))
    touches = [rang(on(9), "a"), rang(on(9, 30), "b"), touch(about, on(10), callbacks=("b",))]
    assert [clock.state for clock in stand(touches, rules, on(10)).values()] == [State.RUNNING]
    end = [*touches, touch("talk", on(10, 30), callbacks=("a",))]
    tried = {("callback", 2): State.MET} if about == "attempt" else {}
    assert {key: clock.state for key, clock in stand(end, rules, on(11)).items()} == {
        ("callback", 1): State.MET,
        **tried,
    }


@pytest.mark.parametrize("about", ["talk", "callback_closed", "close"])
def test_what_is_about_no_call_in_particular_ends_all_of_them(about: str) -> None:
    got = stand([rang(on(9), "a"), rang(on(9, 30), "b"), touch(about, on(10))], CALLS, on(11))
    assert [clock.stopped_at for clock in got.values()] == [on(10)]


def test_a_call_answered_from_a_third_number_leaves_no_owed_call_without_a_clock() -> None:
    rings = touch("talk", on(10), direction="in", channel="phone")
    got = stand([rang(on(9), "a"), rang(on(9, 30), "b"), rings], CALLS, on(10, 30))
    assert (got["callback", 1].state, got["callback", 1].due_at) == (State.RUNNING, on(11))


def test_a_missed_call_of_no_known_callback_is_ended_by_any_talk() -> None:
    got = stand([rang(on(9)), touch("talk", on(10), callbacks=("a",))], CALLS, on(11))
    assert [clock.state for clock in got.values()] == [State.MET]


# promises


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
