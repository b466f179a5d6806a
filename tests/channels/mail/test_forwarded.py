"""The mail inside a forwarded one, as the usual programs write it. The samples are made up after what they send."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from commsd.channels.mail.forwarded import forwarded, written_date
from tests.channels.mail.written import mail, message, multipart

BERLIN = ZoneInfo("Europe/Berlin")
AT = datetime(2026, 3, 10, 9, 17, tzinfo=UTC)

FORMS = {
    "Outlook en": """For the file.

-----Original Message-----
From: Jane Clarke <jane@customer.test>
Sent: Tuesday, March 10, 2026 10:17 AM
To: Anna Berg <anna@commsd.test>; Bob <bob@customer.test>
Cc: carrier@depot.test
Subject: Delivery of order 2041

Where is my parcel?
""",
    "Outlook de": """________________________________
Von: Jane Clarke <jane@customer.test>
Gesendet: Dienstag, 10. März 2026 10:17
An: Anna Berg <anna@commsd.test>; Bob <bob@customer.test>
Cc: carrier@depot.test
Betreff: Delivery of order 2041

Where is my parcel?
""",
    "Outlook de, old": """-----Ursprüngliche Nachricht-----
Von: Jane Clarke [mailto:jane@customer.test]
Gesendet: Dienstag, 10. März 2026 10:17
An: Anna Berg; bob@customer.test
Betreff: Delivery of order 2041

Where is my parcel?
""",
    "Outlook da": """-----Oprindelig meddelelse-----
Fra: Jane Clarke <jane@customer.test>
Sendt: 10. marts 2026 10:17
Til: Anna Berg <anna@commsd.test>
Emne: Delivery of order 2041

Where is my parcel?
""",
    "Outlook id": """-----Pesan Asli-----
Dari: Jane Clarke <jane@customer.test>
Dikirim: Selasa, 10 Maret 2026 10.17
Kepada: Anna Berg <anna@commsd.test>
Perihal: Delivery of order 2041

Where is my parcel?
""",
    "Gmail en": """---------- Forwarded message ---------
From: Jane Clarke <jane@customer.test>
Date: Tue, Mar 10, 2026 at 10:17 AM
Subject: Delivery of order 2041
To: <anna@commsd.test>


Where is my parcel?
""",
    "Gmail de": """---------- Forwarded message ---------
Von: Jane Clarke <jane@customer.test>
Date: Di., 10. März 2026 um 10:17 Uhr
Subject: Delivery of order 2041
To: <anna@commsd.test>


Where is my parcel?
""",
    "Apple en": """FYI

Begin forwarded message:

> From: Jane Clarke <jane@customer.test>
> Subject: Delivery of order 2041
> Date: 10. March 2026 at 10:17:05 CET
> To: anna@commsd.test
>
> Where is my parcel?
""",
    "Apple de": """Anfang der weitergeleiteten Nachricht:

Von: Jane Clarke <jane@customer.test>
Betreff: Delivery of order 2041
Datum: 10. März 2026 um 10:17:05 MEZ
An: anna@commsd.test

Where is my parcel?
""",
    "Apple da": """Start på videresendt besked:

Fra: Jane Clarke <jane@customer.test>
Emne: Delivery of order 2041
Dato: 10. marts 2026 kl. 10.17.05 CET
Til: anna@commsd.test

Where is my parcel?
""",
    "Thunderbird": """-------- Weitergeleitete Nachricht --------
Betreff: \tDelivery of order 2041
Datum: \tTue, 10 Mar 2026 10:17:00 +0100
Von: \tJane Clarke <jane@customer.test>
An: \tanna@commsd.test



Where is my parcel?
""",
    "bold, values below": """*Von:*
Jane Clarke <jane@customer.test>
*Gesendet:* Dienstag, 10. März 2026 10:17
*An:* anna@commsd.test
*Betreff:* Delivery of order 2041

