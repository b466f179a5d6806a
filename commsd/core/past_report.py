"""A past in figures: per mailbox who was answered within what time, by the clock and by the opening hours, who was not.

Pure. The opening hours and targets are those of the rules given; the joining of mails is `past_mail`.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import NamedTuple

from commsd.core.calendar import Calendar, add, between, end_of_business_day, in_zone
from commsd.core.measure import Percentile, percentiles
from commsd.core.past_mail import Counted, Past, Wait
from commsd.core.policy import ClockKind, Target, Version, policy_for
from commsd.core.touch import Facts

SHARES = (50, 90)


@dataclass(frozen=True, slots=True, kw_only=True)
class Lasted:
    """A wait, measured. passed: by the clock; open: within opening hours, None where the rules know none for it.

    late: whether the answer came, or the moment of looking is, past what the rules demand of a first answer.
    """

    wait: Wait
    passed: timedelta
    open: timedelta | None
    late: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One mailbox, or all together. passed, open: percentiles of the waits in seconds, those who still wait included;
    None where nobody waited.
    """

    counted: Counted
    answered: int
    unanswered: int
    late: int
    passed: Mapping[int, Percentile | None]
    open: Mapping[int, Percentile | None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What `lookback` tells. unanswered: longest waiting first."""

    since: datetime
    until: datetime
    lines: Mapping[str, Line]
    total: Line
    unanswered: tuple[Lasted, ...]
    answers: int
    to_nobody_known: int


def report(past: Past, version: Version, channels: Mapping[str, str], since: datetime, until: datetime) -> Report:
    """The past measured by these rules. channels: of each mailbox, as rules match on it."""
    lasted = [_lasted(wait, version, channels[wait.writing.mailbox], until) for wait in past.waits]
    by_box: dict[str, list[Lasted]] = {name: [] for name in past.mailboxes}
    for each in lasted:
        by_box[each.wait.writing.mailbox].append(each)
    return Report(
        since=since,
        until=until,
        lines={name: _line(counted, by_box[name]) for name, counted in past.mailboxes.items()},
        total=_line(_together(past.mailboxes.values()), lasted),
        unanswered=tuple(each for each in lasted if each.wait.answered_at is None),
        answers=past.answers,
        to_nobody_known=past.to_nobody_known,
    )


def _lasted(wait: Wait, version: Version, channel: str, until: datetime) -> Lasted:
    facts = {"channel": channel, "mailbox": wait.writing.mailbox, "from": wait.writing.person}
    end = wait.answered_at or until
    length = measured(version, facts, ClockKind.FIRST_RESPONSE, wait.writing.at, end)
    return Lasted(wait=wait, passed=length.passed, open=length.open, late=length.late)


class Length(NamedTuple):
    """Of a wait; the fields as `Lasted` has them."""

    passed: timedelta
    open: timedelta | None
    late: bool


def measured(version: Version, facts: Facts, kind: ClockKind, begun: datetime, end: datetime) -> Length:
    """How long a wait was, by the clock and by the hours in which these rules count such a one."""
    calendar, target = _terms(version, facts, kind)
    due = _due_at(begun, calendar, target) if calendar and target else None
    return Length(
        passed=max(end - begun, timedelta()),
        open=between(calendar, begun, end) if calendar else None,
        late=due is not None and end > due,
    )


def _terms(version: Version, facts: Facts, kind: ClockKind) -> tuple[Calendar | None, Target | None]:
    """The hours in which the rules count such a clock and what they demand of it; None where they say nothing."""
    policy = policy_for(version, facts)
    if policy is None:
        return None, None
    target = policy.targets.get(kind)
    calendar = version.calendars.get((target.calendar if target else None) or policy.calendar)
    return (in_zone(calendar, None) if calendar else None), target


def _due_at(begun: datetime, calendar: Calendar, target: Target) -> datetime | None:
    """When a clock begun then is due; None for a target without a time."""
    if target.business_days is not None:
        return end_of_business_day(calendar, begun, target.business_days)
    return add(calendar, begun, target.duration) if target.duration is not None else None


def _line(counted: Counted, lasted: Sequence[Lasted]) -> Line:
    ended = [each for each in lasted if each.wait.answered_at]
    runs = [each for each in lasted if not each.wait.answered_at]
    return Line(
        counted=counted,
        answered=len(ended),
        unanswered=len(runs),
        late=sum(each.late for each in lasted),
        passed=percentiles(seconds(e.passed for e in ended), seconds(r.passed for r in runs), SHARES),
        open=percentiles(seconds(e.open for e in ended), seconds(r.open for r in runs), SHARES),
    )


def seconds(lengths: Iterable[timedelta | None]) -> list[float]:
    """The same in seconds, without those that are not known."""
    return [length.total_seconds() for length in lengths if length is not None]


def _together(counted: Iterable[Counted]) -> Counted:
    whole = Counted()
    for each in counted:
        whole.people += each.people
        whole.copies += each.copies
        whole.full += each.full
        whole.short += each.short
        whole.machines.update(each.machines)
        whole.silent.update(each.silent)
    return whole
