"""An owed call: one open per line and number. Its states are a table; nothing but the table moves it.

What an interaction does to callbacks is here too; dialling lives in `channels.phone.dialler`.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from commsd.core.contact import Contact, phone_identity
from commsd.core.fact import fact
from commsd.core.interaction import Actor, Direction, Interaction, Kind, Outcome, Role
from commsd.errors import IllegalStep

REOPENS = timedelta(minutes=30)
"""A new miss within this time of closing opens the same callback again; telephony.md section 6b."""

CLAIM = timedelta(minutes=30)
"""How long a person's claim lasts."""


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

    result: None while it lives. id and the SIDs of both legs: of one that we placed; bridged: the legs were joined.
    """

    at: datetime
    by: str | None
    result: str | None
    id: str | None = None
    call_sid: str | None = None
    customer_sid: str | None = None
    bridged: bool = False
    ended_at: datetime | None = None


@fact
class Callback:
    """An owed call as of one revision.

    number: E.164, None where it was withheld. misses: ids of the missed calls it answers, oldest first; none where it
    was asked for in writing. purpose: what it is about, as the customer put it.
    due_at: the clock's due time, or the time agreed with the customer. claimed_until: a lost claim gives it back.
    look_at: when the machine looks at it next, None never. held: why no machine rings it, such as `type:premium_rate`;
    released: who let one call through. closed_by: the interaction that closed it.
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
    purpose: str | None = None
    questions: tuple[str, ...] = ()
    owner: str | None = None
    claimed_until: datetime | None = None
    look_at: datetime | None = None
    held: str | None = None
    released: str | None = None
    attempts: tuple[Attempt, ...] = ()
    close_reason: CloseReason | None = None
    closed_at: datetime | None = None
    closed_by: str | None = None

    @property
    def open(self) -> bool:
        """Whether the call is still owed."""
        return self.state is not State.CLOSED

    @property
    def live(self) -> Attempt | None:
        """The attempt that is under way."""
        last = self.attempts[-1] if self.attempts else None
        return last if last is not None and last.result is None else None


def callbacks_after(
    fact: Interaction,
    case_id: str,
    owner: str | None,
    contact: Contact | None,
    callbacks: tuple[Callback, ...],
    now: datetime,
    new_id: Callable[[], str],
) -> tuple[Callback, ...]:
    """The callbacks this interaction opens, moves or closes; those it leaves alone are not in it."""
    if fact.detail.callback_id is not None:
        if _says_nothing(fact):
            return ()
        return tuple(_settled(c, fact, now) for c in callbacks if c.id == fact.detail.callback_id and c.open)
    if fact.kind is Kind.CLOSE:
        owed = [c for c in callbacks if c.open and c.case_id == case_id]
        return tuple(_closed(c, CloseReason.CLOSED_BY_HUMAN, now, fact) for c in owed)
    blocked = contact is not None and contact.blocked
    if fact.detail.asks_call and fact.actor is Actor.CUSTOMER and not blocked:
        return (_asked(fact, case_id, owner, contact, callbacks, now, new_id),)
    if fact.kind is not Kind.CALL or fact.direction is not Direction.INBOUND:
        return ()
    if fact.outcome is Outcome.REACHED:
        number = _number(fact)
        same = [c for c in callbacks if c.open and (fact.id in c.misses or (number and c.number == number))]
        return tuple(_closed(callback, CloseReason.ANSWERED_INBOUND, now, fact) for callback in same)
    if fact.outcome is Outcome.MISSED and not blocked:
        return (_missed(fact, case_id, owner, callbacks, now, new_id),)
    return ()


def _number(fact: Interaction) -> str | None:
    identity = phone_identity(fact.customer or "")
    return identity.value if identity else None


