"""One owed call through everything that can happen to it, in any order: the table and the plan keep their promises.

Time is the machine's own. The dialler's side is played by the plan itself: what it says next is done.
"""

from collections.abc import Callable
from datetime import timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from commsd.channels.phone.dial.plan import ASKED_FOR, Begin, Escalate, Hold, Policy, Staff, Wait, plan
from commsd.channels.phone.line import Callbacks, Line
from commsd.core.agent import Agent, People
from commsd.core.backoff import vain_today
from commsd.core.calendar import is_open
from commsd.core.callback import (
    NEXT,
    REOPENS,
    Attempt,
    Callback,
    CloseReason,
    State,
    bridged,
    claimed,
    dialled,
    ended,
    escalated,
    held,
    looked_at,
    must_be_sound,
    released,
    tried,
)
from commsd.core.calling_hours import may_ring
from commsd.core.interaction import Kind, Outcome, Promise
from commsd.core.number import parse_number
from commsd.errors import IllegalStep
from tests.core.items import Books, call_from, moved, result_of
from tests.house import OFFICE

BERLIN = ZoneInfo("Europe/Berlin")
RULES = Callbacks()
NUMBER = parse_number("+493023125010")
assert NUMBER is not None
AGENTS = {name: Agent(id=name, name=name, phone=f"+4930231250{n}") for n, name in enumerate(["anna", "bo"], start=11)}
LINE = Line(name="hotline", number=NUMBER, rounds=(("anna", "bo"),))
POLICY = Policy(line=LINE, people=People(agents=AGENTS), callbacks=RULES, zone=BERLIN, calendar=OFFICE)
VAIN = ["busy", "no_answer", "technical", "not_accepted", "unreachable", "given_up", "not_placed"]
MINUTE = timedelta(minutes=1)


