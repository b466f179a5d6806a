"""What our people read about owed calls: the number ready to tap, what it is about, what was promised. Pure.

When and to whom it goes says `call_matter`; how it leaves, `call_watch`.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from textwrap import wrap

from commsd.core.callback import Callback, State
from commsd.core.case import CaseFile, ClockRecord
from commsd.core.firm import Firm
from commsd.core.interaction import MACHINE_HEARD, Direction, Interaction, Kind, Role
from commsd.core.link import Act
from commsd.core.number import parse_number
from commsd.core.policy import ClockKind
from commsd.core.screen import MESSAGE_LEFT
from commsd.sla.notice.call_matter import Matter, What
from commsd.sla.notice.call_words import held_because, missed_because, spoken, times
from commsd.sla.notice.notice import SHORT, WIDE, Notice, in_words, local, marked
from commsd.sla.notice.offer import Offer

LISTED = 40
"""Calls named in one notice of many; the others are counted."""

REPLY = "A reply of one line does it: claim; after the call: reached, again 15:00, voicemail, wrong number, declined."

AFTER_A_CALL = (Act.REACHED, Act.AGAIN, Act.VOICEMAIL, Act.WRONG, Act.DECLINED)

OFFERED = {
    What.MISSED: (Act.CLAIM, *AFTER_A_CALL),
    What.HELD: (Act.RELEASE, Act.DECLINED),
    What.ESCALATED: (Act.CLAIM, *AFTER_A_CALL),
    What.CONFIRM: AFTER_A_CALL,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Entry:
    """One owed call of a notice. name: the customer's, as we know it. owner: the agent whose it is."""

    matter: Matter
    callback: Callback
    file: CaseFile
    name: str | None = None
    owner: str | None = None

    @property
    def miss(self) -> Interaction | None:
        """The missed call that is told of, else the last one."""
        wanted = self.matter.miss or next(reversed(self.callback.misses), None)
        return next((fact for fact in self.file.interactions if fact.id == wanted), None)

    @property
    def who(self) -> str:
        """The customer in a few words, with the number to ring."""
        return self._named(self.callback.number)

    @property
    def machine(self) -> bool:
        """Whether a machine seems to have answered the last try of ours."""
        last = self.callback.attempts[-1].id if self.callback.attempts else None
        return any(fact.id == last and MACHINE_HEARD in fact.tags for fact in self.file.interactions)

    @property
    def elsewhere(self) -> str | None:
        """The number that rang, where another one is to be rung."""
        rang = self.miss.address(Role.CALLER) if self.miss else None
        return rang if rang and parse_number(rang) and self.callback.number not in (None, rang) else None

    @property
    def caller(self) -> str:
        """The customer in a few words, with the number that rang."""
        return self._named(self.elsewhere or self.callback.number)

    def _named(self, number: str | None) -> str:
        return f"{self.name}, {spoken(number)}" if self.name else spoken(number)


def acts_of(entry: Entry) -> tuple[Act, ...]:
    """What the reader is offered: of a number that is held, never to ring it; the likeliest result first."""
    if entry.matter.what is What.CONFIRM and entry.machine:
        return (Act.VOICEMAIL, *(act for act in AFTER_A_CALL if act is not Act.VOICEMAIL))
    return OFFERED[What.HELD if entry.callback.state is State.HELD else entry.matter.what]


def about_call(
    entry: Entry,
    offers: Sequence[Offer],
    *,
    key: str,
    recipient: str,
    agent: str | None,
    firm: Firm,
    now: datetime,
    board: str | None = None,
) -> Notice:
    """One notice of one call."""
    lines = [*_text(entry, offers, firm, now, board), *((f"All that is owed: {board}",) if board else ())]
    return Notice(
        key=key,
        recipient=recipient,
        subject=f"{marked(firm)}{subject(entry)}"[:200],
        text="\n".join(lines) + "\n",
        at=now,
        case_id=entry.file.case.id,
        callback_id=entry.callback.id,
        agent=agent,
    )


def about_calls(
    entries: Sequence[Entry],
    *,
    key: str,
    recipient: str,
    agent: str | None,
    firm: Firm,
    now: datetime,
    board: str | None = None,
) -> Notice:
    """One notice of many calls that came at once. entries: at least two, of one kind."""
    first = entries[0]
    lines = [f"{_many(first, len(entries))}. Times are those of {firm.timezone}.", ""]
    lines += [_line(entry, firm) for entry in entries[:LISTED]]
    if len(entries) > LISTED:
        lines.append(f"And {len(entries) - LISTED} more.")
    lines += ["", "To see them all, the longest due first: commsd callbacks list"]
    if board:
        lines.append(f"All that is owed: {board}")
    return Notice(
        key=key,
        recipient=recipient,
        subject=f"{marked(firm)}{_many(first, len(entries))}"[:200],
        text="\n".join(lines) + "\n",
        at=now,
        agent=agent,
    )


