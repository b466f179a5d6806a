"""Signed ids: ours are known again with the key alone, everything else is not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.core.token import ack_id, is_ack_id, sign, verify

KEY = b"k" * 32


@given(st.binary(min_size=16, max_size=64), st.text(max_size=20), st.text(min_size=1, max_size=200))
def test_what_was_signed_comes_back(key: bytes, purpose: str, payload: str) -> None:
    assert verify(key, purpose, sign(key, purpose, payload)) == payload


@given(st.text(min_size=1, max_size=60), st.data())
def test_no_changed_character_passes(payload: str, data: st.DataObject) -> None:
    token = sign(KEY, "link", payload)
    place = data.draw(st.integers(0, len(token) - 1))
    other = data.draw(st.sampled_from("abcdefghijklmnopqrstuvwxyz234567."))
    changed = token[:place] + other + token[place + 1 :]
    assert verify(KEY, "link", changed) == (payload if changed == token else None)


def test_a_token_for_one_purpose_is_worth_nothing_for_another() -> None:
    assert verify(KEY, "staff-link", sign(KEY, "customer-link", "case 7")) is None


def test_a_token_under_another_key_is_refused() -> None:
    assert verify(b"x" * 32, "link", sign(KEY, "link", "case 7")) is None


def test_a_token_is_safe_in_a_url_and_the_same_each_time() -> None:
    token = sign(KEY, "link", "case 7 / käse")
    assert token == sign(KEY, "link", "case 7 / käse")
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyz234567.")


def test_upper_case_on_the_way_does_no_harm() -> None:
    assert verify(KEY, "link", sign(KEY, "link", "case 7").upper()) == "case 7"


@given(st.text(max_size=80))
def test_junk_is_refused_quietly(token: str) -> None:
    assert verify(KEY, "link", token) is None
    assert not is_ack_id(KEY, token)


def test_two_copies_of_a_mail_get_one_ack_id() -> None:
    assert ack_id(KEY, "a" * 64, "example.com") == ack_id(KEY, "a" * 64, "example.com")
    assert ack_id(KEY, "a" * 64, "example.com") != ack_id(KEY, "b" * 64, "example.com")


def test_our_ack_id_is_known_with_the_key_alone() -> None:
    own = ack_id(KEY, "a" * 64, "example.com")
    assert own.startswith("ack1.")
    assert own.endswith("@example.com")
    assert is_ack_id(KEY, own)
    assert is_ack_id(KEY, f"<{own}>")
    assert not is_ack_id(b"x" * 32, own)


@pytest.mark.parametrize(
    "foreign",
    [
        "",
        "<>",
        "ack1.abc@example.com",
        "ack1.abcd.efgh@example.com",
        "20260310.1@x.org",
        "autoreply-1@x.org",
    ],
)
def test_other_message_ids_are_not_ours(foreign: str) -> None:
    assert not is_ack_id(KEY, foreign)
