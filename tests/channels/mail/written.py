"""Mails to test with: a person's ordinary one, with only that changed which the test is about."""

from datetime import UTC, datetime

from commsd.channels.mail.message import Message, decode

ARRIVED = datetime(2026, 3, 10, 9, 17, tzinfo=UTC)
BODY = "Hello, the parcel with order 2041 has not arrived. Could you please look into it?\n"


def mail(*extra: str, body: str | bytes = BODY, without: tuple[str, ...] = (), **changed: str) -> bytes:
    """A mail from Jane to support. Fields by keyword (subject="…", from_="…"), further lines as text."""
    fields = {
        "Return-Path": "<jane@customer.test>",
        "Received": "from mx.customer.test by mail.commsd.test; Tue, 10 Mar 2026 10:17:00 +0100",
        "From": "Jane Clarke <jane@customer.test>",
        "To": "support@commsd.test",
        "Subject": "Delivery of order 2041",
        "Date": "Tue, 10 Mar 2026 10:16:58 +0100",
        "Message-ID": "<2041@customer.test>",
        "MIME-Version": "1.0",
        "Content-Type": "text/plain; charset=utf-8",
    }
    names = {name.replace("-", "_").lower(): name for name in fields}
    for key, value in changed.items():
        fields[names.get(key.rstrip("_"), key.rstrip("_").replace("_", "-").title())] = value
    lines = [f"{name}: {value}" for name, value in fields.items() if name not in without]
    head = "\r\n".join([*lines, *extra, "", ""]).encode()
    return head + (body.encode() if isinstance(body, str) else body)


def message(*extra: str, body: str | bytes = BODY, without: tuple[str, ...] = (), **changed: str) -> Message:
    """The same, decoded."""
    return decode(mail(*extra, body=body, without=without, **changed), folder_date=ARRIVED)


def multipart(*parts: str, kind: str = "mixed") -> tuple[str, str]:
    """Content-Type value and body of a multipart of these parts (each with its own header)."""
    body = "".join(f"--b1\r\n{part}\r\n" for part in parts) + "--b1--\r\n"
    return f'multipart/{kind}; boundary="b1"', body