class Queue(RuleBasedStateMachine):
    """A customer who rings, our people, the dialler, and time."""

    def __init__(self) -> None:
        super().__init__()
        self.books = Books()
        self.history: list[Callback] = []
        self.calls = 0
        self.banned: str | None = None
        self.books.take(call_from(sid="CA0"))
        self._note()

    @property
    def it(self) -> Callback:
        """The call owed now, else the one owed last."""
        return self.history[-1]

    def _note(self) -> None:
        latest = max(self.books.callbacks.values(), key=lambda c: (c.created_at, c.id))
        if not self.history or latest != self.history[-1]:
            self.history.append(latest)

    def _keep(self, callback: Callback) -> None:
        self.books.callbacks[callback.id] = callback
        self._note()

    def _step(self, make: Callable[[], Callback]) -> None:
        """What the table does not allow is refused and changes nothing."""
        before = self.it
        try:
            after = make()
        except IllegalStep:
            assert self.it == before
            return
        self._keep(after)

    @rule(minutes=st.sampled_from([1, 5, 40, 150, 60 * 13, 60 * 30]))
    def time_passes(self, minutes: int) -> None:
        self.books.wait(minutes=minutes)

    @rule(outcome=st.sampled_from([*[Outcome.MISSED] * 5, Outcome.REACHED]))
    def the_customer_rings(self, outcome: Outcome) -> None:
        self.calls += 1
        before = self.it
        self.books.take(call_from(outcome=outcome, sid=f"CA{self.calls}"))
        self._note()
        if outcome is Outcome.MISSED:
            assert self.it.open, "no missed call without a call owed"
            again = before.open or self.books.now - (before.closed_at or self.books.now) <= REOPENS
            assert (self.it.id == before.id) is again
        else:
            assert not self.it.open

    @rule(reason=st.sampled_from([None, None, "region:LV"]))
    def machines_may_or_may_not_ring_it(self, reason: str | None) -> None:
        self.banned = reason

    @precondition(lambda self: self.it.look_at is not None)
    @rule(turns=st.integers(1, 3))
    def the_dialler_looks(self, turns: int) -> None:
        for _ in range(turns):
            self._turn()

    def _turn(self) -> None:
        """When it is next due."""
        it = self.it
        if it.look_at is None or it.state not in (State.WAITING, State.CLAIMED):
            return
        self.books.now = now = max(self.books.now, it.look_at)
        if it.state is State.CLAIMED:
            self._keep(released(it))
            return
        match plan(it, Staff(), POLICY, now, held=self.banned):
            case Begin(_, agent, _):
                self._may_be_rung(it)
                attempt = Attempt(at=now, by=agent.id, result=None, id=f"try-{len(it.attempts)}-{it.id}")
                self._keep(dialled(it, attempt, now + MINUTE))
            case Wait(until, _):
                assert until > now
                self._keep(looked_at(it, until))
            case Hold(reason):
                self._keep(held(it, reason))
            case Escalate():
                self._keep(escalated(it))

    def _may_be_rung(self, it: Callback) -> None:
        now, due = self.books.now, it.due_at if it.asked_at_time else None
        assert it.live is None
        assert self.banned is None or it.released is not None, "6: no held number without a named release"
        assert vain_today(it.attempts, BERLIN, now) < RULES.tries_per_day, "7"
        asked = due is not None and due <= now < due + ASKED_FOR
        assert asked or (may_ring(now, (BERLIN,), RULES.quiet_hours) and is_open(OFFICE, now)), "9"
        assert due is None or now >= due, "not before the time asked for"

    @precondition(lambda self: self.it.live is not None and self.it.state is not State.CONFIRM)
    @rule(how=st.sampled_from(VAIN))
    def the_attempt_ends_in_vain(self, how: str) -> None:
        self._keep(tried(self.it, how, self.books.now))

    @precondition(lambda self: self.it.live is not None and not self.it.live.bridged)
    @rule()
    def the_two_are_joined(self) -> None:
        self._step(lambda: bridged(self.it, self.books.now + MINUTE))

    @precondition(lambda self: self.it.live is not None and self.it.live.bridged and self.it.state is not State.CONFIRM)
    @rule()
    def the_talk_is_over(self) -> None:
        self._keep(ended(self.it, self.books.now, self.books.now + RULES.confirm))

    @precondition(lambda self: self.it.attempts or self.it.state is State.CLAIMED)
    @rule(
        result=st.sampled_from(["voicemail", "wrong_person", "call_again", "partly", "reached", "declined"]),
        hours=st.integers(1, 40),
    )
    def our_person_says_what_came_of_it(self, result: str, hours: int) -> None:
        it, detail = self.it, {}
        if result in ("call_again", "partly"):
            due = self.books.now + timedelta(hours=hours)
            detail["promise"] = Promise(id=f"promise-{self.books.new_id()}", due_at=due, via="call")
        never_joined = it.open and it.live is not None and it.live.by == "anna" and not it.live.bridged
        talked = result not in ("voicemail", "wrong_person")
        if never_joined and talked:
            with pytest.raises(IllegalStep):
                self.books.take(result_of(it, result, **detail))
            return
        self.books.take(result_of(it, result, **detail))
        self._note()

    @rule(who=st.sampled_from(["anna", "bo"]))
    def somebody_takes_it(self, who: str) -> None:
        self._step(lambda: claimed(self.it, who, self.books.now))

    @rule(who=st.sampled_from(["anna", None]))
    def somebody_gives_it_back(self, who: str | None) -> None:
        self._step(lambda: released(self.it, who))

    @precondition(lambda self: self.it.open and len(self.it.attempts) > 2)
    @rule()
    def somebody_closes_it(self) -> None:
        detail = {"callback_id": self.it.id, "reason": "closed_by_human"}
        self.books.take(moved(self.it.case_id, Kind.CLOSE, **detail))
        self._note()

    @invariant()
    def one_call_is_owed_at_most_and_one_attempt_lives(self) -> None:
        assert sum(1 for callback in self.books.callbacks.values() if callback.open) <= 1
        for callback in self.books.callbacks.values():
            assert all(attempt.result is not None for attempt in callback.attempts[:-1])
            assert len({attempt.id for attempt in callback.attempts if attempt.id}) == len(
                [attempt for attempt in callback.attempts if attempt.id]
            )

    @invariant()
    def every_end_has_its_reason(self) -> None:
        must_be_sound(self.books.callbacks.values())
        assert all(
            callback.open or callback.close_reason in [*CloseReason] for callback in self.books.callbacks.values()
        )

    @invariant()
    def the_clock_never_moves_later(self) -> None:
        for before, after in pairwise(self.history):
            if before.id == after.id:
                assert after.opened_at <= before.opened_at
                assert set(before.misses) <= set(after.misses)

    @invariant()
    def the_table_alone_moves_it(self) -> None:
        steps = {(state, to) for (state, _), to in NEXT.items()}
        for before, after in pairwise(self.history[-2:]):
            if before.id == after.id and before.state is not after.state:
                under_way = State.DIALLING if after.live else State.WAITING
                reopened = before.state is State.CLOSED and after.state is under_way
                assert reopened or (before.state, after.state) in steps

    @invariant()
    def what_is_owed_is_looked_at_again_or_in_somebodys_hand(self) -> None:
        for callback in self.books.callbacks.values():
            hand = callback.state in (State.HELD, State.ESCALATED, State.NEEDS_NUMBER)
            assert not callback.open or hand or callback.look_at is not None

    @invariant()
    def an_attempt_lives_where_one_is_under_way(self) -> None:
        if self.it.state in (State.DIALLING, State.TALKING, State.CONFIRM):
            assert self.it.live is not None


def test_whatever_happens_to_an_owed_call_it_keeps_its_promises() -> None:
    Queue.TestCase.settings = settings(max_examples=100, stateful_step_count=40, deadline=None)
    Queue.TestCase().runTest()
