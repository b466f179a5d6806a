"""What must come out of a case of a test: its clocks and what it carries then. Pure."""

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from functools import partial
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from commsd.config.read import did_you_mean
from commsd.core.clock import State
from commsd.core.policy import ClockKind, duration
from commsd.sla.trial.deviation import KEYS, LENGTHS, Expected
from commsd.sla.trial.instant import instant_of
from commsd.sla.trial.rules import HARMLESS
from commsd.sla.trial.sheet import Sheet, truth, whole_number

_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)


class Wanted(NamedTuple):
    """What a case expects. only: the kinds compared; None: all. attrs: what the case carries then; None: not that."""

    clocks: tuple[Expected, ...]
    only: frozenset[ClockKind] | None
    attrs: Mapping[str, str | None]


def wanted_of(row: Sheet, zone: ZoneInfo) -> Wanted:
    """`expect`: a list of clocks, or `{clocks: [...], attrs: {...}}`, which compares what it names.

    `clocks` beside it limits the kinds that are compared; empty, it says that there is no clock at all.
    """
    whole = row.part("expect") if row.is_mapping("expect") else None
    listed = whole or row
    clocks = tuple(_expected(part, zone) for part in listed.parts("clocks" if whole else "expect", "clock"))
    carried = whole.part("attrs") if whole else None
    attrs = {key: carried.text(key) for key in carried.names()} if carried else {}
    if whole:
        whole.done(HARMLESS)
    if row.has("clocks") and not row.is_null("clocks"):
        only = frozenset(_kinds(row)) or None
        if only is None and clocks:
            row.error("clocks", "clocks: [] says there is none, and expect lists some", "leave one of them out")
        return Wanted(clocks, only, attrs)
    compared = whole is None or whole.has("clocks")
    return Wanted(clocks, None if compared else frozenset(), attrs)


def _kinds(row: Sheet) -> list[ClockKind]:
    names = row.texts("clocks")
    for name in names:
        if name not in list(ClockKind):
            row.error("clocks", f'no clock "{name}"', did_you_mean(name, ClockKind))
    return [ClockKind(name) for name in names if name in list(ClockKind)]


def _expected(part: Sheet, zone: ZoneInfo) -> Expected:
    kind = part.choice("clock", list(ClockKind), "clock")
    if not part.has("clock"):
        part.error(None, "it does not say which clock", f"add clock: {did_you_mean('', ClockKind)}")
    number = part.form("n", whole_number, "a number", "write n: 1")
    values: dict[str, Any] = {}
    for key in part.names():
        if key in ("clock", "n") or key in HARMLESS:
            continue
        if key in KEYS:
            values[key] = value_of(part, key, zone)
        else:
            part.error(key, f'a clock has no "{key}"', did_you_mean(key, KEYS))
    return Expected(ClockKind(kind or "ack"), number, values)


def value_of(part: Sheet, key: str, zone: ZoneInfo) -> Any:
    """What a key must be, as the engine has it."""
    if key.endswith("_at"):
        return instant_of(part, key, zone)
    if key in LENGTHS:
        return part.form(key, partial(_length, unit=key), "a length", "write seconds: 5400, or 1h30m")
    if key == "state":
        state = part.choice("state", list(State), "state")
        return State(state) if state else None
    return part.form(key, _READ.get(key, str), "a value of this kind", "write true or false")


_READ: Mapping[str, Callable[[str], Any]] = {"in_hours": truth}


def _length(text: str, unit: str) -> timedelta:
    """A number of the key's unit, or a duration with units of its own. Raises ValueError."""
    if not _NUMBER.fullmatch(text.strip()):
        return duration(text)
    number = float(text)
    return timedelta(milliseconds=number) if unit.endswith("_ms") else timedelta(seconds=number)
