"""The way into one account, shared by all that use it: its secret as it is now, and patience after a refusal.

A wrong password tried again and again locks the account, whoever tries: mail.md I16. What is said to the server stands
in `imap_login` and `smtp_login`; tokens come from `oauth`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta

from commsd.channels.mail import imap
from commsd.channels.mail.echo import mark_of
from commsd.channels.mail.imap_login import Credentials, LoginRefused
from commsd.channels.mail.oauth import Grant
from commsd.channels.mail.session import Session
from commsd.world import World

PAUSES = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))


class LoginPause:
    """After the first refusal a minute, then 5, 15 and 60; another secret may be tried at once."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._tries = 0
        self._until = 0.0  # by a clock that nobody sets
        self._secret = ""
        self._said: LoginRefused | None = None

    def check(self, secret: str) -> None:
        """Raises LoginRefused, as it was said, while this secret is not to be tried."""
        if self._said and self._world.elapsed() < self._until and self._secret == mark_of(secret):
            raise self._said

    def refused(self, secret: str, said: LoginRefused) -> None:
        """The server did not take this secret."""
        again = self._secret == mark_of(secret)
        self._tries = self._tries + 1 if again else 1
        self._secret, self._said = mark_of(secret), said
        self._until = self._world.elapsed() + PAUSES[min(self._tries, len(PAUSES)) - 1].total_seconds()

    def accepted(self) -> None:
        """The server let us in."""
        self._tries, self._until, self._said, self._secret = 0, 0.0, None, ""


class Access:
    """Opens sessions of one IMAP account, one at a time.

    password: read anew each time, so that a rotated one is seen. grant: gives tokens instead.
    """

    def __init__(
        self,
        endpoint: imap.Endpoint,
        username: str,
        world: World,
        *,
        password: Callable[[], str] = str,
        grant: Grant | None = None,
        deadline: float = 10.0,
    ) -> None:
        self._endpoint, self._username, self._deadline = endpoint, username, deadline
        self._password, self._grant = password, grant
        self._pause = LoginPause(world)
        self._one_at_a_time = asyncio.Lock()

    async def connect(self) -> Session:
        """A session that is logged in. Raises as `imap.connect` does; a refusal is raised again while we wait."""
        async with self._one_at_a_time:
            secret = self._grant.account if self._grant else self._password()
            self._pause.check(secret)
            try:
                session = await (self._by_token(self._grant) if self._grant else self._by_password(secret))
            except LoginRefused as refused:
                self._pause.refused(secret, refused)
                raise
            self._pause.accepted()
            return session

    def _by_password(self, secret: str) -> Awaitable[Session]:
        return imap.connect(self._endpoint, Credentials(self._username, secret), deadline=self._deadline)

    async def _by_token(self, grant: Grant) -> Session:
        """With another token once, should the server refuse the first: it may have been withdrawn. mail.md I10."""
        token = await grant.token()
        try:
            return await self._presented(token)
        except LoginRefused:
            fresh = await grant.token(instead_of=token)
            if fresh == token:
                raise
            return await self._presented(fresh)

    def _presented(self, token: str) -> Awaitable[Session]:
        return imap.connect(self._endpoint, Credentials(self._username, token=token), deadline=self._deadline)
