"""Asks whether a machine may ring a callback: reads what is known around it, and lets `core.screen` decide.

Who holds a callback, and what it may cost, stands in the folder `dial`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from commsd.channels.channel import Means
from commsd.channels.phone.line import PhoneSettings
from commsd.channels.phone.speech import OFFERED, OTHER_NUMBER, YES, pressed
from commsd.core.callback import Callback
from commsd.core.firm import Firm
from commsd.core.screen import Limits, held_because
from commsd.store.evidence import evidence, in_the_menu


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
    if known.declined_at is not None:
        heard = await means.log.read(lambda connection: in_the_menu(connection, known.misses))
        known = replace(known, asked_at=asked_at(heard))
    return held_because(callback, known, limits_of(settings, means.firm))


def asked_at(heard: Iterable[tuple[datetime, Mapping[str, str]]]) -> datetime | None:
    """When a caller last asked for a call, on the keys or aloud. heard: what was answered to the offer, and when."""
    return max((at for at, fields in heard if pressed(fields, OFFERED) in (YES, OTHER_NUMBER)), default=None)
