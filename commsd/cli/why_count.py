"""How `explain` tells what a clock counted: piece by piece, with the days on which nothing was counted. Pure.

The pieces are worked out from instants cut to the second, as they are printed; the record keeps them as they are.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import date, datetime, time, timedelta, tzinfo
from typing import NamedTuple
from zoneinfo import ZoneInfo

from commsd.cli.exact import clipped, local, span
from commsd.core.clock import State
from commsd.core.explain import ClockWhy
from commsd.core.policy import ClockKind, Target
from commsd.core.stretch import OddDay, Stretch, stretches
from commsd.sla.rules.target import written

Names = Mapping[date, str]
"""What the free days of a calendar are called."""

MOST = 14
"""Pieces of a count that are listed; of more, the first and the last. `--json` has them all."""

_WEEKEND = 5


def count_lines(why: ClockWhy, names: Names, now: datetime, zone: tzinfo) -> Iterator[str]:
    """How its time is counted, up to its due time, and where on the way it ended."""
    value, target = why.value, why.target
    if value.clock is ClockKind.PROMISE:
        yield "a promise is due when it was said to be, in real time"
        return
    where = f"calendar {value.calendar}{f' ({why.calendar.tz})' if why.calendar else ''}"
    yield f"target {_target(target)} of {where}"
    yield from _zone(why)
    counted = _in_seconds(why, now)
    yield from (f"  {line}" for line in _course(why, counted, names, zone))
    if why.calendar and target.duration is not None:
        yield from (f"  {line}" for line in _sum(why, target.duration, counted))
    if value.warn_at:
        yield f"warning {local(value.warn_at, zone)}"


def _target(target: Target) -> str:
    if target.business_days is not None:
        return f"the end of business day {target.business_days}"
    return f"{written(target.duration)} open time" if target.duration is not None else "none"


def _zone(why: ClockWhy) -> Iterator[str]:
    """That it is counted in another zone than the rules say."""
    if why.zone is None or why.calendar is None:
        return
    used = f"counted in {why.calendar.tz} instead"
    if not why.zone.customers:
        yield f'its zone "{why.zone.name}" is in no time zone database any more: {used}'
    elif why.zone.name:
        yield f'the customer\'s zone "{why.zone.name}" is in no time zone database: {used}'
    else:
        yield f"it counts in the customer's zone, which is not known: {used}"


def _in_seconds(why: ClockWhy, now: datetime) -> Sequence[Stretch]:
    """The pieces between instants as they are shown.

    Holds may begin and end within a second, so that those pieces miss the sum by one; then the sum is kept instead.
    """
    value = why.value
    if why.calendar is None or not why.counted:
        return ()
    end = value.due_at or value.stopped_at or now
    pauses = [
        replace(each, since=clipped(each.since), until=clipped(each.until) if each.until else None)
        for each in why.pauses
    ]
    shown = stretches(why.calendar, clipped(value.started_at), clipped(end), pauses)
    if not pauses or (shown and shown[-1].total == _whole(why.counted[-1].total)):
        return shown
    return tuple(_kept_in_sum(why.counted))


def _kept_in_sum(counted: Sequence[Stretch]) -> Iterator[Stretch]:
    before = timedelta()
    for each in counted:
        total = _whole(each.total)
        yield replace(each, total=total, length=_whole(each.length) if each.pause else total - before)
        before = total


def _whole(length: timedelta) -> timedelta:
    return timedelta(seconds=length // timedelta(seconds=1))


class _Line(NamedTuple):
    at: datetime
    text: str


def _course(why: ClockWhy, counted: Sequence[Stretch], names: Names, zone: tzinfo) -> Iterator[str]:
    """Pieces, business days and days on which it is closed, in order of time."""
    tz = ZoneInfo(why.calendar.tz) if why.calendar else ZoneInfo("UTC")
    lines = [_Line(each.begins, _piece(each, zone)) for each in counted]
    for day in why.days:
        text = f"business day {day.number}: {day.day:%a %Y-%m-%d}, closes {local(day.closes, zone)}"
        lines.append(_Line(_midnight(day.day, tz), text))
    lines += [_Line(_midnight(day, tz), text) for day, text in _odd(why.odd, names)]
    texts = [line.text for line in sorted(lines, key=lambda line: line.at)]
    if len(texts) > MOST:
        half = MOST // 2
        texts[half:-half] = [f"… {len(texts) - 2 * half} more …"]
    yield from texts


def _midnight(day: date, tz: ZoneInfo) -> datetime:
    return datetime.combine(day, time(), tz)


def _odd(days: Sequence[OddDay], names: Names) -> Iterator[tuple[date, str]]:
    """Closed days of one cause in a row stand in one line."""
    row: list[date] = []
    cause = ""
    for each in days:
        why = _cause(each, names)
        if row and (why != cause or each.hours or each.day - row[-1] != timedelta(days=1)):
            yield row[0], f"{_days(row)} closed: {cause}"
            row = []
        if each.hours:
            hours = ", ".join(map(str, each.hours))
            name = f" ({names[each.day]})" if each.day in names else ""
            yield each.day, f"{each.day:%a %Y-%m-%d}{name} has hours of its own: {hours}"
        else:
            row, cause = [*row, each.day], why
    if row:
        yield row[0], f"{_days(row)} closed: {cause}"


def _cause(each: OddDay, names: Names) -> str:
    """Why the day is closed."""
    if each.listed:
        return names.get(each.day) or "listed as closed in the calendar"
    return "weekend" if each.day.weekday() >= _WEEKEND else f"no hours on {each.day:%A}s"


def _days(row: Sequence[date]) -> str:
    first, last = row[0], row[-1]
    return f"{first:%a %Y-%m-%d}" if first == last else f"{first:%a %Y-%m-%d} to {last:%a %Y-%m-%d}"


def _piece(each: Stretch, zone: tzinfo) -> str:
    begins, ends = each.begins.astimezone(zone), each.ends.astimezone(zone)
    until = f"{ends:%H:%M:%S}" if begins.date() == ends.date() else local(ends, zone)
    if each.pause:
        return f"{local(begins, zone)} to {until}: {span(each.length)} not counted ({_rest(each.pause)})"
    return f"{local(begins, zone)} to {until}: {span(each.length)}, in all {span(each.total)}"


def _rest(why: str) -> str:
    return "the case was closed" if why == "closed" else f"on hold: {why}"


def _sum(why: ClockWhy, target: timedelta, counted: Sequence[Stretch]) -> Iterator[str]:
    """What the pieces come to, and where its end lies among them."""
    value = why.value
    total = counted[-1].total if counted else timedelta()
    if value.due_at is None:
        left = f", {span(target - total)} short of it" if total < target else ""
        yield f"counted {span(total)} of {span(target)}{left}"
        return
    late = ": its rules changed after that, and a change makes nobody late before itself" if total > target else ""
    yield f"counted {span(total)} of {span(target)}{late}"
    if value.stopped_at is None:
        return
    if value.state is State.MET:
        used = _until(clipped(value.stopped_at), counted)
        yield f"ended after {span(used)} of it, {span(total - used)} before it was due"
    elif value.overrun is not None:
        yield f"ended {span(value.overrun)} of open time later"


def _until(at: datetime, counted: Sequence[Stretch]) -> timedelta:
    """What was counted by an instant."""
    pieces = [each for each in counted if each.pause is None]
    return sum((max(min(at, each.ends) - each.begins, timedelta()) for each in pieces), timedelta())
