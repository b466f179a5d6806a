"""Logging in to a submission server: the methods, in the order we prefer them. RFC 4954."""

from typing import Protocol

import aiosmtplib

from commsd.channels.mail import sasl
from commsd.channels.mail.echo import Echo
from commsd.errors import CommsdError, Unreachable


class TokenSource(Protocol):
    """Gives access tokens, another one than that which a server has refused."""

    async def __call__(self, *, instead_of: str = "") -> str: ...


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


async def log_in_by_token(client: aiosmtplib.SMTP, username: str, token_of: TokenSource, host: str, port: int) -> None:
    """With an access token, and once with another where the server refuses the first. Raises as `log_in` does."""
    try:
        token = fresh = await token_of()
        code, said = await _presented(client, username, token, host, port)
        if code == _REFUSED and (fresh := await token_of(instead_of=token)) != token:
            code, said = await _presented(client, username, fresh, host, port)
    except Unreachable as error:
        raise aiosmtplib.SMTPException(error.what) from error
    except CommsdError as error:  # the provider's word on our account is as good as the server's
        raise aiosmtplib.SMTPAuthenticationError(_REFUSED, error.what) from error
    if code != _LET_IN:
        raise aiosmtplib.SMTPAuthenticationError(code, Echo(username, token, fresh).out_of(said))


_LET_IN, _GO_ON, _REFUSED = 235, 334, 535


async def _presented(client: aiosmtplib.SMTP, username: str, token: str, host: str, port: int) -> tuple[int, str]:
    offered = {method.upper() for method in client.server_auth_methods}
    method = sasl.by_token(offered, username, token, host, port)
    if method is None:
        raise aiosmtplib.SMTPException("the server offers no way to log in with an access token")
    code, said = await client.execute_command(b"AUTH", method.name.encode(), method.first.encode())
    if code == _GO_ON:  # the reason of a refusal, which has to be answered before the server says it
        code, said = await client.execute_command(method.last.encode())
    return code, said
