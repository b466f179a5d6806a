"""What is said of a firm: its name, domains and numbers, and what another system calls it. Pure decisions.

A domain or a number is of one firm: claimed for a second one, it is refused, for what would the first be without it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from commsd.core.belonging import is_anybodys
from commsd.core.change import Change
from commsd.core.contact import external_identity
from commsd.core.entry import Hand
from commsd.core.event import Event
from commsd.core.external_link import ExternalLink
from commsd.core.number import parse_number
from commsd.core.open_items import OpenItems
from commsd.core.organisation import DOMAIN, NUMBER, Mark, Organisation, name_form
from commsd.crm.actions import Decide
from commsd.crm.precondition import ANY, Expected
from commsd.errors import NotFound, Refused

FIELDS = ("name", "owner", "tier")


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmSaid:
    """fields: of FIELDS, what is said; None takes a value away. domains, numbers: all of them from now on; None: as
    they are. url: where the other system shows it."""

    fields: Mapping[str, str | None] = field(default_factory=dict)
    domains: tuple[str, ...] | None = None
    numbers: tuple[str, ...] | None = None
    url: str | None = None

    @property
    def marks(self) -> tuple[Mark, ...]:
        """What it claims."""
        domains = (Mark(DOMAIN, domain) for domain in self.domains or ())
        return (*domains, *(Mark(NUMBER, number) for number in self.numbers or ()))


def put_organisation(mine: Mark, said: FirmSaid, hand: Hand, expected: Expected = ANY) -> Decide:
    """The firm another system knows by this id is so from now on; made, or found by its marks, if it is new.

    The result is the organisation.
    """

    def decide(items: OpenItems) -> Change:
        known = items.organisations.get(mine)
        expected.must_hold(known.revision if known else None)
        before = known or _found(mine, said, items)
        firm = before or Organisation(id=items.new_id(), revision=0, created_at=items.now)
        _must_be_free(said.marks, firm, items)
        return _told(_as_said(firm, mine, said), before, items, hand)

    return decide


@dataclass(frozen=True, slots=True, kw_only=True)
class FirmChange:
    """fields: of FIELDS, what is said; None takes a value away. add, remove: marks that are, and are not, its own."""

    fields: Mapping[str, str | None] = field(default_factory=dict)
    add: tuple[Mark, ...] = ()
    remove: tuple[Mark, ...] = ()


def set_organisation(organisation_id: str | None, said: FirmChange, hand: Hand) -> Decide:
    """The firm is so from now on. organisation_id None: a new one, of marks nobody has yet, or with none
    of a name nobody has yet.

    The result is the organisation.
    """

    def decide(items: OpenItems) -> Change:
        before = standing_firm(organisation_id, items) if organisation_id else None
        name = said.fields.get("name")
        if before is None and not said.add and name and (same := items.called.get(name_form(name))):
            raise Refused(f"organisation {same[0].id} has this name by now", remedy="look at it, then say it again")
        firm = before or Organisation(id=items.new_id(), revision=0, created_at=items.now)
        _must_be_free(said.add, firm, items)
        return _told(_changed(firm, said), before, items, hand)

    return decide


def standing_firm(organisation_id: str, items: OpenItems) -> Organisation:
    """The firm of this id. Raises NotFound where there is none; Refused for one that was merged or deleted."""
    firm = items.firms.get(organisation_id)
    if firm is None:
        raise NotFound(f"no organisation {organisation_id}", remedy="list them: commsd organisations list")
    if firm.id != organisation_id:
        raise Refused(f"the organisation went into {firm.id}", remedy="do it to that one")
    if firm.deleted_at:
        raise Refused("the organisation was deleted", remedy="nothing to do: make a new one where it is needed again")
    return firm


def domain_of(text: str) -> str | None:
    """The normal form of a domain, in IDNA; None where it is none, or where anybody may have an address."""
    domain = _idna(text)
    if domain is None:
        return None
    labels = domain.split(".")
    sound = len(labels) > 1 and len(domain) <= 253 and all(_is_label(label) for label in labels)
    return domain if sound and not is_anybodys(domain) else None


def is_public_provider(text: str) -> bool:
    """Whether anybody may have an address there, or below it as below co.uk: by that, nobody is of a firm."""
    domain = _idna(text)
    return domain is not None and is_anybodys(domain)


def mark_of(system: str, external_id: str) -> Mark | None:
    """What another system calls a firm. None where the system's name or its id is none."""
    identity = external_identity(system, external_id)
    return Mark(*identity) if identity else None


