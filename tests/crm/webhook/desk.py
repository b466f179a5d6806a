"""A store with a feed, the duty that posts, and a receiver that answers as a test says."""

import json
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from commsd.core import key
from commsd.core.change import change_of
from commsd.core.firm import Firm
from commsd.core.interaction import MESSAGE_ID, ExternalId
from commsd.crm.sequencer import Head, Sequencer
from commsd.crm.webhook.actions import Webhooks
from commsd.crm.webhook.duty import Posting
from commsd.egress.target import Exits
from commsd.sla.notice.post import Post as Notices
from commsd.store.claims import Claims
from commsd.store.log import Log
from commsd.store.webhooks import Post
from commsd.telemetry import Metrics
from tests.crm.serving import KEY, mail_from
from tests.house import TERMS
from tests.world import ScriptedWorld

HERE = Exits(networks=("127.0.0.0/8",), timeout=timedelta(seconds=3))
FIRM = Firm(name="Example Ltd", timezone="Europe/Berlin")
ONLY = ("interaction.recorded",)
NOTICES = Notices(via="support", render=lambda notice: notice.text.encode(), fallback=("us@example.com",))


@dataclass
class Desk:
    """What a test works with."""

    log: Log
    world: ScriptedWorld
    head: Head = field(default_factory=Head)
    metrics: Metrics = field(default_factory=Metrics)
    exits: Exits = HERE
    number: int = 0

    @property
    def hooks(self) -> Webhooks:
        return Webhooks(log=self.log, world=self.world.world, key=KEY, exits=self.exits)

    def duty(self, node: str = "node/1") -> Posting:
        return Posting(
            self.log,
            Claims(self.log, self.world.world, node),
            self.world.world,
            self.metrics,
            head=self.head,
            exits=self.exits,
            key=KEY,
            firm=FIRM,
            notices=NOTICES,
        )

    async def wrote(self, address: str = "jane@example.org", subject: str = "Delivery", **more: Any) -> None:
        """A customer wrote; the feed tells of it, in one event of ONLY among others."""
        self.number += 1
        ids = (ExternalId(MESSAGE_ID, f"{self.number}@mail.example"),)
        fact = mail_from(address, subject, "Jane Doe", preview=f"message {self.number}", external_ids=ids, **more)
        await self.log.decide(key.of_addresses(address), lambda items: change_of(fact(items), items, TERMS))

    async def numbered(self) -> None:
        """Every event has its number."""
        sequencer = Sequencer(self.log, Claims(self.log, self.world.world, "node/1"), self.world.world, self.head)
        while await sequencer.once():
            pass

    async def posts(self, name: str = "crm") -> tuple[Post, ...]:
        """What is and was owed, the oldest event first."""
        return tuple(reversed(await self.hooks.deliveries(name, limit=1000)))

    async def settled(self, duty: Posting | None = None) -> None:
        """Everything that is due now is posted."""
        duty = duty or self.duty()
        while await duty.once():
            pass


def said(body: bytes) -> dict[str, Any]:
    """The event in a body."""
    told: dict[str, Any] = json.loads(body)
    return told
