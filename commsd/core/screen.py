"""Which numbers are never rung, and why. Pure.

Here: the number itself (telephony.md section 7, S1 and S3), however we came by it: typed on keys, written, entered on a
page. Allowed regions, price and pace come with the dialler.
"""

from commsd.core.number import Number, parse_number

COSTLY = frozenset({"premium_rate", "shared_cost", "personal_number", "pager", "uan", "voicemail", "unknown"})
"""Types of libphonenumber behind which no customer waits, or a bill."""

WORLDWIDE = "001"
"""The region of +800, +808, +870, +881, +882, +979: satellites and services, no country."""


def refusal(number: Number) -> str | None:
    """Why this number is not dialled: `type:premium_rate`, `region:001`. None: nothing speaks against it."""
    if number.region == WORLDWIDE:
        return f"region:{number.region}"
    return f"type:{number.type}" if number.type in COSTLY else None


def typed_number(digits: str, region: str | None) -> Number | None:
    """The number a caller typed on the keys, as somebody in `region` means it. None: not one we would ring.

    A leading 00 is the international prefix nearly everywhere; libphonenumber knows the others by region.
    """
    text = f"+{digits[2:]}" if digits.startswith("00") else digits
    number = parse_number(text, region)
    return number if number and refusal(number) is None else None
