"""Past calls in figures: per line who was rung back within what time, by the clock and by the opening hours. Pure.

The opening hours and targets are those of the rules given; what became of whom is found out in `past_calls`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from commsd.core.measure import Percentile, percentiles
from commsd.core.past_calls import PastCalls, Rung, Vain
from commsd.core.past_report import SHARES, measured, seconds
from commsd.core.policy import ClockKind, Version


@dataclass(frozen=True, slots=True, kw_only=True)
class Waited:
    """A wait for a call, measured as `past_report.Lasted` is. late: past what the rules demand of a callback."""

    wait: Vain
    passed: timedelta
    open: timedelta | None
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class CallLine:
    """One line, or all together. called_back, rang_again: how waits ended; waiting: those that did not.

    passed, open: percentiles in seconds, those who still wait included.
    """

    rung: Rung
    called_back: int
    rang_again: int
    waiting: int
    late: int
    passed: Mapping[int, Percentile | None]
    open: Mapping[int, Percentile | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class CallReport:
    """What `lookback` tells of calls. waiting: longest first."""

    since: datetime
    until: datetime
    lines: Mapping[str, CallLine]
    total: CallLine
    waiting: tuple[Waited, ...]


def report_of_calls(past: PastCalls, version: Version, since: datetime, until: datetime) -> CallReport:
    """The past measured by these rules."""
    waited = [_waited(wait, version, until) for wait in past.waits]
    by_line: dict[str, list[Waited]] = {name: [] for name in past.lines}
    for each in waited:
        by_line[each.wait.line].append(each)
    return CallReport(
        since=since,
        until=until,
        lines={name: _line(rung, by_line[name]) for name, rung in past.lines.items()},
        total=_line(_together(past.lines.values()), waited),
        waiting=tuple(each for each in waited if each.wait.reached_at is None),
    )


def _waited(wait: Vain, version: Version, until: datetime) -> Waited:
    end = wait.reached_at or until
    facts = {"channel": "phone", "line": wait.line, "caller": wait.number}
    length = measured(version, facts, ClockKind.CALLBACK, wait.at, end)
    return Waited(wait=wait, passed=length.passed, open=length.open, late=length.late)


def _line(rung: Rung, waited: Sequence[Waited]) -> CallLine:
    ended = [each for each in waited if each.wait.reached_at]
    runs = [each for each in waited if not each.wait.reached_at]
    return CallLine(
        rung=rung,
        called_back=sum(not each.wait.rang_again for each in ended),
        rang_again=sum(each.wait.rang_again for each in ended),
        waiting=len(runs),
        late=sum(each.late for each in waited),
        passed=percentiles(seconds(e.passed for e in ended), seconds(r.passed for r in runs), SHARES),
        open=percentiles(seconds(e.open for e in ended), seconds(r.open for r in runs), SHARES),
    )


def _together(lines: Iterable[Rung]) -> Rung:
    whole = Rung()
    for each in lines:
        whole.received += each.received
        whole.answered += each.answered
        whole.in_vain += each.in_vain
        whole.withheld += each.withheld
        whole.direct += each.direct
    return whole
