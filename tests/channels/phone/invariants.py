"""The nine sentences that always hold, whatever Twilio, the network and the machine do: telephony.md section 6d.

Each is told from the books alone and from what the exchange saw, not from our own functions.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from commsd.core.callback import Callback, CloseReason, State
from commsd.core.case import ClockRecord
from commsd.core.clock import State as Running
from commsd.core.interaction import CALL_SID, DECLINED, Direction, Interaction, Kind, Outcome
from commsd.demo.exchange import Call
from commsd.store import schema
from commsd.store.open_items import records

BERLIN = ZoneInfo("Europe/Berlin")
MET_OTHERS = frozenset({"voicemail", "wrong_person"})
TALKED = frozenset({"reached", "declined", "call_again", "partly"})
ASKED_FOR = timedelta(hours=1)
"""So long after the time that a customer asked for, it counts as that time."""

KNOWN = timedelta(seconds=5)
"""After so long what a caller's round rings is known to the rest of the house."""

ROUND = timedelta(seconds=60)
"""Longer no telephone rings and hears what it is about: Twilio waits 15 s for a document, our network here longer."""

PICKS_UP = timedelta(minutes=15)
"""Within so long one of us picks up and has heard what it is about: who was rung in time may be late for the window.

At Twilio a minute or two; here every webhook of the way may be late by minutes."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Books:
    """What the store holds at one moment. pending: calls that still have a timer."""

    calls: Sequence[Interaction]
    callbacks: Sequence[Callback]
    clocks: Sequence[ClockRecord]
    pending: Set[str]


NOTHING = Books(calls=(), callbacks=(), clocks=(), pending=frozenset())


def read(connection: Connection) -> Books:
    facts = records(connection, Interaction, schema.interactions, schema.interactions.c.current)
    return Books(
        calls=[fact for fact in facts if fact.kind is Kind.CALL],
        callbacks=records(connection, Callback, schema.callbacks),
        clocks=records(connection, ClockRecord, schema.clocks),
        pending=frozenset(connection.execute(select(schema.call_timers.c.call_sid)).scalars()),
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What the walk's config promises. forbidden: numbers that nobody dials without a named release."""

    agents: Set[str]
    forbidden: Set[str]
    tries_per_day: int = 3
    opens: int = 9
    closes: int = 17


@dataclass(slots=True)
class Witness:
    """Looks at the books again and again, and remembers where the clocks began.

    began: when, and with which call. foreign: SIDs of calls at Twilio that are none of ours. unwanted: since when a
    number wants no calls; spoke: when its person last pressed or said anything in a call.
    """

    limits: Limits
    began: dict[str, tuple[datetime, str | None]] = field(default_factory=dict)
    asked: dict[str, set[datetime]] = field(default_factory=lambda: defaultdict(set))
    foreign: set[str] = field(default_factory=set)
    unwanted: dict[str, datetime] = field(default_factory=dict)
    spoke: dict[str, datetime] = field(default_factory=dict)

    def faults(self, books: Books, exchange: Iterable[Call]) -> list[str]:
        """What does not hold now; each line begins with the number of the sentence."""
        every = list(exchange)
        calls = [call for call in every if call.sid not in self.foreign]
        for callback in books.callbacks:
            if callback.asked_at_time and callback.due_at:
                self.asked[callback.id].add(callback.due_at)
        return [
            *_answered_or_owed(books),
            *_strangers(books, self.foreign),
            *_one_of_each(books, calls, self.limits),
            *_orders_are_attempts(books, calls),
            *_closed_for_a_reason(books),
            *self._no_clock_begins_later(books),
            *_only_whom_we_may(books, calls, self.limits),
            *self._not_against_the_wish(books, calls),
            *_seldom_enough(books, calls, self.limits),
            *self._in_the_window(books, calls),
        ]

    def _no_clock_begins_later(self, books: Books) -> Iterable[str]:
        """A clock whose own call is owed no longer runs for the next one that is.

        Nor does it matter when one began that a correction took back, as an earlier one had never ended.
        """
        for clock in books.clocks:
            if clock.value.state is Running.CANCELLED and _has_earlier(clock, books.clocks):
                self.began.pop(f"clock {clock.id}", None)
        settled = {call.id for call in books.calls if call.outcome is Outcome.REACHED or call.reason == DECLINED}
        clocks = {
            f"clock {clock.id}": (clock.value.started_at, clock.value.opened_by)
            for clock in books.clocks
            if clock.value.state is not Running.CANCELLED
        }
        callbacks = {f"callback {callback.id}": (callback.opened_at, None) for callback in books.callbacks}
        for thing, (at, call) in {**clocks, **callbacks}.items():
            first, of = self.began.get(thing, (at, call))
            if at > first and of not in settled:
                yield f"5: {thing} began at {first}, and now at {at}"
            else:
                self.began[thing] = at, call

    def _in_the_window(self, books: Books, calls: Sequence[Call]) -> Iterable[str]:
        of = {attempt.id: callback.id for callback in books.callbacks for attempt in callback.attempts}
        for order, leg in _customer_legs(calls):
            limits, begun = self.limits, order.created_at
            times = self.asked.get(of.get(attempt_of(order), ""), ())
            asked = any(due <= begun < due + ASKED_FOR for due in times)
            soon = leg.created_at - begun < PICKS_UP or _open(leg.created_at, limits)
            if not asked and not (_open(begun, limits) and soon):
                yield f"9: {leg.to} was dialled at {begun.astimezone(BERLIN):%a %H:%M}"

    def _not_against_the_wish(self, books: Books, calls: Sequence[Call]) -> Iterable[str]:
        tries = {attempt.id: (callback, attempt) for callback in books.callbacks for attempt in callback.attempts}
        for order, leg in _customer_legs(calls):
            since, known = self.unwanted.get(leg.to), tries.get(attempt_of(order))
            if since is None or known is None or known[1].at <= since or known[1].released:
                continue
            callback = known[0]
            later = callback.opened_at > since and (callback.asked_at_time or not callback.misses)
            if not later and self.spoke.get(leg.to, since) <= since:
                yield f"6: {leg.to} wants no calls since {since}, and was dialled"


