"""Where Twilio itself lets this account call, held against `[dialling] regions`: telephony.md section 7, S4.

The last wall: what we hold by mistake can be released, what Twilio has switched off cannot be dialled by any mistake.
Read by `check --online`, which asks for nothing to be changed but by a person.
"""

import asyncio
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from commsd.channels.phone.line import Twilio
from commsd.channels.phone.rest import DEADLINE, Rest

VOICE = "https://voice.twilio.com"
API = "https://api.twilio.com"
COUNTRIES = 1000
_SHOWN = 8

WITH_US = "CA"
"""Twilio has one permission for the United States and Canada, under US."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Permission:
    """What may be called in a country. low: usual numbers. special: premium ones. fraud: known for toll fraud."""

    region: str
    low: bool
    special: bool
    fraud: bool


async def permissions(rest: Rest, twilio: Twilio) -> tuple[Permission, ...]:
    """Every country's permission. Raises as `Rest.asking` does."""
    async with rest.asking() as client, asyncio.timeout(DEADLINE):
        client.voice.base_url = VOICE if twilio.api_base_url == API else twilio.api_base_url
        found = await client.voice.v1.dialing_permissions.countries.list_async(limit=COUNTRIES)
    return tuple(
        Permission(
            region=each.iso_code or "",
            low=bool(each.low_risk_numbers_enabled),
            special=bool(each.high_risk_special_numbers_enabled),
            fraud=bool(each.high_risk_tollfraud_numbers_enabled),
        )
        for each in found
    )


def judged(found: Iterable[Permission], regions: frozenset[str]) -> tuple[str, tuple[str, ...]]:
    """What Twilio lets us call in a few words, and what to switch on or off there."""
    known = tuple(found)
    wanted = frozenset("US" if region == WITH_US else region for region in regions)
    return f"calls go to {sum(each.low for each in known)} countries", tuple(_remedies(known, wanted))


def _remedies(known: tuple[Permission, ...], wanted: frozenset[str]) -> Iterator[str]:
    on = {each.region for each in known if each.low}
    where = "in Twilio's console, Voice, Settings, Geo permissions"
    if missing := wanted - on:
        yield f"switch {_listed(missing)} on {where}, or take them out of [dialling] regions: no call gets there"
    if dear := {each.region for each in known if each.special or each.fraud}:
        yield f"switch the high-risk numbers of {_listed(dear)} off {where}: no customer is behind them"
    if more := on - wanted:
        yield f"switch {_listed(more)} off {where}: commsd holds their numbers, a stolen login would not"


def _listed(regions: Iterable[str]) -> str:
    names = sorted(regions)
    more = len(names) - _SHOWN
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:_SHOWN])} and {more} more"
