"""How `explain` tells the story of an owed call on one screen: who rang, what is due, what was tried, what is next.

Pure. What is next and why is asked of the dialler's own plan, so that it cannot tell another story.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo

from commsd.channels.phone.dial.plan import Begin, Escalate, Hold, Nothing, Plan, Wait
from commsd.cli.exact import between, local
from commsd.core.agent import People
from commsd.core.callback import Attempt, Callback, State
from commsd.core.case import CaseFile, ClockRecord
from commsd.core.clock import State as ClockState
from commsd.core.interaction import Delivery, DeliveryState, Interaction
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
    "nobody": "nobody of the line can be rung: give [agent.*] a phone; a person rings it",
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
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Story:
    """All that is known around a callback. name: the customer's. told: notices about it, oldest first.

    together: marks of what was told in a notice with others, and when. plan: what the dialler would do now.
    """

    callback: Callback
    file: CaseFile | None
    plan: Plan
    people: People
    name: str | None = None
    told: Sequence[Delivery] = ()
    together: Sequence[tuple[str, datetime]] = field(default_factory=tuple)


def callback_lines(story: Story, now: datetime, zone: tzinfo) -> tuple[str, ...]:
    """The story, a subject a paragraph."""
    callback = story.callback
    parts = (
        ("", [_head(callback, now, zone)]),
        ("customer", list(_customer(story))),
        ("rang", list(_rang(story, zone))),
        ("about", list(_about(callback))),
        ("clock", list(_clocks(story, now, zone))),
        ("screen", [_screen(callback)]),
        ("tried", list(_tried(story, zone))),
        ("told", list(_told(story, zone))),
        ("next", [_next(story, now, zone)]),
    )
    lines = []
    for title, found in parts:
        if not title:
            lines += found
        else:
            lines += [f"  {(title if not place else '').ljust(9)} {line}" for place, line in enumerate(found)]
    return tuple(lines)


def callback_record(story: Story) -> Json:
    """What `explain --json` adds to the callback's record."""
    plan = story.plan
    return {
        "plan": type(plan).__name__.casefold(),
        "why": getattr(plan, "why", None) or getattr(plan, "reason", None),
        "until": instant(plan.until) if isinstance(plan, Wait) else None,
        "agent": plan.agent.id if isinstance(plan, Begin) else None,
        "told": [
            {"subject": each.key.partition(":")[0], "at": instant(each.created_at), "state": each.state.value}
            for each in story.told
        ],
    }


def _head(callback: Callback, now: datetime, zone: tzinfo) -> str:
    line = f" on {callback.line}" if callback.line else ""
    said = f"callback {callback.id}: {callback.state.value}{line}"
    if callback.closed_at:
        by = f" by {callback.closed_by}" if callback.closed_by else ""
        return f"{said} {local(callback.closed_at, zone)}: {callback.close_reason}{by}"
    if callback.due_at is None:
        return f"{said}, due at no time"
    late = callback.due_at < now
    asked = ", as the customer asked" if callback.asked_at_time else ""
    left = f"{between(callback.due_at, now)} late" if late else f"in {between(now, callback.due_at)}"
    return f"{said}, due {local(callback.due_at, zone)}{asked}, {left}"


def _customer(story: Story) -> Iterator[str]:
    callback = story.callback
    number = parse_number(callback.number or "")
    kind = f" ({number.type.replace('_', ' ')}, {number.region})" if number else ""
    yield ", ".join(part for part in (story.name, f"{spoken(callback.number)}{kind}") if part)
    owner = story.people.agents.get(callback.owner or "")
    yield f"case {callback.case_id}, owner {owner.name if owner else callback.owner or 'nobody'}"


def _rang(story: Story, zone: tzinfo) -> Iterator[str]:
    callback = story.callback
    facts = {fact.id: fact for fact in story.file.interactions} if story.file else dict[str, Interaction]()
    if not callback.misses:
        yield f"asked for in writing {local(callback.opened_at, zone)}"
    if len(callback.misses) > SHOWN:
        yield f"{times(len(callback.misses))} since {local(callback.opened_at, zone)}; the last:"
    for miss in callback.misses[-SHOWN:]:
        fact = facts.get(miss)
        if fact is None:
            yield f"missed call {miss}"
            continue
        because = missed_because(fact.reason)
        yield f"{local(fact.occurred_at, zone)}{f': {because}' if because else ''}"


def _about(callback: Callback) -> Iterator[str]:
    if callback.purpose:
        yield " ".join(callback.purpose.split())[:100]
    yield from (f"question: {' '.join(question.split())[:90]}" for question in callback.questions[:3])


