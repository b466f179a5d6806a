"""What the webhooks of an attempt, or the passing of time, change: the callback, the attempt's interaction. Pure.

The attempt is a fold (attempt.py); asked twice, a decision gives the same. Which callback is begun, and when one that
was tried in vain is looked at again, stands in plan.py.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal

from commsd.channels.phone.dial.attempt import AT_FAULT, NEVER_PLACED, AttemptState, Ended, Order, ended, must_ask
from commsd.channels.phone.dial.call_order import CallOrder
from commsd.channels.phone.dial.placed import (
    QUEUED,
    SEARCH_AFTER,
    Placed,
    looks_at,
    pending,
    with_sids,
)
from commsd.channels.phone.dial.scene import document
from commsd.channels.phone.dial.step import RESULT_KEYS, Step, journal_name
from commsd.channels.phone.line import Callbacks
from commsd.channels.phone.seen import House
from commsd.core import callback as owed
from commsd.core.agent import Agent
from commsd.core.callback import Attempt, Callback, State
from commsd.core.change import Answer, Change, change_of
from commsd.core.entry import OUTCOME, Hand, Result, Said, callback_due, said_detail
from commsd.core.event import Event
from commsd.core.fact import replace
from commsd.core.interaction import Outcome
from commsd.core.open_items import OpenItems
from commsd.core.price import Spending, mended, money

AGREED = timedelta(hours=2)
"""When a call agreed on by key is due, where no policy says it."""

MACHINE = "machine"


@dataclass(frozen=True, slots=True)
class Look:
    """The result of a decision that waits for what Twilio's REST API says of this call."""

    call_sid: str


@dataclass(frozen=True, slots=True)
class Search:
    """The result of a decision that waits for what Twilio's list of calls says."""

    order: CallOrder


@dataclass(frozen=True, slots=True)
class TakeBack:
    """The result of a decision by which this call is to be ended, because it waits too long in Twilio's queue."""

    call_sid: str


@dataclass(frozen=True, slots=True)
class LetGo:
    """The result of a decision by which this call is to be ended: it is owed no longer, and nobody talks yet."""

    call_sid: str


def begun(
    callback: Callback, agent: Agent, house: House, items: OpenItems, *, thought: Spending | None = None
) -> Change:
    """The attempt, committed before anything is tried; the order of its call in `result`, None where it may not be.

    callback: as the plan was made for; where it has moved on since, nothing is begun. thought: what it is booked with.
    """
    now_known = items.callback(callback.id)
    line = house.lines.get(callback.line or "")
    if now_known != callback or line is None or agent.phone is None or callback.live is not None:
        return Change()
    booked = money(thought.amount, thought.currency) if thought else None
    attempt = Attempt(at=items.now, by=agent.id, result=None, id=items.new_id(), thought=booked)
    after = owed.dialled(callback, attempt, items.now + SEARCH_AFTER)
    placed = Placed(after, attempt, house, Callbacks(), replace(items, webhooks=(), answered={}))
    fact = replace(pending(after, attempt, line, agent, items), revision=1)
    return Change(
        interactions=(fact,),
        callbacks=(after,),
        events=(Event("callback.attempted", after, items.now, MACHINE),),
        spending=(thought,) if thought else (),
        result=placed.order(),
    )


def answer(
    callback_id: str, attempt_id: str, step: Step, fields: Mapping[str, str], items: OpenItems, desk: "Desk"
) -> Change:
    """The TwiML for one step, in `result`, and all that its webhook changes. Asked again, it gives the same bytes."""
    placed = _placed(callback_id, attempt_id, items, desk)
    body = items.answered.get(str(step))
    if placed is None or (errand := placed.errand) is None:
        return Change(consumed=_all(items))
    answers: tuple[Answer, ...] = ()
    if body is None:
        body = document(replace(errand, detects=desk.machine_detection), step, fields, placed.state, items.now)
        answers = (Answer(call_sid=journal_name(attempt_id), step=str(step), body=body),)
        items = replace(items, answered={**items.answered, str(step): body})
        placed = Placed(placed.callback, placed.attempt, desk.house, desk.rules, items)
    return replace(settled(placed), answers=answers, result=body)


def settle(callback_id: str, attempt_id: str, items: OpenItems, desk: "Desk", *, may_ask: bool = False) -> Change:
    """What a telling webhook or the passing of time changes. may_ask: Twilio can be asked where it is doubtful."""
    placed = _placed(callback_id, attempt_id, items, desk)
    if placed is None:
        return Change(consumed=_all(items))
    if may_ask and placed.attempt.result is None and (question := _question(placed, desk.began_at)):
        return Change(result=question)
    return settled(placed)


@dataclass(frozen=True, slots=True, kw_only=True)
class Desk:
    """What attempts are settled with. began_at: when this process did; what it did not see itself it asks for (R1).

    machine_detection: Twilio is to listen whether a machine answers the customer's leg.
    """

    house: House
    rules: Callbacks
    began_at: datetime | None = None
    machine_detection: bool = False


