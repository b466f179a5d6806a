"""An owed call: one open per line and number. Its states are a table; nothing but the table moves it.

Here: the record, the table, and what people and the dialler do to one callback. What an interaction does to callbacks
is `core.owed_call`; when which is dialled, `channels.phone.dial.plan`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from commsd.core.fact import fact, replace
from commsd.errors import IllegalStep

REOPENS = timedelta(minutes=30)
"""A new miss within this time of closing opens the same callback again; telephony.md section 6b."""

CLAIM = timedelta(minutes=30)
"""How long a person's claim lasts."""

LEASE = timedelta(seconds=60)
"""How long a claim of the dialler lasts; telephony.md T_lease."""

PASSES = 3
"""Given back so often, a call is one that we avoid: the lead's. telephony.md Q11."""


class State(StrEnum):
    """The words of interface.md section 5; telephony.md section 6b says what each means."""

    WAITING = "waiting"
    NEEDS_NUMBER = "needs_number"
    HELD = "held"
    CLAIMED = "claimed"
    DIALLING = "dialling"
    TALKING = "talking"
    CONFIRM = "confirm"
    ESCALATED = "escalated"
    CLOSED = "closed"


class CloseReason(StrEnum):
    """All the ways an owed call ends. There is no "expired"."""

    REACHED = "reached"
    ANSWERED_INBOUND = "answered_inbound"
    ANSWERED_OTHER_CHANNEL = "answered_other_channel"
    DECLINED_BY_CUSTOMER = "declined_by_customer"
    MERGED = "merged"
    CLOSED_BY_HUMAN = "closed_by_human"


class Step(StrEnum):
    """What can happen to a callback."""

    CLAIM = "claim"
    RELEASE = "release"
    TRY_AGAIN = "try_again"  # voicemail, wrong person, no answer: the promise stands
    CALL_LATER = "call_later"  # reached, and owed again at an agreed time
    NUMBER_GIVEN = "number_given"
    HOLD = "hold"
    ESCALATE = "escalate"
    DIAL = "dial"  # an attempt of ours is committed
    BRIDGE = "bridge"  # the customer's leg is joined to our agent's
    ENDED = "ended"  # the talk is over; its result is asked for
    PROVEN = "proven"  # what was held for a try in vain was a talk
    CLOSE = "close"


_OPEN = tuple(state for state in State if state is not State.CLOSED)

NEXT: Mapping[tuple[State, Step], State] = {
    (State.WAITING, Step.CLAIM): State.CLAIMED,
    (State.ESCALATED, Step.CLAIM): State.CLAIMED,
    (State.CLAIMED, Step.RELEASE): State.WAITING,
    (State.HELD, Step.RELEASE): State.WAITING,
    (State.ESCALATED, Step.RELEASE): State.WAITING,
    **{(state, Step.DIAL): State.DIALLING for state in (State.WAITING, State.CLAIMED)},
    (State.DIALLING, Step.BRIDGE): State.TALKING,
    **{(state, Step.ENDED): State.CONFIRM for state in (State.DIALLING, State.TALKING)},
    **{(state, Step.PROVEN): State.CONFIRM for state in (State.WAITING, State.ESCALATED)},
    (State.NEEDS_NUMBER, Step.NUMBER_GIVEN): State.WAITING,
    **{(state, Step.NUMBER_GIVEN): state for state in (State.WAITING, State.HELD, State.CLAIMED, State.ESCALATED)},
    **{(state, Step.TRY_AGAIN): State.WAITING for state in _OPEN if state is not State.NEEDS_NUMBER},
    **{(state, Step.CALL_LATER): State.WAITING for state in _OPEN if state is not State.NEEDS_NUMBER},
    **{(state, Step.HOLD): State.HELD for state in (State.WAITING, State.CLAIMED)},
    **{(state, Step.ESCALATE): State.ESCALATED for state in _OPEN if state is not State.ESCALATED},
    **{(state, Step.CLOSE): State.CLOSED for state in _OPEN},
}


