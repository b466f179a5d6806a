"""A touch: one interaction as the SLA engine sees it. What a touch does to which clock stands in obligation.py."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Literal

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


@dataclass(frozen=True, slots=True, kw_only=True)
class Touch:
    """One interaction with a case.

    at: when it reached us or left us; recorded_at: when we wrote it down. Aware UTC.
    direction: of a talk; without one we reached the customer.
    auto: sent by a machine. observed: taken in observe mode, starts no ack clock. partial: "we are looking into it".
    reason: of a hold. promise, due, via, replaces: of a promise. keeps: the promises an answer keeps; empty: all.
    attrs: of a set. facts: what rules match on that belongs to this touch (channel, mailbox, from, ...).
    touch: the id that a void takes back. void_case: a close as junk.
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
    touch: str | None = None
    void_case: bool = False

    @property
    def time(self) -> datetime:
        """When it counts: nothing happens after its own record."""
        return self.at if self.recorded_at is None or self.at <= self.recorded_at else self.recorded_at
