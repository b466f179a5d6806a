"""Who sent a fax or a letter, out of the mail of each known gateway, and of those that a house describes itself."""

from collections.abc import Mapping
from typing import Any

import pytest

from commsd.channels.mail.letter import UNKNOWN, Sheet, number_in, sheet_of
from commsd.channels.mail.sender_pattern import SenderPattern
from commsd.core.interaction import Channel
from tests.channels.mail.paper_house import desk, fax_mail
from tests.channels.mail.written import message

GATEWAYS: list[tuple[str, Mapping[str, Any], Channel, Sheet]] = [
    (
        "RingCentral",
        {"subject": "New Fax Message from (713) 555-0199 on 03/10/2026 4:17 AM", "from_": "notify@ringcentral.com"},
        Channel.FAX,
        Sheet(number="+17135550199"),
    ),
    (
        "eFax by its caller id",
        {"subject": 'eFax message from "912266459412" - 1 page(s), Caller-ID: 1-613-701-0200'},
        Channel.FAX,
        Sheet(number="+16137010200"),
    ),
    (
        "eFax of a house",
        {"subject": 'Corporate eFax message from "unknown" - 2 page(s), Caller-ID: 19164574542'},
        Channel.FAX,
        Sheet(number="+19164574542"),
    ),
    (
        "MetroFax",
        {"subject": 'MetroFax message from "7135550199" - 3 page(s)', "from_": "noreply@metrofax.com"},
        Channel.FAX,
        Sheet(number="+17135550199"),
    ),
    ("HylaFAX", {"subject": "Facsimile received from +49 30 23125099"}, Channel.FAX, Sheet(number="+493023125099")),
    ("HylaFAX from nobody", {"subject": "Facsimile received from <UNSPECIFIED>"}, Channel.FAX, Sheet()),
    (
        "FreePBX",
        {"subject": 'New fax from: "Petra Weber" <03023125099>'},
        Channel.FAX,
        Sheet(number="+493023125099", name="Petra Weber"),
    ),
    ("FreePBX without a caller", {"subject": "New fax received"}, Channel.FAX, Sheet()),
    (
        "ICTFAX",
        {
            "subject": "You have received a Fax",
            "body": "Received at   : 03023125011\r\nReceived from : 0049 30 23125099\r\nTotal pages   : 2\r\n",
        },
        Channel.FAX,
        Sheet(number="+493023125099"),
    ),
    ("Asterisk", {"subject": "[fax] Neues Fax von 030 23125099"}, Channel.FAX, Sheet(number="+493023125099")),
    (
        "Asterisk, another",
        {"subject": "Neues Fax von 493023125099 empfangen"},
        Channel.FAX,
        Sheet(number="+493023125099"),
    ),
    ("Xerox", {"subject": "Scanned from a Xerox Multifunction Printer"}, Channel.LETTER, Sheet()),
    ("an older Xerox", {"subject": "Scan from a Xerox WorkCentre Pro #5666011"}, Channel.LETTER, Sheet()),
    ("Konica Minolta", {"subject": "Message from KM_C258"}, Channel.LETTER, Sheet()),
    ("Ricoh", {"subject": 'Message from "RNP5838795908AB"'}, Channel.LETTER, Sheet()),
    ("Sharp", {"subject": "Scanned image from MX-C301W"}, Channel.LETTER, Sheet()),
]


@pytest.mark.parametrize(
    ("mail", "channel", "sheet"), [each[1:] for each in GATEWAYS], ids=[each[0] for each in GATEWAYS]
)
def test_a_known_gateway_is_read(mail: Mapping[str, Any], channel: Channel, sheet: Sheet) -> None:
    said = {"from_": "Gateway <noreply@gateway.test>", "body": "A document came for you.\r\n", **mail}
    assert sheet_of(message(**said), desk(channel)) == sheet


@pytest.mark.parametrize(
    "header", ["Auto-Submitted: auto-generated", "Return-Path: <>", "X-Auto-Response-Suppress: All"]
)
def test_what_marks_a_machine_does_not_hide_the_sender(header: str) -> None:
    name, _, value = header.partition(": ")
    changed = {name.replace("-", "_").lower(): value}
    assert sheet_of(fax_mail(**changed), desk()) == Sheet(number="+493023125099")


def test_a_gateways_subject_from_another_domain_says_nothing() -> None:
    forged = message(subject="New Fax Message from (713) 555-0199", from_="Somebody <noreply@elsewhere.test>")
    assert sheet_of(forged, desk()) == UNKNOWN


