"""A plan made for a callback as a decision: it moves the callback only if it is still as it was planned for. Pure."""

from collections.abc import Callable
from datetime import datetime

from commsd.channels.phone.dial.plan import Escalate, Hold
from commsd.channels.phone.dial.settle import MACHINE
from commsd.core import callback as owed
from commsd.core.callback import Callback, State
from commsd.core.change import Change
from commsd.core.event import Event
from commsd.core.open_items import OpenItems

Decide = Callable[[OpenItems], Change]


def look_again(callback: Callback, at: datetime | None) -> Decide:
    """Nothing happens, and it is looked at then."""
    return _still(callback, lambda: owed.looked_at(callback, at))


def to_a_person(callback: Callback, plan: Hold | Escalate, lead: str | None) -> Decide:
    """No machine rings it. lead: whose it is from now on, where another way is to be found."""
    if isinstance(plan, Hold):
        return _still(callback, lambda: owed.held(callback, plan.reason))
    return _still(callback, lambda: owed.escalated(callback, lead))


def lifted(callback: Callback) -> Decide:
    """Nothing holds it any more."""
    return _still(callback, lambda: owed.waiting(callback, owed.Step.RELEASE, held=None))


def given_back(callback: Callback, now: datetime) -> Decide:
    """A claim that ran out."""
    return _still(callback, lambda: owed.passed_on(callback, callback.owner, None, now))


def unsaid(callback: Callback, lead: str | None) -> Decide:
    """Nobody said for a day what came of the talk: that is the lead's to find out."""
    return _still(callback, lambda: owed.escalated(callback, lead))


def _still(callback: Callback, step: Callable[[], Callback]) -> Decide:
    def decide(items: OpenItems) -> Change:
        if items.callback(callback.id) != callback:
            return Change()
        after = step()
        if after.revision == callback.revision:
            return Change(callbacks=(after,))
        event = Event(f"callback.{owed.word_of(after, callback)}", after, items.now, MACHINE)
        return Change(callbacks=(after,), events=(event,))

    return decide


def is_dialled(callback: Callback) -> bool:
    """Whether an attempt of ours is what it waits for."""
    live = callback.live
    under_way = callback.state in (State.DIALLING, State.TALKING) or not callback.open
    return live is not None and live.id is not None and under_way
