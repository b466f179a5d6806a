"""How `explain` tells the story of an owed call on one screen: who rang, what is due, what was tried, what is next.

Pure. What is next and why is asked of the dialler's own plan, so that it cannot tell another story.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from textwrap import wrap

from commsd.channels.phone.dial.plan import Begin, Escalate, Hold, Nothing, Plan, Wait
from commsd.cli.exact import between, local
from commsd.core.agent import People
from commsd.core.callback import Attempt, Callback, State
from commsd.core.case import CaseFile, ClockRecord
from commsd.core.clock import State as ClockState
from commsd.core.interaction import MACHINE_HEARD, Delivery, DeliveryState, Interaction, Kind
from commsd.core.number import parse_number
from commsd.core.policy import ClockKind
from commsd.core.record import Json, instant
from commsd.sla.notice.call_words import held_because, missed_because, spoken, times

SHOWN = 6
"""Misses, tries and notices of one callback that are listed; of more, the last ones."""

WAITS = {
    "asked": "the customer asked for that time",
    "window": "it is no time to ring there, or we are closed",
    "backoff": "so long is waited after the last try",
    "tries_per_day": "he was rung in vain often enough for one day",
    "redial": "the call has only just been missed: he may ring again",
    "owner": "its owner comes first",
    "agents": "nobody of us took the last calls; they are not rung again before",
}
STOPS = {
    "observe": "nothing is dialled: the line only observes",
    "disabled": "nothing is dialled: [dialling] enabled = false; a person rings it",
    "paused": "nothing is dialled: somebody paused it (commsd pause)",
    "no_line": "no line of ours is to ring it from; a person rings it",
    "owner": "its owner is on the telephone",
    "agents": "nobody is free",
    "nobody": "nobody of the line can be rung: give it a team (or rounds) whose people have a phone; a person rings it",
    "on_line": "the customer is on the line just now",
    "needs_number": "a person finds out the number: commsd callbacks set ID --number NUMBER",
    "held": "a person looks at it: commsd callbacks release ID --agent NAME lets it be called once, close ends it",
    "claimed": "somebody has it in hand",
    "dialling": "it is being placed",
    "talking": "they talk",
    "confirm": "whoever rang says what came of it: commsd callbacks result ID RESULT",
    "escalated": "a person rings, writes instead, or closes it with a reason; reminded each morning",
    "closed": "nothing is owed any more",
}
ESCALATES = {
    "tries": "it was tried often enough",
    "overdue": "it is a day overdue",
    "no_window": "no time will come at which it may be rung",
    "passed": "those who had it in hand gave it back three times",
}


WIDE = 80
"""Columns of a screen; longer lines are broken."""

_INDENT = 12


@dataclass(frozen=True, slots=True)
class Watch:
    """A zone, and the day it is there: times of that day need no date, and the head names the zone."""

    zone: tzinfo
    now: datetime

    def __call__(self, at: datetime) -> str:
        """An instant to the second, as short as it can be told."""
        there, today = at.astimezone(self.zone), self.now.astimezone(self.zone)
        if there.date() == today.date():
            return f"{there:%H:%M:%S}"
        return f"{there:%a %m-%d %H:%M:%S}" if there.year == today.year else f"{there:%Y-%m-%d %H:%M:%S}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that is known around a callback. name: the customer's. told: notices about it, oldest first.

    untexted: why no text follows the missed call, where that is decided. together: marks of what was told in a notice
    with others, and when. escalated: why a machine would hand it to a person, who has it. plan: what the dialler
    would do now. unwanted: why it would be held by what the customer wishes.
    """

    callback: Callback
    file: CaseFile | None
    plan: Plan
    people: People
    name: str | None = None
    told: Sequence[Delivery] = ()
    untexted: str | None = None
    escalated: str | None = None
    unwanted: str | None = None
    together: Sequence[tuple[str, datetime]] = field(default_factory=tuple)

    @property
    def machines(self) -> frozenset[str]:
        """Ids of the tries of ours that a machine seems to have answered."""
        facts = self.file.interactions if self.file else ()
        return frozenset(fact.id for fact in facts if MACHINE_HEARD in fact.tags)


def callback_lines(story: Story, now: datetime, zone: tzinfo) -> tuple[str, ...]:
    """The story, a subject a paragraph."""
    callback, at = story.callback, Watch(zone, now)
    parts = (
        ("customer", _customer(story)),
        ("rang", _rang(story, at)),
        ("about", _about(callback)),
        ("clock", _clocks(story, now, at)),
        ("text", _texts(story, at)),
        ("screen", _screen(story, at)),
        ("tried", _tried(story, at)),
        ("passed", _passed(story, at)),
        ("told", _told(story, at)),
        ("next", [_next(story, now, at)]),
    )
    lines = list(_head(callback, now, zone))
    for title, found in parts:
        broken = [part for line in found for part in _broken(line)]
        lines += [f"  {(title if not place else '').ljust(9)} {line}" for place, line in enumerate(broken)]
    return tuple(lines)


