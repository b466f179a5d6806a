"""What is known of a call: its legs, what its Dials reported, who of us took it. call.py folds it out of webhooks.

Pure.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import takewhile

from commsd.core.number import Number, parse_number


@dataclass(frozen=True, slots=True, kw_only=True)
class Leg:
    """One of our people's telephones, rung for this call.

    status: as Twilio last had it, in its own order; what its REST API said wins. picked_up: somebody or something
    answered. accepted_at: key 1. conflict: REST and webhooks told two different ends.
    """

    sid: str | None = None
    number: str | None = None
    status: str | None = None
    picked_up: bool = False
    accepted_at: datetime | None = None
    ended_at: datetime | None = None
    conflict: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What the action of a Dial said. bridged None: it did not say."""

    bridged: bool | None = None
    status: str | None = None
    leg_sid: str | None = None
    talk: timedelta | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class CallState:
    """All that is known of a call. Instants are ours but for `hung_up_at`, which is Twilio's word where it gave one.

    dials: rounds that were handed out. asked_at: when Twilio's REST API was last asked. typed: numbers given on the
    keys and not taken back, the latest first. declined: the caller wants no call. swept: found in Twilio's call list,
    and no webhook told of it. differs: Twilio's REST API and its webhooks told two ends of the caller's leg.
    """

    sid: str
    caller: str = ""
    called: str = ""
    forwarded_from: str = ""
    country: str | None = None
    caller_name: str | None = None
    direction: str | None = None
    first_at: datetime
    last_at: datetime
    ended_at: datetime | None = None
    hung_up_at: datetime | None = None
    status: str | None = None
    total: timedelta | None = None
    dials: frozenset[int] = frozenset()
    reports: Mapping[int, Report] = field(default_factory=dict)
    legs: Mapping[tuple[int, int], Leg] = field(default_factory=dict)
    offered: bool = False
    declined: bool = False
    typed: tuple[str, ...] = ()
    recording_sid: str | None = None
    fallback: bool = False
    swept: bool = False
    asked_at: datetime | None = None
    differs: bool = False

    @property
    def conflict(self) -> bool:
        """Whether Twilio told two different ends of any leg; telephony.md R5."""
        return self.differs or any(leg.conflict for leg in self.legs.values())

    @property
    def over_at(self) -> datetime | None:
        """When the caller's leg was over: by Twilio's clock where it said so, for its word may have come much later."""
        told = min((at for at in (self.hung_up_at, self.ended_at) if at is not None), default=None)
        return max(told, self.first_at) if told else None

    @property
    def inbound(self) -> bool:
        """Whether a customer rang us; calls that we place are another matter."""
        return self.direction in (None, "inbound")

    @property
    def number(self) -> Number | None:
        """The caller's number; None where it was withheld or cannot be rung."""
        return parse_number(self.caller)

    @property
    def accepted(self) -> Leg | None:
        """The leg on which one of us took the call, in the latest round of several."""
        return next((leg for place, leg in reversed(self._pressed) if not self.taken_from(*place)), None)

    @property
    def _pressed(self) -> list[tuple[tuple[int, int], Leg]]:
        legs = [each for each in self.legs.items() if each[1].accepted_at]
        return sorted(legs, key=lambda each: (each[1].accepted_at, each[0]))

    def taken_from(self, number: int, place: int) -> bool:
        """Whether another of this round had pressed 1 before, and was still there; telephony.md 6b, RINGING."""
        own = self.legs.get((number, place), Leg()).accepted_at
        before = takewhile(lambda each: each[0] != (number, place), self._pressed)
        return any(
            at[0] == number and (leg.ended_at is None or (own is not None and own <= leg.ended_at))
            for at, leg in before
        )

    @property
    def bridged(self) -> Report | None:
        """The report that says two people were joined."""
        return next((report for report in self.reports.values() if report.bridged), None)
