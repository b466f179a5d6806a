"""Which firm a customer belongs to: by contact, switchboard number or domain; what that makes of a case."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from commsd.core import key
from commsd.core.belonging import is_anybodys, marks_of, owner_of, tier_of, whose
from commsd.core.change import Change
from commsd.core.contact import Contact, Identity
from commsd.core.interaction import ContactMatch
from commsd.core.organisation import Mark, Organisation, name_form
from commsd.store.log import Log
from tests.core.items import JANE, NUMBER, Books, call_from, mail_from
from tests.house import items_of

MADE = datetime(2026, 1, 5, 8, 0, tzinfo=UTC)
ACME = Organisation(
    id="acme",
    created_at=MADE,
    name="Acme",
    domains=("example.org",),
    numbers=(NUMBER,),
    owner="anna",
    tier="gold",
)
JANE_THERE = Contact(id="jane", created_at=MADE, identities=(Identity("email", JANE),), organisation_id="acme")


def in_acme(*people: Contact) -> Books:
    books = Books()
    books.organisations = {"acme": ACME}
    books.contacts = {each.id: each for each in people}
    return books


def test_a_mail_from_a_firms_domain_makes_a_contact_of_that_firm() -> None:
    change = in_acme().take(mail_from())
    (contact,), (case,), fact = change.contacts, change.cases, change.interactions[0]
    assert contact.organisation_id == fact.organisation_id == "acme"
    assert case.attrs["organisation"] == "acme"


def test_the_firms_tier_and_owner_stand_in_where_the_contact_has_none() -> None:
    (case,) = in_acme().take(mail_from()).cases
    assert (case.attrs["tier"], case.attrs["owner"], case.owner) == ("gold", "anna", "anna")


def test_the_contacts_own_tier_and_owner_come_before_the_firms() -> None:
    own = replace(JANE_THERE, tier="platinum", owner="bo")
    (case,) = in_acme(own).take(mail_from()).cases
    assert (case.attrs["tier"], case.owner) == ("platinum", "bo")
    assert (tier_of(own, ACME), owner_of(own, ACME)) == ("platinum", "bo")
    assert (tier_of(None, ACME), owner_of(None, None)) == ("gold", None)


def test_a_call_from_a_switchboard_is_the_firms_and_nobodys_in_it() -> None:
    """Capabilities row 92."""
    change = in_acme().take(call_from())
    fact, (case,), (callback,) = change.interactions[0], change.cases, change.callbacks
    assert change.contacts == ()
    assert (fact.contact_id, fact.contact_match, fact.organisation_id) == (None, ContactMatch.NONE, "acme")
    assert case.attrs["tier"] == "gold"
    assert callback.owner == "anna"


def test_a_switchboard_does_not_become_the_person_once_known_by_its_number() -> None:
    once = replace(JANE_THERE, identities=(Identity("phone", NUMBER),))
    fact = in_acme(once).take(call_from()).interactions[0]
    assert (fact.contact_id, fact.contact_match) == (None, ContactMatch.AMBIGUOUS)


def test_a_second_call_from_a_switchboard_joins_the_call_that_is_owed_to_it() -> None:
    books = in_acme()
    books.take(call_from())
    books.take(call_from(sid="CA2"))
    assert len(books.callback.misses) == 2
    assert len(books.files) == 1


def test_a_colleague_of_another_firms_contact_stays_with_that_firm() -> None:
    """Somebody said where Jane belongs; that she writes from this domain does not change it."""
    other = replace(JANE_THERE, organisation_id="other")
    fact = in_acme(other).take(mail_from()).interactions[0]
    assert fact.organisation_id is None


@pytest.mark.parametrize(
    "domain", ["gmail.com", "gmx.de", "outlook.com", "yahoo.co.id", "hotmail.dk", "youmail.dk", "a1.net"]
)
def test_a_public_mail_provider_is_no_firms_domain_whatever_somebody_entered(domain: str) -> None:
    books = in_acme()
    books.organisations = {"acme": replace(ACME, domains=(domain,))}
    change = books.take(mail_from(f"jane@{domain}"))
    assert change.contacts[0].organisation_id is None
    assert change.interactions[0].organisation_id is None


def test_a_subdomain_belongs_to_the_domain_above_it_the_nearest_first() -> None:
    marks = marks_of(Identity("email", "jane@sales.example.co.uk"))
    assert marks == (Mark("domain", "sales.example.co.uk"), Mark("domain", "example.co.uk"))
    assert marks_of(Identity("hubspot", "4711")) == ()


@pytest.mark.parametrize("ending", ["co.uk", "co.id", "com.au", "web.id", "or.at", "ltd.uk"])
def test_an_ending_that_names_are_sold_below_is_no_mark(ending: str) -> None:
    assert marks_of(Identity("email", f"jane@{ending}")) == ()
    assert is_anybodys(ending)


@pytest.mark.parametrize("domain", ["co.com", "acme.co", "shop.co.uk", "bmw.de", "com.example"])
def test_a_domain_of_a_firms_own_is_its_mark(domain: str) -> None:
    assert Mark("domain", domain) in marks_of(Identity("email", f"jane@{domain}"))


def test_whose_a_withheld_number_is_nobody_can_say() -> None:
    assert whose(None, in_acme(JANE_THERE).items) == (None, ContactMatch.NONE)


async def test_the_store_shows_a_decision_the_firm_of_the_addresses_its_keys_name(log: Log) -> None:
    await log.decide((key.of_organisation("acme"),), lambda items: Change(organisations=(ACME,)))
    for address in (JANE, NUMBER):
        items = await items_of(log, *key.of_addresses(address))
        assert items.firms == {"acme": ACME}
        assert set(items.organisations) == set(ACME.marks)
    strangers = await items_of(log, *key.of_addresses("jane@example.net", "+493023125098"))
    assert not strangers.firms


async def test_the_store_shows_the_firm_of_a_contact_also_where_the_firm_has_no_marks(log: Log) -> None:
    bare = replace(ACME, domains=(), numbers=())
    await log.decide((), lambda items: Change(organisations=(bare,), contacts=(JANE_THERE,)))
    items = await items_of(log, *key.of_addresses(JANE))
    assert items.firms == {"acme": bare}


def test_a_contact_whose_firm_was_deleted_is_of_none() -> None:
    books = in_acme(JANE_THERE)
    books.organisations = {"acme": Organisation(id="acme", created_at=MADE, tier="gold", deleted_at=MADE)}
    change = books.take(mail_from())
    assert "tier" not in change.cases[0].attrs
    assert change.interactions[0].organisation_id is None


@pytest.mark.parametrize("name", ["Bücher & Sons", "  BÜCHER  &\tsons ", "Bu\u0308cher & Sons", "Ｂücher & Ｓons"])
def test_one_name_written_in_several_ways_is_one_name(name: str) -> None:
    assert name_form(name) == "bücher & sons"


def test_a_full_stop_or_another_word_makes_another_name() -> None:
    assert len({name_form(name) for name in ("Acme", "Acme Ltd", "Acme Ltd.", "Acme-Ltd")}) == 4
