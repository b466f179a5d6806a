"""The accounts at mail servers: how each is reached and logged in to, from what the configuration says of it.

Mailboxes that log in with one refresh token share its Grant, so that it is spent once.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field

from commsd.channels.mail import imap, submission
from commsd.channels.mail.access import Access
from commsd.channels.mail.account import Mailbox, OAuth, Server
from commsd.channels.mail.oauth import Grant
from commsd.store.claims import Claims
from commsd.store.tokens import Tokens
from commsd.world import World

DEADLINE = 30.0
"""Seconds for one command, a megabyte over a slow line included."""


@dataclass(slots=True)
class Accounts:
    """Gives the ways in."""

    tokens: Tokens
    claims: Claims
    world: World
    _grants: dict[tuple[OAuth, str], Grant] = field(default_factory=dict)
    _users: dict[tuple[OAuth, str], list[str]] = field(default_factory=dict)

    def imap(self, mailbox: Mailbox) -> Access:
        """The way into its IMAP account; the password is read anew each time, so that a rotated one is seen."""
        server = mailbox.imap
        endpoint = imap.Endpoint(server.host, server.port, server.tls.value, str(server.ca) if server.ca else None)
        username = server.username or mailbox.address
        return Access(
            endpoint,
            username,
            self.world,
            password=lambda: password_of(server),
            grant=self.grant(mailbox, username, server.oauth) if server.oauth else None,
            deadline=DEADLINE,
        )

    def smtp(self, mailbox: Mailbox, server: Server) -> submission.Server:
        """Its submission server; the password is read anew for each connection."""
        username = server.username or mailbox.address
        grant = self.grant(mailbox, username, server.oauth) if server.oauth else None
        return submission.Server(
            host=server.host,
            port=server.port,
            tls=server.tls.value,
            username=username if server.password or grant else None,
            password=lambda: password_of(server),
            token=grant.token if grant else None,
            account=(lambda: grant.account) if grant else None,
            ca=str(server.ca) if server.ca else None,
        )

    def grant(self, mailbox: Mailbox, username: str, oauth: OAuth) -> Grant:
        """The one Grant of this account."""
        key = oauth, username
        users = self._users.setdefault(key, [])
        if mailbox.name not in users:
            users.append(mailbox.name)
        if key not in self._grants:
            self._grants[key] = Grant(mailbox.name, username, oauth, self.tokens, self.claims, self.world)
        return self._grants[key]

    def grants_with_mailboxes(self) -> Iterator[tuple[Grant, tuple[str, ...]]]:
        """Every Grant given so far, with the names of the mailboxes that use it."""
        for key, grant in self._grants.items():
            yield grant, tuple(self._users[key])


def password_of(server: Server) -> str:
    """The password as it is now, "" without one. Raises ConfigError."""
    return server.password.read().reveal() if server.password else ""
