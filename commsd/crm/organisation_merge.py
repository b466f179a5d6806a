"""Two firms are one, or one is none any more: because a person said so.

The decisions are pure. The people of a firm go along some hundred at a time, after it: what still names a firm that
went into another is read as that one, so it can be cut short at any point and said again.
"""

import asyncio
from collections.abc import Collection, Sequence
from dataclasses import replace

from sqlalchemy import Connection

from commsd.core.address_book import AddressBook
from commsd.core.change import Change
from commsd.core.entry import Hand
from commsd.core.event import Event
from commsd.core.open_items import OpenItems
from commsd.core.organisation import Organisation
from commsd.crm.actions import Decide, must
from commsd.crm.organisation_set import standing_firm
from commsd.errors import NotFound, TryAgain
from commsd.store import contacts as people
from commsd.store import organisations
from commsd.store.log import Log

AT_ONCE = 200
"""So many people go along in one decision."""

PATIENCE = 60.0
"""Seconds one decision may take."""


def merge_organisations(gone_id: str, into_id: str, hand: Hand) -> Decide:
    """One firm goes into another, which has the marks of both. Said again, it changes nothing.

    The result is the organisation that stays.
    """

    def decide(items: OpenItems) -> Change:
        must(gone_id != into_id, "an organisation cannot go into itself", "name two organisations")
        into = standing_firm(into_id, items)
        if (speaks := items.firms.get(gone_id)) and speaks.id == into_id:
            return Change(result=into)
        gone = standing_firm(gone_id, items)
        stays = _with(into, gone)
        went = replace(_bare(gone), name=gone.name, merged_into=into_id)
        return Change(
            organisations=(went, stays),
            events=(
                Event("organisation.merged", went, items.now, hand.by),
                Event("organisation.updated", stays, items.now, hand.by),
            ),
            result=stays,
        )

    return decide


def delete_organisation(organisation_id: str, hand: Hand) -> Decide:
    """The firm is none any more: nothing but its id is kept. Said again, it changes nothing.

    The result is what is left of it.
    """

    def decide(items: OpenItems) -> Change:
        known = items.firms.get(organisation_id)
        if known is not None and known.id == organisation_id and known.deleted_at:
            return Change(result=known)
        left = replace(_bare(standing_firm(organisation_id, items)), deleted_at=items.now)
        event = Event("organisation.deleted", left, items.now, hand.by)
        return Change(organisations=(left,), events=(event,), result=left)

    return decide


def move_people(contact_ids: Sequence[str], from_ids: Collection[str], to_id: str | None, hand: Hand) -> Decide:
    """Those of them who are of one of these firms are of that one from now on, or of none."""

    def decide(items: OpenItems) -> Change:
        book = AddressBook(items)
        for known in (items.people[each] for each in contact_ids if each in items.people):
            if known.organisation_id in from_ids:
                book.put(replace(known, organisation_id=to_id))
        return book.change(hand.by)

    return decide


async def keys_for(log: Log, *organisation_ids: str) -> tuple[str, ...]:
    """The keys to merge or delete these under. Raises NotFound where there is none of an id."""

    def read(connection: Connection) -> tuple[str, ...]:
        for each in organisation_ids:
            if organisations.organisation(connection, each) is None:
                raise NotFound(f"no organisation {each}", remedy="list them: commsd organisations list")
        return organisations.keys_of_ids(connection, organisation_ids)

    return await log.read(read)


def dropped(connection: Connection, gone_id: str, into_id: str) -> dict[str, str]:
    """What is known of one that is to go into another, and is other than what that one has."""
    gone, into = (organisations.organisation(connection, each) for each in (gone_id, into_id))
    if gone is None or into is None:
        return {}
    both = ((name, gone.record.get(name), into.record.get(name)) for name in ("tier", "owner"))
    return {name: went for name, went, stays in both if went and stays and went != stays}


async def all_move(log: Log, organisation_id: str, to_id: str | None, hand: Hand) -> int:
    """All people of a firm that was merged or deleted, and of those that went into it, go along. Gives how many did.

    Raises TryAgain where the store takes no writes: who was moved by then is, and the rest goes when it is said again.
    """
    family = await log.read(lambda c: organisations.family_of(c, organisation_id))
    named = [each for each in family if each != to_id]
    moved, left = 0, await log.read(lambda c: organisations.members(c, named))
    while left:
        some, left = left[:AT_ONCE], left[AT_ONCE:]
        moved += await _some_move(log, some, named, to_id, hand)
    return moved


async def _some_move(log: Log, some: Sequence[str], named: Collection[str], to_id: str | None, hand: Hand) -> int:
    keys = await log.read(lambda c: people.keys_of(c, *some))
    try:
        async with asyncio.timeout(PATIENCE):
            change = await log.decide(keys, move_people(some, named, to_id, hand))
    except TimeoutError:
        remedy = "say it again: who was moved by now is, and the rest goes then"
        raise TryAgain(f"the store took no writes within {PATIENCE:.0f} s", remedy=remedy) from None
    return len(change.contacts)


def _bare(firm: Organisation) -> Organisation:
    """Its next revision, with nothing said of it."""
    return Organisation(id=firm.id, revision=firm.revision + 1, created_at=firm.created_at)


def _with(firm: Organisation, other: Organisation) -> Organisation:
    """Its next revision, with the marks of both, and with what only the other knew."""
    return replace(
        firm,
        revision=firm.revision + 1,
        name=firm.name or other.name,
        domains=tuple(dict.fromkeys((*firm.domains, *other.domains))),
        numbers=tuple(dict.fromkeys((*firm.numbers, *other.numbers))),
        owner=firm.owner or other.owner,
        tier=firm.tier or other.tier,
        external=tuple(dict.fromkeys((*firm.external, *other.external))),
        links=tuple(dict.fromkeys((*firm.links, *other.links))),
    )
