"""What an interaction does to owed calls: it opens, joins, moves or closes them; and what is left if it never was.

Pure. The steps themselves are `core.callback`'s.
"""

from collections.abc import Callable
from datetime import datetime
from typing import Any

from commsd.core.callback import (
    NEXT,
    REOPENS,
    UNSAID,
    Attempt,
    Callback,
    CloseReason,
    State,
    Step,
    changed,
    closed,
    ready_at,
    waiting,
    with_number,
)
from commsd.core.contact import Contact, phone_identity
from commsd.core.fact import replace
from commsd.core.interaction import DECLINED, Actor, Direction, Interaction, Kind, Outcome, Role
from commsd.core.late_miss import TALKED, was_made_after
from commsd.core.late_miss import number_of as customers_number
from commsd.core.screen import UNWANTED
from commsd.errors import IllegalStep


def callbacks_after(
    fact: Interaction,
    case_id: str,
    owner: str | None,
    contact: Contact | None,
    callbacks: tuple[Callback, ...],
    now: datetime,
    new_id: Callable[[], str],
    talk: Interaction | None = None,
    known: tuple[Interaction, ...] = (),
) -> tuple[Callback, ...]:
    """The callbacks this interaction opens, moves or closes; those it leaves alone are not in it.

    talk: a later call of its customer that was answered (`later_talk`), where its verdict comes that late.
    known: interactions of the case.
    """
    if fact.detail.callback_id is not None:
        if _says_nothing(fact):
            return ()
        return tuple(_settled(c, fact, now) for c in callbacks if c.id == fact.detail.callback_id and c.open)
    if fact.kind is Kind.CLOSE:
        owed = [c for c in callbacks if c.open and c.case_id == case_id]
        return tuple(closed(c, CloseReason.CLOSED_BY_HUMAN, now, fact.id) for c in owed)
    blocked = contact is not None and contact.blocked
    if fact.detail.asks_call and fact.actor is Actor.CUSTOMER and not blocked:
        return (_asked(fact, case_id, owner, contact, callbacks, now, new_id),)
    if fact.kind is Kind.MEETING and fact.outcome is Outcome.REACHED:
        return _met(fact, case_id, callbacks, now)
    if fact.kind is not Kind.CALL or fact.direction is not Direction.INBOUND:
        return ()
    if fact.outcome is Outcome.REACHED:
        number = customers_number(fact)
        same = [c for c in callbacks if c.open and (fact.id in c.misses or (number and c.number == number))]
        return tuple(filter(None, (_got_through(callback, fact, now, known) for callback in same)))
    if fact.outcome is Outcome.MISSED and not blocked:
        return (_missed(fact, case_id, owner, callbacks, now, new_id, talk, known),)
    return ()


def _met(fact: Interaction, case_id: str, callbacks: tuple[Callback, ...], now: datetime) -> tuple[Callback, ...]:
    """What is owed of this case after one of us met the customer, which ends the clocks of its calls; or moves it."""
    theirs = [callback for callback in callbacks if callback.open and callback.case_id == case_id]
    owed = [callback for callback in theirs if callback.live is None and last_rang(callback) <= fact.occurred_at]
    promise = fact.detail.promise
    if promise is None or promise.via != "call":
        return tuple(closed(callback, CloseReason.ANSWERED_OTHER_CHANNEL, now, fact.id) for callback in owed)
    return tuple(
        waiting(callback, Step.CALL_LATER, due_at=promise.due_at, asked_at_time=True)
        for callback in owed
        if (callback.state, Step.CALL_LATER) in NEXT
    )


def last_rang(callback: Callback) -> datetime:
    """When the customer last asked for the call; what answered him before that is no answer to it."""
    return max(callback.opened_at, callback.rang_at or callback.opened_at)


