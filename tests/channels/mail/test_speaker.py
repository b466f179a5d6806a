"""Who wrote a mail, and where the answer goes: rules N12, F3 and A5."""

from dataclasses import replace
from typing import Any

import pytest

from commsd.channels.mail.suppression import Us, answer_address, registrable, speaker, why_silent
from tests.channels.mail.written import message

US = Us(addresses=frozenset({"support@commsd.test"}), internal_domains=frozenset({"inside.test"}), key=b"k" * 32)


def reason(us: Us = US, **changed: Any) -> str | None:
    return why_silent(message(**changed), us).reason


def test_f3_a_contact_form_speaks_for_the_person_in_reply_to() -> None:
    us = replace(US, contact_forms=frozenset({"noreply@www.test"}))
    form: dict[str, Any] = {"from_": "Form <noreply@www.test>", "reply_to": "Jane <jane@customer.test>"}
    assert reason(us=us, **form) is None
    assert answer_address(message(**form), us) == "jane@customer.test"
    assert reason(**form) == "robot-sender"
    assert reason(us=us, from_="noreply@www.test") == "robot-sender"
    assert reason(us=us, from_="noreply@www.test", reply_to="noreply@customer.test") == "robot-sender"
    assert reason(us=us, from_="noreply@www.test", reply_to="support@commsd.test") == "own-address"


def test_f3_a_form_in_our_own_house_is_heard() -> None:
    us = replace(US, contact_forms=frozenset({"form@inside.test"}))
    assert reason(us=us, from_="form@inside.test", reply_to="jane@customer.test") is None


@pytest.mark.parametrize("sender", ["", "nobody", "Robot:;", "Team: a@x.test;", "<>", "jane@x..test"])
def test_n12_without_a_usable_sender_nobody_is_answered_but_clocks_run(sender: str) -> None:
    verdict = why_silent(message(from_=sender), US)
    assert (verdict.reason, verdict.starts_clock) == ("no-sender", True)


def test_n12_of_several_senders_the_sender_field_decides() -> None:
    both = "Ann <ann@x.test>, Bob <bob@x.test>"
    assert answer_address(message(from_=both, sender="bob@x.test"), US) == "bob@x.test"
    assert answer_address(message(from_=both), US) == "ann@x.test"


@pytest.mark.parametrize(
    ("reply_to", "expected"),
    [
        ("Jane <jane@mail.customer.test>", "jane@mail.customer.test"),
        ("jane@elsewhere.test", "jane@customer.test"),
        ("a@customer.test, b@customer.test", "jane@customer.test"),
        ("not an address", "jane@customer.test"),
        ("jane..x@customer.test", "jane@customer.test"),
    ],
)
def test_a5_reply_to_counts_only_within_the_writers_own_domain(reply_to: str, expected: str) -> None:
    assert answer_address(message(reply_to=reply_to), US) == expected


def test_a5_the_return_path_is_never_answered() -> None:
    assert answer_address(message(return_path="<bounces@relay.test>"), US) == "jane@customer.test"


@pytest.mark.parametrize(
    ("domain", "house"),
    [("mail.x.test", "x.test"), ("x.test", "x.test"), ("a.b.example.co.uk", "example.co.uk"), ("x.or.id", "x.or.id")],
)
def test_the_registrable_domain_tells_one_house_from_another(domain: str, house: str) -> None:
    assert registrable(domain) == house


def test_nobody_speaks_in_a_mail_without_a_sender() -> None:
    assert speaker(message(from_=""), US) is None
