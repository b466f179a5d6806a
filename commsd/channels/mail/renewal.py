"""Duty: the access token of an account is renewed before it ends, also while nobody logs in.

A live IDLE outlasts its token, the next login does not (mail.md I10): so a grant that was withdrawn is noticed within
the hour, and not in the night in which the connection breaks.
"""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from commsd.channels.mail.oauth import Grant
from commsd.errors import CommsdError
from commsd.telemetry import Metrics
from commsd.world import World

log = structlog.get_logger()

LOOK = 60.0
SOON = timedelta(days=7)
AGAIN = timedelta(days=1)


class Renewal:
    """Keep one grant fresh. mailboxes: the names of those that use it."""

    def __init__(self, mailboxes: Sequence[str], grant: Grant, metrics: Metrics, world: World) -> None:
        self.name = f"mail.token.{mailboxes[0]}"
        self._mailboxes, self._grant, self._metrics, self._world = mailboxes, grant, metrics, world
        self._said_until = world.now()

    async def run(self) -> None:
        while True:
            await self.once()
            await self._world.sleep(LOOK)

    async def once(self) -> bool:
        """Ask for a token, which asks the provider only when the last one is about to end."""
        try:
            await self._grant.token()
        except CommsdError:
            await self._tell()
            raise
        await self._tell()
        return False

    async def _tell(self) -> None:
        """When nobody can log in any more: where the provider tells it, or since when it is so."""
        kept, now = await self._grant.kept(), self._world.now()
        if kept is None:
            return
        dies = (kept.refreshed_at or now) if kept.failed else kept.refresh_expires_at
        if dies is None:
            return
        for mailbox in self._mailboxes:
            self._metrics.token_expires.labels(channel=mailbox).set(dies.timestamp())
        if now < dies < now + SOON and now >= self._said_until:
            self._said_until = now + AGAIN
            log.warning("oauth.expiring", mailbox=self._mailboxes[0], until=dies.isoformat())
