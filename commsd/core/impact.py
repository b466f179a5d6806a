"""What a change of rules would do to the open cases: which due times move, who would be late at once.

Pure and additive, so that parts of the log can be counted apart. Reading the cases is `store.versions`' business.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import NamedTuple

from commsd.core.clock import State, clocks
from commsd.core.policy import PATTERN_KEYS, ClockKind, Version, policy_for
from commsd.core.touch import Facts, Touch, TouchKind


class Owed(NamedTuple):
    """A clock in what matters here. owed: somebody still has to act. state, reason: as the engine has them."""

    clock: str
    n: int
    opened_by: str
    state: str
    reason: str | None
    owed: bool
    due_at: datetime | None
    policy: str

    @property
    def identity(self) -> tuple[str, int, str]:
        """The same clock under any rules; a promise by what opened it."""
        promise = self.clock == ClockKind.PROMISE
        return (self.clock, 0, self.opened_by) if promise else (self.clock, self.n, "")


class OpenCase(NamedTuple):
    """One case. attrs: as it was opened. touches: in the order of (recorded_at, id). open: not closed.

    logged: its clocks under the rules so far; None where the log may lag behind, so that they are computed.
    """

    id: str
    attrs: Facts
    touches: tuple[Touch, ...]
    open: bool
    logged: tuple[Owed, ...] | None = None


class Amendment(NamedTuple):
    """A change of rules: those before and after, both in order of effective_from.

    now: the log is of then. at: the moment they are compared at, not before.
    retargets: whether clocks that run can move at all; if not, only the policies of what is to come are compared.
    """

    before: tuple[Version, ...]
    after: tuple[Version, ...]
    now: datetime
    at: datetime
    retargets: bool

    @property
    def last_effect(self) -> datetime:
        """When a version took effect last: a clock whose timer is as old was perhaps not looked at since."""
        return max(version.effective_from for version in self.before if version.effective_from <= self.now)


class Moves(NamedTuple):
    """What becomes of the open clocks of one sort.

    at_once: due the moment the change takes effect, among earlier or gained. lost: the new policy has no such clock.
    gained: owed from now on, from its original start. late: it was over already, and stays so.
    """

    clocks: int = 0
    earlier: int = 0
    later: int = 0
    at_once: int = 0
    lost: int = 0
    gained: int = 0
    late: int = 0

    @property
    def moved(self) -> int:
        """Clocks whose due time is another, or no more."""
        return self.earlier + self.later + self.lost

    def __add__(self, other: object) -> "Moves":  # of a tuple, this would chain the two
        if not isinstance(other, Moves):
            return NotImplemented
        return Moves(*(mine + theirs for mine, theirs in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True, kw_only=True)
class Impact:
    """Counts over cases. moves: by policy and clock. policies: cases by the policy they match before and after.

    rejudged: stopped clocks whose verdict is another; only where a change takes effect in the past.
    """

    cases: int = 0
    moves: Mapping[tuple[str, str], Moves] = field(default_factory=dict)
    policies: Mapping[tuple[str, str], int] = field(default_factory=dict)
    rejudged: int = 0

    def __add__(self, other: "Impact") -> "Impact":
        moves, policies = dict(self.moves), dict(self.policies)
        for sort, each in other.moves.items():
            moves[sort] = moves.get(sort, Moves()) + each
        for pair, count in other.policies.items():
            policies[pair] = policies.get(pair, 0) + count
        return Impact(
            cases=self.cases + other.cases, moves=moves, policies=policies, rejudged=self.rejudged + other.rejudged
        )

    @property
    def total(self) -> Moves:
        """Over all clocks."""
        return sum(self.moves.values(), Moves())

    @property
    def share(self) -> float:
        """The part of the open clocks whose due time is another, 0.0 to 1.0."""
        total = self.total
        return total.moved / total.clocks if total.clocks else 0.0

    @property
    def other_policy(self) -> int:
        """Cases that match another policy from now on."""
        return sum(self.policies.values())


NO_POLICY = ""
"""Stands where no rule matches, or one that gives no clocks."""


def is_personal(versions: Iterable[Version]) -> bool:
    """Whether a rule of these matches on what is personal: senders, recipients, callers, words."""
    return any(key in PATTERN_KEYS for version in versions for rule in version.rules for key in rule.match)


def impact(cases: Iterable[OpenCase], change: Amendment) -> Impact:
    """What the change does to these cases."""
    moves: dict[tuple[str, str], Moves] = {}
    policies: dict[tuple[str, str], int] = {}
    rejudged = count = 0
    before, after = _governing(change.before, change.at), _governing(change.after, change.at)
    others = before is None or after is None or before.rules != after.rules
    for case in cases:
        count += 1
        if others and case.open and (pair := _policies(case, before, after)):
            policies[pair] = policies.get(pair, 0) + 1
        if change.retargets:
            rejudged += _compare(case, change, moves)
    return Impact(cases=count, moves=moves, policies=policies, rejudged=rejudged)


def _policies(case: OpenCase, before: Version | None, after: Version | None) -> tuple[str, str] | None:
    """The policy of what the customer would write next, before and after, where they differ."""
    attrs, facts = dict(case.attrs), {}
    for touch in case.touches:
        if touch.kind is TouchKind.SET:
            attrs |= touch.attrs
        elif touch.kind is TouchKind.MISSED or (touch.kind in (TouchKind.IN, TouchKind.TALK) and not touch.auto):
            facts = dict(touch.facts)
    whole = attrs | facts
    pair = (_policy(before, whole), _policy(after, whole))
    return None if pair[0] == pair[1] else pair


def _governing(versions: Sequence[Version], at: datetime) -> Version | None:
    return next((version for version in reversed(versions) if version.effective_from <= at), None)


def _policy(version: Version | None, facts: Facts) -> str:
    policy = None if version is None else policy_for(version, facts)
    return NO_POLICY if policy is None else policy.name


def _compare(case: OpenCase, change: Amendment, moves: dict[tuple[str, str], Moves]) -> int:
    """Adds what becomes of the case's clocks; gives how many verdicts are others."""
    after = {clock.identity: clock for clock in _computed(case, change.after, change.at)}
    rejudged = 0
    for before in _before(case, change):
        then = after.pop(before.identity, None)
        if before.owed:
            _add(moves, before, _moved(before, then, change.at))
        elif then is not None and before.reason == "no_policy" and then.owed:
            _add(moves, then, _gained(then, change.at))
        elif (then.state if then else None) != before.state and before.reason != "void":
            rejudged += 1
    for new in after.values():
        if new.owed:
            _add(moves, new, _gained(new, change.at))
    return rejudged


