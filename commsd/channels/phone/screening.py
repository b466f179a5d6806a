"""Asks whether a machine may ring a callback: reads what is known around it, and lets `core.screen` decide.

Who holds a callback, and what it may cost, stands in the folder `dial`.
"""

from commsd.channels.channel import Means
from commsd.channels.phone.line import PhoneSettings
from commsd.core.callback import Callback
from commsd.core.firm import Firm
from commsd.core.screen import Limits, held_because
from commsd.store.evidence import evidence


def limits_of(settings: PhoneSettings, firm: Firm) -> Limits:
    """What this configuration lets a machine ring. Our own lines and people never: that would be a loop."""
    lines = [line.number for line in settings.lines.values()]
    phones = (agent.phone for agent in firm.people.agents.values())
    return Limits(
        regions=settings.dialling.regions,
        home=frozenset(number.region for number in lines),
        own=frozenset((*(number.e164 for number in lines), *(phone for phone in phones if phone))),
        burst=settings.dialling.burst,
    )


async def held_reason(callback: Callback, settings: PhoneSettings, means: Means) -> str | None:
    """Why a person is to decide about this callback; None where a machine may ring it."""
    known = await means.log.read(lambda connection: evidence(connection, callback))
    return held_because(callback, known, limits_of(settings, means.firm))