def in_short(entries: Sequence[Entry], offers: Sequence[Offer], firm: Firm) -> str:
    """The same in at most 300 characters, for a text message."""
    if len(entries) > 1:
        return f"{marked(firm)}{_many(entries[0], len(entries))}. See your mail or the page of commsd."[:SHORT]
    link = next((offer.url for offer in offers if offer.url.startswith("http")), "")
    number = "" if entries[0].callback.state is State.HELD else entries[0].callback.number or ""
    said = f"{marked(firm)}{subject(entries[0])}"
    room = SHORT - len(link) - len(number) - 2
    return " ".join(part for part in (said[:room], number, link) if part)


def subject(entry: Entry) -> str:
    """What it is, of whom, on which line."""
    line = f" on {entry.callback.line}" if entry.callback.line else ""
    if entry.callback.state is State.HELD:
        return f"Held, do not ring back yet: {entry.who}{line}"
    match entry.matter.what:
        case What.ESCALATED if entry.matter.step:
            return f"Still not reached after {_days(entry.matter.step)}: {entry.who}{line}"
        case What.ESCALATED:
            return f"Needs a person: {entry.who} is not reached{line}"
        case What.CONFIRM:
            seems = " It seems that a machine answered." if entry.machine else ""
            return f"What came of your call to {entry.who}?{seems}"
    rang = f" ({times(len(entry.callback.misses))})" if len(entry.callback.misses) > 1 else ""
    instead = f", to be rung on {spoken(entry.callback.number)}" if entry.elsewhere else ""
    return f"Missed call: {entry.caller}{instead}{line}{rang}"


def _text(entry: Entry, offers: Sequence[Offer], firm: Firm, now: datetime, board: str | None) -> Iterator[str]:
    callback = entry.callback
    yield _opening(entry, firm, now)
    yield ""
    yield from _number(entry)
    if board and entry.miss and entry.miss.reason == MESSAGE_LEFT:
        yield f"Message:  {board.rstrip('/')}/sound/{entry.miss.id} (sign in on the board first)"
    yield from _facts(entry, firm)
    yield f"Times are those of {firm.timezone}."
    yield ""
    yield _advice(entry)
    if offers:
        yield ""
        yield from (f"{offer.label}: {offer.url}" for offer in offers)
        yield ""
        yield REPLY
    yield ""
    yield f"Case {entry.file.case.id}. The whole story of the call: commsd explain {callback.id}"


def _opening(entry: Entry, firm: Firm, now: datetime) -> str:
    callback, miss = entry.callback, entry.miss
    match entry.matter.what:
        case What.ESCALATED:
            since = in_words(now - callback.opened_at)
            tried = times(len(callback.attempts)) if callback.attempts else "not"
            return f"{entry.who} has waited for a call for {since}; tried {tried}. No machine tries on: a person must."
        case What.CONFIRM:
            ended = callback.attempts[-1].ended_at or callback.attempts[-1].at
            agent = firm.people.agents.get(callback.attempts[-1].by or "")
            by = f" by {agent.name}" if agent and entry.matter.tell == ("lead",) else ""
            return f"The call{by} to {entry.who} ended on {local(ended, firm)}, and nobody has said what came of it."
    if miss is None:
        return f"{entry.who} is owed a call."
    because = missed_because(miss.reason)
    why = f": {because}" if because else ""
    return f"{entry.caller} rang{_on(callback)} on {local(miss.occurred_at, firm)}, and nobody spoke to them{why}."


def _number(entry: Entry) -> Iterator[str]:
    callback = entry.callback
    if entry.elsewhere:
        yield f"From:     {spoken(entry.elsewhere)}, who asked to be rung on another number"
    if callback.state is State.HELD:
        yield f"Held:     {held_because(callback.held)}"
        yield f"Number:   {spoken(callback.number)} (not to be rung as it stands)"
    elif callback.number:
        yield f"Ring:     tel:{callback.number}"
    else:
        yield f"Ring:     number withheld; once you know it: commsd callbacks set {callback.id} --number NUMBER"