def _missed(
    fact: Interaction,
    case_id: str,
    owner: str | None,
    callbacks: tuple[Callback, ...],
    now: datetime,
    new_id: Callable[[], str],
    talk: Interaction | None,
    known: tuple[Interaction, ...],
) -> Callback:
    """The call owed after a miss; or what answered it: our call after it before all, with what was agreed there."""
    number, rang_at = customers_number(fact), min(fact.occurred_at, now)
    same = [c for c in callbacks if number and (c.line, c.number) == (fact.line, number)]
    owed = next((c for c in same if c.open), None)
    ended = [c for c in same if c.closed_at and c.close_reason is not CloseReason.MERGED]
    last = max(ended, key=lambda c: (c.closed_at or now, c.id), default=None)
    if answered := next((c for c in (owed, last) if c and was_made_after(fact, c)), None):
        return changed(answered, misses=_with(answered.misses, fact.id), opened_at=min(answered.opened_at, rang_at))
    if owed:
        missed = _rung_again(owed, fact.id, rang_at)
    elif last and last.closed_at and now - last.closed_at <= REOPENS:
        misses = _with(last.misses, fact.id)
        missed = _reopened(replace(last, case_id=case_id, due_at=None, misses=misses, rang_at=rang_at))
    else:
        missed = _new(fact, number, case_id, owner, now, new_id)
    if fact.reason == DECLINED:
        return _declined(missed, fact, now)
    return missed if talk is None else _answered_since(missed, talk, now, known)


def _new(
    fact: Interaction, number: str | None, case_id: str, owner: str | None, now: datetime, new_id: Callable[[], str]
) -> Callback:
    rang_at = min(fact.occurred_at, now)
    return Callback(
        id=new_id(),
        created_at=now,
        line=fact.line,
        number=number,
        contact_id=fact.contact_id,
        case_id=case_id,
        state=State.WAITING if number else State.NEEDS_NUMBER,
        due_at=None,
        opened_at=rang_at,
        misses=(fact.id,),
        rang_at=rang_at,
        owner=owner,
        look_at=rang_at if number else None,
    )


def _declined(callback: Callback, fact: Interaction, now: datetime) -> Callback:
    """Who rang and then said that we need not ring back is owed no call, nor one for what was missed before."""
    if callback.rang_at is not None and fact.occurred_at < callback.rang_at:
        return callback  # he rang again after that
    ended = closed(callback, CloseReason.DECLINED_BY_CUSTOMER, now, fact.id)
    return replace(ended, revision=callback.revision)


def _answered_since(callback: Callback, talk: Interaction, now: datetime, known: tuple[Interaction, ...]) -> Callback:
    """Who rang in vain and was answered before anybody knew of that is owed no call, but one miss on record."""
    ended = _got_through(callback, talk, now, known)
    return replace(ended, revision=callback.revision) if ended else callback


def _got_through(
    callback: Callback, fact: Interaction, now: datetime, known: tuple[Interaction, ...]
) -> Callback | None:
    """Owed no longer, unless he rang in vain when the call in which he was answered began, or later: late verdicts."""
    misses = (each for each in known if each.id in callback.misses and each.id != fact.id)
    rings = any((each.ended_at or each.occurred_at) > fact.occurred_at for each in misses)
    if not rings and fact.occurred_at >= (callback.rang_at or callback.opened_at):
        return closed(callback, CloseReason.ANSWERED_INBOUND, now, fact.id)
    rest = tuple(miss for miss in callback.misses if miss != fact.id)
    return changed(callback, misses=rest) if rest != callback.misses else None


def _rung_again(owed: Callback, miss: str, rang_at: datetime) -> Callback:
    """One call is owed however often the customer rings; who rings now can be rung now, whatever was agreed."""
    latest = max(rang_at, owed.rang_at) if owed.rang_at else rang_at
    first = min(rang_at, owed.opened_at)  # found out late, it keeps the place it had in the line
    more = changed(owed, misses=_with(owed.misses, miss), rang_at=latest, opened_at=first)
    if owed.state is State.HELD and owed.held in UNWANTED:
        return replace(more, look_at=latest)  # he may have asked for a call, which is then his newer wish
    return replace(more, asked_at_time=False, look_at=first) if owed.state is State.WAITING else more