Where is my parcel?
""",
}


@pytest.mark.parametrize("form", FORMS)
def test_a_header_written_into_the_text_is_read(form: str) -> None:
    inner = forwarded(
        message(subject="Fwd: Delivery of order 2041", from_="anna@commsd.test", body=FORMS[form]), BERLIN
    )
    assert inner is not None
    assert [(one.address, one.name) for one in inner.from_] == [("jane@customer.test", "Jane Clarke")]
    assert inner.subject == "Delivery of order 2041"
    assert inner.received_at.replace(second=0) == AT
    assert inner.text == "Where is my parcel?"
    assert "commsd.test" in (inner.to[0].domain if inner.to else "") or form == "Outlook de, old"


def test_the_recipients_of_outlook_are_parted_by_semicolons() -> None:
    inner = forwarded(message(body=FORMS["Outlook en"]), BERLIN)
    assert inner is not None
    assert [one.address for one in (*inner.to, *inner.cc)] == [
        "anna@commsd.test", "bob@customer.test", "carrier@depot.test",
    ]  # fmt: skip


def test_a_mail_enclosed_whole_is_that_very_mail() -> None:
    original = mail()
    kind, body = multipart(
        "Content-Type: text/plain\r\n\r\nFor the file.", f"Content-Type: message/rfc822\r\n\r\n{original.decode()}"
    )
    inner = forwarded(message(from_="anna@commsd.test", content_type=kind, body=body, message_id="<f@x.test>"), BERLIN)
    assert inner is not None
    assert (inner.message_id, inner.logical_key) == ("2041@customer.test", message().logical_key)
    assert inner.received_at == datetime(2026, 3, 10, 9, 16, 58, tzinfo=UTC)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "Please call her back.",
        "From: a friend of the house\nTo: you",
        "From: 10:00 to 12:00 we are closed",
        "Subject: nothing\nDate: never",
        "On Tue, 10 Mar 2026, Jane <jane@customer.test> wrote:\n> Where is it?",
        "From: jane@customer.test\n\nthat is where it came from",
    ],
)
def test_what_is_no_header_of_a_mail_is_not_taken_for_one(text: str) -> None:
    assert forwarded(message(body=text), BERLIN) is None


def test_two_forwards_of_one_mail_have_one_key() -> None:
    one = forwarded(message(body=FORMS["Gmail en"], message_id="<1@x.test>"), BERLIN)
    two = forwarded(message(body=f"Again!\n\n{FORMS['Gmail en']}", message_id="<2@x.test>"), BERLIN)
    assert one is not None
    assert two is not None
    assert one.logical_key == two.logical_key


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Tue, 10 Mar 2026 10:17:00 +0100", AT),
        ("2026-03-10 10:17", AT),
        ("10.03.2026 10:17", AT),
        ("3/25/2026 10:17 PM", datetime(2026, 3, 25, 21, 17, tzinfo=UTC)),
        ("25/3/2026 10:17", datetime(2026, 3, 25, 9, 17, tzinfo=UTC)),
        ("Donnerstag, 29. Oktober 2026 12:05", datetime(2026, 10, 29, 11, 5, tzinfo=UTC)),
        ("Kamis, 6 Agustus 2026 12.05", datetime(2026, 8, 6, 10, 5, tzinfo=UTC)),
        ("March 10, 2026 12:30 AM", datetime(2026, 3, 9, 23, 30, tzinfo=UTC)),
        ("10. marts 2026", datetime(2026, 3, 10, 11, 0, tzinfo=UTC)),
        ("10/03/2026 10:17", None),  # March or October
        ("31. Februar 2026 10:17", None),
        ("yesterday", None),
        ("", None),
    ],
)
def test_a_date_is_read_as_people_write_it_and_never_guessed(text: str, expected: datetime | None) -> None:
    assert written_date(text, BERLIN) == expected


@given(st.text(max_size=400))
def test_no_text_is_too_odd(text: str) -> None:
    written_date(text, BERLIN)
    forwarded(message(body=f"From: {text}\nDate: {text}\nFrom: a@b.test\n{text}"), BERLIN)
