"""The call list on paper: what is noted of a call found there, and that each is found once, whenever one looks."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from commsd.channels.phone.call import fold, reason_for, verdict
from commsd.channels.phone.call_state import CallState
from commsd.channels.phone.swept import GRACE, OVERLAP, fields_of, is_over, mark_after, of_lines
from commsd.core.interaction import Outcome
from commsd.core.open_items import WebhookEntry
from commsd.core.past_calls import ListedCall
from tests.channels.phone.hotline import ANNA, CUSTOMER, HOTLINE, LEG, SID, TUESDAY, fields

MINUTE = timedelta(minutes=1)
CALL = ListedCall(
    sid=SID,
    direction="inbound",
    caller=CUSTOMER,
    called=HOTLINE,
    status="completed",
    started_at=TUESDAY,
    ended_at=TUESDAY + MINUTE,
    seconds=40,
)


def leg(seconds: int, status: str = "completed") -> ListedCall:
    return replace(
        CALL, sid=LEG, parent_sid=SID, direction="outbound-dial", called=ANNA, status=status, seconds=seconds
    )


def noted(*legs: ListedCall, whispered: bool = True, call: ListedCall = CALL, late: timedelta = MINUTE) -> CallState:
    now = TUESDAY + MINUTE + late
    said = fields_of(call, legs, now, whispered=whispered)
    entry = WebhookEntry(id=1, received_at=now, route="swept", step="swept", fields=said)
    found = fold(SID, [entry], {})
    assert found
    return found


def test_r6_a_call_nobody_told_of_is_missed_from_its_first_second_at_twilio() -> None:
    state = noted(late=timedelta(hours=30))
    assert (state.first_at, state.hung_up_at, state.caller) == (TUESDAY, TUESDAY + MINUTE, CUSTOMER)
    assert verdict(state, TUESDAY + timedelta(hours=31)) is Outcome.MISSED
    assert reason_for(state, closed=False) == "call_list"


def test_r4_a_leg_that_may_have_been_a_voicemail_is_no_talk_after_our_whisper() -> None:
    assert verdict(noted(leg(15)), TUESDAY + 3 * MINUTE) is Outcome.MISSED


def test_r4_a_leg_that_outlived_the_whisper_was_accepted() -> None:
    state = noted(leg(200), call=replace(CALL, ended_at=TUESDAY + 4 * MINUTE), late=5 * MINUTE)
    assert verdict(state, TUESDAY + 9 * MINUTE) is Outcome.REACHED
    assert state.bridged
    assert state.bridged.talk == timedelta(seconds=200)
    assert [each.number for each in state.legs.values()] == [ANNA]


def test_without_webhooks_a_leg_that_was_answered_is_a_talk() -> None:
    assert verdict(noted(leg(15), whispered=False), TUESDAY + 3 * MINUTE) is Outcome.REACHED
    assert verdict(noted(leg(0, "no-answer"), whispered=False), TUESDAY + 3 * MINUTE) is Outcome.MISSED


def test_a_webhook_that_comes_late_after_all_corrects_what_the_list_said() -> None:
    swept = fields_of(CALL, [leg(15)], TUESDAY + 2 * MINUTE, whispered=True)
    bridged = fields("in-progress", DialBridged="true", DialCallSid=LEG, DialCallStatus="completed")
    entries = [
        WebhookEntry(id=1, received_at=TUESDAY + 2 * MINUTE, route="swept", step="swept", fields=swept),
        WebhookEntry(id=2, received_at=TUESDAY + 3 * MINUTE, route="dial", step="dial-1", fields=bridged),
    ]
    for order in (entries, entries[::-1]):
        state = fold(SID, order, {})
        assert state
        assert verdict(state, TUESDAY + 4 * MINUTE) is Outcome.REACHED
        assert state.first_at == TUESDAY


def test_a_clock_that_is_slow_notes_no_time_to_come() -> None:
    state = noted(late=-timedelta(hours=2))
    assert state.first_at == TUESDAY + MINUTE - timedelta(hours=2)
    assert verdict(state, TUESDAY + MINUTE - timedelta(hours=2)) is Outcome.MISSED


def test_only_customers_calls_to_our_lines_since_we_have_them_count() -> None:
    others = [
        replace(CALL, direction="outbound-api"),
        replace(CALL, parent_sid="CA" + "9" * 32),
        replace(CALL, called=ANNA),
        replace(CALL, started_at=TUESDAY - MINUTE),
    ]
    assert of_lines([*others, CALL], {HOTLINE: TUESDAY}) == [CALL]


def test_a_call_that_ended_this_minute_is_left_to_its_webhooks_once() -> None:
    now = TUESDAY + MINUTE + GRACE / 2
    assert not is_over(CALL, now, frozenset())
    assert is_over(CALL, now + GRACE / 2, frozenset())
    assert is_over(CALL, now, {SID})
    assert not is_over(replace(CALL, status="in-progress", ended_at=None), now, {SID})


@given(
    st.lists(st.tuples(st.integers(0, 600), st.integers(0, 120)), max_size=25),
    st.lists(st.integers(1, 90), min_size=1, max_size=20),
)
def test_r6_each_call_is_found_exactly_once_whenever_one_looks(
    calls: Sequence[tuple[int, int]], pauses: Sequence[int]
) -> None:
    """Minutes. The daemon looks after each pause and forgets all but what it took and how far it came."""
    history = [(f"CA{place:032}", begun, begun + length) for place, (begun, length) in enumerate(calls)]
    taken: list[str] = []
    mark, minute = TUESDAY, 0
    for pause in (*pauses, 1000, 1):
        minute += pause
        now = TUESDAY + minute * MINUTE
        listed = [
            replace(
                CALL,
                sid=sid,
                status="completed" if end <= minute else "in-progress",
                started_at=TUESDAY + begun * MINUTE,
                ended_at=TUESDAY + end * MINUTE if end <= minute else None,
            )
            for sid, begun, end in history
            if begun <= minute and TUESDAY + begun * MINUTE >= mark - OVERLAP
        ]
        strangers = [call for call in of_lines(listed, {HOTLINE: TUESDAY}) if call.sid not in taken]
        over = [call for call in strangers if is_over(call, now, frozenset())]
        taken += [call.sid for call in over]
        mark = mark_after(mark, listed, [call for call in strangers if call not in over])
    assert sorted(taken) == [sid for sid, _, _ in history]
