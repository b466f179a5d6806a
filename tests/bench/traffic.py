"""Three months of a service desk, made up but true to form: when cases come, and what can happen in one. Pure.

Deterministic: the same numbers give the same past. Arrivals follow hour and weekday in Berlin over the change to summer
time; people answer in their working hours. Clocks are computed by the engine when a case is finished. What does happen
is told in `stories`.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, time, timedelta
from itertools import accumulate
from typing import Any
from zoneinfo import ZoneInfo

from commsd.core.callback import Callback
from commsd.core.case import CaseFile, closing_at, moved_by, opened_by
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity
from commsd.core.interaction import (
    CALL_SID,
    MESSAGE_ID,
    Actor,
    CaseCause,
    Channel,
    ContactMatch,
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
from commsd.core.owed_call import callbacks_after
from commsd.core.policy import Version
from commsd.core.recompute import clocks_after
from commsd.core.touch import BY_RULE

BERLIN = ZoneInfo("Europe/Berlin")
SINCE = datetime(2026, 1, 5, tzinfo=BERLIN)
UNTIL = datetime(2026, 4, 6, tzinfo=BERLIN)
"""Ninety-one days, summer time begins on one of them."""

BY_WEEKDAY = (125, 110, 105, 100, 85, 26, 18)
BY_HOUR = (4, 3, 2, 2, 3, 6, 14, 32, 70, 98, 100, 90, 70, 76, 84, 78, 66, 48, 36, 30, 27, 22, 15, 8)

SUBJECTS = {
    "de": ("Lieferung", "Rechnung", "Termin", "Zugang gesperrt", "Frage zum Vertrag", "Kündigung"),
    "en": ("Delivery", "Invoice", "Appointment", "Login blocked", "A question", "Cancellation"),
    "da": ("Levering", "Faktura", "Aftale", "Adgang", "Spørgsmål", "Opsigelse"),
    "id": ("Pengiriman", "Faktur", "Janji temu", "Akses", "Pertanyaan", "Cancel"),
}
LANGUAGES = ("de", "de", "de", "de", "en", "en", "da", "id")
TIERS = (None,) * 8 + ("gold", "platinum")
ZONES = (None,) * 7 + ("Europe/Copenhagen", "Asia/Jakarta", "America/New_York")
TEAMS = ("service", "service", "sales", "technical")
AGENTS = ("anna", "bo", "cai")

_MASK = (1 << 64) - 1
CASES_EACH = 3
"""So many cases in a row are two people's: some come back."""


class Dice:
    """Numbers that look like chance and are the same each time (SplitMix64)."""

    def __init__(self, seed: int) -> None:
        self._state = (seed * 0x9E3779B97F4A7C15 + 0x1B873593) & _MASK

    def roll(self) -> float:
        """From 0 up to, not including, 1."""
        self._state = (self._state + 0x9E3779B97F4A7C15) & _MASK
        word = self._state
        word = ((word ^ (word >> 30)) * 0xBF58476D1CE4E5B9) & _MASK
        word = ((word ^ (word >> 27)) * 0x94D049BB133111EB) & _MASK
        return ((word ^ (word >> 31)) >> 11) / (1 << 53)

    def of(self, values: Sequence[Any]) -> Any:
        return values[int(self.roll() * len(values))]

    def minutes(self, usual: float) -> timedelta:
        """A time to react: mostly about `usual`, now and then ten times that."""
        share = self.roll()
        return timedelta(minutes=usual * (0.2 + share + (8 * (share - 0.9) / 0.1 if share > 0.9 else 0)))


class Arrivals:
    """When the n-th of all cases comes, in order."""

    def __init__(self, cases: int) -> None:
        self._cases = cases
        hours = int((UNTIL - SINCE) / timedelta(hours=1))
        self._begins = [SINCE.astimezone(UTC) + timedelta(hours=hour) for hour in range(hours)]
        local = (begin.astimezone(BERLIN) for begin in self._begins)
        self._sums = list(accumulate(BY_WEEKDAY[at.weekday()] * BY_HOUR[at.hour] for at in local))

    def at(self, number: int) -> datetime:
        """To the millisecond, as the log has it."""
        place = (number + 0.5) / self._cases * self._sums[-1]
        hour = bisect_left(self._sums, place)
        before = self._sums[hour - 1] if hour else 0
        share = (place - before) / (self._sums[hour] - before)
        return self._begins[hour] + timedelta(milliseconds=int(share * 3_600_000))


