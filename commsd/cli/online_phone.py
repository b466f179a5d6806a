"""What `check --online` finds out about Twilio: the login, what is left to spend, where the calls of our numbers go."""

import asyncio
from collections.abc import Mapping
from decimal import Decimal

from commsd.channels.phone.call_list import balance, numbers
from commsd.channels.phone.line import Line, PhoneSettings, Twilio
from commsd.channels.phone.number_setup import NumberSetup, faults, reaches_us
from commsd.channels.phone.permissions import judged, permissions
from commsd.channels.phone.rest import Rest
from commsd.errors import ConfigError, NotFound

LOW = Decimal(10)
"""Less than this is a warning, in whatever currency: at zero Twilio stops answering our numbers' calls."""

Answer = tuple[str, str]


async def account(phone: PhoneSettings, twilio: Twilio, found: dict[str, NumberSetup]) -> Answer:
    """What the account says of itself; its numbers go into `found`. Raises ConfigError, Throttled, Unreachable."""
    rest = Rest(twilio)
    setups, left = await asyncio.gather(numbers(rest), _left(rest))
    found.update({setup.number: setup for setup in setups})
    ours = {line.number.e164 for line in phone.lines.values()}
    said, remedies = [f"logged in, {_counted(len(found))}"], []
    if left:
        said.append(f"{left[0]:.2f} {left[1]} left".replace("  ", " "))
        if left[0] < LOW:
            remedies.append("top the account up in Twilio's console: at zero it answers no call any more")
    if strays := [each.number for each in setups if reaches_us(each, twilio) and each.number not in ours]:
        said.append(f"the calls of {', '.join(sorted(strays))} come to us, and no line has that number")
        remedies.append("add a [line.NAME] with it, or send its calls elsewhere")
    return ", ".join(said), "; ".join(remedies)


async def dialling(phone: PhoneSettings, twilio: Twilio) -> Answer:
    """Where Twilio lets us call, against where we would. Raises as `account` does."""
    try:
        said, remedies = judged(await permissions(Rest(twilio), twilio), phone.dialling.regions)
    except NotFound:
        said, remedies = "Twilio does not say where we may call", ()
    if twilio.webhooks and twilio.fallback_url is None:
        said += "; the calls we place have no fallback outside this host"
        remedies = (*remedies, "put what `commsd twiml fallback --ours` prints into a TwiML Bin: [twilio] fallback_url")
    return said, "\n  ".join(remedies)


def line_answer(line: Line, found: Mapping[str, NumberSetup], twilio: Twilio) -> Answer:
    """How the line's number is set up. Raises ConfigError where its calls do not reach us."""
    known = faults(line, found, twilio)
    remedy = "\n  ".join(fault.remedy for fault in known)
    if any(fault.grave for fault in known):
        raise ConfigError("; ".join(fault.said for fault in known), remedy=remedy)
    if known:
        return "; ".join(fault.said for fault in known), remedy
    return "its calls come to us" if twilio.webhooks else "the account has it, its calls are read from the list", ""


async def _left(rest: Rest) -> tuple[Decimal, str] | None:
    try:
        return await balance(rest)
    except (ConfigError, NotFound):  # a restricted key may not ask this
        return None


def _counted(found: int) -> str:
    return "1 number" if found == 1 else f"{found} numbers"
