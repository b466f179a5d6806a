"""One call as one decision sees it: its webhooks folded, with what the house and the open items say of it. Pure.

What is said to the caller from it stands in scene.py, what is recorded in intake.py.
"""

from collections.abc import Mapping
from copy import copy
from dataclasses import dataclass, field
from datetime import datetime

from commsd.channels.phone.call import PINGS, is_glimpse, is_short, reason_for, state_with
from commsd.channels.phone.call_state import CallState, Leg
from commsd.channels.phone.line import Callbacks, Line, line_of
from commsd.channels.phone.turns import Turn
from commsd.channels.phone.twiml import language_for
from commsd.config.unit import Minutes
from commsd.core import key
from commsd.core.agent import Agent
from commsd.core.belonging import firm_of, owner_of, whose
from commsd.core.calendar import Calendar, in_zone, is_open
from commsd.core.fact import replace
from commsd.core.firm import Firm
from commsd.core.interaction import (
    CALL_SID,
    Actor,
    Channel,
    Detail,
    Direction,
    ExternalId,
    Interaction,
    Kind,
    Outcome,
    Party,
    Role,
)
from commsd.core.number import Number
from commsd.core.open_items import OpenItems, Terms
from commsd.core.screen import screened, typed_number

RECORDING_SID = "twilio.recording-sid"

SHORT = "short"
"""The reason of a call that was answered and dropped within seconds: whether to ring back, a person says."""

PING = "ping"
"""The tag of a call that rang, again and again, only to be seen."""


CONFLICT = "conflict"
"""The tag of a call of which Twilio's REST API and its webhooks told two different ends. telephony.md R5."""


@dataclass(frozen=True, slots=True, kw_only=True)
class House:
    """What a call is decided with. base: the public URL under which Twilio reaches us, without a slash at its end.

    regions: where a number given on the keys may lie; None: anywhere. quiet: when no customer is rung, on his clock.
    busy: telephones of our people that a callback holds. turns: those that owed calls wait for. connect_url: as in
    `[twilio]`.
    """

    firm: Firm
    lines: Mapping[str, Line]
    base: str
    terms: Terms
    regions: frozenset[str] | None = None
    quiet: Minutes = Callbacks().quiet_hours
    busy: frozenset[str] = frozenset()
    turns: Mapping[str, Turn] = field(default_factory=dict)
    connect_url: str | None = None

    @property
    def numbers(self) -> frozenset[str]:
        """The numbers of our lines."""
        return frozenset(line.number.e164 for line in self.lines.values())

    def hours(self, line: Line | None, at: datetime) -> Calendar | None:
        """When the line may ring anybody, under the rules in force then; None for always."""
        version = self.terms.in_force(at) if line and line.calendar else None
        calendar = version.calendars.get(line.calendar) if version and line and line.calendar else None
        return in_zone(calendar, self.firm.timezone) if calendar else None

    def line_of(self, called: str) -> Line | None:
        """The line of a number."""
        return line_of(self.lines, called)

    def colleague(self, number: Number | None) -> Agent | None:
        """Whose of our own people's telephone it is."""
        agents = self.firm.people.agents.values()
        return next((agent for agent in agents if number and agent.phone == number.e164), None)


