"""A time as a person types it, in the firm's zone unless it brings an offset. Pure."""

from datetime import datetime
from zoneinfo import ZoneInfo

import typer

from commsd.config.unit import duration
from commsd.core.appointment import time_in
from commsd.core.calendar import reached


def coming(text: str, zone: ZoneInfo, now: datetime, option: str) -> datetime:
    """The instant of what is to come: as `moment`, "1h" from now, or "15:00" and others as replies take it."""
    if (length := duration(text)) is not None:
        return now + length
    try:
        return moment(text, zone, option)
    except typer.BadParameter:
        if (at := time_in(text.casefold(), now, zone)) is None:
            raise
        return at


def moment(text: str, zone: ZoneInfo, option: str) -> datetime:
    """The instant meant by "2026-03-10 14:00". option: named where the text is no time."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(f'"{text}" is not a time: write it as "2026-03-10 14:00"', param_hint=option) from None
    return at if at.tzinfo else reached(zone, at)