def _broken(line: str) -> list[str]:
    return wrap(line, WIDE - _INDENT, subsequent_indent="  ", break_long_words=False, break_on_hyphens=False)


def callback_record(story: Story) -> Json:
    """What `explain --json` adds to the callback's record."""
    plan = story.plan
    return {
        "plan": type(plan).__name__.casefold(),
        "why": getattr(plan, "why", None) or getattr(plan, "reason", None),
        "escalated": story.escalated,
        "until": instant(plan.until) if isinstance(plan, Wait) else None,
        "agent": plan.agent.id if isinstance(plan, Begin) else None,
        "machines": [each.id for each in story.callback.attempts if each.id in story.machines],
        "untexted": story.untexted,
        "told": [
            {"subject": each.key.partition(":")[0], "at": instant(each.created_at), "state": each.state.value}
            for each in story.told
        ],
    }


def _head(callback: Callback, now: datetime, zone: tzinfo) -> Iterator[str]:
    line = f" on {callback.line}" if callback.line else ""
    said = f"callback {callback.id}: {callback.state.value}{line}"
    if callback.closed_at:
        by = f" by {callback.closed_by}" if callback.closed_by else ""
        yield said
        yield f"  closed    {local(callback.closed_at, zone)}: {callback.close_reason}{by}"
        return
    if callback.due_at is None:
        yield f"{said}, due at no time"
        return
    late = callback.due_at < now
    asked = ", as the customer asked" if callback.asked_at_time else ""
    left = f"{between(callback.due_at, now)} late" if late else f"in {between(now, callback.due_at)}"
    yield said
    yield f"  due       {local(callback.due_at, zone)}{asked}, {left}"


def _customer(story: Story) -> Iterator[str]:
    callback = story.callback
    number = parse_number(callback.number or "")
    kind = f" ({number.type.replace('_', ' ')}, {number.region})" if number else ""
    yield ", ".join(part for part in (story.name, f"{spoken(callback.number)}{kind}") if part)
    owner = story.people.agents.get(callback.owner or "")
    yield f"case {callback.case_id}, owner {owner.name if owner else callback.owner or 'nobody'}"


def _rang(story: Story, at: Watch) -> Iterator[str]:
    callback = story.callback
    facts = {fact.id: fact for fact in story.file.interactions} if story.file else dict[str, Interaction]()
    if not callback.misses:
        yield f"asked for in writing {at(callback.opened_at)}"
    if len(callback.misses) > SHOWN:
        yield f"{times(len(callback.misses))} since {at(callback.opened_at)}; the last:"
    for miss in callback.misses[-SHOWN:]:
        fact = facts.get(miss)
        if fact is None:
            yield f"missed call {miss}"
            continue
        because = missed_because(fact.reason)
        yield f"{at(fact.occurred_at)}{f': {because}' if because else ''}"


def _about(callback: Callback) -> Iterator[str]:
    if callback.purpose:
        yield " ".join(callback.purpose.split())[:100]
    yield from (f"question: {' '.join(question.split())[:90]}" for question in callback.questions[:3])


def _clocks(story: Story, now: datetime, at: Watch) -> Iterator[str]:
    for record in story.file.clocks if story.file else ():
        if record.value.clock is ClockKind.CALLBACK and record.value.opened_by in story.callback.misses:
            yield _clock(record, now, at)
    promises = [each for each in (story.file.clocks if story.file else ()) if each.value.clock is ClockKind.PROMISE]
    yield from (_clock(record, now, at) for record in promises if record.owed)


def _clock(record: ClockRecord, now: datetime, at: Watch) -> str:
    value = record.value
    told = f", the customer was told {at(record.promised_at)}" if record.promised_at else ""
    due = f"due {at(value.due_at)}" if value.due_at else "not due while it rests"
    end = f" until {at(value.stopped_at)}" if value.stopped_at else ""
    waited = (
        "" if value.stopped_at or value.state is ClockState.PAUSED else f", runs for {between(value.started_at, now)}"
    )
    return f"{value.clock.value} {value.n}: {value.state.value}{end}, {due}, policy {value.policy}{waited}{told}"


def _screen(story: Story, at: Watch) -> Iterator[str]:
    yield _screened(story)
    if ended := story.callback.wish_ended_at:
        yield f"held until {at(ended)}, when the customer's wish not to be rung was taken back"


def _screened(story: Story) -> str:
    callback = story.callback
    if not callback.open:
        return "not looked at any more: the callback is closed"
    if callback.state is State.HELD:
        return f"held: {held_because(callback.held)}"
    if callback.released:
        return f"let through for one call by {callback.released}"
    if callback.number is None:
        return "no number to look at"
    if story.unwanted:
        return f"no machine rings it: {held_because(story.unwanted)}"
    return "nothing speaks against ringing it"