def _reopened(callback: Callback) -> Callback:
    """The callback owed again, at once; what kept machines from its number is found out anew."""
    state = State.WAITING if callback.number else State.NEEDS_NUMBER
    opened = changed(
        callback,
        state=State.DIALLING if callback.live else state,  # the customer rang in between, and our call still goes on
        asked_at_time=False,
        held=None,
        released=None,
        close_reason=None,
        closed_at=None,
        closed_by=None,
    )
    return replace(opened, look_at=opened.opened_at if opened.number else None)


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
    at_time = due_at is not None and not fact.detail.soon
    given = phone_identity(fact.address(Role.CALLEE) or "")
    number = given.value if given else number_of(contact)
    owed = [
        c for c in callbacks if c.open and ((number and (c.line, c.number) == (line, number)) or c.case_id == case_id)
    ]
    if not owed:
        opened_at = min(fact.occurred_at, now)
        return Callback(
            id=new_id(),
            created_at=now,
            line=line,
            number=number,
            contact_id=fact.contact_id,
            case_id=case_id,
            state=State.WAITING if number else State.NEEDS_NUMBER,
            due_at=due_at,
            opened_at=opened_at,
            purpose=fact.subject or None,
            questions=fact.detail.questions,
            owner=owner,
            asked_at_time=at_time,
            look_at=(due_at if at_time else opened_at) if number else None,
        )
    joined = next((c for c in owed if number and c.number == number), owed[0])
    better = number if given or joined.number is None else None
    revision = joined.revision + 1
    if better and joined.number != better and (joined.state, Step.NUMBER_GIVEN) in NEXT:
        joined = with_number(joined, better)
    more = replace(
        joined,
        revision=revision,
        due_at=due_at or joined.due_at,
        asked_at_time=joined.asked_at_time or at_time,
        purpose=both(joined.purpose, fact.subject),
        questions=tuple(dict.fromkeys((*joined.questions, *fact.detail.questions))),
    )
    if more.state is State.HELD and more.held in UNWANTED:
        return replace(more, look_at=now)  # asking is the newer wish
    return replace(more, look_at=ready_at(more)) if due_at and more.state is State.WAITING else more


def both(purpose: str | None, other: str | None) -> str | None:
    """Two purposes of one owed call, each named once."""
    known = (purpose or "").split(_AND)
    return purpose if not other or other in known else _AND.join((*filter(None, known), other))


_AND = "; "


def absorbed(other: Callback, call: Callback) -> Callback:
    """`other` after another call to the same number joined it: nothing is asked later or tried oftener than before."""
    due = [each.due_at for each in (other, call) if each.due_at is not None]
    sooner = call.due_at is not None and (other.due_at is None or call.due_at < other.due_at)
    rang = [each.rang_at for each in (other, call) if each.rang_at is not None]
    live = (other.live,) if other.live else ()
    past = (*(a for a in other.attempts if a is not other.live), *(a for a in call.attempts if a.result is not None))
    merged = changed(
        other,
        opened_at=min(other.opened_at, call.opened_at),
        due_at=min(due, default=None),
        asked_at_time=call.asked_at_time if sooner else other.asked_at_time,
        misses=tuple(dict.fromkeys((*other.misses, *call.misses))),
        rang_at=max(rang, default=None),
        purpose=both(other.purpose, call.purpose),
        questions=tuple(dict.fromkeys((*other.questions, *call.questions))),
        attempts=(*sorted(past, key=lambda attempt: attempt.at), *live),
        passed=(*other.passed, *call.passed),
    )
    return replace(merged, look_at=ready_at(merged)) if merged.state is State.WAITING else merged


def number_of(contact: Contact | None) -> str | None:
    """The number we know the contact by; None where there are several, for one of them is not theirs to answer."""
    numbers = [identity.value for identity in contact.identities if identity.kind == "phone"] if contact else []
    return numbers[0] if len(numbers) == 1 else None


def _with(misses: tuple[str, ...], miss: str) -> tuple[str, ...]:
    return misses if miss in misses else (*misses, miss)


def _says_nothing(fact: Interaction) -> bool:
    """A bridge alone closes nothing: what came of it, a person says."""
    return fact.kind is not Kind.CLOSE and fact.detail.result is None and fact.outcome in _UNSAID


_UNSAID = frozenset({Outcome.REACHED, Outcome.PENDING, None})


def _settled(callback: Callback, fact: Interaction, now: datetime) -> Callback:
    """What came of it, by the table of results in interface.md section 4."""
    if fact.kind is Kind.CLOSE:
        reason = CloseReason(fact.detail.reason or CloseReason.CLOSED_BY_HUMAN)
        answer = fact.caused_by if reason is CloseReason.ANSWERED_OTHER_CHANNEL else None
        return closed(callback, reason, now, answer or fact.id)
    result = fact.detail.result or _machine_word(fact) or str(fact.outcome)
    ours = _is_of_live(callback, fact)
    if ours and result in TALKED and not _joined(callback):
        raise IllegalStep(
            f"'{result}' of a call in which the customer was never on the line",
            remedy="say voicemail or wrong_person; a talk on another telephone is entered after this call has ended",
        )
    told = replace(callback, attempts=_told(callback, fact, result, now, ours=ours))
    if result in ("reached", "declined"):
        reason = CloseReason.REACHED if result == "reached" else CloseReason.DECLINED_BY_CUSTOMER
        return closed(told, reason, now, fact.id)
    agreed: dict[str, Any] = {}
    if result in ("call_again", "partly"):
        promise, questions = fact.detail.promise, (*callback.questions, *fact.detail.questions)
        due_at = promise.due_at if promise else callback.due_at
        agreed = {"due_at": due_at, "asked_at_time": promise is not None, "questions": tuple(dict.fromkeys(questions))}
    if callback.live and not ours:
        return changed(told, **agreed)  # somebody else rang meanwhile; the call under way goes on
    if agreed:
        return waiting(told, Step.CALL_LATER, **agreed)
    return waiting(told, Step.TRY_AGAIN)


