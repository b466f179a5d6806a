"""The submission server of the tests is one."""

import smtplib
import ssl

import pytest

from tests.neighbours.dovecot import trusting
from tests.neighbours.postfix import Postfix


def test_it_offers_auth_only_under_tls(postfix: Postfix) -> None:
    with smtplib.SMTP(postfix.host, postfix.port, timeout=10) as session:
        session.ehlo()
        assert not session.has_extn("auth")
        session.starttls(context=trusting(postfix.ca))
        session.ehlo()
        assert session.has_extn("auth")
        with pytest.raises(smtplib.SMTPAuthenticationError):
            session.login("support@commsd.test", "wrong")


def test_it_is_back_on_its_ports_after_a_kill(postfix: Postfix) -> None:
    postfix.kill()
    with pytest.raises(OSError, match=r"refused|reset"):
        smtplib.SMTP(postfix.host, postfix.port, timeout=10)
    postfix.start()
    with smtplib.SMTP(postfix.host, postfix.port, timeout=10) as session:
        assert session.noop()[0] == 250


def test_a_stranger_to_its_certificate_is_not_spoken_to(postfix: Postfix) -> None:
    with smtplib.SMTP(postfix.host, postfix.port, timeout=10) as session, pytest.raises(ssl.SSLError):
        session.starttls(context=ssl.create_default_context())
