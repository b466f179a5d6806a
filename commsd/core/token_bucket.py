"""A token bucket: how much of a rate is left at a moment. Pure.

It holds `rate.count` at most and fills evenly within `rate.per`, so a burst is allowed and an average kept.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from commsd.config.unit import Rate


@dataclass(frozen=True, slots=True)
class Bucket:
    """left: what may be taken at `at`."""

    left: float
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Taken:
    """What became of a try. wait: how long until the same may be taken, zero where it was; full_in: until all is."""

    bucket: Bucket
    wait: timedelta
    full_in: timedelta

    @property
    def granted(self) -> bool:
        """Whether it was taken."""
        return not self.wait


def full(rate: Rate, now: datetime) -> Bucket:
    """A bucket nothing was taken of."""
    return Bucket(float(rate.count), now)


def take(bucket: Bucket, rate: Rate, now: datetime, cost: float = 1.0) -> Taken:
    """Take `cost` where there is so much; a clock set back fills nothing and costs nothing."""
    left = _filled(bucket, rate, now)
    missing = min(cost, rate.count) - left
    if missing > 0:
        return _taken(left, rate, now, _time_for(missing, rate))
    return _taken(left - cost, rate, now, timedelta())


def charge(bucket: Bucket, rate: Rate, now: datetime, cost: float) -> Bucket:
    """Take `cost` whatever is left: nothing is below empty."""
    return Bucket(max(_filled(bucket, rate, now) - cost, 0.0), now)


def _filled(bucket: Bucket, rate: Rate, now: datetime) -> float:
    passed = max(now - bucket.at, timedelta())
    return min(bucket.left + rate.count * (passed / rate.per), float(rate.count))


def _taken(left: float, rate: Rate, now: datetime, wait: timedelta) -> Taken:
    left = max(left, 0.0)
    return Taken(bucket=Bucket(left, now), wait=wait, full_in=_time_for(rate.count - left, rate))


def _time_for(amount: float, rate: Rate) -> timedelta:
    """At least a microsecond for anything at all."""
    return max(rate.per * (amount / rate.count), timedelta.resolution) if amount > 0 else timedelta()
