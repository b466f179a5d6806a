"""Calendars and policies as rule tests write them; the config's own form is TOML and has its reader in rulebook.py."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any, Literal, cast

from commsd.config.read import did_you_mean
from commsd.core.calendar import CUSTOMER, Calendar, Window, is_zone, window
from commsd.core.policy import ClockKind, Policy, Target, business_days, duration
from commsd.sla.rules.opening import days
from commsd.sla.trial.sheet import Sheet, whole_number

HARMLESS = ("note", "title", "origin", "channel", "case", "comment")
"""Keys that tell the reader something and change nothing."""

ZONE = "a time zone"
ZONE_REMEDY = 'write its name, such as "Europe/Berlin"'
_LENGTH = 'write hours, minutes and seconds, such as "1h30m"'
_WINDOWS = 'write windows such as ["09:00-12:30", "13:15-17:30"], [] for closed'


def read_calendar(name: str, part: Sheet) -> Calendar:
    """`{tz, weekly: {mon: ["09:00-17:00"]}, dates: {"2026-12-24": []}}`. Mistakes are noted."""
    tz = "UTC"
    if not part.text("tz"):
        part.error("tz", "tz is missing", 'add tz: Europe/Berlin, or "customer"')
    elif part.text("tz") == CUSTOMER:
        tz = CUSTOMER
    else:
        tz = part.form("tz", zone_name, ZONE, f'{ZONE_REMEDY}, or "customer"') or tz
    weekly: dict[int, tuple[Window, ...]] = {}
    week = part.part("weekly")
    if week is None:
        part.error("weekly", "weekly is missing", 'add weekly: {mon: ["09:00-17:00"]}')
    for key in week.names() if week else ():
        if week and not days(key):
            week.error(key, f'"{key}" is no day', "write mon, tue, wed, thu, fri, sat, sun, mon-fri or daily")
        elif week:
            weekly |= dict.fromkeys(days(key), _windows(week, key))
    dates = _dates(part)
    fallback = part.form("fallback_tz", zone_name, ZONE, ZONE_REMEDY)
    part.done(HARMLESS)
    return Calendar(name=name, tz=tz, weekly=weekly, dates=dates, fallback_tz=fallback)


def _dates(part: Sheet) -> dict[date, tuple[Window, ...]]:
    found: dict[date, tuple[Window, ...]] = {}
    listed = part.part("dates")
    for key in listed.names() if listed else ():
        try:
            day = date.fromisoformat(key)
        except ValueError:
            part.error("dates", f'dates: "{key}" is not a date', 'write "2026-12-24": ["09:00-12:00"]')
            continue
        found[day] = _windows(listed, key) if listed else ()
    return found


def _windows(part: Sheet, key: str) -> tuple[Window, ...]:
    found = []
    for text in part.texts(key):
        try:
            found += [] if text == "closed" else [window(text)]
        except ValueError:
            part.error(key, f'{key}: "{text}" is not a window of the day', _WINDOWS)
    return tuple(sorted(found))


def zone_name(text: str) -> str:
    """The name of a zone. Raises ValueError."""
    if not is_zone(text):
        raise ValueError(text)
    return text


def read_policy(name: str, part: Sheet, calendars: Mapping[str, Calendar]) -> Policy:
    """`{calendar, clocks: {first_response: {target: 4h, warn_percent: 75}}}`. Mistakes are noted."""
    calendar = named(part, "calendar", calendars, needed=True) or ""
    targets = {}
    clocks = part.part("clocks")
    if clocks is None:
        part.error("clocks", "clocks is missing", "add clocks: {first_response: {target: 4h}}")
    for kind in clocks.names() if clocks else ():
        if clocks and kind not in list(ClockKind):
            clocks.error(kind, f'no clock "{kind}"', did_you_mean(kind, ClockKind))
        elif clocks and clocks.is_null(kind):
            targets[ClockKind(kind)] = Target()
        elif clocks and (inner := clocks.part(kind)):
            targets[ClockKind(kind)] = _target(ClockKind(kind), inner, calendars)
    part.has("ladder")  # tells people, moves no clock
    part.done(HARMLESS)
    return Policy(name=name, calendar=calendar, targets=targets)


def _target(kind: ClockKind, part: Sheet, calendars: Mapping[str, Calendar]) -> Target:
    length, number = aim(part)
    if kind is not ClockKind.PROMISE and not part.has("target"):
        part.error("target", "target is missing", "add target: 4h, or target: 2bd")
    attempts = "max_attempts" if part.has("max_attempts") else "met_after_attempts"
    by = part.choice("by", ("any", "human"), "way to acknowledge") or "any"
    stop_on = part.choice("stop_on", ("talk", "any_reply"), "end of a callback") or "talk"
    reopen = part.choice("reopen", ("continue", "new"), "way to reopen") or "continue"
    target = Target(
        duration=length,
        business_days=number,
        calendar=named(part, "calendar", calendars),
        warn_before=part.form("warn_before", duration, "a duration", _LENGTH),
        warn_percent=part.form("warn_percent", _percent, "a percentage", "write 75"),
        by=cast(Literal["any", "human"], by),
        stop_on=cast(Literal["talk", "any_reply"], stop_on),
        met_after_attempts=part.form(attempts, _count, "a number of attempts", "write 3"),
        pause_on=frozenset(part.texts("pause_on")),
        reopen=cast(Literal["continue", "new"], reopen),
        objective=part.text("objective"),
    )
    part.has("met_after_attempts")
    part.done(HARMLESS)
    return target


def aim(part: Sheet) -> tuple[timedelta | None, int | None]:
    """`target`: open time, or business days."""
    text = part.text("target")
    if text is not None and text.strip().endswith("bd"):
        return None, part.form("target", business_days, "a number of business days", 'write "2bd"')
    return part.form("target", duration, "a target", 'write open time, "1h30m", or business days, "2bd"'), None


def named(part: Sheet, key: str, known: Mapping[str, Any], *, needed: bool = False) -> str | None:
    """The name of a calendar or policy that is known."""
    name = part.text(key)
    if name is None and needed:
        part.error(key, f"{key} is missing", f"name one: {did_you_mean('', known)}")
    if name is None or name in known:
        return name
    part.error(key, f'no {key} "{name}"', did_you_mean(name, known))
    return None


def _percent(text: str) -> int:
    return whole_number(text.strip().removesuffix("%"))


def _count(text: str) -> int:
    number = whole_number(text)
    if number < 1:
        raise ValueError(text)
    return number
