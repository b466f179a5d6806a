"""Webhooks of a call + OpenItems -> Change: the answer to the caller, the call's interaction, timer and verdict. Pure.

A decision may find that it hangs on more than its keys named (a number typed on the keys, the caller's where a webhook
does not carry it): then it changes nothing and says in `MoreKeys` what it needs.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from commsd.channels.phone.call import fold, is_fallback, must_ask, timer_at, verdict
from commsd.channels.phone.promise import clock_of, promised
from commsd.channels.phone.scene import document
from commsd.channels.phone.seen import House, Seen
from commsd.channels.phone.step import Step
from commsd.core import key
from commsd.core.callback import Callback, State, with_number
from commsd.core.change import Answer, CallTimer, Change, change_of, with_promise
from commsd.core.event import Event
from commsd.core.fact import replace
from commsd.core.interaction import Interaction, Outcome
from commsd.core.open_items import OpenItems

UNKNOWN_LINE = ""
"""In timers, where a call came to a number that no line has."""


@dataclass(frozen=True, slots=True)
class MoreKeys:
    """The result of a decision that must be taken again under these keys."""

    keys: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AskTwilio:
    """The result of a decision that waits for what Twilio's REST API says of this call."""

    call_sid: str


def keys_of(call_sid: str, fields: Mapping[str, str]) -> tuple[str, ...]:
    """All that a webhook names. A whisper's From is not the caller's, so it names the call alone."""
    own = fields.get("CallSid") == call_sid and fields.get("Direction", "inbound") == "inbound"
    return (key.of_call(call_sid), *key.of_addresses(fields.get("From") if own else None))


def answer(
    call_sid: str, step: Step, fields: Mapping[str, str], items: OpenItems, house: House, keys: tuple[str, ...]
) -> Change:
    """The TwiML for one step, in `result`, and all that its webhook changes. Asked again, it gives the same bytes.

    None in `result` where Twilio could not use those and asks for others: the static words fit then.
    """
    state = fold(call_sid, items.webhooks, items.answered)
    if state is None:
        raise LookupError("the webhook to answer is not in the journal")
    seen = Seen(state, house, items)
    if missing := seen.missing(keys):
        return Change(result=MoreKeys(missing))
    body = items.answered.get(str(step))
    answers: tuple[Answer, ...] = ()
    if body is None:
        body = document(seen, step, fields)
        answers = (Answer(call_sid=call_sid, step=str(step), body=body),)
        seen = seen.after({**items.answered, str(step): body})
    unusable = not answers and is_fallback(fields)
    return replace(settled(seen), answers=answers, result=None if unusable else body)


def settle(call_sid: str, items: OpenItems, house: House, keys: tuple[str, ...], *, may_ask: bool = False) -> Change:
    """What a telling webhook or the passing of time changes. may_ask: Twilio can be asked before a doubtful verdict."""
    state = fold(call_sid, items.webhooks, items.answered)
    if state is None:
        return Change(timers=(CallTimer(call_sid=call_sid, line=UNKNOWN_LINE, at=None),))
    seen = Seen(state, house, items)
    if missing := seen.missing(keys):
        return Change(result=MoreKeys(missing))
    if may_ask and must_ask(state) and items.now >= timer_at(state):
        return Change(result=AskTwilio(call_sid))
    return settled(seen)


def set_aside(call_sid: str, items: OpenItems, pause: timedelta) -> Change:
    """What is recorded where a decision failed: the call is looked at again, so that it is not lost."""
    return Change(timers=(CallTimer(call_sid=call_sid, line=UNKNOWN_LINE, at=items.now + pause),))


def settled(seen: Seen) -> Change:
    """The interaction's next revision if there is one, its consequences, and the timer."""
    consumed = tuple(entry.id for entry in seen.items.webhooks)
    line = seen.line.name if seen.line else UNKNOWN_LINE
    if seen.colleague and seen.known is None:
        return Change(timers=(CallTimer(call_sid=seen.state.sid, line=line, at=None),), consumed=consumed)
    found = verdict(seen.state, seen.items.now)
    at = timer_at(seen.state) if found is None else None
    timer = CallTimer(call_sid=seen.state.sid, line=line, at=at)
    return _recorded(seen, found) + Change(timers=(timer,), consumed=consumed)


def _recorded(seen: Seen, found: Outcome | None) -> Change:
    if found is None:
        return Change() if seen.known else Change(interactions=(seen.fact(Outcome.PENDING),))
    fact = seen.fact(found)
    if seen.known is None or seen.known.outcome is not found:
        return _with_consequences(seen, fact)
    if replace(fact, revision=seen.known.revision, recorded_at=seen.known.recorded_at) == seen.known:
        return Change()
    return Change(interactions=(fact,), events=(Event("interaction.updated", fact, seen.items.now, "machine"),))


def _with_consequences(seen: Seen, fact: Interaction) -> Change:
    change = change_of(fact, seen.items, seen.house.terms)
    callback = next((callback for callback in change.callbacks if callback.open), None)
    if fact.outcome is not Outcome.MISSED or callback is None:
        return change
    told = promised(callback, change, seen.items, seen.house, seen.typed) if seen.state.offered else None
    record = clock_of(callback, change, seen.items)
    if told and record and record.promised_at is None and record in change.clocks:
        change = with_promise(change, record, told.at)
    return _to_typed_number(seen, change, callback)


def _to_typed_number(seen: Seen, change: Change, callback: Callback) -> Change:
    """The callback goes to the number given on the keys, unless one is owed there already."""
    if seen.typed is None or seen.typed.e164 == callback.number:
        return change
    others = (c for c in seen.items.callbacks if c.id != callback.id and c.open and c.line == callback.line)
    if callback.state not in (State.WAITING, State.NEEDS_NUMBER) or seen.typed.e164 in {c.number for c in others}:
        return change
    given = replace(with_number(callback, seen.typed.e164), revision=callback.revision)
    return replace(
        change,
        callbacks=tuple(given if known.id == given.id else known for known in change.callbacks),
        events=tuple(replace(e, thing=given) if e.thing is callback else e for e in change.events),
    )
