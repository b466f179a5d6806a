"""A second opinion on SLA clocks, slow and simple: time goes by in small steps and everything is counted.

Written from the specification, sharing no arithmetic with commsd.core: no intervals, no sums, no search. All times and
targets must be multiples of the step. Only the input values (Touch, Version, Calendar) are the engine's.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import available_timezones

from commsd.core.calendar import Calendar
from commsd.core.policy import Target, Version
from commsd.core.touch import Touch
from tests.core.naive_hours import NaiveHours
from tests.core.naive_ticking import Term, Ticking, counts_at, same, surviving

DAY = timedelta(days=1)
NIL = timedelta(0)
ZONES = available_timezones()
FAR = "after all the steps there are"


class NaiveCase:
    """One case, replayed; `result()` gives a dict for each clock, in order."""

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
        self.clock_now = now
        self.queue: list[tuple[str, Ticking]] = []
        self.by_time: dict[datetime, list[Touch]] = {}
        for touch in surviving(touches, now):
            self.by_time.setdefault(counts_at(touch), []).append(touch)
        self.run()

    def run(self) -> None:
        at = min([*self.by_time, self.now])
        while at <= self.now:
            self.clock_now, touches = at, self.by_time.get(at, [])
            changed = any(v.effective_from == at for v in self.versions)
            if touches or changed or at == self.now:
                self.notice_breaches(at)
            for touch in touches:
                self.happens(touch, at)
            if changed or any(touch.kind == "set" for touch in touches):
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
            if self.queue and (kind == "talk" or self.queue[0][1].options.stop_on == "any_reply"):
                self.leave(touch, at)
        if kind == "missed":
            self.customer = touch.facts
            name = next(iter(touch.callbacks), "")
            if all(other != name for other, _ in self.queue):
                self.queue.append((name, self.start("callback", touch, at, waiting=bool(self.queue))))
        if kind == "attempt":
            self.tried(touch, at)
        if kind == "callback_closed":
            self.leave(touch, at, "callback_closed")
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

    # calls that are owed stand in a queue; each has its time from its own missed call, only the first shows a clock

    def about(self, touch: Touch, name: str) -> bool:
        rang_elsewhere = str(touch.kind) == "talk" and touch.direction == "in" and touch.channel == "phone"
        return name == "" or (len(touch.callbacks) == 0 and not rang_elsewhere) or name in touch.callbacks

    def tried(self, touch: Touch, at: datetime) -> None:
        for name, clock in self.queue:
            if self.about(touch, name):
                clock.tries += 1
                wanted = clock.options.met_after_attempts
                if wanted and clock.tries == wanted:
                    self.stop(clock, touch, at)
                break
        self.advance()

    def leave(self, touch: Touch, at: datetime, why: str = "stop") -> None:
        for name, clock in list(self.queue):
            if self.about(touch, name):
                self.queue.remove((name, clock))
                if clock.waiting:
                    self.clocks.remove(clock)
                elif clock.ended is None:
                    self.stop(clock, touch, at, why)
        self.advance()

    def advance(self) -> None:
        while self.queue:
            clock = self.queue[0][1]
            if clock.waiting:
                clock.waiting = False
                clock.n = len([c for c in self.clocks if c.kind == "callback" and not c.waiting])
            if clock.ended is None:
                return
            self.queue.pop(0)

    def nobody_waits(self) -> None:
        self.clocks = [clock for clock in self.clocks if not clock.waiting]
        self.queue = []

    def close(self, touch: Touch, at: datetime) -> None:
        self.held = False
        self.nobody_waits()
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
        self.nobody_waits()
        for clock in self.clocks:
            if clock.ended is None:
                self.stop(clock, touch, at, why)
            clock.void = clock.void or why
            clock.limbo = False

    def live(self, kind: str) -> list[Ticking]:
        return [c for c in self.clocks if c.kind == kind and c.ended is None]

    def start(self, kind: str, touch: Touch, at: datetime, *, waiting: bool = False) -> Ticking:
        n = len([c for c in self.clocks if c.kind == kind]) + 1
        clock = Ticking(kind, n, touch.id, at, self.customer, Target(), waiting=waiting)
        clock.version = max((i for i, v in enumerate(self.versions) if v.effective_from <= at), default=-1)
        clock.term = self.match(clock, at)
        if clock.term is not None:
            clock.options = clock.term.target
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

    def attrs_at(self, at: datetime) -> dict[str, Any]:
        attrs = dict(self.attrs)
        for time in sorted(self.by_time):
            for touch in self.by_time[time]:
                if touch.kind == "set" and time <= at:
                    attrs.update(touch.attrs)
        return attrs

    def match(self, clock: Ticking, at: datetime) -> Term | None:
        if clock.version < 0:
            return None
        version, attrs = self.versions[clock.version], self.attrs_at(at)
        facts = {**attrs, **clock.facts}
        for rule in version.rules:
            if all(key in facts and facts[key] in values for key, values in rule.match.items()):
                policy = version.policies[rule.policy or ""]
                for kind, target in policy.targets.items():
                    if kind == clock.kind:
                        calendar = version.calendars[target.calendar or policy.calendar]
                        wanted = attrs.get("tz") if calendar.tz == "customer" else calendar.tz
                        zone = next(tz for tz in (wanted, calendar.fallback_tz, "UTC") if tz in ZONES)
                        return Term(target, replace(calendar, tz=zone), policy.name, version.id)
                return None
        return None

    def rules_change(self, at: datetime) -> None:
        for clock in self.clocks:
            if clock.limbo and clock.ended != at:
                clock.missed.append(at)
            elif clock.started < at and clock.ended in (None, at):
                self.apply(clock, at)

    def apply(self, clock: Ticking, at: datetime) -> None:
        if clock.late:
            return
        for place, version in enumerate(self.versions):
            if place > clock.version and version.effective_from <= at and version.applies == "running":
                clock.version = place
        new, old = self.match(clock, at), clock.term
        if new is None:
            if old is not None and clock.lost is None:
                clock.lost = at
        elif old is not None and clock.lost is None and same(clock.kind, old, new):
            clock.term = new
        else:
            clock.term, clock.since, clock.lost = new, at, None

    def notice_breaches(self, at: datetime) -> None:
        for clock in self.clocks:
            if clock.ended is None and clock.term is not None and clock.lost is None:
                due = self.due(clock)
                clock.late = clock.late or (isinstance(due, datetime) and due < at)

    # counting

    def hours(self, calendar: Calendar) -> NaiveHours:
        key = (calendar, self.begin)
        if key not in self.cache:
            self.cache[key] = NaiveHours(calendar, self.begin, days=self.days, step=self.step)
        return self.cache[key]

    def due(self, clock: Ticking) -> datetime | str | None:
        assert clock.term is not None
        target = clock.term.target
        if clock.due is not None:
            return max(clock.due, clock.since or clock.due)
        if target.business_days is not None:
            due = self.hours(clock.term.calendar).end_of_day(clock.started, target.business_days)
            return FAR if due is None else max(due, clock.since or due)
        return self.reach(clock, target.duration) if target.duration is not None else None

    def warn(self, clock: Ticking) -> datetime | str | None:
        assert clock.term is not None
        target = clock.term.target
        length = target.duration if clock.due is None else clock.due - clock.started
        if length is None or target.business_days is not None:
            return None
        whole = int(length.total_seconds())
        if target.warn_before is not None:
            share = whole - int(target.warn_before.total_seconds())
        elif target.warn_percent is not None:
            share = whole * target.warn_percent // 100
        else:
            return None
        share = max(share, 0)
        if clock.due is None:
            return self.reach(clock, timedelta(seconds=share))
        at = clock.started + timedelta(seconds=share)
        return max(at, clock.since or at)

    def reach(self, clock: Ticking, share: timedelta) -> datetime | str | None:
        assert clock.term is not None
        hours, at, counted = self.hours(clock.term.calendar), clock.started, timedelta(0)
        on_hold = clock.ended is None and self.held and self.hold in clock.options.pause_on
        while hours.place(at) < len(hours.opened):
            if counted >= share and (clock.since is None or at >= clock.since):
                return at
            stands = at in clock.paused or at in clock.shut
            if clock.kind == "resolution" and on_hold and at >= self.clock_now:
                return None
            if hours.open(at) and not (stands and (clock.ended is None or at < clock.ended)):
                counted += self.step
            at += self.step
        return FAR

    def elapsed(self, clock: Ticking, end: datetime) -> timedelta:
        assert clock.term is not None
        if clock.kind == "promise":
            return end - clock.started
        hours = self.hours(clock.term.calendar)
        stands = clock.shut if clock.term.target.business_days is not None else clock.shut | clock.paused
        return sum((self.step for at in hours.ticks(clock.started, end) if hours.open(at) and at not in stands), NIL)

    def remaining(self, clock: Ticking, due: datetime | str | None, state: str) -> timedelta | str | None:
        assert clock.term is not None
        if clock.ended is not None or state in ("cancelled", "paused") or due is None:
            return None
        if clock.term.target.business_days is not None and clock.kind != "promise":
            return None
        if not isinstance(due, datetime):
            return FAR
        if clock.kind == "promise":
            return max(due - self.now, NIL)
        hours = self.hours(clock.term.calendar)
        return sum((self.step for at in hours.ticks(self.now, due) if hours.open(at)), NIL)

    def overrun(self, clock: Ticking, due: datetime | str | None, end: datetime, state: str) -> timedelta | None:
        if state != "breached" or not isinstance(due, datetime):
            return None
        if clock.kind == "promise":
            return end - due
        return self.elapsed(clock, end) - self.elapsed(clock, due)

    def result(self) -> list[dict[str, Any]]:
        found = [self.stand(clock) for clock in self.clocks if clock.term is not None and not clock.waiting]
        return sorted(found, key=lambda each: (each["started_at"], each["clock"], each["n"]))

    def stand(self, clock: Ticking) -> dict[str, Any]:
        assert clock.term is not None
        ends = [at for at in (clock.ended, clock.lost) if at is not None]
        end = min([*ends, self.now])
        due, warn, reason = self.due(clock), self.warn(clock), None
        if clock.void:
            state, reason = "cancelled", clock.void
        elif clock.lost is not None:
            state, reason = "cancelled", "no_policy"
        elif isinstance(due, datetime) and end > due:
            state = "breached"
        elif clock.ended is not None:
            state, reason = ("met", None) if clock.ended_as == "stop" else ("cancelled", clock.ended_as)
        else:
            state = "paused" if due is None and self.held else "running"
        return {
            "clock": clock.kind,
            "n": clock.n,
            "state": state,
            "reason": reason,
            "opened_by": clock.opened_by,
            "stopped_by": None if reason == "no_policy" else clock.ended_by,
            "started_at": clock.started,
            "due_at": None if state == "cancelled" else due,
            "warn_at": None if state == "cancelled" else warn,
            "stopped_at": end if ends else None,
            "elapsed": self.elapsed(clock, end),
            "waited": end - clock.started,
            "policy": clock.term.policy,
            "rules_version": clock.term.version,
            "in_hours": not ends and self.hours(clock.term.calendar).open(self.now),
            "remaining": self.remaining(clock, due, state),
            "overrun": self.overrun(clock, due, end, state),
        }
