"""What `explain` prints of a case: lines for a person, times in the firm's zone. Pure.

Why things are so stands in `core.explain` and `sla.summons`; here they only get their words.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from types import MappingProxyType
from zoneinfo import ZoneInfo

from commsd.cli.deed import deeds
from commsd.cli.exact import between, local
from commsd.cli.output import shown_thing
from commsd.cli.why_count import Names, count_lines
from commsd.cli.why_silent import sentence
from commsd.cli.why_told import people_lines
from commsd.core.clock import Clock, State
from commsd.core.explain import Asked, CaseWhy, ClockWhy, Ruled, Turn, Unowed
from commsd.core.interaction import CaseCause, Interaction, Kind, Outcome, Role
from commsd.sla.notice.summons import Summons

Told = Mapping[str, Sequence[Summons]]
"""Who is told, by the clock's id."""

FreeDays = Mapping[tuple[str, str], Names]
"""What free days are called, by version and calendar."""

UNNAMED: FreeDays = MappingProxyType({})

REASONS = {
    "closed": "the case was closed before it was answered",
    "void_case": "the case was closed as junk",
    "merged": "the case went into another, which owes it now",
    "replaced": "another promise took its place before it was due, or the call was closed",
    "no_policy": "the rules that govern it now have no such clock",
    "callback_closed": "the callback was closed without a talk, or put off by the customer to a time of his own",
    "void": "what started it was taken back",
}


REMARKS = {
    "passed-on": "passed on to others than the customer, so it answers nobody",
    "done-folder:later-writing": "moved to a done folder, but the customer has written since: the case stays open",
    "log:no-mail-inside": "sent to a log mailbox with no mail inside",
}

CAUSES = {
    CaseCause.REFERENCE: "it refers to a mail in it",
    CaseCause.SUBJECT: "same person, same subject",
    CaseCause.NEW: "nothing said that it belongs to another",
}


def _how(fact: Interaction) -> str:
    """Why a message counts for its case, in words."""
    cause = CAUSES.get(fact.case_cause) if fact.case_cause and fact.kind is Kind.MESSAGE else None
    return f", {cause}" if cause else ""


def _doubt(fact: Interaction) -> str:
    if fact.case_id is None:
        return "ambiguous: nothing says whose it is; give it a case with `commsd record`"
    if fact.case_cause is CaseCause.NEW:
        return "ambiguous: perhaps it answers another case of this customer; then `commsd cases merge` it with that"
    return "ambiguous: another case would fit as well; see `commsd explain` of the customer's address"


def _because(reason: str) -> str:
    said = sentence(reason)
    return f", {said}" if said else ""


def _writer(fact: Interaction) -> Iterator[str]:
    for party in fact.parties:
        if party.role is Role.FROM:
            yield f"{party.name} <{party.address}>" if party.name else party.address


def interaction_lines(fact: Interaction, zone: tzinfo) -> tuple[str, ...]:
    """What was decided about one interaction."""
    by = f", {fact.agent or fact.agent_id}" if fact.agent or fact.agent_id else ""
    lines = [f"{fact.kind.value} {fact.id}, {fact.direction.value}, {local(fact.occurred_at, zone)}{by}"]
    if fact.recorded_at - fact.occurred_at > timedelta(hours=1):
        lines.append(f"  recorded only {local(fact.recorded_at, zone)}")
    if fact.reason and fact.reason.startswith("no-ack"):
        lines.append(f"  no acknowledgement: {fact.reason}{_because(fact.reason)}")
        lines.extend(f"  written by {who}" for who in _writer(fact))
    elif fact.reason:
        lines.append(f"  {REMARKS.get(fact.reason, fact.reason)}")
    if fact.case_cause:
        lines.append(f"  in case {fact.case_id} because of: {fact.case_cause.value}{_how(fact)}")
    if fact.ambiguous:
        lines.append(f"  {_doubt(fact)}")
    if fact.language:
        cause = f", from: {fact.language_cause}" if fact.language_cause else ""
        lines.append(f"  language {fact.language}{cause}")
    if fact.promised_at:
        told = "was told" if fact.outcome is not Outcome.SUPPRESSED else "would have been told"
        lines.append(f"  the customer {told} {local(fact.promised_at, zone)}")
    lines.extend(f"  {deed}" for deed in deeds(shown_thing(fact), zone))
    if fact.kind not in (Kind.MESSAGE, Kind.NOTE) and fact.outcome:
        lines.append(f"  {fact.outcome.value}{f': {fact.status_raw}' if fact.status_raw else ''}")
    return tuple(lines)


