"""Of which organisation a person is, where a file says it in words: by a mark, else by its name. Pure.

A name that nobody has makes an organisation; one that several have is not guessed. A domain becomes its mark only where
the person writes from there: else a provider's or a typing mistake would take in whoever does.
"""

import re
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, replace

from commsd.core.change import Change
from commsd.core.entry import Hand
from commsd.core.event import Event
from commsd.core.open_items import OpenItems
from commsd.core.organisation import DOMAIN, Mark, Organisation, name_form
from commsd.crm.actions import Decide, must
from commsd.crm.contact_set import Said
from commsd.crm.organisation_set import is_public_provider

_ENDING = re.compile(r"\.(?:[a-z]{2,}|xn--[a-z0-9-]+)$")
"""Of a domain that there may be: a firm's name such as `Acme e.V` has another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Home:
    """ids: those that are meant, one where it is clear. name: under which one is to be made; mark: its domain, if any.

    public: a mail provider or an ending such as co.uk is written, of which anybody may be. With none of these, a number
    or another system's id is written that nobody has.
    """

    ids: tuple[str, ...] = ()
    name: str | None = None
    mark: Mark | None = None
    public: bool = False


def home_of(
    text: str,
    mark: Mark | None,
    holders: Mapping[Mark, str],
    called: Mapping[str, tuple[str, ...]],
    theirs: Collection[Mark],
) -> Home:
    """What the text means. mark: the text as one. called: by the normal form of their names. theirs: what the person's
    addresses are marks of.
    """
    if mark and mark in holders:
        return Home(ids=(holders[mark],))
    if ids := called.get(name_form(text)):
        return Home(ids=ids)
    if is_public_provider(text):
        return Home(public=True)
    if mark is not None and mark.kind == DOMAIN and _ENDING.search(mark.value):
        return Home(name=text, mark=mark if mark in theirs else None)
    return Home(name=text) if mark is None or _is_name(text, mark) else Home()


def in_home(home: Home, said: Said, put: Callable[[Said], Decide], hand: Hand) -> Decide:
    """The contact is of that organisation from now on, which is made where there is none: both or neither.

    put: decides on what is said of the contact. The result is the contact.
    """
    if home.name is None:
        return put(_of(said, home.ids[0]) if len(home.ids) == 1 else said)
    name, mark = home.name, home.mark

    def decide(items: OpenItems) -> Change:
        if mark and (holder := items.organisations.get(mark)):
            return put(_of(said, holder.id))(items)
        known = items.called.get(name_form(name), ())
        must(len(known) < 2, "several organisations have this name by now", "import the file again")
        if known:
            return put(_of(said, known[0].id))(items)
        firm = Organisation(id=items.new_id(), created_at=items.now, name=name, domains=(mark.value,) if mark else ())
        made = Change(organisations=(firm,), events=(Event("organisation.created", firm, items.now, hand.by),))
        return made + put(_of(said, firm.id))(items)

    return decide


def _is_name(text: str, mark: Mark) -> bool:
    """Whether it may be a firm's name all the same: many a firm is called like its domain, or has a colon in it."""
    return mark.kind == DOMAIN or (":" in text and " " in text)


def _of(said: Said, organisation_id: str) -> Said:
    return replace(said, fields={**said.fields, "organisation_id": organisation_id})
