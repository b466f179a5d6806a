"""A file of contacts goes into the log: each person in a commit of their own, so that nothing is ever half done.

What is wrong with a row is told with its line, and the others go in. The same file again changes nothing. Checking
takes the same decisions and keeps none of them.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

from sqlalchemy import Connection

from commsd.core.change import Change
from commsd.core.contact import Contact, Identity
from commsd.core.entry import Hand
from commsd.core.open_items import OpenItems
from commsd.crm.actions import Decide
from commsd.crm.card import Entry
from commsd.crm.contact_set import put_contact, put_person
from commsd.crm.organisation_set import mark_named
from commsd.errors import CommsdError, TryAgain, Unreachable
from commsd.store import contacts as store
from commsd.store import organisations
from commsd.store.log import Log

AT_ONCE = 200
"""So many people are under way together."""

PATIENCE = 60.0
"""Seconds so many may take."""


@dataclass(frozen=True, slots=True)
class Broken:
    """Why a row was left out, and what to do. line: on which it begins."""

    line: int
    what: str


@dataclass(slots=True, kw_only=True)
class Report:
    """What became of a file, row by row. unplaced: on which lines people are in an organisation nobody knows; they
    were taken in without it."""

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    broken: list[Broken] = field(default_factory=list)
    unplaced: list[int] = field(default_factory=list)

    @property
    def rows(self) -> int:
        """All that were read."""
        return self.new + self.changed + self.unchanged + len(self.broken)


async def import_contacts(
    log: Log,
    entries: Iterable[Entry],
    hand: Hand,
    *,
    check: bool = False,
    done: Callable[[Report], None] = lambda _: None,
) -> Report:
    """Take everybody in. check: record nothing. done: told of every few hundred rows.

    Raises Unreachable or TryAgain where the store stops answering: what was taken in by then stays, and the file can
    be imported again.
    """
    report, trial = Report(), _Trial() if check else None
    rest = _told_apart(entries)
    while some := list(islice(rest, AT_ONCE)):
        placed = await log.read(partial(_placed, entries=some))
        report.broken += [Broken(entry.line, "; ".join(entry.wrong)) for entry, _ in placed if entry.wrong]
        report.unplaced += [entry.line for entry, _ in placed if not entry.wrong and _is_unplaced(entry)]
        await _take(log, [each for each in placed if not each[0].wrong], hand, trial, report)
        done(report)
    report.broken.sort(key=lambda each: each.line)
    return report


def _told_apart(entries: Iterable[Entry]) -> Iterator[Entry]:
    """The entries; one with the id of somebody above by another name, or without an id and with an identity of theirs,
    is neither of the two.
    """
    seen: dict[Identity, Entry] = {}
    for entry in entries:
        known = (entry.mine,) if entry.mine else entry.said.identities
        above = next((seen[each] for each in known if each in seen), None)
        name, other = (each.said.fields.get("name") if each else None for each in (entry, above))
        if above and name and other and name.casefold() != other.casefold():
            what, mend = ("its id", "it its own") if entry.mine else ("an address or number", "both an id, or one")
            said = f"{what} stands on line {above.line} too, under another name: give {mend}"
            yield replace(entry, wrong=(*entry.wrong, said))
            continue
        if not entry.wrong:
            seen |= dict.fromkeys(_named(entry), entry)
        yield entry


def _placed(connection: Connection, entries: Sequence[Entry]) -> list[tuple[Entry, tuple[str, ...]]]:
    """Each with its organisation found, and the keys to decide about it under."""
    found = []
    for entry in entries:
        if entry.organisation and not entry.wrong:
            mark = mark_named(entry.organisation)
            firm = organisations.id_of_mark(connection, mark) if mark else None
            if firm:
                fields = {**entry.said.fields, "organisation_id": firm}
                entry = replace(entry, said=replace(entry.said, fields=fields))
        found.append((entry, store.keys_of(connection, *_named(entry))))
    return found


def _is_unplaced(entry: Entry) -> bool:
    return bool(entry.organisation) and "organisation_id" not in entry.said.fields


async def _take(
    log: Log, placed: Sequence[tuple[Entry, tuple[str, ...]]], hand: Hand, trial: "_Trial | None", report: Report
) -> None:
    waiting: list[Awaitable[Change]] = []
    for entry, keys in placed:
        decide = put_contact(entry.mine, entry.said, hand) if entry.mine else put_person(entry.said, hand)
        waiting.append(log.submit(keys, trial.of(decide, _named(entry)) if trial else decide))
    try:
        async with asyncio.timeout(PATIENCE):
            results = await asyncio.gather(*waiting, return_exceptions=True)
    except TimeoutError:
        remedy = "import the file again: what was taken in stays and is not doubled"
        raise TryAgain(f"the store took no writes within {PATIENCE:.0f} s", remedy=remedy) from None
    for (entry, _), result in zip(placed, results, strict=True):
        if isinstance(result, Change):
            _count(result.result if trial and isinstance(result.result, tuple) else _words(result), report)
        elif isinstance(result, CommsdError) and not isinstance(result, Unreachable | TryAgain):
            report.broken.append(Broken(entry.line, f"{result.what}: {result.remedy}"))
        else:
            raise result


def _count(words: Sequence[str], report: Report) -> None:
    made = "contact.created" in words
    report.new += made
    report.changed += bool(words) and not made
    report.unchanged += not words


def _words(change: Change) -> tuple[str, ...]:
    return tuple(event.type for event in change.events)


class _Trial:
    """Decisions that are taken and not kept, each as if those before it had been."""

    def __init__(self) -> None:
        self._people: dict[str, Contact] = {}
        self._ids: dict[Identity, dict[str, None]] = defaultdict(dict)

    def of(self, decide: Decide, named: Sequence[Identity]) -> Decide:
        """The decision on the people of the trial; nothing of it is committed but what its events would be called."""

        def tried(items: OpenItems) -> Change:
            change = decide(self._seen(items, named))
            for contact in change.contacts:
                self._people[contact.id] = contact
                for identity in (*contact.identities, *contact.shared):
                    self._ids[identity][contact.id] = None
            return Change(result=_words(change))

        return tried

    def _seen(self, items: OpenItems, named: Sequence[Identity]) -> OpenItems:
        sharers = {contact.id: contact for holders in items.shared.values() for contact in holders}
        people = {**sharers, **items.people} | {each: self._people[each] for one in named for each in self._ids[one]}
        people |= {each: self._people[each] for each in people if each in self._people}
        shared = {one: tuple(known for known in people.values() if one in known.shared) for one in named}
        return replace(
            items,
            people=people,
            contacts={identity: contact for contact in people.values() for identity in contact.identities},
            shared={identity: holders for identity, holders in shared.items() if holders},
        )


def _named(entry: Entry) -> tuple[Identity, ...]:
    return (*((entry.mine,) if entry.mine else ()), *entry.said.identities)
