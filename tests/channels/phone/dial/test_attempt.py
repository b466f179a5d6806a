"""An attempt as a fold over its webhooks: order, repetition and loss make no difference."""

from collections.abc import Iterable, Sequence
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.channels.phone.dial.attempt import GRACE, AttemptState, Ended, Order, ended, fold, must_ask
from commsd.core.open_items import WebhookEntry
from tests.channels.phone.hotline import LEG, SID, TUESDAY

DIALLED = {"key-1": b"<Response><Dial><Number>+4930</Number></Dial></Response>"}
Said = tuple[str, dict[str, str]]


def agent(status: str, number: int) -> Said:
    return "status", {"CallSid": SID, "CallStatus": status, "SequenceNumber": str(number)}


def customer(status: str, number: int) -> Said:
    return "leg", {"CallSid": LEG, "ParentCallSid": SID, "CallStatus": status, "SequenceNumber": str(number)}


def report(status: str, bridged: str | None) -> Said:
    said = {"DialBridged": bridged} if bridged else {}
    return "talk", {"CallSid": SID, "CallStatus": "in-progress", "DialCallSid": LEG, "DialCallStatus": status, **said}


CREATED: Said = ("created", {"Order": "taken", "CallSid": SID})
ACCEPTED: Said = ("key-1", {"CallSid": SID, "CallStatus": "in-progress", "Digits": "1"})
RINGS = [agent("initiated", 0), agent("ringing", 1), agent("in-progress", 2)]
TALK = [
    CREATED,
    *RINGS,
    ("agent", {"CallSid": SID, "CallStatus": "in-progress"}),
    ACCEPTED,
    customer("initiated", 0),
    customer("ringing", 1),
    customer("in-progress", 2),
    customer("completed", 3),
    report("completed", "true"),
    ("result-1", {"CallSid": SID, "CallStatus": "in-progress", "Digits": "2"}),
    agent("completed", 3),
]


def told(said: Iterable[Said]) -> list[WebhookEntry]:
    return [
        WebhookEntry(
            id=number, received_at=TUESDAY + timedelta(seconds=number), route="dial", step=step, fields=dict(fields)
        )
        for number, (step, fields) in enumerate(said)
    ]


def state(said: Iterable[Said]) -> AttemptState:
    return fold(told(said), DIALLED)


def later(seconds: float = 600) -> timedelta:
    return timedelta(seconds=seconds)


def end_of(said: Sequence[Said]) -> Ended | None:
    return ended(state(said), TUESDAY + later())


@given(st.permutations(TALK), st.lists(st.sampled_from(TALK), max_size=8))
def test_w5_in_any_order_and_however_often_it_is_the_same_talk(order: list[Said], again: list[Said]) -> None:
    seen = state([*order, *again])
    assert ended(seen, TUESDAY) is Ended.BRIDGED
    assert (seen.bridged, seen.digits, seen.agent.sid, seen.customer.sid) == (True, "2", SID, LEG)
    assert (seen.agent.status, seen.customer.status, seen.order) == ("completed", "completed", Order.TAKEN)


@given(st.sets(st.sampled_from(range(len(TALK)))))
def test_r4_whatever_is_lost_a_talk_is_never_taken_for_a_try_that_rang_in_vain(lost: set[int]) -> None:
    how = end_of([said for number, said in enumerate(TALK) if number not in lost])
    assert how in (None, Ended.BRIDGED, Ended.GIVEN_UP, Ended.NOT_ACCEPTED)


@pytest.mark.parametrize(
    ("status", "how"),
    [
        ("busy", Ended.BUSY),
        ("no-answer", Ended.NO_ANSWER),
        ("failed", Ended.TECHNICAL),
        ("canceled", Ended.GIVEN_UP),
        ("completed", Ended.GIVEN_UP),
    ],
)
def test_q4_a_customer_who_was_not_joined_was_not_reached(status: str, how: Ended) -> None:
    assert end_of([CREATED, *RINGS, ACCEPTED, report(status, "false")]) is how
    if status != "completed":
        assert end_of([CREATED, *RINGS, ACCEPTED, customer("initiated", 0), customer(status, 1)]) is how


@pytest.mark.parametrize("status", ["busy", "no-answer", "canceled", "completed"])
def test_a3_a_leg_that_ends_without_key_1_was_not_accepted(status: str) -> None:
    silent: Said = ("key-2", {"CallSid": SID, "CallStatus": "in-progress", "Digits": ""})
    assert end_of([CREATED, *RINGS, silent, agent(status, 3)]) is Ended.NOT_ACCEPTED


def test_w6_a_status_that_comes_after_the_end_reopens_nothing() -> None:
    assert state([CREATED, agent("no-answer", 2), agent("ringing", 1)]).agent.status == "no-answer"


def test_r4_twilio_is_asked_before_a_talk_of_which_nobody_told_counts_as_given_up() -> None:
    said = [CREATED, *RINGS, ACCEPTED, agent("completed", 3)]
    heard = TUESDAY + timedelta(seconds=len(said) - 1)
    assert ended(state(said), heard) is None
    assert not must_ask(state(said), heard)
    assert must_ask(state(said), heard + GRACE)
    asked: Said = (
        "asked",
        {"CallSid": SID, "CallStatus": "completed", "ChildSid": LEG, "ChildStatus": "completed", "ChildSeconds": "31"},
    )
    known = state([*said, asked])
    assert (ended(known, heard + later(1)), known.talk) == (Ended.BRIDGED, timedelta(seconds=31))


def test_r5_two_ends_rest_wins_and_a_live_word_of_rest_beats_no_end() -> None:
    rest: Said = ("asked", {"CallSid": SID, "CallStatus": "busy"})
    both = state([CREATED, agent("completed", 3), rest])
    assert (both.agent.status, both.conflict) == ("busy", True)
    live: Said = ("asked", {"CallSid": SID, "CallStatus": "in-progress"})
    over = state([CREATED, agent("completed", 3), live])
    assert (over.agent.status, over.conflict) == ("completed", False)


def test_r2_a_call_that_twilio_does_not_have_failed() -> None:
    assert end_of([CREATED, ("asked", {"CallSid": SID, "CallStatus": "missing"})]) is Ended.UNREACHABLE


def test_p2_a_webhook_proves_that_an_order_was_taken_whatever_its_answer() -> None:
    lost: Said = ("created", {"Order": "unknown"})
    assert state([lost]).order is Order.UNKNOWN
    assert state([lost, agent("initiated", 0)]).order is Order.TAKEN
    assert end_of([lost]) is None


def test_w7_unknown_fields_and_missing_ones_do_no_harm() -> None:
    assert fold([], {}) == AttemptState()
    odd: Said = ("status", {"CallStatus": "hovering", "Extra": "1"})
    assert ended(state([odd]), TUESDAY + later()) is None
