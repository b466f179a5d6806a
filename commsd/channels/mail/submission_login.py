"""Logging in to a submission server: the methods, in the order we prefer them. RFC 4954."""

import aiosmtplib


async def log_in(client: aiosmtplib.SMTP, username: str, password: str) -> None:
    """With the first method both know: trying all three with a wrong password soon locks the account."""
    for method, present in (
        ("plain", client.auth_plain),
        ("login", client.auth_login),
        ("cram-md5", client.auth_crammd5),
    ):
        if method in client.server_auth_methods:
            await present(username, password)
            return
    raise aiosmtplib.SMTPException("the server offers no way to log in with a password")
