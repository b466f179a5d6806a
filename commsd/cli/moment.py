"""A time as a person types it, in the firm's zone unless it brings an offset. Pure."""

import re
from datetime import datetime
from zoneinfo import ZoneInfo

import typer

from commsd.config.unit import duration
from commsd.core.appointment import time_in
from commsd.core.calendar import reached

_LIKE_A_LENGTH = re.compile(r"-|\W*\d+(?:ms|[smhd])(?![^\W\d_])")
"""Of what is no length after all: read as a reply, "1h30" would be an hour of the night."""


def coming(text: str, zone: ZoneInfo, now: datetime, option: str) -> datetime:
    """The instant of what is to come: as `moment`, "1h" from now, or "15:00" and others as replies take it."""
    plain = text.strip().casefold()
    try:
        if (length := duration(plain)) is not None:
            return now + length
        at = None if _LIKE_A_LENGTH.match(plain) else _at(text.strip(), zone) or time_in(plain, now, zone)
    except OverflowError:
        at = None
    if at is None:
        raise _no_time(text, '"1h", "15:00" or "2026-03-10 14:00"', option)
    return at


def moment(text: str, zone: ZoneInfo, option: str) -> datetime:
    """The instant meant by "2026-03-10 14:00". option: named where the text is no time."""
    at = _at(text.strip(), zone)
    if at is None:
        raise _no_time(text, '"2026-03-10 14:00"', option)
    return at


def _at(plain: str, zone: ZoneInfo) -> datetime | None:
    try:
        at = datetime.fromisoformat(plain)
        return at if at.tzinfo else reached(zone, at)
    except (ValueError, OverflowError):
        return None


def _no_time(text: str, forms: str, option: str) -> typer.BadParameter:
    return typer.BadParameter(f'"{text}" is not a time: write it as {forms}', param_hint=option)
