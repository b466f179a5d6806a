"""A time as a person types it, in the firm's zone unless it brings an offset. Pure."""

from datetime import datetime
from zoneinfo import ZoneInfo

import typer

from commsd.core.calendar import reached


def moment(text: str, zone: ZoneInfo, option: str) -> datetime:
    """The instant meant by "2026-03-10 14:00". option: named where the text is no time."""
    try:
        at = datetime.fromisoformat(text.strip())
    except ValueError:
        raise typer.BadParameter(f'"{text}" is not a time: write it as "2026-03-10 14:00"', param_hint=option) from None
    return at if at.tzinfo else reached(zone, at)
