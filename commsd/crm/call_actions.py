"""What people do to owed calls, and say of talks: pure decisions, made and taken like those of `actions`."""

from dataclasses import replace
from datetime import datetime, timedelta

from commsd.core.call_promise import promises_of
from commsd.core.callback import Callback, CloseReason, State, claimed, passed_on, released, with_number, word_of
from commsd.core.change import Change, change_of
from commsd.core.entry import OUTCOME, Hand, Result, Said, callback_talk, said_detail
from commsd.core.event import Event
from commsd.core.interaction import Detail, Direction, Interaction, Kind, Outcome
from commsd.core.number import parse_number
from commsd.core.open_items import OpenItems, Terms
from commsd.core.owed_call import absorbed, last_rang
from commsd.core.touch import TouchKind, touches_of
from commsd.crm.actions import Decide, file_of, internal, must
from commsd.errors import IllegalStep, NotFound, Refused


def claim_callback(callback_id: str, hand: Hand) -> Decide:
    """The callback is in this person's hand for half an hour."""

    def decide(items: OpenItems) -> Change:
        who = hand.agent_id or hand.agent
        must(bool(who), "somebody must claim it", "name the agent")
        callback = _callback(items, callback_id)
        mine = callback.state is State.CLAIMED and callback.owner == who
        must(not mine, "the callback is yours already", "ring the customer, then say what came of it")
        _must_be_free(callback, items.now)
        return _moved("claimed", claimed(callback, who or "", items.now), items, hand)

    return decide


