"""Why: which rule took a case, what each clock counts interval by interval, and when it is due. Lines for a person."""

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta, tzinfo

from commsd.core.calendar import in_zone, open_intervals
from commsd.core.case import CaseFile, ClockRecord
from commsd.core.change import Terms
from commsd.core.clock import State
from commsd.core.interaction import Interaction, Kind, Outcome
from commsd.core.policy import Version, mismatch, rule_for
from commsd.core.touch import touches_of

LONGEST = timedelta(days=60)
"""Intervals are listed over at most this long."""


def explain_interaction(fact: Interaction, zone: tzinfo) -> tuple[str, ...]:
    """What was decided about one interaction."""
    lines = [f"{fact.kind.value} {fact.id}, {fact.direction.value}, {_local(fact.occurred_at, zone)}"]
    if fact.reason:
        lines.append(f"  no acknowledgement: {fact.reason}" if fact.reason.startswith("no-ack") else f"  {fact.reason}")
    if fact.case_cause:
        lines.append(f"  in case {fact.case_id} because of: {fact.case_cause.value}")
    if fact.language:
        lines.append(f"  language {fact.language}, from: {fact.language_cause}")
    if fact.promised_at:
        told = "was told" if fact.outcome is not Outcome.SUPPRESSED else "would have been told"
        lines.append(f"  the customer {told} {_local(fact.promised_at, zone)}")
    if fact.kind not in (Kind.MESSAGE, Kind.NOTE) and fact.outcome:
        lines.append(f"  {fact.outcome.value}{f': {fact.status_raw}' if fact.status_raw else ''}")
    return tuple(lines)


def explain_case(file: CaseFile, terms: Terms, now: datetime, zone: tzinfo) -> tuple[str, ...]:
    """The case, its rule and its clocks, each business interval counted."""
    case = file.case
    lines = [f"case {case.id}, {case.state.value}, opened {_local(case.opened_at, zone)}"]
    for fact in file.interactions:
        lines.extend(explain_interaction(fact, zone))
    lines.extend(_rule(file, terms))
    for record in file.clocks:
        lines.extend(_clock(record, file, terms, now, zone))
    return tuple(lines)


def _rule(file: CaseFile, terms: Terms) -> Iterable[str]:
    """Each rule up to the one that matched, with the first condition that failed."""
    version = terms.versions[-1] if terms.versions else None
    if version is None:
        return
    facts: Mapping[str, str | tuple[str, ...]] = {
        **next((touch.facts for known in file.interactions for touch in touches_of(known)), {}),
        **file.case.attrs,
    }
    found = rule_for(version, facts)
    for place, rule in enumerate(version.rules):
        failed = mismatch(rule, facts)
        if failed:
            yield f"  rule {place + 1} does not match: {failed} is {facts.get(failed, 'not there')}"
        if found and place == found[0]:
            yield f"  rule {place + 1} matches: policy {rule.policy}, rules version {version.id[:12]}"
            return


def _clock(record: ClockRecord, file: CaseFile, terms: Terms, now: datetime, zone: tzinfo) -> Iterable[str]:
    value = record.value
    due = _local(value.due_at, zone) if value.due_at else "not due while it rests"
    yield f"  {value.clock.value} {value.n}: {value.state.value}, due {due}, policy {value.policy}"
    if record.told:
        yield f"    told: {', '.join(record.told)}"
    version = _version(terms, value.rules_version)
    calendar = version.calendars.get(value.calendar) if version else None
    if calendar is None:
        return
    end = min(value.stopped_at or value.due_at or now, value.started_at + LONGEST)
    counted = timedelta()
    for opens, closes in open_intervals(in_zone(calendar, file.case.attrs.get("tz")), value.started_at, end):
        counted += closes - opens
        yield f"    {_local(opens, zone)} to {_local(closes, zone)}: {_span(closes - opens)}, in all {_span(counted)}"
    if value.stopped_at is None and value.state is not State.PAUSED:
        waited = max(now - value.started_at, timedelta())  # the record's own figure is as old as its last change
        yield f"    calendar {value.calendar}: the customer has waited {_span(waited)}"
        return
    yield f"    calendar {value.calendar}: open time {_span(value.elapsed)}, the customer waited {_span(value.waited)}"


def _version(terms: Terms, version_id: str) -> Version | None:
    return next((known for known in terms.versions if known.id == version_id), None)


def _local(instant: datetime, zone: tzinfo) -> str:
    return f"{instant.astimezone(zone):%a %Y-%m-%d %H:%M:%S %Z}"


def _span(span: timedelta) -> str:
    seconds = int(span.total_seconds())
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    return f"{hours} h {minutes:02} min" if seconds >= 60 else f"{seconds} s"
