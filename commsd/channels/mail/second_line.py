"""The second connection of an account: for all but waiting in the INBOX, one user at a time, kept open between them."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from commsd.channels.mail.session import Session


class SecondLine:
    """Lends its session out. It is opened when somebody wants it, and anew when it broke."""

    def __init__(self, connect: Callable[[], Awaitable[Session]]) -> None:
        self._connect = connect
        self._in_use = asyncio.Lock()
        self._session: Session | None = None

    @asynccontextmanager
    async def session(self) -> AsyncIterator[Session]:
        """The session, with whatever folder the last user left open. Raises as the connecting does."""
        async with self._in_use:
            if self._session is None or self._session.closed:
                self._session = await self._connect()
            yield self._session

    def abort(self) -> None:
        """Closed at once; the next user opens it anew."""
        if self._session is not None:
            self._session.abort()