def case_lines(why: CaseWhy, told: Told, now: datetime, zone: tzinfo, names: FreeDays = UNNAMED) -> tuple[str, ...]:
    """The case, what happened in it, its clocks, and what it owes nothing for."""
    case = why.file.case
    closed = f", closed {local(case.closed_at, zone)} ({case.close_reason})" if case.closed_at else ""
    hold = ", on hold" if case.on_hold else ""
    lines = [f"case {case.id}, {case.state.value}, opened {local(case.opened_at, zone)}{closed}{hold}"]
    if case.merged_into:
        lines.append(f"  went into case {case.merged_into}")
    lines.append("  rules see: " + (", ".join(f"{key} {value}" for key, value in why.attrs.items()) or "nothing set"))
    for fact in why.file.interactions:
        lines.extend(f"  {line}" for line in interaction_lines(fact, zone))
    for place, clock in enumerate(why.clocks):
        alike = next((each for each in why.clocks[:place] if each.ruled == clock.ruled), None)
        lines.append("")
        lines.extend(_clock(clock, alike, told.get(clock.record.id, ()), names, now, zone))
    lines.extend(_unowed(why.unowed, zone))
    return tuple(lines)


def _clock(
    why: ClockWhy, alike: ClockWhy | None, told: Sequence[Summons], names: FreeDays, now: datetime, zone: tzinfo
) -> Iterator[str]:
    """alike: an earlier clock for which the same rules were asked with the same result."""
    free = names.get((why.value.rules_version, why.value.calendar), {})
    yield f"  {_name(why.value)}: {_state(why.value, now, zone)}"
    yield from (f"    {line}" for line in _course(why, alike, now, zone))
    yield from (f"    {line}" for line in count_lines(why, free, now, zone))
    yield from (f"    {line}" for line in people_lines(why.value, told, zone))


def _name(value: Clock) -> str:
    return f"{value.clock.value} {value.n}"


def _state(value: Clock, now: datetime, zone: tzinfo) -> str:
    due = f"due {local(value.due_at, zone)}" if value.due_at else "not due while it rests"
    policy = f"policy {value.policy}"
    match value.state:
        case State.CANCELLED:
            when = f" {local(value.stopped_at, zone)}" if value.stopped_at else ""
            return f"cancelled{when}: {REASONS.get(value.reason or '', value.reason)}; {policy}"
        case State.MET:
            return f"met {local(value.stopped_at or now, zone)}, {due}, {policy}"
        case State.BREACHED:
            end = value.stopped_at or now
            late = between(value.due_at, end) if value.due_at else "for long"
            until = f", ended {local(value.stopped_at, zone)}" if value.stopped_at else ", and still owed"
            return f"breached, {due}, {late} late{until}, {policy}"
        case State.RUNNING if value.due_at is None:
            return f"running, never due: its hours do not come, {policy}"
        case State.RUNNING if value.due_at is not None:
            return f"running, {due}, in {between(now, value.due_at)}, {policy}"
    return f"{value.state.value}, {due}, {policy}"