def _placed(callback_id: str, attempt_id: str, items: OpenItems, desk: Desk) -> Placed | None:
    callback = items.callback(callback_id)
    attempt = next((each for each in callback.attempts if each.id == attempt_id), None) if callback else None
    if callback is None or attempt is None:
        return None
    return Placed(callback, attempt, desk.house, desk.rules, items)


def _all(items: OpenItems) -> tuple[int, ...]:
    return tuple(entry.id for entry in items.webhooks)


def _question(placed: Placed, began_at: datetime | None) -> Look | Search | TakeBack | LetGo | None:
    """What to ask Twilio, where the time for it has come."""
    state, now, at = placed.state, placed.items.now, placed.attempt.at
    if placed.callback.state is State.CONFIRM:
        return None
    unseen = began_at is not None and max(filter(None, (at, state.last_at, state.asked_at))) < began_at
    if state.order in (None, Order.UNKNOWN):
        order = placed.order()
        return Search(order) if order and (unseen or now >= at + SEARCH_AFTER) else None
    sid = state.agent.sid
    if sid is None or (ended(state, now) is not None and not must_ask(state, now)):
        return None
    if not placed.callback.open and not state.bridged and not state.agent.over:
        return LetGo(sid)
    if _waits_too_long(state, now - at):
        return TakeBack(sid)
    return Look(sid) if unseen or now >= looks_at(state, at) else None


def _waits_too_long(state: AttemptState, so_long: timedelta) -> bool:
    """Whether its call stands in Twilio's queue, and rings at a time that nobody has planned."""
    if state.last_at is not None or state.agent.over:
        return False
    return state.queued > QUEUED or (state.agent.status == "queued" and state.asked > 0 and so_long > QUEUED)


def settled(placed: Placed) -> Change:
    """The callback's and the interaction's next revision, if there is one."""
    return _billed(placed, _hinted(placed, _told(placed)))


def _hinted(placed: Placed, change: Change) -> Change:
    """The change, and beside it a hint that came after the attempt was told of: it adds to the log, moves nothing."""
    fact = placed.hinted()
    if fact is None or any(each.id == fact.id for each in change.interactions):
        return change
    event = Event("interaction.updated", fact, placed.items.now, MACHINE)
    return change + Change(interactions=(fact,), events=(event,))


def _billed(placed: Placed, change: Change) -> Change:
    """The change, and beside it what the call cost, in place of what was booked for it."""
    price, attempt, now = _price(placed), placed.attempt, placed.items.now
    if price is None or attempt.cost == price:
        return change
    here = next((each for each in reversed(change.callbacks) if each.id == placed.callback.id), placed.callback)
    known = next(each for each in here.attempts if each.id == attempt.id)
    after = owed.with_attempt(here, replace(known, cost=price))
    right = mended(attempt.cost or attempt.thought, price, attempt.at.date())
    event = Event("callback.updated", after, now, MACHINE)
    return change + Change(callbacks=(after,), events=(event,), spending=(right,) if right else ())


def _price(placed: Placed) -> str | None:
    """What the call cost, as far as it is known: nothing, where there was none."""
    state, thought = placed.state, placed.attempt.thought
    if state.price is None and thought is not None and state.order in NEVER_PLACED:
        return money(Decimal(0), thought.split()[1])
    return state.price


def _told(placed: Placed) -> Change:
    consumed = Change(consumed=_all(placed.items))
    how = ended(placed.state, placed.items.now)
    if not placed.live:
        return consumed + _afterwards(placed, how)
    if placed.callback.state is State.CONFIRM:
        return consumed + _result(placed, placed.items, placed.callback)
    if how is None:
        return consumed + _under_way(placed)
    return consumed + (_talked(placed) if how is Ended.BRIDGED else _in_vain(placed, how))


def _under_way(placed: Placed) -> Change:
    """It lives: what is known of its legs, and when we ask if nothing is heard."""
    state, callback, attempt = placed.state, placed.callback, with_sids(placed)
    look = looks_at(state, attempt.at)
    if state.bridged and callback.state is State.DIALLING:
        known = replace(callback, attempts=(*callback.attempts[:-1], attempt))
        return _moved(owed.bridged(known, look, state.customer.sid), placed)
    if attempt != placed.attempt:
        return _moved(owed.looked_at(owed.with_attempt(callback, attempt), look), placed)
    return Change(callbacks=(owed.looked_at(callback, look),)) if look != callback.look_at else Change()


def _talked(placed: Placed) -> Change:
    """The two were joined and the talk is over: what came of it, our person says."""
    callback, now = placed.callback, placed.items.now
    attempt = replace(with_sids(placed), bridged=True)
    known = replace(callback, attempts=(*callback.attempts[:-1], attempt))
    return _to_confirm(owed.ended(known, now, now + placed.rules.confirm), placed)


