"""What other rules would have made of the past: each case replayed under its own rules (A) and under a candidate's (B).

Pure, a case at a time; people's behaviour is kept as it was. Where cases come from is `store.history`, how the work is
shared out `sla.replay`, what the counts say `core.whatif_report`.
"""

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from commsd.core.calendar import Calendar, in_zone, is_open
from commsd.core.clock import Clock, State, clocks, clocks_under, standing
from commsd.core.policy import ClockKind, Version
from commsd.core.rule_set import is_customers
from commsd.core.touch import Facts, Touch, TouchKind
from commsd.core.whatif.alert_load import Watch
from commsd.core.whatif.flip import SHOWN, flip_of, moved, worst
from commsd.core.whatif.longer_hours import CHANGES, could_be_saved, late_with, with_longer_hours
from commsd.core.whatif.past import PastCase, differences
from commsd.core.whatif.set_anew import as_set_by
from commsd.core.whatif.tally import Sort, Tally, Verdict, verdict

CONVERSATION = frozenset({ClockKind.FIRST_RESPONSE, ClockKind.NEXT_RESPONSE, ClockKind.CALLBACK})
"""The clocks of a customer who waits for a person; one for each time he began to wait."""

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)

Identity = tuple[str, str, int]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """What is asked of the past.

    history: all versions as they came in force. candidate: in force from `since` on, instead of all that came later.
    Clocks that start from `since` up to, not including, `until` are counted, as they stand at `now`.
    channels, tiers, policies: only clocks of these; empty for all. A policy is one under A or under B.
    quick: leave out what needs a further replay.
    """

    history: tuple[Version, ...]
    candidate: Version
    since: datetime
    until: datetime
    now: datetime
    channels: frozenset[str] = frozenset()
    tiers: frozenset[str] = frozenset()
    policies: frozenset[str] = frozenset()
    quick: bool = False

    def instead(self, candidate: Version) -> tuple[Version, ...]:
        """The versions of a world in which `candidate` came in force at `since`."""
        before = [version for version in self.history if version.effective_from < self.since]
        return (*before, replace(candidate, effective_from=self.since, applies="new"))

    @property
    def sets_anew(self) -> bool:
        """Whether rules may set other attributes under B, so that what rules have set must be taken back first."""
        later = [version for version in self.history if version.effective_from >= self.since]
        governing = [*self.instead(self.candidate)[-2:-1], *later]
        return any(
            version.rules != self.candidate.rules and (version.sets or self.candidate.sets) for version in governing
        )

    @property
    def personal(self) -> bool:
        """Whether a rule looks at senders, recipients, callers or words."""
        rules = (rule for version in (*self.history, self.candidate) for rule in version.rules)
        return any(key in rule.match for rule in rules for key in ("to", "from", "caller", "keywords"))


