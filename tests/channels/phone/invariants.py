"""The nine sentences that always hold, whatever Twilio, the network and the machine do: telephony.md section 6d.

Each is told from the books alone and from what the exchange saw, not from our own functions.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from sqlalchemy import Connection, select

from commsd.core.callback import Callback, CloseReason, State
from commsd.core.case import ClockRecord
from commsd.core.interaction import CALL_SID, Direction, Interaction, Kind, Outcome
from commsd.demo.exchange import Call
from commsd.store import schema
from commsd.store.open_items import records

BERLIN = ZoneInfo("Europe/Berlin")
PRESSED_9 = "declined"


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
    """Looks at the books again and again, and remembers where the clocks began."""

    limits: Limits
    began: dict[str, datetime] = field(default_factory=dict)

    def faults(self, books: Books, exchange: Iterable[Call]) -> list[str]:
        """What does not hold now; each line begins with the number of the sentence."""
        calls = list(exchange)
        return [
            *_answered_or_owed(books),
            *_one_of_each(books, calls, self.limits),
            *_orders_are_attempts(books, calls),
            *_closed_for_a_reason(books),
            *self._no_clock_begins_later(books),
            *_only_whom_we_may(books, calls, self.limits),
            *_seldom_enough(calls, self.limits),
            *_in_the_window(books, calls, self.limits),
        ]

    def _no_clock_begins_later(self, books: Books) -> Iterable[str]:
        began = {f"clock {clock.id}": clock.value.started_at for clock in books.clocks}
        began |= {f"callback {callback.id}": callback.opened_at for callback in books.callbacks}
        for thing, at in began.items():
            if at > self.began.setdefault(thing, at):
                yield f"5: {thing} began at {self.began[thing]}, and now at {at}"


def _answered_or_owed(books: Books) -> Iterable[str]:
    owed = Counter(miss for callback in books.callbacks for miss in callback.misses)
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


def unknown(books: Books, exchange: Iterable[Call]) -> list[str]:
    """Sentence 1, once all is quiet: calls that came in and of which we know nothing, or not how they ended."""
    known = {call.external(CALL_SID): call.outcome for call in books.calls}
    rang = [call.sid for call in exchange if call.direction == "inbound"]
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


def orphans(books: Books, calls: Iterable[Call]) -> list[str]:
    """Sentence 3, once all is quiet: calls at Twilio whose attempt does not name them."""
    named = {attempt.call_sid for callback in books.callbacks for attempt in callback.attempts}
    made = [call for call in calls if call.direction == "outbound-api"]
    return [f"3: the call {call.sid} is on file with no attempt" for call in made if call.sid not in named]


def _by_attempt(calls: Sequence[Call]) -> Mapping[str | None, list[Call]]:
    orders: dict[str | None, list[Call]] = defaultdict(list)
    for call in calls:
        if call.direction == "outbound-api":
            orders[attempt_of(call)].append(call)
    return orders


def _closed_for_a_reason(books: Books) -> Iterable[str]:
    for callback in books.callbacks:
        if callback.state is State.CLOSED and callback.close_reason not in set(CloseReason):
            yield f"4: the callback {callback.id} is closed for {callback.close_reason}"
        if callback.close_reason is CloseReason.REACHED and callback.attempts:
            last = callback.attempts[-1]
            if last.call_sid and not last.bridged:
                yield f"4: the callback {callback.id} is reached without a talk"


def _customer_legs(calls: Sequence[Call]) -> list[tuple[Call, Call]]:
    """The legs to customers with the call of ours that dialled each."""
    ours = {call.sid: call for call in calls if call.direction == "outbound-api"}
    return [(ours[call.parent_sid], call) for call in calls if call.parent_sid in ours]


def _only_whom_we_may(books: Books, calls: Sequence[Call], limits: Limits) -> Iterable[str]:
    let_through = {callback.number for callback in books.callbacks if callback.released}
    for _, leg in _customer_legs(calls):
        if leg.to in limits.forbidden - let_through:
            yield f"6: {leg.to} was dialled, and nobody let it through"


def _seldom_enough(calls: Sequence[Call], limits: Limits) -> Iterable[str]:
    vain = Counter(
        (leg.to, leg.created_at.astimezone(BERLIN).date()) for _, leg in _customer_legs(calls) if not leg.bridged
    )
    for (to, day), count in vain.items():
        if count > limits.tries_per_day:
            yield f"7: {to} was rung {count} times in vain on {day}"


def _in_the_window(books: Books, calls: Sequence[Call], limits: Limits) -> Iterable[str]:
    asked = {callback.number for callback in books.callbacks if callback.asked_at_time}
    for order, leg in _customer_legs(calls):
        at = order.created_at.astimezone(BERLIN)
        if leg.to not in asked and (at.weekday() > 4 or not limits.opens <= at.hour < limits.closes):
            yield f"9: {leg.to} was dialled at {at:%a %H:%M}"