class Seen:
    """A call in one decision.

    number: the one shown, typed: the one given on the keys. colleague: no customer, so nothing is recorded.
    ourselves: not even a person, but a leg to one of us that was forwarded back to a line, under that line's number.
    owner: who of us looks after the caller, or after the caller's firm; an agent's id.
    """

    def __init__(self, state: CallState, house: House, items: OpenItems) -> None:
        self.state, self.house, self.items = state, house, items
        self.line = house.line_of(state.called)
        self.known = items.known.get(key.of_call(state.sid))
        self.number = state.number
        self.typed = self._typed_number()
        self.ourselves = state.inbound and self.number is not None and self.number.e164 in house.numbers
        self.colleague = not state.inbound or self.ourselves or house.colleague(state.number) is not None
        self.contact, _ = whose(self._customer(), items)
        self.owner = owner_of(self.contact, firm_of(self.contact, self._customer(), items))
        self.language, self.language_cause = self._language()

    def after(self, answered: Mapping[str, bytes]) -> "Seen":
        """The same call after these answers too; they change neither who rang nor what is known of him."""
        later = copy(self)
        later.state = state_with(self.state, answered)
        return later

    @property
    def callable_(self) -> bool:
        return self.number is not None or self.typed is not None

    def missing(self, keys: tuple[str, ...]) -> tuple[str, ...]:
        """Keys this decision hangs on and was not taken under; all of them, if any."""
        numbers = (number.e164 for number in (self.number, self.typed) if number)
        needed = (key.of_call(self.state.sid), *key.of_addresses(*numbers))
        return tuple(dict.fromkeys((*keys, *needed))) if set(needed) - set(keys) else ()

    def may_be_rung(self, digits: str) -> Number | None:
        """The number that was given on the keys; None for one that no machine rings, or that is our own."""
        number, regions = self._as_typed(digits), self.house.regions
        if number is None or number.e164 in self.house.numbers or self.house.colleague(number):
            return None
        return None if regions is not None and screened(number, regions) else number

    def _as_typed(self, digits: str) -> Number | None:
        """The number as the caller means it: as it is dialled where the caller is, else where the line is."""
        ours = self.line.number.region if self.line else self.house.firm.country
        places = (self.number.region if self.number else None, ours and ours[:2])
        read = (typed_number(digits, place) for place in dict.fromkeys(places))
        return next((number for number in read if number), None)

    def _typed_number(self) -> Number | None:
        numbers = map(self.may_be_rung, self.state.typed)
        return next((number for number in numbers if number), None)

    def _customer(self) -> str | None:
        """The number by which we know the caller: the one shown, else the one given."""
        number = self.number or self.typed
        return number.e164 if number else None

    def _language(self) -> tuple[str, str]:
        if self.known and self.known.language and self.known.language_cause:
            return self.known.language, self.known.language_cause
        country = self.number.region if self.number else self.state.country
        languages = self.line.languages if self.line else self.house.firm.languages
        wanted = self.contact.language if self.contact else None
        return language_for(wanted, country, languages, default=self.house.firm.languages[0])

    def closed(self, at: datetime) -> bool:
        """Whether the line's hours forbid to ring anybody. Without a calendar it is always open."""
        calendar = self.house.hours(self.line, at)
        return calendar is not None and not is_open(calendar, at)

    def fact(self, outcome: Outcome) -> Interaction:
        """The call as an interaction; a first verdict is revision 2, also where the call was never seen alive."""
        state, line, now = self.state, self.line, self.items.now
        report, leg = state.bridged, state.accepted if outcome is Outcome.REACHED else None
        agent = self._agent(report.leg_sid if report else None, leg) if outcome is Outcome.REACHED else None
        recording = (ExternalId(RECORDING_SID, state.recording_sid),) if state.recording_sid else ()
        settled = outcome is not Outcome.PENDING
        base = self.known or Interaction(
            id=self.items.new_id(),
            revision=1 if settled else 0,
            channel=Channel.PHONE,
            kind=Kind.CALL,
            direction=Direction.INBOUND,
            actor=Actor.CUSTOMER,
            occurred_at=min(state.first_at, now),
            recorded_at=now,
            detail=Detail(observed=line.observe if line else self.house.firm.observe),
        )
        return replace(
            base,
            revision=base.revision + 1,
            recorded_at=now,
            outcome=outcome,
            status_raw=(report.status if report else None) or state.status,
            reason=self._reason(outcome),
            ended_at=state.over_at,
            ring=leg.accepted_at - state.first_at if leg and leg.accepted_at else None,
            talk=report.talk if report else None,
            total=state.total or (state.over_at - state.first_at if state.over_at else None),
            line=line.name if line else None,
            team=line.team if line else None,
            agent_id=agent.id if agent else None,
            agent=agent.name if agent else None,
            parties=self._parties(agent),
            external_ids=(ExternalId(CALL_SID, state.sid), *recording),
            language=self.language,
            language_cause=self.language_cause,
            tags=self._tags(outcome),
        )

    def _tags(self, outcome: Outcome) -> tuple[str, ...]:
        pings = outcome is Outcome.MISSED and self._pings()
        return (*([PING] if pings else []), *([CONFLICT] if self.state.conflict else []))

    def _reason(self, outcome: Outcome) -> str | None:
        if outcome is Outcome.REACHED:
            return SHORT if is_short(self.state) else None
        return reason_for(self.state, closed=self.closed(self.state.first_at)) if outcome is Outcome.MISSED else None

    def _pings(self) -> bool:
        """Whether the number rang briefly, and for more than the fifth time on that day."""
        return is_glimpse(self.state) and self._rung_today() > PINGS

    def _rung_today(self) -> int:
        """How often this number has rung us on the day of this call, this call included."""
        day, shown = self.house.firm.day(self.state.first_at), self._customer()
        earlier = {
            fact.id
            for file in self.items.files.values()
            for fact in file.interactions
            if fact.kind is Kind.CALL
            and fact.direction is Direction.INBOUND
            and fact.external(CALL_SID) != self.state.sid
            and fact.address(Role.CALLER) == shown
            and self.house.firm.day(fact.occurred_at) == day
        }
        return len(earlier) + 1 if shown else 0

    def _parties(self, agent: Agent | None) -> tuple[Party, ...]:
        shown = self._customer() or (self.state.caller if ":" in self.state.caller else None)
        parties = [Party(Role.CALLER, shown, self.state.caller_name)] if shown else []
        if self.state.called:
            parties.append(Party(Role.CALLEE, self.state.called))
        if agent and agent.phone:
            parties.append(Party(Role.AGENT, agent.phone, agent.name))
        return tuple(parties)

    def _agent(self, leg_sid: str | None, accepted: Leg | None) -> Agent | None:
        """Who talked: whose telephone the bridged leg rang."""
        bridged = next((leg for leg in self.state.legs.values() if leg_sid and leg.sid == leg_sid), accepted)
        agents = self.house.firm.people.agents.values()
        return next((agent for agent in agents if bridged and agent.phone == bridged.number), None)
