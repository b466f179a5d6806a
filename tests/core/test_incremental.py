"""Live equals cold: at every prefix of the log, clocks kept from decision to decision are those counted afresh."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import count

from hypothesis import given
from hypothesis import strategies as st

from commsd.core.case import Case, CaseFile, ClockRecord
from commsd.core.clock import Clock, State, clocks
from commsd.core.event import Event
from commsd.core.interaction import Actor, Automation, Channel, Detail, Direction, Interaction, Kind, Outcome, Promise
from commsd.core.policy import ClockKind, Target
from commsd.core.recompute import FINAL, clocks_after
from commsd.core.touch import BY_RULE, Touch, TouchKind, touches_of
from tests.core.sla_builders import H, on, policy, touch, version
from tests.core.sla_strategies import STEP, RandomCase, examples, random_case

IN, OUT, INSIDE = Direction.INBOUND, Direction.OUTBOUND, Direction.INTERNAL
_FORMS: dict[TouchKind, tuple[Kind, Direction, Outcome | None]] = {
    TouchKind.IN: (Kind.MESSAGE, IN, Outcome.REACHED),
    TouchKind.OUT: (Kind.MESSAGE, OUT, Outcome.REACHED),
    TouchKind.TALK: (Kind.CALL, OUT, Outcome.REACHED),
    TouchKind.MISSED: (Kind.CALL, IN, Outcome.MISSED),
    TouchKind.ATTEMPT: (Kind.ATTEMPT, OUT, Outcome.NOT_REACHED),
    TouchKind.NOTE: (Kind.NOTE, INSIDE, None),
    TouchKind.HOLD: (Kind.HOLD, INSIDE, None),
    TouchKind.RELEASE: (Kind.RELEASE, INSIDE, None),
    TouchKind.CLOSE: (Kind.CLOSE, INSIDE, None),
    TouchKind.REOPEN: (Kind.REOPEN, INSIDE, None),
    TouchKind.PROMISE: (Kind.PROMISE, INSIDE, None),
    TouchKind.SET: (Kind.SET, INSIDE, None),
    TouchKind.VOID: (Kind.VOID, INSIDE, None),
    TouchKind.MERGED: (Kind.MERGE, INSIDE, None),
    TouchKind.CALLBACK_CLOSED: (Kind.CLOSE, INSIDE, None),
}


def interaction_of(touch: Touch) -> Interaction:
    """An interaction with this touch behind it. One recorded before it happened is recorded when it did."""
    kind, direction, outcome = _FORMS[touch.kind]
    if touch.kind is TouchKind.TALK and touch.direction == "in":
        direction = IN
    promise = None
    if touch.kind is TouchKind.PROMISE and touch.due is not None:
        promise = Promise(id=touch.promise or touch.id, due_at=touch.due, via=touch.via, replaces=touch.replaces)
    return Interaction(
        id=touch.id,
        channel=Channel.OTHER,
        kind=kind,
        direction=direction,
        actor=Actor.CUSTOMER if direction is IN else Actor.MACHINE if touch.by_rule else Actor.AGENT,
        automation=Automation.BOT if touch.auto else Automation.NONE,
        outcome=outcome,
        occurred_at=touch.at,
        recorded_at=touch.recorded_at or touch.at,
        partial=touch.partial,
        caused_by=touch.touch if touch.by_rule else None,
        detail=Detail(
            reason=BY_RULE if touch.by_rule else touch.reason,
            attrs=touch.attrs,
            voids=None if touch.by_rule else touch.touch,
            void_case=touch.void_case,
            callback_id=next(iter(touch.callbacks), "c") if touch.kind is TouchKind.CALLBACK_CLOSED else None,
            callbacks=touch.callbacks,
            promise=promise,
            keeps=touch.keeps,
            observed=touch.observed,
            result="reached" if touch.kind is TouchKind.TALK else None,
        ),
    )


@st.composite
def histories(draw: st.DrawFn) -> tuple[RandomCase, tuple[Interaction, ...]]:
    """A random case with the interactions that make it, in the order of their record."""
    case = random_case(lambda values: draw(st.sampled_from(values)))
    facts = sorted((interaction_of(touch) for touch in case.touches), key=lambda fact: (fact.recorded_at, fact.id))
    return case, tuple(facts)


class Live:
    """One case as the log keeps it: clocks recomputed at each interaction, and the events of that."""

    def __init__(self, case: RandomCase, begun: datetime) -> None:
        self.versions, self._ids = case.versions, count()
        head = Case(id="case", created_at=begun, contact_id=None, opened_at=begun, active_at=begun, attrs=case.attrs)
        self.file = CaseFile(case=head)
        self.published: dict[str, Clock] = {}

    def decide(self, now: datetime, *facts: Interaction) -> tuple[Event, ...]:
        self.file = replace(self.file, interactions=(*self.file.interactions, *facts))
        found, events = clocks_after(self.file, self.versions, now, lambda: f"k{next(self._ids)}", "test")
        changed = {record.id: record for record in found.changed}
        kept = [changed.pop(record.id, record) for record in self.file.clocks]
        self.file = replace(self.file, clocks=(*kept, *changed.values()))
        return events

    @property
    def values(self) -> dict[tuple[str, int, str], Clock]:
        return {_name(record.value): _settled(record.value) for record in self.file.clocks}


def _name(clock: Clock) -> tuple[str, int, str]:
    promise = clock.clock is ClockKind.PROMISE
    return clock.clock.value, 0 if promise else clock.n, clock.opened_by if promise else ""


def _settled(clock: Clock) -> Clock:
    """Without what only the time of looking decides; that is not worth a revision."""
    if clock.stopped_at is not None:
        return clock
    nil = timedelta(0)
    return replace(clock, elapsed=nil, waited=nil, in_hours=False, remaining=None, overrun=None)


def differences(case: RandomCase, live: Live, now: datetime) -> list[str]:
    """What the clocks kept are otherwise than those counted from nothing; one whose cause is gone is cancelled."""
    touches = [touch for fact in live.file.interactions for touch in touches_of(fact)]
    afresh = {_name(clock): _settled(clock) for clock in clocks(touches, case.versions, case.attrs, now)}
    kept = live.values
    gone = [f"{name} is left over" for name in kept.keys() - afresh.keys() if kept[name].state is not State.CANCELLED]
    return gone + [f"{kept.get(name)} != {clock}" for name, clock in afresh.items() if kept.get(name) != clock]


@examples(60)
@given(history=histories(), later=st.integers(0, 300))
def test_at_every_prefix_the_clocks_kept_are_the_clocks_counted_afresh(
    history: tuple[RandomCase, tuple[Interaction, ...]], later: int
) -> None:
    case, facts = history
    live = Live(case, facts[0].recorded_at)
    for fact in facts:
        live.decide(fact.recorded_at, fact)
        assert differences(case, live, fact.recorded_at) == []
    end = facts[-1].recorded_at + later * STEP
    live.decide(end)
    assert differences(case, live, end) == []


@examples(60)
@given(history=histories())
def test_a_published_verdict_changes_only_with_a_correction(
    history: tuple[RandomCase, tuple[Interaction, ...]],
) -> None:
    case, facts = history
    live = Live(case, facts[0].recorded_at)
    for fact in facts:
        before = {record.id: record for record in live.file.clocks}
        events = live.decide(fact.recorded_at, fact)
        for record in live.file.clocks:
            said = [event.type for event in events if isinstance(event.thing, ClockRecord)]
            former = before.get(record.id)
            if former is None:
                assert "clock.started" in said
            elif former.value.state in FINAL and record.value.state is not former.value.state:
                assert "clock.corrected" in said
            assert former is None or record is former or record.revision == former.revision + 1


@examples(60)
@given(history=histories())
def test_an_interaction_has_the_touch_it_was_made_from(history: tuple[RandomCase, tuple[Interaction, ...]]) -> None:
    case, facts = history
    plain = {touch.id: touch for touch in case.touches}
    for fact in facts:
        (touch,) = touches_of(fact)
        was = plain[fact.id]
        assert (touch.kind, touch.time, touch.attrs, touch.by_rule) == (was.kind, was.time, was.attrs, was.by_rule)
        if was.kind is TouchKind.TALK:
            assert touch.direction == was.direction
    assert State.PAUSED not in FINAL


def test_what_a_stopped_clock_had_counted_follows_when_its_hold_never_was() -> None:
    rules = version(policy(resolution=Target(duration=8 * H, pause_on=frozenset({"parts"}))))
    touches = (
        touch("in", on(9)),
        touch("hold", on(10), id="hold", reason="parts"),
        touch("close", on(12), void_case=True),
    )
    case = RandomCase(touches=touches, versions=(rules,), attrs={}, begin=on(9), now=on(13))
    live = Live(case, on(9))
    for each in touches:
        live.decide(each.at, interaction_of(each))
    assert [clock.elapsed for clock in live.values.values()] == [H]
    live.decide(on(13), interaction_of(touch("void", on(13), touch="hold")))
    assert [clock.elapsed for clock in live.values.values()] == [3 * H]
    assert differences(case, live, on(13)) == []