def after(state: State, step: Step) -> State:
    """The next state. Raises IllegalStep for a pair the table does not know."""
    try:
        return NEXT[state, step]
    except KeyError:
        raise IllegalStep(
            f"a callback that is {state.value} cannot take '{step.value}'",
            remedy="look at it with `commsd callbacks show ID`; a closed one is opened again by the next missed call",
        ) from None


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """One try to reach the customer, by whom and what came of it.

    result: None while it lives; the words of interface.md section 4, else of `core.backoff`. id and the SIDs of both
    legs: of one that we placed; bridged: the legs were joined. ended_at: when its last leg was over. cost: what the
    provider billed, as "0.0140 USD"; thought: what was booked for it before. released: who let it through although
    machines ring no such number. told_by: the interaction that says the result.
    """

    at: datetime
    by: str | None
    result: str | None
    id: str | None = None
    call_sid: str | None = None
    customer_sid: str | None = None
    bridged: bool = False
    ended_at: datetime | None = None
    cost: str | None = None
    thought: str | None = None
    released: str | None = None
    told_by: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Passed:
    """One of us had the call in hand and gave it back, or let the claim run out. why: in their words, if they said."""

    at: datetime
    by: str | None
    why: str | None = None


@fact
class Callback:
    """An owed call as of one revision.

    number: E.164, None where it was withheld. misses: ids of the missed calls it answers, oldest first; none where it
    was asked for in writing. rang_at: the last of them. purpose: what it is about, as the customer put it.
    due_at: the clock's due time, or the time agreed with the customer: then asked_at_time, and it is not rung before.
    claimed_until: a lost claim gives it back. look_at: when the machine looks at it next, long past for at once, None
    for never by itself. held: why no machine rings it, such as `type:premium_rate`; wish_ended_at: when the wish it was
    held for was taken back; released: who lets one call through. passed: who gave it back. closed_by: what closed it.
    """

    id: str
    revision: int = 1
    created_at: datetime
    line: str | None
    number: str | None
    contact_id: str | None
    case_id: str
    state: State
    due_at: datetime | None
    opened_at: datetime
    misses: tuple[str, ...] = ()
    rang_at: datetime | None = None
    purpose: str | None = None
    questions: tuple[str, ...] = ()
    owner: str | None = None
    asked_at_time: bool = False
    claimed_until: datetime | None = None
    look_at: datetime | None = None
    held: str | None = None
    wish_ended_at: datetime | None = None
    released: str | None = None
    attempts: tuple[Attempt, ...] = ()
    passed: tuple[Passed, ...] = ()
    close_reason: CloseReason | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None
    erased_at: datetime | None = None

    @property
    def open(self) -> bool:
        """Whether the call is still owed."""
        return self.state is not State.CLOSED

    @property
    def live(self) -> Attempt | None:
        """The attempt that is under way, or whose result is not said yet."""
        last = self.attempts[-1] if self.attempts else None
        return last if last is not None and last.result is None else None


def changed(callback: Callback, **changes: Any) -> Callback:
    """The next revision of a callback."""
    return replace(callback, revision=callback.revision + 1, **changes)


def ready_at(callback: Callback) -> datetime:
    """From when on it may be rung as far as the customer is concerned: the time asked for, else since it was opened."""
    asked = callback.due_at if callback.asked_at_time else None
    return asked or callback.opened_at


def waiting(callback: Callback, step: Step, **changes: Any) -> Callback:
    """The callback back in the queue after this step; the dialler looks at it as soon as it may be rung."""
    moved = changed(callback, state=after(callback.state, step), claimed_until=None, **changes)
    return replace(moved, look_at=ready_at(moved) if moved.state is State.WAITING else moved.look_at)


def claimed(callback: Callback, agent: str, now: datetime, lasts: timedelta = CLAIM) -> Callback:
    """The callback in somebody's hand for so long. Raises IllegalStep where it is not waiting."""
    until = now + lasts
    state = after(callback.state, Step.CLAIM)
    return changed(callback, state=state, owner=agent, claimed_until=until, look_at=until)


def released(callback: Callback, by: str | None = None) -> Callback:
    """The callback given back; a held or escalated one is let through for one call. Raises IllegalStep.

    by: who answers for that one call, needed where no machine would ring by itself.
    """
    return waiting(callback, Step.RELEASE) if callback.state is State.CLAIMED else let_through(callback, by)