def _clocks(story: Story, now: datetime, zone: tzinfo) -> Iterator[str]:
    for record in story.file.clocks if story.file else ():
        if record.value.clock is ClockKind.CALLBACK and record.value.opened_by in story.callback.misses:
            yield _clock(record, now, zone)
    promises = [each for each in (story.file.clocks if story.file else ()) if each.value.clock is ClockKind.PROMISE]
    yield from (_clock(record, now, zone) for record in promises if record.owed)


def _clock(record: ClockRecord, now: datetime, zone: tzinfo) -> str:
    value = record.value
    told = f", the customer was told {local(record.promised_at, zone)}" if record.promised_at else ""
    due = f"due {local(value.due_at, zone)}" if value.due_at else "not due while it rests"
    end = f" until {local(value.stopped_at, zone)}" if value.stopped_at else ""
    waited = (
        "" if value.stopped_at or value.state is ClockState.PAUSED else f", runs for {between(value.started_at, now)}"
    )
    return f"{value.clock.value} {value.n}: {value.state.value}{end}, {due}, policy {value.policy}{waited}{told}"


def _screen(callback: Callback) -> str:
    if callback.state is State.HELD:
        return f"held: {held_because(callback.held)}"
    if callback.released:
        return f"let through for one call by {callback.released}"
    if callback.number is None:
        return "no number to look at"
    return "nothing speaks against ringing it"


def _tried(story: Story, zone: tzinfo) -> Iterator[str]:
    attempts = story.callback.attempts
    if not attempts:
        yield "not yet"
        return
    if len(attempts) > SHOWN:
        yield f"{times(len(attempts))}; the last:"
    first = max(len(attempts) - SHOWN, 0)
    for number, attempt in enumerate(attempts[first:], first + 1):
        yield f"{number}. {_attempt(attempt, story.people, zone)}"


def _attempt(attempt: Attempt, people: People, zone: tzinfo) -> str:
    agent = people.agents.get(attempt.by or "")
    by = f" by {agent.name if agent else attempt.by}" if attempt.by else ""
    how = "placed by commsd" if attempt.id else "from a telephone of our own"
    lasted = f", over after {between(attempt.at, attempt.ended_at)}" if attempt.ended_at and attempt.id else ""
    joined = ", joined" if attempt.bridged else ""
    result = (attempt.result or ("no result yet" if attempt.ended_at else "under way")).replace("_", " ")
    cost = f", {attempt.cost}" if attempt.cost else ""
    let = f", let through by {attempt.released}" if attempt.released else ""
    return f"{local(attempt.at, zone)}{by}, {how}{joined}{lasted}: {result}{let}{cost}"


_ARRIVED = frozenset({DeliveryState.SENT, DeliveryState.TAKEN})


def _told(story: Story, zone: tzinfo) -> Iterator[str]:
    if len(story.told) > SHOWN:
        yield f"{times(len(story.told))}; the last:"
    for each in story.told[-SHOWN:]:
        agent = story.people.by_mail(each.recipient)
        who = "a webhook" if each.via == "webhook" else f"{agent.name} ({each.recipient})" if agent else each.recipient
        state = "" if each.state in _ARRIVED else f", {each.state.value}"
        yield f"{local(each.created_at, zone)}: {each.key.partition(':')[0]}, to {who}{state}"
    yield from (f"{local(at, zone)}: {mark.partition(':')[0]}, together with others" for mark, at in story.together)
    if not story.told and not story.together:
        yield "nobody of this call itself"
    if any(each.value.clock is ClockKind.CALLBACK for each in (story.file.clocks if story.file else ())):
        yield f"of its clock: commsd explain {story.callback.case_id}"


def _next(story: Story, now: datetime, zone: tzinfo) -> str:
    callback, plan = story.callback, story.plan
    match plan:
        case Begin():
            return f"{plan.agent.name} is rung now, then the customer"
        case Wait():
            when = "now" if plan.until <= now else f"{local(plan.until, zone)}, in {between(now, plan.until)}"
            return f"looked at again {when}: {WAITS.get(plan.why, plan.why)}"
        case Hold():
            return f"held at the next look: {held_because(plan.reason)}"
        case Escalate():
            return f"handed to a person at the next look: {ESCALATES.get(plan.why, plan.why)}"
        case Nothing():
            until = f" until {local(callback.claimed_until, zone)}" if callback.claimed_until else ""
            return f"{STOPS.get(plan.why, plan.why).replace('ID', callback.id)}{until}"