class Replay:
    """Replays case by case and counts. `tally` holds what was counted so far."""

    def __init__(self, question: Question) -> None:
        self.tally = Tally()
        self._asked = question
        self._a = question.history
        self._b = question.instead(question.candidate)
        self._both = (standing(self._a), standing(self._b))
        self._by_id_a = {version.id: version for version in self._a}
        self._by_id_b = {version.id: version for version in self._b}
        self._longer = {} if question.quick else self._changed_hours()
        self.tally.longer = {change: [0, 0, 0, 0] for change in self._longer}
        self._watches = None if question.quick else (Watch(self._a), Watch(self._b))
        self._alike: dict[tuple[str, ...], bool] = {}
        self._sets_anew = question.sets_anew
        self._keys = frozenset[str]().union(*(version.keys for version in self._b))
        self._choosy = bool(question.channels or question.tiers or question.policies)
        self._hours: dict[tuple[str, str, str], tuple[Calendar, ZoneInfo]] = {}
        self._least_moved = 0.0

    def take(self, case: PastCase) -> None:
        """Replay one case under A and B, and count it."""
        asked, tally = self._asked, self.tally
        changed = self._as_set_by_b(case)
        if changed is case:
            a, b = clocks_under(case.touches, self._both, case.attrs, asked.now)
        else:
            a = clocks(case.touches, self._a, case.attrs, asked.now)
            b = clocks(changed.touches, self._b, case.attrs, asked.now)
        tally.differ(differences(case, a, asked.now))
        past = _Past(case)
        tally.cases += 1
        self._quality(case, past)
        shown: list[Clock] = []
        for one, other in pairs(a, b):
            clock = one or other
            if clock is None or not asked.since <= clock.started_at < asked.until:
                continue
            facts, attrs = past.at_start(clock)
            sort = _sort(one, other, clock, facts, attrs)
            if self._choosy and not self._wanted(sort):
                continue
            self._count(case, one, other, clock, sort, attrs)
            self._alarmed(case.id, one, other, past.attrs[-1])
            if other is not None:
                shown.append(other)
        if self._longer and shown:
            self._with_longer_hours(changed, shown)

    def _as_set_by_b(self, case: PastCase) -> PastCase:
        """The case with the attributes that the rules of B would have set."""
        if not self._sets_anew:
            return case
        touches = as_set_by(case.touches, self._a, self._b, case.attrs)
        return case if touches is case.touches else case._replace(touches=touches)

    def _wanted(self, sort: Sort) -> bool:
        asked = self._asked
        return (
            (not asked.channels or sort.channel in asked.channels)
            and (not asked.tiers or sort.tier in asked.tiers)
            and (not asked.policies or sort.policy_a in asked.policies or sort.policy_b in asked.policies)
        )

    def _quality(self, case: PastCase, past: "_Past") -> None:
        spoken = len(past.times)
        self.tally.touches += spoken
        self.tally.without_zone += spoken if "tz" not in case.attrs else 0
        self.tally.without_tier += spoken if "tier" not in case.attrs else 0

    def _count(self, case: PastCase, a: Clock | None, b: Clock | None, clock: Clock, sort: Sort, attrs: Facts) -> None:
        tally = self.tally
        tally.cell(sort).take(a, b)
        if a is not None:
            tally.clocks_a += 1
            tally.versions[a.rules_version] += 1
        if b is not None:
            tally.clocks_b += 1
        calendar, zone = self._hours_of(b or clock, attrs)
        self._heat(verdict(a), verdict(b), clock.started_at.astimezone(zone))
        if clock.clock in CONVERSATION:
            if b is not None:
                tally.arrivals[b.policy] += 1
                if not is_open(calendar, b.started_at):
                    tally.outside[b.policy] += 1
            self._waits(clock)
        if a is None or b is None or a.state is not b.state:
            self._flipped(case.id, a, b)

    def _heat(self, a: Verdict, b: Verdict, local: datetime) -> None:
        """Count the verdicts at the local hour of arrival."""
        place = (local.weekday(), local.hour)
        row = self.tally.heat.get(place)
        if row is None:
            row = self.tally.heat[place] = [0, 0, 0, 0]
        if a <= Verdict.BREACHED:
            row[0] += 1
            row[1] += a
        if b <= Verdict.BREACHED:
            row[2] += 1
            row[3] += b

    def _hours_of(self, clock: Clock, attrs: Facts) -> tuple[Calendar, ZoneInfo]:
        """The clock's calendar with its zone; of a customer's calendar the customer's."""
        tz = _text(attrs, "tz")
        key = (clock.rules_version, clock.calendar, tz)
        found = self._hours.get(key)
        if found is None:
            version = self._by_id_b.get(clock.rules_version) or self._by_id_a[clock.rules_version]
            calendar = in_zone(version.calendars[clock.calendar], tz or None)
            found = self._hours[key] = (calendar, ZoneInfo(calendar.tz))
        return found

    def _waits(self, clock: Clock) -> None:
        """Somebody waits from the first full hour after the start until the one after the end."""
        asked, waiting = self._asked, self.tally.waiting
        end = min(clock.stopped_at or asked.now, asked.until)
        first, last = (-((asked.since - at) // _HOUR) for at in (clock.started_at, end))
        if first < last:
            waiting[first] += 1
            waiting[last] -= 1

    def _alarmed(self, case_id: str, a: Clock | None, b: Clock | None, attrs: Facts) -> None:
        """Count who would have been told of it under either rules."""
        if self._watches is None:
            return
        watch_a, watch_b = self._watches
        now = self._asked.now
        heard_a = watch_a.told(case_id, a, attrs, now) if a is not None else ()
        if a is not None and b is not None and self._fire_alike(a, b, watch_a, watch_b):
            heard_b = heard_a
        else:
            heard_b = watch_b.told(case_id, b, attrs, now) if b is not None else ()
        for side, heard in (("a", heard_a), ("b", heard_b)):
            for told in heard:
                fired = self.tally.fired(side, told.route)
                (fired.at_once if told.at_once else fired.usual).append(int(told.at.timestamp()))

    def _fire_alike(self, a: Clock, b: Clock, watch_a: Watch, watch_b: Watch) -> bool:
        """Whether B's ladder fires as A's did, so that it is worked out once."""
        if (a.due_at, a.warn_at, a.stopped_at, a.elapsed) != (b.due_at, b.warn_at, b.stopped_at, b.elapsed):
            return False
        key = (a.rules_version, a.policy, a.calendar, b.rules_version, b.policy, b.calendar, a.clock)
        alike = self._alike.get(key)
        if alike is None:
            first, last = (at.date() + _DAY * days for at, days in ((self._asked.since, -40), (self._asked.now, 2)))
            alike = self._alike[key] = watch_a.same_terms(a, watch_b, b, first, last)
        return alike

    def _flipped(self, case_id: str, a: Clock | None, b: Clock | None) -> None:
        """Keep a breach that the other rules have not, if it moved as far as the least of those shown."""
        breaches = [clock is not None and clock.state is State.BREACHED for clock in (a, b)]
        if breaches[0] == breaches[1] or moved(a, b) < self._least_moved:
            return
        flips = self.tally.flips
        flips.append(flip_of(case_id, a, b, self._by_id_a, self._by_id_b))
        if len(flips) >= 8 * SHOWN:
            self.tally.flips = worst(flips)
            full = len(self.tally.flips) == SHOWN
            self._least_moved = self.tally.flips[-1].moved if full else 0.0

    def _changed_hours(self) -> Mapping[str, tuple[Version, tuple[Version, ...]]]:
        made = {change: with_longer_hours(self._asked.candidate, change) for change in CHANGES}
        return {change: (version, self._asked.instead(version)) for change, version in made.items()}

    def _with_longer_hours(self, case: PastCase, shown: Sequence[Clock]) -> None:
        """Judge the clocks under B with each change of hours; replay the case where that needs more than a sum."""
        turns = [t.time for t in case.touches if t.kind is TouchKind.SET and not self._keys.isdisjoint(t.attrs)]
        open_to_doubt = [clock for clock in shown if turns or self._may_flip(clock)]
        tz = _zone_name(case)
        for clock in shown:
            if clock.state is State.BREACHED:
                self._late_anyway(clock, tz)
        if not open_to_doubt:
            return
        for change, (version, versions) in self._longer.items():
            row = self.tally.longer[change]
            late = [self._late_with(clock, version, turns, tz) for clock in open_to_doubt]
            if None in late:
                again = {_identity(c): c.state for c in clocks(case.touches, versions, case.attrs, self._asked.now)}
                late = [again.get(_identity(clock)) is State.BREACHED for clock in open_to_doubt]
            for clock, then in zip(open_to_doubt, late, strict=True):
                before = clock.state is State.BREACHED
                row[1] += bool(then) and not before
                row[2] += before and not then

    def _late_anyway(self, clock: Clock, tz: str | None) -> None:
        """Count a clock that is late under B, and whether people at work in the added time could have saved it."""
        calendar = self._by_id_b[clock.rules_version].calendars[clock.calendar]
        for change, (version, _) in self._longer.items():
            row, longer = self.tally.longer[change], version.calendars.get(clock.calendar)
            row[0] += 1
            row[3] += longer is not None and could_be_saved(clock, calendar, longer, tz)

    def _may_flip(self, clock: Clock) -> bool:
        """Whether longer hours can change its verdict at all."""
        if clock.clock is ClockKind.PROMISE:
            return False
        target = self._by_id_b[clock.rules_version].policies[clock.policy].targets[clock.clock]
        return target.duration is None or (clock.state is not State.BREACHED and clock.waited >= target.duration)

    def _late_with(self, clock: Clock, longer: Version, turns: Sequence[datetime], tz: str | None) -> bool | None:
        end = self._asked.now if clock.stopped_at is None else clock.stopped_at
        if any(clock.started_at < at <= end for at in turns):
            return None  # what governed it first may have made it late
        version = self._by_id_b[clock.rules_version]
        target = version.policies[clock.policy].targets[clock.clock]
        calendar, changed = version.calendars[clock.calendar], longer.calendars.get(clock.calendar)
        if changed is None:
            return None
        if changed.weekly == calendar.weekly:
            return clock.state is State.BREACHED
        return late_with(clock, target, changed, tz, self._asked.now)


class _Past:
    """What was known of a case and its customer at each moment."""

    __slots__ = ("attrs", "facts", "sets", "times")

    def __init__(self, case: PastCase) -> None:
        spoken: list[tuple[datetime, Facts]] = []
        self.sets: list[datetime] = []
        self.attrs: list[Facts] = [case.attrs]
        sets: list[Touch] = []
        for touch in case.touches:
            if is_customers(touch):
                spoken.append((touch.time, touch.facts))
            elif touch.kind is TouchKind.SET:
                sets.append(touch)
        for touch in sorted(sets, key=lambda each: each.time):
            self.sets.append(touch.time)
            self.attrs.append({**self.attrs[-1], **touch.attrs})
        spoken.sort(key=lambda each: each[0])
        self.times = [at for at, _ in spoken]
        self.facts = [facts for _, facts in spoken]

    def at_start(self, clock: Clock) -> tuple[Facts, Facts]:
        """The facts of the customer's last touch and the case's attributes when the clock began."""
        heard = bisect_right(self.times, clock.started_at)
        attrs = self.attrs[bisect_right(self.sets, clock.started_at)] if self.sets else self.attrs[0]
        return (self.facts[heard - 1] if heard else {}), attrs


def pairs(a: Iterable[Clock], b: Iterable[Clock]) -> Iterator[tuple[Clock | None, Clock | None]]:
    """Each clock under A beside the same one under B; None where one set of rules has no such clock."""
    others = {_identity(clock): clock for clock in b}
    for clock in a:
        yield clock, others.pop(_identity(clock), None)
    for clock in others.values():
        yield None, clock


def _identity(clock: Clock) -> Identity:
    """What opened it; only an `update` can begin twice with one touch, and its number depends on no option."""
    return clock.clock, clock.opened_by, clock.n if clock.clock is ClockKind.UPDATE else 0


def _sort(a: Clock | None, b: Clock | None, clock: Clock, facts: Facts, attrs: Facts) -> Sort:
    return Sort(
        a.policy if a else "",
        b.policy if b else "",
        clock.clock,
        _text(facts, "channel"),
        _text(attrs, "tier"),
        _text(facts, "language"),
    )


def _zone_name(case: PastCase) -> str | None:
    """The customer's zone as the case has it in the end."""
    later = (touch.attrs["tz"] for touch in reversed(case.touches) if "tz" in touch.attrs)
    return next(later, None) or _text(case.attrs, "tz") or None


def _text(facts: Facts, key: str) -> str:
    value = facts.get(key)
    return value if isinstance(value, str) else ""