def _has_earlier(taken_back: ClockRecord, clocks: Iterable[ClockRecord]) -> bool:
    """Whether another of its kind in its case counts from before."""
    return any(
        (other.case_id, other.value.clock) == (taken_back.case_id, taken_back.value.clock)
        and other.value.state is not Running.CANCELLED
        and other.value.started_at < taken_back.value.started_at
        for other in clocks
    )


def _open(at: datetime, limits: Limits) -> bool:
    here = at.astimezone(BERLIN)
    return here.weekday() < 5 and limits.opens <= here.hour < limits.closes


def _strangers(books: Books, foreign: Set[str]) -> Iterable[str]:
    known = {call.external(CALL_SID) for call in books.calls}
    known |= {
        sid for c in books.callbacks for attempt in c.attempts for sid in (attempt.call_sid, attempt.customer_sid)
    }
    yield from (f"3: the call {sid} is none of ours, and on file" for sid in foreign & known)


def _answered_or_owed(books: Books) -> Iterable[str]:
    whole = [callback for callback in books.callbacks if callback.close_reason is not CloseReason.MERGED]
    owed = Counter(miss for callback in whole for miss in callback.misses)
    waiting = {miss for callback in books.callbacks if callback.open for miss in callback.misses}
    for call in books.calls:
        if call.direction is not Direction.INBOUND:
            continue
        if call.outcome is Outcome.MISSED and owed[call.id] != 1:
            yield f"1: the missed call {call.external(CALL_SID)} belongs to {owed[call.id]} callbacks"
        elif call.outcome is Outcome.REACHED and call.id in waiting:
            yield f"1: the answered call {call.external(CALL_SID)} is owed a callback"
        elif call.outcome is Outcome.PENDING and call.external(CALL_SID) not in books.pending:
            yield f"1: nobody will ever judge the call {call.external(CALL_SID)}"
        elif call.outcome not in (Outcome.MISSED, Outcome.REACHED, Outcome.PENDING):
            yield f"1: the call {call.external(CALL_SID)} is neither answered nor missed, but {call.outcome}"


def unknown(books: Books, exchange: Iterable[Call], foreign: Set[str] = frozenset()) -> list[str]:
    """Sentence 1, once all is quiet: calls that came in and of which we know nothing, or not how they ended."""
    known = {call.external(CALL_SID): call.outcome for call in books.calls}
    rang = [call.sid for call in exchange if call.direction == "inbound" and call.sid not in foreign]
    return [f"1: the call {sid} is {known.get(sid)}" for sid in rang if known.get(sid) in (None, Outcome.PENDING)]


def _one_of_each(books: Books, calls: Sequence[Call], limits: Limits) -> Iterable[str]:
    keys = Counter(
        (callback.line, callback.number) for callback in books.callbacks if callback.open and callback.number
    )
    yield from (f"2: {count} open callbacks for one number" for count in keys.values() if count > 1)
    for callback in books.callbacks:
        live = [attempt for attempt in callback.attempts if attempt.result is None]
        if len(live) > 1 or (live and callback.attempts[-1] is not live[0]):
            yield f"2: the callback {callback.id} has {len(live)} attempts under way"
    legs = Counter(call.to for call in calls if call.direction == "outbound-api" and not call.finished)
    yield from (f"2: {count} calls at once to one of us" for to, count in legs.items() if count > 1)
    yield from _rung_while_rung(calls)


