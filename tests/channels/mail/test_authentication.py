"""Whose word on a sender counts: that of our own server, in the field it wrote on top. mail.md N19."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.channels.mail.authentication import LONGEST, authenticated
from tests.channels.mail.written import message

OURS = frozenset({"mx.commsd.test"})
PASS = "Authentication-Results: mx.commsd.test; dmarc=pass (p=reject dis=none) header.from=customer.test"
FAIL = "Authentication-Results: mx.commsd.test; spf=softfail smtp.mailfrom=x.test; dmarc=fail header.from=customer.test"


@pytest.mark.parametrize(
    ("field", "said"),
    [
        ("mx.commsd.test; dmarc=pass header.from=customer.test", "pass"),
        ("mx.commsd.test; spf=pass smtp.mailfrom=a@b.test;\r\n dkim=pass header.i=@b.test;\r\n dmarc=pass", "pass"),
        ("MX.commsd.TEST 1; dmarc=PASS (p=NONE sp=NONE dis=NONE) header.from=Customer.Test", "pass"),
        ("(by us) mx.commsd.test (really) 1; dmarc=pass", "pass"),
        ('mx.commsd.test; dmarc=fail reason="a;dmarc=pass" header.from=customer.test', "fail"),
        ("mx.commsd.test (dmarc=pass); dmarc=fail", "fail"),
        ("mx.commsd.test; dmarc=pass; dmarc=fail", "fail"),
        ("mx.commsd.test; dmarc=none header.from=customer.test", None),
        ("mx.commsd.test; dmarc=temperror", None),
        ("mx.commsd.test; dmarc=bestguesspass action=none header.from=customer.test", None),
        ("mx.commsd.test; dmarc=pass; dmarc=none", None),
        ("mx.commsd.test; none", None),
        ("mx.commsd.test; spf=pass smtp.mailfrom=a@customer.test; dkim=pass header.d=customer.test", None),
        ("mx.commsd.test; dmarc=pass header.from=other.test", None),
        ("mx.elsewhere.test; dmarc=fail", None),
        ("", None),
        ("mx.commsd.test; dmarc=", None),
        ("mx.commsd.test; " + "(" * 5000, None),
    ],
)
def test_n19_the_word_of_our_own_server_is_read(field: str, said: str | None) -> None:
    assert authenticated(message(f"Authentication-Results: {field}"), OURS) == said


def test_n19_without_configured_ids_nobody_is_believed() -> None:
    assert authenticated(message(PASS), frozenset()) is None


def test_n19_a_field_forged_below_the_top_one_is_ignored() -> None:
    none = "Authentication-Results: mx.commsd.test; dmarc=none header.from=customer.test"
    unread = "Authentication-Results: mx.commsd.test; ((dmarc"
    for top in (FAIL, none, unread):
        assert authenticated(message(top, PASS), OURS) != "pass"
    assert authenticated(message(PASS, FAIL), OURS) == "pass"


def test_n19_a_foreign_id_above_ours_is_passed_over() -> None:
    foreign = "Authentication-Results: mx.elsewhere.test; dmarc=pass header.from=customer.test"
    assert authenticated(message(foreign, FAIL), OURS) == "fail"
    assert authenticated(message(foreign), OURS) is None


def test_n19_a_server_that_writes_no_id_is_believed_where_the_house_says_so() -> None:
    field = (
        "spf=pass (sender IP is 192.0.2.1) smtp.mailfrom=customer.test; dkim=pass (signature was verified)"
        " header.d=customer.test;dmarc=pass action=none header.from=customer.test;compauth=pass reason=100"
    )
    nameless = message(f"Authentication-Results: {field}")
    assert authenticated(nameless, frozenset({"-"})) == "pass"
    assert authenticated(nameless, OURS) is None
    assert authenticated(message(PASS), frozenset({"-"})) is None


def test_n19_a_pass_says_nothing_of_a_mail_with_two_writers() -> None:
    two = "jane@customer.test, mallory@evil.test"
    assert authenticated(message(PASS.replace(" header.from=customer.test", ""), from_=two), OURS) is None


@given(st.text(max_size=300), st.text(alphabet='();="\\ \t.d@marcpsf', max_size=300))
def test_n19_no_field_raises_whatever_it_holds(head: str, tail: str) -> None:
    for field in (f"{head}{tail}", f"mx.commsd.test; {tail}", f"mx.commsd.test; dmarc=pass {tail}{head}"):
        line = "".join(sign for sign in field if sign.isprintable() or sign in " \t")
        assert authenticated(message(f"Authentication-Results: {line}"), OURS | {"-"}) in ("pass", "fail", None)


MANY = "; ".join(
    f"dkim=pass (2048-bit key) header.d=d{number}.test header.i=@d{number}.test (x)" for number in range(15)
)
FAILED = "dmarc=fail (p=reject dis=none) header.from=customer.test"
PASSED = "dmarc=pass (p=reject dis=none) header.from=customer.test"


@pytest.mark.parametrize(
    "filler",
    [
        MANY,
        f"spf=pass ({'x' * LONGEST}) smtp.mailfrom=a",
        "spf=pass smtp.mailfrom=jörg@x.test",
        "spf=pass smtp.mailfrom=a(b@x.test",
        'spf=pass smtp.mailfrom=a"b@x.test',
        "spf=pass smtp.mailfrom=a)b@x.test",
        "iprev",
        "spf=pass smtp.mailfrom=a;dmarc=pass(@evil.test",
        'spf=pass smtp.mailfrom=a;dmarc=pass reason="',
        "spf=pass " + "(" * 5000,
        'spf=pass smtp.helo="; spf=pass smtp.mailfrom=a',
    ],
)
def test_n19_nothing_a_sender_can_put_beside_it_hides_a_fail(filler: str) -> None:
    for said in (f"{filler}; {FAILED}", f"{filler}; {FAILED};", f"{FAILED}; {filler}"):
        assert authenticated(message(f"Authentication-Results: mx.commsd.test; {said}"), OURS) == "fail", said


@pytest.mark.parametrize(
    "said",
    [
        f"{MANY}; {PASSED}",
        f"{PASSED};",
        f"spf=pass smtp.mailfrom=jörg@x.test; {PASSED}",
        f"arc=pass (i=1 (two (three))); {PASSED} ;",
    ],
)
def test_n19_an_honest_pass_is_not_lost_among_other_results(said: str) -> None:
    assert authenticated(message(f"Authentication-Results: mx.commsd.test; {said}"), OURS) == "pass"


@pytest.mark.parametrize(
    "said",
    [
        f"spf=pass ({'x' * LONGEST}); {PASSED}",
        "iprev; dmarc=pass header.from=customer.test",
        "spf=pass smtp.mailfrom=a;dmarc=pass(@evil.test",
        'spf=pass smtp.mailfrom=a;dmarc=pass"@evil.test',
        f"spf=pass (as told; {FAILED.replace('(', '').replace(')', '')}) smtp.mailfrom=((((",
        "xdmarc=fail; iprev=???",
        "dmarc=failing; iprev=???",
    ],
)
def test_n19_what_cannot_be_read_vouches_for_nobody_and_accuses_nobody(said: str) -> None:
    assert authenticated(message(f"Authentication-Results: mx.commsd.test; {said}"), OURS) is None


def test_n19_a_field_full_of_brackets_is_read_in_no_time() -> None:
    for filler in ("(" * 100_000, "(" * 100_000 + ")" * 100_000, "()" * 100_000):
        assert authenticated(message(f"Authentication-Results: mx.commsd.test; {filler}; {FAILED}"), OURS) == "fail"


SIGNED = "Authentication-Results: mx.commsd.test; dkim=pass header.d=customer.test"


def test_n19_a_fail_in_the_second_field_of_our_server_counts() -> None:
    assert authenticated(message(SIGNED, FAIL), OURS) == "fail"
    assert authenticated(message(SIGNED, SIGNED, FAIL, PASS), OURS) == "fail"


def test_n19_a_pass_below_the_top_field_is_not_believed() -> None:
    assert authenticated(message(SIGNED, PASS), OURS) is None
    assert authenticated(message(SIGNED, PASS, FAIL), OURS) is None


def test_n19_fields_of_our_server_below_anothers_are_of_an_earlier_way() -> None:
    foreign = "Authentication-Results: mx.elsewhere.test; dmarc=none"
    assert authenticated(message(SIGNED, foreign, FAIL), OURS) is None
