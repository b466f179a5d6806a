"""Erasing a person: what is owed is refused or ended first, then all that is theirs goes, a little at a time.

Each commit is whole: records get a revision without the person, and every byte of the former ones goes with it. The
contact itself goes after its interactions, so that whoever is killed half way finds the person again and goes on.
"""

import asyncio
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from functools import partial

import structlog

from commsd.core import key
from commsd.core.address_book import PHONE
from commsd.core.case import CaseState
from commsd.core.change import Change
from commsd.core.contact import Contact
from commsd.core.entry import Hand
from commsd.core.erasure import Erasure, erased_callback, erased_case, erased_contact, erased_interaction
from commsd.core.event import Event
from commsd.core.open_items import OpenItems, Terms
from commsd.core.opt_out import BLOCKED, OptOut
from commsd.crm.actions import Decide, close_case
from commsd.crm.call_actions import close_callback
from commsd.errors import NotFound, Refused, TryAgain
from commsd.store import belongings as store
from commsd.store.belongings import Belongings
from commsd.store.log import Log
from commsd.store.merged import family_of

log = structlog.get_logger()

AT_ONCE = 50
"""Interactions in one commit, each read with the case it belongs to."""

ROUNDS = 5
"""So often we look for what came meanwhile."""

A_NAME = 4
"""Characters of a name by which a notice is known to quote somebody; shorter ones stand in every second sentence."""

WHY = "the person was erased"

