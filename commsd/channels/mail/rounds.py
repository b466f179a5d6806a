"""Duty: the other folders of an account, looked at in turn over one connection; the INBOX has the other one.

Providers count connections (Gmail allows about 15, Microsoft throttles): two an account, whatever is watched. mail.md
I1. A folder that fails does not stop the others.
"""

from collections.abc import Sequence
from datetime import timedelta

import structlog

from commsd.channels.mail.lookout import Lookout
from commsd.channels.mail.second_line import SecondLine
from commsd.channels.mail.session import Session
from commsd.channels.mail.watch import Watch
from commsd.errors import CommsdError, LeaseLost, StoreAway
from commsd.world import World

log = structlog.get_logger()

LONGEST_PAUSE = 45.0
"""A lease is renewed in its second half."""


class Rounds:
    """Look at each folder once a round."""

    def __init__(
        self, mailbox: str, watches: Sequence[Watch | Lookout], line: SecondLine, every: timedelta, world: World
    ) -> None:
        self.name = f"mail.rounds.{mailbox}"
        self.working = False
        self._watches, self._line, self._world = watches, line, world
        self._pause = min(every.total_seconds(), LONGEST_PAUSE)
        self._said: dict[str, str] = {}

    async def run(self) -> None:
        try:
            while True:
                await self.once()
                if not self.working:
                    log.info("mailbox.watched", duty=self.name, idle=False)
                self.working = True
                await self._world.sleep(self._pause)
        finally:
            self._line.abort()

    async def once(self) -> bool:
        """One round; says whether anything was new."""
        try:
            found = False
            for watch in self._watches:
                async with self._line.session() as session:
                    found = await self._look(watch, session) or found
            return found
        except CommsdError as error:
            for watch in self._watches:
                watch.fail(error)
            raise

    async def _look(self, watch: Watch | Lookout, session: Session) -> bool:
        try:
            found = await watch.look(session)
        except CommsdError as error:
            if session.closed or isinstance(error, StoreAway):
                raise
            watch.fail(error)
            self._say(watch.name, error)
            return False
        if self._said.pop(watch.name, None):
            log.info("folder.recovered", duty=watch.name)
        return found

    def _say(self, name: str, error: CommsdError) -> None:
        """Once per kind of failure, not each round."""
        kind = type(error).__name__
        if self._said.get(name) != kind and not isinstance(error, LeaseLost):
            log.warning("folder.failed", duty=name, error=kind, what=error.what, remedy=error.remedy)
        self._said[name] = kind
