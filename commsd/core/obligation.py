"""What a case owes, and when that began and ended: a fold of its touches, one obligation for each clock.

Knows no hours and no due times: those stand in clock.py. Rules are asked only for the options that decide how a clock
starts and stops; they are fixed at its start. Obligations are kept also where the policy has no such clock, so that one
which gets it later finds it, from its original start; only what no policy at all has is left out.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from operator import attrgetter

from commsd.core.policy import ClockKind, Target
from commsd.core.touch import Facts, Touch, TouchKind

_TIME = attrgetter("time")

Options = Callable[[ClockKind, Facts, datetime], Target]

_ANSWERED = (ClockKind.ACK, ClockKind.FIRST_RESPONSE, ClockKind.NEXT_RESPONSE)
_CANCELLED_BY_CLOSE = (
    ClockKind.ACK,
    ClockKind.FIRST_RESPONSE,
    ClockKind.NEXT_RESPONSE,
    ClockKind.CALLBACK,
    ClockKind.UPDATE,
)


@dataclass(slots=True)
class Hold:
    """A case on hold, from `since` until `until`; None: still."""

    reason: str | None
    since: datetime
    until: datetime | None = None


@dataclass(slots=True)
class Obligation:
    """One thing owed.

    facts: of the customer's touch it goes back to. options: as they were at its start. due: of a promise.
    ended_at, ended_by: the stop or the cancellation; reason: None for a stop, else why it was cancelled.
    wiped: void_case or merged; then nothing of it counts. closed: when the case was closed, for one that went on later.
    """

    kind: ClockKind
    n: int
    opened_by: str
    started_at: datetime
    facts: Facts
    options: Target
    due: datetime | None = None
    via: str = "any"
    ended_at: datetime | None = None
    ended_by: str | None = None
    reason: str | None = None
    wiped: str | None = None
    closed: list[tuple[datetime, datetime]] = field(default_factory=list)

    def end(self, at: datetime, by: str, reason: str | None = None) -> None:
        """Stopped, or cancelled if there is a reason."""
        self.ended_at, self.ended_by, self.reason = at, by, reason


@dataclass(slots=True)
class _OwedCall:
    """A callback that is owed. missed: its first missed call. tries: our calls in vain since."""

    missed: Touch
    tries: list[Touch] = field(default_factory=list)


def in_force(touches: Iterable[Touch], now: datetime) -> list[Touch]:
    """The touches that exist at `now`, in order of time, without those taken back and without the voids."""
    known = sorted([touch for touch in touches if touch.time <= now], key=_TIME)
    voids = [touch for touch in reversed(known) if touch.kind is TouchKind.VOID]
    if not voids:
        return known
    gone = _taken_back(voids)
    return [
        touch
        for touch in known
        if touch.kind is not TouchKind.VOID and touch.id not in gone and not (touch.by_rule and touch.touch in gone)
    ]


def _taken_back(voids: list[Touch]) -> set[str | None]:
    """What the voids take back, themselves included: one that was taken back takes nothing back."""
    gone: set[str | None] = set()
    while voids:
        targets = {void.touch for void in voids}
        void = next((each for each in voids if each.id not in targets), voids[0])  # in a circle the latest counts
        voids.remove(void)
        if void.id not in gone:
            gone.add(void.touch)
    return gone


def obligations(
    touches: Iterable[Touch], options: Options, kinds: Collection[ClockKind] = frozenset(ClockKind)
) -> "Book":
    """All of these kinds that the touches (as `in_force` gives them) make us owe."""
    book = Book(options, kinds)
    for touch in touches:
        book.take(touch)
    return book


class Book:
    """The case while its touches go by. Read `owed` and `holds` at the end."""

    def __init__(self, options: Options, kinds: Collection[ClockKind]) -> None:
        self.owed: list[Obligation] = []
        self.holds: list[Hold] = []
        self._options = options
        self._updates = ClockKind.UPDATE in kinds
        self._resolves = ClockKind.RESOLUTION in kinds
        self._running: dict[ClockKind, Obligation] = {}
        self._promises: dict[str, Obligation] = {}
        self._calls: dict[str, _OwedCall] = {}
        self._counts: dict[ClockKind, int] = {}
        self._resolution: Obligation | None = None
        self._customer: Facts = {}
        self._hold: Hold | None = None
        self._closed = False
        self._spoken = False
        self._answered = False
        self._merged = False

    def take(self, touch: Touch) -> None:
        """One touch, in order of time. A case that went into another hears nothing more."""
        handler = _HANDLERS.get(touch.kind)
        if handler is not None and not self._merged:
            handler(self, touch)

    def _written(self, touch: Touch) -> None:
        if touch.auto:
            return
        self._customer_speaks(touch)
        if self._answered:
            self._start_once(ClockKind.NEXT_RESPONSE, touch)

    def _sent(self, touch: Touch) -> None:
        ack = self._running.get(ClockKind.ACK)
        if touch.auto:
            if ack is not None and ack.options.by == "any":
                self._stop(ClockKind.ACK, touch)
        elif touch.partial:
            self._stop(ClockKind.ACK, touch)
            self._update(touch)
        else:
            self._human_answer(touch)

    def _talked(self, touch: Touch) -> None:
        if touch.direction == "in":
            self._customer_speaks(touch)
        self._human_answer(touch)

    def _customer_speaks(self, touch: Touch) -> None:
        self._customer = touch.facts
        if self._closed:
            self._reopened(touch)
        if self._hold is not None and self._hold.reason == "customer":
            self._released(touch)
        if not self._answered and ClockKind.FIRST_RESPONSE not in self._running:
            self._start(ClockKind.FIRST_RESPONSE, touch)
            if not touch.observed:
                self._start_once(ClockKind.ACK, touch)
        if self._updates:
            self._start_once(ClockKind.UPDATE, touch)
        if self._resolves and not self._spoken:
            self._resolution = self._start(ClockKind.RESOLUTION, touch)
        self._spoken = True

    def _human_answer(self, touch: Touch) -> None:
        self._answered = True
        for kind in _ANSWERED:
            self._stop(kind, touch)
        callback = self._running.get(ClockKind.CALLBACK)
        if callback is not None and (touch.kind is TouchKind.TALK or callback.options.stop_on == "any_reply"):
            self._called_back(self._calls_of(touch), touch)
        for name, promise in list(self._promises.items()):
            told = touch.kind is TouchKind.TALK or promise.via != "call"
            if promise.ended_at is None and told and (not touch.keeps or name in touch.keeps):
                promise.end(touch.time, touch.id)
        self._update(touch)

    def _update(self, touch: Touch) -> None:
        if not self._updates:
            return
        self._stop(ClockKind.UPDATE, touch)
        if self._spoken and not self._closed:
            self._start(ClockKind.UPDATE, touch)

    def _missed(self, touch: Touch) -> None:
        self._customer = touch.facts
        self._calls.setdefault(touch.callbacks[0] if touch.callbacks else "", _OwedCall(touch))
        self._next_call()

    def _attempted(self, touch: Touch) -> None:
        done = []
        for call in self._calls_of(touch)[:1]:
            tries, running = self._calls[call].tries, self._running[ClockKind.CALLBACK]
            tries.append(touch)
            if self._is_next(call) and len(tries) == running.options.met_after_attempts:
                done.append(call)
        self._called_back(done, touch)

    def _callback_closed(self, touch: Touch) -> None:
        self._called_back(self._calls_of(touch), touch, "callback_closed")

    def _calls_of(self, touch: Touch) -> list[str]:
        """Which of the calls that are owed it is about: all of them where nobody said.

        A customer who rang from elsewhere and was answered closed none that we know by name: those stay owed.
        """
        any_of_them = not touch.callbacks and not touch.from_elsewhere
        return [call for call in self._calls if not call or any_of_them or call in touch.callbacks]

    def _called_back(self, calls: Iterable[str], touch: Touch, reason: str | None = None) -> None:
        """These calls are owed no longer. The clock ends with the call it ran for; those that are left keep theirs."""
        for call in calls:
            if self._is_next(call):
                self._stop(ClockKind.CALLBACK, touch, reason)
            del self._calls[call]
        self._next_call()

    def _next_call(self) -> None:
        """One clock runs at a time: that of the call which has been owed for longest, from its own missed call on."""
        while self._calls and ClockKind.CALLBACK not in self._running:
            call, owed = next(iter(self._calls.items()))
            enough = self._start(ClockKind.CALLBACK, owed.missed, owed.missed.facts).options.met_after_attempts
            if enough and len(owed.tries) >= enough:
                self._stop(ClockKind.CALLBACK, owed.tries[enough - 1])
                del self._calls[call]

    def _is_next(self, call: str) -> bool:
        return call == next(iter(self._calls))

    def _promised(self, touch: Touch) -> None:
        former = self._promises.get(touch.replaces) if touch.replaces else None
        if former is not None and former.ended_at is None:
            former.end(touch.time, touch.id, "replaced")
        name = touch.promise or touch.id
        if touch.due is not None and name not in self._promises:
            promise = self._start(ClockKind.PROMISE, touch)
            promise.due, promise.via = touch.due, touch.via
            self._promises[name] = promise

    def _held(self, touch: Touch) -> None:
        if not self._closed:
            self._released(touch)
            self._hold = Hold(touch.reason, touch.time)
            self.holds.append(self._hold)

    def _released(self, touch: Touch) -> None:
        if self._hold is not None:
            self._hold.until = touch.time
            self._hold = None

    def _close(self, touch: Touch) -> None:
        self._released(touch)
        self._calls.clear()
        for kind in _CANCELLED_BY_CLOSE:
            self._stop(kind, touch, "closed")
        self._stop(ClockKind.RESOLUTION, touch)
        self._closed = True
        if touch.void_case:
            self._wipe(touch, "void_case")

    def _reopen(self, touch: Touch) -> None:
        if self._closed:
            self._reopened(touch)

    def _reopened(self, touch: Touch) -> None:
        self._closed = False
        resolution = self._resolution
        if resolution is None:
            return
        if resolution.options.reopen == "new":
            self._resolution = self._start(ClockKind.RESOLUTION, touch)
        elif resolution.wiped is None and resolution.ended_at is not None:
            resolution.closed.append((resolution.ended_at, touch.time))
            resolution.ended_at = resolution.ended_by = None
            self._running[ClockKind.RESOLUTION] = resolution

    def _merge(self, touch: Touch) -> None:
        self._released(touch)
        self._wipe(touch, "merged")
        self._merged = True

    def _wipe(self, touch: Touch, reason: str) -> None:
        for owed in self.owed:
            if owed.ended_at is None:
                owed.end(touch.time, touch.id, reason)
            owed.wiped = owed.wiped or reason
        self._running.clear()
        self._calls.clear()

    def _start_once(self, kind: ClockKind, touch: Touch) -> None:
        if kind not in self._running:
            self._start(kind, touch)

    def _start(self, kind: ClockKind, touch: Touch, facts: Facts | None = None) -> Obligation:
        n = self._counts[kind] = self._counts.get(kind, 0) + 1
        facts = self._customer if facts is None else facts
        options = self._options(kind, facts, touch.time)
        started = Obligation(kind, n, touch.id, touch.time, facts, options)
        self.owed.append(started)
        if kind is not ClockKind.PROMISE:
            self._running[kind] = started
        return started

    def _stop(self, kind: ClockKind, touch: Touch, reason: str | None = None) -> None:
        running = self._running.pop(kind, None)
        if running is not None:
            running.end(touch.time, touch.id, reason)


_HANDLERS: Mapping[TouchKind, Callable[[Book, Touch], None]] = {
    TouchKind.IN: Book._written,
    TouchKind.OUT: Book._sent,
    TouchKind.TALK: Book._talked,
    TouchKind.MISSED: Book._missed,
    TouchKind.ATTEMPT: Book._attempted,
    TouchKind.HOLD: Book._held,
    TouchKind.RELEASE: Book._released,
    TouchKind.CLOSE: Book._close,
    TouchKind.REOPEN: Book._reopen,
    TouchKind.PROMISE: Book._promised,
    TouchKind.MERGED: Book._merge,
    TouchKind.CALLBACK_CLOSED: Book._callback_closed,
}
