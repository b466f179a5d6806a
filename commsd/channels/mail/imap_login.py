"""Logging in to an IMAP server with what is at hand, told apart from a server that only wants us to come again."""

from collections.abc import Awaitable
from dataclasses import dataclass, field
from typing import Protocol

from commsd.channels.mail import sasl, wire
from commsd.channels.mail.session import Answer, Link, demand
from commsd.errors import CommsdError


class LoginRefused(CommsdError):
    """The server does not take this name and secret. Trying again at once can only lock the account."""

    exit_code = 78


TOKEN_REFUSED = "check that username is the account that consented, and that it may use IMAP at all"


@dataclass(frozen=True, slots=True)
class Credentials:
    """A name with its password or its access token; none of them shows when this is printed."""

    username: str = field(repr=False)
    password: str = field(default="", repr=False)
    token: str = field(default="", repr=False)


class Door(Link, Protocol):
    """A connection nobody is logged in to yet."""

    def authenticate(self, method: sasl.Method) -> Awaitable[Answer]:
        """AUTHENTICATE, its challenges answered, to the server's tagged word. Raises Unreachable."""


async def log_in(door: Door, credentials: Credentials, host: str, port: int) -> None:
    """Done when the server lets us in. Raises LoginRefused, TryAgain (not now), Unreachable."""
    offered = {word.removeprefix("AUTH=") for word in door.capabilities if word.startswith("AUTH=")}
    where = f"IMAP server {host}:{port}"
    if credentials.token:
        method = sasl.by_token(offered, credentials.username, credentials.token, host, port)
        if method is None:
            raise LoginRefused(
                f"{where} takes no access tokens", remedy="write password = … instead of auth, if that server has one"
            )
        return _judge(await door.authenticate(method), door, where, TOKEN_REFUSED)
    method = sasl.by_password(offered, credentials.username, credentials.password)
    plain = "LOGINDISABLED" not in door.capabilities
    if method and not (plain and (credentials.username + credentials.password).isascii()):
        return _judge(await door.authenticate(method), door, where)
    if not plain:
        raise LoginRefused(
            f"{where} takes no password on this connection",
            remedy='write tls = "implicit" or tls = "starttls"; where it is so already, auth = { oauth = … }',
        )
    try:
        words = wire.quoted(credentials.username), wire.quoted(credentials.password)
    except wire.Malformed as error:
        raise LoginRefused("this password holds a line end", remedy="store it without one") from error
    return _judge(await door.run("LOGIN", *words), door, where)


_WORDS = (
    (
        ("5.7.30", "5.7.139", "basic authentication"),
        'Microsoft takes no passwords here any more: write auth = { oauth = "microsoft", … } instead',
    ),
    (
        ("application-specific", "app password", "5.7.9", "web login required"),
        'Google wants an app password in place of the usual one, or auth = { oauth = "google", … }',
    ),
    (("5.7.57", "5.7.3 ", "smtpclientauthentication is disabled"), "let the administrator allow SMTP AUTH for it"),
    (
        ("no way to log in with a password",),
        'let it use the port that takes logins (465 or 587), or write username = "" where it wants none',
    ),
)
_USUAL = "check username and password; Gmail wants an app password or OAuth, Microsoft 365 OAuth alone"


def remedy_of(said: str) -> str:
    """What to do about a server's words that refuse a login. mail.md I11."""
    low = said.lower()
    return next((remedy for words, remedy in _WORDS if any(word in low for word in words)), _USUAL)


def _judge(answer: Answer, door: Link, where: str, remedy: str = "") -> None:
    if answer.result != "OK" and not answer.not_now:
        said = wire.words(answer.text)
        raise LoginRefused(f"{where} refuses the login: {said}", remedy=remedy or remedy_of(said))
    demand(answer, "the login", door)
