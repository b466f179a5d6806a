"""Telephone numbers: E.164, region and type, by libphonenumber. A number is a Number here, never a bare string.

Which numbers are never dialled is decided in `core.screen`.
"""

from dataclasses import dataclass
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata, PhoneNumberFormat, PhoneNumberType

KEYPAD_SENTINELS = frozenset({"+266696687", "+7378742833", "+2562533", "+8656696", "+86282452253"})
"""ANONYMOUS, RESTRICTED, BLOCKED, UNKNOWN, UNAVAILABLE typed on a keypad: Twilio's words for a withheld number."""

_TYPES = {value: name.lower() for name, value in vars(PhoneNumberType).items() if not name.startswith("_")}


@dataclass(frozen=True, slots=True)
class Number:
    """A valid number. e164: with the plus. region: ISO 3166, "001" for worldwide. type: libphonenumber's word."""

    e164: str
    region: str
    type: str

    def as_dialled_from(self, region: str) -> str:
        """As a person there would dial it: national within the country, international from abroad."""
        parsed = phonenumbers.parse(self.e164)
        form = PhoneNumberFormat.NATIONAL if self.region == region else PhoneNumberFormat.INTERNATIONAL
        return phonenumbers.format_number(parsed, form)


def typed_in(digits: str, region: str | None) -> Number | None:
    """The number in digits typed on the keys, as somebody in this region means them; None where they are none.

    A leading 00 is the international prefix nearly everywhere; libphonenumber knows the others by region. A leading
    country code without the 0 of the region's own numbers is one: libphonenumber alone takes 49171… of a German for an
    area code that nobody dials so.
    """
    if digits.startswith("00"):
        return parse_number(f"+{digits[2:]}")
    known = PhoneMetadata.metadata_for_region(region) if region else None
    if known is not None and known.national_prefix == "0" and digits.startswith(str(known.country_code)):
        return parse_number(f"+{digits}") or parse_number(digits, region)
    return parse_number(digits, region)


def parse_number(text: str, region: str | None = None) -> Number | None:
    """The number in a text, or None where it is withheld, a SIP or client address, a short code or not valid.

    region: whose national numbers are meant where the text has no plus.
    """
    return _parsed(text, region)


@lru_cache(maxsize=4096)
def _parsed(text: str, region: str | None) -> Number | None:
    """A cache of its own: it would keep f(text) and f(text, None) apart, and parse the same number twice."""
    if not text or text in KEYPAD_SENTINELS or ":" in text:
        return None
    try:
        parsed = phonenumbers.parse(text, region)
    except phonenumbers.NumberParseException:
        return None
    kind = phonenumbers.number_type(parsed)
    if kind == PhoneNumberType.UNKNOWN:  # what is_valid_number asks too, at its own cost
        return None
    return Number(
        e164=phonenumbers.format_number(parsed, PhoneNumberFormat.E164),
        region=phonenumbers.region_code_for_number(parsed) or "001",
        type=_TYPES.get(kind, "unknown"),
    )