def _must_be_free(callback: Callback, now: datetime) -> None:
    until = callback.claimed_until if callback.state is State.CLAIMED else None
    if until is not None and until > now:
        who, left = callback.owner or "somebody", max((until - now) // timedelta(minutes=1), 1)
        raise IllegalStep(
            f"{who} has this call in hand for another {left} min, until {until:%H:%M} UTC",
            remedy="leave it to them, or have them give it back: commsd callbacks release ID",
        )


def release_callback(callback_id: str, hand: Hand, why: str | None = None) -> Decide:
    """The callback is given back, or let go from `held`. why: the reason to give it back."""

    def decide(items: OpenItems) -> Change:
        before = _callback(items, callback_id)
        if before.state is not State.CLAIMED:
            return _moved("released", released(before, _name(hand)), items, hand)
        after = passed_on(before, before.owner, why, items.now)
        return _moved(word_of(after, before), after, items, hand)

    return decide


def number_callback(callback_id: str, number: str, hand: Hand, terms: Terms) -> Decide:
    """The callback gets the number a person found out; is a call owed to that number already, it joins that one."""
    parsed = parse_number(number)

    def decide(items: OpenItems) -> Change:
        if parsed is None:
            raise Refused("this is no number that can be called", remedy='write it whole, such as "+493023125099"')
        callback = _callback(items, callback_id)
        given = with_number(callback, parsed.e164)
        same = [c for c in items.callbacks if c.open and c.id != callback_id and _where(c) == _where(given)]
        if not same:
            return _moved("updated", given, items, hand)
        other = absorbed(same[0], callback)
        numbered = replace(callback, number=parsed.e164)
        known = tuple(numbered if each.id == callback_id else each for each in items.callbacks)
        ended = _ended(numbered, CloseReason.MERGED, None, hand, replace(items, callbacks=known), terms)
        return ended + _moved("updated", other, items, hand)

    return decide


def close_callback(
    callback_id: str, hand: Hand, terms: Terms, *, note: str | None, answered_by: str | None = None
) -> Decide:
    """The call is owed no longer, because a person says so and says why.

    answered_by: id of the interaction in which the customer had his answer on another channel.
    """

    def decide(items: OpenItems) -> Change:
        given = bool(answered_by or (note and note.strip()))
        must(given, "closing an owed call needs a reason", "say it in `note`, or name what answered in `answered_by`")
        must(bool(hand.agent_id or hand.agent), "somebody must answer for it", "name the agent")
        callback = _callback(items, callback_id)
        if answered_by is None:
            return _ended(callback, CloseReason.CLOSED_BY_HUMAN, note, hand, items, terms)
        answer = _answer(answered_by, callback, items)
        return _ended(callback, CloseReason.ANSWERED_OTHER_CHANNEL, note, hand, items, terms, answer.id)

    return decide


_ANSWERS = frozenset({TouchKind.OUT, TouchKind.TALK})


def _answer(interaction_id: str, callback: Callback, items: OpenItems) -> Interaction:
    """The interaction by which this customer was answered instead. Raises NotFound, Refused."""
    known = items.known.get(f"interaction:{interaction_id}")
    if known is None:
        raise NotFound(f"no interaction {interaction_id}", remedy="list them: commsd log tail, or GET /v1/interactions")
    must(
        _is_with(known, callback, items),
        "that interaction is with somebody else",
        "name one with the customer who is owed the call",
    )
    answers = any(touch.kind in _ANSWERS and not (touch.auto or touch.partial) for touch in touches_of(known))
    must(answers, "nobody of us answered the customer in it", "name a talk, or a message of ours that went out")
    later = (known.ended_at or known.occurred_at) >= last_rang(callback)
    must(later, "it was before the customer rang", "name what answered him afterwards, or close it with a `note`")
    return known


def _is_with(known: Interaction, callback: Callback, items: OpenItems) -> bool:
    """Whether it is with whoever is owed the call. Of two that became one, what was recorded keeps its contact; the
    cases are the survivor's."""
    file, owed = items.files.get(known.case_id or ""), items.files.get(callback.case_id)
    theirs = {known.contact_id, file.case.contact_id if file else None} - {None}
    whose = {callback.contact_id, owed.case.contact_id if owed else None}
    return known.case_id == callback.case_id or not theirs.isdisjoint(whose)


def callback_result(callback_id: str, said: Said, hand: Hand, terms: Terms) -> Decide:
    """What came of calling back: a talk or a try, the callback moved by the table of results.

    Of a call that we placed the talk is in the log already, and this is its next revision.
    """

    def decide(items: OpenItems) -> Change:
        callback = _callback(items, callback_id)
        must(callback.open, "this callback is closed", "give the result of the call itself, or record a new touch")
        talk = _placed(callback, items)
        fact = _said_of(talk, said, hand, items, terms) if talk else callback_talk(callback, said, hand, items, terms)
        return change_of(fact, items, terms, by=hand.by)

    return decide


def talk_result(interaction_id: str, said: Said, hand: Hand, terms: Terms) -> Decide:
    """What came of a call or meeting that is in the log: its next revision."""

    def decide(items: OpenItems) -> Change:
        known = items.known.get(f"interaction:{interaction_id}")
        if known is None:
            raise NotFound(f"no interaction {interaction_id}", remedy="list them: GET /v1/interactions")
        _must_be_talk(known, said)
        return change_of(_said_of(known, said, hand, items, terms), items, terms, by=hand.by)

    return decide


def _placed(callback: Callback, items: OpenItems) -> Interaction | None:
    """The talk of a call that we placed, where it is over and nobody has said yet what came of it."""
    live, file = callback.live, items.files.get(callback.case_id)
    if live is None or live.ended_at is None or file is None:
        return None
    return next((fact for fact in file.interactions if fact.id == live.id), None)


def _said_of(talk: Interaction, said: Said, hand: Hand, items: OpenItems, terms: Terms) -> Interaction:
    file = items.files.get(talk.case_id or "")
    return replace(
        talk,
        revision=talk.revision + 1,
        recorded_at=items.now,
        outcome=OUTCOME[said.result],
        agent_id=hand.agent_id or talk.agent_id,
        agent=hand.agent or talk.agent,
        detail=said_detail(said, items, terms, file, callback_id=talk.detail.callback_id),
    )


def _must_be_talk(known: Interaction, said: Said) -> None:
    talk = known.kind in (Kind.CALL, Kind.MEETING) and known.outcome not in (Outcome.PENDING, Outcome.MISSED)
    must(talk, "a result is of a talk, and this is none", "of an owed call: give the result of its callback")
    vain = said.result in (Result.VOICEMAIL, Result.WRONG_PERSON)
    must(
        not vain or known.direction is Direction.OUTBOUND,
        f"who rang us was reached, so '{said.result}' cannot be",
        "say reached, call_again, partly or declined",
    )


def _ended(
    callback: Callback,
    reason: CloseReason,
    note: str | None,
    hand: Hand,
    items: OpenItems,
    terms: Terms,
    answered_by: str | None = None,
) -> Change:
    must(callback.open, "this callback is closed already", "nothing to do")
    file = file_of(items, callback.case_id)
    promises = () if reason is CloseReason.MERGED else promises_of(callback, items.callbacks, file)
    detail = Detail(callback_id=callback.id, reason=reason.value, note=note, withdraws=promises)
    closing = replace(internal(Kind.CLOSE, file, hand, items, detail), caused_by=answered_by)
    return change_of(closing, items, terms, by=hand.by)


def _moved(word: str, callback: Callback, items: OpenItems, hand: Hand) -> Change:
    return Change(callbacks=(callback,), events=(Event(f"callback.{word}", callback, items.now, hand.by),))


def _name(hand: Hand) -> str | None:
    return hand.agent_id or hand.agent


def _where(callback: Callback) -> tuple[str | None, str | None]:
    return callback.line, callback.number


def _callback(items: OpenItems, callback_id: str) -> Callback:
    found = items.callback(callback_id)
    if found is None:
        raise NotFound(f"no callback {callback_id}", remedy="list them: commsd callbacks list, or GET /v1/callbacks")
    return found
