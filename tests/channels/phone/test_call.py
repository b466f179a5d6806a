"""Missed until bridged, whatever the order and the number of the webhooks; telephony.md sections 1d and 3."""

from datetime import timedelta
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.channels.phone.call import GRACE, SILENCE, fold, must_ask, reason_for, timer_at, verdict
from commsd.channels.phone.call_state import CallState
from commsd.channels.phone.step import ANSWERED, NEXT, Scene, Stage, step_of
from commsd.core.interaction import Outcome
from commsd.core.open_items import WebhookEntry
from tests.channels.phone.hotline import ANNA, BO, CUSTOMER, LEG, SID, TUESDAY, Told, dialled, fields, leg_fields

DIALLED = {"voice": b'<Response><Dial action="https://x/twilio/call/CA1/dial-1#rc=2"/></Response>'}
OFFERED = DIALLED | {"dial-1": b'<Response><Gather action="https://x/twilio/call/CA1/offer-1#rc=2"/></Response>'}


def stamp(seconds: int) -> str:
    return (TUESDAY + timedelta(seconds=seconds)).strftime("%a, %d %b %Y %H:%M:%S +0000")


def folded(call: Told, answered: dict[str, bytes] = DIALLED) -> CallState:
    state = fold(SID, call.entries, answered)
    assert state
    return state


def rung() -> Told:
    """A call that rings Anna; she has not picked up."""
    return Told().told("voice", fields()).told("leg-1-0", leg_fields("ringing", SequenceNumber="1"), 2)


def accepted() -> Told:
    """Anna picks up and presses 1 after eight seconds."""
    call = rung().told("leg-1-0", leg_fields("in-progress", SequenceNumber="2"), 5)
    call.told("whisper-1-0", leg_fields("in-progress"), 5)
    return call.told("key-1-0-1", leg_fields("in-progress", Digits="1"), 8)


def ended(call: Told, after: float, status: str = "completed") -> Told:
    return call.told("status", fields(status, SequenceNumber="3", Timestamp=stamp(int(after))), after)


def judged(call: Told, at: timedelta, answered: dict[str, bytes] = DIALLED) -> Outcome | None:
    return verdict(folded(call, answered), TUESDAY + at)


SECOND = timedelta(seconds=1)


def test_a_bridged_dial_is_reached_at_once() -> None:
    call = accepted().told("dial-1", dialled(True, DialCallDuration="42"), 60)
    assert judged(call, 60 * SECOND) is Outcome.REACHED
    report = folded(call).bridged
    assert report
    assert report.talk == 42 * SECOND


@pytest.mark.parametrize("status", ["completed", "no-answer", "answered", "busy", "failed"])
def test_d2_an_agents_voicemail_is_a_missed_call(status: str) -> None:
    call = rung().told("whisper-1-0", leg_fields("in-progress"), 5).told("dial-1", dialled(False, status), 20)
    assert judged(ended(call, 30), 30 * SECOND, OFFERED) is Outcome.MISSED


def test_d2_the_callers_own_status_is_never_proof() -> None:
    assert judged(ended(rung(), 30), 30 * SECOND + GRACE) is Outcome.MISSED


def test_a_leg_that_was_answered_but_not_accepted_is_no_proof() -> None:
    call = rung().told("leg-1-0", leg_fields("in-progress", SequenceNumber="2"), 5)
    assert judged(ended(call, 90), 90 * SECOND + GRACE) is Outcome.MISSED


def test_an_accepted_leg_counts_where_the_report_was_lost() -> None:
    assert judged(ended(accepted(), 90), 90 * SECOND) is None
    assert judged(ended(accepted(), 90), 90 * SECOND + GRACE) is Outcome.REACHED


def test_the_report_overrules_an_accepted_leg() -> None:
    call = accepted().told("dial-1", dialled(False, call_status="completed"), 91)
    assert judged(ended(call, 90), 91 * SECOND) is Outcome.MISSED


def test_pressing_1_after_the_caller_has_gone_is_a_missed_call() -> None:
    assert judged(ended(accepted(), 7), 8 * SECOND + GRACE) is Outcome.MISSED


def test_a_report_without_the_word_bridged_proves_nothing() -> None:
    call = rung().told("dial-1", dialled(None, "completed"), 20)
    assert judged(ended(call, 21), 21 * SECOND) is Outcome.MISSED


def test_with_every_dial_reported_the_end_is_the_verdict() -> None:
    call = ended(rung().told("dial-1", dialled(False, "no-answer"), 22), 30)
    assert timer_at(folded(call)) == TUESDAY + 30 * SECOND
    assert judged(call, 30 * SECOND) is Outcome.MISSED


def test_a_dial_that_has_not_reported_gets_twenty_seconds() -> None:
    call = ended(rung(), 10)
    assert judged(call, 10 * SECOND + GRACE - SECOND) is None
    assert judged(call, 10 * SECOND + GRACE) is Outcome.MISSED


