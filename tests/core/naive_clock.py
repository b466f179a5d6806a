"""A second opinion on SLA clocks, slow and simple: time goes by in small steps and everything is counted.

Written from the specification, sharing no arithmetic with commsd.core: no intervals, no sums, no search. All times and
targets must be multiples of the step. Only the input values (Touch, Version, Calendar) are the engine's.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from commsd.core.calendar import Calendar
from commsd.core.policy import Target, Version
from commsd.core.touch import Touch

DAY = timedelta(days=1)


class NaiveHours:
    """One calendar, read off a local clock step by step: open is what the furthest wall time shown so far says."""

    def __init__(self, calendar: Calendar, begin: datetime, *, days: int, step: timedelta) -> None:
        self.begin, self.step, self.zone = begin, step, ZoneInfo(calendar.tz)
        self.calendar = calendar
        self.dates = []
        self.opened: list[bool] = []
        furthest = datetime(1, 1, 1)  # noqa: DTZ001 - wall time
        for n in range(int(days * DAY / step)):
            furthest = max(furthest, (begin + n * step).astimezone(self.zone).replace(tzinfo=None))
            self.dates.append(furthest.date())
            self.opened.append(self._open_at(furthest))

    def _open_at(self, wall: datetime) -> bool:
        minute = wall.hour * 60 + wall.minute
        today = self.calendar.dates.get(wall.date())
        listed = today is not None
        if today is None:
            today = self.calendar.weekly.get(wall.weekday(), ())
        if any(w.start <= minute < w.end for w in today):
            return True
        if listed:
            return False
        before = wall - DAY
        last = self.calendar.dates.get(before.date())
        if last is None:
            last = self.calendar.weekly.get(before.weekday(), ())
        return any(minute + 1440 < w.end for w in last)

    def place(self, at: datetime) -> int:
        return int((at - self.begin) / self.step)

    def open(self, at: datetime) -> bool:
        return self.opened[self.place(at)]

    def ticks(self, a: datetime, b: datetime) -> list[datetime]:
        return [a + n * self.step for n in range(int((b - a) / self.step))]

    def end_of_day(self, start: datetime, n: int) -> datetime | None:
        today = start.astimezone(self.zone).date()
        days: list[Any] = []
        for place in range(self.place(start), len(self.opened)):
            day = self.dates[place]
            if day > today and self.opened[place] and day not in days:
                days.append(day)
        if len(days) <= n:  # the last one may go on after the horizon
            return None
        last = max(i for i, day in enumerate(self.dates) if day == days[n - 1] and self.opened[i])
        return self.begin + (last + 1) * self.step


@dataclass
class Ticking:
    kind: str
    n: int
    opened_by: str
    started: datetime
    facts: Mapping[str, Any]
    options: Target
    due: datetime | None = None
    via: str = "any"
    promise: str = ""
    tries: int = 0
    ended: datetime | None = None
    ended_by: str | None = None
    ended_as: str = ""
    void: str = ""
    limbo: bool = False
    missed: list[datetime] = field(default_factory=list)
    paused: set[datetime] = field(default_factory=set)
    shut: set[datetime] = field(default_factory=set)
    term: tuple[Any, ...] | None = None
    since: datetime | None = None
    version: int = -1
    lost: datetime | None = None
    late: bool = False


class NaiveCase:
    """One case, replayed. `result()` gives a dict for each clock, in the order of the specification."""

    def __init__(
        self,
        touches: Sequence[Touch],
        versions: Sequence[Version],
        attrs: Mapping[str, Any],
        now: datetime,
        *,
        begin: datetime,
        step: timedelta,
        days: int,
        cache: dict[Any, NaiveHours],
    ) -> None:
        self.versions, self.now = versions, now
        self.attrs = dict(attrs)
        self.begin, self.step, self.days, self.cache = begin, step, days, cache
        self.clocks: list[Ticking] = []
        self.closed = self.answered = self.spoken = self.merged = False
        self.hold: str | None = None
        self.held = False
        self.customer: Mapping[str, Any] = {}
        self.by_time: dict[datetime, list[Touch]] = {}
        for touch in _surviving(touches, now):
            self.by_time.setdefault(_time(touch), []).append(touch)
        self.run()

    def run(self) -> None:
        at = min([*self.by_time, self.now])
        while at <= self.now:
            touches = self.by_time.get(at, [])
            changed = any(v.effective_from == at for v in self.versions)
            if touches or changed or at == self.now:
                self.notice_breaches(at)
            self.sets_now = [t for t in touches if t.kind == "set"]
            for touch in self.sets_now:  # all of an instant's attributes count for what starts in it
                self.attrs.update(touch.attrs)
            for touch in touches:
                self.happens(touch, at)
            if changed or self.sets_now:
                self.rules_change(at)
            self.mark_pauses(at)
            at += self.step

    # what happens

    def happens(self, touch: Touch, at: datetime) -> None:
        if self.merged:
            return
        kind = str(touch.kind)
        human = (kind == "out" and not touch.auto and not touch.partial) or kind == "talk"
        partial = kind == "out" and touch.partial and not touch.auto
        speaks = (kind == "in" and not touch.auto) or (kind == "talk" and touch.direction == "in")
        if speaks:
            self.customer = touch.facts
            if self.closed:
                self.reopen(touch, at)
            if self.held and self.hold == "customer":
                self.held = False
            if not self.answered and not self.live("first_response"):
                self.start("first_response", touch, at)
                if not touch.observed:
                    self.start("ack", touch, at)
            if not self.live("update"):
                self.start("update", touch, at)
            if not self.spoken:
                self.start("resolution", touch, at)
            self.spoken = True
        if kind == "in" and not touch.auto and self.answered and not self.live("next_response"):
            self.start("next_response", touch, at)
        if kind == "out" and touch.auto:
            for clock in self.live("ack"):
                if clock.options.by == "any":
                    self.stop(clock, touch, at)
        if human or partial:
            for clock in self.live("ack") + self.live("update"):
                self.stop(clock, touch, at)
            if self.spoken and not self.closed:
                self.start("update", touch, at)
        if human:
            self.answered = True
            for clock in self.live("first_response") + self.live("next_response"):
                self.stop(clock, touch, at)
            for clock in self.live("promise"):
                named = not touch.keeps or clock.promise in touch.keeps
                if named and (kind == "talk" or clock.via == "any"):
                    self.stop(clock, touch, at)
            for clock in self.live("callback"):
                if kind == "talk" or clock.options.stop_on == "any_reply":
                    self.stop(clock, touch, at)
        if kind == "missed":
            self.customer = touch.facts
            if not self.live("callback"):
                self.start("callback", touch, at)
        if kind == "attempt":
            for clock in self.live("callback"):
                clock.tries += 1
                if clock.options.met_after_attempts and clock.tries >= clock.options.met_after_attempts:
                    self.stop(clock, touch, at)
        if kind == "callback_closed":
            for clock in self.live("callback"):
                self.stop(clock, touch, at, "callback_closed")
        if kind == "promise":
            for clock in self.live("promise"):
                if touch.replaces and clock.promise == touch.replaces:
                    self.stop(clock, touch, at, "replaced")
            if touch.due is not None and not any(c.promise == touch.promise for c in self.clocks):
                started = self.start("promise", touch, at)
                started.due, started.via, started.promise = touch.due, touch.via, touch.promise or ""
        if kind == "hold" and not self.closed:
            self.held, self.hold = True, touch.reason
        if kind == "release":
            self.held = False
        if kind == "close":
            self.close(touch, at)
        if kind == "reopen" and self.closed:
            self.reopen(touch, at)
        if kind == "merged":
            self.end_everything(touch, at, "merged")
            self.merged, self.held = True, False

    def close(self, touch: Touch, at: datetime) -> None:
        self.held = False
        for kind in ("ack", "first_response", "next_response", "callback", "update"):
            for clock in self.live(kind):
                self.stop(clock, touch, at, "closed")
        for clock in self.live("resolution"):
            self.stop(clock, touch, at)
            clock.limbo = clock.options.reopen == "continue"
        self.closed = True
        if touch.void_case:
            self.end_everything(touch, at, "void_case")

    def reopen(self, touch: Touch, at: datetime) -> None:
        self.closed = False
        cycles = [c for c in self.clocks if c.kind == "resolution"]
        if not cycles:
            return
        last = cycles[-1]
        if last.options.reopen == "new":
            self.start("resolution", touch, at)
        elif not last.void:
            last.ended = last.ended_by = None
            last.limbo = False
            for change in last.missed:
                self.apply(last, change)
            last.missed = []

    def end_everything(self, touch: Touch, at: datetime, why: str) -> None:
        for clock in self.clocks:
            if clock.ended is None:
                self.stop(clock, touch, at, why)
            clock.void = clock.void or why
            clock.limbo = False

    def live(self, kind: str) -> list[Ticking]:
        return [c for c in self.clocks if c.kind == kind and c.ended is None]

    def start(self, kind: str, touch: Touch, at: datetime) -> Ticking:
        n = len([c for c in self.clocks if c.kind == kind]) + 1
        clock = Ticking(kind, n, touch.id, at, self.customer, Target())
        clock.version = max((i for i, v in enumerate(self.versions) if v.effective_from <= at), default=-1)
        clock.term = self.match(clock)
        if clock.term is not None:
            clock.options = clock.term[0]
        self.clocks.append(clock)
        return clock

    def stop(self, clock: Ticking, touch: Touch, at: datetime, why: str = "stop") -> None:
        clock.ended, clock.ended_by, clock.ended_as = at, touch.id, why

    def mark_pauses(self, at: datetime) -> None:
        for clock in self.clocks:
            if clock.kind == "resolution":
                if clock.ended is None and self.held and self.hold in clock.options.pause_on:
                    clock.paused.add(at)
                if clock.limbo:
                    clock.shut.add(at)

    # rules

    def match(self, clock: Ticking) -> tuple[Any, ...] | None:
        if clock.version < 0:
            return None
        version = self.versions[clock.version]
        facts = {**self.attrs, **clock.facts}
        for rule in version.rules:
            if all(key in facts and facts[key] in values for key, values in rule.match.items()):
                policy = version.policies[rule.policy or ""]
                for kind, target in policy.targets.items():
                    if kind == clock.kind:
                        calendar = version.calendars[target.calendar or policy.calendar]
                        zone = calendar.tz if calendar.tz != "customer" else self.attrs.get("tz", calendar.fallback_tz)
                        return target, calendar, zone, policy.name, version.id
                return None
        return None

    def rules_change(self, at: datetime) -> None:
        for clock in self.clocks:
            if clock.limbo and clock.ended != at:
                clock.missed.append(at)
                clock.missed_attrs = dict(self.attrs)  # type: ignore[attr-defined]
            elif clock.started < at and (clock.ended is None or clock.ended == at):
                self.apply(clock, at)

    def apply(self, clock: Ticking, at: datetime) -> None:
        raise NotImplementedError
