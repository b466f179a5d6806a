"""A touch: one interaction as the SLA engine sees it. What a touch does to which clock stands in obligation.py."""

import re
from collections.abc import Mapping
from dataclasses import field
from datetime import datetime
from enum import StrEnum
from typing import Literal

from commsd.core.fact import fact, replace
from commsd.core.interaction import (
    DECLINED,
    PUT_OFF,
    Actor,
    Automation,
    Channel,
    Direction,
    Interaction,
    Kind,
    Outcome,
    Role,
)

_WORD = re.compile(r"\w[\w-]*")

Facts = Mapping[str, str | tuple[str, ...]]


class TouchKind(StrEnum):
    """What happened, in the engine's words."""

    IN = "in"
    OUT = "out"
    TALK = "talk"
    MISSED = "missed"
    ATTEMPT = "attempt"
    NOTE = "note"
    HOLD = "hold"
    RELEASE = "release"
    CLOSE = "close"
    REOPEN = "reopen"
    PROMISE = "promise"
    SET = "set"
    VOID = "void"
    MERGED = "merged"
    CALLBACK_CLOSED = "callback_closed"


@fact
class Touch:
    """One interaction with a case.

    at: when it reached us or left us; recorded_at: when we wrote it down. Aware UTC.
    direction: of a talk; without one we reached the customer.
    auto: sent by a machine. observed: taken in observe mode, starts no ack clock. partial: "we are looking into it".
    reason: of a hold. promise, due, via, replaces: of a promise. keeps: the promises an answer keeps; empty: all.
    attrs: of a set. facts: what rules match on that belongs to a customer's touch (channel, mailbox, from, ...).
    callbacks: what a missed call opened or joined, or what a talk, a try or a closing is about; empty: all there are.
    touch: the id that a void takes back, or of the customer's touch behind a set `by_rule`. void_case: a close as junk.
    """

    id: str
    at: datetime
    kind: TouchKind
    recorded_at: datetime | None = None
    channel: str = ""
    direction: Literal["in", "out"] = "out"
    auto: bool = False
    observed: bool = False
    partial: bool = False
    reason: str | None = None
    promise: str | None = None
    due: datetime | None = None
    via: Literal["any", "call"] = "any"
    replaces: str | None = None
    keeps: tuple[str, ...] = ()
    attrs: Mapping[str, str] = field(default_factory=dict)
    facts: Facts = field(default_factory=dict)
    callbacks: tuple[str, ...] = ()
    touch: str | None = None
    void_case: bool = False
    by_rule: bool = False

    @property
    def from_elsewhere(self) -> bool:
        """Whether the customer rang us, and was answered, on a number that is owed no call."""
        rang = self.kind is TouchKind.TALK and self.direction == "in" and self.channel == Channel.PHONE.value
        return rang and not self.callbacks

    @property
    def time(self) -> datetime:
        """When it counts: nothing happens after its own record."""
        return self.at if self.recorded_at is None or self.at <= self.recorded_at else self.recorded_at


def touches_of(interaction: Interaction) -> tuple[Touch, ...]:
    """The touches behind one interaction; sla/README.md section 8. None for what concerns no clock."""
    kind = _kind(interaction)
    promise = interaction.detail.promise
    touches: tuple[Touch, ...] = (_touch(interaction, kind),) if kind else ()
    if promise and kind is not TouchKind.PROMISE:
        touches += (_touch(interaction, TouchKind.PROMISE),)
    if kind is not TouchKind.CALLBACK_CLOSED:
        return touches
    return touches + tuple(withdrawal(touches[0], promise) for promise in interaction.detail.withdraws)


def withdrawal(closed: Touch, promise: str) -> Touch:
    """The touch by which nobody owes this promise any longer: one that replaces it and promises nothing.

    Closing alone touches no promise, `replaces` ends one (sla/README.md section 5); one that is late stays late.
    """
    return replace(closed, kind=TouchKind.PROMISE, replaces=promise)


_WRITTEN = frozenset({Kind.MESSAGE, Kind.ACK})
_SPOKEN = frozenset({Kind.CALL, Kind.MEETING})
_INTERNAL = {
    Kind.HOLD: TouchKind.HOLD,
    Kind.RELEASE: TouchKind.RELEASE,
    Kind.CLOSE: TouchKind.CLOSE,
    Kind.REOPEN: TouchKind.REOPEN,
    Kind.SET: TouchKind.SET,
    Kind.VOID: TouchKind.VOID,
    Kind.PROMISE: TouchKind.PROMISE,
    Kind.MERGE: TouchKind.MERGED,
}
_VAIN = frozenset({Outcome.NOT_REACHED, Outcome.LEFT_MESSAGE})
_NEVER_WAS = frozenset({Outcome.PENDING, Outcome.FAILED, Outcome.SUPPRESSED, Outcome.CANCELLED})