def at_work(at: datetime) -> datetime:
    """The same time where somebody is in the office then, else the next morning of work."""
    local = at.astimezone(BERLIN)
    while local.weekday() > 4 or not time(8, 30) <= local.time() < time(17, 45):
        early = local.weekday() <= 4 and local.time() < time(8, 30)
        day = local.date() if early else local.date() + timedelta(days=1)
        minute = at.second % 40
        local = datetime.combine(day, time(8, 30), BERLIN) + timedelta(minutes=minute, seconds=at.microsecond % 50)
    return local.astimezone(UTC).replace(microsecond=at.microsecond)


@dataclass(frozen=True, slots=True)
class World:
    """What the past happens under. now: nothing happens after it. at: when a case comes."""

    versions: tuple[Version, ...]
    now: datetime
    at: Callable[[int], datetime]


class Story:
    """One case while it happens. `now` is the time of the last that was said."""

    def __init__(self, number: int, world: World) -> None:
        self.number, self.world = number, world
        self.dice = Dice(number)
        self.now = world.at(number)
        self.facts: list[Interaction] = []
        self.former: list[Interaction] = []
        self._ids = 0
        who = number // CASES_EACH * 2 + min(number % CASES_EACH, 1)
        person = Dice(who + 10**9)
        self.language = person.of(LANGUAGES)
        self.contact = Contact(
            id=_id(datetime(2026, 1, 1, tzinfo=UTC), who, 0xFFF),
            created_at=SINCE,
            name=f"Customer {who}",
            identities=(Identity("email", f"c{who}@example.org"), Identity("phone", f"+4930{23000000 + who}")),
            language=self.language,
            timezone=person.of(ZONES),
            tier=person.of(TIERS),
            owner=person.of((None, None, *AGENTS)),
        )
        self.phone = f"+4940{23000000 + number}"
        self.is_first_of_contact = number % CASES_EACH < 2
        self.case_id = self.new_id()
        self.team = self.dice.of(TEAMS)
        self.agent = self.dice.of(AGENTS)
        urgent = self.dice.roll() < 0.02
        self.subject = SUBJECTS[self.language][-1 if urgent else int(self.dice.roll() * 5)]

    def new_id(self) -> str:
        self._ids += 1
        return _id(self.now, self.number, self._ids)

    def wait(self, span: timedelta, *, work: bool = True) -> None:
        self.now = at_work(self.now + span) if work else self.now + span
        self.now = self.now.replace(microsecond=self.now.microsecond // 1000 * 1000)

    def react(self, minutes: float) -> None:
        """Somebody of ours gets round to it."""
        self.wait(self.dice.minutes(minutes))

    def return_(self, hours: float) -> None:
        """The customer comes back to it, at any hour."""
        self.wait(self.dice.minutes(hours * 60), work=False)

    def add(self, kind: Kind, channel: Channel, direction: Direction, actor: Actor, **more: Any) -> Interaction:
        first = not self.facts
        given: dict[str, Any] = {"occurred_at": self.now, "recorded_at": self.now + timedelta(milliseconds=40)} | more
        fact = Interaction(
            id=self.new_id(),
            channel=channel,
            kind=kind,
            direction=direction,
            actor=actor,
            case_id=self.case_id,
            case_cause=CaseCause.NEW if first else CaseCause.REFERENCE,
            contact_id=self.contact.id,
            contact_match=ContactMatch.EXACT,
            team=self.team,
            **given,
        )
        self.facts.append(fact)
        return fact

    def mail(self, channel: Channel = Channel.EMAIL) -> None:
        again = bool(self.facts)
        fact = self.add(
            Kind.MESSAGE,
            channel,
            Direction.INBOUND,
            Actor.CUSTOMER,
            outcome=Outcome.REACHED,
            mailbox="post" if channel is Channel.LETTER else "support",
            subject=f"Re: {self.subject}" if again else self.subject,
            preview=f"{self.subject}: {self.number} …",
            parties=(
                Party(Role.FROM, f"c{self.number}@example.org", self.contact.name),
                Party(Role.TO, "support@example.com"),
            ),
            language=self.language,
            language_cause="detected",
            external_ids=(ExternalId(MESSAGE_ID, f"m{self.number}.{len(self.facts)}@example.org"),),
        )
        urgent = channel is not Channel.LETTER and self.subject == SUBJECTS[self.language][-1]
        if urgent and not any("priority" in known.detail.attrs for known in self.facts):
            self.add(  # what the rules' own `set` makes of it
                Kind.SET,
                channel,
                Direction.INTERNAL,
                Actor.MACHINE,
                occurred_at=fact.occurred_at,
                recorded_at=fact.recorded_at,
                caused_by=fact.id,
                detail=Detail(reason=BY_RULE, attrs={"priority": "urgent"}),
            )

    def ack(self) -> None:
        """Queued with the mail, gone some seconds later: two revisions."""
        cause = self.facts[-1].id
        queued = self.add(
            Kind.ACK,
            Channel.EMAIL,
            Direction.OUTBOUND,
            Actor.MACHINE,
            outcome=Outcome.PENDING,
            mailbox="support",
            in_reply_to=cause,
            caused_by=cause,
            language=self.language,
            subject=f"Re: {self.subject}",
            parties=(Party(Role.TO, f"c{self.number}@example.org"),),
        )
        self.former.append(queued)
        self.wait(timedelta(seconds=1 + int(self.dice.roll() * 15)), work=False)
        self.facts[-1] = replace(
            queued, revision=2, outcome=Outcome.REACHED, occurred_at=self.now, recorded_at=self.now
        )

    def answer(self, *, partial: bool = False) -> None:
        self.add(
            Kind.MESSAGE,
            Channel.EMAIL,
            Direction.OUTBOUND,
            Actor.AGENT,
            outcome=Outcome.REACHED,
            mailbox="support",
            partial=partial,
            agent_id=self.agent,
            agent=self.agent.title(),
            subject=f"Re: {self.subject}",
            parties=(Party(Role.TO, f"c{self.number}@example.org"),),
            external_ids=(ExternalId(MESSAGE_ID, f"a{self.number}.{len(self.facts)}@example.com"),),
        )

    def call(self, outcome: Outcome) -> Interaction:
        """The customer rings."""
        return self.add(
            Kind.CALL,
            Channel.PHONE,
            Direction.INBOUND,
            Actor.CUSTOMER,
            outcome=outcome,
            line="hotline",
            ring=timedelta(seconds=20),
            talk=None if outcome is Outcome.MISSED else timedelta(seconds=200),
            agent_id=None if outcome is Outcome.MISSED else self.agent,
            language=self.language,
            parties=(Party(Role.CALLER, self.phone),),
            external_ids=(ExternalId(CALL_SID, f"CA{self.number:026x}{len(self.facts):06x}"),),
        )

    def ring_back(self, outcome: Outcome, promise: timedelta | None = None) -> None:
        reached = outcome is Outcome.REACHED
        owed = self.callback_id
        again = Promise(id=self.new_id(), due_at=at_work(self.now + promise), via="call") if promise else None
        said = ("call_again" if again else "reached") if reached else "voicemail"
        self.add(
            Kind.CALL if reached else Kind.ATTEMPT,
            Channel.PHONE,
            Direction.OUTBOUND,
            Actor.AGENT,
            outcome=outcome,
            line="hotline",
            agent_id=self.agent,
            agent=self.agent.title(),
            parties=(Party(Role.CALLEE, self.phone),),
            detail=Detail(callback_id=owed, result=said, promise=again),
        )

    def act(self, kind: Kind, **detail: Any) -> None:
        """What a person does to the case."""
        self.add(
            kind,
            Channel.OTHER,
            Direction.INTERNAL,
            Actor.AGENT,
            agent_id=self.agent,
            agent=self.agent.title(),
            detail=Detail(**detail),
        )

    @property
    def callback_id(self) -> str | None:
        return _id(SINCE, self.number, 0xFFE) if any(f.outcome is Outcome.MISSED for f in self.facts) else None

    def told(self) -> Change:
        """The case as the log has it at `world.now`, clocks and callbacks included."""
        now = self.world.now
        facts = tuple(sorted((f for f in self.facts if f.recorded_at <= now), key=lambda f: (f.recorded_at, f.id)))
        case = opened_by(facts[0], self.contact, facts[0].recorded_at, self.case_id, None)
        calls: dict[str, Callback] = {}
        seen: list[Interaction] = []
        for fact in facts:
            at = fact.recorded_at
            case, _ = moved_by(fact, CaseFile(case=case, interactions=tuple(seen)), at)
            if fact.channel is Channel.PHONE or fact.kind is Kind.CLOSE:
                moved = callbacks_after(
                    fact, case.id, case.owner, self.contact, tuple(calls.values()), at, lambda: self.callback_id or ""
                )
                calls |= {call.id: call for call in moved}
            seen.append(fact)
        file = CaseFile(case=case, interactions=facts)
        clocks, _ = clocks_after(file, self.world.versions, now, self.new_id, "machine")
        owes = any(call.open for call in calls.values())
        case = replace(case, closes_at=closing_at(case, clocks.all, owes, timedelta(days=7)))
        return Change(
            interactions=(*(fact for fact in self.former if fact.recorded_at <= now), *facts),
            contacts=(self.contact,) if self.is_first_of_contact else (),
            cases=(case,),
            clocks=clocks.all,
            callbacks=tuple(calls.values()),
        )


def _id(at: datetime, number: int, serial: int) -> str:
    """A valid UUIDv7."""
    text = f"{int(at.timestamp() * 1000):012x}7{serial & 0xFFF:03x}8{number:015x}"
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))
