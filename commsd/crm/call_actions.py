"""What people do to owed calls, and say of talks: pure decisions, made and taken like those of `actions`."""

from dataclasses import replace

from commsd.core.call_promise import promises_of
from commsd.core.callback import Callback, CloseReason, State, claimed, released, with_number
from commsd.core.change import Change, change_of
from commsd.core.entry import OUTCOME, Hand, Result, Said, callback_talk, said_detail
from commsd.core.event import Event
from commsd.core.interaction import Detail, Direction, Interaction, Kind, Outcome
from commsd.core.number import parse_number
from commsd.core.open_items import OpenItems, Terms
from commsd.core.owed_call import absorbed
from commsd.crm.actions import Decide, act, file_of, must
from commsd.errors import NotFound, Refused


def claim_callback(callback_id: str, hand: Hand) -> Decide:
    """The callback is in this person's hand for half an hour."""

    def decide(items: OpenItems) -> Change:
        who = hand.agent_id or hand.agent
        must(bool(who), "somebody must claim it", "name the agent")
        callback = _callback(items, callback_id)
        mine = callback.state is State.CLAIMED and callback.owner == who
        must(not mine, "the callback is yours already", "ring the customer, then say what came of it")
        return _moved("claimed", claimed(callback, who or "", items.now), items, hand)

    return decide


def release_callback(callback_id: str, hand: Hand) -> Decide:
    """The callback is given back, or let go from `held`."""
    return lambda items: _moved("released", released(_callback(items, callback_id), _name(hand)), items, hand)


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
        ended = _ended(numbered, "merged", None, hand, replace(items, callbacks=known), terms)
        return ended + _moved("updated", other, items, hand)

    return decide


def close_callback(callback_id: str, hand: Hand, terms: Terms, *, note: str | None) -> Decide:
    """The call is owed no longer, because a person says so and says why."""

    def decide(items: OpenItems) -> Change:
        must(bool(note and note.strip()), "closing an owed call needs a reason", "say it in `note`")
        must(bool(hand.agent_id or hand.agent), "somebody must answer for it", "name the agent")
        return _ended(_callback(items, callback_id), "closed_by_human", note, hand, items, terms)

    return decide


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


def _ended(callback: Callback, reason: str, note: str | None, hand: Hand, items: OpenItems, terms: Terms) -> Change:
    must(callback.open, "this callback is closed already", "nothing to do")
    file = file_of(items, callback.case_id)
    promises = () if reason == CloseReason.MERGED else promises_of(callback, items.callbacks, file)
    detail = Detail(callback_id=callback.id, reason=reason, note=note, withdraws=promises)
    return act(Kind.CLOSE, file, hand, items, terms, detail)


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
