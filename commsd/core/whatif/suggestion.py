"""The smallest round target that history would have met, and how far chance alone may have moved it.

Pure, and the same each time: the bootstrap distribution of a quantile needs no random draws, because the place of the
k-th smallest of a resample among the n sorted values has a known distribution (Hutson and Ernst 2000).
"""

from bisect import bisect_left
from collections.abc import Sequence
from math import exp, lgamma, log
from typing import NamedTuple

from commsd.core.measure import ENOUGH, Percentile, percentiles

AIMS = (90, 95, 99)
"""Attainments in percent that a target is suggested for."""

_MINUTE, _HOUR = 60, 3600
_ROUND = (
    *(m * _MINUTE for m in (1, 2, 5, 10, 15, 20, 30, 45)),
    *(h * _HOUR // 2 for h in (2, 3, 4, 5, 6)),
    *(h * _HOUR for h in (4, 5, 6, 8, 10, 12, 16, 20, 24, 32, 40, 48, 60, 80, 100, 120, 160, 200, 240, 320, 400, 500)),
)
_SURE = 0.95
_STEPS = 60
_TINY = 1e-300
_CLOSE = 1e-12
_MOST_TERMS = 5000


class Suggestion(NamedTuple):
    """A target in seconds of open time that history meets in `aim` percent.

    low, high: between which the bootstrap has it in 95 of 100 resamples. None: history does not reach the aim, for too
    many are still open; of `high`, that it may be as long as one likes.
    """

    aim: int
    target: float | None
    low: float | None
    high: float | None
    n: int


def suggestions(done: Sequence[float], still_open: Sequence[float]) -> tuple[Suggestion, ...]:
    """A round target for each aim; none where there is not enough data. In seconds of open time.

    One that is still open and has run past the target is late for good; one that has not says nothing about it.
    """
    if len(done) + len(still_open) < ENOUGH:
        return ()
    ends, reached = sorted(done), percentiles(done, still_open, AIMS)
    return tuple(_suggestion(aim, ends, still_open, found) for aim, found in reached.items() if found)


def round_up(seconds: float) -> float | None:
    """The smallest round target that is not shorter; None for one beyond all measure."""
    place = bisect_left(_ROUND, seconds)
    return float(_ROUND[place]) if place < len(_ROUND) else None


def _suggestion(aim: int, ends: Sequence[float], still_open: Sequence[float], found: Percentile) -> Suggestion:
    if found.at_least:
        return Suggestion(aim=aim, target=None, low=None, high=None, n=len(ends) + len(still_open))
    n = len(ends) + sum(1 for seconds in still_open if seconds > found.seconds)
    k = max(1, -(-n * aim // 100))
    low, high = interval(n, k)
    made = [round_up(ends[place]) if place < len(ends) else None for place in (k - 1, low, high)]
    return Suggestion(aim=aim, target=made[0], low=made[1], high=made[2], n=n)


def interval(n: int, k: int) -> tuple[int, int]:
    """The places (from 0) between which the k-th smallest of a resample of n lies in 95 of 100 resamples."""
    if not n:
        return 0, 0
    tail = (1 - _SURE) / 2
    low, high = (min(n - 1, int(_beta_quantile(share, k, n - k + 1) * n)) for share in (tail, 1 - tail))
    return low, high


def _beta_quantile(share: float, a: float, b: float) -> float:
    """Where the beta distribution has this share below it, by halving."""
    low, high = 0.0, 1.0
    for _ in range(_STEPS):
        middle = (low + high) / 2
        if _beta_below(middle, a, b) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def _beta_below(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function, by its continued fraction (Abramowitz and Stegun 26.5.8)."""
    if x <= 0 or x >= 1:
        return float(x >= 1)
    front = exp(lgamma(a + b) - lgamma(a) - lgamma(b) + a * log(x) + b * log(1 - x))
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """The continued fraction from the front, after Lentz."""
    c, d = 1.0, 1 / _not_zero(1 - (a + b) * x / (a + 1))
    whole = d
    for m in range(1, _MOST_TERMS):
        for numerator in (
            m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)),
            -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)),
        ):
            d = 1 / _not_zero(1 + numerator * d)
            c = _not_zero(1 + numerator / c)
            whole *= c * d
        if abs(c * d - 1) < _CLOSE:
            break
    return whole


def _not_zero(value: float) -> float:
    return value if abs(value) > _TINY else _TINY
