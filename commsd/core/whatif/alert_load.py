"""How often people would have been told: the steps of ladders that fire while a clock runs, and the messages they make.

Pure. `core.ladder` says when a step comes; here is what of that a replay counts, before and after storm control as
`sla.dispatch` has it: all that is due together is one message, and a further one waits until five minutes are over.
"""

from collections import Counter, deque
from collections.abc import Mapping, Sequence
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import NamedTuple

from commsd.core.calendar import Calendar, in_zone, is_open, next_opening
from commsd.core.case import ClockRecord
from commsd.core.clock import Clock, State
from commsd.core.ladder import rungs
from commsd.core.policy import ClockKind, Step, Target, Version
from commsd.core.touch import Facts
from commsd.core.whatif.tally import Fired

WINDOW = 300
"""Seconds between two messages to the same people."""

AT_ONCE, WITHIN = 5, 60
"""A page does not wait, unless there were this many messages within so many seconds."""

_OWN = {"owner": "owner", "team": "team", "lead": "team"}
"""Words of a ladder that mean the case's own, and the attribute that says whose."""

_NOTHING = timedelta(0)


class Told(NamedTuple):
    """One step that fires. at: when they are told, opening hours awaited. at_once: it waits for nothing."""

    route: str
    at: datetime
    at_once: bool


class Watch:
    """The steps that clocks under these versions would have fired."""

    def __init__(self, versions: Sequence[Version]) -> None:
        self._versions = versions
        self._by_id = {version.id: version for version in versions}
        self._shares: dict[tuple[str, str, ClockKind], timedelta | None] = {}

    def told(self, case_id: str, clock: Clock, attrs: Facts, now: datetime) -> Sequence[Told]:
        """Who is told of this clock and when, as far as it still runs then."""
        if clock.due_at is None or self._too_short(clock):
            return ()
        version, tz = self._by_id[clock.rules_version], attrs.get("tz")
        zone = tz if isinstance(tz, str) else None
        calendar = in_zone(version.calendars[version.policies[clock.policy].calendar], zone)
        end = now if clock.stopped_at is None else clock.stopped_at
        record = ClockRecord(id="", created_at=clock.started_at, case_id=case_id, value=clock)
        found: list[Told] = []
        for rung in rungs(record, self._versions, zone, end, end):
            if rung.at >= end:
                break
            at = rung.at if rung.page or is_open(calendar, rung.at) else next_opening(calendar, rung.at)
            if at is not None and at < end:
                found += [Told(_route(name, attrs), at, rung.page) for name in rung.tell]
        return found

    def same_terms(self, clock: Clock, other: "Watch", beside: Clock, first: date, last: date) -> bool:
        """Whether two clocks with the same times fire the same steps: ladder, target and hours of these days agree."""
        mine, theirs = self._by_id[clock.rules_version], other._by_id[beside.rules_version]
        policy, their_policy = mine.policies[clock.policy], theirs.policies[beside.policy]
        calendars = ((clock.calendar, beside.calendar), (policy.calendar, their_policy.calendar))
        return (
            policy.targets.get(clock.clock) == their_policy.targets.get(beside.clock)
            and mine.ladders.get(policy.ladder or "", ()) == theirs.ladders.get(their_policy.ladder or "", ())
            and all(
                _same_hours(mine.calendars[one], theirs.calendars[another], first, last) for one, another in calendars
            )
        )

    def _too_short(self, clock: Clock) -> bool:
        """Whether it ended before its first step could come: most do, and nothing needs to be worked out for them."""
        if clock.state is State.BREACHED:
            return False
        key = (clock.rules_version, clock.policy, clock.clock)
        if key not in self._shares:
            self._shares[key] = _first_share(self._by_id[clock.rules_version], clock)
        share = self._shares[key]
        return share is not None and clock.elapsed < share