def _facts(entry: Entry, firm: Firm) -> Iterator[str]:
    callback, case = entry.callback, entry.file.case
    if len(callback.misses) > 1:
        yield f"Rang:     {times(len(callback.misses))} since {local(callback.opened_at, firm)}"
    about = callback.purpose or case.subject
    if about:
        first, *more = wrap(" ".join(about.split()), WIDE, max_lines=3, placeholder=" …") or [""]
        yield f"About:    {first}"
        yield from (f"          {line}" for line in more)
    yield from (f"Question: {question}" for question in callback.questions[:5])
    for each in callback.passed[-3:]:
        agent = firm.people.agents.get(each.by or "")
        name = agent.name if agent else each.by or "somebody"
        yield f"Given back: by {name} on {local(each.at, firm)}: {each.why or 'no reason was given'}"
    told = _promised(entry)
    if told:
        yield f"Promised: the customer was told {local(told, firm)}"
    if callback.due_at:
        yield f"Due:      {local(callback.due_at, firm)}"
    yield from (f"Before:   {line}" for line in _before(entry, firm))
    yield f"Whose:    {_whose(entry, firm)}"
    language = next((fact.language for fact in reversed(entry.file.interactions) if fact.language), None)
    if language:
        yield f"Language: {language}"


def _before(entry: Entry, firm: Firm) -> Iterator[str]:
    """The last that was between us, before this call: what whoever rings wants to have seen."""
    facts = [fact for fact in entry.file.interactions if fact.id not in entry.callback.misses]
    spoke = [fact for fact in facts if fact.direction is not Direction.INTERNAL and fact.kind is not Kind.ACK]
    for fact in spoke[-2:]:
        way = "the customer" if fact.direction is Direction.INBOUND else fact.agent or fact.agent_id or "we"
        said = f": {' '.join((fact.subject or fact.detail.note or '').split())[:60]}"
        yield f"{local(fact.occurred_at, firm)}, {fact.channel.value} from {way}{said.rstrip(': ')}"


def _promised(entry: Entry) -> datetime | None:
    clocks: list[ClockRecord] = [
        record
        for record in entry.file.clocks
        if record.owed and record.value.clock is ClockKind.CALLBACK and record.value.opened_by in entry.callback.misses
    ]
    return next((record.promised_at for record in reversed(clocks) if record.promised_at), None)


def _whose(entry: Entry, firm: Firm) -> str:
    agent, team = firm.people.agents.get(entry.owner or ""), entry.file.case.team
    name = agent.name if agent else "nobody's so far"
    return f"{name}, team {team}" if team else name


def _advice(entry: Entry) -> str:
    if entry.callback.state is State.HELD:
        return "Look who it is before anybody rings; then let it be called once in your name, or close it and say why."
    match entry.matter.what:
        case What.CONFIRM if entry.machine:
            return "It seems that a machine answered: if so, say voicemail. If not, say in one word what came of it."
        case What.CONFIRM:
            return "Say it in one word, so that the customer is neither forgotten nor rung twice."
        case What.ESCALATED:
            return "Ring yourself, write instead, or close it with a reason. You are reminded each morning."
    return "Say that you call back now, so that nobody else does; ring from any telephone; then say what came of it."


def _line(entry: Entry, firm: Firm) -> str:
    miss = entry.miss
    at = miss.occurred_at if miss else entry.callback.opened_at
    because = held_because(entry.callback.held) if entry.callback.state is State.HELD else ""
    return f"{local(at, firm)}  {entry.caller}{f': {because}' if because else ''}  ({entry.callback.id})"


def _many(entry: Entry, count: int) -> str:
    line = _on(entry.callback)
    match entry.matter.what:
        case What.HELD:
            return f"{count} calls are held{line}, do not ring them back yet"
        case What.ESCALATED:
            return f"{count} customers are not reached{line} and need a person"
        case What.CONFIRM:
            return f"What came of {count} calls? Nobody has said"
    return f"{count} missed calls{line}"


def _on(callback: Callback) -> str:
    return f" on {callback.line}" if callback.line else ""


def _days(count: int) -> str:
    return "a day" if count == 1 else f"{count} days"


def name_in(file: CaseFile, contact: str | None) -> str | None:
    """The customer's name: the contact's, else what came with a call or mail."""
    inbound = (fact for fact in reversed(file.interactions) if fact.direction is Direction.INBOUND)
    return contact or next((name for fact in inbound if (name := fact.name(Role.FROM, Role.CALLER))), None)
