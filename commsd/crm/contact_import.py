"""A file of contacts goes into the log: each person by a decision of their own, so that nothing is ever half done.

Some hundred decisions are committed together. What is wrong with a row is told with its line, and the others go in. The
same file again changes nothing. Checking takes the same decisions and keeps none of them.
"""

import asyncio
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from itertools import islice

from sqlalchemy import Connection

from commsd.core.belonging import marks_of
from commsd.core.change import Change
from commsd.core.contact import CUSTOMER, Contact, Identity
from commsd.core.entry import Hand
from commsd.core.key import of_mark, of_organisation_called
from commsd.core.open_items import OpenItems
from commsd.core.organisation import Mark, Organisation, name_form
from commsd.crm.actions import Decide
from commsd.crm.card import Entry
from commsd.crm.contact_set import Said, put_contact, put_person
from commsd.crm.export_words import name_words
from commsd.crm.organisation_home import Home, home_of, in_home
from commsd.crm.organisation_set import mark_named
from commsd.errors import CommsdError, Refused, TryAgain, Unreachable
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
    """What became of a file, row by row. firms: how many organisations were made.

    unplaced: on which lines people are in an organisation named by a number or an id that nobody knows; unclear: on
    which by a name that several have; public: on which by the domain of a public mail provider or an ending such as
    co.uk. They were taken in without it.
    """

    new: int = 0
    changed: int = 0
    unchanged: int = 0
    firms: int = 0
    broken: list[Broken] = field(default_factory=list)
    unplaced: list[int] = field(default_factory=list)
    unclear: list[int] = field(default_factory=list)
    public: list[int] = field(default_factory=list)

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
    called = dict(await log.read(organisations.called))
    rest = _told_apart(entries)
    while some := list(islice(rest, AT_ONCE)):
        report.broken += [Broken(entry.line, "; ".join(entry.wrong)) for entry in some if entry.wrong]
        sound = [entry for entry in some if not entry.wrong]
        rows = await log.read(partial(_placed, entries=sound, called=called))
        called |= await _take(log, rows, hand, trial, report)
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


@dataclass(frozen=True, slots=True)
class _Row:
    """What is to be taken in, whose organisation that is, and the keys to decide under."""

    entry: Entry
    home: Home | None
    keys: tuple[str, ...]


def _placed(connection: Connection, entries: Sequence[Entry], called: Mapping[str, tuple[str, ...]]) -> list[_Row]:
    """Each with its organisation found. called: the organisations by the normal forms of their names."""
    meant = [mark_named(entry.organisation) if entry.organisation else None for entry in entries]
    holders = organisations.ids_of_marks(connection, {mark for mark in meant if mark})
    rows = []
    for entry, mark, keys in zip(
        entries, meant, store.keys_of_each(connection, list(map(_named, entries))), strict=True
    ):
        theirs = {each for one in entry.said.identities for each in marks_of(one)}
        home = home_of(entry.organisation, mark, holders, called, theirs) if entry.organisation else None
        called_so = (of_organisation_called(home.name),) if home and home.name else ()
        marked = (of_mark(home.mark),) if home and home.mark else ()
        rows.append(_Row(entry, home, (*keys, *called_so, *marked)))
    return rows


async def _take(
    log: Log, rows: Sequence[_Row], hand: Hand, trial: "_Trial | None", report: Report
) -> dict[str, tuple[str, ...]]:
    """Take in some rows together. Gives the organisations that were made, by the normal forms of their names."""
    waiting: list[Awaitable[Change]] = []
    for row in rows:
        decide = _decision(row, hand)
        waiting.append(log.submit(row.keys, trial.of(decide, _named(row.entry)) if trial else decide))
    try:
        async with asyncio.timeout(PATIENCE):
            results = await asyncio.gather(*waiting, return_exceptions=True)
    except TimeoutError:
        remedy = "import the file again: what was taken in stays and is not doubled"
        raise TryAgain(f"the store took no writes within {PATIENCE:.0f} s", remedy=remedy) from None
    made: dict[str, tuple[str, ...]] = {}
    for row, result in zip(rows, results, strict=True):
        if isinstance(result, Change):
            would = result.result if trial else result
            assert isinstance(would, Change)
            _count(row, would, report)
            made |= {name_form(firm.name): (firm.id,) for firm in would.organisations if firm.name}
        elif isinstance(result, CommsdError) and not isinstance(result, Unreachable | TryAgain):
            report.broken.append(Broken(row.entry.line, f"{result.what}: {result.remedy}"))
        else:
            raise result
    return made


