"""Instants and lengths to the second, as `explain` prints them. Pure.

What is shown in whole seconds is also counted in whole seconds, so that a reader who adds up gets the sum that stands
below.
"""

from datetime import datetime, timedelta, tzinfo

LONG = timedelta(days=3)


def local(at: datetime, zone: tzinfo) -> str:
    """An instant in a zone, to the second."""
    return f"{at.astimezone(zone):%a %Y-%m-%d %H:%M:%S %Z}"


def clipped(at: datetime) -> datetime:
    """The instant as it is shown: the rest of its second cut off."""
    return at.replace(microsecond=0)


def span(length: timedelta) -> str:
    """A length to the second."""
    seconds = int(length.total_seconds())
    hours, minutes, rest = seconds // 3600, seconds // 60 % 60, seconds % 60
    if seconds < 60:
        return f"{seconds} s"
    whole = f"{hours} h {minutes:02} min" if hours else f"{minutes} min"
    return whole + (f" {rest:02} s" if rest else "")


def between(a: datetime, b: datetime) -> str:
    """The length from one instant to another, as the two are shown; what is long, in days of 24 hours."""
    length = clipped(b) - clipped(a)
    if length < LONG:
        return span(length)
    return f"{length.days} days {length.seconds // 3600} h {length.seconds // 60 % 60:02} min"