def _course(why: ClockWhy, alike: ClockWhy | None, now: datetime, zone: tzinfo) -> Iterator[str]:
    """What it goes back to, the rules it was given by, and what changed them."""
    value, record, calendar = why.value, why.record, why.calendar
    if calendar and value.due_at and (there := _elsewhere(value.due_at, calendar.tz, zone)):
        yield f"in the calendar's zone due {there}"
    if record.promised_at:
        yield f"the customer was told {local(record.promised_at, zone)}"
    if record.moved_at:
        yield "it is due later than the customer was told, and no agent has written since"
    if record.corrected_from:
        yield f"corrected: it stood as {record.corrected_from.value} until {record.corrected_by} was recorded"
    yield f"began {local(value.started_at, zone)} with {_act(why.opener, value.opened_by)}"
    if alike:
        last = why.ruled.asked[-1:]
        yield f"rules as for {_name(alike.value)}{''.join(f': {_asked(each)}' for each in last)}"
    else:
        yield from _rules(why.ruled, zone)
    for turn in why.turns:
        yield from _turn(turn, zone)
    for fact in why.held_off:
        yield f"{local(fact.occurred_at, zone)}: {_act(fact, fact.id)} did not end it, for it is a holding answer"
    if why.stopper and value.state is not State.RUNNING:
        who = f" by {why.stopper.agent or why.stopper.agent_id}" if why.stopper.agent or why.stopper.agent_id else ""
        yield f"ended by {_act(why.stopper, why.stopper.id)}{who}"
    if value.stopped_at is None and value.state is not State.PAUSED:
        yield f"the customer has waited {between(value.started_at, max(now, value.started_at))}"
    else:
        yield f"the customer waited {between(value.started_at, value.started_at + value.waited)}"


def _elsewhere(at: datetime, tz: str, zone: tzinfo) -> str | None:
    """The instant in a calendar's zone where that shows another time."""
    there = at.astimezone(ZoneInfo(tz))
    return None if there.utcoffset() == at.astimezone(zone).utcoffset() else f"{local(at, ZoneInfo(tz))} ({tz})"


def _act(fact: Interaction | None, known_as: str) -> str:
    if fact is None:
        return known_as
    place = fact.mailbox or fact.line
    return f"{fact.kind.value} {fact.id} ({fact.channel.value}{f', {place}' if place else ''})"


def _rules(ruled: Ruled, zone: tzinfo) -> Iterator[str]:
    if ruled.version is None:
        yield "no rules were in force then"
        return
    since = local(ruled.version.effective_from, zone)
    yield f"rules version {ruled.version.id[:12]}, in force since {since}, were asked then:"
    yield from (f"  {_asked(each)}" for each in ruled.asked)
    if not ruled.asked or ruled.asked[-1].failed:
        yield "  no rule matches"


def _asked(each: Asked) -> str:
    if each.failed is None:
        held = ", ".join(f"{key} is {' or '.join(values)}" for key, values in each.conditions.items())
        policy = f"policy {each.policy}" if each.policy else "no clocks"
        return f"rule {each.number} matches{f' ({held})' if held else ''}: {policy}"
    found = (each.found,) if isinstance(each.found, str) else each.found or ()
    seen = ", ".join(found[:5]) + (", …" if len(found) > 5 else "")
    return f"rule {each.number} does not match: {each.failed} is {seen or 'not there'}, not {' or '.join(each.wanted)}"


def _turn(turn: Turn, zone: tzinfo) -> Iterator[str]:
    yield f"{local(turn.at, zone)}: {'; '.join(turn.cause) or 'its rules changed'}"
    last = turn.ruled.asked[-1] if turn.ruled.asked else None
    if last:
        yield f"  {_asked(last)}"
    if turn.after is None or turn.after.state is State.CANCELLED:
        yield "  it has no such clock"
        return
    before = local(turn.before.due_at, zone) if turn.before.due_at else "not due"
    after = local(turn.after.due_at, zone) if turn.after.due_at else "not due"
    floor = " (not before the change itself)" if turn.after.due_at == turn.at else ""
    yield f"  due {after}{floor}, before that {before}" if after != before else f"  still due {after}"


def _unowed(unowed: Iterable[Unowed], zone: tzinfo) -> Iterator[str]:
    """What no clock runs for, and by which rules."""
    lacking: dict[str, dict[str, None]] = {}
    without: list[tuple[Unowed, list[str]]] = []
    for each in unowed:
        policy = each.ruled.policy
        if policy is not None:
            lacking.setdefault(policy.name, {}).setdefault(each.kind.value)
        else:
            names = next((names for one, names in without if (one.since, one.ruled) == (each.since, each.ruled)), None)
            if names is None:
                without.append((each, names := []))
            names.append(each.kind.value)
    for name, kinds in lacking.items():
        yield f"  no clock for {', '.join(kinds)}: policy {name} has none"
    for each, names in without:
        yield ""
        yield f"  no clock for {', '.join(names)} since {local(each.since, zone)}:"
        yield from (f"    {line}" for line in _rules(each.ruled, zone))