def _missed(
    fact: Interaction,
    case_id: str,
    owner: str | None,
    callbacks: tuple[Callback, ...],
    now: datetime,
    new_id: Callable[[], str],
) -> Callback:
    number = _number(fact)
    same = [c for c in callbacks if number and c.line == fact.line and c.number == number]
    owed = next((c for c in same if c.open), None)
    just_closed = next((c for c in same if c.closed_at and now - c.closed_at <= REOPENS), None)
    if owed:
        return _next(owed, misses=_with(owed.misses, fact.id))
    if just_closed:
        return _next(
            just_closed,
            state=State.WAITING,
            misses=_with(just_closed.misses, fact.id),
            case_id=case_id,
            due_at=None,
            close_reason=None,
            closed_at=None,
            closed_by=None,
        )
    return Callback(
        id=new_id(),
        created_at=now,
        line=fact.line,
        number=number,
        contact_id=fact.contact_id,
        case_id=case_id,
        state=State.WAITING if number else State.NEEDS_NUMBER,
        due_at=None,
        opened_at=min(fact.occurred_at, now),
        misses=(fact.id,),
        owner=owner,
    )


def _asked(
    fact: Interaction,
    case_id: str,
    owner: str | None,
    contact: Contact | None,
    callbacks: tuple[Callback, ...],
    now: datetime,
    new_id: Callable[[], str],
) -> Callback:
    """The call that a writing asks for: the one owed to this number or in this case, else a new one."""
    line, due_at = fact.detail.call_from, fact.detail.promise.due_at if fact.detail.promise else None
    given = phone_identity(fact.address(Role.CALLEE) or "")
    number = given.value if given else number_of(contact)
    owed = [
        c for c in callbacks if c.open and ((number and (c.line, c.number) == (line, number)) or c.case_id == case_id)
    ]
    if not owed:
        return Callback(
            id=new_id(),
            created_at=now,
            line=line,
            number=number,
            contact_id=fact.contact_id,
            case_id=case_id,
            state=State.WAITING if number else State.NEEDS_NUMBER,
            due_at=due_at,
            opened_at=min(fact.occurred_at, now),
            purpose=fact.subject or None,
            questions=fact.detail.questions,
            owner=owner,
        )
    joined = next((c for c in owed if number and c.number == number), owed[0])
    better = number if given or joined.number is None else None
    if better and joined.number != better and (joined.state, Step.NUMBER_GIVEN) in NEXT:
        joined = replace(joined, state=after(joined.state, Step.NUMBER_GIVEN), number=better)
    questions = tuple(dict.fromkeys((*joined.questions, *fact.detail.questions)))
    purpose = joined.purpose or fact.subject or None
    return _next(joined, due_at=due_at or joined.due_at, purpose=purpose, questions=questions)


def number_of(contact: Contact | None) -> str | None:
    """The number we know the contact by; None where there are several, for one of them is not theirs to answer."""
    numbers = [identity.value for identity in contact.identities if identity.kind == "phone"] if contact else []
    return numbers[0] if len(numbers) == 1 else None


def _with(misses: tuple[str, ...], miss: str) -> tuple[str, ...]:
    return misses if miss in misses else (*misses, miss)


def _next(callback: Callback, **changes: Any) -> Callback:
    return replace(callback, revision=callback.revision + 1, **changes)


def _closed(callback: Callback, reason: CloseReason, now: datetime, by: Interaction | None = None) -> Callback:
    state, closed_by = after(callback.state, Step.CLOSE), by.id if by else None
    return _next(callback, state=state, close_reason=reason, closed_at=now, closed_by=closed_by, claimed_until=None)


def _says_nothing(fact: Interaction) -> bool:
    """A bridge alone closes nothing: what came of it, a person says."""
    return fact.kind is not Kind.CLOSE and fact.detail.result is None and fact.outcome in _UNSAID


_UNSAID = frozenset({Outcome.REACHED, Outcome.PENDING, None})


