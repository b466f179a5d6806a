"""The bytes of large mails, fetched after they are decided: whoever wrote one does not wait for 50 MB to be copied.

What is owed is written with the decision, so that a crash forgets none.
"""

from collections.abc import AsyncIterator, Awaitable, Callable

import structlog

from commsd.channels.mail.session import Session
from commsd.core.change import OwedOriginal
from commsd.errors import NotFound
from commsd.store.log import Log
from commsd.store.originals import keep_original, owed_originals, settle_original
from commsd.world import World

log = structlog.get_logger()

RFC822 = "message/rfc822"


class LateOriginals:
    """Those of one folder, over the session in which it is open."""

    def __init__(self, name: str, place: str, log: Log, world: World) -> None:
        self._name, self._place, self._log, self._world = name, place, log, world

    async def fetch(self, session: Session, uidvalidity: int, meanwhile: Callable[[], Awaitable[object]]) -> None:
        """Keep all that is owed. meanwhile: called between two parts, for what comes in comes first."""
        for owed in await owed_originals(self._log, self._place):
            if owed.uidvalidity != uidvalidity:
                await self._give_up(owed)
                continue
            try:
                parts = self._parts(session, owed.uid, meanwhile)
                stored = await keep_original(self._log, self._world, parts, RFC822)
            except NotFound:
                await self._give_up(owed)
                continue
            await settle_original(self._log, owed, stored)

    async def _parts(
        self, session: Session, uid: int, meanwhile: Callable[[], Awaitable[object]]
    ) -> AsyncIterator[bytes]:
        async for part in session.whole(uid):
            yield part
            await meanwhile()

    async def _give_up(self, owed: OwedOriginal) -> None:
        log.warning("original.gone", duty=self._name, interaction=owed.interaction_id)
        await settle_original(self._log, owed, None)