def _first_share(version: Version, clock: Clock) -> timedelta | None:
    """The open time by which the first step can come; None: not known beforehand."""
    policy = version.policies[clock.policy]
    target = policy.targets.get(clock.clock, Target())
    if target.duration is None or clock.clock is ClockKind.PROMISE:
        return None
    shares = [_share(step, target.duration) for step in version.ladders.get(policy.ladder or "", ())]
    if target.warn_before is not None:
        shares.append(target.duration - target.warn_before)
    if target.warn_percent is not None:
        shares.append(target.duration * target.warn_percent // 100)
    return max(min([target.duration, *shares]) - timedelta(seconds=1), _NOTHING)


def _share(step: Step, whole: timedelta) -> timedelta:
    if isinstance(step.at, int):
        return whole * step.at // 100
    return _NOTHING if step.real and step.at < _NOTHING else whole + step.at


def _same_hours(one: Calendar, other: Calendar, first: date, last: date) -> bool:
    """In these days; the years for which holidays are listed may differ."""
    if (one.tz, one.fallback_tz, one.weekly) != (other.tz, other.fallback_tz, other.weekly):
        return False
    mine, theirs = (
        {day: windows for day, windows in calendar.dates.items() if first <= day <= last} for calendar in (one, other)
    )
    return mine == theirs


def _route(name: str, attrs: Facts) -> str:
    """Who it is, as far as the case tells."""
    of = _OWN.get(name)
    if of is None:
        return name
    whose = attrs.get(of)
    return f"{name} {whose}" if whose else f"{name} of nobody"


class Load(NamedTuple):
    """What one route hears. steps: before storm control; messages: after it. worst_*: the most within one hour or day.

    days: with any step; on half of them there were at most `usual_day`.
    worst_hour_at: seconds since 1970 at which the worst hour began.
    """

    steps: int
    messages: int
    days: int
    usual_day: int
    worst_day: int
    worst_hour: int
    worst_hour_at: int
    worst_day_messages: int
    worst_hour_messages: int

    @property
    def worst_hour_began(self) -> datetime:
        """When the worst hour began."""
        return datetime.fromtimestamp(self.worst_hour_at, UTC)


def load(fired: Fired, zone: tzinfo) -> Load:
    """The load of one route. zone: in which a day begins."""
    steps = [*fired.usual, *fired.at_once]
    sent = messages(fired)
    hours, days = Counter(at // 3600 for at in steps), _days(steps, zone)
    sent_hours, sent_days = Counter(at // 3600 for at in sent), _days(sent, zone)
    worst = max(hours, key=lambda hour: (hours[hour], -hour), default=0)
    return Load(
        steps=len(steps),
        messages=len(sent),
        days=len(days),
        usual_day=sorted(days.values())[(len(days) - 1) // 2] if days else 0,
        worst_day=max(days.values(), default=0),
        worst_hour=hours[worst],
        worst_hour_at=worst * 3600,
        worst_day_messages=max(sent_days.values(), default=0),
        worst_hour_messages=max(sent_hours.values(), default=0),
    )


def _days(moments: Sequence[int], zone: tzinfo) -> Counter[str]:
    by_hour = Counter(at // 3600 for at in moments)
    days: Counter[str] = Counter()
    for hour, count in by_hour.items():
        days[f"{datetime.fromtimestamp(hour * 3600, zone):%Y-%m-%d}"] += count
    return days


def messages(fired: Fired) -> list[int]:
    """When messages go to one route after storm control, in seconds since 1970."""
    at_once: Mapping[int, int] = Counter(fired.at_once)
    sent: list[int] = []
    recent: deque[int] = deque(maxlen=AT_ONCE)
    due: int | None = None

    def send(at: int) -> None:
        sent.append(at)
        recent.append(at)

    for at in sorted({*fired.usual, *fired.at_once}):
        if due is not None and due < at:
            send(due)
            due = None
        may_page = len(recent) < AT_ONCE or at - recent[0] > WITHIN
        if (at in at_once and may_page) or not sent or at - sent[-1] >= WINDOW:
            send(at)  # and with it whatever waited
            due = None
        else:
            due = sent[-1] + WINDOW
    return [*sent, due] if due is not None else sent
