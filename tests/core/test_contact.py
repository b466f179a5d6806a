"""What a person types into a field for an address, and what a mail's header may hold."""

import pytest

from commsd.core.contact import field_identity, identity_of, mail_identity

ALONE = (
    "jane@example.org",
    "Jane.O'Neill+orders@Example.ORG",
    "jörg@grüße.example",
    "jane@localhost",
    "a_b=c@x-y.test",
)
BESIDES = (
    "write to jane@example.org",
    "Jane <jane@example.org>",
    "jane@example.org, bo@example.org",
    "jane@example.org;bo@example.org",
    "mailto:jane@example.org",
    "jane@bo@example.org",
    '"jane clarke"@example.org',
    "jane@example.org (office)",
    "jane\u200b@example.org",
    "jane@exam ple.org",
)


@pytest.mark.parametrize("text", ALONE)
def test_a_field_holds_an_address(text: str) -> None:
    assert field_identity(text) == identity_of(text) == mail_identity(text)
    assert field_identity(text) is not None


@pytest.mark.parametrize("text", BESIDES)
def test_a_field_holds_no_more_than_an_address_and_a_header_is_read_as_it_always_was(text: str) -> None:
    assert field_identity(text) is None
    assert mail_identity(text) is not None


@pytest.mark.parametrize("text", ["+49 30 23125099", "customer:4711"])
def test_a_field_holds_a_number_or_our_number_for_a_customer(text: str) -> None:
    assert field_identity(text) == identity_of(text)
    assert field_identity(text) is not None


@pytest.mark.parametrize("text", [None, "", "jane", "sip:jane@example.org"])
def test_what_is_no_address_at_all_is_none_in_a_field(text: str | None) -> None:
    assert field_identity(text) is None