def test_without_any_event_a_call_is_missed_after_three_minutes() -> None:
    call = Told().told("voice", fields())
    assert judged(call, SILENCE - SECOND) is None
    assert judged(call, SILENCE) is Outcome.MISSED


def test_a_call_first_heard_of_at_its_end_is_missed_at_once() -> None:
    assert judged(ended(Told(), 0), 0 * SECOND, {}) is Outcome.MISSED


def test_twilio_is_asked_where_somebody_accepted_and_nothing_says_what_came_of_it() -> None:
    assert must_ask(folded(accepted()))
    assert must_ask(folded(ended(accepted(), 90)))
    assert not must_ask(folded(rung()))
    assert not must_ask(folded(accepted().told("dial-1", dialled(True), 60)))


def test_a_call_that_twilio_says_is_still_up_is_waited_for() -> None:
    call = accepted().told("asked", {"CallSid": SID, "CallStatus": "in-progress"}, 190)
    state = folded(call)
    assert timer_at(state) == TUESDAY + 190 * SECOND + SILENCE
    assert verdict(state, TUESDAY + 191 * SECOND) is None
    assert must_ask(state)


def test_twilio_is_asked_once_about_a_call_that_is_over() -> None:
    call = ended(accepted(), 90).told("asked", {"CallSid": SID, "CallStatus": "completed"}, 115)
    assert not must_ask(folded(call))


EVENTS = ("initiated", "ringing", "in-progress", "completed")


@pytest.mark.parametrize("order", list(permutations(range(4))))
def test_w5_the_four_events_of_a_leg_end_equal_in_every_order(order: tuple[int, ...]) -> None:
    call = Told()
    for place in order:
        call.told("leg-1-0", leg_fields(EVENTS[place], SequenceNumber=str(place), Timestamp=stamp(place)), 9)
    leg = folded(call).legs[1, 0]
    assert (leg.status, leg.picked_up, leg.number) == ("completed", True, ANNA)


def test_w6_a_late_ringing_reopens_nothing() -> None:
    call = ended(rung(), 10).told("leg-1-0", leg_fields("completed", SequenceNumber="3"), 11)
    before = folded(call)
    after = folded(
        call.told("leg-1-0", leg_fields("ringing", SequenceNumber="1"), 12).told("status", fields("ringing"), 12)
    )
    assert after.legs == before.legs
    assert after.ended_at == before.ended_at


def whole() -> list[WebhookEntry]:
    """A long call: one round in vain, one accepted, then a talk."""
    call = rung().told("dial-1", dialled(False, "no-answer"), 22)
    call.told("leg-2-0", leg_fields("initiated", BO, "CA3", SequenceNumber="0"), 22)
    call.told("leg-2-0", leg_fields("in-progress", BO, "CA3", SequenceNumber="2"), 25)
    call.told("key-2-0-1", leg_fields("in-progress", BO, "CA3", Digits="1"), 27)
    call.told("dial-2", dialled(True, DialCallDuration="30"), 60)
    call.told("offer-1", fields("in-progress", Digits="2"), 61).told(
        "number-1", fields("in-progress", Digits="030"), 62
    )
    call.told("confirm-1", fields("in-progress", Digits="2"), 63)
    call.told("number-2", fields("in-progress", Digits="03023125088"), 64)
    call.told("recording", {"RecordingSid": "RE1", "CallSid": SID, "RecordingStatus": "completed"}, 65)
    return ended(call, 70).entries


@given(st.permutations(whole()), st.lists(st.sampled_from(whole()), max_size=6))
def test_w3_w5_order_and_repetition_make_no_difference(order: list[WebhookEntry], again: list[WebhookEntry]) -> None:
    assert fold(SID, [*order, *again], DIALLED) == fold(SID, whole(), DIALLED)


@given(st.sets(st.integers(1, len(whole()) - 1)))
def test_d1_whatever_webhooks_are_lost_the_call_gets_a_verdict(lost: set[int]) -> None:
    left = [entry for place, entry in enumerate(whole()) if place not in lost]
    state = fold(SID, left, DIALLED)
    assert state
    assert verdict(state, timer_at(state)) in (Outcome.REACHED, Outcome.MISSED)


def asked(call: Told, after: float, status: str = "completed", leg: str | None = None) -> Told:
    child = {f"Child-{LEG}": leg} if leg else {}
    return call.told("asked", {"CallSid": SID, "CallStatus": status, **child}, after)


def test_r5_two_ends_of_a_leg_rest_wins_and_the_conflict_is_known() -> None:
    call = accepted().told("leg-1-0", leg_fields("completed", SequenceNumber="3"), 60)
    assert not folded(asked(ended(call, 61), 70, leg="completed")).conflict
    state = folded(asked(call, 80, leg="no-answer"))
    assert (state.legs[1, 0].status, state.legs[1, 0].picked_up, state.conflict) == ("no-answer", False, True)
    assert verdict(state, TUESDAY + 200 * SECOND) is Outcome.MISSED