@pytest.mark.parametrize(
    ("headers", "body"),
    [
        (("X-Spam-Flag: YES",), "A fax.\n"),
        (("X-Failed-Recipients: somebody@example.org",), "It could not be delivered.\n"),
        (("List-Id: <faxes.example.org>",), "A fax.\n"),
    ],
)
def test_spam_bounces_and_lists_are_no_fax_whatever_they_say(headers: tuple[str, ...], body: str) -> None:
    assert sheet_of(message(*headers, subject="Facsimile received from +493023125099", body=body), desk()) is None


def test_a_machine_that_no_pattern_fits_brought_something_of_an_unknown_sender() -> None:
    assert sheet_of(message(subject="Dokument 4711", from_="Scanner <noreply@gateway.test>"), desk()) == UNKNOWN


def test_a_scanner_with_an_address_of_ours_is_no_colleague() -> None:
    assert sheet_of(message(subject="Scan 17", from_="Copier <copier@commsd.test>"), desk(Channel.LETTER)) == UNKNOWN


@pytest.mark.parametrize(
    "subject",
    [
        "Sendebericht: 3 Seiten an +4930555",
        "Ihr Fax an 030 555 wurde gesendet",
        "Your fax to 0305551 was sent successfully",
        "Transmission report",
        "Fax delivered",
    ],
)
def test_a_report_of_a_fax_we_sent_is_an_ordinary_machine_mail(subject: str) -> None:
    assert sheet_of(message(subject=subject, from_="Gateway <noreply@gateway.test>"), desk()) is None


def test_a_person_who_writes_to_the_fax_mailbox_is_an_ordinary_writer() -> None:
    assert sheet_of(message(), desk()) is None


def test_a_person_is_answered_on_paper_where_nobody_here_can_send_mail() -> None:
    assert sheet_of(message(), desk(smtp=False)) == Sheet(mail="jane@customer.test", name="Jane Clarke")


def test_ordinary_mailboxes_know_no_gateways() -> None:
    assert sheet_of(fax_mail(), desk(Channel.EMAIL)) is None


def own(**pattern: str) -> Any:
    return desk(senders=(SenderPattern(**pattern),))


def test_the_house_describes_a_gateway_by_subject_header_and_body_together() -> None:
    house = own(
        subject=r"^Fax von (?P<number>[+\d ]+)",
        header="X-Caller",
        field=r"(?P<name>.+)",
        body=r"^Kunde:\s*(?P<customer>\d+)$",
    )
    mail = message(
        "X-Caller: =?utf-8?q?J=C3=B6rg_Bach?=",
        subject="Fax von 030 23125099 (2 Seiten)",
        from_="noreply@gateway.test",
        body="Ein Fax.\r\nKunde: 4711\r\n",
    )
    assert sheet_of(mail, house) == Sheet(number="+493023125099", name="Jörg Bach", customer="4711")
    assert sheet_of(message(subject="Fax von 030 23125099", from_="noreply@gateway.test"), house) == UNKNOWN


def test_the_address_for_the_window_is_read_in_lines_and_the_matter_becomes_the_subject() -> None:
    house = own(body=r"Absender:\n(?P<address>(?:.+\n){3})\nBetreff: (?P<subject>.+)")
    mail = message(
        subject="Posteingang",
        from_="noreply@gateway.test",
        body="Absender:\nPetra Weber\nLindenallee 5\n10115 Berlin\n\nBetreff: Kündigung\n",
    )
    sheet = sheet_of(mail, house)
    assert sheet is not None
    assert sheet.postal == ("Petra Weber", "Lindenallee 5", "10115 Berlin")
    assert sheet.subject == "Kündigung"


@pytest.mark.parametrize("address", ["anna@commsd.test", "support@commsd.test", "not an address", "a@b@c"])
def test_an_address_of_ours_is_never_the_customers(address: str) -> None:
    sheet = sheet_of(message(subject=f"scan {address}", from_="noreply@x.test"), own(subject="scan (?P<mail>.+)"))
    assert sheet == Sheet()


@pytest.mark.parametrize(
    ("said", "region", "number"),
    [
        ("030 23125099", "DE", "+493023125099"),
        ("0049 30 23125099", None, "+493023125099"),
        ("+49 (30) 231 250-99", None, "+493023125099"),
        ("493023125099", "DE", "+493023125099"),
        ("unknown", "DE", None),
        ("12", "DE", None),
        ("030 23125099", None, None),
    ],
)
def test_a_number_is_read_as_gateways_write_it(said: str, region: str | None, number: str | None) -> None:
    found = number_in(said, region)
    assert (found.e164 if found else None) == number