def passed_on(callback: Callback, by: str | None, why: str | None, at: datetime) -> Callback:
    """The callback out of the hand that claimed it, for anybody; the third time for the lead, who is told.

    by: whose hand it was. Raises IllegalStep where nobody claimed it.
    """
    passed = (*callback.passed, Passed(at=at, by=by, why=why))
    if len(passed) % PASSES:
        return replace(released(callback), passed=passed, owner=None)
    after(callback.state, Step.RELEASE)
    return replace(escalated(callback), passed=passed, owner=None)


def let_through(callback: Callback, by: str | None) -> Callback:
    """One call may be made although machines ring no such number, or not again. Raises IllegalStep without a name."""
    after(callback.state, Step.RELEASE)
    if not by:
        raise IllegalStep(
            f"a callback that is {callback.state.value} is let through by nobody", remedy="name who answers for it"
        )
    return waiting(callback, Step.RELEASE, held=None, released=by)


def with_number(callback: Callback, number: str) -> Callback:
    """The callback with a number a person found out. number: E.164."""
    if callback.state is State.NEEDS_NUMBER:
        return waiting(callback, Step.NUMBER_GIVEN, number=number)
    return changed(callback, state=after(callback.state, Step.NUMBER_GIVEN), number=number)


def held(callback: Callback, reason: str) -> Callback:
    """The callback kept from machines, for a person. reason: such as `region:LV`."""
    state = after(callback.state, Step.HOLD)
    return changed(callback, state=state, held=reason, claimed_until=None, look_at=None)


def escalated(callback: Callback, owner: str | None = None) -> Callback:
    """The callback in the hand of people, no machine rings by itself. owner: whose it is from now on, if known."""
    state = after(callback.state, Step.ESCALATE)
    return changed(callback, state=state, owner=owner or callback.owner, claimed_until=None, look_at=None)


def looked_at(callback: Callback, again: datetime | None) -> Callback:
    """The same revision, which the machine looks at then: nothing happened to it, so nobody is told."""
    return replace(callback, look_at=again)


def dialled(callback: Callback, attempt: Attempt, look_at: datetime) -> Callback:
    """The callback with an attempt that is about to be placed. look_at: when nothing was heard of it by then.

    Raises IllegalStep where one lives already, or there is nothing to dial.
    """
    state = after(callback.state, Step.DIAL)
    if callback.live or callback.number is None:
        what = "has an attempt under way" if callback.live else "has no number"
        raise IllegalStep(f"the callback {what}", remedy="look at it with `commsd callbacks show ID`")
    attempts = (*callback.attempts, replace(attempt, released=callback.released))
    return changed(callback, state=state, attempts=attempts, released=None, claimed_until=None, look_at=look_at)


def with_attempt(callback: Callback, attempt: Attempt) -> Callback:
    """The callback with more known of one of its attempts, found by its id; its state stays."""
    return changed(callback, attempts=_put(callback.attempts, attempt))


def bridged(callback: Callback, look_at: datetime, customer_sid: str | None = None) -> Callback:
    """The callback whose customer is on the line. Raises IllegalStep where nothing is dialled."""
    state, live = after(callback.state, Step.BRIDGE), _living(callback)
    joined = replace(live, bridged=True, customer_sid=customer_sid or live.customer_sid)
    return changed(callback, state=state, attempts=_put(callback.attempts, joined), look_at=look_at)


def ended(callback: Callback, at: datetime, confirm_until: datetime) -> Callback:
    """The callback after its talk, whose result is asked for until then.

    Where it moved on meanwhile (the customer rang and was answered, a person closed it) its state stays; the attempt
    that was under way then says so.
    """
    if (callback.state, Step.ENDED) in NEXT:
        over = _put(callback.attempts, replace(_living(callback), ended_at=at))
        return changed(callback, state=after(callback.state, Step.ENDED), attempts=over, look_at=confirm_until)
    live = callback.live
    attempts = _put(callback.attempts, replace(live, ended_at=at, result=OVERTAKEN)) if live else callback.attempts
    return changed(callback, attempts=attempts, look_at=callback.look_at if callback.open else None)