def _proven(placed: Placed) -> Change:
    """It had gone back into the line, and a late word says that the two were joined: no next try before the result."""
    now = placed.items.now
    return _to_confirm(owed.proven(placed.callback, with_sids(placed), now, now + placed.rules.confirm), placed)


def _to_confirm(after: Callback, placed: Placed) -> Change:
    items = placed.items
    if placed.state.digits in RESULT_KEYS:
        return _result(placed, items, after)
    told = change_of(placed.fact(Outcome.REACHED), _after(items, after), placed.house.terms)
    return _moved(after, placed) + told


def _result(placed: Placed, items: OpenItems, callback: Callback) -> Change:
    """What our person said on the keys."""
    word = RESULT_KEYS.get(placed.state.digits or "")
    if word is None:
        return Change()
    terms, file, agent = placed.house.terms, items.files.get(callback.case_id), placed.agent
    result = Result(word)
    agreed = callback_due(file, items.now, terms) or items.now + AGREED
    said = Said(result=result, due=agreed if result is Result.CALL_AGAIN else None)
    detail = said_detail(said, items, terms, file, callback_id=callback.id)
    fact = replace(placed.fact(OUTCOME[result]), detail=detail)
    hand = Hand(by=agent.id if agent else MACHINE)
    return change_of(fact, _after(items, callback), terms, by=hand.by)


def _in_vain(placed: Placed, how: Ended) -> Change:
    """Nobody was reached: the callback goes back into the line, or to a person where no machine can help."""
    callback, items = placed.callback, placed.items
    known = replace(callback, attempts=(*callback.attempts[:-1], with_sids(placed)))
    told = change_of(placed.fact(_OUTCOME.get(how, Outcome.CANCELLED)), _after(items, known), placed.house.terms)
    after = next((each for each in told.callbacks if each.id == callback.id), None)
    if after is None or after.state is not State.WAITING or not beyond_machine(placed.state):
        return told
    over = owed.escalated(after)
    return told + Change(callbacks=(over,), events=(Event("callback.escalated", over, items.now, MACHINE),))


def _afterwards(placed: Placed, how: Ended | None) -> Change:
    """The callback has gone its way: what is learned of the attempt adds to the log and moves nothing."""
    if how is None:
        return Change()
    change, callback, items = Change(), placed.callback, placed.items
    if how is Ended.BRIDGED and _waits_after_it(placed):
        return _proven(placed)
    if placed.attempt.result is None:
        over = replace(callback, attempts=(*callback.attempts[:-1], with_sids(placed)))
        ended_so = how is Ended.BRIDGED
        over = owed.ended(over, items.now, items.now) if ended_so else owed.tried(over, how.value, items.now)
        change = _moved(over, placed)
    known, outcome = placed.known, Outcome.REACHED if how is Ended.BRIDGED else _OUTCOME.get(how, Outcome.CANCELLED)
    if known is None or known.detail.result is not None or known.outcome in (outcome, Outcome.REACHED):
        return change
    fact = placed.fact(outcome)
    if callback.open:  # it is somewhere else by now, and this must not move it
        return change + Change(interactions=(fact,), events=(Event("interaction.updated", fact, items.now, MACHINE),))
    return change + change_of(fact, items, placed.house.terms)


def _waits_after_it(placed: Placed) -> bool:
    """Whether it waits for a next try, or a person, because this one seemed in vain, to the machine alone."""
    callback, attempt, known = placed.callback, placed.attempt, placed.known
    said = known is not None and known.detail.result is not None
    last = callback.state in (State.WAITING, State.ESCALATED) and callback.attempts[-1] == attempt
    return last and not said and attempt.result in set(Ended)


_OUTCOME: Mapping[Ended, Outcome] = {
    Ended.BUSY: Outcome.NOT_REACHED,
    Ended.NO_ANSWER: Outcome.NOT_REACHED,
    Ended.TECHNICAL: Outcome.FAILED,
}
"""What the attempt was for the customer; of all others he knows nothing."""


def beyond_machine(state: AttemptState) -> str | None:
    """Why a person must see to it: the customer's number is at fault, or there may be two calls. None: no need."""
    if state.order is Order.AMBIGUOUS:
        return "ambiguous"
    return f"number:{state.fault}" if state.fault in AT_FAULT else None


def _after(items: OpenItems, callback: Callback) -> OpenItems:
    """The open items with the callback as it is by now."""
    return replace(items, callbacks=tuple(callback if each.id == callback.id else each for each in items.callbacks))


def _moved(callback: Callback, placed: Placed) -> Change:
    word = owed.word_of(callback, placed.callback)
    return Change(callbacks=(callback,), events=(Event(f"callback.{word}", callback, placed.items.now, MACHINE),))
