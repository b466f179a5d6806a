"""What `explain --json` says of a case: everything the text is made from, for programs. Pure."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from commsd.cli.output import shown_thing
from commsd.cli.why_text import REASONS, UNNAMED, FreeDays, Told
from commsd.core.clock import Clock
from commsd.core.explain import Asked, CaseWhy, ClockWhy, Ruled, Turn
from commsd.core.record import Json, instant
from commsd.core.stretch import Stretch
from commsd.sla.notice.summons import Called, Summons


def case_record(why: CaseWhy, told: Told, lines: Sequence[str], names: FreeDays = UNNAMED) -> Json:
    """A case with why its clocks are as they are. why: the text, line by line. names: of free days."""
    file = why.file
    return {
        "case": shown_thing(file.case),
        "attributes": dict(why.attrs),
        "interactions": [shown_thing(fact) for fact in file.interactions],
        "clocks": [
            {**shown_thing(each.record), "why": _clock(each, told.get(each.record.id, ()), names)}
            for each in why.clocks
        ],
        "not_owed": [
            {"clock": each.kind.value, "since": instant(each.since), "rules": _ruled(each.ruled)} for each in why.unowed
        ],
        "why": list(lines),
    }


def _clock(why: ClockWhy, told: Sequence[Summons], names: FreeDays) -> Json:
    target, value = why.target, why.value
    free = names.get((value.rules_version, value.calendar), {})
    return {
        "now": _standing(value),
        "cancelled_because": REASONS.get(value.reason or ""),
        "rules": _ruled(why.ruled),
        "changes": [_turn(turn) for turn in why.turns],
        "target_ms": _ms(target.duration),
        "target_business_days": target.business_days,
        "calendar_timezone": why.calendar.tz if why.calendar else None,
        "timezone_lost": why.zone.name or "the customer's" if why.zone else None,
        "held_off_by": [fact.id for fact in why.held_off],
        "odd_days": [
            {
                "date": odd.day.isoformat(),
                "hours": [str(window) for window in odd.hours],
                "listed": odd.listed,
                "name": free.get(odd.day),
            }
            for odd in why.odd
        ],
        "counted": [_stretch(each) for each in why.counted],
        "business_days": [
            {"number": day.number, "date": day.day.isoformat(), "closes_at": instant(day.closes)} for day in why.days
        ],
        "told": [_summons(each) for each in told],
    }


def _standing(value: Clock) -> Json:
    return {
        "state": value.state.value,
        "due_at": _at(value.due_at),
        "warn_at": _at(value.warn_at),
        "stopped_at": _at(value.stopped_at),
        "elapsed_ms": _ms(value.elapsed),
        "waited_ms": _ms(value.waited),
        "remaining_ms": _ms(value.remaining),
        "overrun_ms": _ms(value.overrun),
        "in_hours": value.in_hours,
        "policy": value.policy,
        "rules_version": value.rules_version,
        "calendar": value.calendar,
    }


def _ruled(ruled: Ruled) -> Json:
    version = ruled.version
    return {
        "version": version.id if version else None,
        "effective_from": _at(version.effective_from if version else None),
        "policy": ruled.policy.name if ruled.policy else None,
        "asked": [_asked(each) for each in ruled.asked],
    }


def _asked(each: Asked) -> Json:
    return {
        "rule": each.number,
        "matches": each.failed is None,
        "policy": each.policy,
        "match": {key: list(values) for key, values in each.conditions.items()},
        "failed": each.failed,
        "found": list(each.found) if isinstance(each.found, tuple) else each.found,
    }


def _turn(turn: Turn) -> Json:
    return {
        "at": instant(turn.at),
        "cause": list(turn.cause),
        "rules": _ruled(turn.ruled),
        "before": _standing(turn.before),
        "after": _standing(turn.after) if turn.after else None,
    }


def _stretch(each: Stretch) -> Json:
    return {
        "begins_at": instant(each.begins),
        "ends_at": instant(each.ends),
        "length_ms": _ms(each.length),
        "total_ms": _ms(each.total),
        "pause": each.pause,
    }


def _summons(each: Summons) -> Json:
    return {
        "step": each.rung.key,
        "at": instant(each.rung.at),
        "page": each.rung.page,
        "tell": list(each.rung.tell),
        "fate": each.fate.value,
        "vacant": each.vacant,
        "instead": each.instead,
        "known_at": _at(each.known_at),
        "called": [_called(called) for called in each.called],
        "away": [{"name": name, "deputy": deputy} for name, deputy in each.away],
    }


def _called(called: Called) -> Json:
    return {
        "name": called.name,
        "way": called.way.value,
        "address": called.address if called.way.value != "webhook" else None,
        "at": instant(called.at),
        "state": called.state.value if called.state else None,
        "waits_for": called.waits.value if called.waits else None,
        "reason": called.reason,
        "notice": called.notice.state.value if called.notice else None,
    }


def _at(at: datetime | None) -> str | None:
    return instant(at) if at is not None else None


def _ms(length: timedelta | None) -> int | None:
    return None if length is None else round(length / timedelta(milliseconds=1))
