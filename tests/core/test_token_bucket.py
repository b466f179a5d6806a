"""A bucket grants its count at once, the rate on the whole, and never more."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from commsd.config.unit import Rate
from commsd.core.token_bucket import Bucket, charge, full, take

NOON = datetime(2026, 3, 4, 12, tzinfo=UTC)
TEN = Rate(10, timedelta(minutes=1))


def test_a_burst_is_granted_and_the_next_one_told_how_long_to_wait() -> None:
    bucket = full(TEN, NOON)
    for _ in range(10):
        taken = take(bucket, TEN, NOON)
        assert taken.granted
        bucket = taken.bucket
    refused = take(bucket, TEN, NOON)
    assert not refused.granted
    assert refused.wait == timedelta(seconds=6)
    assert refused.full_in == timedelta(minutes=1)
    assert take(refused.bucket, TEN, NOON + refused.wait).granted


def test_a_clock_set_back_fills_nothing() -> None:
    assert take(Bucket(0.0, NOON), TEN, NOON - timedelta(hours=1)).wait == timedelta(seconds=6)


def test_a_charge_is_taken_whatever_is_left() -> None:
    assert charge(Bucket(3.0, NOON), TEN, NOON, 100).left == 0.0


@given(
    st.lists(st.integers(0, 20_000), min_size=1, max_size=60),
    st.integers(1, 50),
    st.integers(1, 120),
)
def test_in_no_time_more_is_granted_than_a_burst_and_the_rate(waits: list[int], count: int, seconds: int) -> None:
    rate = Rate(count, timedelta(seconds=seconds))
    bucket, now, granted = full(rate, NOON), NOON, 0
    for wait in waits:
        now += timedelta(milliseconds=wait)
        taken = take(bucket, rate, now)
        bucket, granted = taken.bucket, granted + taken.granted
        assert 0 <= bucket.left <= count
    assert granted <= count + count * ((now - NOON) / rate.per) + 1e-6


@given(st.floats(0, 9.99), st.floats(0.1, 10))
def test_what_was_refused_is_granted_after_the_wait_it_was_told(left: float, cost: float) -> None:
    refused = take(Bucket(left, NOON), TEN, NOON, cost)
    if not refused.granted:
        after = take(refused.bucket, TEN, NOON + refused.wait + timedelta(microseconds=2), cost)
        assert after.granted
