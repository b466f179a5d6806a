"""JSON Schema of the SLA files, for editors: keys, words and forms, with what a key is for. Pure.

An editor says what is misspelt while it is typed; whether names fit together only `commsd check` knows. The readers
are `sla.opening`, `sla.target` and `sla.rulebook`; a test compares their keys with these.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from commsd.core.interaction import Channel
from commsd.core.policy import ClockKind
from commsd.sla.rules.opening import OFFICE_HOURS
from commsd.sla.rules.rulebook import MATCH_KEYS, PRIORITIES, SET_KEYS

Schema = dict[str, Any]

DIALECT = "https://json-schema.org/draft/2020-12/schema"
_DAY = "(mon|tue|wed|thu|fri|sat|sun)"
_WINDOW = r"^\s*\d\d:[0-5]\d\s*-\s*\d\d:[0-5]\d\s*$"
_OPEN = r"(?=[0-9])([0-9]{1,6}h)?([0-9]{1,6}m)?([0-9]{1,8}s)?"


def text(about: str = "", **more: Any) -> Schema:
    """Text that is not empty."""
    return {"type": "string", "minLength": 1, **_about(about), **more}


def words(options: Iterable[object], about: str = "", **more: Any) -> Schema:
    """One of these words."""
    return {"enum": [str(option) for option in options], **_about(about), **more}


def formed(pattern: str, about: str = "", **more: Any) -> Schema:
    """Text of this form."""
    return {"type": "string", "pattern": pattern, **_about(about), **more}


def flag(about: str, default: bool) -> Schema:
    """true or false."""
    return {"type": "boolean", "default": default, **_about(about)}


def count(about: str, least: int = 0, **more: Any) -> Schema:
    """A whole number."""
    return {"type": "integer", "minimum": least, **_about(about), **more}


def listed(each: Schema, about: str = "", **more: Any) -> Schema:
    """A list of these."""
    return {"type": "array", "items": each, **_about(about), **more}


def closed(keys: Mapping[str, Schema], about: str = "", required: tuple[str, ...] = ()) -> Schema:
    """A table with these keys and no other."""
    needed: Schema = {"required": list(required)} if required else {}
    return {"type": "object", "properties": dict(keys), "additionalProperties": False, **needed, **_about(about)}


def named(each: Schema, about: str = "") -> Schema:
    """Tables by names of one's own: [policy.standard], [policy.vip]."""
    names = {"minLength": 1, "maxLength": 48}
    return {"type": "object", "propertyNames": names, "additionalProperties": each, **_about(about)}


def either(*forms: Schema, about: str = "") -> Schema:
    """One of several kinds of value."""
    return {"anyOf": list(forms), **_about(about)}


def whole(title: str, keys: Mapping[str, Schema], required: tuple[str, ...] = ()) -> Schema:
    """The schema of a file."""
    return {"$schema": DIALECT, "title": title, **closed(keys, required=required)}


def _about(text: str) -> Schema:
    return {"description": text} if text else {}


def rules_schema() -> Schema:
    """The schema of each file in `sla/`."""
    keys = {
        "calendar": named(_calendar(), "When we are open."),
        "ladder": named(_ladder(), "Who is told of a clock, and when."),
        "policy": named(_policy(), "What is promised."),
        "rule": listed(_rule(), "Who gets which policy: the first rule that matches. The last one has no match."),
    }
    return whole("commsd: SLA rules (sla/*.toml)", keys)


def _calendar() -> Schema:
    windows = listed(formed(_WINDOW), "Windows of the day; 24:00 is midnight, 22:00-06:00 ends the next morning.")
    week = {
        "type": "object",
        "patternProperties": {rf"^(daily|{_DAY}(-{_DAY})?([, ]+{_DAY}(-{_DAY})?)*)$": windows},
        "additionalProperties": False,
    }
    day = either(words(("closed", "as usual")), windows)
    dates = {"type": "object", "patternProperties": {r"^\d{4}-\d{2}-\d{2}$": day}, "additionalProperties": False}
    holidays = {
        "country": formed("^[A-Z]{2}$", "Two letters, such as DE."),
        "subdivision": text("A part of the country, such as BE."),
        "categories": listed(text(), "Kinds of holidays.", default=["public"]),
    }
    keys = {
        "tz": text('An IANA time zone, or "customer": the customer\'s own.'),
        "fallback_tz": text("The zone of customers whose own is not known."),
        "hours": either(text(f'"{OFFICE_HOURS}" or "24x7".'), week, about="The opening hours of a week."),
        "holidays": closed(holidays, "Public holidays, on which we are closed.", required=("country",)),
        "dates": {**dates, "description": "Exactly these hours on these dates; wins over hours and holidays."},
    }
    return closed(keys, required=("tz", "hours"))


