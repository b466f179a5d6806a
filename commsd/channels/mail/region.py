"""In which country a writer dials: by numbers, zone or address, never by language. Pure.

An Austrian who writes German is no German: a national form given to the wrong country cannot be dialled.
"""

from datetime import datetime, timedelta
from email.utils import parsedate_to_datetime
from zoneinfo import ZoneInfo

import phonenumbers

from commsd.core.contact import Contact
from commsd.core.country import countries, zones_in
from commsd.core.number import parse_number

SOLD_TO_ALL = frozenset(
    {"AC", "AG", "AI", "CC", "CO", "FM", "GG", "IM", "IO", "LY", "ME", "SH", "TO", "TV", "WS", "LA", "VC"}
)
"""Country domains that say nothing of where somebody is."""


def region_of(contact: Contact | None, address: str | None) -> str | None:
    """ISO 3166, or None: then numbers are written international. The contact's numbers, zone, then the address."""
    if contact is not None:
        if region := _by_numbers(contact):
            return region
        if contact.timezone and (country := countries().get(contact.timezone)):
            return country
    return region_of_address(address)


def region_of_address(address: str | None) -> str | None:
    """The country of the domain, where it has one that means something."""
    last = (address or "").rpartition("@")[2].rstrip(".").rpartition(".")[2].upper()
    country = "GB" if last == "UK" else last
    return country if country in phonenumbers.SUPPORTED_REGIONS and country not in SOLD_TO_ALL else None


def _by_numbers(contact: Contact) -> str | None:
    numbers = (parse_number(identity.value) for identity in contact.identities if identity.kind == "phone")
    regions = {number.region for number in numbers if number}
    return regions.pop() if len(regions) == 1 else None


def offset_in(date: str) -> timedelta | None:
    """The writer's offset from UTC as a Date field has it; None where it says none. RFC 5322 3.3."""
    try:
        return parsedate_to_datetime(date).utcoffset()
    except (ValueError, OverflowError):
        return None


def reads_our_clock(region: str | None, offset: timedelta | None, ours: ZoneInfo, at: datetime) -> bool:
    """Whether a writer whose zone nobody told us surely has our clock at that time.

    region: the writer's country, None where it is unknown: then only their own offset can tell. offset: from UTC, as
    their mail program wrote it, None where it did not say.
    """
    clock = at.astimezone(ours).utcoffset()
    if region is None:
        return offset == clock
    if offset and offset != clock:  # zero tells nothing: many programs write UTC wherever they are
        return False
    zones = zones_in(region)
    return bool(zones) and all(at.astimezone(zone).utcoffset() == clock for zone in zones)
