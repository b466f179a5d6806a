"""What `explain` prints of a case: lines for a person, times in the firm's zone. Pure.

Why things are so stands in `core.explain` and `sla.summons`; here they only get their words.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from commsd.core.clock import Clock, State
from commsd.core.explain import Asked, CaseWhy, ClockWhy, Ruled, Turn, Unowed
from commsd.core.interaction import DeliveryState, Interaction, Kind, Outcome
from commsd.core.policy import ClockKind, Target
from commsd.core.stretch import Stretch
from commsd.sla.notice.recipient import Way
from commsd.sla.notice.summons import Called, Fate, Summons
from commsd.sla.rules.target import written

Told = Mapping[str, Sequence[Summons]]
"""Who is told, by the clock's id."""

MOST = 14
"""Pieces of a count that are listed; of more, the first and the last. `--json` has them all."""

REASONS = {
    "closed": "the case was closed before it was answered",
    "void_case": "the case was closed as junk",
    "merged": "the case went into another, which owes it now",
    "replaced": "another promise took its place before it was due",
    "no_policy": "the rules that govern it now have no such clock",
    "callback_closed": "the callback was closed without a talk",
    "void": "what started it was taken back",
}


def interaction_lines(fact: Interaction, zone: tzinfo) -> tuple[str, ...]:
    """What was decided about one interaction."""
    by = f", {fact.agent or fact.agent_id}" if fact.agent or fact.agent_id else ""
    lines = [f"{fact.kind.value} {fact.id}, {fact.direction.value}, {local(fact.occurred_at, zone)}{by}"]
    if fact.recorded_at - fact.occurred_at > timedelta(hours=1):
        lines.append(f"  recorded only {local(fact.recorded_at, zone)}")
    if fact.reason:
        lines.append(f"  no acknowledgement: {fact.reason}" if fact.reason.startswith("no-ack") else f"  {fact.reason}")
    if fact.case_cause:
        lines.append(f"  in case {fact.case_id} because of: {fact.case_cause.value}")
    if fact.language:
        lines.append(f"  language {fact.language}, from: {fact.language_cause}")
    if fact.promised_at:
        told = "was told" if fact.outcome is not Outcome.SUPPRESSED else "would have been told"
        lines.append(f"  the customer {told} {local(fact.promised_at, zone)}")
    if fact.detail.attrs:
        lines.append("  " + ", ".join(f"{key} became {value}" for key, value in fact.detail.attrs.items()))
    if fact.kind not in (Kind.MESSAGE, Kind.NOTE) and fact.outcome:
        lines.append(f"  {fact.outcome.value}{f': {fact.status_raw}' if fact.status_raw else ''}")
    return tuple(lines)


def case_lines(why: CaseWhy, told: Told, now: datetime, zone: tzinfo) -> tuple[str, ...]:
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
        lines.extend(_clock(clock, alike, told.get(clock.record.id, ()), now, zone))
    lines.extend(_unowed(why.unowed, zone))
    return tuple(lines)


def local(at: datetime, zone: tzinfo) -> str:
    """An instant in a zone, to the second."""
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M:%S %Z}"


def span(length: timedelta) -> str:
    """A length to the second."""
    seconds = int(length.total_seconds())
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    if seconds < 60:
        return f"{seconds} s"
    whole = f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
    return whole + (f" {rest:02} s" if rest else "")


def _clock(
    why: ClockWhy, alike: ClockWhy | None, told: Sequence[Summons], now: datetime, zone: tzinfo
) -> Iterator[str]:
    """alike: an earlier clock for which the same rules were asked with the same result."""
    yield f"  {_name(why.value)}: {_state(why.value, now, zone)}"
    yield from (f"    {line}" for line in _course(why, alike, now, zone))
    yield from (f"    {line}" for line in _count(why, zone))
    yield from (f"    {line}" for line in _people(why, told, zone))


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
            late = span(end - value.due_at) if value.due_at else "for long"
            until = f", ended {local(value.stopped_at, zone)}" if value.stopped_at else ", and still owed"
            return f"breached, {due}, {late} late{until}, {policy}"
        case State.RUNNING if value.due_at is None:
            return f"running, never due: its hours do not come, {policy}"
        case State.RUNNING if value.due_at is not None:
            return f"running, {due}, in {span(value.due_at - now)}, {policy}"
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
    if why.stopper and value.state is not State.RUNNING:
        who = f" by {why.stopper.agent or why.stopper.agent_id}" if why.stopper.agent or why.stopper.agent_id else ""
        yield f"ended by {_act(why.stopper, why.stopper.id)}{who}"
    if value.stopped_at is None and value.state is not State.PAUSED:
        yield f"the customer has waited {span(max(now - value.started_at, timedelta()))}"
    else:
        yield f"the customer waited {span(value.waited)}"


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


