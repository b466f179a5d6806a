"""The IMAP server of the tests is one."""

import imaplib
from datetime import UTC, datetime

import pytest

from tests.neighbours.dovecot import Dovecot, trusting

MAIL = b"From: a@example.net\r\nTo: support@example.com\r\nSubject: hello\r\n\r\nGood morning.\r\n"


def test_a_delivered_mail_lies_in_the_inbox_byte_for_byte_and_unseen(dovecot: Dovecot) -> None:
    user = dovecot.user("support@example.com")
    dovecot.deliver(user, MAIL)
    assert dovecot.messages(user) == [MAIL]
    assert [flags - {r"\Recent"} for flags in dovecot.flags(user).values()] == [frozenset()]


def test_flags_folder_and_internal_date_are_as_given(dovecot: Dovecot) -> None:
    user = dovecot.user()
    dovecot.create(user, "My Folder")
    dovecot.deliver(user, MAIL, "My Folder", r"\Seen \Flagged", datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC))
    (flags,) = dovecot.flags(user, "My Folder").values()
    assert flags >= {r"\Seen", r"\Flagged"}
    assert dovecot.internal_dates(user, "My Folder") == [datetime(2026, 3, 4, 5, 6, 7, tzinfo=UTC)]


def test_users_do_not_see_each_others_mail(dovecot: Dovecot) -> None:
    one, other = dovecot.user(), dovecot.user()
    dovecot.deliver(one, MAIL)
    assert dovecot.messages(other) == []


def test_the_sent_folder_says_what_it_is(dovecot: Dovecot) -> None:
    with dovecot.login(dovecot.user()) as session:
        _, folders = session.list()
    assert any(b"\\Sent" in line and line.endswith(b"Sent") for line in folders if isinstance(line, bytes))


def test_the_tls_port_shows_a_certificate_that_the_ca_vouches_for(dovecot: Dovecot) -> None:
    user = dovecot.user()
    with imaplib.IMAP4_SSL(dovecot.host, dovecot.tls_port, ssl_context=trusting(dovecot.ca), timeout=10) as session:
        assert session.login(user, dovecot.password)[0] == "OK"


def test_an_outage_refuses_connections_and_ends_on_the_same_ports(dovecot: Dovecot) -> None:
    user = dovecot.user()
    dovecot.deliver(user, MAIL)
    dovecot.stop()
    with pytest.raises(ConnectionRefusedError):
        imaplib.IMAP4(dovecot.host, dovecot.port, timeout=5)
    dovecot.start()
    assert dovecot.messages(user) == [MAIL]