def _machine_word(fact: Interaction) -> str | None:
    """How a call that we placed ended in vain, in the words of `core.backoff`."""
    return fact.reason if fact.kind is Kind.CALL and fact.direction is Direction.OUTBOUND else None


def _is_of_live(callback: Callback, fact: Interaction) -> bool:
    """Whether it is of the attempt under way; what another of our people says is of a call of their own."""
    live = callback.live
    return live is not None and (live.ended_at is not None or fact.agent_id in (None, live.by))


def _joined(callback: Callback) -> bool:
    live = callback.live
    return live is not None and (live.bridged or live.id is None)


def _told(callback: Callback, fact: Interaction, result: str, now: datetime, *, ours: bool) -> tuple[Attempt, ...]:
    live = callback.live
    if live is not None and ours:
        over = replace(live, result=result, ended_at=live.ended_at or fact.ended_at or now, told_by=fact.id)
        return (*callback.attempts[:-1], over)
    own = Attempt(at=fact.occurred_at, by=fact.agent_id or fact.agent, result=result, told_by=fact.id)
    return (*callback.attempts[:-1], own, live) if live else (*callback.attempts, own)


def taken_back(
    fact: Interaction, callbacks: tuple[Callback, ...], now: datetime, *, reopens: bool
) -> tuple[Callback, ...]:
    """The callbacks after this interaction turned out never to have happened; those it left alone are not in it.

    A missed call that was none is owed no call; a talk that was none leaves the call owed. reopens: not where the case
    was closed, which ended what it owed.
    """
    back = []
    for callback in callbacks:
        tried = _untold(callback, fact)
        mine = callback.id == fact.detail.callback_id and tried != callback.attempts
        misses = tuple(miss for miss in callback.misses if miss != fact.id)
        fewer = replace(callback, misses=misses, attempts=tried if mine else callback.attempts)
        if mine and fact.detail.promise and callback.due_at == fact.detail.promise.due_at:
            fewer = replace(fewer, due_at=None, asked_at_time=False)
        if callback.open and callback.misses and not misses:
            back.append(closed(fewer, CloseReason.CLOSED_BY_HUMAN, now))
        elif callback.closed_by == fact.id and misses and reopens:
            back.append(_reopened(fewer))
        elif fewer != callback:
            back.append(changed(fewer))
    return tuple(back)


def _untold(callback: Callback, fact: Interaction) -> tuple[Attempt, ...]:
    """Without what this interaction told: a call we placed has happened, whatever was said of it."""
    kept = []
    for attempt in callback.attempts:
        if attempt.told_by != fact.id if attempt.told_by else attempt.at != fact.occurred_at:
            kept.append(attempt)
        elif attempt.id is not None:
            kept.append(replace(attempt, result=UNSAID, told_by=None))
    return tuple(kept)


def given_back(
    fact: Interaction, callbacks: tuple[Callback, ...], now: datetime, *, reopens: bool
) -> tuple[Callback, ...]:
    """The callbacks after a call counts again that had been taken back: the reverse of `taken_back`."""
    if fact.outcome is not Outcome.MISSED or fact.direction is not Direction.INBOUND:
        return callbacks_after(fact, fact.case_id or "", None, None, callbacks, now, lambda: fact.id)
    back = []
    for callback in callbacks:
        if callback.id in fact.detail.callbacks and fact.id not in callback.misses:
            more = replace(callback, misses=(*callback.misses, fact.id))
            ended = not callback.open and callback.closed_by is None and not callback.misses and reopens
            back.append(_reopened(more) if ended else changed(more))
    return tuple(back)