def _count(why: ClockWhy, zone: tzinfo) -> Iterator[str]:
    """How its time is counted, up to its target."""
    value, target = why.value, why.target
    if value.clock is ClockKind.PROMISE:
        yield "a promise is due when it was said to be, in real time"
        return
    where = f"calendar {value.calendar}{f' ({why.calendar.tz})' if why.calendar else ''}"
    yield f"target {_target(target)} of {where}"
    for day in why.days:
        yield f"  business day {day.number}: {day.day:%a %Y-%m-%d}, closes {local(day.closes, zone)}"
    yield from (f"  {line}" for line in _pieces(why.counted, zone))
    if why.counted and target.duration is not None:
        total = why.counted[-1].total
        left = f", {span(target.duration - total)} short of it" if total < target.duration else ""
        if total > target.duration and value.due_at == why.counted[-1].ends:
            left = ": its rules changed after that, and a change makes nobody late before itself"
        yield f"  counted {span(total)} of {span(target.duration)}{left}"
    if why.value.warn_at:
        yield f"warning {local(why.value.warn_at, zone)}"


def _target(target: Target) -> str:
    if target.business_days is not None:
        return f"the end of business day {target.business_days}"
    return f"{written(target.duration)} open time" if target.duration is not None else "none"


def _pieces(counted: Sequence[Stretch], zone: tzinfo) -> Iterator[str]:
    lines = [_piece(each, zone) for each in counted]
    if len(lines) > MOST:
        half = MOST // 2
        lines[half:-half] = [f"… {len(lines) - 2 * half} more …"]
    yield from lines


def _piece(each: Stretch, zone: tzinfo) -> str:
    begins, ends = each.begins.astimezone(zone), each.ends.astimezone(zone)
    until = f"{ends:%H:%M:%S}" if begins.date() == ends.date() else local(ends, zone)
    if each.pause:
        return f"{local(begins, zone)} to {until}: {span(each.length)} not counted ({_rest(each.pause)})"
    return f"{local(begins, zone)} to {until}: {span(each.length)}, in all {span(each.total)}"


def _rest(why: str) -> str:
    return "the case was closed" if why == "closed" else f"on hold: {why}"


def _people(why: ClockWhy, told: Sequence[Summons], zone: tzinfo) -> Iterator[str]:
    shown = [each for each in told if each.fate is not Fate.MOOT]
    moot = len(told) - len(shown)
    if shown:
        yield "who is told:"
    for each in shown:
        yield from _summoned(each, zone)
    if why.value.state is State.PAUSED:
        yield "while it rests nobody is told"
    elif moot:
        yield f"{moot} further step{'s' if moot > 1 else ''}: nobody, because it ended before"


def _summoned(each: Summons, zone: tzinfo) -> Iterator[str]:
    """One step, and each it tells on a line of his own."""
    page = ", pages" if each.rung.page else ""
    yield f"  {each.rung.key:<6} {local(each.rung.at, zone)}{page}: {_fate(each)}"
    yield from (f"         {_called(called, zone)}" for called in each.called)
    for name, deputy in each.away:
        yield f"         {name} is away{f', {deputy} stands in' if deputy else ', and nobody stands in'}"


def _fate(each: Summons) -> str:
    if each.fate is Fate.SKIPPED:
        return "skipped, because it was over before anybody could be told (skipped_late)"
    if each.fate is Fate.TOLD:
        return "told"
    if each.fate is Fate.NOBODY or not each.called:
        return "nobody, because no address is known"
    return "now" if each.fate is Fate.NOW else "to come"


def _called(called: Called, zone: tzinfo) -> str:
    place = "a webhook" if called.way is Way.WEBHOOK else called.address
    name = f"{called.name} ({place})" if called.name else place
    if called.state is DeliveryState.CANCELLED:
        return f"{name}, not sent: it ended before"
    if called.state is DeliveryState.FAILED:
        return f"{name}, not sent: there is no mailbox to send from"
    if called.state is not None:
        return f"{name} at {called.at.astimezone(zone):%a %H:%M:%S}" + (", waits" if called.waits else "")
    return f"{name}, when open: {local(called.at, zone)}" if called.waits else name


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
