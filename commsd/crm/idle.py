"""Duty: people of whom nobody heard for `[retention] contacts_idle` are erased, as if somebody had asked for it.

Nobody is whom something is owed to, whose case is open, or whom another system knows too: it says how long it needs
them. What others wrote about them stays others'.
"""

from datetime import datetime, timedelta
from functools import partial

import structlog
from sqlalchemy import Connection

from commsd.core.entry import Hand
from commsd.crm.erasure import erase
from commsd.errors import Refused, TryAgain
from commsd.sla.rules.in_force import Rules
from commsd.store import belongings as store
from commsd.store.claims import Claims
from commsd.store.last_traces import let_go_of_traces
from commsd.store.log import Log
from commsd.store.merged import family_of
from commsd.world import World

log = structlog.get_logger()

EVERY = 3600.0
LEASE = timedelta(minutes=10)
AT_ONCE = 20
MACHINE = Hand(by="machine")


class Idle:
    """Erase people of whom nobody heard. after: how long."""

    name = "crm.idle"

    def __init__(self, log: Log, claims: Claims, rules: Rules, world: World, after: timedelta) -> None:
        self._log, self._claims, self._rules, self._world, self._idle = log, claims, rules, world, after
        self._place = ""

    async def run(self) -> None:
        while True:
            while await self.once():
                pass
            await self._world.sleep(EVERY)

    async def once(self) -> bool:
        """A few people; says whether there may be more."""
        if await self._claims.lease(self.name, LEASE) is None:
            return False
        since, place = self._world.now() - self._idle, self._place
        found = await self._log.read(lambda c: store.idle(c, since, place, AT_ONCE))
        erased = 0
        for each in found:
            if not await self._log.read(partial(_heard_of, contact_id=each, since=since)):
                erased += await self._erase(each)
        if erased:
            await let_go_of_traces(self._log.engine.tidy, self._world)
        self._place = found[-1] if found else ""
        return bool(found)

    async def _erase(self, contact_id: str) -> bool:
        try:
            await erase(self._log, contact_id, MACHINE, self._rules.terms, look_elsewhere=False)
        except (Refused, TryAgain):
            log.info("contact.kept", contact=contact_id)
            return False
        return True


def _heard_of(connection: Connection, contact_id: str, since: datetime) -> bool:
    return store.heard_of(connection, family_of(connection, contact_id), since)