def mark_named(text: str) -> Mark | None:
    """The mark somebody types: a domain, a number, or another system's id as `hubspot:4711`."""
    system, colon, external_id = text.partition(":")
    if colon:
        return mark_of(system, external_id)
    if number := parse_number(text):
        return Mark(NUMBER, number.e164)
    domain = domain_of(text)
    return Mark(DOMAIN, domain) if domain else None


def _idna(text: str) -> str | None:
    try:
        return text.strip().rstrip(".").encode("idna").decode("ascii").casefold()
    except UnicodeError:
        return None


def _is_label(label: str) -> bool:
    return bool(label) and len(label) <= 63 and label.replace("-", "").isalnum()


def _found(mine: Mark, said: FirmSaid, items: OpenItems) -> Organisation | None:
    """The one that has one of the marks, and no id in this system yet."""
    holders = {firm.id: firm for mark in said.marks if (firm := items.organisations.get(mark))}
    free = [firm for firm in holders.values() if not any(mark.kind == mine.kind for mark in firm.external)]
    return min(free, key=lambda firm: (firm.created_at, firm.id), default=None)


def _told(firm: Organisation, before: Organisation | None, items: OpenItems, hand: Hand) -> Change:
    if firm == before:
        return Change(result=firm)
    firm = replace(firm, revision=firm.revision + 1)
    word = "created" if firm.revision == 1 else "updated"
    event = Event(f"organisation.{word}", firm, items.now, hand.by)
    return Change(organisations=(firm,), events=(event,), result=firm)


def _changed(firm: Organisation, said: FirmChange) -> Organisation:
    left = [mark for mark in firm.marks if mark not in said.remove]
    marks = tuple(dict.fromkeys((*left, *said.add)))
    gone = {(mark.kind, mark.value) for mark in said.remove}
    given: dict[str, Any] = {name: value or None for name, value in said.fields.items() if name in FIELDS}
    return replace(
        firm,
        domains=tuple(value for kind, value in marks if kind == DOMAIN),
        numbers=tuple(value for kind, value in marks if kind == NUMBER),
        external=tuple(mark for mark in marks if mark.kind not in (DOMAIN, NUMBER)),
        links=tuple(link for link in firm.links if (link.system, link.id) not in gone),
        **given,
    )


def _must_be_free(claimed: Sequence[Mark], firm: Organisation, items: OpenItems) -> None:
    for mark in claimed:
        holder = items.organisations.get(mark)
        if holder is not None and holder.id != firm.id:
            raise Refused(
                f"the {mark.kind} {mark.value} belongs to organisation {holder.id}",
                remedy="take it away there first, or leave it out here",
            )


def _as_said(firm: Organisation, mine: Mark, said: FirmSaid) -> Organisation:
    given: dict[str, Any] = {name: value or None for name, value in said.fields.items() if name in FIELDS}
    if said.domains is not None:
        given["domains"] = tuple(dict.fromkeys(said.domains))
    if said.numbers is not None:
        given["numbers"] = tuple(dict.fromkeys(said.numbers))
    others = tuple(link for link in firm.links if (link.rel, link.system, link.id) != ("account", *mine))
    known = next((link.url for link in firm.links if link not in others), None)
    link = ExternalLink(rel="account", system=mine.kind, id=mine.value, url=said.url or known)
    external = firm.external if mine in firm.external else (*firm.external, mine)
    return replace(firm, external=external, links=(*others, link), **given)
