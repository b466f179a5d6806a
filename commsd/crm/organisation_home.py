"""Of which organisation a person is, where a file says it in words: by a mark, else by its name. Pure.

A name that nobody has makes an organisation; one that several have is not guessed.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

from commsd.core.change import Change
from commsd.core.entry import Hand
from commsd.core.event import Event
from commsd.core.open_items import OpenItems
from commsd.core.organisation import DOMAIN, Mark, Organisation, name_form
from commsd.crm.actions import Decide, must
from commsd.crm.contact_set import Said


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """ids: those that are meant, one where it is clear. name: under which one is to be made.

    With neither, a number or another system's id is written that nobody has.
    """

    ids: tuple[str, ...] = ()
    name: str | None = None


def home_of(text: str, mark: Mark | None, holders: Mapping[Mark, str], called: Mapping[str, tuple[str, ...]]) -> Home:
    """What the text means. mark: the text as one. called: by the normal form of their names."""
    if mark and mark in holders:
        return Home(ids=(holders[mark],))
    if ids := called.get(name_form(text)):
        return Home(ids=ids)
    return Home(name=text) if mark is None or _is_name(text, mark) else Home()


def in_home(home: Home, said: Said, put: Callable[[Said], Decide], hand: Hand) -> Decide:
    """The contact is of that organisation from now on, which is made where there is none: both or neither.

    put: decides on what is said of the contact. The result is the contact.
    """
    if home.name is None:
        return put(_of(said, home.ids[0]) if len(home.ids) == 1 else said)
    name = home.name

    def decide(items: OpenItems) -> Change:
        known = items.called.get(name_form(name), ())
        must(len(known) < 2, "several organisations have this name by now", "import the file again")
        if known:
            return put(_of(said, known[0].id))(items)
        firm = Organisation(id=items.new_id(), created_at=items.now, name=name)
        made = Change(organisations=(firm,), events=(Event("organisation.created", firm, items.now, hand.by),))
        return made + put(_of(said, firm.id))(items)

    return decide


def _is_name(text: str, mark: Mark) -> bool:
    """Whether it may be a firm's name all the same: many a firm is called like its domain, or has a colon in it."""
    return mark.kind == DOMAIN or (":" in text and " " in text)


def _of(said: Said, organisation_id: str) -> Said:
    return replace(said, fields={**said.fields, "organisation_id": organisation_id})
