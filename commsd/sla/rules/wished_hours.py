"""When a customer wants to be rung: the hours of the wish `hours`, by the customer's own clock. Pure.

They narrow what the quiet hours and our own hours leave. A time that the customer asks for comes before them.
"""

from functools import lru_cache
from zoneinfo import ZoneInfo

from commsd.core.calendar import Calendar
from commsd.core.contact import Contact
from commsd.sla.rules.opening import hours


def wished_hours(contact: Contact | None, zone: ZoneInfo) -> Calendar | None:
    """When this contact may be rung; None where nothing is wished. zone: where they are, as far as we know."""
    wish = contact.wishes.hours if contact else None
    return _calendar(wish, zone.key) if wish else None


@lru_cache(maxsize=512)
def _calendar(wish: str, zone: str) -> Calendar | None:
    """None also for what is no hours: it was let in by a version that read more than this one."""
    week = hours(wish)
    return Calendar(name="wish", tz=zone, weekly=week) if week else None