def _ladder() -> Schema:
    step = {
        "at": formed(rf"^(due|[0-9]+%|[+-]{_OPEN})$", '"75%" of the time, "-15m" before the end, "due", "+1h" after.'),
        "tell": listed(text(), 'Agents, teams, routes, or "owner", "team", "lead" of the case.', minItems=1),
        "page": flag("Also outside opening hours.", False),
        "real": flag("The offset is real time, not open time.", False),
        "repeat": formed(rf"^{_OPEN}$", "Again after each such time."),
        "times": count("How often in all.", 1, default=1),
    }
    steps = listed(closed(step, required=("at", "tell")), "In order of time.")
    return closed({"steps": steps}, required=("steps",))


def _target() -> Schema:
    return formed(rf"^(off|[1-9][0-9]{{0,2}}bd|{_OPEN})$", 'Open hours "4h", business days "2bd", or "off".')


def _policy() -> Schema:
    keys: dict[str, Schema] = {
        "based_on": text("Another policy, of which only what differs stands here."),
        "calendar": text("In whose hours its targets count."),
        "ladder": text("Who is told of its clocks."),
    }
    return closed(keys | {kind.value: _clock(kind) for kind in ClockKind})


_ABOUT = {
    ClockKind.ACK: "The machine's acknowledgement.",
    ClockKind.FIRST_RESPONSE: "The first answer by a person.",
    ClockKind.NEXT_RESPONSE: "Each further answer, from the oldest unanswered message on.",
    ClockKind.UPDATE: "News at least this often, while the case is open.",
    ClockKind.CALLBACK: "The call back after a missed call.",
    ClockKind.PROMISE: "What one of us promised, due when he said.",
    ClockKind.RESOLUTION: "The end of the matter.",
}


def _clock(kind: ClockKind) -> Schema:
    keys: dict[str, Schema] = {
        "warn": formed(rf"^([1-9][0-9]?%|{_OPEN})$", 'When to warn: "75%" gone, or "30m" before the end.'),
        "calendar": text("Another calendar than the policy's."),
        "objective": formed(r"^(100|[1-9][0-9]?(\.[0-9]{1,3})?)% ?/ ?[1-9][0-9]{0,2}d$", "What reports aim at."),
    }
    own: Mapping[ClockKind, dict[str, Schema]] = {
        ClockKind.ACK: {"by": words(("any", "human"), "Who may stop it.", default="any")},
        ClockKind.CALLBACK: {
            "stop_on": words(("talk", "any_reply"), "What keeps it.", default="talk"),
            "met_after_attempts": count("Counts as kept after so many calls in vain.", 1),
        },
        ClockKind.RESOLUTION: {
            "pause_on": listed(text(), "Reasons of a hold for which it rests."),
            "reopen": words(("continue", "new"), "What a reopened case does with it.", default="continue"),
        },
    }
    if kind is ClockKind.PROMISE:
        return either(words(("off",)), closed(keys), about=_ABOUT[kind])
    table = closed({"target": _target(), **keys, **own.get(kind, {})})
    return either(_target(), table, about=_ABOUT[kind])


def _rule() -> Schema:
    known: Mapping[str, Schema] = {"channel": words(Channel), "priority": words(PRIORITIES)}
    match = {
        key: either(known.get(key, text()), listed(known.get(key, text()), minItems=1), about=_MATCHED.get(key, ""))
        for key in MATCH_KEYS
    }
    keys = {
        "match": closed(match, "All keys must match; any value of a key is enough."),
        "policy": text('A policy, or "off": no clocks.'),
        "set": closed({key: known.get(key, text()) for key in SET_KEYS}, "What the case gets besides."),
    }
    return closed(keys, required=("policy",))


_MATCHED = {
    "to": "Addresses written to, with * for anything.",
    "from": "The writer's address, with * for anything.",
    "caller": "The caller's number, with * for anything.",
    "keywords": "Single words of subject and beginning, with * for anything.",
    "language": "Codes such as de or da.",
}