def _rung_while_rung(calls: Sequence[Call]) -> Iterable[str]:
    """One of us is never called for a customer while a caller's round rings him, or he talks to that caller.

    The other way about it may be: where nobody else is free, a round tries a telephone that is found busy.
    """
    inbound = {call.sid for call in calls if call.direction == "inbound"}
    rounds: dict[str, list[Call]] = defaultdict(list)
    for call in calls:
        if call.parent_sid in inbound:
            rounds[call.to].append(call)
    for order in (call for call in calls if call.direction == "outbound-api"):
        for leg in rounds[order.to]:
            over = leg.ended_at is not None and leg.ended_at <= order.created_at
            since = order.created_at - leg.created_at
            talks = leg.bridged_at is not None and leg.bridged_at <= order.created_at
            if not over and since > KNOWN and (talks or since < ROUND):
                yield f"2: one of us was called at {order.created_at} while {leg.sid} rang him"


def attempt_of(call: Call) -> str | None:
    """The attempt whose id stands in the URL that the exchange was given; None without one."""
    parts = urlsplit(call.status_callback or "").path.split("/")
    return parts[4] if parts[1:3] == ["twilio", "dial"] and len(parts) > 4 else None


def _orders_are_attempts(books: Books, calls: Sequence[Call]) -> Iterable[str]:
    attempts = {attempt.id: attempt for callback in books.callbacks for attempt in callback.attempts if attempt.id}
    orders: Mapping[str | None, list[Call]] = _by_attempt(calls)
    for attempt_id, placed in orders.items():
        if attempt_id not in attempts:
            yield f"3: a call at Twilio that no attempt knows ({attempt_id})"
        if len(placed) > 1:
            yield f"3: {len(placed)} calls for one attempt"
    placed_sids = {call.sid for call in calls}
    for attempt in attempts.values():
        if attempt.call_sid and attempt.call_sid not in placed_sids:
            yield f"3: attempt {attempt.id} names a call that Twilio does not have"


def orphans(books: Books, calls: Iterable[Call], foreign: Set[str] = frozenset()) -> list[str]:
    """Sentence 3, once all is quiet: calls at Twilio whose attempt does not name them."""
    named = {attempt.call_sid for callback in books.callbacks for attempt in callback.attempts}
    made = [call for call in calls if call.direction == "outbound-api" and call.sid not in foreign]
    return [f"3: the call {call.sid} is on file with no attempt" for call in made if call.sid not in named]


def _by_attempt(calls: Sequence[Call]) -> Mapping[str | None, list[Call]]:
    orders: dict[str | None, list[Call]] = defaultdict(list)
    for call in calls:
        if call.direction == "outbound-api":
            orders[attempt_of(call)].append(call)
    return orders


def _closed_for_a_reason(books: Books) -> Iterable[str]:
    calls = {call.id: call for call in books.calls}
    for callback in books.callbacks:
        if callback.state is State.CLOSED and callback.close_reason not in set(CloseReason):
            yield f"4: the callback {callback.id} is closed for {callback.close_reason}"
        answer = calls.get(callback.closed_by or "")
        if callback.close_reason is CloseReason.ANSWERED_INBOUND and (
            answer is None or answer.occurred_at < (callback.rang_at or callback.opened_at)
        ):
            yield f"4: the customer of callback {callback.id} rang in vain after he was answered"
        said = any(attempt.result == "reached" for attempt in callback.attempts)
        if callback.close_reason is CloseReason.REACHED and not said and callback.closed_by is None:
            yield f"4: the callback {callback.id} is closed as reached, and nobody said so"
        if callback.close_reason is CloseReason.ANSWERED_OTHER_CHANNEL and callback.closed_by is None:
            yield f"4: the callback {callback.id} names no answer by another channel"
        for attempt in callback.attempts:
            if attempt.result in TALKED and attempt.call_sid and not attempt.bridged:
                yield f"4: the callback {callback.id} has '{attempt.result}' of a call without a talk"


def _customer_legs(calls: Sequence[Call]) -> list[tuple[Call, Call]]:
    """The legs to customers with the call of ours that dialled each."""
    ours = {call.sid: call for call in calls if call.direction == "outbound-api"}
    return [(ours[call.parent_sid], call) for call in calls if call.parent_sid in ours]


def _only_whom_we_may(books: Books, calls: Sequence[Call], limits: Limits) -> Iterable[str]:
    attempts = [attempt for callback in books.callbacks for attempt in callback.attempts]
    let_through = {attempt.id for attempt in attempts if attempt.released}
    for order, leg in _customer_legs(calls):
        if leg.to in limits.forbidden and attempt_of(order) not in let_through:
            yield f"6: {leg.to} was dialled, and nobody let it through"


def _seldom_enough(books: Books, calls: Sequence[Call], limits: Limits) -> Iterable[str]:
    """A machine that took the call, or somebody else, is a try too. Not one that failed: no telephone rang (Q8)."""
    results = {attempt.id: attempt.result for callback in books.callbacks for attempt in callback.attempts}
    vain = Counter(
        (leg.to, leg.created_at.astimezone(BERLIN).date())
        for order, leg in _customer_legs(calls)
        if (results.get(attempt_of(order)) in MET_OTHERS if leg.bridged else leg.status != "failed")
    )
    for (to, day), count in vain.items():
        if count > limits.tries_per_day:
            yield f"7: {to} was rung {count} times in vain on {day}"