def _settled(callback: Callback, fact: Interaction, now: datetime) -> Callback:
    """What came of it, by the table of results in interface.md section 4."""
    if fact.kind is Kind.CLOSE:
        return _closed(callback, CloseReason(fact.detail.reason or CloseReason.CLOSED_BY_HUMAN), now, fact)
    result = fact.detail.result or str(fact.outcome)
    tried = (*callback.attempts, Attempt(at=fact.occurred_at, by=fact.agent_id or fact.agent, result=result))
    if result in ("reached", "declined"):
        reason = CloseReason.REACHED if result == "reached" else CloseReason.DECLINED_BY_CUSTOMER
        return replace(_closed(callback, reason, now, fact), attempts=tried)
    if result in ("call_again", "partly"):
        due = fact.detail.promise.due_at if fact.detail.promise else callback.due_at
        questions = tuple(dict.fromkeys((*callback.questions, *fact.detail.questions)))
        return _next(
            callback,
            state=after(callback.state, Step.CALL_LATER),
            attempts=tried,
            due_at=due,
            questions=questions,
            claimed_until=None,
        )
    return _next(callback, state=after(callback.state, Step.TRY_AGAIN), attempts=tried, claimed_until=None)


def taken_back(
    fact: Interaction, callbacks: tuple[Callback, ...], now: datetime, *, reopens: bool
) -> tuple[Callback, ...]:
    """The callbacks after this interaction turned out never to have happened; those it left alone are not in it.

    A missed call that was none is owed no call; a talk that was none leaves the call owed. reopens: not where the case
    was closed, which ended what it owed.
    """
    changed = []
    for callback in callbacks:
        tried = tuple(each for each in callback.attempts if each.at != fact.occurred_at)
        mine = callback.id == fact.detail.callback_id and tried != callback.attempts
        misses = tuple(miss for miss in callback.misses if miss != fact.id)
        fewer = replace(callback, misses=misses, attempts=tried if mine else callback.attempts)
        if mine and fact.detail.promise and callback.due_at == fact.detail.promise.due_at:
            fewer = replace(fewer, due_at=None)
        if callback.open and callback.misses and not misses:
            changed.append(_closed(fewer, CloseReason.CLOSED_BY_HUMAN, now))
        elif callback.closed_by == fact.id and misses and reopens:
            state = State.WAITING if callback.number else State.NEEDS_NUMBER
            changed.append(_next(fewer, state=state, close_reason=None, closed_at=None, closed_by=None))
        elif fewer != callback:
            changed.append(_next(fewer))
    return tuple(changed)


def given_back(
    fact: Interaction, callbacks: tuple[Callback, ...], now: datetime, *, reopens: bool
) -> tuple[Callback, ...]:
    """The callbacks after a call counts again that had been taken back: the reverse of `taken_back`."""
    if fact.outcome is not Outcome.MISSED or fact.direction is not Direction.INBOUND:
        return callbacks_after(fact, fact.case_id or "", None, None, callbacks, now, lambda: fact.id)
    changed = []
    for callback in callbacks:
        if callback.id in fact.detail.callbacks and fact.id not in callback.misses:
            more = _next(callback, misses=(*callback.misses, fact.id))
            if not callback.open and callback.closed_by is None and not callback.misses and reopens:
                state = State.WAITING if callback.number else State.NEEDS_NUMBER
                more = replace(more, state=state, close_reason=None, closed_at=None)
            changed.append(more)
    return tuple(changed)


def claimed(callback: Callback, agent: str, now: datetime) -> Callback:
    """The callback in a person's hand for CLAIM. Raises IllegalStep where it is not waiting."""
    return _next(callback, state=after(callback.state, Step.CLAIM), owner=agent, claimed_until=now + CLAIM)


def released(callback: Callback) -> Callback:
    """The callback given back. Raises IllegalStep where nobody has it."""
    return _next(callback, state=after(callback.state, Step.RELEASE), claimed_until=None)


def with_number(callback: Callback, number: str) -> Callback:
    """The callback with a number a person found out. number: E.164."""
    return _next(callback, state=after(callback.state, Step.NUMBER_GIVEN), number=number)
