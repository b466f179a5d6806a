"""When a post is tried again, walked through on a table. crm-ops.md WHK-2."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.crm.webhook.retry import JITTER, LONGEST, WAITS, judged
from commsd.egress.answer import Answer, Failure

NOW = datetime(2026, 3, 4, 9, tzinfo=UTC)


def answered(status: int, retry_after: str | None = None) -> Answer:
    return Answer(status=status, said=f"HTTP {status}", retry_after=retry_after)


def test_whk_2_the_waits_are_those_of_the_table() -> None:
    said = ["0:00:00", "0:00:05", "0:05:00", "0:30:00", "2:00:00", "5:00:00", "10:00:00", "14:00:00", "20:00:00"]
    assert [str(wait) for wait in WAITS] == [*said, "1 day, 0:00:00"]
    assert round(sum(WAITS, timedelta()) / timedelta(hours=1), 1) == 75.6


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 500, 501])
def test_whk_2_what_is_not_taken_is_tried_ten_times_and_then_the_endpoint_is_disabled(status: int) -> None:
    now, waits = NOW, []
    for attempt in range(1, 11):
        verdict = judged(answered(status), attempt, now, 0.0)
        assert (verdict.state, verdict.throttle_until) == ("pending" if attempt < 10 else "failed", None)
        if verdict.due_at:
            waits.append(verdict.due_at - now)
            now = verdict.due_at
    assert tuple(waits) == WAITS[1:]
    assert verdict.disable == "exhausted"


@pytest.mark.parametrize("failure", ["unsafe", "unreachable", "unknown"])
def test_no_answer_is_tried_again_like_a_bad_one(failure: Failure) -> None:
    answer = Answer(failure=failure, said="x")
    assert judged(answer, 1, NOW, 0.0).due_at == NOW + timedelta(seconds=5)


@pytest.mark.parametrize("attempt", [1, 5, 10])
def test_whk_2_what_says_that_it_is_gone_is_disabled_at_once(attempt: int) -> None:
    verdict = judged(answered(410), attempt, NOW, 0.0)
    assert (verdict.state, verdict.disable) == ("failed", "gone")


@pytest.mark.parametrize("status", [200, 201, 202, 204, 299])
def test_whatever_begins_with_two_is_taken(status: int) -> None:
    assert judged(answered(status), 10, NOW, 0.0).state == "delivered"


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_whk_2_an_endpoint_that_is_overloaded_is_left_alone_for_a_while(status: int) -> None:
    verdict = judged(answered(status), 1, NOW, 0.0)
    assert verdict.throttle_until == verdict.due_at == NOW + timedelta(minutes=1)


@pytest.mark.parametrize(
    ("header", "rests"),
    [
        ("120", timedelta(seconds=120)),
        (" 7 ", timedelta(seconds=7)),
        ("Wed, 04 Mar 2026 09:10:00 GMT", timedelta(minutes=10)),
        ("Wed, 04 Mar 2026 08:00:00 GMT", None),
        ("99999999", LONGEST),
        ("0", None),
        ("soon", None),
        ("", None),
        ("-5", None),
        ("Wed, 04 Mar 2026 09:10:00 +99999999999999999999", None),
    ],
)
def test_whk_2_retry_after_is_obeyed_in_both_its_forms(header: str, rests: timedelta | None) -> None:
    verdict = judged(answered(400, header), 1, NOW, 0.0)
    assert verdict.throttle_until == (NOW + rests if rests else None)
    assert verdict.due_at == NOW + max(rests or timedelta(), WAITS[1])


@given(st.integers(1, 9), st.floats(0, 1, exclude_max=True), st.sampled_from([429, 500, 404]))
def test_whk_2_jitter_makes_a_wait_longer_and_never_shorter(attempt: int, jitter: float, status: int) -> None:
    verdict = judged(answered(status), attempt, NOW, jitter)
    assert verdict.due_at is not None
    longest = max(WAITS[attempt] * (1 + JITTER), timedelta(minutes=1))
    assert WAITS[attempt] <= verdict.due_at - NOW <= longest
