"""Duty: each mailbox that can send and is read writes to itself now and then; the watchman sees whether it comes round.

Off unless `[alarms] heartbeat` says how often. What the mail is and how it is known again, is `beat`.
"""

from collections.abc import Mapping
from datetime import timedelta
from functools import partial

from commsd.channels.mail.account import Mailbox, MailboxRole
from commsd.channels.mail.beat import heartbeat
from commsd.core.change import Change, Fence
from commsd.core.interaction import DeliveryState
from commsd.core.open_items import OpenItems
from commsd.errors import LeaseLost
from commsd.store import channel_states
from commsd.store.channel_states import Beat
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.world import World

TICK = 15.0
LEASE = timedelta(seconds=60)
AT_ONCE = 20
"""So many leave in one turn: hundreds of mailboxes are spread over minutes, and stay so."""

KEPT = timedelta(days=7)
_ON_THE_WAY = frozenset({DeliveryState.QUEUED, DeliveryState.SENDING, DeliveryState.UNKNOWN})


class Heartbeat:
    """Write to ourselves."""

    name = "mail.heartbeat"

    def __init__(
        self,
        mailboxes: Mapping[str, Mailbox],
        every: timedelta,
        key: bytes,
        log: Log,
        claims: Claims,
        world: World,
    ) -> None:
        """every: how often each mailbox does."""
        self._addresses = {name: box.address for name, box in mailboxes.items() if beats(box)}
        self._every, self._key = every, key
        self._log, self._claims, self._world = log, claims, world

    async def run(self) -> None:
        while True:
            await self.once()
            await self._world.sleep(TICK)

    async def once(self) -> bool:
        """Send the heartbeats that are due; says whether any was."""
        now = self._world.now()
        last = await self._log.read(partial(channel_states.beats, vias=tuple(self._addresses), since=now - KEPT))
        due = [name for name in self._addresses if self._is_due(last.get(name))][:AT_ONCE]
        fence = await self._claims.lease(self.name, LEASE) if due else None
        if fence is None:
            return False
        try:
            await self._log.decide((), partial(self._sent, due, fence))
        except LeaseLost:
            return False
        await self._log.writer.write(partial(channel_states.forget_beats, vias=due, before=now - KEPT))
        return True

    def _is_due(self, last: Beat | None) -> bool:
        """One at a time: where the mail server is away, they do not pile up."""
        if last is None:
            return True
        return self._world.now() - last.newest >= self._every and last.state not in _ON_THE_WAY

    def _sent(self, names: list[str], fence: Fence, items: OpenItems) -> Change:
        owed = (heartbeat(items.new_id(), name, self._addresses[name], self._key, items.now) for name in names)
        return Change(deliveries=tuple(owed), fence=fence)


def beats(box: Mailbox) -> bool:
    """Whether a mailbox can write to itself: it sends, and what comes to it is read."""
    return box.smtp is not None and box.role is MailboxRole.INBOX
