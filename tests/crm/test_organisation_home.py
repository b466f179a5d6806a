"""Of which organisation a person is whose file says it in words. Pure."""

import pytest

from commsd.core.belonging import marks_of
from commsd.core.contact import Identity
from commsd.core.organisation import Mark
from commsd.crm.organisation_home import Home, home_of
from commsd.crm.organisation_set import mark_named

HOLDERS = {mark: "by mark" for text in ("acme.example", "hubspot:77") if (mark := mark_named(text))}
WRITES_FROM = set(marks_of(Identity("email", "jane@post.booking.example")))
WRITES_FROM |= set(marks_of(Identity("email", "jane@xn--bcher-kva.example")))
WRITES_FROM |= {Mark("domain", "co.uk"), Mark("domain", "netcologne.de")}
CALLED = {"acme ltd": ("by name",), "acme": ("one", "another"), "acme.example": ("never",), "web.de": ("by name",)}


@pytest.mark.parametrize(
    ("text", "home"),
    [
        ("acme.example", Home(ids=("by mark",))),
        ("ACME.example", Home(ids=("by mark",))),
        ("hubspot:77", Home(ids=("by mark",))),
        ("ACME  Ltd", Home(ids=("by name",))),
        ("Acme", Home(ids=("one", "another"))),
        ("Beta Ltd", Home(name="Beta Ltd")),
        ("Booking.example", Home(name="Booking.example", mark=Mark("domain", "booking.example"))),
        ("bücher.example", Home(name="bücher.example", mark=Mark("domain", "xn--bcher-kva.example"))),
        ("ooking.example", Home(name="ooking.example")),
        ("Acme.Co", Home(name="Acme.Co")),
        ("netcologne.de", Home(public=True)),
        ("co.uk", Home(public=True)),
        ("Com.au.", Home(public=True)),
        ("Acme e.V", Home(name="Acme e.V")),
        ("e.V.", Home(name="e.V.")),
        ("gmail.com", Home(public=True)),
        ("GMAIL.com", Home(public=True)),
        ("web.de", Home(ids=("by name",))),
        ("beta: the company", Home(name="beta: the company")),
        ("hubspot:78", Home()),
        ("+493023125010", Home()),
        ("+49 30 23125010", Home()),
    ],
)
def test_a_mark_goes_before_a_name_and_only_a_name_makes_an_organisation(text: str, home: Home) -> None:
    assert home_of(text, mark_named(text), HOLDERS, CALLED, WRITES_FROM) == home