Tell = Callable[[int, int], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Erased:
    """What was let go of. contacts: the ids that stand where the person was, the living one first."""

    contacts: tuple[str, ...]
    interactions: int = 0
    cases: int = 0
    callbacks: int = 0
    mentions: int = 0


async def erase(
    book: Log,
    contact_id: str,
    hand: Hand,
    terms: Terms,
    *,
    even_if_owed: bool = False,
    look_elsewhere: bool = True,
    tell: Tell = lambda done, of: None,
) -> Erased:
    """Leave no byte of this contact and of those merged into it; once more finishes what was begun.

    even_if_owed: what is owed to them is closed first. look_elsewhere: also where others name them, which takes a walk
    through the whole log; without it a short text stays for as long as originals do.
    tell: how many interactions of how many are done.
    Raises NotFound; Refused where something is owed; TryAgain while a call or a mail to them is under way.
    """
    people = await book.read(lambda c: store.known(c, family_of(c, contact_id)))
    if not people:
        raise NotFound("nobody is known by that id", remedy="look for them: commsd contacts show")
    mine = await book.read(lambda c: store.belongings(c, people))
    await _settled(book, mine, hand, terms, even_if_owed=even_if_owed)
    mine = await book.read(lambda c: store.belongings(c, people))
    others, needed = await _elsewhere(book, mine) if look_elsewhere else ((), mine.texts)
    counts = await _let_go(book, people, hand, others, needed, tell)
    log.info("contact.erased", contact=counts.contacts[0], interactions=counts.interactions)
    return counts


async def _settled(book: Log, mine: Belongings, hand: Hand, terms: Terms, *, even_if_owed: bool) -> None:
    """Nothing is owed to them any more, and none of their cases is open."""
    owed = await book.read(lambda c: store.owed(c, mine))
    if owed.under_way:
        raise TryAgain("a call with them or a mail to them is under way", remedy="erase them when it is over")
    if (owed.cases or owed.callbacks) and not even_if_owed:
        what = [*(f"case {each}" for each in owed.cases), *(f"callback {each}" for each in owed.callbacks)]
        raise Refused(
            f"something is owed to them still: {', '.join(what)}",
            remedy="answer them first, or close it all with --even-if-owed (API: ?even_if_owed=true)",
        )
    answerable = hand if hand.agent else replace(hand, agent=hand.by)
    for calls in _pieces(owed.callbacks):
        ends = ((key.of_callback(each), _call_ended(each, answerable, terms)) for each in calls)
        await asyncio.gather(*[book.submit((of,), end) for of, end in ends])
    for cases in _pieces(await book.read(lambda c: store.open_cases(c, mine.cases))):
        shut = ((key.of_case(each), _case_ended(each, hand, terms)) for each in cases)
        await asyncio.gather(*[book.submit((of,), end) for of, end in shut])


def _call_ended(callback_id: str, hand: Hand, terms: Terms) -> Decide:
    """Closes an owed call, which another erasure of them may have closed by then."""
    close = close_callback(callback_id, hand, terms, note=WHY)

    def decide(items: OpenItems) -> Change:
        known = items.callback(callback_id)
        return Change() if known is not None and not known.open else close(items)

    return decide


def _case_ended(case_id: str, hand: Hand, terms: Terms) -> Decide:
    """Closes a case, which another erasure of them may have closed by then."""
    close = close_case(case_id, hand, terms, note=WHY)

    def decide(items: OpenItems) -> Change:
        known = items.files.get(case_id)
        return Change() if known is not None and known.case.state is CaseState.CLOSED else close(items)

    return decide


async def _elsewhere(book: Log, mine: Belongings) -> tuple[tuple[str, ...], frozenset[str]]:
    """Where others name them, and which of their texts another's record needs: the log is looked through once."""
    mentions: list[str] = []
    needed: set[str] = set()
    after: str | None = ""
    while after is not None:
        found = await book.read(partial(store.elsewhere, mine=mine, after=after))
        mentions += found.mentions
        needed |= found.named
        after = found.upto
    return tuple(mentions), frozenset(needed)


async def _let_go(
    book: Log, people: Sequence[str], hand: Hand, mentions: tuple[str, ...], needed: frozenset[str], tell: Tell
) -> Erased:
    counts = Erased(contacts=tuple(people), mentions=len(mentions))
    kept = await book.read(lambda c: store.belongings(c, people))
    for _ in range(ROUNDS):
        left = await book.read(lambda c: store.belongings(c, people, left=True))
        if not (left.interactions or left.cases or left.callbacks) and left.gone:
            break
        kept = _joined(kept, left)
        for some in _pieces(left.interactions):
            await book.decide(*_of_interactions(some, kept, needed, hand))
            counts = replace(counts, interactions=counts.interactions + len(some))
            tell(counts.interactions, len(left.interactions))
        for some in _pieces(left.cases):
            await book.decide(*_of_cases(some, hand))
        for some in _pieces(left.callbacks):
            await book.decide(*_of_callbacks(some, hand))
        counts = replace(counts, cases=counts.cases + len(left.cases), callbacks=counts.callbacks + len(left.callbacks))
        await book.decide(*_of_people(people, kept, mentions, hand))
    return counts


def _joined(kept: Belongings, left: Belongings) -> Belongings:
    """By what they were known, which the records tell no longer once they are emptied."""
    return replace(
        left,
        cases=tuple(dict.fromkeys((*kept.cases, *left.cases))),
        callbacks=tuple(dict.fromkeys((*kept.callbacks, *left.callbacks))),
        addresses=kept.addresses | left.addresses,
        numbers=kept.numbers | left.numbers,
        calls=kept.calls | left.calls,
        originals=kept.originals | left.originals,
    )


Decision = tuple[tuple[str, ...], Callable[[OpenItems], Change]]


def _of_interactions(ids: Sequence[str], mine: Belongings, needed: frozenset[str], hand: Hand) -> Decision:
    keys = tuple(key.of_interaction(each) for each in ids)

    def decide(items: OpenItems) -> Change:
        facts = [erased_interaction(items.known[k], items.now) for k in keys if k in items.known]
        return Change(
            interactions=tuple(facts),
            events=tuple(Event("interaction.erased", each, items.now, hand.by) for each in facts),
            erasures=(
                Erasure(
                    at=items.now,
                    by=hand.by,
                    interactions=tuple(ids),
                    calls=tuple(sorted(mine.calls)),
                    originals=tuple(sorted(mine.originals - needed)),
                ),
            ),
        )

    return keys, decide


def _of_cases(ids: Sequence[str], hand: Hand) -> Decision:
    def decide(items: OpenItems) -> Change:
        cases = [erased_case(items.files[each].case, items.now) for each in ids if each in items.files]
        return Change(
            cases=tuple(cases),
            events=tuple(Event("case.updated", each, items.now, hand.by) for each in cases),
            erasures=(Erasure(at=items.now, by=hand.by, cases=tuple(ids)),),
        )

    return tuple(key.of_case(each) for each in ids), decide


def _of_callbacks(ids: Sequence[str], hand: Hand) -> Decision:
    def decide(items: OpenItems) -> Change:
        calls = [erased_callback(known, items.now) for each in ids if (known := items.callback(each))]
        return Change(
            callbacks=tuple(calls),
            events=tuple(Event("callback.updated", each, items.now, hand.by) for each in calls),
            erasures=(Erasure(at=items.now, by=hand.by, callbacks=tuple(ids)),),
        )

    return tuple(key.of_callback(each) for each in ids), decide


def _of_people(ids: Sequence[str], mine: Belongings, mentions: tuple[str, ...], hand: Hand) -> Decision:
    def decide(items: OpenItems) -> Change:
        people = [items.people[each] for each in ids if each in items.people]
        gone = [erased_contact(each, items.now) for each in people if each.erased_at is None]
        names = {each.name for each in people if each.name and len(each.name) >= A_NAME}
        return Change(
            contacts=tuple(gone),
            opt_outs=tuple(_blocked(people, items.now)),
            events=tuple(Event("contact.erased", each, items.now, hand.by) for each in gone),
            erasures=(
                Erasure(
                    at=items.now,
                    by=hand.by,
                    persons=tuple(ids),
                    addresses=tuple(sorted(mine.addresses)),
                    numbers=tuple(sorted(mine.numbers)),
                    mentions=mentions,
                    said=(*sorted(names), *mine.cases, *mine.callbacks),
                ),
            ),
        )

    return tuple(key.of_contact(each) for each in ids), decide


def _blocked(people: Sequence[Contact], now: datetime) -> Iterator[OptOut]:
    """Numbers of who was blocked: they stay so, known by a hash once the erasure has gone over them."""
    for number in (each.value for known in people if known.blocked for each in known.identities if each.kind == PHONE):
        yield OptOut(number=number, channel=BLOCKED, since=now, word=BLOCKED)


def _pieces(values: Sequence[str]) -> Iterator[Sequence[str]]:
    return (values[start : start + AT_ONCE] for start in range(0, len(values), AT_ONCE))
