"""What a person or another system enters: a touch that no channel of ours saw, and what came of a talk.

Values to interactions, nothing else; what an interaction changes is `core.change`. The words of a result and what each
means are the table of interface.md section 4.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from commsd.core.callback import Callback, State
from commsd.core.case import CaseFile
from commsd.core.clock import Clock, clocks
from commsd.core.contact import identity_of
from commsd.core.interaction import (
    Actor,
    Channel,
    Detail,
    Direction,
    ExternalId,
    Interaction,
    Kind,
    Outcome,
    Party,
    Promise,
    Role,
)
from commsd.core.open_items import OpenItems, Terms
from commsd.core.policy import ClockKind
from commsd.core.touch import Touch, TouchKind, touches_of
from commsd.errors import Refused


class Result(StrEnum):
    """What came of a talk or a try."""

    REACHED = "reached"
    CALL_AGAIN = "call_again"
    PARTLY = "partly"
    VOICEMAIL = "voicemail"
    WRONG_PERSON = "wrong_person"
    DECLINED = "declined"


OUTCOME: Mapping[Result, Outcome] = {
    Result.REACHED: Outcome.REACHED,
    Result.CALL_AGAIN: Outcome.REACHED,
    Result.PARTLY: Outcome.REACHED,
    Result.VOICEMAIL: Outcome.LEFT_MESSAGE,
    Result.WRONG_PERSON: Outcome.NOT_REACHED,
    Result.DECLINED: Outcome.REACHED,
}

USUAL_KIND: Mapping[Channel, Kind] = {Channel.PHONE: Kind.CALL, Channel.IN_PERSON: Kind.MEETING}
"""What a touch on a channel is where nothing else is said; a message on all others."""

ENTERED = frozenset({Kind.MESSAGE, Kind.CALL, Kind.VOICEMAIL, Kind.ATTEMPT, Kind.NOTE, Kind.MEETING, Kind.PROMISE})
"""Kinds that can be entered; the others are actions on a case."""

_USUAL_OUTCOME: Mapping[Kind, Outcome] = {
    Kind.MESSAGE: Outcome.REACHED,
    Kind.CALL: Outcome.REACHED,
    Kind.MEETING: Outcome.REACHED,
    Kind.ATTEMPT: Outcome.NOT_REACHED,
    Kind.VOICEMAIL: Outcome.LEFT_MESSAGE,
}

_SPOKEN = frozenset({Kind.CALL, Kind.MEETING})


@dataclass(frozen=True, slots=True, kw_only=True)
class Hand:
    """Who acts. by: for the events, e.g. "anna" or "key:crm".

    agent_id, agent: our person and their name, where it is one.
    """

    by: str
    agent_id: str | None = None
    agent: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """What came of a talk. due: the time agreed with the customer. note and questions are personal."""

    result: Result
    note: str | None = None
    due: datetime | None = None
    questions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """A touch as it was entered. customer: mail address or E.164 number. occurred_at None: just now.

    said: what came of a talk. promise_due, promise_via: what the customer was told would happen by when.
    """

    channel: Channel
    kind: Kind
    direction: Direction
    outcome: Outcome | None = None
    occurred_at: datetime | None = None
    ended_at: datetime | None = None
    customer: str | None = None
    customer_name: str | None = None
    subject: str | None = None
    text: str | None = None
    mailbox: str | None = None
    line: str | None = None
    team: str | None = None
    case_id: str | None = None
    in_reply_to: str | None = None
    partial: bool = False
    said: Said | None = None
    promise_due: datetime | None = None
    promise_via: str = "any"
    language: str | None = None
    priority: str = "normal"
    tags: tuple[str, ...] = ()
    external_ids: tuple[ExternalId, ...] = field(default_factory=tuple)


PREVIEW = 280


def manual_interaction(entry: Entry, hand: Hand, items: OpenItems, terms: Terms) -> Interaction:
    """The interaction behind an entry. Raises Refused where it contradicts itself or what is open."""
    now = items.now
    if entry.case_id and entry.case_id not in items.files:
        raise Refused(f"no case {entry.case_id} is there to put it in", remedy="leave `case_id` out: it is found")
    if entry.kind is Kind.PROMISE and not entry.case_id:
        raise Refused("a promise belongs to a case", remedy="give `case_id`, or record the talk with its `promise`")
    occurred_at = entry.occurred_at or now
    if occurred_at > now:
        raise Refused("it has not happened yet", remedy="`occurred_at` lies in the past; a plan is a `promise`")
    detail = _detail(entry, items, terms)
    outbound_talk = entry.kind in _SPOKEN and entry.direction is Direction.OUTBOUND
    if outbound_talk and detail.result is None and entry.outcome in (None, Outcome.REACHED):
        detail = _with_result(detail, Result.REACHED)
    owed = _called_back(entry, occurred_at, items.callbacks)
    if owed is not None:
        detail = replace(detail, callback_id=owed.id)
    return Interaction(
        id=items.new_id(),
        channel=entry.channel,
        kind=entry.kind,
        direction=entry.direction,
        actor=Actor.CUSTOMER if entry.direction is Direction.INBOUND else Actor.AGENT,
        outcome=_outcome(entry),
        occurred_at=occurred_at,
        ended_at=entry.ended_at,
        recorded_at=now,
        case_id=owed.case_id if owed else entry.case_id,
        in_reply_to=entry.in_reply_to,
        mailbox=entry.mailbox,
        line=entry.line,
        team=entry.team,
        agent_id=hand.agent_id,
        agent=hand.agent,
        partial=entry.partial,
        parties=_parties(entry),
        subject=entry.subject,
        preview=(entry.text or "")[:PREVIEW] or None,
        external_ids=entry.external_ids,
        language=entry.language,
        priority=entry.priority,
        tags=entry.tags,
        detail=detail,
    )


_CALLING = frozenset({Kind.CALL, Kind.ATTEMPT, Kind.VOICEMAIL})
_ENDED = frozenset({Outcome.REACHED, Outcome.NOT_REACHED, Outcome.LEFT_MESSAGE})
_TO_RING = frozenset({State.WAITING, State.CLAIMED, State.ESCALATED})


def _called_back(entry: Entry, at: datetime, callbacks: Iterable[Callback]) -> Callback | None:
    """The owed call that somebody made on a telephone of his own, without saying which it was.

    Not while one of ours is under way: that one has a result of its own. Nor what was before the customer last rang.
    """
    outbound = entry.direction is Direction.OUTBOUND and entry.channel is Channel.PHONE
    if not outbound or entry.kind not in _CALLING or _outcome(entry) not in _ENDED:
        return None
    number, final = identity_of(entry.customer), _ends(entry)
    made = [
        callback
        for callback in callbacks
        if callback.state in (_TO_RING | {State.HELD} if final else _TO_RING)
        and callback.live is None
        and number is not None
        and callback.number == number.value
        and entry.case_id in (None, callback.case_id)
        and at >= max(callback.opened_at, callback.rang_at or callback.opened_at)
    ]
    return min(made, key=lambda each: (each.line != entry.line, each.opened_at), default=None)


def _ends(entry: Entry) -> bool:
    """Whether nothing is owed after it; a try in vain would put a call that is held back into the queue."""
    if entry.said is not None:
        return entry.said.result in (Result.REACHED, Result.DECLINED)
    return _outcome(entry) is Outcome.REACHED


def callback_talk(callback: Callback, said: Said, hand: Hand, items: OpenItems, terms: Terms) -> Interaction:
    """What a person did about an owed call: a talk, or a try in vain."""
    outcome = OUTCOME[said.result]
    return Interaction(
        id=items.new_id(),
        channel=Channel.PHONE,
        kind=Kind.CALL if outcome is Outcome.REACHED else Kind.ATTEMPT,
        direction=Direction.OUTBOUND,
        actor=Actor.AGENT,
        outcome=outcome,
        occurred_at=items.now,
        recorded_at=items.now,
        case_id=callback.case_id,
        contact_id=callback.contact_id,
        line=callback.line,
        agent_id=hand.agent_id,
        agent=hand.agent,
        parties=(Party(Role.CALLEE, callback.number),) if callback.number else (),
        detail=said_detail(said, items, terms, items.files.get(callback.case_id), callback_id=callback.id),
    )


def said_detail(
    said: Said, items: OpenItems, terms: Terms, file: CaseFile | None, *, callback_id: str | None = None
) -> Detail:
    """What is kept of a result, with the promise it makes. Raises Refused where a time is missing or past."""
    due = said.due
    if said.result is Result.PARTLY and due is None:
        due = callback_due(file, items.now, terms)
    if said.result in (Result.CALL_AGAIN, Result.PARTLY):
        if due is None:
            raise Refused(f"'{said.result}' needs a time", remedy='give `due`, such as "2026-03-09T14:00:00+01:00"')
        if due <= items.now:
            raise Refused("the agreed time lies in the past", remedy="give a `due` that is still to come")
    elif due is not None:
        raise Refused(f"'{said.result}' agrees on no time", remedy="leave `due` out, or say `call_again`")
    return Detail(
        callback_id=callback_id,
        result=said.result.value,
        note=said.note,
        questions=said.questions,
        promise=Promise(id=items.new_id(), due_at=due, via="call") if due else None,
    )


def callback_due(file: CaseFile | None, now: datetime, terms: Terms) -> datetime | None:
    """When a callback owed from now on would be due under the policy of its case; None where it sets no such clock."""
    clock = callback_clock(file, now, terms)
    return clock.due_at if clock else None


def callback_clock(file: CaseFile | None, now: datetime, terms: Terms) -> Clock | None:
    """The clock that a missed call would start now, under the policy of its case."""
    inside = file.interactions if file else ()
    known = [touch for fact in inside for touch in touches_of(fact) if touch.kind is TouchKind.SET]
    asked = Touch(id="asked", at=now, kind=TouchKind.MISSED, channel="phone", facts={"channel": "phone"})
    found = clocks([*known, asked], terms.versions, file.case.attrs if file else {}, now)
    return next((clock for clock in found if clock.clock is ClockKind.CALLBACK), None)


def _detail(entry: Entry, items: OpenItems, terms: Terms) -> Detail:
    if entry.said is not None:
        return said_detail(entry.said, items, terms, items.files.get(entry.case_id or ""))
    if entry.promise_due is None:
        if entry.kind is Kind.PROMISE:
            raise Refused("a promise needs a time", remedy='give `promise = {"due_at": …}`')
        return Detail()
    if entry.promise_due <= items.now:
        raise Refused("the promised time lies in the past", remedy="give a `due_at` that is still to come")
    return Detail(promise=Promise(id=items.new_id(), due_at=entry.promise_due, via=entry.promise_via))


def _with_result(detail: Detail, result: Result) -> Detail:
    return Detail(promise=detail.promise, result=result.value)


def _outcome(entry: Entry) -> Outcome | None:
    if entry.said is not None:
        return OUTCOME[entry.said.result]
    return entry.outcome or _USUAL_OUTCOME.get(entry.kind)


def _parties(entry: Entry) -> tuple[Party, ...]:
    """A promise or note is made by us, yet about a customer: without the address nobody would find whose it is."""
    if not entry.customer:
        return ()
    spoken = entry.channel is Channel.PHONE
    if entry.direction is Direction.OUTBOUND:
        role = Role.CALLEE if spoken else Role.TO
    else:
        role = Role.CALLER if spoken else Role.FROM
    return (Party(role, entry.customer, entry.customer_name),)