def _tried(story: Story, at: Watch) -> Iterator[str]:
    attempts = story.callback.attempts
    if not attempts:
        yield "not yet"
        return
    if len(attempts) > SHOWN:
        yield f"{times(len(attempts))}; the last:"
    first = max(len(attempts) - SHOWN, 0)
    for number, attempt in enumerate(attempts[first:], first + 1):
        yield f"{number}. {_attempt(attempt, story.people, at, machine=attempt.id in story.machines)}"


def _attempt(attempt: Attempt, people: People, at: Watch, *, machine: bool) -> str:
    agent = people.agents.get(attempt.by or "")
    by = f" by {agent.name if agent else attempt.by}" if attempt.by else ""
    how = "placed by commsd" if attempt.id else "on a telephone of our own"
    lasted = f", over after {between(attempt.at, attempt.ended_at)}" if attempt.ended_at and attempt.id else ""
    joined = ", joined" if attempt.bridged else ""
    seems = ", a machine seems to have answered" if machine else ""
    result = (attempt.result or ("no result yet" if attempt.ended_at else "under way")).replace("_", " ")
    cost = f", {attempt.cost}" if attempt.cost else ""
    let = f", let through by {attempt.released}" if attempt.released else ""
    return f"{at(attempt.at)}{by}, {how}{joined}{seems}{lasted}: {result}{let}{cost}"


def _passed(story: Story, at: Watch) -> Iterator[str]:
    """Who had it in hand and gave it back."""
    for each in story.callback.passed[-SHOWN:]:
        agent = story.people.agents.get(each.by or "")
        yield f"{at(each.at)} by {agent.name if agent else each.by or 'somebody'}: {each.why or 'no reason given'}"


UNTEXTED = {
    "sms-off": "the line sends none: sms_ack = false",
    "not-mobile": "its number takes none",
    "region": "we write to no number of its country: [dialling] regions",
    "opted-out": "the customer wants none",
    "blocked": "the customer is blocked",
    "night": "it was night there until the miss was too long ago",
    "no-line": "the line is not in the config any more",
    "no-number": "the number is none",
}


def _texts(story: Story, at: Watch) -> Iterator[str]:
    """The text that followed the missed call, or why there is none."""
    callback = story.callback
    facts = story.file.interactions if story.file else ()
    sent = [fact for fact in facts if fact.kind is Kind.ACK and fact.in_reply_to in callback.misses]
    for fact in sent:
        why = f" ({fact.reason})" if fact.reason else ""
        told = f", telling {at(fact.promised_at)}" if fact.promised_at else ""
        yield f"{at(fact.recorded_at)}: {fact.outcome}{why}{told}"
    if sent or not callback.misses:
        return
    if story.untexted:
        yield f"none: {UNTEXTED.get(story.untexted, story.untexted)}"
    elif callback.number is None:
        yield "none: the number is withheld"
    elif callback.open and callback.state is not State.HELD:
        yield "none yet: a minute after the miss, by day, if nobody has it in hand"
    else:
        yield f"none: the callback was {callback.state.value} before one was due"


_ARRIVED = frozenset({DeliveryState.SENT, DeliveryState.TAKEN})


def _told(story: Story, at: Watch) -> Iterator[str]:
    if len(story.told) > SHOWN:
        yield f"{times(len(story.told))}; the last:"
    for each in story.told[-SHOWN:]:
        agent = story.people.by_mail(each.recipient)
        who = "a webhook" if each.via == "webhook" else f"{agent.name} ({each.recipient})" if agent else each.recipient
        state = "" if each.state in _ARRIVED else f", {each.state.value}"
        yield f"{at(each.created_at)}: {each.key.partition(':')[0]}, to {who}{state}"
    yield from (f"{at(then)}: {mark.partition(':')[0]}, together with others" for mark, then in story.together)
    if not story.told and not story.together:
        yield "nobody of this call itself"
    if any(each.value.clock is ClockKind.CALLBACK for each in (story.file.clocks if story.file else ())):
        yield f"of its clock: commsd explain {story.callback.case_id}"


def _next(story: Story, now: datetime, at: Watch) -> str:
    callback, plan = story.callback, story.plan
    match plan:
        case Begin():
            return f"{plan.agent.name} is rung now, then the customer"
        case Wait():
            when = "now" if plan.until <= now else f"{at(plan.until)}, in {between(now, plan.until)}"
            return f"looked at again {when}: {WAITS.get(plan.why, plan.why)}"
        case Hold():
            return f"held at the next look: {held_because(plan.reason)}"
        case Escalate():
            return f"handed to a person at the next look: {ESCALATES.get(plan.why, plan.why)}"
        case Nothing("escalated") if story.escalated:
            return f"{STOPS['escalated']}; no machine rings it: {ESCALATES.get(story.escalated, story.escalated)}"
        case Nothing():
            until = f" until {at(callback.claimed_until)}" if callback.claimed_until else ""
            return f"{STOPS.get(plan.why, plan.why).replace('ID', callback.id)}{until}"
