"""Counts calls and callbacks as they are decided, for /metrics: telephony.md Q12. What is open is counted in the store.

Counters begin at nought with each process, as Prometheus expects; nothing is decided here.
"""

from commsd.core.callback import Callback, CloseReason
from commsd.core.case import ClockRecord
from commsd.core.change import Change
from commsd.core.event import Event
from commsd.core.interaction import Direction, Interaction, Kind, Outcome
from commsd.core.policy import ClockKind
from commsd.telemetry import Metrics

_TALKED = frozenset({CloseReason.REACHED, CloseReason.DECLINED_BY_CUSTOMER})


class CallMeter:
    """Hears every change that is committed by this process."""

    def __init__(self, metrics: Metrics) -> None:
        self._metrics = metrics

    def hear(self, change: Change) -> None:
        """Count what came to its end with it."""
        for event in change.events:
            thing = event.thing
            if isinstance(thing, Interaction):
                self._call(event, thing)
            elif isinstance(thing, Callback) and event.type == "callback.closed":
                self._closed(thing)
            elif isinstance(thing, ClockRecord):
                self._clock(event, thing)

    def _call(self, event: Event, fact: Interaction) -> None:
        """A verdict counts once: later proof makes another revision, which is an update."""
        if (
            event.type != "interaction.recorded"
            or fact.kind is not Kind.CALL
            or fact.direction is not Direction.INBOUND
        ):
            return
        outcome = "answered" if fact.outcome is Outcome.REACHED else str(fact.outcome)
        reason = fact.reason or "" if fact.outcome is Outcome.MISSED else ""
        self._metrics.calls.labels(line=fact.line or "", outcome=outcome, reason=reason.partition(":")[0]).inc()

    def _closed(self, callback: Callback) -> None:
        metrics, attempts = self._metrics, callback.attempts
        metrics.callbacks_closed.labels(str(callback.close_reason)).inc()
        if attempts:
            metrics.callback_first_try.observe(max((attempts[0].at - callback.opened_at).total_seconds(), 0))
        if callback.close_reason in _TALKED and callback.closed_at:
            metrics.callback_reached.observe(max((callback.closed_at - callback.opened_at).total_seconds(), 0))
            metrics.callback_tries.observe(len(attempts))

    def _clock(self, event: Event, record: ClockRecord) -> None:
        if record.value.clock is ClockKind.CALLBACK and event.type in ("clock.met", "clock.breached"):
            self._metrics.callback_clocks.labels(event.type.removeprefix("clock.")).inc()