def _decision(row: _Row, hand: Hand) -> Decide:
    entry, home = row.entry, row.home

    def put(said: Said) -> Decide:
        return put_contact(entry.mine, said, hand) if entry.mine else put_person(said, hand)

    decide = in_home(home, entry.said, put, hand) if home else put(entry.said)

    def of_one_person(items: OpenItems) -> Change:
        if other := _somebody_else(entry, items):
            raise Refused(
                f"a number in it belongs to contact {other.id}, who has another name",
                remedy="if both are one person, write that name, or change it with commsd contacts set; else leave the "
                "number out here",
            )
        return decide(items)

    return of_one_person


def _somebody_else(entry: Entry, items: OpenItems) -> Contact | None:
    """Who is known by a number of this row, and by name is another one: in firms, many have one number.

    Whoever has one of its mail addresses too only got another name; so did who is known by a telephone number, unless
    both have mail addresses.
    """
    name, mails = entry.said.fields.get("name"), _mails(entry.said.identities)
    for number in entry.said.identities if name else ():
        known = items.contacts.get(number)
        if known is None or number.kind == "email" or (entry.mine and _known_to(entry.mine.kind, known)):
            continue
        theirs = _mails((*known.identities, *known.shared))
        apart = not mails & theirs if mails and theirs else number.kind == CUSTOMER
        if apart and known.name and name and name_words(known.name) != name_words(name):
            return known
    return None


def _known_to(system: str, contact: Contact) -> bool:
    """Then it is this very person, or another one of that system, with whom a number is shared."""
    return any(each.kind == system for each in contact.identities)


def _mails(identities: Iterable[Identity]) -> set[Identity]:
    return {each for each in identities if each.kind == "email"}


def _count(row: _Row, change: Change, report: Report) -> None:
    words = {event.type for event in change.events}
    report.new += "contact.created" in words
    report.changed += bool(words) and "contact.created" not in words
    report.unchanged += not words
    report.firms += len(change.organisations)
    if row.home is None or row.home.name or len(row.home.ids) == 1:
        return
    contact = change.result
    assert isinstance(contact, Contact)
    if row.home.public:
        report.public.append(row.entry.line)
    elif not row.home.ids:
        report.unplaced.append(row.entry.line)
    elif contact.organisation_id not in row.home.ids:
        report.unclear.append(row.entry.line)


class _Trial:
    """Decisions that are taken and not kept, each as if those before it had been."""

    def __init__(self) -> None:
        self._people: dict[str, Contact] = {}
        self._ids: dict[Identity, dict[str, None]] = defaultdict(dict)
        self._firms: dict[str, tuple[Organisation, ...]] = {}
        self._marks: dict[Mark, Organisation] = {}

    def of(self, decide: Decide, named: Sequence[Identity]) -> Decide:
        """The decision on the people of the trial; nothing of it is committed, and its result is what would be."""

        def tried(items: OpenItems) -> Change:
            change = decide(self._seen(items, named))
            for contact in change.contacts:
                self._people[contact.id] = contact
                for identity in (*contact.identities, *contact.shared):
                    self._ids[identity][contact.id] = None
            self._firms |= {name_form(firm.name): (firm,) for firm in change.organisations if firm.name}
            self._marks |= {mark: firm for firm in change.organisations for mark in firm.marks}
            return Change(result=change)

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
            called={**items.called, **self._firms},
            organisations={**items.organisations, **self._marks},
        )


def _named(entry: Entry) -> tuple[Identity, ...]:
    return (*((entry.mine,) if entry.mine else ()), *entry.said.identities)
