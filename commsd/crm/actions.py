"""What people do to cases, callbacks and calls, from the API, the command line, a link or the board: pure decisions.

Each gives the function for `log.decide`; the keys it is taken under come from `store.query`. What cannot be done is
refused with what to do instead.
"""

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime

from commsd.core.call_promise import promises_of
from commsd.core.callback import Callback, CloseReason, State, claimed, released, with_number
from commsd.core.case import CaseFile, CaseState, customer_speaks, survivor
from commsd.core.change import Change, LogicalKey, change_of
from commsd.core.entry import OUTCOME, Entry, Hand, Result, Said, callback_talk, manual_interaction, said_detail
from commsd.core.event import Event
from commsd.core.interaction import (
    Actor,
    Channel,
    Detail,
    Direction,
    ExternalId,
    Interaction,
    Kind,
    Outcome,
)
from commsd.core.link import Act, Link
from commsd.core.number import parse_number
from commsd.core.open_items import OpenItems, Terms
from commsd.errors import NotFound, Refused

Decide = Callable[[OpenItems], Change]

SETTABLE = frozenset({"priority", "owner", "team"})
REQUEST = "commsd.request"
"""The system under which an interaction keeps the digest of the request it came by."""

ELSEWHERE = "answered elsewhere"
"""The note on an answer that went a way we do not see."""

PRIORITIES = ("low", "normal", "high", "urgent")


def record_entry(entry: Entry, hand: Hand, terms: Terms) -> Decide:
    """A touch from outside goes to the log."""
    return lambda items: change_of(manual_interaction(entry, hand, items, terms), items, terms, by=hand.by)


def close_case(case_id: str, hand: Hand, terms: Terms, *, junk: bool = False, note: str | None = None) -> Decide:
    """The case ends. junk: it never was one, and its clocks are void."""

    def decide(items: OpenItems) -> Change:
        file = file_of(items, case_id)
        must(file.case.state is CaseState.OPEN, "the case is closed already", "nothing to do")
        return _internal(Kind.CLOSE, file, hand, items, terms, Detail(void_case=junk, note=note))

    return decide


def reopen_case(case_id: str, hand: Hand, terms: Terms) -> Decide:
    """A closed case goes on."""

    def decide(items: OpenItems) -> Change:
        file = file_of(items, case_id)
        must(file.case.state is CaseState.CLOSED, "the case is open", "nothing to do")
        return _internal(Kind.REOPEN, file, hand, items, terms, Detail())

    return decide


def hold_case(case_id: str, hand: Hand, terms: Terms, *, reason: str = "customer") -> Decide:
    """The case waits. reason: "customer" ends by itself when the customer speaks."""

    def decide(items: OpenItems) -> Change:
        file = file_of(items, case_id)
        must(file.case.state is CaseState.OPEN, "a closed case cannot wait", "reopen it first")
        must(not file.case.on_hold, "the case is on hold already", "release it first to give another reason")
        return _internal(Kind.HOLD, file, hand, items, terms, Detail(reason=reason))

    return decide


def release_case(case_id: str, hand: Hand, terms: Terms) -> Decide:
    """The case waits no longer."""

    def decide(items: OpenItems) -> Change:
        file = file_of(items, case_id)
        must(file.case.on_hold, "the case is not on hold", "nothing to do")
        return _internal(Kind.RELEASE, file, hand, items, terms, Detail())

    return decide


def set_case(case_id: str, hand: Hand, terms: Terms, *, attrs: Mapping[str, str]) -> Decide:
    """Priority, owner or team from now on; assigning is setting owner or team."""
    unknown = sorted(set(attrs) - SETTABLE)
    must(not unknown, f"a case has no {', '.join(unknown)} to set", f"set one of {', '.join(sorted(SETTABLE))}")
    must(bool(attrs), "nothing to set", f"name one of {', '.join(sorted(SETTABLE))}")
    priority = attrs.get("priority", "normal")
    must(priority in PRIORITIES, f"'{priority}' is no priority", f"choose from {', '.join(PRIORITIES)}")

    def decide(items: OpenItems) -> Change:
        return _internal(Kind.SET, file_of(items, case_id), hand, items, terms, Detail(attrs=dict(attrs)))

    return decide


