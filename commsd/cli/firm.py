"""Which organisation somebody means who types its id, a mark of it, or its name."""

from commsd.cli.house import House
from commsd.crm.organisation_set import mark_named
from commsd.errors import NotFound, Refused
from commsd.store import organisations

KNOWN_BY = "write its id, a domain, a number, another system's id such as hubspot:77, or its whole name"


async def firms_named(house: House, typed: str) -> tuple[str, ...]:
    """The ids of those that are known by this; several where they have one name, or where one has it as its domain."""
    return await house.log.read(lambda c: organisations.ids_named(c, typed, mark_named(typed)))


async def firm_named(house: House, typed: str) -> str:
    """The id of the one that is meant. Raises NotFound where there is none, Refused where there are several."""
    return one(await firms_named(house, typed))


async def firms_to_merge(house: House, gone: str, into: str) -> tuple[str, str]:
    """The ids of two that are meant: where a word fits two and the other one of these alone, it means the other one.

    Raises NotFound, Refused where that is not clear.
    """
    going, staying = await firms_named(house, gone), await firms_named(house, into)
    return one(_without(going, staying)), one(_without(staying, going))


def _without(found: tuple[str, ...], others: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(each for each in found if each not in others) if len(found) > 1 and len(others) == 1 else found


async def standing_firm_named(house: House, typed: str) -> str:
    """The id of the one that stands: of one that went into another, that one's. Raises likewise."""
    return await standing(house, await firm_named(house, typed))


async def standing(house: House, found: str) -> str:
    """The id of the one that speaks for this one. Raises NotFound where it was deleted."""
    stands = await house.log.read(lambda c: organisations.speaker_of(c, found))
    if stands is None:
        raise NotFound("that organisation was deleted", remedy=KNOWN_BY)
    return stands


def one(found: tuple[str, ...]) -> str:
    """The only one of these. Raises NotFound, Refused."""
    if not found:
        raise NotFound("no organisation is known by that", remedy=f"{KNOWN_BY}; list them: commsd organisations list")
    if len(found) > 1:
        raise Refused(
            "several organisations are known by this", remedy=f"name one of them by its id: {', '.join(found)}"
        )
    return found[0]