def _before(case: OpenCase, change: Amendment) -> Iterable[Owed]:
    """As the log has it, which spares half the work; what takes over running clocks until then it cannot know."""
    to_come = (version for version in change.before if version.applies == "running")
    if case.logged is None or any(change.now < version.effective_from <= change.at for version in to_come):
        return _computed(case, change.before, change.at)
    return case.logged


def _computed(case: OpenCase, versions: tuple[Version, ...], at: datetime) -> Iterable[Owed]:
    for clock in clocks(case.touches, versions, case.attrs, at):
        owed = clock.state is not State.CANCELLED and clock.stopped_at is None
        yield Owed(clock.clock, clock.n, clock.opened_by, clock.state, clock.reason, owed, clock.due_at, clock.policy)


def _add(moves: dict[tuple[str, str], Moves], clock: Owed, what: Moves) -> None:
    sort = (clock.policy, clock.clock)
    moves[sort] = moves[sort] + what if sort in moves else what


def _moved(before: Owed, then: Owed | None, at: datetime) -> Moves:
    if then is None or not then.owed:
        return Moves(clocks=1, lost=1)
    if then.due_at == before.due_at:
        return Moves(clocks=1, late=int(then.due_at is not None and then.due_at <= at))
    if then.due_at is None or (before.due_at is not None and then.due_at > before.due_at):
        return Moves(clocks=1, later=1)
    return Moves(clocks=1, earlier=1, at_once=int(then.due_at <= at))


def _gained(clock: Owed, at: datetime) -> Moves:
    return Moves(gained=1, at_once=int(clock.due_at is not None and clock.due_at <= at))