def _kind(interaction: Interaction) -> TouchKind | None:
    kind, inbound = interaction.kind, interaction.direction is Direction.INBOUND
    if kind is Kind.CLOSE and interaction.detail.callback_id:
        return TouchKind.CALLBACK_CLOSED
    if kind in _INTERNAL:
        return _INTERNAL[kind]
    if interaction.outcome in _NEVER_WAS:
        return None
    if kind is Kind.MESSAGE and inbound and interaction.detail.order == PUT_OFF and interaction.detail.callbacks:
        return TouchKind.CALLBACK_CLOSED  # not by that clock any more: by the promise that follows
    if kind is Kind.MESSAGE and inbound and (interaction.actor is Actor.AGENT or interaction.detail.order):
        return TouchKind.NOTE  # among ourselves, or told to our machine
    if kind in _WRITTEN or (kind is Kind.NOTE and interaction.direction is Direction.OUTBOUND):
        return TouchKind.IN if inbound else TouchKind.OUT
    if kind in _SPOKEN:
        return _spoken(interaction, inbound)
    if kind is Kind.ATTEMPT or (kind is Kind.VOICEMAIL and not inbound):
        return TouchKind.ATTEMPT
    return TouchKind.NOTE if kind is Kind.NOTE else None


def _spoken(interaction: Interaction, inbound: bool) -> TouchKind | None:
    if interaction.outcome is Outcome.MISSED:
        owed = TouchKind.CALLBACK_CLOSED if interaction.reason == DECLINED else TouchKind.MISSED
        return owed if inbound else TouchKind.ATTEMPT
    if interaction.outcome in _VAIN:
        return TouchKind.ATTEMPT
    if inbound or interaction.kind is Kind.MEETING or interaction.detail.result:
        return TouchKind.TALK
    return None  # an outbound call was bridged, but what came of it was not yet said


BY_RULE = "rule"
"""The reason of a `set` that a rule made; core/rule_set.py."""

_RECIPIENTS = frozenset({Role.TO, Role.CC})
_SPEAKERS = frozenset({Role.FROM, Role.CALLER})
_CUSTOMER = frozenset({TouchKind.IN, TouchKind.TALK, TouchKind.MISSED})


def _touch(interaction: Interaction, kind: TouchKind) -> Touch:
    detail = interaction.detail
    promise = detail.promise if kind is TouchKind.PROMISE else None
    by_rule = kind is TouchKind.SET and interaction.actor is Actor.MACHINE and detail.reason == BY_RULE
    return Touch(
        id=interaction.id,
        at=interaction.occurred_at,
        recorded_at=interaction.recorded_at,
        kind=kind,
        channel=interaction.channel.value,
        direction="in" if interaction.direction is Direction.INBOUND else "out",
        auto=interaction.automation is not Automation.NONE or interaction.actor is Actor.MACHINE,
        observed=detail.observed,
        partial=interaction.partial,
        reason=detail.reason,
        promise=promise.id if promise else None,
        due=promise.due_at if promise else None,
        via="call" if promise and promise.via == "call" else "any",
        replaces=promise.replaces if promise else None,
        keeps=detail.keeps,
        attrs=detail.attrs,
        facts=_facts(interaction) if kind in _CUSTOMER else {},
        callbacks=(detail.callback_id,) if detail.callback_id else detail.callbacks,
        touch=interaction.caused_by if by_rule else detail.voids,
        void_case=detail.void_case,
        by_rule=by_rule,
    )


def _facts(interaction: Interaction) -> Facts:
    """What rules match on of a customer's touch; a key the channel does not have is not there, so it does not match."""
    facts: dict[str, str | tuple[str, ...] | None] = {
        "channel": interaction.channel.value,
        "mailbox": interaction.mailbox,
        "line": interaction.line,
        "language": interaction.language,
        "keywords": words(interaction.subject, interaction.preview),
    }
    to: list[str] = []
    for party in interaction.parties:
        if party.role in _RECIPIENTS:
            to.append(party.address)
        elif party.role in _SPEAKERS:
            facts.setdefault(party.role.value, party.address)
    facts["to"] = tuple(to)
    return {key: value for key, value in facts.items() if value}


def words(subject: str | None, preview: str | None) -> tuple[str, ...]:
    """The words that `keywords` are looked for in, each once, in order, folded; for `store.history` too."""
    return tuple(dict.fromkeys(_WORD.findall(f"{subject or ''} {preview or ''}".casefold())))
