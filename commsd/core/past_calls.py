"""The past as the list of old calls tells it: who rang in vain, who was rung back and when, who still waits. Pure.

Calls come in any order. What is kept of each is small, for a past can hold a hundred thousand. A list knows no keys
pressed: a leg that was answered counts as a talk, a voicemail's too. Who reads the list, is `channels/phone/call_list`.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime

from commsd.core.number import parse_number
from commsd.core.past_mail import mark

ANSWERED = "completed"


@dataclass(frozen=True, slots=True, kw_only=True)
class ListedCall:
    """A call as Twilio lists it. seconds: from answer to end. Other fields: docs/voice/api/call-resource."""

    sid: str
    parent_sid: str | None = None
    direction: str
    caller: str = field(repr=False)
    called: str = field(repr=False)
    caller_name: str | None = field(default=None, repr=False)
    status: str
    started_at: datetime
    ended_at: datetime | None = None
    seconds: int = 0

    @property
    def inbound(self) -> bool:
        """Whether somebody rang a number of ours."""
        return self.direction == "inbound"

    @property
    def talked(self) -> bool:
        """Whether whoever was rung took it."""
        return self.status == ANSWERED and self.seconds > 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Vain:
    """A person who rang in vain, from the first ring. reached_at: None, still waits. rang_again: it took another ring.

    further: rings in vain after the first. tried: calls of ours that were not taken.
    """

    line: str
    number: str = field(repr=False)
    at: datetime
    further: int = 0
    tried: int = 0
    reached_at: datetime | None = None
    rang_again: bool = False


@dataclass(slots=True)
class Rung:
    """What one line took in. withheld: rings in vain without a number to ring back. direct: nobody was dialled, so a
    queue or a menu may have answered without a trace in the list; they count as in vain.
    """

    received: int = 0
    answered: int = 0
    in_vain: int = 0
    withheld: int = 0
    direct: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PastCalls:
    """What came of it. lines: in the order they were named. waits: by their beginning."""

    lines: Mapping[str, Rung]
    waits: tuple[Vain, ...]


@dataclass(frozen=True, slots=True)
class _Ring:
    at: datetime
    line: str
    number: str | None
    sid: int


@dataclass(frozen=True, slots=True)
class _Dialled:
    """A call of ours, or a leg. parent: zero for none."""

    at: datetime
    number: str
    talked: bool
    parent: int


class CallGathering:
    """Takes calls in one by one; `past` says what came of them. lines: name by number. own: our people's numbers."""

    def __init__(self, lines: Mapping[str, str], own: frozenset[str]) -> None:
        self._lines, self._own = lines, own
        self._rings: list[_Ring] = []
        self._dialled: list[_Dialled] = []
        self._legs: dict[int, bool] = {}

    def take(self, call: ListedCall) -> None:
        """One call or leg of the list."""
        if call.parent_sid:
            parent = mark(call.parent_sid)
            self._legs[parent] = self._legs.get(parent, False) or call.talked
        if call.inbound:
            self._inbound(call)
        elif call.called not in self._own and (number := parse_number(call.called)):
            parent = mark(call.parent_sid) if call.parent_sid else 0
            self._dialled.append(_Dialled(call.started_at, number.e164, call.talked, parent))

    def _inbound(self, call: ListedCall) -> None:
        line = self._lines.get(call.called)
        if line is None or call.caller in self._own or call.ended_at is None:
            return
        number = parse_number(call.caller)
        self._rings.append(_Ring(call.started_at, line, number.e164 if number else None, mark(call.sid)))

    def past(self) -> PastCalls:
        """Who waited for how long."""
        lines = {name: Rung() for name in self._lines.values()}
        events: dict[str, list[tuple[datetime, _Ring | _Dialled]]] = defaultdict(list)
        for ring in self._rings:
            self._count(lines[ring.line], ring)
            if ring.number:
                events[ring.number].append((ring.at, ring))
        theirs = {ring.sid for ring in self._rings}
        for dialled in self._dialled:
            if dialled.parent not in theirs and dialled.number in events:
                events[dialled.number].append((dialled.at, dialled))
        waits = [wait for number, told in events.items() for wait in self._waits(number, told)]
        return PastCalls(lines=lines, waits=tuple(sorted(waits, key=lambda wait: wait.at)))

    def _count(self, line: Rung, ring: _Ring) -> None:
        line.received += 1
        if self._legs.get(ring.sid):
            line.answered += 1
            return
        line.in_vain += 1
        line.withheld += ring.number is None
        line.direct += ring.sid not in self._legs

    def _waits(self, number: str, told: list[tuple[datetime, "_Ring | _Dialled"]]) -> Iterator[Vain]:
        first: _Ring | None = None
        further = tried = 0
        for at, event in sorted(told, key=lambda each: each[0]):
            ring = isinstance(event, _Ring)
            talked = self._legs.get(event.sid, False) if isinstance(event, _Ring) else event.talked
            if first is None:
                if isinstance(event, _Ring) and not talked:
                    first, further, tried = event, 0, 0
            elif not talked:
                further, tried = further + ring, tried + (not ring)
            else:
                yield _vain(first, number, further, tried, at, rang_again=ring)
                first = None
        if first is not None:
            yield _vain(first, number, further, tried, None, rang_again=False)


def _vain(first: _Ring, number: str, further: int, tried: int, reached: datetime | None, *, rang_again: bool) -> Vain:
    return Vain(
        line=first.line,
        number=number,
        at=first.at,
        further=further,
        tried=tried,
        reached_at=reached,
        rang_again=rang_again,
    )
