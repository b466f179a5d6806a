"""How `explain` tells who is told of a clock, and when: each step with what is recorded of it. Pure.

Whom a step tells `sla.summons` says; nothing is added here but words.
"""

from collections.abc import Iterator, Sequence
from datetime import tzinfo

from commsd.cli.exact import local
from commsd.core.clock import Clock, State
from commsd.core.interaction import DeliveryState
from commsd.sla.notice.recipient import Way
from commsd.sla.notice.summons import Called, Fate, Summons, Wait

_ARRIVED = (DeliveryState.TAKEN, DeliveryState.SENT)
_IN_NOTICE = {
    DeliveryState.QUEUED: "the notice waits to be sent",
    DeliveryState.SENDING: "the notice is being sent",
    DeliveryState.REFUSED: "the notice was refused",
    DeliveryState.FAILED: "the notice was given up",
    DeliveryState.UNKNOWN: "whether the notice arrived is not known",
    DeliveryState.SUPPRESSED: "the notice was held back",
    DeliveryState.CANCELLED: "the notice was cancelled",
}

_FAILURES = {"no-mailbox": "there is no mailbox to send from"}


def people_lines(value: Clock, told: Sequence[Summons], zone: tzinfo) -> Iterator[str]:
    """Every step that came or will, and whom it tells."""
    shown = [each for each in told if each.fate is not Fate.MOOT]
    moot = [each.rung.key for each in told if each.fate is Fate.MOOT]
    if shown:
        yield "who is told:"
    for each in shown:
        yield from (f"  {line}" for line in _step(value, each, zone))
    if value.state is State.PAUSED:
        yield "while it rests nobody is told"
    elif moot:
        yield f"nobody by {', '.join(moot)}: it ended before"


def _step(value: Clock, each: Summons, zone: tzinfo) -> Iterator[str]:
    """One step, and each it tells on a line of his own."""
    page = ", pages" if each.rung.page else ""
    yield f"{each.rung.key:<6} {local(each.rung.at, zone)}{page}: {_fate(each, zone)}"
    yield from (f"       {_called(value, called, zone)}" for called in each.called)
    if each.vacant and each.called:
        yield f"       in place of {' and '.join(each.rung.tell)}, who is nobody here"
    for name, deputy in each.away:
        yield f"       {name} is away{f', {deputy} stands in' if deputy else ', and nobody stands in'}"


def _fate(each: Summons, zone: tzinfo) -> str:
    match each.fate:
        case Fate.SKIPPED if each.known_at:
            return f"skipped_late: the clock was recorded only {local(each.known_at, zone)}"
        case Fate.SKIPPED if each.instead:
            return f"skipped_late: nobody had looked at the clock when {each.instead} came, which was told instead"
        case Fate.SKIPPED:
            return "skipped_late: it was over before anybody could be told"
        case Fate.OVERTAKEN:
            return f"nobody has looked at the clock since: {each.instead or 'a later step'} will be told instead"
        case Fate.UNSEEN:
            return "nobody: nothing was told by the time it ended"
        case Fate.NOBODY:
            return "nobody, because no address was known"
        case Fate.FORGOTTEN:
            return "told; to whom is not kept"
        case Fate.TOLD:
            return _how_far(each.called)
    if not each.called:
        return "nobody, because no address is known"
    return "now, at the daemon's next look" if each.fate is Fate.NOW else "to come"


def _how_far(called: Sequence[Called]) -> str:
    if all(each.waits for each in called):
        return "waits"
    unsent = [each.notice for each in called if each.notice and each.notice.state not in _ARRIVED]
    return "in a notice that has not arrived" if len(unsent) == len(called) else "told"


def _called(value: Clock, called: Called, zone: tzinfo) -> str:
    place = "a webhook" if called.way is Way.WEBHOOK else called.address
    name = f"{called.name} ({place})" if called.name else place
    if called.state is None:
        return f"{name}, when open: {local(called.at, zone)}" if called.waits else name
    if called.waits:
        return f"{name}, {_wait(called, called.waits, zone)}"
    at = f"{called.at.astimezone(zone):%a %H:%M:%S}"
    if called.state is DeliveryState.CANCELLED:
        return f"{name}, not told: {_no_more(value, called)}, seen {at}"
    if called.state is not DeliveryState.SENT:
        return f"{name}, not told: {_FAILURES.get(called.reason or '', called.reason or called.state.value)}, seen {at}"
    notice = called.notice
    if notice is None or notice.state in _ARRIVED:
        return f"{name} at {at}"
    tried = f", tried {notice.attempts} times" if notice.attempts else ""
    raw = f": {notice.status_raw}" if notice.status_raw else ""
    return f"{name}, put into a notice at {at}; {_IN_NOTICE[notice.state]}{tried}{raw}"


def _wait(called: Called, wait: Wait, zone: tzinfo) -> str:
    at = local(called.at, zone)
    match wait:
        case Wait.HOURS:
            return f"closed until {at}"
        case Wait.SPACING:
            return f"waits until {at}: a notice went to them less than five minutes ago"
        case Wait.CAP:
            return f"waits until {at}: capped, five pages went to them within a minute"
        case Wait.TURN:
            return "waits for the next round of notices"


def _no_more(value: Clock, called: Called) -> str:
    """Why a telling was cancelled; recorded is only that the clock was no more to be told of."""
    if value.stopped_at is not None and value.stopped_at <= called.at:
        return "answered before" if value.state in (State.MET, State.BREACHED) else "cancelled before"
    return "the step did not hold any more"