def answered_elsewhere(case_id: str, hand: Hand, terms: Terms) -> Decide:
    """The customer has an answer by a way that we do not see. Once for each writing: said again, it is refused."""

    def decide(items: OpenItems) -> Change:
        file = file_of(items, case_id)
        must(file.case.state is CaseState.OPEN, "the case is closed already", "nothing to do")
        must(not _said_answered(file), "it is recorded already that the customer was answered", "nothing to do")
        fact = Interaction(
            id=items.new_id(),
            channel=Channel.OTHER,
            kind=Kind.MESSAGE,
            direction=Direction.OUTBOUND,
            actor=Actor.AGENT,
            outcome=Outcome.REACHED,
            occurred_at=items.now,
            recorded_at=items.now,
            case_id=case_id,
            contact_id=file.case.contact_id,
            team=file.case.team,
            agent_id=hand.agent_id,
            agent=hand.agent,
            detail=Detail(note=ELSEWHERE),
        )
        return change_of(fact, items, terms, by=hand.by)

    return decide


def holding_case(case_id: str, hand: Hand, terms: Terms) -> Decide:
    """The newest answer in the case did not answer yet: it stops `ack` and `update` only, the others run on."""

    def decide(items: OpenItems) -> Change:
        file = file_of(items, case_id)
        sent = max(filter(_is_answer, file.interactions), key=_order, default=None)
        if sent is None:
            raise Refused("the case has no answer that could be a holding one", remedy="answer the customer first")
        return _partly(sent, hand, items, terms)

    return decide


def partial_answer(interaction_id: str, hand: Hand, terms: Terms) -> Decide:
    """An answer of ours did not answer yet: the interaction's next revision."""

    def decide(items: OpenItems) -> Change:
        known = items.known.get(f"interaction:{interaction_id}")
        if known is None:
            raise NotFound(f"no interaction {interaction_id}", remedy="list them: commsd log tail")
        must(_is_answer(known), "only a message of ours to a customer can be partial", "look at it: commsd log show")
        return _partly(known, hand, items, terms)

    return decide


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
    return lambda items: _moved("released", released(_callback(items, callback_id)), items, hand)


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
        misses = tuple(dict.fromkeys((*same[0].misses, *callback.misses)))
        other = replace(same[0], revision=same[0].revision + 1, misses=misses)
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
    """What came of calling back: a talk or a try, the callback moved by the table of results."""

    def decide(items: OpenItems) -> Change:
        callback = _callback(items, callback_id)
        must(callback.open, "this callback is closed", "give the result of the call itself, or record a new touch")
        return change_of(callback_talk(callback, said, hand, items, terms), items, terms, by=hand.by)

    return decide


def talk_result(interaction_id: str, said: Said, hand: Hand, terms: Terms) -> Decide:
    """What came of a call or meeting that is in the log: its next revision."""

    def decide(items: OpenItems) -> Change:
        known = items.known.get(f"interaction:{interaction_id}")
        if known is None:
            raise NotFound(f"no interaction {interaction_id}", remedy="list them: GET /v1/interactions")
        _must_be_talk(known, said)
        file = items.files.get(known.case_id or "")
        detail = said_detail(said, items, terms, file, callback_id=known.detail.callback_id)
        fact = replace(
            known,
            revision=known.revision + 1,
            recorded_at=items.now,
            outcome=OUTCOME[said.result],
            agent_id=hand.agent_id or known.agent_id,
            agent=hand.agent or known.agent,
            detail=detail,
        )
        return change_of(fact, items, terms, by=hand.by)

    return decide


def act_of(link: Link, hand: Hand, terms: Terms) -> Decide:
    """What a link does, pressed or come back as a mail; to the case that its own went into, if it did."""

    def decide(items: OpenItems) -> Change:
        if link.act is Act.CLAIM:
            return claim_callback(joined(items, link.thing), hand)(items)
        case_id = surviving(items, link.thing)
        must(
            link.act is Act.HOLDING or not _heard_since(link, items, case_id),
            "the customer has written or called since this notice was made",
            "read that first; then use a newer notice, or the board",
        )
        match link.act:
            case Act.ANSWERED:
                return answered_elsewhere(case_id, hand, terms)(items)
            case Act.HOLDING:
                return holding_case(case_id, hand, terms)(items)
            case Act.JUNK if case_id != link.thing:
                raise Refused(
                    f"the case went into {case_id}, which holds more than was junk here",
                    remedy="if all of it is junk, use a notice about that one",
                )
            case Act.DONE | Act.JUNK:
                return close_case(case_id, hand, terms, junk=link.act is Act.JUNK)(items)

    return decide


def _heard_since(link: Link, items: OpenItems, case_id: str) -> bool:
    """Whether there is something the notice did not know of, so that it would be done away with unread."""
    file = items.files.get(case_id)
    return file is not None and any(
        customer_speaks(fact) and fact.recorded_at > link.offered_at for fact in file.interactions
    )


