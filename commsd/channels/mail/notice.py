"""A notice to one of our own people as a mail. Pure; a one-word reply becomes a result with a later release."""

from commsd.channels.mail.outgoing import date_field, mail_bytes, mailbox, unstructured
from commsd.core.token import sign
from commsd.sla.notice import Notice

PURPOSE = "notice-id"


def as_mail(notice: Notice, *, sender: str, firm_name: str, key: bytes) -> bytes:
    """The bytes of the notice. Marked as automatic, so that nobody's out-of-office answers it. RFC 3834 section 5."""
    domain = sender.rpartition("@")[2]
    fields = (
        ("From", mailbox(sender, f"commsd at {firm_name}")),
        ("To", notice.recipient),
        ("Subject", unstructured(notice.subject, after=9)),
        ("Date", date_field(notice.at)),
        ("Message-ID", f"<note1.{sign(key, PURPOSE, notice.key[-60:])}@{domain}>"),
        ("Auto-Submitted", "auto-generated"),
        ("X-Auto-Response-Suppress", "All"),
    )
    return mail_bytes(fields, notice.text)
