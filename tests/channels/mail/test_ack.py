"""The acknowledgement's bytes: what the standards ask of them, and nothing that a stranger slipped in."""

import email
import email.policy
from email.message import EmailMessage
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.channels.mail.ack import ack_subject, render
from commsd.channels.mail.message import decode
from commsd.channels.mail.suppression import Us, why_silent
from commsd.channels.mail.texts import load_texts
from tests.channels.mail.ack_facts import EVERY, FACTS, TEXTS, facts


def parsed(**changed: Any) -> EmailMessage:
    read = email.message_from_bytes(render(facts(**changed), TEXTS).raw, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    assert read.defects == []
    return read


def test_a1_an_ack_says_that_a_machine_sent_it() -> None:
    read = parsed()
    assert read["Auto-Submitted"] == "auto-replied"
    assert read["X-Auto-Response-Suppress"] == "All"
    assert read["Precedence"] == "bulk"
    assert parsed(precedence_bulk=False)["Precedence"] is None


def test_a1_no_helpdesk_like_ours_answers_it() -> None:
    read = decode(render(FACTS, TEXTS).raw, folder_date=FACTS.received_at)
    assert why_silent(read, Us(key=b"x" * 32)).reason == "auto-submitted"


def test_a2_it_stands_in_the_thread_of_the_mail_it_answers() -> None:
    read = parsed(references=("a@x.test", "b@x.test"))
    assert read["In-Reply-To"] == "<2041@customer.test>"
    assert read["References"].split() == ["<a@x.test>", "<b@x.test>", "<2041@customer.test>"]


def test_a2_a_long_thread_keeps_its_first_and_its_last_twenty() -> None:
    ids = tuple(f"{number}@a-host-with-a-long-name.customer.test" for number in range(100))
    raw = render(facts(references=ids), TEXTS).raw
    kept = parsed(references=ids)["References"].split()
    assert kept == [f"<{each}>" for each in (ids[0], *ids[-20:], "2041@customer.test")]
    assert max(len(line) for line in raw.split(b"\r\n") if b"Message-ID" not in line) <= 78


@pytest.mark.parametrize("original_id", [None, "with space@x.test", "é@x.test", "x" * 300, "a>\r\nBcc: b@x.test"])
def test_a2_without_a_usable_id_there_is_no_thread(original_id: str | None) -> None:
    read = parsed(original_id=original_id)
    assert (read["In-Reply-To"], read["References"], read["Bcc"]) == (None, None, None)


def test_a3_its_id_is_the_given_one() -> None:
    assert parsed()["Message-ID"] == f"<{FACTS.message_id}>"


def test_a6_a8_it_goes_from_the_mailbox_to_one_person_only() -> None:
    read = parsed()
    assert str(read["From"]) == str(read["Reply-To"]) == "Example Ltd <support@example.com>"
    assert read["To"] == "jane@customer.test"
    assert (read["Cc"], read["Bcc"]) == (None, None)
    assert read["Date"].datetime == FACTS.date_at


def test_a8_it_survives_seven_bit_servers_and_is_small() -> None:
    for reader, situation in EVERY:
        raw = render(facts(reader, situation), TEXTS).raw
        assert raw.isascii()
        assert len(raw) < 16 * 1024
        assert max(map(len, raw.split(b"\r\n"))) <= 200
        assert raw.replace(b"\r\n", b"").count(b"\n") == raw.replace(b"\r\n", b"").count(b"\r") == 0


@pytest.mark.parametrize(("reader", "situation"), EVERY)
def test_a8_what_arrives_is_the_text(reader: str, situation: str) -> None:
    made = render(facts(reader, situation), TEXTS)
    read = email.message_from_bytes(made.raw, policy=email.policy.default)
    assert isinstance(read, EmailMessage)
    assert read.get_content().replace("\r\n", "\n") == made.text
    assert read["Subject"] == made.subject


def test_d3_the_same_facts_give_the_same_bytes() -> None:
    assert render(facts("da-du", "closed"), TEXTS) == render(facts("da-du", "closed"), load_texts())


def test_a4_the_subject_is_ours_before_the_customers() -> None:
    assert parsed()["Subject"] == "Your message has reached us: Delivery of order 2041"
    assert parsed(subject="")["Subject"] == "Your message has reached us"


@pytest.mark.parametrize(
    "subject",
    ["Re: Your message has reached us: Levering", "AW: Wir haben Ihre Nachricht erhalten: Re: Levering", "Levering"],
)
def test_a4_our_words_are_never_stacked(subject: str) -> None:
    assert ack_subject(subject, TEXTS, TEXTS.of("da")) == "Din besked er modtaget: Levering"


def test_a4_a_reply_mark_that_is_not_ours_stays() -> None:
    assert ack_subject("Re: Levering", TEXTS, TEXTS.of("da")) == "Din besked er modtaget: Re: Levering"


def test_a4_a_subject_is_cut_to_200_characters() -> None:
    subject = str(parsed(subject="å" * 500)["Subject"])
    assert len(subject) == 200
    assert subject.endswith("å…")


@given(st.text(max_size=300), st.text(max_size=80), st.text(max_size=80))
def test_no_text_of_a_stranger_adds_a_header(subject: str, name: str, service: str) -> None:
    raw = render(facts(subject=subject, customer_name=name, service_name=service or "x"), TEXTS).raw
    head = raw.partition(b"\r\n\r\n")[0]
    names = [line.partition(b":")[0] for line in head.split(b"\r\n") if not line.startswith(b" ")]
    plain = render(FACTS, TEXTS).raw.partition(b"\r\n\r\n")[0]
    assert names == [line.partition(b":")[0] for line in plain.split(b"\r\n") if not line.startswith(b" ")]
    assert raw.isascii()


@given(st.text(st.characters(blacklist_categories=["C", "Z"]), max_size=190))
def test_any_subject_comes_back_as_it_was(subject: str) -> None:
    made = render(facts(subject=subject), TEXTS)
    assert decode(made.raw, folder_date=FACTS.received_at).subject == made.subject


@pytest.mark.parametrize("name", ["Müller, Söhne & Co. KG", 'The "Best" Ltd.', "=?utf-8?q?x?=", "Plain Name"])
def test_a_service_name_of_any_kind_comes_back(name: str) -> None:
    (box,) = parsed(service_name=name)["From"].addresses
    assert (box.display_name, box.addr_spec) == (name, "support@example.com")