def surviving(items: OpenItems, case_id: str) -> str:
    """The case of this id, or the one that it went into; the id itself where there is neither."""
    file = survivor(case_id, items.files)
    return file.case.id if file else case_id


def joined(items: OpenItems, callback_id: str) -> str:
    """The callback of this id, or the one that it joined."""
    callback = items.callback(callback_id)
    if callback is None or callback.close_reason is not CloseReason.MERGED:
        return callback_id
    others = (other.id for other in items.callbacks if other.open and set(callback.misses) <= set(other.misses))
    return next(others, callback_id)


def once(decide: Decide, key: str, logical: str, body_digest: str, refuse: Exception) -> Decide:
    """The same decision at most once under an idempotency key; a repeat gives what the first gave.

    key: of_logical(logical). body_digest: of the request; another one under the same key raises `refuse`.
    """

    def decide_once(items: OpenItems) -> Change:
        known = items.known.get(key)
        if known is not None:
            if known.external(REQUEST) != body_digest:
                raise refuse
            return Change(result=known)
        change = decide(items)
        fact = change.interactions[0]
        marked = replace(fact, external_ids=(*fact.external_ids, ExternalId(REQUEST, body_digest)))
        return replace(
            change,
            interactions=(marked, *change.interactions[1:]),
            events=tuple(replace(e, thing=marked) if e.thing is fact else e for e in change.events),
            keys=(*change.keys, LogicalKey(key=logical, interaction_id=marked.id)),
        )

    return decide_once


def _is_answer(known: Interaction) -> bool:
    ours = known.direction is Direction.OUTBOUND and known.actor is Actor.AGENT
    return ours and known.kind is Kind.MESSAGE and known.outcome is not Outcome.FAILED


def _said_answered(file: CaseFile) -> bool:
    """Whether that was said, and the customer has not come back since."""
    said = [_order(known) for known in file.interactions if _is_answer(known) and known.detail.note == ELSEWHERE]
    return bool(said) and not any(customer_speaks(known) and _order(known) > max(said) for known in file.interactions)


def _order(known: Interaction) -> tuple[datetime, str]:
    return known.occurred_at, known.id


def _partly(sent: Interaction, hand: Hand, items: OpenItems, terms: Terms) -> Change:
    must(not sent.partial, "the last answer counts as a holding one already", "nothing to do")
    fact = replace(sent, revision=sent.revision + 1, recorded_at=items.now, partial=True)
    return change_of(fact, items, terms, by=hand.by)


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
    return _internal(Kind.CLOSE, file, hand, items, terms, detail)


def _internal(kind: Kind, file: CaseFile, hand: Hand, items: OpenItems, terms: Terms, detail: Detail) -> Change:
    """What people do to a case is an interaction like any other."""
    return change_of(internal(kind, file, hand, items, detail), items, terms, by=hand.by)


def internal(kind: Kind, file: CaseFile, hand: Hand, items: OpenItems, detail: Detail) -> Interaction:
    """The interaction behind what one of us does to a case."""
    return Interaction(
        id=items.new_id(),
        channel=Channel.OTHER,
        kind=kind,
        direction=Direction.INTERNAL,
        actor=Actor.AGENT,
        occurred_at=items.now,
        recorded_at=items.now,
        case_id=file.case.id,
        contact_id=file.case.contact_id,
        agent_id=hand.agent_id,
        agent=hand.agent,
        detail=detail,
    )


def _moved(word: str, callback: Callback, items: OpenItems, hand: Hand) -> Change:
    return Change(callbacks=(callback,), events=(Event(f"callback.{word}", callback, items.now, hand.by),))


def _where(callback: Callback) -> tuple[str | None, str | None]:
    return callback.line, callback.number


def file_of(items: OpenItems, case_id: str) -> CaseFile:
    """The case with all inside it. Raises NotFound; Refused where it went into another."""
    if case_id not in items.files:
        raise NotFound(f"no case {case_id}", remedy="list them: commsd cases list, or GET /v1/cases")
    file = items.files[case_id]
    went = file.case.merged_into
    must(went is None, f"the case went into {went}", "do it to that one")
    return file


def _callback(items: OpenItems, callback_id: str) -> Callback:
    found = items.callback(callback_id)
    if found is None:
        raise NotFound(f"no callback {callback_id}", remedy="list them: commsd callbacks list, or GET /v1/callbacks")
    return found


def must(holds: bool, what: str, remedy: str) -> None:
    """Raises Refused where it does not hold."""
    if not holds:
        raise Refused(what, remedy=remedy)