def proven(callback: Callback, attempt: Attempt, at: datetime, confirm_until: datetime) -> Callback:
    """The callback whose last try was no try in vain but a talk, as a late word of Twilio says: nobody is rung again
    before its result is said. Raises IllegalStep where it neither waits nor is escalated.
    """
    joined = replace(attempt, result=None, bridged=True, ended_at=attempt.ended_at or at)
    over = _put(callback.attempts, joined)
    return changed(callback, state=after(callback.state, Step.PROVEN), attempts=over, look_at=confirm_until)


def tried(callback: Callback, result: str, at: datetime, look_at: datetime | None = None) -> Callback:
    """The callback after an attempt in vain. look_at: when to look again; by default at once, to plan it.

    Where it was closed meanwhile it stays so.
    """
    live = callback.live
    over = replace(live, result=result, ended_at=live.ended_at or at) if live else None
    attempts = _put(callback.attempts, over) if over else callback.attempts
    if not callback.open:
        return changed(callback, attempts=attempts, look_at=None)
    again = waiting(callback, Step.TRY_AGAIN, attempts=attempts)
    return replace(again, look_at=look_at) if look_at else again


def closed(callback: Callback, reason: CloseReason, at: datetime, by: str | None = None) -> Callback:
    """The callback owed no longer. by: the interaction that says so.

    Where an attempt is under way, the machine looks at it at once: its legs are to be let go.
    """
    live = callback.live
    talked = live is not None and (live.id is None or live.ended_at is not None)
    return changed(
        callback,
        state=after(callback.state, Step.CLOSE),
        close_reason=reason,
        closed_at=at,
        closed_by=by,
        claimed_until=None,
        attempts=_put(callback.attempts, replace(live, result=UNSAID)) if live and talked else callback.attempts,
        look_at=at if live and not talked else None,
    )


UNSAID = "unsaid"
"""The result of an attempt of which nobody said what came of it before the call was owed no longer."""

OVERTAKEN = "overtaken"
"""The result of an attempt that was no longer needed while it lived."""


def must_be_sound(callbacks: Iterable[Callback]) -> None:
    """Raises IllegalStep for one that ends otherwise than telephony.md Q3 allows; the store takes no such change."""
    for callback in callbacks:
        ends = (callback.close_reason is not None, callback.closed_at is not None)
        if ends != (not callback.open,) * 2:
            raise IllegalStep(
                f"a callback that is {callback.state.value} and whose reason for closing is {callback.close_reason}",
                remedy="close it by `core.callback.closed`, with one of its reasons",
            )
        if callback.close_reason is CloseReason.ANSWERED_OTHER_CHANNEL and callback.closed_by is None:
            raise IllegalStep("a call answered elsewhere without saying where", remedy="name the interaction")


def _living(callback: Callback) -> Attempt:
    if callback.live is None:
        raise IllegalStep("the callback has no attempt under way", remedy="look at it with `commsd callbacks show ID`")
    return callback.live


def _put(attempts: tuple[Attempt, ...], attempt: Attempt) -> tuple[Attempt, ...]:
    """With this one in place of the one of its id; of one that has none, of the last."""
    if attempt.id is None:
        return (*attempts[:-1], attempt)
    return tuple(attempt if known.id == attempt.id else known for known in attempts)


def word_of(callback: Callback, before: Callback | None) -> str:
    """What the feed calls the step from `before` to it; interface.md section 6."""
    if before is None:
        return "opened" if callback.open else "closed"
    if callback.open != before.open:
        return "reopened" if callback.open else "closed"
    if _said(callback) > _said(before):
        return "attempted"
    if callback.state is before.state:
        return "updated"
    if callback.state is State.WAITING and before.state in (State.CLAIMED, State.HELD, State.ESCALATED):
        return "released"
    return _WORDS.get(callback.state, "updated")


_WORDS = {State.CLAIMED: "claimed", State.HELD: "held", State.ESCALATED: "escalated"}


def _said(callback: Callback) -> int:
    return sum(1 for attempt in callback.attempts if attempt.result is not None)