def test_r5_two_ends_of_the_callers_leg_rest_wins_and_the_conflict_is_known() -> None:
    state = folded(asked(ended(rung(), 30, "completed"), 40, "failed"))
    assert (state.status, state.conflict) == ("failed", True)
    agreed = folded(asked(ended(rung(), 30, "completed"), 40, "completed"))
    assert (agreed.status, agreed.conflict) == ("completed", False)


def test_r5_an_end_wins_over_a_leg_that_rest_still_calls_live() -> None:
    call = accepted().told("leg-1-0", leg_fields("completed", SequenceNumber="3"), 60)
    state = folded(asked(call, 61, "in-progress", leg="in-progress"))
    assert (state.legs[1, 0].status, state.conflict, state.ended_at) == ("completed", False, None)


def test_unknown_fields_and_statuses_are_tolerated() -> None:
    call = Told().told("voice", fields("teleporting", NewIn2027="yes")).told("leg-1-0", leg_fields("humming"), 1)
    assert folded(call).ended_at is None


@pytest.mark.parametrize("missing", sorted(set(fields()) - {"CallSid"}))
def test_no_optional_field_is_needed(missing: str) -> None:
    said = {name: value for name, value in fields().items() if name != missing}
    assert folded(Told().told("voice", said)).inbound


def test_the_caller_is_read_from_from_and_to_only() -> None:
    state = folded(Told().told("voice", fields(Caller="+12025550143", Called="+12025550199")))
    assert state.number
    assert state.number.e164 == CUSTOMER


@pytest.mark.parametrize(
    ("call", "answered", "closed", "reason"),
    [
        (Told().told("voice", fields()), DIALLED, False, "abandoned_greeting"),
        (rung(), DIALLED, False, "abandoned_ringing"),
        (rung().told("dial-1", dialled(False, "busy"), 9), OFFERED, False, "no_answer"),
        (Told().told("voice", fields()), {"voice": OFFERED["dial-1"]}, True, "closed"),
        (Told().told("voice", fields()), {"voice": OFFERED["dial-1"]}, False, "nobody_rung"),
        (Told().told("voice", fields(ErrorCode="11200", ErrorUrl="https://x")), {}, False, "fallback"),
        (Told().told("message", fields(RecordingSid="RE1", Digits="hangup")), OFFERED, False, "message_left"),
    ],
)
def test_why_a_call_was_missed(call: Told, answered: dict[str, bytes], closed: bool, reason: str) -> None:
    assert reason_for(folded(call, answered), closed=closed) == reason


def test_an_absent_recording_is_no_message() -> None:
    call = Told().told("voice", fields()).told("recording", {"RecordingSid": "RE1", "RecordingStatus": "absent"})
    assert folded(call).recording_sid is None


def test_every_step_we_hand_out_is_understood_and_no_other() -> None:
    for text in ("voice", "dial-2", "offer-1", "key-1-0-2", "leg-3-9", "recording", "message"):
        assert str(step_of(text)) == text
    for text in ("", "dial", "dial-x", "dial-1-2", "key-1", "hangup", "voice-1", "../voice", "dial-1000"):
        assert step_of(text) is None


def test_a1_every_way_through_the_table_ends_in_words_of_leave() -> None:
    asks = {
        Scene.RING: Stage.DIAL,
        Scene.APOLOGY: Stage.OFFER,
        Scene.CLOSED: Stage.OFFER,
        Scene.MENU_AGAIN: Stage.OFFER,
        Scene.ASK_NUMBER: Stage.NUMBER,
        Scene.ASK_AGAIN: Stage.NUMBER,
        Scene.READ_BACK: Stage.CONFIRM,
        Scene.RECORD: Stage.MESSAGE,
        Scene.PURPOSE: Stage.MESSAGE,
    }
    leaves = set(Scene) - set(asks)
    assert leaves == {
        Scene.PROMISE, Scene.RECORDED, Scene.DECLINED, Scene.TALKED, Scene.COLLEAGUE, Scene.OURSELVES
    }  # fmt: skip
    assert {stage for stage, _ in NEXT} == set(asks.values()) | {Stage.VOICE}
    assert set(NEXT.values()) == set(Scene)
    assert {stage for stage, _ in NEXT} <= ANSWERED


def test_a_time_beyond_the_calendar_does_not_keep_a_call_from_its_verdict() -> None:
    call = rung().told("status", fields("completed", Timestamp="Fri, 31 Dec 9999 23:59:59 -1200"), 9)
    assert judged(call, 60 * SECOND) is Outcome.MISSED
